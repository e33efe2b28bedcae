//! Users: the registered ones. A user is not a connection, and may have several.

use crate::chat::state::ids::{ChannelId, Membership, Serial, UserId};
use crate::chat::state::login::Login;
use crate::chat::state::markers::Markers;
use crate::chat::state::metadata::Metadata;
use crate::chat::state::save_state::SaveState;
use crate::net::ConnId;
use crate::rate::Bucket;
use crate::wire::casemap;
use crate::wire::casemap::{Folded, same};
use crate::wire::irc::names::Nick;
use hashbrown::HashTable;
use slab::Slab;
use smallvec::SmallVec;
use std::cell::Cell;
use std::hash::BuildHasher;
use std::hash::RandomState;
use std::num::NonZero;

/// A user.
pub struct User {
    /// Unique among all users of this run: unlike an id it is never reused.
    pub serial: u64,
    /// `nick!user@host` as others see it, followed by the real name: one allocation.
    text: Box<str>,
    mask_len: u16,
    nick_len: u8,
    user_len: u8,
    modes: UserModes,
    /// The kinds of server notices an operator receives: letters of `NOTICE_KINDS`.
    pub notices: u8,
    /// The connections that act for them; at least one, unless the user is always on.
    pub conns: SmallVec<[ConnId; 2]>,
    /// The channels they are in, each with their index among its members; bounded by
    /// `channels_per_user`.
    pub channels: Vec<Membership>,
    /// The account they are logged in to.
    account: Option<Box<UserAccount>>,
    /// When they registered, in seconds since 1970.
    pub signed_on: u32,
    /// When they last acted visibly to others, in seconds since 1970.
    pub acted_at: u32,
    /// The last of `Chat::occasions` at which they were sent something: each is told once.
    pub told: Cell<u32>,
    /// Flood allowance for the input of all their connections.
    pub bucket: Bucket,
    /// Flood allowance for questions about their channels, of all their connections.
    pub asked: Bucket,
    /// State that few users have.
    pub extra: Option<Box<Extra>>,
}

/// The account of a user.
struct UserAccount {
    name: Box<str>,
    /// When it was made, in milliseconds since 1970; distinguishes it from another of its name.
    /// `None` for a user restored at start, until the store has replied.
    made_ms: Option<NonZero<i64>>,
}

/// State that few users have.
#[derive(Default)]
pub struct Extra {
    /// The away text, if all of their connections are away or they have none.
    away: Option<Box<str>>,
    /// Nicks whose private messages pass +R; folded, bounded by `accept_max`.
    pub accepts: Vec<Folded>,
    /// Channels they are invited to, some of which may be gone; bounded by `invites_max`.
    pub invites: Vec<(ChannelId, Serial)>,
    /// Their profile.
    pub metadata: Metadata,
    /// The name under which they are operator.
    pub operator: Option<Box<str>>,
    /// Their read markers.
    pub(crate) markers: Markers,
    /// They stay when their last connection closes.
    pub always_on: bool,
    /// Whether the store has the latest of an always-on user.
    pub kept: SaveState,
    /// They do not want missed messages to be sent.
    pub no_replay: bool,
    /// When they last used KNOCK, in seconds since 1970; 0 for never.
    pub knocked_at: u64,
}

/// A user about to be made.
pub(crate) struct NewUser {
    pub nick: Box<str>,
    pub username: Box<str>,
    pub host: Box<str>,
    pub realname: Box<str>,
    pub modes: UserModes,
    /// The away text, if they are away.
    pub away: Option<Box<str>>,
    pub metadata: Metadata,
    pub login: Option<Login>,
}

/// The modes of a user; ISUPPORT and `004` list their letters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UserModes(u8);

/// A mode of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum UserMode {
    Bot,
    Invisible,
    Operator,
    /// Private messages only from logged-in or accepted users.
    RegisteredOnly,
    /// Receives notices of the server.
    ServerNotices,
    NoCtcp,
    Wallops,
}

impl UserMode {
    /// Each mode with its letter, sorted by letter.
    pub const LETTERS: [(char, UserMode); 7] = [
        ('B', UserMode::Bot),
        ('R', UserMode::RegisteredOnly),
        ('T', UserMode::NoCtcp),
        ('i', UserMode::Invisible),
        ('o', UserMode::Operator),
        ('s', UserMode::ServerNotices),
        ('w', UserMode::Wallops),
    ];

    /// The mode with that letter.
    pub fn of(letter: char) -> Option<UserMode> {
        Self::LETTERS.iter().find(|(known, _)| *known == letter).map(|(_, mode)| *mode)
    }
}

impl UserModes {
    /// Whether `mode` is set.
    pub fn has(self, mode: UserMode) -> bool {
        self.0 & (1 << mode as u8) != 0
    }

    pub(crate) fn set(&mut self, mode: UserMode, on: bool) {
        if on { self.0 |= 1 << mode as u8 } else { self.0 &= !(1 << mode as u8) }
    }

    /// `+` and the letters of the set modes.
    pub fn text(self) -> String {
        let set = UserMode::LETTERS.iter().filter(|(_, mode)| self.has(*mode));
        "+".chars().chain(set.map(|(letter, _)| *letter)).collect()
    }
}

impl User {
    /// Whether missed messages are sent to them when they return.
    pub fn replays(&self) -> bool {
        self.extra.as_ref().is_none_or(|extra| !extra.no_replay)
    }

    /// A user in no channel and without a connection.
    pub fn absent(nick: Nick, user: &str, host: &str, realname: &str, now: u64) -> User {
        let mask = format!("{}!{user}@{host}", nick.as_str());
        User {
            serial: 0,
            text: [&*mask, realname].concat().into(),
            mask_len: u16::try_from(mask.len()).expect("a mask is shorter than a line"),
            nick_len: nick.as_str().len() as u8,
            user_len: user.len() as u8,
            modes: UserModes::default(),
            notices: 0,
            conns: SmallVec::new(),
            channels: Vec::new(),
            account: None,
            signed_on: now as u32,
            acted_at: now as u32,
            told: Cell::new(0),
            bucket: Bucket::default(),
            asked: Bucket::default(),
            extra: None,
        }
    }

    /// The account they are logged in to.
    pub fn account(&self) -> Option<&str> {
        self.account.as_ref().map(|account| &*account.name)
    }

    /// When that account was made, in milliseconds since 1970, if that is known.
    pub fn account_made_ms(&self) -> Option<i64> {
        self.account.as_ref()?.made_ms.map(NonZero::get)
    }

    /// Logs them in.
    pub fn set_account(&mut self, name: Box<str>, made_ms: Option<NonZero<i64>>) {
        self.account = Some(Box::new(UserAccount { name, made_ms }));
    }

    /// Sets when their account was made, unless that is known.
    pub fn learn_account_made(&mut self, made_ms: i64) {
        if let Some(account) = &mut self.account {
            account.made_ms = account.made_ms.or(NonZero::new(made_ms));
        }
    }

    /// `nick!user@host`.
    pub fn mask(&self) -> &str {
        &self.text[..usize::from(self.mask_len)]
    }

    /// The real name.
    pub fn realname(&self) -> &str {
        &self.text[usize::from(self.mask_len)..]
    }

    /// Changes the real name.
    pub fn set_realname(&mut self, realname: &str) {
        self.text = [self.mask(), realname].concat().into();
    }

    /// The nick, in the case its user wrote it.
    pub fn nick(&self) -> &str {
        &self.text[..usize::from(self.nick_len)]
    }

    /// The user name.
    pub fn username(&self) -> &str {
        let start = usize::from(self.nick_len) + 1;
        &self.text[start..start + usize::from(self.user_len)]
    }

    /// The host that others see.
    pub fn host(&self) -> &str {
        &self.mask()[usize::from(self.nick_len) + usize::from(self.user_len) + 2..]
    }

    /// The away text, if they are away.
    pub fn away(&self) -> Option<&str> {
        self.extra.as_ref()?.away.as_deref()
    }

    /// Sets the away text; `None` means present.
    pub fn set_away(&mut self, away: Option<Box<str>>) {
        if away.is_some() || self.extra.is_some() {
            self.extra().away = away;
        }
    }

    /// The rarely used state, created if missing.
    pub fn extra(&mut self) -> &mut Extra {
        self.extra.get_or_insert_default()
    }

    /// Whether they stay when their last connection closes.
    pub fn is_always_on(&self) -> bool {
        self.extra.as_ref().is_some_and(|extra| extra.always_on)
    }

    /// Their profile, if they have one.
    pub fn metadata(&self) -> Option<&Metadata> {
        self.extra.as_ref().map(|extra| &extra.metadata)
    }

    /// Whether they are invited to a channel.
    pub fn is_invited_to(&self, channel: ChannelId, serial: Serial) -> bool {
        let extra = self.extra.as_ref();
        extra.is_some_and(|extra| extra.invites.contains(&(channel, serial)))
    }

    /// Their index among the members of `channel`. A scan of at most `channels_per_user`.
    pub fn place_in(&self, channel: ChannelId) -> Option<usize> {
        let found = self.channels.iter().find(|membership| membership.channel == channel);
        found.map(|membership| membership.place as usize)
    }

    /// Whether they are in `channel`.
    pub fn is_in(&self, channel: ChannelId) -> bool {
        self.place_in(channel).is_some()
    }

    /// The set modes.
    pub fn modes(&self) -> UserModes {
        self.modes
    }

    /// Whether `mode` is set.
    pub fn is(&self, mode: UserMode) -> bool {
        self.modes.has(mode)
    }
}

/// All users, by id and by nick.
#[derive(Default)]
pub struct Users {
    users: Slab<User>,
    /// Users by folded nick; the nick itself is only in the user's mask. The hash is stored beside
    /// the id, so that growing hashes no string again.
    by_nick: HashTable<(u32, UserId)>,
    hasher: RandomState,
    /// How many users have each mode, by the mode's number.
    with_mode: [usize; UserMode::LETTERS.len()],
    /// Users with mode `o`.
    operators: Vec<UserId>,
    /// The most users there ever were at once.
    pub max: usize,
    /// How many users there ever were.
    made: u64,
}

impl Users {
    /// Adds a user whose nick is free.
    pub fn insert(&mut self, user: User) -> UserId {
        self.made += 1;
        let id = UserId(self.users.insert(User { serial: self.made, ..user }) as u32);
        self.list_nick(id);
        self.max = self.max.max(self.users.len());
        id
    }

    /// Removes a user who is in no channel any more.
    pub fn remove(&mut self, id: UserId) -> User {
        for (_, mode) in UserMode::LETTERS {
            self.set_mode(id, mode, false);
        }
        self.unlist_nick(id);
        let user = self.users.remove(id.0 as usize);
        assert!(user.channels.is_empty(), "who goes has left every channel");
        if self.by_nick.capacity() > 4096 && self.by_nick.len() < self.by_nick.capacity() / 8 {
            self.by_nick.shrink_to_fit(|(hash, _)| spread(*hash));
        }
        user
    }

    fn list_nick(&mut self, id: UserId) {
        let nick = self.users[id.0 as usize].nick();
        assert_eq!(self.find(nick), None, "a nick that is not free");
        let hash = self.hash(nick);
        self.by_nick.insert_unique(spread(hash), (hash, id), |(hash, _)| spread(*hash));
    }

    fn unlist_nick(&mut self, id: UserId) {
        let hash = self.hash(self.users[id.0 as usize].nick());
        let found = self.by_nick.find_entry(spread(hash), |(_, each)| *each == id);
        found.expect("everyone is listed by nick").remove();
    }

    fn hash(&self, nick: &str) -> u32 {
        self.hasher.hash_one(&*casemap::folded(nick)) as u32
    }

    /// Sets or unsets a mode of a user.
    pub fn set_mode(&mut self, id: UserId, mode: UserMode, on: bool) {
        let modes = &mut self.users[id.0 as usize].modes;
        if modes.has(mode) == on {
            return;
        }
        modes.set(mode, on);
        let count = &mut self.with_mode[mode as usize];
        *count = if on { *count + 1 } else { *count - 1 };
        match mode {
            UserMode::Operator if on => self.operators.push(id),
            UserMode::Operator => self.operators.retain(|each| *each != id),
            _ => {}
        }
    }

    /// How many users have `mode` set.
    pub fn count(&self, mode: UserMode) -> usize {
        self.with_mode[mode as usize]
    }

    /// Users with mode `o`.
    pub fn operators(&self) -> &[UserId] {
        &self.operators
    }

    /// Changes a user's nick to one that is free or their own.
    pub fn rename(&mut self, id: UserId, nick: Nick) {
        self.unlist_nick(id);
        let user = &mut self.users[id.0 as usize];
        let rest = &user.text[usize::from(user.nick_len)..];
        user.text = [nick.as_str(), rest].concat().into();
        let before = usize::from(user.nick_len);
        let mask_len = usize::from(user.mask_len) - before + nick.as_str().len();
        user.mask_len = u16::try_from(mask_len).expect("a mask is shorter than a line");
        user.nick_len = nick.as_str().len() as u8;
        self.list_nick(id);
    }

    /// Logs a user in to an account. If another user of the account is always on already, this one
    /// is not: else each nick would leave another user behind.
    pub(crate) fn log_in(&mut self, id: UserId, login: &Login) {
        let stays = login.always_on && !self.another_stays(id, &login.name);
        let user = &mut self.users[id.0 as usize];
        let another = user.account().is_some_and(|before| *before != *login.name);
        user.set_account(login.name.clone(), NonZero::new(login.made_ms));
        if another {
            user.extra().markers = Markers::default();
        }
        if !login.markers.is_empty() {
            user.extra().markers.learn(&login.markers);
        }
        if stays {
            user.extra().always_on = true;
        }
        if user.replays() != login.replay {
            user.extra().no_replay = !login.replay;
        }
    }

    /// Whether another always-on user has that account. A scan of all users.
    fn another_stays(&self, id: UserId, account: &str) -> bool {
        let is_of = |user: &User| user.account().is_some_and(|own| same(own, account));
        self.iter().any(|(other, user)| other != id && user.is_always_on() && is_of(user))
    }

    /// Logs a user out.
    pub fn log_out(&mut self, id: UserId) {
        let user = &mut self.users[id.0 as usize];
        user.account = None;
        if let Some(extra) = &mut user.extra {
            extra.always_on = false;
            extra.markers = Markers::default();
        }
    }

    /// The user, if they are still here; ids are reused.
    pub fn get(&self, id: UserId) -> Option<&User> {
        self.users.get(id.0 as usize)
    }

    /// The user with that nick.
    pub fn find(&self, nick: &str) -> Option<UserId> {
        let hash = self.hash(nick);
        let has_it =
            |(of, id): &(u32, UserId)| *of == hash && same(self.users[id.0 as usize].nick(), nick);
        self.by_nick.find(spread(hash), has_it).map(|(_, id)| *id)
    }

    /// All users.
    pub fn iter(&self) -> impl Iterator<Item = (UserId, &User)> {
        self.users.iter().map(|(id, user)| (UserId(id as u32), user))
    }

    /// How many users there are.
    pub fn len(&self) -> usize {
        self.users.len()
    }

    /// Whether that user is still here; ids are reused.
    pub fn contains(&self, id: UserId) -> bool {
        self.users.contains(id.0 as usize)
    }

    /// The first user whose number is `from` or later: continues an interrupted reply.
    pub fn next_from(&self, from: u32) -> Option<UserId> {
        let last = self.users.capacity() as u32;
        (from..last).find(|id| self.users.contains(*id as usize)).map(UserId)
    }

    /// Asserts the invariants that hold between commands.
    pub fn check(&self) {
        assert_eq!(self.users.len(), self.by_nick.len());
        for (_, mode) in UserMode::LETTERS {
            let counted = self.iter().filter(|(_, user)| user.is(mode)).count();
            assert_eq!(counted, self.count(mode));
        }
        assert_eq!(self.operators.len(), self.count(UserMode::Operator));
        for (id, user) in self.iter() {
            assert_eq!(self.find(user.nick()), Some(id));
            assert!(!user.conns.is_empty() || user.is_always_on(), "a user has a connection");
            assert_eq!(user.mask(), format!("{}!{}@{}", user.nick(), user.username(), user.host()));
        }
    }
}

/// The hash table uses the highest and the lowest bits.
fn spread(hash: u32) -> u64 {
    u64::from(hash) << 32 | u64::from(hash)
}

impl std::ops::Index<UserId> for Users {
    type Output = User;

    fn index(&self, id: UserId) -> &User {
        &self.users[id.0 as usize]
    }
}

impl std::ops::IndexMut<UserId> for Users {
    fn index_mut(&mut self, id: UserId) -> &mut User {
        &mut self.users[id.0 as usize]
    }
}
