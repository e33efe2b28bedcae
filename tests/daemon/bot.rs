//! `examples/bot.rs` in a channel of the real daemon, with a user who talks to it.

use crate::process::{Client, Daemon};
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

#[test]
fn the_bot_answers_in_its_channel_and_in_private() {
    let daemon = Daemon::start_with("", &["--listen", "irc://127.0.0.1:0"], |_| {});
    let address = daemon.listening[0].strip_prefix("irc://").unwrap();
    let mut bot = Command::new(example("bot"))
        .args([address, "#lobby"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("a program");
    let mut ann = Client::connect(address.parse().unwrap());
    ann.send("NICK ann\r\nUSER ann 0 * :Ann\r\nJOIN #lobby\r\n");
    let mut said = BufReader::new(bot.stdout.take().unwrap()).lines();
    assert_eq!(said.next().unwrap().unwrap(), format!("bot is on {address}"));
    let mut hear = |start: &str| loop {
        let line = String::from_utf8(ann.hear()).unwrap();
        assert!(!line.is_empty(), "the end before {start}");
        if line.starts_with(start) {
            let text = line.trim_end().to_owned();
            break (text, ann.stream.try_clone().unwrap());
        }
    };
    // Either may be first; both are there after NAMES.
    let (_, mut stream) = hear(":stonechat.local 366 ann #lobby");
    let mut ask = |text: &str| std::io::Write::write_all(&mut stream, text.as_bytes()).unwrap();
    ask("WHO #lobby %n\r\n");
    while !hear(":stonechat.local ").0.contains(" 354 ann bot") {
        ask("WHO #lobby %n\r\n");
    }
    ask("PRIVMSG #lobby :bot: echo one two\r\n");
    assert!(hear(":bot!bot@localhost NOTICE").0.ends_with("#lobby :ann: one two"));
    ask("PRIVMSG bot :help\r\n");
    assert!(
        hear(":bot!bot@localhost NOTICE")
            .0
            .ends_with("ann :ann: ask me for: echo TEXT, reverse TEXT, uptime")
    );
    daemon.stop();
    assert!(bot.wait().unwrap().success(), "it ends with the server");
}

/// The path of an example, beside the tests' programs. `cargo test` builds examples, and
/// `cargo test --test daemon` does not.
fn example(name: &str) -> PathBuf {
    let deps = std::env::current_exe().unwrap();
    let path = deps.ancestors().nth(2).expect("target/debug").join("examples").join(name);
    let path = path.with_extension(std::env::consts::EXE_EXTENSION);
    assert!(path.exists(), "no {}: run `cargo build --example {name}` first", path.display());
    path
}
