//! Outgoing connections: names and their addresses, and what becomes of each attempt.

mod world;

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::time::Duration;
use std::{cell::Cell, cell::RefCell};
use stonechat::net::reactor::{Reactor, Transport};
use stonechat::net::{
    Attempt, CloseReason, ConnId, Dial, DialError, Effort, EndpointId, EventLoop, Limits, Outbox,
    Peer, Progress, Refusal, Remote, Service, Step, Stream,
};
use world::by_hand::{at, rest};
use world::{Choices, ServerEnd, Wire};

/// Notes what becomes of the connections it asks for.
#[derive(Default)]
struct Dialler {
    opened: Vec<(ConnId, u64, SocketAddr)>,
    not_connected: Vec<SocketAddr>,
    unreachable: Vec<(u64, DialError)>,
    closed: Vec<CloseReason>,
    heard: Vec<u8>,
}

impl Service for Dialler {
    fn opened(&mut self, out: &mut Outbox, id: ConnId, peer: Peer) {
        assert_eq!(peer.endpoint, FAR);
        self.opened.push((id, peer.dialled.unwrap(), peer.address.unwrap()));
        out.write(id, b"it's me\n");
    }

    fn received(&mut self, _out: &mut Outbox, _id: ConnId, bytes: &[u8]) -> usize {
        self.heard.extend_from_slice(bytes);
        bytes.len()
    }

    fn not_connected(&mut self, _: &mut Outbox, dial: &Dial, to: SocketAddr, _why: ErrorKind) {
        assert_eq!(dial.endpoint, FAR);
        self.not_connected.push(to);
    }

    fn unreachable(&mut self, _out: &mut Outbox, dial: Dial, why: DialError) {
        assert_eq!(dial.endpoint, FAR);
        self.unreachable.push((dial.token, why));
    }

    fn closed(&mut self, _out: &mut Outbox, _id: ConnId, why: CloseReason) {
        self.closed.push(why);
    }

    fn deadline(&mut self, _out: &mut Outbox, _id: ConnId) {
        panic!("it has set none");
    }
}

/// A stream that is being connected for as long as its world says so.
struct Dialled {
    end: ServerEnd,
    connected: Rc<Cell<Result<bool, ErrorKind>>>,
}

impl Read for Dialled {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        assert_eq!(self.connected.get(), Ok(true), "read before it is connected");
        self.end.read(buf)
    }
}

impl Write for Dialled {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        assert_eq!(self.connected.get(), Ok(true), "written before it is connected");
        self.end.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for Dialled {
    fn finish(&mut self) -> io::Result<()> {
        self.end.finish()
    }

    fn handshake(&mut self, _effort: &mut Effort) -> io::Result<Progress> {
        match self.connected.get() {
            Ok(true) => Ok(Progress::Established),
            Ok(false) => Ok(Progress::Waits),
            Err(kind) => Err(kind.into()),
        }
    }
}

struct Call {
    server: EventLoop<Dialled, Dialler>,
    id: ConnId,
    wire: Rc<RefCell<Wire>>,
    connected: Rc<Cell<Result<bool, ErrorKind>>>,
}

const FAR: EndpointId = EndpointId(700);

fn dial(host: &str) -> Dial {
    let to = Remote { host: host.into(), port: 7, tls: None };
    Dial { token: 70, endpoint: FAR, to, after: Duration::from_millis(1_500) }
}

fn to(address: &str) -> SocketAddr {
    SocketAddr::new(address.parse().unwrap(), 7)
}

fn next_attempt(server: &mut EventLoop<Dialled, Dialler>) -> Attempt {
    let Some(Step::Connect(attempt)) = server.next_step() else { panic!("nothing to connect to") };
    attempt
}

/// Dials, and begins to connect.
fn call() -> Call {
    let mut server = EventLoop::new(Dialler::default(), Limits::default());
    server.inject(|_, out| out.dial(dial("192.0.2.1")));
    assert_eq!(server.next_step(), None, "not before its time");
    assert_eq!(server.wait(at(0)), Some(Duration::from_millis(1_500)));
    server.wake(at(1_500));
    let attempt = next_attempt(&mut server);
    assert_eq!((attempt.address, attempt.dial.token), (to("192.0.2.1"), 70));
    let wire = Wire::new(usize::MAX);
    let connected = Rc::new(Cell::new(Ok(false)));
    let end = ServerEnd { wire: wire.clone(), choices: Choices::from_bytes(&[]) };
    let id = server.connect(Dialled { end, connected: connected.clone() }, attempt);
    server.turn();
    server.check();
    Call { server, id, wire, connected }
}

#[test]
fn an_outgoing_connection_is_opened_once_it_is_made() {
    let Call { mut server, id, wire, connected } = call();
    server.writable(id.slot()); // not yet, as it turns out
    rest(&mut server, at(1_500));
    assert_eq!(server.service.opened, []);
    connected.set(Ok(true));
    wire.borrow_mut().send(b"hello");
    server.readable(id.slot());
    server.writable(id.slot());
    rest(&mut server, at(1_500));
    assert_eq!(server.service.opened, [(id, 70, to("192.0.2.1"))]);
    assert_eq!(server.service.heard, b"hello");
    assert_eq!(wire.borrow().down, b"it's me\n");
    server.wake(at(60_000));
    server.turn();
    assert_eq!(server.wait(at(60_000)), None, "its deadline is off");
    assert_eq!(server.service.unreachable, []);
    server.check();
}

#[test]
fn an_outgoing_connection_that_fails_is_unreachable() {
    let Call { mut server, id, connected, .. } = call();
    connected.set(Err(ErrorKind::ConnectionRefused));
    server.hung_up(id.slot());
    rest(&mut server, at(1_500));
    assert_eq!(
        server.service.unreachable,
        [(70, DialError::Connect(ErrorKind::ConnectionRefused))]
    );
    assert_eq!(server.service.closed, [], "what was never opened is never closed");
    assert!(server.is_empty());
}

#[test]
fn an_outgoing_connection_that_is_never_made_times_out() {
    let Call { mut server, .. } = call();
    assert_eq!(server.wait(at(1_500)), Some(Duration::from_millis(10_500)));
    server.wake(at(12_000));
    server.turn();
    assert_eq!(server.service.unreachable, [(70, DialError::Connect(ErrorKind::TimedOut))]);
    assert!(server.is_empty());
}

#[test]
fn a_shutdown_gives_up_what_is_being_connected() {
    let Call { mut server, .. } = call();
    server.shut_down();
    rest(&mut server, at(1_500));
    assert_eq!(server.service.unreachable, [(70, DialError::Connect(ErrorKind::Interrupted))]);
    assert!(server.is_empty());
}

#[test]
fn every_address_of_a_name_is_tried_in_turn() {
    let mut server = EventLoop::new(Dialler::default(), Limits::default());
    server.inject(|_, out| out.dial(Dial { after: Duration::ZERO, ..dial("far.example") }));
    let Some(Step::LookUp(asked)) = server.next_step() else { panic!("nothing to look up") };
    assert_eq!(server.next_step(), None);
    assert_eq!(server.wait(at(0)), None, "the resolver wakes it");
    let all = ["192.0.2.1", "2001:db8::2", "192.0.2.3"].map(to);
    server.found(asked, Ok(all.to_vec()));
    assert_eq!(server.wait(at(0)), Some(Duration::ZERO));
    let first = next_attempt(&mut server);
    server.not_connected(first, &ErrorKind::NetworkUnreachable.into());
    let second = next_attempt(&mut server);
    assert_eq!(second.address, all[1]);
    let connected = Rc::new(Cell::new(Err(ErrorKind::ConnectionRefused)));
    let end = ServerEnd { wire: Wire::new(usize::MAX), choices: Choices::from_bytes(&[]) };
    let id = server.connect(Dialled { end, connected }, second);
    server.hung_up(id.slot());
    server.turn();
    server.check();
    assert_eq!(server.service.not_connected, all[..2]);
    assert_eq!(server.service.unreachable, [], "there is one more");
    let third = next_attempt(&mut server);
    assert_eq!(third.address, all[2]);
    server.not_connected(third, &ErrorKind::TimedOut.into());
    assert_eq!(server.service.not_connected, all);
    assert_eq!(server.service.unreachable, [(70, DialError::Connect(ErrorKind::TimedOut))]);
    rest(&mut server, at(0));
    assert_eq!(server.next_step(), None);
    assert!(server.is_empty());
}

#[test]
fn a_name_without_an_address_is_unreachable() {
    for found in [Ok(Vec::new()), Err(io::Error::other("no such name"))] {
        let mut server = EventLoop::<Dialled, _>::new(Dialler::default(), Limits::default());
        server.inject(|_, out| out.dial(Dial { after: Duration::ZERO, ..dial("nowhere") }));
        let Some(Step::LookUp(asked)) = server.next_step() else { panic!("nothing to look up") };
        let why = found.as_ref().map_or_else(|e| e.to_string(), |_| "it has no address".into());
        server.found(asked, found);
        assert_eq!(server.service.unreachable, [(70, DialError::LookUp(why))]);
        assert_eq!(server.next_step(), None);
    }
}

#[test]
fn what_is_found_or_fails_after_the_shutdown_is_not_gone_on_with() {
    let mut server = EventLoop::new(Dialler::default(), Limits::default());
    server.inject(|_, out| {
        out.dial(Dial { after: Duration::ZERO, ..dial("one") });
        out.dial(Dial { after: Duration::ZERO, ..dial("two") });
    });
    let mut asked = || match server.next_step() {
        Some(Step::LookUp(dial)) => dial,
        step => panic!("{step:?}"),
    };
    let (one, two) = (asked(), asked());
    server.found(one, Ok(vec![to("192.0.2.1"), to("192.0.2.2")]));
    let attempt = next_attempt(&mut server);
    let connected = Rc::new(Cell::new(Ok(false)));
    let end = ServerEnd { wire: Wire::new(usize::MAX), choices: Choices::from_bytes(&[]) };
    server.connect(Dialled { end, connected }, attempt);
    server.shut_down();
    server.found(two, Ok(vec![to("192.0.2.3")]));
    rest(&mut server, at(0));
    assert_eq!(server.next_step(), None);
    assert_eq!(server.service.unreachable, [(70, DialError::Connect(ErrorKind::Interrupted))]);
    assert!(server.is_empty());
    server.check();
}

fn turn(reactor: &mut Reactor, server: &mut EventLoop<Transport, Dialler>) {
    reactor.turn(server, Some(Duration::from_secs(60))).unwrap();
}

/// Dials a name so many times at once.
fn dial_name(server: &mut EventLoop<Transport, Dialler>, port: u16, times: u64) {
    server.inject(|_, out| {
        for token in 0..times {
            let to = Remote { host: "localhost".into(), port, tls: None };
            out.dial(Dial { token, endpoint: FAR, to, after: Duration::ZERO });
        }
    });
}

/// With the thread of the real reactor, which wakes the loop from its sleep.
#[test]
fn a_name_is_looked_up_on_a_thread_and_connected_to() {
    let (mut reactor, listener) = (Reactor::new().unwrap(), TcpListener::bind("127.0.0.1:0"));
    let address = listener.as_ref().unwrap().local_addr().unwrap();
    let mut server = EventLoop::new(Dialler::default(), Limits::default());
    for n in 1..=2 {
        dial_name(&mut server, address.port(), 1);
        while server.service.opened.len() < n {
            turn(&mut reactor, &mut server);
            assert_eq!(server.service.unreachable, []);
        }
        assert_eq!(server.service.opened[n - 1].2, address);
    }
}

#[test]
fn names_beyond_256_at_once_are_unreachable_and_the_others_are_looked_up() {
    let mut reactor = Reactor::new().unwrap();
    let mut server = EventLoop::new(Dialler::default(), Limits::default());
    // Nobody listens there any more.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for _ in 0..2 {
        dial_name(&mut server, port, 300);
        while server.service.unreachable.len() < 300 {
            turn(&mut reactor, &mut server);
        }
        let why = DialError::LookUp("too many names are being looked up".to_owned());
        let outcomes = server.service.unreachable.drain(..);
        let (refused, tried): (Vec<_>, Vec<_>) = outcomes.partition(|(_, e)| *e == why);
        assert!(refused.iter().map(|(token, _)| *token).eq(256..300), "{refused:?}");
        let nobody = DialError::Connect(ErrorKind::ConnectionRefused);
        assert!(tried.iter().all(|(_, e)| *e == nobody), "{tried:?}");
    }
}

/// Says of itself what only streams of clients that connect to us can.
struct Confused(Progress);

impl Read for Confused {
    fn read(&mut self, _buf: &mut [u8]) -> io::Result<usize> {
        Err(ErrorKind::WouldBlock.into())
    }
}

impl Write for Confused {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for Confused {
    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn handshake(&mut self, _effort: &mut Effort) -> io::Result<Progress> {
        Ok(self.0)
    }
}

#[test]
fn whatever_an_outgoing_stream_says_of_itself_is_no_refusal_of_a_client() {
    for progress in [
        Progress::Refused(Refusal::NotTls),
        Progress::Nobody,
        Progress::From(None),
        Progress::FromProxy(None),
    ] {
        let mut server = EventLoop::new(Dialler::default(), Limits::default());
        server.inject(|_, out| out.dial(Dial { after: Duration::ZERO, ..dial("192.0.2.1") }));
        let Some(Step::Connect(attempt)) = server.next_step() else { panic!("nothing to do") };
        let id = server.connect(Confused(progress), attempt);
        server.readable(id.slot());
        rest(&mut server, at(0));
        server.check();
        assert!(matches!(server.service.unreachable[..], [(70, DialError::Tls(_))]));
        assert!(server.is_empty());
    }
}
