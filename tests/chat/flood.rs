//! Flood control: excess lines are read later, in order; none is lost, and no other user waits.

use crate::stage::{Stage, settings};
use stonechat::chat::Settings;

fn slow() -> Settings {
    let mut settings = settings();
    settings.abuse.flood_burst = 5;
    settings.abuse.flood_per_second = 1;
    settings.abuse.registration_burst = 30;
    settings
}

/// The number of lines of `name` that contain `what`.
fn heard(stage: &mut Stage, name: &str, what: &str) -> usize {
    stage.heard(name).iter().filter(|line| line.contains(what)).count()
}

#[test]
fn what_is_said_beyond_the_burst_is_heard_by_the_second_in_its_order() {
    let mut stage = Stage::new(slow());
    stage.comes_from("ann", "192.0.2.1");
    stage.register("ann", "");
    stage.register("bob", "");
    stage.pass(60);
    stage.heard("ann");
    let lines: Vec<String> = (0..12).map(|n| format!("PRIVMSG bob :{n}")).collect();
    stage.say("ann", &format!("{}\nQUIT :done", lines.join("\n")));
    let mut said: Vec<String> = stage.heard("bob");
    assert_eq!(said.len(), 5);
    for _ in 0..20 {
        stage.pass(1);
        let now = stage.heard("bob");
        assert!(now.len() <= 2, "{now:?}");
        said.extend(now);
    }
    let expected: Vec<String> =
        (0..12).map(|n| format!(":ann!ann@{{}} PRIVMSG bob :{n}")).collect();
    let texts = |lines: &[String]| -> Vec<String> {
        lines.iter().map(|line| line.rsplit(':').next().unwrap().to_owned()).collect()
    };
    assert_eq!(texts(&said), texts(&expected));
    assert!(stage.saw_the_end("ann"), "and the QUIT at the end");
}

#[test]
fn exempt_networks_and_unix_sockets_say_what_they_like() {
    let mut settings = slow();
    settings.abuse.exempt.0.push(stonechat::net::Network::parse("192.0.2.0/24").unwrap());
    let mut stage = Stage::new(settings.clone());
    stage.comes_from("ann", "192.0.2.1");
    stage.comes_from("carol", "198.51.100.1");
    for name in ["ann", "bob"] {
        stage.register(name, "");
        stage.say(name, &["PING 1"; 100].join("\n"));
        assert_eq!(heard(&mut stage, name, "PONG"), 100, "{name}");
    }
    settings.abuse.exempt.0.clear();
    stage.set_settings(settings);
    stage.say("ann", &["PING 1"; 100].join("\n"));
    assert_eq!(heard(&mut stage, "ann", "PONG"), 21, "five PINGs cost a line");
}

#[test]
fn a_connection_that_has_not_registered_has_a_burst_of_its_own_and_then_waits() {
    let mut stage = Stage::new(slow());
    stage.comes_from("ann", "192.0.2.1");
    stage.say("ann", &["CAP LS"; 34].join("\n"));
    assert_eq!(
        heard(&mut stage, "ann", " CAP "),
        30,
        "senpai sends one CAP REQ for each capability"
    );
    stage.pass(2);
    assert!((1..=3).contains(&heard(&mut stage, "ann", " CAP ")));
    stage.pass(10);
    // Lines before registration do not slow the user afterwards.
    stage.say("ann", "NICK ann\nUSER ann 0 * :x\nCAP END");
    stage.pass(10);
    assert_eq!(heard(&mut stage, "ann", " 001 "), 1);
    stage.say("ann", &["TIME"; 7].join("\n"));
    assert_eq!(heard(&mut stage, "ann", " 391 "), 5);
}

#[test]
fn registering_may_go_on_slowly_but_not_for_ever() {
    let mut stage = Stage::new(slow());
    let timeout = slow().limits.handshake_timeout.as_secs();
    stage.say("ann", "CAP LS 302");
    stage.pass(timeout - 2);
    stage.say("ann", "CAP REQ message-tags");
    stage.pass(timeout - 2);
    assert!(!stage.saw_the_end("ann"), "it goes on");
    stage.pass(4);
    let lines = stage.heard("ann");
    assert!(lines.iter().any(|line| line.contains("Registration timeout")), "{lines:?}");
    // ZNC sends a line each second or two.
    let mut seconds = 0;
    stage.say("bob", "CAP LS 302");
    while !stage.saw_the_end("bob") {
        stage.say("bob", "CAP LIST");
        stage.pass(2);
        seconds += 2;
        assert!(seconds <= 5 * timeout, "for ever");
    }
    assert!(seconds >= 4 * timeout - 2, "{seconds} s");
}

/// The automatic requests of a client that returns to its channels.
fn questions(channels: usize) -> String {
    let mut lines = Vec::new();
    (0..channels).for_each(|n| lines.push(format!("JOIN #c{n}")));
    (0..channels).for_each(|n| lines.push(format!("MODE #c{n}")));
    (0..channels).for_each(|n| lines.push(format!("MODE #c{n} b")));
    (0..channels).for_each(|n| lines.push(format!("WHO #c{n} %tuhnf")));
    (0..channels).for_each(|n| lines.push(format!("NAMES #c{n}")));
    lines.join("\n")
}

#[test]
fn a_client_that_returns_to_forty_channels_is_not_slowed() {
    let mut settings = settings();
    settings.limits.channels_per_user = 50;
    let mut stage = Stage::new(settings);
    stage.comes_from("ann", "192.0.2.1");
    stage.register("ann", "");
    questions(40).lines().for_each(|line| stage.say("ann", line));
    stage.say("ann", "PRIVMSG ann :typed");
    let lines = stage.heard("ann");
    let count = |what: &str| lines.iter().filter(|line| line.contains(what)).count();
    assert_eq!((count(" 315 "), count(" 324 "), count(" 368 ")), (40, 40, 40));
    assert_eq!(count(" 366 "), 80);
    assert_eq!(count("PRIVMSG ann :typed"), 1, "what its user types is heard at once");
}

#[test]
fn questions_without_end_and_joining_and_parting_are_still_floods() {
    let flood = |lines: String| {
        let mut stage = Stage::new(settings());
        stage.comes_from("ann", "192.0.2.1");
        stage.register("ann", "");
        stage.say("ann", "JOIN #a");
        stage.pass(60);
        stage.heard("ann");
        stage.say("ann", &lines);
        stage.pass(60);
        stage.heard("ann").len()
    };
    // Twelve for each of two, beside the bucket, and then eight lines a second at the most.
    let who = flood(["WHO #a"; 900].join("\n"));
    assert!((400..=24 + 20 + 61 * 8).contains(&who), "{who}");
    let modes = flood(["MODE #a +m\nMODE #a -m"; 300].join("\n"));
    assert!(modes <= 20 + 61 * 4, "a change of modes is no question: {modes}");
    let others = flood(["WHO #nowhere"; 300].join("\n"));
    assert!(others <= 20 + 61 * 4, "nor is one about others' channels: {others}");
}

#[test]
fn several_connections_of_one_user_share_a_bucket() {
    let mut stage = Stage::new(slow());
    for name in ["ann", "ann2"] {
        stage.comes_from(name, "192.0.2.1");
    }
    stage.register("ann", "");
    stage.say("ann", "REGISTER * * sesame");
    stage.pass(60);
    stage.say("ann2", "CAP REQ sasl");
    stage.say("ann2", "NICK ann");
    stage.say("ann2", "USER ann 0 * :x");
    stage.say("ann2", "AUTHENTICATE PLAIN");
    stage.pass(10);
    stage.say("ann2", "AUTHENTICATE AGFubgBzZXNhbWU=");
    stage.say("ann2", "CAP END");
    stage.pass(10);
    assert_eq!(heard(&mut stage, "ann2", " 001 ann "), 1);
    stage.pass(60);
    stage.heard("ann");
    stage.heard("ann2");
    stage.say("ann", &["TIME"; 5].join("\n"));
    stage.say("ann2", "TIME");
    assert_eq!(heard(&mut stage, "ann", " 391 "), 5);
    assert_eq!(heard(&mut stage, "ann2", " 391 "), 0, "the other connection has said it all");
    stage.pass(2);
    assert_eq!(heard(&mut stage, "ann2", " 391 "), 1);
}

#[test]
fn a_message_to_several_pays_for_each_and_a_pong_for_little() {
    let mut stage = Stage::new(slow());
    stage.comes_from("ann", "192.0.2.1");
    stage.register("ann", "");
    stage.pass(60);
    stage.heard("ann");
    stage.say("ann", &["PONG x"; 20].join("\n"));
    stage.say("ann", "TIME");
    assert_eq!(heard(&mut stage, "ann", " 391 "), 1);
    stage.pass(60);
    stage.say("ann", "PRIVMSG a,b,c,d,e,f,g,h :x");
    assert_eq!(heard(&mut stage, "ann", " 401 "), 8);
    stage.say("ann", "TIME");
    assert_eq!(heard(&mut stage, "ann", " 391 "), 0);
    stage.pass(4);
    assert_eq!(heard(&mut stage, "ann", " 391 "), 1, "8 of 5: it waits for 4 seconds");
}

#[test]
fn who_says_nothing_but_pong_is_heard_later_too() {
    let mut stage = Stage::new(slow());
    stage.comes_from("ann", "192.0.2.1");
    stage.register("ann", "batch labeled-response");
    stage.pass(60);
    stage.heard("ann");
    stage.say("ann", &["@label=x PONG"; 500].join("\n"));
    assert_eq!(heard(&mut stage, "ann", " ACK"), 41, "ten cost a line");
    stage.pass(10);
    assert!((50..=150).contains(&heard(&mut stage, "ann", " ACK")));
}

#[test]
fn nobody_is_taken_for_gone_while_we_do_not_listen() {
    let mut settings = slow();
    settings.limits.ping_interval = std::time::Duration::from_secs(2);
    settings.limits.ping_timeout = std::time::Duration::from_secs(2);
    let mut stage = Stage::new(settings);
    stage.comes_from("ann", "192.0.2.1");
    stage.register("ann", "");
    // Each RENAME of nothing costs as much as five lines.
    stage.say("ann", &["RENAME #a #b"; 9].join("\n"));
    for _ in 0..30 {
        stage.pass(1);
        let lines = stage.heard("ann");
        assert!(!lines.iter().any(|line| line.contains("timeout")), "{lines:?}");
    }
}

#[test]
fn the_disk_s_answer_ends_no_pause() {
    let mut stage = Stage::new(slow());
    stage.comes_from("ann", "192.0.2.1");
    stage.register("ann", "");
    stage.pass(60);
    stage.heard("ann");
    stage.say("ann", &(0..9).map(|n| format!("NICK ann{n}")).collect::<Vec<_>>().join("\n"));
    assert_eq!(heard(&mut stage, "ann", " NICK "), 3, "5 lines, at two each");
    stage.pass(3);
    assert!(heard(&mut stage, "ann", " NICK ") <= 2);
    stage.pass(20);
    assert!(heard(&mut stage, "ann", " NICK ") >= 3);
}

#[test]
fn twenty_talk_while_a_hundred_flood_and_nobody_waits_for_more_than_a_turn() {
    let mut settings = settings();
    settings.abuse.exempt.0.clear();
    let mut stage = Stage::new(settings);
    stage.smooth = true;
    let talkers: Vec<String> = (0..20).map(|n| format!("talker{n}")).collect();
    let flooders: Vec<String> = (0..100).map(|n| format!("flooder{n}")).collect();
    for (n, name) in talkers.iter().chain(&flooders).enumerate() {
        stage.comes_from(name, &format!("10.{}.{n}.1", n % 7));
        stage.register(name, "");
        stage.say(name, "JOIN #talk,#noise");
    }
    stage.pass(60);
    let lines = |text: &str| [text; 600].join("\n");
    for (n, name) in flooders.iter().enumerate() {
        let text = match n % 4 {
            0 => lines("PRIVMSG #noise :buy this"),
            1 => lines("WHO #talk"),
            2 => lines("NICK other"),
            _ => lines("NAMES #talk,#noise"),
        };
        stage.type_ahead(name, &text);
    }
    stage.turn();
    for round in 0..10 {
        stage.pass(5);
        talkers.iter().for_each(|name| drop(stage.heard(name)));
        flooders.iter().for_each(|name| drop(stage.heard(name)));
        for name in &talkers {
            stage.type_ahead(name, &format!("PRIVMSG #talk :{round}"));
        }
        stage.turn();
        for name in &talkers {
            let heard = stage.heard(name);
            let talk = heard.iter().filter(|line| line.contains(" PRIVMSG #talk ")).count();
            assert_eq!(talk, 19, "round {round}: {name} in the same turn");
        }
        // 100 of them, 4 lines a second each at most, for 5 seconds and what a turn has in it.
        let noise = stage.heard("talker0").len();
        assert!(noise <= 100 * 24, "{noise}");
    }
}
