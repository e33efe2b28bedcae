//! An index of masks: of 100,000, only the few that may match a user are tested.
//!
//! Each mask is filed under one piece of its literal text, which any match must contain. The pieces
//! of a new user are looked up: some hundred, however many masks there are. A piece is six bytes,
//! or three where no more stand together between wildcards. Ends count, so that `bob!*@*` has one
//! of six. A mask is filed under the piece that has fewest others. Masks without a piece, as
//! `*a*!*@*`, are tested for everyone; there are few of those.

use crate::wire::{casemap, mask};
use std::collections::HashMap;

/// Masks in full, in small letters.
#[derive(Default)]
pub(crate) struct Masks {
    by_piece: HashMap<u64, Vec<Box<str>>>,
    without: Vec<Box<str>>,
}

/// The lengths of pieces, in bytes.
const PIECES: [usize; 2] = [6, 3];

/// Marks the beginning and the end of a mask or text. Neither has control characters.
const BEFORE: u8 = 1;

const AFTER: u8 = 2;

impl Masks {
    /// Adds a mask that is not in the index yet.
    pub(crate) fn insert(&mut self, mask: &str) {
        let pieces = pieces_of_mask(mask);
        let others = |piece: &u64| self.by_piece.get(piece).map_or(0, Vec::len);
        match pieces.into_iter().min_by_key(others) {
            Some(piece) => self.by_piece.entry(piece).or_default().push(mask.into()),
            None => self.without.push(mask.into()),
        }
    }

    /// Removes a mask.
    pub(crate) fn remove(&mut self, mask: &str) {
        self.without.retain(|known| **known != *mask);
        for piece in pieces_of_mask(mask) {
            let Some(known) = self.by_piece.get_mut(&piece) else { continue };
            known.retain(|known| **known != *mask);
            if known.is_empty() {
                self.by_piece.remove(&piece);
            }
        }
    }

    /// A mask that matches `who`, given as `nick!user@host`, and satisfies `holds`.
    pub(crate) fn find<'a>(&'a self, who: &str, holds: impl Fn(&str) -> bool) -> Option<&'a str> {
        let text = bounded(&casemap::folded(who));
        let mut tried = Vec::new();
        let means = |mask: &&str| mask::matches(mask, who) && holds(mask);
        let first = |masks: &'a [Box<str>]| masks.iter().map(|mask| &**mask).find(means);
        let mut found = first(&self.without);
        for piece in PIECES.into_iter().flat_map(|bytes| text.windows(bytes)).map(packed) {
            if found.is_some() {
                break;
            }
            let Some(masks) = self.by_piece.get(&piece) else { continue };
            // A text may repeat a piece many times.
            if !tried.contains(&piece) {
                tried.push(piece);
                found = first(masks);
            }
        }
        found
    }
}

fn bounded(text: &str) -> Vec<u8> {
    [&[BEFORE], text.as_bytes(), &[AFTER]].concat()
}

/// The pieces that every match of `mask` contains: the longest there are.
fn pieces_of_mask(mask: &str) -> Vec<u64> {
    let text = bounded(&casemap::folded(mask));
    let runs = || text.split(|byte| matches!(byte, b'*' | b'?'));
    let pieces = |bytes: usize| runs().flat_map(|run| run.windows(bytes)).map(packed).collect();
    let pieces = PIECES.map(|bytes| -> Vec<u64> { pieces(bytes) });
    pieces.into_iter().find(|pieces| !pieces.is_empty()).unwrap_or_default()
}

/// A piece as a number that includes its length.
fn packed(piece: &[u8]) -> u64 {
    piece.iter().fold(piece.len() as u64, |packed, byte| packed << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// How many masks `who` is tested against.
    fn looked_at(masks: &Masks, who: &str) -> usize {
        let text = bounded(&casemap::folded(who));
        let pieces = PIECES.into_iter().flat_map(|bytes| text.windows(bytes)).map(packed);
        let mut pieces: Vec<u64> = pieces.collect();
        pieces.sort_unstable();
        pieces.dedup();
        let found = pieces.iter().filter_map(|piece| masks.by_piece.get(piece)).map(Vec::len);
        masks.without.len() + found.sum::<usize>()
    }

    #[test]
    fn of_a_hundred_thousand_masks_a_newcomer_is_held_against_few() {
        let mut masks = Masks::default();
        for n in 0..25_000 {
            let (a, b) = (n / 250, n % 250);
            masks.insert(&format!("*!*@host{n:05}.example.org"));
            masks.insert(&format!("*!*@10.{a}.{b}.*"));
            masks.insert(&format!("spam{n}!*@*"));
            masks.insert(&format!("*!*@*x{n:05}y*"));
        }
        masks.insert(&("*a".repeat(100) + "b!*@*")); // the worst possible mask
        for who in [
            "ann!ann@abcdefghij.klmnopqrst.uvwxyzabcd.ip",
            "ann!ann@198.51.100.7",
            "spammer!a@10.200.1.1",
            "host!x@dsl.example.org",
            &("a".repeat(30) + "!" + &"a".repeat(16) + "@" + &"a".repeat(60)),
        ] {
            assert_eq!(masks.find(who, |_| true), None, "{who}");
            assert!(looked_at(&masks, who) <= 300, "{who}: {}", looked_at(&masks, who));
        }
        assert_eq!(masks.find("x!y@10.3.4.200", |_| true), Some("*!*@10.3.4.*"));
        assert_eq!(masks.find("SPAM77!y@a", |_| true), Some("spam77!*@*"));
    }

    proptest! {
        #[test]
        fn it_finds_whoever_a_scan_finds(
            steps in proptest::collection::vec(
                ("[ab*?]{1,8}![ab*]{1,5}@[abc.*?]{1,10}", any::<bool>()), 0..20),
            who in proptest::collection::vec("[abA]{1,8}![ab]{1,5}@[abc.]{1,10}", 1..8),
        ) {
            let (mut masks, mut all) = (Masks::default(), Vec::<String>::new());
            for (mask, on) in steps {
                let known = all.contains(&mask);
                if on && !known {
                    masks.insert(&mask);
                    all.push(mask);
                } else if !on {
                    masks.remove(&mask);
                    all.retain(|other| *other != mask);
                }
            }
            let holds = |mask: &str| !mask.len().is_multiple_of(3);
            for who in who {
                let found = masks.find(&who, holds);
                let means = |mask: &str| mask::matches(mask, &who) && holds(mask);
                prop_assert!(found.is_none_or(means));
                prop_assert_eq!(found.is_some(), all.iter().any(|mask| means(mask)));
            }
            all.iter().for_each(|mask| masks.remove(mask));
            prop_assert!(masks.by_piece.is_empty() && masks.without.is_empty());
        }
    }
}
