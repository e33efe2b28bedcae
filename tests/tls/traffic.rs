//! Data over TLS arrives whole and in order, with records torn anywhere; and the ends of both
//! halves are seen.

use crate::far::{Far, Pipe, echo, shaker};
use crate::world::by_hand::{at, rest};
use crate::world::tls_client::client;
use rustls::SupportedProtocolVersion;
use rustls::version::{TLS12, TLS13};
use std::io::Read;
use stonechat::net::{CloseReason, Limits};

const BOTH: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];

fn closed(server: &mut crate::far::Server<stonechat::app::App>, why: CloseReason) -> u64 {
    let index = CloseReason::ALL.iter().position(|each| *each == why).unwrap();
    server.counters().endpoints[0].closed[index]
}

#[test]
fn what_is_said_through_torn_pipes_arrives_whole() {
    for seed in 0..60 {
        let version = BOTH[seed as usize % 2];
        let mut server = echo(Limits::default());
        // A pipe that holds less than a record, so that every write blocks.
        let pipe = Pipe::Torn(seed, [40, 300, 5_000, 1 << 20][seed as usize / 2 % 4]);
        let mut far = Far::connect(&mut server, &shaker(), client(version), pipe);
        let mut expected = Vec::new();
        for n in 0..30usize {
            let line = format!("{}-{n}\r\n", "x".repeat((n * 97 + seed as usize) % 700));
            far.say(line.as_bytes());
            expected.extend_from_slice(line.to_ascii_uppercase().as_bytes());
            if n % 3 == 0 {
                far.push(&mut server);
                server.turn();
                far.pull(&mut server).unwrap();
            }
        }
        far.settle(&mut server).unwrap();
        assert_eq!(far.heard, expected, "seed {seed}");
        server.check();
    }
}

/// The loop reads little from each of many ready connections; decrypted rest in rustls is read
/// later, though the pipe is empty.
#[test]
fn a_record_longer_than_a_read_is_heard_to_its_end() {
    for version in BOTH {
        let mut server = echo(Limits { recvq_max: 64 << 10, ..Limits::default() });
        let shaker = shaker();
        let mut fars: Vec<Far> = (0..20)
            .map(|_| Far::connect(&mut server, &shaker, client(version), Pipe::Whole))
            .collect();
        for far in &mut fars {
            far.settle(&mut server).unwrap();
        }
        let line = ["y".repeat(40_000), "\n".into()].concat();
        for far in &mut fars {
            far.say(line.as_bytes());
            far.push(&mut server);
        }
        rest(&mut server, at(0));
        for far in &mut fars {
            far.pull(&mut server).unwrap();
            assert_eq!(far.heard.len(), line.len());
        }
    }
}

/// Input that arrives while decrypted bytes wait is reported once, and is not lost with them.
#[test]
fn what_comes_while_something_decrypted_waits_is_heard() {
    let line = ["y".repeat(11_000), "\n".into()].concat();
    for turns in 0..12 {
        let mut server = echo(Limits::default());
        let shaker = shaker();
        let mut fars: Vec<Far> = (0..20)
            .map(|_| Far::connect(&mut server, &shaker, client(&TLS13), Pipe::Whole))
            .collect();
        for far in &mut fars {
            far.settle(&mut server).unwrap();
        }
        for far in &mut fars {
            far.say(line.as_bytes());
            far.push(&mut server);
        }
        (0..turns).for_each(|_| server.turn());
        for far in &mut fars {
            far.say(b"last\n");
            far.push(&mut server);
        }
        rest(&mut server, at(0));
        for far in &mut fars {
            far.pull(&mut server).unwrap();
            assert_eq!(far.heard.len(), line.len() + 5, "after {turns} turns");
        }
    }
}

#[test]
fn several_lines_of_a_turn_go_in_one_record_and_one_write() {
    let mut server = echo(Limits::default());
    let mut far = Far::connect(&mut server, &shaker(), client(&TLS13), Pipe::Whole);
    far.settle(&mut server).unwrap();
    let before = far.wire.borrow().writes;
    far.say(&b"a line\n".repeat(10));
    far.push(&mut server);
    rest(&mut server, at(0));
    assert_eq!(far.wire.borrow().writes - before, 1);
    let down = far.wire.borrow().down.clone();
    assert_eq!(down.len(), 70 + 22, "one header, type and tag");
    far.pull(&mut server).unwrap();
    assert_eq!(far.heard, b"A LINE\n".repeat(10));
}

#[test]
fn the_end_with_close_notify_or_without_is_heard_and_answered() {
    for version in BOTH {
        for polite in [true, false] {
            let mut server = echo(Limits::default());
            let mut far = Far::connect(&mut server, &shaker(), client(version), Pipe::Whole);
            far.say(b"first\nand a rest");
            if polite {
                far.settle(&mut server).unwrap();
                far.tls.send_close_notify();
            }
            far.settle(&mut server).unwrap();
            far.wire.borrow_mut().up_ended = true;
            server.hung_up(far.id.slot());
            rest(&mut server, at(0));
            far.pull(&mut server).unwrap();
            assert_eq!(far.heard, b"FIRST\nAND A REST");
            assert!(far.wire.borrow().down_ended);
            assert_eq!(far.tls.reader().read(&mut [0]).ok(), Some(0), "no close_notify was said");
            assert!(server.is_empty());
            assert_eq!(closed(&mut server, CloseReason::Hangup), 1, "{version:?}, {polite}");
        }
    }
}

/// A client that has sent close_notify may go on reading.
#[test]
fn a_half_that_has_ended_leaves_the_other_open() {
    let mut server = echo(Limits::default());
    let mut far = Far::connect(&mut server, &shaker(), client(&TLS13), Pipe::Torn(3, 100));
    far.settle(&mut server).unwrap();
    far.say(&b"word\n".repeat(500));
    far.tls.send_close_notify();
    far.settle(&mut server).unwrap();
    assert!(far.heard == b"WORD\n".repeat(500), "{} bytes", far.heard.len());
}

#[test]
fn a_server_that_closes_says_so_and_lingers() {
    for version in BOTH {
        let mut server = echo(Limits::default());
        let mut far = Far::connect(&mut server, &shaker(), client(version), Pipe::Whole);
        far.settle(&mut server).unwrap();
        far.say(b"CLOSE SOCKET\nand more\n");
        far.settle(&mut server).unwrap();
        assert_eq!(far.heard, b"CLOSE SOCKET\n");
        assert!(far.wire.borrow().down_ended && !far.wire.borrow().server_gone);
        far.say(b"still here\n");
        far.settle(&mut server).unwrap();
        far.wire.borrow_mut().up_ended = true;
        server.hung_up(far.id.slot());
        rest(&mut server, at(0));
        assert!(server.is_empty() && !far.wire.borrow().reset);
        assert_eq!(closed(&mut server, CloseReason::Done), 1);
    }
}

/// Nothing is sent after our close_notify, not even an alert for bad input.
#[test]
fn a_bad_record_to_a_server_that_has_closed_is_read_and_forgotten() {
    for version in BOTH {
        let mut server = echo(Limits::default());
        let mut far = Far::connect(&mut server, &shaker(), client(version), Pipe::Whole);
        far.settle(&mut server).unwrap();
        far.say(b"CLOSE SOCKET\n");
        far.settle(&mut server).unwrap();
        assert!(far.wire.borrow().down_ended);
        for _ in 0..2 {
            far.send(&mut server, &[23, 3, 3, 0, 30].repeat(10));
            rest(&mut server, at(0));
            server.check();
        }
        assert!(!far.wire.borrow().server_gone && far.wire.borrow().up.is_empty());
        far.wire.borrow_mut().up_ended = true;
        server.hung_up(far.id.slot());
        rest(&mut server, at(0));
        assert!(server.is_empty() && !far.wire.borrow().reset);
        assert_eq!(closed(&mut server, CloseReason::Done), 1);
    }
}

/// The last input is reported together with the end behind it.
#[test]
fn the_end_behind_a_part_of_a_record_is_heard() {
    for bytes in [&[23, 3, 3, 0, 30, 1][..], &[23]] {
        let mut server = echo(Limits::default());
        let mut far = Far::connect(&mut server, &shaker(), client(&TLS13), Pipe::Whole);
        far.settle(&mut server).unwrap();
        far.wire.borrow_mut().send(bytes);
        far.wire.borrow_mut().up_ended = true;
        server.hung_up(far.id.slot());
        rest(&mut server, at(0));
        assert!(server.is_empty());
        assert_eq!(closed(&mut server, CloseReason::Hangup), 1);
    }
}

#[test]
fn a_bad_record_ends_the_connection_and_its_sender_is_alerted() {
    for version in BOTH {
        let mut server = echo(Limits::default());
        let mut far = Far::connect(&mut server, &shaker(), client(version), Pipe::Whole);
        far.settle(&mut server).unwrap();
        far.say(b"a word\n");
        let mut record = Vec::new();
        far.tls.write_tls(&mut record).unwrap();
        *record.last_mut().unwrap() ^= 1;
        far.send(&mut server, &record);
        rest(&mut server, at(0));
        assert!(server.is_empty());
        assert_eq!(closed(&mut server, CloseReason::Failed), 1);
        let error = far.pull(&mut server).unwrap_err();
        assert!(format!("{error}").contains("BadRecordMac"), "{error}");
    }
}

/// A client may change its keys now and then; one that does nothing else is closed.
#[test]
fn a_storm_of_key_updates_is_ended() {
    let mut server = echo(Limits::default());
    let mut far = Far::connect(&mut server, &shaker(), client(&TLS13), Pipe::Whole);
    far.settle(&mut server).unwrap();
    for _ in 0..20 {
        far.tls.refresh_traffic_keys().unwrap();
        far.say(b"word\n");
        far.settle(&mut server).unwrap();
    }
    assert_eq!(far.heard, b"WORD\n".repeat(20));
    let mut storm = Vec::new();
    for _ in 0..1_000 {
        far.tls.refresh_traffic_keys().unwrap();
        while far.tls.wants_write() {
            far.tls.write_tls(&mut storm).unwrap();
        }
    }
    far.send(&mut server, &storm);
    rest(&mut server, at(0));
    assert!(server.is_empty());
    assert_eq!(closed(&mut server, CloseReason::Failed), 1);
}

/// Unread output is bounded: at most one record is encrypted and unsent.
#[test]
fn who_reads_nothing_is_ended_as_in_plain() {
    let mut server = echo(Limits { sendq_max: 100 << 10, ..Limits::default() });
    let mut far = Far::connect(&mut server, &shaker(), client(&TLS13), Pipe::Torn(1, 5_000));
    far.settle(&mut server).unwrap();
    for _ in 0..2_000 {
        if far.wire.borrow().server_gone {
            break;
        }
        far.say(&[b'x'; 1_000]);
        far.say(b"\n");
        far.push(&mut server);
        rest(&mut server, at(0));
        server.check();
    }
    assert!(server.backlog_bytes() <= 100 << 10);
    // The client is paused, not closed: its input waits until it reads.
    let queued = server.backlog_bytes();
    assert!(queued > 60 << 10, "{queued}");
    far.settle(&mut server).unwrap();
    assert_eq!(far.heard.len(), 2_000 * 1_001);
}
