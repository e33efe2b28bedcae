//! Speaking for somebody else: RELAYMSG for bridges, NPC, NPCA and SCENE for roleplay.
//! draft/relaymsg and roleplay have no ratified text; both are as Ergo has them.

use crate::chat::reply::Sink;
use crate::chat::reply::line::{Line, LineTags};
use crate::chat::reply::numeric::*;
use crate::chat::state::caps::Cap;
use crate::chat::state::channels::ChannelMode;
use crate::chat::state::ids::ChannelId;
use crate::chat::state::message::{Kind, Target};
use crate::chat::state::ranks::Rank;
use crate::chat::{Caller, Chat};
use crate::store::Text;
use crate::wire::irc::Message;

/// The host of whom nobody is.
const NPC_HOST: &str = "npc.fakeuser.invalid";

impl Chat {
    /// `RELAYMSG channel nick text`: what somebody says on another network, by a channel's operators.
    /// The nick has a `/`, which no nick of ours has.
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

    /// `NPC channel name text`: what a figure says.
    pub(crate) fn npc(&mut self, sink: &mut Sink, by: Caller, message: &Message) {
        self.play_figure(sink, by, message, false);
    }

    /// `NPCA channel name text`: what a figure does.
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

    /// `SCENE channel text`: what happens.
    pub(crate) fn scene(&mut self, sink: &mut Sink, by: Caller, message: &Message) {
        let text = message.params[1..].join(" ");
        self.act(sink, by, message, "=Scene=", &text, false);
    }

    /// Who plays is told at the end of what is played, so that nobody is misled.
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
        let target = Target::Channel(channel, None);
        let msgid = self.message_ids.next(sink.now().unix_ms);
        self.note_said(sink, by, target, &msgid);
        let client = self.client_tags(by, message);
        let tags =
            LineTags { msgid: Some(&msgid), relayed_by, client: &client, ..LineTags::default() };
        let kind = Kind::Privmsg;
        let echo = self.keep(sink, by, target, &name, |chat, sink| {
            chat.to_store(sink, source, kind.command(), tags, Text::Line(text.to_owned()))
        });
        let params = [&*name, text];
        let mut line = Line::new(source, kind.command(), &params).tagged(tags);
        if relayed_by.is_none() {
            // A figure is not its player: no client shows by itself what the figure says.
            let own = self.users[by.user].conns.iter().map(|conn| &self.sessions[*conn]);
            for session in own.filter(|session| !session.caps.has(Cap::EchoMessage)) {
                line.to(sink, session);
            }
        }
        self.deliver(sink, by, target, echo, &mut |sink, session| line.to(sink, session));
    }
}

fn is_relayed_nick(nick: &str, bytes_max: usize) -> bool {
    // What draft/relaymsg reserves; `~` would be taken for a rank.
    let fit = |c: char| !c.is_control() && !c.is_whitespace() && !"!+%@&#$:'\"?*,.~".contains(c);
    let first = |c: char| !"/-".contains(c) && !c.is_ascii_digit();
    nick.len() <= bytes_max
        && nick.contains('/')
        && nick.chars().all(fit)
        && nick.chars().next().is_some_and(first)
}
