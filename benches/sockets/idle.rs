//! The cost of idle connections: memory, and CPU time, which must be none. `cargo bench --bench
//! sockets -- idle`

use crate::child::Child;
use crate::has_room_for;
use crate::measure::{print_head, print_row, slope};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

const CONNECTIONS: [usize; 3] = [1_000, 5_000, 15_000];
const WATCHED_SECONDS: u64 = 3;

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

/// More and more clients connect, each sends its first lines, and then all are idle.
fn idle(name: &str, speak: impl Fn(&mut TcpStream)) {
    let server = Child::start("echo");
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
    // Drop the server first: the side that closes first keeps the port for a minute, and the
    // clients' ports would run out.
    drop(server);
}
