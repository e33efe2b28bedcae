//! What chat asks of the store, and what it does with the replies.
//!
//! A reply comes in a later turn. What is then to be done is kept until then, in the order asked;
//! who has asked for something that he must be answered before all else is heard no further.

use super::Chat;
use super::session::More;
use super::voice::Voice;
use crate::net::{ConnId, Outbox};
use crate::store::{Busy, Reply, Request, Store, Token, Trouble};
use std::collections::VecDeque;

/// What is done with a reply.
type Then = Box<dyn FnOnce(&mut Chat, &mut Voice, Reply) + Send>;

/// The store, if there is one, and what is to be done with the replies that are still to come.
#[derive(Default)]
pub(super) struct Keeper {
    store: Option<Store>,
    /// Numbers requests.
    asked: u64,
    open: VecDeque<(Token, Then)>,
}

impl Keeper {
    /// Whether anything can be kept.
    pub(super) fn is_there(&self) -> bool {
        self.store.is_some()
    }

    /// Whether there is room for what happens among what is said: of that nothing is lost because a
    /// crowd comes or goes.
    pub(super) fn takes_events(&self) -> bool {
        self.store.as_ref().is_some_and(|store| !store.is_half_full())
    }

    /// Asks the store, unless it takes no more requests now. `then` is done with the reply.
    pub(super) fn ask(
        &mut self,
        request: Request,
        then: impl FnOnce(&mut Chat, &mut Voice, Reply) + Send + 'static,
    ) -> Result<(), (Busy, Then)> {
        let token = Token(self.asked);
        let then: Then = Box::new(then);
        let Some(store) = &mut self.store else { return Err((Busy, then)) };
        match store.ask(token, request) {
            Ok(()) => {
                self.asked += 1;
                self.open.push_back((token, then));
                Ok(())
            }
            Err(busy) => Err((busy, then)),
        }
    }
}

/// What is told where the store takes no more requests.
pub(super) fn overloaded() -> Trouble {
    Trouble::Other("more is waiting to be kept than the disk can follow".to_owned())
}

impl Chat {
    /// Keeps what is to outlive the process in `store`, from now on. Whoever serves its far side
    /// wakes the loop.
    pub fn keep_in(&mut self, store: Store) {
        self.keeper.store = Some(store);
    }

    /// Does what is to be done with what the store has replied. Returns whether there is more,
    /// which is left for the next turn where this one has said much already.
    pub(super) fn stored(&mut self, out: &mut Outbox) -> bool {
        while !out.is_full() {
            let store = self.keeper.store.as_mut();
            let Some((token, reply)) = store.and_then(|store| store.replies().next()) else {
                return false;
            };
            let (asked, then) = self.keeper.open.pop_front().expect("a reply to what was asked");
            assert_eq!(asked, token, "replies come in the order asked");
            let voice = &mut Voice::new(out);
            then(self, voice, reply);
            self.await_receipts(voice);
        }
        true
    }

    /// Asks the store. `then` is done with its reply; at once if it takes no more requests now.
    pub(super) fn ask_store(
        &mut self,
        voice: &mut Voice,
        request: Request,
        then: impl FnOnce(&mut Chat, &mut Voice, Reply) + Send + 'static,
    ) {
        if let Err((Busy, then)) = self.keeper.ask(request, then) {
            then(self, voice, Reply::Failed(overloaded()));
        }
    }

    /// Asks the store for what `conn` must be answered next: nothing more is heard of it until then.
    /// `then` is not done if the connection has ended meanwhile. What it says answers the command
    /// that is being heard, also where that has a label.
    pub(super) fn ask_for(
        &mut self,
        voice: &mut Voice,
        conn: ConnId,
        request: Request,
        then: impl FnOnce(&mut Chat, &mut Voice, ConnId, Reply) + Send + 'static,
    ) {
        voice.out.defer(conn);
        self.sessions[conn].more().asked += 1;
        let label = voice.take_label();
        self.ask_store(voice, request, move |chat, voice, reply| {
            chat.go_on_hearing(voice, conn, label, |chat, voice| then(chat, voice, conn, reply));
        });
    }

    /// Hears `conn` again, unless it waits for something else.
    pub(super) fn hear_again(&mut self, voice: &mut Voice, conn: ConnId) {
        let waits = |more: &Box<More>| more.asked > 0;
        if !self.sessions[conn].more.as_ref().is_some_and(waits) && !self.is_being_told(conn) {
            voice.out.resume(conn);
        }
    }

    /// Answers what `conn` has waited for, and hears it again.
    fn go_on_hearing(
        &mut self,
        voice: &mut Voice,
        conn: ConnId,
        label: Option<String>,
        answer: impl FnOnce(&mut Chat, &mut Voice),
    ) {
        if !self.sessions.is_here(conn) {
            return voice.out.resume(conn);
        }
        self.sessions[conn].more().asked -= 1;
        if let Some(label) = label {
            let batch = self.batch_reference();
            voice.hold(conn, &label, &self.settings.server_name, batch);
        }
        answer(self, voice);
        voice.answer();
        self.hear_again(voice, conn);
    }
}
