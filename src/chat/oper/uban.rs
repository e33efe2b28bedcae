//! UBAN, and KLINE and DLINE as operators know them: server bans. The syntax follows Ergo (UBAN)
//! and older servers.

use crate::chat::command::Command;
use crate::chat::reply::Sink;
use crate::chat::reply::numeric::*;
use crate::chat::state::right::Right;
use crate::chat::state::server_bans::{BanTarget, ServerBan, duration, time};
use crate::chat::state::services::shortened;
use crate::chat::{Caller, Chat};
use crate::net::ConnId;
use crate::store::{BanRecord, Reply, Request};
use crate::wire::casemap::same;
use crate::wire::irc::Message;
use crate::wire::mask;

pub(crate) const UBAN: Command = Command::user("UBAN", 1, Chat::uban).costs(20).for_operators().help("UBAN ADD [duration] target [reason]", &["Bans a target from the server, and closes its connections. The target is an address, a", "network (192.0.2.0/24), a mask (nick!user@host) or an account (account:name); the duration", "is 1d2h30m, or seconds. UBAN ADD FORCE bans even a target that matches many users.", "UBAN DEL target ends a ban. UBAN LIST [pattern] and UBAN INFO target show bans."]);

pub(crate) const KLINE: Command =
    Command::user("KLINE", 1, Chat::line_ban).costs(20).for_operators().help(
        "KLINE [duration] user@host [reason]",
        &["Bans a user name and host from the server. See UBAN."],
    );

pub(crate) const UNKLINE: Command = Command::user("UNKLINE", 1, Chat::line_ban)
    .costs(20)
    .for_operators()
    .help("UNKLINE user@host", &["Ends a KLINE."]);

pub(crate) const DLINE: Command =
    Command::user("DLINE", 1, Chat::line_ban).costs(20).for_operators().help(
        "DLINE [duration] address [reason]",
        &["Bans an address or a network from the server. See UBAN."],
    );

pub(crate) const UNDLINE: Command = Command::user("UNDLINE", 1, Chat::line_ban)
    .costs(20)
    .for_operators()
    .help("UNDLINE address", &["Ends a DLINE."]);

/// The most bans, of some 500 bytes each; beyond them a firewall is the better place.
const BANS_MAX: usize = 200_000;

/// Lines of one reply.
const LINES_MAX: usize = 100;

/// The longest reason in bytes: it must fit into a line with the other facts of a ban.
const REASON_MAX: usize = 200;

/// A parsed order to ban.
struct BanOrder {
    target: BanTarget,
    seconds: Option<u64>,
    reason: String,
    /// Ban even oneself or a great part of the world.
    forced: bool,
}

impl Chat {
    /// `UBAN ADD [FORCE] [duration] target [reason]`, `UBAN DEL target`, `UBAN LIST [pattern]`,
    /// `UBAN INFO target`.
    pub(crate) fn uban(&mut self, sink: &mut Sink, by: Caller, message: &Message) {
        if !self.may(sink, by, Right::Ban) {
            return;
        }
        let words = &message.params[1..];
        match &*message.params[0].to_ascii_uppercase() {
            "ADD" => self.add_ban(sink, by, "UBAN", words, BanTarget::parse),
            "DEL" | "REMOVE" => self.end_ban(sink, by, "UBAN", words, BanTarget::parse),
            "LIST" => self.list_bans(sink, by, words.first().copied()),
            "INFO" => self.tell_ban(sink, by, words),
            other => {
                let text = "UBAN knows ADD, DEL, LIST and INFO";
                self.fail(sink, by.conn, "UBAN", "INVALID_PARAMS", &[other], text);
            }
        }
    }

    /// `KLINE [FORCE] [duration] user@host [reason]`, `DLINE [FORCE] [duration] address [reason]`,
    /// `UNKLINE user@host`, `UNDLINE address`.
    pub(crate) fn line_ban(&mut self, sink: &mut Sink, by: Caller, message: &Message) {
        if !self.may(sink, by, Right::Ban) {
            return;
        }
        match &*message.command.to_ascii_uppercase() {
            "KLINE" => self.add_ban(sink, by, "KLINE", &message.params, masked),
            "DLINE" => self.add_ban(sink, by, "DLINE", &message.params, addressed),
            "UNKLINE" => self.end_ban(sink, by, "UNKLINE", &message.params, masked),
            _ => self.end_ban(sink, by, "UNDLINE", &message.params, addressed),
        }
    }

    fn add_ban(
        &mut self,
        sink: &mut Sink,
        by: Caller,
        command: &'static str,
        words: &[&str],
        parse: fn(&str) -> Option<BanTarget>,
    ) {
        let Some(wish) = self.wish(sink, by, command, words, parse) else { return };
        let BanOrder { target, seconds, reason, forced } = wish;
        if !forced && let Some(why) = self.is_rash(by, &target) {
            let why = format!("{why}: say FORCE before it if you mean it");
            let context = [&*target.to_string()];
            return self.fail(sink, by.conn, command, "TOO_MANY_HIT", &context, &why);
        }
        self.forget_ended_bans(sink);
        if self.bans.len() >= BANS_MAX && self.bans.get(&target).is_none() {
            let text = format!("There are {BANS_MAX} bans already");
            return self.fail(sink, by.conn, command, "LIMIT_REACHED", &[], &text);
        }
        let for_how_long = seconds.map_or("for ever".to_owned(), duration::told);
        let why = format!("{for_how_long}: {reason}");
        self.record(sink, by, 'k', command, &target.to_string(), &why);
        let now = sink.unix();
        let setter = self.users[by.user].mask().to_owned();
        let until = seconds.map(|seconds| now.saturating_add(seconds));
        let ban = ServerBan { reason: reason.into(), by: setter.into(), at: now, until };
        let request = Request::AddBan(Box::new(record_of(&target, &ban)));
        self.ask_to_do(sink, by.conn, request, move |chat, sink, conn, reply| {
            chat.put_ban(sink.out, target.clone(), ban);
            let spared = conn.and_then(|conn| chat.sessions[conn].user());
            let hit = chat.end_banned(sink, &target, |chat, conn| {
                spared.is_some() && chat.sessions[conn].user() == spared
            });
            let Some(conn) = conn else { return };
            if let Reply::Failed(trouble) = reply {
                let text = format!("It holds until the server ends, as it is not kept: {trouble}");
                let context = target.to_string();
                let params = [command, "NOT_KEPT", &context, &text];
                let server = chat.settings.server_name.clone();
                chat.say(sink, conn, &server, "WARN", &params);
            }
            let text = format!("{target} is banned {for_how_long}; connections closed: {hit}");
            chat.notice(sink, conn, &text);
        });
    }

    /// Parses `[FORCE] [duration] target [reason]`; sends an error if it is wrong.
    fn wish(
        &self,
        sink: &mut Sink,
        by: Caller,
        command: &'static str,
        words: &[&str],
        parse: fn(&str) -> Option<BanTarget>,
    ) -> Option<BanOrder> {
        let mut words = words;
        let forced = words.first().is_some_and(|word| word.eq_ignore_ascii_case("FORCE"));
        words = &words[usize::from(forced)..];
        let seconds = words.first().and_then(|word| duration::seconds(word));
        words = &words[usize::from(seconds.is_some())..];
        let Some((text, reason)) = words.split_first() else {
            self.numeric(sink, by.conn, ERR_NEEDMOREPARAMS, &[command]);
            return None;
        };
        let Some(target) = parse(text) else {
            self.no_target(sink, by, command, text);
            return None;
        };
        let reason = shortened(&reason.join(" "), REASON_MAX).to_owned();
        let reason = reason.chars().filter(|c| !c.is_control()).collect();
        Some(BanOrder { target, seconds, reason, forced })
    }

    fn no_target(&self, sink: &mut Sink, by: Caller, command: &'static str, text: &str) {
        let why = match command {
            "KLINE" | "UNKLINE" => "Write user@host, with * and ? for what may differ",
            "DLINE" | "UNDLINE" => "Write an address, or a network as 192.0.2.0/24",
            _ => "Write a duration as 1d2h, and an address, a network, a mask or an account",
        };
        self.fail(sink, by.conn, command, "INVALID_TARGET", &[text], why);
    }

    /// Why a ban is likely a mistake.
    fn is_rash(&self, by: Caller, target: &BanTarget) -> Option<&'static str> {
        let own = &self.users[by.user].conns;
        if own.iter().any(|conn| self.is_hit(*conn, target)) {
            return Some("It means yourself");
        }
        target.is_vast().then_some("It means a great part of the world")
    }

    /// Whether a ban matches a connection; masks match users only.
    fn is_hit(&self, conn: ConnId, target: &BanTarget) -> bool {
        let session = &self.sessions[conn];
        match target {
            BanTarget::Network(network) => {
                session.address.is_some_and(|address| network.contains(address))
            }
            BanTarget::Account(account) => {
                self.account_of(conn).is_some_and(|known| same(known, account))
            }
            BanTarget::Mask(mask) => session.user().is_some_and(|user| {
                let user = &self.users[user];
                let plain = session
                    .address
                    .map(|address| format!("{}!{}@{address}", user.nick(), user.username()));
                mask::matches(mask, user.mask())
                    || plain.is_some_and(|plain| mask::matches(mask, &plain))
            }),
        }
    }

    /// Closes the connections that a ban matches, except those that `spares` exempts; returns how
    /// many. A scan of all connections.
    fn end_banned(
        &mut self,
        sink: &mut Sink,
        target: &BanTarget,
        spares: impl Fn(&Chat, ConnId) -> bool,
    ) -> usize {
        let Some(said) = self.bans.get(target).map(ServerBan::told) else { return 0 };
        let conns: Vec<ConnId> = self.sessions.iter().map(|session| session.id).collect();
        let mut count = 0;
        if let BanTarget::Account(account) = target {
            for user in self.users_of(account) {
                if self.users[user].conns.iter().any(|conn| spares(self, *conn)) {
                    continue;
                }
                self.set_always_on(sink, user, false);
                self.go_if_alone(sink, user, BANNED);
            }
        }
        for conn in conns {
            let here = self.sessions.is_here(conn);
            if here && self.is_hit(conn, target) && !spares(self, conn) {
                self.numeric_saying(sink, conn, ERR_YOUREBANNEDCREEP, &[], &said);
                self.leave(sink, conn, &said, BANNED);
                count += 1;
            }
        }
        count
    }

    fn end_ban(
        &mut self,
        sink: &mut Sink,
        by: Caller,
        command: &'static str,
        words: &[&str],
        parse: fn(&str) -> Option<BanTarget>,
    ) {
        let Some(text) = words.first() else {
            return self.numeric(sink, by.conn, ERR_NEEDMOREPARAMS, &[command]);
        };
        let Some(target) = parse(text) else { return self.no_target(sink, by, command, text) };
        self.forget_ended_bans(sink);
        if self.bans.get(&target).is_none() {
            let text = "There is no such ban";
            return self.fail(sink, by.conn, command, "NO_SUCH_BAN", &[&target.to_string()], text);
        }
        self.record(sink, by, 'k', command, &target.to_string(), "is banned no more");
        let (kind, what) = target.kept();
        let request = Request::DropBan { kind, what };
        self.ask_to_do(sink, by.conn, request, move |chat, sink, conn, reply| {
            chat.lift_ban(sink.out, &target);
            let Some(conn) = conn else { return };
            let text = match reply {
                Reply::Failed(trouble) => {
                    format!("{target} is banned no more until the next start: {trouble}")
                }
                _ => format!("{target} is banned no more"),
            };
            chat.notice(sink, conn, &text);
        });
    }

    fn list_bans(&mut self, sink: &mut Sink, by: Caller, pattern: Option<&str>) {
        self.forget_ended_bans(sink);
        let pattern = pattern.unwrap_or("*");
        let meant = |target: &&BanTarget| mask::matches(pattern, &target.to_string());
        // A scan, of 0.5 µs a ban; operators ask for it seldom.
        let mut targets: Vec<&BanTarget> = self.bans.iter().map(|(target, _)| target).collect();
        targets.retain(meant);
        targets.sort_unstable();
        for target in targets.iter().take(LINES_MAX) {
            let line = self.ban_line(target);
            self.notice(sink, by.conn, &line);
        }
        let count = targets.len();
        let more = if count > LINES_MAX { ", of which these are the first" } else { "" };
        self.notice(sink, by.conn, &format!("{count} bans{more}"));
    }

    fn ban_line(&self, target: &BanTarget) -> String {
        let ban = self.bans.get(target).expect("it is in the list");
        let until =
            ban.until.map_or("for ever".to_owned(), |until| format!("until {}", time(until)));
        format!("{target} {until}, by {} {}: {}", ban.by, time(ban.at), ban.reason)
    }

    fn tell_ban(&mut self, sink: &mut Sink, by: Caller, words: &[&str]) {
        let Some(text) = words.first() else {
            return self.numeric(sink, by.conn, ERR_NEEDMOREPARAMS, &["UBAN"]);
        };
        let Some(target) = BanTarget::parse(text) else {
            return self.no_target(sink, by, "UBAN", text);
        };
        self.forget_ended_bans(sink);
        let line = match (self.bans.get(&target), &target) {
            (Some(_), _) => self.ban_line(&target),
            (None, BanTarget::Network(network)) => {
                match sink.out.denied.find(network.first(), sink.unix()) {
                    Some(denial) => format!("{target} is in a network that is: {}", denial.why),
                    None => format!("{target} is not banned"),
                }
            }
            (None, _) => format!("{target} is not banned"),
        };
        self.notice(sink, by.conn, &line);
        // Networks, and masks of an address and a nick, would reveal the addresses of users.
        let sees = self.has_right(by.user, Right::Addresses);
        if sees && !matches!(target, BanTarget::Account(_)) {
            self.record_look(sink, by, "UBAN", &format!("INFO {target}"));
        }
        if !sees && matches!(target, BanTarget::Network(_)) {
            return; // even one address would reveal its user
        }
        let is_meant = |id: &ConnId| match &target {
            BanTarget::Mask(mask) if !sees => self.sessions[*id]
                .user()
                .is_some_and(|user| mask::matches(mask, self.users[user].mask())),
            _ => self.is_hit(*id, &target),
        };
        let here = self.sessions.iter().map(|session| session.id).filter(is_meant).count();
        self.notice(sink, by.conn, &format!("{target} means {here} of the connections here"));
    }

    /// STATS `k`: masks.
    pub(crate) fn tell_klines(&self, sink: &mut Sink, by: Caller) {
        let masks = self.bans.iter().filter_map(|(target, ban)| match target {
            BanTarget::Mask(mask) => Some((mask, ban)),
            _ => None,
        });
        for (mask, ban) in masks.take(LINES_MAX) {
            let (nick, rest) = mask.split_once('!').expect("a mask in full");
            let (user, host) = rest.rsplit_once('@').expect("a mask in full");
            let params = ["K", host, nick, user, &*ban.reason];
            self.numeric(sink, by.conn, RPL_STATSKLINE, &params);
        }
    }

    /// STATS `d`: networks.
    pub(crate) fn tell_dlines(&self, sink: &mut Sink, by: Caller) {
        let networks = self.bans.iter().filter_map(|(target, ban)| match target {
            BanTarget::Network(network) => Some((network, ban)),
            _ => None,
        });
        for (network, ban) in networks.take(LINES_MAX) {
            self.numeric(sink, by.conn, RPL_STATSDLINE, &["D", &network.to_string(), &ban.reason]);
        }
    }
}

/// The reason that others see when a banned user leaves: the ban's own is private.
const BANNED: &str = "Banned";

fn masked(text: &str) -> Option<BanTarget> {
    Some(text).filter(|text| text.contains('@')).and_then(BanTarget::parse)
}

fn addressed(text: &str) -> Option<BanTarget> {
    BanTarget::parse(text).filter(|target| matches!(target, BanTarget::Network(_)))
}

fn record_of(target: &BanTarget, ban: &ServerBan) -> BanRecord {
    let (kind, what) = target.kept();
    let seconds = |time: u64| i64::try_from(time).unwrap_or(i64::MAX);
    BanRecord {
        kind,
        what,
        reason: ban.reason.to_string(),
        setter: ban.by.to_string(),
        created_s: seconds(ban.at),
        expires_s: ban.until.map(seconds),
    }
}
