//! `stonechatd account`, beside a daemon that runs; and that no password is ever logged.

use crate::process::{Client, Daemon, command, run};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use std::io::Write;
use std::process::Stdio;

const LISTEN: [&str; 2] = ["--listen", "irc://127.0.0.1:0"];

fn start(config: &str) -> Daemon {
    Daemon::start_with(&format!("chat.server_name = \"srv\"\n{config}"), &LISTEN, |_| {})
}

/// Exit status, stdout and stderr of `stonechatd account …`, `input` typed into it.
fn account(daemon: &Daemon, arguments: &[&str], input: &str) -> (i32, String, String) {
    let mut command = command(daemon.dir.path());
    command.arg("account").args(arguments);
    if input.is_empty() {
        return run(&mut command);
    }
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn connect(daemon: &Daemon) -> Client {
    Client::connect(daemon.listening[0].strip_prefix("irc://").unwrap().parse().unwrap())
}

/// The numeric that ends a login by PLAIN.
fn log_in(daemon: &Daemon, name: &str, password: &str) -> String {
    let mut client = connect(daemon);
    let plain = BASE64.encode(format!("\0{name}\0{password}"));
    client.send(format!("CAP REQ sasl\nAUTHENTICATE PLAIN\nAUTHENTICATE {plain}\n"));
    loop {
        let line = String::from_utf8(client.hear()).unwrap();
        let numeric = line.split(' ').nth(1).unwrap().to_owned();
        if ["903", "904"].contains(&&*numeric) {
            return numeric;
        }
    }
}

#[test]
fn accounts_are_made_listed_changed_and_removed_while_the_daemon_runs() {
    let daemon = start("");
    let done = |arguments: &[&str], input| {
        let (status, said, error) = account(&daemon, arguments, input);
        assert_eq!((status, &*error), (0, ""));
        said
    };
    let refused = |arguments: &[&str], input| {
        let (status, _, error) = account(&daemon, arguments, input);
        assert_ne!(status, 0);
        error
    };
    assert_eq!(done(&["list"], ""), "");
    done(&["add", "Ann", "--email", "ann@example.org"], "secret\n");
    assert_eq!(log_in(&daemon, "ann", "secret"), "903");
    assert_eq!(log_in(&daemon, "ann", "wrong"), "904");
    let error = refused(&["add", "ann"], "other\n");
    assert_eq!(error, "stonechatd: there is an account `ann`, or one whose name looks like that\n");
    let error = refused(&["add", "a b"], "other\n");
    assert_eq!(error, "stonechatd: `a b` can't be the name of an account\n");
    let error = refused(&["add", "bob"], "\n");
    assert_eq!(error, "stonechatd: the password is empty\n");
    done(&["passwd", "ann"], "new\n");
    assert_eq!(
        (log_in(&daemon, "ann", "secret"), log_in(&daemon, "ann", "new")),
        ("904".into(), "903".into())
    );
    done(&["add", "bob"], "secret\n");
    let list = done(&["list"], "");
    let names: Vec<&str> = list.lines().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(names, ["Ann", "bob"]);
    done(&["remove", "ANN"], "");
    assert_eq!(log_in(&daemon, "ann", "new"), "904");
    assert_eq!(refused(&["remove", "ann"], ""), "stonechatd: there is no account `ann`\n");
    assert_eq!(refused(&["passwd", "ann"], "new\n"), "stonechatd: there is no account `ann`\n");
}

#[test]
fn who_is_invited_may_register_once() {
    let daemon = start("accounts.registration = \"invitation\"\n");
    let (status, token, _) = account(&daemon, &["invite"], "");
    let token = token.trim();
    assert!(status == 0 && token.len() == 22, "{token}");
    let mut client = connect(&daemon);
    let register = |client: &mut Client, name: &str, token: &str| {
        client.send(format!("REGISTER {name} {token} secret\n"));
        String::from_utf8(client.hear()).unwrap()
    };
    let heard = register(&mut client, "ann", "nonsense");
    assert!(heard.starts_with(":srv FAIL REGISTER UNACCEPTABLE_EMAIL ann "), "{heard}");
    let heard = register(&mut client, "ann", token);
    assert_eq!(heard, ":srv REGISTER SUCCESS ann :The account is yours\r\n");
    let heard = register(&mut connect(&daemon), "bob", token);
    assert!(heard.starts_with(":srv FAIL REGISTER UNACCEPTABLE_EMAIL bob "), "{heard}");
}

#[test]
fn no_password_is_ever_logged() {
    let flags = [&LISTEN[..], &["--log", "trace"]].concat();
    let daemon = Daemon::start_with("chat.server_name = \"srv\"", &flags, |_| {});
    let mut client = connect(&daemon);
    client.send("PASS hunter-pass\nNICK ann\nUSER u 0 * :r\nREGISTER * * hunter-first\n");
    client.send(
        "NS PASSWD hunter-first hunter-second\nPRIVMSG NickServ :IDENTIFY ann hunter-third\n",
    );
    client.send(
        "OPER root hunter-oper\nNS PING\nPRIVMSG NickServ :DROP ann hunter-fourth\nPING end\n",
    );
    loop {
        let line = String::from_utf8(client.hear()).unwrap();
        assert!(!line.contains("hunter-"), "{line}");
        if line.contains("PONG") {
            break;
        }
    }
    assert_eq!(log_in(&daemon, "ann", "hunter-second"), "903");
    assert_eq!(log_in(&daemon, "ann", "hunter-fifth"), "904");
    let file = daemon.dir.path().join("data/stonechat.db");
    let database = rusqlite::Connection::open(&file).unwrap();
    let verifier: String =
        database.query_row("SELECT verifier FROM account", [], |row| row.get(0)).unwrap();
    let dir = daemon.dir.clone();
    let log = daemon.stop();
    assert!(dir.path().exists() && log.contains("account ann is registered"), "{log}");
    let encoded = BASE64.encode("\0ann\0hunter-second");
    let hashes = verifier.split(['$', ':']).skip(2);
    for secret in ["hunter-", &encoded, &verifier].into_iter().chain(hashes) {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
    let whole = std::fs::read(&file).unwrap();
    assert!(!String::from_utf8_lossy(&whole).contains("hunter-"), "kept in clear");
}

#[test]
fn wrong_passwords_in_great_number_hold_up_nobody_who_talks() {
    let guesses: usize = std::env::var("GUESSES").map_or(100, |guesses| guesses.parse().unwrap());
    // Nobody reads the log, and it would have a line for each.
    let daemon = start("log = \"warn\"\nlimits.handshake_timeout = \"10 min\"\n");
    let mut guessers: Vec<Client> = (0..guesses / 10)
        .map(|n| {
            let mut guesser = connect(&daemon);
            guesser.send("CAP REQ sasl\n");
            for guess in 0..10 {
                let plain = BASE64.encode(format!("\0n{n}x{guess}\0wrong"));
                guesser.send(format!("AUTHENTICATE PLAIN\nAUTHENTICATE {plain}\n"));
            }
            guesser
        })
        .collect();
    let enter = |nick: &str| {
        let mut client = connect(&daemon);
        client.send(format!("NICK {nick}\nUSER u 0 * :r\nJOIN #a\nPING in\n"));
        hear_until(&mut client, "PONG");
        client
    };
    let (mut ann, mut bob) = (enter("ann"), enter("bob"));
    for n in 0..200 {
        ann.send(format!("PRIVMSG bob :{n}\n"));
        hear_until(&mut bob, &format!("PRIVMSG bob :{n}\r\n"));
    }
    for guesser in &mut guessers {
        (0..10).for_each(|_| hear_until(guesser, " 904 "));
    }
}

fn hear_until(client: &mut Client, text: &str) {
    loop {
        let line = String::from_utf8(client.hear()).unwrap();
        assert!(!line.is_empty(), "no {text}");
        if line.contains(text) {
            return;
        }
    }
}
