//! Echoed messages survive the real daemon: kill -9 at any moment, a full disk, a database locked
//! by another program.

use crate::process::{Client, Daemon};
use rustix::process::{Resource, Rlimit, Signal, prlimit};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use stonechat::store::sqlite::{self, Database, Durability};
use stonechat::store::{Limit, Message, Point, Reply, Request, Selection, Target, Text};
use tempfile::TempDir;

const LISTEN: [&str; 2] = ["--listen", "irc://127.0.0.1:0"];

fn start_in(dir: Arc<TempDir>) -> Daemon {
    Daemon::start_in(dir, "chat.server_name = \"srv\"", &LISTEN, |_| {})
}

fn start() -> Daemon {
    start_in(Arc::new(tempfile::tempdir().unwrap()))
}

fn connect(daemon: &Daemon) -> Client {
    Client::connect(daemon.listening[0].strip_prefix("irc://").unwrap().parse().unwrap())
}

/// Registers with echo-message, and joins `#a`.
fn enter(daemon: &Daemon, nick: &str) -> Client {
    let mut client = connect(daemon);
    client.send(format!("CAP REQ echo-message\nNICK {nick}\nUSER u 0 * :r\nCAP END\nJOIN #a\n"));
    hear_until(&mut client, " 366 ");
    client
}

fn hear_until(client: &mut Client, text: &str) -> String {
    loop {
        let line = String::from_utf8(client.hear()).unwrap();
        assert!(!line.is_empty(), "no {text}");
        if line.contains(text) {
            return line;
        }
    }
}

/// All messages in `#a`, with their senders, in order.
fn kept(dir: &Path) -> Vec<(String, String)> {
    let mut database = Database::open(&dir.join("data/stonechat.db"), Durability::Full).unwrap();
    let mut all = Vec::new();
    let mut after = Point::Time(0);
    loop {
        let request = Request::Select {
            target: Target::Channel("#a".to_owned()),
            selection: Selection::After(after),
            limit: Limit::new(Limit::MAX),
            events: false,
        };
        let Some(Reply::Messages(messages)) = database.serve([request].iter()).pop() else {
            panic!("it is read")
        };
        let Some(last) = messages.last() else { return all };
        after = Point::Msgid(last.msgid.clone());
        all.extend(messages.into_iter().map(|Message { source, text, .. }| {
            let Text::Line(text) = text else { panic!("a line was said") };
            (source.split('!').next().unwrap().to_owned(), text)
        }));
    }
}

/// Messages that a client sends before it receives the first echo.
const WINDOW: usize = 64;

/// Sends numbers, one more for each echo, until the server is gone. Returns those that were echoed.
fn speak(mut client: Client, nick: &str) -> Vec<usize> {
    let own = format!(":{nick}!");
    let mut numbers = 0..;
    let mut line = || format!("PRIVMSG #a :{}\n", numbers.next().expect("there is no last one"));
    let window: String = (0..WINDOW).map(|_| line()).collect();
    let mut echoed = Vec::new();
    let mut goes_on = client.stream.write_all(window.as_bytes()).is_ok();
    while goes_on && let Some(heard) = client.hear_if_any() {
        let heard = String::from_utf8_lossy(&heard);
        if heard.starts_with(&own) && heard.contains(" PRIVMSG ") && heard.ends_with('\n') {
            echoed.push(heard.trim_end().rsplit(':').next().unwrap().parse().unwrap());
            goes_on = client.stream.write_all(line().as_bytes()).is_ok();
        }
    }
    echoed
}

#[test]
fn what_was_echoed_is_there_after_kill_9_exactly_once_and_in_order() {
    let lives: usize = std::env::var("LIVES").map_or(12, |lives| lives.parse().unwrap());
    let mut dir = Arc::new(tempfile::tempdir().unwrap());
    let mut echoed: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for life in 0..lives {
        let daemon = start_in(dir);
        let speakers = [0, 1, 2].map(|n| {
            let nick = format!("n{n}-{life}");
            let client = enter(&daemon, &nick);
            let speaker = nick.clone();
            (nick, thread::spawn(move || speak(client, &speaker)))
        });
        thread::sleep(Duration::from_millis(fastrand::u64(1..60)));
        dir = daemon.kill();
        for (nick, speaker) in speakers {
            echoed.insert(nick, speaker.join().unwrap());
        }
        // Each check reads everything, and the history grows.
        if life % 10 == 0 || life == lives - 1 {
            let findings = sqlite::verify(&dir.path().join("data/stonechat.db")).unwrap();
            assert_eq!(findings, [] as [String; 0]);
        }
    }
    let mut found: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (nick, text) in kept(dir.path()) {
        found.entry(nick).or_default().push(text.parse().unwrap());
    }
    let mut count = 0;
    for (nick, echoed) in &echoed {
        let found = found.remove(nick).unwrap_or_default();
        assert!(found.is_sorted_by(|a, b| a < b), "{nick}: in order, each once");
        assert!(echoed.iter().all(|number| found.binary_search(number).is_ok()), "{nick}");
        count += echoed.len();
    }
    assert!(count > lives * 10, "{count} echoes in {lives} lives");
}

#[test]
fn on_a_full_disk_people_talk_and_are_told_and_it_recovers_by_itself() {
    let mut daemon = start();
    let (mut ann, mut bob) = (enter(&daemon, "ann"), enter(&daemon, "bob"));
    hear_until(&mut ann, " JOIN ");
    let say = |ann: &mut Client, bob: &mut Client, text: &str| {
        ann.send(format!("PRIVMSG #a :{text}\n"));
        hear_until(bob, &format!(" PRIVMSG #a :{text}"));
        hear_until(ann, " #a ")
    };
    assert!(say(&mut ann, &mut bob, "before").starts_with(":ann!"));
    assert_eq!(daemon.metric("stonechat_store_failing"), 0);

    let size = fs::metadata(daemon.dir.path().join("data/stonechat.db-wal")).unwrap().len();
    let unlimited =
        prlimit(Some(daemon.pid()), Resource::Fsize, Rlimit { current: Some(size), maximum: None })
            .unwrap();
    let heard = say(&mut ann, &mut bob, "while");
    assert!(heard.starts_with(":srv WARN PRIVMSG MESSAGE_NOT_KEPT #a :"), "{heard}");
    ann.send("REGISTER * * secret\n");
    hear_until(&mut ann, "FAIL REGISTER TEMPORARILY_UNAVAILABLE");
    assert_eq!(daemon.metric("stonechat_store_failing"), 1);

    prlimit(Some(daemon.pid()), Resource::Fsize, unlimited).unwrap();
    assert!(say(&mut ann, &mut bob, "after").starts_with(":ann!"));
    assert_eq!(daemon.metric("stonechat_store_failing"), 0);
    let dir = daemon.kill();
    let texts: Vec<String> = kept(dir.path()).into_iter().map(|(_, text)| text).collect();
    assert_eq!(texts, ["before", "after"]);
}

#[test]
fn while_another_program_holds_the_database_people_talk() {
    let daemon = start();
    let (mut ann, mut bob) = (enter(&daemon, "ann"), enter(&daemon, "bob"));
    hear_until(&mut ann, " JOIN ");
    let file = daemon.dir.path().join("data/stonechat.db");
    let other = rusqlite::Connection::open(&file).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    ann.send("PRIVMSG #a :one\nPING behind\n");
    hear_until(&mut bob, " PRIVMSG #a :one");
    bob.send("PRIVMSG ann :hello\nPING\n");
    let heard = String::from_utf8(ann.hear()).unwrap();
    assert!(
        heard.contains("MESSAGE_NOT_KEPT #a :It was delivered, but it is not kept: another"),
        "{heard}"
    );
    hear_until(&mut ann, "PONG srv :behind");
    hear_until(&mut ann, " PRIVMSG ann :hello");
    other.execute_batch("COMMIT").unwrap();
    ann.send("PRIVMSG #a :two\n");
    hear_until(&mut ann, ":ann!u@localhost PRIVMSG #a :two");
}

#[test]
fn a_database_that_is_damaged_or_newer_is_refused_with_a_clear_word() {
    let dir = start().kill();
    let file = dir.path().join("data/stonechat.db");
    let refused = |expected: &str| {
        let mut command = crate::process::command(dir.path());
        let (status, _, error) = crate::process::run(command.args(LISTEN));
        assert!(status == 3 && error.contains(expected), "{status} {error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    };
    {
        let database = rusqlite::Connection::open(&file).unwrap();
        database.pragma_update(None, "user_version", 99).unwrap();
    }
    refused("a later version of stonechat has written the database (schema 99");
    {
        let database = rusqlite::Connection::open(&file).unwrap();
        database.pragma_update(None, "application_id", 1).unwrap();
    }
    refused("the database belongs to another program");
    fs::write(&file, b"SQLite format 3\0 and then nonsense".repeat(100)).unwrap();
    let _ = fs::remove_file(file.with_extension("db-wal"));
    refused("the database is damaged");
}

#[test]
fn what_has_changed_about_who_stays_is_kept_before_the_end() {
    let mut daemon = start();
    let mut ann = connect(&daemon);
    ann.send("NICK ann\nUSER u 0 * :r\nNS REGISTER secret\nNS SET always-on on\n");
    hear_until(&mut ann, "You stay");
    let file = daemon.dir.path().join("data/stonechat.db");
    let lock = rusqlite::Connection::open(&file).unwrap();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    ann.send("JOIN #a\nJOIN #b\nJOIN #c\n");
    hear_until(&mut ann, " 366 ann #c ");
    daemon.signal(Signal::TERM);
    hear_until(&mut ann, "ERROR ");
    drop(ann);
    thread::sleep(Duration::from_millis(300));
    lock.execute_batch("ROLLBACK").unwrap();
    let (status, log) = daemon.wait();
    assert_eq!(status.code(), Some(0), "{log}");
    let mut database = Database::open(&file, Durability::Full).unwrap();
    let Some(Reply::Presences(presences)) = database.serve([Request::Presences].iter()).pop()
    else {
        panic!("who stays is told");
    };
    let channels: Vec<&str> = presences[0].1.channels.iter().map(|(name, _)| &**name).collect();
    assert_eq!(channels, ["#a", "#b", "#c"]);
}

#[test]
fn a_directory_or_a_database_that_may_only_be_read_is_refused_with_a_clear_word() {
    use std::os::unix::fs::{PermissionsExt, chown};
    use std::os::unix::process::CommandExt;
    let dir = start().kill();
    let data = dir.path().join("data");
    let file = data.join("stonechat.db");
    let allow = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    // Root may write to everything, so root does this as another user.
    let is_root = rustix::process::geteuid().is_root();
    const NOBODY: u32 = 65_534;
    // Other users may not be allowed to read the build directory.
    let program = dir.path().join("stonechatd");
    fs::copy(crate::process::PROGRAM, &program).unwrap();
    let refused = |expected: &str| {
        let mut command = Command::new(&program);
        command.env_clear().arg("--data").arg(&data);
        if is_root {
            command.uid(NOBODY).gid(NOBODY);
        }
        let (status, _, error) = crate::process::run(command.args(LISTEN));
        assert!(status == 3 && error.contains(expected), "{status} {error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    };
    allow(dir.path(), 0o755);
    for path in
        fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().path()).chain([data.clone()])
    {
        if is_root {
            chown(&path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
    }
    allow(&file, 0o444);
    refused("stonechat.db: the database cannot be written to, only read");
    allow(&file, 0o600);
    fs::remove_file(data.join("lock")).unwrap();
    allow(&data, 0o555);
    refused("cannot write to the data directory");
    allow(&data, 0o755);
}
