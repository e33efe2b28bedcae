//! Channels: who is in them, with what rank, and what was decided about them.

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

/// A channel. It is there as long as somebody is in it, or it is registered.
pub struct Channel {
    /// As who made it wrote it.
    pub name: Box<str>,
    /// Tells it from others that had its `ChannelId` before.
    pub serial: Serial,
    /// In no order; a member's place is known to their user.
    pub members: Vec<Member>,
    /// Those of its modes that have no parameter.
    pub modes: ChannelModes,
    /// Mode `l`: how many may be in it.
    pub limit: Option<u32>,
    /// When it was made, in seconds since 1970.
    pub created: u64,
    /// When its topic was last set or unset, likewise; 0 for never.
    pub topic_at: u64,
    /// Mode `k`.
    pub key: Option<Box<str>>,
    /// Mode `f`: where those go who may not join.
    pub forward: Option<Box<str>>,
    /// Mode `W`.
    pub slow: Option<Box<Slow>>,
    /// None of its bans ends before this, in seconds since 1970; `NEVER` if none does.
    pub next_end: u64,
    /// What it is about.
    pub topic: Option<Topic>,
    /// Modes `b`, `e`, `I`; each bounded by `list_entries_max`.
    pub lists: Option<Box<[Vec<ListEntry>; 3]>>,
    /// What is said of the channel to programs.
    pub metadata: Option<Box<Metadata>>,
    /// It stays, or is about to be one that does.
    pub registration: Option<Box<ChannelRegistration>>,
    /// Its former operators, kept while it is not registered.
    pub(crate) former: Option<Box<Former>>,
}

/// How often those without rank may speak.
pub struct Slow {
    /// Between two messages of one.
    pub seconds: u32,
    /// When each has last spoken, in seconds of uptime, by the serial of the user. Those who may
    /// speak again are forgotten when there are more than the channel has members.
    pub spoke: HashMap<u64, u64>,
}

/// Later than any time.
pub const NEVER: u64 = u64::MAX;

/// One user in a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub user: UserId,
    /// With what ranks.
    pub ranks: Ranks,
    /// When they joined, in seconds of uptime; 0 before this start.
    pub since_s: u32,
}

/// What a channel is about.
pub struct Topic {
    /// Not empty.
    pub text: Box<str>,
    /// The mask of who set it.
    pub by: Box<str>,
}

/// One entry of modes `b`, `e` or `I`.
pub struct ListEntry {
    /// Whom it means.
    pub mask: Ban,
    /// The mask of who set it.
    pub by: Box<str>,
    /// When, in seconds since 1970.
    pub at: u64,
    /// When it ends, likewise; TBAN.
    pub until: Option<u64>,
}

/// A list of a channel: the index in `Channel::lists`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum List {
    Ban,
    Except,
    Invex,
}

/// A channel's mode without a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum ChannelMode {
    NoCtcp,
    Roleplay,
    /// Only who is logged in may speak.
    LoggedInSpeak,
    /// Only who is logged in may join.
    LoggedInJoin,
    /// What those without rank say is heard by halfops and higher only.
    OpModerated,
    InviteOnly,
    Moderated,
    NoExternal,
    Secret,
    TopicLocked,
    /// Those without rank are seen by halfops and higher only.
    Auditorium,
}

/// The modes of one channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChannelModes(u16);

impl ChannelMode {
    /// Each with its letter, in the order of the letters: the last group of ISUPPORT `CHANMODES`.
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

    /// The mode of that letter.
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
    /// A day at most.
    const SECONDS_MAX: u32 = 86_400;

    /// What `W` was given.
    pub fn parse(text: &str) -> Option<Box<Slow>> {
        let seconds = text.parse().ok().filter(|s| (1..=Slow::SECONDS_MAX).contains(s))?;
        Some(Box::new(Slow { seconds, spoke: HashMap::new() }))
    }
}

impl List {
    /// Each with its letter: the first group of ISUPPORT `CHANMODES`.
    pub const LETTERS: [(char, List); 3] =
        [('b', List::Ban), ('e', List::Except), ('I', List::Invex)];

    /// The list of that letter.
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

    /// Whether not everyone may come in, or know of it: modes `i`, `k`, `s` and `R`.
    pub fn is_closed(&self) -> bool {
        let modes = [ChannelMode::InviteOnly, ChannelMode::Secret, ChannelMode::LoggedInJoin];
        self.key.is_some() || modes.iter().any(|mode| self.is(*mode))
    }

    /// The entries of one list.
    pub fn list(&self, list: List) -> &[ListEntry] {
        self.lists.as_ref().map_or(&[], |lists| &lists[list as usize])
    }

    /// The entries of one list, to be changed.
    pub fn list_mut(&mut self, list: List) -> &mut Vec<ListEntry> {
        &mut self.lists.get_or_insert_default()[list as usize]
    }

    /// Whether `list` means whoever `is_meant` says.
    pub fn lists(&self, list: List, is_meant: impl Fn(&Ban) -> bool) -> bool {
        self.list(list).iter().any(|entry| is_meant(&entry.mask))
    }

    /// Modes as `MODE` tells them, `+ntk` and parameters; the key only if `with_key`.
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

    /// Takes modes from what `mode_text` has told, with the key, joined by spaces. False if some of
    /// it means nothing, which is left out.
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
                'W' => Slow::parse(param).map(|slow| self.slow = Some(slow)),
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
    /// The channel of that name.
    pub fn find(&self, name: &str) -> Option<ChannelId> {
        self.by_name.get(&*casemap::folded(name)).copied()
    }

    /// Makes a channel of a name that is free. Somebody must join it before the command ends.
    pub fn create(&mut self, name: ChannelName, now: u64) -> ChannelId {
        self.made += 1;
        let channel = Channel::new(name, Serial(self.made), now);
        let id = ChannelId(self.channels.insert(channel) as u32);
        let before = self.by_name.insert(Folded::of(name.as_str()), id);
        assert_eq!(before, None, "a name that is not free");
        id
    }

    /// Takes a member in.
    pub fn join(&mut self, users: &mut Users, id: ChannelId, member: Member) {
        let members = &mut self.channels[id.0 as usize].members;
        let place = members.len() as u32;
        members.push(member);
        users[member.user].channels.push(Membership { channel: id, place });
    }

    /// Lets `user` out. With the last of its members the channel goes too, unless it is registered.
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

    /// A channel that is not registered yet is to be. It is there from now on until that ends.
    pub fn register(&mut self, id: ChannelId, founder: Box<str>) -> Serial {
        self.made += 1;
        let serial = Serial(self.made);
        let before =
            self[id].registration.replace(ChannelRegistration::asked(serial, founder).into());
        assert!(before.is_none(), "a channel that is not registered");
        serial
    }

    /// A channel is not registered any more, or will not be. If nobody is in it, it goes.
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

    /// Gives a channel another name, which is free or its own.
    pub fn rename(&mut self, id: ChannelId, name: ChannelName) {
        let channel = &mut self.channels[id.0 as usize];
        self.by_name.remove(&Folded::of(&channel.name));
        channel.name = name.as_str().into();
        let before = self.by_name.insert(Folded::of(name.as_str()), id);
        assert_eq!(before, None, "a name that is not free");
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (ChannelId, &Channel)> {
        self.channels.iter().map(|(id, channel)| (ChannelId(id as u32), channel))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.channels.len()
    }

    /// The first channel whose number is `from` or later: to go on where an answer has stopped.
    pub fn next_from(&self, from: u32) -> Option<ChannelId> {
        let last = self.channels.capacity() as u32;
        (from..last).find(|id| self.channels.contains(*id as usize)).map(ChannelId)
    }

    /// The channel, if it is still there.
    pub fn get(&self, id: ChannelId) -> Option<&Channel> {
        self.channels.get(id.0 as usize)
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, id: ChannelId) -> Option<&mut Channel> {
        self.channels.get_mut(id.0 as usize)
    }

    /// Asserts what must hold between commands.
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

/// Who were operators of a channel, and since when it has had none.
#[derive(Default)]
pub(crate) struct Former {
    /// By what they are found again: the account, or without one the user as long as they are here.
    /// The one who left last comes last; bounded by `FORMER_MAX`.
    pub keys: Vec<Box<str>>,
    /// Since when there is no operator, in seconds of uptime.
    pub without_since: Option<u64>,
}
