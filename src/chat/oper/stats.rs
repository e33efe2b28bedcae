//! The server's figures: STATS, and those among the metrics. Modern IRC, "STATS message"; RFC 2812
//! §3.4.4.

use crate::chat::command::Command;
use crate::chat::reply::Sink;
use crate::chat::reply::numeric::*;
use crate::chat::state::channels::Channel;
use crate::chat::state::right::Right;
use crate::chat::state::sessions::Session;
use crate::chat::state::users::User;
use crate::chat::{Caller, Chat};
use crate::wire::irc::Message;
use std::cmp::Reverse;
use std::fmt::Display;

pub(crate) const STATS: Command = Command::user("STATS", 1, Chat::stats).costs(20).help(
    "STATS letter [server]",
    &[
        "  u how long the server has run   p operators who are online",
        "For operators:",
        "  l connections                   m use of commands",
        "  o names of operators            c connections by listener",
        "  q, z queues and tables          k banned masks, d banned networks",
    ],
);

/// The numbers of users, channels and so on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Registered users.
    pub users: usize,
    /// The most users there ever were at once.
    pub users_max: usize,
    /// Users with mode `o`.
    pub operators: usize,
    /// Channels.
    pub channels: usize,
    /// Connections that have not registered yet.
    pub registering: usize,
    /// Server bans.
    pub bans: usize,
    /// The DEFCON level: from 5, open, to 1.
    pub defcon: usize,
    /// How often each of PRIVMSG, NOTICE and TAGMSG was used, refused ones included.
    pub messages: [(&'static str, u64); 3],
}

/// Lines of a reply about items of which there may be tens of thousands.
const LINES_MAX: usize = 100;

impl Chat {
    /// The present figures.
    pub fn figures(&self) -> Figures {
        let given = |name| {
            let index = self.commands.iter().position(|command| command.name == name);
            (name, self.given[index.expect("a command of the list")].0)
        };
        Figures {
            users: self.users.len(),
            users_max: self.users.max,
            operators: self.users.operators().len(),
            channels: self.channels.len(),
            registering: self.registering,
            bans: self.bans.len(),
            defcon: usize::from(self.defcon.level()),
            messages: ["PRIVMSG", "NOTICE", "TAGMSG"].map(given),
        }
    }

    /// `STATS query [server]`. Only the first letter of the query counts. Facts about other users
    /// are for operators; unknown letters give an empty reply.
    pub(crate) fn stats(&mut self, sink: &mut Sink, by: Caller, message: &Message) {
        if !self.is_here(sink, by, message.params.get(1).copied()) {
            return;
        }
        let letter = message.params[0].chars().next().unwrap_or('*');
        match letter.to_ascii_lowercase() {
            'u' => self.tell_uptime(sink, by),
            'p' => self.tell_operators_here(sink, by),
            'c' | 'l' | 'm' | 'o' | 'q' | 'z' if !self.may(sink, by, Right::Stats) => {}
            'k' | 'd' if !self.may(sink, by, Right::Ban) => {}
            'k' => self.tell_klines(sink, by),
            'd' => self.tell_dlines(sink, by),
            'c' => self.tell_listeners(sink, by),
            'l' => {
                if self.has_right(by.user, Right::Addresses) {
                    self.record_look(sink, by, "STATS", "l");
                }
                self.tell_connections(sink, by);
            }
            'm' => self.tell_commands(sink, by),
            'o' => self.tell_operators_known(sink, by),
            'q' | 'z' => self.tell_totals(sink, by),
            _ => {}
        }
        self.numeric(sink, by.conn, RPL_ENDOFSTATS, &[&letter.to_string()]);
    }

    fn tell_uptime(&self, sink: &mut Sink, by: Caller) {
        let seconds = sink.now().uptime_ms / 1000;
        let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
        let seconds = seconds % 60;
        let text = format!("Server Up {days} days {hours}:{minutes:02}:{seconds:02}");
        self.numeric(sink, by.conn, RPL_STATSUPTIME, &[&text]);
    }

    fn tell_operators_here(&self, sink: &mut Sink, by: Caller) {
        let here = self.users.operators();
        for id in here.iter().take(LINES_MAX) {
            let user = &self.users[*id];
            let idle = sink.unix().saturating_sub(user.acted_at.into());
            let (nick, name, host) = (user.nick(), user.username(), user.host());
            self.debug_line(sink, by, format!("{nick} ({name}@{host}) idle {idle} s"));
        }
        self.debug_line(sink, by, format!("{} operators here", here.len()));
    }

    fn tell_operators_known(&self, sink: &mut Sink, by: Caller) {
        for operator in &self.settings.operators {
            let class = if operator.class.name.is_empty() { "*" } else { &operator.class.name };
            let params = ["O", "*@*", "*", &operator.name, class];
            self.numeric(sink, by.conn, RPL_STATSOLINE, &params);
        }
    }

    /// Listeners by number, from 0 in the order in which they were opened.
    fn tell_listeners(&self, sink: &mut Sink, by: Caller) {
        let listeners = sink.out.counters().endpoints.clone();
        for (number, listener) in listeners.iter().enumerate() {
            let refused: u64 = listener.refused.iter().sum();
            let (open, opened) = (listener.open(), listener.opened);
            let text =
                format!("listener {number}: {open} open, {opened} in all, {refused} refused");
            self.debug_line(sink, by, text);
        }
    }

    /// `name sendq sent-lines sent-KiB heard-lines heard-KiB seconds` of the connections with most
    /// bytes queued, then of those with most input. Sent lines are not counted by connection.
    fn tell_connections(&self, sink: &mut Sink, by: Caller) {
        let rank = |session: &Session| {
            Reverse((sink.out.queued_bytes(session.id), session.heard_bytes, session.heard_lines))
        };
        // A scan; 2 ms for 100,000.
        let mut all: Vec<&Session> = self.sessions.iter().collect();
        let rest = all.len().saturating_sub(LINES_MAX);
        if rest > 0 {
            all.select_nth_unstable_by_key(LINES_MAX, |session| rank(session));
            all.truncate(LINES_MAX);
        }
        all.sort_by_key(|session| rank(session));
        let now_s = (sink.now().uptime_ms / 1000) as u32;
        for session in all {
            let numbers = [
                sink.out.queued_bytes(session.id).to_string(),
                "*".to_owned(),
                "*".to_owned(),
                session.heard_lines.to_string(),
                (session.heard_bytes >> 10).to_string(),
                (now_s - session.opened_s).to_string(),
            ];
            let name = self.link_name(by, session);
            let params: Vec<&str> = [&name].into_iter().chain(&numbers).map(|p| &**p).collect();
            self.numeric(sink, by.conn, RPL_STATSLINKINFO, &params);
        }
        if rest > 0 {
            self.debug_line(sink, by, format!("and {rest} more for whom no more is queued"));
        }
    }

    /// `nick[user@address]`; the visible host if the user may see no addresses.
    fn link_name(&self, by: Caller, session: &Session) -> String {
        let address = match session.address {
            None => "unix".to_owned(),
            Some(ip) if self.has_right(by.user, Right::Addresses) => ip.to_string(),
            Some(_) => self.host(session.id),
        };
        let user = session.user().map(|user| &self.users[user]);
        let (nick, name) = user.map_or(("*", "*"), |user| (user.nick(), user.username()));
        format!("{nick}[{name}@{address}]")
    }

    /// `command count bytes 0`: no other server passes commands on to this one.
    fn tell_commands(&self, sink: &mut Sink, by: Caller) {
        for (command, (count, bytes)) in self.commands.iter().zip(&self.given) {
            if *count > 0 {
                let params = [command.name, &count.to_string(), &bytes.to_string(), "0"];
                self.numeric(sink, by.conn, RPL_STATSCOMMANDS, &params);
            }
        }
    }

    fn tell_totals(&self, sink: &mut Sink, by: Caller) {
        let queued = self.sessions.iter().map(|session| sink.out.queued_bytes(session.id));
        let queued: Vec<usize> = queued.collect();
        let (sum, longest) = (queued.iter().sum::<usize>(), queued.iter().max().unwrap_or(&0));
        let waiting = queued.iter().filter(|bytes| **bytes > 0).count();
        let text = format!("queued: {sum} bytes for {waiting} connections, {longest} for one");
        self.debug_line(sink, by, text);
        let mut line = |what: &str, count: usize, each: usize| {
            let bytes = count * each;
            self.debug_line(sink, by, format!("{what}: {count}, {bytes} bytes and their texts"));
        };
        line("connections", queued.len(), size_of::<Session>());
        line("users", self.users.len(), size_of::<User>());
        line("channels", self.channels.len(), size_of::<Channel>());
    }

    fn debug_line(&self, sink: &mut Sink, by: Caller, text: impl Display) {
        self.numeric(sink, by.conn, RPL_STATSDEBUG, &[&text.to_string()]);
    }
}
