//! Once warm, saying a line to everyone allocates nothing, and costs one write for each recipient,
//! whatever the number of lines.

mod world;

use std::cell::Cell;
use std::io::{self, ErrorKind, Read, Write};
use std::rc::Rc;
use stonechat::app::{App, Protocol};
use stonechat::net::{ConnId, EndpointId, EventLoop, Limits, Now, Peer, Service, Stream};
use world::room::Room;

const CLIENTS: usize = 200;
const LINES: &[u8] =
    b"a line of ordinary length\r\nand, m\xc3\xa9lang\xc3\xa9, a second\nwith half a thi";

/// Says something when told to, and swallows all it hears.
#[derive(Clone, Default)]
struct Talker {
    say: Rc<Cell<bool>>,
    writes: Rc<Cell<usize>>,
}

impl Read for Talker {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if !self.say.take() {
            return Err(ErrorKind::WouldBlock.into());
        }
        buf[..LINES.len()].copy_from_slice(LINES);
        Ok(LINES.len())
    }
}

impl Write for Talker {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
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
        let mut server = EventLoop::new(service, Limits::default());
        let writes = Rc::new(Cell::new(0));
        let talker = |_| Talker { writes: writes.clone(), ..Talker::default() };
        let talkers: Vec<Talker> = (0..CLIENTS).map(talker).collect();
        let peer = Peer { endpoint, address: None };
        let ids = talkers.iter().map(|talker| server.accept(talker.clone(), peer).unwrap());
        let ids = ids.collect();
        Crowd { server, talkers, ids, writes }
    }

    /// Two of them speak.
    fn turn(&mut self, n: usize) {
        for talker in [n % CLIENTS, (n + 77) % CLIENTS] {
            self.talkers[talker].say.set(true);
            self.server.readable(self.ids[talker].slot());
        }
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
