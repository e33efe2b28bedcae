//! A multiline message, composed once for each form that its receivers' capabilities require. IRCv3
//! draft/multiline.

use crate::chat::Limits;
use crate::chat::reply::Sink;
use crate::chat::reply::line::{Line, LineTags};
use crate::chat::state::caps::Cap;
use crate::chat::state::sessions::Session;

/// A multiline message. Its tags must have a message id: the batch is named after it.
pub(crate) struct Lines<'a> {
    pub source: &'a str,
    pub command: &'a str,
    pub target: &'a str,
    /// Each line, with whether it continues the one before without a break.
    pub texts: &'a [(&'a str, bool)],
    pub tags: LineTags<'a>,
}

impl Lines<'_> {
    /// Composes the lines, and gives `act` a function that sends them to one connection.
    pub(crate) fn compose(
        &self,
        limits: &Limits,
        act: impl FnOnce(&mut dyn FnMut(&mut Sink, &Session)),
    ) {
        let Lines { source, command, target, texts, tags } = *self;
        let reference = format!("m{}", tags.msgid.unwrap_or_default());
        let (opening, ending) = (format!("+{reference}"), format!("-{reference}"));
        let (open, close) = ([&*opening, "draft/multiline", target], [&*ending]);
        let mut open = Line::new(source, "BATCH", &open).tagged(tags);
        let mut close = Line::new(source, "BATCH", &close);
        let to = [target];
        let line = |text| Line::new(source, command, &to).text(text);
        let within = |concat| LineTags {
            batch: Some(&reference),
            concat,
            timed: true,
            ..LineTags::default()
        };
        let mut lines: Vec<Line> =
            texts.iter().map(|(text, concat)| line(*text).tagged(within(*concat))).collect();
        // Clients without multiline receive one message a line, without the empty ones. The first
        // has the id. Each has the client-only tags, because `+draft/channel-context` says where it
        // belongs, unless they come to kilobytes.
        let mut first = Some(tags);
        let small = tags.client.len() * texts.len() <= limits.multiline_bytes_max;
        let client = if small { tags.client } else { "" };
        let rest = LineTags { msgid: None, client, ..tags };
        let heard = texts.iter().filter(|(text, _)| !text.is_empty());
        let mut plain: Vec<Line> =
            heard.map(|(text, _)| line(*text).tagged(first.take().unwrap_or(rest))).collect();
        act(&mut |sink, session| {
            if session.caps.has(Cap::Multiline) && session.caps.has(Cap::Batch) {
                open.to(sink, session);
                lines.iter_mut().for_each(|line| line.to(sink, session));
                close.to(sink, session);
            } else {
                plain.iter_mut().for_each(|line| line.to(sink, session));
            }
        });
    }
}
