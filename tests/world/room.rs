//! A test's service, to see fan-out and deadlines with: one room. `NICK name` names you, `QUIT`
//! takes leave, anything else is said to everyone else. Who is silent for two minutes must go.

use std::time::Duration;
use stonechat::net::{CloseReason, ConnId, EndpointId, Outbox, Peer, Service};
use stonechat::wire::line::LineParser;

const IDLE: Duration = Duration::from_secs(120);
const LINE_MAX: usize = 512;

#[derive(Default)]
pub struct Room {
    users: Vec<Option<User>>, // by slot
    members: Vec<ConnId>,
}

struct User {
    parser: LineParser,
    nick: Vec<u8>,
    place: usize, // in `members`
}

impl Service for Room {
    fn opened(&mut self, out: &mut Outbox, id: ConnId, _peer: Peer) {
        if self.users.len() <= id.slot() {
            self.users.resize_with(id.slot() + 1, || None);
        }
        let nick = format!("guest{}", id.slot()).into_bytes();
        let parser = LineParser::default();
        self.users[id.slot()] = Some(User { parser, nick, place: self.members.len() });
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
        out.write(id, b"* idle\n");
        out.close(id);
    }

    fn farewell(&self, said: &mut Vec<u8>, _endpoint: EndpointId, why: &str) {
        said.extend_from_slice(format!("* {why}\n").as_bytes());
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
            out.write(id, b"bye\n");
            out.close(id);
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
}
