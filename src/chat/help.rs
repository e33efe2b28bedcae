//! HELP: an index, the topics that are no commands, and the text of each command. Modern IRC, "HELP
//! message".

use crate::chat::command::Command;
use crate::chat::reply::Sink;
use crate::chat::reply::numeric::*;
use crate::chat::{Caller, Chat};
use crate::wire::irc::Message;

pub(crate) const HELP: Command = Command::user("HELP", 0, Chat::help)
    .help("HELP [topic]", &["Explains a topic, or lists the topics."]);

pub(crate) const HELPOP: Command = HELP.called("HELPOP");

/// Names of topics on one line of the index.
const INDEX_LINE_MAX: usize = 60;

impl Chat {
    /// `HELP [topic]`, or `HELPOP [topic]`.
    pub(crate) fn help(&mut self, sink: &mut Sink, by: Caller, message: &Message) {
        let asked = message.params.first().copied().unwrap_or_default();
        let is_asked = |name: &str| name.eq_ignore_ascii_case(asked);
        if asked.is_empty() || is_asked("index") {
            // Modern IRC: the reply repeats the subject as the client wrote it.
            let subject = if asked.is_empty() { "*" } else { "index" };
            let names = TOPICS.iter().map(|(name, ..)| *name);
            let names = names.chain(self.commands.iter().map(|command| command.name));
            self.tell_help(sink, by, subject, "Topics of HELP", &index(names));
        } else if let Some((name, title, text)) = TOPICS.iter().find(|topic| is_asked(topic.0)) {
            let operators = self.commands.iter().filter(|command| command.for_operators);
            let syntaxes = operators.filter(|_| *name == OPERATORS).map(|command| command.syntax);
            let text: Vec<&str> = text.iter().copied().chain(syntaxes).collect();
            self.tell_help(sink, by, name, title, &text);
        } else if let Some(command) = self.commands.iter().find(|command| is_asked(command.name)) {
            let text: Vec<&str> = command.help_lines().collect();
            self.tell_help(sink, by, command.name, command.syntax, &text);
        } else {
            self.numeric(sink, by.conn, ERR_HELPNOTFOUND, &[asked]);
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

fn index(names: impl Iterator<Item = &'static str>) -> Vec<String> {
    let mut lines = vec!["HELP topic explains one of these:".to_owned()];
    for name in names {
        match lines.last_mut() {
            Some(line) if line.len() + name.len() < INDEX_LINE_MAX && !line.ends_with(':') => {
                *line = format!("{line} {name}");
            }
            _ => lines.push(name.to_owned()),
        }
    }
    lines
}

/// The topic that lists the commands of operators.
const OPERATORS: &str = "operators";

/// The topics that are no commands: name, title and text.
const TOPICS: &[(&str, &str, &[&str])] = &[
    (
        "chmodes",
        "Modes of channels",
        &[
            "A member of a channel may have a rank, each with a prefix before the nick:",
            "  +q ~ founder, +a & admin, +o @ operator, +h % halfop, +v + voice.",
            "With a parameter:",
            "  +b mask    bans; see HELP extbans     +e mask    exceptions from bans",
            "  +I mask    exceptions from +i         +k key     JOIN needs this key",
            "  +l number  the most members           +f channel for users who cannot join this one",
            "  +W seconds between two messages of a member without a rank",
            "Without one:",
            "  +C no CTCP but actions                +E roleplay: NPC, NPCA, SCENE",
            "  +M only logged-in users speak         +R only logged-in users join",
            "  +U messages of members without a rank reach only halfops and higher",
            "  +u members without a rank are visible only to halfops and higher",
            "  +i only invited users join            +m only members with a rank speak",
            "  +n no messages from outside           +s hidden from users outside",
            "  +t only halfops and higher set the topic",
        ],
    ),
    (
        "umodes",
        "Modes of users",
        &[
            "  +B  a bot                             +R  private messages only from logged-in",
            "  +T  receives no CTCP                      users, or those accepted with ACCEPT",
            "  +i  visible only in shared channels   +w  receives WALLOPS",
            "  +o  operator of the server: OPER      +s  receives notices of the server",
            "For operators, +s takes letters of kinds of notices: c connects, x exits, k kills,",
            "o operators, r refusals; MODE nick -s r removes one.",
        ],
    ),
    (
        "extbans",
        "Extended bans, in the lists of modes b, e and I",
        &[
            "  a:account  matches users logged in to that account; * and ? as in masks",
            "  m:ban      keeps matching users from speaking, not from joining",
            "m: stands before a mask or another extended ban: m:a:bob, m:*!*@*.b.c.ip",
            "Addresses are hidden: HOWTOBAN nick shows the entries that match a user.",
        ],
    ),
    (
        OPERATORS,
        "Commands of operators",
        &[
            "OPER makes you an operator of the server. Your class decides which of these commands you",
            "may use; HELP explains each. Some letters of STATS are for operators, too.",
        ],
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

    #[test]
    fn there_is_help_on_every_command() {
        for Command { name, syntax, help, .. } in table::ALL {
            let alias = table::ALL.iter().any(|other| other.name != *name && other.help == *help);
            assert!(syntax.starts_with(name) || alias, "{name}");
            assert!(!help.is_empty(), "no help on {name}");
        }
    }

    #[test]
    fn every_mode_and_extended_ban_is_explained() {
        let text_of = |name| {
            let found = TOPICS.iter().find(|topic| topic.0 == name);
            found.unwrap_or_else(|| panic!("no help on {name}")).2.join("\n")
        };
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
    fn lines_are_short() {
        let topics = TOPICS.iter().flat_map(|topic| topic.2.iter().copied());
        for line in topics.chain(table::ALL.iter().flat_map(Command::help_lines)) {
            assert!(!line.is_empty() && line.chars().count() <= 90, "{line}");
        }
        for line in index(table::ALL.iter().map(|command| command.name)) {
            assert!(line.len() <= INDEX_LINE_MAX, "{line}");
        }
    }
}
