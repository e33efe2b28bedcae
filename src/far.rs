//! A bounded queue of plain values to a thread, and back. A thread does all work that would hold up
//! the loop: disk access, costly computation.
//!
//! The loop has the [`Asker`]. A thread, or in a test the test, has the [`Far`] end and answers.
//! Neither end waits for the other to take a value.

use slab::Slab;
use std::fmt;
use std::io;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// The loop's end: sends questions `Q`, receives answers `R`, and keeps a `T` with each question
/// until its answer comes. Dropping it ends the thread at the far end, once all questions are
/// taken.
pub struct Asker<Q, R, T> {
    questions: Sender<Asked<Q>>,
    answers: Receiver<(usize, R)>,
    bound: Bound,
    /// Questions whose answers are not taken yet; this bounds both directions.
    open: Slab<Open<T>>,
    /// The memory of the questions in `open`, in bytes.
    bytes: usize,
}

/// The end that answers.
pub struct Far<Q, R> {
    questions: Receiver<Asked<Q>>,
    answers: Sender<(usize, R)>,
}

/// A question to be answered with [`Far::answer`]. Until then it counts as open.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub struct Asked<Q> {
    open: usize,
    /// The question itself.
    pub question: Q,
}

/// The most that may be open at once: questions whose answers are not taken yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// The number of questions.
    pub questions: usize,
    /// Their memory together, in bytes.
    pub bytes: usize,
}

/// The memory of a question.
pub trait Weigh {
    /// Approximate bytes, heap included.
    fn bytes(&self) -> usize;
}

/// The question was not accepted: the bound is reached, or the far end is gone. Gives back the
/// question and its `T`.
#[derive(PartialEq, Eq)]
pub struct Busy<Q, T>(pub Q, pub T);

/// The end of a wait without a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unasked {
    /// The time is over.
    Yet,
    /// The asker is dropped, and everything asked was taken.
    Forever,
}

struct Open<T> {
    bytes: usize,
    then: T,
}

/// Both ends of a queue.
pub fn queue<Q, R, T>(bound: Bound) -> (Asker<Q, R, T>, Far<Q, R>) {
    let (questions, asked) = mpsc::channel();
    let (answered, answers) = mpsc::channel();
    let asker = Asker { questions, answers, bound, open: Slab::new(), bytes: 0 };
    (asker, Far { questions: asked, answers: answered })
}

/// Answers one question after the other on a thread of its own, until the asker is dropped. After
/// each answer it calls `wake`, which must not block. It drops `wake` when all is done.
pub fn serve<Q, R>(
    name: &str,
    far: Far<Q, R>,
    wake: impl Fn() + Send + 'static,
    mut answer: impl FnMut(&Q) -> R + Send + 'static,
) -> io::Result<JoinHandle<()>>
where
    Q: Send + 'static,
    R: Send + 'static,
{
    thread::Builder::new().name(name.to_owned()).spawn(move || {
        while let Some(asked) = far.wait() {
            let answer = answer(&asked.question);
            far.answer(asked, answer);
            wake();
        }
    })
}

impl<Q: Weigh, R, T> Asker<Q, R, T> {
    /// Sends a question, without waiting. `then` comes back with the answer.
    pub fn ask(&mut self, question: Q, then: T) -> Result<(), Busy<Q, T>> {
        let bytes = question.bytes();
        if self.open.len() >= self.bound.questions || self.bytes + bytes > self.bound.bytes {
            return Err(Busy(question, then));
        }
        let asked = Asked { open: self.open.vacant_key(), question };
        if let Err(unsent) = self.questions.send(asked) {
            return Err(Busy(unsent.0.question, then));
        }
        self.open.insert(Open { bytes, then });
        self.bytes += bytes;
        Ok(())
    }

    /// Takes the pending answers, without waiting. They come in the order of the far end, which is
    /// that of the questions unless it chooses another.
    pub fn answers(&mut self) -> impl Iterator<Item = (T, R)> + use<'_, Q, R, T> {
        self.answers.try_iter().map(|(open, answer)| {
            let Open { bytes, then } = self.open.remove(open);
            self.bytes -= bytes;
            (then, answer)
        })
    }

    /// The number of open questions.
    pub fn open(&self) -> usize {
        self.open.len()
    }

    /// Whether half of the bound is used, in questions or in bytes.
    pub fn is_half_full(&self) -> bool {
        let Bound { questions, bytes } = self.bound;
        self.open.len() >= questions.div_ceil(2) || self.bytes >= bytes / 2
    }
}

impl<Q, R> Far<Q, R> {
    /// Waits for a question; `None` once the asker is dropped and everything asked was taken.
    pub fn wait(&self) -> Option<Asked<Q>> {
        self.questions.recv().ok()
    }

    /// Waits for a question, but no longer than `time`.
    pub fn wait_for(&self, time: Duration) -> Result<Asked<Q>, Unasked> {
        self.questions.recv_timeout(time).map_err(|ended| match ended {
            RecvTimeoutError::Timeout => Unasked::Yet,
            RecvTimeoutError::Disconnected => Unasked::Forever,
        })
    }

    /// The next question, if there is one.
    pub fn take(&self) -> Option<Asked<Q>> {
        self.questions.try_recv().ok()
    }

    /// Answers a question of this queue. Without an asker the answer is dropped.
    pub fn answer(&self, asked: Asked<Q>, answer: R) {
        let _ = self.answers.send((asked.open, answer));
    }
}

/// Prints neither part: a question may contain a password.
impl<Q, T> fmt::Debug for Busy<Q, T> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("Busy")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    /// A question whose size is its value.
    impl Weigh for u32 {
        fn bytes(&self) -> usize {
            *self as usize
        }
    }

    type Answers = Vec<(char, u32)>;

    fn bound(questions: usize, bytes: usize) -> Bound {
        Bound { questions, bytes }
    }

    #[test]
    fn a_full_queue_gives_back_the_question_until_an_answer_is_taken() {
        let (mut asker, far) = queue(bound(2, 100));
        assert_eq!(asker.ask(1, 'a'), Ok(()));
        assert_eq!(asker.ask(2, 'b'), Ok(()));
        assert_eq!(asker.ask(3, 'c'), Err(Busy(3, 'c')));
        let asked = far.take().unwrap();
        assert_eq!(asked.question, 1);
        far.answer(asked, 10);
        assert_eq!(asker.ask(3, 'c'), Err(Busy(3, 'c')), "an answer is in its place");
        assert_eq!(asker.answers().collect::<Answers>(), [('a', 10)]);
        assert_eq!(asker.open(), 1);
        assert_eq!(asker.ask(3, 'c'), Ok(()));
    }

    #[test]
    fn a_queue_is_bounded_by_what_its_questions_take() {
        let (mut asker, far) = queue(bound(9, 100));
        assert_eq!(asker.ask(60, 'a'), Ok(()));
        assert_eq!(asker.ask(41, 'b'), Err(Busy(41, 'b')));
        assert_eq!(asker.ask(40, 'b'), Ok(()));
        assert_eq!(asker.ask(1, 'c'), Err(Busy(1, 'c')));
        far.answer(far.take().unwrap(), 0);
        assert_eq!(asker.answers().count(), 1);
        assert_eq!(asker.ask(60, 'c'), Ok(()));
    }

    #[test]
    fn half_full_is_half_of_the_questions_or_of_the_bytes() {
        let (mut asker, far) = queue(bound(3, 100));
        assert!(asker.ask(49, ()).is_ok() && !asker.is_half_full());
        assert!(asker.ask(0, ()).is_ok() && asker.is_half_full());
        (0..2).for_each(|_| far.answer(far.take().unwrap(), ()));
        assert_eq!(asker.answers().count(), 2);
        assert!(asker.ask(50, ()).is_ok() && asker.is_half_full());
    }

    #[test]
    fn what_was_kept_comes_with_its_answer_whatever_the_order() {
        let (mut asker, far) = queue(bound(9, 100));
        (1..).zip('a'..='c').for_each(|(question, then)| asker.ask(question, then).unwrap());
        let asked: Vec<Asked<u32>> = std::iter::from_fn(|| far.take()).collect();
        for asked in asked.into_iter().rev() {
            let question = asked.question;
            far.answer(asked, question * 10);
        }
        assert_eq!(asker.answers().collect::<Answers>(), [('c', 30), ('b', 20), ('a', 10)]);
    }

    #[test]
    fn a_thread_answers_in_the_order_asked_and_wakes_for_each() {
        let (mut asker, far) = queue(bound(100, usize::MAX));
        (0..100).for_each(|n| asker.ask(n, n).unwrap());
        let (wake, woken) = mpsc::channel();
        let thread = serve("doubler", far, move || wake.send(()).unwrap(), |n| n * 2).unwrap();
        (0..100).for_each(|_| woken.recv().expect("woken for each answer"));
        assert!(asker.answers().eq((0..100).map(|n| (n, n * 2))));
        drop(asker);
        thread.join().unwrap();
    }

    #[test]
    fn a_dropped_asker_is_served_to_its_end() {
        let (mut asker, far) = queue(bound(9, 100));
        (0..5).for_each(|n| asker.ask(n, ()).unwrap());
        drop(asker);
        let (wake, woken) = mpsc::channel();
        serve("server", far, move || wake.send(()).unwrap(), |_| ()).unwrap().join().unwrap();
        assert_eq!(woken.iter().count(), 5);
    }

    #[test]
    fn a_far_end_learns_whether_more_may_come() {
        let (asker, far) = queue::<u32, (), ()>(bound(9, 100));
        assert_eq!(far.wait_for(Duration::ZERO), Err(Unasked::Yet));
        drop(asker);
        assert_eq!(far.wait_for(Duration::MAX), Err(Unasked::Forever));
        assert_eq!(far.wait(), None);
    }

    #[test]
    fn a_thread_that_has_died_is_noticed() {
        let (mut asker, far) = queue(bound(9, 100));
        let thread = serve("mortal", far, || {}, |n: &u32| 6 / n).unwrap();
        [3, 0].iter().for_each(|n| asker.ask(*n, *n).unwrap());
        assert!(thread.join().is_err(), "it has divided by zero");
        assert_eq!(asker.ask(1, 1), Err(Busy(1, 1)));
        assert_eq!(asker.answers().collect::<Vec<_>>(), [(3, 2)], "what it has done is not lost");
        assert_eq!(asker.open(), 1);
    }

    #[test]
    fn a_question_that_comes_back_is_not_shown() {
        assert_eq!(format!("{:?}", Busy("hunter2", "whose")), "Busy");
    }

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Ask(u32),
        Answer,
        Take,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![(0..40u32).prop_map(Step::Ask), Just(Step::Answer), Just(Step::Take)]
    }

    proptest! {
        /// Compares the queue with a naive oracle of two lists.
        #[test]
        fn it_is_within_its_bounds_and_each_question_is_answered_once_in_order(
            steps in proptest::collection::vec(step(), 0..200),
        ) {
            let (mut asker, far) = queue(bound(5, 100));
            let (mut waiting, mut answered) = (VecDeque::new(), Vec::new());
            for (number, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Ask(bytes) => {
                        let all = || waiting.iter().chain(&answered);
                        let taken: u32 = all().map(|(bytes, _)| *bytes).sum();
                        let fits = all().count() < 5 && taken + bytes <= 100;
                        prop_assert_eq!(asker.ask(bytes, number).is_ok(), fits);
                        waiting.extend(fits.then_some((bytes, number)));
                    }
                    Step::Answer => {
                        let asked = far.take();
                        let question = asked.as_ref().map(|asked| asked.question);
                        prop_assert_eq!(question, waiting.front().map(|(bytes, _)| *bytes));
                        asked.into_iter().for_each(|asked| far.answer(asked, question));
                        answered.extend(waiting.pop_front());
                    }
                    Step::Take => {
                        let wanted: Vec<_> =
                            answered.drain(..).map(|(bytes, n)| (n, Some(bytes))).collect();
                        prop_assert_eq!(asker.answers().collect::<Vec<_>>(), wanted);
                    }
                }
                prop_assert_eq!(asker.open(), waiting.len() + answered.len());
            }
        }
    }
}
