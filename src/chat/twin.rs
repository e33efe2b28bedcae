//! A twin: a second chat that follows the events of the first. It proves that the effect of an
//! event depends on the state and the event alone. The twin has another clock and uptime, other
//! random numbers and another order of slabs, and no connections; its state must still be equal.

use crate::chat::event::{Event, Source, What};
use crate::chat::reply::Sink;
use crate::chat::state::channels::{Channel, List};
use crate::chat::state::ids::{ChannelId, UserId};
use crate::chat::state::message::{Said, Speaker, Target};
use crate::chat::state::mode_change::ModeChange;
use crate::chat::state::queries::Subject;
use crate::chat::state::ranks::Rank;
use crate::chat::state::redactable::HeardIn;
use crate::chat::state::users::User;
use crate::chat::{Caller, Chat};
use crate::wire::irc::names::{ChannelName, Nick};
use std::fmt::Write;

/// How far the twin's clock and uptime are off.
const CLOCK_OFF_MS: u64 = 10_000_000_000;

/// A chat that follows the events of another.
pub(crate) struct Twin {
    chat: Chat,
}

impl Chat {
    /// Lets a twin follow from now on; [`Chat::check`] then compares the two. For tests. Without
    /// effect once there are users or channels.
    pub fn follow_with_twin(&mut self) {
        if self.users.len() == 0 && self.channels.len() == 0 {
            self.twin = Some(Box::new(Twin::new(Chat::new(self.settings.clone()))));
        }
    }

    /// Asserts that the twin, if there is one, has the same state.
    pub(crate) fn check_twin(&self) {
        if let Some(twin) = &self.twin {
            let (own, other) = (self.digest(), twin.chat.digest());
            for (own, other) in own.lines().zip(other.lines()) {
                assert_eq!(own, other, "an event had another effect on a chat that is like this");
            }
            assert_eq!(own.lines().count(), other.lines().count());
        }
    }

    /// The state that events make, as text: a line for each user, channel, departed user and recent
    /// message, in an order that depends on their names alone. Not in it: idle times and other facts
    /// of connections, read markers, bans of the server, and what accounts may do in registered
    /// channels.
    fn digest(&self) -> String {
        let mut users: Vec<String> = self.users.iter().map(|(_, u)| self.digest_user(u)).collect();
        let channels = self.channels.iter().map(|(_, channel)| self.digest_channel(channel));
        let mut channels: Vec<String> = channels.collect();
        let recent = self.redactable.said.iter();
        let mut recent: Vec<String> = recent
            .map(|(id, said)| format!("message {id} {} {}", said.nick, said.target.as_str()))
            .collect();
        let gone = self.departed.0.iter();
        let gone = gone.map(|gone| format!("departed {} {} {}", gone.mask, gone.realname, gone.at));
        users.sort_unstable();
        channels.sort_unstable();
        recent.sort_unstable();
        users.into_iter().chain(channels).chain(gone).chain(recent).collect::<Vec<_>>().join("\n")
    }

    fn digest_user(&self, user: &User) -> String {
        let mut text = format!("user {} :{}", user.mask(), user.realname());
        let _ = write!(text, " {:?} {:?}", user.away(), user.account());
        let _ = write!(text, " {} since {}", user.modes().text(), user.signed_on);
        if let Some(extra) = &user.extra {
            let channels = extra.invites.iter().filter_map(|(id, serial)| {
                self.channels.get(*id).filter(|channel| channel.serial == *serial)
            });
            let invites: Vec<&str> = channels.map(|channel| &*channel.name).collect();
            let accepts: Vec<&str> = extra.accepts.iter().map(|nick| nick.as_str()).collect();
            let _ = write!(text, " accepts {accepts:?} invites {invites:?}");
            let _ = write!(text, " {:?} knocked {}", extra.metadata.to_pairs(), extra.knocked_at);
        } else {
            text.push_str(" accepts [] invites [] [] knocked 0");
        }
        text
    }

    fn digest_channel(&self, channel: &Channel) -> String {
        let mut text = format!("channel {} {:?}", channel.name, channel.mode_text(true));
        let topic = channel.topic.as_ref().map(|topic| (&topic.text, &topic.by));
        let _ = write!(text, " {} {topic:?} {}", channel.created, channel.topic_at);
        for (letter, list) in List::LETTERS {
            for entry in channel.list(list) {
                let mask = entry.mask.as_str();
                let _ =
                    write!(text, " {letter} {mask} {} {} {:?}", entry.by, entry.at, entry.until);
            }
        }
        let mut members: Vec<String> = (channel.members.iter())
            .map(|member| {
                let held = Rank::LETTERS.iter().filter(|(_, _, rank)| member.ranks.has(*rank));
                let ranks: String = held.map(|(letter, _, _)| *letter).collect();
                let waits = channel
                    .slow
                    .as_ref()
                    .map(|slow| slow.left_s(self.users[member.user].serial, member.since_s.into()));
                format!("{} {ranks} {} {waits:?}", self.users[member.user].nick(), member.since_s)
            })
            .collect();
        members.sort_unstable();
        let former = channel.former.as_ref();
        let former = former.map(|former| (former.keys.len(), former.without_since));
        let metadata = channel.metadata.as_ref().map(|metadata| metadata.to_pairs());
        let metadata = metadata.unwrap_or_default();
        let registered = channel.registration.is_some();
        let _ = write!(text, " {members:?} {former:?} {metadata:?} {registered}");
        text
    }
}

impl Twin {
    /// Users and channels get other ids than in a new chat.
    fn new(mut chat: Chat) -> Twin {
        let names = ["#a", "#b", "#c"].map(|name| ChannelName::parse(name, 2).expect("a name"));
        let channels = names.map(|name| chat.channels.create(name, 0));
        let nicks = ["a", "b", "c"].map(|nick| Nick::parse(nick, 1).expect("a nick"));
        let users = nicks.map(|nick| chat.users.insert(User::absent(nick, "", "", "", 0)));
        for (channel, user) in channels.into_iter().zip(users) {
            chat.channels.register(channel, "".into());
            chat.channels.end_registration(channel);
            chat.users.remove(user);
        }
        Twin { chat }
    }

    /// Applies an event that `first` is about to apply. Names lead to the users and channels.
    pub(crate) fn follow(&mut self, sink: &mut Sink, first: &Chat, event: &Event) {
        let (chat, stamp) = (&mut self.chat, event.stamp);
        chat.settings = first.settings.clone();
        let user = |id: UserId| chat.users.find(first.users[id].nick()).expect("the same users");
        let channel = |id: ChannelId| {
            chat.channels.find(&first.channels[id].name).expect("the same channels")
        };
        let target = |target: Target| match target {
            Target::User(id) => Target::User(user(id)),
            Target::Channel(id, rank) => Target::Channel(channel(id), rank),
        };
        let caller = |by: Caller| Caller { user: user(by.user), ..by };
        let (said, place);
        let what = match event.what {
            What::Registered { user, .. } => What::Registered { user, conn: None },
            What::Joined { user: id, channel, op } => What::Joined { user: user(id), channel, op },
            What::Parted { user: id, channel: of, reason } => {
                What::Parted { user: user(id), channel: channel(of), reason }
            }
            What::Kicked { by, user: id, channel: of, reason } => {
                What::Kicked { by: user(by), user: user(id), channel: channel(of), reason }
            }
            What::Quit { user: id, why } => What::Quit { user: user(id), why },
            What::NickChanged { user: id, nick } => What::NickChanged { user: user(id), nick },
            What::RealnameChanged { user: id, realname } => {
                What::RealnameChanged { user: user(id), realname }
            }
            What::AwayChanged { user: id, text, knows } => {
                What::AwayChanged { user: user(id), text, knows }
            }
            What::LoggedIn { user: id, login } => What::LoggedIn { user: user(id), login },
            What::LoggedOut { user: id } => What::LoggedOut { user: user(id) },
            What::UserModeChanged { user: id, mode, on } => {
                What::UserModeChanged { user: user(id), mode, on }
            }
            What::AcceptChanged { user: id, nick, on } => {
                What::AcceptChanged { user: user(id), nick, on }
            }
            What::Invited { by, user: id, channel: of, passes } => {
                What::Invited { by: user(by), user: user(id), channel: channel(of), passes }
            }
            What::Knocked { by, channel: of, text } => {
                What::Knocked { by: user(by), channel: channel(of), text }
            }
            What::TopicSet { by, channel: of, text } => {
                What::TopicSet { by: user(by), channel: channel(of), text }
            }
            What::ModeChanged { channel: of, change } => {
                let change = match change {
                    ModeChange::Rank { user: id, rank, on, willingly } => {
                        ModeChange::Rank { user: user(id), rank, on, willingly }
                    }
                    change => change,
                };
                What::ModeChanged { channel: channel(of), change }
            }
            What::ModesTold { source, channel: of, letters, params } => {
                let source = match source {
                    Source::User(id) => Source::User(user(id)),
                    source => source,
                };
                What::ModesTold { source, channel: channel(of), letters, params }
            }
            What::ChannelRenamed { by, channel: of, name, reason } => {
                What::ChannelRenamed { by: user(by), channel: channel(of), name, reason }
            }
            What::RegistrationStands { channel: of } => {
                What::RegistrationStands { channel: channel(of) }
            }
            What::RegistrationAsked { channel: of, founder } => {
                What::RegistrationAsked { channel: channel(of), founder }
            }
            What::RegistrationEnded { channel: of } => {
                What::RegistrationEnded { channel: channel(of) }
            }
            What::MetadataChanged { of, key, value, conn } => {
                let of = match of {
                    Subject::User(id) => Subject::User(user(id)),
                    Subject::Channel(id) => Subject::Channel(channel(id)),
                    of => of,
                };
                What::MetadataChanged { of, key, value, conn }
            }
            What::Said(of) => {
                let speaker = match of.speaker {
                    Speaker::User(by) => Speaker::User(caller(by)),
                    Speaker::Through { caller: by, source, relayed_by } => {
                        Speaker::Through { caller: caller(by), source, relayed_by }
                    }
                    speaker => speaker,
                };
                said = Said { speaker, target: target(of.target), ..*of };
                What::Said(&said)
            }
            What::Redacted { by, place: of, msgid, reason, by_right } => {
                let (name, kept) = (of.name.clone(), of.kept.clone());
                place = HeardIn { name, target: of.target.map(target), kept };
                What::Redacted { by: caller(by), place: &place, msgid, reason, by_right }
            }
        };
        let now = sink.out.now;
        sink.out.now.unix_ms += CLOCK_OFF_MS;
        sink.out.now.uptime_ms += CLOCK_OFF_MS;
        chat.apply(sink, &Event { stamp, what });
        sink.out.now = now;
    }
}
