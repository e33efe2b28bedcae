//! A piece of the bytes composed in one turn.

/// A span of this turn's arena. Worth nothing once the service that composed it has returned.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    pub(super) start: u32,
    pub(super) end: u32,
}

impl Span {
    pub(super) const EMPTY: Span = Span { start: 0, end: 0 };

    pub(super) fn len(self) -> usize {
        (self.end - self.start) as usize
    }

    pub(super) fn of(self, arena: &[u8]) -> &[u8] {
        &arena[self.start as usize..self.end as usize]
    }

    pub(super) fn joins(self, next: Span) -> bool {
        self.end == next.start
    }

    pub(super) fn append(&mut self, next: Span) {
        self.end = next.end;
    }
}
