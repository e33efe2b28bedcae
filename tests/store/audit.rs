//! The audit log: all rows are there, in order, also for a reader beside the daemon.

use crate::one;
use stonechat::store::sqlite::{self, Database, Durability};
use stonechat::store::*;

/// The `n`th act: at `n` ms, by operator `op0`, `op1` or `op2`.
fn act(n: i64) -> Act {
    Act {
        time_ms: n,
        operator: format!("op{}", n % 3),
        source: format!("Nick{}!user@host", n % 2),
        address: "192.0.2.1".to_owned(),
        command: "KILL".to_owned(),
        target: format!("bob{n}!b@h"),
        reason: "it's \"so\"; DROP TABLE audit\u{1b}".to_owned(),
    }
}

fn last(database: &mut Database, whose: Option<&str>, limit: i64) -> Vec<Act> {
    let limit = Limit::new(limit);
    match one(database, &Request::Acts { whose: whose.map(str::to_owned), limit }) {
        Reply::Acts(acts) => acts,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_last_acts_are_told_of_all_or_of_one() {
    let mut database = Database::in_memory().unwrap();
    for n in 0..30 {
        assert_eq!(one(&mut database, &Request::Audit(act(n))), Reply::Recorded);
    }
    let all: Vec<Act> = (0..30).map(act).collect();
    assert_eq!(last(&mut database, None, 1000), all);
    assert_eq!(last(&mut database, None, 7), all[23..]);
    assert_eq!(last(&mut database, None, 0), []);
    for (whose, matches) in
        [("OP1", |n| n % 3 == 1), ("nick0", |n| n % 2 == 0)] as [(_, fn(i64) -> bool); 2]
    {
        let expected: Vec<Act> = (0..30).filter(|n| matches(*n)).map(act).collect();
        assert_eq!(last(&mut database, Some(whose), 1000), expected, "{whose}");
    }
    for nobody in ["", "op", "%", "nick", "Nick0!user@host"] {
        assert_eq!(last(&mut database, Some(nobody), 10), [], "{nobody}");
    }
}

#[test]
fn what_is_recorded_is_read_beside_the_daemon_and_after_it() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("stonechat.db");
    let mut database = Database::open(&file, Durability::Full).unwrap();
    // A clock that was set back: the order is by time, and within one time by arrival.
    for n in [5, 1, 5, 9] {
        one(&mut database, &Request::Audit(act(n)));
    }
    let since = |ms| {
        let mut times = Vec::new();
        sqlite::acts(&file, ms, |act| times.push(act.time_ms)).unwrap();
        times
    };
    assert_eq!(since(i64::MIN), [1, 5, 5, 9]);
    assert_eq!(since(5), [5, 5, 9]);
    database.close();
    assert_eq!(since(6), [9]);
    assert_eq!(sqlite::verify(&file).unwrap(), Vec::<String>::new());
}
