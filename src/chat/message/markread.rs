//! MARKREAD: the time up to which a user has read each conversation. IRCv3 draft/read-marker.
//!
//! The markers of an account are stored; those of other users last as long as they stay.

use crate::chat::command::Command;
use crate::chat::message::chathistory::{GIVEN_MAX, timestamp};
use crate::chat::reply::Sink;
use crate::chat::reply::line::Line;
use crate::chat::state::caps::Cap;
use crate::chat::state::ids::{ChannelId, UserId};
use crate::chat::state::services::shortened;
use crate::chat::{Caller, Chat};
use crate::net::ConnId;
use crate::store::{Reply, Request, Trouble};
use crate::wire::casemap::folded;
use crate::wire::irc::Message;
use crate::wire::irc::names::{ChannelName, Nick};
use crate::wire::irc::time::write_time;

pub(crate) const MARKREAD: Command =
    Command::user("MARKREAD", 0, Chat::markread).costs(3).asks_about(0).help(
        "MARKREAD target [timestamp=time]",
        &["Shows or sets the time up to which you have read a conversation. IRCv3 read-marker."],
    );

impl Chat {
    /// `MARKREAD target [timestamp=time]`. IRCv3 draft/read-marker, "MARKREAD Command".
    pub(crate) fn markread(&mut self, sink: &mut Sink, by: Caller, message: &Message) {
        let given = message.params.split_first().filter(|(target, _)| !target.is_empty());
        let Some((target, rest)) = given else {
            let text = "Missing parameters";
            return self.fail(sink, by.conn, "MARKREAD", "NEED_MORE_PARAMS", &[], text);
        };
        let limits = &self.settings.limits;
        let is_name = ChannelName::parse(target, limits.channel_name_max).is_some()
            || Nick::parse(target, limits.nick_max).is_some();
        let invalid = match rest {
            _ if !is_name => target,
            [] => return self.tell_marker(sink, by, target),
            [time] => match timestamp(time) {
                // A time in the future can't have been read.
                Some(ms) => {
                    let now = sink.now().unix_ms as i64;
                    return self.mark(sink, by, target, ms.min(now));
                }
                None => time,
            },
            [_, beyond, ..] => beyond,
        };
        let (given, text) = (shortened(invalid, GIVEN_MAX), "Invalid parameters");
        self.fail(sink, by.conn, "MARKREAD", "INVALID_PARAMS", &[given], text);
    }

    fn mark(&mut self, sink: &mut Sink, by: Caller, target: &str, ms: i64) {
        let user = &self.users[by.user];
        if self.marker(by.user, target).is_some_and(|known| known >= ms) {
            return self.tell_marker(sink, by, target);
        }
        let account = user.account().filter(|_| self.backends.is_there());
        let Some(account) = account.map(|account| folded(account).into_owned()) else {
            return self.marked(sink, by, target, ms);
        };
        let target = target.to_owned();
        let request = Request::MarkRead {
            account,
            target: folded(&target).into_owned(),
            time_ms: ms,
            targets_max: self.settings.limits.read_markers_max,
        };
        self.ask_for(sink, by.conn, request, move |chat, sink, conn, reply| {
            let Some(user) = chat.sessions[conn].user() else { return };
            let trouble = match reply {
                Reply::Marked(ms) => {
                    return chat.marked(sink, Caller { conn, user }, &target, ms);
                }
                Reply::Failed(trouble) => trouble,
                _ => Trouble::Other("there is no such account".to_owned()),
            };
            let text = format!("The read timestamp could not be set: {trouble}");
            chat.fail(sink, conn, "MARKREAD", "INTERNAL_ERROR", &[&target], &text);
        });
    }

    /// Sets a marker, and tells all connections of the user.
    fn marked(&mut self, sink: &mut Sink, by: Caller, target: &str, ms: i64) {
        let max = self.settings.limits.read_markers_max;
        self.users[by.user].extra().markers.set(target, ms, max);
        for conn in self.users[by.user].conns.clone() {
            let told = conn == by.conn || self.sessions[conn].caps.has(Cap::ReadMarker);
            if told {
                self.tell_marker_on(sink, conn, target, Some(ms));
            }
        }
    }

    fn marker(&self, user: UserId, target: &str) -> Option<i64> {
        self.users[user].extra.as_ref()?.markers.get(target)
    }

    fn tell_marker(&self, sink: &mut Sink, by: Caller, target: &str) {
        self.tell_marker_on(sink, by.conn, target, self.marker(by.user, target));
    }

    fn tell_marker_on(&self, sink: &mut Sink, conn: ConnId, target: &str, ms: Option<i64>) {
        let mut time = b"timestamp=".to_vec();
        match ms {
            Some(ms) => write_time(&mut time, ms as u64),
            None => time = b"*".to_vec(),
        }
        let params = [target, &String::from_utf8_lossy(&time)];
        Line::new(&self.settings.server_name, "MARKREAD", &params).to(sink, &self.sessions[conn]);
    }

    /// Sends a channel's marker after JOIN, before the names. IRCv3 draft/read-marker, "Command
    /// flows".
    pub(crate) fn tell_marker_of_channel(&self, sink: &mut Sink, by: Caller, channel: ChannelId) {
        if self.sessions[by.conn].caps.has(Cap::ReadMarker) {
            self.tell_marker(sink, by, &self.channels[channel].name);
        }
    }
}
