//! The cost of storing messages for the loop, relative to storing none; and the number stored in a
//! second. `cargo bench --bench sockets -- history`

use crate::chat::{BLOCK_DELIVERIES, Crowd, Gathering, How, TEXT_BYTES, hear_until, member};
use crate::has_room_for;
use crate::measure::{Pairs, print_head, print_row, quantile, thread_cpu_time};
use crate::server::{Keeper, limits, listen};
use memchr::memchr_iter;
use mio::{Events, Interest, Poll, Token};
use std::io::{BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};
use stonechat::app::{App, Protocol};
use stonechat::chat::Settings;
use stonechat::net::EventLoop;
use stonechat::net::reactor::Reactor;

const PAIRS: usize = 101;

pub fn run() {
    fan_out();
    sustain();
}

fn fan_out() {
    print_head(
        "one channel: CPU-seconds of the loop's thread per million deliveries",
        &["members", "speakers", "they hear echoes", "nothing kept", "all kept", "ratio"],
    );
    for members in [100, 1_000] {
        for speakers in [1, 50] {
            for echo in [false, true] {
                if has_room_for(4 * members) {
                    compare(members, speakers, echo);
                }
            }
        }
    }
}

/// Measures one turn in which `speakers` of `members` send a line each; the store replies in later
/// ones.
fn compare(members: usize, speakers: usize, echo: bool) {
    let gather = |kept| {
        let store = Some(kept);
        Crowd::gather(Gathering { members, speakers, channels: 1, echo, store })
    };
    let (mut off, mut on) = (gather(false), gather(true));
    let deliveries = speakers * (members - usize::from(!echo));
    let rounds = BLOCK_DELIVERIES.div_ceil(deliveries);
    // Alternates, so that both find the caches as the store's thread has left them.
    let mut block = || {
        let mut spent = [0.0; 2];
        for _ in 0..rounds {
            spent[0] += on.round(How::Chat);
            spent[1] += off.round(How::Chat);
        }
        spent.map(|spent| spent * 1e6 / (rounds * deliveries) as f64)
    };
    for _ in 0..3 {
        block(); // warms up all buffers
    }
    let mut pairs = Pairs::default();
    for _ in 0..PAIRS {
        let [on, off] = block();
        pairs.add(on, off);
    }
    [off, on].into_iter().for_each(Crowd::disperse);
    print_row(&[
        members.to_string(),
        speakers.to_string(),
        if echo { "yes" } else { "no" }.to_owned(),
        format!("{:.2}", pairs.bare()),
        format!("{:.2}", pairs.ours()),
        format!("{:.3}", pairs.ratio()),
    ]);
}

const SPEAKERS: usize = 100;
const CHANNELS: usize = 25;

/// In each tick every client sends its due messages, with one write.
const TICK: Duration = Duration::from_millis(10);
const SECONDS: usize = 15;

fn sustain() {
    print_head(
        &format!(
            "{SPEAKERS} speakers in {CHANNELS} channels for {SECONDS} s, durable before it is told"
        ),
        &[
            "said a second",
            "they hear echoes",
            "kept and heard a second",
            "not kept",
            "not told yet, at most",
            "turn p50, ms",
            "p99",
            "longest",
            "CPU of the loop's thread, µs a message",
        ],
    );
    for (rate, echo) in [(50_000, false), (50_000, true), (75_000, true)] {
        sustain_at(rate, echo);
    }
}

/// Sends messages at `rate`.
fn sustain_at(rate: usize, echo: bool) {
    let (ready, is_ready) = channel();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let server = scope.spawn(|| serve(&ready, &stop));
        let address: SocketAddr = is_ready.recv().expect("the server starts");
        let clients = gather(address, echo);
        let hear_each = SPEAKERS / CHANNELS - usize::from(!echo);
        let said = rate * SECONDS;
        let begun = Instant::now();
        speak_and_hear(&clients, rate, said * hear_each);
        let took = begun.elapsed();
        stop.store(true, Relaxed);
        (&clients[0]).write_all(b"PING end\r\n").expect("the server wakes up");
        let mut served = server.join().expect("the server ends in peace");
        let [p50, p99, max] = [0.5, 0.99, 1.0].map(|q| quantile(&mut served.turns_ms, q));
        print_row(&[
            rate.to_string(),
            if echo { "yes" } else { "no" }.to_owned(),
            format!("{:.0}", said as f64 / took.as_secs_f64()),
            (said + SPEAKERS - served.kept).to_string(),
            served.open_max.to_string(),
            format!("{p50:.2}"),
            format!("{p99:.2}"),
            format!("{max:.2}"),
            format!("{:.2}", served.cpu.as_secs_f64() * 1e6 / said as f64),
        ]);
    });
}

/// The server's counts.
#[derive(Default)]
struct Served {
    turns_ms: Vec<f64>,
    open_max: usize,
    /// Stored messages, and one JOIN for each member.
    kept: usize,
    cpu: Duration,
}

fn serve(ready: &Sender<SocketAddr>, stop: &AtomicBool) -> Served {
    let mut app = App::new(512, Settings::default());
    let endpoint = app.add_endpoint(Protocol::Irc).expect("the first");
    let mut reactor = Reactor::new().expect("a reactor");
    let keeper = Keeper::begin(&mut app, reactor.waker());
    let address = listen(&mut reactor, endpoint);
    ready.send(address).expect("the load waits for it");
    let mut server = EventLoop::new(app, limits());
    let (mut served, begun) = (Served::default(), thread_cpu_time());
    let open =
        |server: &EventLoop<_, App>| server.service.chat.store().map_or(0, |store| store.open());
    while !stop.load(Relaxed) || open(&server) > 0 {
        let before = server.counters().turn_time.sum;
        reactor.turn(&mut server, None).expect("the poll works");
        let took = server.counters().turn_time.sum - before;
        served.turns_ms.push(took.as_secs_f64() * 1e3);
        served.open_max = served.open_max.max(open(&server));
    }
    served.cpu = thread_cpu_time() - begun;
    let statistics = server.service.chat.store().expect("it keeps").statistics().clone();
    drop(server);
    keeper.end();
    served.kept = statistics.messages.load(Relaxed) as usize;
    served
}

fn gather(address: SocketAddr, echo: bool) -> Vec<TcpStream> {
    let clients = (0..SPEAKERS).map(|n| member(address, n, n % CHANNELS, echo));
    let mut clients: Vec<_> = clients.collect();
    for _ in 0..2 {
        for client in &mut clients {
            client.get_mut().write_all(b"PING here\r\n").expect("a ping is said");
            hear_until(client, "PONG");
        }
    }
    let client = |client: BufReader<TcpStream>| client.into_inner();
    let clients: Vec<TcpStream> = clients.into_iter().map(client).collect();
    clients.iter().for_each(|client| client.set_nonblocking(true).expect("a socket can be"));
    clients
}

fn speak_and_hear(clients: &[TcpStream], rate: usize, lines: usize) {
    thread::scope(|scope| {
        scope.spawn(|| speak(clients, rate));
        hear(clients, lines);
    });
}

/// Sends from all clients in turn, a few lines in each tick.
fn speak(clients: &[TcpStream], rate: usize) {
    let text = "y".repeat(TEXT_BYTES - 1);
    let line = |n: usize| format!("PRIVMSG #c{:03} :z{text}\r\n", n % CHANNELS);
    let lines: Vec<String> = (0..SPEAKERS).map(line).collect();
    let begun = Instant::now();
    let mut said = 0;
    while said < rate * SECONDS {
        let due = (rate as f64 * begun.elapsed().as_secs_f64()) as usize;
        let each = (due.min(rate * SECONDS) - said).div_ceil(SPEAKERS);
        for (n, client) in clients.iter().enumerate() {
            let each = each.min((rate * SECONDS - said).div_ceil(SPEAKERS - n));
            say(client, lines[n].repeat(each).as_bytes());
            said += each;
        }
        thread::sleep(TICK);
    }
}

fn say(mut client: &TcpStream, mut lines: &[u8]) {
    while !lines.is_empty() {
        match client.write(lines) {
            Ok(n) => lines = &lines[n..],
            Err(e) if e.kind() == ErrorKind::WouldBlock => thread::sleep(TICK),
            Err(e) => panic!("{e}"),
        }
    }
}

/// Reads this many lines on all clients together. A message that is not stored gives a line too: a
/// warning.
fn hear(clients: &[TcpStream], lines: usize) {
    let mut poll = Poll::new().expect("a poll");
    let mut clients: Vec<_> = clients
        .iter()
        .enumerate()
        .map(|(n, client)| {
            let client = client.try_clone().expect("there is room");
            let mut client = mio::net::TcpStream::from_std(client);
            let registered = poll.registry().register(&mut client, Token(n), Interest::READABLE);
            registered.expect("it can be watched");
            client
        })
        .collect();
    let mut heard = 0;
    let (mut bytes, mut events) = (vec![0; 1 << 16], Events::with_capacity(SPEAKERS));
    while heard < lines {
        poll.poll(&mut events, Some(Duration::from_secs(20))).expect("the poll works");
        assert!(!events.is_empty(), "{heard} of {lines} lines are heard, and no more");
        for event in &events {
            loop {
                match clients[event.token().0].read(&mut bytes) {
                    Ok(0) => panic!("a speaker is thrown out"),
                    Ok(n) => heard += memchr_iter(b'\n', &bytes[..n]).count(),
                    Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                    Err(e) => panic!("{e}"),
                }
            }
        }
    }
}
