//! Ranks of a member in a channel.

/// A rank in a channel, lowest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Rank {
    Voice,
    Halfop,
    Op,
    Admin,
    Founder,
}

/// The ranks of one member, in any combination.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ranks(u8);

impl Rank {
    /// Each rank with its mode letter and prefix, highest first: ISUPPORT `PREFIX`.
    pub const LETTERS: [(char, char, Rank); 5] = [
        ('q', '~', Rank::Founder),
        ('a', '&', Rank::Admin),
        ('o', '@', Rank::Op),
        ('h', '%', Rank::Halfop),
        ('v', '+', Rank::Voice),
    ];

    /// The rank with that mode letter.
    pub fn of(letter: char) -> Option<Rank> {
        Self::LETTERS.iter().find(|(known, _, _)| *known == letter).map(|(_, _, rank)| *rank)
    }

    /// The rank with that prefix.
    pub fn of_prefix(prefix: char) -> Option<Rank> {
        Self::LETTERS.iter().find(|(_, known, _)| *known == prefix).map(|(_, _, rank)| *rank)
    }

    /// The mode letter of the rank.
    pub fn letter(self) -> char {
        let found = Self::LETTERS.iter().find(|(_, _, known)| *known == self);
        found.expect("each has a letter").0
    }
}

impl Ranks {
    /// Whether the set includes `rank`.
    pub fn has(self, rank: Rank) -> bool {
        self.0 & (1 << rank as u8) != 0
    }

    /// Whether the set includes `rank` or a higher one.
    pub fn at_least(self, rank: Rank) -> bool {
        self.0 >= 1 << rank as u8
    }

    /// The highest rank in the set.
    pub fn highest(self) -> Option<Rank> {
        Rank::LETTERS.iter().map(|(_, _, rank)| *rank).find(|rank| self.has(*rank))
    }

    /// Adds or removes `rank`.
    pub fn set(&mut self, rank: Rank, on: bool) {
        if on { self.0 |= 1 << rank as u8 } else { self.0 &= !(1 << rank as u8) }
    }

    /// The prefixes of the ranks, highest first; only the highest unless `all`.
    pub fn prefixes(self, all: bool) -> impl Iterator<Item = char> {
        let held = Rank::LETTERS.iter().filter(move |(_, _, rank)| self.has(*rank));
        held.map(|(_, prefix, _)| *prefix).take(if all { usize::MAX } else { 1 })
    }
}
