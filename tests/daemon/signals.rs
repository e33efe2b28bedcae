//! SIGTERM, SIGINT, SIGHUP, SIGUSR1.

use crate::process::{Client, Daemon};
use rustix::process::Signal;
use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::thread;

const LAST_WORD: &[u8] = b"ERROR :server shutting down\r\n";

#[test]
fn sigterm_and_sigint_end_it_and_everyone_is_told() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut daemon = Daemon::start("");
        let mut clients: Vec<Client> = (0..50).map(|_| daemon.connect()).collect();
        clients.iter_mut().for_each(|client| client.ask("here\n").clear());
        daemon.signal(signal);
        for client in &mut clients {
            assert_eq!(client.hear_rest(), LAST_WORD);
        }
        drop(clients);
        let (status, log) = daemon.wait();
        assert_eq!(status.code(), Some(0), "{log}");
    }
}

#[test]
fn sigterm_under_load_loses_no_queued_byte() {
    let mut daemon = Daemon::start("");
    let address = daemon.address();
    let talkers: Vec<_> = (0..20)
        .map(|n| {
            let mut client = Client::connect(address);
            let line = format!("line of client {n}\n");
            let many = line.repeat(1000);
            client.send(&many);
            client.hear();
            thread::spawn(move || {
                let mut stream = client.stream.try_clone().unwrap();
                let writer =
                    thread::spawn(move || while stream.write_all(many.as_bytes()).is_ok() {});
                let heard = client.hear_rest();
                let _ = writer.join();
                let end = heard[heard.len().saturating_sub(80)..].escape_ascii();
                let echoes = heard.strip_suffix(LAST_WORD);
                let echoes = echoes.unwrap_or_else(|| panic!("no last word at the end of {end}"));
                let line = line.to_uppercase().into_bytes();
                for (n, echo) in echoes.chunks(line.len()).enumerate() {
                    let (echo, line) = (echo.escape_ascii(), line.escape_ascii());
                    assert_eq!(echo.to_string(), line.to_string(), "line {n}");
                }
            })
        })
        .collect();
    thread::yield_now();
    daemon.signal(Signal::TERM);
    for talker in talkers {
        talker.join().unwrap();
    }
    let (status, log) = daemon.wait();
    assert_eq!(status.code(), Some(0), "{log}");
}

#[test]
fn who_does_not_read_delays_the_end_only_so_long() {
    let mut daemon = Daemon::start("shutdown_timeout = \"1s\"");
    let mut stuck = daemon.connect();
    stuck.ask("here\n");
    fill(&mut daemon, &mut stuck);
    daemon.signal(Signal::TERM);
    let (status, log) = daemon.wait();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(log.contains("1 did not read their last word"), "{log}");
}

#[test]
fn a_second_sigterm_ends_it_at_once() {
    let mut daemon = Daemon::start("shutdown_timeout = \"1h\"\nlimits.drain_timeout = \"1h\"");
    let mut stuck = daemon.connect();
    fill(&mut daemon, &mut stuck);
    daemon.signal(Signal::TERM);
    // Once connects are refused, the first signal was handled.
    while std::net::TcpStream::connect(daemon.address()).is_ok() {}
    daemon.signal(Signal::TERM);
    let (status, log) = daemon.wait();
    assert_eq!(status.code(), Some(1), "{log}");
}

/// Queues so much for `client` that it cannot be written out.
fn fill(daemon: &mut Daemon, client: &mut Client) {
    client.stream.set_nonblocking(true).unwrap();
    let lines = b"never read\n".repeat(10_000);
    while daemon.metric("stonechat_send_queue_bytes") == 0 {
        let _ = client.stream.write(&lines);
    }
}

#[test]
fn sighup_takes_up_new_limits_and_listeners_and_keeps_who_is_here() {
    let url = |port: u16| format!("listen = [\"echo://127.0.0.1:{port}\"]\n");
    let mut daemon = Daemon::start_with(&url(0), &[], |_| {});
    let mut ann = daemon.connect();
    assert_eq!(ann.ask("x".repeat(20) + "\n"), b"XXXXXXXXXXXXXXXXXXXX\n");
    fs::write(daemon.config(), url(0) + "echo.line_max = 10").unwrap();
    reload(&mut daemon);
    let told = b"ERROR :line too long, at most 10 bytes\r\n";
    assert_eq!(ann.ask("x".repeat(20) + "\n"), told);
    assert_eq!(daemon.connect().ask("new\n"), b"NEW\n", "the listener has stayed");

    let old = daemon.address();
    let other = "listen = [\"echo://127.0.0.2:0\"]";
    fs::write(daemon.config(), other).unwrap();
    daemon.signal(Signal::HUP);
    let line = daemon.read_until("listening ");
    let new = line.trim_end().strip_prefix("listening echo://").unwrap().parse().unwrap();
    assert_eq!(Client::connect(new).ask("new\n"), b"NEW\n");
    assert!(std::net::TcpStream::connect(old).is_err(), "the old listener is closed");
    assert_eq!(ann.ask("still here\n"), b"STILL HERE\n");
    daemon.stop();
}

/// Leaves it this listener alone, and returns the URL and the address that it prints.
fn listen_on(daemon: &mut Daemon, url: &str) -> (String, SocketAddr) {
    fs::write(daemon.config(), format!("listen = [{url:?}]")).unwrap();
    daemon.signal(Signal::HUP);
    let line = daemon.read_until("listening ");
    let url = line.lines().last().unwrap().strip_prefix("listening ").unwrap();
    (url.to_owned(), url.split_once("://").unwrap().1.parse().unwrap())
}

#[test]
fn a_new_listener_takes_the_number_of_one_that_is_closed_and_empty() {
    let mut daemon = Daemon::start_with("listen = [\"echo://127.0.0.1:0\"]", &[], |_| {});
    let first = daemon.listening[0].clone();
    let has = |metrics: &str, url: &str, opened: u64| {
        metrics.contains(&format!("stonechat_connections_total{{listener=\"{url}\"}} {opened}\n"))
    };
    let mut ann = daemon.connect();
    assert_eq!(ann.ask("here\n"), b"HERE\n");

    // Its connection keeps the first one's number, protocol and counters.
    let (irc, address) = listen_on(&mut daemon, "irc://127.0.0.2:0");
    let mut bob = Client::connect(address);
    assert!(bob.ask("CAP LS\r\n").starts_with(b":stonechat.local CAP * LS"));
    assert_eq!(ann.ask("still here\n"), b"STILL HERE\n");
    let metrics = daemon.metrics();
    assert!(has(&metrics, &first, 1) && has(&metrics, &irc, 1), "{metrics}");

    ann.finish();
    assert_eq!(ann.hear_rest(), b"");
    daemon.await_metric(&format!("stonechat_connections{{listener=\"{first}\"}}"), 0);
    let (last, address) = listen_on(&mut daemon, "echo://127.0.0.3:0");
    let metrics = daemon.metrics();
    assert!(!metrics.contains(&first), "its counters have ended with its number: {metrics}");
    assert!(has(&metrics, &irc, 1) && has(&metrics, &last, 0), "{metrics}");
    let mut cat = Client::connect(address);
    assert_eq!(cat.ask("new\n"), b"NEW\n");
    assert!(bob.ask("CAP LS\r\n").starts_with(b":stonechat.local CAP * LS"));
    assert!(has(&daemon.metrics(), &last, 1));

    // With the second one's connection gone too, a listener of the other protocol takes that number.
    drop(bob);
    daemon.await_metric(&format!("stonechat_connections{{listener=\"{irc}\"}}"), 0);
    let (again, address) = listen_on(&mut daemon, "echo://127.0.0.4:0");
    assert_eq!(Client::connect(address).ask("echo\n"), b"ECHO\n");
    let metrics = daemon.metrics();
    assert!(!metrics.contains(&irc) && has(&metrics, &again, 1), "{metrics}");
    assert_eq!(cat.ask("still here\n"), b"STILL HERE\n");
    drop(cat);
    daemon.stop();
}

#[test]
fn sighup_on_a_bad_config_changes_nothing_and_is_reported() {
    let good = "listen = [\"echo://127.0.0.1:0\"]\necho.line_max = 10";
    let mut daemon = Daemon::start_with(good, &[], |_| {});
    let mut ann = daemon.connect();
    let listen = "listen = [\"echo://203.0.113.1:7\"]"; // an address that isn't ours
    for bad in ["echo.line_mox = 10", "echo.line_max = true", "listen = 7", listen, "[[["] {
        fs::write(daemon.config(), bad).unwrap();
        reload(&mut daemon);
        assert_eq!(ann.ask("eleven bytes\n"), b"ERROR :line too long, at most 10 bytes\r\n");
        assert_eq!(daemon.connect().ask("new\n"), b"NEW\n");
    }
    fs::remove_file(daemon.config()).unwrap();
    reload(&mut daemon);
    assert_eq!(daemon.connect().ask("new\n"), b"NEW\n");
    let log = daemon.stop();
    assert!(log.contains("did you mean `line_max`?"), "{log}");
    assert!(log.contains("cannot read config"), "{log}");
}

/// Makes it reload, and waits until it has: signals arrive in no order, but turn by turn.
fn reload(daemon: &mut Daemon) {
    let before = reloads(daemon);
    daemon.signal(Signal::HUP);
    while reloads(daemon) == before {
        std::thread::yield_now();
    }
}

/// How often it has reloaded, or refused to.
fn reloads(daemon: &mut Daemon) -> u64 {
    let metric = |result| format!("stonechat_reloads_total{{result=\"{result}\"}}");
    ["taken", "refused"].map(|result| daemon.metric(&metric(result))).iter().sum()
}

/// Prints more than a pipe and the queue before it take.
#[test]
fn stdout_that_nobody_reads_holds_nobody_up() {
    let flags = ["--listen", "echo://127.0.0.1:0,echos://127.0.0.1:0"];
    let mut daemon = Daemon::start_with("", &flags, |_| {});
    let mut ann = daemon.connect();
    for _ in 0..100 {
        daemon.signal(Signal::USR1);
        assert_eq!(ann.ask("still served\n"), b"STILL SERVED\n");
        daemon.signal(Signal::HUP);
        assert_eq!(ann.ask("still served\n"), b"STILL SERVED\n");
    }
    // Once stdout is read again, the lost lines are reported.
    while !daemon.read_until("# ").ends_with(" lines lost: nobody read them in time\n") {}
    assert!(daemon.metric("stonechat_output_lines_lost_total{stream=\"stdout\"}") > 0);
    daemon.stop();
}

#[test]
fn an_end_is_not_held_up_by_output_that_nobody_reads() {
    let daemon = Daemon::start_with("", &["--listen", "echo://127.0.0.1:0"], |_| {});
    let mut ann = daemon.connect();
    for _ in 0..100 {
        daemon.signal(Signal::USR1);
        assert_eq!(ann.ask("still served\n"), b"STILL SERVED\n");
    }
    daemon.stop();
}

#[test]
fn a_log_that_nobody_reads_holds_nobody_up() {
    let flags = ["--listen", "echo://127.0.0.1:0", "--log", "trace"];
    let mut daemon = Daemon::start_with("", &flags, |_| {});
    let mut ann = daemon.connect();
    let lost = "stonechat_output_lines_lost_total{stream=\"stderr\"}";
    while daemon.metric(lost) == 0 {
        daemon.signal(Signal::HUP);
        assert_eq!(ann.ask("still served\n"), b"STILL SERVED\n");
    }
    daemon.signal(Signal::TERM);
    let (status, log) = daemon.wait();
    assert_eq!(status.code(), Some(0));
    assert!(log.contains("lines lost: nobody read them in time"));
}
