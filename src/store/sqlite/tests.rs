//! Tests that need the connection itself: query plans, migrations, faults made by pragmas.

use super::*;
use crate::store::{Limit, Message, NewAccount, Redactor, Secret, Selection, Target, Text};
use rusqlite::params;

fn append(msgid: &str) -> Request {
    let message = Message {
        msgid: msgid.to_owned(),
        time_ms: 1,
        source: "ann!a@h".to_owned(),
        account: None,
        command: "PRIVMSG".to_owned(),
        tags: String::new(),
        text: Text::Line("hi".to_owned()),
    };
    Request::Append { target: Target::Channel("#a".to_owned()), message }
}

fn msgids(database: &mut Database) -> Vec<String> {
    let target = Target::Channel("#a".to_owned());
    let selection = Selection::Latest(None);
    let request =
        Request::Select { target, selection, limit: Limit::new(Limit::MAX), events: false };
    match database.serve([&request].into_iter()).remove(0) {
        Reply::Messages(messages) => messages.into_iter().map(|message| message.msgid).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_query_walks_an_index_and_sorts_nothing() {
    let Database { connection, .. } = Database::in_memory().unwrap();
    const IN_ORDER: &str = "INDEX message_in_order (target=? AND kind=? AND time>? AND time<?)";
    for (sql, expected) in [
        (history::FIND_TARGET, "INDEX sqlite_autoindex_target_1 (name=?)"),
        (history::FIND_PLACE, "INDEX sqlite_autoindex_message_1 (msgid=? AND target=?)"),
        (history::FIRST, IN_ORDER),
        (history::LAST, IN_ORDER),
        (history::FIRST_WITH_EVENTS, IN_ORDER),
        (history::FIRST_WITH_EVENTS, "MERGE (UNION ALL)"),
        (history::LAST_WITH_EVENTS, IN_ORDER),
        (history::LAST_WITH_EVENTS, "MERGE (UNION ALL)"),
        (history::WITH_WHOM, "INDEX target_by_one (one=?)"),
        (history::WITH_WHOM, "INDEX target_by_other (other=?)"),
        (history::FORGET_ALL_OF, "INDEX target_by_one (one=?)"),
        (history::FORGET_ALL_OF, "INDEX target_by_other (other=?)"),
        (history::LATEST_TIME, "COVERING INDEX message_in_order (target=? AND kind=?)"),
        (retention::FUTURE, "INDEX message_in_order (target=? AND kind=? AND time>?)"),
        (retention::NEXT, "INTEGER PRIMARY KEY (rowid>?)"),
        (history::FIND_SAID, "INDEX sqlite_autoindex_message_1 (msgid=? AND target=?)"),
        (accounts::FIND_ID, "INDEX sqlite_autoindex_account_1 (folded=?)"),
        (accounts::FIND, "INDEX sqlite_autoindex_account_1 (folded=?)"),
        (accounts::FIND_OWNER, "INDEX sqlite_autoindex_account_2 (skeleton=?)"),
        (accounts::PAGE, "INDEX sqlite_autoindex_account_1 (folded>?)"),
        (accounts::MARKERS, "PRIMARY KEY (account=?)"),
        (known::ALL, "INDEX known_in_order"),
        (accounts::IS_INVITED, "PRIMARY KEY (token_hash=?)"),
        (channels::ENTRIES, "PRIMARY KEY (channel=?)"),
        (channels::RANKS, "PRIMARY KEY (channel=?)"),
        (channels::METADATA, "PRIMARY KEY (channel=?)"),
        (audit::SINCE, "INDEX audit_in_order (time>?)"),
        (presences::CHANNELS, "PRIMARY KEY (account=?)"),
        (presences::METADATA, "PRIMARY KEY (account=?)"),
        (index::UNINDEXED, "INTEGER PRIMARY KEY (rowid>?)"),
        (search::MESSAGE, "INTEGER PRIMARY KEY (rowid=?)"),
        (search::FIRST_AFTER, "INDEX message_in_order (target=? AND kind=? AND time>?)"),
        (search::LAST_BEFORE, "INDEX message_in_order (target=? AND kind=? AND time<?)"),
        (index::LAST_ID, "SEARCH message"),
        (retention::FORGOTTEN, "INDEX sqlite_autoindex_target_1 (name>? AND name<?)"),
        (retention::SWEPT, "INTEGER PRIMARY KEY (rowid>?)"),
        (&retention::first_of_target(), "INDEX message_in_order (target=? AND kind=?)"),
        (&retention::first_of_target(), "MERGE (UNION ALL)"),
    ] {
        let plan = plan(&connection, sql);
        assert!(plan.iter().any(|step| step.contains(expected)), "{sql}: {plan:#?}");
        // Allowed are scans of a constant row, those from the end of an index with a limit, and a
        // union of conversations without duplicates.
        let slow = |step: &String| {
            (step.starts_with("SCAN") && step != "SCAN CONSTANT ROW" && sql != known::ALL)
                || (step.contains("B-TREE") && sql != history::WITH_WHOM)
        };
        assert!(!plan.iter().any(slow), "{sql}: {plan:#?}");
    }
}

#[test]
fn who_is_here_is_found_without_walking_all_accounts() {
    let Database { connection, .. } = Database::in_memory().unwrap();
    let plan = plan(&connection, presences::ALL);
    assert!(plan[0].starts_with("SCAN presence"), "{plan:#?}");
    assert!(plan[1].starts_with("SEARCH account USING INTEGER PRIMARY KEY"), "{plan:#?}");
}

fn plan(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let given = vec![1; statement.parameter_count()];
    let steps = statement.query_map(rusqlite::params_from_iter(given), |row| row.get(3));
    steps.unwrap().map(Result::unwrap).collect()
}

#[test]
fn an_older_schema_is_migrated_step_by_step_with_a_copy_before_each() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("stonechat.db");
    let first = &schema::STEPS[..1];
    let mut database = Database::open_with(&file, Durability::Full, first).unwrap();
    database.serve([&append("m1")].into_iter());
    drop(database);
    let second = "ALTER TABLE message ADD COLUMN mood TEXT";
    let steps = [schema::STEPS[0], second, "UPDATE message SET mood = 'glad'"];
    drop(Database::open_with(&file, Durability::Full, &steps).unwrap());
    let read = |file: &Path, sql: &str| -> rusqlite::Result<String> {
        Connection::open(file).unwrap().query_row(sql, [], |row| row.get(0))
    };
    assert_eq!(read(&file, "SELECT msgid || mood FROM message"), Ok("m1glad".to_owned()));
    let copies = [1, 2].map(|version| migrate::copy_before(&file, version));
    assert_eq!(read(&copies[0], "SELECT msgid FROM message"), Ok("m1".to_owned()));
    assert!(read(&copies[0], "SELECT mood FROM message").is_err());
    assert_eq!(verify(&copies[0]), Ok(vec![]), "a copy can be gone back to");
    let mood = read(&copies[1], "SELECT coalesce(mood, 'none') FROM message");
    assert_eq!(mood, Ok("none".to_owned()));
    // An older program refuses the newer schema, and changes nothing.
    let newer = Trouble::Newer { found: 3, known: 1 };
    assert_eq!(Database::open_with(&file, Durability::Full, first).err(), Some(newer.clone()));
    let known = schema::STEPS.len() as i64;
    let beyond = Connection::open(&file).unwrap();
    beyond.pragma_update(None, "user_version", known + 1).unwrap();
    drop(beyond);
    let newer = Trouble::Newer { found: known + 1, known };
    assert_eq!(verify(&file), Err(newer.clone()));
    assert_eq!(backup(&file, &dir.path().join("copy"), None), Err(newer.clone()));
    assert!(newer.to_string().contains("later version of stonechat"), "{newer}");
}

#[test]
fn a_migration_that_fails_leaves_everything_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("stonechat.db");
    let first = &schema::STEPS[..1];
    drop(Database::open_with(&file, Durability::Full, first).unwrap());
    let steps = [schema::STEPS[0], "ALTER TABLE message ADD COLUMN mood TEXT; SELECT nonsense"];
    for _ in 0..2 {
        assert!(Database::open_with(&file, Durability::Full, &steps).is_err());
        assert_eq!(verify(&file), Ok(vec![]));
    }
    let mut database = Database::open(&file, Durability::Full).unwrap();
    assert_eq!(database.serve([&append("m1")].into_iter()), [Reply::Appended]);
}

#[test]
fn what_is_not_ours_is_refused_untouched() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("other.db");
    Connection::open(&file).unwrap().execute_batch("CREATE TABLE a (b)").unwrap();
    let before = fs::read(&file).unwrap();
    assert_eq!(Database::open(&file, Durability::Full).err(), Some(Trouble::Foreign));
    assert_eq!(fs::read(&file).unwrap(), before);
}

#[test]
fn locked_or_read_only_it_says_so_and_recovers_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("stonechat.db");
    let mut database = Database::open(&file, Durability::Normal).unwrap();
    assert_eq!(database.serve([&append("m1")].into_iter()), [Reply::Appended]);
    database.connection.busy_timeout(Duration::ZERO).unwrap();

    let other = Connection::open(&file).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let failed = [Reply::Failed(Trouble::Busy)];
    assert_eq!(database.serve([&append("m2")].into_iter()), failed);
    assert_eq!(msgids(&mut database), ["m1"], "reading goes on");
    other.execute_batch("ROLLBACK").unwrap();

    database.connection.pragma_update(None, "query_only", true).unwrap();
    let failed = [Reply::Failed(Trouble::ReadOnly)];
    assert_eq!(database.serve([&append("m2")].into_iter()), failed);
    database.connection.pragma_update(None, "query_only", false).unwrap();

    assert_eq!(database.serve([&append("m2")].into_iter()), [Reply::Appended]);
    assert_eq!(msgids(&mut database), ["m1", "m2"]);
}

#[test]
fn verify_finds_a_schema_and_references_that_are_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("stonechat.db");
    drop(Database::open(&file, Durability::Full).unwrap());
    let connection = Connection::open(&file).unwrap();
    connection.execute_batch("PRAGMA foreign_keys = OFF; DROP INDEX target_by_one").unwrap();
    let row = "INSERT INTO message (target, kind, time, msgid, source, command, tags, text)
               VALUES (7, 0, 1, ?1, '', '', '', '')";
    connection.execute(row, params!["m"]).unwrap();
    let findings = verify(&file).unwrap();
    assert_eq!(
        findings,
        [
            "the schema is not that of version 3",
            "a row of message refers to one of target that is not there"
        ]
    );
}

#[test]
fn what_is_redacted_is_in_the_file_no_more() {
    for filed in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("stonechat.db");
        let mut database = Database::open(&file, Durability::Full).unwrap();
        let mut said = append("m1");
        if let Request::Append { message, .. } = &mut said {
            message.text = Text::Line("thesecret thesecretofsecrets".to_owned());
        }
        assert_eq!(
            database.serve([&append("m0"), &said].into_iter()),
            [Reply::Appended, Reply::Appended]
        );
        if filed {
            while database.tidy().unwrap() {}
            let sql = "SELECT count(*) FROM message_words WHERE message_words MATCH 'thesecret'";
            let found = database.connection.query_row(sql, [], |row| row.get::<_, i64>(0));
            assert_eq!(found, Ok(1));
        }
        let target = Target::Channel("#a".to_owned());
        let redact = Request::Redact { target, msgid: "m1".to_owned(), by: Redactor::Anyone };
        assert_eq!(database.serve([&redact].into_iter()), [Reply::Redacted]);
        database.close();
        let bytes = fs::read(&file).unwrap();
        assert!(!bytes.windows(6).any(|window| window == b"secret"), "filed: {filed}");
    }
}

#[test]
fn what_is_common_is_found_among_the_last_and_what_is_rare_among_all() {
    let mut database = Database::in_memory().unwrap();
    let far_apart = 10_i64 << 18;
    for (first, msgids) in [(1, ["m1", "m2"]), (far_apart, ["m3", "m4"])] {
        let sql = "INSERT INTO message (id, target, kind, time, msgid, source, command, tags, text)
                   SELECT ?1, id, 0, 1, 'x' || ?1, '', '', '', '' FROM target";
        database.connection.execute(sql, [first]).unwrap();
        let said = msgids.map(append);
        assert_eq!(database.serve(said.iter()), [Reply::Appended, Reply::Appended]);
    }
    while database.tidy().unwrap() {}
    let found = |rare_max, words| {
        let search = search::Search {
            targets: &[Target::Channel("#a".to_owned())],
            words,
            from: None,
            after_ms: i64::MIN,
            before_ms: i64::MAX,
            limit: 9,
            rare_max,
        };
        match search::search(&database.connection, &search).unwrap() {
            Reply::Found(found) => {
                found.into_iter().map(|(_, message)| message.msgid).collect::<Vec<_>>()
            }
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(found(9, "hi"), ["m4", "m3", "m2", "m1"]);
    assert_eq!(found(3, "hi"), ["m4", "m3"]);
    assert_eq!(found(3, "").len(), 5, "of one target alone, all");
}

#[test]
fn a_damaged_index_of_words_is_made_anew_and_nothing_is_refused_for_it() {
    let target = || Target::Channel("#a".to_owned());
    let redact = Request::Redact { target: target(), msgid: "m1".to_owned(), by: Redactor::Anyone };
    let search = Request::Search {
        targets: vec![target()],
        words: "hi".to_owned(),
        from: None,
        after_ms: None,
        before_ms: None,
        limit: Limit::new(9),
    };
    let mut database = Database::in_memory().unwrap();
    database.serve([append("m1"), append("m2")].iter());
    while database.tidy().unwrap() {}
    // The words of both are gone, without an update of the index's progress.
    let sql = "INSERT INTO message_words (message_words) VALUES ('delete-all')";
    database.connection.execute_batch(sql).unwrap();
    assert_eq!(database.serve([&redact].into_iter()), [Reply::Redacted]);
    while database.tidy().unwrap() {}
    let Reply::Found(found) = database.serve([&search].into_iter()).remove(0) else {
        panic!("no search")
    };
    assert_eq!(found.len(), 1, "m2 is found again");

    // The index's own data can't be read.
    database.connection.execute_batch("UPDATE message_words_data SET block = x'ff'").unwrap();
    let damaged = database.serve([&search].into_iter());
    assert_eq!(damaged, [Reply::Failed(Trouble::Index)]);
    while database.tidy().unwrap() {}
    assert_eq!(database.serve([&search].into_iter()), [Reply::Found(found)]);
}

#[test]
fn a_request_that_fails_alone_takes_no_other_with_it() {
    let mut database = Database::in_memory().unwrap();
    database.connection.execute_batch("DROP TABLE invitation").unwrap();
    let invite =
        Request::AddInvitation { token_hash: "hash".to_owned(), created_ms: 1, expires_ms: 2 };
    let replies = database.serve([append("m1"), invite, append("m2")].iter());
    assert_eq!([&replies[0], &replies[2]], [&Reply::Appended, &Reply::Appended]);
    assert!(matches!(replies[1], Reply::Failed(Trouble::Other(_))), "{replies:?}");
    assert_eq!(msgids(&mut database), ["m1", "m2"]);
}

#[test]
fn a_verifier_that_is_not_there_is_looked_for_as_one_that_is() {
    let mut database = Database::in_memory().unwrap();
    let account = NewAccount {
        name: "ann".to_owned(),
        folded: "ann".to_owned(),
        skeleton: "ann".to_owned(),
        verifier: Secret("it".to_owned()),
        email: None,
        always_on: false,
        created_ms: 0,
    };
    let requests = [
        Request::AddAccount { account, invitation: None },
        Request::MarkRead {
            account: "ann".into(),
            target: "#a".into(),
            time_ms: 1,
            targets_max: 9,
        },
    ];
    database.serve(requests.iter());
    let runs = |database: &Database| {
        [accounts::FIND, accounts::MARKERS].map(|sql| {
            let statement = database.connection.prepare_cached(sql).unwrap();
            statement.get_status(rusqlite::StatementStatus::Run)
        })
    };
    let mut looks = |name: &str| {
        let before = runs(&database);
        database.serve([Request::FindVerifier { folded: name.to_owned() }].iter());
        let after = runs(&database);
        [after[0] - before[0], after[1] - before[1]]
    };
    assert_eq!([looks("ann"), looks("bob")], [[1, 0]; 2]);
}
