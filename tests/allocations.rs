//! Once warm, a line to everyone allocates nothing, and costs one write for each recipient, for any
//! number of lines.

mod world;

use std::cell::Cell;
use std::io::{self, ErrorKind, Read, Write};
use std::rc::Rc;
use stonechat::app::{App, Protocol};
use stonechat::net::{ConnId, EndpointId, EventLoop, Limits, Now, Peer, Service, Stream};
use stonechat::store::sqlite::Database;
use stonechat::store::{Reply, Store};
use world::room::Room;

const CLIENTS: usize = 200;
const LINES: &[u8] =
    b"a line of ordinary length\r\nand, m\xc3\xa9lang\xc3\xa9, a second\nwith half a thi";

/// Sends when told to, and discards all input.
#[derive(Clone, Default)]
struct Talker {
    say: Rc<Cell<Option<&'static [u8]>>>,
    writes: Rc<Cell<usize>>,
    /// Reads nothing.
    deaf: Rc<Cell<bool>>,
}

impl Read for Talker {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let lines = self.say.take().ok_or(ErrorKind::WouldBlock)?;
        buf[..lines.len()].copy_from_slice(lines);
        Ok(lines.len())
    }
}

impl Write for Talker {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        if self.deaf.get() {
            return Err(ErrorKind::WouldBlock.into());
        }
        self.writes.set(self.writes.get() + 1);
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for Talker {
    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Crowd<V> {
    server: EventLoop<Talker, V>,
    talkers: Vec<Talker>,
    ids: Vec<ConnId>,
    writes: Rc<Cell<usize>>,
}

impl<V: Service> Crowd<V> {
    fn gather(service: V, endpoint: EndpointId) -> Crowd<V> {
        Crowd::of(CLIENTS, service, endpoint)
    }

    fn of(clients: usize, service: V, endpoint: EndpointId) -> Crowd<V> {
        let mut server = EventLoop::new(service, Limits::default());
        let writes = Rc::new(Cell::new(0));
        let talker = |_| Talker { writes: writes.clone(), ..Talker::default() };
        let talkers: Vec<Talker> = (0..clients).map(talker).collect();
        let peer = Peer::accepted(endpoint, None);
        let ids = talkers.iter().map(|talker| server.accept(talker.clone(), peer).unwrap());
        let ids = ids.collect();
        Crowd { server, talkers, ids, writes }
    }

    /// Runs a turn in which two clients send.
    fn turn(&mut self, n: usize) {
        self.say(n % CLIENTS, LINES);
        self.say((n + 77) % CLIENTS, LINES);
        self.settle();
    }

    fn say(&mut self, talker: usize, lines: &'static [u8]) {
        self.talkers[talker].say.set(Some(lines));
        self.server.readable(self.ids[talker].slot());
    }

    fn settle(&mut self) {
        self.server.turn();
        while self.server.wait(Now::default()).is_some_and(|wait| wait.is_zero()) {
            self.server.turn();
        }
    }

    /// Allocations and writes in 1,000 turns once warm.
    fn measure(mut self) -> (u64, usize) {
        (0..2 * CLIENTS).for_each(|n| self.turn(n));
        let before = self.writes.get();
        let counted = allocation_counter::measure(|| (0..1000).for_each(|n| self.turn(n)));
        (counted.count_total, self.writes.get() - before)
    }
}

#[test]
fn a_line_to_everyone_allocates_nothing_and_is_one_write_each() {
    let crowd = Crowd::gather(Room::default(), EndpointId(0));
    assert_eq!(crowd.measure(), (0, 1000 * CLIENTS));
}

#[test]
fn an_echo_allocates_nothing_and_is_one_write() {
    let mut app = App::new(4096, Default::default());
    let endpoint = app.add_endpoint(Protocol::Echo).unwrap();
    let crowd = Crowd::gather(app, endpoint);
    assert_eq!(crowd.measure(), (0, 1000 * 2));
}

/// The allocations of a message do not grow with the number of recipients.
#[test]
fn a_message_to_a_thousand_allocates_no_more_than_one_to_ten() {
    let allocations = |members: usize| {
        let mut app = App::new(4096, Default::default());
        let endpoint = app.add_endpoint(Protocol::Irc).unwrap();
        let mut crowd = Crowd::of(members, app, endpoint);
        for n in 0..members {
            let lines = format!(
                "CAP REQ :server-time message-tags\nNICK n{n}\nUSER u 0 * :N\nCAP END\nJOIN #a\n"
            );
            crowd.say(n, lines.leak().as_bytes());
            crowd.settle();
        }
        let mut speak = || {
            crowd.say(0, b"@+typing=done PRIVMSG #a :a line of ordinary length\n");
            crowd.settle();
        };
        (0..100).for_each(|_| speak());
        // A hundred messages, as the memory for REDACT grows now and then.
        allocation_counter::measure(|| (0..100).for_each(|_| speak())).count_total
    };
    let (few, many) = (allocations(10), allocations(1000));
    assert_eq!(few, many, "allocations of a hundred messages to 10 and to 1000");
    assert!(few < 100 * 20, "{few}");
}

/// Storing a message costs a few allocations more, and so does its echo as a receipt.
#[test]
fn a_kept_message_allocates_little() {
    let allocations = |history: bool, caps: &str| {
        let mut settings = stonechat::chat::Settings::default();
        settings.history.enabled = history;
        let mut app = App::new(4096, settings);
        let endpoint = app.add_endpoint(Protocol::Irc).unwrap();
        let (store, far) = Store::new(64);
        app.chat.keep_in(store);
        let mut database = Database::in_memory().unwrap();
        let mut crowd = Crowd::of(1, app, endpoint);
        let lines = format!("CAP REQ :{caps}\nNICK ann\nUSER u 0 * :N\nCAP END\nJOIN #a\n");
        crowd.say(0, lines.leak().as_bytes());
        crowd.settle();
        while let Some(asked) = far.take() {
            let reply = database.serve([&asked.question].into_iter()).remove(0);
            far.answer(asked, reply);
            crowd.server.woken();
            crowd.settle();
        }
        let mut speak = || {
            crowd.say(0, b"PRIVMSG #a :a line of ordinary length\n");
            crowd.settle();
            while let Some(asked) = far.take() {
                far.answer(asked, Reply::Appended);
            }
            crowd.server.woken();
            crowd.settle();
        };
        (0..100).for_each(|_| speak());
        allocation_counter::measure(|| (0..100).for_each(|_| speak())).count_total as f64 / 100.0
    };
    let caps = ["server-time message-tags", "server-time message-tags echo-message"];
    let [off, echo_off] = caps.map(|caps| allocations(false, caps));
    let [on, echo_on] = caps.map(|caps| allocations(true, caps));
    println!("a message: {off}, with an echo {echo_off}; kept: {on}, with an echo {echo_on}");
    assert!(on < off + 8.0, "{on} allocations of a message that is kept, of another {off}");
    assert!(echo_on < on + 18.0, "{echo_on} allocations with an echo, without one {on}");
}

/// Requests of clients that read nothing: the memory of all pending answers is counted, and bounded
/// by the limits.
#[test]
fn what_waits_for_a_reader_is_small_or_counted() {
    const MEMBERS: usize = 1200;
    const ASKERS: usize = 10;
    const TIMES: usize = 80;
    const WAITING_MAX: usize = 256 << 10;
    let mut settings = stonechat::chat::Settings::default();
    settings.history.waiting_bytes_max = WAITING_MAX;
    let mut app = App::new(4096, settings);
    let endpoint = app.add_endpoint(Protocol::Irc).unwrap();
    let (store, far) = Store::new(4096);
    app.chat.keep_in(store);
    let mut database = Database::in_memory().unwrap();
    let mut crowd = Crowd::of(MEMBERS + ASKERS, app, endpoint);
    let mut say = |crowd: &mut Crowd<App>, n: usize, lines: String| {
        crowd.say(n, lines.leak().as_bytes());
        crowd.settle();
        while let Some(asked) = far.take() {
            let reply = database.serve([&asked.question].into_iter()).remove(0);
            far.answer(asked, reply);
            crowd.server.woken();
            crowd.settle();
        }
    };
    for n in 0..MEMBERS + ASKERS {
        let join =
            if n < MEMBERS { "JOIN #a\nMETADATA * SET avatar :http://x/y.png\n" } else { "" };
        let caps = "batch labeled-response draft/metadata-2 draft/chathistory";
        let lines = format!(
            "CAP REQ :{caps}\nNICK n{n}\nUSER u 0 * :N\nCAP END\nMETADATA * SUB avatar\n{join}"
        );
        say(&mut crowd, n, lines);
    }
    (0..100).for_each(|n| say(&mut crowd, n, format!("PRIVMSG #a :{}\n", "x".repeat(400))));
    let pair = (0..ASKERS).map(|n| format!("PRIVMSG n{} :{}\n", MEMBERS + n, "x".repeat(400)));
    say(&mut crowd, 0, pair.collect());
    for asked in [
        "WHO #a",
        "WHO #a %tcuihsnfdlaor,12",
        "@label=l WHO #a",
        "WHO *",
        &format!("WHO *{}", "x".repeat(400)),
        &format!("WHO * %{}", "x".repeat(400)),
        "LIST",
        &format!("LIST *{}", "x".repeat(400)),
        "NAMES #a",
        "METADATA #a SYNC",
        "METADATA * SYNC",
        "METADATA n1 SYNC",
        "METADATA #a LIST",
        "MODE #a b",
        "WHOIS n1",
        "WHOWAS n1",
        "MONITOR S",
        "CHATHISTORY LATEST n0 * 100",
        "CHATHISTORY TARGETS timestamp=2000-01-01T00:00:00.000Z timestamp=2100-01-01T00:00:00.000Z 100",
        "SEARCH x",
        "PRIVMSG *playback :PLAY * 0",
        "HELP",
        "INFO",
        "LUSERS",
        "MOTD",
        "VERSION",
        "STATS u",
    ] {
        for n in MEMBERS..MEMBERS + ASKERS {
            crowd.talkers[n].deaf.set(true);
        }
        let before = crowd.server.backlog_bytes();
        let taken = allocation_counter::measure(|| {
            for n in MEMBERS..MEMBERS + ASKERS {
                (0..TIMES).for_each(|_| say(&mut crowd, n, format!("{asked}\n")));
            }
        });
        let queued = (crowd.server.backlog_bytes() - before) as i64;
        // The lines themselves were leaked by the test. A queue's memory grows by doubling.
        let lines = (ASKERS * TIMES * (asked.len() + 1)) as i64;
        let allowed = lines + 2 * queued + WAITING_MAX as i64 + (ASKERS * (32 << 10)) as i64;
        println!("{asked:.40}: {} bytes, {queued} queued", taken.bytes_current - lines);
        assert!(taken.bytes_current < allowed, "{asked}: {taken:?}, {queued} queued");
        for n in MEMBERS..MEMBERS + ASKERS {
            crowd.talkers[n].deaf.set(false);
            crowd.server.writable(crowd.ids[n].slot());
        }
        crowd.settle();
        (MEMBERS..MEMBERS + ASKERS).for_each(|n| say(&mut crowd, n, "PING\n".to_owned()));
    }
}

/// Users that come and go leave nothing behind but WHOWAS, which is bounded.
#[test]
fn who_has_left_leaves_nothing_behind() {
    let mut app = App::new(4096, Default::default());
    let endpoint = app.add_endpoint(Protocol::Irc).unwrap();
    let mut server = EventLoop::new(app, Limits::default());
    let lines = |n| format!("NICK n{n:05}\nUSER u 0 * :N\nJOIN #a,#n{:05}\nQUIT\n", n % 100);
    let lines: Vec<&'static [u8]> = (0..4000).map(|n| lines(n).leak().as_bytes()).collect();
    let mut come_and_go = |times: std::ops::Range<usize>| {
        for n in times {
            let talker = Talker::default();
            let peer = Peer::accepted(endpoint, None);
            let id = server.accept(talker.clone(), peer).unwrap();
            talker.say.set(Some(lines[n]));
            server.readable(id.slot());
            server.turn();
            server.fail(id.slot());
            server.turn();
        }
    };
    come_and_go(0..2000);
    let kept = allocation_counter::measure(|| come_and_go(2000..4000));
    assert_eq!((kept.count_current, kept.bytes_current), (0, 0));
}
