//! Acknowledged writes are found after a kill: in order, once.

use crate::{append, message, read_all};
use proptest::prelude::*;
use std::collections::VecDeque;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use stonechat::far::Asked;
use stonechat::store::sqlite::{self, Database, Durability};
use stonechat::store::{Far, Message, Reply, Request, Store, thread};

#[derive(Clone, Debug)]
enum Step {
    Ask,
    /// Takes some requests and commits them, without answering.
    Commit(usize),
    Answer(usize),
    /// Kills it: only the files are left.
    Kill,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => Just(Step::Ask),
        4 => (1..5_usize).prop_map(Step::Commit),
        4 => (1..5_usize).prop_map(Step::Answer),
        1 => Just(Step::Kill),
    ]
}

/// Copies the files as they would be after a kill of the process.
fn snapshot(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        // The shared memory is lost with the last process.
        if !entry.file_name().to_string_lossy().ends_with("-shm") {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

/// A far side that can be killed between any two steps.
struct Served {
    dir: tempfile::TempDir,
    database: Database,
    store: Store<u32>,
    far: Far,
    committed: VecDeque<(Asked<Request>, Reply)>,
}

impl Served {
    fn start(dir: tempfile::TempDir) -> Served {
        let database = Database::open(&dir.path().join("db"), Durability::Normal).unwrap();
        let (store, far) = Store::new(1000);
        Served { dir, database, store, far, committed: VecDeque::new() }
    }

    fn commit(&mut self, many: usize) {
        let group: Vec<Asked<Request>> = (0..many).map_while(|_| self.far.take()).collect();
        let replies = self.database.serve(group.iter().map(|asked| &asked.question));
        self.committed.extend(group.into_iter().zip(replies));
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 40,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn killed_between_any_two_steps_it_has_what_it_acknowledged(
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let mut served = Served::start(tempfile::tempdir().unwrap());
        let mut acknowledged: Vec<u32> = Vec::new();
        let mut next = 0;
        for step in steps.into_iter().chain([Step::Kill]) {
            match step {
                Step::Ask => {
                    served.store.ask(append(next), next).unwrap();
                    next += 1;
                }
                Step::Commit(many) => served.commit(many),
                Step::Answer(many) => {
                    for _ in 0..many {
                        let Some((asked, reply)) = served.committed.pop_front() else { break };
                        served.far.answer(asked, reply);
                    }
                }
                Step::Kill => {
                    let dir = tempfile::tempdir().unwrap();
                    snapshot(served.dir.path(), dir.path());
                    served = Served::start(dir);
                    let found = read_all(&mut served.database).unwrap();
                    check(&found, &acknowledged);
                    // Writes that were not acknowledged may be there too.
                    acknowledged = found.iter().map(|message| message.time_ms as u32).collect();
                }
            }
            for (number, reply) in served.store.replies() {
                prop_assert_eq!(reply, Reply::Appended);
                acknowledged.push(number);
            }
        }
    }
}

/// Checks that the messages are whole, in order, once, and include all acknowledged ones.
fn check(found: &[Message], acknowledged: &[u32]) {
    let numbers: Vec<u32> = found.iter().map(|message| message.time_ms as u32).collect();
    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
    assert!(found.iter().zip(&numbers).all(|(found, number)| *found == message(*number)));
    let missing = acknowledged.iter().find(|number| numbers.binary_search(number).is_err());
    assert_eq!(missing, None);
}

/// The variable with the child's directory, and the number it begins with.
const CHILD: &str = "STORE_TEST_CHILD";

#[test]
fn a_process_killed_with_9_has_what_it_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let rounds = std::env::var("KILLS").map_or(20, |kills| kills.parse().unwrap());
    let mut acknowledged: Vec<u32> = Vec::new();
    for round in 0..rounds {
        let begin = acknowledged.last().map_or(0, |last| last + 100_000);
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "kill::child_that_appends", "--ignored", "--nocapture"])
            .env(CHILD, format!("{begin} {}", dir.path().display()))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let enough = 1 + fastrand::usize(..400);
        let mut heard = 0;
        while let Some(Ok(line)) = lines.next() {
            // A truncated line has no full stop.
            let number = line.strip_prefix("kept ").and_then(|line| line.strip_suffix('.'));
            acknowledged.extend(number.map(|number| number.parse::<u32>().unwrap()));
            heard += usize::from(number.is_some());
            if heard == enough {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(heard >= enough, "round {round}: it ended by itself after {heard}");
        let file = dir.path().join("stonechat.db");
        assert_eq!(sqlite::verify(&file), Ok(vec![]));
        let mut database = Database::open(&file, Durability::Full).unwrap();
        check(&read_all(&mut database).unwrap(), &acknowledged);
    }
}

/// Not a test: the child that the test above runs and kills.
#[test]
#[ignore = "a child of another test"]
fn child_that_appends() {
    let Ok(given) = std::env::var(CHILD) else { return };
    let (begin, dir) = given.split_once(' ').unwrap();
    let database = Database::open(&Path::new(dir).join("stonechat.db"), Durability::Full).unwrap();
    let (mut store, far) = Store::new(64);
    let (wake, woken) = mpsc::channel();
    thread::serve(far, database, move || wake.send(()).unwrap_or_default()).unwrap();
    let mut next: u32 = begin.parse().unwrap();
    loop {
        while store.ask(append(next), next).is_ok() {
            next += 1;
        }
        woken.recv().unwrap();
        let mut lines = String::new();
        for (number, reply) in store.replies() {
            assert_eq!(reply, Reply::Appended);
            lines += &format!("kept {number}.\n");
        }
        if std::io::stdout().write_all(lines.as_bytes()).is_err() {
            return;
        }
    }
}
