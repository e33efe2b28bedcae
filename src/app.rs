//! Which service answers on which listener. A program is a service made of services.

use crate::auth::worker::{Done, Hasher};
use crate::chat::{self, Chat, Ended, Order, Then};
use crate::echo::Echo;
use crate::net::{CloseReason, ConnId, EndpointId, Now, Outbox, Peer, Refusal, Service};
use crate::store::{BanRecord, ChannelRecord, Policy, Presence, Reply, Store};
use std::io::ErrorKind;

/// What is spoken on a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Lines, said back in upper case.
    Echo,
    /// Chat, by the IRC client protocol.
    Irc,
}

/// All services of the daemon.
pub struct App {
    echo: Echo,
    /// Chat.
    pub chat: Chat,
    /// By [`EndpointId`].
    endpoints: Vec<Protocol>,
    /// By slot.
    conns: Vec<Protocol>,
}

impl App {
    /// Answers nowhere yet. Lines may have `line_max` bytes where the protocol does not say, their
    /// endings not counted.
    pub fn new(line_max: usize, chat: chat::Settings) -> App {
        App {
            echo: Echo::new(line_max),
            chat: Chat::new(chat),
            endpoints: Vec::new(),
            conns: Vec::new(),
        }
    }

    /// Keeps what is to outlive the process in `store`. Whoever serves its far side wakes the loop
    /// when something was replied.
    pub fn keep_in(&mut self, store: Store<Then<Reply>>) {
        self.chat.keep_in(store);
    }

    /// Has passwords hashed by `hasher`, likewise. `secret` is random, and the same after a restart.
    pub fn hash_by(&mut self, hasher: Hasher<Then<Option<Done>>>, secret: [u8; 32]) {
        self.chat.hash_by(hasher, secret);
    }

    /// What was here before this start, and stays: registered channels and always-on users. Before
    /// anyone comes.
    pub fn restore(
        &mut self,
        channels: Vec<ChannelRecord>,
        presences: Vec<(String, Presence)>,
        now: Now,
    ) {
        self.chat.restore(channels, presences, now);
    }

    /// From where accounts were logged in to before this start. After [`App::hash_by`].
    pub fn restore_known(&mut self, known: Vec<(String, i64)>) {
        self.chat.restore_known(known);
    }

    /// Whom it let in no more before this start. Before anyone comes.
    pub fn restore_bans(&mut self, out: &mut Outbox, bans: Vec<BanRecord>) {
        self.chat.restore_bans(out, bans);
    }

    /// Adds an endpoint where `protocol` is spoken; `None` if there are 256 already.
    pub fn add_endpoint(&mut self, protocol: Protocol) -> Option<EndpointId> {
        let id = u8::try_from(self.endpoints.len()).ok()?;
        self.endpoints.push(protocol);
        Some(EndpointId(id))
    }

    /// Takes new settings, for what is heard from now on.
    pub fn set_settings(&mut self, out: &mut Outbox, line_max: usize, chat: chat::Settings) {
        self.echo.set_line_max(line_max);
        self.chat.set_settings(out, chat);
    }

    /// What operators have asked of the program since this was called last.
    pub fn take_requests(&mut self) -> Vec<chat::Request> {
        self.chat.take_requests()
    }

    /// A program that an operator has asked for has said something.
    pub fn program_said(&mut self, out: &mut Outbox, run: u64, bytes: &[u8]) {
        self.chat.program_said(out, run, bytes);
    }

    /// A program that an operator has asked for has ended.
    pub fn program_ended(&mut self, out: &mut Outbox, run: u64, ended: &Ended) {
        self.chat.program_ended(out, run, ended);
    }

    /// Tells those operators who want to hear of such things what came of something they, or who
    /// runs the program, have asked for.
    pub fn tell_operators(&self, out: &mut Outbox, text: &str) {
        self.chat.tell_operators(out, text);
    }

    /// Asks for the accounts of whom [`App::restore`] has brought back.
    pub fn identify_restored(&mut self, out: &mut Outbox) {
        self.chat.identify_restored(out);
    }

    /// Does what whoever runs the server asks, and has `answer` told what came of it.
    pub fn administer(
        &mut self,
        out: &mut Outbox,
        order: Order,
        answer: impl FnOnce(Result<usize, String>) + Send + 'static,
    ) {
        self.chat.administer(out, order, answer);
    }

    /// Has so much of what was said kept from now on.
    pub fn retain(&mut self, out: &mut Outbox, policy: Policy) {
        self.chat.retain(out, policy);
    }

    /// Where things are kept.
    pub fn store(&self) -> Option<&Store<Then<Reply>>> {
        self.chat.store()
    }

    /// How much there is of everything in chat.
    pub fn figures(&self) -> chat::Figures {
        self.chat.figures()
    }

    /// Asserts what must hold between turns.
    pub fn check(&self) {
        self.chat.check();
    }

    fn at(&mut self, protocol: Protocol) -> &mut dyn Service {
        match protocol {
            Protocol::Echo => &mut self.echo,
            Protocol::Irc => &mut self.chat,
        }
    }

    fn of(&mut self, id: ConnId) -> &mut dyn Service {
        self.at(self.conns[id.slot()])
    }

    fn behind(&mut self, endpoint: EndpointId) -> &mut dyn Service {
        self.at(self.endpoints[usize::from(endpoint.0)])
    }
}

impl Service for App {
    fn opened(&mut self, out: &mut Outbox, id: ConnId, peer: Peer) {
        let protocol = self.endpoints[usize::from(peer.endpoint.0)];
        if self.conns.len() <= id.slot() {
            self.conns.resize(id.slot() + 1, protocol);
        }
        self.conns[id.slot()] = protocol;
        self.at(protocol).opened(out, id, peer);
    }

    fn received(&mut self, out: &mut Outbox, id: ConnId, bytes: &[u8]) -> usize {
        self.of(id).received(out, id, bytes)
    }

    fn finished(&mut self, out: &mut Outbox, id: ConnId, rest: &[u8]) {
        self.of(id).finished(out, id, rest);
    }

    fn closed(&mut self, out: &mut Outbox, id: ConnId, why: CloseReason) {
        self.of(id).closed(out, id, why);
    }

    fn room(&mut self, out: &mut Outbox, id: ConnId) {
        self.of(id).room(out, id);
    }

    fn woken(&mut self, out: &mut Outbox) -> bool {
        self.chat.woken(out)
    }

    fn deadline(&mut self, out: &mut Outbox, id: ConnId) {
        self.of(id).deadline(out, id);
    }

    fn unreachable(&mut self, out: &mut Outbox, endpoint: EndpointId, why: ErrorKind) {
        self.behind(endpoint).unreachable(out, endpoint, why);
    }

    fn refused(&mut self, out: &mut Outbox, why: Refusal) {
        self.chat.refused(out, why);
    }

    fn farewell(&self, said: &mut Vec<u8>, endpoint: EndpointId, why: &str) {
        match self.endpoints[usize::from(endpoint.0)] {
            Protocol::Echo => self.echo.farewell(said, endpoint, why),
            Protocol::Irc => self.chat.farewell(said, endpoint, why),
        }
    }
}
