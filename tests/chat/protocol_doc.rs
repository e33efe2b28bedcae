//! `docs/protocol.md` lists every command, capability, numeric and mode, and each has a transcript.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn files(folder: &str, all: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(path.to_str().unwrap(), all);
        } else {
            all.push(path);
        }
    }
}

/// The text of all transcripts, without this file.
fn transcripts() -> String {
    let mut all = Vec::new();
    files("tests/chat", &mut all);
    let all = all.into_iter().filter(|path| !path.ends_with("protocol_doc.rs"));
    all.map(|path| fs::read_to_string(path).unwrap()).collect()
}

/// The texts in backticks in the first cells of the tables below a heading.
fn told(heading: &str) -> BTreeSet<String> {
    let doc = read("docs/protocol.md");
    let start = doc.find(&format!("\n## {heading}\n")).unwrap_or_else(|| panic!("no {heading}"));
    let section = &doc[start + 4..];
    let section = &section[..section.find("\n## ").unwrap_or(section.len())];
    let rows = section.lines().filter_map(|line| line.strip_prefix("| "));
    let cells = rows.filter_map(|row| row.split(" | ").next()).filter(|cell| cell.contains('`'));
    cells.flat_map(|cell| cell.split('`').skip(1).step_by(2).map(str::to_owned)).collect()
}

/// The texts in quotes that follow `before` in a source.
fn named(source: &str, before: &str) -> BTreeSet<String> {
    let found = source.split(before).skip(1);
    found.filter_map(|rest| rest.split('"').next()).map(str::to_owned).collect()
}

fn source(name: &str) -> String {
    let mut all = Vec::new();
    files("src/chat", &mut all);
    let found = all.iter().find(|path| path.ends_with(name));
    fs::read_to_string(found.unwrap_or_else(|| panic!("no {name}"))).unwrap()
}

#[test]
fn every_command_is_told_and_has_a_transcript() {
    let table = source("table.rs");
    let rows = table.lines().filter_map(|line| line.strip_prefix("    ")?.split_once("::"));
    let commands = rows.filter_map(|(_, name)| name.strip_suffix(','));
    let commands: BTreeSet<String> = commands.map(str::to_owned).collect();
    assert!(commands.len() > 50, "{commands:?}");
    assert_eq!(told("Commands"), commands);
    let transcripts = transcripts();
    for command in commands {
        let typed = |before: &str| transcripts.contains(&format!("{before}{command}"));
        assert!(typed("> ") || typed(" "), "{command} has no transcript");
    }
}

#[test]
fn every_capability_is_told_and_has_a_transcript() {
    let caps = source("caps.rs");
    let names: BTreeSet<String> =
        named(&caps, "    (\"").into_iter().filter(|name| !name.contains(' ')).collect();
    assert!(names.len() > 20, "{names:?}");
    assert_eq!(told("Capabilities"), names);
    let transcripts = transcripts();
    for name in names {
        let asked = transcripts.lines().filter(|line| !line.contains(" LS "));
        let by = ["REQ", "+ ", "scene #"];
        let mut asked = asked.filter(|line| by.iter().any(|by| line.contains(by)));
        assert!(asked.any(|line| line.contains(&name)), "{name} has no transcript");
    }
}

#[test]
fn every_numeric_is_told_and_has_a_transcript() {
    let numerics = source("numeric.rs");
    let names = numerics.lines().filter_map(|line| {
        let (name, rest) = line.strip_prefix("    ")?.split_once(" \"")?;
        let named = name.starts_with("RPL_") || name.starts_with("ERR_");
        named.then(|| (rest[..3].to_owned(), name.to_owned()))
    });
    let names: Vec<(String, String)> = names.collect();
    assert!(names.len() > 100, "{names:?}");
    let (told, transcripts) = (told("Numerics"), transcripts());
    for (code, name) in &names {
        assert!(told.contains(name), "{name} is not documented");
        assert!(transcripts.contains(&format!(" {code} ")), "{code} {name} has no transcript");
    }
    assert_eq!(told.len(), names.len(), "docs/protocol.md lists more than there are");
}

#[test]
fn every_mode_is_told_and_has_a_transcript() {
    let transcripts = transcripts();
    for (heading, who, at_least) in [("Channel modes", "MODE #", 20), ("User modes", "MODE ", 7)] {
        let letters: BTreeSet<String> =
            told(heading).into_iter().map(|cell| cell[..1].to_owned()).collect();
        assert!(letters.len() >= at_least, "{letters:?}");
        let changes: Vec<&str> = (transcripts.lines())
            .filter(|line| line.contains("> ") && line.contains(who) && line.contains(['+', '-']))
            .filter_map(|line| line.split_once(who))
            .map(|(_, rest)| rest)
            .collect();
        for letter in letters {
            let set = |change: &&str| {
                let modes = change.split(' ').nth(1).unwrap_or_default();
                modes.starts_with(['+', '-']) && modes.contains(&letter)
            };
            assert!(changes.iter().any(set), "mode {letter} has no transcript");
        }
    }
}
