//! Handshakes that succeed, in pieces of any size, and handshakes that fail.

use crate::far::{Far, Pipe, echo, refused, shaker};
use crate::world::by_hand::{at, rest};
use crate::world::tls_client::{client, client_with};
use rustls::version::{TLS12, TLS13};
use rustls::{AlertDescription, Error, HandshakeKind, SupportedProtocolVersion};
use sha2::{Digest, Sha256};
use stonechat::net::{
    ConnId, EventLoop, LastWord, Limits, Outbox, Peer, Refusal, Secure, Service, TlsVersion,
};
use stonechat::tls::{pem_fingerprint, self_signed};

const BOTH: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];

/// Greets each connection, and records its TLS details and input.
#[derive(Default)]
struct Porter {
    opened: Vec<Secure>,
    heard: Vec<u8>,
}

impl Service for Porter {
    fn opened(&mut self, out: &mut Outbox, id: ConnId, peer: Peer) {
        self.opened.push(peer.secure.expect("it came by TLS"));
        out.write(id, b"welcome\n");
    }

    fn received(&mut self, _out: &mut Outbox, _id: ConnId, bytes: &[u8]) -> usize {
        self.heard.extend_from_slice(bytes);
        bytes.len()
    }

    fn farewell(&self, text: &mut Vec<u8>, to: LastWord<'_>) {
        text.extend_from_slice(to.text.as_bytes());
    }
}

fn porter() -> EventLoop<stonechat::net::tls::TlsStream<crate::world::ServerEnd>, Porter> {
    EventLoop::new(Porter::default(), Limits::default())
}

#[test]
fn both_versions_shake_hands_and_the_service_knows_which() {
    let mut server = porter();
    for (version, expected) in BOTH.into_iter().zip(TlsVersion::ALL) {
        let mut far = Far::connect(&mut server, &shaker(), client(version), Pipe::Whole);
        far.settle(&mut server).unwrap();
        assert_eq!(far.heard, b"welcome\n");
        let secure = server.service.opened.pop().unwrap();
        assert_eq!((secure.version, secure.fingerprint), (expected, None));
        assert!(secure.cipher.contains("AES_256_GCM"), "{}", secure.cipher);
    }
    assert_eq!(server.counters().endpoints[0].secured, [1, 1]);
}

/// A server that sends first: the client is connected before the service has sent, and it sends
/// before any input.
#[test]
fn first_words_that_come_with_the_handshake_are_heard_after_the_greeting() {
    for version in BOTH {
        let mut server = porter();
        let mut far = Far::connect(&mut server, &shaker(), client(version), Pipe::Whole);
        far.say(b"first words");
        far.settle(&mut server).unwrap();
        assert_eq!(far.heard, b"welcome\n");
        assert_eq!(server.service.heard, b"first words");
    }
}

#[test]
fn a_certificate_is_known_by_its_fingerprint_and_only_to_who_holds_its_key() {
    let (ann, eve) = (self_signed("ann").unwrap(), self_signed("eve").unwrap());
    for version in BOTH {
        let mut server = porter();
        let config = client_with(version, &ann, &ann);
        let mut far = Far::connect(&mut server, &shaker(), config, Pipe::Whole);
        far.settle(&mut server).unwrap();
        let fingerprint = pem_fingerprint(ann.certificate.as_bytes());
        assert!(fingerprint.is_some());
        assert_eq!(server.service.opened[0].fingerprint, fingerprint);
        let config = client_with(version, &ann, &eve);
        let mut far = Far::connect(&mut server, &shaker(), config, Pipe::Whole);
        far.settle(&mut server).unwrap_err();
        rest(&mut server, at(0));
        assert_eq!(server.service.opened.len(), 1, "eve is not ann");
        assert_eq!(refused(&mut server, Refusal::HandshakeFailed), 1);
    }
}

/// A returning client resumes by a ticket, for which the server stores nothing, with the same
/// identity.
#[test]
fn who_comes_again_resumes() {
    let ann = self_signed("ann").unwrap();
    for version in BOTH {
        let (mut server, shaker) = (porter(), shaker());
        let config = client_with(version, &ann, &ann);
        for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
            let mut far = Far::connect(&mut server, &shaker, config.clone(), Pipe::Whole);
            far.settle(&mut server).unwrap();
            assert_eq!(far.tls.handshake_kind(), Some(kind), "{version:?}");
        }
        assert_eq!(server.service.opened[0], server.service.opened[1]);
    }
}

#[test]
fn a_hello_in_a_hundred_pieces_or_in_records_of_one_byte_is_a_hello() {
    for version in BOTH {
        let mut server = porter();
        let mut far = Far::connect(&mut server, &shaker(), client(version), Pipe::Whole);
        let mut hello = Vec::new();
        far.tls.write_tls(&mut hello).unwrap();
        for piece in hello.chunks(hello.len().div_ceil(100)) {
            far.send(&mut server, piece);
            rest(&mut server, at(0));
            server.check();
        }
        far.settle(&mut server).unwrap();
        assert_eq!(far.heard, b"welcome\n");
        let mut far = Far::connect(&mut server, &shaker(), client(version), Pipe::Whole);
        let mut hello = Vec::new();
        far.tls.write_tls(&mut hello).unwrap();
        for byte in &hello[5..] {
            far.send(&mut server, &[22, 3, 1, 0, 1, *byte]);
            rest(&mut server, at(0));
        }
        far.settle(&mut server).unwrap();
        assert_eq!(far.heard, b"welcome\n");
    }
}

#[test]
fn the_end_behind_a_part_of_a_flight_or_a_whole_one_is_seen_at_once() {
    for version in BOTH {
        for part in [1, 50, usize::MAX] {
            let mut server = porter();
            let mut far = Far::connect(&mut server, &shaker(), client(version), Pipe::Whole);
            let mut hello = Vec::new();
            far.tls.write_tls(&mut hello).unwrap();
            hello.truncate(part);
            far.wire.borrow_mut().send(&hello);
            far.wire.borrow_mut().up_ended = true;
            server.hung_up(far.id.slot());
            rest(&mut server, at(0));
            assert_eq!(refused(&mut server, Refusal::HandshakeFailed), 1, "{version:?}, {part}");
        }
    }
}

/// The client's last flight comes with all its input, while our own output blocks.
#[test]
fn who_ends_his_half_before_he_reads_our_last_flight_is_answered() {
    for (polite, said) in [(true, ""), (true, "words"), (false, ""), (false, "words")] {
        let mut server = echo(Limits::default());
        let mut far = Far::connect(&mut server, &shaker(), client(&TLS13), Pipe::Whole);
        far.push(&mut server);
        rest(&mut server, at(0));
        far.pull(&mut server).unwrap();
        far.wire.borrow_mut().down_max = 10;
        far.say(said.as_bytes());
        if polite {
            far.tls.send_close_notify();
        }
        far.push(&mut server);
        far.wire.borrow_mut().up_ended = true;
        server.hung_up(far.id.slot());
        far.settle(&mut server).unwrap();
        assert_eq!(far.heard, said.to_uppercase().as_bytes());
        assert_eq!(refused(&mut server, Refusal::HandshakeFailed), 0);
        assert!(server.is_empty());
    }
}

#[test]
fn who_speaks_no_tls_reads_so_in_plain() {
    for said in [&b"NICK ann\r\nUSER ann 0 * :Ann\r\n"[..], b"G", b"\r\n", &[0x80, 0x2e, 1, 3, 1]] {
        let mut server = porter();
        let mut far = Far::connect(&mut server, &shaker(), client(&TLS13), Pipe::Whole);
        far.send(&mut server, said);
        rest(&mut server, at(0));
        assert_eq!(far.wire.borrow().down, Refusal::NotTls.text().as_bytes());
        assert!(far.wire.borrow().server_gone && !far.wire.borrow().reset);
        assert_eq!(refused(&mut server, Refusal::NotTls), 1);
        assert!(server.is_empty() && server.service.opened.is_empty());
    }
}

/// A record of wrong length, an unknown type, a close_notify, an end, nonsense: one failed
/// handshake each, and no endless turns.
#[test]
fn what_goes_wrong_in_a_handshake_ends_it() {
    let close_notify = [21, 3, 3, 0, 2, 1, 0];
    let cases: [(&str, &[u8]); 6] = [
        ("too long a record", &[22, 3, 1, 0xff, 0xff, 1]),
        ("an empty record", &[22, 3, 1, 0, 0]),
        ("close_notify", &close_notify),
        ("a message of 16 MB", &[22, 3, 1, 0, 4, 1, 0xff, 0xff, 0xff]),
        ("application data", &[23, 3, 3, 0, 1, 0]),
        ("SSL 3", &[22, 3, 0, 0, 4, 1, 0, 0, 0]),
    ];
    for version in BOTH {
        for (name, bytes) in cases {
            for after_hello in [false, true] {
                let mut server = porter();
                let mut far = Far::connect(&mut server, &shaker(), client(version), Pipe::Whole);
                if after_hello {
                    far.push(&mut server);
                    rest(&mut server, at(0));
                }
                far.send(&mut server, bytes);
                rest(&mut server, at(0));
                if !far.wire.borrow().server_gone {
                    far.wire.borrow_mut().up_ended = true;
                    server.hung_up(far.id.slot());
                    rest(&mut server, at(0));
                }
                server.check();
                let all = [Refusal::HandshakeFailed, Refusal::NotTls];
                let all = all.map(|why| refused(&mut server, why)).iter().sum::<u64>();
                assert_eq!(all, 1, "{name}, {version:?}, {after_hello}");
                assert!(server.is_empty() && server.service.opened.is_empty(), "{name}");
            }
        }
    }
}

/// A hello without end, in records of one byte: memory stays bounded.
#[test]
fn a_hello_that_never_ends_is_ended() {
    let mut server = porter();
    let mut far = Far::connect(&mut server, &shaker(), client(&TLS13), Pipe::Whole);
    far.send(&mut server, &[22, 3, 1, 0, 4, 1, 0, 0xff, 0xff]);
    let piece = [22, 3, 1, 0, 1, 7].repeat(500);
    let mut sent = 0;
    while !far.wire.borrow().server_gone {
        far.send(&mut server, &piece);
        rest(&mut server, at(0));
        sent += piece.len();
        assert!(sent < 200 << 10, "{sent} bytes are not enough");
    }
    assert_eq!(refused(&mut server, Refusal::HandshakeFailed), 1);
}

#[test]
fn a_thousand_stalled_handshakes_lock_nobody_out() {
    let mut server = porter();
    let shaker = shaker();
    let config = client(&TLS13);
    let mut stalled: Vec<Far> = (0..1_000)
        .map(|_| {
            let mut far = Far::connect(&mut server, &shaker, config.clone(), Pipe::Whole);
            let mut hello = Vec::new();
            far.tls.write_tls(&mut hello).unwrap();
            far.send(&mut server, &hello[..hello.len() / 2]);
            rest(&mut server, at(0));
            far
        })
        .collect();
    let mut far = Far::connect(&mut server, &shaker, config, Pipe::Whole);
    far.settle(&mut server).unwrap();
    assert_eq!(far.heard, b"welcome\n");
    assert_eq!(refused(&mut server, Refusal::TooManyHandshakes), 1);
    assert!(stalled[0].wire.borrow().server_gone);
    let told = stalled[0].pull(&mut server).unwrap_err();
    assert_eq!(told, Error::AlertReceived(AlertDescription::AccessDenied));
    server.wake(at(10_000));
    rest(&mut server, at(10_000));
    assert_eq!(refused(&mut server, Refusal::HandshakeTimeout), 999);
    assert_eq!(server.live().count(), 1);
}

/// The fingerprint is that of the certificate in DER, as `openssl x509 -fingerprint` prints it.
#[test]
fn fingerprints_are_of_the_der() {
    use rustls::pki_types::{CertificateDer, pem::PemObject};
    let ann = self_signed("ann").unwrap();
    let der = CertificateDer::from_pem_slice(ann.certificate.as_bytes()).unwrap();
    let digest: [u8; 32] = Sha256::digest(&der).into();
    assert_eq!(pem_fingerprint(ann.certificate.as_bytes()), Some(digest));
    assert_eq!(pem_fingerprint(b"nothing"), None);
    let mut server = echo(Limits::default());
    let mut far = Far::connect(&mut server, &shaker(), client(&TLS13), Pipe::Whole);
    far.settle(&mut server).unwrap();
}
