//! NAMES. Modern IRC, "NAMES message"; IRCv3 multi-prefix and userhost-in-names.

use crate::chat::command::Command;
use crate::chat::reply::Sink;
use crate::chat::reply::numeric::*;
use crate::chat::state::caps::Cap;
use crate::chat::state::channels::{ChannelMode, Member};
use crate::chat::state::ids::ChannelId;
use crate::chat::state::users::UserMode;
use crate::chat::{Caller, Chat};
use crate::wire::irc::Message;

pub(crate) const NAMES: Command = Command::user("NAMES", 0, Chat::names)
    .for_each_in(0)
    .asks_about(0)
    .help("NAMES channel{,channel}", &["Lists the members of channels."]);

/// Bytes that a line has for names, beside server, nick and channel.
const NAMES_MAX: usize = 300;

impl Chat {
    /// `NAMES [channel{,channel}]`. Without a channel the reply is empty: all channels would be a
    /// LIST and a WHO at once.
    pub(crate) fn names(&mut self, sink: &mut Sink, by: Caller, message: &Message) {
        let Some(names) = message.params.first().filter(|names| !names.is_empty()) else {
            return self.numeric(sink, by.conn, RPL_ENDOFNAMES, &["*"]);
        };
        for (n, name) in names.split(',').filter(|name| !name.is_empty()).enumerate() {
            if n == self.settings.limits.targets_max {
                return self.numeric(sink, by.conn, ERR_TOOMANYTARGETS, &[name]);
            }
            match self.channel_for(by, name) {
                Some(channel) => {
                    self.pay_for_members(sink.out, by, channel);
                    self.tell_names(sink, by, channel);
                }
                None => self.numeric(sink, by.conn, RPL_ENDOFNAMES, &[name]),
            }
        }
    }

    /// Sends the members of a channel, as far as the user may see them.
    pub(crate) fn tell_names(&self, sink: &mut Sink, by: Caller, channel: ChannelId) {
        let caps = self.sessions[by.conn].caps;
        let room = &self.channels[channel];
        let symbol = if room.is(ChannelMode::Secret) { "@" } else { "=" };
        let asker = self.member(channel, by.user);
        let mut line = String::new();
        for member in &room.members {
            if !self.shows(channel, asker, *member) {
                continue;
            }
            let user = &self.users[member.user];
            let name = if caps.has(Cap::UserhostInNames) { user.mask() } else { user.nick() };
            if line.len() + name.len() >= NAMES_MAX {
                let params = [symbol, &*room.name, line.trim_end()];
                self.numeric(sink, by.conn, RPL_NAMREPLY, &params);
                line.clear();
            }
            line.extend(member.ranks.prefixes(caps.has(Cap::MultiPrefix)));
            line.push_str(name);
            line.push(' ');
        }
        if !line.is_empty() {
            let params = [symbol, &*room.name, line.trim_end()];
            self.numeric(sink, by.conn, RPL_NAMREPLY, &params);
        }
        self.numeric(sink, by.conn, RPL_ENDOFNAMES, &[&room.name]);
    }

    /// Whether `asker` may see `member` in a channel. From outside, users with mode `i` are hidden,
    /// and in an auditorium all without rank.
    pub(crate) fn shows(&self, channel: ChannelId, asker: Option<Member>, member: Member) -> bool {
        match asker {
            Some(asker) => self.sees(channel, asker, member),
            None => {
                let hidden = self.channels[channel].is(ChannelMode::Auditorium)
                    && member.ranks.highest().is_none();
                !hidden && !self.users[member.user].is(UserMode::Invisible)
            }
        }
    }
}
