//! Invalid input: it is answered, and costs other users nothing.

use crate::script::play;
use crate::stage::{Stage, settings};

#[test]
fn lines_that_are_none() {
    play(
        r"
        ann+
        ann>
        ann>    \r
        ann> :source
        ann> @tag
        ann> @tag=x :source
        ann> PING a\0b
        ann< :srv 400 ann PING :NUL and CR can't stand within a line
        ann> PING a\rb
        ann< :srv 400 ann PING :NUL and CR can't stand within a line
        ann> PRIVMSG ann :\xff
        ann< :srv FAIL PRIVMSG INVALID_UTF8 :Message rejected, your client MUST send UTF-8
        ann> \xff\xfe
        ann< :srv FAIL * INVALID_UTF8 :Message rejected, your client MUST send UTF-8
        ann> p!ng
        ann< :srv 421 ann p!ng :Unknown command
        ann> :srv PING x
        ann< :srv PONG srv :x
        ann> ping x y z
        ann< :srv PONG srv :x
        ann> PING
        ann< :srv 461 ann PING :Not enough parameters
        ann> PING 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17
        ann< :srv PONG srv :1
    ",
    );
}

#[test]
fn other_protocols_are_told_so_and_let_go() {
    play(
        r"
        web> GET / HTTP/1.1
        web< ERROR :Closing link: (localhost) [This port speaks IRC, not HTTP]
        web!
        tls> \x16\x03\x01\x02\x00\x01\x00\x01
        tls< ERROR :Closing link: (localhost) [This port does not speak TLS]
        tls!
        gate> WEBIRC password gateway host 192.0.2.1
        gate< ERROR :Closing link: (localhost) [WEBIRC is not accepted from this address]
        gate!
        ann> NICK GET
        ann> GET x
        ann< :srv 421 * GET :Unknown command
    ",
    );
}

#[test]
fn a_line_is_heard_up_to_its_length_and_no_further() {
    let mut stage = Stage::new(settings());
    stage.register("ann", "message-tags");
    stage.register("bob", "");
    for (bytes, heard) in [(509, true), (510, true), (511, false), (512, false), (9000, false)] {
        let head = "PRIVMSG bob :";
        stage.say("ann", &format!("{head}{}", "x".repeat(bytes - head.len())));
        assert_eq!(stage.heard("bob").len() == 1, heard, "{bytes} bytes");
        let told = stage.heard("ann");
        let wanted: &[&str] = if heard { &[] } else { &[":srv 417 ann :Input line was too long"] };
        assert_eq!(told, wanted, "{bytes} bytes");
    }
    for (bytes, heard) in [(4095, true), (4096, true), (4097, false), (8191, false), (8192, false)]
    {
        let tags = format!("@+x={} ", "y".repeat(bytes - "@+x= ".len()));
        assert_eq!(tags.len(), bytes);
        stage.say("ann", &format!("{tags}PRIVMSG bob :hi"));
        assert_eq!(stage.heard("bob").len() == 1, heard, "{bytes} bytes of tags");
        assert_eq!(stage.heard("ann").len() == 1, !heard, "{bytes} bytes of tags");
    }
}

#[test]
fn a_hundred_thousand_empty_lines_are_nothing() {
    let mut stage = Stage::new(settings());
    stage.register("ann", "");
    stage.say("ann", &"\\r\\n".repeat(100_000));
    stage.say("ann", "PING after");
    assert_eq!(stage.heard("ann"), [":srv PONG srv :after"]);
}

#[test]
fn a_thousand_nicks_and_five_hundred_channels() {
    let mut stage = Stage::new(settings());
    stage.register("ann", "draft/no-implicit-names");
    let nicks: Vec<String> = (0..1000).map(|n| format!("NICK n{n}")).collect();
    stage.say("ann", &nicks.join("\\n"));
    assert_eq!(stage.heard("ann").len(), 1000);
    let channels: Vec<String> = (0..500).map(|n| format!("JOIN #{n}")).collect();
    stage.say("ann", &channels.join("\\n"));
    let told = stage.heard("ann");
    assert_eq!(told.iter().filter(|line| line.contains(" JOIN ")).count(), 50);
    assert_eq!(told.iter().filter(|line| line.contains(" 405 ")).count(), 450);
}

#[test]
fn a_request_of_twenty_kilobytes_is_refused_in_one_line() {
    let mut stage = Stage::new(settings());
    stage.say("ann", &format!("CAP REQ :{}", "batch ".repeat(3500)));
    assert_eq!(stage.heard("ann"), [":srv 417 * :Input line was too long"]);
    stage.say("ann", &format!("CAP REQ :{}", "x".repeat(500)));
    let told = stage.heard("ann");
    assert!(told[0].starts_with(":srv CAP * NAK :xxx") && told[0].len() == 510, "{told:?}");
}

/// Every command without parameters, with an empty one, too many and a long one, before and after
/// registration: the connection lives on, and so do all others.
#[test]
fn every_command_survives_every_kind_of_parameter() {
    let commands = [
        "ACCEPT",
        "ADMIN",
        "AWAY",
        "BATCH",
        "CAP",
        "CHATHISTORY",
        "DIE",
        "HELP",
        "HELPOP",
        "INFO",
        "INVITE",
        "ISON",
        "ISUPPORT",
        "JOIN",
        "KICK",
        "KILL",
        "KNOCK",
        "LINKS",
        "LIST",
        "LUSERS",
        "MARKREAD",
        "METADATA",
        "MODE",
        "MONITOR",
        "MOTD",
        "NAMES",
        "NICK",
        "NOTICE",
        "NPC",
        "NPCA",
        "OPER",
        "PART",
        "PASS",
        "PING",
        "PONG",
        "PRIVMSG",
        "REDACT",
        "REHASH",
        "RELAYMSG",
        "RENAME",
        "RESTART",
        "SCENE",
        "SEARCH",
        "SETNAME",
        "STATS",
        "TAGMSG",
        "TIME",
        "TOPIC",
        "USER",
        "USERHOST",
        "VERSION",
        "WALLOPS",
        "WHO",
        "WHOIS",
        "WHOWAS",
    ];
    let long = "l".repeat(300);
    let words = [
        "",
        ":",
        ",",
        "0",
        "*",
        "#",
        "#a",
        "#none",
        "bob",
        "nobody",
        "-1",
        "2147483648",
        "+",
        "-",
        "+b",
        "@#a",
        "$*",
        "::x",
        ": ",
        ":a b",
        "é\u{200b}",
        "%",
        "{",
        "srv",
        "LS",
        "302",
        "LATEST",
        "TARGETS",
        "text=l;in=#a",
        "timestamp=2026-01-01T00:00:00.000Z",
        &long,
    ];
    let mut stage = Stage::new(settings());
    stage.register("bob", "");
    stage.say("bob", "JOIN #a");
    for registered in [false, true] {
        let name = if registered { "ann" } else { "new" };
        if registered {
            let caps = "message-tags batch labeled-response echo-message draft/multiline \
                        draft/message-redaction draft/metadata-2 draft/pre-away draft/relaymsg \
                        znc.in/playback draft/chathistory";
            stage.register(name, caps);
        }
        for command in commands {
            for first in words {
                let two = words.map(|second| format!("{command} {first} {second}"));
                let three = words.map(|second| format!("{command} {first} {second} {first}"));
                stage.say(name, &format!("{command} {first}\\n{}", two.join("\\n")));
                stage.say(name, &three.join("\\n"));
            }
            stage.say(name, &format!("@label=x {command} {}", "p ".repeat(20)));
            if registered {
                stage.say(name, "@label=last PING alive");
                let told = stage.heard(name);
                let last = told.last().expect("an answer");
                assert!(last.contains("PONG srv :alive"), "after {command}: {last}");
                assert!(told.iter().all(|line| line.len() <= 8191 + 510), "{command}");
            }
        }
        stage.say("bob", "PING here");
        assert_eq!(stage.heard("bob").last().map(String::as_str), Some(":srv PONG srv :here"));
    }
}
