//! Speaking under another name: RELAYMSG for bridges, NPC, NPCA and SCENE for roleplay.
//! draft/relaymsg and roleplay have no ratified text; both follow Ergo.

use crate::chat::command::Command;
use crate::chat::reply::Sink;
use crate::chat::reply::numeric::*;
use crate::chat::state::channels::ChannelMode;
use crate::chat::state::ids::ChannelId;
use crate::chat::state::message::{Kind, Said, Speaker, Target, Words};
use crate::chat::state::ranks::Rank;
use crate::chat::{Caller, Chat};
use crate::wire::irc::Message;
use crate::wire::irc::names::is_relayed_nick;

pub(crate) const RELAYMSG: Command = Command::user("RELAYMSG", 3, Chat::relaymsg).help(
    "RELAYMSG channel nick text",
    &["Sends a message for a user of another network; the nick contains a /. For bridges."],
);

pub(crate) const NPC: Command = Command::user("NPC", 3, Chat::npc).ends_idle().help(
    "NPC channel name text",
    &["Sends a message as a character of a roleplay. The channel needs mode +E."],
);

pub(crate) const NPCA: Command = Command::user("NPCA", 3, Chat::npca).ends_idle().help(
    "NPCA channel name text",
    &["Sends an action as a character of a roleplay. The channel needs mode +E."],
);

pub(crate) const SCENE: Command = Command::user("SCENE", 2, Chat::scene).ends_idle().help(
    "SCENE channel text",
    &["Sends a description of a scene in a roleplay. The channel needs mode +E."],
);

/// The host of a roleplay figure.
const NPC_HOST: &str = "npc.fakeuser.invalid";

impl Chat {
    /// `RELAYMSG channel nick text`: a message from another network, sent by a channel operator.
    /// The nick has a `/`, which no local nick has.
    pub(crate) fn relaymsg(&mut self, sink: &mut Sink, by: Caller, message: &Message) {
        let (name, nick, text) = (message.params[0], message.params[1], message.params[2]);
        let Some(channel) = self.channel_for(by, name) else {
            return self.no_such_channel(sink, by, name);
        };
        let ranked = self.member(channel, by.user).is_some_and(|m| m.ranks.at_least(Rank::Op));
        if !ranked {
            let text = "Only operators of a channel may relay to it";
            return self.fail(sink, by.conn, "RELAYMSG", "PRIVS_NEEDED", &[], text);
        }
        if !is_relayed_nick(nick, self.settings.limits.nick_max) {
            let text = "A relayed nick is a nick with a / in it";
            return self.fail(sink, by.conn, "RELAYMSG", "INVALID_NICK", &[], text);
        }
        let relay = self.users[by.user].nick().to_owned();
        let source = format!("{nick}!relaymsg@{}", self.settings.server_name);
        self.say_as(sink, by, message, channel, (&source, Some(&relay)), text);
    }

    /// `NPC channel name text`: speech of a figure.
    pub(crate) fn npc(&mut self, sink: &mut Sink, by: Caller, message: &Message) {
        self.play_figure(sink, by, message, false);
    }

    /// `NPCA channel name text`: an action of a figure.
    pub(crate) fn npca(&mut self, sink: &mut Sink, by: Caller, message: &Message) {
        self.play_figure(sink, by, message, true);
    }

    fn play_figure(&mut self, sink: &mut Sink, by: Caller, message: &Message, acts: bool) {
        let name = message.params[1];
        let fit = |c: char| !c.is_control() && !"!@ :,*?".contains(c);
        if !name.chars().all(fit) || name.len() > self.settings.limits.nick_max {
            let text = "This is no name for a figure";
            return self.numeric_saying(
                sink,
                by.conn,
                ERR_CANNOTSENDRP,
                &[message.params[0]],
                text,
            );
        }
        let figure = format!("*{name}*");
        self.act(sink, by, message, &figure, &message.params[2..].join(" "), acts);
    }

    /// `SCENE channel text`: an event.
    pub(crate) fn scene(&mut self, sink: &mut Sink, by: Caller, message: &Message) {
        let text = message.params[1..].join(" ");
        self.act(sink, by, message, "=Scene=", &text, false);
    }

    /// Sends a figure's message. It ends with the user's nick, so that nobody is misled.
    fn act(
        &mut self,
        sink: &mut Sink,
        by: Caller,
        message: &Message,
        figure: &str,
        text: &str,
        acts: bool,
    ) {
        let name = message.params[0];
        let Some(channel) = self.channel_for(by, name) else {
            return self.no_such_channel(sink, by, name);
        };
        let name = self.channels[channel].name.clone();
        if !self.channels[channel].is(ChannelMode::Roleplay) {
            let text = "No roleplay here (mode E is not set)";
            return self.numeric_saying(sink, by.conn, ERR_CANNOTSENDRP, &[&name], text);
        }
        if !self.users[by.user].is_in(channel) {
            return self.numeric(sink, by.conn, ERR_NOTONCHANNEL, &[&name]);
        }
        let player = self.users[by.user].nick();
        let source = format!("{figure}!{player}@{NPC_HOST}");
        let text = match acts {
            true => format!("\x01ACTION {text} ({player})\x01"),
            false => format!("{text} ({player})"),
        };
        self.say_as(sink, by, message, channel, (&source, None), &text);
    }

    fn say_as(
        &mut self,
        sink: &mut Sink,
        by: Caller,
        message: &Message,
        channel: ChannelId,
        (source, relayed_by): (&str, Option<&str>),
        text: &str,
    ) {
        let name = self.channels[channel].name.clone();
        self.end_timed_bans(sink, channel);
        let why = self.silences(channel, by.user, &[text]).map(str::to_owned);
        if let Some(why) = why.or_else(|| self.curbs(sink, channel, by.user, &[text])) {
            return self.numeric_saying(sink, by.conn, ERR_CANNOTSENDTOCHAN, &[&name], &why);
        }
        self.say_message(
            sink,
            &Said {
                speaker: Speaker::Through { caller: by, source, relayed_by },
                kind: Kind::Privmsg,
                target: Target::Channel(channel, None),
                words: Words::Line(text),
                client_tags: &self.client_tags(by, message),
            },
        );
    }
}
