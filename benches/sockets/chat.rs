//! Chat over real sockets: messages in a channel, over the whole path from parsing to `write()`,
//! beside a bare `write()` of the same bytes to each of the same sockets. `cargo bench --bench
//! sockets -- chat`

use crate::has_room_for;
use crate::measure::{Pairs, print_head, print_row, quantile, thread_cpu_time};
use crate::server::{Keeper, Loop, Server, limits, listen};
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Instant;
use stonechat::app::{App, Protocol};
use stonechat::chat::Settings;
use stonechat::net::EventLoop;
use stonechat::net::reactor::Reactor;

/// The usual capabilities of clients: each line has its time and id.
const CAPS: &str = "CAP REQ :message-tags server-time draft/no-implicit-names\r\n";

/// The length of a message in bytes.
pub const TEXT_BYTES: usize = 60;

/// Deliveries measured at once, at least; some 4 ms.
pub const BLOCK_DELIVERIES: usize = 2_000;
const DELIVERIES: usize = 500_000;
const PAIRS: std::ops::RangeInclusive<usize> = 5..=41;

pub fn run() {
    channels();
    many_channels();
    private();
}

fn channels() {
    print_head(
        "one channel: CPU-seconds per million deliveries",
        &["members", "speakers", "`write()` alone", "stonechat", "ratio"],
    );
    for speakers in [1, 50] {
        for members in [10, 100, 1_000, 5_000] {
            if has_room_for(2 * members) && speakers < members {
                compare(members, speakers, 1);
            }
        }
    }
}

fn many_channels() {
    print_head(
        "500 channels of 10 members: CPU-seconds per million deliveries",
        &["members", "speakers", "`write()` alone", "stonechat", "ratio"],
    );
    if has_room_for(2 * 5_000) {
        compare(5_000, 500, 500);
    }
}

/// Measures one turn in which `speakers` of `members` send a line each, in `channels` channels.
fn compare(members: usize, speakers: usize, channels: usize) {
    let echo = false;
    let mut crowd = Crowd::gather(Gathering { members, speakers, channels, echo, store: None });
    let deliveries = speakers * (members / channels - 1);
    let rounds = BLOCK_DELIVERIES.div_ceil(deliveries);
    let mut block = |how| {
        (0..rounds).map(|_| crowd.round(how)).sum::<f64>() * 1e6 / (rounds * deliveries) as f64
    };
    for how in [How::Chat, How::Bare, How::Chat] {
        block(how); // warms up all buffers
    }
    let mut pairs = Pairs::default();
    for _ in 0..(DELIVERIES / (rounds * deliveries)).clamp(*PAIRS.start(), *PAIRS.end()) {
        pairs.add(block(How::Chat), block(How::Bare));
    }
    crowd.disperse();
    print_row(&[
        members.to_string(),
        speakers.to_string(),
        format!("{:.2}", pairs.bare()),
        format!("{:.2}", pairs.ours()),
        format!("{:.2}", pairs.ratio()),
    ]);
}

#[derive(Clone, Copy)]
pub enum How {
    Chat,
    Bare,
}

/// The clients and channels of a measurement.
#[derive(Clone, Copy)]
pub struct Gathering {
    pub members: usize,
    /// The number of senders: the first members.
    pub speakers: usize,
    pub channels: usize,
    /// Everyone has asked for `echo-message`.
    pub echo: bool,
    /// `None`: without a store; otherwise whether messages are stored.
    pub store: Option<bool>,
}

/// The clients' ends, and the thread where the server runs, one round at a time.
pub struct Crowd {
    clients: Vec<BufReader<TcpStream>>,
    gathering: Gathering,
    rounds: Sender<(How, Vec<u8>)>,
    spent: Receiver<f64>,
    server: JoinHandle<()>,
    /// One line as a member receives it.
    line: Vec<u8>,
}

impl Crowd {
    pub fn gather(gathering: Gathering) -> Crowd {
        let Gathering { members, channels, echo, .. } = gathering;
        let (rounds, told) = channel::<(How, Vec<u8>)>();
        let (spend, spent) = channel();
        let (ready, is_ready) = channel();
        let (here, is_here) = channel::<()>();
        let server = std::thread::spawn(move || {
            let mut server = ChatServer::start(&ready, gathering);
            while is_here.try_recv().is_err() {
                server.turn(Some(std::time::Duration::from_millis(1)));
            }
            spend.send(0.0).expect("the load waits for it");
            for (how, line) in told {
                spend.send(server.round(how, &line)).expect("the load waits for the round");
            }
            server.end();
        });
        let address = is_ready.recv().expect("the server starts");
        let mut clients = Vec::new();
        while clients.len() < members {
            let end = members.min(clients.len() + JOINED_AT_ONCE);
            clients.extend((clients.len()..end).map(|n| member(address, n, n % channels, echo)));
            // Reads the JOINs of the others before more come: once all have joined, and all JOINs
            // are sent.
            for _ in 0..2 {
                for client in &mut clients {
                    client.get_mut().write_all(b"PING here\r\n").expect("a ping is said");
                    hear_until(client, "PONG");
                }
            }
        }
        here.send(()).expect("the server waits for it");
        // From here on the server runs turns only on request.
        spent.recv().expect("the server stands still");
        Crowd { clients, gathering, rounds, spent, server, line: Vec::new() }
    }

    /// Every sender sends a line, the server runs, and every member reads all lines.
    pub fn round(&mut self, how: How) -> f64 {
        let Gathering { speakers, channels, echo, .. } = self.gathering;
        let text = "x".repeat(TEXT_BYTES);
        for n in 0..speakers {
            let line = format!("PRIVMSG #c{:03} :{text}\r\n", n % channels);
            self.clients[n].get_mut().write_all(line.as_bytes()).expect("a line is said");
        }
        self.rounds.send((how, self.line.clone())).expect("the server runs");
        let spent = self.spent.recv().expect("the server has gone its round");
        let each = speakers / channels;
        for (n, client) in self.clients.iter_mut().enumerate() {
            for _ in 0..each - usize::from(n < speakers && !echo) {
                self.line.clear();
                client.read_until(b'\n', &mut self.line).expect("all of it is heard");
                assert!(self.line.ends_with(b"x\r\n"));
            }
        }
        spent
    }

    pub fn disperse(self) {
        drop(self.rounds);
        self.server.join().expect("the server ends in peace");
    }
}

/// Clients that join together, so that one turn of the server sends many JOINs at once.
const JOINED_AT_ONCE: usize = 500;

/// Connects a client that registers and joins.
pub fn member(
    address: SocketAddr,
    number: usize,
    channel: usize,
    echo: bool,
) -> BufReader<TcpStream> {
    let mut stream = TcpStream::connect(address).expect("a connection");
    let nick = format!("n{number:05}");
    let echo = if echo { "CAP REQ echo-message\r\n" } else { "" };
    let lines = format!(
        "{CAPS}{echo}NICK {nick}\r\nUSER user 0 * :A name\r\nCAP END\r\nJOIN #c{channel:03}\r\n"
    );
    stream.write_all(lines.as_bytes()).expect("it is heard");
    BufReader::new(stream)
}

pub fn hear_until(client: &mut BufReader<TcpStream>, words: &str) {
    let mut line = String::new();
    while !line.contains(words) {
        line.clear();
        assert_ne!(client.read_line(&mut line).expect("more is said"), 0, "the end before {words}");
    }
}

struct ChatServer {
    reactor: Reactor,
    server: Loop<App>,
    gathering: Gathering,
    keeper: Option<Keeper>,
}

impl ChatServer {
    fn start(ready: &Sender<SocketAddr>, gathering: Gathering) -> ChatServer {
        let mut settings = Settings::default();
        settings.history.enabled = gathering.store == Some(true);
        let mut app = App::new(512, settings);
        let endpoint = app.add_endpoint(Protocol::Irc).expect("the first");
        let mut reactor = Reactor::new().expect("a reactor");
        let keeper = gathering.store.map(|_| Keeper::begin(&mut app, reactor.waker()));
        let address = listen(&mut reactor, endpoint);
        ready.send(address).expect("the load waits for it");
        ChatServer { reactor, server: EventLoop::new(app, limits()), gathering, keeper }
    }

    fn end(self) {
        drop(self.server);
        self.keeper.into_iter().for_each(Keeper::end);
    }

    fn turn(&mut self, at_most: Option<std::time::Duration>) {
        self.reactor.turn(&mut self.server, at_most).expect("the poll works");
    }

    fn heard(&mut self) -> u64 {
        self.server.counters().endpoints.first().map_or(0, |endpoint| endpoint.received_lines)
    }

    /// Whether all messages are stored, and that was reported.
    fn has_kept(&self) -> bool {
        self.server.service.chat.store().is_none_or(|store| store.open() == 0)
    }

    /// Runs a round. Returns its CPU time in seconds.
    fn round(&mut self, how: How, line: &[u8]) -> f64 {
        let before = thread_cpu_time();
        match how {
            How::Chat => {
                let enough = self.heard() + self.gathering.speakers as u64;
                while self.heard() < enough || !self.has_kept() {
                    self.turn(None);
                }
            }
            How::Bare => self.bare_round(line),
        }
        (thread_cpu_time() - before).as_secs_f64()
    }

    /// Writes the line with bare `write()` calls. Members have slots in the order of their
    /// connects.
    fn bare_round(&mut self, line: &[u8]) {
        let Gathering { speakers, channels, .. } = self.gathering;
        let slots: Vec<usize> = self.server.live().map(|id| id.slot()).collect();
        let mut said = vec![0; "PRIVMSG #c000 :\r\n".len() + TEXT_BYTES];
        for speaker in 0..speakers {
            let stream = self.server.stream(slots[speaker]);
            while let Err(e) = stream.read_exact(&mut said) {
                assert_eq!(e.kind(), ErrorKind::WouldBlock);
            }
            let hearers = (speaker % channels..slots.len()).step_by(channels);
            for hearer in hearers.filter(|hearer| *hearer != speaker) {
                let written = self.server.stream(slots[hearer]).write(line);
                assert_eq!(written.expect("there is room for a few lines"), line.len());
            }
        }
    }
}

/// A private conversation of two, beside a thousand silent members.
fn private() {
    const ROUNDS: usize = 20_000;
    print_head(
        "private messages, there and back, µs of wall time",
        &["silent members", "p50", "p99", "p99.9"],
    );
    let mut app = App::new(512, Settings::default());
    app.add_endpoint(Protocol::Irc).expect("the first");
    let server = Server::of(app);
    let crowd: Vec<_> = (2..1_002).map(|n| member(server.address, n, n % 100, false)).collect();
    let mut ann = member(server.address, 0, 0, false);
    let mut bob = member(server.address, 1, 1, false);
    for client in [&mut ann, &mut bob] {
        client.get_mut().write_all(b"PING here\r\n").expect("a ping is said");
        hear_until(client, "PONG");
    }
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        ann.get_mut().write_all(b"PRIVMSG n00001 :ping\r\n").expect("it is said");
        hear_until(&mut bob, "PRIVMSG n00001 :ping");
        bob.get_mut().write_all(b"PRIVMSG n00000 :pong\r\n").expect("it is said");
        hear_until(&mut ann, "PRIVMSG n00000 :pong");
        times.push(begun.elapsed().as_secs_f64() * 1e6);
    }
    let mut row = vec![crowd.len().to_string()];
    row.extend([0.5, 0.99, 0.999].map(|q| format!("{:.0}", quantile(&mut times, q))));
    print_row(&row);
    server.stop();
}
