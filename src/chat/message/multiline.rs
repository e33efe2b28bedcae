//! BATCH from clients: multiline messages. IRCv3 client-batch and multiline.

use crate::chat::command::Command;
use crate::chat::message::client_tags::client_only;
use crate::chat::reply::Sink;
use crate::chat::reply::numeric::*;
use crate::chat::state::caps::Cap;
use crate::chat::state::message::{Said, Speaker, Words};
use crate::chat::state::open_batch::OpenBatch;
use crate::chat::{Caller, Chat};
use crate::net::ConnId;
use crate::wire::irc::Message;

pub(crate) const BATCH: Command = Command::user("BATCH", 1, Chat::batch).help(
    "BATCH +reference draft/multiline target, then BATCH -reference",
    &["Makes one message of the lines between. For clients: IRCv3 multiline."],
);

/// The longest reference of a batch.
const REFERENCE_MAX: usize = 64;

impl Chat {
    /// `BATCH +reference draft/multiline target`, or `BATCH -reference`.
    pub(crate) fn batch(&mut self, sink: &mut Sink, by: Caller, message: &Message) {
        let (sign, reference) = message.params[0].split_at(message.params[0].ceil_char_boundary(1));
        match sign {
            "+" => self.open_batch(sink, by, message, reference),
            "-" => self.close_batch(sink, by, reference),
            _ => {
                let (context, text) = ([message.params[0]], "Write +name or -name");
                self.fail(sink, by.conn, "BATCH", "INVALID_REFTAG", &context, text);
            }
        }
    }

    fn open_batch(&mut self, sink: &mut Sink, by: Caller, message: &Message, reference: &str) {
        let fit = !reference.is_empty() && reference.len() <= REFERENCE_MAX;
        if !fit || reference.contains([' ', ';', ':', ',']) {
            let text = "This can't name a batch";
            return self.fail(sink, by.conn, "BATCH", "INVALID_REFTAG", &[reference], text);
        }
        let (Some(kind), Some(target)) = (message.params.get(1), message.params.get(2)) else {
            return self.numeric(sink, by.conn, ERR_NEEDMOREPARAMS, &["BATCH"]);
        };
        let known = *kind == "draft/multiline" && self.sessions[by.conn].caps.has(Cap::Multiline);
        let before = self.sessions[by.conn].more().batch.take();
        let before = before.filter(|before| !before.failed);
        // One at a time; a second one ends both, so that no half is ever sent.
        let failed = !known || before.is_some();
        if !known {
            let text = "There is no such kind of batch";
            self.fail(sink, by.conn, "BATCH", "UNKNOWN_TYPE", &[reference, kind], text);
        } else if failed {
            self.invalid(sink, by.conn, "A batch was open already");
        }
        if let Some(label) = before.and_then(|before| before.label) {
            self.answer_opening(sink, by.conn, Some(&label));
            self.invalid(sink, by.conn, "Another batch was opened");
        }
        let tagged = self.sessions[by.conn].caps.has(Cap::MessageTags);
        let batch = OpenBatch {
            reference: reference.into(),
            target: (*target).into(),
            kind: None,
            client_tags: if tagged { client_only(message.tags).into() } else { "".into() },
            label: if failed { None } else { sink.take_label() },
            lines: Vec::new(),
            bytes: 0,
            failed,
        };
        self.sessions[by.conn].more().batch = Some(batch);
    }

    /// Lets further replies answer the command that opened the batch, if that had a label.
    fn answer_opening(&mut self, sink: &mut Sink, conn: ConnId, label: Option<&str>) {
        let Some(label) = label else { return };
        sink.answer();
        let name = self.batch_reference();
        sink.hold(conn, label, &self.settings.server_name, name);
    }

    fn invalid(&self, sink: &mut Sink, conn: ConnId, text: &str) {
        self.fail(sink, conn, "BATCH", "MULTILINE_INVALID", &[], text);
    }

    /// Whether a line with the tag `batch` was taken as part of one.
    pub(crate) fn continues_batch(
        &mut self,
        sink: &mut Sink,
        conn: ConnId,
        message: &Message,
    ) -> bool {
        let more = self.sessions[conn].more.as_mut();
        let Some(batch) = more.and_then(|more| more.batch.as_mut()) else {
            // For a client without multiline the tag is an unknown one, and ignored.
            let unknown = self.sessions[conn].caps.has(Cap::Multiline);
            if unknown {
                self.invalid(sink, conn, "That batch is not open");
            }
            return unknown;
        };
        if batch.failed {
            return true;
        }
        let Err(fault) = batch.add(message, &self.settings.limits) else { return true };
        (batch.failed, batch.lines) = (true, Vec::new());
        let label = batch.label.take();
        self.answer_opening(sink, conn, label.as_deref());
        let context: Vec<&str> = fault.context.iter().map(String::as_str).collect();
        self.fail(sink, conn, "BATCH", fault.code, &context, fault.text);
        true
    }

    fn close_batch(&mut self, sink: &mut Sink, by: Caller, reference: &str) {
        let Some(batch) = self.sessions[by.conn].more().batch.take() else {
            return self.invalid(sink, by.conn, "No batch is open");
        };
        if batch.failed {
            return;
        }
        self.answer_opening(sink, by.conn, batch.label.as_deref());
        if *batch.reference != *reference {
            return self.invalid(sink, by.conn, "That batch is not open");
        }
        if batch.lines.iter().all(|line| line.text.is_empty()) {
            return self.invalid(sink, by.conn, "There is nothing in it");
        }
        self.say_batch(sink, by, &batch);
    }

    fn say_batch(&mut self, sink: &mut Sink, by: Caller, batch: &OpenBatch) {
        let kind = batch.kind.expect("its first line has set it");
        let texts: Vec<&str> = batch.lines.iter().map(|line| &*line.text).collect();
        let Some(target) = self.target(sink, by, kind, &batch.target, &texts) else { return };
        let lines: Vec<(&str, bool)> =
            batch.lines.iter().map(|line| (&*line.text, line.concat)).collect();
        let (speaker, words) = (Speaker::User(by), Words::Lines(&lines));
        let client_tags = &batch.client_tags;
        self.say_message(sink, &Said { speaker, kind, target, words, client_tags });
    }
}
