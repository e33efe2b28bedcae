//! What chat asks of the threads that do what would hold up the loop, store and hasher, and what it
//! does with the replies.
//!
//! A reply comes in a later turn. What is then to be done is kept until then, in the order asked
//! within each lane of the store;
//! who has asked for something that he must be answered before all else is heard no further.

use crate::auth::worker::{Done, Hasher, Job};
use crate::chat::Chat;
use crate::chat::account::login_guards::LoginGuards;
use crate::chat::reply::Sink;
use crate::chat::state::cloak::Cloaks;
use crate::far::Busy;
use crate::net::{ConnId, Outbox};
use crate::store::{Policy, Reply, Request, Store, Trouble};

/// What is to be done with an answer.
pub struct Then<A>(Box<DoWith<A>>);

type DoWith<A> = dyn FnOnce(&mut Chat, &mut Sink, A) + Send;

/// The store and the hasher, if there are any. Of the hasher there is no answer if too many wait.
#[derive(Default)]
pub(crate) struct Backends {
    store: Option<Store<Then<Reply>>>,
    /// Searches whose reply is still to come.
    pub(crate) searches: usize,
    hasher: Option<Hasher<Then<Option<Done>>>>,
}

impl Backends {
    /// Whether anything can be kept.
    pub(crate) fn is_there(&self) -> bool {
        self.store.is_some()
    }

    /// Whether there is room for what happens among what is said: of that nothing is lost because a
    /// crowd comes or goes.
    pub(crate) fn takes_events(&self) -> bool {
        self.store.as_ref().is_some_and(|store| !store.is_half_full())
    }

    /// Asks the store, unless it takes no more requests now. `then` is done with the reply.
    pub(crate) fn ask(
        &mut self,
        request: Request,
        then: impl FnOnce(&mut Chat, &mut Sink, Reply) + Send + 'static,
    ) -> Result<(), Then<Reply>> {
        let then = Then(Box::new(then));
        let Some(store) = &mut self.store else { return Err(then) };
        store.ask(request, then).map_err(|Busy(_, then)| then)
    }
}

/// What is told where the store takes no more requests.
pub(crate) fn overloaded() -> Trouble {
    Trouble::Other("more is waiting to be kept than the disk can follow".to_owned())
}

impl Chat {
    /// Keeps what is to outlive the process in `store`, from now on. Whoever serves its far side
    /// wakes the loop.
    pub fn keep_in(&mut self, store: Store<Then<Reply>>) {
        self.backends.store = Some(store);
        self.bound_replies();
    }

    /// Has the store heed what replies may take.
    pub(crate) fn bound_replies(&mut self) {
        if let Some(store) = &mut self.backends.store {
            store.set_reply_bytes_max(self.settings.history.reply_bytes_max);
        }
    }

    /// Has passwords hashed by `hasher`, from now on, as [`Chat::keep_in`]. Without one the loop does
    /// it. `secret` is random, and the same after a restart: decoys and cloaks are made of it.
    pub fn hash_by(&mut self, hasher: Hasher<Then<Option<Done>>>, secret: [u8; 32]) {
        self.backends.hasher = Some(hasher);
        self.login_guards = LoginGuards::new(secret);
        self.login_guards.attempts.set_limits(self.settings.abuse.attempts());
        self.cloaks = Cloaks::new(secret);
    }

    /// Has so much of what was said kept from now on.
    pub fn retain(&mut self, out: &mut Outbox, policy: Policy) {
        self.ask_store(&mut Sink::new(out), Request::Retain(policy), |_, _, reply| {
            if let Reply::Failed(trouble) = reply {
                log::error!("what is to be kept stays as it was: {trouble}");
            }
        });
    }

    /// Where it keeps things.
    pub fn store(&self) -> Option<&Store<Then<Reply>>> {
        self.backends.store.as_ref()
    }

    /// Does what is to be done with what the store and the hasher have replied. Returns whether there is more,
    /// which is left for the next turn where this one has said much already.
    pub(crate) fn stored(&mut self, out: &mut Outbox) -> bool {
        while let Some((then, done)) =
            self.backends.hasher.as_mut().and_then(|hasher| hasher.answers().next())
        {
            self.answered(out, then, Some(done));
        }
        while !out.is_full() {
            let store = self.backends.store.as_mut();
            let Some((then, reply)) = store.and_then(|store| store.replies().next()) else {
                return false;
            };
            self.answered(out, then, reply);
        }
        true
    }

    fn answered<A>(&mut self, out: &mut Outbox, Then(then): Then<A>, answer: A) {
        let sink = &mut Sink::new(out);
        then(self, sink, answer);
        self.await_receipts(sink);
    }

    /// Asks the store. `then` is done with its reply; at once if it takes no more requests now.
    pub(crate) fn ask_store(
        &mut self,
        sink: &mut Sink,
        request: Request,
        then: impl FnOnce(&mut Chat, &mut Sink, Reply) + Send + 'static,
    ) {
        if let Err(Then(then)) = self.backends.ask(request, then) {
            then(self, sink, Reply::Failed(overloaded()));
        }
    }

    /// Asks the store for what `conn` must be answered next: nothing more is heard of it until then.
    /// `then` is not done if the connection has ended meanwhile. What it says answers the command
    /// that is being heard, also where that has a label.
    pub(crate) fn ask_for(
        &mut self,
        sink: &mut Sink,
        conn: ConnId,
        request: Request,
        then: impl FnOnce(&mut Chat, &mut Sink, ConnId, Reply) + Send + 'static,
    ) {
        self.ask_to_do(sink, conn, request, |chat, sink, conn, reply| {
            if let Some(conn) = conn {
                then(chat, sink, conn, reply);
            }
        });
    }

    /// As [`Chat::ask_for`], for what is not for `conn` alone: `then` is done in any case, without a
    /// connection if that has ended meanwhile.
    pub(crate) fn ask_to_do(
        &mut self,
        sink: &mut Sink,
        conn: ConnId,
        request: Request,
        then: impl FnOnce(&mut Chat, &mut Sink, Option<ConnId>, Reply) + Send + 'static,
    ) {
        let then = self.on_behalf_of(sink, conn, then);
        self.ask_store(sink, request, then);
    }

    /// Hears `conn` again, unless it waits for something else.
    pub(crate) fn hear_again(&mut self, sink: &mut Sink, conn: ConnId) {
        if self.sessions[conn].asked == 0 && !self.is_being_told(conn) {
            sink.out.resume(conn);
        }
    }

    /// Has a password hashed on behalf of `conn`, as [`Chat::ask_for`]. At once there is `None` if
    /// too many wait.
    pub(crate) fn hash_for(
        &mut self,
        sink: &mut Sink,
        conn: ConnId,
        job: Job,
        then: impl FnOnce(&mut Chat, &mut Sink, ConnId, Option<Done>) + Send + 'static,
    ) {
        if self.backends.hasher.is_none() {
            return then(self, sink, conn, Some(job.run()));
        }
        let then = self.on_behalf_of(sink, conn, |chat, sink, conn, done| {
            if let Some(conn) = conn {
                then(chat, sink, conn, done);
            }
        });
        let hasher = self.backends.hasher.as_mut().expect("as was looked at");
        if let Err(Busy(_, Then(then))) = hasher.ask(job, Then(Box::new(then))) {
            then(self, sink, None);
        }
    }

    /// Nothing more is heard of `conn` until what is returned is done with an answer.
    fn on_behalf_of<A>(
        &mut self,
        sink: &mut Sink,
        conn: ConnId,
        then: impl FnOnce(&mut Chat, &mut Sink, Option<ConnId>, A) + Send + 'static,
    ) -> impl FnOnce(&mut Chat, &mut Sink, A) + Send + 'static {
        sink.out.defer(conn);
        self.sessions[conn].asked += 1;
        let begun = sink.set_aside();
        move |chat, sink, answer| {
            chat.go_on_hearing(sink, conn, begun, |chat, sink, conn| {
                then(chat, sink, conn, answer);
            });
        }
    }

    /// Answers what `conn` has waited for, and hears it again.
    fn go_on_hearing(
        &mut self,
        sink: &mut Sink,
        conn: ConnId,
        begun: Option<(String, Vec<Box<[u8]>>)>,
        answer: impl FnOnce(&mut Chat, &mut Sink, Option<ConnId>),
    ) {
        if !self.sessions.is_here(conn) {
            sink.out.resume(conn);
            return answer(self, sink, None);
        }
        self.sessions[conn].asked -= 1;
        self.hear_again(sink, conn);
        if let Some((label, said)) = begun {
            let batch = self.batch_reference();
            sink.hold(conn, &label, &self.settings.server_name, batch);
            sink.go_on(&said);
        }
        answer(self, sink, Some(conn));
        sink.answer();
    }
}
