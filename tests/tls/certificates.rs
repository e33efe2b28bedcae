//! Certificates: the choice by name, and invalid files.

use crate::far::{Far, Pipe, echo};
use crate::world::tls_client::client;
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustls::ClientConnection;
use rustls::pki_types::ServerName;
use rustls::version::TLS13;
use std::fs;
use std::path::Path;
use stonechat::net::Limits;
use stonechat::tls::{Files, SelfSigned, Shelf, acceptor, pem_fingerprint, self_signed};

/// 2026-01-01, in seconds.
const NOW: i64 = 1_767_225_600;

fn files(dir: &Path, name: &str) -> Files {
    Files { certificate: dir.join(format!("{name}.pem")), key: dir.join(format!("{name}.key")) }
}

fn write(files: &Files, pair: &SelfSigned) {
    fs::write(&files.certificate, &pair.certificate).unwrap();
    fs::write(&files.key, &pair.key).unwrap();
}

fn pem(label: &str, der: &[u8]) -> String {
    use base64::prelude::{BASE64_STANDARD, Engine};
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", BASE64_STANDARD.encode(der))
}

/// A pair valid for `names` until a date.
fn pair(names: &[&str], (year, month, day): (i32, u8, u8)) -> SelfSigned {
    let key = KeyPair::generate().unwrap();
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(year, month, day);
    let certificate = params.self_signed(&key).unwrap();
    SelfSigned {
        certificate: pem("CERTIFICATE", certificate.der()),
        key: pem("PRIVATE KEY", &key.serialize_der()),
    }
}

fn shown(shelf: &Shelf) -> Vec<[u8; 32]> {
    shelf.certificates().iter().map(|each| each.fingerprint).collect()
}

#[test]
fn the_certificate_is_that_of_the_name_that_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let pairs = [
        pair(&["irc.example.org"], (2030, 1, 1)),
        pair(&["*.example.net", "example.net"], (2030, 1, 1)),
        pair(&["Chat.Example.Net"], (2030, 1, 1)),
    ];
    let all: Vec<Files> = (0..3).map(|n| files(dir.path(), &n.to_string())).collect();
    all.iter().zip(&pairs).for_each(|(files, pair)| write(files, pair));
    let shelf = Shelf::open(all).unwrap();
    let shaker = acceptor(&shelf).unwrap();
    for (name, which) in [
        ("irc.example.org", 0),
        ("example.net", 1),
        ("a.example.net", 1),
        ("a.b.example.net", 0),
        ("other.example.org", 0),
        ("192.0.2.1", 0),
    ] {
        let mut server = echo(Limits::default());
        let mut far = Far::connect(&mut server, &shaker, client(&TLS13), Pipe::Whole);
        let name = ServerName::try_from(name).unwrap();
        far.tls = ClientConnection::new(client(&TLS13), name.clone()).unwrap();
        far.settle(&mut server).unwrap();
        let got = far.tls.peer_certificates().unwrap()[0].to_vec();
        let got = pem_fingerprint(pem("CERTIFICATE", &got).as_bytes());
        assert_eq!(got, pem_fingerprint(pairs[which].certificate.as_bytes()), "{name:?}");
    }
    let names: Vec<_> = shelf.certificates().iter().map(|each| each.dns_names.clone()).collect();
    assert_eq!(names[2], ["chat.example.net"]);
}

#[test]
fn files_that_have_changed_are_taken_whole_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let files = files(dir.path(), "a");
    let (old, new) = (pair(&["a"], (2030, 1, 1)), pair(&["a"], (2031, 1, 1)));
    write(&files, &old);
    let mut shelf = Shelf::open(vec![files.clone()]).unwrap();
    let before = shown(&shelf);
    assert!(shelf.look(NOW).is_none(), "nothing has changed");
    // Half of a renewal: a new certificate, and the old key.
    fs::write(&files.certificate, &new.certificate).unwrap();
    let error = shelf.look(NOW).unwrap().unwrap_err();
    assert!(error.contains("the key is not that of the certificate"), "{error}");
    assert!(error.contains("a.pem (owner") && error.contains("a.key (owner"), "{error}");
    assert_eq!(shown(&shelf), before);
    assert!(shelf.look(NOW).is_none(), "it is said once");
    for (text, expected) in [
        ("", "no certificate in it; it must begin with one in PEM"),
        (&new.certificate[..200], "no certificate in PEM"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "can't be used"),
    ] {
        fs::write(&files.certificate, text).unwrap();
        let error = shelf.look(NOW).unwrap().unwrap_err();
        assert!(error.contains(expected), "{error}");
        assert_eq!(shown(&shelf), before);
    }
    fs::remove_file(&files.certificate).unwrap();
    let error = shelf.look(NOW).unwrap().unwrap_err();
    assert!(error.starts_with("cannot read ") && error.contains("No such file"), "{error}");
    write(&files, &new);
    shelf.look(NOW).unwrap().unwrap();
    assert_ne!(shown(&shelf), before);
    fs::write(&files.key, "no key").unwrap();
    let error = shelf.look(NOW).unwrap().unwrap_err();
    assert!(error.contains("a.key (owner") && error.contains("no private key in PEM"), "{error}");
    assert!(error.contains(", mode 0"), "{error}");
}

/// New handshakes use the new certificate, through the old acceptor.
#[test]
fn what_has_changed_is_shown_from_the_next_handshake_on() {
    let dir = tempfile::tempdir().unwrap();
    let files = files(dir.path(), "a");
    write(&files, &self_signed("a").unwrap());
    let mut shelf = Shelf::open(vec![files.clone()]).unwrap();
    let shaker = acceptor(&shelf).unwrap();
    let mut server = echo(Limits::default());
    let ask = |server: &mut crate::far::Server<_>| {
        let mut far = Far::connect(server, &shaker, client(&TLS13), Pipe::Whole);
        far.settle(server).unwrap();
        far.tls.peer_certificates().unwrap()[0].to_vec()
    };
    let before = ask(&mut server);
    write(&files, &self_signed("a").unwrap());
    shelf.look(NOW).unwrap().unwrap();
    assert_ne!(ask(&mut server), before);
}

#[test]
fn one_that_has_expired_is_no_better_than_the_old_one() {
    let dir = tempfile::tempdir().unwrap();
    let files = files(dir.path(), "a");
    write(&files, &pair(&["a"], (2026, 1, 10)));
    let mut shelf = Shelf::open(vec![files.clone()]).unwrap();
    let before = shown(&shelf);
    let warnings = shelf.warnings(NOW);
    assert!(
        warnings.iter().any(|text| text.contains("expires at 2026-01-10 00:00 UTC")),
        "{warnings:?}"
    );
    assert!(shelf.warnings(NOW + 3600).is_empty(), "once a day");
    let warnings = shelf.warnings(NOW + 10 * 86_400);
    assert!(warnings.iter().any(|text| text.contains("has expired at")), "{warnings:?}");
    write(&files, &pair(&["a"], (2025, 12, 31)));
    let error = shelf.look(NOW).unwrap().unwrap_err();
    assert!(error.contains("has expired at 2025-12-31"), "{error}");
    assert_eq!(shown(&shelf), before);
    // At a start there is no old certificate to keep.
    assert!(Shelf::open(vec![files]).is_ok());
}

#[test]
fn when_a_certificate_expires_is_read_from_it() {
    for (day, seconds) in [
        ((2026, 1, 1), NOW),
        ((2049, 12, 31), 2_524_521_600),
        ((2050, 1, 1), 2_524_608_000), // from here on in another format
        ((2100, 3, 1), 4_107_542_400),
    ] {
        let pair = pair(&["a"], day);
        assert_eq!(Shelf::in_memory(&pair).unwrap().certificates()[0].not_after, seconds);
    }
    let never = Shelf::in_memory(&self_signed("srv").unwrap()).unwrap();
    assert!(never.certificates()[0].not_after > 250_000_000_000);
}
