//! WHOIS, and WHOWAS for users who have left. Modern IRC, "User-Based Queries".

use crate::chat::command::Command;
use crate::chat::reply::Sink;
use crate::chat::reply::numeric::*;
use crate::chat::state::caps::Cap;
use crate::chat::state::ids::UserId;
use crate::chat::state::right::Right;
use crate::chat::state::sessions::Session;
use crate::chat::state::users::UserMode;
use crate::chat::state::whowas::Gone;
use crate::chat::{Caller, Chat};
use crate::wire::casemap;
use crate::wire::irc::Message;
use crate::wire::irc::time::write_time;

pub(crate) const WHOIS: Command = Command::user("WHOIS", 0, Chat::whois)
    .for_each_in(0)
    .help("WHOIS [server] nick{,nick}", &["Shows details of users."]);

pub(crate) const WHOWAS: Command = Command::user("WHOWAS", 0, Chat::whowas)
    .for_each_in(0)
    .help("WHOWAS nick [count]", &["Shows the last users of a nick that is no longer in use."]);

/// The most entries of one nick in a reply to WHOWAS.
const WHOWAS_ANSWERS_MAX: usize = 20;

impl Chat {
    /// `WHOIS [server] nick{,nick}`. Modern IRC, "WHOIS message".
    pub(crate) fn whois(&mut self, sink: &mut Sink, by: Caller, message: &Message) {
        let (server, nicks) = match message.params[..] {
            [nicks] => (None, nicks),
            [server, nicks, ..] => (Some(server), nicks),
            [] => (None, ""),
        };
        if nicks.is_empty() {
            return self.numeric(sink, by.conn, ERR_NONICKNAMEGIVEN, &[]);
        }
        if !self.is_here(sink, by, server) {
            return;
        }
        let targets = self.settings.limits.targets_max;
        for nick in nicks.split(',').filter(|nick| !nick.is_empty()).take(targets) {
            match self.users.find(nick) {
                Some(user) => {
                    self.whois_one(sink, by, user);
                    if user != by.user && self.sees_address(by, user) {
                        let mask = self.users[user].mask().to_owned();
                        self.record_look(sink, by, "WHOIS", &mask);
                    }
                }
                None => self.numeric(sink, by.conn, ERR_NOSUCHNICK, &[nick]),
            }
        }
        self.numeric(sink, by.conn, RPL_ENDOFWHOIS, &[nicks]);
    }

    fn whois_one(&self, sink: &mut Sink, by: Caller, id: UserId) {
        let (conn, user) = (by.conn, &self.users[id]);
        let nick = user.nick();
        let params = [nick, user.username(), user.host(), "*", user.realname()];
        self.numeric(sink, conn, RPL_WHOISUSER, &params);
        self.whois_channels(sink, by, id);
        let server = [nick, &*self.settings.server_name, self.settings.description()];
        self.numeric(sink, conn, RPL_WHOISSERVER, &server);
        if user.is(UserMode::Operator) {
            match self.class_of(id).and_then(|class| class.title.as_deref()) {
                Some(title) => {
                    let text = format!("is an IRC operator ({title})");
                    self.numeric_saying(sink, conn, RPL_WHOISOPERATOR, &[nick], &text);
                }
                None => self.numeric(sink, conn, RPL_WHOISOPERATOR, &[nick]),
            }
        }
        if let Some(away) = user.away() {
            self.numeric(sink, conn, RPL_AWAY, &[nick, away]);
        }
        if let Some(account) = user.account() {
            self.numeric(sink, conn, RPL_WHOISACCOUNT, &[nick, account]);
        }
        self.whois_security(sink, by, id);
        if user.is(UserMode::Bot) {
            let text = format!("is a bot on {}", self.settings.network);
            self.numeric(sink, conn, RPL_WHOISBOT, &[nick, &text]);
        }
        if self.sees_address(by, id) {
            let address = self.shown_address(by, id);
            let mask = format!("{}@{}", user.username(), user.host());
            self.numeric(sink, conn, RPL_WHOISACTUALLY, &[nick, &mask, &address]);
        }
        if id == by.user || self.has_right(by.user, Right::Secrets) {
            let text = format!("is using modes {}", user.modes().text());
            self.numeric(sink, conn, RPL_WHOISMODES, &[nick, &text]);
        }
        self.whois_metadata(sink, by, id);
        let idle = sink.unix().saturating_sub(user.acted_at.into()).to_string();
        self.numeric(sink, conn, RPL_WHOISIDLE, &[nick, &idle, &user.signed_on.to_string()]);
    }

    /// Tells everyone whether all of a user's connections are secure. The user and operators also
    /// receive the certificates.
    fn whois_security(&self, sink: &mut Sink, by: Caller, id: UserId) {
        let user = &self.users[id];
        let sessions = || user.conns.iter().map(|conn| &self.sessions[*conn]);
        let mut secure = sessions().filter_map(|session| session.secure.as_deref());
        if let Some(first) = secure.next()
            && sessions().all(|session| session.secure.is_some())
        {
            let text = format!(
                "is using a secure connection [{}, {}]",
                first.version.text(),
                first.cipher
            );
            self.numeric(sink, by.conn, RPL_WHOISSECURE, &[user.nick(), &text]);
        }
        if id != by.user && !self.users[by.user].is(UserMode::Operator) {
            return;
        }
        let mut shown: Vec<String> = sessions().filter_map(Session::fingerprint).collect();
        shown.sort_unstable();
        shown.dedup();
        for fingerprint in shown {
            let text = format!("has client certificate fingerprint {fingerprint}");
            self.numeric(sink, by.conn, RPL_WHOISCERTFP, &[user.nick(), &text]);
        }
    }

    fn whois_channels(&self, sink: &mut Sink, by: Caller, id: UserId) {
        let all = self.sessions[by.conn].caps.has(Cap::MultiPrefix);
        let nick = self.users[id].nick();
        let mut line = String::new();
        for channel in self.known_channels(by, id) {
            let name = &self.channels[channel].name;
            if line.len() + name.len() > 350 {
                self.numeric(sink, by.conn, RPL_WHOISCHANNELS, &[nick, line.trim_end()]);
                line.clear();
            }
            let member = self.member(channel, id).expect("it is known to be in it");
            line.extend(member.ranks.prefixes(all));
            line.push_str(name);
            line.push(' ');
        }
        if !line.is_empty() {
            self.numeric(sink, by.conn, RPL_WHOISCHANNELS, &[nick, line.trim_end()]);
        }
    }

    /// `WHOWAS nick{,nick} [count]`. Modern IRC, "WHOWAS message".
    pub(crate) fn whowas(&mut self, sink: &mut Sink, by: Caller, message: &Message) {
        let nicks = message.params.first().copied().unwrap_or_default();
        if nicks.is_empty() {
            return self.numeric(sink, by.conn, ERR_NONICKNAMEGIVEN, &[]);
        }
        let count = message.params.get(1).and_then(|count| count.parse::<i64>().ok()).unwrap_or(0);
        let count = if count > 0 { count as usize } else { WHOWAS_ANSWERS_MAX };
        let targets = self.settings.limits.targets_max;
        for nick in nicks.split(',').filter(|nick| !nick.is_empty()).take(targets) {
            self.whowas_one(sink, by, nick, count.min(WHOWAS_ANSWERS_MAX));
            self.numeric(sink, by.conn, RPL_ENDOFWHOWAS, &[nick]);
        }
    }

    fn whowas_one(&self, sink: &mut Sink, by: Caller, nick: &str, count: usize) {
        let was = |gone: &&Gone| casemap::same(gone.nick.as_str(), nick);
        let mut found = self.departed.0.iter().filter(was).take(count).peekable();
        if found.peek().is_none() {
            return self.numeric(sink, by.conn, ERR_WASNOSUCHNICK, &[nick]);
        }
        for gone in found {
            let (nick, rest) = gone.mask.split_once('!').expect("a mask in full");
            let (user, host) = rest.split_once('@').expect("a mask in full");
            self.numeric(sink, by.conn, RPL_WHOWASUSER, &[nick, user, host, "*", &gone.realname]);
            let mut at = Vec::new();
            write_time(&mut at, gone.at * 1000);
            let at = String::from_utf8_lossy(&at);
            self.numeric(sink, by.conn, RPL_WHOISSERVER, &[nick, &self.settings.server_name, &at]);
        }
    }
}
