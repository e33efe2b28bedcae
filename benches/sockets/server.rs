//! A server on a thread of its own, which can be asked for the CPU time it has used.

use crate::measure::thread_cpu_time;
use mio::Waker;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::JoinHandle;
use std::time::Duration;
use stonechat::app::App;
use stonechat::net::reactor::{Address, Listener, Reactor, Transport};
use stonechat::net::tls::Acceptor;
use stonechat::net::{EndpointId, EventLoop, Limits, Service};
use stonechat::store::sqlite::{Database, Durability};
use stonechat::store::{Store, thread};
use tempfile::TempDir;

/// A running server. Ends with [`Server::stop`].
pub struct Server {
    pub address: SocketAddr,
    waker: Arc<Waker>,
    asks: Sender<Sender<Duration>>,
    thread: JoinHandle<()>,
}

/// The server's side: the requests to answer after each use of its waker.
pub struct Asked(Receiver<Sender<Duration>>);

/// The address and waker of a server, once it listens.
pub type Ready = (SocketAddr, Arc<Waker>);

impl Server {
    /// Runs `serve` on a thread. It sends its address and waker, and returns on request.
    pub fn spawn(serve: impl FnOnce(Sender<Ready>, Asked) + Send + 'static) -> Server {
        let (ready, is_ready) = channel();
        let (asks, asked) = channel();
        let thread = std::thread::spawn(move || serve(ready, Asked(asked)));
        let (address, waker) = is_ready.recv().expect("the server starts");
        Server { address, waker, asks, thread }
    }

    /// Runs a reactor with `service`.
    pub fn of(service: impl Service + Send + 'static) -> Server {
        Server::with(service, None)
    }

    /// Runs a reactor with `service`, over TLS if an acceptor is given.
    pub fn with(service: impl Service + Send + 'static, tls: Option<Acceptor>) -> Server {
        Server::spawn(move |ready, asked| {
            let mut reactor = Reactor::new().expect("a reactor");
            let address = listen_with(&mut reactor, EndpointId(0), tls);
            let mut server = EventLoop::new(service, limits());
            ready.send((address, reactor.waker())).expect("somebody waits for it");
            loop {
                let heard = reactor.turn(&mut server, None).expect("the poll works");
                if heard.woken && !asked.answer() {
                    return;
                }
            }
        })
    }

    /// The CPU time of its thread so far.
    pub fn cpu_time(&self) -> Duration {
        let (answer, answered) = channel();
        self.asks.send(answer).expect("the server runs");
        self.waker.wake().expect("the server can be woken");
        answered.recv().expect("the server answers")
    }

    pub fn stop(self) {
        drop(self.asks);
        self.waker.wake().expect("the server can be woken");
        self.thread.join().expect("the server ends in peace");
    }
}

impl Asked {
    /// Answers all requests. Returns false when it is time to stop.
    pub fn answer(&self) -> bool {
        loop {
            match self.0.try_recv() {
                Ok(answer) => answer.send(thread_cpu_time()).expect("who asks waits"),
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => return false,
            }
        }
    }
}

/// The thread of the store, as in the daemon: a database on the disk of $TMPDIR, with durable
/// writes.
pub struct Keeper {
    thread: JoinHandle<()>,
    dir: TempDir,
}

impl Keeper {
    pub fn begin(app: &mut App, waker: Arc<Waker>) -> Keeper {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("stonechat.db");
        let database = Database::open(&file, Durability::Full).expect("a database");
        let (store, far) = Store::new(STORE_REQUESTS_MAX);
        app.chat.keep_in(store);
        let thread = thread::serve(far, database, move || drop(waker.wake())).expect("a thread");
        Keeper { thread, dir }
    }

    /// Waits for the thread. Call this once the app, and with it the store, is dropped.
    pub fn end(self) {
        self.thread.join().expect("the database is closed in peace");
        drop(self.dir);
    }
}

/// The daemon's limit of open requests.
const STORE_REQUESTS_MAX: usize = 16_384;

/// Listens on some port of loopback.
pub fn listen(reactor: &mut Reactor, endpoint: EndpointId) -> SocketAddr {
    listen_with(reactor, endpoint, None)
}

/// Listens on some port of loopback, over TLS if an acceptor is given.
pub fn listen_with(
    reactor: &mut Reactor,
    endpoint: EndpointId,
    tls: Option<Acceptor>,
) -> SocketAddr {
    let listener = listener();
    let Address::Tcp(address) = *listener.address() else { unreachable!("it was bound to TCP") };
    reactor.listen_with(endpoint, listener, tls).expect("the listener can be watched");
    address
}

/// A listener on some port of loopback.
pub fn listener() -> Listener {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    Listener::bind(&Address::Tcp(address), false).expect("a port")
}

/// Limits that allow as many connections as there are descriptors.
pub fn limits() -> Limits {
    Limits { connections: 1 << 20, ..Limits::default() }
}

/// The loop of all servers here, generic over the service.
pub type Loop<V> = EventLoop<Transport, V>;
