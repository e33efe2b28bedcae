//! History replies, sent as fast as the client reads: CHATHISTORY, SEARCH, and history played to
//! clients that request it otherwise or not at all. IRCv3 draft/chathistory, "CHATHISTORY Command".

use crate::chat::reply::Sink;
use crate::chat::reply::line::{Line, LineTags};
use crate::chat::reply::numeric::RPL_TRYAGAIN;
use crate::chat::state::ids::UserId;
use crate::chat::state::pending::{LongAnswer, Query};
use crate::chat::state::queries::{HistoryAnswer, HistoryPiece};
use crate::chat::{Caller, Chat};
use crate::net::ConnId;
use crate::store;
use crate::store::Message;
use crate::wire::casemap::same;
use crate::wire::irc::time::write_time;
use std::collections::VecDeque;

impl Chat {
    /// Sends a history reply, as much as there is room for now; the connection is deferred until it
    /// is complete. It is refused if too much waits already for slow readers.
    pub(crate) fn answer_history(&mut self, sink: &mut Sink, by: Caller, kept: HistoryAnswer) {
        let bytes = kept.bytes();
        let max = self.settings.history.waiting_bytes_max;
        if bytes > sink.headroom(by.conn) && bytes + self.waiting_bytes() > max {
            return self.numeric(sink, by.conn, RPL_TRYAGAIN, &[kept.command]);
        }
        self.begin_answer(sink, by, Query::History(kept));
        if self.is_being_told(by.conn) {
            sink.out.defer(by.conn);
        }
    }

    /// Bytes of the long replies waiting for all clients. O(connections); 30 µs for 10,000.
    pub(crate) fn waiting_bytes(&self) -> usize {
        let answers = self.sessions.iter().flat_map(|session| &session.more);
        let answers = answers.flat_map(|more| &more.answers);
        answers.map(LongAnswer::bytes).sum()
    }

    /// Sends the next piece. Returns whether there may be more.
    pub(crate) fn send_history(
        &self,
        sink: &mut Sink,
        conn: ConnId,
        kept: &mut HistoryAnswer,
        batch: Option<&str>,
    ) -> bool {
        match kept.rest.pop_front() {
            None => return false,
            Some(HistoryPiece::Said(target, mut message)) => {
                self.write_time_into(conn, &target, &mut message);
                self.play(sink, conn, &target, &message, batch);
            }
            Some(HistoryPiece::Target(name, at_ms)) => {
                let mut at = Vec::new();
                write_time(&mut at, at_ms as u64);
                let params = ["TARGETS", &name, &String::from_utf8_lossy(&at)];
                let line = Line::new(&self.settings.server_name, "CHATHISTORY", &params);
                let tags = LineTags { batch, ..LineTags::default() };
                line.tagged(tags).to(sink, &self.sessions[conn]);
            }
        }
        true
    }

    /// Completes a history reply: plays the next target, if any.
    pub(crate) fn after_history(&mut self, sink: &mut Sink, by: Caller, kept: HistoryAnswer) {
        match kept.then {
            Some(plays) => self.play_next(sink, by, plays),
            None => self.hear_again(sink, by.conn),
        }
    }

    /// The pieces of a reply with `messages` of `place`, which `user` calls `name`.
    pub(crate) fn pieces(
        &self,
        user: UserId,
        place: &store::Target,
        name: &str,
        messages: Vec<Message>,
    ) -> VecDeque<HistoryPiece> {
        let piece = |message: Message| {
            let target = self.played_target(user, place, name, &message).to_owned();
            HistoryPiece::Said(target, message)
        };
        messages.into_iter().map(piece).collect()
    }

    /// The target of a played message. It is `name`, except for a private message that the user
    /// received: that has their present nick.
    fn played_target<'a>(
        &'a self,
        user: UserId,
        place: &store::Target,
        name: &'a str,
        message: &Message,
    ) -> &'a str {
        let user = &self.users[user];
        let by_user = match (&message.account, user.account()) {
            (Some(of), Some(own)) => same(of, own),
            (None, None) => same(message.source.split('!').next().unwrap_or_default(), user.nick()),
            _ => false,
        };
        match place {
            store::Target::Pair(..) if !by_user => user.nick(),
            _ => name,
        }
    }

    /// The user's name for a stored target; `None` if they may not read it or nobody can have the
    /// name. O(users) for a private conversation.
    pub(crate) fn name_of_history_target(
        &self,
        user: UserId,
        place: &store::Target,
    ) -> Option<String> {
        let (one, other) = match place {
            store::Target::Channel(_) => {
                let mut channels = self.users[user].channels.iter().map(|each| each.channel);
                let found = channels.find(|id| self.history_target_of_channel(*id) == *place)?;
                return Some(self.channels[found].name.to_string());
            }
            store::Target::Pair(one, other) => (one, other),
        };
        let key = self.key(user);
        let of = if *one == key { other } else { one };
        if *of == key {
            return Some(self.users[user].nick().to_owned());
        }
        let found = match self.serial_of_key(of) {
            Some(serial) => self
                .users
                .iter()
                .find(|(_, user)| user.serial == serial && user.account().is_none()),
            None => self
                .users
                .iter()
                .find(|(_, user)| user.account().is_some_and(|account| same(account, of))),
        };
        match found {
            Some((_, user)) => Some(user.nick().to_owned()),
            None => (!of.starts_with('~')).then(|| of.clone()),
        }
    }
}
