//! `*playback`, for clients that know only the capability `znc.in/playback`: as ZNC's module of
//! that name, <https://wiki.znc.in/Playback>.

use crate::chat::command::Command;
use crate::chat::message::chathistory::why;
use crate::chat::reply::Sink;
use crate::chat::reply::line::Line;
use crate::chat::state::queries::{HistoryAnswer, PlayTargets, Plays};
use crate::chat::{Caller, Chat};
use crate::store::{Limit, Point, Reply, Request, Selection};
use crate::wire::casemap::same;
use crate::wire::irc::Message;
use crate::wire::irc::names::ChannelName;

pub(crate) const ZNC: Command = Command::user("ZNC", 1, Chat::znc).help(
    "ZNC *playback PLAY target [from [to]]",
    &["Repeats messages of a conversation. For clients that know the playback module of ZNC."],
);

/// The nick that clients write to.
pub(crate) const PLAYBACK: &str = "*playback";

/// The source of the replies.
const SOURCE: &str = "*playback!znc@znc.in";

/// Characters of an unknown module's name that a reply repeats.
const MODULE_MAX: usize = 32;

/// The most targets that one command plays.
pub(crate) const TARGETS_MAX: i64 = 100;

impl Chat {
    /// `ZNC module words…`: the command by which clients write to a module of ZNC; there is one.
    pub(crate) fn znc(&mut self, sink: &mut Sink, by: Caller, message: &Message) {
        let module = message.params[0].trim_start_matches('*');
        if same(module, &PLAYBACK[1..]) {
            return self.tell_playback(sink, by, &message.params[1..].join(" "));
        }
        let fit = |c: &char| c.is_ascii_alphanumeric() || "_-".contains(*c);
        let module: String = module.chars().filter(fit).take(MODULE_MAX).collect();
        let source = format!("*{module}!znc@znc.in");
        let text = format!("There is no module {module} here, only playback");
        let params = [self.users[by.user].nick()];
        Line::new(&source, "PRIVMSG", &params).text(&*text).to(sink, &self.sessions[by.conn]);
    }

    /// `PLAY target{,target} [from [to]]`, `LIST`, `CLEAR target`; times in seconds since 1970,
    /// with a fraction. `*` is every target.
    pub(crate) fn tell_playback(&mut self, sink: &mut Sink, by: Caller, text: &str) {
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        let command = words.first().copied().unwrap_or_default().to_ascii_uppercase();
        match (&*command, &words[words.len().min(1)..]) {
            ("PLAY", [targets, times @ ..]) if times.len() <= 2 => {
                let times: Option<Vec<i64>> = times.iter().map(|text| milliseconds(text)).collect();
                match times {
                    Some(times) => self.play_targets(sink, by, targets, &times),
                    None => self.say_as_playback(sink, by, "Times are seconds since 1970"),
                }
            }
            ("LIST", []) => self.list_targets(sink, by),
            ("CLEAR", [_]) => {
                let text = "What is kept belongs to all who may read it: nothing is cleared";
                self.say_as_playback(sink, by, text);
            }
            _ => {
                let text = "Say PLAY target [from [to]], LIST, or CLEAR target";
                self.say_as_playback(sink, by, text);
            }
        }
    }

    fn say_as_playback(&self, sink: &mut Sink, by: Caller, text: &str) {
        let params = [self.users[by.user].nick()];
        Line::new(SOURCE, "PRIVMSG", &params).text(text).to(sink, &self.sessions[by.conn]);
    }

    fn play_targets(&mut self, sink: &mut Sink, by: Caller, targets: &str, times: &[i64]) {
        let selection = match *times {
            [] => Selection::Latest(None),
            [from] => Selection::Latest(Some(Point::Time(from))),
            [from, to, ..] => Selection::Between(Point::Time(from), Point::Time(to)),
        };
        let limit = Limit::new(self.settings.history.answer_max.into());
        let (missed, hint) = (false, None);
        if targets != "*" {
            let targets = targets.split(',').filter(|target| !target.is_empty());
            let targets = targets.take(TARGETS_MAX as usize).map(str::to_owned);
            let targets = targets.map(PlayTargets::Named).collect();
            return self.play_next(sink, by, Plays { targets, selection, limit, missed, hint });
        }
        let from = times.first().copied().unwrap_or(i64::MIN);
        self.ask_for_played_targets(sink, by, from, move |chat, sink, by, places| {
            let targets = places.into_iter().map(|(name, _)| PlayTargets::Named(name)).collect();
            chat.play_next(sink, by, Plays { targets, selection, limit, missed, hint });
        });
    }

    fn list_targets(&mut self, sink: &mut Sink, by: Caller) {
        self.ask_for_played_targets(sink, by, i64::MIN, |chat, sink, by, places| {
            for (name, ms) in places {
                let text = format!("{name} 0 {}.{:03}", ms / 1000, ms % 1000);
                chat.say_as_playback(sink, by, &text);
            }
        });
    }

    /// Requests the targets with messages since `from_ms`. `then` receives the latest of them by
    /// name, each with the time of its last message.
    pub(crate) fn ask_for_played_targets(
        &mut self,
        sink: &mut Sink,
        by: Caller,
        from_ms: i64,
        then: impl FnOnce(&mut Chat, &mut Sink, Caller, Vec<(String, i64)>) + Send + 'static,
    ) {
        let request = self.targets_of(by.user, (i64::MAX, from_ms), Limit::new(TARGETS_MAX));
        self.ask_for(sink, by.conn, request, move |chat, sink, conn, reply| {
            let Some(user) = chat.sessions[conn].user() else { return };
            let by = Caller { conn, user };
            let Reply::Targets(targets) = reply else {
                let text = format!("Nothing can be found{}", why(&reply));
                return chat.say_as_playback(sink, by, &text);
            };
            let named = targets.into_iter();
            let named =
                named.filter_map(|(at, ms)| Some((chat.name_of_history_target(user, &at)?, ms)));
            let named = named.collect();
            then(chat, sink, by, named);
        });
    }

    /// Plays the next target that may be read, and the rest after it.
    pub(crate) fn play_next(&mut self, sink: &mut Sink, by: Caller, mut plays: Plays) {
        if let Some(hint) = plays.hint.take() {
            self.tell_hint(sink, by, hint);
        }
        let readable = loop {
            let Some(target) = plays.targets.pop_front() else {
                return self.hear_again(sink, by.conn);
            };
            let readable = match target {
                PlayTargets::Named(name) => self.readable(by.user, &name),
                PlayTargets::At(place) => {
                    self.name_of_missed(by.user, &place).map(|name| (place, name))
                }
            };
            if let Some(readable) = readable {
                break readable;
            }
        };
        let (place, name) = readable;
        let (limit, selection) = (plays.limit, plays.selection.clone());
        let request = Request::Select { target: place.clone(), selection, limit, events: false };
        self.ask_for(sink, by.conn, request, move |chat, sink, conn, reply| {
            let Some(user) = chat.sessions[conn].user() else { return };
            let by = Caller { conn, user };
            let mut messages = match reply {
                Reply::Messages(messages) => messages,
                reply => {
                    let text = format!("{name} can't be played{}", why(&reply));
                    chat.say_as_playback(sink, by, &text);
                    vec![]
                }
            };
            let gone = ChannelName::is_meant_by(&name) && chat.readable(user, &name).is_none();
            if messages.is_empty() || gone {
                return chat.play_next(sink, by, plays);
            }
            if plays.missed {
                let full = messages.len() == plays.limit.get();
                let first = messages.first().map(|message| (name.clone(), message.time_ms));
                plays.hint = first.filter(|_| full && !name.is_empty());
                messages.retain(|message| chat.may_be_replayed(by, &place, message));
            }
            let rest = chat.pieces(user, &place, &name, messages);
            let batch = format!("chathistory {name}");
            chat.answer_history(
                sink,
                by,
                HistoryAnswer { command: "PRIVMSG", batch, rest, then: Some(plays) },
            );
        });
    }
}

/// Seconds since 1970, in milliseconds; smaller fractions are dropped.
fn milliseconds(text: &str) -> Option<i64> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if seconds.is_empty() || !digits(seconds) || !digits(fraction) {
        return None;
    }
    let ms: String = fraction.chars().chain("000".chars()).take(3).collect();
    let seconds: i64 = seconds.parse().ok()?;
    seconds.checked_mul(1000)?.checked_add(ms.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_fraction_or_none() {
        assert_eq!(milliseconds("0"), Some(0));
        assert_eq!(milliseconds("1558374442"), Some(1_558_374_442_000));
        assert_eq!(milliseconds("1558374442.5"), Some(1_558_374_442_500));
        assert_eq!(milliseconds("1558374442.123456"), Some(1_558_374_442_123));
        for text in ["", ".5", "-1", "+1", "1e3", "nan", "1.2.3", "99999999999999999999"] {
            assert_eq!(milliseconds(text), None, "{text}");
        }
    }
}
