//! Faults under a running thread: a full disk, files that vanish or change. Replies report them,
//! reads go on where possible, and the store recovers by itself.

use crate::{append, channel, message, read_all};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::fs::{self, File, OpenOptions};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{self, Receiver};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use stonechat::store::sqlite::{Database, Durability};
use stonechat::store::*;

/// A store with its thread.
pub struct Served {
    pub store: Store<u32>,
    woken: Receiver<()>,
    thread: JoinHandle<()>,
}

impl Served {
    pub fn start(file: &Path) -> Served {
        let (store, far) = Store::new(1000);
        let (wake, woken) = mpsc::channel();
        let database = Database::open(file, Durability::Full).unwrap();
        let thread = thread::serve(far, database, move || wake.send(()).unwrap_or_default());
        Served { store, woken, thread: thread.unwrap() }
    }

    /// Sends all requests at once and waits for the replies.
    pub fn ask(&mut self, requests: impl IntoIterator<Item = Request>) -> Vec<Reply> {
        let mut open = 0;
        for request in requests {
            self.store.ask(request, open).unwrap();
            open += 1;
        }
        let mut replies = Vec::new();
        while replies.len() < open as usize {
            self.woken.recv_timeout(Duration::from_secs(60)).expect("woken for each group");
            replies.extend(self.store.replies().map(|(_, reply)| reply));
        }
        replies
    }

    /// Waits for the next replies.
    pub fn replies(&mut self) -> Vec<(u32, Reply)> {
        loop {
            let replies: Vec<_> = self.store.replies().collect();
            if !replies.is_empty() {
                return replies;
            }
            self.woken.recv_timeout(Duration::from_secs(60)).expect("woken for each group");
        }
    }

    pub fn ask_one(&mut self, request: Request) -> Reply {
        self.ask([request]).remove(0)
    }

    pub fn end(self) {
        drop(self.store);
        self.thread.join().expect("no panic");
    }
}

pub fn latest() -> Request {
    let (selection, limit) = (Selection::Latest(None), Limit::new(5));
    Request::Select { target: channel(), selection, limit, events: false }
}

fn messages(numbers: Range<u32>) -> Reply {
    Reply::Messages(numbers.map(message).collect())
}

/// The variable with the directory of the child below.
const CHILD: &str = "STORE_TEST_FULL";

#[test]
fn what_a_full_disk_refuses_is_not_kept_and_space_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "faults::child_without_space", "--ignored", "--nocapture"])
        .env(CHILD, dir.path())
        .output()
        .unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stderr));
    assert!(dir.path().join("done").exists(), "it was run");
}

/// Not a test: the child of the test above, as a limit applies to a whole process.
#[test]
#[ignore = "a child of another test"]
fn child_without_space() {
    let Ok(dir) = std::env::var(CHILD).map(PathBuf::from) else { return };
    let file = dir.join("stonechat.db");
    // Otherwise the signal would end the process.
    let noticed = std::sync::Arc::<std::sync::atomic::AtomicBool>::default();
    signal_hook::flag::register(signal_hook::consts::SIGXFSZ, noticed).unwrap();
    let unlimited = getrlimit(Resource::Fsize);
    let mut served = Served::start(&file);
    assert!(served.ask((0..200).map(append)).iter().all(|reply| *reply == Reply::Appended));
    assert_eq!(served.store.health(), &Health::Well);

    // No file may grow: the commit fails, after its group was written.
    let log = dir.join("stonechat.db-wal").metadata().unwrap().len();
    let limit = Rlimit { current: Some(log + 8192), maximum: unlimited.maximum };
    setrlimit(Resource::Fsize, limit).unwrap();
    let replies = served.ask((1000..1500).map(append));
    assert!(replies.iter().all(|reply| matches!(reply, Reply::Failed(_))), "{replies:?}");
    assert!(matches!(served.store.health(), Health::Ailing(_)));
    assert_eq!(served.ask_one(latest()), messages(195..200), "reading goes on");
    let Reply::Found(found) = served.ask_one(Request::Search {
        targets: vec![channel()],
        words: "thing".to_owned(),
        from: None,
        after_ms: None,
        before_ms: None,
        limit: Limit::new(9),
    }) else {
        panic!("searching goes on")
    };
    assert!(found.len() <= 9);

    setrlimit(Resource::Fsize, unlimited).unwrap();
    let replies = served.ask((200..300).map(append));
    assert!(replies.iter().all(|reply| *reply == Reply::Appended), "{replies:?}");
    assert_eq!(served.store.health(), &Health::Well);
    assert_eq!(served.store.statistics().messages.load(Relaxed), 300);
    assert_eq!(served.store.statistics().failures.load(Relaxed), 500);
    served.end();
    let mut database = Database::open(&file, Durability::Full).unwrap();
    assert_eq!(read_all(&mut database), Ok((0..300).map(message).collect()));
    File::create(dir.join("done")).unwrap();
}

#[test]
fn a_file_that_is_taken_away_is_missed_and_found_again() {
    let dir = tempfile::tempdir().unwrap();
    let (file, aside) = (dir.path().join("stonechat.db"), dir.path().join("aside"));
    let mut served = Served::start(&file);
    assert_eq!(served.ask_one(append(0)), Reply::Appended);
    fs::rename(&file, &aside).unwrap();
    let gone = || Reply::Failed(Trouble::Gone);
    assert_eq!(served.ask([append(1), append(2)]), [gone(), gone()]);
    fs::write(&file, "another").unwrap();
    assert_eq!(served.ask_one(append(1)), gone());
    assert_eq!(served.ask_one(latest()), messages(0..1), "reading goes on");
    fs::rename(&aside, &file).unwrap();
    assert_eq!(served.ask_one(append(1)), Reply::Appended);
    assert_eq!(served.ask_one(latest()), messages(0..2));
    served.end();
}

#[test]
fn a_file_that_changes_underneath_is_an_error_or_a_right_answer() {
    // More than SQLite caches.
    const MESSAGES: u32 = 30_000;
    let sound = tempfile::tempdir().unwrap();
    let sound = sound.path().join("sound.db");
    let mut database = Database::open(&sound, Durability::Normal).unwrap();
    database.serve((0..MESSAGES).map(append).collect::<Vec<_>>().iter());
    crate::tidy(&mut database);
    database.close();
    let mut refused_in = [0, 0];
    for round in 0..10 {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("stonechat.db");
        fs::copy(&sound, &file).unwrap();
        let mut served = Served::start(&file);
        let under = OpenOptions::new().write(true).open(&file).unwrap();
        let size = under.metadata().unwrap().len();
        match round % 2 {
            0 => under.set_len(fastrand::u64(..size)).unwrap(),
            _ => {
                // All but the first page, which identifies the file.
                for at in (4096..size).step_by(512) {
                    under.write_at(&[fastrand::u8(..)], at).unwrap();
                }
            }
        }
        let around = (0..MESSAGES).step_by(1000).map(|number| Request::Select {
            target: channel(),
            selection: Selection::Around(Point::Msgid(format!("m{number}"))),
            limit: Limit::new(100),
            events: true,
        });
        let requests = around.chain([append(MESSAGES), latest(), Request::Channels]);
        for reply in served.ask(requests) {
            match reply {
                Reply::Failed(trouble) => {
                    refused_in[round % 2] += 1;
                    let clear = trouble.to_string().contains("the database");
                    assert!(clear, "round {round}: {trouble:?}");
                }
                Reply::Messages(messages) => {
                    assert!(messages.iter().all(|found| *found == message(found.time_ms as u32)));
                }
                _ => {}
            }
        }
        served.end();
    }
    assert!(refused_in.iter().all(|refused| *refused > 0), "{refused_in:?}");
}

#[test]
fn what_is_no_database_is_refused_with_a_reason() {
    let dir = tempfile::tempdir().unwrap();
    let refused = |file: &Path| Database::open(file, Durability::Full).err().unwrap().to_string();
    assert!(refused(dir.path()).contains("unable to open"), "{}", refused(dir.path()));
    assert!(refused(&dir.path().join("none/a.db")).contains("unable to open"));
    let text = dir.path().join("text");
    fs::write(&text, "shopping list ".repeat(100)).unwrap();
    assert!(refused(&text).contains("not a database"), "{}", refused(&text));
}

#[test]
fn a_thread_files_words_by_itself_and_counts_what_it_does() {
    let dir = tempfile::tempdir().unwrap();
    let mut served = Served::start(&dir.path().join("stonechat.db"));
    served.ask((0..900).map(append));
    let begun = Instant::now();
    let statistics = served.store.statistics().clone();
    while statistics.unindexed.load(Relaxed) > 0 {
        assert!(begun.elapsed() < Duration::from_secs(30));
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(statistics.messages.load(Relaxed), 900);
    assert!(statistics.message_bytes.load(Relaxed) > 900 * 64);
    let groups = statistics.groups.load(Relaxed);
    assert!((1..=900).contains(&groups) && statistics.groups_us.load(Relaxed) > 0);
    // Retention also works by itself.
    let policy = Policy { bytes: Some(0), ..Policy::default() };
    assert_eq!(served.ask_one(Request::Retain(policy)), Reply::Retained);
    while statistics.messages.load(Relaxed) > 0 {
        assert!(begun.elapsed() < Duration::from_secs(30));
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(served.ask_one(latest()), Reply::Messages(vec![]));
    served.end();
}
