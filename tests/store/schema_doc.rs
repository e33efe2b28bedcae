//! Tests docs/schema.md: the tables have those columns, and the queries give those answers.

use crate::{append, message};
use rusqlite::Connection;
use stonechat::store::sqlite::{Database, Durability};
use stonechat::store::{NewAccount, Presence, Request, Secret, Target};

const DOC: &str = include_str!("../../docs/schema.md");

fn database(dir: &tempfile::TempDir) -> Connection {
    let file = dir.path().join("stonechat.db");
    let mut database = Database::open(&file, Durability::Full).unwrap();
    let mut requests: Vec<Request> = (1..=12).map(append).collect();
    for request in &mut requests {
        if let Request::Append { target, .. } = request {
            *target = Target::Channel("#garden".to_owned());
        }
    }
    let target = Target::pair("bob", "ann");
    requests.push(Request::Append { target, message: message(13) });
    requests.extend(always_on());
    database.serve(requests.iter());
    crate::tidy(&mut database);
    Connection::open(file).unwrap()
}

/// Requests that make ann always on, in two channels.
fn always_on() -> [Request; 2] {
    let ann = "ann".to_owned();
    let account = NewAccount {
        name: ann.clone(),
        folded: ann.clone(),
        skeleton: ann.clone(),
        verifier: Secret(String::new()),
        email: None,
        always_on: true,
        created_ms: 0,
    };
    let channels = [("#garden", "@"), ("#b", "")];
    let presence = Presence {
        nick: ann.clone(),
        username: ann.clone(),
        realname: ann.clone(),
        host: "localhost".to_owned(),
        modes: String::new(),
        away: None,
        signed_on_s: 0,
        acted_s: 1,
        channels: channels.map(|(name, ranks)| (name.to_owned(), ranks.to_owned())).to_vec(),
        metadata: Vec::new(),
    };
    let invitation = None;
    [
        Request::AddAccount { account, invitation },
        Request::SavePresence { account: ann, presence: Box::new(presence) },
    ]
}

#[test]
fn every_column_has_its_row() {
    let dir = tempfile::tempdir().unwrap();
    let connection = database(&dir);
    let mut tables = 0;
    for part in DOC.split("\n## `").skip(1) {
        let table = part.split('`').next().unwrap();
        let rows = part.lines().filter_map(|line| line.strip_prefix("| `")?.split(" |").next());
        let told: Vec<String> =
            rows.flat_map(|names| names.split(", ")).map(|name| name.replace('`', "")).collect();
        let mut statement = connection.prepare("SELECT name FROM pragma_table_info(?)").unwrap();
        let columns = statement.query_map([table], |row| row.get(0)).unwrap();
        assert_eq!(told, columns.collect::<Result<Vec<String>, _>>().unwrap(), "{table}");
        tables += 1;
    }
    // Shadow tables belong to the virtual one.
    let sql = "SELECT count(*) FROM pragma_table_list
               WHERE schema = 'main' AND type <> 'shadow' AND name NOT LIKE 'sqlite_%'";
    assert_eq!(connection.query_row(sql, [], |row| row.get(0)), Ok(tables));
}

#[test]
fn the_worked_queries_answer_as_told() {
    let dir = tempfile::tempdir().unwrap();
    let connection = database(&dir);
    let mut answers = DOC.split("```sql\n").skip(1).map(|part| {
        let sql = part.split("```").next().unwrap();
        let mut statement = connection.prepare(sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
        let columns = statement.column_count();
        let row = |row: &rusqlite::Row| {
            let texts =
                (0..columns).map(|column| match row.get::<_, rusqlite::types::Value>(column)? {
                    rusqlite::types::Value::Integer(number) => Ok(number.to_string()),
                    rusqlite::types::Value::Text(text) => Ok(text),
                    other => panic!("{other:?}"),
                });
            Ok(texts.collect::<rusqlite::Result<Vec<_>>>()?.join("|"))
        };
        statement.query_map([], row).unwrap().collect::<Result<Vec<_>, _>>().unwrap()
    });
    let last_ten = answers.next().unwrap();
    assert_eq!(last_ten.len(), 10);
    assert_eq!(last_ten[0], "1970-01-01 00:00:00|ann|the 3. thing that was said");
    assert_eq!(last_ten[9], "1970-01-01 00:00:00|ann|the 12. thing that was said");
    assert_eq!(answers.next().unwrap(), ["#garden|1970-01-01|12"]);
    let partners = answers.next().unwrap();
    assert_eq!(partners, ["bob|1|1970-01-01 00:00:00|1970-01-01 00:00:00"]);
    assert_eq!(answers.next().unwrap(), ["#garden|the 12. thing that was said"]);
    assert_eq!(answers.next().unwrap(), ["ann|@#garden #b"]);
    assert_eq!(answers.next(), None);
}
