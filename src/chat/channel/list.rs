//! LIST. Modern IRC, "LIST message"; ISUPPORT `ELIST=CMNTU`, `SAFELIST`.

use crate::chat::command::Command;
use crate::chat::reply::Sink;
use crate::chat::reply::numeric::*;
use crate::chat::state::channels::ChannelMode;
use crate::chat::state::ids::ChannelId;
use crate::chat::state::pending::Query;
use crate::chat::state::queries::ListFilter;
use crate::chat::{Caller, Chat};
use crate::wire::irc::Message;
use crate::wire::irc::names::ChannelName;

pub(crate) const LIST: Command = Command::user("LIST", 0, Chat::list).costs(50).help("LIST [condition{,condition}]", &["Lists channels: all, or those that match each condition. A name or a mask; !mask for", "channels that do not match; >5 and <5 by users; C>60 and C<60 created more or less than 60", "minutes ago; T>60 and T<60 with a topic set more or less than 60 minutes ago."]);

/// Conditions and masks in one LIST.
pub(crate) const CONDITIONS_MAX: usize = 20;

impl Chat {
    /// `LIST [channel{,channel}] [elist{,elist}]`.
    pub(crate) fn list(&mut self, sink: &mut Sink, by: Caller, message: &Message) {
        let now = sink.unix();
        let mut filter = ListFilter::default();
        let items = message.params.iter().take(2).enumerate();
        let items =
            items.flat_map(|(place, param)| param.split(',').map(move |item| (place, item)));
        for (place, item) in items.filter(|(_, item)| !item.is_empty()).take(CONDITIONS_MAX) {
            // The second parameter was once a server; the first names channels, or none.
            let mask = place == 0 || ChannelName::is_meant_by(item) || item.contains(['*', '?']);
            filter.add(item, mask, now);
        }
        self.begin_answer(sink, by, Query::List(filter));
    }

    /// Sends one channel, if it matches and the user may know of it.
    pub(crate) fn list_one(
        &self,
        sink: &mut Sink,
        by: Caller,
        filter: &ListFilter,
        id: ChannelId,
        batch: Option<&str>,
    ) {
        let channel = &self.channels[id];
        let inside = self.users[by.user].is_in(id);
        let hidden = channel.is(ChannelMode::Secret) && !inside;
        let asker = self.member(id, by.user);
        let seen = match channel.is(ChannelMode::Auditorium) {
            true => channel.members.iter().filter(|member| self.shows(id, asker, **member)).count(),
            false => channel.members.len(),
        };
        let topic_age = (channel.topic_at, channel.created);
        if hidden || !filter.wants(&channel.name, seen, topic_age) {
            return;
        }
        let topic = channel.topic.as_ref().map_or("", |topic| &topic.text);
        self.numeric_in(sink, by.conn, batch, RPL_LIST, &[&channel.name, &seen.to_string(), topic]);
    }
}
