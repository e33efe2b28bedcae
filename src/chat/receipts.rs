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

/// What each connection is to hear once it is known whether the echoes in it are said, in order.
#[derive(Default)]
pub(super) struct Receipts {
    waiting: HashMap<ConnId, VecDeque<Answer>>,
    /// Counts echoes.
    count: u64,
}

/// Who waits for the echo of a message, and what it answers.
struct Echo {
    number: u64,
    conns: Vec<ConnId>,
    command: String,
    /// As it was called by who said it.
    target: String,
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
        if conns.is_empty() {
            let request = Request::Append { target: place, message };
            return self.ask_store(voice, request, |_, _, _| {});
        }
        self.receipts.count += 1;
        let number = self.receipts.count;
        // Composed now, so that no copy of the message waits.
        let line = |conn: &ConnId| {
            (*conn, voice.captured(*conn, |voice| self.play(voice, *conn, target, &message, None)))
        };
        let lines: Vec<(ConnId, Vec<Span>)> = conns.iter().map(line).collect();
        let command = message.command.clone();
        let echo = Echo { number, conns, command: command.clone(), target: target.to_owned() };
        let request = Request::Append { target: place, message };
        match self.keeper.ask(request, |chat, voice, reply| chat.echo(voice, echo, reply)) {
            Ok(()) => lines.iter().for_each(|(conn, said)| voice.await_echo(*conn, number, said)),
            Err(_) => lines.iter().for_each(|(conn, _)| {
                self.tell_not_kept(voice, *conn, &command, target, &overloaded());
            }),
        }
    }

    /// Takes over the answers in which an echo is awaited.
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
            let warning = trouble.as_ref().map(|trouble| {
                voice.captured(conn, |voice| {
                    self.tell_not_kept(voice, conn, &echo.command, &echo.target, trouble);
                })
            });
            // It may have ended, or be one that such a message is not shown to.
            let Some(waiting) = self.receipts.waiting.get_mut(&conn) else { continue };
            let first = waiting.front_mut().expect("as many as are withheld");
            match warning {
                None => first.say(echo.number),
                Some(warning) => first.replace(voice, echo.number, &warning),
            }
            if !first.is_complete() {
                continue;
            }
            let first = waiting.pop_front().expect("it was seen above");
            if waiting.is_empty() {
                self.receipts.waiting.remove(&conn);
            }
            let said = voice.complete(first);
            voice.out.release(conn, &said);
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
    /// An echo is said.
    fn say(&mut self, number: u64) {
        for piece in &mut self.pieces {
            if let Piece::Echo(echo, line) = piece
                && *echo == number
            {
                *piece = Piece::Said(std::mem::take(line));
            }
        }
    }

    /// Something else is said in place of an echo.
    fn replace(&mut self, voice: &Voice, number: u64, said: &[Span]) {
        let awaited = |piece: &Piece| matches!(piece, Piece::Echo(echo, _) if *echo == number);
        let Some(place) = self.pieces.iter().position(awaited) else { return };
        self.pieces.retain(|piece| !awaited(piece));
        let said = said.iter().map(|span| Piece::Said(voice.out.text(*span).into()));
        self.pieces.splice(place..place, said);
    }

    fn is_complete(&self) -> bool {
        self.pieces.iter().all(|piece| matches!(piece, Piece::Said(_)))
    }
}
