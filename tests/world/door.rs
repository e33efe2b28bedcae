//! Keeps track of handshakes: each is established or refused, in time and for a reason.

use super::ClientEnd;
use std::collections::BTreeMap;
use stonechat::net::{ConnId, Counters, Limits, Refusal, Secure};

#[derive(Default)]
pub struct Door {
    arriving: Vec<Arriving>,
    /// By the index of [`Refusal::ALL`].
    refused: [u64; Refusal::ALL.len()],
}

struct Arriving {
    client: usize,
    id: ConnId,
    since_ms: u64,
}

/// The TLS details that the service got for each established connection.
pub type Opened = BTreeMap<ConnId, Option<Secure>>;

impl Door {
    /// Records that the loop has accepted a connection, with or without a handshake to come.
    pub fn accepted(&mut self, client: usize, id: ConnId, now_ms: u64) {
        self.arriving.push(Arriving { client, id, since_ms: now_ms });
    }

    /// Call this after each turn. Returns the clients that were refused in it.
    pub fn turned<'a>(
        &mut self,
        counters: &Counters,
        opened: &Opened,
        end: impl Fn(usize) -> &'a ClientEnd,
        now_ms: u64,
        limits: Limits,
    ) -> Vec<usize> {
        let refused = refused(counters);
        let before = std::mem::replace(&mut self.refused, refused);
        let count = |why: Refusal| {
            let index = Refusal::ALL.iter().position(|each| *each == why).expect("each is listed");
            refused[index] - before[index]
        };
        let over_ms = limits.handshake_timeout.as_millis() as u64;
        let (mut gone, mut early, mut late, mut at_fault) = (Vec::new(), 0, 0, 0);
        self.arriving.retain(|Arriving { client, id, since_ms }| {
            let end = end(*client);
            let waited_ms = now_ms - since_ms;
            if let Some(secure) = opened.get(id) {
                let version = secure.map(|secure| secure.version);
                assert_eq!(version, end.version(), "client {client} speaks another");
                return false;
            }
            if !end.wire.borrow().server_gone {
                assert!(waited_ms < over_ms + 1_000, "client {client} is given no end of time");
                return true;
            }
            gone.push(*client);
            match () {
                () if !end.shakes_hands() => at_fault += 1,
                () if waited_ms < over_ms => early += 1,
                () => late += 1,
            }
            false
        });
        let all = [
            Refusal::NotTls,
            Refusal::HandshakeFailed,
            Refusal::HandshakeTimeout,
            Refusal::TooManyHandshakes,
        ];
        assert_eq!(all.map(count).iter().sum::<u64>(), gone.len() as u64, "refused and here");
        let (failed, crowded) =
            (count(Refusal::HandshakeFailed), count(Refusal::TooManyHandshakes));
        assert!(count(Refusal::NotTls) + failed <= at_fault, "a good handshake was refused");
        assert!(early <= crowded, "a good handshake was ended early");
        assert!(early + late <= crowded + count(Refusal::HandshakeTimeout));
        gone
    }

    /// Call this when nothing moves any more: each pending handshake must have stalled.
    pub fn settled<'a>(&self, end: impl Fn(usize) -> &'a ClientEnd, hears: impl Fn(usize) -> bool) {
        for &Arriving { client, .. } in &self.arriving {
            let stopped = !end(client).shakes_hands() || !hears(client);
            assert!(stopped, "client {client} waits for its handshake");
        }
    }

    /// Call this when the program ends: pending handshakes are not counted.
    pub fn close(&mut self) {
        self.arriving.clear();
    }
}

/// By the index of [`Refusal::ALL`], over all endpoints.
fn refused(counters: &Counters) -> [u64; Refusal::ALL.len()] {
    let mut all = [0; Refusal::ALL.len()];
    for endpoint in &counters.endpoints {
        all.iter_mut().zip(endpoint.refused).for_each(|(sum, more)| *sum += more);
    }
    all
}

/// The outcomes of the handshakes of a run.
pub fn sights(counters: &Counters) -> BTreeMap<&'static str, usize> {
    let mut sights = BTreeMap::new();
    for (why, count) in Refusal::ALL.iter().zip(refused(counters)) {
        *sights.entry(why.text()).or_default() += count as usize;
    }
    for endpoint in &counters.endpoints {
        for (name, count) in ["TLS 1.2", "TLS 1.3"].into_iter().zip(endpoint.secured) {
            *sights.entry(name).or_default() += count as usize;
        }
    }
    sights.retain(|_, count| *count > 0);
    sights
}

/// Whether a refused TLS client received nothing but a timeout error, which needs a complete
/// handshake.
pub fn is_told(farewell: &str) -> bool {
    [Refusal::HandshakeTimeout, Refusal::TooManyHandshakes].iter().any(|why| why.text() == farewell)
}
