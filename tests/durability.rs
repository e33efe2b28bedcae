//! Echoed messages are stored: with a store that is slow, stalls, fails, or is killed between any
//! two of its steps.
//!
//! `SEED=17 cargo test --test durability` replays a failure; `SEEDS=100000` goes on.

mod world;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use stonechat::app::{App, Protocol};
use stonechat::chat::Settings;
use stonechat::far::Asked;
use stonechat::net::{ConnId, EventLoop, Limits, Now};
use stonechat::store::sqlite::Database;
use stonechat::store::{
    Far, Limit, Message, Reply, Request, Selection, Store, Target, Text, Trouble,
};
use world::by_hand::join;
use world::{Choices, ServerEnd, Wire};

type Server = EventLoop<ServerEnd, App>;

/// So few requests that the store is overloaded now and then.
const CAPACITY: usize = 12;

const SPEAKERS: usize = 3;

/// A client that sends numbers, and the outcome of each.
struct Speaker {
    id: ConnId,
    wire: Rc<RefCell<Wire>>,
    /// The client's nick in this life of the server.
    nick: String,
    said: usize,
    pings: usize,
    /// The received echoes and PONGs, in order.
    heard: Vec<String>,
}

/// The store's thread, one step at a time.
struct Disk {
    far: Far,
    database: Database,
    /// Requests taken and not answered yet.
    group: Vec<Asked<Request>>,
    /// The replies to the group, once it is done, and not sent yet.
    replies: Option<Vec<Reply>>,
}

struct World {
    choices: Choices,
    server: Server,
    disk: Disk,
    speakers: Vec<Speaker>,
    now: Now,
    lives: usize,
    /// All echoes, in the order received by their sender.
    echoed: BTreeMap<String, Vec<usize>>,
    warned: usize,
}

impl Disk {
    fn step(&mut self, choices: &Choices) -> bool {
        match self.replies.take() {
            Some(replies) => {
                for (asked, reply) in self.group.drain(..).zip(replies) {
                    self.far.answer(asked, reply);
                }
                return true;
            }
            None if self.group.is_empty() => {
                let most = choices.pick(1..6);
                self.group.extend((0..most).map_while(|_| self.far.take()));
            }
            None if choices.one_in(5) => {
                let failed = |_: &Asked<Request>| Reply::Failed(Trouble::Full);
                self.replies = Some(self.group.iter().map(failed).collect());
            }
            None => {
                let requests = self.group.iter().map(|asked| &asked.question);
                self.replies = Some(self.database.serve(requests));
            }
        }
        false
    }
}

impl World {
    fn new(seed: u64) -> World {
        let far = Store::<()>::new(CAPACITY).1;
        let database = Database::in_memory().unwrap();
        let disk = Disk { far, database, group: Vec::new(), replies: None };
        let now = Now { uptime_ms: 0, unix_ms: 1_767_225_600_000 };
        let mut world = World {
            choices: Choices::from_seed(seed),
            server: EventLoop::new(App::new(512, Settings::default()), Limits::default()),
            disk,
            speakers: Vec::new(),
            now,
            lives: 0,
            echoed: BTreeMap::new(),
            warned: 0,
        };
        world.begin();
        world
    }

    /// Kills the server, and starts it again.
    fn begin(&mut self) {
        self.listen();
        self.speakers.clear();
        self.lives += 1;
        let (store, far) = Store::new(CAPACITY);
        (self.disk.far, self.disk.replies) = (far, None);
        self.disk.group.clear();
        let mut app = App::new(512, Settings::default());
        app.add_endpoint(Protocol::Irc).unwrap();
        app.chat.keep_in(store);
        self.server = EventLoop::new(app, Limits::default());
        self.server.wake(self.now);
        for n in 0..SPEAKERS {
            let (id, wire) = join(&mut self.server, usize::MAX);
            let nick = format!("n{n}-{}", self.lives);
            let hello = format!(
                "CAP REQ :echo-message labeled-response batch\nNICK {nick}\nUSER u 0 * :r\nCAP END\n"
            );
            wire.borrow_mut().send(hello.as_bytes());
            self.server.readable(id.slot());
            let (said, pings, heard) = (0, 0, Vec::new());
            self.speakers.push(Speaker { id, wire, nick, said, pings, heard });
            self.settle();
            self.speakers[n].wire.borrow_mut().send(b"JOIN #a\n");
            self.server.readable(id.slot());
            self.settle();
        }
        self.listen();
        self.speakers.iter_mut().for_each(|speaker| speaker.heard.clear());
    }

    fn settle(&mut self) {
        self.rest();
        loop {
            let requests: Vec<Asked<Request>> =
                std::iter::from_fn(|| self.disk.far.take()).collect();
            if requests.is_empty() {
                return;
            }
            let replies = self.disk.database.serve(requests.iter().map(|asked| &asked.question));
            for (asked, reply) in requests.into_iter().zip(replies) {
                self.disk.far.answer(asked, reply);
            }
            self.server.woken();
            self.rest();
        }
    }

    fn rest(&mut self) {
        while self.server.wait(self.now).is_some_and(|wait| wait.is_zero()) {
            self.server.turn();
        }
        self.server.check();
        self.server.service.check();
    }

    fn step(&mut self) {
        match self.choices.pick(0..40) {
            0 => return self.begin(),
            1..14 => {
                let n = self.choices.pick(0..SPEAKERS);
                let speaker = &mut self.speakers[n];
                for _ in 0..self.choices.pick(1..5) {
                    let label = if self.choices.one_in(3) { "@label=x " } else { "" };
                    let line =
                        format!("{label}PRIVMSG #a :{}\nPING {}\n", speaker.said, speaker.pings);
                    (speaker.said, speaker.pings) = (speaker.said + 1, speaker.pings + 1);
                    speaker.wire.borrow_mut().send(line.as_bytes());
                }
                self.server.readable(speaker.id.slot());
            }
            14..20 => {
                self.now.unix_ms += 1;
                self.now.uptime_ms += 1;
                self.server.wake(self.now);
            }
            _ => {
                if self.disk.step(&self.choices) {
                    self.server.woken();
                }
            }
        }
        self.rest();
        self.listen();
    }

    /// Checks the output of each client: its own numbers in order, each before the PONG requested
    /// after it.
    fn listen(&mut self) {
        for speaker in &mut self.speakers {
            let heard: Vec<u8> = speaker.wire.borrow_mut().down.drain(..).collect();
            let own = format!(":{}!", speaker.nick);
            for line in String::from_utf8(heard).unwrap().lines() {
                let line =
                    line.strip_prefix('@').map_or(line, |line| line.split_once(' ').unwrap().1);
                let number = || line.rsplit_once(':').unwrap().1.parse::<usize>().unwrap();
                if line.starts_with(&own) && line.contains(" PRIVMSG ") {
                    let number = number();
                    speaker.heard.push(format!("echo {number}"));
                    self.echoed.entry(speaker.nick.clone()).or_default().push(number);
                } else if line.contains(" MESSAGE_NOT_KEPT ") {
                    self.warned += 1;
                    let number =
                        speaker.heard.iter().filter(|heard| !heard.starts_with("pong")).count();
                    speaker.heard.push(format!("warned of {number}"));
                } else if line.contains(" PONG ") {
                    speaker.heard.push(format!("pong {}", number()));
                }
            }
            for (n, pair) in speaker.heard.chunks(2).enumerate() {
                let first = [format!("echo {n}"), format!("warned of {n}")].contains(&pair[0]);
                assert!(first, "{}: {:?}", speaker.nick, speaker.heard);
                if let Some(second) = pair.get(1) {
                    assert_eq!(
                        *second,
                        format!("pong {n}"),
                        "{}: {:?}",
                        speaker.nick,
                        speaker.heard
                    );
                }
            }
        }
    }

    /// Each echoed message is found exactly once, and in order.
    fn look(&mut self) {
        self.begin();
        let request = Request::Select {
            target: Target::Channel("#a".to_owned()),
            selection: Selection::Latest(None),
            limit: Limit::new(Limit::MAX),
            events: false,
        };
        let reply = self.disk.database.serve([request].iter()).pop();
        let Some(Reply::Messages(kept)) = reply else { panic!("{reply:?}") };
        let mut found: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for Message { source, text, .. } in &kept {
            let Text::Line(text) = text else { panic!("a line was said") };
            let nick = source.split('!').next().unwrap().to_owned();
            found.entry(nick).or_default().push(text.parse().unwrap());
        }
        for (nick, echoed) in &self.echoed {
            let found = found.get(nick).cloned().unwrap_or_default();
            assert!(found.is_sorted_by(|a, b| a < b), "{nick}: {found:?}");
            let missing = echoed.iter().find(|number| found.binary_search(number).is_err());
            assert_eq!(missing, None, "{nick} was echoed {echoed:?}, found {found:?}");
        }
    }
}

fn run(seed: u64) -> (usize, usize, usize) {
    let mut world = World::new(seed);
    for _ in 0..400 {
        world.step();
    }
    world.look();
    (world.lives, world.echoed.values().map(Vec::len).sum(), world.warned)
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().expect("a number"))
}

#[test]
fn what_is_echoed_is_found_after_a_start_exactly_once_and_in_order() {
    if let Some(seed) = number("SEED") {
        println!("{:?}", run(seed));
        return;
    }
    let mut seen = (0, 0, 0);
    for seed in 0..number("SEEDS").unwrap_or(100) {
        let Ok(run) = std::panic::catch_unwind(|| run(seed)) else {
            panic!("replay with SEED={seed}")
        };
        seen = (seen.0 + run.0, seen.1 + run.1, seen.2 + run.2);
    }
    let (lives, echoed, warned) = seen;
    println!("{lives} lives, {echoed} echoes, {warned} warnings");
    assert!(lives > 500 && echoed > 5000 && warned > 1000, "a sweep that shows nothing: {seen:?}");
}
