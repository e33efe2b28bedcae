//! Lines echoed, by the echo service and by a bare loop.
//! `cargo bench --bench sockets -- echo`

use crate::bare;
use crate::measure::{Pairs, print_head, print_row};
use crate::server::Server;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use stonechat::echo::Echo;

/// Clients, and lines that each has in flight. With one line in all, every line costs a turn.
const LOADS: [(usize, usize); 3] = [(1, 1), (100, 1), (100, 16)];
const LINE: &[u8; 20] = b"temperature 21.5 ok\n";
const PAIRS: usize = 31;

/// Lines measured at once, at least.
const BLOCK_LINES: usize = 10_000;

pub fn run() {
    print_head(
        &format!("echo, lines of {} B, per CPU-second", LINE.len()),
        &["clients", "in flight, each", "bare mio", "stonechat", "ratio of costs"],
    );
    for (clients, pipeline) in LOADS {
        compare(clients, pipeline);
    }
}

fn compare(clients: usize, pipeline: usize) {
    let mut ours = Load::on(Server::of(Echo::new(512)), clients, pipeline);
    let mut bare = Load::on(Server::spawn(bare::serve), clients, pipeline);
    ours.seconds_per_line();
    bare.seconds_per_line();
    let mut pairs = Pairs::default();
    for _ in 0..PAIRS {
        pairs.add(ours.seconds_per_line(), bare.seconds_per_line());
    }
    print_row(&[
        clients.to_string(),
        pipeline.to_string(),
        format!("{:.0}", 1.0 / pairs.bare()),
        format!("{:.0}", 1.0 / pairs.ours()),
        format!("{:.2}", pairs.ratio()),
    ]);
    ours.clients.clear();
    ours.server.stop();
    bare.server.stop();
}

struct Load {
    server: Server,
    clients: Vec<TcpStream>,
    pipeline: usize,
}

impl Load {
    fn on(server: Server, clients: usize, pipeline: usize) -> Load {
        let clients = connect(server.address, clients);
        Load { server, clients, pipeline }
    }

    fn seconds_per_line(&mut self) -> f64 {
        let round_lines = self.clients.len() * self.pipeline;
        let rounds = BLOCK_LINES.div_ceil(round_lines);
        let before = self.server.cpu_time();
        for _ in 0..rounds {
            self.round();
        }
        let spent = self.server.cpu_time() - before;
        spent.as_secs_f64() / (rounds * round_lines) as f64
    }

    fn round(&mut self) {
        let lines = LINE.repeat(self.pipeline);
        let mut heard = vec![0; lines.len()];
        for client in &mut self.clients {
            client.write_all(&lines).expect("lines are said");
        }
        for client in &mut self.clients {
            client.read_exact(&mut heard).expect("their echo is heard");
            assert_eq!(heard, lines.to_ascii_uppercase());
        }
    }
}

pub fn connect(address: SocketAddr, count: usize) -> Vec<TcpStream> {
    let connect = || -> std::io::Result<TcpStream> {
        let client = TcpStream::connect(address)?;
        client.set_nodelay(true)?;
        Ok(client)
    };
    (0..count).map(|_| connect().expect("a connection")).collect()
}
