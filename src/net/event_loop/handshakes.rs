//! Handshakes: a proxy's header and TLS, before the service is told of an accepted stream.

use super::{EventLoop, Input, Origin};
use crate::net::outbox::Attention;
use crate::net::send_queue::State;
use crate::net::{
    CloseReason, ConnId, Effort, EndpointId, LastWord, Parting, Peer, Progress, Refusal, Service,
    Stream,
};
use std::borrow::Cow;
use std::io::ErrorKind;
use std::net::IpAddr;
use std::time::Duration;

/// Handshakes under way, the oldest first. At most `Limits::handshakes_max`, so that a scan does.
pub(super) type Handshakes = Vec<Handshake>;

pub(super) struct Handshake {
    slot: usize,
    /// As far as it is known.
    peer: Peer,
    since_ms: u64,
    /// Whether a proxy speaks for itself, perhaps only for a health check.
    check: Check,
}

/// Whether an accepted stream may be a proxy's health check, which is no client and no refusal.
#[derive(Clone, Copy, PartialEq)]
enum Check {
    No,
    /// Until it has sent something, and through TLS if it shakes hands.
    Perhaps,
    /// The handshake is over; input or the end decides.
    AwaitsWord,
}

/// Why a connection is refused, and in which words it is told.
pub(super) struct Refused {
    pub why: Refusal,
    pub text: Cow<'static, str>,
}

impl Refused {
    pub fn last_word(&self, endpoint: EndpointId, conn: Option<ConnId>) -> LastWord<'_> {
        LastWord { endpoint, conn, why: Parting::Refused(self.why), text: &self.text }
    }
}

impl From<Refusal> for Refused {
    fn from(why: Refusal) -> Refused {
        Refused { why, text: why.text().into() }
    }
}

impl<S: Stream, V: Service> EventLoop<S, V> {
    /// Checks bans and limits for a new connection and counts it. Returns the address it is counted
    /// under; `None` if exempt.
    pub(super) fn admit(&mut self, from: Option<IpAddr>) -> Result<Option<IpAddr>, Refused> {
        if let Some(refused) = self.denied(from) {
            return Err(refused);
        }
        let counted = self.admission.counted(from);
        self.admission.admit(counted, self.out.now)?;
        Ok(counted)
    }

    fn denied(&self, from: Option<IpAddr>) -> Option<Refused> {
        let denial = self.out.denied.find(from?, self.out.now.unix_ms / 1000)?;
        Some(Refused { why: Refusal::Banned, text: denial.why.to_string().into() })
    }

    /// Looks for a ban that is newer than the connection whose handshake ends.
    fn denied_meanwhile(&mut self, slot: usize) -> Option<Refused> {
        let address = self.handshake(slot).peer.address?;
        self.denied(Some(address.ip()))
    }

    /// Whether one more stream with a handshake may be accepted: not while `handshakes_max` are under
    /// way and all of them wait for us.
    pub fn may_handshake(&self) -> bool {
        self.handshakes.len() < self.out.limits.handshakes_max || self.longest_waiting().is_some()
    }

    /// Takes in an accepted stream that has a handshake. If too many are under way, the one that has
    /// waited longest for its far end is refused.
    pub(super) fn begin_handshake(
        &mut self,
        stream: S,
        peer: Peer,
        from: Option<IpAddr>,
    ) -> Option<ConnId> {
        if self.handshakes.len() >= self.out.limits.handshakes_max {
            let Some(longest) = self.longest_waiting() else {
                self.admission.leave(from);
                self.refuse(stream, peer.endpoint, Refusal::TooManyHandshakes);
                return None;
            };
            self.refuse_handshake(longest, Refusal::TooManyHandshakes);
        }
        let within = match stream.awaits_header() {
            true => self.out.limits.header_timeout,
            false => self.out.limits.handshake_timeout,
        };
        let slot = self.insert(stream, Origin::Admitted(from));
        self.out.begin_handshake(slot, peer.endpoint, within);
        self.handshakes.push(Handshake {
            slot,
            peer,
            since_ms: self.out.now.uptime_ms,
            check: Check::No,
        });
        // An edge-triggered socket reports input that came before it was registered; a stream of a test
        // does not.
        self.conns[slot].input = Input::Ready;
        self.list(slot);
        Some(self.out.id(slot))
    }

    /// The oldest handshake that waits for its far end and not for us.
    fn longest_waiting(&self) -> Option<usize> {
        let waits = |handshake: &&Handshake| !self.conns[handshake.slot].listed;
        self.handshakes.iter().find(waits).map(|handshake| handshake.slot)
    }

    /// Takes handshakes a step further, as far as the effort of a turn goes. They come after all
    /// writes, so that a connection waits for one costly step at most.
    pub(super) fn advance_handshakes(&mut self) {
        if self.advancing.is_empty() {
            return;
        }
        let mut effort = Effort::of_a_turn();
        let mut advancing = std::mem::take(&mut self.advancing);
        for slot in advancing.drain(..).map(|slot| slot as usize) {
            match self.out.attention(slot) {
                // A deadline may have ended it in this very turn.
                Attention::Handshaking if !effort.is_spent() => {
                    self.advance_handshake(slot, &mut effort)
                }
                _ => self.list(slot),
            }
        }
        self.advancing = advancing;
        self.flush();
    }

    fn advance_handshake(&mut self, slot: usize, effort: &mut Effort) {
        if self.check_of(slot) == Check::AwaitsWord {
            return self.hear_first_word(slot);
        }
        let progress = self.conns[slot].stream.handshake(effort);
        if self.out.state(slot) == State::Connecting {
            return self.advance_dial(slot, progress);
        }
        match progress {
            Ok(Progress::Waits) => {}
            Ok(Progress::More) => self.list(slot),
            Ok(from @ (Progress::From(address) | Progress::FromProxy(address))) => {
                let handshake = self.handshake(slot);
                handshake.peer.address = address;
                if from == Progress::FromProxy(address) {
                    handshake.check = Check::Perhaps;
                }
                match self.admit_again(slot, address.map(|address| address.ip())) {
                    Ok(()) => {
                        self.out.set_handshake_deadline(slot, self.out.limits.handshake_timeout);
                        self.list(slot);
                    }
                    Err(refused) => self.refuse_handshake_saying(slot, &refused),
                }
            }
            Ok(Progress::Established) => match self.denied_meanwhile(slot) {
                Some(refused) => self.refuse_handshake_saying(slot, &refused),
                None if self.check_of(slot) == Check::Perhaps
                    && self.conns[slot].stream.secure().is_some() =>
                {
                    self.handshake(slot).check = Check::AwaitsWord;
                    self.conns[slot].input = Input::Ready;
                    self.list(slot);
                }
                None => self.finish_handshake(slot),
            },
            Ok(Progress::Refused(why)) => self.refuse_handshake(slot, why),
            Ok(Progress::Nobody) => self.discard_handshake(slot),
            Err(_) if self.check_of(slot) == Check::Perhaps => self.discard_handshake(slot),
            Err(e) => {
                log::debug!("a handshake failed: {e}");
                self.refuse_handshake(slot, Refusal::HandshakeFailed);
            }
        }
    }

    fn check_of(&self, slot: usize) -> Check {
        let handshake = self.handshakes.iter().find(|handshake| handshake.slot == slot);
        handshake.map_or(Check::No, |handshake| handshake.check)
    }

    /// Reads the first input through TLS of a proxy that speaks for itself: input makes it a client, an
    /// end a health check.
    fn hear_first_word(&mut self, slot: usize) {
        let conn = &mut self.conns[slot];
        let front = self.out.limits.recvq_max;
        match conn.stream.read(&mut self.scratch[front..]) {
            Ok(n) if n > 0 => {
                conn.unused.extend_from_slice(&self.scratch[front..front + n]);
                conn.left = true;
                self.finish_handshake(slot);
            }
            Err(e) if e.kind() == ErrorKind::Interrupted => self.list(slot),
            Err(e) if e.kind() == ErrorKind::WouldBlock => {
                if conn.stream.holds_more() {
                    self.list(slot);
                }
            }
            _ => self.discard_handshake(slot),
        }
    }

    /// Applies bans and limits to the address that is now known, in place of the one before.
    fn admit_again(&mut self, slot: usize, from: Option<IpAddr>) -> Result<(), Refused> {
        let before = std::mem::replace(&mut self.conns[slot].origin, Origin::Uncounted);
        if let Origin::Admitted(before) = before {
            self.admission.leave(before);
        }
        let counted = self.admit(from)?;
        self.conns[slot].origin = Origin::Admitted(counted);
        Ok(())
    }

    /// Re-admits connections whose real address a service reported with [`Outbox::comes_from`].
    pub(super) fn admit_moved(&mut self) {
        for (id, address) in std::mem::take(&mut self.out.moved) {
            let slot = id.slot();
            if self.out.id(slot) != id || !self.out.state(slot).is_heard() {
                continue;
            }
            if let Err(refused) = self.admit_again(slot, Some(address)) {
                let endpoint = self.out.endpoint(slot);
                self.count_refusal(endpoint, &refused);
                let why = Parting::Refused(refused.why);
                self.close_saying(slot, CloseReason::Refused, why, &refused.text);
            }
        }
    }

    fn finish_handshake(&mut self, slot: usize) {
        let Handshake { peer, since_ms, .. } = self.take_handshake(slot);
        let took = self.out.now.uptime_ms.saturating_sub(since_ms);
        self.out.counters.handshake_time.add(Duration::from_millis(took));
        self.established(slot, peer);
    }

    /// Opens a connection: the service is told, and may send from now on.
    pub(super) fn established(&mut self, slot: usize, peer: Peer) {
        let peer = Peer { secure: self.conns[slot].stream.secure(), ..peer };
        let id = self.out.connected(slot);
        if let Some(secure) = peer.secure {
            self.out.counters.at(peer.endpoint).secured[secure.version as usize] += 1;
        }
        self.service.opened(&mut self.out, id, peer);
        // Input may have come with the end of the handshake, and no event reports it again.
        self.look_again(slot);
    }

    /// Refuses an accepted stream in its handshake: it is told why, as far as it can be, and dropped.
    pub(super) fn refuse_handshake(&mut self, slot: usize, why: Refusal) {
        self.refuse_handshake_saying(slot, &Refused::from(why));
    }

    fn refuse_handshake_saying(&mut self, slot: usize, refused: &Refused) {
        let endpoint = self.take_handshake(slot).peer.endpoint;
        self.count_refusal(endpoint, refused);
        let text = self.farewell(refused.last_word(endpoint, None));
        super::last_word(&mut self.conns[slot].stream, &mut self.scratch, &text);
        self.discard(slot);
    }

    /// Drops an accepted stream in its handshake as if it had never connected.
    pub(super) fn discard_handshake(&mut self, slot: usize) {
        self.take_handshake(slot);
        self.discard(slot);
    }

    pub(super) fn discard(&mut self, slot: usize) {
        self.conns[slot].input = Input::Dry;
        self.out.discard(slot);
        self.gone.push(slot as u32);
    }

    fn handshake(&mut self, slot: usize) -> &mut Handshake {
        let handshake = self.handshakes.iter_mut().find(|handshake| handshake.slot == slot);
        handshake.expect("a handshake under way is listed")
    }

    fn take_handshake(&mut self, slot: usize) -> Handshake {
        let place = self.handshakes.iter().position(|handshake| handshake.slot == slot);
        self.handshakes.remove(place.expect("a handshake under way is listed"))
    }

    /// Asserts what must hold between turns.
    pub(super) fn check_handshakes(&self) {
        let arriving = |slot: usize| self.out.state(slot) == State::Handshaking;
        assert!(self.handshakes.iter().all(|handshake| arriving(handshake.slot)));
        let here = self.conns.iter().filter(|(slot, _)| arriving(*slot)).count();
        assert_eq!(self.handshakes.len(), here, "arriving and not listed, or the reverse");
        assert!(self.handshakes.is_sorted_by_key(|handshake| handshake.since_ms));
        for handshake in &self.handshakes {
            assert_eq!(self.out.attention(handshake.slot), Attention::Handshaking);
        }
    }
}
