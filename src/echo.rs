//! The echo service: answers every line in upper case, until one contains `CLOSE SOCKET`.

use crate::net::{ConnId, LastWord, Outbox, Peer, Service};
use crate::setting::settings;
use crate::wire::line::LineParser;
use memchr::memmem::Finder;

settings! {
    /// The config's `[echo]`.
    pub struct Settings {
        sizes {
            /// The longest line, its ending not counted; a longer one is skipped with an error.
            line_max = 4 << 10, 1..;
        }
    }
}

/// The echo service. Its state takes eight bytes a connection.
pub struct Echo {
    line_max: usize,
    /// The parser of each connection, by slot.
    parsers: Vec<LineParser>,
    close_socket: Finder<'static>,
}

impl Echo {
    /// Accepts lines of at most `line_max` bytes, their endings not counted.
    pub fn new(line_max: usize) -> Echo {
        Echo { line_max, parsers: Vec::new(), close_socket: Finder::new("CLOSE SOCKET") }
    }

    /// Sets the length limit of the lines that are parsed from now on.
    pub fn set_line_max(&mut self, line_max: usize) {
        self.line_max = line_max;
    }

    fn echo(&self, out: &mut Outbox, id: ConnId, text: &[u8], ending: &[u8]) {
        let echo = out.compose(|arena| {
            extend_upper(arena, text);
            arena.extend_from_slice(ending);
        });
        out.send(id, echo);
    }

    fn asks_to_close(&self, text: &[u8]) -> bool {
        self.close_socket.find(text).is_some()
    }

    fn too_long(&self, out: &mut Outbox, id: ConnId) {
        out.count_too_long(id);
        let text = format!("ERROR :line too long, at most {} bytes\r\n", self.line_max);
        out.write(id, text.as_bytes());
    }
}

impl Service for Echo {
    fn opened(&mut self, _out: &mut Outbox, id: ConnId, _peer: Peer) {
        if self.parsers.len() <= id.slot() {
            self.parsers.resize(id.slot() + 1, LineParser::default());
        }
        self.parsers[id.slot()] = LineParser::default();
    }

    fn received(&mut self, out: &mut Outbox, id: ConnId, bytes: &[u8]) -> usize {
        let mut parser = self.parsers[id.slot()];
        // Searches all input once a line is complete, and each line only if that finds something.
        // With short lines a search for each costs as much as everything else.
        let mut may_close = None;
        let mut lines = parser.lines(bytes, self.line_max);
        let mut count = 0;
        for line in &mut lines {
            count += 1;
            let Ok(line) = line else {
                self.too_long(out, id);
                continue;
            };
            self.echo(out, id, line.text, line.ending.bytes());
            let may_close = *may_close.get_or_insert_with(|| self.asks_to_close(bytes));
            if may_close && self.asks_to_close(line.text) {
                out.close(id);
                break;
            }
        }
        let used = lines.used();
        self.parsers[id.slot()] = parser;
        out.count_received(id, count);
        used
    }

    fn finished(&mut self, out: &mut Outbox, id: ConnId, rest: &[u8]) {
        if let Some(text) = self.parsers[id.slot()].finish(rest) {
            self.echo(out, id, text, b"");
        }
        out.close(id);
    }

    fn farewell(&self, text: &mut Vec<u8>, to: LastWord<'_>) {
        text.extend_from_slice(format!("ERROR :{}\r\n", to.text).as_bytes());
    }
}

/// Appends `text` in upper case: by Unicode if it is UTF-8, else its ASCII letters alone.
///
/// Unicode may need up to three times the bytes: U+0390 becomes three letters. Letter by letter is
/// slower than `str::to_uppercase` where ASCII is mixed in, but allocates nothing.
fn extend_upper(said: &mut Vec<u8>, text: &[u8]) {
    // Most lines are ASCII, and that is cheaper to check than UTF-8.
    if !text.is_ascii()
        && let Ok(text) = std::str::from_utf8(text)
    {
        let mut utf8 = [0; 4];
        for upper in text.chars().flat_map(char::to_uppercase) {
            said.extend_from_slice(upper.encode_utf8(&mut utf8).as_bytes());
        }
        return;
    }
    let start = said.len();
    said.extend_from_slice(text);
    said[start..].make_ascii_uppercase();
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn upper(text: &[u8]) -> Vec<u8> {
        let mut said = Vec::new();
        extend_upper(&mut said, text);
        said
    }

    #[test]
    fn letters_of_every_script_are_raised() {
        for (text, expected) in [
            ("hello, World 1", "HELLO, WORLD 1"),
            ("straße ﬁn", "STRASSE FIN"),
            ("ἀθήνα ΐ", "ἈΘΉΝΑ \u{399}\u{308}\u{301}"),
            ("привет ðŋ 漢字 🦀", "ПРИВЕТ ÐŊ 漢字 🦀"),
            ("", ""),
        ] {
            assert_eq!(String::from_utf8(upper(text.as_bytes())).unwrap(), expected);
        }
    }

    #[test]
    fn what_is_not_utf8_passes_with_its_ascii_letters_raised() {
        assert_eq!(upper(b"caf\xe9 \xff\0z"), b"CAF\xe9 \xff\0Z");
    }

    proptest! {
        #[test]
        fn text_is_raised_as_std_raises_it(text in "\\PC{0,40}") {
            prop_assert_eq!(upper(text.as_bytes()), text.to_uppercase().into_bytes());
        }

        #[test]
        fn any_bytes_grow_threefold_at_most(text in prop::collection::vec(any::<u8>(), 0..60)) {
            prop_assert!(upper(&text).len() <= 3 * text.len());
        }
    }
}
