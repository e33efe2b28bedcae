//! Entries of a channel's lists: a mask, or an extended ban. ISUPPORT `EXTBAN`; IRCv3
//! account-extban.
//!
//! Extended bans have no prefix here: `a:` and a mask of accounts, or `m:` and an entry of either
//! kind, which it mutes. A host that begins so is written in full, `*!*@a:…`.

use crate::chat::state::users::User;
use crate::wire::mask::{Mask, Unfit};
use crate::wire::{casemap, mask};

/// A list entry: the users it matches, and whether it bans or mutes them.
#[derive(Clone, Debug)]
pub struct Ban {
    /// It stops matching users from speaking only, not from joining.
    pub mutes: bool,
    who: Who,
    text: Box<str>,
}

#[derive(Clone, Debug)]
enum Who {
    Mask(Mask),
    /// A mask of account names, in small letters.
    Account(Box<str>),
}

/// The letters of extended bans: ISUPPORT `EXTBAN`.
pub const EXTBANS: &str = "am";

/// The extended ban that matches accounts: ISUPPORT `ACCOUNTEXTBAN`.
pub const ACCOUNT_EXTBAN: &str = "a";

impl Ban {
    /// Parses a list entry as a client writes it.
    pub fn parse(text: &str) -> Result<Ban, Unfit> {
        let (mutes, rest) = match text.strip_prefix("m:") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let who = match rest.strip_prefix("a:") {
            Some(account) => {
                let unfit = |c: char| c == ' ' || c.is_ascii_control();
                if account.is_empty() || account.len() > Mask::BYTES_MAX || account.contains(unfit)
                {
                    return Err(Unfit);
                }
                Who::Account(account.to_ascii_lowercase().into())
            }
            None => Who::Mask(Mask::parse(rest)?),
        };
        let plain = match &who {
            Who::Mask(mask) => mask.as_str().to_owned(),
            Who::Account(account) => format!("a:{account}"),
        };
        let text = if mutes { format!("m:{plain}") } else { plain };
        Ok(Ban { mutes, who, text: text.into() })
    }

    /// The entry in full, as list replies show it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the entry matches `user`.
    pub fn means(&self, user: &User) -> bool {
        match &self.who {
            Who::Mask(mask) => mask.matches(user.mask()),
            Who::Account(glob) => {
                user.account().is_some_and(|account| mask::matches(glob, account))
            }
        }
    }
}

/// Compares without regard to case.
impl PartialEq for Ban {
    fn eq(&self, other: &Ban) -> bool {
        casemap::same(&self.text, &other.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_told_in_full() {
        for (text, full) in [
            ("bob", "bob!*@*"),
            ("a:Bob", "a:bob"),
            ("m:bob", "m:bob!*@*"),
            ("m:a:*", "m:a:*"),
            ("*!*@a:b::1", "*!*@a:b::1"),
        ] {
            assert_eq!(Ban::parse(text).unwrap().as_str(), full, "{text}");
        }
        for bad in ["", "a:", "m:", "m:a:", "a:b c", "m: "] {
            assert!(Ban::parse(bad).is_err(), "{bad:?}");
        }
    }
}
