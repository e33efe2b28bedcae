//! A multiline message while its lines arrive. IRCv3 draft/multiline.

use crate::chat::Limits;
use crate::chat::state::message::Kind;
use crate::wire::irc::Message;

/// A multiline message whose batch is still open.
pub struct OpenBatch {
    pub reference: Box<str>,
    pub target: Box<str>,
    /// Set by its first line.
    pub kind: Option<Kind>,
    pub client_tags: Box<str>,
    /// The label of the BATCH command that opened it.
    pub label: Option<String>,
    pub lines: Vec<BatchLine>,
    pub bytes: usize,
    /// An error was sent; the remaining lines are read and ignored.
    pub failed: bool,
}

pub(crate) struct BatchLine {
    pub text: Box<str>,
    /// It continues the previous line without a break.
    pub concat: bool,
}

/// Why a line can't be part of a batch, as `FAIL BATCH` reports it. IRCv3 multiline, "Errors".
pub(crate) struct BatchFault {
    pub code: &'static str,
    pub context: Vec<String>,
    pub text: &'static str,
}

impl OpenBatch {
    /// Adds one line.
    pub(crate) fn add(&mut self, message: &Message, limits: &Limits) -> Result<(), BatchFault> {
        let fault = |code, context, text| Err(BatchFault { code, context, text });
        let invalid = |text| fault("MULTILINE_INVALID", vec![], text);
        let kind = match &*message.command.to_ascii_uppercase() {
            "PRIVMSG" => Some(Kind::Privmsg),
            "NOTICE" => Some(Kind::Notice),
            _ => None,
        };
        let target = message.params.first().copied().unwrap_or_default();
        let text = message.params.get(1).copied().unwrap_or_default();
        let concat = message.tags.get("draft/multiline-concat").is_some();
        let line_feed = usize::from(!concat && !self.lines.is_empty());
        let bytes = self.bytes + text.len() + line_feed;
        if message.tags.get("batch") != Some(&*self.reference) {
            return invalid("That batch is not open");
        }
        if kind.is_none() || self.kind.is_some_and(|first| Some(first) != kind) {
            return invalid("Only messages of one kind can be in it");
        }
        if *target != *self.target {
            let context = vec![self.target.to_string(), target.to_owned()];
            return fault("MULTILINE_INVALID_TARGET", context, "Invalid multiline target");
        }
        if concat && text.is_empty() {
            return invalid("A line that goes on can't be empty");
        }
        if self.lines.len() == limits.multiline_lines_max {
            let max = limits.multiline_lines_max.to_string();
            return fault("MULTILINE_MAX_LINES", vec![max], "Too many lines");
        }
        if bytes > limits.multiline_bytes_max {
            let max = limits.multiline_bytes_max.to_string();
            return fault("MULTILINE_MAX_BYTES", vec![max], "Too many bytes");
        }
        (self.kind, self.bytes) = (kind, bytes);
        self.lines.push(BatchLine { text: text.into(), concat });
        Ok(())
    }
}
