//! How often passwords may be tried: by one address, and for one account.
//!
//! An attempt counts from its beginning, so that many at once gain nothing, and is given back when
//! it succeeds. An address that fails too often waits. So does an account, whoever tries: a guesser
//! may have many addresses. That alone would let anybody lock out anybody (Atheme and Ergo go by the
//! address alone for that reason), so an address from which the account was logged in to before does
//! not wait for the account, also after a restart; and as it waits for itself, it is not worth stealing. The owner at a
//! new address during an attack takes turns with the attackers.
//!
//! Nothing here is ever evicted, so nobody is forgotten by being crowded out. A key's bucket is two
//! places in two rows of fixed length (a count-min sketch): it is as full as the emptier. Others fall
//! into the same places, so a bucket may be fuller than it should be, never emptier. Where that stops
//! being right: with 1,000 addresses that wait, a stranger waits with them by a chance of 1 in 70; to
//! hold up everybody takes ten thousands of addresses that go on failing. Which places are whose hangs
//! on a secret.

use super::verifier::hmac;
use crate::rate::{Bucket, Rate};
use crate::wire::casemap;
use std::array;
use std::net::IpAddr;
use std::time::Duration;

/// The counts. Empty, they take no memory; at most 0.7 MB.
pub struct Attempts {
    secret: [u8; 32],
    limits: AttemptLimits,
    addresses: Buckets,
    accounts: Buckets,
    known: Known,
    /// All that was tried for an account, right or wrong.
    trials: Buckets,
}

/// How often attempts may fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttemptLimits {
    /// By one IPv4 address, or one /64 of IPv6.
    pub by_address: Rate,
    /// For one account, by all addresses from which it was not logged in to lately.
    pub by_account: Rate,
    /// For one account, the successful ones among them: each costs as much to verify.
    pub in_all: Rate,
    /// New accounts, of all who want one together.
    pub registrations: Rate,
}

/// One that is going on. To be given to [`Attempts::succeeded`]; dropped, it has failed.
#[must_use]
#[derive(Debug)]
pub struct Attempt {
    began_ms: u64,
    address: Option<Places>,
    /// `None` from an address that is known.
    account: Option<Places>,
    /// Who succeeded, from where.
    pair: Option<Pair>,
}

/// Not now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany {
    /// After so many milliseconds one is allowed, unless others come first.
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
    /// The secret is random; who has it can choose whom to wait with.
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

    /// Other limits, for what comes; what was counted stays so.
    pub fn set_limits(&mut self, limits: AttemptLimits) {
        self.limits = limits;
    }

    /// Somebody is about to try a password: to be asked before anything that costs or tells, and
    /// once for each. Whether the account exists makes no difference. `None` is an address that is
    /// not counted, such as a local socket or a gateway through which many come. `now_ms` is
    /// uptime.
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

    /// Somebody is about to make an account: counted for the address like an attempt that fails, and
    /// for all who do so together.
    pub fn begin_registration(&mut self, address: IpAddr, now_ms: u64) -> Result<(), TooMany> {
        let AttemptLimits { by_address, registrations, .. } = self.limits;
        let of_address = Places::of(&self.hash(b"address", &network(address)));
        // No account has a name that could be hashed to the same.
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

    /// The password was right: as if it had not been tried, and its address is known from now on.
    /// Returns what is to be kept of that, as [`Attempts::learn`] does.
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

    /// Somebody at `address` has proved to be `account` by other means than a password: their address
    /// is known from now on. Returns what is to be kept of that, for [`Attempts::recall`]; nothing if
    /// the account was logged in to from there last.
    pub fn learn(&mut self, address: IpAddr, account: &str) -> Option<i64> {
        let account = self.hash(b"account", casemap::folded(account).as_bytes());
        let address = self.hash(b"address", &network(address));
        self.known.insert(Pair::of(&account, &address))
    }

    /// Takes back what was kept before a restart, with the same secret; what was used last comes last.
    pub fn recall(&mut self, account: &str, mark: i64) {
        let account = self.hash(b"account", casemap::folded(account).as_bytes());
        let mark = (mark as u64).max(1);
        self.known.insert(Pair { place: Pair::place_of(&account), mark });
    }

    /// 0.5 µs.
    fn hash(&self, kind: &[u8], key: &[u8]) -> [u8; 32] {
        hmac(&self.secret, &[kind, b" ", key].concat())
    }
}

/// What one peer has of addresses, if not more.
fn network(address: IpAddr) -> Vec<u8> {
    match address.to_canonical() {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets()[..8].to_vec(),
    }
}

struct Buckets {
    rows: [Vec<Bucket>; ROWS],
}

const ROWS: usize = 2;

/// In each row. A page of memory is taken when the first of its places is used.
const PLACES: usize = 8192;

/// Where a key's bucket is, in each row.
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

    /// How long until one more fits; 0 if it does now.
    fn wait_ms(&self, places: Places, rate: Rate, now_ms: u64) -> u64 {
        let buckets = self.rows.iter().zip(places.0).map(|(row, at)| row[at]);
        buckets.map(|bucket| bucket.wait_ms(rate, now_ms)).min().expect("two")
    }

    fn add(&mut self, places: Places, rate: Rate, now_ms: u64) {
        for (row, at) in self.rows.iter_mut().zip(places.0) {
            row[at].add(rate.every, now_ms);
        }
    }

    /// Of one that was added, what has certainly not leaked since: more would take from others.
    fn give_back(&mut self, places: Places, rate: Rate, elapsed_ms: u64) {
        for (row, at) in self.rows.iter_mut().zip(places.0) {
            row[at].take_out(rate.every.saturating_sub(Duration::from_millis(elapsed_ms)));
        }
    }
}

/// From where accounts were logged in to: the last few addresses of each. An account's place is
/// fixed, so only who shares it can crowd it out, and to find one takes thousands of accounts.
struct Known {
    accounts: Vec<[u64; ADDRESSES_KNOWN]>,
}

/// Of each account: at home, at work, on the way.
pub const ADDRESSES_KNOWN: usize = 4;

/// Places of accounts; some share one.
pub const ACCOUNTS_KNOWN: usize = 8192;

/// An account and an address.
#[derive(Clone, Copy, Debug)]
struct Pair {
    place: usize,
    /// Never 0, which is nobody's.
    mark: u64,
}

impl Pair {
    fn of(account: &[u8; 32], address: &[u8; 32]) -> Pair {
        let [of_account, other] = [account, address].map(last_fourth);
        // Neither alone tells the other.
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

    /// Puts it first, and forgets the last. Returns its mark if another was first.
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
