//! TLS as a client: servers that are trusted, servers that are not, and servers that refuse, mistake or
//! leave us in the handshake.

use crate::world::by_hand::{at, rest};
use crate::world::far_server::{FarServer, Manner, config, refusing};
use crate::world::{Choices, ServerEnd, Wire};
use rustls::SupportedProtocolVersion;
use rustls::version::{TLS12, TLS13};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;
use stonechat::net::{
    CloseReason, ConnId, Dial, DialError, EndpointId, EventLoop, Limits, Outbox, Peer, Remote,
    Secure, Service, Step, TlsVersion, Transport,
};
use stonechat::tls::{SelfSigned, Trust, connector, pem_fingerprint, self_signed};

const BOTH: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];

/// Says something as soon as it is connected, and notes what comes of it.
#[derive(Default)]
struct Caller {
    opened: Vec<(u64, Secure)>,
    heard: Vec<u8>,
    unreachable: Vec<(u64, DialError)>,
    closed: Vec<CloseReason>,
}

impl Service for Caller {
    fn opened(&mut self, out: &mut Outbox, id: ConnId, peer: Peer) {
        self.opened.push((peer.dialled.unwrap(), peer.secure.unwrap()));
        out.write(id, b"hello\n");
    }

    fn received(&mut self, _out: &mut Outbox, _id: ConnId, bytes: &[u8]) -> usize {
        self.heard.extend_from_slice(bytes);
        bytes.len()
    }

    fn closed(&mut self, _out: &mut Outbox, _id: ConnId, why: CloseReason) {
        self.closed.push(why);
    }

    fn not_connected(&mut self, _: &mut Outbox, _: &Dial, _: SocketAddr, why: ErrorKind) {
        panic!("it was connected: {why}");
    }

    fn unreachable(&mut self, _out: &mut Outbox, dial: Dial, why: DialError) {
        self.unreachable.push((dial.token, why));
    }
}

struct Call {
    server: EventLoop<Transport<ServerEnd>, Caller>,
    id: ConnId,
    far: FarServer,
}

impl Call {
    /// Dials `host`, whose server is of this manner.
    fn to(host: &str, trust: &Trust, manner: Manner, choices: Choices) -> Call {
        let mut server = EventLoop::new(Caller::default(), Limits::default());
        let tls = Some(connector(trust).unwrap());
        let to = Remote { host: host.into(), port: 1, tls };
        let dial = Dial { token: 9, endpoint: EndpointId(4), to, after: Duration::ZERO };
        server.inject(|_, out| out.dial(dial));
        let mut step = server.next_step().unwrap();
        if let Step::LookUp(dial) = step {
            server.found(dial, Ok(vec!["192.0.2.1:1".parse().unwrap()]));
            step = server.next_step().unwrap();
        }
        let Step::Connect(attempt) = step else { panic!("{step:?}") };
        let wire = Wire::new(usize::MAX);
        wire.borrow_mut().whole_reads = true;
        let far = FarServer::new(wire, manner);
        let stream = Transport::connect(far.stream(&choices), &attempt.dial.to).unwrap();
        let id = server.connect(stream, attempt);
        server.writable(id.slot());
        Call { server, id, far }
    }

    /// Until nothing moves any more; the far end sends `most` bytes at a time.
    fn settle(&mut self, most: usize) {
        loop {
            rest(&mut self.server, at(0));
            self.server.check();
            if self.far.wire.borrow().server_gone || !self.far.serve(most) {
                return;
            }
            let wire = self.far.wire.borrow();
            let ended = wire.up_ended || wire.cut.is_some();
            drop(wire);
            if ended {
                self.server.hung_up(self.id.slot());
            } else {
                self.server.readable(self.id.slot());
            }
        }
    }

    /// Why it was not opened. Nothing of it is left.
    fn failure(mut self) -> String {
        self.settle(usize::MAX);
        let caller = &self.server.service;
        assert_eq!((caller.opened.len(), caller.closed.len()), (0, 0));
        assert!(self.server.is_empty() && self.far.wire.borrow().server_gone);
        match &caller.unreachable[..] {
            [(9, DialError::Tls(why))] => why.clone(),
            unreachable => panic!("{unreachable:?}"),
        }
    }
}

fn pinned(pair: &SelfSigned) -> Trust {
    Trust::Fingerprint(pem_fingerprint(pair.certificate.as_bytes()).unwrap())
}

fn smooth() -> Choices {
    Choices::from_bytes(&[])
}

#[test]
fn a_server_is_trusted_by_its_root_or_by_its_fingerprint() {
    let srv = self_signed("srv").unwrap();
    for (version, expected) in BOTH.into_iter().zip(TlsVersion::ALL) {
        for (host, trust) in [
            ("srv", Trust::Roots(srv.certificate.clone())),
            ("srv", pinned(&srv)),
            ("another", pinned(&srv)),
            ("2001:db8::1", pinned(&srv)),
        ] {
            let manner = Manner::Tls(config(version, &srv));
            let mut call = Call::to(host, &trust, manner, smooth());
            call.settle(usize::MAX);
            let caller = &call.server.service;
            let (token, secure) = caller.opened[0];
            assert_eq!((token, secure.version), (9, expected));
            let fingerprint = pem_fingerprint(srv.certificate.as_bytes());
            assert_eq!(secure.fingerprint, fingerprint);
            assert_eq!(
                (&call.far.heard[..], &caller.heard[..]),
                (&b"hello\n"[..], &b"hello\n"[..])
            );
            assert_eq!(call.server.counters().endpoints[4].secured.iter().sum::<u64>(), 1);
        }
    }
}

#[test]
fn a_server_that_is_not_trusted_is_told_nothing() {
    let (srv, eve) = (self_signed("srv").unwrap(), self_signed("srv").unwrap());
    for version in BOTH {
        for (host, trust, why) in [
            ("srv", Trust::Roots(eve.certificate.clone()), "invalid peer certificate"),
            ("another", Trust::Roots(srv.certificate.clone()), "not valid for name"),
            ("srv", pinned(&eve), "invalid peer certificate"),
        ] {
            let call = Call::to(host, &trust, Manner::Tls(config(version, &srv)), smooth());
            let failure = call.failure();
            assert!(failure.starts_with("TLS: ") && failure.contains(why), "{failure}");
        }
    }
}

#[test]
fn the_systems_roots_vouch_for_no_certificate_of_our_own() {
    let Ok(_) = connector(&Trust::System) else { return }; // a system without roots
    let manner = Manner::Tls(config(&TLS13, &self_signed("srv").unwrap()));
    let failure = Call::to("srv", &Trust::System, manner, smooth()).failure();
    assert!(failure.contains("invalid peer certificate"), "{failure}");
}

#[test]
fn roots_must_be_certificates() {
    for (pem, why) in [
        ("", "no root certificate"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "cannot be used"),
    ] {
        let error = connector(&Trust::Roots(pem.to_owned())).unwrap_err();
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn a_server_that_refuses_by_an_alert_is_unreachable() {
    let trust = pinned(&self_signed("srv").unwrap());
    for version in BOTH {
        let call = Call::to("srv", &trust, Manner::Tls(refusing(version)), smooth());
        let failure = call.failure();
        assert!(failure.contains("received fatal alert"), "{failure}");
    }
}

/// Of each first record that a server can send in the place of its flight.
#[test]
fn an_alert_or_plain_text_in_the_place_of_a_flight_is_unreachable_however_torn() {
    let trust = pinned(&self_signed("srv").unwrap());
    for (said, why) in [
        (&[21, 3, 3, 0, 2, 2, 40][..], "received fatal alert"),
        (&[21, 3, 1, 0, 2, 2, 70][..], "received fatal alert"),
        (b"220 mail.example ESMTP\r\n", "corrupt message"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "corrupt message"),
        (&[22, 3, 3, 0, 1, 0][..], ""),
        (&[23, 3, 3, 0, 1, 0][..], ""),
        (&[0; 80][..], ""),
    ] {
        for most in [1, 3, usize::MAX] {
            let mut call = Call::to("srv", &trust, Manner::Says(said.to_vec()), smooth());
            call.far.ends_after = Some((said.len(), None));
            call.settle(most);
            let failure = call.failure();
            assert!(failure.contains(why), "{said:?}: {failure}");
        }
    }
}

#[test]
fn a_server_that_leaves_anywhere_in_the_handshake_is_unreachable_or_lost() {
    let srv = self_signed("srv").unwrap();
    for version in BOTH {
        let config = config(version, &srv);
        for after in (0..1_600).step_by(13) {
            for how in [None, Some(ErrorKind::ConnectionReset)] {
                let manner = Manner::Tls(config.clone());
                let choices = Choices::from_seed(after as u64);
                let mut call = Call::to("srv", &pinned(&srv), manner, choices);
                call.far.ends_after = Some((after, how));
                call.settle(usize::MAX);
                let caller = &call.server.service;
                match (&caller.unreachable[..], caller.opened.len()) {
                    ([(9, DialError::Tls(why))], 0) => assert!(why.starts_with("TLS: "), "{why}"),
                    ([], 1) => {}
                    outcome => panic!("after {after} bytes: {outcome:?}"),
                }
            }
        }
    }
}

#[test]
fn a_server_that_says_nothing_is_given_up_in_time() {
    let trust = pinned(&self_signed("srv").unwrap());
    let mut call = Call::to("srv", &trust, Manner::Says(Vec::new()), smooth());
    // It is not connected for want of a handshake, which is told as any address that does not answer.
    rest(&mut call.server, at(0));
    assert_eq!(call.server.wait(at(0)), Some(Limits::default().connect_timeout));
    assert!(!call.far.wire.borrow().down.is_empty(), "the hello was sent");
}

#[test]
fn a_name_that_no_certificate_can_have_is_an_error_of_tls() {
    let tls = Some(connector(&pinned(&self_signed("srv").unwrap())).unwrap());
    let remote = Remote { host: "no such\u{7f} name".into(), port: 1, tls };
    let end = ServerEnd { wire: Wire::new(1), choices: smooth() };
    let Err(e) = Transport::connect(end, &remote) else { panic!("it begins") };
    assert_eq!(e.kind(), ErrorKind::InvalidData);
}
