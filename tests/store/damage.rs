//! Damaged files: each gives a clear error or a right answer.

use crate::{append, channel, message, one, read_all};
use std::fs;
use stonechat::store::sqlite::{self, Database, Durability};
use stonechat::store::{Limit, Message, Point, Reply, Request, Selection, Trouble};

const MESSAGES: u32 = 600;

#[test]
fn damage_is_an_error_or_beyond_what_can_be_told() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("stonechat.db");
    let mut database = Database::open(&file, Durability::Normal).unwrap();
    let appends: Vec<Request> = (0..MESSAGES).map(append).collect();
    database.serve(appends.iter());
    database.close();
    let sound = fs::read(&file).unwrap();
    let expected: Vec<Message> = (0..MESSAGES).map(message).collect();
    let seed = std::env::var("SEED").map_or_else(|_| fastrand::u64(..), |s| s.parse().unwrap());
    let cases = std::env::var("SEEDS").map_or(200, |seeds| seeds.parse().unwrap());
    let (mut refused, mut unharmed) = (0, 0);
    for seed in seed..seed.saturating_add(cases) {
        let bytes = damaged(&sound, &mut fastrand::Rng::with_seed(seed));
        for log in ["-wal", "-shm"] {
            let _ = fs::remove_file(dir.path().join(format!("stonechat.db{log}")));
        }
        fs::write(&file, &bytes).unwrap();
        let found = Database::open(&file, Durability::Normal)
            .and_then(|mut database| Ok((read_all(&mut database)?, by_msgid(&mut database)?)));
        match found {
            Err(trouble) => {
                refused += 1;
                assert!(is_clear(&trouble), "SEED={seed}: {trouble:?}");
            }
            Ok((all, by_msgid)) if all == expected && by_msgid == expected => unharmed += 1,
            // Only letters of a message may have changed, which can't be noticed.
            Ok((all, _)) => {
                let fresh = dir.path().join("fresh.db");
                fs::write(&fresh, &bytes).unwrap();
                // An emptied file is a new database. `verify` alone reports changed letters of the
                // schema that no query needs: an operator may have added an index.
                let told = sqlite::verify(&fresh).map(|mut findings| {
                    findings.retain(|finding| !finding.starts_with("the schema is not"));
                    findings
                });
                let silent = bytes.is_empty() || told == Ok(vec![]);
                assert!(silent, "SEED={seed}: silently {} messages, but {told:?}", all.len());
            }
        }
    }
    assert!(refused > cases / 4 || cases < 20, "{refused} refused, {unharmed} unharmed");
}

fn damaged(sound: &[u8], random: &mut fastrand::Rng) -> Vec<u8> {
    let mut bytes = sound.to_vec();
    match random.u8(..4) {
        0 => bytes.truncate(random.usize(..sound.len())),
        1 => {
            let start = random.usize(..sound.len());
            let end = (start + random.usize(1..4096)).min(sound.len());
            random.fill(&mut bytes[start..end]);
        }
        _ => {
            // Often at the start of a page, where there is more to break.
            for _ in 0..random.usize(1..8) {
                let page = random.usize(..sound.len() / 4096) * 4096;
                let within = if random.bool() { random.usize(..120) } else { random.usize(..4096) };
                bytes[page + within] ^= 1 << random.u8(..8);
            }
        }
    }
    bytes
}

/// Each message, found by its id.
fn by_msgid(database: &mut Database) -> Result<Vec<Message>, Trouble> {
    let mut found = Vec::new();
    for number in 0..MESSAGES {
        let selection = Selection::Around(Point::Msgid(format!("m{number}")));
        match one(
            database,
            &Request::Select { target: channel(), selection, limit: Limit::new(1), events: false },
        ) {
            Reply::Messages(messages) => found.extend(messages),
            Reply::Failed(trouble) => return Err(trouble),
            _ => {}
        }
    }
    Ok(found)
}

fn is_clear(trouble: &Trouble) -> bool {
    match trouble {
        Trouble::Corrupt(_) => trouble.to_string().contains("restore a backup"),
        // Damage may hit the application id and the version of the schema, too.
        Trouble::Foreign | Trouble::Newer { .. } => true,
        Trouble::Other(why) => !why.is_empty(),
        _ => false,
    }
}
