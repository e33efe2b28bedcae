//! Which commands there are, who may give them, and how many parameters each wants.

use crate::chat::voice::Voice;
use crate::chat::{By, Chat};
use crate::net::ConnId;
use crate::wire::irc::Message;

/// A command of the protocol.
pub struct Command {
    /// In capitals.
    pub name: &'static str,
    /// How many parameters must be there and not empty; with fewer it is `ERR_NEEDMOREPARAMS`.
    pub params_min: usize,
    pub(crate) run: Run,
}

/// What a command does.
pub(crate) enum Run {
    /// Said by anyone, registered or not.
    Anyone(fn(&mut Chat, &mut Voice, ConnId, &Message)),
    /// Said by users.
    User(fn(&mut Chat, &mut Voice, By, &Message)),
}

const fn anyone(
    name: &'static str,
    params_min: usize,
    run: fn(&mut Chat, &mut Voice, ConnId, &Message),
) -> Command {
    Command { name, params_min, run: Run::Anyone(run) }
}

const fn user(
    name: &'static str,
    params_min: usize,
    run: fn(&mut Chat, &mut Voice, By, &Message),
) -> Command {
    Command { name, params_min, run: Run::User(run) }
}

/// All of them, in the order of their names.
pub(crate) const ALL: &[Command] = &[
    user("ACCEPT", 1, Chat::accept),
    user("ADMIN", 0, Chat::admin),
    user("AUDIT", 0, Chat::audit),
    anyone("AUTHENTICATE", 1, Chat::authenticate),
    anyone("AWAY", 0, Chat::away_command),
    user("BATCH", 1, Chat::batch),
    anyone("CAP", 1, Chat::cap),
    user("CHANSERV", 0, Chat::chanserv),
    user("CHATHISTORY", 1, Chat::chathistory),
    user("COMMAND", 0, Chat::command_command),
    user("CS", 0, Chat::chanserv),
    user("DIE", 0, Chat::die),
    user("HELP", 0, Chat::help),
    user("HELPOP", 0, Chat::help),
    user("INFO", 0, Chat::info),
    user("INVITE", 0, Chat::invite),
    user("ISON", 1, Chat::ison),
    anyone("ISUPPORT", 0, Chat::isupport),
    user("JOIN", 1, Chat::join),
    user("KICK", 2, Chat::kick),
    user("KILL", 1, Chat::kill),
    user("KNOCK", 1, Chat::knock),
    user("LINKS", 0, Chat::links),
    user("LIST", 0, Chat::list),
    user("LUSERS", 0, Chat::lusers),
    user("MARKREAD", 0, Chat::markread),
    anyone("METADATA", 0, Chat::metadata),
    user("MODE", 1, Chat::mode),
    user("MONITOR", 1, Chat::monitor),
    user("MOTD", 0, Chat::motd),
    user("NAMES", 0, Chat::names),
    anyone("NICK", 0, Chat::nick),
    user("NICKSERV", 0, Chat::nickserv),
    user("NOTICE", 0, Chat::notice_command),
    user("NPC", 3, Chat::npc),
    user("NPCA", 3, Chat::npca),
    user("NS", 0, Chat::nickserv),
    user("OPER", 1, Chat::oper),
    user("PART", 1, Chat::part),
    anyone("PASS", 1, Chat::pass),
    anyone("PING", 0, Chat::ping),
    anyone("PONG", 0, Chat::pong),
    user("PRIVMSG", 0, Chat::privmsg),
    anyone("QUIT", 0, Chat::quit),
    user("REDACT", 2, Chat::redact),
    anyone("REGISTER", 3, Chat::register),
    user("REHASH", 0, Chat::rehash),
    user("RELAYMSG", 3, Chat::relaymsg),
    user("RENAME", 2, Chat::rename),
    user("RESTART", 0, Chat::restart),
    user("SAJOIN", 2, Chat::sajoin),
    user("SAMODE", 2, Chat::samode),
    user("SANICK", 2, Chat::sanick),
    user("SAPART", 2, Chat::sapart),
    user("SCENE", 2, Chat::scene),
    user("SEARCH", 1, Chat::search),
    user("SETNAME", 0, Chat::setname),
    user("STATS", 1, Chat::stats),
    user("TAGMSG", 0, Chat::tagmsg),
    user("TIME", 0, Chat::time),
    user("TOPIC", 1, Chat::topic),
    anyone("USER", 4, Chat::user),
    user("USERHOST", 1, Chat::userhost),
    anyone("VERIFY", 2, Chat::verify_command),
    user("VERSION", 0, Chat::version),
    user("WALLOPS", 1, Chat::wallops),
    anyone("WEBIRC", 0, Chat::webirc),
    user("WHO", 0, Chat::who),
    user("WHOIS", 0, Chat::whois),
    user("WHOWAS", 0, Chat::whowas),
];

/// The index in [`ALL`] of the command called `name`, in letters of any case.
pub(crate) fn find(name: &str) -> Option<usize> {
    let capitals = || name.bytes().map(|byte| byte.to_ascii_uppercase());
    ALL.binary_search_by(|command| command.name.bytes().cmp(capitals())).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_found_by_its_name() {
        for (index, command) in ALL.iter().enumerate() {
            assert_eq!(find(&command.name.to_lowercase()), Some(index), "{}", command.name);
        }
        assert_eq!(find("NOSUCH"), None);
    }
}
