//! The limits on attempts, and a comparison with exact buckets.

use super::*;
use proptest::prelude::*;
use std::collections::HashMap;
use std::net::{Ipv4Addr, Ipv6Addr};

const LIMITS: AttemptLimits = AttemptLimits {
    by_address: Rate { burst: 3, every: Duration::from_millis(1000) },
    by_account: Rate { burst: 5, every: Duration::from_millis(2000) },
    in_all: Rate { burst: 2000, every: Duration::from_millis(1) },
    registrations: Rate { burst: 4, every: Duration::from_millis(10_000) },
};

fn attempts() -> Attempts {
    Attempts::new(LIMITS, [7; 32])
}

fn address(number: u32) -> Option<IpAddr> {
    Some(Ipv4Addr::from(number).into())
}

/// Makes `times` attempts that fail. Returns how many were allowed.
fn fail(attempts: &mut Attempts, from: Option<IpAddr>, account: &str, times: u32, now: u64) -> u32 {
    (0..times).filter(|_| attempts.begin(from, account, now).is_ok()).count() as u32
}

#[test]
fn an_address_that_fails_waits() {
    let mut attempts = attempts();
    let ann = address(1);
    assert_eq!(fail(&mut attempts, ann, "a", 1, 50_000), 1);
    assert_eq!(fail(&mut attempts, ann, "b", 9, 50_000), 2, "whichever account it is for");
    let refused = attempts.begin(ann, "c", 50_400).unwrap_err();
    assert_eq!(refused, TooMany { retry_ms: 600 });
    assert_eq!(fail(&mut attempts, ann, "c", 9, 50_999), 0);
    assert_eq!(fail(&mut attempts, ann, "c", 9, 51_000), 1);
    assert_eq!(fail(&mut attempts, address(2), "c", 1, 51_000), 1, "others do not");
    assert_eq!(fail(&mut attempts, ann, "d", 9, 99_000), 3);
    assert_eq!(fail(&mut attempts, None, "e", 3, 99_000), 3);
}

#[test]
fn an_account_waits_whoever_tries() {
    let mut attempts = attempts();
    let began = (0..20).filter(|from| fail(&mut attempts, address(*from), "Ann", 1, 0) == 1);
    assert_eq!(began.count(), 5);
    assert_eq!(attempts.begin(None, "aNN", 500).unwrap_err(), TooMany { retry_ms: 1500 });
    assert_eq!(fail(&mut attempts, None, "bob", 1, 500), 1);
}

#[test]
fn who_was_here_before_is_not_locked_out_by_an_attack() {
    let mut attempts = attempts();
    let home = address(1);
    let attempt = attempts.begin(home, "ann", 0).unwrap();
    attempts.succeeded(attempt, 5);
    for from in 100..200 {
        fail(&mut attempts, address(from), "ann", 1, 1000);
    }
    assert!(attempts.begin(address(2), "ann", 1000).is_err());
    assert_eq!(fail(&mut attempts, home, "Ann", 9, 1000), 3, "as often as any address");
    assert!(attempts.begin(home, "ann", 1000).is_err());
}

#[test]
fn the_last_addresses_of_an_account_are_known() {
    let mut attempts = attempts();
    let mut log_in = |from| {
        let attempt = attempts.begin(address(from), "ann", 0).unwrap();
        let known = attempt.account.is_none();
        attempts.succeeded(attempt, 0);
        known
    };
    assert_eq!([1, 2, 3, 4].map(&mut log_in), [false; 4]);
    assert_eq!([1, 3, 2, 4].map(&mut log_in), [true; 4]);
    assert_eq!([5, 1, 5, 2, 4].map(&mut log_in), [false, false, true, true, true]);
}

#[test]
fn what_is_known_is_known_again_after_a_restart_with_the_same_secret() {
    let mut before = attempts();
    let marks = [1, 2, 2, 1].map(|from| before.learn(address(from).unwrap(), "Ann"));
    assert!(marks[0].is_some() && marks[1].is_some() && marks[3].is_some());
    assert_eq!(marks[2], None, "nothing new");
    let mut after = attempts();
    marks.iter().flatten().for_each(|mark| after.recall("ann", *mark));
    let known = |attempts: &mut Attempts, from| {
        attempts.begin(address(from), "ann", 0).unwrap().account.is_none()
    };
    assert_eq!([1, 2, 3].map(|from| known(&mut after, from)), [true, true, false]);
    let mut other = Attempts::new(LIMITS, [8; 32]);
    marks.iter().flatten().for_each(|mark| other.recall("ann", *mark));
    assert!(!known(&mut other, 1));
}

#[test]
fn who_succeeds_does_not_count() {
    let mut attempts = attempts();
    for now in 0..100 {
        let attempt = attempts.begin(address(1), "ann", now).unwrap();
        attempts.succeeded(attempt, now);
    }
    let many: Vec<Attempt> =
        (0..9).filter_map(|_| attempts.begin(address(1), "ann", 200).ok()).collect();
    assert_eq!(many.len(), 3, "but until then it does");
    for attempt in many {
        attempts.succeeded(attempt, 210);
    }
    assert_eq!(fail(&mut attempts, address(1), "ann", 9, 300), 3);
}

#[test]
fn to_succeed_with_an_account_of_ones_own_gives_no_more_guesses_at_anothers() {
    let mut attempts = attempts();
    let mut guesses = 0;
    for now in 0..10_000 {
        if let Ok(attempt) = attempts.begin(address(1), "mallory", now) {
            attempts.succeeded(attempt, now);
        }
        guesses += fail(&mut attempts, address(1), &format!("victim{now}"), 1, now);
    }
    assert_eq!(guesses, 3 + 9);
}

#[test]
fn one_network_is_one_address() {
    let mut attempts = attempts();
    let six = |interface| Some(Ipv6Addr::from(0x2001_0db8_u128 << 96 | interface).into());
    let began = (0..20).filter(|at| fail(&mut attempts, six(*at), "a", 1, 0) == 1).count();
    assert_eq!(began, 3, "a /64");
    assert_eq!(fail(&mut attempts, six(1 << 64), "b", 1, 0), 1, "another one");
    let mapped = |number: u32| Some(Ipv4Addr::from(number).to_ipv6_mapped().into());
    assert_eq!(fail(&mut attempts, address(9), "c", 3, 0), 3);
    assert_eq!(fail(&mut attempts, mapped(9), "d", 1, 0), 0, "the same, written in IPv6");
    assert_eq!(fail(&mut attempts, mapped(8), "d", 1, 0), 1);
}

#[test]
fn a_crowd_makes_nobody_forgotten_and_few_wait() {
    let mut attempts = attempts();
    assert_eq!(fail(&mut attempts, address(0), "victim", 3, 0), 3);
    for from in 1..=1000 {
        fail(&mut attempts, address(from), &format!("account{from}"), 3, 0);
    }
    assert!(attempts.begin(address(0), "other", 0).is_err());
    let mut wait = 0;
    for from in 10_000..11_000 {
        let account = format!("stranger{from}");
        match attempts.begin(address(from), &account, 0) {
            Ok(attempt) => drop(attempts.succeeded(attempt, 0)),
            Err(_) => wait += 1,
        }
    }
    assert!(wait < 30, "{wait} of 1000 wait with others");
}

#[test]
fn a_rate_of_the_greatest_numbers_does_not_overflow() {
    let rate = Rate { burst: u32::MAX, every: Duration::from_millis(u32::MAX as u64) };
    let limits =
        AttemptLimits { by_address: rate, by_account: rate, in_all: rate, registrations: rate };
    let mut attempts = Attempts::new(limits, [7; 32]);
    // A hundred years of uptime.
    assert_eq!(fail(&mut attempts, address(1), "a", 9, 100 * 365 * 86_400_000), 9);
}

#[test]
fn the_right_password_over_and_over_waits_too() {
    let in_all = Rate { burst: 6, every: Duration::from_millis(1000) };
    let mut attempts = Attempts::new(AttemptLimits { in_all, ..LIMITS }, [7; 32]);
    for (now_ms, expected) in [(0, 6), (0, 0), (1000, 1), (60_000, 6)] {
        let right = (0..20).filter(|_| match attempts.begin(address(1), "a", now_ms) {
            Ok(attempt) => {
                attempts.succeeded(attempt, now_ms);
                true
            }
            Err(_) => false,
        });
        assert_eq!(right.count(), expected, "at {now_ms}");
    }
}

#[test]
fn new_accounts_are_counted_for_the_address_and_for_all_and_for_no_account() {
    let mut attempts = attempts();
    let mut made = |from: u32, now_ms| {
        (0..9)
            .filter(|_| attempts.begin_registration(address(from).unwrap(), now_ms).is_ok())
            .count()
    };
    assert_eq!(made(1, 0), 3, "by the address");
    assert_eq!(made(2, 0), 1, "by all together");
    assert_eq!(made(3, 9_999), 0);
    assert_eq!(made(3, 10_000), 1);
    for account in ["REGISTER", "", "registrations"] {
        assert_eq!(fail(&mut attempts, address(4), account, 1, 10_000), 1, "{account}");
    }
}

/// An attempt after a pause.
#[derive(Clone, Debug)]
struct Step {
    wait_ms: u64,
    from: u32,
    account: u32,
    /// Milliseconds until it succeeds; `None` if it fails.
    succeeds: Option<u64>,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let wait_ms = prop_oneof![3 => Just(0), 2 => 0..1500_u64];
    let succeeds = prop::option::weighted(0.4, prop_oneof![Just(0), 0..3000_u64]);
    let step = (wait_ms, 0..6_u32, 0..4_u32, succeeds)
        .prop_map(|(wait_ms, from, account, succeeds)| Step { wait_ms, from, account, succeeds });
    prop::collection::vec(step, 1..120)
}

/// The naive oracle: the failures of each key, and the limits that follow from them.
#[derive(Default)]
struct Exact(HashMap<u32, Vec<u64>>);

impl Exact {
    fn has_room(&self, key: u32, rate: Rate, now_ms: u64) -> bool {
        let every_ms = rate.every.as_millis() as u64;
        let times = self.0.get(&key).map_or(&[][..], Vec::as_slice);
        let empty_ms = times.iter().fold(0, |empty: u64, time| empty.max(*time) + every_ms);
        empty_ms.max(now_ms) + every_ms <= now_ms + u64::from(rate.burst) * every_ms
    }

    fn fail(&mut self, key: u32, now_ms: u64) {
        self.0.entry(key).or_default().push(now_ms);
    }
}

proptest! {
    #[test]
    fn whoever_fails_waits_as_long_as_needed_and_no_longer(steps in steps()) {
        let mut attempts = attempts();
        let (mut by_address, mut by_account) = (Exact::default(), Exact::default());
        let mut now_ms = 10_000;
        for Step { wait_ms, from, account, .. } in steps {
            now_ms += wait_ms;
            let expected = by_address.has_room(from, LIMITS.by_address, now_ms)
                && by_account.has_room(account, LIMITS.by_account, now_ms);
            let begun = attempts.begin(address(from), &account.to_string(), now_ms);
            prop_assert_eq!(begun.is_ok(), expected);
            if let Err(TooMany { retry_ms }) = begun {
                let allowed = |ms| {
                    by_address.has_room(from, LIMITS.by_address, now_ms + ms)
                        && by_account.has_room(account, LIMITS.by_account, now_ms + ms)
                };
                prop_assert!(allowed(retry_ms) && !allowed(retry_ms - 1));
                continue;
            }
            by_address.fail(from, now_ms);
            by_account.fail(account, now_ms);
        }
    }

    /// The sketch is never more lenient than the oracle, however keys share places.
    #[test]
    fn no_key_fails_more_often_than_allowed(steps in steps()) {
        let rate = LIMITS.by_address;
        let mut buckets = Buckets::new();
        let mut exact = Exact::default();
        let mut under_way: Vec<(u64, u64, Places)> = Vec::new();
        let mut now_ms = 10_000;
        for Step { wait_ms, from, succeeds, .. } in steps {
            now_ms += wait_ms;
            under_way.sort_by_key(|(done_ms, ..)| *done_ms);
            while under_way.first().is_some_and(|(done_ms, ..)| *done_ms <= now_ms) {
                let (done_ms, began_ms, places) = under_way.remove(0);
                buckets.give_back(places, rate, done_ms - began_ms);
            }
            let places = Places([from as usize % 2, from as usize % 3]);
            if buckets.wait_ms(places, rate, now_ms) > 0 {
                continue;
            }
            prop_assert!(exact.has_room(from, rate, now_ms));
            buckets.add(places, rate, now_ms);
            match succeeds {
                Some(takes_ms) => under_way.push((now_ms + takes_ms, now_ms, places)),
                None => exact.fail(from, now_ms),
            }
        }
    }
}
