//! A connected socket as a [`Stream`].

use super::super::{Effort, Progress, Stream};
use mio::event::Source;
use mio::net::{TcpStream, UnixStream};
use socket2::{SockRef, TcpKeepalive};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::AsFd;
use std::time::Duration;

/// A non-blocking socket, TCP or Unix.
#[derive(Debug)]
pub enum Socket {
    /// TCP over IPv4 or IPv6.
    Tcp(TcpStream),
    /// A Unix stream socket.
    Unix(UnixStream),
}

impl Socket {
    /// Begins to connect; whether it succeeds is asked with [`Stream::handshake`].
    pub fn connect(to: SocketAddr) -> io::Result<Socket> {
        let stream = TcpStream::connect(to)?;
        set_tcp_options(&stream)?;
        Ok(Socket::Tcp(stream))
    }

    pub(super) fn source(&mut self) -> &mut dyn Source {
        match self {
            Socket::Tcp(stream) => stream,
            Socket::Unix(stream) => stream,
        }
    }
}

/// How much unsent data the kernel takes before a write would block. Left alone it takes 3.9 MB
/// from each stalled reader, 570 of which exhaust the host's TCP memory.
const NOTSENT_LOWAT_BYTES: u32 = 16 << 10;

/// A peer that has vanished is found out after some two minutes of silence, and one that takes
/// nothing of what is sent to it after as long.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(75);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);
const USER_TIMEOUT: Duration = Duration::from_secs(120);

/// Sets what every TCP connection needs. On a listener, those it accepts inherit all of it, which
/// saves four calls for each.
pub(super) fn set_tcp_options(socket: &impl AsFd) -> io::Result<()> {
    let socket = SockRef::from(socket);
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE_IDLE).with_interval(KEEPALIVE_INTERVAL);
    socket.set_tcp_keepalive(&keepalive)?;
    // We write once a turn, whole lines: there is nothing to wait for.
    socket.set_tcp_nodelay(true)?;
    #[cfg(target_os = "linux")]
    {
        socket.set_tcp_notsent_lowat(NOTSENT_LOWAT_BYTES)?;
        socket.set_tcp_user_timeout(Some(USER_TIMEOUT))?;
    }
    Ok(())
}

/// send(2): more is about to follow.
#[cfg(target_os = "linux")]
const MSG_MORE: i32 = 0x8000;

impl Stream for Socket {
    fn finish(&mut self) -> io::Result<()> {
        match self {
            Socket::Tcp(stream) => stream.shutdown(Shutdown::Write),
            Socket::Unix(stream) => stream.shutdown(Shutdown::Write),
        }
    }

    #[cfg(target_os = "linux")]
    fn write_last(&mut self, said: &[u8]) -> io::Result<usize> {
        let n = match self {
            // The end goes with what was said, and its reader is woken once.
            Socket::Tcp(stream) => SockRef::from(&*stream).send_with_flags(said, MSG_MORE)?,
            Socket::Unix(stream) => stream.write(said)?,
        };
        self.finish().and(Ok(n))
    }

    fn handshake(&mut self, _effort: &mut Effort) -> io::Result<Progress> {
        let Socket::Tcp(stream) = self else { return Ok(Progress::Established) };
        if let Some(e) = stream.take_error()? {
            return Err(e);
        }
        match stream.peer_addr() {
            Ok(_) => Ok(Progress::Established),
            Err(e) if e.kind() == ErrorKind::NotConnected => Ok(Progress::Waits),
            Err(e) => Err(e),
        }
    }

    fn short_read_empties(&self) -> bool {
        true
    }
}

impl Read for Socket {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Socket::Tcp(stream) => stream.read(buf),
            Socket::Unix(stream) => stream.read(buf),
        }
    }
}

impl Write for Socket {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match self {
            Socket::Tcp(stream) => stream.write(buf),
            Socket::Unix(stream) => stream.write(buf),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
