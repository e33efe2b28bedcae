//! The queue, and the thread at its far end.

use crate::{append, message, one, read_all};
use std::sync::mpsc;
use std::time::Duration;
use stonechat::far::{Asked, Busy, Weigh};
use stonechat::store::sqlite::{Database, Durability};
use stonechat::store::{Far, Health, Limit, Reply, Request, Store, Text, Trouble, thread};

#[test]
fn requests_are_bounded_in_number_and_by_what_they_take() {
    let one = append(1).bytes();
    assert!((200..2000).contains(&one), "{one}");
    for bound in [Store::new(2), Store::with_bytes(100, 2 * one)] {
        let (mut store, far) = bound;
        assert_eq!(store.ask(append(1), 1), Ok(()));
        assert_eq!(store.ask(append(2), 2), Ok(()));
        assert_eq!(store.ask(append(3), 3), Err(Busy(append(3), 3)));
        far.answer(far.wait().unwrap(), Reply::Appended);
        assert_eq!(store.replies().collect::<Vec<_>>(), [(1, Reply::Appended)]);
        assert_eq!(store.open(), 1);
        assert_eq!(store.ask(append(3), 3), Ok(()));
    }
    let mut large = append(1);
    if let Request::Append { message, .. } = &mut large {
        message.text = Text::Line("x".repeat(10_000));
    }
    assert_eq!(large.bytes(), one + 10_000 - "the 1. thing that was said".len());
}

#[test]
fn it_is_as_well_as_the_last_that_was_to_be_kept() {
    let (mut store, far) = Store::new(9);
    let mut answer = |request: Request, reply: Reply| {
        store.ask(request, 1).unwrap();
        far.answer(far.wait().unwrap(), reply);
        assert_eq!(store.replies().count(), 1);
        store.health().clone()
    };
    let full = || Reply::Failed(Trouble::Full);
    assert_eq!(answer(Request::Channels, full()), Health::Untried);
    assert_eq!(answer(append(1), Reply::Appended), Health::Well);
    assert_eq!(answer(append(2), full()), Health::Ailing(Trouble::Full));
    assert_eq!(answer(Request::Channels, Reply::Channels(vec![])), Health::Ailing(Trouble::Full));
    assert_eq!(answer(append(1), Reply::Failed(Trouble::Duplicate)), Health::Well);
}

#[test]
fn a_dropped_store_is_served_to_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("stonechat.db");
    let (mut store, far) = Store::new(2000);
    for number in 0..1500 {
        store.ask(append(number), number).unwrap();
    }
    drop(store);
    let database = Database::open(&file, Durability::Full).unwrap();
    thread::serve(far, database, || {}).unwrap().join().unwrap();
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "the log is merged");
    let mut database = Database::open(&file, Durability::Full).unwrap();
    assert_eq!(read_all(&mut database), Ok((0..1500).map(message).collect()));
}

/// Sends all requests and waits for the replies.
fn ask_all(
    store: &mut Store<u32>,
    woken: &mpsc::Receiver<()>,
    numbers: std::ops::Range<u32>,
) -> Vec<Reply> {
    let wanted = numbers.len();
    for number in numbers {
        store.ask(append(number), number).unwrap();
    }
    let mut replies = Vec::new();
    while replies.len() < wanted {
        woken.recv_timeout(Duration::from_secs(60)).expect("woken for each group of replies");
        replies.extend(store.replies().map(|(_, reply)| reply));
    }
    replies
}

#[test]
fn a_full_disk_refuses_by_name_and_recovers_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("stonechat.db");
    let (mut store, far) = Store::new(1000);
    let (wake, woken) = mpsc::channel();
    let mut database = Database::open(&file, Durability::Full).unwrap();
    database.set_max_bytes(256 << 10).unwrap();
    let thread = thread::serve(far, database, move || wake.send(()).unwrap()).unwrap();
    let (mut kept, mut next) = (Vec::new(), 0);
    loop {
        let numbers = next..next + 100;
        next = numbers.end;
        let replies = ask_all(&mut store, &woken, numbers.clone());
        for (number, reply) in numbers.zip(&replies) {
            match reply {
                Reply::Appended => kept.push(number),
                other => assert_eq!(other, &Reply::Failed(Trouble::Full)),
            }
        }
        if replies.contains(&Reply::Failed(Trouble::Full)) {
            break;
        }
    }
    assert!(kept.len() > 300, "{}", kept.len());
    drop(store);
    thread.join().unwrap();

    // One connection, once there is room again.
    let mut database = Database::open(&file, Durability::Full).unwrap();
    assert_eq!(read_all(&mut database), Ok(kept.iter().copied().map(message).collect()));
    database.set_max_bytes(1).unwrap();
    while one(&mut database, &append(next)) == Reply::Appended {
        kept.push(next);
        next += 1;
    }
    assert_eq!(one(&mut database, &append(next)), Reply::Failed(Trouble::Full));
    assert_eq!(read_all(&mut database).unwrap().len(), kept.len(), "reading goes on");
    database.set_max_bytes(1 << 40).unwrap();
    assert_eq!(one(&mut database, &append(next)), Reply::Appended);
    kept.push(next);
    assert_eq!(read_all(&mut database), Ok(kept.into_iter().map(message).collect()));
}

#[test]
fn who_appends_what_is_there_is_refused_alone() {
    let mut database = Database::in_memory().unwrap();
    let requests = [append(1), append(2), append(1), append(3)];
    let replies = database.serve(requests.iter());
    let duplicate = Reply::Failed(Trouble::Duplicate);
    assert_eq!(replies, [Reply::Appended, Reply::Appended, duplicate, Reply::Appended]);
    assert_eq!(read_all(&mut database), Ok([1, 2, 3].map(message).to_vec()));
}

#[test]
fn what_was_said_before_it_is_asked_for_is_in_it() {
    let (mut store, far) = Store::new(10);
    let mut database = Database::in_memory().unwrap();
    let selection = stonechat::store::Selection::Latest(None);
    let select = Request::Select {
        target: crate::channel(),
        selection,
        limit: Limit::new(9),
        events: false,
    };
    for request in [append(1), append(2), select.clone(), append(3)] {
        store.ask(request, ()).unwrap();
    }
    serve_by_hand(&far, &mut database);
    let replies: Vec<Reply> = store.replies().map(|(_, reply)| reply).collect();
    assert_eq!(replies[2], Reply::Messages([1, 2].map(message).to_vec()));
}

fn serve_by_hand(far: &Far, database: &mut Database) {
    let group: Vec<Asked<Request>> = std::iter::from_fn(|| far.take()).collect();
    let replies = database.serve(group.iter().map(|asked| &asked.question));
    for (asked, reply) in group.into_iter().zip(replies) {
        far.answer(asked, reply);
    }
}
