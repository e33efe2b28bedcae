//! Metadata: keys and values that users and channels publish for programs, and their rules. IRCv3
//! metadata, draft/metadata-2 and draft/metadata-3.
//!
//! Any well-formed key may be set. A profile holds the keys that people look at: `display-name`,
//! the preferred name; `pronouns`; `status`, the present occupation; `homepage` and `avatar`, URLs;
//! `color` or `colour`, the colour to show the name in, `#rrggbb`.

use crate::chat::Settings;
use crate::wire::irc::REST_MAX;

/// A key: `a-z`, `0-9`, `_`, `.`, `/`, `-`, and at most [`KEY_MAX`] of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(Box<str>);

/// The longest key in bytes.
pub const KEY_MAX: usize = 64;

/// The keys that WHOIS shows: those that people can read.
pub const SHOWN: [&str; 5] = ["display-name", "pronouns", "status", "homepage", "avatar"];

/// Keys and values of one user or channel, in the order of the keys; bounded by
/// `metadata_keys_max`.
#[derive(Clone, Default)]
pub struct Metadata(Vec<(Key, Box<str>)>);

/// The metadata of a user or channel that has none.
pub static NONE: Metadata = Metadata(Vec::new());

impl Key {
    /// Parses a key. draft/metadata-3 has no capitals; in draft/metadata-2 they equal small
    /// letters.
    pub fn parse(text: &str) -> Option<Key> {
        let fit = |byte: u8| byte.is_ascii_alphanumeric() || b"_./-".contains(&byte);
        let valid = (1..=KEY_MAX).contains(&text.len()) && text.bytes().all(fit);
        valid.then(|| Key(text.to_ascii_lowercase().into()))
    }

    /// The key, in small letters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Metadata {
    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<&str> {
        let index = self.0.binary_search_by(|(known, _)| known.as_str().cmp(key)).ok()?;
        Some(&self.0[index].1)
    }

    /// Sets `key` or, without a value, unsets it.
    pub fn put(&mut self, key: &Key, value: Option<&str>) {
        match (self.0.binary_search_by(|(known, _)| known.cmp(key)), value) {
            (Ok(index), Some(value)) => self.0[index].1 = value.into(),
            (Ok(index), None) => drop(self.0.remove(index)),
            (Err(index), Some(value)) => self.0.insert(index, (key.clone(), value.into())),
            (Err(_), None) => {}
        }
    }

    /// How many keys are set.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// All pairs, in the order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (&Key, &str)> {
        self.0.iter().map(|(key, value)| (key, &**value))
    }

    /// The pair at `index` in the order of the keys.
    pub fn at(&self, index: usize) -> Option<(&Key, &str)> {
        self.0.get(index).map(|(key, value)| (key, &**value))
    }

    /// The pairs for the store.
    pub fn to_pairs(&self) -> Vec<(String, String)> {
        self.iter().map(|(key, value)| (key.as_str().to_owned(), value.to_owned())).collect()
    }

    /// Restores metadata from the store. Invalid keys are left out.
    pub fn from_pairs(pairs: Vec<(String, String)>) -> Metadata {
        let mut metadata = Metadata::default();
        for (key, value) in pairs {
            if let Some(key) = Key::parse(&key) {
                metadata.put(&key, Some(&value)); // bounded before it was stored
            }
        }
        metadata
    }

    /// Whether no key is set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The longest value in bytes: `metadata_value_max`, or the room in `:server 761 nick target key *
/// :value`, whichever is less.
pub fn value_max(settings: &Settings) -> usize {
    let limits = &settings.limits;
    let target = limits.nick_max.max(limits.channel_name_max);
    let rest =
        ":".len() + settings.server_name.len() + " 761 ".len() + limits.nick_max + 1 + target;
    let room = REST_MAX.saturating_sub(rest + 1 + KEY_MAX + " * :".len());
    limits.metadata_value_max.min(room)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Key {
        Key::parse(text).unwrap()
    }

    #[test]
    fn a_key_is_small_letters_digits_and_a_few_signs() {
        for valid in ["a", "display-name", "im.xmpp", "vendor/key_1", &"k".repeat(KEY_MAX)] {
            assert_eq!(key(valid).as_str(), valid);
        }
        assert_eq!(key("URL").as_str(), "url");
        for invalid in ["", "a b", "$url$", ":a", "a:b", "é", "a,b", "*", &"k".repeat(KEY_MAX + 1)]
        {
            assert_eq!(Key::parse(invalid), None, "{invalid}");
        }
    }

    #[test]
    fn a_key_is_set_anew_and_unset() {
        let mut metadata = Metadata::default();
        metadata.put(&key("b"), Some("1"));
        metadata.put(&key("a"), Some("2"));
        metadata.put(&key("b"), Some("4"));
        let all: Vec<_> = metadata.iter().map(|(key, value)| (key.as_str(), value)).collect();
        assert_eq!(all, [("a", "2"), ("b", "4")]);
        metadata.put(&key("a"), None);
        metadata.put(&key("a"), None);
        assert_eq!(metadata.len(), 1);
        assert_eq!(
            (metadata.get("a"), metadata.get("b"), metadata.iter().count()),
            (None, Some("4"), 1)
        );
    }

    #[test]
    fn the_longest_value_fits_in_a_line_with_the_longest_names() {
        for (server, nick, channel) in [(1, 9, 10), (15, 30, 64), (63, 32, 100)] {
            let mut settings = Settings { server_name: "s".repeat(server), ..Settings::default() };
            (settings.limits.nick_max, settings.limits.channel_name_max) = (nick, channel);
            let (key, value) = ("k".repeat(KEY_MAX), "v".repeat(value_max(&settings)));
            let (server, nick) = (&settings.server_name, "n".repeat(nick));
            let line = format!(":{server} 761 {nick} {} {key} * :{value}", "c".repeat(channel));
            assert!(line.len() <= REST_MAX, "{}", line.len());
            assert!(line.len() == REST_MAX || value.len() == settings.limits.metadata_value_max);
        }
    }
}
