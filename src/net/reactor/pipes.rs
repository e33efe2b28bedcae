//! Pipes, watched by the poll like sockets: the output of programs that run beside the loop. The reactor
//! reports input; the caller then reads it.

use mio::unix::pipe::Receiver;
use mio::{Interest, Registry, Token};
use slab::Slab;
use std::io::{self, ErrorKind, PipeReader, Read};
use std::os::fd::OwnedFd;

/// A pipe that is watched. Numbers are given anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PipeId(usize);

/// All that are watched.
#[derive(Default)]
pub(super) struct Pipes(Slab<Receiver>);

/// As many as have tokens.
pub(super) const PIPES_MAX: usize = 64;

/// Read in one call.
const READ_BYTES: usize = 16 << 10;

impl PipeId {
    pub(super) fn of(index: usize) -> PipeId {
        PipeId(index)
    }
}

impl Pipes {
    /// Watches `pipe` under a token from `first` on.
    pub(super) fn watch(
        &mut self,
        registry: &Registry,
        first: usize,
        pipe: PipeReader,
    ) -> io::Result<PipeId> {
        if self.0.len() == PIPES_MAX {
            return Err(io::Error::other("too many pipes are watched"));
        }
        let mut pipe = Receiver::from(OwnedFd::from(pipe));
        pipe.set_nonblocking(true)?;
        let entry = self.0.vacant_entry();
        let id = PipeId(entry.key());
        registry.register(&mut pipe, Token(first + id.0), Interest::READABLE)?;
        entry.insert(pipe);
        Ok(id)
    }

    pub(super) fn read(
        &mut self,
        id: PipeId,
        bytes: &mut Vec<u8>,
        bytes_max: usize,
    ) -> io::Result<()> {
        let end = bytes.len() + bytes_max;
        let mut part = [0; READ_BYTES];
        while bytes.len() < end {
            let room = (end - bytes.len()).min(READ_BYTES);
            match self.0[id.0].read(&mut part[..room]) {
                Ok(0) => break,
                Ok(n) => bytes.extend_from_slice(&part[..n]),
                Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    pub(super) fn close(&mut self, id: PipeId) {
        self.0.remove(id.0);
    }
}
