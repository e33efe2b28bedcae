//! Accounts, markers, channels and presences against naive oracles: lists of values.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use std::collections::BTreeMap;
use stonechat::store::sqlite::{self, Database, Durability};
use stonechat::store::*;

#[derive(Default)]
struct Naive {
    accounts: BTreeMap<String, Account>,
    /// The expiry of each.
    invitations: BTreeMap<String, i64>,
    channels: BTreeMap<String, ChannelRecord>,
    presences: BTreeMap<String, Presence>,
    /// By fingerprint: the account, and when it was added.
    certificates: BTreeMap<String, (String, i64)>,
    /// By account and mark: when it was used.
    known: BTreeMap<(String, i64), i64>,
}

impl Naive {
    fn answer(&mut self, request: &Request) -> Reply {
        match request.clone() {
            Request::AddAccount { account: new, invitation } => self.add(new, invitation),
            Request::FindAccount { folded } => {
                Reply::Account(self.accounts.get(&folded).cloned().map(Box::new))
            }
            Request::FindVerifier { folded } => {
                let found = self.accounts.get(&folded).cloned();
                Reply::Account(found.map(|found| Account { markers: Vec::new(), ..found }.into()))
            }
            Request::Remember { account, mark, time_ms, most } => {
                if !self.accounts.contains_key(&account) {
                    return Reply::NoSuchAccount;
                }
                self.known.insert((account.clone(), mark), time_ms);
                let of = |(known, _): &(String, i64)| *known == account;
                let mut own: Vec<(i64, i64)> = (self.known.iter().filter(|(key, _)| of(key)))
                    .map(|((_, mark), time)| (-time, *mark))
                    .collect();
                own.sort_unstable();
                for (_, mark) in own.into_iter().skip(most) {
                    self.known.remove(&(account.clone(), mark));
                }
                Reply::Saved
            }
            Request::FindOwner { skeleton } => {
                let mut accounts = self.accounts.values();
                let owner = accounts.find(|account| account.skeleton == skeleton);
                Reply::Owner(owner.map(|account| account.name.clone()))
            }
            Request::ChangeAccount { folded, change } => {
                let Some(account) = self.accounts.get_mut(&folded) else {
                    return Reply::NoSuchAccount;
                };
                match change {
                    Change::Verifier(verifier) => account.verifier = verifier,
                    Change::AlwaysOn(on) => account.always_on = on,
                    Change::Replay(on) => account.replay = on,
                    Change::Email(email) => account.email = email,
                }
                Reply::Changed
            }
            Request::DropAccount { folded } => {
                if self.accounts.remove(&folded).is_none() {
                    return Reply::NoSuchAccount;
                }
                self.presences.remove(&folded);
                self.known.retain(|(account, _), _| *account != folded);
                self.certificates.retain(|_, (account, _)| *account != folded);
                self.channels.retain(|_, channel| channel.founder != folded);
                for channel in self.channels.values_mut() {
                    channel.accounts.retain(|(account, _)| *account != folded);
                }
                Reply::Dropped
            }
            Request::Accounts { after, limit } => {
                let accounts = self.accounts.values().filter(|account| account.folded > after);
                let summary = |account: &Account| AccountSummary {
                    name: account.name.clone(),
                    folded: account.folded.clone(),
                    always_on: account.always_on,
                    created_ms: account.created_ms,
                };
                Reply::Accounts(accounts.take(limit.get()).map(summary).collect())
            }
            Request::AddCertificate { account, fingerprint, created_ms, most } => {
                let own = self.certificates.values().filter(|(of, _)| *of == account).count();
                match () {
                    () if !self.accounts.contains_key(&account) => return Reply::NoSuchAccount,
                    () if own >= most => return Reply::TooMany,
                    () if self.certificates.contains_key(&fingerprint) => return Reply::Taken,
                    () => {}
                }
                self.certificates.insert(fingerprint, (account, created_ms));
                Reply::Added
            }
            Request::DropCertificate { account, fingerprint } => {
                if !self.accounts.contains_key(&account) {
                    return Reply::NoSuchAccount;
                }
                match self.certificates.get(&fingerprint) {
                    Some((of, _)) if *of == account => {
                        self.certificates.remove(&fingerprint);
                        Reply::Dropped
                    }
                    _ => Reply::Unknown(fingerprint),
                }
            }
            Request::Certificates { account } => {
                if !self.accounts.contains_key(&account) {
                    return Reply::NoSuchAccount;
                }
                let own = self.certificates.iter().filter(|(_, (of, _))| *of == account);
                let mut own: Vec<(String, i64)> =
                    own.map(|(fingerprint, (_, at))| (fingerprint.clone(), *at)).collect();
                own.sort_by_key(|(fingerprint, at)| (*at, fingerprint.clone()));
                Reply::Certificates(own)
            }
            Request::FindByCertificate { fingerprint } => {
                let owner = self.certificates.get(&fingerprint);
                Reply::Account(owner.map(|(account, _)| Box::new(self.accounts[account].clone())))
            }
            Request::AddInvitation { token_hash, created_ms, expires_ms } => {
                self.invitations.retain(|_, expires| *expires > created_ms);
                self.invitations.insert(token_hash, expires_ms);
                Reply::Invited
            }
            Request::MarkRead { account, target, time_ms, targets_max } => {
                let Some(account) = self.accounts.get_mut(&account) else {
                    return Reply::NoSuchAccount;
                };
                let markers = &mut account.markers;
                let at = markers.iter().position(|(marked, _)| *marked == target);
                let at = at.unwrap_or_else(|| {
                    markers.push((target, time_ms));
                    markers.len() - 1
                });
                markers[at].1 = markers[at].1.max(time_ms);
                let marked = markers[at].1;
                // Latest first; equal times by name.
                markers.sort_by(|a, b| (b.1, &a.0).cmp(&(a.1, &b.0)));
                markers.truncate(targets_max);
                markers.sort();
                Reply::Marked(marked)
            }
            Request::SaveChannel(mut channel) => {
                if !self.accounts.contains_key(&channel.founder) {
                    return Reply::NoSuchAccount;
                }
                channel.accounts.retain(|(account, _)| self.accounts.contains_key(account));
                self.channels.insert(channel.folded.clone(), *channel);
                Reply::Saved
            }
            Request::DropChannel { folded } => {
                self.channels.remove(&folded);
                Reply::Dropped
            }
            Request::Channels => Reply::Channels(self.channels.values().cloned().collect()),
            Request::SavePresence { account, presence } => {
                if !self.accounts.contains_key(&account) {
                    return Reply::NoSuchAccount;
                }
                self.presences.insert(account, *presence);
                Reply::Saved
            }
            Request::DropPresence { account } => {
                self.presences.remove(&account);
                Reply::Dropped
            }
            Request::Presences => Reply::Presences(self.presences.clone().into_iter().collect()),
            other => panic!("{other:?} is none of these"),
        }
    }

    fn add(&mut self, new: NewAccount, invitation: Option<String>) -> Reply {
        let valid = |hash| self.invitations.get(hash).is_some_and(|at| *at > new.created_ms);
        if invitation.as_ref().is_some_and(|hash| !valid(hash)) {
            return Reply::BadInvitation;
        }
        let same =
            |account: &Account| account.folded == new.folded || account.skeleton == new.skeleton;
        if self.accounts.values().any(same) {
            return Reply::Taken;
        }
        if let Some(hash) = invitation {
            self.invitations.remove(&hash);
        }
        let NewAccount { name, folded, skeleton, verifier, email, always_on, created_ms } = new;
        let markers = Vec::new();
        let account = Account {
            name,
            folded,
            skeleton,
            verifier,
            email,
            always_on,
            replay: true,
            created_ms,
            markers,
        };
        self.accounts.insert(account.folded.clone(), account);
        Reply::Added
    }
}

fn account() -> impl Strategy<Value = String> {
    prop_oneof![Just("ann"), Just("bob"), Just("émile"), Just("eve")].prop_map(str::to_owned)
}

fn new_account() -> impl Strategy<Value = NewAccount> {
    let email = proptest::option::of(any::<String>());
    (account(), "[abc]", any::<String>(), email, any::<bool>(), 0..9_i64).prop_map(
        |(folded, skeleton, verifier, email, always_on, created_ms)| NewAccount {
            name: folded.to_uppercase(),
            folded,
            skeleton,
            verifier: Secret(verifier),
            email,
            always_on,
            created_ms,
        },
    )
}

fn pairs() -> impl Strategy<Value = Vec<(String, String)>> {
    vec((any::<String>(), any::<String>()), 0..3)
}

fn channel() -> impl Strategy<Value = ChannelRecord> {
    let topic = (any::<String>(), any::<String>(), any::<i64>())
        .prop_map(|(text, setter, time_s)| TopicRecord { text, setter, time_s });
    let entry = (any::<char>(), any::<String>(), any::<String>(), any::<i64>()).prop_map(
        |(list, mask, setter, time_s)| {
            let expires_s = (time_s % 2 == 0).then_some(time_s);
            ListEntry { list, mask, setter, time_s, expires_s }
        },
    );
    let lists = vec(entry, 0..4);
    let accounts = vec((account(), any::<char>()), 0..4);
    let topic = proptest::option::of(topic);
    ("#[AB]", account(), any::<i64>(), any::<String>(), topic, lists, accounts, pairs()).prop_map(
        |(name, founder, created_s, modes, topic, lists, accounts, metadata)| ChannelRecord {
            folded: name.to_lowercase(),
            name,
            founder,
            created_s,
            modes,
            topic,
            lists,
            accounts,
            metadata,
        },
    )
}

fn presence() -> impl Strategy<Value = Presence> {
    let away = proptest::option::of(any::<String>());
    let names = [(); 5].map(|()| any::<String>());
    let times = (any::<i64>(), any::<i64>());
    (names, away, times, pairs(), pairs()).prop_map(
        |([nick, username, realname, host, modes], away, times, channels, metadata)| {
            let (signed_on_s, acted_s) = times;
            Presence {
                nick,
                username,
                realname,
                host,
                modes,
                away,
                signed_on_s,
                acted_s,
                channels,
                metadata,
            }
        },
    )
}

fn request() -> impl Strategy<Value = Request> {
    let change = prop_oneof![
        any::<String>().prop_map(|verifier| Change::Verifier(Secret(verifier))),
        any::<bool>().prop_map(Change::AlwaysOn),
        proptest::option::of(any::<String>()).prop_map(Change::Email),
    ];
    let limit = (0..4_i64).prop_map(Limit::new);
    let invitation = || "[xy]";
    prop_oneof![
        6 => (new_account(), proptest::option::of(invitation()))
            .prop_map(|(account, invitation)| Request::AddAccount { account, invitation }),
        4 => account().prop_map(|folded| Request::FindAccount { folded }),
        2 => account().prop_map(|folded| Request::FindVerifier { folded }),
        4 => (account(), 0..4_i64, 0..9_i64, 0..3_usize).prop_map(
            |(account, mark, time_ms, most)| Request::Remember { account, mark, time_ms, most }
        ),
        1 => "[abcd]".prop_map(|skeleton| Request::FindOwner { skeleton }),
        2 => (account(), change)
            .prop_map(|(folded, change)| Request::ChangeAccount { folded, change }),
        1 => account().prop_map(|folded| Request::DropAccount { folded }),
        2 => ("[a-z]?", limit).prop_map(|(after, limit)| Request::Accounts { after, limit }),
        2 => (invitation(), 0..9_i64, 0..9_i64).prop_map(|(token_hash, created_ms, expires_ms)| {
            Request::AddInvitation { token_hash, created_ms, expires_ms }
        }),
        4 => (account(), "[stu]", 0..9_i64, 1..4_usize).prop_map(
            |(account, fingerprint, created_ms, most)| {
                Request::AddCertificate { account, fingerprint, created_ms, most }
            }
        ),
        1 => (account(), "[stu]").prop_map(|(account, fingerprint)| {
            Request::DropCertificate { account, fingerprint }
        }),
        2 => account().prop_map(|account| Request::Certificates { account }),
        2 => "[stu]".prop_map(|fingerprint| Request::FindByCertificate { fingerprint }),
        4 => (account(), "[abcd]", 0..9_i64, 0..4_usize).prop_map(
            |(account, target, time_ms, targets_max)| {
                Request::MarkRead { account, target, time_ms, targets_max }
            }
        ),
        4 => channel().prop_map(|channel| Request::SaveChannel(Box::new(channel))),
        1 => "#[abc]".prop_map(|folded| Request::DropChannel { folded }),
        2 => Just(Request::Channels),
        4 => (account(), presence()).prop_map(|(account, presence)| {
            Request::SavePresence { account, presence: Box::new(presence) }
        }),
        1 => account().prop_map(|account| Request::DropPresence { account }),
        2 => Just(Request::Presences),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn records_agree_with_naive_ones(groups in vec(vec(request(), 1..20), 1..12)) {
        let mut database = Database::in_memory().unwrap();
        let mut naive = Naive::default();
        for group in groups {
            let replies = database.serve(group.iter());
            for (request, reply) in group.iter().zip(replies) {
                let expected = naive.answer(request);
                prop_assert_eq!(reply, expected, "to {:?}", request);
            }
        }
        let Some(Reply::Known(mut known)) =
            database.serve([Request::Known { most: 100 }].iter()).pop()
        else {
            panic!("marks are told");
        };
        known.sort_unstable();
        prop_assert_eq!(known, naive.known.into_keys().collect::<Vec<_>>());
    }
}

#[test]
fn what_was_saved_is_there_after_a_start() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("stonechat.db");
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let requests = vec(request(), 600).new_tree(&mut runner).unwrap().current();
    let mut naive = Naive::default();
    let mut database = Database::open(&file, Durability::Normal).unwrap();
    let expected: Vec<Reply> = requests.iter().map(|request| naive.answer(request)).collect();
    assert_eq!(database.serve(requests.iter()), expected);
    database.close();
    assert_eq!(sqlite::verify(&file), Ok(vec![]));
    let mut database = Database::open(&file, Durability::Normal).unwrap();
    assert!(!naive.channels.is_empty() && !naive.presences.is_empty());
    for request in [Request::Channels, Request::Presences] {
        assert_eq!(crate::one(&mut database, &request), naive.answer(&request));
    }
}

#[test]
fn no_log_shows_a_verifier() {
    let secret = Secret("SCRAM$4096$c2FsdA".to_owned());
    let change = Change::Verifier(secret);
    let request = Request::ChangeAccount { folded: "ann".to_owned(), change };
    assert!(!format!("{request:?}").contains("SCRAM"), "{request:?}");
}
