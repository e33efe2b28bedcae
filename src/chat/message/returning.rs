//! Missed messages, sent to users who return with clients that cannot request them.
//!
//! A read marker stores how far a client of an account has received everything, so that it outlives
//! the process. Its name is one that no conversation can have.

use crate::chat::message::znc_playback::TARGETS_MAX;
use crate::chat::reply::Sink;
use crate::chat::reply::line::Line;
use crate::chat::state::caps::{Cap, Caps};
use crate::chat::state::ids::{ChannelId, UserId};
use crate::chat::state::queries::{PlayTargets, Plays};
use crate::chat::state::sessions::Missed;
use crate::chat::{Caller, Chat};
use crate::net::ConnId;
use crate::store;
use crate::store::{Limit, Message, Point, Reply, Request, Selection, Text};
use crate::wire::casemap::{folded, same};
use crate::wire::irc::REST_MAX;
use crate::wire::irc::time::write_time;

/// The name of the marker; for a client named by its user, followed by `@` and that name.
const MARKER: &str = "*received";

/// How often the marker of a connected client advances, in seconds. After a crash of the daemon,
/// messages received since then are sent again.
const MARKED_EACH_S: u64 = 600;

/// Channels in which a session is sent missed messages; further ones get the latest messages.
const CHANNELS_MAX: usize = 200;

/// The longest name of a client, in bytes.
const CLIENT_MAX: usize = 32;

/// Whether a client has received everything, by the state of its connection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Departure {
    /// It goes on.
    NotYet,
    /// One of the two sides closed it in good order.
    Clean,
    /// It was lost: lines sent since the client's last input may not have arrived.
    Lost,
}

impl Chat {
    /// Splits `account@client`. Users with several clients log in so by SASL, so that each client
    /// is sent its own missed messages.
    pub(crate) fn note_client<'n>(&mut self, conn: ConnId, name: &'n str) -> &'n str {
        let (account, client) = name.split_once('@').unwrap_or((name, ""));
        let fits = client.len() <= CLIENT_MAX && !client.contains(['*', ',']);
        let named = (fits && !client.is_empty()).then(|| client.to_lowercase().into());
        if named.is_some() || self.sessions[conn].more.is_some() {
            self.sessions[conn].more().client = named;
        }
        account
    }

    /// Stores how far the client has received everything.
    pub(crate) fn note_received(&mut self, sink: &mut Sink, conn: ConnId, ending: Departure) {
        let session = &self.sessions[conn];
        let Some(user) = session.user() else { return };
        let now_s = sink.now().uptime_ms / 1000;
        let silent_s = now_s - u64::from(session.heard_s);
        let interval_s = self.settings.limits.ping_interval.as_secs();
        let behind_s = match ending {
            Departure::NotYet
                if now_s / MARKED_EACH_S == (now_s - interval_s.min(now_s)) / MARKED_EACH_S =>
            {
                return;
            }
            Departure::Clean if !session.pinged => 0,
            _ => silent_s,
        };
        let Some(account) = self.users[user].account().map(Box::<str>::from) else { return };
        let marker = self.marker_of_client(conn);
        let time_ms = sink.now().unix_ms.saturating_sub(behind_s * 1000) as i64;
        let targets_max = self.settings.limits.read_markers_max;
        self.users[user].extra().markers.set(&marker, time_ms, targets_max);
        let account = folded(&account).into_owned();
        let request = Request::MarkRead { account, target: marker, time_ms, targets_max };
        self.ask_store(sink, request, |_, _, _| {});
    }

    fn marker_of_client(&self, conn: ConnId) -> String {
        let more = self.sessions[conn].more.as_ref();
        match more.and_then(|more| more.client.as_deref()) {
            Some(client) => format!("{MARKER}@{client}"),
            None => MARKER.to_owned(),
        }
    }

    /// The messages a new client has missed; `None` if that is unknown, or the user or the client
    /// does not want them.
    pub(crate) fn missed_by(&self, by: Caller) -> Option<Missed> {
        let user = &self.users[by.user];
        let wanted = self.settings.history.on_return > 0 && user.replays();
        if !wanted || user.account().is_none() || self.sessions[by.conn].caps.any_of(Caps::HISTORY)
        {
            return None;
        }
        let marker = self.marker_of_client(by.conn);
        // A connected client of the same name receives everything: they cannot be told apart.
        let twin = |conn: &ConnId| *conn != by.conn && self.marker_of_client(*conn) == marker;
        if user.conns.iter().any(twin) {
            return None;
        }
        let markers = &user.extra.as_ref()?.markers;
        // A client with a new name begins where its user was last here.
        let alone = user.conns.iter().all(|conn| *conn == by.conn);
        let last = || markers.latest(MARKER).filter(|_| alone);
        let since_ms = markers.get(&marker).or_else(last)?;
        Some(Missed { since_ms, sent: Vec::new() })
    }

    /// Sends missed messages: of each conversation the latest `on_return`, and a hint how to find
    /// the rest.
    pub(crate) fn tell_missed(&mut self, sink: &mut Sink, by: Caller, missed: Missed) {
        let limit = Limit::new(self.settings.history.on_return.into());
        let selection = Selection::Latest(Some(Point::Time(missed.since_ms)));
        let times = (i64::MAX, missed.since_ms);
        let request = self.targets_of(by.user, times, Limit::new(TARGETS_MAX));
        self.ask_for(sink, by.conn, request, move |chat, sink, conn, reply| {
            let (Some(user), Reply::Targets(places)) = (chat.sessions[conn].user(), reply) else {
                return;
            };
            let targets = places.into_iter().map(|(place, _)| PlayTargets::At(place)).collect();
            let plays = Plays { targets, selection, limit, missed: true, hint: None };
            chat.play_next(sink, Caller { conn, user }, plays);
        });
    }

    /// The user's name for a target with missed messages, if they may still read it. It is empty
    /// for a user whose name nobody can have any more; those messages name their sender.
    pub(crate) fn name_of_missed(&self, user: UserId, place: &store::Target) -> Option<String> {
        let name = self.name_of_history_target(user, place);
        name.or_else(|| matches!(place, store::Target::Pair(..)).then(String::new))
    }

    /// The history sent when a client's user joins a channel: its start, and the most messages.
    /// Missed messages are sent once; later joins send the latest messages.
    pub(crate) fn replay_of(&mut self, by: Caller, channel: ChannelId) -> Option<(Selection, u16)> {
        let history = &self.settings.history;
        let (on_join, on_return) = (history.on_join, history.on_return);
        let serial = self.channels[channel].serial;
        if self.sessions[by.conn].caps.any_of(Caps::HISTORY) {
            return None;
        }
        let missed = self.sessions[by.conn].more.as_mut().and_then(|more| more.missed.as_mut());
        if let Some(missed) = missed
            && missed.sent.len() < CHANNELS_MAX
            && !missed.sent.contains(&serial)
        {
            missed.sent.push(serial);
            return Some((Selection::Latest(Some(Point::Time(missed.since_ms))), on_return));
        }
        (on_join > 0).then_some((Selection::Latest(None), on_join))
    }

    /// Whether a message is sent to a client that did not request history. CTCP requests are left
    /// out, as the client would answer them, and so are its user's own private messages without
    /// `echo-message`.
    pub(crate) fn may_be_replayed(
        &self,
        by: Caller,
        place: &store::Target,
        message: &Message,
    ) -> bool {
        let text = match &message.text {
            Text::Line(text) => text,
            Text::Lines(lines) => lines.first().map_or("", |line| &line.text),
        };
        let request = text.starts_with('\x01') && !text.starts_with("\x01ACTION");
        let own = self.users[by.user].account().zip(message.account.as_deref());
        let own = own.is_some_and(|(own, of)| same(own, of));
        let private = matches!(place, store::Target::Pair(..));
        let echoes = self.sessions[by.conn].caps.has(Cap::EchoMessage);
        !request && (!private || !own || echoes)
    }

    /// Puts the time of an old message into its text, unless the line would be too long. For
    /// clients without `server-time` that did not request history.
    pub(crate) fn write_time_into(&self, conn: ConnId, target: &str, message: &mut Message) {
        let caps = self.sessions[conn].caps;
        let is_text = matches!(&*message.command, "PRIVMSG" | "NOTICE");
        let knows = caps.has(Cap::ServerTime) || caps.has(Cap::Search);
        if knows || caps.any_of(Caps::HISTORY) || !is_text {
            return;
        }
        let (source, command) = (message.source.len(), message.command.len());
        let room = REST_MAX.saturating_sub(source + command + target.len() + ":    :".len());
        let text = match &mut message.text {
            Text::Line(text) => text,
            Text::Lines(lines) => match lines.iter_mut().find(|line| !line.text.is_empty()) {
                Some(first) => &mut first.text,
                None => return,
            },
        };
        let timed = with_time(text, message.time_ms);
        if timed.len() <= room {
            *text = timed;
        }
    }

    /// Sends a hint how to find the rest of a conversation.
    pub(crate) fn tell_hint(&self, sink: &mut Sink, by: Caller, (name, first_ms): (String, i64)) {
        let mut at = Vec::new();
        write_time(&mut at, first_ms as u64);
        let at = String::from_utf8_lossy(&at);
        let max = self.settings.history.answer_max;
        let text =
            format!("More was said before: /quote CHATHISTORY BEFORE {name} timestamp={at} {max}");
        let params = [self.users[by.user].nick()];
        let line = Line::new(&self.settings.server_name, "NOTICE", &params);
        line.text(&*text).to(sink, &self.sessions[by.conn]);
    }
}

/// The text of an old message with its time in front.
fn with_time(text: &str, time_ms: i64) -> String {
    let mut at = Vec::new();
    write_time(&mut at, time_ms as u64);
    let at = String::from_utf8_lossy(&at);
    let (day, minute) = (at.get(..10).unwrap_or_default(), at.get(11..16).unwrap_or_default());
    match text.strip_prefix("\x01ACTION ") {
        Some(action) => format!("\x01ACTION [{day} {minute} UTC] {action}"),
        None => format!("[{day} {minute} UTC] {text}"),
    }
}
