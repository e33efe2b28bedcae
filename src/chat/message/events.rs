//! Channel events in the history: joins, parts, topics and the like. IRCv3 draft/event-playback, a
//! part of draft/chathistory.
//!
//! Messages go first: while the store's queue is half full, events are not stored.

use crate::chat::Chat;
use crate::chat::event::{Source, Stamp};
use crate::chat::reply::Sink;
use crate::chat::state::channels::ChannelMode;
use crate::chat::state::ids::{ChannelId, UserId};
use crate::store;
use crate::store::{Request, Text};

impl Chat {
    /// Stores an event as its `command` and `params` on the wire, in each of `channels` with a
    /// history.
    pub(crate) fn append_event(
        &mut self,
        sink: &mut Sink,
        stamp: Stamp,
        source: Source,
        channels: &[ChannelId],
        (command, params): (&str, &str),
    ) {
        let targets = self.event_targets(channels);
        if targets.is_empty() {
            return;
        }
        let (name, tags) = (self.source_name(source), self.event_tags(stamp, source));
        let text = Text::Line(params.to_owned());
        let message = self.to_store(stamp.at_ms, name, command, tags, text);
        for target in targets {
            let request = Request::Append { target, message: message.clone() };
            self.ask_store(sink, request, |_, _, _| {});
        }
    }

    /// The history targets of `channels` in which events are stored.
    fn event_targets(&self, channels: &[ChannelId]) -> Vec<store::Target> {
        // A member hidden in an auditorium must not appear in its history either.
        let tells = |id: &&ChannelId| !self.channels[**id].is(ChannelMode::Auditorium);
        if !self.settings.history.enabled || !self.backends.takes_events() {
            return Vec::new();
        }
        channels.iter().filter(tells).map(|id| self.history_target_of_channel(*id)).collect()
    }

    /// The channels of a user.
    pub(crate) fn channels_of(&self, user: UserId) -> Vec<ChannelId> {
        self.users[user].channels.iter().map(|membership| membership.channel).collect()
    }
}

/// `params` as on the wire, followed by `text` unless that is empty; it may hold spaces.
pub(crate) fn text_after(params: &str, text: &str) -> String {
    if text.is_empty() { params.to_owned() } else { format!("{params} :{text}") }
}
