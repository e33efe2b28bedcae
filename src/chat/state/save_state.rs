//! Whether something that the store keeps has been saved.

/// How far what is kept of an always-on user is behind how they stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Kept {
    /// It is what it should be, or will be once the store has answered.
    #[default]
    Now,
    /// The store is writing, and will be asked again after that.
    Behind,
    /// The store is writing.
    Writing,
}
