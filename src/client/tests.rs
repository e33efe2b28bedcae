//! The client over streams whose server is the test.

use super::*;
use crate::net::{Attempt, EventLoop, Limits, Now, Step, Stream};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::rc::Rc;

/// The server's side of one connection.
#[derive(Default)]
struct Server {
    heard: Vec<u8>,
    /// The client has ended its half.
    heard_end: bool,
    says: VecDeque<u8>,
    ends: bool,
    cut: Option<ErrorKind>,
    /// The server reads nothing.
    deaf: bool,
}

struct End(Rc<RefCell<Server>>);

impl Read for End {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut server = self.0.borrow_mut();
        match (server.cut, server.ends) {
            _ if !server.says.is_empty() => server.says.read(buf),
            (Some(kind), _) => Err(kind.into()),
            (_, true) => Ok(0),
            _ => Err(ErrorKind::WouldBlock.into()),
        }
    }
}

impl Write for End {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let mut server = self.0.borrow_mut();
        if server.deaf {
            return Err(ErrorKind::WouldBlock.into());
        }
        server.heard.extend_from_slice(buf);
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for End {
    fn finish(&mut self) -> io::Result<()> {
        self.0.borrow_mut().heard_end = true;
        Ok(())
    }
}

/// The client; the test is the program and the servers.
struct Play {
    talk: EventLoop<End, Client>,
    now: Now,
}

impl Play {
    fn new(targets: &[&str], reconnect: bool) -> Play {
        let targets = targets.iter().map(|target| target.parse().unwrap()).collect();
        let backoff = reconnect.then(|| Backoff::new(fastrand::Rng::with_seed(7)));
        let client = Client::new(targets, backoff, Screen::pipe());
        let mut talk = EventLoop::new(client, Limits::default());
        talk.inject(Client::start);
        Play { talk, now: Now::default() }
    }

    /// Expects a look-up of `host`, and answers it.
    fn finds(&mut self, host: &str, addresses: &[&str]) -> Duration {
        let mut pause = Duration::ZERO;
        let step = loop {
            if let Some(step) = self.talk.next_step() {
                break step;
            }
            // A deadline that was cleared may wake the loop before that.
            let wait = self.talk.wait(self.now).expect("it dials");
            pause += wait;
            self.pass(wait.as_millis() as u64);
            self.turn();
        };
        let Step::LookUp(dial) = step else { panic!("nothing to look up") };
        assert_eq!(dial.to.host, Host::Name(host.to_owned()));
        let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
        self.talk.found(dial, Ok(addresses));
        pause
    }

    fn attempts(&mut self, address: &str) -> Attempt {
        let Some(Step::Connect(attempt)) = self.talk.next_step() else { panic!("nothing to do") };
        assert_eq!(attempt.address, address.parse().unwrap());
        attempt
    }

    fn refuses(&mut self, address: &str) {
        let attempt = self.attempts(address);
        self.talk.not_connected(attempt, &ErrorKind::ConnectionRefused.into());
    }

    fn accepts(&mut self, address: &str) -> (Rc<RefCell<Server>>, usize) {
        let attempt = self.attempts(address);
        let server = Rc::new(RefCell::new(Server::default()));
        let slot = self.talk.connect(End(server.clone()), attempt).slot();
        self.talk.writable(slot);
        self.turn();
        (server, slot)
    }

    fn says(&mut self, text: &[u8]) {
        self.talk.inject(|client, out| {
            assert!(client.takes_input(out, text.len()));
            client.input(out, text);
        });
        self.turn();
    }

    fn says_all(&mut self) {
        self.talk.inject(|client, out| client.end_input(out));
        self.turn();
    }

    fn server_ends(&mut self, server: &Rc<RefCell<Server>>, slot: usize) {
        server.borrow_mut().ends = true;
        self.talk.hung_up(slot);
        self.turn();
    }

    fn cut(&mut self, server: &Rc<RefCell<Server>>, slot: usize) {
        server.borrow_mut().cut = Some(ErrorKind::ConnectionReset);
        self.talk.hung_up(slot);
        self.turn();
    }

    fn pass(&mut self, ms: u64) {
        self.now.uptime_ms += ms;
        self.talk.wake(self.now);
    }

    /// Two turns: an ending in one is reported in the next.
    fn turn(&mut self) {
        for _ in 0..2 {
            self.talk.turn();
            self.talk.check();
        }
    }

    fn notes(&mut self) -> String {
        let notes = &mut self.talk.service.screen.notes;
        notes.drain(..).map(|note| note + "\n").collect()
    }

    fn outcome(&self) -> Option<Outcome> {
        self.talk.service.outcome()
    }
}

#[test]
fn the_answers_are_awaited_after_all_was_said() {
    let mut play = Play::new(&["127.0.0.1:1"], false);
    let (server, slot) = play.accepts("127.0.0.1:1");
    play.says(b"hi\nthere");
    play.says_all();
    assert!(server.borrow().heard_end);
    assert_eq!(server.borrow().heard, b"hi\nthere");
    assert_eq!(play.outcome(), None);
    server.borrow_mut().says.extend(b"HI\nTHERE");
    play.server_ends(&server, slot);
    assert_eq!(play.outcome(), Some(Outcome::Done));
    assert_eq!(play.talk.service.screen.output, b"HI\nTHERE");
    assert_eq!(play.notes(), "");
}

#[test]
fn every_address_of_every_target_is_tried_and_each_failure_named() {
    let mut play = Play::new(&["a", "nowhere", "b:9"], false);
    play.finds("a", &["[::1]:7007", "127.0.0.1:7007"]);
    play.refuses("[::1]:7007");
    play.refuses("127.0.0.1:7007");
    play.finds("nowhere", &[]);
    play.finds("b", &["127.0.0.2:9"]);
    play.refuses("127.0.0.2:9");
    assert_eq!(
        play.notes(),
        "cannot connect to a:7007 ([::1]:7007): connection refused\n\
         cannot connect to a:7007 (127.0.0.1:7007): connection refused\n\
         cannot look up nowhere: it has no address\n\
         cannot connect to b:9 (127.0.0.2:9): connection refused\n"
    );
    assert_eq!(play.outcome(), Some(Outcome::Failed));
}

#[test]
fn who_is_to_come_back_begins_with_the_first_again_after_a_pause() {
    let mut play = Play::new(&["a:1", "b:1"], true);
    let mut pauses = Vec::new();
    for _ in 0..8 {
        pauses.push(play.finds("a", &["127.0.0.1:1"]));
        play.refuses("127.0.0.1:1");
        assert_eq!(play.finds("b", &["127.0.0.2:1"]), Duration::ZERO);
        play.refuses("127.0.0.2:1");
    }
    assert_eq!(pauses[0], Duration::ZERO);
    assert!(pauses.iter().any(|pause| *pause > Duration::from_secs(1)), "{pauses:?}");
    assert!(play.notes().contains("nobody answered, connecting again in "));
    assert_eq!(play.outcome(), None);
}

#[test]
fn the_pause_is_short_again_after_a_connection_that_lasted() {
    let mut play = Play::new(&["a:1"], true);
    for _ in 0..8 {
        play.finds("a", &["127.0.0.1:1"]);
        let (server, slot) = play.accepts("127.0.0.1:1");
        play.pass(9_999);
        play.cut(&server, slot);
    }
    assert_eq!(play.talk.service.reconnect.as_mut().unwrap().bound_ms(), 30_000);
    play.finds("a", &["127.0.0.1:1"]);
    let (server, slot) = play.accepts("127.0.0.1:1");
    play.pass(10_000);
    play.cut(&server, slot);
    let pause = play.finds("a", &["127.0.0.1:1"]);
    assert!(pause <= Duration::from_millis(500), "{pause:?}");
}

#[test]
fn the_rest_of_a_line_that_was_lost_in_part_is_not_said_to_the_next_server() {
    let mut play = Play::new(&["a:1"], true);
    play.finds("a", &["127.0.0.1:1"]);
    let (server, slot) = play.accepts("127.0.0.1:1");
    play.says(b"one\ntransfer 10");
    play.cut(&server, slot);
    play.finds("a", &["127.0.0.1:1"]);
    let (server, slot) = play.accepts("127.0.0.1:1");
    play.says(b"00");
    play.cut(&server, slot);
    play.finds("a", &["127.0.0.1:1"]);
    let (server, _) = play.accepts("127.0.0.1:1");
    play.says(b"000 to bob\ntwo\n");
    assert_eq!(server.borrow().heard, b"two\n");
}

#[test]
fn a_server_that_ends_first_is_reported_and_is_no_failure() {
    let mut play = Play::new(&["127.0.0.1:1"], false);
    let (server, slot) = play.accepts("127.0.0.1:1");
    play.server_ends(&server, slot);
    assert_eq!(play.notes(), "connection closed by server\n");
    assert_eq!(play.outcome(), Some(Outcome::Done));
}

#[test]
fn a_server_that_ends_first_and_reads_no_more_is_not_waited_for() {
    let mut play = Play::new(&["127.0.0.1:1"], false);
    let (server, slot) = play.accepts("127.0.0.1:1");
    server.borrow_mut().deaf = true;
    play.says(b"do you hear me?\n");
    play.server_ends(&server, slot);
    assert_eq!(play.outcome(), None);
    play.pass(11_000);
    play.turn();
    assert_eq!(play.outcome(), Some(Outcome::Done));
}

#[test]
fn a_connection_that_is_cut_is_a_failure_even_after_all_was_said() {
    for reconnect in [false, true] {
        let mut play = Play::new(&["127.0.0.1:1"], reconnect);
        let (server, slot) = play.accepts("127.0.0.1:1");
        play.says(b"hi\n");
        play.says_all();
        play.cut(&server, slot);
        assert_eq!(play.notes(), "connection lost (reset)\n");
        assert_eq!(play.outcome(), Some(Outcome::Failed));
    }
}

#[test]
fn input_is_taken_only_while_there_is_a_server_with_room_for_it() {
    const PIECE: usize = 16 << 10;
    let mut play = Play::new(&["127.0.0.1:1"], false);
    let takes = |play: &mut Play| play.talk.inject(|client, out| client.takes_input(out, PIECE));
    assert!(!takes(&mut play), "not connected");
    let (server, slot) = play.accepts("127.0.0.1:1");
    server.borrow_mut().deaf = true;
    let mut taken = 0;
    while takes(&mut play) {
        play.says(&[b'x'; PIECE]);
        taken += PIECE;
    }
    assert_eq!(taken, Limits::default().sendq_pause);
    server.borrow_mut().says.extend(b"and me?");
    play.talk.readable(slot);
    play.turn();
    assert_eq!(play.talk.service.screen.output, b"and me?", "else both would wait for ever");
    server.borrow_mut().deaf = false;
    play.talk.writable(slot);
    play.turn();
    assert!(takes(&mut play));
    play.says_all();
    assert!(!takes(&mut play), "all was said");
}
