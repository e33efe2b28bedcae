//! Masks of users: `nick!user@host` with `*` for any text and `?` for one character. Modern IRC,
//! "Wildcard Expressions"; RFC 2812 §2.5.
//!
//! A backslash is a character like any other, against RFC 2812: a nick may hold one, but no nick,
//! user or host holds a `*` or `?` that would have to be escaped. Were it an escape, a ban of
//! `ann\*!*@*` would let in `ann\away`. Extended bans (`~a:…`) are not masks; look for them first.

use super::casemap;

/// A mask in full, `nick!user@host`, no part of it empty; fit to be a parameter of a message.
///
/// Two masks are equal if they are the same but for case, by [`casemap`].
/// ```
/// use stonechat::wire::mask::Mask;
/// let mask = Mask::parse("*.Example.org").unwrap();
/// assert_eq!(mask.as_str(), "*!*@*.Example.org");
/// assert!(mask.matches("ann!a@dsl.example.org"));
/// ```
#[derive(Clone, Debug)]
pub struct Mask(Box<str>);

/// A text that can be no mask: empty, too long, with a space or an ASCII control character in it,
/// or one that would be parsed as a trailing parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unfit;

impl Mask {
    /// The longest mask in bytes, in full: long enough for any nick, user and host, short enough
    /// for `RPL_BANLIST` beside a channel and a setter.
    pub const BYTES_MAX: usize = 256;

    /// Completes `text` to a full mask, as is usual: `bob` is `bob!*@*`, `a@b` is `*!a@b`, `a!b` is
    /// `a!b@*`, and a text with `.` or `:`, which no nick contains, is a host: `*!*@10.*`. An empty
    /// part is `*`, and several `*` are one.
    pub fn parse(text: &str) -> Result<Mask, Unfit> {
        let unfit = |c: char| c == ' ' || c.is_ascii_control();
        if text.is_empty() || text.len() > Mask::BYTES_MAX || text.contains(unfit) {
            return Err(Unfit);
        }
        let (nick, user, host) = parts(text);
        let mut full = String::with_capacity(text.len() + "*!*@*".len());
        for (part, before) in [(nick, ""), (user, "!"), (host, "@")] {
            full.push_str(before);
            push_collapsed(&mut full, if part.is_empty() { "*" } else { part });
        }
        let fits = full.len() <= Mask::BYTES_MAX && !full.starts_with(':');
        if fits { Ok(Mask(full.into())) } else { Err(Unfit) }
    }

    /// The full mask, in the case as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it matches `who`, a `nick!user@host`.
    pub fn matches(&self, who: &str) -> bool {
        matches(&self.0, who)
    }
}

impl PartialEq for Mask {
    fn eq(&self, other: &Mask) -> bool {
        casemap::same(&self.0, &other.0)
    }
}

impl Eq for Mask {}

/// Splits `text` into nick, user and host; a missing part is empty.
fn parts(text: &str) -> (&str, &str, &str) {
    if let Some((nick, address)) = text.split_once('!') {
        let (user, host) = address.split_once('@').unwrap_or((address, ""));
        (nick, user, host)
    } else if let Some((user, host)) = text.split_once('@') {
        ("", user, host)
    } else if text.contains(['.', ':']) {
        ("", "", text)
    } else {
        (text, "", "")
    }
}

fn push_collapsed(full: &mut String, part: &str) {
    for c in part.chars() {
        if c != '*' || !full.ends_with('*') {
            full.push(c);
        }
    }
}

/// Whether `glob` matches the whole of `text`, without regard to case ([`casemap`]). `*` is any
/// text, also none; `?` is one character of any number of bytes.
///
/// No recursion, no allocation, and at most (characters of `glob` + 1) × (characters of `text` + 2)
/// steps: after a mismatch only the last `*` takes one more character, as an earlier one could find
/// no other match.
pub fn matches(glob: &str, text: &str) -> bool {
    matches_counted(glob, text, &mut 0)
}

fn matches_counted(glob: &str, text: &str, steps: &mut usize) -> bool {
    let (mut glob, mut text) = (glob.chars(), text.chars());
    // The rest of `glob` after the last `*`, and the place in the text where it was last tried.
    let mut star = None;
    loop {
        *steps += 1;
        let here = text.clone();
        match (glob.next(), text.next()) {
            (None, None) => return true,
            (Some('*'), _) => {
                text = here.clone();
                star = Some((glob.clone(), here));
            }
            (Some('?'), Some(_)) => {}
            (Some(meant), Some(said)) if casemap::same_char(meant, said) => {}
            // With more text for a `*`, even less would be left for the rest.
            (Some(_), None) => return false,
            (_, Some(_)) => {
                let Some((after_star, tried)) = &mut star else { return false };
                tried.next();
                (glob, text) = (after_star.clone(), tried.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The naive oracle: whether each pair of prefixes matches, from the shortest on.
    fn oracle(glob: &str, text: &str) -> bool {
        let (glob, text): (Vec<char>, Vec<char>) = (glob.chars().collect(), text.chars().collect());
        let mut table = vec![vec![false; text.len() + 1]; glob.len() + 1];
        table[0][0] = true;
        for g in 1..=glob.len() {
            for t in 0..=text.len() {
                table[g][t] = match glob[g - 1] {
                    '*' => table[g - 1][t] || t > 0 && table[g][t - 1],
                    '?' => t > 0 && table[g - 1][t - 1],
                    c => t > 0 && table[g - 1][t - 1] && c.eq_ignore_ascii_case(&text[t - 1]),
                };
            }
        }
        table[glob.len()][text.len()]
    }

    fn steps(glob: &str, text: &str) -> usize {
        let mut steps = 0;
        assert_eq!(matches_counted(glob, text, &mut steps), oracle(glob, text), "{glob} {text}");
        steps
    }

    fn steps_max(glob: &str, text: &str) -> usize {
        (glob.chars().count() + 1) * (text.chars().count() + 2)
    }

    /// Many of these are of the `mask-match` table of github.com/ircdocs/parser-tests.
    #[test]
    fn the_table() {
        for (glob, means, means_not) in [
            ("", &[""][..], &["a"][..]),
            ("*", &["", "a", "é*"], &[]),
            ("?", &["a", "é", "?"], &["", "ab"]),
            ("*?", &["a", "ab"], &[""]),
            ("a*b*c", &["abc", "aXbXbXc", "abcbc"], &["ab", "acb", "abcd"]),
            ("*@127.0.0.1", &["coolguy!ab@127.0.0.1"], &["coolguy!ab@127.0.0.5"]),
            ("cool*@*", &["coolguy!ab@127.0.0.1"], &["koolguy!ab@127.0.0.5"]),
            ("cool!*@*", &["cool!~dudebc@127.0.0.1"], &["coolguy!ab@127.0.0.1"]),
            ("cool!?username@*", &["cool!~username@127.0.0.1"], &["cool!username@127.0.0.1"]),
            ("cool!a?*@*", &["cool!ab@127.0.0.1", "cool!abc@h"], &["cool!a@127.0.0.1"]),
            ("cool[guy]!*@*", &["cool[guy]!a@example.com"], &["coolg!ab@h", "cool[!ac@h"]),
            ("ANN!*@*.Org", &["ann!A@x.oRG"], &["anne!a@x.org"]),
            ("a[b", &["A[B"], &["a{b"]),
            ("É", &["É"], &["é"]),
            ("ann\\*!*@*", &["ann\\!a@b", "ann\\away!a@b"], &["ann*!a@b", "ann!a@b"]),
        ] {
            for (texts, meant) in [(means, true), (means_not, false)] {
                for text in texts {
                    assert_eq!(matches(glob, text), meant, "{glob:?} {text:?}");
                    assert_eq!(oracle(glob, text), meant, "the oracle of {glob:?} {text:?}");
                }
            }
        }
    }

    #[test]
    fn a_short_mask_is_completed() {
        for (text, full) in [
            ("bob", "bob!*@*"),
            ("*", "*!*@*"),
            ("bob*", "bob*!*@*"),
            ("a@b", "*!a@b"),
            ("a@", "*!a@*"),
            ("@b", "*!*@b"),
            ("a!b", "a!b@*"),
            ("!", "*!*@*"),
            ("a!@", "a!*@*"),
            ("a!b@c", "a!b@c"),
            ("a!b!c@d@e", "a!b!c@d@e"),
            ("*.host", "*!*@*.host"),
            ("10.*", "*!*@10.*"),
            ("::1", "*!*@::1"),
            ("***bob**", "*bob*!*@*"),
            ("**!**@**", "*!*@*"),
            ("*?*", "*?*!*@*"),
            ("bob\\**", "bob\\*!*@*"),
        ] {
            assert_eq!(Mask::parse(text).unwrap().as_str(), full, "{text:?}");
        }
        let long = "a".repeat(Mask::BYTES_MAX - "!*@*".len());
        assert!(Mask::parse(&long).is_ok());
        for text in ["", "a b", "a\0", "a\x03b", "a\r\n", ":a!b@c", &(long + "a")] {
            assert!(Mask::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn masks_that_differ_in_case_are_one_ban() {
        assert_eq!(Mask::parse("Bob"), Mask::parse("bob!*@*"));
        assert_ne!(Mask::parse("[bob]"), Mask::parse("{bob}"));
    }

    #[test]
    fn no_mask_takes_more_steps_than_its_length_times_the_texts() {
        let text = "a".repeat(512);
        let many_stars = "*a".repeat(256) + "b";
        assert!(steps(&many_stars, &text) <= 4 * text.len());
        for glob in [
            "*".repeat(256) + &"a".repeat(255) + "b",
            "*?".repeat(256) + "b",
            "*aaaa".repeat(100) + "b",
        ] {
            assert!(steps(&glob, &text) <= steps_max(&glob, &text), "{glob}");
        }
        // Twice the text must be twice the work; backtracking into every `*` would be exponential.
        let ratio = steps(&many_stars, &text.repeat(2)) as f64 / steps(&many_stars, &text) as f64;
        assert!(ratio < 2.5, "{ratio}");
    }

    proptest! {
        #[test]
        fn a_mask_means_what_the_oracle_says(
            glob in "[aAbé*?!@\\\\]{0,16}",
            text in "[aAbé!@*?\\\\]{0,24}",
        ) {
            prop_assert!(steps(&glob, &text) <= steps_max(&glob, &text));
        }

        #[test]
        fn completing_a_mask_twice_changes_nothing(text in "[a.:*?!@é]{0,16}|\\PC{0,16}") {
            let Ok(mask) = Mask::parse(&text) else { return Ok(()) };
            let again = Mask::parse(mask.as_str()).unwrap();
            prop_assert_eq!(again.as_str(), mask.as_str());
            prop_assert!(!mask.as_str().contains("**"));
        }

        #[test]
        fn completing_a_full_mask_changes_nothing_of_whom_it_means(
            mask in "[ab*?]{1,5}![ab*?]{1,5}@[ab*?]{1,5}",
            who in "[ab]{1,4}![ab]{1,4}@[ab]{1,4}",
        ) {
            prop_assert_eq!(Mask::parse(&mask).unwrap().matches(&who), oracle(&mask, &who));
        }
    }
}
