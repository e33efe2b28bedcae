//! Comparison of names without regard to case: `CASEMAPPING=ascii` of Modern IRC, "CASEMAPPING
//! parameter".
//!
//! Only `A` to `Z` and `a` to `z` are alike. `[]\^` and `{}|~` stay apart, unlike in `rfc1459`, and
//! beyond ASCII every character is itself, so that the owner of a nick does not depend on a version
//! of Unicode's tables. Names that only look alike (`l` and `I`, Latin and Cyrillic `а`) are not
//! this module's affair: see [`crate::auth::skeleton`].

use std::borrow::{Borrow, Cow};

/// The value of `CASEMAPPING` in ISUPPORT.
pub const CASEMAPPING: &str = "ascii";

/// A name as a key: two names that are the same give equal keys, with equal hashes.
///
/// 16 bytes and one allocation. A map of these is searched with a `Folded`, or with a `&str` that
/// is already folded.
/// ```
/// use stonechat::wire::casemap::Folded;
/// assert_eq!(Folded::of("Zoë[1]"), Folded::of("ZOë[1]"));
/// assert_ne!(Folded::of("Zoë[1]"), Folded::of("Zoë{1}"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Folded(Box<str>);

impl Folded {
    /// The key of `name`.
    pub fn of(name: &str) -> Folded {
        Folded(name.to_ascii_lowercase().into())
    }

    /// The name in small letters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Sound, as the derived comparisons and hash are those of the `str`.
impl Borrow<str> for Folded {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// Folds `name` for a look-up in a map of [`Folded`]. Allocates only if it has capitals.
pub fn folded(name: &str) -> Cow<'_, str> {
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}

/// Whether `a` and `b` are the same name; allocates nothing.
pub fn same(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
}

/// Whether two characters are equal but for case.
pub fn same_char(a: char, b: char) -> bool {
    a.eq_ignore_ascii_case(&b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    /// The naive oracle: looks up each letter in the alphabet.
    fn oracle(name: &str) -> String {
        let (large, small) = ("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz");
        let fold = |c| large.find(c).map_or(c, |at| small.as_bytes()[at] as char);
        name.chars().map(fold).collect()
    }

    #[test]
    fn the_table() {
        for (a, b, are_same) in [
            ("", "", true),
            ("ann", "ANN", true),
            ("#Chan", "#chan", true),
            ("@`", "`@", false),
            ("@", "`", false),
            ("[", "{", false),
            ("]", "}", false),
            ("\\", "|", false),
            ("^", "~", false),
            ("É", "é", false),
            ("\u{130}", "i", false),  // İ
            ("\u{212a}", "k", false), // the sign of the kelvin
            ("straße", "STRASSE", false),
            ("ann", "anne", false),
        ] {
            assert_eq!(same(a, b), are_same, "{a:?} {b:?}");
            assert_eq!(Folded::of(a) == Folded::of(b), are_same, "the keys of {a:?} {b:?}");
            assert_eq!(oracle(a) == oracle(b), are_same, "the oracle of {a:?} {b:?}");
        }
    }

    #[test]
    fn who_is_known_is_found_however_the_name_is_written() {
        let known = HashMap::from([(Folded::of("Ann"), 1)]);
        assert_eq!(known.get(&Folded::of("aNN")), Some(&1));
        assert_eq!(known.get("ann"), Some(&1));
    }

    proptest! {
        #[test]
        fn names_are_folded_as_the_oracle_folds_them(
            a in "[@A-z{|}~éÉ\\PC]{0,12}",
            b in "[abAB]{0,2}|\\PC{0,4}",
        ) {
            let folded = Folded::of(&a);
            prop_assert_eq!(folded.as_str(), oracle(&a));
            prop_assert_eq!(&Folded::of(folded.as_str()), &folded);
            prop_assert_eq!(super::folded(&a), folded.as_str());
            prop_assert!(same(&a, folded.as_str()));
            prop_assert_eq!(same(&a, &b), oracle(&a) == oracle(&b));
            let alike = a.chars().zip(b.chars()).all(|(a, b)| same_char(a, b));
            prop_assert_eq!(same(&a, &b), alike && a.chars().count() == b.chars().count());
        }
    }
}
