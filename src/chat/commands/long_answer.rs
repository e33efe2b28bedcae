//! Answers too long to be queued at once, WHO, LIST and METADATA SYNC: said a piece at a time, as fast as their
//! reader reads, and so that a turn never looks at more than a part of what there is.

use super::list::ListFilter;
use super::metadata_sync::Sync;
use super::who::WhoQuery;
use crate::chat::caps::Cap;
use crate::chat::channels::ChannelId;
use crate::chat::users::UserId;
use crate::chat::voice::Voice;
use crate::chat::{By, Chat};
use crate::net::ConnId;

/// An answer that is still being said.
pub struct LongAnswer {
    pub(crate) query: Query,
    /// The number of the user or channel, or the place in a list, that comes next.
    pub(crate) next: u32,
    /// The batch that it is said in, if it has one or answers a labelled command.
    pub(crate) batch: Option<String>,
}

/// What is asked.
pub(crate) enum Query {
    List(ListFilter),
    Who(WhoQuery),
    Sync(Sync),
}

/// Users or channels looked at in one turn: some hundred microseconds.
const LOOKED_AT_MAX: usize = 1000;

/// What one line may take of the room there is.
const LINE_MAX: usize = 1024;

/// What an answer has come to.
pub(crate) enum Progress {
    /// There may be more.
    More,
    Done,
}

impl Chat {
    /// Begins an answer, and ends the one that may still be under way.
    pub(crate) fn begin_answer(&mut self, voice: &mut Voice, by: By, query: Query) {
        if let Some(before) = self.sessions[by.conn].more().answer.take() {
            voice.unlabelled(|voice| self.end_answer(voice, by, before));
        }
        let batch = self.open_answer(voice, by, &query);
        self.begin_query(voice, by, &query, batch.as_deref());
        let answer = LongAnswer { query, next: 0, batch };
        self.sessions[by.conn].more().answer = Some(answer);
        self.go_on(voice, by.conn);
    }

    /// The batch that an answer is said in, if it takes one.
    fn open_answer(&mut self, voice: &mut Voice, by: By, query: &Query) -> Option<String> {
        let label = voice.take_label();
        let kind = match query {
            Query::Sync(sync) if self.sessions[by.conn].caps.has(Cap::Batch) => {
                format!("metadata {}", sync.of)
            }
            _ if label.is_some() => "labeled-response".to_owned(),
            _ => return None,
        };
        let reference = self.batch_reference();
        let label = label.map_or(String::new(), |label| format!("@label={label} "));
        let opening =
            format!("{label}:{} BATCH +{reference} {kind}\r\n", self.settings.server_name);
        voice.out.write(by.conn, opening.as_bytes());
        Some(reference)
    }

    /// Says as much more as there is room for, and something at least: where `sendq_pause` is less
    /// than a line may take, the answer comes to its end all the same.
    pub(crate) fn go_on(&mut self, voice: &mut Voice, conn: ConnId) {
        let Some(user) = self.sessions[conn].user() else { return };
        let by = By { conn, user };
        let Some(mut answer) = self.sessions[conn].more().answer.take() else { return };
        for looked_at in 0..LOOKED_AT_MAX {
            if looked_at > 0 && voice.out.headroom(conn) < LINE_MAX {
                break;
            }
            if matches!(self.answer_next(voice, by, &mut answer), Progress::Done) {
                return self.end_answer(voice, by, answer);
            }
        }
        self.sessions[conn].more().answer = Some(answer);
        voice.out.ask_room(conn);
    }

    fn answer_next(&self, voice: &mut Voice, by: By, answer: &mut LongAnswer) -> Progress {
        match &mut answer.query {
            Query::Sync(sync) => {
                let batch = answer.batch.as_deref();
                if !self.sync_next(voice, by.conn, sync, &mut answer.next, batch) {
                    return Progress::Done;
                }
            }
            Query::List(filter) => {
                let Some(channel) = self.channels.next_from(answer.next) else {
                    return Progress::Done;
                };
                answer.next = ChannelId::after(channel);
                self.list_one(voice, by, filter, channel, answer.batch.as_deref());
            }
            Query::Who(query) => match self.who_next(query, answer.next) {
                None => return Progress::Done,
                Some((user, next)) => {
                    answer.next = next;
                    self.who_one(voice, by, query, user, answer.batch.as_deref());
                }
            },
        }
        Progress::More
    }

    fn begin_query(&self, voice: &mut Voice, by: By, query: &Query, batch: Option<&str>) {
        if let Query::List(_) = query {
            self.numeric_in(
                voice,
                by.conn,
                batch,
                crate::chat::numeric::RPL_LISTSTART,
                &["Channel"],
            );
        }
    }

    fn end_answer(&mut self, voice: &mut Voice, by: By, answer: LongAnswer) {
        let batch = answer.batch.as_deref();
        match &answer.query {
            Query::Sync(_) => {}
            Query::List(_) => {
                self.numeric_in(voice, by.conn, batch, crate::chat::numeric::RPL_LISTEND, &[])
            }
            Query::Who(query) => {
                self.numeric_in(
                    voice,
                    by.conn,
                    batch,
                    crate::chat::numeric::RPL_ENDOFWHO,
                    &[query.mask()],
                );
            }
        }
        if let Some(reference) = batch {
            let closing = format!("-{reference}");
            self.say(voice, by.conn, &self.settings.server_name, "BATCH", &[&closing]);
        }
    }

    /// The next user after a number, and the number after them.
    pub(crate) fn user_from(&self, next: u32) -> Option<(UserId, u32)> {
        let user = self.users.next_from(next)?;
        Some((user, user.after()))
    }
}
