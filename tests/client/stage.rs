//! The echo server, servers played by the test, and the program under test.

use socket2::{Domain, Socket, Type};
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use stonechat::app::{App, Protocol};
use stonechat::net::reactor::{Address, Listener, Reactor};
use stonechat::net::{EventLoop, Limits};

/// Our own echo server, on a thread of the test.
pub struct EchoServer {
    pub address: SocketAddr,
    stop: Box<dyn Fn()>,
    thread: Option<JoinHandle<()>>,
}

impl EchoServer {
    pub fn start(address: SocketAddr) -> EchoServer {
        let mut app = App::new(4096, Default::default());
        let echo = app.add_endpoint(Protocol::Echo).unwrap();
        let mut server = EventLoop::new(app, Limits::default());
        let mut reactor = Reactor::new().unwrap();
        let listener = bind(&Address::Tcp(address));
        let Address::Tcp(address) = *listener.address() else { unreachable!() };
        reactor.listen(echo, listener).unwrap();
        let (waker, stopped) = (reactor.waker(), Arc::new(AtomicBool::new(false)));
        let stopping = stopped.clone();
        let thread = thread::spawn(move || {
            while !stopped.load(Ordering::SeqCst) {
                reactor.turn(&mut server, None).unwrap();
            }
            reactor.retain_listeners(|_| false).unwrap();
            server.shut_down();
            while !server.is_empty() {
                reactor.turn(&mut server, None).unwrap();
            }
        });
        let stop = Box::new(move || {
            stopping.store(true, Ordering::SeqCst);
            waker.wake().unwrap();
        });
        EchoServer { address, stop, thread: Some(thread) }
    }
}

/// Binds with retries: a closed listener may live on for a moment in a child of another test, from
/// its fork to its exec.
fn bind(address: &Address) -> Listener {
    loop {
        match Listener::bind(address, false) {
            Err(e) if e.kind() == ErrorKind::AddrInUse => thread::yield_now(),
            bound => return bound.unwrap(),
        }
    }
}

impl Drop for EchoServer {
    fn drop(&mut self) {
        (self.stop)();
        self.thread.take().unwrap().join().unwrap();
    }
}

/// The program running, killed if the test ends before it does.
pub struct Client(pub Child);

/// The output and status of a program that has ended.
pub struct Left {
    pub status: ExitStatus,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

impl Client {
    pub fn start(args: &[&str]) -> Client {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stonechat"));
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Client(command.spawn().unwrap())
    }

    pub fn stdin(&mut self) -> ChildStdin {
        self.0.stdin.take().unwrap()
    }

    /// Reads all its output and waits for its end; stdin stays open if it was taken.
    pub fn wait(mut self) -> Left {
        drop(self.0.stdin.take());
        let mut from_stderr = self.0.stderr.take().unwrap();
        let stderr = thread::spawn(move || {
            let mut stderr = String::new();
            from_stderr.read_to_string(&mut stderr).unwrap();
            stderr
        });
        let mut stdout = Vec::new();
        self.0.stdout.take().unwrap().read_to_end(&mut stdout).unwrap();
        Left { status: self.0.wait().unwrap(), stdout, stderr: stderr.join().unwrap() }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Left {
    #[track_caller]
    pub fn check(&self, code: i32, stdout: &str, stderr: &str) {
        let heard = String::from_utf8_lossy(&self.stdout);
        assert_eq!((&*heard, &*self.stderr), (stdout, stderr));
        assert_eq!(self.status.code(), Some(code));
    }
}

/// Pipes `input` to the program and waits for its end.
pub fn pipe(input: &[u8], args: &[&str]) -> Left {
    let mut client = Client::start(args);
    let mut stdin = client.stdin();
    let input = input.to_vec();
    // The program may end before it has read everything, or fail to connect at all.
    let writer = thread::spawn(move || drop(stdin.write_all(&input)));
    let left = client.wait();
    writer.join().unwrap();
    left
}

pub fn any_port() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

/// A server played by the test, for one connection.
pub fn serve<T: Send + 'static>(
    play: impl FnOnce(TcpStream) -> T + Send + 'static,
) -> (String, JoinHandle<T>) {
    let listener = TcpListener::bind(any_port()).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (address, thread::spawn(move || play(listener.accept().unwrap().0)))
}

/// A port that refuses connects, and is reserved while the socket is held.
pub fn refusing() -> (String, Socket) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&any_port().into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    (address.to_string(), socket)
}

/// Ends a connection with a reset.
pub fn reset(stream: TcpStream) {
    let stream = Socket::from(stream);
    stream.set_linger(Some(Duration::ZERO)).unwrap();
}

pub fn read_line(stream: &TcpStream) -> String {
    let mut line = String::new();
    BufReader::with_capacity(1, stream).read_line(&mut line).unwrap();
    line
}
