//! The echo service, with clients of all kinds.

use crate::process::{Client, Daemon};
use rustix::process::Signal;
use std::io::{Read, Write};
use std::thread;

#[test]
fn every_line_comes_back_in_upper_case() {
    let daemon = Daemon::start("");
    let mut ann = daemon.connect();
    assert_eq!(ann.ask("hello\n"), b"HELLO\n");
    assert_eq!(ann.ask("with a return\r\n"), b"WITH A RETURN\r\n");
    assert_eq!(ann.ask("straße, ἀθήνα\n"), "STRASSE, ἈΘΉΝΑ\n".as_bytes());
    assert_eq!(ann.ask("\n"), b"\n");
    assert_eq!(ann.ask(b"caf\xe9 \0 \xff\n"), b"CAF\xe9 \0 \xff\n");
    assert_eq!(ann.ask("lone\rreturn\n"), b"LONE\rRETURN\n");
    daemon.stop();
}

/// Urgent data, as telnet sends with an interrupt. The system ends a read before and after it.
#[test]
fn what_follows_urgent_data_is_heard_too() {
    let daemon = Daemon::start("");
    let mut ann = daemon.connect();
    ann.ask("here\n");
    // The daemon is stopped, so that all input is there when the first is read.
    daemon.signal(Signal::STOP);
    ann.send("before\n");
    socket2::SockRef::from(&ann.stream).send_out_of_band(b"!").unwrap();
    ann.send("after\n");
    daemon.signal(Signal::CONT);
    assert_eq!(ann.hear(), b"BEFORE\n");
    assert_eq!(ann.hear(), b"AFTER\n");
    daemon.stop();
}

#[test]
fn close_socket_ends_that_connection_alone() {
    let daemon = Daemon::start("");
    let (mut ann, mut bob) = (daemon.connect(), daemon.connect());
    bob.ask("here\n");
    ann.send("now CLOSE SOCKET please\nnever heard\n");
    assert_eq!(ann.hear_rest(), b"NOW CLOSE SOCKET PLEASE\n");
    assert_eq!(bob.ask("close socket\n"), b"CLOSE SOCKET\n");
    assert_eq!(bob.ask("still here\n"), b"STILL HERE\n");
    daemon.stop();
}

#[test]
fn the_last_word_arrives_however_much_was_sent_behind_it() {
    let daemon = Daemon::start("");
    let mut ann = daemon.connect();
    ann.send("CLOSE SOCKET\n");
    // A server that closed at once would answer this with a reset.
    while ann.stream.write_all(&[b'x'; 4096]).is_ok() && !heard_something(&ann) {}
    assert_eq!(ann.hear(), b"CLOSE SOCKET\n");
    daemon.stop();
}

fn heard_something(client: &Client) -> bool {
    client.stream.set_nonblocking(true).unwrap();
    let heard = client.stream.peek(&mut [0]).is_ok();
    client.stream.set_nonblocking(false).unwrap();
    heard
}

#[test]
fn a_half_closed_peer_is_answered_to_the_last_byte() {
    let daemon = Daemon::start("");
    let mut ann = daemon.connect();
    ann.send("one\ntwo\nno line end");
    ann.finish();
    assert_eq!(ann.hear_rest(), b"ONE\nTWO\nNO LINE END");
    let mut bob = daemon.connect();
    bob.finish();
    assert_eq!(bob.hear_rest(), b"");
    daemon.stop();
}

#[test]
fn a_half_closed_peer_that_reads_late_misses_nothing() {
    let daemon = Daemon::start("");
    let mut ann = daemon.connect();
    let lines = b"a line that will be answered\n".repeat(20_000);
    let mut stream = ann.stream.try_clone().unwrap();
    let sent = lines.clone();
    let writer = thread::spawn(move || {
        stream.write_all(&sent).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
    });
    assert_eq!(ann.hear_rest(), lines.to_ascii_uppercase());
    writer.join().unwrap();
    daemon.stop();
}

#[test]
fn a_line_may_be_as_long_as_the_limit_and_no_longer() {
    let daemon = Daemon::start("echo.line_max = 100");
    let mut ann = daemon.connect();
    let too_long = b"ERROR :line too long, at most 100 bytes\r\n";
    for ending in ["\n", "\r\n"] {
        let line = |n: usize| ["x".repeat(n), ending.to_owned()].concat();
        assert_eq!(ann.ask(line(99)), line(99).to_uppercase().as_bytes());
        assert_eq!(ann.ask(line(100)), line(100).to_uppercase().as_bytes());
        assert_eq!(ann.ask(line(101)), too_long);
        assert_eq!(ann.ask(line(100_000)), too_long);
    }
    assert_eq!(ann.ask("still here\n"), b"STILL HERE\n");
    daemon.stop();
}

#[test]
fn a_gigabyte_without_a_line_end_costs_no_memory_and_nobody_else_anything() {
    let daemon = Daemon::start("");
    let (mut ann, mut bob) = (daemon.connect(), daemon.connect());
    bob.ask("warm\n");
    let before = daemon.rss_anon();
    let block = vec![b'x'; 1 << 20];
    for n in 0..1024 {
        ann.send(&block);
        if n % 100 == 0 {
            assert_eq!(bob.ask("hello\n"), b"HELLO\n");
        }
    }
    assert!(daemon.rss_anon() < before + (256 << 10));
    assert_eq!(ann.hear(), b"ERROR :line too long, at most 4096 bytes\r\n");
    assert_eq!(ann.ask("\nhello\n"), b"HELLO\n");
    daemon.stop();
}

#[test]
fn who_sends_and_never_reads_is_paused_and_nobody_else_waits() {
    let mut daemon = Daemon::start("");
    let (ann, mut bob) = (daemon.connect(), daemon.connect());
    ann.stream.set_nonblocking(true).unwrap();
    let mut sent = 0;
    let lines = b"never read\n".repeat(10_000);
    // Until both kernels and the daemon are full.
    let mut refused = 0;
    while refused < 1_000 {
        match (&ann.stream).write(&lines) {
            Ok(n) => (sent, refused) = (sent + n, 0),
            Err(_) => refused += 1,
        }
        assert_eq!(bob.ask("hello\n"), b"HELLO\n");
        assert!(sent < 100 << 20, "it takes without end");
    }
    assert!(daemon.metric("stonechat_send_queue_bytes") < 256 << 10);
    // When the client reads after all, it is served again.
    ann.stream.set_nonblocking(false).unwrap();
    ann.stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut heard = Vec::new();
    (&ann.stream).read_to_end(&mut heard).unwrap();
    assert_eq!(heard.len(), sent);
    daemon.stop();
}

#[test]
fn a_hundred_talk_at_once_while_others_die_at_any_moment() {
    let daemon = Daemon::start("");
    let address = daemon.address();
    let talkers: Vec<_> = (0..100)
        .map(|n| {
            thread::spawn(move || {
                let mut client = Client::connect(address);
                for round in 0..100 {
                    let line = format!("client {n} round {round}\n");
                    assert_eq!(client.ask(&line), line.to_uppercase().into_bytes());
                }
            })
        })
        .collect();
    for n in 0..2_000 {
        let mut dying = Client::connect(address);
        match n % 4 {
            0 => drop(dying),
            1 => dying.reset(),
            2 => {
                dying.send("in the middle of a li");
                dying.reset();
            }
            _ => {
                dying.send("an answer that nobody will read\n".repeat(100));
                dying.reset();
            }
        }
    }
    for talker in talkers {
        talker.join().unwrap();
    }
    daemon.stop();
}
