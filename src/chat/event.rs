//! Events: everything that happens in chat and that others may see, as values.
//!
//! A command checks and decides; [`Chat::happen`] applies the decision: to the state, to everyone
//! concerned, to the history and to what is saved. The effect on the state depends on the state and
//! the event alone, not on this process: not on its clock, its uptime, its random numbers or the
//! order of its slabs. `twin` proves it.

use crate::chat::Caller;
use crate::chat::Chat;
use crate::chat::reply::Sink;
use crate::chat::reply::line::LineTags;
use crate::chat::state::ids::{ChannelId, UserId};
use crate::chat::state::login::Login;
use crate::chat::state::message::Said;
use crate::chat::state::metadata::Key;
use crate::chat::state::mode_change::ModeChange;
use crate::chat::state::queries::Subject;
use crate::chat::state::redactable::HeardIn;
use crate::chat::state::registration::Standing;
use crate::chat::state::users::{NewUser, UserMode};
use crate::net::ConnId;
use crate::wire::casemap::Folded;
use crate::wire::irc::names::{ChannelName, Nick};

/// An event: what happened, when, and under which id.
#[derive(Clone, Copy)]
pub(crate) struct Event<'a> {
    pub stamp: Stamp<'a>,
    pub what: What<'a>,
}

/// The time and the id of an event.
#[derive(Clone, Copy)]
pub(crate) struct Stamp<'a> {
    /// When it happened, in milliseconds since 1970.
    pub at_ms: u64,
    /// Its message id, which its line and its history entry have.
    pub msgid: &'a str,
}

/// What happened. A connection in it is the one that caused it, which has its reply already.
#[derive(Clone, Copy)]
pub(crate) enum What<'a> {
    /// A client has registered.
    Registered {
        user: &'a NewUser,
        conn: Option<ConnId>,
    },
    /// A user joins a channel, which is created if it does not exist; `op` if as its operator.
    Joined {
        user: UserId,
        channel: ChannelName<'a>,
        op: bool,
    },
    Parted {
        user: UserId,
        channel: ChannelId,
        reason: &'a str,
    },
    Kicked {
        by: UserId,
        user: UserId,
        channel: ChannelId,
        reason: &'a str,
    },
    Quit {
        user: UserId,
        why: &'a str,
    },
    NickChanged {
        user: UserId,
        nick: Nick<'a>,
    },
    RealnameChanged {
        user: UserId,
        realname: &'a str,
    },
    /// A user is away, or back.
    AwayChanged {
        user: UserId,
        text: Option<&'a str>,
        knows: Option<ConnId>,
    },
    LoggedIn {
        user: UserId,
        login: &'a Login,
    },
    LoggedOut {
        user: UserId,
    },
    /// A mode of a user is set or unset. The user is told of all changes of a command at once.
    UserModeChanged {
        user: UserId,
        mode: UserMode,
        on: bool,
    },
    /// A user lets private messages of a nick pass mode `R`, or no longer does.
    AcceptChanged {
        user: UserId,
        nick: &'a Folded,
        on: bool,
    },
    /// A user invites another; `passes` if the invitation passes bans and modes.
    Invited {
        by: UserId,
        user: UserId,
        channel: ChannelId,
        passes: bool,
    },
    /// A user asks to be let in.
    Knocked {
        by: UserId,
        channel: ChannelId,
        text: Option<&'a str>,
    },
    TopicSet {
        by: UserId,
        channel: ChannelId,
        text: &'a str,
    },
    /// One mode of a channel changes. The channel is told of all changes of a command at once.
    ModeChanged {
        channel: ChannelId,
        change: ModeChange<'a>,
    },
    /// The members learn of mode changes: the letters, and their parameters.
    ModesTold {
        source: Source<'a>,
        channel: ChannelId,
        letters: &'a str,
        params: &'a [String],
    },
    ChannelRenamed {
        by: UserId,
        channel: ChannelId,
        name: ChannelName<'a>,
        reason: &'a str,
    },
    /// An account asks to be the founder of a channel, which exists without members from now on.
    RegistrationAsked {
        channel: ChannelId,
        founder: &'a str,
    },
    /// A registration is stored: accounts give the ranks from now on.
    RegistrationStands {
        channel: ChannelId,
    },
    /// A registration ends, or is refused.
    RegistrationEnded {
        channel: ChannelId,
    },
    /// A value of metadata is set or, without one, unset.
    MetadataChanged {
        of: Subject,
        key: &'a Key,
        value: Option<&'a str>,
        conn: ConnId,
    },
    Said(&'a Said<'a>),
    Redacted {
        by: Caller,
        place: &'a HeardIn,
        msgid: &'a str,
        reason: Option<&'a str>,
        by_right: bool,
    },
}

/// The source of an event.
#[derive(Clone, Copy)]
pub(crate) enum Source<'a> {
    User(UserId),
    /// The server, or the mask of a service.
    Server(&'a str),
}

impl Stamp<'_> {
    /// When it happened, in seconds since 1970.
    pub(crate) fn at_s(&self) -> u64 {
        self.at_ms / 1000
    }
}

impl Chat {
    /// Applies what a command has decided, now.
    pub(crate) fn happen(&mut self, sink: &mut Sink, what: What) {
        let at_ms = sink.now().unix_ms;
        let msgid = self.message_ids.next(at_ms);
        let event = Event { stamp: Stamp { at_ms, msgid: &msgid }, what };
        if let Some(mut twin) = self.twin.take() {
            twin.follow(sink, self, &event);
            self.twin = Some(twin);
        }
        self.apply(sink, &event);
    }

    /// Applies an event to the state, and tells everyone and everything concerned.
    pub(crate) fn apply(&mut self, sink: &mut Sink, event: &Event) {
        let stamp = event.stamp;
        match event.what {
            What::Registered { user, conn } => self.registered(sink, stamp, user, conn),
            What::Joined { user, channel, op } => self.joined(sink, stamp, user, channel, op),
            What::Parted { user, channel, reason } => {
                self.parted(sink, stamp, user, channel, reason);
            }
            What::Kicked { by, user, channel, reason } => {
                self.kicked(sink, stamp, by, user, (channel, reason));
            }
            What::Quit { user, why } => self.quitted(sink, stamp, user, why),
            What::NickChanged { user, nick } => self.nick_changed(sink, stamp, user, nick),
            What::RealnameChanged { user, realname } => {
                self.realname_changed(sink, stamp, user, realname);
            }
            What::AwayChanged { user, text, knows } => {
                self.away_changed(sink, stamp, user, text, knows);
            }
            What::LoggedIn { user, login } => self.logged_in(sink, stamp, user, login),
            What::LoggedOut { user } => self.logged_out(sink, stamp, user),
            What::UserModeChanged { user, mode, on } => {
                self.user_mode_changed(sink, user, mode, on);
            }
            What::AcceptChanged { user, nick, on } => self.accept_changed(user, nick, on),
            What::Invited { by, user, channel, passes } => {
                self.invited(sink, stamp, by, user, (channel, passes));
            }
            What::Knocked { by, channel, text } => self.knocked(sink, stamp, by, channel, text),
            What::TopicSet { by, channel, text } => self.topic_set(sink, stamp, by, channel, text),
            What::ModeChanged { channel, change } => {
                self.mode_changed(sink, stamp, channel, change);
            }
            What::ModesTold { source, channel, letters, params } => {
                self.modes_told(sink, stamp, source, channel, (letters, params));
            }
            What::ChannelRenamed { by, channel, name, reason } => {
                self.channel_renamed(sink, stamp, by, channel, (name, reason));
            }
            What::RegistrationAsked { channel, founder } => {
                self.channels.register(channel, founder.into());
            }
            What::RegistrationStands { channel } => {
                if let Some(registration) = &mut self.channels[channel].registration {
                    registration.standing = Standing::Stands;
                }
            }
            What::RegistrationEnded { channel } => self.channels.end_registration(channel),
            What::MetadataChanged { of, key, value, conn } => {
                self.metadata_changed(sink, of, key, value, conn);
            }
            What::Said(said) => self.said(sink, stamp, said),
            What::Redacted { by, place, msgid, reason, by_right } => {
                self.redacted(sink, stamp, by, place, (msgid, reason, by_right));
            }
        }
    }

    /// The name of a source on the wire.
    pub(crate) fn source_name<'s>(&'s self, source: Source<'s>) -> &'s str {
        match source {
            Source::User(user) => self.users[user].mask(),
            Source::Server(name) => name,
        }
    }

    /// The tags of an event's line.
    pub(crate) fn event_tags<'s>(&'s self, stamp: Stamp<'s>, source: Source) -> LineTags<'s> {
        let tags = match source {
            Source::User(user) => self.tags_of(user),
            Source::Server(_) => LineTags::default(),
        };
        LineTags { msgid: Some(stamp.msgid), at_ms: Some(stamp.at_ms), ..tags }
    }

    /// The tags of a line of `user` about an event.
    pub(crate) fn tags_at<'s>(&'s self, stamp: Stamp<'s>, user: UserId) -> LineTags<'s> {
        self.event_tags(stamp, Source::User(user))
    }
}
