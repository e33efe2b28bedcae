//! Behind a proxy: the address for limits, mandatory headers, and a reload of both.

use crate::process::{Client, Daemon};
use rustix::process::Signal;
use std::fs;
use std::net::SocketAddr;

/// Two listeners, of which the second is for proxies.
const FLAGS: [&str; 4] = ["--listen", "echo://127.0.0.1:0", "--listen", "echo://127.0.0.2:0?proxy"];

const TRUSTING: &str = "limits.connections_per_ip = 1\n[proxy]\ntrusted = [\"127.0.0.0/8\"]";

fn second(daemon: &Daemon) -> SocketAddr {
    daemon.listening[1].strip_prefix("echo://").unwrap().parse().unwrap()
}

fn header(from: &str) -> String {
    format!("PROXY TCP4 {from} 127.0.0.1 50000 7007\r\n")
}

/// The sum over the listeners, and the reasons if there are any.
fn counted(daemon: &mut Daemon, name: &str) -> u64 {
    let metrics = daemon.metrics();
    let samples = metrics.lines().filter(|line| line.starts_with(name));
    samples.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
}

#[test]
fn limits_and_counters_see_whom_the_proxy_speaks_for() {
    let mut daemon = Daemon::start_with(TRUSTING, &FLAGS, |_| {});
    for address in [daemon.address(), second(&daemon)] {
        let mut ann = Client::connect(address);
        assert_eq!(ann.ask(&(header("203.0.113.5") + "ann\n")), b"ANN\n");
        let mut bob = Client::connect(address);
        assert_eq!(bob.ask(&(header("203.0.113.6") + "bob\n")), b"BOB\n");
        let mut again = Client::connect(address);
        let told = again.ask(&(header("203.0.113.5") + "again\n"));
        assert_eq!(told, b"ERROR :too many connections from your address\r\n");
        drop((ann, bob));
        while counted(&mut daemon, "stonechat_connections{") > 0 {}
    }
    // Checks of a proxy: by a LOCAL header, and by a mere connect.
    let clients = |daemon: &mut Daemon| {
        let opened = counted(daemon, "stonechat_connections_total{");
        (opened, counted(daemon, "stonechat_connections_refused_total{"))
    };
    let before = clients(&mut daemon);
    assert_eq!(before, (4, 2));
    let mut check = Client::connect(second(&daemon));
    check.send(b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0");
    drop(check);
    drop(Client::connect(second(&daemon)));
    // A later connection is served after them.
    let mut cat = Client::connect(second(&daemon));
    assert_eq!(cat.ask(&(header("203.0.113.7") + "cat\n")), b"CAT\n");
    assert_eq!(clients(&mut daemon), (5, 2), "nobody else has come");
    daemon.stop();
}

#[test]
fn a_listener_for_proxies_is_for_nobody_else() {
    let daemon = Daemon::start_with("", &FLAGS, |_| {});
    let mut stranger = Client::connect(second(&daemon));
    let told = stranger.ask(&(header("203.0.113.5") + "hello\n"));
    assert_eq!(told, b"ERROR :this port is for proxies, and yours is not known\r\n");
    let mut direct = daemon.connect();
    let heard = direct.ask(header("203.0.113.5"));
    assert_eq!(heard, header("203.0.113.5").to_uppercase().as_bytes(), "an echo like any other");
    fs::write(daemon.config(), TRUSTING).unwrap();
    daemon.signal(Signal::HUP);
    while Client::connect(second(&daemon)).ask(&(header("203.0.113.5") + "hello\n")) != b"HELLO\n" {
    }
    let mut silent = Client::connect(second(&daemon));
    assert_eq!(silent.ask("hello\n"), b"ERROR :bad PROXY header\r\n");
    daemon.stop();
}
