//! TLS behind a proxy: its header comes before the handshake, in the same segment or torn.

use crate::far::shaker;
use crate::world::by_hand::{ENDPOINT, at, rest};
use crate::world::tls_client::{client, decrypt, encrypted, session};
use crate::world::{Choices, ServerEnd, Wire};
use rustls::version::TLS13;
use std::io::Write;
use stonechat::net::tls::TlsStream;
use stonechat::net::{ConnId, EventLoop, Limits, Outbox, Peer, Proxied, Refusal, Service};

/// Notes from where they come, and greets.
#[derive(Default)]
struct Porter {
    opened: Vec<Peer>,
}

impl Service for Porter {
    fn opened(&mut self, out: &mut Outbox, id: ConnId, peer: Peer) {
        self.opened.push(peer);
        out.write(id, b"welcome\n");
    }

    fn received(&mut self, _out: &mut Outbox, _id: ConnId, bytes: &[u8]) -> usize {
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
        let peer = Peer { endpoint: ENDPOINT, address: proxy, secure: None };
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

/// A hello where a header must come is no header, and is not answered in plain.
#[test]
fn a_hello_without_a_header_is_refused() {
    let mut server: EventLoop<TlsStream<Proxied<ServerEnd>>, _> =
        EventLoop::new(Porter::default(), Limits::default());
    let wire = Wire::new(usize::MAX);
    wire.borrow_mut().whole_reads = true;
    let end = ServerEnd { wire: wire.clone(), choices: Choices::from_bytes(&[]) };
    let stream = shaker().accept(Proxied::trusting(end, None, true)).unwrap();
    let peer = Peer { endpoint: ENDPOINT, address: None, secure: None };
    let id = server.accept(stream, peer).unwrap();
    let hello = encrypted(&mut session(client(&TLS13)));
    wire.borrow_mut().send(&hello);
    server.readable(id.slot());
    rest(&mut server, at(0));
    assert!(server.is_empty() && wire.borrow().down.is_empty());
    let index = Refusal::ALL.iter().position(|each| *each == Refusal::BadHeader).unwrap();
    assert_eq!(server.counters().endpoints[0].refused[index], 1);
}
