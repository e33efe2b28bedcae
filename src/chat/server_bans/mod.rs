//! Whom the server lets in no more: networks, accounts and masks, each with a reason, and until when.
//!
//! They are kept in the store, and are here again after a start. Networks are denied by the loop
//! itself (`net::Denied`), before anything is heard; accounts at login; masks when one registers or
//! takes another nick. `commands::uban` is how one is set.

pub(super) mod duration;
mod masks;

use super::Chat;
use super::voice::Voice;
use crate::net::{ConnId, Denial, Network, Outbox};
use crate::store::{BanKind, BanRecord, Request};
use crate::wire::casemap;
use crate::wire::irc::names;
use crate::wire::irc::time::write_time;
use crate::wire::mask::Mask;
use masks::Masks;
use std::collections::{BTreeSet, HashMap};
use std::fmt;

/// Whom a ban means.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Target {
    /// All who come from there.
    Network(Network),
    /// Who is logged in to it, folded.
    Account(Box<str>),
    /// `nick!user@host` in full, in small letters; the host as others see it, or the address.
    Mask(Box<str>),
}

/// What is said of a ban.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ServerBan {
    pub(super) reason: Box<str>,
    /// The mask of who set it.
    pub(super) by: Box<str>,
    /// When, in seconds since 1970.
    pub(super) at: u64,
    /// Likewise; `None` for ever.
    pub(super) until: Option<u64>,
}

/// All of them. Whatever their number, who comes is held against few.
#[derive(Default)]
pub(super) struct ServerBans {
    bans: HashMap<Target, ServerBan>,
    masks: Masks,
    /// Those that end, the next to end first.
    ends: BTreeSet<(u64, Target)>,
}

impl Target {
    /// Whom `text` means: an address or a network, a mask, which has `!`, `@` or a wildcard, or else
    /// an account, which may be written `account:name`. A mask of anyone at one address, or in one
    /// network, means that.
    pub(super) fn parse(text: &str) -> Option<Target> {
        if let Some(account) = text.strip_prefix("account:") {
            return Target::account(account);
        }
        let host = text.strip_prefix("*!").unwrap_or(text).strip_prefix("*@").unwrap_or(text);
        if let Some(network) = Network::parse(host) {
            return Some(Target::Network(network));
        }
        match text.contains(['!', '@', '*', '?', '.', ':']) {
            true => {
                let mask = Mask::parse(text).ok()?;
                // A network within a mask would mean nobody: hosts have no slash.
                if mask.as_str().contains('/') {
                    return None;
                }
                Some(Target::Mask(casemap::folded(mask.as_str()).into()))
            }
            false => Target::account(text),
        }
    }

    fn account(name: &str) -> Option<Target> {
        let account = names::Account::parse(name, usize::MAX)?;
        Some(Target::Account(casemap::folded(account.as_str()).into()))
    }

    /// Whether it means so many that it was likely not meant.
    pub(super) fn is_vast(&self) -> bool {
        match self {
            Target::Network(network) if network.first().is_ipv4() => network.length() < 8,
            Target::Network(network) => network.length() < 16,
            Target::Account(_) => false,
            Target::Mask(mask) => !mask.contains(char::is_alphanumeric),
        }
    }

    fn kind(&self) -> BanKind {
        match self {
            Target::Network(_) => BanKind::Address,
            Target::Account(_) => BanKind::Account,
            Target::Mask(_) => BanKind::Mask,
        }
    }

    /// As the store has it.
    pub(super) fn kept(&self) -> (BanKind, String) {
        let what = match self {
            Target::Network(network) => network.to_string(),
            Target::Account(text) | Target::Mask(text) => text.to_string(),
        };
        (self.kind(), what)
    }
}

/// As an operator may write it.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Target::Network(network) => write!(f, "{network}"),
            Target::Account(account) => write!(f, "account:{account}"),
            Target::Mask(mask) => f.write_str(mask),
        }
    }
}

impl ServerBan {
    /// As who is banned is told it.
    pub(super) fn told(&self) -> String {
        let reason = if self.reason.is_empty() { "no reason given" } else { &self.reason };
        match self.until {
            Some(until) => format!("You are banned: {reason} (until {})", time(until)),
            None => format!("You are banned: {reason}"),
        }
    }

    fn holds(&self, now: u64) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

/// `2026-01-01T00:00:00Z`.
pub(super) fn time(unix: u64) -> String {
    let mut text = Vec::new();
    write_time(&mut text, unix.saturating_mul(1000));
    String::from_utf8_lossy(&text).replace(".000Z", "Z")
}

impl ServerBans {
    /// Puts one in, in the place of what was said of its target before.
    fn insert(&mut self, target: Target, ban: ServerBan) {
        self.remove(&target);
        if let Target::Mask(mask) = &target {
            self.masks.insert(mask);
        }
        if let Some(until) = ban.until {
            self.ends.insert((until, target.clone()));
        }
        self.bans.insert(target, ban);
    }

    fn remove(&mut self, target: &Target) -> Option<ServerBan> {
        let ban = self.bans.remove(target)?;
        if let Target::Mask(mask) = target {
            self.masks.remove(mask);
        }
        if let Some(until) = ban.until {
            self.ends.remove(&(until, target.clone()));
        }
        Some(ban)
    }

    /// What is said of a target.
    pub(super) fn get(&self, target: &Target) -> Option<&ServerBan> {
        self.bans.get(target)
    }

    /// All of them, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Target, &ServerBan)> {
        self.bans.iter()
    }

    fn of_mask(&self, who: &str, now: u64) -> Option<&ServerBan> {
        let ban = |mask: &str| self.bans.get(&Target::Mask(mask.into()));
        ban(self.masks.find(who, |mask| ban(mask).is_some_and(|ban| ban.holds(now)))?)
    }

    /// Those that have ended by now.
    fn take_ended(&mut self, now: u64) -> Vec<Target> {
        let mut ended = Vec::new();
        while let Some((_, target)) = self.ends.first().filter(|(until, _)| *until <= now).cloned()
        {
            self.remove(&target);
            ended.push(target);
        }
        ended
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.bans.len()
    }
}

impl Chat {
    /// The bans that were set before this start. Before anyone comes.
    pub fn restore_bans(&mut self, out: &mut Outbox, records: Vec<BanRecord>) {
        for record in records {
            let BanRecord { kind, what, reason, setter, created_s, expires_s } = record;
            let target = match kind {
                BanKind::Address => Network::parse(&what).map(Target::Network),
                BanKind::Account => Some(Target::Account(what.as_str().into())),
                BanKind::Mask => {
                    Mask::parse(&what).ok().map(|_| Target::Mask(what.as_str().into()))
                }
            };
            let Some(target) = target else {
                log::error!("there can't be a ban that is kept as {what:?}");
                continue;
            };
            let seconds = |time: i64| u64::try_from(time).unwrap_or(0);
            let ban = ServerBan {
                reason: reason.into(),
                by: setter.into(),
                at: seconds(created_s),
                until: expires_s.map(seconds),
            };
            self.put_ban(out, target, ban);
        }
    }

    /// From now on it holds.
    pub(super) fn put_ban(&mut self, out: &mut Outbox, target: Target, ban: ServerBan) {
        if let Target::Network(network) = target {
            let denial = Denial { why: ban.told().into(), until_s: ban.until };
            out.denied.insert(network, denial);
        }
        self.bans.insert(target, ban);
    }

    /// It holds no more.
    pub(super) fn lift_ban(&mut self, out: &mut Outbox, target: &Target) {
        if let Target::Network(network) = target {
            out.denied.remove(*network);
        }
        self.bans.remove(target);
    }

    /// Forgets bans that have ended. They bind nobody anyway: this is only for their room.
    pub(super) fn forget_ended_bans(&mut self, voice: &mut Voice) {
        for target in self.bans.take_ended(voice.unix()) {
            if let Target::Network(network) = target {
                voice.out.denied.remove(network);
            }
            log::info!("the ban of {target} has ended");
            let (kind, what) = target.kept();
            self.ask_store(voice, Request::DropBan { kind, what }, |_, _, _| {});
        }
    }

    /// Why who is at the other end may not be called so: a ban of a mask, by the host that others see
    /// and by the address.
    pub(super) fn ban_of_name(
        &self,
        voice: &Voice,
        conn: ConnId,
        nick: &str,
        username: &str,
    ) -> Option<String> {
        let address = self.sessions[conn].address.map(|address| address.to_string());
        let hosts = [Some(self.host(conn)), address];
        hosts.into_iter().flatten().find_map(|host| {
            let ban = self.bans.of_mask(&format!("{nick}!{username}@{host}"), voice.unix());
            ban.map(ServerBan::told)
        })
    }

    /// Why nobody may log in to an account.
    pub(super) fn ban_of_account(&self, voice: &Voice, account: &str) -> Option<String> {
        let target = Target::Account(casemap::folded(account).into());
        let ban = self.bans.get(&target).filter(|ban| ban.holds(voice.unix()));
        ban.map(ServerBan::told)
    }
}
