//! Counts the worst habits in comments and documentation: CONTRIBUTING.md, "Plain English".

use std::fs;
use std::path::Path;

const CLAUSE: &str = "a sentence begins with a noun or a verb, not with a clause";
const DEPENDENT: &str = "a doc comment stands alone, without the one above it";
const PRONOUN: &str = "they, not he";

/// A line of a comment, or of a document.
#[derive(Clone, Copy)]
struct Line<'a> {
    number: usize,
    /// Without the marker of a comment.
    text: &'a str,
    /// It begins a comment or a paragraph.
    is_first: bool,
    /// It belongs to a doc comment.
    is_doc: bool,
}

#[test]
fn the_prose_is_plain() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(str::to_owned).to_vec();
    for folder in ["src", "tests", "benches", "examples", "fuzz/fuzz_targets", "docs"] {
        find_files(root, folder, &mut files);
    }
    assert!(files.len() > 200, "{} files in {}", files.len(), root.display());
    let mut found: Vec<String> = Vec::new();
    for file in files {
        let text = fs::read_to_string(root.join(&file)).expect("readable");
        let lines = if file.ends_with(".md") { lines_of_document(&text) } else { comments(&text) };
        for (line, rule) in
            lines.iter().flat_map(|&line| broken(line).map(move |rule| (line, rule)))
        {
            let shown = format!("{file}:{}: {}\n    {rule}\n", line.number, line.text.trim());
            found.push(shown);
        }
    }
    assert!(found.is_empty(), "{} of them:\n{}", found.len(), found.concat());
}

#[test]
fn each_habit_is_found() {
    for (source, rule) in [
        ("/// Who has gone is forgotten.", CLAUSE),
        ("/// whoever comes first", CLAUSE),
        ("// What is left over.", CLAUSE),
        ("//! Closes it. Whoever reads it has gone.", CLAUSE),
        ("/// The same of a channel.", DEPENDENT),
        ("/// Likewise, of a user.", DEPENDENT),
        ("/// Closes the connection of a user when he leaves.", PRONOUN),
        ("let a = 1; // his", PRONOUN),
    ] {
        let lines = comments(source);
        assert_eq!(broken(lines[0]).collect::<Vec<_>>(), [rule], "{source}");
    }
    for (document, rule) in [
        ("Who comes first is operator.", CLAUSE),
        ("| who asks | a reply |", CLAUSE),
        ("They ask him.", PRONOUN),
    ] {
        let lines = lines_of_document(document);
        assert_eq!(broken(lines[0]).collect::<Vec<_>>(), [rule], "{document}");
    }
}

#[test]
fn plain_sentences_are_let_through() {
    for source in [
        "/// The same seed gives the same run.",
        "/// The user\n/// who has gone.",
        "// WHO and WHOIS; `he` and \"his\" are quoted",
        "//! Who may speak here?",
        "let a = \"// He\";",
        "/// Says nothing. ```text\n/// who\n/// ```",
    ] {
        let broken: Vec<&str> = comments(source).into_iter().flat_map(broken).collect();
        assert_eq!(broken, [""; 0], "{source}");
    }
    let document = "A user,\nwho has gone.\n\n```sh\nwho\n# his\n```\n";
    assert!(lines_of_document(document).into_iter().flat_map(broken).next().is_none());
}

/// The rules that a line breaks.
fn broken(line: Line) -> impl Iterator<Item = &'static str> {
    let text = unquoted(line.text);
    let clause = begins_with_clause(&text, line.is_first) && !text.contains('?');
    let dependent = line.is_doc && line.is_first && is_dependent(&text);
    let mut words = text.split(|c: char| !c.is_alphanumeric());
    let pronoun = words.any(|word| ["he", "him", "his", "He", "Him", "His"].contains(&word));
    let all = [(clause, CLAUSE), (dependent, DEPENDENT), (pronoun, PRONOUN)];
    all.into_iter().filter(|(breaks, _)| *breaks).map(|(_, rule)| rule)
}

fn begins_with_clause(text: &str, is_first: bool) -> bool {
    const WORDS: [&str; 5] = ["Who ", "Whom ", "Whoever ", "Whose ", "What is "];
    let begins = |text: &str, word: &str, first: bool| {
        text.starts_with(word) || (first && text.starts_with(&word.to_lowercase()))
    };
    let later = [". ", ": ", "; ", "| "].into_iter().flat_map(|end| {
        text.match_indices(end).map(move |(at, _)| (&text[at + end.len()..], end == "| "))
    });
    let later: Vec<(&str, bool)> = later.collect();
    WORDS.iter().any(|word| {
        begins(text, word, is_first) || later.iter().any(|(rest, cell)| begins(rest, word, *cell))
    })
}

fn is_dependent(text: &str) -> bool {
    let ends = [",", ".", ";", ":", " of ", " for ", " as ", " with ", " without ", " but "];
    let followed = |rest: &str| rest.is_empty() || ends.iter().any(|end| rest.starts_with(end));
    text.strip_prefix("The same").is_some_and(followed)
        || text.starts_with("Likewise")
        || text.starts_with("As above")
}

/// Without code in backticks and texts in quotes.
fn unquoted(text: &str) -> String {
    let mut plain = text.to_owned();
    for quote in ['`', '"'] {
        let parts: Vec<&str> = plain.split(quote).collect();
        let kept: Vec<&str> = match parts.len() % 2 {
            1 => parts.into_iter().step_by(2).collect(),
            _ => parts,
        };
        plain = kept.join("x");
    }
    plain
}

/// The comments of a source; code in doc comments is left out.
fn comments(source: &str) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    let (mut before, mut in_code) = ("", false);
    for (n, line) in source.lines().enumerate() {
        let line = line.trim_start();
        let marker = ["///", "//!", "//"].into_iter().find(|marker| line.starts_with(marker));
        let is_doc = marker.is_some_and(|marker| marker != "//");
        let (text, is_first) = match marker {
            Some(marker) => (line[marker.len()..].trim_start(), marker != before),
            // Behind code, and not within a string.
            None => match line.rsplit_once("; // ") {
                Some((code, text)) if code.matches('"').count() % 2 == 0 => (text, true),
                _ => {
                    (before, in_code) = ("", false);
                    continue;
                }
            },
        };
        before = if text.is_empty() { "" } else { marker.unwrap_or_default() };
        if text.contains("```") {
            in_code = !in_code;
        } else if !in_code {
            lines.push(Line { number: n + 1, text, is_first, is_doc });
        }
    }
    lines
}

/// The lines of a document outside its blocks.
fn lines_of_document(text: &str) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    let (mut in_block, mut is_first) = (false, true);
    for (n, line) in text.lines().enumerate() {
        let text = line.trim_start().trim_start_matches(['#', '*', '-', ' ']);
        if text.starts_with("```") {
            in_block = !in_block;
        } else if !in_block {
            lines.push(Line { number: n + 1, text, is_first, is_doc: false });
        }
        is_first = text.is_empty();
    }
    lines
}

/// Finds sources and documents, and names them from `root`.
fn find_files(root: &Path, folder: &str, files: &mut Vec<String>) {
    for entry in fs::read_dir(root.join(folder)).expect("a folder") {
        let entry = entry.expect("an entry");
        let name = format!("{folder}/{}", entry.file_name().to_str().expect("in UTF-8"));
        if entry.path().is_dir() {
            find_files(root, &name, files);
        } else if name.ends_with(".rs") || name.ends_with(".md") {
            files.push(name);
        }
    }
    files.sort();
}
