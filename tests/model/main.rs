//! Chat against a naive chat of maps and sets: for any input, all clients receive exactly the lines
//! of the model, and know the members of each channel.
//!
//! `PROPTEST_CASES=10000` runs more cases. A failure is printed as a transcript, for tests/chat.

mod accounts;
mod history;
mod line;
mod messages;
mod model;
mod modes;
mod people;
mod places;
mod play;
mod script;
#[allow(dead_code)]
#[path = "../chat/stage.rs"]
mod stage;
mod views;
#[path = "../world/mod.rs"]
mod world;

use proptest::prelude::*;
use script::{Theme, script};

proptest! {
    #![proptest_config(config())]

    #[test]
    fn those_who_come_and_go_are_heard_of(steps in script(Theme::Presence, STEPS)) {
        play::play(&steps)?;
    }

    #[test]
    fn doors_open_to_whom_they_should(steps in script(Theme::Doors, STEPS)) {
        play::play(&steps)?;
    }

    #[test]
    fn ranks_are_given_and_taken_by_who_may(steps in script(Theme::Ranks, STEPS)) {
        play::play(&steps)?;
    }

    #[test]
    fn in_an_auditorium_one_sees_whom_one_may(steps in script(Theme::Auditorium, STEPS)) {
        play::play(&steps)?;
    }

    #[test]
    fn what_is_said_reaches_whom_it_is_meant_for(steps in script(Theme::Speech, STEPS)) {
        play::play(&steps)?;
    }

    #[test]
    fn an_account_is_had_by_who_knows_its_password(steps in script(Theme::Accounts, STEPS)) {
        play::play(&steps)?;
    }

    #[test]
    fn what_was_said_is_read_again_by_who_may(steps in script(Theme::History, STEPS)) {
        play::play(&steps)?;
    }
}

const STEPS: usize = 150;

/// Failures are kept as transcripts, not as seeds.
fn config() -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig {
        cases: asked.unwrap_or(250),
        failure_persistence: None,
        max_shrink_iters: 20_000,
        ..ProptestConfig::default()
    }
}
