//! Whether the store is up to date with a value that it saves.

/// Whether the store has the latest of a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum SaveState {
    /// The store has it, or was never asked to save it.
    #[default]
    Clean,
    /// The store is writing it.
    Saving,
    /// The store is writing an older one, and is asked again after that.
    Dirty,
}
