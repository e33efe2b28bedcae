//! `cargo bench --bench store`: messages kept per second, by the size of a group, on the disk that
//! $TMPDIR is on; and what CHATHISTORY LATEST 100 takes among them.

use std::path::Path;
use std::time::Instant;
use stonechat::store::sqlite::{Database, Durability};
use stonechat::store::*;

const MESSAGES: usize = 200_000;
const CHANNELS: usize = 20;

fn main() {
    let dir = tempfile::tempdir().expect("a directory");
    for (durability, group) in [
        (Durability::Normal, 1),
        (Durability::Normal, 16),
        (Durability::Normal, 512),
        (Durability::Full, 1),
        (Durability::Full, 16),
        (Durability::Full, 512),
    ] {
        let file = dir.path().join(format!("{durability:?}-{group}"));
        let messages = MESSAGES.min(5_000 * group);
        let seconds = append(&file, durability, group, messages);
        let rate = messages as f64 / seconds;
        let each_ms = seconds * 1e3 * group as f64 / messages as f64;
        println!(
            "{durability:?}, {group} in a group: {rate:.0} messages/s, {each_ms:.2} ms a group"
        );
        select(&file);
    }
}

fn append(file: &Path, durability: Durability, group: usize, messages: usize) -> f64 {
    let mut database = Database::open(file, durability).expect("an open database");
    let requests: Vec<Request> = (0..messages).map(request).collect();
    let begun = Instant::now();
    for group in requests.chunks(group) {
        let replies = database.serve(group.iter());
        assert!(replies.iter().all(|reply| *reply == Reply::Appended));
    }
    let seconds = begun.elapsed().as_secs_f64();
    database.close();
    seconds
}

fn request(number: usize) -> Request {
    let message = Message {
        msgid: format!("{number:022}"),
        time_ms: 1_800_000_000_000 + number as i64,
        source: "somebody!user@host.example.org".to_owned(),
        account: Some("somebody".to_owned()),
        command: "PRIVMSG".to_owned(),
        tags: String::new(),
        text: Text::Line("what people say in a channel is some sixty letters long".to_owned()),
    };
    Request::Append { target: Target::Channel(format!("#c{}", number % CHANNELS)), message }
}

fn select(file: &Path) {
    let begun = Instant::now();
    let mut database = Database::open(file, Durability::Full).expect("an open database");
    let opened = begun.elapsed();
    let (target, selection) = (Target::Channel("#c1".to_owned()), Selection::Latest(None));
    let request = Request::Select { target, selection, limit: Limit::new(100), events: false };
    let begun = Instant::now();
    const TIMES: u32 = 100;
    for _ in 0..TIMES {
        let replies = database.serve([&request].into_iter());
        assert!(matches!(&replies[..], [Reply::Messages(_)]));
    }
    let bytes = file.metadata().map_or(0, |file| file.len());
    let each = begun.elapsed() / TIMES;
    println!("    {bytes} bytes opened in {opened:.0?}; LATEST 100 in {each:.0?}");
}
