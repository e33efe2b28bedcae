//! HELP: an index, and one short topic for each command and each kind of modes. Modern IRC, "HELP
//! message".

use crate::chat::reply::Sink;
use crate::chat::reply::numeric::*;
use crate::chat::{Caller, Chat};
use crate::wire::irc::Message;

/// A topic of HELP.
struct HelpTopic {
    /// Commands in capitals, other topics in small letters.
    name: &'static str,
    /// Its title: for a command, the syntax.
    title: &'static str,
    text: &'static [&'static str],
}

const fn topic(
    name: &'static str,
    title: &'static str,
    text: &'static [&'static str],
) -> HelpTopic {
    HelpTopic { name, title, text }
}

/// Names of topics on one line of the index.
const INDEX_LINE_MAX: usize = 60;

impl Chat {
    /// `HELP [topic]`, or `HELPOP [topic]`.
    pub(crate) fn help(&mut self, sink: &mut Sink, by: Caller, message: &Message) {
        let asked = message.params.first().copied().unwrap_or_default();
        if asked.is_empty() || asked.eq_ignore_ascii_case("index") {
            // Modern IRC: the reply repeats the subject as the client wrote it.
            let subject = if asked.is_empty() { "*" } else { "index" };
            return self.tell_help(sink, by, subject, "What there is help on", &index());
        }
        match ALL.iter().find(|topic| topic.name.eq_ignore_ascii_case(asked)) {
            Some(HelpTopic { name: OPERATORS, title, text }) => {
                let text: Vec<&str> = text.iter().copied().chain(for_operators()).collect();
                self.tell_help(sink, by, OPERATORS, title, &text);
            }
            Some(HelpTopic { name, title, text }) => self.tell_help(sink, by, name, title, text),
            None => self.numeric(sink, by.conn, ERR_HELPNOTFOUND, &[asked]),
        }
    }

    fn tell_help(
        &self,
        sink: &mut Sink,
        by: Caller,
        name: &str,
        title: &str,
        text: &[impl AsRef<str>],
    ) {
        self.numeric(sink, by.conn, RPL_HELPSTART, &[name, title]);
        // Modern IRC: the first line should be empty.
        self.numeric(sink, by.conn, RPL_HELPTXT, &[name, ""]);
        for line in text {
            self.numeric(sink, by.conn, RPL_HELPTXT, &[name, line.as_ref()]);
        }
        self.numeric(sink, by.conn, RPL_ENDOFHELP, &[name]);
    }
}

/// The topic that lists the commands of operators.
const OPERATORS: &str = "operators";

/// The syntax of each operator command.
fn for_operators() -> impl Iterator<Item = &'static str> {
    let is_for = |topic: &&HelpTopic| topic.text.iter().any(|line| line.contains("For operators"));
    ALL.iter().filter(is_for).map(|topic| topic.title)
}

fn index() -> Vec<String> {
    let mut lines = vec!["HELP topic says more of one of these:".to_owned()];
    for HelpTopic { name, .. } in ALL {
        match lines.last_mut() {
            Some(line) if line.len() + name.len() < INDEX_LINE_MAX && !line.ends_with(':') => {
                *line = format!("{line} {name}");
            }
            _ => lines.push((*name).to_owned()),
        }
    }
    lines
}

/// All topics, in the order of the index.
const ALL: &[HelpTopic] = &[
    topic(
        "chmodes",
        "Modes of channels",
        &[
            "Who is in a channel may have a rank, each with a prefix before the nick:",
            "  +q ~ founder, +a & admin, +o @ operator, +h % halfop, +v + voice.",
            "With a parameter:",
            "  +b mask    bans; see HELP extbans     +e mask    excepts from bans",
            "  +I mask    may join in spite of +i    +k key     to join takes this key",
            "  +l number  so many may be in it       +f channel where those go who may not join",
            "  +W seconds between two messages of one who has no rank",
            "Without one:",
            "  +C no CTCP but actions                +E roleplay: NPC, NPCA, SCENE",
            "  +M only who is logged in speaks       +R only who is logged in joins",
            "  +U who has no rank is heard by halfops and higher only",
            "  +u who has no rank is seen by halfops and higher only",
            "  +i only who is invited joins          +m only who has a rank speaks",
            "  +n nothing is said from outside       +s the channel is hidden from outside",
            "  +t only halfops and higher set the topic",
        ],
    ),
    topic(
        "umodes",
        "Modes of users",
        &[
            "  +B  a bot                             +R  hears in private only who is logged in,",
            "  +T  hears no CTCP                         or accepted with ACCEPT",
            "  +i  hidden from who shares no channel +w  hears WALLOPS",
            "  +o  operator of the server: OPER      +s  hears notices of the server",
            "To operators +s takes letters of what to hear of: c connects, x exits, k kills,",
            "o operators, r refusals; MODE nick -s r takes one back.",
        ],
    ),
    topic(
        "extbans",
        "Extended bans, in the lists of modes b, e and I",
        &[
            "  a:account  whoever is logged in to that account; * and ? as in masks",
            "  m:ban      keeps whom it means from speaking and not from joining",
            "m: stands before a mask or another extended ban: m:a:bob, m:*!*@*.b.c.ip",
            "Addresses are hidden: HOWTOBAN nick says which entries mean somebody.",
        ],
    ),
    topic(
        OPERATORS,
        "What operators of the server can do",
        &[
            "OPER makes you one. Which of this you may is what your class has; HELP says more of each:",
        ],
    ),
    topic(
        "ACCEPT",
        "ACCEPT nick{,nick}",
        &[
            "Lets a nick speak to you in private though you have mode R.",
            "ACCEPT -nick takes it back, ACCEPT * lists them.",
        ],
    ),
    topic("ADMIN", "ADMIN [server]", &["Says who runs this server."]),
    topic("AUDIT", "AUDIT [count] [operator]", &["Tells what operators did last. For operators."]),
    topic(
        "AUTHENTICATE",
        "AUTHENTICATE mechanism",
        &["Logs you in to your account. For programs: IRCv3 sasl. See NICKSERV."],
    ),
    topic(
        "AWAY",
        "AWAY [text]",
        &[
            "Says why you are away to who speaks to you; without a text you are back. With several",
            "connections you are away once all of them are.",
        ],
    ),
    topic(
        "BATCH",
        "BATCH +reference draft/multiline target, then BATCH -reference",
        &["Makes one message of the lines between. For programs: IRCv3 multiline."],
    ),
    topic(
        "CAP",
        "CAP subcommand [capabilities]",
        &["Asks for what this server can do beyond the usual: LS, LIST, REQ, END. For programs."],
    ),
    topic(
        "CHANSERV",
        "CHANSERV command",
        &["Registered channels: REGISTER, AMODE, INFO, DROP. CHANSERV HELP says more."],
    ),
    topic(
        "CHATHISTORY",
        "CHATHISTORY LATEST|BEFORE|AFTER|AROUND|BETWEEN target point [point] limit",
        &[
            "Says again what was said in a channel you are in, or with somebody. A point is",
            "msgid=id or timestamp=2026-11-21T13:00:05.123Z; with LATEST also * for none.",
            "CHATHISTORY TARGETS timestamp=… timestamp=… limit lists where something was said.",
        ],
    ),
    topic(
        "COMMAND",
        "COMMAND [name]",
        &["Runs a program of the server's config, or lists them. For operators."],
    ),
    topic("CS", "CS command", &["The same as CHANSERV."]),
    topic(
        "DEFCON",
        "DEFCON [level]",
        &[
            "How far the server shuts itself in an attack. For operators. From 5 to 1, each with those",
            "before it: 5 nothing, 4 no new accounts, 3 only who logs in may come, 2 who is not logged",
            "in speaks only where they have a rank or are accepted, 1 only operators may come.",
        ],
    ),
    topic("DIE", "DIE", &["Ends the server. For operators."]),
    topic(
        "DLINE",
        "DLINE [duration] address [reason]",
        &["Lets nobody in from an address or a network. For operators; see UBAN."],
    ),
    topic("HELP", "HELP [topic]", &["Says more of a topic, or which there are."]),
    topic("HELPOP", "HELPOP [topic]", &["The same as HELP."]),
    topic(
        "HOWTOBAN",
        "HOWTOBAN nick",
        &["Says what to put into a channel's lists, for MODE +b and TBAN, to mean somebody."],
    ),
    topic("INFO", "INFO [server]", &["Says which program this server is, and since when it runs."]),
    topic(
        "INVITE",
        "INVITE nick channel",
        &[
            "Asks somebody into a channel. From a halfop or higher it opens what is closed by",
            "+i, +l or +b. Without parameters it lists the channels you are invited to.",
        ],
    ),
    topic("ISON", "ISON nick{ nick}", &["Says which of these nicks are here."]),
    topic("ISUPPORT", "ISUPPORT", &["Repeats what this server supports. For programs."]),
    topic(
        "JOIN",
        "JOIN channel{,channel} [key{,key}]",
        &["Enters channels; one that is not there yet is made. JOIN 0 leaves all."],
    ),
    topic(
        "KICK",
        "KICK channel nick{,nick} [reason]",
        &["Puts somebody out of a channel. For halfops and higher."],
    ),
    topic(
        "KILL",
        "KILL nick [reason]",
        &["Ends somebody's connections. For operators of the server."],
    ),
    topic(
        "KLINE",
        "KLINE [duration] user@host [reason]",
        &["Lets nobody in who is called so. For operators; see UBAN."],
    ),
    topic(
        "KNOCK",
        "KNOCK channel [text]",
        &["Asks those inside for an invitation to a closed channel, once a minute."],
    ),
    topic("LINKS", "LINKS", &["Lists the servers of the network."]),
    topic(
        "LIST",
        "LIST [condition{,condition}]",
        &[
            "Lists channels: all, or those that meet what is given. A name or a mask; !mask for",
            "all others; >5 and <5 by users; C>60 and C<60 made more or less than so many",
            "minutes ago; T>60 and T<60 likewise by topic.",
        ],
    ),
    topic("LUSERS", "LUSERS", &["Says how many users and channels there are."]),
    topic(
        "MARKREAD",
        "MARKREAD target [timestamp=time]",
        &["Says, or hears, up to when you have read a conversation. IRCv3 read-marker."],
    ),
    topic(
        "METADATA",
        "METADATA target subcommand [key …]",
        &[
            "What users and channels say of themselves: GET, LIST, SET, CLEAR, SYNC;",
            "SUB, UNSUB and SUBS for what to hear of. * as target is yourself.",
        ],
    ),
    topic(
        "MODE",
        "MODE target [modes [parameter …]]",
        &[
            "Sets and unsets modes of a channel, or your own; without modes it tells them.",
            "MODE #channel b lists the bans. See HELP chmodes and HELP umodes.",
        ],
    ),
    topic(
        "MONITOR",
        "MONITOR + nick{,nick}",
        &[
            "Has you told when a nick comes or goes. MONITOR - takes it back, C forgets all,",
            "L lists them, S says which are here.",
        ],
    ),
    topic("MOTD", "MOTD [server]", &["Repeats the message of the day."]),
    topic("NAMES", "NAMES channel{,channel}", &["Lists who is in a channel."]),
    topic("NICK", "NICK nick", &["Takes another nick."]),
    topic(
        "NICKSERV",
        "NICKSERV command",
        &[
            "Accounts: REGISTER, IDENTIFY, LOGOUT, REGAIN, PASSWD, SET, INFO, DROP. NICKSERV HELP says",
            "more.",
        ],
    ),
    topic(
        "NOTICE",
        "NOTICE target{,target} text",
        &["As PRIVMSG, but nothing ever answers it by itself, not even an error."],
    ),
    topic(
        "NPC",
        "NPC channel name text",
        &["Has a figure of a roleplay say something, where mode E is set."],
    ),
    topic(
        "NPCA",
        "NPCA channel name text",
        &["Has a figure of a roleplay do something, where mode E is set."],
    ),
    topic("NS", "NS command", &["The same as NICKSERV."]),
    topic(
        "OPER",
        "OPER name [password]",
        &[
            "Makes you an operator of the server: by a password, or by the account you are in.",
            "MODE nick -o gives it up.",
        ],
    ),
    topic("PART", "PART channel{,channel} [reason]", &["Leaves channels."]),
    topic("PASS", "PASS password", &["The server's password, said before all else."]),
    topic("PING", "PING token", &["Is answered with a PONG of the same token."]),
    topic("PONG", "PONG token", &["The answer to a PING."]),
    topic(
        "PRIVMSG",
        "PRIVMSG target{,target} text",
        &[
            "Says something to a user or in a channel. @#channel reaches its operators and",
            "higher, and so with the other prefixes.",
        ],
    ),
    topic("QUIT", "QUIT [reason]", &["Ends your connection."]),
    topic(
        "REDACT",
        "REDACT target msgid [reason]",
        &["Takes a message back. IRCv3 message-redaction."],
    ),
    topic(
        "REGISTER",
        "REGISTER account email password",
        &[
            "Makes an account, and logs you in to it. * for account is your nick, * for email none.",
            "Where an invitation is asked for, it goes where the e-mail address would.",
        ],
    ),
    topic("REHASH", "REHASH", &["Has the server read its config again. For operators."]),
    topic(
        "RELAYMSG",
        "RELAYMSG channel nick text",
        &["Says what somebody said on another network; the nick has a / in it. For bridges."],
    ),
    topic(
        "RENAME",
        "RENAME channel name [reason]",
        &["Gives a channel another name; who is in it stays. For its operators."],
    ),
    topic("RESTART", "RESTART", &["Ends the server, to be started again. For operators."]),
    topic(
        "SAJOIN",
        "SAJOIN nick channel{,channel}",
        &["Has somebody join channels, whatever keeps them out. For operators."],
    ),
    topic(
        "SAMODE",
        "SAMODE target modes [parameters]",
        &["Changes modes of a channel or of somebody, without a rank. For operators."],
    ),
    topic("SANICK", "SANICK nick new-nick", &["Gives somebody another nick. For operators."]),
    topic(
        "SAPART",
        "SAPART nick channel{,channel} [reason]",
        &["Has somebody leave channels. For operators."],
    ),
    topic(
        "SCENE",
        "SCENE channel text",
        &["Says what happens in a roleplay, where mode E is set."],
    ),
    topic(
        "SEARCH",
        "SEARCH text=words;in=target;from=nick;after=time;before=time;limit=number",
        &["Finds messages among those you may read: each attribute may be left out."],
    ),
    topic("SETNAME", "SETNAME realname", &["Changes your real name."]),
    topic(
        "STATS",
        "STATS letter [server]",
        &[
            "  u how long the server has run   p who is operator now",
            "For operators:",
            "  l connections                   m commands given",
            "  o who may become operator       c connections by listener",
            "  q, z queues and tables          k masks that are banned, d networks",
        ],
    ),
    topic(
        "TAGMSG",
        "TAGMSG target{,target}",
        &["A message of tags alone, such as that one is typing. For programs: IRCv3 message-tags."],
    ),
    topic(
        "TBAN",
        "TBAN channel duration mask",
        &[
            "Bans somebody for a time, as 1d2h30m; with m: before the mask they may only not speak.",
            "Where the mask is banned already, the later word holds.",
        ],
    ),
    topic("TIME", "TIME [server]", &["Says what time it is here, in UTC."]),
    topic(
        "TOPIC",
        "TOPIC channel [text]",
        &["Tells what a channel is about, or sets it; an empty text unsets it."],
    ),
    topic(
        "UBAN",
        "UBAN ADD [duration] target [reason]",
        &[
            "Lets somebody in no more, and ends who is here. For operators. The target is an address,",
            "a network (192.0.2.0/24), a mask (nick!user@host) or an account (account:name); the",
            "duration 1d2h30m, or seconds. Where it means too many say UBAN ADD FORCE.",
            "UBAN DEL target takes it back, UBAN LIST [pattern] and UBAN INFO target tell of them.",
        ],
    ),
    topic("UNDLINE", "UNDLINE address", &["Takes a DLINE back. For operators."]),
    topic("UNKLINE", "UNKLINE user@host", &["Takes a KLINE back. For operators."]),
    topic(
        "USER",
        "USER name 0 * realname",
        &["Says who you are. Part of registration; see NICK and PASS."],
    ),
    topic(
        "USERHOST",
        "USERHOST nick{ nick}",
        &["Says user name and host of up to five nicks, and whether they are away."],
    ),
    topic("VERIFY", "VERIFY account code", &["Nothing has to be verified here."]),
    topic("VERSION", "VERSION [server]", &["Says which program this is, and what it supports."]),
    topic("WALLOPS", "WALLOPS text", &["Says something to all who have mode w. For operators."]),
    topic(
        "WEBIRC",
        "WEBIRC password gateway host address",
        &["A gateway says for whom it connects, before all else. For those that the config names."],
    ),
    topic(
        "WHO",
        "WHO mask [o][%fields[,token]]",
        &[
            "Lists who is in a channel, or whose names match a mask; with o operators only.",
            "After % the letters of what to tell: t c u i h s n f d l a o r.",
        ],
    ),
    topic("WHOIS", "WHOIS [server] nick{,nick}", &["Says what there is to know of somebody."]),
    topic("WHOWAS", "WHOWAS nick [count]", &["Says who had a nick, and left it."]),
    topic(
        "ZNC",
        "ZNC *playback PLAY target [from [to]]",
        &["Plays what was said again. For programs that know ZNC's way of asking."],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::oper::operators::{NOTICE_KINDS, NOTICE_LETTERS};
    use crate::chat::state::ban;
    use crate::chat::state::channels::{ChannelMode, List};
    use crate::chat::state::ranks::Rank;
    use crate::chat::state::users::UserMode;
    use crate::chat::table;

    fn text_of(name: &str) -> String {
        let found = ALL.iter().find(|topic| topic.name == name);
        found.unwrap_or_else(|| panic!("no help on {name}")).text.join("\n")
    }

    #[test]
    fn there_is_help_on_every_command_and_on_no_other() {
        for command in table::ALL {
            text_of(command.name);
        }
        let is_command = |topic: &&HelpTopic| topic.name.starts_with(char::is_uppercase);
        let topics: Vec<&str> = ALL.iter().filter(is_command).map(|topic| topic.name).collect();
        assert_eq!(topics.len(), table::ALL.len(), "each once, and none that is not there");
        assert!(topics.is_sorted());
        for HelpTopic { name, title, .. } in ALL {
            assert!(name.starts_with(char::is_lowercase) || title.starts_with(name), "{name}");
        }
    }

    #[test]
    fn every_mode_and_extended_ban_is_explained() {
        let (channel, user) = (text_of("chmodes"), text_of("umodes"));
        let letters = (ChannelMode::LETTERS.iter().map(|(letter, _)| *letter))
            .chain(Rank::LETTERS.iter().map(|(letter, _, _)| *letter))
            .chain(List::LETTERS.iter().map(|(letter, _)| *letter))
            .chain("klfW".chars());
        for letter in letters {
            assert!(channel.contains(&format!("+{letter} ")), "+{letter} of channels");
        }
        for (letter, _) in UserMode::LETTERS {
            assert!(user.contains(&format!("+{letter} ")), "+{letter} of users");
        }
        for (letter, kind) in NOTICE_KINDS {
            assert!(user.contains(&format!("{letter} {kind}")), "{letter} {kind}");
        }
        assert_eq!(NOTICE_LETTERS, NOTICE_KINDS.map(|(letter, _)| letter.to_string()).concat());
        for letter in ban::EXTBANS.chars() {
            assert!(text_of("extbans").contains(&format!("  {letter}:")), "{letter}:");
        }
    }

    #[test]
    fn what_is_said_is_short() {
        for line in ALL.iter().flat_map(|topic| topic.text) {
            assert!(!line.is_empty() && line.chars().count() <= 90, "{line}");
        }
        for line in index() {
            assert!(line.len() <= INDEX_LINE_MAX, "{line}");
        }
        assert!(ALL.iter().all(|HelpTopic { text, .. }| !text.is_empty()));
    }
}
