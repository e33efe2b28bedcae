//! Checks the sources: which module may use which, which places alone may name what, and a few plain
//! rules.
//!
//! Where a table proves wrong, change it here and in CONTRIBUTING.md, in the commit that needs it,
//! and say why.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

/// The modules of ours that each module may use, besides itself. `bin` and `lib.rs` may use all.
const MAY_USE: [(&str, &[&str]); 17] = [
    ("wire", &[]),
    ("far", &[]),
    ("rate", &[]),
    ("setting", &[]),
    ("net", &["wire", "far", "rate", "setting"]), // wire: the PROXY protocol; far: names looked up
    ("auth", &["wire", "far", "rate"]),
    ("store", &["far"]),
    ("tls", &["setting", "net"]),
    ("echo", &["wire", "setting", "net", "store"]),
    ("chat", &["wire", "far", "rate", "setting", "net", "store", "auth"]),
    ("telemetry", &["wire", "net", "store"]),
    ("web", &["wire", "setting", "net"]),
    ("cluster", &["wire", "net", "store"]),
    ("app", &["wire", "net", "store", "auth", "echo", "chat", "telemetry", "web", "cluster"]),
    ("config", &["wire", "setting", "net", "store", "auth", "tls", "app", "chat", "echo", "web"]),
    ("metrics", &["net", "store", "chat"]),
    ("client", &["wire", "rate", "net"]),
];

/// Names, and the only places that may use them. The addresses of `std::net` are plain values, free to all.
const ONLY_IN: [(&str, &[&str]); 21] = [
    ("mio", &["net/reactor"]),
    ("socket2", &["net/reactor"]),
    ("Instant", &["net/reactor", "store/thread"]), // how long a group took, when to tidy
    ("SystemTime", &["net/reactor", "tls/certificate"]), // when a file was modified
    ("TcpStream", &["net/reactor"]),
    ("TcpListener", &["net/reactor", "bin"]),
    ("UdpSocket", &["net/reactor"]),
    ("UnixStream", &["net/reactor", "bin"]), // a command asks a daemon
    ("UnixListener", &["net/reactor", "bin"]),
    ("UnixDatagram", &["net/reactor", "bin"]),
    ("signal_hook", &["net/reactor", "bin"]),
    ("rustls", &["net/tls", "tls"]),
    ("rustls_native_certs", &["tls"]),
    ("rusqlite", &["store/sqlite"]),
    ("std::thread", &["far", "store/thread", "auth/worker", "bin"]),
    ("std::fs", &["net/reactor", "store", "tls", "metrics", "bin"]), // sockets' paths, files, /proc/self
    ("std::env", &["bin"]),
    ("std::process", &["bin"]),
    ("clap", &["bin"]),
    ("ratatui", &["client"]),
    ("crossterm", &["client"]),
];

/// Names that one module may not use though others may: `wire` is pure, and the state of chat
/// cannot send.
const NEVER_IN: [(&str, &str); 6] = [
    ("wire", "std::io"),
    ("wire", "std::time"),
    ("chat/state", "Outbox"),
    ("chat/state", "Sink"),
    ("chat/state", "chat::reply"),
    ("chat/state", "chat::Chat"),
];

/// Names of files that say nothing about their content.
const SAY_NOTHING: [&str; 6] = ["utils", "util", "common", "helpers", "types", "manager"];

const UNFINISHED: [&str; 3] = ["todo", "unimplemented", "dbg"];

const LINES_MAX: usize = 600;

#[test]
fn the_sources_keep_to_the_layers() {
    let mut violations = Violations::default();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    find_sources(&root, &mut files);
    assert!(files.iter().any(|file| file.ends_with("lib.rs")), "no sources in {}", root.display());
    for path in &files {
        let name = path.strip_prefix(&root).expect("found there").to_str().expect("in UTF-8");
        let text = fs::read_to_string(path).expect("readable");
        Source::new(name, &text).check(&mut violations);
    }
    assert!(violations.0.is_empty(), "\n{}", violations.0);
}

#[test]
fn contributing_has_the_table_of_layers() {
    let doc = include_str!("../CONTRIBUTING.md");
    let rows = doc.split("| module | is | may use |\n").nth(1).expect("the table of layers");
    let rows = rows.lines().skip(1).take_while(|line| line.starts_with("| "));
    let documented: Vec<(&str, Vec<&str>)> = rows
        .map(|row| {
            let cells: Vec<&str> = row.trim_matches(['|', ' ']).split(" | ").collect();
            let [module, _, may_use] = cells[..] else { panic!("three cells: {row}") };
            (module.trim_matches('`'), may_use.split('`').skip(1).step_by(2).collect())
        })
        .collect();
    let tested = MAY_USE.map(|(module, may_use)| (module, may_use.to_vec()));
    assert_eq!(documented, tested);
}

/// Otherwise a test that reads nothing would pass.
#[test]
fn each_rule_catches_what_it_forbids() {
    for (name, line, rule) in [
        ("wire/line.rs", "use crate::net::ConnId;", "wire may use nothing of ours, not net"),
        ("wire/mod.rs", "use super::echo::Echo;", "wire may use nothing of ours, not echo"),
        (
            "net/mod.rs",
            "type T = crate::{wire::Line, echo::Echo};",
            "net may use wire, far, rate, setting, not echo",
        ),
        (
            "net/reactor/mod.rs",
            "use super::super::super::app::App;",
            "net may use wire, far, rate, setting, not app",
        ),
        (
            "echo.rs",
            "fn f() { super::chat::f() }",
            "echo may use wire, setting, net, store, not chat",
        ),
        ("store/mod.rs", "use crate::app;", "store may use far, not app"),
        ("auth/mod.rs", "use crate::chat::Chat;", "auth may use wire, far, rate, not chat"),
        ("helm.rs", "", "no row in MAY_USE"),
        ("net/outbox.rs", "use mio::Poll;", "only net/reactor may name mio"),
        ("net/outbox.rs", "use std::{io, time::{Duration, Instant}};", "may name Instant"),
        ("echo.rs", "fn f() { let _ = std::env::args(); }", "only bin may name std::env"),
        ("wire/line.rs", "use std::io::Read;", "wire may not name std::io"),
        ("chat/state/users.rs", "use crate::net::Outbox;", "chat/state may not name Outbox"),
        ("chat/state/users.rs", "use crate::chat::Chat;", "chat/state may not name chat::Chat"),
        ("wire/line.rs", "fn f() { unsafe { g() } }", "no unsafe"),
        ("wire/line.rs", "fn f() { if true { todo!() } }", "no todo!"),
        ("wire/utils.rs", "", "a file's name says what is in it"),
    ] {
        let mut violations = Violations::default();
        Source::new(name, &format!("//! A file.\n{line}\n")).check(&mut violations);
        let caught = violations.0;
        assert!(caught.contains(rule), "{name}: {line}: {caught:?}");
        let at = if line.is_empty() { 1 } else { 2 };
        assert!(caught.starts_with(&format!("src/{name}:{at}: {line}")), "{caught}");
    }
    let mut violations = Violations::default();
    Source::new("wire/a.rs", "use std::str;\n").check(&mut violations);
    Source::new("wire/b.rs", &"//! Long.\n".repeat(LINES_MAX + 1)).check(&mut violations);
    assert!(violations.0.contains("begins with what it is for"));
    assert!(violations.0.contains("split it"));
}

#[test]
fn what_only_looks_forbidden_is_let_through() {
    let text = r#"//! Says Instant, crate::app and unsafe.
        use super::*; // mio::Poll
        const TEXT: &str = "crate::net unsafe todo!()";
        fn todo(dbg: &'static str) -> bool { dbg != TEXT }
        mod tests { use super::super::line::Line; }
    "#;
    let mut violations = Violations::default();
    Source::new("wire/irc.rs", text).check(&mut violations);
    Source::new("bin/stonechatd/main.rs", "//! A program.\nuse stonechat::app::App;")
        .check(&mut violations);
    assert_eq!(violations.0, "");
}

#[test]
fn no_two_files_import_each_other() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    find_sources(&root, &mut files);
    let read = |path: &PathBuf| {
        let name = path.strip_prefix(&root).expect("found there").to_str().expect("in UTF-8");
        (module_of(name), fs::read_to_string(path).expect("readable"))
    };
    let sources: BTreeMap<Vec<String>, String> = files.iter().map(read).collect();
    assert_eq!(cycle(&imports(&sources)), None);
}

#[test]
fn a_cycle_of_imports_is_found() {
    let sources = |texts: &[(&str, &str)]| {
        texts.iter().map(|(name, text)| (module_of(name), (*text).to_owned())).collect()
    };
    let two: BTreeMap<_, _> = sources(&[
        ("a.rs", "use crate::b::c::C;"),
        ("b/mod.rs", "mod c;"),
        ("b/c.rs", "use super::d::D;"),
        ("b/d.rs", "fn f() { crate::a::f() }"),
    ]);
    assert_eq!(cycle(&imports(&two)).as_deref(), Some("a, b::c, b::d"));
    // Parent and child may import each other, and imports of tests do not count.
    let none: BTreeMap<_, _> = sources(&[
        ("a/mod.rs", "mod b; use b::B;"),
        ("a/b.rs", "use super::A; #[cfg(test)] mod tests { use crate::c::C; }"),
        ("c.rs", "use crate::a::b::B;"),
    ]);
    assert_eq!(cycle(&imports(&none)), None);
}

/// `chat/state/mod.rs` is the module chat, state.
fn module_of(name: &str) -> Vec<String> {
    let name = name.trim_end_matches(".rs").trim_end_matches("/mod");
    name.split('/').map(str::to_owned).collect()
}

/// The other files that each file names, without its parents and children.
fn imports(sources: &BTreeMap<Vec<String>, String>) -> BTreeMap<&[String], BTreeSet<&[String]>> {
    let file_of = |names: &[String]| {
        let found = (1..=names.len()).rev().find_map(|n| sources.get_key_value(&names[..n]));
        found.map(|(module, _)| &**module)
    };
    let imports = sources.iter().map(|(module, text)| {
        let text = text.split("#[cfg(test)]\nmod tests").next().expect("one part at least");
        let text = text.split("#[cfg(test)] mod tests").next().expect("one part at least");
        let mut paths = Vec::new();
        find_names(text.parse().expect("sources that compile"), &[], &mut paths, &mut Vec::new());
        let absolute = |names: &[String]| -> Vec<String> {
            let supers = names.iter().take_while(|name| *name == "super").count();
            match &*names[0] {
                "crate" => names[1..].to_vec(),
                "super" => {
                    let above = module.len().saturating_sub(supers);
                    [&module[..above], &names[supers..]].concat()
                }
                _ => [module, names].concat(),
            }
        };
        let others = paths.iter().filter_map(|path| file_of(&absolute(&path.names)));
        let apart = |other: &&[String]| !module.starts_with(other) && !other.starts_with(module);
        (&**module, others.filter(apart).collect())
    });
    imports.collect()
}

/// Files that import each other, directly or through others.
fn cycle(imports: &BTreeMap<&[String], BTreeSet<&[String]>>) -> Option<String> {
    let reached = |from: &[String]| {
        let mut reached = BTreeSet::new();
        let mut open: Vec<&[String]> = imports[from].iter().copied().collect();
        while let Some(next) = open.pop() {
            if reached.insert(next) {
                open.extend(imports.get(next).into_iter().flatten());
            }
        }
        reached
    };
    let first = imports.keys().find(|module| reached(module).contains(**module))?;
    let back = |other: &&[String]| reached(other).contains(first);
    let round: BTreeSet<String> =
        reached(first).into_iter().filter(back).map(|module| module.join("::")).collect();
    Some(round.into_iter().collect::<Vec<_>>().join(", "))
}

/// One line for each violation: the place, the text, and the rule it breaks. One line for each
/// violation: the place, the text, and the rule it breaks.
#[derive(Default)]
struct Violations(String);

struct Source<'a> {
    /// The path below `src/`.
    name: &'a str,
    text: &'a str,
    /// Its top-level module.
    layer: &'a str,
    /// The number of `super` from its module to the crate's root.
    depth: usize,
}

impl<'a> Source<'a> {
    fn new(name: &'a str, text: &'a str) -> Source<'a> {
        let module = name.trim_end_matches(".rs").trim_end_matches("/mod");
        let layer = module.split('/').next().expect("splitting gives one at least");
        Source { name, text, layer, depth: module.split('/').count() }
    }

    fn check(&self, violations: &mut Violations) {
        self.check_file(violations);
        let tokens: TokenStream = self.text.parse().expect("sources that compile");
        let mut paths = Vec::new();
        let mut calls = Vec::new();
        find_names(tokens, &[], &mut paths, &mut calls);
        for path in &paths {
            self.check_layer(path, violations);
            self.check_places(path, violations);
            if path.names[0] == "unsafe" {
                self.breaks(violations, path.line, "no unsafe in our code");
            }
        }
        for call in calls.iter().filter(|call| UNFINISHED.contains(&&*call.names[0])) {
            let rule = format!("no {}! is left in what is committed", call.names[0]);
            self.breaks(violations, call.line, &rule);
        }
    }

    fn check_file(&self, violations: &mut Violations) {
        if !self.text.starts_with("//! ") {
            self.breaks(violations, 1, "a file begins with what it is for, after //!");
        }
        let lines = self.text.lines().count();
        if lines > LINES_MAX {
            let rule = format!("{lines} lines are more than {LINES_MAX}: split it");
            self.breaks(violations, lines, &rule);
        }
        if self.name.split(['/', '.']).any(|part| SAY_NOTHING.contains(&part)) {
            self.breaks(violations, 1, "a file's name says what is in it");
        }
        if !self.is_above_all() && may_use(self.layer).is_none() {
            let rule = format!("`{}` has no row in MAY_USE", self.layer);
            self.breaks(violations, 1, &rule);
        }
    }

    /// Checks that a path from the crate's root leads to a module that this layer may use.
    fn check_layer(&self, path: &Named, violations: &mut Violations) {
        let Some(may_use) = may_use(self.layer) else { return };
        let supers = path.names.iter().take_while(|name| *name == "super").count();
        let used = match &*path.names[0] {
            "crate" | "stonechat" => path.names.get(1),
            "super" if supers >= self.depth => path.names.get(supers),
            _ => None,
        };
        let is_layer = |name: &&String| MAY_USE.iter().any(|(layer, _)| layer == *name);
        let Some(used) = used.filter(is_layer) else { return };
        if used != self.layer && !may_use.contains(&&**used) {
            let all = if may_use.is_empty() { "nothing of ours" } else { &may_use.join(", ") };
            let rule = format!("{} may use {all}, not {used}", self.layer);
            self.breaks(violations, path.line, &rule);
        }
    }

    fn check_places(&self, path: &Named, violations: &mut Violations) {
        for (name, places) in ONLY_IN {
            if path.names(name) && !places.iter().any(|place| self.is_in(place)) {
                let rule = format!("only {} may name {name}", places.join(", "));
                self.breaks(violations, path.line, &rule);
            }
        }
        for (layer, name) in NEVER_IN {
            if self.is_in(layer) && path.names(name) {
                self.breaks(violations, path.line, &format!("{layer} may not name {name}"));
            }
        }
    }

    /// Whether it is the file of that name, or in the folder.
    fn is_in(&self, place: &str) -> bool {
        self.name.strip_prefix(place).is_some_and(|rest| rest.starts_with(['/', '.']))
    }

    fn is_above_all(&self) -> bool {
        self.name == "lib.rs" || self.is_in("bin")
    }

    fn breaks(&self, violations: &mut Violations, line: usize, rule: &str) {
        let text = self.text.lines().nth(line - 1).unwrap_or_default().trim();
        writeln!(violations.0, "src/{}:{line}: {text}\n    {rule}", self.name).expect("a string");
    }
}

fn may_use(layer: &str) -> Option<&'static [&'static str]> {
    MAY_USE.iter().find(|(name, _)| *name == layer).map(|(_, may_use)| *may_use)
}

/// A path, or the name of a called macro.
struct Named {
    names: Vec<String>,
    line: usize,
}

impl Named {
    fn names(&self, name: &str) -> bool {
        let name: Vec<&str> = name.split("::").collect();
        self.names.windows(name.len()).any(|names| names == name)
    }
}

/// Finds every path; those of a `use` with braces are spelled out. Comments and strings contain
/// none.
fn find_names(
    tokens: TokenStream,
    before: &[String],
    paths: &mut Vec<Named>,
    calls: &mut Vec<Named>,
) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let is = |at: usize, c: char| matches!(tokens.get(at), Some(TokenTree::Punct(p)) if p.as_char() == c);
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at] {
            TokenTree::Group(group) => find_names(group.stream(), &[], paths, calls),
            TokenTree::Ident(first) => {
                let line = first.span().start().line;
                if is(at + 1, '!') && !is(at + 2, '=') {
                    calls.push(Named { names: vec![first.to_string()], line });
                }
                let mut names = [before, &[first.to_string()]].concat();
                while is(at + 1, ':') && is(at + 2, ':') {
                    match tokens.get(at + 3) {
                        Some(TokenTree::Ident(next)) => names.push(next.to_string()),
                        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                            find_names(group.stream(), &names, paths, calls);
                        }
                        _ => break,
                    }
                    at += 3;
                }
                paths.push(Named { names, line });
            }
            _ => {}
        }
        at += 1;
    }
}

fn find_sources(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            find_sources(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
}
