//! Streams that must be established before their service learns of them: their order, their cost,
//! which gives way, and which address counts.

mod world;

use std::cell::RefCell;
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::rc::Rc;
use stonechat::net::{
    CloseReason, ConnId, Denial, Effort, EventLoop, LastWord, Limits, Network, Outbox, Peer,
    Progress, Refusal, Secure, Service, Stream, TlsVersion,
};
use world::by_hand::{ENDPOINT, at, rest};
use world::{Choices, ServerEnd, Wire};

/// A stream that is established by lines, in place of a PROXY header and TLS: `FROM` and an
/// address, `HELLO` (which costs), `PLAIN`.
struct Newcomer {
    end: ServerEnd,
    line: Vec<u8>,
    established: bool,
}

const SECURE: Secure =
    Secure { version: TlsVersion::Tls13, cipher: "TLS13_TEST", fingerprint: Some([7; 32]) };

impl Stream for Newcomer {
    fn finish(&mut self) -> io::Result<()> {
        self.end.finish()
    }

    fn is_established(&self) -> bool {
        self.established
    }

    fn handshake(&mut self, effort: &mut Effort) -> io::Result<Progress> {
        assert!(!effort.is_spent() && !self.established);
        while self.line.last() != Some(&b'\n') {
            let mut byte = [0];
            match self.end.read(&mut byte) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(_) => self.line.push(byte[0]),
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(Progress::Waits),
                Err(e) => return Err(e),
            }
        }
        let line = String::from_utf8(std::mem::take(&mut self.line)).unwrap();
        Ok(match line.trim_end().split_once(' ').unwrap_or((line.trim_end(), "")) {
            ("FROM", address) => Progress::From(Some(address.parse().unwrap())),
            ("PLAIN", _) => Progress::Refused(Refusal::NotTls),
            _ => {
                effort.spend();
                self.established = true;
                Progress::Established
            }
        })
    }

    fn secure(&self) -> Option<Secure> {
        Some(SECURE)
    }

    fn short_read_empties(&self) -> bool {
        true
    }
}

impl Read for Newcomer {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.end.read(buf)
    }
}

impl Write for Newcomer {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.end.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Records connections, their input and their endings.
#[derive(Default)]
struct Porter {
    opened: Vec<(ConnId, Peer)>,
    heard: Vec<u8>,
    closed: Vec<CloseReason>,
}

impl Service for Porter {
    fn opened(&mut self, out: &mut Outbox, id: ConnId, peer: Peer) {
        self.opened.push((id, peer));
        out.write(id, b"welcome\n");
    }

    fn received(&mut self, _out: &mut Outbox, _id: ConnId, bytes: &[u8]) -> usize {
        self.heard.extend_from_slice(bytes);
        bytes.len()
    }

    fn closed(&mut self, _out: &mut Outbox, _id: ConnId, why: CloseReason) {
        self.closed.push(why);
    }

    fn farewell(&self, text: &mut Vec<u8>, to: LastWord<'_>) {
        text.extend_from_slice(to.text.as_bytes());
    }
}

type Server = EventLoop<Newcomer, Porter>;

fn server(limits: Limits) -> Server {
    EventLoop::new(Porter::default(), limits)
}

fn come(server: &mut Server, from: &str, said: &str) -> Option<(ConnId, Rc<RefCell<Wire>>)> {
    let wire = Wire::new(usize::MAX);
    wire.borrow_mut().whole_reads = true;
    wire.borrow_mut().send(said.as_bytes());
    let end = ServerEnd { wire: wire.clone(), choices: Choices::from_bytes(&[]) };
    let stream = Newcomer { end, line: Vec::new(), established: false };
    let address = Some(from.parse().unwrap());
    let id = server.accept(stream, Peer::accepted(ENDPOINT, address))?;
    server.check();
    Some((id, wire))
}

fn say(server: &mut Server, (id, wire): &(ConnId, Rc<RefCell<Wire>>), said: &str) {
    wire.borrow_mut().send(said.as_bytes());
    server.readable(id.slot());
}

fn refused(server: &mut Server, why: Refusal) -> u64 {
    let index = Refusal::ALL.iter().position(|each| *each == why).unwrap();
    server.counters().endpoints.first().map_or(0, |counted| counted.refused[index])
}

const ANN: &str = "192.0.2.1:1000";

#[test]
fn nothing_is_heard_or_said_before_it_is_established() {
    let mut server = server(Limits::default());
    let ann = come(&mut server, ANN, "HEL").unwrap();
    rest(&mut server, at(0));
    server.inject(|_, out| out.write(ann.0, b"too early"));
    rest(&mut server, at(0));
    assert!(server.service.opened.is_empty() && ann.1.borrow().down.is_empty());
    assert_eq!(server.wait(at(0)), Some(Limits::default().handshake_timeout));
    say(&mut server, &ann, "LO\nfirst words");
    rest(&mut server, at(0));
    server.check();
    let peer =
        Peer { secure: Some(SECURE), ..Peer::accepted(ENDPOINT, Some(ANN.parse().unwrap())) };
    assert_eq!(server.service.opened, [(ann.0, peer)]);
    assert_eq!(server.service.heard, b"first words");
    assert_eq!(ann.1.borrow().down, b"welcome\n");
    server.wake(at(10_000));
    rest(&mut server, at(10_000));
    assert_eq!(server.wait(at(10_000)), None, "its deadline is off");
    let counters = server.counters();
    assert_eq!((counters.endpoints[0].opened, counters.endpoints[0].secured), (1, [0, 1]));
    assert_eq!(counters.handshake_time.buckets.iter().sum::<u64>(), 1);
}

#[test]
fn the_true_address_is_the_one_that_counts() {
    let mut server = server(Limits { connections_per_ip: 1, ..Limits::default() });
    let ann = come(&mut server, ANN, "FROM 203.0.113.1:5\nHELLO\n").unwrap();
    rest(&mut server, at(0));
    let address: SocketAddr = "203.0.113.1:5".parse().unwrap();
    assert_eq!(server.service.opened[0].1.address, Some(address));
    // The proxy's own address is free again, and the true one is taken.
    let bob = come(&mut server, ANN, "FROM 203.0.113.1:6\nHELLO\n").unwrap();
    rest(&mut server, at(0));
    assert_eq!(bob.1.borrow().down, b"too many connections from your address");
    assert_eq!(refused(&mut server, Refusal::TooManyFromAddress), 1);
    ann.1.borrow_mut().up_ended = true;
    server.hung_up(ann.0.slot());
    rest(&mut server, at(0));
    server.check();
    let eve = come(&mut server, ANN, "FROM 203.0.113.1:7\nHELLO\n").unwrap();
    rest(&mut server, at(0));
    assert_eq!(eve.1.borrow().down, b"welcome\n");
    server.check();
}

#[test]
fn who_is_denied_while_he_arrives_does_not_get_in() {
    let mut server = server(Limits::default());
    let (ann, eve) = (come(&mut server, "192.0.2.1:1", ""), come(&mut server, "192.0.2.2:1", ""));
    let (ann, eve) = (ann.unwrap(), eve.unwrap());
    let network = Network::parse("192.0.2.2").unwrap();
    let denial = Denial { why: "be gone".into(), until_s: None };
    server.inject(|_, out| out.denied.insert(network, denial));
    for newcomer in [&eve, &ann] {
        say(&mut server, newcomer, "HELLO\n");
    }
    rest(&mut server, at(0));
    server.check();
    let opened: Vec<ConnId> = server.service.opened.iter().map(|(id, _)| *id).collect();
    assert_eq!((opened, refused(&mut server, Refusal::Banned)), (vec![ann.0], 1));
    assert_eq!(eve.1.borrow().down, b"be gone");
}

#[test]
fn whoever_does_not_get_through_is_told_why_and_counted_by_kind() {
    let limits = Limits::default();
    let mut server = server(limits);
    let plain = come(&mut server, ANN, "PLAIN\n").unwrap();
    let cut = come(&mut server, ANN, "HEL").unwrap();
    let slow = come(&mut server, ANN, "HEL").unwrap();
    cut.1.borrow_mut().up_ended = true;
    server.hung_up(cut.0.slot());
    rest(&mut server, at(0));
    assert_eq!(plain.1.borrow().down, Refusal::NotTls.text().as_bytes());
    assert_eq!(cut.1.borrow().down, b"handshake failed");
    let late = at(limits.handshake_timeout.as_millis() as u64);
    server.wake(late);
    rest(&mut server, late);
    assert_eq!(slow.1.borrow().down, b"handshake timed out");
    for why in [Refusal::NotTls, Refusal::HandshakeFailed, Refusal::HandshakeTimeout] {
        assert_eq!(refused(&mut server, why), 1, "{why:?}");
    }
    assert!(server.is_empty() && server.service.opened.is_empty());
    assert!(server.service.closed.is_empty(), "what was never opened is never closed");
    server.check();
}

/// Twenty connect at once. All get in, one in each turn, in order, and an existing connection is
/// read in each of these turns.
#[test]
fn a_storm_of_handshakes_is_spread_over_turns() {
    let mut server = server(Limits::default());
    let ann = come(&mut server, ANN, "HELLO\n").unwrap();
    rest(&mut server, at(0));
    let storm: Vec<_> = (0..20).map(|_| come(&mut server, ANN, "HELLO\n").unwrap()).collect();
    let mut turns = 0;
    while server.service.opened.len() < 21 {
        let before = server.service.opened.len();
        say(&mut server, &ann, "x");
        server.turn();
        server.check();
        turns += 1;
        let came = server.service.opened.len() - before;
        assert_eq!(came, 1, "handshakes in one turn");
        assert_eq!(server.service.heard.len(), turns, "she was not heard");
    }
    assert_eq!(turns, 20);
    let order: Vec<_> = server.service.opened[1..].iter().map(|(id, _)| *id).collect();
    assert_eq!(order, storm.iter().map(|(id, _)| *id).collect::<Vec<_>>());
}

#[test]
fn a_thousand_who_stall_lock_nobody_out() {
    let limits = Limits {
        connections_per_ip: 10_000,
        connects_per_ip_per_minute: 10_000,
        connections_per_network: 10_000,
        connects_per_network_per_minute: 10_000,
        ..Limits::default()
    };
    let mut server = server(limits);
    let stalled: Vec<_> =
        (0..limits.handshakes_max).map(|_| come(&mut server, ANN, "HEL").unwrap()).collect();
    rest(&mut server, at(0));
    assert!(server.may_handshake(), "they keep us waiting, not we them");
    let bob = come(&mut server, ANN, "HELLO\n").unwrap();
    rest(&mut server, at(0));
    server.check();
    assert_eq!(bob.1.borrow().down, b"welcome\n");
    assert_eq!(stalled[0].1.borrow().down, b"too many handshakes at once, try again");
    assert!(stalled[0].1.borrow().server_gone && !stalled[1].1.borrow().server_gone);
    assert_eq!(refused(&mut server, Refusal::TooManyHandshakes), 1);
    server.wake(at(10_000));
    rest(&mut server, at(10_000));
    assert_eq!(server.live().collect::<Vec<_>>(), [bob.0]);
}

/// A handshake that waits for the server does not give way to a new connection, which waits in the
/// backlog.
#[test]
fn who_waits_for_us_does_not_give_way() {
    let mut server = server(Limits { handshakes_max: 6, ..Limits::default() });
    let ready: Vec<_> = (0..6).map(|_| come(&mut server, ANN, "HELLO\n").unwrap()).collect();
    assert!(!server.may_handshake());
    assert!(come(&mut server, ANN, "HELLO\n").is_none());
    server.turn();
    assert!(server.may_handshake(), "one is through");
    rest(&mut server, at(0));
    assert!(ready.iter().all(|(_, wire)| wire.borrow().down == b"welcome\n"));
    assert_eq!(refused(&mut server, Refusal::TooManyHandshakes), 1);
    server.check();
}

#[test]
fn a_shutdown_drops_those_who_are_not_here_yet() {
    let mut server = server(Limits::default());
    let ann = come(&mut server, ANN, "HEL").unwrap();
    rest(&mut server, at(0));
    server.shut_down();
    rest(&mut server, at(0));
    assert!(server.is_empty() && ann.1.borrow().server_gone);
    assert!(ann.1.borrow().down.is_empty());
}
