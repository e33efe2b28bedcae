//! TLS on real sockets: the first certificate, configured ones, and the answer of each port to the
//! wrong protocol.

use crate::process::{Client, Daemon, command, run};
use crate::tls_client::client;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use rustix::process::Signal;
use rustls::pki_types::ServerName;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConnection, StreamOwned, SupportedProtocolVersion};
use sha2::{Digest, Sha256};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use stonechat::tls::{hex, pem_fingerprint, self_signed};

type Tls = BufReader<StreamOwned<ClientConnection, TcpStream>>;

const LISTEN: [&str; 2] = ["--listen", "echos://127.0.0.1:0,ircs://127.0.0.1:0,irc://127.0.0.1:0"];

fn address(daemon: &Daemon, scheme: &str) -> SocketAddr {
    let start = format!("{scheme}://");
    daemon.listening.iter().find_map(|url| url.strip_prefix(&start)).unwrap().parse().unwrap()
}

fn connect(to: SocketAddr, version: &'static SupportedProtocolVersion) -> Tls {
    let name = ServerName::try_from("srv").unwrap();
    let tls = ClientConnection::new(client(version), name).unwrap();
    BufReader::new(StreamOwned::new(tls, TcpStream::connect(to).unwrap()))
}

fn ask(tls: &mut Tls, line: &str) -> String {
    tls.get_mut().write_all(line.as_bytes()).unwrap();
    let mut answer = String::new();
    tls.read_line(&mut answer).unwrap();
    answer
}

/// The fingerprint of the certificate at an address.
fn shown(to: SocketAddr) -> String {
    let mut tls = connect(to, &TLS13);
    ask(&mut tls, "hello\n");
    let certificate = &tls.get_ref().conn.peer_certificates().unwrap()[0];
    hex(&Sha256::digest(certificate))
}

fn write_pair(dir: &Path, name: &str) -> String {
    let pair = self_signed(name).unwrap();
    fs::write(dir.join("own.key"), &pair.key).unwrap();
    fs::write(dir.join("own.pem"), &pair.certificate).unwrap();
    hex(&pem_fingerprint(pair.certificate.as_bytes()).unwrap())
}

#[test]
fn the_first_certificate_is_made_printed_and_kept() {
    let daemon = Daemon::start_with("", &LISTEN, |_| {});
    let data = daemon.dir.path().join("data");
    for file in ["certificate.pem", "key.pem"] {
        assert_eq!(fs::metadata(data.join(file)).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let kept = fs::read(data.join("certificate.pem")).unwrap();
    let fingerprint = hex(&pem_fingerprint(&kept).unwrap());
    assert_eq!(daemon.fingerprints, std::slice::from_ref(&fingerprint));
    assert_eq!(shown(address(&daemon, "echos")), fingerprint);
    let dir = daemon.kill();
    let again = Daemon::start_in(dir, "", &LISTEN, |_| {});
    assert_eq!(again.fingerprints, [fingerprint]);
    again.stop();
}

#[test]
fn both_versions_are_spoken_and_counted() {
    let mut daemon = Daemon::start_with("", &LISTEN, |_| {});
    for version in [&TLS12, &TLS13] {
        let mut tls = connect(address(&daemon, "echos"), version);
        assert_eq!(ask(&mut tls, "hello\n"), "HELLO\n");
        let long = "x".repeat(4_000) + "\n";
        for _ in 0..50 {
            assert_eq!(ask(&mut tls, &long), long.to_uppercase());
        }
        assert_eq!(ask(&mut tls, "CLOSE SOCKET\n"), "CLOSE SOCKET\n");
        assert_eq!(tls.read_to_end(&mut Vec::new()).unwrap(), 0, "and close_notify");
        let mut irc = connect(address(&daemon, "ircs"), version);
        let welcome = ask(&mut irc, "NICK ann\r\nUSER ann 0 * :Ann\r\n");
        assert!(welcome.contains(" 001 ann "), "{welcome}");
    }
    let url = format!("ircs://{}", address(&daemon, "ircs"));
    for version in ["TLSv1.2", "TLSv1.3"] {
        let name = "stonechat_tls_handshakes_total";
        let name = format!("{name}{{listener=\"{url}\",version=\"{version}\"}}");
        assert_eq!(daemon.metric(&name), 1);
    }
    let file = daemon.dir.path().join("data/certificate.pem");
    let name = format!(
        "stonechat_tls_certificate_expiry_timestamp_seconds{{certificate=\"{}\"}}",
        file.display()
    );
    assert!(daemon.metric(&name) > 250_000_000_000);
    daemon.stop();
}

#[test]
fn who_comes_to_the_wrong_kind_of_port_is_told() {
    let daemon = Daemon::start_with("", &LISTEN, |_| {});
    for scheme in ["echos", "ircs"] {
        let mut plain = Client::connect(address(&daemon, scheme));
        plain.send("NICK ann\r\n");
        let heard = String::from_utf8(plain.hear_rest()).unwrap();
        assert!(heard.starts_with("ERROR :"), "{heard}");
        assert!(heard.contains("This port speaks TLS; connect with it, or use a plain port"));
    }
    let mut tls = connect(address(&daemon, "irc"), &TLS13);
    tls.get_mut().write_all(b"NICK ann\r\n").unwrap_err();
    let mut hello = TcpStream::connect(address(&daemon, "irc")).unwrap();
    hello.write_all(&[22, 3, 1, 2, 0, 1, 0]).unwrap();
    let mut heard = String::new();
    hello.read_to_string(&mut heard).unwrap();
    assert!(heard.contains("This port does not speak TLS"), "{heard}");
    daemon.stop();
}

#[test]
fn certificates_are_read_again_on_sighup_and_when_they_change() {
    let files = tempfile::tempdir().unwrap();
    let own = |name: &str| files.path().join(name).display().to_string();
    let first = write_pair(files.path(), "a");
    let config = format!(
        "[tls]\ncertificates = [{{ certificate = \"{}\", key = \"{}\" }}]",
        own("own.pem"),
        own("own.key")
    );
    let mut daemon = Daemon::start_with(&config, &LISTEN, |_| {});
    let echos = address(&daemon, "echos");
    assert_eq!((&daemon.fingerprints, shown(echos)), (&vec![first.clone()], first.clone()));
    // Half of a pair: the old one stays.
    fs::write(own("own.key"), self_signed("b").unwrap().key).unwrap();
    daemon.signal(Signal::HUP);
    daemon.await_metric("stonechat_reloads_total{result=\"refused\"}", 1);
    assert_eq!(shown(echos), first);
    let second = write_pair(files.path(), "c");
    daemon.signal(Signal::HUP);
    daemon.read_until(&format!("certificate {} SHA-256 {second}", own("own.pem")));
    assert_eq!(shown(echos), second);
    // Without a signal: the next connection triggers a check of the files, some seconds later at
    // the latest.
    let third = write_pair(files.path(), "d");
    while shown(echos) != third {
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    let log = daemon.stop();
    assert!(log.contains("the key is not that of the certificate"), "{log}");
    assert!(log.contains("the certificates have changed"), "{log}");
}

#[test]
fn bad_certificates_are_refused_at_the_start_and_by_check() {
    let dir = tempfile::tempdir().unwrap();
    write_pair(dir.path(), "a");
    fs::write(dir.path().join("own.key"), self_signed("b").unwrap().key).unwrap();
    let pair =
        format!("{{ certificate = \"{0}/own.pem\", key = \"{0}/own.key\" }}", dir.path().display());
    let config = format!("listen = [\"ircs://127.0.0.1:0\"]\n[tls]\ncertificates = [{pair}]");
    fs::write(dir.path().join("config.toml"), &config).unwrap();
    for (arguments, expected) in [(&["check"][..], 2), (&[], 3)] {
        let (status, _, stderr) = run(command(dir.path()).args(arguments));
        assert_eq!(status, expected, "{stderr}");
        assert!(stderr.contains("own.key (owner "), "{stderr}");
        assert!(stderr.contains("the key is not that of the certificate"), "{stderr}");
    }
    let config = "listen = [\"ircs://127.0.0.1:6697\"]\n[tls]\nsts = \"30 days\"";
    fs::write(dir.path().join("config.toml"), config).unwrap();
    let (status, _, stderr) = run(command(dir.path()).arg("check"));
    assert_eq!(status, 2, "{stderr}");
    assert!(stderr.contains("tls.sts needs tls.certificates"), "{stderr}");
}

#[test]
fn with_data_in_memory_a_certificate_is_made_for_the_time_being() {
    let listen = ["--data", ":memory:", "--listen", "echos://127.0.0.1:0"];
    let daemon = Daemon::start_with("", &[], |command| {
        *command = {
            let mut bare = std::process::Command::new(crate::process::PROGRAM);
            bare.env_clear().args(listen);
            bare.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
            bare
        }
    });
    assert_eq!([shown(address(&daemon, "echos"))], daemon.fingerprints[..]);
    daemon.stop();
}

#[test]
fn check_warns_of_certificates_for_no_name_or_about_to_end() {
    let dir = tempfile::tempdir().unwrap();
    let days = |days: i64| {
        let key = rcgen::KeyPair::generate().unwrap();
        let names = if days < 0 { vec![] } else { vec!["srv".to_owned()] };
        let mut params = rcgen::CertificateParams::new(names).unwrap();
        params.not_after = (std::time::SystemTime::now()
            + std::time::Duration::from_secs(days.unsigned_abs() * 86_400))
        .into();
        let write = |file: &str, label: &str, der: &[u8]| {
            let text = BASE64.encode(der);
            let pem = format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n");
            fs::write(dir.path().join(file), pem).unwrap();
        };
        write("own.pem", "CERTIFICATE", params.self_signed(&key).unwrap().der());
        write("own.key", "PRIVATE KEY", &key.serialize_der());
        fs::set_permissions(dir.path().join("own.key"), fs::Permissions::from_mode(0o600)).unwrap();
        let (certificate, key) = (dir.path().join("own.pem"), dir.path().join("own.key"));
        let config =
            format!("[tls]\ncertificates = [{{ certificate = {certificate:?}, key = {key:?} }}]");
        fs::write(dir.path().join("config.toml"), config).unwrap();
        run(command(dir.path()).arg("check"))
    };
    let (status, _, stderr) = days(100);
    assert_eq!((status, &*stderr), (0, ""));
    let (status, _, stderr) = days(5);
    assert!(status == 0 && stderr.contains("own.pem expires at "), "{stderr}");
    let (status, stdout, stderr) = days(-100);
    assert!(status == 0 && stderr.contains("own.pem has no name: "), "{stderr}");
    assert!(stdout.contains("own.pem for no name until "), "{stdout}");
}
