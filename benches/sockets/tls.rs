//! The cost of TLS beyond plain connections: memory of idle ones, handshakes, fan-out, and the
//! latency of clients during a storm of handshakes. `cargo bench --bench sockets -- tls`

use crate::child::Child;
use crate::has_room_for;
use crate::measure::{Pairs, median, print_head, print_row, quantile, slope, thread_cpu_time};
use crate::server::Server;
use crate::tls_client::{client, provider};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::version::TLS13;
use rustls::{ClientConfig, ClientConnection, SignatureScheme, StreamOwned};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use stonechat::echo::Echo;
use stonechat::net::tls::Acceptor;
use stonechat::net::{ConnId, Outbox, Peer, Service};
use stonechat::tls::{Shelf, acceptor, self_signed};

type Tls = StreamOwned<ClientConnection, TcpStream>;

pub fn run() {
    idle();
    handshakes();
    fan_out();
    storm();
}

/// The acceptor of a server.
pub fn shaker() -> Acceptor {
    let pair = self_signed("srv").expect("a certificate");
    acceptor(&Shelf::in_memory(&pair).expect("a good one")).expect("TLS can be set up")
}

fn connect(to: SocketAddr, config: &Arc<ClientConfig>) -> Tls {
    let name = ServerName::try_from("srv").expect("a name");
    let mut tls = ClientConnection::new(config.clone(), name).expect("a client");
    let mut stream = TcpStream::connect(to).expect("there is room");
    stream.set_nodelay(true).expect("an option");
    tls.complete_io(&mut stream).expect("a handshake");
    StreamOwned::new(tls, stream)
}

/// The config of a client without tickets, which does a full handshake.
fn newcomer() -> Arc<ClientConfig> {
    let mut config = (*client(&TLS13)).clone();
    config.resumption = rustls::client::Resumption::disabled();
    Arc::new(config)
}

fn idle() {
    print_head(
        "idle TLS connections to the echo service: user-space memory (RssAnon)",
        &["connections", "B each", "B each, above the row before"],
    );
    let config = newcomer();
    for (name, burst) in [("after the handshake", 0), ("after a burst of 60 KiB", 60)] {
        let server = Child::start("echos");
        let empty = server.anonymous_bytes();
        let mut clients = Vec::new();
        let mut before = (0, empty);
        for connections in [1_000, 4_000].into_iter().filter(|ends| has_room_for(*ends)) {
            while clients.len() < connections {
                let mut tls = connect(server.address, &config);
                let line = [&[b'x'; 511][..], b"\n"].concat().repeat(2);
                for _ in 0..burst {
                    tls.write_all(&line).expect("a burst is said");
                }
                tls.read_exact(&mut vec![0; burst * 1024]).expect("a burst is answered");
                clients.push(tls);
            }
            server.rest();
            let now = (connections, server.anonymous_bytes());
            print_row(&[
                format!("{connections} {name}"),
                format!("{:.0}", slope((0, empty), now)),
                format!("{:.0}", slope(before, now)),
            ]);
            before = now;
        }
    }
}

/// Full handshakes of TLS 1.3, one after the other: the CPU time of the server's thread, kernel,
/// accept and close included, beside its two operations in ring alone, and rustls without sockets.
fn handshakes() {
    const BATCH: usize = 200;
    let server = Server::with(Echo::new(512), Some(shaker()));
    let config = newcomer();
    let (mut to_ring, mut to_rustls) = (Pairs::default(), Pairs::default());
    for _ in 0..15 {
        let before = server.cpu_time();
        for _ in 0..BATCH {
            drop(connect(server.address, &config));
        }
        let ours = (server.cpu_time() - before).as_secs_f64() / BATCH as f64;
        to_ring.add(ours, ring_alone(BATCH));
        to_rustls.add(ours, rustls_alone(BATCH));
    }
    print_head(
        "full TLS 1.3 handshakes (X25519, ECDSA P-256): CPU time of the server",
        &["of what", "µs each", "ours to it"],
    );
    let micros = |seconds: f64| format!("{:.0}", seconds * 1e6);
    print_row(&["ours, with accept and close".into(), micros(to_ring.ours()), "1".into()]);
    let row = |name: &str, pairs: &Pairs| {
        print_row(&[name.into(), micros(pairs.bare()), format!("{:.2}", pairs.ratio())]);
    };
    row("rustls's buffered API, in memory", &to_rustls);
    row("ring alone: key exchange and signature", &to_ring);
    server.stop();
}

/// One key exchange and one signature, as the provider does them for a server.
fn ring_alone(times: usize) -> f64 {
    let pair = self_signed("srv").expect("a certificate");
    let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).expect("a key");
    let key = rustls::crypto::ring::sign::any_ecdsa_type(&key).expect("an ECDSA key");
    let signer = key.choose_scheme(&[SignatureScheme::ECDSA_NISTP256_SHA256]).expect("its scheme");
    let groups = provider().kx_groups.clone();
    let group = groups.iter().find(|group| group.name() == rustls::NamedGroup::X25519);
    let group = group.expect("X25519 is known");
    let far = group.start().expect("a key").pub_key().to_vec();
    let begun = thread_cpu_time();
    for _ in 0..times {
        let own = group.start().expect("a key");
        let shared = own.complete(&far).expect("a good key");
        let signature = signer.sign(&[7; 130]).expect("a signature");
        std::hint::black_box((shared, signature));
    }
    (thread_cpu_time() - begun).as_secs_f64() / times as f64
}

/// The server's half of handshakes that go through memory.
fn rustls_alone(times: usize) -> f64 {
    let pair = self_signed("srv").expect("a certificate");
    let chain = rustls::pki_types::CertificateDer::from_pem_slice(pair.certificate.as_bytes());
    let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).expect("a key");
    let mut config = rustls::ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .expect("TLS 1.3")
        .with_no_client_auth()
        .with_single_cert(vec![chain.expect("a certificate")], key)
        .expect("a pair");
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
    let config = Arc::new(config);
    let mut spent = Duration::ZERO;
    let far = newcomer();
    for _ in 0..times {
        let name = ServerName::try_from("srv").expect("a name");
        let mut client = ClientConnection::new(far.clone(), name).expect("a client");
        let mut hello = Vec::new();
        client.write_tls(&mut hello).expect("memory");
        let begun = thread_cpu_time();
        let mut server = rustls::ServerConnection::new(config.clone()).expect("a server");
        server.read_tls(&mut &hello[..]).expect("memory");
        server.process_new_packets().expect("a hello");
        let mut flight = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut flight).expect("memory");
        }
        spent += thread_cpu_time() - begun;
        client.read_tls(&mut &flight[..]).expect("memory");
        client.process_new_packets().expect("a flight");
        let mut finished = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut finished).expect("memory");
        }
        let begun = thread_cpu_time();
        server.read_tls(&mut &finished[..]).expect("memory");
        server.process_new_packets().expect("the end");
        assert!(!server.is_handshaking());
        spent += thread_cpu_time() - begun;
    }
    spent.as_secs_f64() / times as f64
}

/// Sends any input to all connections.
#[derive(Default)]
struct Room {
    here: Vec<ConnId>,
}

impl Service for Room {
    fn opened(&mut self, _out: &mut Outbox, id: ConnId, _peer: Peer) {
        self.here.push(id);
    }

    fn received(&mut self, out: &mut Outbox, _id: ConnId, bytes: &[u8]) -> usize {
        let line = out.compose(|arena| arena.extend_from_slice(bytes));
        self.here.iter().for_each(|id| out.send(*id, line));
        bytes.len()
    }
}

/// One line of 100 bytes a turn, to 1,000; then ten lines a turn.
fn fan_out() {
    const MEMBERS: usize = 1_000;
    print_head(
        "fan-out to 1,000 members: CPU time of the server for each recipient",
        &["lines a turn", "TLS, ns", "plain, ns", "TLS to plain"],
    );
    let config = newcomer();
    let secure = Server::with(Room::default(), Some(shaker()));
    let plain = Server::of(Room::default());
    let mut ours: Vec<Tls> = (0..MEMBERS).map(|_| connect(secure.address, &config)).collect();
    let connect = |_| TcpStream::connect(plain.address).expect("there is room");
    let mut bare: Vec<TcpStream> = (0..MEMBERS).map(connect).collect();
    for lines in [1, 10] {
        let said = [&[b'y'; 99][..], b"\n"].concat().repeat(lines);
        let mut pairs = Pairs::default();
        for _ in 0..60 {
            let before = secure.cpu_time();
            ours[0].write_all(&said).expect("it is said");
            for member in &mut ours {
                // Records can be counted without decryption: each adds 22 bytes.
                member.read_exact(&mut vec![0; said.len()]).expect("it is heard");
            }
            let tls = (secure.cpu_time() - before).as_secs_f64();
            let before = plain.cpu_time();
            bare[0].write_all(&said).expect("it is said");
            for member in &mut bare {
                member.read_exact(&mut vec![0; said.len()]).expect("it is heard");
            }
            let open = (plain.cpu_time() - before).as_secs_f64();
            pairs.add(tls / MEMBERS as f64 * 1e9, open / MEMBERS as f64 * 1e9);
        }
        print_row(&[
            lines.to_string(),
            format!("{:.0}", pairs.ours()),
            format!("{:.0}", pairs.bare()),
            format!("{:.2}", pairs.ratio()),
        ]);
    }
    secure.stop();
    plain.stop();
}

/// A hundred clients send in turn, each waiting for its echo: in calm; during 2,000 handshakes from
/// four threads; and during 2,000 hellos at once, whose senders do no cryptography. The storm's
/// threads are niced, so that the clients' own wait for a CPU is not measured.
fn storm() {
    const TALKERS: usize = 100;
    let config = newcomer();
    let server = Server::with(Echo::new(512), Some(shaker()));
    let mut talkers: Vec<Tls> = (0..TALKERS).map(|_| connect(server.address, &config)).collect();
    print_head(
        "round trips of 100 talkers, calm and in storms of 2,000 handshakes",
        &["", "median, µs", "p99, µs", "p99 to calm", "handshakes/s"],
    );
    let mut talk = |until: &dyn Fn(usize) -> bool| {
        let mut took = Vec::new();
        while !until(took.len()) {
            let talker = &mut talkers[took.len() % TALKERS];
            let begun = Instant::now();
            talker.write_all(b"a line\n").expect("it is said");
            talker.read_exact(&mut [0; 7]).expect("it is answered");
            took.push(begun.elapsed().as_secs_f64() * 1e6);
        }
        took
    };
    let mut calm = talk(&|n| n >= 20_000);
    let calm_p99 = quantile(&mut calm, 0.99);
    let row = |name: &str, mut took: Vec<f64>, lasted: Option<Duration>| {
        let p99 = quantile(&mut took, 0.99);
        let rate = lasted.map(|lasted| STORM as f64 / lasted.as_secs_f64());
        print_row(&[
            name.to_owned(),
            format!("{:.0}", median(took.iter().copied())),
            format!("{p99:.0}"),
            format!("{:.2}", p99 / calm_p99),
            rate.map_or_else(String::new, |rate| format!("{rate:.0}")),
        ]);
    };
    row("calm", calm, None);
    let storms: [Storm; 2] = [("full", full_storm), ("hellos", storm_of_hellos)];
    for (name, blow) in storms {
        let over = Arc::new(AtomicBool::new(false));
        let (address, ends, begun) = (server.address, over.clone(), Instant::now());
        let stormer = thread::spawn(move || {
            rustix::process::setpriority_process(None, 19).expect("anyone may be nicer");
            blow(address);
            ends.store(true, Ordering::Relaxed);
        });
        let stormy = talk(&|_| over.load(Ordering::Relaxed));
        stormer.join().expect("the storm ends");
        row(name, stormy, Some(begun.elapsed()));
    }
    server.stop();
}

const STORM: usize = 2_000;

/// The name of a storm, and its function.
type Storm = (&'static str, fn(SocketAddr));

fn full_storm(address: SocketAddr) {
    let threads = (0..4).map(|_| {
        thread::spawn(move || {
            let config = newcomer();
            (0..STORM / 4).for_each(|_| drop(connect(address, &config)));
        })
    });
    let threads: Vec<_> = threads.collect();
    threads.into_iter().for_each(|thread| thread.join().expect("the storm ends"));
}

/// Sends hellos, each of which is answered with a whole flight, and drops the connections.
fn storm_of_hellos(address: SocketAddr) {
    let name = ServerName::try_from("srv").expect("a name");
    let mut client = ClientConnection::new(newcomer(), name).expect("a client");
    let mut hello = Vec::new();
    client.write_tls(&mut hello).expect("memory");
    let come = |_| {
        let mut stream = TcpStream::connect(address).expect("there is room");
        stream.write_all(&hello).expect("a hello is said");
        stream
    };
    for mut stream in (0..STORM).map(come).collect::<Vec<TcpStream>>() {
        stream.read_exact(&mut [0; 200]).expect("it is answered");
    }
}
