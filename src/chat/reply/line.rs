//! One line, composed once for each form that its receivers' capabilities require.

use crate::chat::reply::Sink;
use crate::chat::state::caps::{Cap, Caps};
use crate::chat::state::sessions::Session;
use crate::net::Span;
use crate::wire::irc;
use crate::wire::irc::time::write_time;
use crate::wire::irc::{REST_MAX, tags};

/// One line, with the tags that its receivers may have requested.
pub struct Line<'a> {
    /// Nick or server, with user and host where it has them; empty for none.
    pub source: &'a str,
    /// Command or numeric.
    pub command: &'a str,
    /// Parameters before the text. The line is cut where it would be too long.
    pub params: &'a [&'a str],
    /// The last parameter of most commands: a text, or a list, written behind a colon even if it is
    /// one word.
    pub text: Option<&'a str>,
    /// Tags besides the time.
    pub tags: LineTags<'a>,
    forms: [Option<Span>; FORMS],
}

/// The tags of a line. Every line may also have the time.
#[derive(Clone, Copy, Default)]
pub struct LineTags<'a> {
    /// The sender's account, for `account-tag`.
    pub account: Option<&'a str>,
    /// The message id. It and the fields below are for `message-tags`, unless they say otherwise.
    pub msgid: Option<&'a str>,
    /// Whether the sender is a bot, IRCv3 bot-mode.
    pub bot: bool,
    /// Client-only tags, as their sender wrote them, without the `@`.
    pub client: &'a str,
    /// The relay that sent it, `draft/relaymsg`; that capability alone suffices.
    pub relayed_by: Option<&'a str>,
    /// The reference of its batch; sent to all.
    pub batch: Option<&'a str>,
    /// Whether it continues the line before without a break: `draft/multiline-concat`; sent to all.
    pub concat: bool,
    /// Whether its batch has the time already.
    pub timed: bool,
    /// When it was sent, in milliseconds since 1970; `None` for now.
    pub at_ms: Option<u64>,
}

const TIME: usize = 1;

const ACCOUNT: usize = 2;

const MESSAGE_TAGS: usize = 4;

const RELAYED: usize = 8;

const FORMS: usize = 16;

impl<'a> Line<'a> {
    /// A line without tags but its time.
    pub fn new(source: &'a str, command: &'a str, params: &'a [&'a str]) -> Line<'a> {
        let (text, tags) = (None, LineTags::default());
        Line { source, command, params, text, tags, forms: [None; FORMS] }
    }

    /// Returns the line with `text` as its last parameter, if there is one.
    pub fn text(self, text: impl Into<Option<&'a str>>) -> Line<'a> {
        Line { text: text.into(), ..self }
    }

    /// Returns the line with `tags`.
    pub fn tagged(self, tags: LineTags<'a>) -> Line<'a> {
        Line { tags, ..self }
    }

    /// Sends the line to one connection, in the form that its capabilities require.
    pub fn to(&mut self, sink: &mut Sink, session: &Session) {
        let form = self.form(session.caps);
        let span = match self.forms[form] {
            Some(span) => span,
            None => {
                let time_ms = self.tags.at_ms.unwrap_or(sink.out.now.unix_ms);
                *self.forms[form].insert(sink.out.compose(|arena| self.write(arena, form, time_ms)))
            }
        };
        sink.send(session.id, span);
    }

    /// The form for `caps`: one bit for each tag that the line has and the receiver may get.
    fn form(&self, caps: Caps) -> usize {
        let tags = &self.tags;
        let mut form = 0;
        if caps.has(Cap::ServerTime) && !tags.timed {
            form |= TIME;
        }
        if tags.account.is_some() && caps.has(Cap::AccountTag) {
            form |= ACCOUNT;
        }
        let any = tags.msgid.is_some() || tags.bot || !tags.client.is_empty();
        if any && caps.has(Cap::MessageTags) {
            form |= MESSAGE_TAGS;
        }
        if tags.relayed_by.is_some() && (caps.has(Cap::MessageTags) || caps.has(Cap::Relaymsg)) {
            form |= RELAYED;
        }
        form
    }

    fn write(&self, arena: &mut Vec<u8>, form: usize, time_ms: u64) {
        self.write_tags(arena, form, time_ms);
        let start = arena.len();
        let source = Some(self.source).filter(|source| !source.is_empty());
        match self.text {
            Some(text) => irc::write_with_text(arena, source, self.command, self.params, text),
            None => irc::write(arena, &[], source, self.command, self.params),
        }
        cut(arena, start + REST_MAX);
        arena.extend_from_slice(b"\r\n");
    }

    fn write_tags(&self, arena: &mut Vec<u8>, form: usize, time_ms: u64) {
        let mut before = b'@';
        let mut tag = |arena: &mut Vec<u8>, key: &str, value: &str| {
            arena.push(before);
            before = b';';
            arena.extend_from_slice(key.as_bytes());
            if !value.is_empty() {
                arena.push(b'=');
                tags::escape(arena, value);
            }
        };
        let tags = &self.tags;
        if let Some(batch) = tags.batch {
            tag(arena, "batch", batch);
        }
        if tags.concat {
            tag(arena, "draft/multiline-concat", "");
        }
        if form & TIME != 0 {
            tag(arena, "time", "");
            arena.push(b'=');
            write_time(arena, time_ms);
        }
        if let Some(account) = tags.account.filter(|_| form & ACCOUNT != 0) {
            tag(arena, "account", account);
        }
        if let Some(msgid) = tags.msgid.filter(|_| form & MESSAGE_TAGS != 0) {
            tag(arena, "msgid", msgid);
        }
        if tags.bot && form & MESSAGE_TAGS != 0 {
            tag(arena, "bot", "");
        }
        if let Some(relayed_by) = tags.relayed_by.filter(|_| form & RELAYED != 0) {
            tag(arena, "draft/relaymsg", relayed_by);
        }
        if !tags.client.is_empty() && form & MESSAGE_TAGS != 0 {
            tag(arena, tags.client, ""); // escaped by its sender
        }
        if before == b';' {
            arena.push(b' ');
        }
    }
}

/// Cuts `text` off at `end`, or before the character that would be cut in two.
fn cut(text: &mut Vec<u8>, end: usize) {
    if text.len() <= end {
        return;
    }
    let is_inside = |at: usize| text[at] & 0xc0 == 0x80;
    let mut end = end;
    while is_inside(end) {
        end -= 1;
    }
    text.truncate(end);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_cut_text_is_whole_characters(text in "\\PC{0,20}", end in 0usize..30) {
            let mut cut_text = text.clone().into_bytes();
            cut(&mut cut_text, end);
            let cut_text = String::from_utf8(cut_text).unwrap();
            prop_assert!(text.starts_with(&cut_text) && cut_text.len() <= end);
            prop_assert!(cut_text.len() + 4 > end.min(text.len()));
        }
    }
}
