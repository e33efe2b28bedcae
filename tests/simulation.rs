//! The loop and two services, and the whole of chat, under a hostile network and a made-up clock.
//!
//! One seed decides everything, over TLS too: `SEED=17 cargo test --test simulation` replays a failure,
//! and `SEEDS=1000000 cargo test --release --test simulation` goes on for hours.

mod world;

use std::collections::BTreeMap;
use stonechat::net::CloseReason;
use world::{Choices, chat, simulation};

const STEPS: usize = 600;

/// The number of runs in plain for each one over TLS, beyond the minimum that covers everything.
/// Handshakes are expensive.
const IN_PLAIN_TO_TLS: u64 = 16;
const OVER_TLS_MIN: u64 = 100;

/// Lines that some client must receive in some run.
const WORDS: [&str; 7] =
    ["bye", "* idle", " left", "list 99\n", "server full", "line too long", "CLOSE SOCKET"];

#[test]
fn nobody_suffers_from_what_others_do() {
    if let Some(seed) = number("SEED") {
        simulation::run(Choices::from_seed(seed), STEPS);
        return;
    }
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for seed in 0..number("SEEDS").unwrap_or(400) {
        let run = std::panic::catch_unwind(|| simulation::run(Choices::from_seed(seed), STEPS));
        let Ok(sights) = run else { panic!("replay with SEED={seed}") };
        for why in sights.endings {
            *seen.entry(why.text()).or_default() += 1;
        }
        let heard = String::from_utf8_lossy(&sights.heard);
        for words in WORDS {
            *seen.entry(words).or_default() += usize::from(heard.contains(words));
        }
    }
    println!("{seen:?}");
    // A sweep that never met these proves nothing.
    for why in CloseReason::ALL {
        // tests/proxied.rs covers that: here every client uses its own address.
        assert!(
            why == CloseReason::Refused || seen.contains_key(why.text()),
            "never came across {why:?}"
        );
    }
    for words in WORDS {
        assert!(seen[words] > 0, "never came across {words:?}");
    }
}

/// What becomes of the calls of the server in some run.
const CALLS: [&str; 5] =
    ["call opened", "call not found", "call not connected", "call unreachable", "call without TLS"];

/// The use of TLS in a run, and its outcome.
const OVER_TLS: [&str; 21] = [
    "TLS 1.2",
    "TLS 1.3",
    "resumed",
    "torn flight",
    "hello in parts",
    "records of one byte",
    "new keys",
    "storm of new keys",
    "close_notify",
    "bad flight",
    "bad record",
    "alert",
    "cut",
    "cut in mid-handshake",
    "end in mid-handshake",
    "end without close_notify",
    "server full",
    "handshake failed",
    "handshake timed out",
    "too many handshakes at once, try again",
    "This port speaks TLS; connect with it, or use a plain port",
];

#[test]
fn nobody_suffers_from_what_others_do_over_tls() {
    if let Some(seed) = number("SEED") {
        simulation::run_over_tls(Choices::from_seed(seed), STEPS);
        return;
    }
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for seed in 0..runs_over_tls() {
        let run =
            std::panic::catch_unwind(|| simulation::run_over_tls(Choices::from_seed(seed), STEPS));
        let Ok(sights) = run else { panic!("replay with SEED={seed}") };
        for (what, count) in sights.tls {
            *seen.entry(what).or_default() += count;
        }
    }
    println!("{seen:?}");
    for what in OVER_TLS.iter().chain(&CALLS) {
        assert!(seen.contains_key(*what), "never came across {what:?}");
    }
}

/// The bytes differ each time. If a run depended on more than their number, a failure would be hard
/// to find.
#[test]
fn a_seed_replays_over_tls() {
    for seed in 0..runs_over_tls() / 10 {
        let told = |run: &dyn Fn(Choices)| {
            let choices = Choices::from_seed(seed);
            run(choices.clone());
            choices.pick(0..usize::MAX) // as many choices were made before it
        };
        let simulation: &dyn Fn(Choices) =
            &|choices| drop(simulation::run_over_tls(choices, STEPS));
        assert_eq!(told(simulation), told(simulation), "seed {seed}");
        let chat: &dyn Fn(Choices) = &|choices| drop(chat::run_over_tls(choices, STEPS));
        assert_eq!(told(chat), told(chat), "seed {seed}, chat");
    }
}

/// Endings, last lines, commands and numerics that chat must meet in some run.
const IN_CHAT: [&str; 48] = [
    "hangup",
    "done",
    "reset",
    "timed out",
    "failed",
    "SendQ exceeded",
    "RecvQ exceeded",
    "memory exceeded",
    "drain timeout",
    "[Quit: ",
    "[Ping timeout: ",
    "[Registration timeout]",
    "ACK",
    "AWAY",
    "BATCH",
    "CAP",
    "ERROR",
    "FAIL",
    "JOIN",
    "NICK",
    "NOTICE",
    "PART",
    "PING",
    "PONG",
    "PRIVMSG",
    "QUIT",
    "SETNAME",
    "001",
    "301",
    "305",
    "306",
    "315",
    "321",
    "322",
    "323",
    "352",
    "353",
    "366",
    "400",
    "401",
    "403",
    "404",
    "417",
    "421",
    "433",
    "442",
    "461",
    "462",
];

#[test]
fn everyone_in_chat_hears_what_concerns_them() {
    if let Some(seed) = number("SEED") {
        chat::run(Choices::from_seed(seed), STEPS);
        return;
    }
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for seed in 0..number("SEEDS").unwrap_or(400) {
        let run = std::panic::catch_unwind(|| chat::run(Choices::from_seed(seed), STEPS));
        let Ok(sights) = run else { panic!("replay with SEED={seed}") };
        for (what, count) in sights {
            *seen.entry(what).or_default() += count;
        }
    }
    println!("{seen:?}");
    for what in IN_CHAT {
        assert!(seen.contains_key(what), "never came across {what:?}");
    }
}

#[test]
fn everyone_in_chat_hears_what_concerns_them_over_tls() {
    if let Some(seed) = number("SEED") {
        chat::run_over_tls(Choices::from_seed(seed), STEPS);
        return;
    }
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for seed in 0..runs_over_tls() {
        let run = std::panic::catch_unwind(|| chat::run_over_tls(Choices::from_seed(seed), STEPS));
        let Ok(sights) = run else { panic!("replay with SEED={seed}") };
        for (what, count) in sights {
            *seen.entry(what).or_default() += count;
        }
    }
    println!("{seen:?}");
    for what in OVER_TLS {
        assert!(seen.contains_key(what), "never came across {what:?}");
    }
}

fn runs_over_tls() -> u64 {
    (number("SEEDS").unwrap_or(0) / IN_PLAIN_TO_TLS).max(OVER_TLS_MIN)
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|value| value.parse().expect("a number"))
}
