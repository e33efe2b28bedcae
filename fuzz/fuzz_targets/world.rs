//! The simulations of `tests/world`, each of their choices a byte of the input: where a seed
//! wanders, the fuzzer steers towards what it has not seen yet. The first byte says which of them.
//!
//! All that the simulations assert is asserted here: whole lines, in order, none lost or
//! misdelivered, steady clients never thrown out, and the loop's own invariants after each turn.

#![no_main]

#[path = "../../tests/world/mod.rs"]
mod world;

use libfuzzer_sys::fuzz_target;
use world::{Choices, chat, simulation};

/// What a step takes at least: who, what, and a detail or what the network does to it. Where a
/// step takes more the input runs out, and the rest of the steps are the first choice of each.
const CHOICES_PER_STEP: usize = 3;

/// As many as a seed of the test has. The checks at the end compare each client with each.
const STEPS_MAX: usize = 600;

fuzz_target!(|input: &[u8]| {
    let steps = (input.len() / CHOICES_PER_STEP).min(STEPS_MAX);
    let choices = Choices::from_bytes(input);
    if choices.one_in(2) {
        chat::run(choices, steps);
    } else {
        simulation::run(choices, steps);
    }
});
