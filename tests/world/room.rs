//! A service to test fan-out, deadlines and long answers: one room. `NICK name` sets a name, `LIST`
//! is answered by numbered lines, more than may be queued at once, `QUIT` closes the connection,
//! any other line goes to everyone else. Clients silent for two minutes are closed.

use std::ops::Range;
use std::time::Duration;
use stonechat::net::{CloseReason, ConnId, LastWord, Outbox, Peer, Service};
use stonechat::wire::line::LineParser;

const IDLE: Duration = Duration::from_secs(120);
const LINE_MAX: usize = 512;

/// Lines that answer a `LIST`. The next one's go on counting.
pub const LIST_LINES: usize = 100;

#[derive(Default)]
pub struct Room {
    users: Vec<Option<User>>, // by slot
    members: Vec<ConnId>,
}

struct User {
    parser: LineParser,
    nick: Vec<u8>,
    place: usize, // in `members`
    /// Lines of lists that are still to be sent.
    listing: Range<usize>,
    leaving: bool,
}

impl Service for Room {
    fn opened(&mut self, out: &mut Outbox, id: ConnId, _peer: Peer) {
        if self.users.len() <= id.slot() {
            self.users.resize_with(id.slot() + 1, || None);
        }
        let nick = format!("guest{}", id.slot()).into_bytes();
        let parser = LineParser::default();
        let place = self.members.len();
        self.users[id.slot()] = Some(User { parser, nick, place, listing: 0..0, leaving: false });
        self.members.push(id);
        out.set_deadline(id, IDLE);
    }

    fn received(&mut self, out: &mut Outbox, id: ConnId, bytes: &[u8]) -> usize {
        let mut parser = self.users[id.slot()].as_ref().expect("an opened user").parser;
        let mut lines = parser.lines(bytes, LINE_MAX);
        for line in (&mut lines).flatten() {
            self.command(out, id, line.text);
        }
        let used = lines.used();
        self.users[id.slot()].as_mut().expect("an opened user").parser = parser;
        out.set_deadline(id, IDLE);
        used
    }

    fn room(&mut self, out: &mut Outbox, id: ConnId) {
        assert_eq!(out.queued_bytes(id), 0, "called before all is written");
        let user = self.users[id.slot()].as_mut().expect("an opened user");
        assert!(!user.leaving && self.members[user.place] == id, "called for one who has left");
        user.list(out, id);
    }

    fn closed(&mut self, out: &mut Outbox, id: ConnId, _why: CloseReason) {
        let user = self.users[id.slot()].take().expect("an opened user");
        self.members.swap_remove(user.place);
        if let Some(&moved) = self.members.get(user.place) {
            self.users[moved.slot()].as_mut().expect("a member is a user").place = user.place;
        }
        let line = out.compose(|arena| arena.extend([b"* ", &user.nick[..], b" left\n"].concat()));
        for &member in &self.members {
            out.send(member, line);
        }
    }

    fn deadline(&mut self, out: &mut Outbox, id: ConnId) {
        self.leave(out, id, b"* idle\n");
    }

    fn farewell(&self, text: &mut Vec<u8>, to: LastWord<'_>) {
        text.extend_from_slice(format!("* {}\n", to.text).as_bytes());
    }
}

impl Room {
    /// Whether the room holds exactly `live`, and every user knows their place in it.
    pub fn check(&self, live: &[ConnId]) {
        let mut members = self.members.clone();
        members.sort();
        assert_eq!(members, live);
        for (place, member) in self.members.iter().enumerate() {
            assert_eq!(self.users[member.slot()].as_ref().map(|user| user.place), Some(place));
        }
    }

    fn command(&mut self, out: &mut Outbox, id: ConnId, line: &[u8]) {
        let user = self.users[id.slot()].as_mut().expect("an opened user");
        if let Some(nick) = line.strip_prefix(b"NICK ") {
            user.nick.clear();
            user.nick.extend_from_slice(nick);
        } else if line == b"QUIT" {
            self.leave(out, id, b"bye\n");
        } else if line == b"LIST" {
            let idle = user.listing.is_empty();
            user.listing.end += LIST_LINES;
            if idle {
                user.list(out, id);
            }
        } else if !line.is_empty() {
            let said = out.compose(|arena| {
                arena.extend_from_slice(&user.nick);
                arena.extend_from_slice(b": ");
                arena.extend_from_slice(line);
                arena.push(b'\n');
            });
            for &member in self.members.iter().filter(|&&member| member != id) {
                out.send(member, said);
            }
        }
    }
    fn leave(&mut self, out: &mut Outbox, id: ConnId, word: &[u8]) {
        self.users[id.slot()].as_mut().expect("an opened user").leaving = true;
        out.write(id, word);
        out.close(id);
    }
}

impl User {
    /// Sends as much of the list as there is room for, at least one line.
    fn list(&mut self, out: &mut Outbox, id: ConnId) {
        for number in &mut self.listing {
            out.write(id, format!("list {number}\n").as_bytes());
            if out.headroom(id) == 0 {
                return out.ask_room(id);
            }
        }
    }
}
