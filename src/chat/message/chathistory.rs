//! CHATHISTORY: earlier messages. IRCv3 draft/chathistory.

use crate::chat::command::Command;
use crate::chat::reply::Sink;
use crate::chat::state::caps::Cap;
use crate::chat::state::ids::{ChannelId, UserId};
use crate::chat::state::queries::{HistoryAnswer, HistoryPiece, Plays};
use crate::chat::state::services::shortened;
use crate::chat::{Caller, Chat};
use crate::net::ConnId;
use crate::store;
use crate::store::{Limit, Point, Reply, Request, Selection};
use crate::wire::casemap::{folded, same};
use crate::wire::irc::Message;
use crate::wire::irc::names::{ChannelName, Nick};
use crate::wire::irc::time::read_time;

pub(crate) const CHATHISTORY: Command = Command::user("CHATHISTORY", 1, Chat::chathistory).asks_about(1).help("CHATHISTORY LATEST|BEFORE|AFTER|AROUND|BETWEEN target point [point] limit", &["Repeats messages of a channel you are in, or of a private conversation. A point is", "msgid=id or timestamp=2026-11-21T13:00:05.123Z; with LATEST also * for none.", "CHATHISTORY TARGETS timestamp=… timestamp=… limit lists conversations with messages then."]);

/// A parsed CHATHISTORY.
enum HistoryQuery<'a> {
    /// The messages of a target.
    Messages(&'a str, Selection),
    /// The targets with messages between two times.
    Targets(i64, i64),
}

/// Why a request fails: a code, the parameter at fault, and a text.
struct HistoryFault<'a>(&'static str, Option<&'a str>, &'static str);

/// Bytes of an invalid word that an error repeats.
pub(crate) const GIVEN_MAX: usize = 64;

impl Chat {
    /// `CHATHISTORY subcommand target point [point] limit`, or `CHATHISTORY TARGETS time time
    /// limit`. IRCv3 draft/chathistory, "CHATHISTORY Command".
    pub(crate) fn chathistory(&mut self, sink: &mut Sink, by: Caller, message: &Message) {
        let (subcommand, rest) = message.params.split_first().expect("one at least");
        let subcommand = shortened(subcommand, GIVEN_MAX);
        let answer_max = self.settings.history.answer_max;
        match parse(&subcommand.to_ascii_uppercase(), rest, answer_max) {
            Ok((HistoryQuery::Messages(target, selection), limit)) => {
                self.ask_for_messages(sink, by, subcommand, target, selection, limit);
            }
            Ok((HistoryQuery::Targets(from_ms, to_ms), limit)) => {
                self.ask_for_targets(sink, by, subcommand, (from_ms, to_ms), limit);
            }
            Err(HistoryFault(code, given, text)) => {
                let mut context = vec![subcommand];
                context.extend(given.map(|given| shortened(given, GIVEN_MAX)));
                self.fail(sink, by.conn, "CHATHISTORY", code, &context, text);
            }
        }
    }

    fn ask_for_messages(
        &mut self,
        sink: &mut Sink,
        by: Caller,
        subcommand: &str,
        target: &str,
        selection: Selection,
        limit: Limit,
    ) {
        let Some((place, _)) = self.readable(by.user, target) else {
            let context = [subcommand, shortened(target, GIVEN_MAX)];
            let text = "Messages could not be retrieved";
            return self.fail(sink, by.conn, "CHATHISTORY", "INVALID_TARGET", &context, text);
        };
        let events = self.sessions[by.conn].caps.has(Cap::EventPlayback);
        let request = Request::Select { target: place.clone(), selection, limit, events };
        let (subcommand, target) = (subcommand.to_owned(), target.to_owned());
        self.ask_for(sink, by.conn, request, move |chat, sink, conn, reply| {
            chat.answer_messages(sink, conn, &subcommand, &target, place, reply);
        });
    }

    fn answer_messages(
        &mut self,
        sink: &mut Sink,
        conn: ConnId,
        subcommand: &str,
        target: &str,
        place: store::Target,
        reply: Reply,
    ) {
        let Some(user) = self.sessions[conn].user() else { return };
        let (why, messages) = match reply {
            Reply::Messages(messages) => (String::new(), messages),
            Reply::Unknown(_) => ("there is no such message".to_owned(), vec![]),
            Reply::Failed(trouble) => (trouble.to_string(), vec![]),
            _ => ("the store answers something else".to_owned(), vec![]),
        };
        // A user kicked meanwhile may not read it any more.
        let readable = self.readable(user, target);
        let context = [subcommand, shortened(target, GIVEN_MAX)];
        match readable {
            None => {
                let text = "Messages could not be retrieved";
                self.fail(sink, conn, "CHATHISTORY", "INVALID_TARGET", &context, text);
            }
            Some(_) if !why.is_empty() => {
                let text = format!("Messages could not be retrieved: {why}");
                self.fail(sink, conn, "CHATHISTORY", "MESSAGE_ERROR", &context, &text);
            }
            Some((_, name)) => {
                let rest = self.pieces(user, &place, &name, messages);
                // In the client's own letters, so that it can match the reply to its request.
                let batch = format!("chathistory {target}");
                let kept = HistoryAnswer { command: "CHATHISTORY", batch, rest, then: None };
                self.answer_history(sink, Caller { conn, user }, kept);
            }
        }
    }

    /// Requests the targets with messages. IRCv3 draft/chathistory, "TARGETS".
    fn ask_for_targets(
        &mut self,
        sink: &mut Sink,
        by: Caller,
        subcommand: &str,
        times: (i64, i64),
        limit: Limit,
    ) {
        let request = self.targets_of(by.user, times, limit);
        let subcommand = subcommand.to_owned();
        self.ask_for(sink, by.conn, request, move |chat, sink, conn, reply| {
            let Some(user) = chat.sessions[conn].user() else { return };
            let by = Caller { conn, user };
            match reply {
                Reply::Targets(targets) => {
                    let rest = targets.into_iter().filter_map(|(place, ms)| {
                        Some(HistoryPiece::Target(chat.name_of_history_target(user, &place)?, ms))
                    });
                    let rest = rest.collect();
                    let batch = "draft/chathistory-targets".to_owned();
                    let kept = HistoryAnswer { command: "CHATHISTORY", batch, rest, then: None };
                    chat.answer_history(sink, by, kept);
                }
                reply => {
                    let text = format!("Targets could not be retrieved{}", why(&reply));
                    let context = [&*subcommand];
                    chat.fail(sink, conn, "CHATHISTORY", "MESSAGE_ERROR", &context, &text);
                }
            }
        });
    }

    /// Sends the latest messages after JOIN to a client that cannot request them.
    pub(crate) fn replay_on_join(&mut self, sink: &mut Sink, by: Caller, channel: ChannelId) {
        let Some((selection, max)) = self.replay_of(by, channel) else { return };
        let name = self.channels[channel].name.to_string();
        let Some((place, _)) = self.readable(by.user, &name) else { return };
        let limit = Limit::new(max.into());
        let missed = matches!(selection, Selection::Latest(Some(_)));
        let request = Request::Select { target: place.clone(), selection, limit, events: false };
        self.ask_store(sink, request, move |chat, sink, reply| {
            let Reply::Messages(mut messages) = reply else { return };
            let here = chat.sessions.is_here(by.conn) && !messages.is_empty();
            let Some((_, name)) = here.then(|| chat.readable(by.user, &name)).flatten() else {
                return;
            };
            let first = messages.first().map(|message| (name.clone(), message.time_ms));
            let hint = first.filter(|_| missed && messages.len() == limit.get());
            messages.retain(|message| chat.may_be_replayed(by, &place, message));
            let rest = chat.pieces(by.user, &place, &name, messages);
            let batch = format!("chathistory {name}");
            let then = hint.map(Plays::hint);
            chat.answer_history(sink, by, HistoryAnswer { command: "JOIN", batch, rest, then });
        });
    }

    /// The request for all targets with messages that `user` may read.
    pub(crate) fn targets_of(&self, user: UserId, times: (i64, i64), limit: Limit) -> Request {
        let channels = self.users[user].channels.iter();
        let channels =
            channels.filter_map(|each| match self.history_target_of_channel(each.channel) {
                store::Target::Channel(name) => Some(name),
                store::Target::Pair(..) => None,
            });
        let channels = channels.collect();
        let (from_ms, to_ms) = times;
        Request::Targets { user: self.key(user), channels, from_ms, to_ms, limit }
    }

    /// The stored target that `target` refers to, and its name, if `user` may read it. It is a
    /// channel they are in, or their conversation with another user.
    pub(crate) fn readable(&self, user: UserId, target: &str) -> Option<(store::Target, String)> {
        if !self.settings.history.enabled {
            return None;
        }
        if ChannelName::is_meant_by(target) {
            let channel = self.channels.find(target).filter(|id| self.users[user].is_in(*id))?;
            return Some((
                self.history_target_of_channel(channel),
                self.channels[channel].name.to_string(),
            ));
        }
        let nick = Nick::parse(target, self.settings.limits.nick_max)?;
        let (key, name) = match self.users.find(nick.as_str()) {
            Some(other) => (self.key(other), self.users[other].nick()),
            // A user who is not here is found by the account.
            None => (folded(nick.as_str()).into_owned(), nick.as_str()),
        };
        Some((store::Target::pair(self.key(user), key), name.to_owned()))
    }
}

/// The reason of a failure after a colon, to end an error text; else empty.
pub(crate) fn why(reply: &Reply) -> String {
    match reply {
        Reply::Failed(trouble) => format!(": {trouble}"),
        _ => String::new(),
    }
}

/// Parses a request. IRCv3 draft/chathistory, "Subcommands".
fn parse<'a>(
    subcommand: &str,
    params: &[&'a str],
    answer_max: u16,
) -> Result<(HistoryQuery<'a>, Limit), HistoryFault<'a>> {
    let invalid = |text| HistoryFault("INVALID_PARAMS", None, text);
    let count = match subcommand {
        "LATEST" | "BEFORE" | "AFTER" | "AROUND" | "TARGETS" => 3,
        "BETWEEN" => 4,
        _ => return Err(invalid("Unknown command")),
    };
    match params.len() {
        given if given < count => return Err(invalid("Insufficient parameters")),
        given if given > count => return Err(invalid("Too many parameters")),
        _ => {}
    }
    let limit = limit(params[count - 1], answer_max).ok_or(HistoryFault(
        "INVALID_PARAMS",
        Some(params[count - 1]),
        "Invalid limit",
    ))?;
    let (first, second) = (params[0], params[1]);
    let asked = match subcommand {
        "TARGETS" => HistoryQuery::Targets(time(first)?, time(second)?),
        "LATEST" if second == "*" => HistoryQuery::Messages(first, Selection::Latest(None)),
        "LATEST" => HistoryQuery::Messages(first, Selection::Latest(Some(point(second)?))),
        "BEFORE" => HistoryQuery::Messages(first, Selection::Before(point(second)?)),
        "AFTER" => HistoryQuery::Messages(first, Selection::After(point(second)?)),
        "AROUND" => HistoryQuery::Messages(first, Selection::Around(point(second)?)),
        _ => HistoryQuery::Messages(first, Selection::Between(point(second)?, point(params[2])?)),
    };
    Ok((asked, limit))
}

/// The requested number of messages, or `answer_max` if that is less; 0 is not allowed.
pub(crate) fn limit(text: &str, answer_max: u16) -> Option<Limit> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let asked = text.parse().unwrap_or(u64::MAX).min(answer_max.into());
    (digits && asked > 0).then(|| Limit::new(asked as i64))
}

fn point(text: &str) -> Result<Point, HistoryFault<'_>> {
    match text.split_once('=') {
        Some(("msgid", id)) if !id.is_empty() => Ok(Point::Msgid(id.to_owned())),
        Some(("timestamp", _)) => Ok(Point::Time(time(text)?)),
        Some((kind, _)) if !same(kind, "msgid") => {
            Err(HistoryFault("INVALID_MSGREFTYPE", Some(text), "Write msgid=… or timestamp=…"))
        }
        _ => Err(HistoryFault("INVALID_PARAMS", Some(text), "Invalid message reference")),
    }
}

/// Parses `timestamp=…` into milliseconds since 1970.
pub(crate) fn timestamp(text: &str) -> Option<i64> {
    read_time(text.strip_prefix("timestamp=")?).map(|ms| ms as i64)
}

fn time(text: &str) -> Result<i64, HistoryFault<'_>> {
    timestamp(text).ok_or(HistoryFault("INVALID_PARAMS", Some(text), "Invalid timestamp"))
}
