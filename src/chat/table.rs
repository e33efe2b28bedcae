//! The list of commands. Each is defined beside its function, in its topic's file.

use crate::chat::account::{authenticate, nickserv, register};
use crate::chat::channel::{
    chanserv, howtoban, join, kick, list, mode, names, quieting, rename, topic,
};
use crate::chat::command::Command;
use crate::chat::connection::{cap, isupport, registration, server, webirc, welcome};
use crate::chat::help;
use crate::chat::message::{
    chathistory, markread, multiline, privmsg, redact, relay, search, znc_playback,
};
use crate::chat::oper::{audit, defcon, operators, run, sa, stats, uban};
use crate::chat::people::{away, metadata_command, monitor, user_mode, who, whois};

/// All commands, sorted by name.
pub(crate) const ALL: &[Command] = &[
    user_mode::ACCEPT,
    server::ADMIN,
    audit::AUDIT,
    authenticate::AUTHENTICATE,
    away::AWAY,
    multiline::BATCH,
    cap::CAP,
    chanserv::CHANSERV,
    chathistory::CHATHISTORY,
    run::COMMAND,
    chanserv::CS,
    defcon::DEFCON,
    operators::DIE,
    uban::DLINE,
    help::HELP,
    help::HELPOP,
    howtoban::HOWTOBAN,
    server::INFO,
    kick::INVITE,
    away::ISON,
    isupport::ISUPPORT,
    join::JOIN,
    kick::KICK,
    operators::KILL,
    uban::KLINE,
    kick::KNOCK,
    server::LINKS,
    list::LIST,
    welcome::LUSERS,
    markread::MARKREAD,
    metadata_command::METADATA,
    mode::MODE,
    monitor::MONITOR,
    welcome::MOTD,
    names::NAMES,
    registration::NICK,
    nickserv::NICKSERV,
    privmsg::NOTICE,
    relay::NPC,
    relay::NPCA,
    nickserv::NS,
    operators::OPER,
    join::PART,
    registration::PASS,
    registration::PING,
    registration::PONG,
    privmsg::PRIVMSG,
    registration::QUIT,
    redact::REDACT,
    register::REGISTER,
    operators::REHASH,
    relay::RELAYMSG,
    rename::RENAME,
    operators::RESTART,
    sa::SAJOIN,
    sa::SAMODE,
    sa::SANICK,
    sa::SAPART,
    relay::SCENE,
    search::SEARCH,
    registration::SETNAME,
    stats::STATS,
    privmsg::TAGMSG,
    quieting::TBAN,
    server::TIME,
    topic::TOPIC,
    uban::UBAN,
    uban::UNDLINE,
    uban::UNKLINE,
    registration::USER,
    away::USERHOST,
    register::VERIFY,
    server::VERSION,
    operators::WALLOPS,
    webirc::WEBIRC,
    who::WHO,
    whois::WHOIS,
    whois::WHOWAS,
    znc_playback::ZNC,
];

/// The index in [`ALL`] of the command called `name`, without regard to case.
pub(crate) fn find(name: &str) -> Option<usize> {
    let capitals = || name.bytes().map(|byte| byte.to_ascii_uppercase());
    ALL.binary_search_by(|command| command.name.bytes().cmp(capitals())).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::irc::Message;

    #[test]
    fn commands_are_sorted_and_found_by_name() {
        assert!(ALL.is_sorted_by_key(|command| command.name));
        for (index, command) in ALL.iter().enumerate() {
            assert_eq!(find(&command.name.to_lowercase()), Some(index), "{}", command.name);
        }
        assert_eq!(find("NOSUCH"), None);
    }

    #[test]
    fn acts_end_the_idle_time_and_questions_do_not() {
        let is_act = |line: &str| {
            let message = Message::parse(line.as_bytes(), 0).unwrap();
            ALL[find(message.command).unwrap()].is_act(&message)
        };
        for act in ["AWAY", "JOIN #a", "MODE #a +s", "NICK ann", "TOPIC #a :x", "TOPIC #a :"] {
            assert!(is_act(act), "{act}");
        }
        for question in ["MODE #a", "TOPIC #a", "WHO #a", "PING x", "CHATHISTORY LATEST #a * 1"] {
            assert!(!is_act(question), "{question}");
        }
    }
}
