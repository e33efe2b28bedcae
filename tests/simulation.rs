//! The loop and the simplest services, and the whole of chat, under a hostile network and a made-up clock.
//!
//! One seed decides everything, over TLS too: `SEED=17 cargo test --test simulation` replays a failure,
//! and `SEEDS=1000000 cargo test --release --test simulation` goes on for hours.

mod world;

use stonechat::net::CloseReason;
use world::Choices;
use world::chat::Chat;
use world::services::{Services, WORDS};
use world::simulator::{Cast, Sights, run, run_over_tls};

const STEPS: usize = 600;

/// The number of runs in plain for each one over TLS, beyond the minimum that covers everything.
/// Handshakes are expensive.
const IN_PLAIN_TO_TLS: u64 = 16;
const OVER_TLS_MIN: u64 = 100;

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
fn nobody_suffers_from_what_others_do() {
    // tests/proxied.rs covers refusals: here every client uses its own address.
    let endings = CloseReason::ALL.into_iter().filter(|why| *why != CloseReason::Refused);
    let wanted: Vec<&str> = endings.map(CloseReason::text).chain(WORDS).collect();
    sweep(runs_in_plain(), run::<Services>, &wanted);
}

#[test]
fn nobody_suffers_from_what_others_do_over_tls() {
    sweep(runs_over_tls(), run_over_tls::<Services>, &[&OVER_TLS[..], &CALLS].concat());
}

#[test]
fn everyone_in_chat_hears_what_concerns_them() {
    sweep(runs_in_plain(), run::<Chat>, &IN_CHAT);
}

#[test]
fn everyone_in_chat_hears_what_concerns_them_over_tls() {
    sweep(runs_over_tls(), run_over_tls::<Chat>, &[&OVER_TLS[..], &CALLS].concat());
}

/// The bytes differ each time. If a run depended on more than their number, a failure would be hard
/// to find.
#[test]
fn a_seed_replays_over_tls() {
    fn choices_of<C: Cast>(seed: u64) -> usize {
        let choices = Choices::from_seed(seed);
        run_over_tls::<C>(choices.clone(), STEPS);
        choices.pick(0..usize::MAX) // as many choices were made before it
    }
    for seed in 0..runs_over_tls() / 10 {
        assert_eq!(choices_of::<Services>(seed), choices_of::<Services>(seed), "seed {seed}");
        assert_eq!(choices_of::<Chat>(seed), choices_of::<Chat>(seed), "seed {seed}, chat");
    }
}

/// Runs `seeds`, or the one in `SEED`. All of `wanted` must be seen: a sweep that never met it
/// proves nothing.
fn sweep(seeds: u64, run: fn(Choices, usize) -> Sights, wanted: &[&str]) {
    if let Some(seed) = number("SEED") {
        run(Choices::from_seed(seed), STEPS);
        return;
    }
    let mut seen = Sights::new();
    for seed in 0..seeds {
        let run = std::panic::catch_unwind(|| run(Choices::from_seed(seed), STEPS));
        let Ok(sights) = run else { panic!("replay with SEED={seed}") };
        for (what, count) in sights {
            *seen.entry(what).or_default() += count;
        }
    }
    println!("{seen:?}");
    for what in wanted {
        assert!(seen.contains_key(*what), "never came across {what:?}");
    }
}

fn runs_in_plain() -> u64 {
    number("SEEDS").unwrap_or(400)
}

fn runs_over_tls() -> u64 {
    (number("SEEDS").unwrap_or(0) / IN_PLAIN_TO_TLS).max(OVER_TLS_MIN)
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|value| value.parse().expect("a number"))
}
