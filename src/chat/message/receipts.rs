//! Echoes that are receipts: an echo is sent once its message is stored. Later lines to the same
//! connection wait for it.

use crate::chat::Chat;
use crate::chat::backends::overloaded;
use crate::chat::reply::{Answer, AnswerPiece, Sink};
use crate::chat::state::caps::Cap;
use crate::chat::state::ids::UserId;
use crate::net::{ConnId, Span};
use crate::store::{Message, Reply, Request, Target, Trouble};
use std::collections::VecDeque;

/// Lines withheld from connections until the echoes among them are decided.
#[derive(Default)]
pub(crate) struct Receipts {
    /// In sending order, which is that of the replies, so that a search ends near the front.
    /// Entries of ended connections leave in the same way.
    waiting: VecDeque<(ConnId, Answer)>,
    /// Counts echoes.
    count: u64,
}

/// The connections that await the echo of a message, and the command it answers.
struct AwaitedEcho {
    number: u64,
    conns: Vec<ConnId>,
    command: String,
    /// The sender's name for the target.
    target: String,
}

impl Chat {
    /// Stores a message to `target`, the sender's name for it. Connections of a sending user with
    /// `echo-message` receive the echo once it is stored, or a warning that it isn't.
    pub(crate) fn append_message(
        &mut self,
        sink: &mut Sink,
        user: Option<UserId>,
        place: Target,
        target: &str,
        message: Message,
    ) {
        let wants = |conn: &ConnId| self.sessions[*conn].caps.has(Cap::EchoMessage);
        let conns: Vec<ConnId> =
            user.iter().flat_map(|user| &self.users[*user].conns).copied().filter(wants).collect();
        if conns.is_empty() {
            let request = Request::Append { target: place, message };
            return self.ask_store(sink, request, |_, _, _| {});
        }
        self.receipts.count += 1;
        let number = self.receipts.count;
        // Composed now, so that no copy of the message waits.
        let line = |conn: &ConnId| {
            (*conn, sink.captured(*conn, |sink| self.play(sink, *conn, target, &message, None)))
        };
        let lines: Vec<(ConnId, Vec<Span>)> =
            conns.iter().map(line).filter(|(_, lines)| !lines.is_empty()).collect();
        // Some connections are not shown every message.
        let conns = lines.iter().map(|(conn, _)| *conn).collect();
        let command = message.command.clone();
        let echo =
            AwaitedEcho { number, conns, command: command.clone(), target: target.to_owned() };
        let request = Request::Append { target: place, message };
        match self.backends.ask(request, |chat, sink, reply| chat.echo(sink, echo, reply)) {
            Ok(()) => lines.iter().for_each(|(conn, said)| sink.await_echo(*conn, number, said)),
            Err(_) => lines.iter().for_each(|(conn, _)| {
                self.tell_not_saved(sink, *conn, &command, target, &overloaded());
            }),
        }
    }

    /// Takes over the sink's answers in which an echo is awaited.
    pub(crate) fn await_receipts(&mut self, sink: &mut Sink) {
        self.receipts.waiting.extend(sink.unfinished.drain(..));
    }

    fn echo(&mut self, sink: &mut Sink, echo: AwaitedEcho, reply: Reply) {
        let trouble = match reply {
            Reply::Appended => None,
            Reply::Failed(trouble) => Some(trouble),
            _ => Some(Trouble::Other("it answers something else".to_owned())),
        };
        for conn in echo.conns {
            let first = self.receipts.waiting.iter().position(|(waits, _)| *waits == conn);
            let Some(first) = first else { continue };
            if !self.sessions.knows(conn) {
                self.receipts.waiting.remove(first);
                continue;
            }
            let warning = trouble.as_ref().map(|trouble| {
                sink.captured(conn, |sink| {
                    self.tell_not_saved(sink, conn, &echo.command, &echo.target, trouble);
                })
            });
            let waiting = &mut self.receipts.waiting;
            let answer = &mut waiting[first].1;
            match warning {
                None => answer.say(echo.number),
                Some(warning) => answer.replace(sink, echo.number, &warning),
            }
            if answer.is_complete() {
                let (_, answer) = waiting.remove(first).expect("it was seen above");
                let said = sink.complete(answer);
                sink.out.release(conn, &said);
            }
        }
    }

    /// Warns that a message was not stored; others have received it. IRCv3 standard-replies,
    /// "WARN".
    fn tell_not_saved(
        &self,
        sink: &mut Sink,
        conn: ConnId,
        command: &str,
        target: &str,
        trouble: &Trouble,
    ) {
        let text = format!("It was delivered, but it is not kept: {trouble}");
        let params = [command, "MESSAGE_NOT_KEPT", target, &text];
        self.say(sink, conn, &self.settings.server_name, "WARN", &params);
    }
}

impl Answer {
    /// Decides that an echo is sent.
    fn say(&mut self, number: u64) {
        for piece in &mut self.pieces {
            if let AnswerPiece::Echo(echo, line) = piece
                && *echo == number
            {
                *piece = AnswerPiece::Said(std::mem::take(line));
            }
        }
    }

    /// Replaces an echo by other lines.
    fn replace(&mut self, sink: &Sink, number: u64, said: &[Span]) {
        let awaited =
            |piece: &AnswerPiece| matches!(piece, AnswerPiece::Echo(echo, _) if *echo == number);
        let Some(place) = self.pieces.iter().position(awaited) else { return };
        self.pieces.retain(|piece| !awaited(piece));
        let said = said.iter().map(|span| AnswerPiece::Said(sink.out.text(*span).into()));
        self.pieces.splice(place..place, said);
    }

    fn is_complete(&self) -> bool {
        self.pieces.iter().all(|piece| matches!(piece, AnswerPiece::Said(_)))
    }
}
