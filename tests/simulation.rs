//! The loop and two services, and the whole of chat, under a hostile network and a made-up clock.
//!
//! One seed decides everything: `SEED=17 cargo test --test simulation` replays a failure, and
//! `SEEDS=1000000 cargo test --release --test simulation` goes on for hours.

mod world;

use std::collections::BTreeMap;
use stonechat::net::CloseReason;
use world::{Choices, chat, simulation};

const STEPS: usize = 600;

/// What is to be heard by some client in some run.
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
    // A sweep that never got there shows nothing.
    for why in CloseReason::ALL {
        // Of that, tests/proxied.rs: whoever comes here is from where they are.
        assert!(
            why == CloseReason::Refused || seen.contains_key(why.text()),
            "never came across {why:?}"
        );
    }
    for words in WORDS {
        assert!(seen[words] > 0, "never came across {words:?}");
    }
}

/// What chat is to come across in some run: endings, last words, commands and numerics.
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

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|value| value.parse().expect("a number"))
}
