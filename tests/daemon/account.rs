//! `stonechatd account`, beside a daemon that runs; and that no password is ever logged.

use crate::process::{Client, Daemon, command, run};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use std::io::Write;
use std::path::Path;
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
    // The command may have refused already, without reading this.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
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
        assert_eq!(status, 0, "{error}");
        if arguments != ["list"] {
            assert!(error.starts_with("done by the daemon that uses /"), "{error}");
        }
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
    // The log would have a line for each connection, and is not read.
    let daemon = start("log = \"warn\"\nchat.limits.handshake_timeout = \"10 min\"\n");
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
        (0..10).for_each(|_| drop(hear_until(guesser, " 904 ")));
    }
}

fn hear_until(client: &mut Client, text: &str) -> String {
    loop {
        let line = String::from_utf8(client.hear()).unwrap();
        assert!(!line.is_empty(), "no {text}");
        if line.contains(text) {
            return line;
        }
    }
}

const BOSS: &str = "chat.operators = [{ account = \"boss\", class = \"admin\" }]\n\
                    operator_classes.admin = { rights = [\"kill\", \"notices\"] }\n";

/// A client that is logged in, and has registered under another nick.
fn enter(daemon: &Daemon, nick: &str, account: &str, password: &str) -> Client {
    let mut client = connect(daemon);
    let plain = BASE64.encode(format!("\0{account}\0{password}"));
    client.send(format!(
        "CAP REQ :sasl draft/chathistory batch\nAUTHENTICATE PLAIN\nAUTHENTICATE {plain}\n"
    ));
    client.send(format!("NICK {nick}\nUSER {nick} 0 * :{nick}\nCAP END\nPING in\n"));
    hear_until(&mut client, " 903 ");
    hear_until(&mut client, "PONG");
    client
}

#[test]
fn who_is_logged_in_to_a_removed_account_is_so_no_more_at_once() {
    let daemon = start(BOSS);
    account(&daemon, &["add", "boss"], "secret\n");
    let mut boss = enter(&daemon, "chief", "boss", "secret");
    boss.send("JOIN #a\nCS REGISTER #a\nOPER boss\n");
    hear_until(&mut boss, " 381 ");
    let (status, _, error) = account(&daemon, &["remove", "boss"], "");
    assert_eq!(status, 0, "{error}");
    assert!(error.contains("1 connection was logged in to it, and is no more"), "{error}");
    assert_eq!(
        hear_until(&mut boss, " 901 "),
        ":srv 901 chief chief!chief@localhost :You are now logged out\r\n"
    );
    boss.send("OPER boss\n");
    assert_eq!(hear_until(&mut boss, " OPER "), ":srv 461 chief OPER :Not enough parameters\r\n");
    boss.send("KILL chief\n");
    hear_until(&mut boss, " 481 ");
    // Another account of the same name; nothing links the two.
    account(&daemon, &["add", "boss"], "other\n");
    let mut new = enter(&daemon, "boss", "boss", "other");
    boss.send("OPER boss\n");
    hear_until(&mut boss, " 461 ");
    boss.send("CS INFO #a\n");
    hear_until(&mut boss, "NOTICE chief :There is no registered channel of that name.");
    new.send("WHOIS chief\nPING end\n");
    while let line = hear_until(&mut new, "srv ")
        && !line.contains("PONG")
    {
        assert!(!line.contains(" 330 "), "{line}");
    }
}

#[test]
fn an_always_on_user_goes_with_the_account_and_the_nick_is_free() {
    let daemon = start("");
    account(&daemon, &["add", "ann"], "secret\n");
    let mut ann = enter(&daemon, "ann", "ann", "secret");
    ann.send("NS SET always-on on\n");
    hear_until(&mut ann, "You stay");
    ann.send("QUIT\n");
    ann.hear_rest();
    account(&daemon, &["remove", "ann"], "");
    let mut bob = connect(&daemon);
    bob.send("NICK ann\nUSER bob 0 * :bob\nPING in\n");
    hear_until(&mut bob, " 001 ann ");
}

#[test]
fn another_password_closes_what_was_logged_in_by_the_old_one() {
    let daemon = start("");
    account(&daemon, &["add", "ann"], "secret\n");
    account(&daemon, &["add", "bob"], "secret\n");
    let mut bob = enter(&daemon, "bob", "bob", "secret");
    let mut anns = [enter(&daemon, "ann", "ann", "secret"), enter(&daemon, "ann", "ann", "secret")];
    let (status, _, error) = account(&daemon, &["passwd", "ann", "--keep-sessions"], "new\n");
    assert_eq!(status, 0, "{error}");
    for ann in &mut anns {
        ann.send("PING here\n");
        hear_until(ann, "PONG");
    }
    let (_, _, error) = account(&daemon, &["passwd", "ann"], "newer\n");
    assert!(error.contains("2 connections were logged in to it, and are no more"), "{error}");
    for ann in &mut anns {
        let rest = String::from_utf8(ann.hear_rest()).unwrap();
        assert!(
            rest.ends_with("ERROR :Closing link: (localhost) [Password changed]\r\n"),
            "{rest}"
        );
    }
    bob.send("PING here\n");
    hear_until(&mut bob, "PONG");
    assert_eq!(log_in(&daemon, "ann", "newer"), "903");
}

/// The file is changed while the daemon runs, as `sqlite3` could.
#[test]
fn an_account_is_not_another_of_its_name() {
    let daemon = start(BOSS);
    account(&daemon, &["add", "boss"], "secret\n");
    let mut old = enter(&daemon, "old", "boss", "secret");
    let mut older = enter(&daemon, "older", "boss", "secret");
    let database = rusqlite::Connection::open(daemon.dir.path().join("data/stonechat.db")).unwrap();
    database.execute("UPDATE account SET created = created + 1", []).unwrap();
    old.send("OPER boss\n");
    hear_until(&mut old, " 901 ");
    hear_until(&mut old, " 464 ");
    hear_until(&mut older, " 901 ");
    let mut old = enter(&daemon, "old2", "boss", "secret");
    database.execute("UPDATE account SET created = created + 1", []).unwrap();
    enter(&daemon, "new", "boss", "secret");
    hear_until(&mut old, " 901 ");
}

#[test]
fn without_a_daemon_the_file_is_changed_and_never_made() {
    let daemon = start("");
    let dir = daemon.dir.clone();
    daemon.stop();
    assert!(!dir.path().join("data/control").exists());
    let add = |name: &str| {
        let mut command = command(dir.path());
        let mut child =
            command.args(["account", "add", name]).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(b"secret\n").unwrap();
        child.wait_with_output().unwrap()
    };
    let output = add("ann");
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    let flags = ["--listen", "irc://127.0.0.1:0"];
    let daemon = Daemon::start_in(dir.clone(), "chat.server_name = \"srv\"", &flags, |_| {});
    assert_eq!(log_in(&daemon, "ann", "secret"), "903");
    daemon.stop();
    let elsewhere = tempfile::tempdir().unwrap();
    // Only commands that change nothing: the machine may have a service of its own.
    let is_served = ["/var/lib/stonechat", "/etc/stonechat"].map(|dir| Path::new(dir).exists());
    for arguments in [&["account", "list"][..], &["audit"], &["verify"]] {
        if is_served.contains(&true) {
            continue;
        }
        let mut command = std::process::Command::new(crate::process::PROGRAM);
        command.env_clear().env("HOME", elsewhere.path()).args(arguments);
        let (status, _, error) = run(command.stdout(Stdio::piped()).stderr(Stdio::piped()));
        assert_eq!(status, 3, "{error}");
        assert!(error.contains("there is no database in /"), "{error}");
        assert!(error.contains("nor in /var/lib/stonechat"), "{error}");
    }
    assert_eq!(elsewhere.path().read_dir().unwrap().count(), 0, "nothing is made");
}

/// A killed daemon leaves its socket behind; one of another version may have none.
#[test]
fn a_daemon_that_cannot_be_asked_is_not_passed_over() {
    let daemon = start("");
    account(&daemon, &["add", "ann"], "secret\n");
    let control = daemon.dir.path().join("data/control");
    std::fs::remove_file(&control).unwrap();
    let (status, _, error) = account(&daemon, &["remove", "ann"], "");
    assert_eq!(status, 3);
    assert!(error.contains("can't be reached: nothing is changed"), "{error}");
    assert_eq!(log_in(&daemon, "ann", "secret"), "903");
    let dir = daemon.kill();
    let daemon = Daemon::start_in(dir, "chat.server_name = \"srv\"", &LISTEN, |_| {});
    let dir = daemon.kill();
    assert!(dir.path().join("data/control").exists());
    let daemon = Daemon::start_in(dir, "chat.server_name = \"srv\"", &LISTEN, |_| {});
    let (status, _, error) = account(&daemon, &["remove", "ann"], "");
    assert_eq!(status, 0, "{error}");
}

#[test]
fn who_asks_and_says_nothing_or_nonsense_holds_nobody_up() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::net::UnixStream;
    let daemon = start("");
    let path = daemon.dir.path().join("data/control");
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    for said in ["", "\n", "account nonsense\tx\n", &"x".repeat(100_000)] {
        let mut asker = UnixStream::connect(&path).unwrap();
        let _ = asker.write_all(said.as_bytes());
    }
    let (status, _, error) = account(&daemon, &["add", "ann"], "secret\n");
    assert_eq!(status, 0, "{error}");
    let mut silent = UnixStream::connect(&path).unwrap();
    let mut client = connect(&daemon);
    client.send("NICK bob\nUSER bob 0 * :bob\nPING in\n");
    hear_until(&mut client, "PONG");
    silent.write_all(b"account nonsense\n").unwrap();
    let mut answer = String::new();
    std::io::Read::read_to_string(&mut silent, &mut answer).unwrap();
    assert!(answer.starts_with("failed this daemon does not know"), "{answer}");
}

#[test]
fn accounts_are_listed_while_another_program_keeps_the_database_locked() {
    let daemon = start("");
    let (status, _, error) = account(&daemon, &["add", "ann"], "secret\n");
    assert_eq!(status, 0, "{error}");
    let other = rusqlite::Connection::open(daemon.dir.path().join("data/stonechat.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (status, said, error) = account(&daemon, &["list"], "");
    assert_eq!(status, 0, "{error}");
    assert!(said.starts_with("ann "), "{said}");
}

#[test]
fn what_was_asked_by_who_has_given_up_is_not_done() {
    use std::os::unix::net::UnixStream;
    let daemon = start("");
    let (status, _, error) = account(&daemon, &["add", "ann"], "secret\n");
    assert_eq!(status, 0, "{error}");
    // The daemon serves one command after the other: the second gives up while it waits for the
    // first.
    let path = daemon.dir.path().join("data/control");
    let first = UnixStream::connect(&path).unwrap();
    let mut second = UnixStream::connect(&path).unwrap();
    second.write_all(b"account remove\tann\n").unwrap();
    drop((second, first));
    let (status, _, error) = account(&daemon, &["add", "bob"], "secret\n");
    assert_eq!(status, 0, "{error}");
    let (_, said, _) = account(&daemon, &["list"], "");
    assert!(said.starts_with("ann "), "{said}");
}
