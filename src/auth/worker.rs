//! A thread that hashes passwords, as each takes milliseconds. The loop reaches it by a
//! [queue](far). It is one thread, so that one core is left to the loop however many passwords are
//! tried.

use super::password::Password;
use super::verifier::{ITERATIONS, SALT_BYTES, Verifier};
use crate::far::{self, Asker, Bound, Weigh};
use std::io;
use std::thread::JoinHandle;

/// The loop's side; it keeps a `T` with each job until the result comes.
pub type Hasher<T> = Asker<Job, Done, T>;

/// The side that does the jobs, in request order.
pub type Far = far::Far<Job, Done>;

/// The default capacity, of jobs and results together: the last one waits half a second.
pub const CAPACITY: usize = 64;

/// A job for the hasher.
#[derive(Debug)]
pub enum Job {
    /// Check a password against a verifier. Gives [`Done::Verified`].
    Verify {
        /// The account's verifier, or a decoy, which takes as long.
        verifier: Verifier,
        /// The password to check.
        password: Password,
    },
    /// Make a verifier for a new password. Gives [`Done::Made`].
    Make {
        /// The new password.
        password: Password,
    },
}

/// The result of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// Whether the password was right.
    Verified(bool),
    /// The new verifier, to be stored.
    Made(Verifier),
    /// The system gave no random bytes for a salt.
    Failed,
}

/// Both sides of a queue that holds at most `capacity` jobs and results together.
pub fn queue<T>(capacity: usize) -> (Hasher<T>, Far) {
    far::queue(Bound { questions: capacity, bytes: usize::MAX })
}

/// Starts a thread that does the jobs from `far` until its hasher is dropped. It calls `wake` after
/// each result, which must not block.
pub fn serve(far: Far, wake: impl Fn() + Send + 'static) -> io::Result<JoinHandle<()>> {
    far::serve("hasher", far, wake, Job::run)
}

impl Job {
    /// Does the job: milliseconds.
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
