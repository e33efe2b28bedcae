//! `stonechatd backup` and `stonechatd verify`, beside a daemon that holds the data directory.

use crate::process::{Client, Daemon, command, run};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use stonechat::store::sqlite::{self, Database, Durability};
use stonechat::store::{Limit, Message, Reply, Request, Selection, Target, Text};
use tempfile::TempDir;

fn target() -> Target {
    Target::Channel("#a".to_owned())
}

fn append(database: &mut Database, number: i64) {
    let message = Message {
        msgid: format!("m{number}"),
        time_ms: number,
        source: "ann!ann@localhost".to_owned(),
        account: None,
        command: "PRIVMSG".to_owned(),
        tags: String::new(),
        text: Text::Line("hi".to_owned()),
    };
    let request = Request::Append { target: target(), message };
    assert_eq!(database.serve([&request].into_iter()), [Reply::Appended]);
}

fn count(file: &Path) -> usize {
    let mut database = Database::open(file, Durability::Normal).unwrap();
    let (selection, limit) = (Selection::Latest(None), Limit::new(Limit::MAX));
    let request = Request::Select { target: target(), selection, limit, events: false };
    match database.serve([&request].into_iter()).remove(0) {
        Reply::Messages(messages) => messages.len(),
        other => panic!("{other:?}"),
    }
}

fn backup(dir: &Path, to: &Path) -> (i32, String, String) {
    run(command(dir).arg("backup").arg(to))
}

#[test]
fn a_backup_is_made_while_the_database_is_written_to() {
    let daemon = Daemon::start("");
    let dir = daemon.dir.path();
    let mut database = Database::open(&dir.join("data/stonechat.db"), Durability::Full).unwrap();
    (0..100).for_each(|number| append(&mut database, number));
    let mut copying = command(dir).arg("backup").arg(dir.join("copy.db")).spawn().unwrap();
    let mut written = 100;
    let status = loop {
        append(&mut database, written);
        written += 1;
        if written == 900 {
            break copying.wait().unwrap();
        }
        if let Some(status) = copying.try_wait().unwrap() {
            break status;
        }
    };
    assert_eq!(status.code(), Some(0));
    assert_eq!(sqlite::verify(&dir.join("copy.db")), Ok(vec![]));
    let copied = count(&dir.join("copy.db"));
    assert!((100..=written as usize).contains(&copied), "{copied} of {written}");

    let (status, stdout, stderr) = run(command(dir).arg("verify"));
    let sound = format!("{} is sound\n", dir.join("data/stonechat.db").display());
    assert_eq!((status, stdout, &*stderr), (0, sound, ""));
    let (status, _, stderr) = backup(dir, &dir.join("copy.db"));
    assert_eq!(status, 2);
    assert!(stderr.contains("copy.db is there already"), "{stderr}");
    let (status, _, stderr) = backup(dir, &dir.join("none/copy.db"));
    assert_eq!(status, 1);
    assert!(stderr.contains("none/copy.db"), "{stderr}");
    daemon.stop();
}

#[test]
fn a_damaged_database_is_found_and_not_copied() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    fs::write(dir.join("config.toml"), "").unwrap();
    let file = dir.join("data/stonechat.db");
    let (status, _, stderr) = run(command(dir).arg("verify"));
    assert_eq!(status, 3);
    assert!(stderr.contains("data/stonechat.db"), "{stderr}");
    fs::create_dir(dir.join("data")).unwrap();
    let mut database = Database::open(&file, Durability::Normal).unwrap();
    (0..500).for_each(|number| append(&mut database, number));
    database.close();
    let mut bytes = fs::read(&file).unwrap();
    let end = bytes.len();
    bytes[end / 2..].fill(0x55);
    fs::write(&file, bytes).unwrap();
    let (status, stdout, stderr) = run(command(dir).arg("verify"));
    assert_eq!((status, &*stdout), (1, ""));
    assert!(stderr.contains("the database is damaged"), "{stderr}");
    let (status, _, stderr) = backup(dir, &dir.join("copy.db"));
    assert_eq!(status, 1);
    assert!(stderr.contains("the database is damaged"), "{stderr}");
    let left = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(left.into_iter().all(|name| !name.to_string_lossy().contains("copy")));
}

#[test]
fn where_no_data_is_kept_there_is_nothing_to_copy_or_verify() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("config.toml"), "").unwrap();
    for arguments in [&["verify"][..], &["backup", "copy.db"]] {
        let memory = ["--data", ":memory:"];
        let mut command = Command::new(crate::process::PROGRAM);
        let (status, _, stderr) = run(command.env_clear().args(memory).args(arguments));
        assert_eq!(status, 2, "{stderr}");
        assert!(stderr.contains("no database in :memory:"), "{stderr}");
    }
}

#[test]
fn history_in_memory_is_bounded_unless_the_config_says_how_much() {
    let check = |variable: Option<&str>| {
        let mut command = Command::new(crate::process::PROGRAM);
        command.env_clear().args(["--data", ":memory:", "check"]);
        command.envs(variable.map(|value| ("STONECHAT_HISTORY_KEEP_BYTES", value)));
        let (status, stdout, stderr) = run(&mut command);
        assert_eq!(status, 0, "{stderr}");
        stdout
    };
    let (stdout, less) = (check(None), check(Some("1 MiB")));
    assert!(stdout.contains("history in memory, at most 65536 KiB\n"), "{stdout}");
    assert!(less.contains("history in memory, at most 1024 KiB\n"), "{less}");
}

#[test]
fn what_is_kept_is_read_by_its_owner_alone_wherever_it_lies() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("stonechat.db");
    let _database = Database::open(&file, Durability::Full).unwrap();
    sqlite::backup(&file, &dir.path().join("copy.db"), Some(&[7; 32])).unwrap();
    for entry in fs::read_dir(dir.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{:?} has mode {mode:o}", entry.file_name());
    }
}

fn data_with(copy: &Path) -> Arc<TempDir> {
    let dir = Arc::new(tempfile::tempdir().unwrap());
    fs::create_dir(dir.path().join("data")).unwrap();
    fs::copy(copy, dir.path().join("data/stonechat.db")).unwrap();
    dir
}

fn start_in(dir: &Arc<TempDir>) -> Daemon {
    Daemon::start_in(dir.clone(), "", &["--listen", "echo://127.0.0.1:0"], |_| {})
}

#[test]
fn a_backup_brings_the_secret_along_and_only_a_backup_holds_it() {
    let daemon = Daemon::start("");
    let dir = daemon.dir.clone();
    let copy = dir.path().join("copy.db");
    assert_eq!(backup(dir.path(), &copy).0, 0);
    assert_eq!(sqlite::verify(&copy), Ok(vec![]));
    daemon.stop();
    let secret = fs::read(dir.path().join("data/secret")).unwrap();
    let holds_it =
        |file: &Path| fs::read(file).unwrap().windows(secret.len()).any(|window| window == secret);
    assert!(holds_it(&copy) && !holds_it(&dir.path().join("data/stonechat.db")));

    // Into a fresh directory, and into one that already has a secret of its own.
    let fresh = data_with(&copy);
    start_in(&fresh).stop();
    let other = Arc::new(tempfile::tempdir().unwrap());
    start_in(&other).stop();
    let before = fs::read(other.path().join("data/secret")).unwrap();
    fs::copy(&copy, other.path().join("data/stonechat.db")).unwrap();
    let log = start_in(&other).stop();
    assert!(log.contains("took the backup's secret; the one before is"), "{log}");
    assert_eq!(fs::read(other.path().join("data/secret.before")).unwrap(), before);
    for restored in [fresh, other] {
        let data = restored.path().join("data");
        assert_eq!(fs::read(data.join("secret")).unwrap(), secret);
        let mode = fs::metadata(data.join("secret")).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0);
        let database = rusqlite::Connection::open(data.join("stonechat.db")).unwrap();
        assert!(database.prepare("SELECT * FROM secret").is_err(), "it was taken out");
        drop(database);
        assert_eq!(sqlite::verify(&data.join("stonechat.db")), Ok(vec![]));
        // A second start finds nothing to restore.
        let log = start_in(&restored).stop();
        assert!(!log.contains("secret"), "{log}");
    }
}

#[test]
fn a_database_that_was_emptied_or_has_gone_is_missed() {
    let dir = Arc::new(tempfile::tempdir().unwrap());
    start_in(&dir).stop();
    let file = dir.path().join("data/stonechat.db");
    fs::write(&file, "").unwrap();
    let (status, _, stderr) = run(command(dir.path()).args(["--listen", "echo://127.0.0.1:0"]));
    assert_eq!(status, 3, "{stderr}");
    assert!(stderr.contains("stonechat.db is empty, though its directory was in use"), "{stderr}");
    fs::remove_file(&file).unwrap();
    let log = start_in(&dir).stop();
    assert!(log.contains("stonechat.db is not there, though its directory was in use"), "{log}");
    let log = start_in(&dir).stop();
    assert!(!log.contains("was in use"), "{log}");
}

#[test]
fn sigterm_waits_for_a_locked_database_no_longer_than_it_may() {
    let config = "shutdown_timeout = \"0s\"";
    let mut daemon = Daemon::start_with(config, &["--listen", "irc://127.0.0.1:0"], |_| {});
    let address = daemon.listening[0].strip_prefix("irc://").unwrap().parse().unwrap();
    let mut ann = Client::connect(address);
    ann.send("NICK ann\nUSER u 0 * :r\nJOIN #a\n");
    while !String::from_utf8_lossy(&ann.hear()).contains(" 366 ") {}
    let other = rusqlite::Connection::open(daemon.dir.path().join("data/stonechat.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    ann.send("PRIVMSG #a :hi\nPING behind\n");
    while !String::from_utf8_lossy(&ann.hear()).contains("PONG") {}
    daemon.signal(rustix::process::Signal::TERM);
    let (status, log) = daemon.wait();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(log.contains("what it had not acknowledged may be lost"), "{log}");
}
