//! The simulations of `tests/world`, with each choice a byte of the input. A seed is random; the
//! fuzzer steers towards new code. The first byte selects the cast.
//!
//! All assertions of the simulations apply here: whole lines, in order, none lost or misdelivered,
//! steady clients never thrown out, and the loop's own invariants after each turn.

#![no_main]

#[path = "../../tests/world/mod.rs"]
mod world;

use libfuzzer_sys::fuzz_target;
use world::Choices;
use world::chat::Chat;
use world::services::Services;
use world::simulator::run;

/// The bytes that a step takes at least: actor, action, and a detail or the network's action. If
/// steps take more, the input runs out, and the first choice of each further one is taken.
const CHOICES_PER_STEP: usize = 3;

/// As many steps as a seed of the test has. The checks at the end compare all pairs of clients.
const STEPS_MAX: usize = 600;

fuzz_target!(|input: &[u8]| {
    let steps = (input.len() / CHOICES_PER_STEP).min(STEPS_MAX);
    let choices = Choices::from_bytes(input);
    if choices.one_in(2) {
        run::<Chat>(choices, steps);
    } else {
        run::<Services>(choices, steps);
    }
});
