//! Hashing takes milliseconds, so a thread does it, which the loop asks by a [queue](far). One thread,
//! so that however many passwords are tried, one core is left to the loop.

use super::password::Password;
use super::verifier::{ITERATIONS, SALT_BYTES, Verifier};
use crate::far::{self, Asker, Bound, Weigh};
use std::io;
use std::thread::JoinHandle;

/// The loop's side; with each job it keeps a `T` for when the result comes.
pub type Hasher<T> = Asker<Job, Done, T>;

/// The side that does the jobs, in the order asked.
pub type Far = far::Far<Job, Done>;

/// Jobs and results together, if nothing else is said: the last waits half a second.
pub const CAPACITY: usize = 64;

/// What may be asked.
#[derive(Debug)]
pub enum Job {
    /// Whether the password is the one that the verifier is of. [`Done::Verified`].
    Verify {
        /// That of the account, or a decoy: it takes as long.
        verifier: Verifier,
        /// What somebody gave.
        password: Password,
    },
    /// A verifier for a new password. [`Done::Made`].
    Make {
        /// The new one.
        password: Password,
    },
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// Whether it is.
    Verified(bool),
    /// To be kept.
    Made(Verifier),
    /// The system gave no random bytes for a salt.
    Failed,
}

/// Both sides of a queue that holds at most `capacity` jobs and results together.
pub fn queue<T>(capacity: usize) -> (Hasher<T>, Far) {
    far::queue(Bound { questions: capacity, bytes: usize::MAX })
}

/// Does what `far` is asked until its hasher is dropped. After each result `wake` is called, which
/// must not block.
pub fn serve(far: Far, wake: impl Fn() + Send + 'static) -> io::Result<JoinHandle<()>> {
    far::serve("hasher", far, wake, Job::run)
}

impl Job {
    /// Does it: milliseconds.
    pub fn run(&self) -> Done {
        match self {
            Job::Verify { verifier, password } => {
                Done::Verified(verifier.verifies(password.as_str()))
            }
            Job::Make { password } => {
                let mut salt = [0; SALT_BYTES];
                match getrandom::fill(&mut salt) {
                    Ok(()) => Done::Made(Verifier::new(password.as_str(), ITERATIONS, salt)),
                    Err(_) => Done::Failed,
                }
            }
        }
    }
}

/// Bounded by the lengths of a password and a verifier.
impl Weigh for Job {
    fn bytes(&self) -> usize {
        size_of::<Job>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::time::Duration;

    fn verify(password: &str) -> Job {
        let verifier = Verifier::new("pencil", 4096, [7; SALT_BYTES]);
        Job::Verify { verifier, password: Password::parse(password).unwrap() }
    }

    fn make(password: &str) -> Job {
        Job::Make { password: Password::parse(password).unwrap() }
    }

    #[test]
    fn the_thread_verifies_and_makes_in_the_order_asked() {
        let (mut hasher, far) = queue(CAPACITY);
        let (wake, woken) = mpsc::channel();
        let thread = serve(far, move || wake.send(()).unwrap()).unwrap();
        let jobs = [verify("pencil"), verify("pencils"), make("chalk"), make("chalk")];
        let wanted = jobs.len();
        for job in jobs {
            hasher.ask(job, ()).unwrap();
        }
        for _ in 0..wanted {
            woken.recv_timeout(Duration::from_secs(60)).expect("woken for each result");
        }
        let results: Vec<Done> = hasher.answers().map(|((), done)| done).collect();
        let [Done::Verified(true), Done::Verified(false), made @ ..] = &results[..] else {
            panic!("{results:?}")
        };
        let [Done::Made(one), Done::Made(other)] = made else { panic!("{made:?}") };
        assert!(one.verifies("chalk") && other.verifies("chalk") && !one.verifies("pencil"));
        assert_ne!(one.salt(), other.salt());
        assert_eq!(one.iterations(), ITERATIONS);
        drop(hasher);
        thread.join().unwrap();
    }

    #[test]
    fn a_job_shows_no_password() {
        let shown = format!("{:?} {:?}", make("chalk"), verify("chalk"));
        assert!(!shown.contains("chalk"), "{shown}");
    }
}
