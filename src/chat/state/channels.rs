//! Channels: their members, ranks, modes and lists.

use crate::chat::state::ban::Ban;
use crate::chat::state::ids::{ChannelId, Membership, Serial, UserId};
use crate::chat::state::metadata::Metadata;
use crate::chat::state::ranks::Ranks;
use crate::chat::state::registration::ChannelRegistration;
use crate::chat::state::users::Users;
use crate::wire::casemap;
use crate::wire::casemap::Folded;
use crate::wire::irc::names::{ChannelName, Key};
use slab::Slab;
use std::collections::HashMap;

/// A channel. It exists as long as it has a member or is registered.
pub struct Channel {
    /// The name, in the case its creator used.
    pub name: Box<str>,
    /// Distinguishes the channel from earlier ones with the same `ChannelId`.
    pub serial: Serial,
    /// The members, in no order. Each user's `Membership` holds their index here.
    pub members: Vec<Member>,
    /// The set modes that have no parameter.
    pub modes: ChannelModes,
    /// Mode `l`: the most members it may have.
    pub limit: Option<u32>,
    /// Creation time, in seconds since 1970.
    pub created: u64,
    /// When the topic was last set or unset, in seconds since 1970; 0 for never.
    pub topic_at: u64,
    /// Mode `k`.
    pub key: Option<Box<str>>,
    /// Mode `f`: the channel that users are sent to if they may not join this one.
    pub forward: Option<Box<str>>,
    /// Mode `W`.
    pub slow: Option<Box<Slow>>,
    /// No timed ban ends before this, in seconds since 1970; `NEVER` if there is none.
    pub next_end: u64,
    /// The topic, if one is set.
    pub topic: Option<Topic>,
    /// Modes `b`, `e`, `I`; each bounded by `list_entries_max`.
    pub lists: Option<Box<[Vec<ListEntry>; 3]>>,
    /// The channel's metadata: keys and values for programs.
    pub metadata: Option<Box<Metadata>>,
    /// Set while the channel is registered, or about to be.
    pub registration: Option<Box<ChannelRegistration>>,
    /// Former operators, remembered while the channel is not registered.
    pub(crate) former: Option<Box<Former>>,
}

/// Slow mode: how often members without rank may speak.
pub struct Slow {
    /// The least time between two messages of one member.
    pub seconds: u32,
    /// When each user last spoke, in seconds since 1970, by the user's serial.
    spoke: HashMap<u64, u64>,
}

/// Later than any time.
pub const NEVER: u64 = u64::MAX;

/// One user's membership in a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// The user.
    pub user: UserId,
    /// The ranks they have here.
    pub ranks: Ranks,
    /// When they joined, in seconds since 1970; 0 if before this start.
    pub since_s: u32,
}

/// The topic of a channel.
pub struct Topic {
    /// The text; not empty.
    pub text: Box<str>,
    /// The mask of the user who set it.
    pub by: Box<str>,
}

/// One entry of modes `b`, `e` or `I`.
pub struct ListEntry {
    /// The mask or extended ban.
    pub mask: Ban,
    /// The mask of the user who set it.
    pub by: Box<str>,
    /// When it was set, in seconds since 1970.
    pub at: u64,
    /// When it ends, in seconds since 1970; set by TBAN.
    pub until: Option<u64>,
}

/// A list of a channel; its index in `Channel::lists`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum List {
    Ban,
    Except,
    Invex,
}

/// A channel mode without a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum ChannelMode {
    NoCtcp,
    Roleplay,
    /// Only logged-in users may speak.
    LoggedInSpeak,
    /// Only logged-in users may join.
    LoggedInJoin,
    /// Messages of members without rank reach halfops and higher only.
    OpModerated,
    InviteOnly,
    Moderated,
    NoExternal,
    Secret,
    TopicLocked,
    /// Members without rank are visible to halfops and higher only.
    Auditorium,
}

/// The set modes of one channel, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChannelModes(u16);

impl ChannelMode {
    /// Each mode with its letter, sorted by letter: the last group of ISUPPORT `CHANMODES`.
    pub const LETTERS: [(char, ChannelMode); 11] = [
        ('C', ChannelMode::NoCtcp),
        ('E', ChannelMode::Roleplay),
        ('M', ChannelMode::LoggedInSpeak),
        ('R', ChannelMode::LoggedInJoin),
        ('U', ChannelMode::OpModerated),
        ('i', ChannelMode::InviteOnly),
        ('m', ChannelMode::Moderated),
        ('n', ChannelMode::NoExternal),
        ('s', ChannelMode::Secret),
        ('t', ChannelMode::TopicLocked),
        ('u', ChannelMode::Auditorium),
    ];

    /// The mode with that letter.
    pub fn of(letter: char) -> Option<ChannelMode> {
        Self::LETTERS.iter().find(|(known, _)| *known == letter).map(|(_, mode)| *mode)
    }
}

impl ChannelModes {
    /// Whether `mode` is set.
    pub fn has(self, mode: ChannelMode) -> bool {
        self.0 & (1 << mode as u8) != 0
    }

    /// Sets or unsets `mode`.
    pub fn set(&mut self, mode: ChannelMode, on: bool) {
        if on { self.0 |= 1 << mode as u8 } else { self.0 &= !(1 << mode as u8) }
    }
}

impl Slow {
    /// The longest wait: a day.
    const SECONDS_MAX: u32 = 86_400;

    /// Parses the parameter of mode `W`.
    pub fn parse(text: &str) -> Option<u32> {
        text.parse().ok().filter(|s| (1..=Slow::SECONDS_MAX).contains(s))
    }

    /// Slow mode in a channel where nobody has spoken yet.
    pub fn of(seconds: u32) -> Box<Slow> {
        Box::new(Slow { seconds, spoke: HashMap::new() })
    }

    /// How many seconds the user with that serial must wait at `now`, in seconds since 1970. A
    /// clock that was set back lets them speak.
    pub fn left_s(&self, serial: u64, now: u64) -> u64 {
        let since = self.spoke.get(&serial).and_then(|spoke| now.checked_sub(*spoke));
        since.map_or(0, |since| u64::from(self.seconds).saturating_sub(since))
    }

    /// Notes that a user has spoken. Above `max` entries, those whose wait is over are dropped.
    pub fn note(&mut self, serial: u64, now: u64, max: usize) {
        if self.spoke.len() > max {
            let pause = u64::from(self.seconds);
            self.spoke
                .retain(|_, spoke| now.checked_sub(*spoke).is_some_and(|since| since < pause));
        }
        self.spoke.insert(serial, now);
    }
}

impl List {
    /// Each list with its letter: the first group of ISUPPORT `CHANMODES`.
    pub const LETTERS: [(char, List); 3] =
        [('b', List::Ban), ('e', List::Except), ('I', List::Invex)];

    /// The list with that letter.
    pub fn of(letter: char) -> Option<List> {
        Self::LETTERS.iter().find(|(known, _)| *known == letter).map(|(_, list)| *list)
    }
}

impl Channel {
    fn new(name: ChannelName, serial: Serial, now: u64) -> Channel {
        let mut modes = ChannelModes::default();
        modes.set(ChannelMode::NoExternal, true);
        modes.set(ChannelMode::TopicLocked, true);
        Channel {
            name: name.as_str().into(),
            serial,
            members: Vec::new(),
            modes,
            limit: None,
            created: now,
            topic_at: 0,
            key: None,
            forward: None,
            slow: None,
            next_end: NEVER,
            topic: None,
            lists: None,
            metadata: None,
            registration: None,
            former: None,
        }
    }

    /// Whether `mode` is set.
    pub fn is(&self, mode: ChannelMode) -> bool {
        self.modes.has(mode)
    }

    /// Whether joining or seeing the channel is restricted: modes `i`, `k`, `s` and `R`.
    pub fn is_closed(&self) -> bool {
        let modes = [ChannelMode::InviteOnly, ChannelMode::Secret, ChannelMode::LoggedInJoin];
        self.key.is_some() || modes.iter().any(|mode| self.is(*mode))
    }

    /// The entries of one list.
    pub fn list(&self, list: List) -> &[ListEntry] {
        self.lists.as_ref().map_or(&[], |lists| &lists[list as usize])
    }

    /// The entries of one list, mutable.
    pub fn list_mut(&mut self, list: List) -> &mut Vec<ListEntry> {
        &mut self.lists.get_or_insert_default()[list as usize]
    }

    /// Whether an entry of `list` satisfies `is_meant`.
    pub fn lists(&self, list: List, is_meant: impl Fn(&Ban) -> bool) -> bool {
        self.list(list).iter().any(|entry| is_meant(&entry.mask))
    }

    /// The modes as `MODE` shows them, `+ntk` and parameters; the key only if `with_key`.
    pub fn mode_text(&self, with_key: bool) -> Vec<String> {
        let flags = ChannelMode::LETTERS.iter().filter(|(_, mode)| self.is(*mode));
        let mut letters: String = "+".chars().chain(flags.map(|(letter, _)| *letter)).collect();
        let mut params = Vec::new();
        if let Some(key) = &self.key {
            letters.push('k');
            params.push(if with_key { key.to_string() } else { "*".to_owned() });
        }
        if let Some(limit) = self.limit {
            letters.push('l');
            params.push(limit.to_string());
        }
        if let Some(forward) = &self.forward {
            letters.push('f');
            params.push(forward.to_string());
        }
        if let Some(slow) = &self.slow {
            letters.push('W');
            params.push(slow.seconds.to_string());
        }
        params.insert(0, letters);
        params
    }

    /// Sets modes from the words of `mode_text`, with the key, joined by spaces. Returns false if
    /// some of it means nothing; that part is left out.
    pub fn take_mode_text(&mut self, text: &str) -> bool {
        let mut params = text.split(' ');
        let letters = params.next().unwrap_or_default();
        (self.modes, self.key, self.limit, self.forward) = Default::default();
        self.slow = None;
        let mut all = letters.starts_with('+');
        for letter in letters.chars().filter(|letter| *letter != '+') {
            if let Some(mode) = ChannelMode::of(letter) {
                self.modes.set(mode, true);
                continue;
            }
            let param = params.next().unwrap_or_default();
            all &= match letter {
                'k' => Key::parse(param, usize::MAX).map(|_| self.key = Some(param.into())),
                'l' => param.parse().ok().map(|limit| self.limit = Some(limit)),
                'W' => Slow::parse(param).map(|seconds| self.slow = Some(Slow::of(seconds))),
                'f' => {
                    ChannelName::parse(param, usize::MAX).map(|_| self.forward = Some(param.into()))
                }
                _ => None,
            }
            .is_some();
        }
        all && params.next().is_none()
    }
}

/// All channels, by id and by name.
#[derive(Default)]
pub struct Channels {
    channels: Slab<Channel>,
    by_name: HashMap<Folded, ChannelId>,
    made: u64,
}

impl Channels {
    /// Finds a channel by its name.
    pub fn find(&self, name: &str) -> Option<ChannelId> {
        self.by_name.get(&*casemap::folded(name)).copied()
    }

    /// Creates a channel under a free name. A user must join it before the command ends.
    pub fn create(&mut self, name: ChannelName, now: u64) -> ChannelId {
        self.made += 1;
        let channel = Channel::new(name, Serial(self.made), now);
        let id = ChannelId(self.channels.insert(channel) as u32);
        let before = self.by_name.insert(Folded::of(name.as_str()), id);
        assert_eq!(before, None, "a name that is not free");
        id
    }

    /// Adds a member.
    pub fn join(&mut self, users: &mut Users, id: ChannelId, member: Member) {
        let members = &mut self.channels[id.0 as usize].members;
        let place = members.len() as u32;
        members.push(member);
        users[member.user].channels.push(Membership { channel: id, place });
    }

    /// Removes `user`. The last member takes the channel along, unless it is registered.
    pub fn part(&mut self, users: &mut Users, id: ChannelId, user: UserId) {
        let memberships = &mut users[user].channels;
        let index = memberships.iter().position(|membership| membership.channel == id);
        let Membership { place, .. } = memberships.remove(index.expect("a member"));
        if memberships.is_empty() {
            *memberships = Vec::new();
        }
        let members = &mut self.channels[id.0 as usize].members;
        members.swap_remove(place as usize);
        if let Some(moved) = members.get(place as usize) {
            let memberships = &mut users[moved.user].channels;
            let theirs = memberships.iter_mut().find(|membership| membership.channel == id);
            theirs.expect("a member").place = place;
        }
        if members.is_empty() {
            self.let_go_if_unused(id);
        } else if members.capacity() > 64 && members.len() < members.capacity() / 4 {
            members.shrink_to(members.len() * 2);
        }
    }

    /// Begins the registration of a channel that has none. The channel exists until that ends.
    pub fn register(&mut self, id: ChannelId, founder: Box<str>) -> Serial {
        self.made += 1;
        let serial = Serial(self.made);
        let before =
            self[id].registration.replace(ChannelRegistration::asked(serial, founder).into());
        assert!(before.is_none(), "a channel that is not registered");
        serial
    }

    /// Ends a registration, stored or only requested. A channel without members is removed.
    pub fn end_registration(&mut self, id: ChannelId) {
        self[id].registration = None;
        self.let_go_if_unused(id);
    }

    fn let_go_if_unused(&mut self, id: ChannelId) {
        let channel = &mut self.channels[id.0 as usize];
        if !channel.members.is_empty() {
            return;
        }
        channel.members = Vec::new();
        if channel.registration.is_none() {
            let channel = self.channels.remove(id.0 as usize);
            self.by_name.remove(&Folded::of(&channel.name));
        }
    }

    /// Renames a channel. The new name is free or its own.
    pub fn rename(&mut self, id: ChannelId, name: ChannelName) {
        let channel = &mut self.channels[id.0 as usize];
        self.by_name.remove(&Folded::of(&channel.name));
        channel.name = name.as_str().into();
        let before = self.by_name.insert(Folded::of(name.as_str()), id);
        assert_eq!(before, None, "a name that is not free");
    }

    /// All channels.
    pub fn iter(&self) -> impl Iterator<Item = (ChannelId, &Channel)> {
        self.channels.iter().map(|(id, channel)| (ChannelId(id as u32), channel))
    }

    /// How many channels there are.
    pub fn len(&self) -> usize {
        self.channels.len()
    }

    /// The first channel whose number is `from` or later: continues an interrupted reply.
    pub fn next_from(&self, from: u32) -> Option<ChannelId> {
        let last = self.channels.capacity() as u32;
        (from..last).find(|id| self.channels.contains(*id as usize)).map(ChannelId)
    }

    /// The channel, if it still exists.
    pub fn get(&self, id: ChannelId) -> Option<&Channel> {
        self.channels.get(id.0 as usize)
    }

    /// The channel, mutable, if it still exists.
    pub fn get_mut(&mut self, id: ChannelId) -> Option<&mut Channel> {
        self.channels.get_mut(id.0 as usize)
    }

    /// Asserts the invariants that hold between commands.
    pub fn check(&self, users: &Users) {
        assert_eq!(self.channels.len(), self.by_name.len());
        let mut memberships = 0;
        for (id, channel) in self.iter() {
            assert_eq!(self.find(&channel.name), Some(id));
            match &channel.registration {
                Some(registration) => registration.check(&channel.name),
                None => assert!(!channel.members.is_empty(), "{} is empty", channel.name),
            }
            for (place, member) in channel.members.iter().enumerate() {
                assert_eq!(users[member.user].place_in(id), Some(place), "{}", channel.name);
            }
            memberships += channel.members.len();
        }
        let of_users: usize = users.iter().map(|(_, user)| user.channels.len()).sum();
        assert_eq!(memberships, of_users, "membership is known on both sides");
    }
}

impl std::ops::Index<ChannelId> for Channels {
    type Output = Channel;

    fn index(&self, id: ChannelId) -> &Channel {
        &self.channels[id.0 as usize]
    }
}

impl std::ops::IndexMut<ChannelId> for Channels {
    fn index_mut(&mut self, id: ChannelId) -> &mut Channel {
        &mut self.channels[id.0 as usize]
    }
}

/// Former operators of a channel, and since when it has had none.
#[derive(Default)]
pub(crate) struct Former {
    /// Keys that recognise them: the account or, without one, the user while connected. The one who
    /// left last comes last; bounded by `FORMER_MAX`.
    pub keys: Vec<Box<str>>,
    /// Since when there has been no operator, in seconds since 1970.
    pub without_since: Option<u64>,
}
