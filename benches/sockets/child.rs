//! A server in a process of its own: its memory is measured apart from the load's.

use crate::server::{limits, listen_with};
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child as Process, Command, Stdio};
use std::time::Duration;
use stonechat::app::{App, Protocol};
use stonechat::chat::Settings;
use stonechat::echo::Echo;
use stonechat::net::reactor::Reactor;
use stonechat::net::tls::Acceptor;
use stonechat::net::{EndpointId, EventLoop, Service};

/// The argument that makes this program a server; the next is its kind, `echo`, `echos` or `irc`.
pub const SERVER: &str = "server";

pub fn serve(kind: &str) {
    match kind {
        "echo" => return serve_with(Echo::new(512), None),
        "echos" => return serve_with(Echo::new(512), Some(crate::tls::shaker())),
        _ => {}
    }
    let mut app = App::new(512, Settings::default());
    app.add_endpoint(Protocol::Irc).expect("the first");
    serve_with(app, None);
}

fn serve_with(service: impl Service, tls: Option<Acceptor>) {
    let mut reactor = Reactor::new().expect("a reactor");
    println!("{}", listen_with(&mut reactor, EndpointId(0), tls));
    let mut server = EventLoop::new(service, limits());
    while reactor.turn(&mut server, None).expect("the poll works").signals.is_empty() {}
}

/// The server process. Ends when dropped.
pub struct Child {
    process: Process,
    pub address: SocketAddr,
}

impl Child {
    /// Starts a server of a kind, and waits until it is at rest.
    pub fn start(kind: &str) -> Child {
        let mut process = Command::new(std::env::current_exe().expect("we run from a file"))
            .args([SERVER, kind])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut said = String::new();
        let stdout = process.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut said).expect("the server says its address");
        let server = Child { process, address: said.trim().parse().expect("an address") };
        server.rest();
        server
    }

    /// Waits until the server has nothing left to do.
    pub fn rest(&self) {
        loop {
            let before = self.wakeups();
            std::thread::sleep(Duration::from_millis(200));
            if self.wakeups() == before {
                return;
            }
        }
    }

    /// Its anonymous memory.
    pub fn anonymous_bytes(&self) -> u64 {
        self.status("RssAnon:") * 1024
    }

    /// The number of its sleeps. The server is one thread.
    pub fn wakeups(&self) -> u64 {
        self.status("voluntary_ctxt_switches:")
    }

    pub fn cpu_ns(&self) -> u64 {
        let schedstat = format!("/proc/{}/schedstat", self.process.id());
        let text = fs::read_to_string(schedstat).expect("the kernel keeps schedstat");
        text.split(' ').next().and_then(|ns| ns.parse().ok()).expect("nanoseconds")
    }

    fn status(&self, field: &str) -> u64 {
        let text = fs::read_to_string(format!("/proc/{}/status", self.process.id()));
        let text = text.expect("the server runs");
        let line = text.lines().find_map(|line| line.strip_prefix(field)).expect("it is kept");
        line.split_whitespace().next().and_then(|n| n.parse().ok()).expect("a number")
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
