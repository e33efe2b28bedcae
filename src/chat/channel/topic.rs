//! TOPIC. Modern IRC, "TOPIC message".

use crate::chat::command::Command;
use crate::chat::event::{Source, Stamp, What};
use crate::chat::reply::Sink;
use crate::chat::reply::line::Line;
use crate::chat::reply::numeric::*;
use crate::chat::state::channels::{ChannelMode, Topic};
use crate::chat::state::ids::{ChannelId, UserId};
use crate::chat::state::ranks::Rank;
use crate::chat::state::services::shortened;
use crate::chat::{Caller, Chat};
use crate::wire::irc::Message;

pub(crate) const TOPIC: Command =
    Command::user("TOPIC", 1, Chat::topic).costs(20).ends_idle_with(2).help(
        "TOPIC channel [text]",
        &["Shows or sets the topic of a channel; an empty text removes it."],
    );

impl Chat {
    /// `TOPIC channel [topic]`.
    pub(crate) fn topic(&mut self, sink: &mut Sink, by: Caller, message: &Message) {
        let name = message.params[0];
        let Some(channel) = self.channel_for(by, name) else {
            return self.no_such_channel(sink, by, name);
        };
        match message.params.get(1) {
            Some(text) => self.set_topic(sink, by, channel, text),
            None if self.channels[channel].topic.is_some() => self.tell_topic(sink, by, channel),
            None => self.numeric(sink, by.conn, RPL_NOTOPIC, &[&self.channels[channel].name]),
        }
    }

    fn set_topic(&mut self, sink: &mut Sink, by: Caller, channel: ChannelId, text: &str) {
        let name = self.channels[channel].name.clone();
        let Some(member) = self.member(channel, by.user) else {
            return self.numeric(sink, by.conn, ERR_NOTONCHANNEL, &[&name]);
        };
        let locked = self.channels[channel].is(ChannelMode::TopicLocked);
        if locked && !member.ranks.at_least(Rank::Halfop) {
            return self.numeric(sink, by.conn, ERR_CHANOPRIVSNEEDED, &[&name]);
        }
        let text = shortened(text, self.settings.limits.topic_max);
        self.happen(sink, What::TopicSet { by: by.user, channel, text });
    }

    /// Applies a change of topic.
    pub(crate) fn topic_set(
        &mut self,
        sink: &mut Sink,
        stamp: Stamp,
        by: UserId,
        channel: ChannelId,
        text: &str,
    ) {
        let topic = Topic { text: text.into(), by: self.users[by].mask().into() };
        let room = &mut self.channels[channel];
        room.topic = Some(topic).filter(|_| !text.is_empty());
        room.topic_at = stamp.at_s();
        let params = format!("{} :{text}", room.name);
        self.append_event(sink, stamp, Source::User(by), &[channel], ("TOPIC", &params));
        let params = [&*self.channels[channel].name];
        let line = Line::new(self.users[by].mask(), "TOPIC", &params).text(text);
        let mut line = line.tagged(self.tags_at(stamp, by));
        self.to_channel(sink, &mut line, channel);
        self.save_channel(sink, channel);
    }

    /// Sends the topic of a channel that has one, with its author and time.
    pub(crate) fn tell_topic(&self, sink: &mut Sink, by: Caller, channel: ChannelId) {
        let channel = &self.channels[channel];
        let Some(topic) = &channel.topic else { return };
        self.numeric(sink, by.conn, RPL_TOPIC, &[&channel.name, &topic.text]);
        let at = channel.topic_at.to_string();
        self.numeric(sink, by.conn, RPL_TOPICWHOTIME, &[&channel.name, &topic.by, &at]);
    }
}
