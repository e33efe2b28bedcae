//! A listening socket: bound by us, or handed to us by a service manager.

use super::socket::{Socket, set_tcp_options};
use mio::event::Source;
use mio::net::{TcpListener, UnixListener};
use socket2::{Domain, Protocol, SockRef, Type};
use std::fmt;
use std::fs;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

/// Where a listener listens. Displayed as in a listener's URL, behind `scheme://`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// An address and port.
    Tcp(SocketAddr),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

/// A non-blocking listening socket.
#[derive(Debug)]
pub struct Listener {
    socket: Inner,
    address: Address,
    /// The device and number of the file that we made for this Unix socket, and remove in the end.
    ours: Option<(u64, u64)>,
}

#[derive(Debug)]
enum Inner {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// mio's own `bind` leaves it at 128, which a reconnect storm overruns.
const BACKLOG: i32 = 4096;

impl Listener {
    /// Binds and listens. An IPv6 address takes IPv6 alone. A Unix socket that nobody answers on
    /// any more is replaced.
    pub fn bind(address: &Address, reuse_port: bool) -> io::Result<Listener> {
        match address {
            Address::Tcp(address) => bind_tcp(*address, reuse_port),
            Address::Unix(path) => bind_unix(path),
        }
    }

    /// Takes over a socket that listens already.
    pub fn inherit_tcp(listener: std::net::TcpListener) -> io::Result<Listener> {
        must_listen(&listener)?;
        listener.set_nonblocking(true)?;
        set_tcp_options(&listener)?;
        let address = Address::Tcp(listener.local_addr()?);
        let socket = Inner::Tcp(TcpListener::from_std(listener));
        Ok(Listener { socket, address, ours: None })
    }

    /// Takes over a Unix socket that listens already.
    pub fn inherit_unix(listener: std::os::unix::net::UnixListener) -> io::Result<Listener> {
        must_listen(&listener)?;
        listener.set_nonblocking(true)?;
        let path = listener.local_addr()?.as_pathname().map(Path::to_owned);
        let address = Address::Unix(path.unwrap_or_default());
        let socket = Inner::Unix(UnixListener::from_std(listener));
        Ok(Listener { socket, address, ours: None })
    }

    /// Where it listens; a port that was given as 0 is known by now.
    pub fn address(&self) -> &Address {
        &self.address
    }

    pub(super) fn source(&mut self) -> &mut dyn Source {
        match &mut self.socket {
            Inner::Tcp(listener) => listener,
            Inner::Unix(listener) => listener,
        }
    }

    /// Takes one connection from the backlog.
    pub(super) fn accept(&self) -> io::Result<(Socket, Option<SocketAddr>)> {
        match &self.socket {
            Inner::Tcp(listener) => {
                let (stream, from) = listener.accept()?;
                Ok((Socket::Tcp(stream), Some(from)))
            }
            Inner::Unix(listener) => Ok((Socket::Unix(listener.accept()?.0), None)),
        }
    }
}

fn bind_tcp(address: SocketAddr, reuse_port: bool) -> io::Result<Listener> {
    let domain = Domain::for_address(address);
    let socket = socket2::Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    if reuse_port {
        socket.set_reuse_port(true)?;
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Listener::inherit_tcp(socket.into())
}

fn bind_unix(path: &Path) -> io::Result<Listener> {
    let listener = match std::os::unix::net::UnixListener::bind(path) {
        Err(e) if e.kind() == ErrorKind::AddrInUse && is_abandoned(path) => {
            fs::remove_file(path)?;
            std::os::unix::net::UnixListener::bind(path)?
        }
        result => result?,
    };
    // std listens with a backlog of 128; listening again sets another.
    SockRef::from(&listener).listen(BACKLOG)?;
    let mut listener = Listener::inherit_unix(listener)?;
    listener.ours = file_number(path);
    Ok(listener)
}

/// A service manager may pass a connection instead (systemd's `Accept=yes`).
fn must_listen(socket: &impl AsFd) -> io::Result<()> {
    match SockRef::from(socket).is_listener()? {
        true => Ok(()),
        false => Err(io::Error::new(ErrorKind::InvalidInput, "it does not listen")),
    }
}

/// A socket's file outlives a process that was killed.
fn is_abandoned(path: &Path) -> bool {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
    let refused = |e: io::Error| e.kind() == ErrorKind::ConnectionRefused;
    is_socket && UnixStream::connect(path).is_err_and(refused)
}

fn file_number(path: &Path) -> Option<(u64, u64)> {
    fs::symlink_metadata(path).ok().map(|file| (file.dev(), file.ino()))
}

impl Drop for Listener {
    fn drop(&mut self) {
        let Address::Unix(path) = &self.address else { return };
        // Somebody may have removed the file, and another daemon made its own in the same place.
        if self.ours.is_some() && self.ours == file_number(path) {
            let _ = fs::remove_file(path);
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Tcp(address) => address.fmt(f),
            Address::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}
