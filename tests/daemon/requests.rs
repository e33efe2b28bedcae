//! Requests of chat's operators to the daemon: REHASH, DIE, RESTART; and SIGHUP.

use crate::process::{Client, Daemon};
use rustix::process::Signal;
use std::fs;
use stonechat::auth::verifier::Verifier;

/// A config with the operator `root`, whose password is `sesame`.
fn config(motd: &str) -> String {
    let verifier = Verifier::new("sesame", 4096, [7; 16]);
    format!(
        "chat.server_name = \"srv\"\nchat.motd = \"{motd}\"\n\
         chat.operators = [{{ name = \"root\", password = \"{verifier}\", class = \"admin\" }}]\n\
         operator_classes.admin.rights = [\"die\", \"kill\", \"notices\", \"rehash\"]\n"
    )
}

fn start(config: &str) -> Daemon {
    Daemon::start_with(config, &["--listen", "irc://127.0.0.1:0"], |_| {})
}

fn connect(daemon: &Daemon) -> Client {
    Client::connect(daemon.listening[0].strip_prefix("irc://").unwrap().parse().unwrap())
}

/// Registers, becomes operator and subscribes to notices of operators' acts.
fn operator(daemon: &Daemon, nick: &str) -> Client {
    let mut client = connect(daemon);
    client.send(format!("NICK {nick}\nUSER {nick} 0 * :{nick}\nOPER root sesame\n"));
    client.send(format!("MODE {nick} +s o\n"));
    hear_until(&mut client, &format!("MODE {nick} +s"));
    client
}

/// All lines up to one that contains `text`.
fn hear_until(client: &mut Client, text: &str) -> String {
    let mut heard = String::new();
    while !heard.lines().last().is_some_and(|line| line.contains(text)) {
        let line = client.hear();
        assert!(!line.is_empty(), "no {text} in {heard}");
        heard.push_str(&String::from_utf8(line).unwrap());
    }
    heard
}

fn motd(client: &mut Client) -> String {
    client.send("MOTD\n");
    hear_until(client, " 376 ")
}

#[test]
fn the_config_is_read_again_at_sighup_and_at_rehash_and_operators_hear_of_it() {
    let daemon = start(&config("first"));
    let mut ann = operator(&daemon, "ann");
    assert!(motd(&mut ann).contains(" 372 ann :- first\r\n"));

    fs::write(daemon.config(), config("second")).unwrap();
    daemon.signal(Signal::HUP);
    hear_until(&mut ann, "*** The config is reloaded");
    assert!(motd(&mut ann).contains(" 372 ann :- second\r\n"));

    fs::write(daemon.config(), config("third")).unwrap();
    ann.send("REHASH\n");
    let heard = hear_until(&mut ann, "*** The config is reloaded");
    assert!(heard.starts_with(":srv 382 ann "), "{heard}");
    assert!(motd(&mut ann).contains(" 372 ann :- third\r\n"));

    fs::write(daemon.config(), "chat.password = 7 # hunter2").unwrap();
    ann.send("REHASH\n");
    let heard = hear_until(&mut ann, "*** The config is not reloaded");
    assert!(!heard.contains("hunter2"), "{heard}");
    assert!(motd(&mut ann).contains(" 372 ann :- third\r\n"));
    let log = daemon.stop();
    assert!(!log.contains("sesame") && !log.contains("SCRAM") && !log.contains("hunter2"), "{log}");
    assert!(log.contains("the config is not reloaded"), "{log}");
}

#[test]
fn new_limits_and_operators_take_effect_on_who_is_here() {
    let daemon = start(&config("m"));
    let mut ann = operator(&daemon, "ann");
    fs::write(daemon.config(), "chat.limits.topic_max = 5\nchat.limits.channels_per_user = 1\n")
        .unwrap();
    ann.send("JOIN #a,#b\nREHASH\n");
    let heard = hear_until(&mut ann, "MODE ann -os");
    assert!(heard.contains("JOIN #b"), "{heard}");
    ann.send("JOIN #c\nTOPIC #a :much too long\n");
    let heard = hear_until(&mut ann, "TOPIC #a");
    assert!(heard.contains(" 405 ann #c ") && heard.ends_with("TOPIC #a :much \r\n"), "{heard}");
    ann.send("OPER root sesame\n");
    hear_until(&mut ann, " 491 ann ");
    daemon.stop();
}

#[test]
fn die_and_restart_take_leave_of_everyone_and_differ_in_the_exit_status() {
    for (command, expected) in [("DIE", 0), ("RESTART", 4)] {
        let mut daemon = start(&config("m"));
        let mut ann = operator(&daemon, "ann");
        let mut bob = connect(&daemon);
        bob.send("NICK bob\nUSER bob 0 * :Bob\n");
        hear_until(&mut bob, " 376 ");
        ann.send(format!("{command}\n"));
        assert_eq!(bob.hear_rest(), b"ERROR :server shutting down\r\n");
        ann.hear_rest();
        drop((ann, bob));
        let (status, log) = daemon.wait();
        assert_eq!(status.code(), Some(expected), "{log}");
        assert!(log.contains("ann!ann@localhost"), "{log}");
    }
}

#[test]
fn the_metrics_tell_of_users_channels_and_messages() {
    let mut daemon = start(&config("m"));
    let mut ann = operator(&daemon, "ann");
    let mut bob = connect(&daemon);
    bob.send("NICK bob\n");
    ann.send("JOIN #a\nPRIVMSG #a :one\nPRIVMSG #a :two\nNOTICE #a :three\nPING x\n");
    hear_until(&mut ann, "PONG");
    daemon.await_metric("stonechat_chat_registering", 1);
    for (name, value) in [
        ("stonechat_chat_users", 1),
        ("stonechat_chat_operators", 1),
        ("stonechat_chat_channels", 1),
        ("stonechat_chat_messages_total{command=\"PRIVMSG\"}", 2),
        ("stonechat_chat_messages_total{command=\"NOTICE\"}", 1),
        ("stonechat_chat_messages_total{command=\"TAGMSG\"}", 0),
    ] {
        assert_eq!(daemon.metric(name), value, "{name}");
    }
    daemon.stop();
}

#[test]
fn what_somebody_writes_into_a_reason_forges_no_line_of_the_log_or_of_the_audit() {
    let mut daemon = start(&config(""));
    let mut ann = operator(&daemon, "ann");
    let mut bob = connect(&daemon);
    bob.send("NICK bob\nUSER bob 0 * :bob\n");
    hear_until(&mut bob, " 422 ");
    ann.send(
        "KILL bob :x\x1b[2J\x02\u{2028}[2026-01-01T00:00:00Z INFO ] root is operator\u{202e}\n",
    );
    hear_until(&mut bob, "ERROR ");
    ann.send("DIE\n");
    let (status, log) = daemon.wait();
    assert_eq!(status.code(), Some(0), "{log}");
    let written = r"KILL bob!bob@localhost x\u{1b}[2J\u{2}\u{2028}[2026-01-01T00:00:00Z INFO ] root is operator\u{202e}";
    assert!(log.lines().any(|line| line.ends_with(written)), "{log}");
    assert!(!log.contains(['\x1b', '\x02', '\u{2028}', '\u{202e}']), "{log}");
    let mut command = crate::process::command(daemon.dir.path());
    let (status, stdout, stderr) = crate::process::run(command.arg("audit"));
    assert_eq!((status, &*stderr), (0, ""));
    assert!(stdout.contains("\tKILL\tbob!bob@localhost\tx\\u{1b}[2J\\u{2}"), "{stdout}");
    assert!(!stdout.contains(['\x1b', '\x02', '\u{2028}', '\u{202e}']), "{stdout}");
}
