//! Outgoing connections that are being made: the addresses of a host are tried in turn, and each that
//! answers may have to shake hands, before the service hears of it.

use super::{EventLoop, Origin};
use crate::net::send_queue::State;
use crate::net::{Attempt, ConnId, Dial, DialError, Host, Peer, Progress, Service, Step, Stream};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;

/// The calls by which the reactor makes them.
impl<S: Stream, V: Service> EventLoop<S, V> {
    /// The next thing to do for an outgoing connection whose time has come.
    pub fn next_step(&mut self) -> Option<Step> {
        if let Some(attempt) = self.attempts.pop() {
            return Some(Step::Connect(attempt));
        }
        let dial = self.out.take_dial()?;
        match dial.to.host {
            Host::Name(_) => Some(Step::LookUp(dial)),
            Host::Address(address) => {
                let address = SocketAddr::new(address, dial.to.port);
                Attempt::first(dial, [address].into()).map(Step::Connect)
            }
        }
    }

    /// Goes on with a dial once the addresses of its host are known.
    pub fn found(&mut self, dial: Dial, addresses: io::Result<Vec<SocketAddr>>) {
        if self.out.dials_no_more() {
            return;
        }
        let why = match addresses {
            Ok(addresses) => match Attempt::first(dial.clone(), addresses.into()) {
                Some(attempt) => return self.attempts.push(attempt),
                None => "it has no address".to_owned(),
            },
            Err(e) => e.to_string(),
        };
        self.service.unreachable(&mut self.out, dial, DialError::LookUp(why));
        self.settle();
    }

    /// Takes in an outgoing stream that may not be connected yet.
    pub fn connect(&mut self, stream: S, attempt: Attempt) -> ConnId {
        let slot = self.insert(stream, Origin::Uncounted);
        self.out.connect(slot, attempt.dial.endpoint);
        self.dialling.push((slot, attempt));
        self.out.id(slot)
    }

    /// An attempt has failed: the next address of its host is tried, if there is one.
    pub fn not_connected(&mut self, attempt: Attempt, e: &io::Error) {
        let why = DialError::of(e);
        let next = match why {
            DialError::Connect(kind) => {
                let Attempt { dial, address, .. } = &attempt;
                self.service.not_connected(&mut self.out, dial, *address, kind);
                if self.out.dials_no_more() { Err(attempt.dial) } else { attempt.next() }
            }
            // The host was reached: its other addresses would say no different.
            _ => Err(attempt.dial),
        };
        match next {
            Ok(attempt) => self.attempts.push(attempt),
            Err(dial) => self.service.unreachable(&mut self.out, dial, why),
        }
        self.settle();
    }
}

impl<S: Stream, V: Service> EventLoop<S, V> {
    /// Takes an outgoing stream a step further.
    pub(super) fn advance_dial(&mut self, slot: usize, progress: io::Result<Progress>) {
        match progress {
            Ok(Progress::Waits) => {}
            Ok(Progress::More) => self.list(slot),
            Ok(Progress::Established) => {
                let Attempt { dial, address, .. } = self.take_attempt(slot);
                let peer = Peer::accepted(dial.endpoint, Some(address));
                self.established(slot, Peer { dialled: Some(dial.token), ..peer });
            }
            Err(e) => self.fail_dial(slot, &e),
            // Proxies and mistaken clients come to listeners alone.
            Ok(_) => self.fail_dial(slot, &ErrorKind::InvalidData.into()),
        }
    }

    /// Drops an outgoing stream that will not be connected.
    pub(super) fn fail_dial(&mut self, slot: usize, e: &io::Error) {
        self.discard(slot);
        let attempt = self.take_attempt(slot);
        self.not_connected(attempt, e);
    }

    fn take_attempt(&mut self, slot: usize) -> Attempt {
        let place = self.dialling.iter().position(|(dialling, _)| *dialling == slot);
        self.dialling.swap_remove(place.expect("a dial under way is listed")).1
    }

    /// Asserts what must hold between turns.
    pub(super) fn check_dialling(&self) {
        let connecting = |slot: usize| self.out.state(slot) == State::Connecting;
        assert!(self.dialling.iter().all(|(slot, _)| connecting(*slot)));
        let here = self.conns.iter().filter(|(slot, _)| connecting(*slot)).count();
        assert_eq!(self.dialling.len(), here, "being connected and not listed, or the reverse");
    }
}
