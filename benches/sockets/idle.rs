//! What a connection costs that says nothing: memory, and CPU time, which must be none.
//! `cargo bench --bench sockets -- idle`

use crate::has_room_for;
use crate::measure::{print_head, print_row};
use crate::server::{limits, listen};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use stonechat::echo::Echo;
use stonechat::net::reactor::Reactor;
use stonechat::net::{EndpointId, EventLoop};

/// The argument that makes this program the server: its memory is measured apart from the load's.
pub const SERVER: &str = "idle-server";

const CONNECTIONS: [usize; 3] = [1_000, 5_000, 15_000];
const WATCHED_SECONDS: u64 = 3;

pub fn serve() {
    let mut reactor = Reactor::new().expect("a reactor");
    println!("{}", listen(&mut reactor, EndpointId(0)));
    let mut server = EventLoop::new(Echo::new(512), limits());
    while reactor.turn(&mut server, None).expect("the poll works").signals.is_empty() {}
}

pub fn run() {
    print_head(
        "idle connections to the echo service: user-space memory (RssAnon), CPU time",
        &[
            "connections",
            "B each",
            "B each, above the row before",
            &format!("CPU time in {WATCHED_SECONDS} s"),
            "wake-ups",
        ],
    );
    idle("silent", |_| {});
    idle("echoed a line", |client| {
        client.write_all(b"ping\n").expect("a ping is said");
        client.read_exact(&mut [0; 5]).expect("a ping is answered");
    });
}

/// More and more connect, each says what it has to, and all are left alone.
fn idle(name: &str, speak: impl Fn(&mut TcpStream)) {
    let server = Server::start();
    let empty = server.anonymous_bytes();
    let mut clients = Vec::new();
    let mut before = (0, empty);
    for connections in CONNECTIONS.into_iter().filter(|ends| has_room_for(*ends)) {
        while clients.len() < connections {
            let mut client = TcpStream::connect(server.address).expect("there is room");
            speak(&mut client);
            clients.push(client);
        }
        server.rest();
        let now = (connections, server.anonymous_bytes());
        let (cpu, wakeups) = (server.cpu_ns(), server.wakeups());
        std::thread::sleep(Duration::from_secs(WATCHED_SECONDS));
        print_row(&[
            format!("{connections} {name}"),
            format!("{:.0}", slope((0, empty), now)),
            format!("{:.0}", slope(before, now)),
            format!("{} ns", server.cpu_ns() - cpu),
            (server.wakeups() - wakeups).to_string(),
        ]);
        before = now;
    }
    // The server first: who closes first keeps the port for a minute, and those of the clients are
    // the ones that would run out.
    drop(server);
}

/// Bytes for each connection more.
fn slope(from: (usize, u64), to: (usize, u64)) -> f64 {
    (to.1 as f64 - from.1 as f64) / (to.0 - from.0) as f64
}

struct Server {
    process: Child,
    address: SocketAddr,
}

impl Server {
    fn start() -> Server {
        let mut process = Command::new(std::env::current_exe().expect("we run from a file"))
            .arg(SERVER)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut said = String::new();
        let stdout = process.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut said).expect("the server says its address");
        let server = Server { process, address: said.trim().parse().expect("an address") };
        server.rest();
        server
    }

    /// Waits until the server has nothing left to do.
    fn rest(&self) {
        loop {
            let before = self.wakeups();
            std::thread::sleep(Duration::from_millis(200));
            if self.wakeups() == before {
                return;
            }
        }
    }

    /// Memory that is nobody else's and no file's.
    fn anonymous_bytes(&self) -> u64 {
        self.status("RssAnon:") * 1024
    }

    /// Times that it has gone to sleep. The server is one thread.
    fn wakeups(&self) -> u64 {
        self.status("voluntary_ctxt_switches:")
    }

    fn cpu_ns(&self) -> u64 {
        let schedstat = format!("/proc/{}/schedstat", self.process.id());
        let text = fs::read_to_string(schedstat).expect("the kernel keeps schedstat");
        text.split(' ').next().and_then(|ns| ns.parse().ok()).expect("nanoseconds")
    }

    fn status(&self, field: &str) -> u64 {
        let text = fs::read_to_string(format!("/proc/{}/status", self.process.id()));
        let text = text.expect("the server runs");
        let line = text.lines().find_map(|line| line.strip_prefix(field)).expect("it is kept");
        line.split_whitespace().next().and_then(|n| n.parse().ok()).expect("a number")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
