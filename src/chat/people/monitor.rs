//! MONITOR: notices when users come and go. IRCv3 monitor and extended-monitor.

use crate::chat::command::Command;
use crate::chat::reply::Sink;
use crate::chat::reply::numeric::*;
use crate::chat::state::ids::UserId;
use crate::chat::{Caller, Chat};
use crate::net::ConnId;
use crate::wire::casemap::Folded;
use crate::wire::irc::Message;

pub(crate) const MONITOR: Command = Command::user("MONITOR", 1, Chat::monitor).costs(20).help(
    "MONITOR + nick{,nick}",
    &[
        "Notifies you when a nick comes online or goes offline. MONITOR - removes nicks, C removes",
        "all, L lists them, S shows which are online.",
    ],
);

/// Bytes of the targets of one line, beside server and nick.
const TARGETS_MAX: usize = 380;

impl Chat {
    /// `MONITOR + nick{,nick}`, `- nick{,nick}`, `C`, `L`, `S`. IRCv3 monitor, "MONITOR command".
    pub(crate) fn monitor(&mut self, sink: &mut Sink, by: Caller, message: &Message) {
        let targets = message.params.get(1).copied().unwrap_or_default();
        match &*message.params[0].to_ascii_uppercase() {
            "+" => self.watch(sink, by, targets),
            "-" => {
                for nick in targets.split(',') {
                    self.unwatch(by.conn, nick);
                }
            }
            "C" => self.stop_watching(by.conn),
            "L" => {
                let watched = self.watched(by.conn);
                self.tell_targets(sink, by.conn, RPL_MONLIST, watched);
                self.numeric(sink, by.conn, RPL_ENDOFMONLIST, &[]);
            }
            "S" => {
                let watched = self.watched(by.conn);
                self.tell_presence(sink, by, watched);
            }
            _ => {}
        }
    }

    fn watch(&mut self, sink: &mut Sink, by: Caller, targets: &str) {
        let max = self.settings.limits.monitor_max;
        let nick_max = self.settings.limits.nick_max;
        let mut added: Vec<String> = Vec::new();
        let mut rest = targets.split(',').filter(|nick| !nick.is_empty());
        while let Some(nick) = rest.next() {
            // No nick can have this form, so it would never come.
            if nick.len() > nick_max || nick.contains([' ', '!', '@', '*', '?']) {
                continue;
            }
            let folded = Folded::of(nick);
            let watching = &mut self.sessions[by.conn].more().watching;
            if watching.iter().any(|(known, _)| *known == folded) {
                continue;
            }
            if watching.len() >= max {
                let refused: Vec<&str> = std::iter::once(nick).chain(rest).collect();
                let (max, refused) = (max.to_string(), refused.join(","));
                self.numeric(sink, by.conn, ERR_MONLISTFULL, &[&max, &refused]);
                break;
            }
            watching.push((folded.clone(), nick.into()));
            self.watchers.add(folded, by.conn);
            added.push(nick.to_owned());
        }
        self.tell_presence(sink, by, added);
    }

    fn unwatch(&mut self, conn: ConnId, nick: &str) {
        let folded = Folded::of(nick);
        let Some(more) = &mut self.sessions[conn].more else { return };
        if let Some(index) = more.watching.iter().position(|(known, _)| *known == folded) {
            more.watching.swap_remove(index);
            self.watchers.remove(&folded, conn);
        }
    }

    /// Empties the list of one connection.
    pub(crate) fn stop_watching(&mut self, conn: ConnId) {
        let Some(more) = &mut self.sessions[conn].more else { return };
        for (nick, _) in std::mem::take(&mut more.watching) {
            self.watchers.remove(&nick, conn);
        }
    }

    fn watched(&self, conn: ConnId) -> Vec<String> {
        let more = self.sessions[conn].more.as_ref();
        more.into_iter().flat_map(|more| &more.watching).map(|(_, nick)| nick.to_string()).collect()
    }

    fn tell_presence(&mut self, sink: &mut Sink, by: Caller, nicks: Vec<String>) {
        let (online, offline): (Vec<_>, Vec<_>) =
            nicks.into_iter().partition(|nick| self.users.find(nick).is_some());
        let online: Vec<UserId> = online.iter().filter_map(|nick| self.users.find(nick)).collect();
        let masks = online.iter().map(|user| self.users[*user].mask().to_owned()).collect();
        self.tell_targets(sink, by.conn, RPL_MONONLINE, masks);
        self.tell_targets(sink, by.conn, RPL_MONOFFLINE, offline);
        for user in online {
            self.tell_watched_metadata(sink, by, user);
        }
    }

    /// Sends targets, comma-separated, over as many lines as they need.
    fn tell_targets(&self, sink: &mut Sink, conn: ConnId, reply: Numeric, targets: Vec<String>) {
        let mut line = String::new();
        for target in targets {
            if !line.is_empty() && line.len() + target.len() >= TARGETS_MAX {
                self.numeric(sink, conn, reply, &[&line]);
                line.clear();
            }
            if !line.is_empty() {
                line.push(',');
            }
            line.push_str(&target);
        }
        if !line.is_empty() {
            self.numeric(sink, conn, reply, &[&line]);
        }
    }

    /// Tells watchers that `user` has come, or has this nick from now on.
    pub(crate) fn tell_watchers_online(&mut self, sink: &mut Sink, user: UserId) {
        let watchers = self.watchers.of(self.users[user].nick()).to_vec();
        for conn in watchers {
            self.numeric(sink, conn, RPL_MONONLINE, &[self.users[user].mask()]);
            if let Some(watcher) = self.sessions[conn].user() {
                self.tell_watched_metadata(sink, Caller { conn, user: watcher }, user);
            }
        }
    }

    /// Tells watchers that `user` leaves, or is about to change nick.
    pub(crate) fn tell_watchers_offline(&self, sink: &mut Sink, user: UserId) {
        let nick = self.users[user].nick();
        for conn in self.watchers.of(nick) {
            self.numeric(sink, *conn, RPL_MONOFFLINE, &[nick]);
        }
    }
}
