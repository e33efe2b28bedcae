//! Finds lines ended by LF, with or without a CR before it, in a stream that arrives in pieces.
//!
//! No byte is searched twice, however small the pieces; a line that is too long is reported once,
//! as soon as that is certain, and skipped to its end without being kept.

use memchr::memchr;

/// The state of the search for a line's end in one peer's stream. Eight bytes a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LineParser {
    /// Number of bytes at the front of the unused rest that are known to contain no LF.
    searched: u32,
    /// Skipping the rest of a line that was too long.
    skipping: bool,
}

/// One line without its ending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// The bytes of the line: no LF, and no CR that is part of the ending.
    pub text: &'a [u8],
    /// The ending that followed.
    pub ending: Ending,
}

/// The ending of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// LF alone.
    Lf,
    /// CR LF.
    CrLf,
}

/// A line was longer than allowed. It is skipped; the next one is parsed again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong;

impl LineParser {
    /// Iterates over the complete lines in `bytes`, of at most `max` bytes each without their
    /// endings.
    ///
    /// `bytes` must begin with the unused rest of the last call, and continue the stream without a
    /// gap.
    /// ```
    /// use stonechat::wire::line::LineParser;
    /// let mut parser = LineParser::default();
    /// let mut lines = parser.lines(b"one\r\ntwo\nthr", 512);
    /// assert_eq!(lines.next().unwrap().unwrap().text, b"one");
    /// assert_eq!(lines.next().unwrap().unwrap().text, b"two");
    /// assert_eq!(lines.next(), None);
    /// assert_eq!(lines.used(), 9);
    /// ```
    pub fn lines<'p, 'b>(&'p mut self, bytes: &'b [u8], max: usize) -> Lines<'p, 'b> {
        Lines { parser: self, bytes, max, used: 0 }
    }

    /// The unfinished line at the end of the stream, unless it was being skipped. `rest` is the
    /// unused rest of the last call.
    pub fn finish<'b>(&self, rest: &'b [u8]) -> Option<&'b [u8]> {
        (!self.skipping && !rest.is_empty()).then_some(rest)
    }
}

/// The complete lines of one piece of the stream; made by [`LineParser::lines`].
#[derive(Debug)]
pub struct Lines<'p, 'b> {
    parser: &'p mut LineParser,
    bytes: &'b [u8],
    max: usize,
    used: usize,
}

impl Lines<'_, '_> {
    /// Number of bytes used by the lines returned so far, endings and skipped bytes included.
    pub fn used(&self) -> usize {
        self.used
    }

    fn skip_to_line_end(&mut self) {
        let rest = &self.bytes[self.used..];
        match memchr(b'\n', rest) {
            Some(lf) => {
                self.used += lf + 1;
                self.parser.skipping = false;
            }
            None => self.used = self.bytes.len(),
        }
    }
}

impl<'b> Iterator for Lines<'_, 'b> {
    type Item = Result<Line<'b>, TooLong>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.parser.skipping {
            self.skip_to_line_end();
        }
        let rest = &self.bytes[self.used..];
        let searched = self.parser.searched as usize;
        debug_assert!(searched <= rest.len(), "what was left unused must come back");
        if let Some(more) = memchr(b'\n', &rest[searched..]) {
            let lf = searched + more;
            self.used += lf + 1;
            self.parser.searched = 0;
            let line = Line::of(&rest[..lf]);
            return Some(if line.text.len() <= self.max { Ok(line) } else { Err(TooLong) });
        }
        // A CR in the last place may be part of the ending.
        let text_len = rest.len() - usize::from(rest.ends_with(b"\r"));
        if text_len > self.max {
            *self.parser = LineParser { searched: 0, skipping: true };
            self.used = self.bytes.len();
            return Some(Err(TooLong));
        }
        self.parser.searched = rest.len() as u32;
        None
    }
}

impl<'a> Line<'a> {
    fn of(before_lf: &'a [u8]) -> Line<'a> {
        match before_lf.strip_suffix(b"\r") {
            Some(text) => Line { text, ending: Ending::CrLf },
            None => Line { text: before_lf, ending: Ending::Lf },
        }
    }
}

impl Ending {
    /// The bytes of the ending.
    pub fn bytes(self) -> &'static [u8] {
        match self {
            Ending::Lf => b"\n",
            Ending::CrLf => b"\r\n",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Heard<Text> = Vec<Result<Text, TooLong>>;

    /// All lines in `pieces`, and the rest at the end.
    fn heard(pieces: &[&[u8]], max: usize) -> (Heard<Vec<u8>>, Option<Vec<u8>>) {
        let mut parser = LineParser::default();
        let mut unused = Vec::new();
        let mut heard = Vec::new();
        for piece in pieces {
            unused.extend_from_slice(piece);
            let mut lines = parser.lines(&unused, max);
            for line in &mut lines {
                heard.push(line.map(|line| [line.text, line.ending.bytes()].concat()));
            }
            let used = lines.used();
            assert!(used <= unused.len(), "used more than was given");
            unused.drain(..used);
            assert!(unused.len() <= max + 1, "kept more than a line");
        }
        (heard, parser.finish(&unused).map(<[u8]>::to_vec))
    }

    /// The naive oracle of `heard`: goes through the whole stream at once, byte by byte.
    fn oracle(stream: &[u8], max: usize) -> (Heard<Vec<u8>>, Option<Vec<u8>>) {
        let mut heard = Vec::new();
        let mut line = Vec::new();
        for &byte in stream {
            line.push(byte);
            if byte == b'\n' {
                let ending = if line.ends_with(b"\r\n") { 2 } else { 1 };
                let fits = line.len() - ending <= max;
                heard.push(if fits { Ok(line.clone()) } else { Err(TooLong) });
                line.clear();
            }
        }
        let text_len = line.len() - usize::from(line.ends_with(b"\r"));
        if text_len > max {
            heard.push(Err(TooLong));
            line.clear();
        }
        (heard, (!line.is_empty()).then_some(line))
    }

    #[test]
    fn the_table() {
        const LONG: Result<&str, TooLong> = Err(TooLong);
        let table: [(&str, Heard<&str>, Option<&str>); 14] = [
            ("", vec![], None),
            ("\n", vec![Ok("\n")], None),
            ("\r\n", vec![Ok("\r\n")], None),
            ("a\nb\r\nc", vec![Ok("a\n"), Ok("b\r\n")], Some("c")),
            ("a\rb\n", vec![Ok("a\rb\n")], None),
            ("a\r\r\n", vec![Ok("a\r\r\n")], None),
            ("\0\n", vec![Ok("\0\n")], None),
            ("1234\n", vec![Ok("1234\n")], None),
            ("1234\r\n", vec![Ok("1234\r\n")], None),
            ("12345\n", vec![LONG], None),
            ("12345\r\nab\n", vec![LONG, Ok("ab\n")], None),
            ("12345", vec![LONG], None),
            ("1234\r", vec![], Some("1234\r")),
            ("1234\r\r", vec![LONG], None),
        ];
        for (stream, lines, rest) in table {
            let lines =
                lines.iter().map(|line| line.map(|text| text.as_bytes().to_vec())).collect();
            let expected = (lines, rest.map(|rest| rest.as_bytes().to_vec()));
            assert_eq!(heard(&[stream.as_bytes()], 4), expected, "{stream:?}");
            assert_eq!(oracle(stream.as_bytes(), 4), expected, "the oracle of {stream:?}");
        }
    }

    #[test]
    fn a_line_too_long_is_reported_before_it_ends() {
        let mut parser = LineParser::default();
        let mut lines = parser.lines(b"12345", 4);
        assert_eq!((lines.next(), lines.used()), (Some(Err(TooLong)), 5));
        let mut lines = parser.lines(b"678", 4);
        assert_eq!((lines.next(), lines.used()), (None, 3));
        let mut lines = parser.lines(b"9\nok\n", 4);
        assert_eq!(lines.next().unwrap().unwrap().text, b"ok");
    }

    #[test]
    fn who_stops_early_goes_on_where_he_stopped() {
        let mut parser = LineParser::default();
        let mut lines = parser.lines(b"one\ntwo\nthr", 99);
        lines.next();
        assert_eq!(lines.used(), 4);
        let mut lines = parser.lines(b"two\nthr", 99);
        assert_eq!(lines.next().unwrap().unwrap().text, b"two");
        assert_eq!((lines.next(), lines.used()), (None, 4));
    }

    proptest! {
        #[test]
        fn any_cut_says_what_the_oracle_says(
            stream in "[ab\r\n\u{0}]{0,80}",
            cuts in prop::collection::vec(0usize..80, 0..12),
            max in 0usize..12,
        ) {
            let stream = stream.as_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|c| c.min(stream.len())).collect();
            cuts.extend([0, stream.len()]);
            cuts.sort();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|w| &stream[w[0]..w[1]]).collect();
            prop_assert_eq!(heard(&pieces, max), oracle(stream, max));
        }
    }
}
