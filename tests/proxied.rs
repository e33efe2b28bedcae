//! The PROXY protocol: the address of a connection, trusted proxies, and bad headers.

mod world;

use std::cell::RefCell;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;
use stonechat::net::{
    CloseReason, ConnId, EventLoop, LastWord, Limits, Outbox, Peer, Proxied, Refusal, Service,
};
use world::by_hand::{ENDPOINT, at, rest};
use world::{Choices, ServerEnd, Wire};

/// Records connections and their input. `FOR` and an address reports a real address, as WEBIRC
/// does.
#[derive(Default)]
struct Porter {
    opened: Vec<Option<SocketAddr>>,
    heard: Vec<u8>,
    closed: Vec<CloseReason>,
}

impl Service for Porter {
    fn opened(&mut self, out: &mut Outbox, id: ConnId, peer: Peer) {
        self.opened.push(peer.address);
        out.write(id, b"welcome\n");
    }

    fn received(&mut self, out: &mut Outbox, id: ConnId, bytes: &[u8]) -> usize {
        self.heard.extend_from_slice(bytes);
        if let Some(address) = bytes.strip_prefix(b"FOR ") {
            let address: IpAddr = str::from_utf8(address).unwrap().parse().unwrap();
            out.comes_from(id, address);
        }
        bytes.len()
    }

    fn closed(&mut self, _out: &mut Outbox, _id: ConnId, why: CloseReason) {
        self.closed.push(why);
    }

    fn farewell(&self, text: &mut Vec<u8>, to: LastWord<'_>) {
        text.extend_from_slice(to.text.as_bytes());
    }
}

type Server = EventLoop<Proxied<ServerEnd>, Porter>;
type Client = (ConnId, Rc<RefCell<Wire>>);

#[derive(Clone, Copy)]
enum From {
    Stranger,
    Proxy,
    DemandedProxy,
}

fn come(server: &mut Server, from: From, said: &[u8]) -> Client {
    let wire = Wire::new(usize::MAX);
    wire.borrow_mut().whole_reads = true;
    wire.borrow_mut().send(said);
    let end = ServerEnd { wire: wire.clone(), choices: Choices::from_bytes(&[]) };
    let address = Some(PROXY.parse().unwrap());
    let stream = match from {
        From::Stranger => Proxied::plain(end),
        From::Proxy => Proxied::trusting(end, address, false),
        From::DemandedProxy => Proxied::trusting(end, address, true),
    };
    let id = server.accept(stream, Peer::accepted(ENDPOINT, address)).unwrap();
    server.readable(id.slot());
    rest(server, at(0));
    server.check();
    (id, wire)
}

fn say(server: &mut Server, (id, wire): &Client, said: &[u8]) {
    wire.borrow_mut().send(said);
    server.readable(id.slot());
    rest(server, at(0));
    server.check();
}

fn leave(server: &mut Server, (id, wire): &Client) {
    wire.borrow_mut().up_ended = true;
    server.hung_up(id.slot());
    rest(server, at(0));
    server.check();
}

fn server() -> Server {
    EventLoop::new(Porter::default(), Limits::default())
}

fn refused(server: &mut Server) -> Vec<Refusal> {
    let counted = server.counters().endpoints.first().map(|counted| counted.refused);
    let counted = Refusal::ALL.into_iter().zip(counted.unwrap_or_default());
    counted.flat_map(|(why, count)| vec![why; count as usize]).collect()
}

const PROXY: &str = "192.0.2.1:1000";
const ANN: &str = "203.0.113.5:56305";
const HEADER: &[u8] = b"PROXY TCP4 203.0.113.5 192.0.2.1 56305 6667\r\n";
const UNKNOWN: &[u8] = b"PROXY UNKNOWN\r\n";
const LOCAL: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";
const UNIX: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x31\0\xd8";

#[test]
fn who_is_believed_says_whose_the_connection_is() {
    for from in [From::Proxy, From::DemandedProxy] {
        let mut server = server();
        let ann = come(&mut server, from, &[HEADER, b"hello"].concat());
        assert_eq!(server.service.opened, [Some(ANN.parse().unwrap())]);
        assert_eq!(server.service.heard, b"hello");
        assert_eq!(ann.1.borrow().down, b"welcome\n");
    }
}

#[test]
fn a_header_may_come_alone_and_byte_by_byte() {
    let mut server = server();
    let ann = come(&mut server, From::Proxy, b"");
    for byte in HEADER {
        assert!(server.service.opened.is_empty());
        say(&mut server, &ann, &[*byte]);
    }
    assert_eq!(server.service.opened, [Some(ANN.parse().unwrap())]);
    assert_eq!(ann.1.borrow().down, b"welcome\n", "it needn't speak first");
    say(&mut server, &ann, b"hello");
    assert_eq!(server.service.heard, b"hello");
}

#[test]
fn a_strangers_header_is_just_something_he_says() {
    let mut server = server();
    come(&mut server, From::Stranger, HEADER);
    assert_eq!(server.service.opened, [Some(PROXY.parse().unwrap())]);
    assert_eq!(server.service.heard, HEADER);
}

#[test]
fn a_second_header_is_the_clients_own_word() {
    let mut server = server();
    let second = b"PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n";
    come(&mut server, From::DemandedProxy, &[HEADER, second].concat());
    assert_eq!(server.service.opened, [Some(ANN.parse().unwrap())]);
    assert_eq!(server.service.heard, second);
}

#[test]
fn without_a_header_one_speaks_for_himself_unless_it_is_demanded() {
    let mut server = server();
    come(&mut server, From::Proxy, b"NICK ann\r\n");
    assert_eq!(server.service.opened, [Some(PROXY.parse().unwrap())]);
    assert_eq!(server.service.heard, b"NICK ann\r\n");
    let bob = come(&mut server, From::DemandedProxy, b"NICK bob\r\n");
    assert_eq!(bob.1.borrow().down, b"bad PROXY header");
    assert_eq!((server.service.opened.len(), refused(&mut server)), (1, vec![Refusal::BadHeader]));
}

#[test]
fn a_bad_header_is_told_and_ends_it() {
    let endless = [b"PROXY UNKNOWN ".to_vec(), vec![b'x'; 200]].concat();
    let huge = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff";
    let short = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x04abcd";
    for header in [&b"PROXY TCP4 1.2.3.4\r\n"[..], &endless, huge, short] {
        let mut server = server();
        let bad = come(&mut server, From::Proxy, header);
        assert_eq!(bad.1.borrow().down, b"bad PROXY header", "{}", header.escape_ascii());
        assert!(server.is_empty() && server.service.opened.is_empty());
        assert_eq!(refused(&mut server), [Refusal::BadHeader]);
    }
}

#[test]
fn a_slow_header_has_a_short_time() {
    let mut server = server();
    let slow = come(&mut server, From::Proxy, b"PROXY TCP4 ");
    let limits = Limits::default();
    assert!(limits.header_timeout < limits.handshake_timeout);
    assert_eq!(server.wait(at(0)), Some(limits.header_timeout));
    let late = at(limits.header_timeout.as_millis() as u64);
    server.wake(late);
    rest(&mut server, late);
    assert_eq!(slow.1.borrow().down, b"handshake timed out");
    assert_eq!(refused(&mut server), [Refusal::HandshakeTimeout]);
}

#[test]
fn a_proxy_that_looks_whether_we_are_there_is_no_client() {
    // A check of the proxy: a header without a client, in either version, or one for its own
    // connection, or a mere connect; it may end in good order or not.
    let proxy: SocketAddr = PROXY.parse().unwrap();
    let itself = format!("PROXY TCP4 {} 192.0.2.2 {} 6667\r\n", proxy.ip(), proxy.port());
    for (said, cut) in [
        (LOCAL, false),
        (UNKNOWN, false),
        (b"", false),
        (itself.as_bytes(), false),
        (UNKNOWN, true),
        (b"", true),
        (itself.as_bytes(), true),
    ] {
        let mut server = server();
        let check = come(&mut server, From::Proxy, said);
        assert!(server.service.opened.is_empty());
        check.1.borrow_mut().cut = cut.then_some(ErrorKind::ConnectionReset);
        leave(&mut server, &check);
        assert!(server.is_empty() && server.service.opened.is_empty());
        assert_eq!((refused(&mut server), server.service.closed.len()), (vec![], 0));
        assert!(check.1.borrow().down.is_empty());
    }
}

#[test]
fn a_proxy_that_speaks_for_itself_or_for_a_socket_is_heard() {
    let mut server = server();
    let local = come(&mut server, From::Proxy, LOCAL);
    assert!(server.service.opened.is_empty(), "it may only look whether we are there");
    say(&mut server, &local, b"PING\r\n");
    let unix = [UNIX, &[b'/'; 216], b"hello"].concat();
    come(&mut server, From::DemandedProxy, &unix);
    assert_eq!(server.service.opened, [None, Some(PROXY.parse().unwrap())]);
    assert_eq!(server.service.heard, b"PING\r\nhello");
}

#[test]
fn limits_see_the_true_address_and_not_the_proxys() {
    let limits =
        Limits { connections_per_ip: 2, connects_per_ip_per_minute: 2, ..Limits::default() };
    let mut server = EventLoop::new(Porter::default(), limits);
    for index in 0..20 {
        let header = format!("PROXY TCP4 203.0.113.{index} 192.0.2.1 1 2\r\n");
        let client = come(&mut server, From::Proxy, header.as_bytes());
        assert_eq!(client.1.borrow().down, b"welcome\n");
        let check = come(&mut server, From::Proxy, LOCAL);
        leave(&mut server, &check);
    }
    come(&mut server, From::Proxy, HEADER);
    let third = come(&mut server, From::Proxy, HEADER);
    assert_eq!(third.1.borrow().down, b"too many connections from your address");
    assert_eq!(refused(&mut server), [Refusal::TooManyFromAddress]);
}

/// A service that reports the address later, as WEBIRC does.
#[test]
fn limits_see_the_address_that_a_service_learns() {
    let limits = Limits { connections_per_ip: 1, ..Limits::default() };
    let mut server = EventLoop::new(Porter::default(), limits);
    let ann = come(&mut server, From::Stranger, b"FOR 203.0.113.5");
    let bob = come(&mut server, From::Stranger, b"FOR 203.0.113.6");
    let eve = come(&mut server, From::Stranger, b"FOR 203.0.113.5");
    assert_eq!(ann.1.borrow().down, b"welcome\n");
    assert_eq!(bob.1.borrow().down, b"welcome\n", "where they connect from is free again");
    assert_eq!(eve.1.borrow().down, b"welcome\ntoo many connections from your address");
    assert_eq!(refused(&mut server), [Refusal::TooManyFromAddress]);
    leave(&mut server, &eve);
    assert_eq!(server.service.closed, [CloseReason::Refused]);
    leave(&mut server, &ann);
    let fay = come(&mut server, From::Stranger, b"FOR 203.0.113.5");
    assert_eq!(fay.1.borrow().down, b"welcome\n");
    server.wake(at(Duration::from_secs(60).as_millis() as u64));
    server.check();
}
