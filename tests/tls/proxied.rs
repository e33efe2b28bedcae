//! TLS behind a proxy: its header comes before the handshake, in the same segment or torn.

use crate::far::shaker;
use crate::world::by_hand::{ENDPOINT, at, rest};
use crate::world::tls_client::{client, decrypt, encrypted, session};
use crate::world::{Choices, ServerEnd, Wire};
use rustls::ClientConnection;
use rustls::version::TLS13;
use std::cell::RefCell;
use std::io::{ErrorKind, Write};
use std::rc::Rc;
use stonechat::net::tls::TlsStream;
use stonechat::net::{ConnId, EventLoop, Limits, Outbox, Peer, Proxied, Refusal, Service};

/// Records the address of each connection, and greets it.
#[derive(Default)]
struct Porter {
    opened: Vec<Peer>,
    heard: Vec<u8>,
}

impl Service for Porter {
    fn opened(&mut self, out: &mut Outbox, id: ConnId, peer: Peer) {
        self.opened.push(peer);
        out.write(id, b"welcome\n");
    }

    fn received(&mut self, _out: &mut Outbox, _id: ConnId, bytes: &[u8]) -> usize {
        self.heard.extend_from_slice(bytes);
        bytes.len()
    }
}

#[test]
fn the_header_comes_first_and_then_the_handshake() {
    for whole in [true, false] {
        let mut server: EventLoop<TlsStream<Proxied<ServerEnd>>, _> =
            EventLoop::new(Porter::default(), Limits::default());
        let wire = Wire::new(usize::MAX);
        wire.borrow_mut().whole_reads = whole;
        let end = ServerEnd { wire: wire.clone(), choices: Choices::from_seed(7) };
        let proxy = Some("192.0.2.1:9".parse().unwrap());
        let stream = shaker().accept(Proxied::trusting(end, proxy, true)).unwrap();
        let peer = Peer::accepted(ENDPOINT, proxy);
        let id = server.accept(stream, peer).unwrap();
        let mut tls = session(client(&TLS13));
        tls.writer().write_all(b"first words, which come with the end of the handshake\n").unwrap();
        wire.borrow_mut().send(b"PROXY TCP4 203.0.113.5 192.0.2.1 56305 6697\r\n");
        let mut heard = Vec::new();
        for _ in 0..200 {
            let bytes = encrypted(&mut tls);
            wire.borrow_mut().send(&bytes);
            server.readable(id.slot());
            rest(&mut server, at(0));
            server.check();
            let bytes: Vec<u8> = wire.borrow_mut().down.drain(..).collect();
            decrypt(&mut tls, &bytes, &mut heard).unwrap();
            if !heard.is_empty() {
                break;
            }
        }
        assert_eq!(heard, b"welcome\n");
        let peer = server.service.opened[0];
        assert_eq!(peer.address, Some("203.0.113.5:56305".parse().unwrap()));
        assert!(peer.secure.is_some());
    }
}

/// A TLS hello in the place of a mandatory header is refused, and not answered in plain.
#[test]
fn a_hello_without_a_header_is_refused() {
    let mut server: EventLoop<TlsStream<Proxied<ServerEnd>>, _> =
        EventLoop::new(Porter::default(), Limits::default());
    let wire = Wire::new(usize::MAX);
    wire.borrow_mut().whole_reads = true;
    let end = ServerEnd { wire: wire.clone(), choices: Choices::from_bytes(&[]) };
    let stream = shaker().accept(Proxied::trusting(end, None, true)).unwrap();
    let peer = Peer::accepted(ENDPOINT, None);
    let id = server.accept(stream, peer).unwrap();
    let hello = encrypted(&mut session(client(&TLS13)));
    wire.borrow_mut().send(&hello);
    server.readable(id.slot());
    rest(&mut server, at(0));
    assert!(server.is_empty() && wire.borrow().down.is_empty());
    let index = Refusal::ALL.iter().position(|each| *each == Refusal::BadHeader).unwrap();
    assert_eq!(server.counters().endpoints[0].refused[index], 1);
}

const LOCAL: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";

/// HAProxy's `check-ssl`: a header that speaks for the proxy itself, a handshake, and the end.
#[test]
fn a_check_that_shakes_hands_is_no_client_and_no_refusal() {
    for (steps, cut) in [(0, false), (1, false), (1, true), (9, false), (9, true)] {
        let mut check = Local::comes();
        check.shake_hands(steps, b"");
        assert!(check.server.service.opened.is_empty());
        check.wire.borrow_mut().cut = cut.then_some(ErrorKind::ConnectionReset);
        check.wire.borrow_mut().up_ended = true;
        check.server.hung_up(check.id.slot());
        rest(&mut check.server, at(0));
        check.server.check();
        assert!(check.server.is_empty() && check.server.service.opened.is_empty());
        let counted = check.server.counters().endpoints.first().map(|counted| counted.refused);
        assert!(counted.is_none_or(|counted| counted.iter().all(|count| *count == 0)), "{steps}");
    }
}

#[test]
fn a_proxy_that_speaks_for_itself_through_tls_is_heard_once_it_says_something() {
    for said_with_the_handshake in [true, false] {
        let mut local = Local::comes();
        let early: &[u8] = if said_with_the_handshake { b"hello" } else { b"" };
        local.shake_hands(9, early);
        assert_eq!(local.server.service.opened.len(), usize::from(said_with_the_handshake));
        if !said_with_the_handshake {
            local.tls.writer().write_all(b"hello").unwrap();
            local.shake_hands(1, b"");
        }
        assert_eq!(local.server.service.opened[0].address, None);
        assert_eq!(
            (&local.server.service.heard[..], &local.heard[..]),
            (&b"hello"[..], &b"welcome\n"[..])
        );
    }
}

/// A proxy that has sent LOCAL, and speaks TLS.
struct Local {
    server: EventLoop<TlsStream<Proxied<ServerEnd>>, Porter>,
    wire: Rc<RefCell<Wire>>,
    id: ConnId,
    tls: ClientConnection,
    heard: Vec<u8>,
}

impl Local {
    fn comes() -> Local {
        let mut server = EventLoop::new(Porter::default(), Limits::default());
        let wire = Wire::new(usize::MAX);
        wire.borrow_mut().whole_reads = true;
        let end = ServerEnd { wire: wire.clone(), choices: Choices::from_bytes(&[]) };
        let proxy = Some("192.0.2.1:9".parse().unwrap());
        let stream = shaker().accept(Proxied::trusting(end, proxy, true)).unwrap();
        let peer = Peer::accepted(ENDPOINT, proxy);
        let id = server.accept(stream, peer).unwrap();
        wire.borrow_mut().send(LOCAL);
        Local { server, wire, id, tls: session(client(&TLS13)), heard: Vec::new() }
    }

    /// Exchanges pending records in this many steps.
    fn shake_hands(&mut self, steps: usize, said: &[u8]) {
        self.tls.writer().write_all(said).unwrap();
        for _ in 0..steps {
            let bytes = encrypted(&mut self.tls);
            self.wire.borrow_mut().send(&bytes);
            self.server.readable(self.id.slot());
            rest(&mut self.server, at(0));
            self.server.check();
            let bytes: Vec<u8> = self.wire.borrow_mut().down.drain(..).collect();
            decrypt(&mut self.tls, &bytes, &mut self.heard).unwrap();
        }
    }
}
