//! Limits on password attempts, by address and by account.
//!
//! An attempt counts from its beginning, so that many at once gain nothing, and is given back when
//! it succeeds. An address with too many failures waits. So does an account, from all addresses: a
//! guesser may have many of them. That alone would let anybody lock out an owner, which is why
//! Atheme and Ergo limit addresses alone. So an address of an earlier login does not wait for the
//! account, also after a restart. It still waits for itself, so that it is not worth stealing. An
//! owner at a new address takes turns with the attackers.
//!
//! Nothing here is ever evicted, so no attacker is forgotten. The bucket of a key is two places in
//! two rows of fixed length (a count-min sketch), and is as full as the emptier one. Keys share
//! places, so a bucket may be fuller than it should be, never emptier. Where that stops being
//! right: while 1,000 addresses wait, an unrelated one waits with them by a chance of 1 in 70. To
//! hold up everybody takes tens of thousands of addresses that go on failing. A secret decides
//! which places a key has.

use super::verifier::hmac;
use crate::rate::{Bucket, Rate};
use crate::wire::casemap;
use std::array;
use std::net::IpAddr;
use std::time::Duration;

/// Counts of password attempts. They take no memory while empty, and at most 0.7 MB.
pub struct Attempts {
    secret: [u8; 32],
    limits: AttemptLimits,
    addresses: Buckets,
    accounts: Buckets,
    known: Known,
    /// All attempts for an account, successful or not.
    trials: Buckets,
}

/// Limits on attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttemptLimits {
    /// Failures from one IPv4 address, or one /64 of IPv6.
    pub by_address: Rate,
    /// Failures for one account, from all addresses that are not of its recent logins.
    pub by_account: Rate,
    /// All attempts for one account, as each costs as much to verify.
    pub in_all: Rate,
    /// New accounts, for all users together.
    pub registrations: Rate,
}

/// One that is going on. To be given to [`Attempts::succeeded`]; dropped, it has failed.
#[must_use]
#[derive(Debug)]
pub struct Attempt {
    began_ms: u64,
    address: Option<Places>,
    /// `None` for an address of an earlier login.
    account: Option<Places>,
    /// The account and the address.
    pair: Option<Pair>,
}

/// Too many attempts: refused for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany {
    /// Milliseconds until one is allowed, unless others come first.
    pub retry_ms: u64,
}

impl Default for AttemptLimits {
    fn default() -> AttemptLimits {
        AttemptLimits {
            by_address: Rate { burst: 10, every: Duration::from_secs(6) },
            by_account: Rate { burst: 30, every: Duration::from_secs(20) },
            in_all: Rate { burst: 60, every: Duration::from_secs(1) },
            registrations: Rate { burst: 30, every: Duration::from_secs(20) },
        }
    }
}

impl Attempts {
    /// Makes empty counts. `secret` is random; with it an attacker could choose keys that share
    /// places.
    pub fn new(limits: AttemptLimits, secret: [u8; 32]) -> Attempts {
        Attempts {
            secret,
            limits,
            addresses: Buckets::new(),
            accounts: Buckets::new(),
            known: Known::new(),
            trials: Buckets::new(),
        }
    }

    /// Sets the limits of later attempts; the counts stay.
    pub fn set_limits(&mut self, limits: AttemptLimits) {
        self.limits = limits;
    }

    /// Begins an attempt. Call this once for each password, before any work or reply that depends
    /// on it, also for accounts that do not exist. `None` is an address that is not counted, such
    /// as a local socket or a gateway of many users. `now_ms` is uptime.
    pub fn begin(
        &mut self,
        address: Option<IpAddr>,
        account: &str,
        now_ms: u64,
    ) -> Result<Attempt, TooMany> {
        let account = casemap::folded(account);
        let address = address.map(network);
        let of_account = self.hash(b"account", account.as_bytes());
        let of_address = address.as_ref().map(|address| self.hash(b"address", address));
        let pair = of_address.map(|address| Pair::of(&of_account, &address));
        let known = pair.is_some_and(|pair| self.known.contains(pair));
        let attempt = Attempt {
            began_ms: now_ms,
            address: of_address.map(|hash| Places::of(&hash)),
            account: (!known).then(|| Places::of(&of_account)),
            pair,
        };
        let AttemptLimits { by_address, by_account, in_all, .. } = self.limits;
        let trial = Places::of(&of_account);
        let wait_ms = |buckets: &Buckets, places: Option<Places>, rate| {
            places.map_or(0, |places| buckets.wait_ms(places, rate, now_ms))
        };
        let retry_ms = wait_ms(&self.addresses, attempt.address, by_address)
            .max(wait_ms(&self.accounts, attempt.account, by_account))
            .max(wait_ms(&self.trials, Some(trial), in_all));
        if retry_ms > 0 {
            return Err(TooMany { retry_ms });
        }
        if let Some(places) = attempt.address {
            self.addresses.add(places, by_address, now_ms);
        }
        if let Some(places) = attempt.account {
            self.accounts.add(places, by_account, now_ms);
        }
        self.trials.add(trial, in_all, now_ms);
        Ok(attempt)
    }

    /// Begins a registration. It counts for the address like a failed attempt, and for all users
    /// together.
    pub fn begin_registration(&mut self, address: IpAddr, now_ms: u64) -> Result<(), TooMany> {
        let AttemptLimits { by_address, registrations, .. } = self.limits;
        let of_address = Places::of(&self.hash(b"address", &network(address)));
        // No account's key has this kind.
        let of_all = Places::of(&self.hash(b"registrations", b""));
        let retry_ms = self
            .accounts
            .wait_ms(of_all, registrations, now_ms)
            .max(self.addresses.wait_ms(of_address, by_address, now_ms));
        if retry_ms > 0 {
            return Err(TooMany { retry_ms });
        }
        self.accounts.add(of_all, registrations, now_ms);
        self.addresses.add(of_address, by_address, now_ms);
        Ok(())
    }

    /// Ends a successful attempt: gives its count back, and remembers its address as
    /// [`Attempts::learn`] does.
    pub fn succeeded(&mut self, attempt: Attempt, now_ms: u64) -> Option<i64> {
        let elapsed_ms = now_ms.saturating_sub(attempt.began_ms);
        let AttemptLimits { by_address, by_account, .. } = self.limits;
        if let Some(places) = attempt.address {
            self.addresses.give_back(places, by_address, elapsed_ms);
        }
        if let Some(places) = attempt.account {
            self.accounts.give_back(places, by_account, elapsed_ms);
        }
        attempt.pair.and_then(|pair| self.known.insert(pair))
    }

    /// Remembers `address` for a login to `account` by other means than a password. Returns the
    /// mark to be stored for [`Attempts::recall`], or `None` if this was already the account's last
    /// address.
    pub fn learn(&mut self, address: IpAddr, account: &str) -> Option<i64> {
        let account = self.hash(b"account", casemap::folded(account).as_bytes());
        let address = self.hash(b"address", &network(address));
        self.known.insert(Pair::of(&account, &address))
    }

    /// Restores a mark that was stored before a restart, with the same secret; the last used one
    /// must come last.
    pub fn recall(&mut self, account: &str, mark: i64) {
        let account = self.hash(b"account", casemap::folded(account).as_bytes());
        let mark = (mark as u64).max(1);
        self.known.insert(Pair { place: Pair::place_of(&account), mark });
    }

    /// Hashes a key with the secret: 0.5 µs.
    fn hash(&self, kind: &[u8], key: &[u8]) -> [u8; 32] {
        hmac(&self.secret, &[kind, b" ", key].concat())
    }
}

/// The network that one peer is sure to control: an IPv4 address, or a /64 of IPv6.
fn network(address: IpAddr) -> Vec<u8> {
    match address.to_canonical() {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets()[..8].to_vec(),
    }
}

/// Leaky buckets. Each place holds the uptime at which it is empty, so that no timer has to empty
/// it; 0 was never used.
struct Buckets {
    rows: [Vec<Bucket>; ROWS],
}

const ROWS: usize = 2;

/// Places in each row. A page of memory is taken when the first of its places is used.
const PLACES: usize = 8192;

/// The places of a key's bucket, one in each row.
#[derive(Clone, Copy, Debug)]
struct Places([usize; ROWS]);

impl Places {
    fn of(hash: &[u8; 32]) -> Places {
        let (numbers, _) = hash.as_chunks::<8>();
        Places(array::from_fn(|row| u64::from_le_bytes(numbers[row]) as usize % PLACES))
    }
}

impl Buckets {
    fn new() -> Buckets {
        Buckets { rows: array::from_fn(|_| vec![Bucket::default(); PLACES]) }
    }

    /// Time until one more fits; 0 if it does now.
    fn wait_ms(&self, places: Places, rate: Rate, now_ms: u64) -> u64 {
        let buckets = self.rows.iter().zip(places.0).map(|(row, at)| row[at]);
        buckets.map(|bucket| bucket.wait_ms(rate, now_ms)).min().expect("two")
    }

    fn add(&mut self, places: Places, rate: Rate, now_ms: u64) {
        for (row, at) in self.rows.iter_mut().zip(places.0) {
            row[at].add(rate.every, now_ms);
        }
    }

    /// Gives back the part of an added one that cannot have leaked since: more would take from
    /// other keys.
    fn give_back(&mut self, places: Places, rate: Rate, elapsed_ms: u64) {
        for (row, at) in self.rows.iter_mut().zip(places.0) {
            row[at].take_out(rate.every.saturating_sub(Duration::from_millis(elapsed_ms)));
        }
    }
}

/// The addresses of the last logins of each account. An account's place is fixed, so that only an
/// account that shares it can crowd it out. An attacker would need thousands of accounts to find
/// one.
struct Known {
    accounts: Vec<[u64; ADDRESSES_KNOWN]>,
}

/// Addresses of each account: at home, at work, on the way.
pub const ADDRESSES_KNOWN: usize = 4;

/// Number of places; some accounts share one.
pub const ACCOUNTS_KNOWN: usize = 8192;

/// An account and an address.
#[derive(Clone, Copy, Debug)]
struct Pair {
    place: usize,
    /// Never 0, which stands for an empty entry.
    mark: u64,
}

impl Pair {
    fn of(account: &[u8; 32], address: &[u8; 32]) -> Pair {
        let [of_account, other] = [account, address].map(last_fourth);
        // The mark reveals neither the account nor the address.
        let mark = (of_account.rotate_left(32) ^ other).max(1);
        Pair { place: Pair::place_of(account), mark }
    }

    fn place_of(account: &[u8; 32]) -> usize {
        last_fourth(account) as usize % ACCOUNTS_KNOWN
    }
}

fn last_fourth(hash: &[u8; 32]) -> u64 {
    u64::from_le_bytes(*hash.last_chunk().expect("the last fourth"))
}

impl Known {
    fn new() -> Known {
        Known { accounts: vec![[0; ADDRESSES_KNOWN]; ACCOUNTS_KNOWN] }
    }

    fn contains(&self, pair: Pair) -> bool {
        self.accounts[pair.place].contains(&pair.mark)
    }

    /// Puts the pair first and drops the last. Returns its mark unless it was already first.
    fn insert(&mut self, pair: Pair) -> Option<i64> {
        let marks = &mut self.accounts[pair.place];
        let at = marks.iter().position(|mark| *mark == pair.mark).unwrap_or(ADDRESSES_KNOWN - 1);
        let was_first = marks[0] == pair.mark;
        marks[..=at].rotate_right(1);
        marks[0] = pair.mark;
        (!was_first).then_some(pair.mark as i64)
    }
}

#[cfg(test)]
mod tests;
