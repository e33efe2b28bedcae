//! Hashing takes milliseconds, so a thread does it: jobs and results as plain values, in a queue
//! that never blocks.
//!
//! The loop has a [`Hasher`], which asks; whoever has the [`Far`] side answers: the thread of
//! [`serve`], or in a test the test. One thread, so that however many passwords are tried, one core
//! is left to the loop.

use super::password::Password;
use super::verifier::{ITERATIONS, SALT_BYTES, Verifier};
use std::io;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};

/// The loop's side. Dropping it ends whoever serves the other, once all that was asked is done.
pub struct Hasher {
    jobs: Sender<Job>,
    results: Receiver<Done>,
    capacity: usize,
    /// Asked and not yet taken from `results`. It bounds both directions: at most `capacity`.
    open: usize,
}

/// The side that answers: each job once, in the order asked.
pub struct Far {
    jobs: Receiver<Job>,
    results: Sender<Done>,
}

/// Nothing was asked: as many jobs are open as may be, or nobody is there to do them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busy;

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

impl Hasher {
    /// Both sides of a queue that holds at most `capacity` jobs and results together.
    pub fn new(capacity: usize) -> (Hasher, Far) {
        let (jobs, asked) = mpsc::channel();
        let (answers, results) = mpsc::channel();
        let far = Far { jobs: asked, results: answers };
        (Hasher { jobs, results, capacity, open: 0 }, far)
    }

    /// Asks, without waiting. Results come in the order asked.
    pub fn ask(&mut self, job: Job) -> Result<(), Busy> {
        if self.open == self.capacity {
            return Err(Busy);
        }
        self.jobs.send(job).map_err(|_| Busy)?;
        self.open += 1;
        Ok(())
    }

    /// What has been done, in the order asked, without waiting.
    pub fn replies(&mut self) -> impl Iterator<Item = Done> + use<'_> {
        self.results.try_iter().inspect(|_| self.open -= 1)
    }

    /// How many jobs are open: asked, and their result not taken yet.
    pub fn open(&self) -> usize {
        self.open
    }
}

impl Far {
    /// Waits for a job; `None` once the hasher is dropped and everything asked was taken.
    pub fn wait(&self) -> Option<Job> {
        self.jobs.recv().ok()
    }

    /// The next job, if there is one.
    pub fn take(&self) -> Option<Job> {
        self.jobs.try_recv().ok()
    }

    /// Answers. If nobody is there to hear it, nobody needs it.
    pub fn answer(&self, done: Done) {
        let _ = self.results.send(done);
    }
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

/// Does what `far` is asked until its hasher is dropped. After each result `wake` is called, which
/// must not block.
pub fn serve(far: Far, wake: impl Fn() + Send + 'static) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().name("hasher".to_owned()).spawn(move || {
        while let Some(job) = far.wait() {
            far.answer(job.run());
            wake();
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn verify(password: &str) -> Job {
        let verifier = Verifier::new("pencil", 4096, [7; SALT_BYTES]);
        Job::Verify { verifier, password: Password::parse(password).unwrap() }
    }

    fn make(password: &str) -> Job {
        Job::Make { password: Password::parse(password).unwrap() }
    }

    #[test]
    fn a_full_queue_is_busy_until_results_are_taken() {
        let (mut hasher, far) = Hasher::new(2);
        assert_eq!(hasher.ask(verify("pencil")), Ok(()));
        assert_eq!(hasher.ask(make("chalk")), Ok(()));
        assert_eq!(hasher.ask(verify("pencil")), Err(Busy));
        far.answer(far.wait().unwrap().run());
        assert_eq!(hasher.ask(verify("pencil")), Err(Busy), "a result is in its place");
        assert_eq!(hasher.replies().collect::<Vec<_>>(), [Done::Verified(true)]);
        assert_eq!(hasher.open(), 1);
        assert_eq!(hasher.ask(verify("pencil")), Ok(()));
        assert!(matches!(far.take(), Some(Job::Make { .. })), "in the order asked");
    }

    #[test]
    fn with_nobody_at_the_far_end_it_is_busy() {
        let (mut hasher, far) = Hasher::new(2);
        drop(far);
        assert_eq!(hasher.ask(verify("pencil")), Err(Busy));
        assert_eq!(hasher.open(), 0);
    }

    #[test]
    fn the_thread_verifies_and_makes_in_the_order_asked() {
        let (mut hasher, far) = Hasher::new(CAPACITY);
        let (wake, woken) = mpsc::channel();
        let thread = serve(far, move || wake.send(()).unwrap()).unwrap();
        let jobs = [verify("pencil"), verify("pencils"), make("chalk"), make("chalk")];
        let wanted = jobs.len();
        for job in jobs {
            hasher.ask(job).unwrap();
        }
        for _ in 0..wanted {
            woken.recv_timeout(Duration::from_secs(60)).expect("woken for each result");
        }
        let results: Vec<Done> = hasher.replies().collect();
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
    fn a_dropped_hasher_is_served_to_its_end() {
        let (mut hasher, far) = Hasher::new(CAPACITY);
        for _ in 0..5 {
            hasher.ask(verify("pencil")).unwrap();
        }
        drop(hasher);
        let (wake, woken) = mpsc::channel();
        serve(far, move || wake.send(()).unwrap()).unwrap().join().unwrap();
        assert_eq!(woken.try_iter().count(), 5);
    }

    #[test]
    fn a_job_shows_no_password() {
        let shown = format!("{:?} {:?}", make("chalk"), verify("chalk"));
        assert!(!shown.contains("chalk"), "{shown}");
    }
}
