//! Requests of chat to the threads that do slow work, the store and the hasher, and their replies.
//!
//! Each request stores a closure, which runs when its reply arrives in a later turn. Replies come
//! in request order, within each lane of the store. A connection that must be answered before its
//! next command is deferred meanwhile.

use crate::auth::worker::{Done, Hasher, Job};
use crate::chat::Chat;
use crate::chat::account::login_guards::LoginGuards;
use crate::chat::reply::Sink;
use crate::chat::state::cloak::Cloaks;
use crate::far::Busy;
use crate::net::{ConnId, Outbox};
use crate::store::{Policy, Reply, Request, Store, Trouble};

/// The closure that receives a reply.
pub struct Then<A>(Box<DoWith<A>>);

type DoWith<A> = dyn FnOnce(&mut Chat, &mut Sink, A) + Send;

/// The store and the hasher, if there are any. The hasher replies `None` if its queue is full.
#[derive(Default)]
pub(crate) struct Backends {
    store: Option<Store<Then<Reply>>>,
    /// Searches without a reply yet.
    pub(crate) searches: usize,
    hasher: Option<Hasher<Then<Option<Done>>>>,
}

impl Backends {
    /// Whether there is a store.
    pub(crate) fn is_there(&self) -> bool {
        self.store.is_some()
    }

    /// Whether the store's queue has room for events. Messages go first, so that none is lost
    /// because a crowd joins or leaves.
    pub(crate) fn takes_events(&self) -> bool {
        self.store.as_ref().is_some_and(|store| !store.is_half_full())
    }

    /// Sends a request to the store, unless its queue is full. `then` receives the reply.
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

/// The reply that stands for a store whose queue is full.
pub(crate) fn overloaded() -> Trouble {
    Trouble::Other("more is waiting to be kept than the disk can follow".to_owned())
}

impl Chat {
    /// Uses `store` from now on. The thread that serves its far side wakes the loop.
    pub fn keep_in(&mut self, store: Store<Then<Reply>>) {
        self.backends.store = Some(store);
        self.bound_replies();
    }

    /// Tells the store how many bytes its replies may take.
    pub(crate) fn bound_replies(&mut self) {
        if let Some(store) = &mut self.backends.store {
            store.set_reply_bytes_max(self.settings.history.reply_bytes_max);
        }
    }

    /// Lets `hasher` hash passwords from now on; without one the loop does it. `secret` is random
    /// and must survive restarts: decoys and cloaks are derived from it.
    pub fn hash_by(&mut self, hasher: Hasher<Then<Option<Done>>>, secret: [u8; 32]) {
        self.backends.hasher = Some(hasher);
        self.login_guards = LoginGuards::new(secret);
        self.login_guards.attempts.set_limits(self.settings.abuse.attempts());
        self.cloaks = Cloaks::new(secret);
    }

    /// Sets how much history the store retains.
    pub fn retain(&mut self, out: &mut Outbox, policy: Policy) {
        self.ask_store(&mut Sink::new(out), Request::Retain(policy), |_, _, reply| {
            if let Reply::Failed(trouble) = reply {
                log::error!("what is to be kept stays as it was: {trouble}");
            }
        });
    }

    /// The store, if there is one.
    pub fn store(&self) -> Option<&Store<Then<Reply>>> {
        self.backends.store.as_ref()
    }

    /// Runs the closures of the replies from the store and the hasher. Returns whether replies are
    /// left for the next turn, because this one has sent much already.
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

    /// Sends a request to the store. `then` receives its reply, at once if the queue is full.
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

    /// Sends the store a request that `conn` must be answered first: defers the connection until
    /// then. `then` does not run if the connection has ended meanwhile. Its output answers the
    /// current command, and takes its label.
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

    /// Sends a request as [`Chat::ask_for`] does, for work that concerns others too. `then` always
    /// runs, without a connection if that has ended meanwhile.
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

    /// Resumes `conn`, unless it waits for another reply.
    pub(crate) fn hear_again(&mut self, sink: &mut Sink, conn: ConnId) {
        if self.sessions[conn].asked == 0 && !self.is_being_told(conn) {
            sink.out.resume(conn);
        }
    }

    /// Hashes a password on behalf of `conn`, which is deferred as by [`Chat::ask_for`]. `then`
    /// receives `None` at once if the hasher's queue is full.
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

    /// Defers `conn` until the returned closure has received a reply.
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

    /// Runs `conn`'s part of a reply, and resumes the connection.
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
