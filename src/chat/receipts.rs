//! Echoes that are receipts: said once their message is kept, and before whatever else who said it
//! is to hear.

use super::Chat;
use super::caps::Cap;
use super::keeper::overloaded;
use super::users::UserId;
use super::voice::{Answer, Piece, Voice};
use crate::net::{ConnId, Span};
use crate::store::{Message, Reply, Request, Target, Trouble};
use std::collections::{HashMap, VecDeque};

/// What each connection is to hear once the echoes in it are known, in order.
#[derive(Default)]
pub(super) struct Receipts {
    waiting: HashMap<ConnId, VecDeque<Answer>>,
    /// Counts echoes.
    count: u64,
}

/// Who waits for the echo of a message, and what it is.
struct Echo {
    number: u64,
    conns: Vec<ConnId>,
    /// As it was called by who said it.
    target: String,
    message: Message,
}

impl Receipts {
    /// Nobody waits on `conn` any more.
    pub(super) fn forget(&mut self, conn: ConnId) {
        self.waiting.remove(&conn);
    }
}

impl Chat {
    /// Keeps a message that `user` has said to what they call `target`. Those of their connections
    /// that have asked for `echo-message` hear it once it is kept, or that it isn't.
    pub(super) fn keep_said(
        &mut self,
        voice: &mut Voice,
        user: UserId,
        place: Target,
        target: &str,
        message: Message,
    ) {
        let wants = |conn: &ConnId| self.sessions[*conn].caps.has(Cap::EchoMessage);
        let conns: Vec<ConnId> = self.users[user].conns.iter().copied().filter(wants).collect();
        let keep = |message| Request::Append { target: place, message };
        if conns.is_empty() {
            return self.ask_store(voice, keep(message), |_, _, _| {});
        }
        self.receipts.count += 1;
        let (number, hearers) = (self.receipts.count, conns.clone());
        let request = keep(message.clone());
        let echo = Echo { number, conns, target: target.to_owned(), message };
        let command = echo.message.command.clone();
        match self.keeper.ask(request, |chat, voice, reply| chat.echo(voice, echo, reply)) {
            Ok(()) => hearers.iter().for_each(|conn| voice.await_echo(*conn, number)),
            Err(_) => hearers.iter().for_each(|conn| {
                self.tell_not_kept(voice, *conn, &command, target, &overloaded());
            }),
        }
    }

    /// Takes over the answers in which an echo is missing.
    pub(super) fn await_receipts(&mut self, voice: &mut Voice) {
        for (conn, answer) in voice.unfinished.drain(..) {
            self.receipts.waiting.entry(conn).or_default().push_back(answer);
        }
    }

    fn echo(&mut self, voice: &mut Voice, echo: Echo, reply: Reply) {
        let trouble = match reply {
            Reply::Appended => None,
            Reply::Failed(trouble) => Some(trouble),
            _ => Some(Trouble::Other("it answers something else".to_owned())),
        };
        for conn in echo.conns {
            // It may have ended.
            let Some(mut waiting) = self.receipts.waiting.remove(&conn) else { continue };
            let said = voice.captured(conn, |voice| match &trouble {
                None => self.play(voice, conn, &echo.target, &echo.message, None),
                Some(trouble) => {
                    let command = &echo.message.command;
                    self.tell_not_kept(voice, conn, command, &echo.target, trouble);
                }
            });
            let first = waiting.front_mut().expect("as many as are withheld");
            first.insert(voice, echo.number, &said);
            if first.is_complete() {
                let first = waiting.pop_front().expect("it was seen above");
                let said = voice.complete(first);
                voice.out.release(conn, &said);
            }
            if !waiting.is_empty() {
                self.receipts.waiting.insert(conn, waiting);
            }
        }
    }

    /// Others have heard it, so this is a warning. IRCv3 standard-replies, "WARN".
    fn tell_not_kept(
        &self,
        voice: &mut Voice,
        conn: ConnId,
        command: &str,
        target: &str,
        trouble: &Trouble,
    ) {
        let text = format!("It was delivered, but it is not kept: {trouble}");
        let params = [command, "MESSAGE_NOT_KEPT", target, &text];
        self.say(voice, conn, &self.settings.server_name, "WARN", &params);
    }
}

impl Answer {
    /// Puts in what an echo has turned out to be.
    fn insert(&mut self, voice: &Voice, number: u64, said: &[Span]) {
        let missing = |piece: &Piece| matches!(piece, Piece::Echo(echo) if *echo == number);
        let Some(place) = self.pieces.iter().position(missing) else { return };
        let said = said.iter().map(|span| Piece::Said(voice.out.text(*span).into()));
        self.pieces.splice(place..=place, said);
    }

    fn is_complete(&self) -> bool {
        self.pieces.iter().all(|piece| matches!(piece, Piece::Said(_)))
    }
}
