//! The source of all choices of a simulation: a seed, or the fuzzer's bytes.

use std::cell::RefCell;
use std::ops::Range;
use std::rc::Rc;

/// Choices, shared by all parts, so that one seed or one input decides everything.
#[derive(Clone)]
pub struct Choices(Rc<RefCell<Source>>);

enum Source {
    Seed(fastrand::Rng),
    Bytes { bytes: Vec<u8>, at: usize },
    Smooth,
}

impl Choices {
    pub fn from_seed(seed: u64) -> Choices {
        Choices(Rc::new(RefCell::new(Source::Seed(fastrand::Rng::with_seed(seed)))))
    }

    /// Takes each choice from a byte; after the last byte, each first option is chosen.
    pub fn from_bytes(bytes: &[u8]) -> Choices {
        Choices(Rc::new(RefCell::new(Source::Bytes { bytes: bytes.to_vec(), at: 0 })))
    }

    /// Choices with no faults and no torn input.
    #[allow(dead_code)] // not in every test
    pub fn smooth() -> Choices {
        Choices(Rc::new(RefCell::new(Source::Smooth)))
    }

    pub fn pick(&self, range: Range<usize>) -> usize {
        match &mut *self.0.borrow_mut() {
            Source::Seed(rng) => rng.usize(range),
            Source::Bytes { bytes, at } => {
                let byte = bytes.get(*at).copied().unwrap_or(0);
                *at += 1;
                range.start + usize::from(byte) * range.len() / 256
            }
            Source::Smooth => range.end - 1,
        }
    }

    /// True once in `n` times.
    pub fn one_in(&self, n: usize) -> bool {
        let smooth = matches!(*self.0.borrow(), Source::Smooth);
        !smooth && self.pick(0..n) == n - 1
    }
}
