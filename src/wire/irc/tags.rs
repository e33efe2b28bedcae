//! Message tags: IRCv3 message-tags, "Format" and "Escaping values".

/// The tags of one message, unparsed. Any text is valid; no key is refused, as the specification
/// demands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tags<'a>(&'a str);

impl<'a> Tags<'a> {
    /// The tags in `raw`, without the `@` before and the space after them.
    pub fn new(raw: &'a str) -> Tags<'a> {
        Tags(raw)
    }

    /// The text of the tags, without the `@` before and the space after them.
    pub fn raw(self) -> &'a str {
        self.0
    }

    /// Key and value of each tag, in the order sent; the value is still escaped. A missing value is
    /// empty, as both mean the same. A tag without a key is left out.
    pub fn iter(self) -> impl DoubleEndedIterator<Item = (&'a str, &'a str)> {
        let tags = self.0.split(';').map(|tag| tag.split_once('=').unwrap_or((tag, "")));
        tags.filter(|(key, _)| !key.is_empty())
    }

    /// The value of `key`, still escaped; the last one if there are several. Case matters.
    pub fn get(self, key: &str) -> Option<&'a str> {
        self.iter().rev().find(|(its_key, _)| *its_key == key).map(|(_, value)| value)
    }
}

/// Unescapes a value. An unknown escape is the character after its backslash; a backslash at the
/// end is dropped.
/// ```
/// use stonechat::wire::irc::tags::unescape;
/// assert_eq!(unescape(r"one\stwo\:\n\x\").collect::<String>(), "one two;\nx");
/// ```
pub fn unescape(value: &str) -> impl Iterator<Item = char> {
    let mut escaped = value.chars();
    std::iter::from_fn(move || match escaped.next()? {
        '\\' => escaped.next().map(|c| match c {
            ':' => ';',
            's' => ' ',
            'r' => '\r',
            'n' => '\n',
            c => c,
        }),
        c => Some(c),
    })
}

/// Appends `value` so that [`unescape`] restores it. NUL has no escape, and is dropped.
pub fn escape(out: &mut Vec<u8>, value: &str) {
    for &byte in value.as_bytes() {
        match byte {
            b';' => out.extend_from_slice(br"\:"),
            b' ' => out.extend_from_slice(br"\s"),
            b'\\' => out.extend_from_slice(br"\\"),
            b'\r' => out.extend_from_slice(br"\r"),
            b'\n' => out.extend_from_slice(br"\n"),
            0 => {}
            byte => out.push(byte),
        }
    }
}

/// Whether `key` can be written so that it is parsed back unchanged.
pub(super) fn is_key(key: &str) -> bool {
    !key.is_empty() && !key.contains(['=', ';', ' ', '\r', '\n', '\0'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn escaped(value: &str) -> String {
        let mut out = Vec::new();
        escape(&mut out, value);
        String::from_utf8(out).unwrap()
    }

    fn unescaped(value: &str) -> String {
        unescape(value).collect()
    }

    /// The naive oracle: one replacement after the other, double backslashes set aside first.
    fn oracle(value: &str) -> String {
        let aside = value.replace("\\\\", "\0");
        let plain = aside.replace("\\:", ";").replace("\\s", " ");
        let plain = plain.replace("\\r", "\r").replace("\\n", "\n");
        plain.replace('\\', "").replace('\0', "\\")
    }

    #[test]
    fn the_table_of_escapes() {
        for (value, plain) in [
            (r"", ""),
            (r"\:\s\\\r\n", "; \\\r\n"),
            (r"gh\:764", "gh;764"),
            (r"72\s45", "72 45"),
            (r"b\\and\nk", "b\\and\nk"),
            (r"value\\ntest", r"value\ntest"),
            (r"\\\\\:\\s\s\r\n", "\\\\;\\s \r\n"),
            (r"é=@:,", "é=@:,"),
        ] {
            assert_eq!(unescaped(value), plain, "{value:?}");
            assert_eq!(oracle(value), plain, "the oracle of {value:?}");
            assert_eq!(escaped(plain), value);
        }
    }

    #[test]
    fn what_is_no_escape_loses_its_backslash() {
        for (value, plain) in [
            (r"value\1", "value1"),
            (r"value1\", "value1"),
            (r"\", ""),
            (r"\\\", r"\"),
            (r"\b\é", "bé"),
        ] {
            assert_eq!(unescaped(value), plain, "{value:?}");
            assert_eq!(oracle(value), plain, "the oracle of {value:?}");
        }
    }

    #[test]
    fn of_a_key_told_twice_the_last_is_heard() {
        let tags = Tags::new("tag1=1;tag2=3;tag3=4;tag1=5;vendor/tag2=8");
        let asked = ["tag1", "tag2", "tag3", "vendor/tag2", "Tag1", "tag"];
        let heard = asked.map(|key| tags.get(key));
        assert_eq!(heard, [Some("5"), Some("3"), Some("4"), Some("8"), None, None]);
    }

    #[test]
    fn a_missing_value_is_an_empty_one_and_a_missing_key_nothing() {
        let tags = Tags::new(";a;b=;=c;+x/y=d=e;");
        assert_eq!(tags.iter().collect::<Vec<_>>(), [("a", ""), ("b", ""), ("+x/y", "d=e")]);
        assert_eq!(tags.get(""), None);
        assert_eq!(Tags::default().iter().count(), 0);
    }

    proptest! {
        #[test]
        fn any_value_comes_back(value in "[; \\\\\r\n:srna\u{e9}]{0,20}|\\PC{0,20}") {
            prop_assert_eq!(unescaped(&escaped(&value)), value.clone());
            prop_assert!(!escaped(&value).contains([';', ' ', '\r', '\n']));
            prop_assert_eq!(unescaped(&value), oracle(&value));
        }
    }
}
