//! Channel events in the history: joins, parts, topics and the like. IRCv3 draft/event-playback, a
//! part of draft/chathistory.
//!
//! Messages go first: while the store's queue is half full, events are not stored.

use crate::chat::Chat;
use crate::chat::reply::Sink;
use crate::chat::reply::line::LineTags;
use crate::chat::state::channels::ChannelMode;
use crate::chat::state::ids::{ChannelId, UserId};
use crate::store;
use crate::store::{Request, Text};

impl Chat {
    /// Stores the event that `user` gave `command` with `params`, as on the wire, in each of
    /// `channels` with a history. Returns its message id, for the live line too.
    pub(crate) fn append_event(
        &mut self,
        sink: &mut Sink,
        user: UserId,
        channels: &[ChannelId],
        command: &str,
        params: &str,
    ) -> String {
        let msgid = self.message_ids.next(sink.now().unix_ms);
        let places = self.event_targets(channels);
        if !places.is_empty() {
            let tags = LineTags { msgid: Some(&msgid), ..self.tags_of(user) };
            let text = Text::Line(params.to_owned());
            let event = self.to_store(sink, self.users[user].mask(), command, tags, text);
            self.append_to(sink, places, &event);
        }
        msgid
    }

    /// Stores an event that a service caused; `source` is the service's mask.
    pub(crate) fn append_service_event(
        &mut self,
        sink: &mut Sink,
        source: &str,
        channel: ChannelId,
        command: &str,
        params: &str,
    ) -> String {
        let msgid = self.message_ids.next(sink.now().unix_ms);
        let places = self.event_targets(&[channel]);
        if !places.is_empty() {
            let tags = LineTags { msgid: Some(&msgid), ..LineTags::default() };
            let text = Text::Line(params.to_owned());
            let event = self.to_store(sink, source, command, tags, text);
            self.append_to(sink, places, &event);
        }
        msgid
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

    fn append_to(&mut self, sink: &mut Sink, places: Vec<store::Target>, event: &store::Message) {
        for target in places {
            let request = Request::Append { target, message: event.clone() };
            self.ask_store(sink, request, |_, _, _| {});
        }
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
