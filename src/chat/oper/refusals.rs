//! Connections refused by the loop, reported to operators together: in an attack there are
//! thousands.

use crate::chat::Chat;
use crate::chat::reply::Sink;
use crate::net::Refusal;

/// The refusals not yet reported to operators.
#[derive(Default)]
pub(crate) struct Refusals {
    /// The number of each reason, by the index in [`Refusal::ALL`].
    counts: [u64; Refusal::ALL.len()],
    /// The uptime of the next report at the earliest.
    due_ms: u64,
}

/// The first is reported at once; later ones not more often than this, together with the next.
const EVERY_MS: u64 = 60_000;

impl Chat {
    /// Counts a refusal by the loop, and reports if it is time.
    pub(crate) fn note_refusal(&mut self, sink: &mut Sink, why: Refusal) {
        let index = Refusal::ALL.iter().position(|each| *each == why).expect("each is listed");
        let now_ms = sink.now().uptime_ms;
        self.refusals.counts[index] += 1;
        if now_ms < self.refusals.due_ms {
            return;
        }
        self.refusals.due_ms = now_ms + EVERY_MS;
        let counts = std::mem::take(&mut self.refusals.counts);
        let told = Refusal::ALL.iter().zip(counts).filter(|(_, count)| *count > 0);
        let told: Vec<String> =
            told.map(|(why, count)| format!("{count} ({})", why.text())).collect();
        self.notice_operators(sink, 'r', &format!("Newcomers refused: {}", told.join(", ")));
    }
}
