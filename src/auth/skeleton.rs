//! Look-alike names: two accounts may not have names with the same skeleton.
//!
//! By Unicode TR 39 §4. Of its confusables only these are ASCII: `0 O`, `1 l I |`, `m rn`, `` ` '
//! ``. The last cannot stand in a nick. We add
//!
//! * large and small letters, which are equal anyway (`casemap`). So `i` is like `l`: `neil` may be
//!   written `NeIl`, which looks like Nell;
//! * `w vv`, like `m rn`;
//! * `- _`, `[ {` and `] }`: they are easily mixed up, and the brackets are equal in clients that
//!   assume the casemapping `rfc1459`.
//!
//! Not `5 s`, `2 z`, `8 b`, `cl d`, `nn m` and the like: the usual fonts of chat distinguish them,
//! and `clara` and `dara` are two names.

/// The look of a name. It is no name itself, and is never shown.
/// ```
/// use stonechat::auth::skeleton::Skeleton;
/// assert_eq!(Skeleton::of("Modern_1"), Skeleton::of("rnoderN-l"));
/// assert_ne!(Skeleton::of("ann"), Skeleton::of("anna"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Skeleton(Box<str>);

impl Skeleton {
    /// The skeleton of `name`, at most twice as long. A character beyond ASCII is like itself
    /// alone.
    pub fn of(name: &str) -> Skeleton {
        let mut skeleton = String::with_capacity(name.len());
        for c in name.chars() {
            match c.to_ascii_lowercase() {
                '0' => skeleton.push('o'),
                '1' | 'i' | '|' => skeleton.push('l'),
                'm' => skeleton.push_str("rn"),
                'w' => skeleton.push_str("vv"),
                '-' => skeleton.push('_'),
                '{' => skeleton.push('['),
                '}' => skeleton.push(']'),
                other => skeleton.push(other),
            }
        }
        Skeleton(skeleton.into())
    }

    /// The text, to be stored beside the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::casemap;
    use proptest::prelude::*;

    fn alike(a: &str, b: &str) -> bool {
        Skeleton::of(a) == Skeleton::of(b)
    }

    #[test]
    fn names_that_look_alike() {
        for (a, b) in [
            ("ann", "ANN"),
            ("root", "r00t"),
            ("alice", "aIice"),
            ("alice", "a1ice"),
            ("alice", "a|ice"),
            ("bill", "bi||"),
            ("nell", "NeIl"),
            ("modern", "rnodern"),
            ("modern", "rnodem"),
            ("WILL", "VVILL"),
            ("www", "vvvvvv"),
            ("a-b", "a_b"),
            ("[afk]", "{afk}"),
            ("nm", "nrn"),
        ] {
            assert!(alike(a, b), "{a} {b}");
        }
    }

    #[test]
    fn names_that_do_not() {
        let people = [
            "ann", "anna", "anne", "ann_", "dave", "clave", "sam", "zam", "sue", "bob", "6ob",
            "8ob", "clara", "dara", "jim", "jin", "uwe", "r2d2", "rzdz", "gus", "qus", "n", "nn",
            "v", "vvv", "a`", "a^", "a\\", "[", "]", "moe", "noe", "kim", "kin", "ed", "eel",
        ];
        for (at, a) in people.iter().enumerate() {
            for b in &people[at + 1..] {
                assert!(!alike(a, b), "{a} {b}");
            }
        }
    }

    proptest! {
        #[test]
        fn a_skeleton_is_its_own(name in "[A-Za-z0-9\\[\\]\\\\`_^{|}-]{0,12}|\\PC{0,8}") {
            let skeleton = Skeleton::of(&name);
            prop_assert_eq!(&Skeleton::of(skeleton.as_str()), &skeleton);
            prop_assert!(skeleton.as_str().len() <= 2 * name.len());
        }

        /// All spellings of a name, letter by letter.
        #[test]
        fn names_are_alike_however_each_letter_is_written(
            letters in prop::collection::vec((0..11_usize, 0..4_usize), 0..12),
        ) {
            const LIKE: [&[&str]; 11] = [
                &["o", "O", "0"], &["l", "i", "I", "1"], &["L", "|"], &["m", "M", "rn"],
                &["w", "W", "vv", "Vv"], &["-", "_"], &["{", "["], &["}", "]"], &["r"], &["n"],
                &["x", "X"],
            ];
            let plain: String = letters.iter().map(|(letter, _)| LIKE[*letter][0]).collect();
            let other: String = letters
                .iter()
                .map(|(letter, form)| LIKE[*letter][form % LIKE[*letter].len()])
                .collect();
            prop_assert!(alike(&plain, &other), "{} {}", plain, other);
        }

        #[test]
        fn the_same_name_has_the_same(a in "[a-zA-Z0-9|-]{1,6}", b in "[a-zA-Z0-9|-]{1,6}") {
            prop_assert!(alike(&a, &a.to_ascii_uppercase()));
            prop_assert!(!casemap::same(&a, &b) || alike(&a, &b));
        }
    }
}
