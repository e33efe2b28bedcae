//! The only place that knows mio, sockets and clocks: readiness, sleep, accepting, signals.
//!
//! Everything is registered once, for both directions, edge-triggered. Nothing is polled for:
//! with nothing due the thread sleeps until a socket, a signal or the waker says so.

mod listener;
mod pipes;
mod resolver;
mod socket;

pub use listener::{Address, Listener};
pub use pipes::PipeId;
pub use socket::Socket;

use super::tls::Acceptor;
use super::{
    Attempt, EndpointId, EventLoop, Framed, Networks, Now, Peer, Proxied, Refusal, Service, Step,
};
use mio::{Events, Interest, Poll, Token, Waker};
use pipes::{PIPES_MAX, Pipes};
use resolver::Resolver;
use rustix::io::Errno;
use signal_hook::consts::signal;
use signal_hook_mio::v1_0::Signals;
use std::fs::File;
use std::io::{self, ErrorKind, PipeReader};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The stream of a connection: a socket, behind a proxy perhaps, and with TLS if its listener or dial
/// asks for it.
pub type Transport = Framed<super::Transport<Proxied<Socket>>>;

/// Turns readiness into turns of an [`EventLoop`].
pub struct Reactor {
    poll: Poll,
    events: Events,
    signals: Signals,
    waker: Arc<Waker>,
    listeners: Vec<Listening>,
    /// Closed when there are no descriptors left, to accept one connection and refuse it in words.
    spare: Option<File>,
    /// There were none left at the last accept, and the log says so.
    starved: bool,
    /// Accepting failed; not to be tried again before this uptime.
    accept_again_ms: u64,
    started: Instant,
    resolver: Resolver,
    pipes: Pipes,
    proxies: Proxies,
    looks_max: usize,
}

/// The proxies whose headers are trusted.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    /// Proxies in these networks, wherever they connect.
    pub trusted: Networks,
    /// Endpoints for proxies alone: only one of `trusted`, or a Unix socket's peer, may connect there.
    pub demanded: Vec<EndpointId>,
}

struct Listening {
    endpoint: EndpointId,
    listener: Listener,
    /// Connections there begin with a TLS handshake.
    tls: Option<Acceptor>,
    /// Its backlog may hold connections.
    pending: bool,
}

/// The events of a turn that belong to no connection.
#[derive(Debug, Default)]
pub struct Heard {
    /// In no order; a signal sent twice may be reported once.
    pub signals: Vec<Signal>,
    /// The waker was used.
    pub woken: bool,
    /// Pipes with input, or whose writers have gone. Reported once: they are to be read, or closed.
    pub pipes: Vec<PipeId>,
}

/// The signals that are listened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM.
    Terminate,
    /// SIGINT.
    Interrupt,
    /// SIGHUP.
    Hangup,
    /// SIGUSR1.
    User1,
    /// SIGCHLD: a program that was started has ended, or several have.
    Child,
}

const SIGNALS: Token = Token(usize::MAX);
const WAKER: Token = Token(usize::MAX - 1);
const FIRST_LISTENER: usize = usize::MAX - 1024;
const FIRST_PIPE: usize = FIRST_LISTENER - PIPES_MAX;

/// Accepted in one turn, over all listeners: with 4,000 waiting, the first answer to a client that
/// waits too takes 1 ms; unbounded 20–32 ms.
const ACCEPTS_PER_TURN: usize = 64;

/// Of these, connections with a handshake. One has two costly steps, and a turn takes one such step: more
/// would only wait. With four, open connections waited half as long again in a storm.
const HANDSHAKES_PER_TURN: usize = 1;

/// No effect above noise from 128 on.
const EVENTS_PER_TURN: usize = 1024;

/// Queues to be written from which another look at the poll is worth its cost.
const LOOK_WORTH: usize = 16;

/// Further looks in one turn, by default.
const LOOKS_MAX: usize = 4;

/// After accept(2) has failed for want of something that others may give back.
const ACCEPT_PAUSE_MS: u64 = 1_000;

impl Reactor {
    /// A reactor that hears these signals and nothing else. Call it before any thread starts.
    pub fn new() -> io::Result<Reactor> {
        let poll = Poll::new()?;
        let mut signals = Signals::new([
            signal::SIGTERM,
            signal::SIGINT,
            signal::SIGHUP,
            signal::SIGUSR1,
            signal::SIGCHLD,
        ])?;
        poll.registry().register(&mut signals, SIGNALS, Interest::READABLE)?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        Ok(Reactor {
            poll,
            events: Events::with_capacity(EVENTS_PER_TURN),
            signals,
            waker,
            listeners: Vec::new(),
            spare: open_spare(),
            starved: false,
            accept_again_ms: 0,
            started: Instant::now(),
            resolver: Resolver::default(),
            proxies: Proxies::default(),
            pipes: Pipes::default(),
            looks_max: LOOKS_MAX,
        })
    }

    /// Wakes the loop from another thread; the service is told so in that turn.
    pub fn waker(&self) -> Arc<Waker> {
        self.waker.clone()
    }

    /// Sets how often a turn may look at the poll again before it writes; benchmarks compare.
    pub fn set_looks_max(&mut self, looks_max: usize) {
        self.looks_max = looks_max;
    }

    /// Begins to accept for `endpoint`, which may have several listeners.
    pub fn listen(&mut self, endpoint: EndpointId, listener: Listener) -> io::Result<()> {
        self.listen_with(endpoint, listener, None)
    }

    /// Begins to accept for `endpoint`, with TLS if there is an acceptor.
    pub fn listen_with(
        &mut self,
        endpoint: EndpointId,
        mut listener: Listener,
        tls: Option<Acceptor>,
    ) -> io::Result<()> {
        // A free number: those of listeners that have gone may be used again, as no event of
        // theirs outlives the turn.
        let token = Token(FIRST_LISTENER + self.listeners.len());
        self.poll.registry().register(listener.source(), token, Interest::READABLE)?;
        self.listeners.push(Listening { endpoint, listener, tls, pending: true });
        Ok(())
    }

    /// Believes these proxies, from now on.
    pub fn believe(&mut self, proxies: Proxies) {
        self.proxies = proxies;
    }

    /// Closes the listeners for which `keep` is false. Connections in their backlog are reset.
    pub fn retain_listeners(&mut self, keep: impl Fn(EndpointId) -> bool) -> io::Result<()> {
        let registry = self.poll.registry();
        self.listeners.retain(|bound| keep(bound.endpoint));
        for (index, bound) in self.listeners.iter_mut().enumerate() {
            let token = Token(FIRST_LISTENER + index);
            registry.reregister(bound.listener.source(), token, Interest::READABLE)?;
            bound.pending = true;
        }
        Ok(())
    }

    /// Watches the reading end of a pipe.
    pub fn watch(&mut self, pipe: PipeReader) -> io::Result<PipeId> {
        self.pipes.watch(self.poll.registry(), FIRST_PIPE, pipe)
    }

    /// Appends the input of a pipe to `bytes`, `bytes_max` at most, without waiting for any.
    pub fn read_pipe(
        &mut self,
        id: PipeId,
        bytes: &mut Vec<u8>,
        bytes_max: usize,
    ) -> io::Result<()> {
        self.pipes.read(id, bytes, bytes_max)
    }

    /// Closes a pipe: its writer gets an error.
    pub fn close_pipe(&mut self, id: PipeId) {
        self.pipes.close(id);
    }

    /// The time by both clocks.
    pub fn now(&self) -> Now {
        self.time_at(Instant::now())
    }

    fn time_at(&self, instant: Instant) -> Now {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now {
            uptime_ms: instant.duration_since(self.started).as_millis() as u64,
            unix_ms: unix.as_millis() as u64,
        }
    }

    /// Signals that have come since the last turn, for a program that takes no more turns.
    pub fn signals(&mut self) -> Vec<Signal> {
        self.signals.pending().filter_map(Signal::of).collect()
    }

    /// Sleeps until there is something to do, `at_most` so long, and does it: one turn.
    ///
    /// Fails only if the poll itself does, after which there is no going on.
    pub fn turn<V: Service>(
        &mut self,
        server: &mut EventLoop<Transport, V>,
        at_most: Option<Duration>,
    ) -> io::Result<Heard> {
        let timeout = self.timeout(server, at_most);
        match self.poll.poll(&mut self.events, timeout) {
            Err(e) if e.kind() != ErrorKind::Interrupted => return Err(e),
            _ => {} // an interrupted poll has no events
        }
        let begun = Instant::now();
        let now = self.time_at(begun);
        server.wake(now);
        let mut heard = Heard::default();
        self.tell(server, &mut heard);
        server.hear();
        self.look_again(server, &mut heard)?;
        server.answer();
        // After the turn: open connections are served first, and those that ended have made room.
        self.accept(server, now);
        self.dial(server);
        server.counters().turn_time.add(begun.elapsed());
        Ok(heard)
    }

    fn timeout<V: Service>(
        &self,
        server: &EventLoop<Transport, V>,
        at_most: Option<Duration>,
    ) -> Option<Duration> {
        let now = self.now();
        let waiting = self.listeners.iter().any(|bound| bound.pending);
        let accept = waiting.then(|| {
            let pause = Duration::from_millis(self.accept_again_ms.saturating_sub(now.uptime_ms));
            pause.max(server.admission().wait(now).unwrap_or_default())
        });
        [server.wait(now), accept, at_most].into_iter().flatten().min()
    }

    /// What has arrived while the loop was reading can share the writes of this turn. A look costs
    /// about a microsecond, a write six: with [`LOOK_WORTH`] queues to write it is nearly free.
    fn look_again<V: Service>(
        &mut self,
        server: &mut EventLoop<Transport, V>,
        heard: &mut Heard,
    ) -> io::Result<()> {
        for _ in 0..self.looks_max {
            if server.unwritten() < LOOK_WORTH {
                break;
            }
            match self.poll.poll(&mut self.events, Some(Duration::ZERO)) {
                Err(e) if e.kind() != ErrorKind::Interrupted => return Err(e),
                _ if self.events.is_empty() => break,
                _ => {}
            }
            self.tell(server, heard);
            server.hear();
        }
        Ok(())
    }

    /// Tells the loop which streams are ready for what.
    fn tell<V: Service>(&mut self, server: &mut EventLoop<Transport, V>, heard: &mut Heard) {
        for event in &self.events {
            match event.token() {
                SIGNALS => heard.signals.extend(self.signals.pending().filter_map(Signal::of)),
                WAKER => {
                    heard.woken = true;
                    server.woken();
                }
                Token(token) if token >= FIRST_LISTENER => {
                    if let Some(bound) = self.listeners.get_mut(token - FIRST_LISTENER) {
                        bound.pending = true;
                    }
                }
                Token(token) if token >= FIRST_PIPE => {
                    heard.pipes.push(PipeId::of(token - FIRST_PIPE));
                }
                Token(slot) => {
                    if event.is_writable() {
                        server.writable(slot);
                    }
                    // Data and the end may come as one event; a short read alone would miss the end.
                    // And a read stops short where there are urgent data, whatever follows them.
                    if event.is_read_closed() || event.is_error() || event.is_priority() {
                        server.hung_up(slot);
                    } else if event.is_readable() {
                        server.readable(slot);
                    }
                }
            }
        }
    }

    fn accept<V: Service>(&mut self, server: &mut EventLoop<Transport, V>, now: Now) {
        if now.uptime_ms < self.accept_again_ms {
            return;
        }
        let share = (ACCEPTS_PER_TURN / self.listeners.len().max(1)).max(1);
        for index in 0..self.listeners.len() {
            let secure = self.listeners[index].tls.is_some();
            for _ in 0..if secure { HANDSHAKES_PER_TURN } else { share } {
                let bound = &self.listeners[index];
                // A connection whose handshake could not begin waits in the backlog.
                let waits = bound.tls.is_some() && !server.may_handshake();
                if !bound.pending || waits || !server.accepting() {
                    break;
                }
                if !self.accept_one(index, server) {
                    self.accept_again_ms = self.now().uptime_ms + ACCEPT_PAUSE_MS;
                    break;
                }
            }
        }
        if self.listeners.iter().all(|bound| !bound.pending) {
            server.backlogs_emptied();
        }
    }

    /// Whether there is any use in accepting another right now.
    fn accept_one<V: Service>(
        &mut self,
        index: usize,
        server: &mut EventLoop<Transport, V>,
    ) -> bool {
        let bound = &mut self.listeners[index];
        let endpoint = bound.endpoint;
        match bound.listener.accept() {
            Ok((stream, address)) => {
                self.starved = false;
                let tls = bound.tls.clone();
                let (socket, believed) = match self.proxied(stream, endpoint, address) {
                    Ok(socket) => (socket, true),
                    Err(socket) => (Proxied::plain(socket), false),
                };
                let stream = match super::Transport::new(socket, tls.as_ref()) {
                    Ok(stream) => Framed::plain(stream),
                    Err(e) => {
                        log::error!("cannot begin a handshake: {e}");
                        return true;
                    }
                };
                if !believed {
                    server.refuse(stream, endpoint, Refusal::NotProxy);
                } else if let Some(id) = server.accept(stream, Peer::accepted(endpoint, address)) {
                    self.register(server, id.slot());
                }
            }
            Err(e) if e.kind() == ErrorKind::WouldBlock => bound.pending = false,
            Err(e) if is_of_one_newcomer(&e) => server.counters().accept_errors += 1,
            Err(e) => {
                server.counters().accept_errors += 1;
                let told = is_out_of_descriptors(&e) && self.refuse_one(index, server);
                if !told {
                    let address = self.listeners[index].listener.address();
                    log::error!("cannot accept on {address}: {e}");
                }
                return told;
            }
        }
        true
    }

    /// Accepts a connection with the spare descriptor and tells it that we are full. Returns whether
    /// the spare could be had for that, and got back.
    fn refuse_one<V: Service>(
        &mut self,
        index: usize,
        server: &mut EventLoop<Transport, V>,
    ) -> bool {
        if self.spare.take().is_none() {
            self.spare = open_spare();
            return self.spare.is_some();
        }
        let bound = &mut self.listeners[index];
        match bound.listener.accept() {
            Ok((stream, _)) => {
                if !self.starved {
                    log::warn!("out of file descriptors: connections are refused");
                    self.starved = true;
                }
                let stream = super::Transport::new(Proxied::plain(stream), bound.tls.as_ref());
                if let Ok(stream) = stream {
                    server.refuse(Framed::plain(stream), bound.endpoint, Refusal::ServerFull);
                }
            }
            // accept(2) reports a lack of descriptors before an empty backlog.
            Err(e) if e.kind() == ErrorKind::WouldBlock => bound.pending = false,
            // The spare went to another process: no event would report this backlog again.
            Err(_) => return false,
        }
        self.spare = open_spare();
        self.spare.is_some()
    }

    /// Wraps a socket from which a PROXY header may come; fails where only proxies may connect and this
    /// is none.
    fn proxied(
        &self,
        stream: Socket,
        endpoint: EndpointId,
        address: Option<SocketAddr>,
    ) -> Result<Proxied<Socket>, Socket> {
        let demanded = self.proxies.demanded.contains(&endpoint);
        let believed = match address {
            Some(address) => self.proxies.trusted.contain(address.ip()),
            None => demanded,
        };
        match (believed, demanded) {
            (true, _) => Ok(Proxied::trusting(stream, address, demanded)),
            (false, false) => Ok(Proxied::plain(stream)),
            (false, true) => Err(stream),
        }
    }

    fn dial<V: Service>(&mut self, server: &mut EventLoop<Transport, V>) {
        for (dial, addresses) in self.resolver.found() {
            server.found(dial, addresses);
        }
        while let Some(step) = server.next_step() {
            match step {
                Step::LookUp(dial) => {
                    if let Err((dial, e)) = self.resolver.look_up(dial, &self.waker) {
                        server.found(dial, e);
                    }
                }
                Step::Connect(attempt) => match connect(&attempt) {
                    Ok(stream) => {
                        let id = server.connect(stream, attempt);
                        self.register(server, id.slot());
                    }
                    Err(e) => server.not_connected(attempt, &e),
                },
            }
        }
    }

    fn register<V: Service>(&self, server: &mut EventLoop<Transport, V>, slot: usize) {
        let both = Interest::READABLE | Interest::WRITABLE;
        // `mio` has urgent data told on Linux alone.
        #[cfg(target_os = "linux")]
        let both = both | Interest::PRIORITY;
        let source = server.stream(slot).get_mut().carrier().get_mut().source();
        if let Err(e) = self.poll.registry().register(source, Token(slot), both) {
            log::error!("cannot watch a connection: {e}");
            server.fail(slot);
        }
    }
}

fn connect(attempt: &Attempt) -> io::Result<Transport> {
    let socket = Socket::connect(attempt.address)?;
    super::Transport::connect(Proxied::plain(socket), &attempt.dial.to).map(Framed::plain)
}

impl Signal {
    fn of(number: i32) -> Option<Signal> {
        match number {
            signal::SIGTERM => Some(Signal::Terminate),
            signal::SIGINT => Some(Signal::Interrupt),
            signal::SIGHUP => Some(Signal::Hangup),
            signal::SIGUSR1 => Some(Signal::User1),
            signal::SIGCHLD => Some(Signal::Child),
            _ => None,
        }
    }
}

fn open_spare() -> Option<File> {
    File::open("/dev/null").ok()
}

/// Errors of the connection that was to be accepted, which accept(2) on Linux passes on; the next
/// one may do.
fn is_of_one_newcomer(e: &io::Error) -> bool {
    let errno = Errno::from_io_error(e);
    errno.is_some_and(|errno| {
        matches!(
            errno,
            Errno::INTR
                | Errno::CONNABORTED
                | Errno::PERM
                | Errno::PROTO
                | Errno::NETDOWN
                | Errno::NOPROTOOPT
                | Errno::HOSTDOWN
                | Errno::NONET
                | Errno::HOSTUNREACH
                | Errno::OPNOTSUPP
                | Errno::NETUNREACH
        )
    })
}

fn is_out_of_descriptors(e: &io::Error) -> bool {
    matches!(Errno::from_io_error(e), Some(Errno::MFILE | Errno::NFILE))
}
