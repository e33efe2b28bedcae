//! Server bans: networks, accounts and masks, each with a reason and an end.
//!
//! They are stored, and restored at start. The loop itself denies networks (`net::Denied`) before
//! it reads anything. Accounts are denied at login, masks at registration and at a change of nick.
//! UBAN sets them: `oper::uban`.

use crate::chat::state::server_bans::masks::Masks;
use crate::net::Network;
use crate::store::BanKind;
use crate::wire::casemap;
use crate::wire::irc::names;
use crate::wire::irc::time::write_time;
use crate::wire::mask::Mask;
use std::collections::{BTreeSet, HashMap};
use std::fmt;

pub(crate) mod duration;

mod masks;

/// The clients that a ban matches.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum BanTarget {
    /// All clients from that network.
    Network(Network),
    /// Users of that account, folded.
    Account(Box<str>),
    /// `nick!user@host` in full, in small letters; the host is the visible one or the address.
    Mask(Box<str>),
}

/// The details of a ban.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServerBan {
    pub(crate) reason: Box<str>,
    /// The mask of the operator who set it.
    pub(crate) by: Box<str>,
    /// When it was set, in seconds since 1970.
    pub(crate) at: u64,
    /// When it ends, in seconds since 1970; `None` for never.
    pub(crate) until: Option<u64>,
}

/// All server bans. A new client is tested against few of them, whatever their number.
#[derive(Default)]
pub(crate) struct ServerBans {
    bans: HashMap<BanTarget, ServerBan>,
    masks: Masks,
    /// The bans that end, earliest first.
    ends: BTreeSet<(u64, BanTarget)>,
}

impl BanTarget {
    /// Parses a target: an address or network, a mask, or an account. A mask has `!`, `@` or a
    /// wildcard. An account may be written `account:name`. A mask of anyone at one address or
    /// network means that network.
    pub(crate) fn parse(text: &str) -> Option<BanTarget> {
        if let Some(account) = text.strip_prefix("account:") {
            return BanTarget::account(account);
        }
        let host = text.strip_prefix("*!").unwrap_or(text).strip_prefix("*@").unwrap_or(text);
        if let Some(network) = Network::parse(host) {
            return Some(BanTarget::Network(network));
        }
        match text.contains(['!', '@', '*', '?', '.', ':']) {
            true => {
                let mask = Mask::parse(text).ok()?;
                // A mask with a network in it would match nobody: hosts have no slash.
                if mask.as_str().contains('/') {
                    return None;
                }
                Some(BanTarget::Mask(casemap::folded(mask.as_str()).into()))
            }
            false => BanTarget::account(text),
        }
    }

    fn account(name: &str) -> Option<BanTarget> {
        let account = names::Account::parse(name, usize::MAX)?;
        Some(BanTarget::Account(casemap::folded(account.as_str()).into()))
    }

    /// Whether it matches so many that it is likely a mistake.
    pub(crate) fn is_vast(&self) -> bool {
        match self {
            BanTarget::Network(network) if network.first().is_ipv4() => network.length() < 8,
            BanTarget::Network(network) => network.length() < 16,
            BanTarget::Account(_) => false,
            BanTarget::Mask(mask) => !mask.contains(char::is_alphanumeric),
        }
    }

    fn kind(&self) -> BanKind {
        match self {
            BanTarget::Network(_) => BanKind::Address,
            BanTarget::Account(_) => BanKind::Account,
            BanTarget::Mask(_) => BanKind::Mask,
        }
    }

    /// The kind and text of the ban in the store.
    pub(crate) fn kept(&self) -> (BanKind, String) {
        let what = match self {
            BanTarget::Network(network) => network.to_string(),
            BanTarget::Account(text) | BanTarget::Mask(text) => text.to_string(),
        };
        (self.kind(), what)
    }
}

/// Formats the target as an operator may write it.
impl fmt::Display for BanTarget {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            BanTarget::Network(network) => write!(f, "{network}"),
            BanTarget::Account(account) => write!(f, "account:{account}"),
            BanTarget::Mask(mask) => f.write_str(mask),
        }
    }
}

impl ServerBan {
    /// The target in words, for the banned user.
    pub(crate) fn told(&self) -> String {
        let reason = if self.reason.is_empty() { "no reason given" } else { &self.reason };
        match self.until {
            Some(until) => format!("You are banned: {reason} (until {})", time(until)),
            None => format!("You are banned: {reason}"),
        }
    }

    pub(crate) fn holds(&self, now: u64) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

/// Formats a time: `2026-01-01T00:00:00Z`.
pub(crate) fn time(unix: u64) -> String {
    let mut text = Vec::new();
    write_time(&mut text, unix.saturating_mul(1000));
    String::from_utf8_lossy(&text).replace(".000Z", "Z")
}

impl ServerBans {
    /// Adds a ban, or replaces the earlier one of its target.
    pub(crate) fn insert(&mut self, target: BanTarget, ban: ServerBan) {
        self.remove(&target);
        if let BanTarget::Mask(mask) = &target {
            self.masks.insert(mask);
        }
        if let Some(until) = ban.until {
            self.ends.insert((until, target.clone()));
        }
        self.bans.insert(target, ban);
    }

    pub(crate) fn remove(&mut self, target: &BanTarget) -> Option<ServerBan> {
        let ban = self.bans.remove(target)?;
        if let BanTarget::Mask(mask) = target {
            self.masks.remove(mask);
        }
        if let Some(until) = ban.until {
            self.ends.remove(&(until, target.clone()));
        }
        Some(ban)
    }

    /// The details of the ban of a target.
    pub(crate) fn get(&self, target: &BanTarget) -> Option<&ServerBan> {
        self.bans.get(target)
    }

    /// All bans, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&BanTarget, &ServerBan)> {
        self.bans.iter()
    }

    pub(crate) fn of_mask(&self, who: &str, now: u64) -> Option<&ServerBan> {
        let ban = |mask: &str| self.bans.get(&BanTarget::Mask(mask.into()));
        ban(self.masks.find(who, |mask| ban(mask).is_some_and(|ban| ban.holds(now)))?)
    }

    /// Removes and returns the targets of bans that have ended.
    pub(crate) fn take_ended(&mut self, now: u64) -> Vec<BanTarget> {
        let mut ended = Vec::new();
        while let Some((_, target)) = self.ends.first().filter(|(until, _)| *until <= now).cloned()
        {
            self.remove(&target);
            ended.push(target);
        }
        ended
    }

    /// How many bans there are.
    pub(crate) fn len(&self) -> usize {
        self.bans.len()
    }
}
