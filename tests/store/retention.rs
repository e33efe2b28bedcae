//! Retention removes exactly the messages beyond its limits.

use crate::{append, channel, message, one, read_all, tidy};
use stonechat::store::sqlite::{self, Database, Durability};
use stonechat::store::*;

/// The bytes that the message of a number counts.
fn bytes(number: u32) -> u64 {
    let Message { msgid, source, account, command, tags, text, .. } = message(number);
    let Text::Line(text) = text else { panic!("of one line") };
    let strings = [msgid, source, account.unwrap(), command, tags, text];
    64 + strings.iter().map(|string| string.len() as u64).sum::<u64>()
}

fn other() -> Target {
    Target::Channel("#other".to_owned())
}

fn append_to(target: Target, number: u32) -> Request {
    Request::Append { target, message: message(number) }
}

fn numbers(database: &mut Database) -> Vec<i64> {
    read_all(database).unwrap().iter().map(|message| message.time_ms).collect()
}

fn policy(age_ms: Option<i64>, bytes: Option<u64>) -> Policy {
    Policy { age_ms, bytes, overrides: Vec::new() }
}

#[test]
fn beyond_its_bytes_the_oldest_go() {
    let mut database = Database::in_memory().unwrap();
    database.serve((0..3000).map(append).collect::<Vec<_>>().iter());
    assert_eq!(database.kept(), (3000, (0..3000).map(bytes).sum()));
    database.retain(policy(None, Some((2900..3000).map(bytes).sum())));
    tidy(&mut database);
    assert_eq!(numbers(&mut database), (2900..3000).collect::<Vec<_>>());
    assert_eq!(database.kept(), (100, (2900..3000).map(bytes).sum()));
    database.serve([append(3000)].iter());
    tidy(&mut database);
    assert_eq!(numbers(&mut database), (2901..3001).collect::<Vec<_>>());
}

#[test]
fn what_is_too_old_goes_but_where_something_else_holds() {
    let mut database = Database::in_memory().unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let hours_ago = |hours: i64| now.as_millis() as i64 - hours * 3_600_000;
    let said = |target: Target, hours| Request::Append {
        target,
        message: Message { time_ms: hours_ago(hours), ..message(hours as u32) },
    };
    let requests: Vec<Request> =
        [channel(), other()].iter().flat_map(|of| (0..48).map(|h| said(of.clone(), h))).collect();
    database.serve(requests.iter());
    let day = Some(24 * 3_600_000 - 60_000);
    let week = Keep { age_ms: Some(7 * 24 * 3_600_000), bytes: None };
    database.retain(Policy { age_ms: day, bytes: None, overrides: vec![(other(), week)] });
    tidy(&mut database);
    assert_eq!(numbers(&mut database).len(), 24);
    assert_eq!(database.kept().0, 24 + 48);
    // Later a sweep removes messages that have become too old.
    database.serve([said(channel(), 47)].iter());
    tidy(&mut database);
    assert_eq!(database.kept().0, 24 + 48 + 1);
    database.sweep();
    tidy(&mut database);
    assert_eq!(database.kept().0, 24 + 48);
}

#[test]
fn of_a_channel_that_keeps_nothing_nothing_is() {
    for keep in [Keep { age_ms: Some(0), bytes: None }, Keep { age_ms: None, bytes: Some(0) }] {
        let mut database = Database::in_memory().unwrap();
        database.serve([append(1), append_to(other(), 2)].iter());
        let overrides = vec![(channel(), keep)];
        let retain = Request::Retain(Policy { overrides, ..Policy::default() });
        assert_eq!(one(&mut database, &retain), Reply::Retained);
        assert_eq!(one(&mut database, &append(3)), Reply::Appended);
        tidy(&mut database);
        assert_eq!(numbers(&mut database), []);
        assert_eq!(database.kept(), (1, bytes(2)));
        one(&mut database, &Request::Retain(Policy::default()));
        assert_eq!(one(&mut database, &append(4)), Reply::Appended);
        assert_eq!(numbers(&mut database), [4]);
    }
}

#[test]
fn what_holds_for_a_name_holds_for_every_channel_of_it() {
    let mut database = Database::in_memory().unwrap();
    let Target::Channel(name) = channel() else { panic!("a channel") };
    let one_of_them = Target::Channel(format!("{name},1f.3"));
    let overrides = vec![(channel(), Keep { age_ms: Some(0), bytes: None })];
    one(&mut database, &Request::Retain(Policy { overrides, ..Policy::default() }));
    for (number, target) in [channel(), one_of_them, other()].into_iter().enumerate() {
        assert_eq!(one(&mut database, &append_to(target, number as u32)), Reply::Appended);
    }
    assert_eq!(database.kept(), (1, bytes(2)));
}

#[test]
fn a_channel_with_bytes_of_its_own_keeps_its_latest_of_whatever_kind() {
    let mut database = Database::in_memory().unwrap();
    let mut requests: Vec<Request> = (10..1500).map(append).collect();
    requests.extend((10..20).map(|number| append_to(other(), number)));
    for request in &mut requests {
        if let Request::Append { message, .. } = request
            && message.time_ms % 3 == 0
        {
            message.command = "TAGMSG ".to_owned(); // as long as PRIVMSG
        }
    }
    database.serve(requests.iter());
    let keep = Keep { age_ms: None, bytes: Some((1400..1500).map(bytes).sum()) };
    database.retain(Policy { overrides: vec![(channel(), keep)], ..Policy::default() });
    tidy(&mut database);
    assert_eq!(database.kept().0, 100 + 10);
    assert!(numbers(&mut database).iter().all(|number| *number >= 1400));
}

#[test]
fn what_is_forgotten_is_gone_at_once_and_leaves_the_file_afterwards() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("stonechat.db");
    let mut database = Database::open(&file, Durability::Normal).unwrap();
    database.serve((0..60_000).map(append).collect::<Vec<_>>().iter());
    database.serve([append_to(other(), 7)].iter());
    tidy(&mut database);
    assert_eq!(one(&mut database, &Request::Forget { target: channel() }), Reply::Forgotten);
    assert_eq!(numbers(&mut database), []);
    assert_eq!(one(&mut database, &append(1)), Reply::Appended, "it may begin anew");
    drop(database);
    let before = file.metadata().unwrap().len();
    let mut database = Database::open(&file, Durability::Normal).unwrap();
    assert_eq!(database.kept().0, 60_002, "not all at once");
    tidy(&mut database);
    assert_eq!(database.kept(), (2, bytes(1) + bytes(7)));
    assert_eq!(numbers(&mut database), [1]);
    database.close();
    let after = file.metadata().unwrap().len();
    assert!(after < 6 << 20 && before > 8 << 20, "{before} bytes, then {after}");
    assert_eq!(sqlite::verify(&file), Ok(vec![]));
}

#[test]
fn what_is_counted_is_what_is_there_whatever_was_done() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("stonechat.db");
    let mut database = Database::open(&file, Durability::Normal).unwrap();
    let lines = ["é", ""].map(|text| Line { text: text.to_owned(), concat: true });
    let mut long = message(3);
    long.text = Text::Lines(lines.to_vec());
    let target = channel();
    let redact = |number: u32| {
        let (target, by) = (channel(), Redactor::Anyone);
        Request::Redact { target, msgid: format!("m{number}"), by }
    };
    let requests = [
        append(1),
        append(1),
        append(2),
        Request::Append { target, message: long },
        append_to(other(), 1),
        redact(2),
        redact(3),
        redact(3),
    ];
    database.serve(requests.iter());
    database.set_max_bytes(1).unwrap();
    while one(&mut database, &append_to(other(), fastrand::u32(..))) == Reply::Appended {}
    let kept = database.kept();
    database.close();
    assert_eq!(sqlite::verify(&file), Ok(vec![]));
    assert_eq!(Database::open(&file, Durability::Normal).unwrap().kept(), kept);
}

#[test]
fn a_clock_far_ahead_of_the_last_message_empties_nothing_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("stonechat.db");
    let hour = 3_600_000;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let now_ms = now.as_millis() as i64;
    // The last message is a year old: a silent server, or a wrong clock.
    for (last_ms, kept) in [(now_ms - 365 * 24 * hour, 2), (now_ms - hour, 1)] {
        let mut database = Database::open(&file, Durability::Full).unwrap();
        let said = [(1, now_ms - 400 * 24 * hour), (2, last_ms)];
        let said = said.map(|(number, time_ms)| {
            let message = Message { time_ms, ..message(number) };
            Request::Append { target: channel(), message }
        });
        let marker = Message { time_ms: last_ms, ..message(3) };
        database.serve(said.iter());
        database.serve([Request::Append { target: other(), message: marker }].iter());
        database.close();
        let mut served = crate::faults::Served::start(&file);
        // Once the marker is gone, the sweep has passed the channel before it.
        let overrides = vec![(other(), Keep { age_ms: Some(0), bytes: None })];
        let policy = Policy { age_ms: Some(24 * hour), bytes: None, overrides };
        assert_eq!(served.ask_one(Request::Retain(policy)), Reply::Retained);
        let statistics = served.store.statistics().clone();
        while statistics.messages.load(std::sync::atomic::Ordering::Relaxed) != kept {
            std::thread::yield_now();
        }
        served.end();
        let mut database = Database::open(&file, Durability::Full).unwrap();
        assert_eq!(numbers(&mut database).len() as u64, kept);
        drop(database);
        std::fs::remove_file(&file).unwrap();
    }
}

#[test]
fn a_message_of_the_future_takes_its_place_once_a_lower_clock_has_lasted_a_day() {
    let hour = 3_600_000;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let at = |hours: i64| now.as_millis() as i64 + hours * hour;
    let kept_after = |times: &[i64]| {
        let mut database = Database::in_memory().unwrap();
        for (number, time_ms) in (1..).zip(times) {
            let message = Message { time_ms: *time_ms, ..message(number) };
            one(&mut database, &Request::Append { target: channel(), message });
        }
        database.sweep();
        tidy(&mut database);
        let all = read_all(&mut database).unwrap();
        let ids: Vec<String> = all.iter().map(|message| message.msgid.clone()).collect();
        (ids.join(" "), all.last().unwrap().time_ms)
    };
    let year = 365 * 24;
    let ahead = [at(-72), at(year), at(year + 1), at(-48), at(-1)];
    assert_eq!(kept_after(&ahead), ("m1 m2 m3 m4 m5".to_owned(), at(-1)));
    // An hour of the lower clock is no proof, nor is a message without a later one.
    let lately = [at(-72), at(year), at(-1)];
    assert_eq!(kept_after(&lately), ("m1 m3 m2".to_owned(), at(year)));
    assert_eq!(kept_after(&[at(-72), at(year)]), ("m1 m2".to_owned(), at(year)));
    // Half an hour ahead is left alone: that time will come soon.
    let little = [at(-72), at(0) + hour / 2, at(-48)];
    assert_eq!(kept_after(&little), ("m1 m3 m2".to_owned(), at(0) + hour / 2));
}
