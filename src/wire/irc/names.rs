//! The names of IRC, each a type that contains only what may stand in a message. Modern IRC,
//! "Clients" and "Channels"; RFC 2812 §2.3.1.
//!
//! A nick is ASCII, so that no two nicks differ only in letters that look alike across scripts;
//! names such as Zoë or Женя go into the metadata key `display-name`. Look-alikes within ASCII (`l`
//! and `I`, `0` and `O`) of a registered nick are refused elsewhere. Channels may have any letters:
//! their names are typed or clicked, not trusted for their looks.

/// The nick of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nick<'a>(&'a str);

/// The name of a channel, `#` included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelName<'a>(&'a str);

/// The key of a channel (mode `k`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key<'a>(&'a str);

/// The name of an account; it has the syntax of a nick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account<'a>(&'a str);

/// The first character of channel names: ISUPPORT `CHANTYPES`.
pub const CHANNEL_TYPES: &str = "#";

impl<'a> Nick<'a> {
    /// Letters, digits and ``[]\`_^{|}-``, neither a digit nor `-` first; at most `bytes_max`.
    pub fn parse(text: &'a str, bytes_max: usize) -> Option<Nick<'a>> {
        is_nick(text, bytes_max).then_some(Nick(text))
    }

    /// As it was written.
    pub fn as_str(self) -> &'a str {
        self.0
    }
}

impl<'a> Account<'a> {
    /// Parses a name by the rules of [`Nick::parse`].
    pub fn parse(text: &'a str, bytes_max: usize) -> Option<Account<'a>> {
        is_nick(text, bytes_max).then_some(Account(text))
    }

    /// As it was written.
    pub fn as_str(self) -> &'a str {
        self.0
    }
}

impl<'a> ChannelName<'a> {
    /// `#`, then anything but space, comma and control characters; at most `bytes_max` with the
    /// `#`. `#` alone is a channel.
    pub fn parse(text: &'a str, bytes_max: usize) -> Option<ChannelName<'a>> {
        let fits = text.len() <= bytes_max && Self::is_meant_by(text);
        let unfit = |c: char| c == ' ' || c == ',' || c.is_control() || is_invisible(c);
        (fits && !text.contains(unfit)).then_some(ChannelName(text))
    }

    /// Whether `text` must be meant as a channel, even if it is no valid name.
    pub fn is_meant_by(text: &str) -> bool {
        text.starts_with('#')
    }

    /// As it was written.
    pub fn as_str(self) -> &'a str {
        self.0
    }
}

impl<'a> Key<'a> {
    /// Anything but space, comma and control characters, no colon first; at most `bytes_max`, and
    /// not empty.
    pub fn parse(text: &'a str, bytes_max: usize) -> Option<Key<'a>> {
        let unfit = |c: char| c == ' ' || c == ',' || c.is_control();
        let fits = !text.is_empty() && text.len() <= bytes_max && !text.starts_with(':');
        (fits && !text.contains(unfit)).then_some(Key(text))
    }

    /// As it was written.
    pub fn as_str(self) -> &'a str {
        self.0
    }
}

fn is_nick(text: &str, bytes_max: usize) -> bool {
    let special = |byte: u8| b"[]\\`_^{|}".contains(&byte);
    let first = |byte: u8| byte.is_ascii_alphabetic() || special(byte);
    let fits = text.len() <= bytes_max && text.bytes().next().is_some_and(first);
    fits && text.bytes().all(|byte| first(byte) || byte.is_ascii_digit() || byte == b'-')
}

/// Whether a character is invisible, or turns the text around it. Names that differ in these alone
/// would look the same in every font.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// Whether `nick` can be that of a user elsewhere: it has a `/`, which no nick of ours has.
/// draft/relaymsg, as Ergo has it.
pub fn is_relayed_nick(nick: &str, bytes_max: usize) -> bool {
    // What draft/relaymsg reserves; `~` would be taken for a rank.
    let fit = |c: char| !c.is_control() && !c.is_whitespace() && !"!+%@&#$:'\"?*,.~".contains(c);
    let first = |c: char| !"/-".contains(c) && !c.is_ascii_digit();
    nick.len() <= bytes_max
        && nick.contains('/')
        && nick.chars().all(fit)
        && nick.chars().next().is_some_and(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nicks() {
        for good in ["a", "ann", "Ann-1", "[x]", "`_^{|}\\", "abcdefghij"] {
            assert!(Nick::parse(good, 10).is_some(), "{good}");
        }
        let bad = [
            "",
            "0",
            "1ann",
            "-a",
            "abcdefghijk",
            "a b",
            "a!b",
            "a@b",
            "#a",
            ":a",
            "$a",
            "a.b",
            "a,b",
            "a*",
            "a?",
            "@a",
            "+a",
            "~a",
            "&a",
            "%a",
            "é",
            "a\u{200b}",
            "a\0",
            "a\x07",
        ];
        for bad in bad {
            assert!(Nick::parse(bad, 10).is_none(), "{bad:?}");
            assert!(Account::parse(bad, 10).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn channels() {
        for good in ["#", "#a", "##", "#Ärger", "#a:b!c*?", "#漢字"] {
            assert!(ChannelName::parse(good, 10).is_some(), "{good}");
        }
        for bad in
            ["", "a", "&a", "#a b", "#a,b", "#a\x07", "#a\u{200b}", "#a\u{85}", "#234567890a"]
        {
            assert!(ChannelName::parse(bad, 10).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn keys() {
        for (key, good) in
            [("k", true), ("a:b", true), ("é", true), ("", false), (":k", false), ("a b", false)]
        {
            assert_eq!(Key::parse(key, 5).is_some(), good, "{key:?}");
        }
        assert!(Key::parse("a,b", 5).is_none() && Key::parse("123456", 5).is_none());
    }

    proptest! {
        /// Every valid name can stand anywhere in a message, and is parsed back unchanged.
        #[test]
        fn names_pass_through_a_message(text in "[#a-z0-9:\\-,é \\PC]{0,8}") {
            let names = [
                Nick::parse(&text, 8).map(Nick::as_str),
                ChannelName::parse(&text, 8).map(ChannelName::as_str),
                Key::parse(&text, 8).map(Key::as_str),
            ];
            for name in names.into_iter().flatten() {
                let mut line = Vec::new();
                super::super::write(&mut line, &[], None, "X", &[name, "z"]);
                let message = super::super::Message::parse(&line, 0).unwrap();
                prop_assert_eq!(&message.params[..], &[name, "z"][..]);
            }
        }
    }
}
