//! Long replies: WHO, LIST, METADATA SYNC and history. They are sent a piece at a time, as fast as
//! the client reads, so that no turn looks at more than a part of them.

use crate::chat::reply::Sink;
use crate::chat::reply::numeric::*;
use crate::chat::state::caps::Cap;
use crate::chat::state::ids::{ChannelId, UserId};
use crate::chat::state::pending::{AnswerStage, LongAnswer, Query};
use crate::chat::{Caller, Chat};
use crate::net::ConnId;

/// Users or channels tested in one turn, if no long mask makes each test dearer: some hundred
/// microseconds.
const LOOKED_AT_MAX: usize = 1000;

/// Long replies that one connection may wait for.
const ANSWERS_MAX: usize = 60;

/// Bytes of the commands whose replies one connection waits for. Sixty ordinary ones have a tenth
/// of it.
const ASKED_BYTES_MAX: usize = 16 << 10;

/// Items collected for a reply under way count as waiting if they have more bytes than this: a
/// thousand members. To sum up all that waits takes 30 µs for 10,000 connections.
const LISTED_BYTES_MIN: usize = 4 << 10;

/// The progress of a reply after one step.
enum AnswerProgress {
    /// There may be more.
    More,
    Done,
}

impl Chat {
    /// Answers `query` after the earlier ones. A LIST ends one that is under way, which is how
    /// clients stop it.
    pub(crate) fn begin_answer(&mut self, sink: &mut Sink, by: Caller, mut query: Query) {
        if let Query::List(_) = query {
            self.end_list(sink, by);
        }
        if !self.may_ask(sink, by, query.command()) {
            return;
        }
        let answers = &mut self.sessions[by.conn].more().answers;
        let asked: usize = answers.iter().map(|answer| answer.query.asked_bytes()).sum();
        if asked + query.asked_bytes() > ASKED_BYTES_MAX && !answers.is_empty() {
            return self.numeric(sink, by.conn, RPL_TRYAGAIN, &[query.command()]);
        }
        query.clear(); // collected when its turn comes
        let answers = &mut self.sessions[by.conn].more().answers;
        let first = answers.is_empty();
        answers.push_back(LongAnswer {
            query,
            label: sink.take_label(),
            stage: AnswerStage::Waiting,
        });
        if first {
            self.go_on(sink, by.conn);
        }
    }

    /// Whether one more long reply may wait; sends an error if not.
    pub(crate) fn may_ask(&mut self, sink: &mut Sink, by: Caller, command: &str) -> bool {
        let may = self.sessions[by.conn].more().answers.len() < ANSWERS_MAX;
        if !may {
            self.numeric(sink, by.conn, RPL_TRYAGAIN, &[command]);
        }
        may
    }

    fn end_list(&mut self, sink: &mut Sink, by: Caller) {
        let answers = &mut self.sessions[by.conn].more().answers;
        let is_list = |answer: &LongAnswer| matches!(answer.query, Query::List(_));
        let Some(place) = answers.iter().position(is_list) else { return };
        let mut list = answers.remove(place).expect("it is there");
        sink.unlabelled(|sink| {
            self.begin(sink, by, &mut list);
            self.end(sink, by, list);
        });
    }

    /// Sends as much more as there is room for, and at least one piece. Replies thus complete even
    /// if `sendq_pause` is less than a line may take.
    pub(crate) fn go_on(&mut self, sink: &mut Sink, conn: ConnId) {
        let Some(user) = self.sessions[conn].user() else { return };
        let by = Caller { conn, user };
        let mut looked_at = 0;
        while let Some(mut answer) = self.sessions[conn].more().answers.pop_front() {
            self.begin(sink, by, &mut answer);
            let cost = answer.query.cost();
            loop {
                let full = sink.out.headroom(conn) < answer.query.next_bytes();
                if looked_at >= LOOKED_AT_MAX || (looked_at > 0 && full) {
                    self.sessions[conn].more().answers.push_front(answer);
                    return sink.out.ask_room(conn);
                }
                looked_at += cost;
                if matches!(self.say_next(sink, by, &mut answer), AnswerProgress::Done) {
                    self.end(sink, by, answer);
                    break;
                }
            }
        }
    }

    /// Begins a reply that waits: opens its batch, and collects its items.
    fn begin(&mut self, sink: &mut Sink, by: Caller, answer: &mut LongAnswer) {
        if let AnswerStage::Waiting = answer.stage {
            let batch = self.open_batch_of(sink, by, answer);
            if let Query::List(_) = answer.query {
                self.numeric_in(sink, by.conn, batch.as_deref(), RPL_LISTSTART, &["Channel"]);
            }
            self.find(sink, by, &mut answer.query, batch.as_deref());
            answer.stage = AnswerStage::Begun { next: 0, batch };
        }
    }

    /// Collects the items of a reply, unless too much waits already for slow readers.
    fn find(&mut self, sink: &mut Sink, by: Caller, query: &mut Query, batch: Option<&str>) {
        match query {
            Query::List(_) | Query::History(_) => return,
            Query::Who(who) => self.find_targets(by, who),
            Query::Sync(sync) => self.collect(by, sync),
        }
        let (bytes, max) = (query.listed_bytes(), self.settings.history.waiting_bytes_max);
        if bytes > LISTED_BYTES_MIN && bytes + self.waiting_bytes() > max {
            query.clear();
            self.numeric_in(sink, by.conn, batch, RPL_TRYAGAIN, &[query.command()]);
        }
    }

    /// Opens the batch of a reply, if it needs one.
    fn open_batch_of(
        &mut self,
        sink: &mut Sink,
        by: Caller,
        answer: &mut LongAnswer,
    ) -> Option<String> {
        let label = answer.label.take();
        let kind = match &answer.query {
            Query::Sync(sync) if self.sessions[by.conn].caps.has(Cap::Batch) => {
                format!("metadata {}", sync.of)
            }
            Query::History(kept) if self.sessions[by.conn].caps.has(Cap::Batch) => {
                kept.batch.clone()
            }
            _ if label.is_some() => "labeled-response".to_owned(),
            _ => return None,
        };
        let reference = self.batch_reference();
        let label = label.map_or(String::new(), |label| format!("@label={label} "));
        let opening =
            format!("{label}:{} BATCH +{reference} {kind}\r\n", self.settings.server_name);
        sink.out.write(by.conn, opening.as_bytes());
        Some(reference)
    }

    fn say_next(&self, sink: &mut Sink, by: Caller, answer: &mut LongAnswer) -> AnswerProgress {
        let AnswerStage::Begun { next, batch } = &mut answer.stage else {
            return AnswerProgress::Done;
        };
        let batch = batch.as_deref();
        match &mut answer.query {
            Query::Sync(sync) => {
                if !self.sync_next(sink, by.conn, sync, next, batch) {
                    return AnswerProgress::Done;
                }
            }
            Query::History(kept) => {
                if !self.send_history(sink, by.conn, kept, batch) {
                    return AnswerProgress::Done;
                }
            }
            Query::List(filter) => {
                let Some(channel) = self.channels.next_from(*next) else {
                    return AnswerProgress::Done;
                };
                *next = ChannelId::after(channel);
                self.list_one(sink, by, filter, channel, batch);
            }
            Query::Who(query) => {
                let Some((user, after)) = self.who_next(query, *next) else {
                    return AnswerProgress::Done;
                };
                *next = after;
                self.who_one(sink, by, query, user, batch);
            }
        }
        AnswerProgress::More
    }

    fn end(&mut self, sink: &mut Sink, by: Caller, answer: LongAnswer) {
        let AnswerStage::Begun { batch, .. } = &answer.stage else { return };
        let batch = batch.as_deref();
        match &answer.query {
            Query::Sync(_) | Query::History(_) => {}
            Query::List(_) => self.numeric_in(sink, by.conn, batch, RPL_LISTEND, &[]),
            Query::Who(query) => {
                self.numeric_in(sink, by.conn, batch, RPL_ENDOFWHO, &[query.mask()]);
            }
        }
        if let Some(reference) = batch {
            let closing = format!("-{reference}");
            self.say(sink, by.conn, &self.settings.server_name, "BATCH", &[&closing]);
        }
        if let Query::History(kept) = answer.query {
            self.after_history(sink, by, kept);
        }
    }

    /// Whether history is still to be sent to `conn`.
    pub(crate) fn is_being_told(&self, conn: ConnId) -> bool {
        let more = self.sessions[conn].more.as_ref();
        let mut answers = more.into_iter().flat_map(|more| &more.answers);
        answers.any(|answer| answer.kept().is_some())
    }

    /// The first user with number `next` or later, and the number after theirs.
    pub(crate) fn user_from(&self, next: u32) -> Option<(UserId, u32)> {
        let user = self.users.next_from(next)?;
        Some((user, user.after()))
    }
}
