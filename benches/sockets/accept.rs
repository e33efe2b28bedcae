//! Latency of the echo while thousands connect, and in calm. `cargo bench --bench sockets --
//! accept`

use crate::echo::connect;
use crate::measure::{median, print_head, print_row, quantile};
use crate::server::Server;
use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use stonechat::echo::Echo;

const CLIENTS: usize = 100;
const CONNECTS: usize = 10_000;
const STORMS: usize = 9;
const QUANTILES: [f64; 3] = [0.5, 0.99, 0.999];

/// The most connections of a storm that are open at once. Excess ones are closed one by one:
/// hundreds at once overrun the queue of loopback (`net.core.netdev_max_backlog`), and packets get
/// lost.
const OPEN_MAX: usize = 500;

/// The interval between the pings of all clients.
const PING_INTERVAL: Duration = Duration::from_micros(250);

/// The interval between the connects of a storm.
const CONNECT_INTERVAL: Duration = Duration::from_micros(100);

pub fn run() {
    print_head(
        &format!(
            "echo to {CLIENTS} clients while {CONNECTS} connect, medians of {STORMS} such storms"
        ),
        &["", "p50 µs", "p99 µs", "p99.9 µs", "connects/s", "CPU µs per connect"],
    );
    let server = Server::of(Echo::new(512));
    let mut clients = connect(server.address, CLIENTS);
    let (mut calm, mut stormy) = (Measured::default(), Measured::default());
    for _ in 0..STORMS {
        // Long enough, too, for the ports of the last storm to be used again (tcp_tw_reuse).
        calm.add(&server, &mut clients, || std::thread::sleep(Duration::from_millis(1_500)));
        stormy.add(&server, &mut clients, || storm(server.address));
    }
    // The pings during a storm cost as much as those in the calm.
    let ping = calm.cpu.as_secs_f64() / calm.pings as f64;
    let connects = (CONNECTS * STORMS) as f64;
    let cpu_us = (stormy.cpu.as_secs_f64() - ping * stormy.pings as f64) * 1e6 / connects;
    let rate = connects / stormy.took.as_secs_f64();
    row("calm", calm, ["".into(), "".into()]);
    row("storm", stormy, [format!("{rate:.0}"), format!("{cpu_us:.1}")]);
    drop(clients);
    server.stop();
}

#[derive(Default)]
struct Measured {
    pings: usize,
    /// The quantiles of each storm. Their median leaves out storms that other load on the machine
    /// disturbed.
    quantiles_us: Vec<[f64; QUANTILES.len()]>,
    took: Duration,
    cpu: Duration,
}

impl Measured {
    /// Pings while `meanwhile` runs on another thread.
    fn add(&mut self, server: &Server, clients: &mut [TcpStream], meanwhile: impl FnOnce() + Send) {
        let over = AtomicBool::new(false);
        let before = server.cpu_time();
        let started = Instant::now();
        std::thread::scope(|scope| {
            let others = scope.spawn(|| {
                meanwhile();
                over.store(true, Ordering::Relaxed);
            });
            let mut took_us = ping(clients, &over);
            self.pings += took_us.len();
            self.quantiles_us.push(QUANTILES.map(|q| quantile(&mut took_us, q)));
            others.join().expect("all could connect");
        });
        self.took += started.elapsed();
        self.cpu += server.cpu_time() - before;
    }
}

fn ping(clients: &mut [TcpStream], over: &AtomicBool) -> Vec<f64> {
    let mut took_us = Vec::new();
    let mut due = Instant::now();
    while !over.load(Ordering::Relaxed) {
        let ahead = due.saturating_duration_since(Instant::now());
        std::thread::sleep(ahead);
        // A ping that waited for the answer to the one before counts from when it was due.
        let sent = if ahead.is_zero() { due } else { Instant::now() };
        let place = took_us.len() % clients.len();
        let client = &mut clients[place];
        client.write_all(b"ping\n").expect("a ping is said");
        client.read_exact(&mut [0; 5]).expect("a ping is answered");
        took_us.push(sent.elapsed().as_secs_f64() * 1e6);
        due += PING_INTERVAL;
    }
    took_us
}

/// Connects once per `CONNECT_INTERVAL`. Without pauses this would measure the scheduler, if there
/// are fewer cores than running threads.
fn storm(to: SocketAddr) {
    let mut open = VecDeque::with_capacity(OPEN_MAX);
    let mut due = Instant::now();
    for _ in 0..CONNECTS {
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        due += CONNECT_INTERVAL;
        if open.len() == OPEN_MAX {
            open.pop_front();
        }
        open.push_back(TcpStream::connect(to).expect("a connection"));
    }
}

fn row(name: &str, measured: Measured, more: [String; 2]) {
    let storms = &measured.quantiles_us;
    let at = |n: usize| format!("{:.0}", median(storms.iter().map(|quantiles| quantiles[n])));
    print_row(&[&[name.to_owned(), at(0), at(1), at(2)], &more[..]].concat());
}
