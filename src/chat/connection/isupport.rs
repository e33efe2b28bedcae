//! ISUPPORT: the limits and features of this server. Modern IRC, "RPL_ISUPPORT Parameters"; IRCv3
//! extended-isupport.

use crate::chat::Chat;
use crate::chat::channel::list::CONDITIONS_MAX;
use crate::chat::channel::mode::MODES_MAX;
use crate::chat::command::Command;
use crate::chat::reply::Sink;
use crate::chat::reply::numeric::*;
use crate::chat::state::ban::{ACCOUNT_EXTBAN, EXTBANS};
use crate::chat::state::caps::Cap;
use crate::chat::state::channels::{ChannelMode, List};
use crate::chat::state::ranks::Rank;
use crate::net::ConnId;
use crate::wire::casemap::CASEMAPPING;
use crate::wire::irc::Message;
use crate::wire::irc::names::CHANNEL_TYPES;

pub(crate) const ISUPPORT: Command = Command::anyone("ISUPPORT", 0, Chat::isupport)
    .help("ISUPPORT", &["Repeats the features of this server. For clients."]);

/// A line has 15 parameters: the nick is the first, the text the last.
const TOKENS_A_LINE: usize = 13;

impl Chat {
    /// `ISUPPORT`. IRCv3 extended-isupport: before registration for clients with that capability.
    pub(crate) fn isupport(&mut self, sink: &mut Sink, conn: ConnId, _message: &Message) {
        let session = &self.sessions[conn];
        if session.user().is_none() && !session.caps.has(Cap::ExtendedIsupport) {
            return self.numeric(sink, conn, ERR_NOTREGISTERED, &[]);
        }
        self.tell_isupport(sink, conn);
    }

    /// Sends all tokens; in a batch for clients with `draft/extended-isupport`.
    pub(crate) fn tell_isupport(&mut self, sink: &mut Sink, conn: ConnId) {
        let tokens = self.isupport_tokens();
        self.tell_tokens(sink, conn, &tokens);
    }

    /// Sends all users the tokens that differ from `before`. Modern IRC, "RPL_ISUPPORT (005)": a
    /// changed one has its new value, a removed one a `-` before it.
    pub(crate) fn tell_new_isupport(&mut self, sink: &mut Sink, before: &[String]) {
        let name = |token: &str| token.split('=').next().unwrap_or_default().to_owned();
        let now = self.isupport_tokens();
        let names: Vec<String> = now.iter().map(|token| name(token)).collect();
        let gone = before.iter().map(|token| name(token)).filter(|name| !names.contains(name));
        let gone = gone.map(|name| format!("-{name}"));
        let new = now.iter().filter(|token| !before.contains(token)).cloned();
        let tokens: Vec<String> = new.chain(gone).collect();
        let users = self.users.iter().flat_map(|(_, user)| user.conns.iter().copied());
        for conn in users.collect::<Vec<ConnId>>() {
            self.tell_tokens(sink, conn, &tokens);
        }
    }

    fn tell_tokens(&mut self, sink: &mut Sink, conn: ConnId, tokens: &[String]) {
        if tokens.is_empty() {
            return;
        }
        let tell = |chat: &mut Chat, sink: &mut Sink, batch: Option<&str>| {
            for tokens in tokens.chunks(TOKENS_A_LINE) {
                let tokens: Vec<&str> = tokens.iter().map(String::as_str).collect();
                chat.numeric_in(sink, conn, batch, RPL_ISUPPORT, &tokens);
            }
        };
        if self.sessions[conn].caps.has(Cap::ExtendedIsupport) {
            self.batched(sink, conn, "draft/isupport", &[], tell);
        } else {
            tell(self, sink, None);
        }
    }

    pub(crate) fn isupport_tokens(&self) -> Vec<String> {
        let limits = &self.settings.limits;
        let ranks = Rank::LETTERS.iter();
        let rank_letters: String = ranks.clone().map(|(letter, _, _)| *letter).collect();
        let prefixes: String = ranks.map(|(_, prefix, _)| *prefix).collect();
        let lists: String = List::LETTERS.iter().map(|(letter, _)| *letter).collect();
        let flags: String = ChannelMode::LETTERS.iter().map(|(letter, _)| *letter).collect();
        let targets = limits.targets_max;
        let targmax = [
            ("ACCEPT", None),
            ("INVITE", Some(1)),
            ("JOIN", None),
            ("KICK", Some(targets)),
            ("LIST", Some(CONDITIONS_MAX)),
            ("MONITOR", None),
            ("NAMES", Some(targets)),
            ("NOTICE", Some(targets)),
            ("PART", None),
            ("PRIVMSG", Some(targets)),
            ("TAGMSG", Some(targets)),
            ("WHOIS", Some(targets)),
        ];
        let targmax = targmax.map(|(command, max)| {
            format!("{command}:{}", max.map_or(String::new(), |max| max.to_string()))
        });
        let mut tokens = vec![
            format!("ACCEPT={}", limits.accept_max),
            format!("ACCOUNTEXTBAN={ACCOUNT_EXTBAN}"),
            format!("AWAYLEN={}", limits.away_max),
            "BOT=B".to_owned(),
            format!("CASEMAPPING={CASEMAPPING}"),
            format!("CHANLIMIT={CHANNEL_TYPES}:{}", limits.channels_per_user),
            format!("CHANMODES={lists},k,Wfl,{flags}"),
            format!("CHANNELLEN={}", limits.channel_name_max),
            format!("CHANTYPES={CHANNEL_TYPES}"),
            "ELIST=CMNTU".to_owned(),
            "EXCEPTS=e".to_owned(),
            format!("EXTBAN=,{EXTBANS}"),
            format!("HOSTLEN={HOST_MAX}"),
            "INVEX=I".to_owned(),
            format!("KEYLEN={}", limits.key_max),
            format!("KICKLEN={}", limits.kick_max),
            format!(
                "MAXLIST={}",
                List::LETTERS
                    .map(|(letter, _)| format!("{letter}:{}", limits.list_entries_max))
                    .join(",")
            ),
            format!("MAXTARGETS={targets}"),
            format!("MODES={MODES_MAX}"),
            format!("MONITOR={}", limits.monitor_max),
            format!("NAMELEN={}", limits.realname_max),
            format!("NETWORK={}", escaped(&self.settings.network)),
            format!("NICKLEN={}", limits.nick_max),
            format!("PREFIX=({rank_letters}){prefixes}"),
            "RPCHAN=E".to_owned(),
            "SAFELIST".to_owned(),
            format!("STATUSMSG={prefixes}"),
            format!("TARGMAX={}", targmax.join(",")),
            format!("TOPICLEN={}", limits.topic_max),
            format!("USERLEN={}", limits.user_max),
            "UTF8ONLY".to_owned(),
            "WHOX".to_owned(),
        ];
        if self.settings.history.enabled {
            tokens.push(format!("CHATHISTORY={}", self.settings.history.answer_max));
            tokens.push("MSGREFTYPES=msgid,timestamp".to_owned());
        }
        if let Some(icon) = &self.settings.icon {
            tokens.push(format!("draft/ICON={}", escaped(icon)));
        }
        tokens
    }
}

/// The longest host: 39 letters of an IPv6 address, or a name.
const HOST_MAX: usize = 63;

/// Escapes the characters that would end a value. Modern IRC, "RPL_ISUPPORT (005)".
fn escaped(value: &str) -> String {
    value.replace('\\', "\\x5C").replace(' ', "\\x20").replace('=', "\\x3D")
}
