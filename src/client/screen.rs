//! The output of the client: on a terminal escaped and stamped with the time, in a pipe plain
//! bytes.

use crate::net::Now;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::io::Write;

/// Output that waits until the program takes and prints it.
pub struct Screen {
    form: Form,
    /// Bytes for stdout.
    pub output: Vec<u8>,
    /// Lines for stderr.
    pub notes: Vec<String>,
}

/// The form of the output.
enum Form {
    /// For a program: unchanged.
    Pipe,
    Terminal(Terminal),
}

/// For a terminal. Unfinished lines are shown at once: they may be a prompt, and need no buffer.
struct Terminal {
    zone: TimeZone,
    /// The current line is not empty.
    in_line: bool,
    /// A CR or an incomplete character, held back until the next byte; at most three bytes.
    held: Vec<u8>,
}

impl Screen {
    /// Makes a screen that passes bytes unchanged.
    pub fn pipe() -> Screen {
        Screen { form: Form::Pipe, output: Vec::new(), notes: Vec::new() }
    }

    /// Makes a screen whose lines begin with the time in `zone`. Control characters are escaped as
    /// `\x1b`: only tabs and line ends reach the terminal.
    pub fn terminal(zone: TimeZone) -> Screen {
        let terminal = Terminal { zone, in_line: false, held: Vec::new() };
        Screen { form: Form::Terminal(terminal), output: Vec::new(), notes: Vec::new() }
    }

    /// Whether the output is a terminal.
    pub fn is_terminal(&self) -> bool {
        matches!(self.form, Form::Terminal(_))
    }

    /// Shows output of the server.
    pub fn hear(&mut self, bytes: &[u8], now: Now) {
        match &mut self.form {
            Form::Pipe => self.output.extend_from_slice(bytes),
            Form::Terminal(terminal) => terminal.hear(&mut self.output, bytes, now),
        }
    }

    /// Ends the output of a connection: shows the bytes held back, and leaves the cursor at the
    /// beginning of a line.
    pub fn end(&mut self, now: Now) {
        if let Form::Terminal(terminal) = &mut self.form {
            terminal.end(&mut self.output, now);
        }
    }

    /// Shows a message of the client itself.
    pub fn note(&mut self, text: String, now: Now) {
        self.end(now);
        self.notes.push(text);
    }
}

impl Terminal {
    fn hear(&mut self, output: &mut Vec<u8>, bytes: &[u8], now: Now) {
        if self.held.is_empty() {
            return self.show(output, bytes, now);
        }
        let mut joined = std::mem::take(&mut self.held);
        joined.extend_from_slice(bytes);
        self.show(output, &joined, now);
    }

    fn show(&mut self, output: &mut Vec<u8>, mut bytes: &[u8], now: Now) {
        if let Some(before) = bytes.strip_suffix(b"\r") {
            self.held.push(b'\r');
            bytes = before;
        }
        while let Err(e) = std::str::from_utf8(bytes) {
            let (text, rest) = bytes.split_at(e.valid_up_to());
            self.show_text(output, text, now);
            let Some(bad) = e.error_len() else {
                if self.held.is_empty() {
                    self.held.extend_from_slice(rest);
                } else {
                    // A CR follows, so the character is incomplete.
                    rest.iter().for_each(|byte| self.show_escaped(output, u32::from(*byte), now));
                }
                return;
            };
            let (bad, rest) = rest.split_at(bad);
            bad.iter().for_each(|byte| self.show_escaped(output, u32::from(*byte), now));
            bytes = rest;
        }
        self.show_text(output, bytes, now);
    }

    /// Shows `text`, which is UTF-8.
    fn show_text(&mut self, output: &mut Vec<u8>, text: &[u8], now: Now) {
        let text = std::str::from_utf8(text).expect("checked by the caller");
        let mut letters = text.chars().peekable();
        while let Some(letter) = letters.next() {
            match letter {
                '\r' if letters.peek() == Some(&'\n') => {}
                '\n' => {
                    self.begin_line(output, now);
                    output.push(b'\n');
                    self.in_line = false;
                }
                letter if letter.is_control() && letter != '\t' => {
                    self.show_escaped(output, u32::from(letter), now);
                }
                letter => {
                    self.begin_line(output, now);
                    output.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
                }
            }
        }
    }

    fn show_escaped(&mut self, output: &mut Vec<u8>, code: u32, now: Now) {
        self.begin_line(output, now);
        write!(output, "\\x{code:02x}").expect("memory takes all");
    }

    fn begin_line(&mut self, output: &mut Vec<u8>, now: Now) {
        if !self.in_line {
            let time = Timestamp::from_millisecond(now.unix_ms as i64).unwrap_or_default();
            let time = time.to_zoned(self.zone.clone());
            write!(output, "{} ", time.strftime("%H:%M:%S")).expect("memory takes all");
            self.in_line = true;
        }
    }

    fn end(&mut self, output: &mut Vec<u8>, now: Now) {
        for byte in std::mem::take(&mut self.held) {
            self.show_escaped(output, u32::from(byte), now);
        }
        if std::mem::take(&mut self.in_line) {
            output.push(b'\n');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOON: Now = Now { uptime_ms: 0, unix_ms: 12 * 3_600_000 };

    /// The output of a terminal for `pieces`, and their end.
    fn shown(pieces: &[&[u8]]) -> String {
        let mut screen = Screen::terminal(TimeZone::UTC);
        for piece in pieces {
            screen.hear(piece, NOON);
            let Form::Terminal(terminal) = &screen.form else { unreachable!() };
            assert!(terminal.held.len() <= 3, "held {:?}", terminal.held);
        }
        screen.end(NOON);
        String::from_utf8(screen.output).expect("a terminal is sent UTF-8")
    }

    #[test]
    fn each_line_begins_with_its_time() {
        let shown = shown(&[b"one\ntwo\r\n\nthr", b"ee"]);
        assert_eq!(shown, "12:00:00 one\n12:00:00 two\n12:00:00 \n12:00:00 three\n");
    }

    #[test]
    fn a_line_has_the_time_it_began_at_in_the_zone() {
        let mut screen = Screen::terminal(TimeZone::fixed(jiff::tz::offset(-3)));
        screen.hear(b"Pass", NOON);
        screen.hear(b"word: ", Now { unix_ms: NOON.unix_ms + 5_000, ..NOON });
        assert_eq!(screen.output, b"09:00:00 Password: ", "shown before it ends");
    }

    #[test]
    fn nothing_that_moves_the_cursor_reaches_the_terminal() {
        for (said, expected) in [
            (&b"\x1b[2J\x07"[..], r"\x1b[2J\x07"),
            (b"a\x08\x7f\x00b", r"a\x08\x7f\x00b"),
            (b"over\rwritten", r"over\x0dwritten"),
            (b"end\r", r"end\x0d"),
            (b"\r\r\n", r"\x0d"),
            ("c1 \u{9b}31m".as_bytes(), r"c1 \x9b31m"),
            (b"\x9b31m \xff", r"\x9b31m \xff"),
            (b"cut \xe2\x82", r"cut \xe2\x82"),
            (b"cut \xe2\x82\r", r"cut \xe2\x82\x0d"),
            ("tab\tgrüße 漢字 🦀".as_bytes(), "tab\tgrüße 漢字 🦀"),
        ] {
            assert_eq!(shown(&[said]), format!("12:00:00 {expected}\n"), "{said:?}");
        }
    }

    #[test]
    fn a_note_begins_a_line_of_its_own() {
        let mut screen = Screen::terminal(TimeZone::UTC);
        screen.hear(b"half a li", NOON);
        screen.note("connection closed by server".into(), NOON);
        assert_eq!(screen.output, b"12:00:00 half a li\n");
    }

    #[test]
    fn a_pipe_gets_the_bytes_alone() {
        let mut screen = Screen::pipe();
        screen.hear(b"\x1b[2J\xff\r\n half", NOON);
        screen.note("connection closed by server".into(), NOON);
        screen.end(NOON);
        assert_eq!(screen.output, b"\x1b[2J\xff\r\n half");
    }

    proptest! {
        #[test]
        fn any_cut_shows_the_same_and_no_control_characters(
            said in prop_oneof![
                prop::collection::vec(any::<u8>(), 0..60),
                "[a\r\n\t\u{1b}\u{9b}é漢🦀]{0,30}".prop_map(String::into_bytes),
            ],
            cuts in prop::collection::vec(0usize..100, 0..8),
        ) {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(said.len())).collect();
            cuts.extend([0, said.len()]);
            cuts.sort();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|w| &said[w[0]..w[1]]).collect();
            let shown_in_pieces = shown(&pieces);
            let harmless = |c: char| !c.is_control() || c == '\n' || c == '\t';
            prop_assert!(shown_in_pieces.chars().all(harmless), "{:?}", shown_in_pieces);
            prop_assert_eq!(shown_in_pieces, shown(&[&said]));
        }
    }
}
