//! Newcomers whom the loop turns away, told to operators together: in an attack there are thousands.

use crate::chat::Chat;
use crate::chat::reply::Sink;
use crate::net::Refusal;

/// Those of whom operators have not been told yet.
#[derive(Default)]
pub(crate) struct Refusals {
    /// By the index of [`Refusal::ALL`].
    counts: [u64; Refusal::ALL.len()],
    /// The uptime at which operators are told again at the earliest.
    due_ms: u64,
}

/// Operators are told of the first, and then not more often than this, with the next one who comes.
const EVERY_MS: u64 = 60_000;

impl Chat {
    /// The loop has turned one away.
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
