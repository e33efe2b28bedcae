//! One TCP connection: two bounded pipes that tear, stall and can be cut.

use super::Choices;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::rc::Rc;
use stonechat::net::{Effort, Progress, Stream};

/// The state shared by both ends.
#[derive(Default)]
pub struct Wire {
    /// Sent by the client, not yet read by the server.
    pub up: VecDeque<u8>,
    /// The client has ended its half.
    pub up_ended: bool,
    /// Sent by the server, not yet read by the client.
    pub down: VecDeque<u8>,
    /// The capacity of `down`: beyond it the server's writes block.
    pub down_max: usize,
    /// The server has ended its half.
    pub down_ended: bool,
    /// The client is gone: writes to it fail.
    pub client_gone: bool,
    /// The connection is cut, with this error at both ends.
    pub cut: Option<ErrorKind>,
    /// The server has dropped its end.
    pub server_gone: bool,
    /// The client has lost its unread input, as it sent to a server that had closed.
    pub reset: bool,
    /// An outgoing connection is not made yet.
    pub connecting: bool,
    /// A write found `down` full: the server is to be told when there is room.
    pub wants_room: bool,
    /// Reads take everything, as with sockets; otherwise they may stop short, as with TLS.
    pub whole_reads: bool,
    /// How often the server wrote.
    pub writes: usize,
}

/// The end that the loop holds.
pub struct ServerEnd {
    pub wire: Rc<RefCell<Wire>>,
    pub choices: Choices,
}

impl Wire {
    pub fn new(down_max: usize) -> Rc<RefCell<Wire>> {
        Rc::new(RefCell::new(Wire { down_max, ..Wire::default() }))
    }

    /// Sends from the client. A server that has dropped its end answers with a reset.
    pub fn send(&mut self, bytes: &[u8]) {
        assert!(!self.up_ended && !self.client_gone);
        if self.server_gone {
            self.reset();
        } else {
            self.up.extend(bytes);
        }
    }

    /// Resets the client, which loses its unread input, as on some systems.
    fn reset(&mut self) {
        self.reset |= !self.down.is_empty();
        self.down.clear();
        self.up.clear();
    }
}

impl Read for ServerEnd {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        assert!(!buf.is_empty(), "a read of nothing looks like the end");
        let mut wire = self.wire.borrow_mut();
        assert!(!wire.connecting, "read before it is connected");
        if self.choices.one_in(40) {
            return Err(ErrorKind::Interrupted.into());
        }
        if wire.up.is_empty() {
            return match wire.cut {
                Some(kind) => Err(kind.into()),
                None if wire.up_ended || wire.client_gone => Ok(0),
                None => Err(ErrorKind::WouldBlock.into()),
            };
        }
        let most = wire.up.len().min(buf.len());
        let n = if wire.whole_reads { most } else { self.choices.pick(1..most + 1) };
        for (to, from) in buf.iter_mut().zip(wire.up.drain(..n)) {
            *to = from;
        }
        Ok(n)
    }
}

impl Write for ServerEnd {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let mut wire = self.wire.borrow_mut();
        assert!(!wire.down_ended, "wrote after the end");
        assert!(!wire.connecting, "written before it is connected");
        if let Some(kind) = wire.cut {
            return Err(kind.into());
        }
        if wire.client_gone {
            return Err(ErrorKind::BrokenPipe.into());
        }
        if self.choices.one_in(40) {
            return Err(ErrorKind::Interrupted.into());
        }
        let room = wire.down_max.saturating_sub(wire.down.len());
        if room == 0 {
            wire.wants_room = true;
            return Err(ErrorKind::WouldBlock.into());
        }
        let most = room.min(buf.len());
        let n = if wire.whole_reads { most } else { self.choices.pick(1..most + 1) };
        wire.down.extend(&buf[..n]);
        wire.writes += 1;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for ServerEnd {
    fn finish(&mut self) -> io::Result<()> {
        let mut wire = self.wire.borrow_mut();
        if let Some(kind) = wire.cut {
            return Err(kind.into());
        }
        wire.down_ended = true;
        Ok(())
    }

    fn handshake(&mut self, _effort: &mut Effort) -> io::Result<Progress> {
        let wire = self.wire.borrow();
        Ok(if wire.connecting { Progress::Waits } else { Progress::Established })
    }

    fn short_read_empties(&self) -> bool {
        self.wire.borrow().whole_reads
    }
}

impl Drop for ServerEnd {
    fn drop(&mut self) {
        let mut wire = self.wire.borrow_mut();
        wire.server_gone = true;
        wire.down_ended = true;
        if !wire.up.is_empty() {
            wire.reset(); // dropped with something unread
        }
    }
}
