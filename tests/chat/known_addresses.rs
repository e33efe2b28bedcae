//! Attacks with wrong passwords: their effect on the owner of the account, and what they reveal.

use crate::script::play_with;
use crate::stage::{Stage, settings};
use stonechat::store::{Reply, Request};

/// Whether `name` can log in to ann's account from `address`.
fn logs_in(stage: &mut Stage, name: &str, address: &str, proof: &str) -> bool {
    stage.comes_from(name, address);
    stage.say(name, "CAP REQ :sasl");
    stage.say(name, "AUTHENTICATE PLAIN");
    stage.say(name, &format!("AUTHENTICATE {proof}"));
    let heard = stage.heard(name);
    stage.say(name, "QUIT");
    stage.heard(name);
    assert!(stage.saw_the_end(name));
    heard.iter().any(|line| line.contains(" 903 "))
}

const RIGHT: &str = "AGFubgBzZWNyZXQ=";
const WRONG: &str = "AGFubgB3cm9uZw==";

/// Fails from more addresses than are allowed for one account.
fn attack(stage: &mut Stage) {
    for number in 0..40 {
        assert!(!logs_in(stage, "eve", &format!("198.51.100.{number}"), WRONG));
    }
    assert!(!logs_in(stage, "far", "203.0.113.9", RIGHT), "who was never here waits");
}

#[test]
fn an_attack_locks_nobody_out_where_they_have_registered_or_logged_in_also_after_a_start() {
    let mut stage = Stage::new(settings());
    stage.comes_from("ann", "192.0.2.1");
    stage.register("ann", "");
    stage.say("ann", "REGISTER * * secret");
    assert!(logs_in(&mut stage, "phone", "192.0.2.77", RIGHT));
    attack(&mut stage);
    assert!(logs_in(&mut stage, "laptop", "192.0.2.1", RIGHT), "where she registered");
    stage.restart();
    attack(&mut stage);
    assert!(logs_in(&mut stage, "laptop", "192.0.2.1", RIGHT));
    assert!(logs_in(&mut stage, "phone", "192.0.2.77", RIGHT));
}

#[test]
fn so_many_addresses_of_an_account_are_kept_those_used_last() {
    let mut stage = Stage::new(settings());
    stage.comes_from("ann", "192.0.2.1");
    stage.register("ann", "");
    stage.say("ann", "REGISTER * * secret");
    for number in [2, 3, 4, 1, 5, 6] {
        stage.jump(1);
        assert!(logs_in(&mut stage, "ann2", &format!("192.0.2.{number}"), RIGHT));
    }
    let known = |stage: &mut Stage| match stage.ask_disk(Request::Known { most: 100 }) {
        Reply::Known(known) => known.len(),
        other => panic!("{other:?}"),
    };
    assert_eq!(known(&mut stage), 4);
    stage.restart();
    attack(&mut stage);
    for (number, expected) in [(1, true), (2, false), (3, false), (4, true), (5, true), (6, true)] {
        let address = format!("192.0.2.{number}");
        assert_eq!(logs_in(&mut stage, "ann2", &address, RIGHT), expected, "{address}");
    }
    stage.ask_disk(Request::DropAccount { folded: "ann".into() });
    assert_eq!(known(&mut stage), 0, "nothing is kept of an account that is gone");
}

/// The requests to database and hasher during a login attempt to `name`.
fn work(stage: &mut Stage, name: &str) -> Vec<String> {
    stage.take_work();
    stage.say("eve", "AUTHENTICATE SCRAM-SHA-256");
    stage.say("eve", &format!("AUTHENTICATE {}", base64(&format!("n,,n={name},r=abc"))));
    let heard = stage.heard("eve").pop().expect("a challenge");
    let challenge = unbase64(heard.strip_prefix("AUTHENTICATE ").expect("a challenge"));
    let nonce = challenge.split(',').next().expect("a nonce");
    let proof = base64(&"x".repeat(32));
    stage.say("eve", &format!("AUTHENTICATE {}", base64(&format!("c=biws,{nonce},p={proof}"))));
    assert_eq!(stage.heard("eve"), [":srv 904 eve :SASL authentication failed"]);
    stage.say("eve", "AUTHENTICATE PLAIN");
    stage.say("eve", &format!("AUTHENTICATE {}", base64(&format!("\0{name}\0wrong"))));
    stage.heard("eve");
    stage.take_work()
}

fn base64(text: &str) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(text)
}

fn unbase64(text: &str) -> String {
    use base64::Engine;
    let bytes = base64::engine::general_purpose::STANDARD.decode(text).expect("base64");
    String::from_utf8(bytes).expect("text")
}

#[test]
fn an_account_that_is_not_there_takes_the_same_work_as_one_that_is() {
    let mut stage = Stage::new(settings());
    stage.add_account("ann", "secret");
    for number in 0..100 {
        stage.ask_disk(Request::MarkRead {
            account: "ann".into(),
            target: format!("#{number}"),
            time_ms: 1,
            targets_max: 500,
        });
    }
    stage.register("eve", "sasl");
    let there = work(&mut stage, "ann");
    assert_eq!(there, ["FindVerifier", "FindVerifier", "a password"]);
    assert_eq!(work(&mut stage, "bob"), there);
}

#[test]
fn who_may_not_see_addresses_is_not_told_how_many_connections_a_network_means() {
    use stonechat::chat::{Operator, OperatorClass, Proof, Right, Settings};
    let class = |rights: &[Right]| OperatorClass {
        name: "class".into(),
        rights: rights.to_vec(),
        ..OperatorClass::default()
    };
    let named = |name: &str, rights: &[Right]| Operator {
        name: name.into(),
        proof: Proof::Password(stonechat::auth::verifier::Verifier::new("sesame", 4096, [7; 16])),
        class: class(rights),
    };
    let operators =
        vec![named("half", &[Right::Ban]), named("full", &[Right::Ban, Right::Addresses])];
    play_with(
        Settings { operators, ..settings() },
        "from 192.0.2.1 bob
         bob+
         ann+
         ann> OPER half sesame
         ann~
         ann> UBAN INFO 192.0.2.1
         ann< :srv NOTICE ann :192.0.2.1 is not banned
         ann> UBAN INFO 192.0.2.0/24
         ann< :srv NOTICE ann :192.0.2.0/24 is not banned
         cat+
         cat> OPER full sesame
         cat~
         cat> UBAN INFO 192.0.2.1
         cat< :srv NOTICE cat :192.0.2.1 is not banned
         cat< :srv NOTICE cat :192.0.2.1 means 1 of the connections here",
    );
}
