//! `cargo bench --bench store`: the speed of the database, on the disk of $TMPDIR. It measures
//! storing by group size; storing behind a thread, while words are indexed; and in a channel of
//! $MESSAGES (by default 200,000): LATEST, SEARCH, and opening.

use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};
use stonechat::store::sqlite::{Database, Durability};
use stonechat::store::*;

const CHANNELS: usize = 20;
const ACCOUNTS: usize = 100_000;

fn main() {
    let dir = tempfile::tempdir().expect("a directory");
    let messages = std::env::var("MESSAGES").map_or(200_000, |n| n.parse().expect("a number"));
    for (durability, group) in [
        (Durability::Normal, 1),
        (Durability::Normal, 512),
        (Durability::Full, 1),
        (Durability::Full, 16),
        (Durability::Full, 512),
    ] {
        let file = dir.path().join(format!("{durability:?}-{group}"));
        append(&file, durability, group, 200_000.min(5_000 * group));
    }
    sustain(&dir.path().join("sustained"), 500_000);
    accounts(&dir.path().join("accounts"));
    large(&dir.path().join("large"), messages);
}

fn append(file: &Path, durability: Durability, group: usize, messages: usize) {
    let mut database = Database::open(file, durability).expect("an open database");
    let requests: Vec<Request> = (0..messages).map(|number| request(number, CHANNELS)).collect();
    let begun = Instant::now();
    for group in requests.chunks(group) {
        let replies = database.serve(group.iter());
        assert!(replies.iter().all(|reply| *reply == Reply::Appended));
    }
    let seconds = begun.elapsed().as_secs_f64();
    let rate = messages as f64 / seconds;
    let each_ms = seconds * 1e3 * group as f64 / messages as f64;
    println!("{durability:?}, {group} in a group: {rate:.0} messages/s, {each_ms:.2} ms a group");
}

/// Stores messages as fast as a thread takes them, while it indexes their words.
fn sustain(file: &Path, messages: usize) {
    let database = Database::open(file, Durability::Full).expect("an open database");
    let (mut store, far) = Store::new(2048);
    let (wake, woken) = mpsc::channel();
    let thread =
        thread::serve(far, database, move || wake.send(()).unwrap_or_default()).expect("a thread");
    let begun = Instant::now();
    let (mut asked, mut answered) = (0, 0);
    while answered < messages {
        while asked < messages && store.ask(request(asked, CHANNELS), ()).is_ok() {
            asked += 1;
        }
        woken.recv().expect("a thread that lives");
        answered +=
            store.replies().inspect(|(_, reply)| assert_eq!(*reply, Reply::Appended)).count();
    }
    let rate = messages as f64 / begun.elapsed().as_secs_f64();
    let unindexed = || store.statistics().unindexed.load(std::sync::atomic::Ordering::Relaxed);
    let behind = unindexed();
    let begun = Instant::now();
    while unindexed() > 0 {
        std::thread::sleep(Duration::from_millis(1));
    }
    let caught_up = begun.elapsed();
    println!("Full, a thread: {rate:.0} messages/s; {behind} to be filed then, in {caught_up:.0?}");
    drop(store);
    thread.join().expect("a thread that ends");
}

fn accounts(file: &Path) {
    let mut database = Database::open(file, Durability::Full).expect("an open database");
    let name = |number: usize| format!("account{number}");
    let add = |number| Request::AddAccount {
        account: NewAccount {
            name: name(number),
            folded: name(number),
            skeleton: name(number),
            verifier: Secret("x".repeat(160)),
            email: None,
            always_on: false,
            created_ms: 0,
        },
        invitation: None,
    };
    let requests: Vec<Request> = (0..ACCOUNTS).map(add).collect();
    let begun = Instant::now();
    for group in requests.chunks(512) {
        assert!(database.serve(group.iter()).iter().all(|reply| *reply == Reply::Added));
    }
    let rate = ACCOUNTS as f64 / begun.elapsed().as_secs_f64();
    database.close();
    let before = resident();
    let begun = Instant::now();
    let mut database = Database::open(file, Durability::Full).expect("an open database");
    let opened = begun.elapsed();
    let begun = Instant::now();
    for number in (0..ACCOUNTS).step_by(100) {
        let replies = database.serve([&Request::FindAccount { folded: name(number) }].into_iter());
        assert!(matches!(&replies[..], [Reply::Account(Some(_))]));
    }
    let each = begun.elapsed() / (ACCOUNTS / 100) as u32;
    let grown = resident().saturating_sub(before);
    println!(
        "{ACCOUNTS} accounts: {rate:.0} added/s; opened in {opened:.0?}; found in {each:.0?} each; \
         {grown} KiB of memory more"
    );
}

/// Resident memory in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("readable");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("there");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

fn large(file: &Path, messages: usize) {
    let mut database = Database::open(file, Durability::Normal).expect("an open database");
    let begun = Instant::now();
    for first in (0..messages).step_by(4096) {
        let numbers = first..messages.min(first + 4096);
        let requests: Vec<Request> = numbers.map(|number| request(number, 1)).collect();
        let replies = database.serve(requests.iter());
        assert!(replies.iter().all(|reply| *reply == Reply::Appended));
    }
    let appended = begun.elapsed();
    let begun = Instant::now();
    while database.tidy().expect("a sound database") {}
    let filed = begun.elapsed();
    database.close();
    let bytes = file.metadata().map_or(0, |file| file.len());
    println!(
        "{messages} messages: appended in {appended:.0?}, filed in {filed:.0?}, {bytes} bytes"
    );
    let begun = Instant::now();
    let mut database = Database::open(file, Durability::Full).expect("an open database");
    println!("    opened in {:.0?}", begun.elapsed());
    let target = Target::Channel("#c0".to_owned());
    let (selection, limit) = (Selection::Latest(None), Limit::new(100));
    for events in [false, true] {
        let (target, selection) = (target.clone(), selection.clone());
        let request = Request::Select { target, selection, limit, events };
        time(&mut database, &format!("LATEST 100, events {events}"), &request);
    }
    for (what, words) in [
        ("absent", "nowhere"),
        ("rare", "rare"),
        ("one", &*format!("n{}", messages / 2)),
        ("common", "people"),
        ("two common", "people letters"),
        ("two half, never together", "odd even"),
        ("half and rare", "odd rare"),
        ("all", ""),
    ] {
        let request = Request::Search {
            targets: vec![target.clone()],
            words: words.to_owned(),
            from: None,
            after_ms: None,
            before_ms: None,
            limit,
        };
        time(&mut database, &format!("SEARCH {what}"), &request);
    }
    let first_tenth = Request::Search {
        targets: vec![target],
        words: "people".to_owned(),
        from: Some("somebody".to_owned()),
        after_ms: None,
        before_ms: Some(time_ms(messages / 10)),
        limit,
    };
    time(&mut database, "SEARCH common, of long ago", &first_tenth);
}

fn time(database: &mut Database, what: &str, request: &Request) {
    const TIMES: u32 = 20;
    let begun = Instant::now();
    let mut replies = database.serve([request].into_iter());
    let first = begun.elapsed();
    let begun = Instant::now();
    for _ in 0..TIMES {
        replies = database.serve([request].into_iter());
    }
    let count = match &replies[..] {
        [Reply::Messages(messages)] => messages.len(),
        [Reply::Found(found)] => found.len(),
        other => panic!("{other:?}"),
    };
    let each = begun.elapsed() / TIMES;
    println!("    {what}: {count} in {each:.0?}, the first time {first:.0?}");
}

fn time_ms(number: usize) -> i64 {
    1_800_000_000_000 + number as i64
}

/// A message of some twelve words; one in 100,000 contains the word `rare`.
fn request(number: usize, channels: usize) -> Request {
    let half = ["even", "odd"][number % 2];
    let rare = if number % 100_000 == 7 { " rare" } else { "" };
    let text =
        format!("what people say in a channel is {half} some sixty letters long n{number}{rare}");
    let message = Message {
        msgid: format!("{number:022}"),
        time_ms: time_ms(number),
        source: "somebody!user@host.example.org".to_owned(),
        account: Some("somebody".to_owned()),
        command: "PRIVMSG".to_owned(),
        tags: String::new(),
        text: Text::Line(text),
    };
    Request::Append { target: Target::Channel(format!("#c{}", number % channels)), message }
}
