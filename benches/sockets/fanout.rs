//! One line to many, by the loop and by a bare `write()` of each line to each of the same sockets.
//! `cargo bench --bench sockets -- fanout`

use crate::has_room_for;
use crate::measure::{Pairs, print_head, print_row, thread_cpu_time};
use crate::server::{Loop, limits, listen};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use stonechat::net::reactor::Reactor;
use stonechat::net::{ConnId, EndpointId, EventLoop, Outbox, Peer, Service};
use stonechat::wire::line::LineParser;

const LINE_BYTES: usize = 100;
const LISTENERS: EndpointId = EndpointId(0);
const SPEAKERS: EndpointId = EndpointId(1);

/// Deliveries measured at once, at least; some 4 ms.
const BLOCK_DELIVERIES: usize = 2_000;

/// Deliveries in all measurements of one row of the table.
const DELIVERIES: usize = 1_000_000;
const PAIRS: std::ops::RangeInclusive<usize> = 5..=41;

pub fn run() {
    print_head(
        &format!("fan-out, lines of {LINE_BYTES} B, CPU-seconds per million deliveries"),
        &[
            "recipients",
            "lines a turn",
            "`write()` alone",
            "stonechat",
            "ratio",
            "allocations in all",
        ],
    );
    for lines in [1, 50] {
        for recipients in [10, 100, 1_000, 5_000] {
            if has_room_for(2 * (recipients + lines)) {
                compare(recipients, lines);
            }
        }
    }
}

fn compare(recipients: usize, lines: usize) {
    let mut crowd = Crowd::gather(recipients, lines);
    let deliveries = recipients * lines;
    let rounds = BLOCK_DELIVERIES.div_ceil(deliveries);
    let mut block = |how| {
        let mut sum = Spent::default();
        for _ in 0..rounds {
            sum.add(&crowd.round(how));
        }
        sum
    };
    // Twice, as lists that are swapped each turn grow in the first two turns.
    for how in [How::Loop, How::Bare, How::Loop] {
        block(how);
    }
    let mut pairs = Pairs::default();
    let mut allocations = 0;
    for _ in 0..(DELIVERIES / (rounds * deliveries)).clamp(*PAIRS.start(), *PAIRS.end()) {
        let (ours, bare) = (block(How::Loop), block(How::Bare));
        let per_million = 1e6 / (rounds * deliveries) as f64;
        pairs.add(ours.seconds * per_million, bare.seconds * per_million);
        allocations += ours.allocations;
    }
    crowd.disperse();
    print_row(&[
        recipients.to_string(),
        lines.to_string(),
        format!("{:.2}", pairs.bare()),
        format!("{:.2}", pairs.ours()),
        format!("{:.2}", pairs.ratio()),
        allocations.to_string(),
    ]);
}

#[derive(Clone, Copy)]
enum How {
    Loop,
    Bare,
}

/// The CPU time of the server's thread.
#[derive(Default)]
struct Spent {
    seconds: f64,
    allocations: u64,
}

impl Spent {
    fn on(act: impl FnOnce()) -> Spent {
        let before = thread_cpu_time();
        let allocated = allocation_counter::measure(act);
        let seconds = (thread_cpu_time() - before).as_secs_f64();
        Spent { seconds, allocations: allocated.count_total }
    }

    fn add(&mut self, more: &Spent) {
        self.seconds += more.seconds;
        self.allocations += more.allocations;
    }
}

/// The clients' ends, and the thread where the server runs, one round at a time.
struct Crowd {
    listeners: Vec<TcpStream>,
    speakers: Vec<TcpStream>,
    rounds: Sender<How>,
    spent: Receiver<Spent>,
    server: JoinHandle<()>,
}

impl Crowd {
    fn gather(listeners: usize, speakers: usize) -> Crowd {
        let (rounds, told) = channel();
        let (spend, spent) = channel();
        let (ready, is_ready) = channel();
        let (here, are_here) = channel();
        let server = std::thread::spawn(move || {
            let mut server = RoomServer::start(&ready);
            while server.room().members() < listeners + speakers {
                server.turn();
            }
            here.send(()).expect("the load waits for everyone to be here");
            for how in told {
                spend.send(server.round(how)).expect("the load waits for the round");
            }
        });
        let addresses = is_ready.recv().expect("the server starts");
        let connect = |count, address| -> Vec<TcpStream> {
            (0..count).map(|_| TcpStream::connect(address).expect("a connection")).collect()
        };
        let listeners = connect(listeners, addresses[0]);
        let speakers = connect(speakers, addresses[1]);
        are_here.recv().expect("everyone is here");
        Crowd { listeners, speakers, rounds, spent, server }
    }

    /// Every sender sends a line, the server runs, and every client reads all lines. One step after
    /// the other, so that all lines come in one turn, and no wake-up is in the figures.
    fn round(&mut self, how: How) -> Spent {
        let mut line = [b'a'; LINE_BYTES];
        line[LINE_BYTES - 1] = b'\n';
        for speaker in &mut self.speakers {
            speaker.write_all(&line).expect("a line is said");
        }
        self.rounds.send(how).expect("the server runs");
        let spent = self.spent.recv().expect("the server has gone its round");
        let mut heard = vec![0; self.speakers.len() * LINE_BYTES];
        for listener in &mut self.listeners {
            listener.read_exact(&mut heard).expect("all of it is heard");
        }
        spent
    }

    fn disperse(self) {
        drop(self.rounds);
        self.server.join().expect("the server ends in peace");
    }
}

struct RoomServer {
    reactor: Reactor,
    server: Loop<Room>,
}

impl RoomServer {
    fn start(ready: &Sender<[SocketAddr; 2]>) -> RoomServer {
        let mut reactor = Reactor::new().expect("a reactor");
        let addresses = [listen(&mut reactor, LISTENERS), listen(&mut reactor, SPEAKERS)];
        ready.send(addresses).expect("the load waits for it");
        RoomServer { reactor, server: EventLoop::new(Room::default(), limits()) }
    }

    fn room(&self) -> &Room {
        &self.server.service
    }

    fn turn(&mut self) {
        self.reactor.turn(&mut self.server, None).expect("the poll works");
    }

    fn round(&mut self, how: How) -> Spent {
        match how {
            How::Loop => {
                let enough = self.room().heard + self.room().speakers.len();
                Spent::on(|| {
                    while self.room().heard < enough {
                        self.turn();
                    }
                })
            }
            How::Bare => Spent::on(|| self.bare_round()),
        }
    }

    fn bare_round(&mut self) {
        let mut line = [0; LINE_BYTES];
        for place in 0..self.room().speakers.len() {
            let speaker = self.room().speakers[place];
            read_line(self.server.stream(speaker.slot()), &mut line);
            for place in 0..self.room().listeners.len() {
                let listener = self.room().listeners[place];
                let written = self.server.stream(listener.slot()).write(&line);
                assert_eq!(written.expect("there is room for a few lines"), LINE_BYTES);
            }
        }
    }
}

/// Reads a line that is there already, or will be in a moment.
fn read_line(stream: &mut impl Read, line: &mut [u8]) {
    while let Err(e) = stream.read_exact(line) {
        assert_eq!(e.kind(), ErrorKind::WouldBlock);
    }
}

/// Sends the lines of senders to all listeners.
#[derive(Default)]
struct Room {
    listeners: Vec<ConnId>,
    speakers: Vec<ConnId>,
    parsers: Vec<LineParser>, // by slot
    /// Lines received.
    heard: usize,
}

impl Room {
    fn members(&self) -> usize {
        self.listeners.len() + self.speakers.len()
    }
}

impl Service for Room {
    fn opened(&mut self, _out: &mut Outbox, id: ConnId, peer: Peer) {
        self.parsers.resize(self.parsers.len().max(id.slot() + 1), LineParser::default());
        match peer.endpoint {
            LISTENERS => self.listeners.push(id),
            _ => self.speakers.push(id),
        }
    }

    fn received(&mut self, out: &mut Outbox, id: ConnId, bytes: &[u8]) -> usize {
        let mut lines = self.parsers[id.slot()].lines(bytes, LINE_BYTES);
        for line in (&mut lines).flatten() {
            self.heard += 1;
            let said = out.compose(|arena| {
                arena.extend_from_slice(line.text);
                arena.extend_from_slice(line.ending.bytes());
            });
            for &listener in &self.listeners {
                out.send(listener, said);
            }
        }
        lines.used()
    }
}
