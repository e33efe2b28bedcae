//! The cost of the flood bucket for a client that does not flood: CPU time for a line with and
//! without it. `cargo bench --bench sockets -- flood`

use crate::chat::hear_until;
use crate::measure::{Pairs, print_head, print_row};
use crate::server::Server;
use std::io::{BufReader, Write};
use std::net::TcpStream;
use stonechat::app::{App, Protocol};
use stonechat::chat::Settings;
use stonechat::net::Networks;

const LINES: usize = 2_000;
const PAIRS: usize = 41;

pub fn run() {
    print_head(
        &format!("{LINES} messages of one user to another, medians of {PAIRS} pairs"),
        &["CPU µs per line without a bucket", "with", "ratio"],
    );
    let mut exempt = Talk::begin(true);
    let mut held = Talk::begin(false);
    for _ in 0..5 {
        exempt.block(); // warms up all buffers
        held.block();
    }
    let mut pairs = Pairs::default();
    (0..PAIRS).for_each(|_| pairs.add(held.block(), exempt.block()));
    print_row(&[
        format!("{:.2}", pairs.bare()),
        format!("{:.2}", pairs.ours()),
        format!("{:.3}", pairs.ratio()),
    ]);
    exempt.server.stop();
    held.server.stop();
}

/// A conversation of ann and bob.
struct Talk {
    server: Server,
    ann: BufReader<TcpStream>,
    bob: BufReader<TcpStream>,
}

impl Talk {
    fn begin(exempt: bool) -> Talk {
        let mut settings = Settings::default();
        settings.history.enabled = false;
        if !exempt {
            settings.abuse.exempt = Networks::default();
            settings.abuse.flood_burst = u32::MAX;
            settings.abuse.flood_per_second = 100;
        }
        let mut app = App::new(512, settings);
        app.add_endpoint(Protocol::Irc).expect("the first");
        let server = Server::of(app);
        let [ann, bob] = ["ann", "bob"].map(|nick| {
            let mut stream = TcpStream::connect(server.address).expect("a connection");
            let hello = format!("NICK {nick}\r\nUSER {nick} 0 * :x\r\nPING here\r\n");
            stream.write_all(hello.as_bytes()).expect("it is said");
            let mut client = BufReader::new(stream);
            hear_until(&mut client, "PONG");
            client
        });
        Talk { server, ann, bob }
    }

    /// Runs a block. Returns CPU µs for a line.
    fn block(&mut self) -> f64 {
        let before = self.server.cpu_time();
        let lines = "PRIVMSG bob :some words as people say them to each other\r\n".repeat(LINES);
        self.ann.get_mut().write_all(lines.as_bytes()).expect("it is said");
        self.ann.get_mut().write_all(b"PRIVMSG bob :the end\r\n").expect("it is said");
        hear_until(&mut self.bob, "the end");
        (self.server.cpu_time() - before).as_secs_f64() * 1e6 / LINES as f64
    }
}
