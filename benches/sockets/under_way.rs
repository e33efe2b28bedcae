//! A channel in which some messages are always under way: as soon as all members have received one,
//! another member sends the next. Measures the server's cost of a delivery, with and without
//! polling again before it writes. `cargo bench --bench sockets -- under_way`

use crate::chat::{TEXT_BYTES, hear_until, member};
use crate::has_room_for;
use crate::measure::{Pairs, median, print_head, print_row, quantile};
use crate::server::{Asked, Loop, Ready, Server, limits, listen};
use mio::{Events, Interest, Poll, Token};
use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::time::Instant;
use stonechat::app::{App, Protocol};
use stonechat::chat::Settings;
use stonechat::net::EventLoop;
use stonechat::net::reactor::Reactor;

const DELIVERIES: usize = 200_000;
const PAIRS: usize = 5;
const LOOKS: usize = 4;

pub fn run() {
    print_head(
        "messages always under way in one channel: CPU-seconds per million deliveries, and p50 in ms",
        &["members", "under way", "no second look", "with", "ratio", "p50 without", "with"],
    );
    for (members, under_way) in [(100, 1), (100, 8), (1_000, 1), (1_000, 8)] {
        if has_room_for(2 * members) {
            compare(members, under_way);
        }
    }
}

fn compare(members: usize, under_way: usize) {
    let looks = Arc::new(AtomicUsize::new(0));
    let asked_looks = looks.clone();
    let server = Server::spawn(move |ready, asked| serve(&ready, &asked, &asked_looks));
    let mut crowd = Crowd::gather(&server, members);
    let mut round = |looks_max: usize| {
        looks.store(looks_max, Ordering::Relaxed);
        crowd.talk(under_way, DELIVERIES / 10); // the server has applied it
        let before = server.cpu_time();
        let (deliveries, p50) = crowd.talk(under_way, DELIVERIES);
        let spent = server.cpu_time() - before;
        (spent.as_secs_f64() * 1e6 / deliveries as f64, p50)
    };
    round(LOOKS);
    let mut pairs = Pairs::default();
    let mut medians = [Vec::new(), Vec::new()];
    for _ in 0..PAIRS {
        let (without, with) = (round(0), round(LOOKS));
        pairs.add(with.0, without.0);
        medians[0].push(without.1);
        medians[1].push(with.1);
    }
    drop(crowd);
    server.stop();
    let [without, with] = medians.map(|p50s| median(p50s.into_iter()));
    print_row(&[
        members.to_string(),
        under_way.to_string(),
        format!("{:.2}", pairs.bare()),
        format!("{:.2}", pairs.ours()),
        format!("{:.2}", pairs.ratio()),
        format!("{without:.2}"),
        format!("{with:.2}"),
    ]);
}

fn serve(ready: &Sender<Ready>, asked: &Asked, looks: &AtomicUsize) {
    let mut settings = Settings::default();
    settings.history.enabled = false;
    settings.abuse.flood_burst = 1_000_000;
    settings.abuse.flood_per_second = 1_000_000;
    let mut app = App::new(512, settings);
    let endpoint = app.add_endpoint(Protocol::Irc).expect("the first");
    let mut reactor = Reactor::new().expect("a reactor");
    let address = listen(&mut reactor, endpoint);
    let mut server: Loop<App> = EventLoop::new(app, limits());
    ready.send((address, reactor.waker())).expect("somebody waits for it");
    loop {
        reactor.set_looks_max(looks.load(Ordering::Relaxed));
        let heard = reactor.turn(&mut server, None).expect("the poll works");
        if heard.woken && !asked.answer() {
            return;
        }
    }
}

/// All clients, read by one thread as bytes arrive.
struct Crowd {
    poll: Poll,
    clients: Vec<mio::net::TcpStream>,
    /// Each client's incomplete line.
    halves: Vec<Vec<u8>>,
    next: usize,
}

struct Message {
    missing: usize,
    said: Instant,
}

impl Crowd {
    fn gather(server: &Server, members: usize) -> Crowd {
        let mut readers = Vec::new();
        for number in 0..members {
            readers.push(member(server.address, number, 0, false));
            if number % 200 == 199 || number == members - 1 {
                for reader in &mut readers {
                    reader.get_mut().write_all(b"PING here\r\n").expect("a ping is said");
                    hear_until(reader, "PONG");
                }
            }
        }
        // The JOINs of the others come before the last answer.
        for reader in &mut readers {
            reader.get_mut().write_all(b"PING here\r\n").expect("a ping is said");
            hear_until(reader, "PONG");
        }
        let poll = Poll::new().expect("a poll");
        let mut clients = Vec::new();
        for (number, reader) in readers.into_iter().enumerate() {
            assert!(reader.buffer().is_empty());
            let stream = reader.into_inner();
            stream.set_nonblocking(true).expect("it can be");
            stream.set_nodelay(true).expect("it can be");
            let mut stream = mio::net::TcpStream::from_std(stream);
            poll.registry()
                .register(&mut stream, Token(number), Interest::READABLE)
                .expect("it can be watched");
            clients.push(stream);
        }
        Crowd { poll, halves: vec![Vec::new(); members], clients, next: 0 }
    }

    /// Keeps `under_way` messages going for at least `deliveries`. Returns their number, and the
    /// median time in milliseconds from sending a message until all have received it.
    fn talk(&mut self, under_way: usize, deliveries: usize) -> (usize, f64) {
        let members = self.clients.len();
        let messages = (deliveries / (members - 1)).max(4 * under_way);
        let mut open: HashMap<usize, Message> = HashMap::new();
        let mut times = Vec::with_capacity(messages);
        let first = self.next;
        let last = first + messages;
        for _ in 0..under_way {
            self.say(&mut open);
        }
        let mut events = Events::with_capacity(1024);
        let mut bytes = vec![0; 64 << 10];
        while !open.is_empty() {
            self.poll.poll(&mut events, None).expect("the poll works");
            for event in &events {
                let Token(number) = event.token();
                for id in self.hear(number, &mut bytes) {
                    let message = open.get_mut(&id).expect("a message under way");
                    message.missing -= 1;
                    if message.missing == 0 {
                        times.push(message.said.elapsed().as_secs_f64() * 1e3);
                        open.remove(&id);
                        if self.next < last {
                            self.say(&mut open);
                        }
                    }
                }
            }
        }
        (messages * (members - 1), quantile(&mut times, 0.5))
    }

    fn say(&mut self, open: &mut HashMap<usize, Message>) {
        let (id, members) = (self.next, self.clients.len());
        self.next += 1;
        let text = format!("{id:0width$}", width = TEXT_BYTES);
        let line = format!("PRIVMSG #c000 :{text}\r\n");
        let speaker = &mut self.clients[id.wrapping_mul(7) % members];
        speaker.write_all(line.as_bytes()).expect("a line is said");
        open.insert(id, Message { missing: members - 1, said: Instant::now() });
    }

    /// The numbers of the messages that a client has received.
    fn hear(&mut self, number: usize, bytes: &mut [u8]) -> Vec<usize> {
        let half = &mut self.halves[number];
        loop {
            match self.clients[number].read(bytes) {
                Ok(0) => panic!("the server has closed a connection"),
                Ok(n) => half.extend_from_slice(&bytes[..n]),
                Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                Err(e) => panic!("{e}"),
            }
        }
        let whole = half.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let lines: Vec<u8> = half.drain(..whole).collect();
        let text = String::from_utf8(lines).expect("what was said");
        text.lines()
            .filter(|line| line.contains(" PRIVMSG "))
            .map(|line| line.rsplit(':').next().and_then(|id| id.parse().ok()).expect("a number"))
            .collect()
    }
}
