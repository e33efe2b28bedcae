//! Makes foreign text safe for one line: in a log, on a terminal, in a reply.

use std::borrow::Cow;
use std::fmt::Write;

/// Escapes everything in `text` that could end a line, forge another one, or move a terminal's
/// cursor, as `\\n`, `\\u{1b}` and so on; a backslash stays as it is.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(acts) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\t' => shown.push_str("\\t"),
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            c if acts(c) => write!(shown, "\\u{{{:x}}}", u32::from(c)).expect("a string"),
            c => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

/// Whether a character has an effect instead of a shape: controls, separators of lines and
/// paragraphs, and marks that turn the direction of text. Unicode 16, "Bidi_Control".
fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}')
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_acts_is_written_out_and_all_else_stays() {
        for (text, expected) in [
            ("grüße, 世界 \\n", "grüße, 世界 \\n"),
            ("a\nb\r\tc", "a\\nb\\r\\tc"),
            ("\u{1b}[2J\u{7f}\u{9b}\0", "\\u{1b}[2J\\u{7f}\\u{9b}\\u{0}"),
            ("abc\u{202e}fed\u{2028}", "abc\\u{202e}fed\\u{2028}"),
        ] {
            assert_eq!(printable(text), expected);
        }
    }

    proptest! {
        #[test]
        fn nothing_that_acts_is_left(text: String) {
            prop_assert!(!printable(&text).contains(acts));
        }
    }
}
