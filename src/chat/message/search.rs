//! SEARCH: finding messages. The `search` extension of soju, `soju.im/search`, which is proposed to
//! IRCv3.

use crate::chat::command::Command;
use crate::chat::message::chathistory::{limit, why};
use crate::chat::reply::Sink;
use crate::chat::reply::numeric::RPL_TRYAGAIN;
use crate::chat::state::queries::{HistoryAnswer, HistoryPiece};
use crate::chat::{Caller, Chat};
use crate::net::ConnId;
use crate::store;
use crate::store::{Limit, Reply, Request};
use crate::wire::casemap::folded;
use crate::wire::irc::Message;
use crate::wire::irc::tags::{Tags, unescape};
use crate::wire::irc::time::read_time;

pub(crate) const SEARCH: Command = Command::user("SEARCH", 1, Chat::search).costs(50).help(
    "SEARCH text=words;in=target;from=nick;after=time;before=time;limit=number",
    &["Finds messages among those you may read. Each attribute is optional."],
);

/// Searches that may be open at once, of all users: while the database searches, it stores nothing.
const SEARCHES_MAX: usize = 4;

/// The conditions of a search.
struct Sought {
    words: String,
    from: Option<String>,
    after_ms: Option<i64>,
    before_ms: Option<i64>,
    limit: Limit,
}

impl Chat {
    /// `SEARCH attributes`, written as tags are. soju.im/search, "SEARCH Command".
    pub(crate) fn search(&mut self, sink: &mut Sink, by: Caller, message: &Message) {
        let attributes = Tags::new(message.params[0]);
        let sought = match parse(attributes, self.settings.history.answer_max) {
            Ok(sought) => sought,
            Err(attribute) => return self.refuse_search(sink, by.conn, attribute),
        };
        let Some(within) = attributes.get("in") else {
            return self.search_everywhere(sink, by, sought);
        };
        let within: String = unescape(within).collect();
        match self.readable(by.user, &within) {
            Some((place, _)) => self.search_in(sink, by, vec![place], sought),
            None => self.refuse_search(sink, by.conn, "in"),
        }
    }

    fn refuse_search(&self, sink: &mut Sink, conn: ConnId, attribute: &str) {
        self.fail(sink, conn, "SEARCH", "INVALID_PARAMS", &[attribute], "Invalid parameters");
    }

    /// Searches all targets. First the store is asked which targets have messages.
    fn search_everywhere(&mut self, sink: &mut Sink, by: Caller, sought: Sought) {
        let request = self.targets_of(by.user, (i64::MAX, i64::MIN), Limit::new(Limit::MAX));
        self.ask_for(sink, by.conn, request, move |chat, sink, conn, reply| {
            let Some(user) = chat.sessions[conn].user() else { return };
            match reply {
                Reply::Targets(targets) => {
                    let places = targets.into_iter().map(|(place, _)| place).collect();
                    chat.search_in(sink, Caller { conn, user }, places, sought);
                }
                reply => chat.search_failed(sink, conn, &reply),
            }
        });
    }

    fn search_in(
        &mut self,
        sink: &mut Sink,
        by: Caller,
        targets: Vec<store::Target>,
        Sought { words, from, after_ms, before_ms, limit }: Sought,
    ) {
        if self.backends.searches >= SEARCHES_MAX {
            return self.numeric(sink, by.conn, RPL_TRYAGAIN, &["SEARCH"]);
        }
        self.backends.searches += 1;
        let request = Request::Search { targets, words, from, after_ms, before_ms, limit };
        self.ask_to_do(sink, by.conn, request, |chat, sink, conn, reply| {
            chat.backends.searches -= 1;
            let Some(conn) = conn else { return };
            let Some(user) = chat.sessions[conn].user() else { return };
            let Reply::Found(mut found) = reply else {
                return chat.search_failed(sink, conn, &reply);
            };
            found.reverse();
            // Each target's name is looked up once.
            let mut names: Vec<(store::Target, Option<String>)> = Vec::new();
            let mut rest = std::collections::VecDeque::new();
            for (place, message) in found {
                let known = names.iter().position(|(known, _)| *known == place);
                let index = known.unwrap_or_else(|| {
                    names.push((place.clone(), chat.name_of_history_target(user, &place)));
                    names.len() - 1
                });
                // Targets they may no longer read are left out.
                let Some(name) = &names[index].1 else { continue };
                rest.extend::<Vec<HistoryPiece>>(
                    chat.pieces(user, &place, name, vec![message]).into_iter().collect(),
                );
            }
            let batch = "soju.im/search".to_owned();
            let kept = HistoryAnswer { command: "SEARCH", batch, rest, then: None };
            chat.answer_history(sink, Caller { conn, user }, kept);
        });
    }

    fn search_failed(&self, sink: &mut Sink, conn: ConnId, reply: &Reply) {
        let text = format!("The search could not be run{}", why(reply));
        self.fail(sink, conn, "SEARCH", "INTERNAL_ERROR", &[], &text);
    }
}

/// Parses the conditions; returns the invalid one, if any. soju.im/search, "Standard search
/// attributes"; others are ignored.
fn parse(attributes: Tags, answer_max: u16) -> Result<Sought, &'static str> {
    let value = |name| attributes.get(name).map(|value| unescape(value).collect::<String>());
    let time = |name| match value(name) {
        Some(text) => read_time(&text).map(|ms| Some(ms as i64)).ok_or(name),
        None => Ok(None),
    };
    Ok(Sought {
        words: value("text").unwrap_or_default(),
        from: value("from").map(|nick| folded(&nick).into_owned()),
        // "At or after", "at or before".
        after_ms: time("after")?.map(|ms| ms - 1),
        before_ms: time("before")?.map(|ms| ms + 1),
        limit: match value("limit") {
            Some(text) => limit(&text, answer_max).ok_or("limit")?,
            None => Limit::new(answer_max.into()),
        },
    })
}
