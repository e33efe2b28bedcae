//! `stonechatd backup` and `stonechatd verify`, beside a daemon that holds the data directory.

use crate::process::{Daemon, command, run};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use stonechat::store::sqlite::{self, Database, Durability};
use stonechat::store::{Limit, Message, Reply, Request, Selection, Target, Text};

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
fn what_is_kept_is_read_by_its_owner_alone_wherever_it_lies() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("stonechat.db");
    let _database = Database::open(&file, Durability::Full).unwrap();
    sqlite::backup(&file, &dir.path().join("copy.db")).unwrap();
    for entry in fs::read_dir(dir.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{:?} has mode {mode:o}", entry.file_name());
    }
}
