//! Another program locks the database: reads go on, writes wait once and then fail at once, and
//! after the lock all is as before.

use crate::faults::{Served, latest};
use crate::{append, channel, message};
use rusqlite::Connection;
use std::path::Path;
use stonechat::store::*;

/// Locks the database until dropped, as an abandoned `BEGIN IMMEDIATE` in `sqlite3` does.
fn lock(file: &Path) -> Connection {
    let other = Connection::open(file).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    other
}

fn find(name: &str) -> Request {
    Request::FindAccount { folded: name.to_owned() }
}

#[test]
fn what_is_read_overtakes_what_waits_for_the_lock() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("stonechat.db");
    let mut served = Served::start(&file);
    assert_eq!(served.ask_one(append(0)), Reply::Appended);
    let other = lock(&file);
    served.store.ask(append(1), 10).unwrap();
    for (token, request) in [(11, find("ann")), (12, latest()), (13, find("bob"))] {
        served.store.ask(request, token).unwrap();
    }
    let mut read = Vec::new();
    while read.len() < 3 {
        read.extend(served.replies());
    }
    let kept = Reply::Messages(vec![message(0)]);
    assert_eq!(read, [(11, Reply::Account(None)), (12, kept), (13, Reply::Account(None))]);
    // The write has waited, and is not lost.
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(served.replies(), [(10, Reply::Appended)]);
    assert_eq!(served.ask_one(latest()), Reply::Messages([0, 1].map(message).to_vec()));
    served.end();
}

#[test]
fn a_lock_that_lasts_is_waited_for_once_and_is_noticed_when_it_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("stonechat.db");
    let mut served = Served::start(&file);
    assert_eq!(served.ask_one(append(0)), Reply::Appended);
    let other = lock(&file);
    let busy = || Reply::Failed(Trouble::Busy);
    assert_eq!(served.ask_one(append(1)), busy());
    // A hundred groups, each of which could wait two seconds.
    for number in 2..102 {
        assert_eq!(served.ask_one(append(number)), busy());
    }
    assert_eq!(served.store.health(), &Health::Ailing(Trouble::Busy));
    assert_eq!(served.ask_one(latest()), Reply::Messages(vec![message(0)]));
    drop(other);
    assert_eq!(served.ask_one(append(102)), Reply::Appended);
    assert_eq!(served.store.health(), &Health::Well);
    served.end();
}

#[test]
fn a_store_that_is_dropped_under_a_lock_ends() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("stonechat.db");
    let mut served = Served::start(&file);
    let _other = lock(&file);
    for number in 0..400 {
        served.store.ask(append(number), number).unwrap();
        served.store.ask(latest(), 1000 + number).unwrap();
    }
    served.end();
}

/// A page is cut if its messages are too large together, and paging goes on from there.
#[test]
fn a_reply_is_bounded_in_bytes_and_one_can_page_on() {
    const TEXT: usize = 64 << 10;
    let large = |number: u32| {
        let text = Text::Line(format!("{number} {}", "x".repeat(TEXT)));
        Message { text, ..message(number) }
    };
    let dir = tempfile::tempdir().unwrap();
    let mut served = Served::start(&dir.path().join("stonechat.db"));
    let said = |number| Request::Append { target: channel(), message: large(number) };
    served.ask((0..100).map(said));
    let mut select = |selection| {
        let (target, limit) = (channel(), Limit::new(100));
        match served.ask_one(Request::Select { target, selection, limit, events: true }) {
            Reply::Messages(page) => {
                let bytes: usize = page.iter().map(Message::bytes).sum();
                assert!(bytes <= Reply::BYTES_MAX, "{bytes}");
                page.iter().map(|message| message.time_ms as u32).collect::<Vec<u32>>()
            }
            other => panic!("{other:?}"),
        }
    };
    let at = |number: u32| Point::Msgid(format!("m{number}"));
    let latest = select(Selection::Latest(None));
    assert_eq!(latest.last(), Some(&99), "of the last the newest are kept");
    let (mut back, mut first) = (latest.clone(), latest[0]);
    while first > 0 {
        let page = select(Selection::Before(at(first)));
        first = page[0];
        back.splice(0..0, page);
    }
    assert_eq!(back, (0..100).collect::<Vec<u32>>());
    let mut forth = vec![0];
    while *forth.last().unwrap() < 99 {
        forth.extend(select(Selection::After(at(*forth.last().unwrap()))));
    }
    assert_eq!(forth, (0..100).collect::<Vec<u32>>());
    let around = select(Selection::Around(at(50)));
    assert!(around.contains(&49) && around.contains(&50), "{around:?}");
    assert_eq!(select(Selection::Between(at(10), at(90)))[0], 11);
    assert_eq!(select(Selection::Between(at(90), at(10))).last(), Some(&89));
    served.end();
}

#[test]
fn one_message_is_answered_whatever_its_size() {
    let dir = tempfile::tempdir().unwrap();
    let mut served = Served::start(&dir.path().join("stonechat.db"));
    let text = Text::Line("x".repeat(Reply::BYTES_MAX + 1));
    let huge = Message { text, ..message(1) };
    served.ask_one(Request::Append { target: channel(), message: huge.clone() });
    assert_eq!(served.ask_one(latest()), Reply::Messages(vec![huge]));
    served.end();
}

#[test]
fn history_waits_for_replies_to_be_taken_and_look_ups_do_not_wait_for_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut served = Served::start(&dir.path().join("stonechat.db"));
    let text = || Text::Line("x".repeat(100 << 10));
    served.ask((0..5).map(|number| Request::Append {
        target: channel(),
        message: Message { text: text(), ..message(number) },
    }));
    const ROOM: usize = 4 << 20;
    served.store.set_reply_bytes_max(ROOM);
    for token in 0..100 {
        served.store.ask(latest(), token).unwrap();
    }
    served.store.ask(find("ann"), 1000).unwrap();
    let mut order = Vec::new();
    while order.len() < 101 {
        assert!(served.store.reply_bytes() <= ROOM + Reply::BYTES_MAX);
        order.extend(served.store.replies().take(1).map(|(token, _)| token));
    }
    let place = order.iter().position(|token| *token == 1000).unwrap();
    assert!(place < 20, "the look-up was answered after {place} pages");
    order.remove(place);
    assert_eq!(order, (0..100).collect::<Vec<u32>>());
    assert_eq!(served.store.reply_bytes(), 0);
    served.end();
}
