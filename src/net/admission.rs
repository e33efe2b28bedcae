//! Limits on connections: the total, so many from one address and one network, so many from them within a
//! minute.
//!
//! A full server does not turn newcomers away at once: they wait in the listener's backlog until
//! 95 % is reached. Only when nobody could be let in for `Limits::accept_wait` are those who wait
//! told `server full`; as long as the line moves, it is worth standing in.

use super::{Limits, Network, Networks, Now, Refusal};
use crate::rate::{Bucket, Rate};
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

/// Counts who is here, and decides who may come. Does no I/O.
pub struct Admission {
    limits: Limits,
    open: usize,
    door: Door,
    exempt: Networks,
    addresses: HashMap<Network, Tally>,
}

#[derive(Clone, Copy, PartialEq)]
enum Door {
    Open,
    /// Nobody is accepted, but that after this time of uptime those who wait are told and closed.
    Full {
        until_ms: u64,
    },
}

/// The counts of one address, or of one network.
#[derive(Clone, Copy, Default)]
struct Tally {
    open: u32,
    /// Its connects.
    connects: Bucket,
}

/// Addresses remembered that have no connection open. Past this, those whose minute is over are
/// forgotten, and if that is not enough all of them: the throttle is then lenient for a minute, and
/// memory stays bounded.
const IDLE_ADDRESSES_MAX: usize = 1 << 16;

impl Admission {
    /// Nobody is here yet.
    pub fn new(limits: Limits) -> Admission {
        let (exempt, addresses) = (Networks::loopback(), HashMap::new());
        Admission { limits, open: 0, door: Door::Open, exempt, addresses }
    }

    /// From where any number may come; who is here stays counted as they were.
    pub fn set_exempt(&mut self, exempt: Networks) {
        self.exempt = exempt;
    }

    /// The address that one who comes is to be counted under, if any; to be given to `admit` and to
    /// `leave`.
    pub fn counted(&self, from: Option<IpAddr>) -> Option<IpAddr> {
        from.filter(|address| !self.exempt.contain(*address))
    }

    /// Takes new limits; who is here stays.
    pub fn set_limits(&mut self, limits: Limits, now: Now) {
        self.limits = limits;
        if self.open < limits.connections {
            self.door = Door::Open;
        } else {
            self.shut(now);
        }
    }

    /// Lets one in, or says why not. `None` is held to the total alone.
    pub fn admit(&mut self, from: Option<IpAddr>, now: Now) -> Result<(), Refusal> {
        if self.open >= self.limits.connections {
            self.shut(now);
            return Err(Refusal::ServerFull);
        }
        if let Some(ip) = from {
            self.admit_address(ip, now)?;
        }
        self.open += 1;
        if self.open >= self.limits.connections {
            self.shut(now);
        }
        Ok(())
    }

    /// One who was let in has gone.
    pub fn leave(&mut self, from: Option<IpAddr>) {
        self.open -= 1;
        if self.open <= self.limits.connections * 95 / 100 {
            self.door = Door::Open;
        }
        for key in from.into_iter().flat_map(units) {
            if let Some(address) = self.addresses.get_mut(&key) {
                address.open -= 1;
            }
        }
    }

    /// Whether to accept anyone now, be it only to turn them away.
    pub fn accepting(&self, now: Now) -> bool {
        self.wait(now).is_none_or(|wait| wait.is_zero())
    }

    /// How long those in the backlog of a full server still wait; `None` if it isn't full.
    pub fn wait(&self, now: Now) -> Option<Duration> {
        match self.door {
            Door::Open => None,
            Door::Full { until_ms } => {
                Some(Duration::from_millis(until_ms.saturating_sub(now.uptime_ms)))
            }
        }
    }

    /// All who waited have been told; who comes from now on waits in turn.
    pub fn backlog_emptied(&mut self, now: Now) {
        if self.door != Door::Open && self.accepting(now) {
            self.shut_again(now);
        }
    }

    /// How many are here.
    pub fn open(&self) -> usize {
        self.open
    }

    /// How many may be here.
    pub fn connections_max(&self) -> usize {
        self.limits.connections
    }

    /// Asserts what must always hold.
    pub fn check(&self) {
        assert!(self.addresses.values().map(|a| a.open as usize).sum::<usize>() <= 2 * self.open);
        let idle = self.addresses.values().filter(|address| address.open == 0).count();
        assert!(idle <= IDLE_ADDRESSES_MAX + 2);
    }

    fn shut(&mut self, now: Now) {
        if self.door == Door::Open {
            log::warn!("server full: {} connections; newcomers wait", self.open);
            self.shut_again(now);
        }
    }

    fn shut_again(&mut self, now: Now) {
        let wait_ms = self.limits.accept_wait.as_millis() as u64;
        self.door = Door::Full { until_ms: now.uptime_ms.saturating_add(wait_ms) };
    }

    fn admit_address(&mut self, ip: IpAddr, now: Now) -> Result<(), Refusal> {
        if self.addresses.len() >= 2 * self.open + IDLE_ADDRESSES_MAX {
            self.forget_idle(now);
        }
        let Limits { connections_per_ip, connects_per_ip_per_minute, .. } = self.limits;
        let Limits { connections_per_network, connects_per_network_per_minute, .. } = self.limits;
        let [address, network] = units(ip);
        let address_after = self.with_one_more(
            address,
            (connections_per_ip, Refusal::TooManyFromAddress),
            (connects_per_ip_per_minute, Refusal::TooFastFromAddress),
            now,
        )?;
        let network_after = self.with_one_more(
            network,
            (connections_per_network, Refusal::TooManyFromNetwork),
            (connects_per_network_per_minute, Refusal::TooFastFromNetwork),
            now,
        )?;
        // Only once both let it in: who is refused costs the others of the network nothing.
        self.addresses.insert(address, address_after);
        self.addresses.insert(network, network_after);
        Ok(())
    }

    /// How it stands with an address or a network once one more has come, if one may.
    fn with_one_more(
        &self,
        key: Network,
        (open_max, too_many): (u32, Refusal),
        (per_minute, too_fast): (u32, Refusal),
        now: Now,
    ) -> Result<Tally, Refusal> {
        let Tally { open, mut connects } = self.addresses.get(&key).copied().unwrap_or_default();
        if open >= open_max {
            return Err(too_many);
        }
        let rate = Rate { burst: per_minute, every: MINUTE / per_minute.max(1) };
        if connects.wait_ms(rate, now.uptime_ms) > 0 {
            return Err(too_fast);
        }
        connects.add(rate.every, now.uptime_ms);
        Ok(Tally { open: open + 1, connects })
    }

    fn forget_idle(&mut self, now: Now) {
        let now_ms = now.uptime_ms;
        self.addresses.retain(|_, address| address.open > 0 || !address.connects.is_empty(now_ms));
        if self.addresses.len() >= 2 * self.open + IDLE_ADDRESSES_MAX / 2 {
            self.addresses.retain(|_, address| address.open > 0);
        }
    }
}

const MINUTE: Duration = Duration::from_secs(60);

/// What limits apply to: an IPv4 address, or an IPv6 /64, which is what one customer gets (RFC 6177);
/// and the network of its site.
fn units(ip: IpAddr) -> [Network; 2] {
    let length = if ip.to_canonical().is_ipv4() { 32 } else { 64 };
    [Network::of(ip, length), Network::of_site(ip)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Now {
        Now { uptime_ms: seconds * 1000, unix_ms: 0 }
    }

    fn ip(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    fn admission(limits: Limits) -> Admission {
        Admission::new(limits)
    }

    #[test]
    fn a_full_server_opens_again_at_95_percent() {
        let mut door = admission(Limits { connections: 100, ..Limits::default() });
        (0..100).for_each(|_| door.admit(None, at(0)).unwrap());
        assert!(!door.accepting(at(0)));
        (0..4).for_each(|_| door.leave(None));
        assert!(!door.accepting(at(0)), "at 96 it is still shut");
        door.leave(None);
        assert!(door.accepting(at(0)), "at 95 it is open");
        door.check();
    }

    #[test]
    fn who_has_waited_long_enough_is_told_and_the_next_wait_in_turn() {
        let limits =
            Limits { connections: 1, accept_wait: Duration::from_secs(5), ..Limits::default() };
        let mut door = admission(limits);
        door.admit(None, at(10)).unwrap();
        assert_eq!(door.wait(at(11)), Some(Duration::from_secs(4)));
        assert!(!door.accepting(at(14)) && door.accepting(at(15)));
        assert_eq!(door.admit(None, at(15)), Err(Refusal::ServerFull));
        assert!(door.accepting(at(15)), "as long as somebody may be waiting");
        door.backlog_emptied(at(15));
        assert!(!door.accepting(at(19)) && door.accepting(at(20)));
    }

    #[test]
    fn new_limits_open_a_full_server_or_leave_it_full() {
        let limits = |connections| Limits { connections, ..Limits::default() };
        let mut door = admission(limits(2));
        (0..2).for_each(|_| door.admit(None, at(0)).unwrap());
        for connections in [2, 1] {
            door.set_limits(limits(connections), at(1));
            assert!(!door.accepting(at(1)), "who waits is not turned away before his time");
        }
        door.set_limits(limits(3), at(1));
        assert!(door.accepting(at(1)));
        door.set_limits(limits(1), at(1));
        assert!(!door.accepting(at(1)));
    }

    #[test]
    fn one_address_has_only_so_many_at_once() {
        let mut door = admission(Limits { connections_per_ip: 2, ..Limits::default() });
        let (ann, bob) = (ip("192.0.2.1"), ip("192.0.2.2"));
        door.admit(ann, at(0)).unwrap();
        door.admit(ann, at(0)).unwrap();
        assert_eq!(door.admit(ann, at(0)), Err(Refusal::TooManyFromAddress));
        door.admit(bob, at(0)).unwrap();
        door.leave(ann);
        door.admit(ann, at(0)).unwrap();
        assert_eq!(door.open(), 3);
        door.check();
    }

    #[test]
    fn one_address_comes_only_so_often() {
        let mut door = admission(Limits { connects_per_ip_per_minute: 6, ..Limits::default() });
        let ann = ip("192.0.2.1");
        let mut comes = |seconds| door.admit(ann, at(seconds)).inspect(|()| door.leave(ann));
        (0..6).for_each(|_| comes(0).unwrap());
        assert_eq!(comes(9), Err(Refusal::TooFastFromAddress));
        assert_eq!(comes(10), Ok(()), "a sixth of a minute later");
        assert_eq!(comes(10), Err(Refusal::TooFastFromAddress));
        (0..6).for_each(|_| comes(100).unwrap());
        assert_eq!(
            comes(100),
            Err(Refusal::TooFastFromAddress),
            "never more than a minute's worth"
        );
    }

    #[test]
    fn asking_often_does_not_slow_the_refill() {
        let mut door = admission(Limits { connects_per_ip_per_minute: 1, ..Limits::default() });
        let ann = ip("192.0.2.1");
        let mut comes = |uptime_ms| {
            door.admit(ann, Now { uptime_ms, unix_ms: 0 }).inspect(|()| door.leave(ann))
        };
        comes(0).unwrap();
        assert!((1..60_000).step_by(7).all(|ms| comes(ms).is_err()));
        assert_eq!(comes(60_000), Ok(()));
    }

    #[test]
    fn a_64_counts_as_one_address_and_a_mapped_one_as_its_ipv4() {
        let mut door = admission(Limits { connections_per_ip: 1, ..Limits::default() });
        door.admit(ip("2001:db8::1"), at(0)).unwrap();
        assert!(door.admit(ip("2001:db8::ffff:2"), at(0)).is_err());
        door.admit(ip("2001:db8:0:1::1"), at(0)).unwrap();
        door.admit(ip("192.0.2.1"), at(0)).unwrap();
        assert!(door.admit(ip("::ffff:192.0.2.1"), at(0)).is_err());
    }

    #[test]
    fn who_is_exempt_and_unix_sockets_are_held_to_the_total_alone() {
        let mut door =
            admission(Limits { connections: 3, connections_per_ip: 0, ..Limits::default() });
        for from in [ip("127.0.0.1"), ip("::1"), None] {
            let from = door.counted(from);
            assert_eq!(from, None);
            door.admit(from, at(0)).unwrap();
        }
        assert_eq!(door.admit(None, at(0)), Err(Refusal::ServerFull));
        door.set_exempt(Networks(vec![Network::parse("192.0.2.0/24").unwrap()]));
        assert_eq!(door.counted(ip("192.0.2.9")), None);
        assert_eq!(door.counted(ip("127.0.0.1")), ip("127.0.0.1"));
    }

    #[test]
    fn one_network_has_only_so_many_at_once_and_comes_only_so_often() {
        let limits = Limits {
            connections_per_network: 2,
            connects_per_network_per_minute: 3,
            ..Limits::default()
        };
        for [a, b, c, elsewhere] in [
            ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.3.1"],
            ["2001:db8::1", "2001:db8:0:1::1", "2001:db8:0:2::1", "2001:db8:1::1"],
        ] {
            let mut door = admission(limits);
            door.admit(ip(a), at(0)).unwrap();
            door.admit(ip(b), at(0)).unwrap();
            assert_eq!(door.admit(ip(c), at(0)), Err(Refusal::TooManyFromNetwork));
            door.admit(ip(elsewhere), at(0)).unwrap();
            door.leave(ip(a));
            door.admit(ip(c), at(0)).unwrap();
            door.leave(ip(b));
            assert_eq!(door.admit(ip(b), at(0)), Err(Refusal::TooFastFromNetwork));
            door.admit(ip(b), at(20)).unwrap();
            door.check();
        }
    }

    #[test]
    fn addresses_without_number_cost_a_bounded_memory() {
        let mut door = admission(Limits::default());
        for n in 0..300_000u32 {
            let from = Some(IpAddr::V4(n.wrapping_mul(2_654_435_761).into()));
            if door.admit(from, at(0)).is_ok() {
                door.leave(from);
            }
        }
        door.check();
    }
}
