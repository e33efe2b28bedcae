//! The store: against a naive oracle, through kills, damage and a full disk.

mod audit;
mod damage;
mod faults;
mod history;
mod kill;
mod locked;
mod queue;
mod records;
mod retention;
mod schema_doc;
mod search;

use stonechat::store::sqlite::Database;
use stonechat::store::*;

/// Message `m7` at 7 ms, for example.
fn message(number: u32) -> Message {
    Message {
        msgid: format!("m{number}"),
        time_ms: number.into(),
        source: "ann!ann@localhost".to_owned(),
        account: Some("ann".to_owned()),
        command: "PRIVMSG".to_owned(),
        tags: "+draft/reply=m1".to_owned(),
        text: Text::Line(format!("the {number}. thing that was said")),
    }
}

fn channel() -> Target {
    Target::Channel("#a".to_owned())
}

fn append(number: u32) -> Request {
    Request::Append { target: channel(), message: message(number) }
}

fn one(database: &mut Database, request: &Request) -> Reply {
    database.serve([request].into_iter()).remove(0)
}

/// Runs all background work.
fn tidy(database: &mut Database) {
    for _ in 0..10_000 {
        if !database.tidy().unwrap() {
            return;
        }
    }
    panic!("it is never tidy");
}

/// All messages of the channel, page by page from the oldest.
fn read_all(database: &mut Database) -> Result<Vec<Message>, Trouble> {
    let mut all: Vec<Message> = Vec::new();
    let mut point = Point::Time(i64::MIN);
    loop {
        let selection = Selection::After(point);
        let limit = Limit::new(100);
        match one(database, &Request::Select { target: channel(), selection, limit, events: false })
        {
            Reply::Messages(page) => {
                let Some(last) = page.last() else { return Ok(all) };
                point = Point::Msgid(last.msgid.clone());
                all.extend(page);
            }
            Reply::Failed(trouble) => return Err(trouble),
            Reply::Unknown(msgid) => return Err(Trouble::Corrupt(format!("no {msgid}"))),
            other => panic!("{other:?}"),
        }
        if all.len() > 100_000 {
            panic!("it goes round in circles");
        }
    }
}
