//! The commands: their names, required parameters, costs and functions.

use crate::chat::reply::Sink;
use crate::chat::state::channels::List;
use crate::chat::{Caller, Chat};
use crate::net::ConnId;
use crate::wire::irc::Message;

/// The cost of an ordinary line. Costs are in tenths of that.
pub const LINE: u32 = 10;

/// The cost of a line of a multiline message, which is not delivered by itself.
pub const BATCH_LINE: u32 = 3;

/// The highest cost of one command, so that no client is paused for long.
pub const COST_MAX: u32 = 200;

/// A command of the protocol.
pub struct Command {
    /// In capitals.
    pub name: &'static str,
    /// How many non-empty parameters are required; fewer give `ERR_NEEDMOREPARAMS`.
    pub params_min: usize,
    /// Its cost, in tenths of an ordinary line: see `connection::flood`.
    tenths: u32,
    /// The parameter with a comma-separated list of targets, if the cost counts for each.
    each: Option<usize>,
    /// The parameter that names channels, if the command asks about them.
    about: Option<usize>,
    pub(crate) run: Handler,
}

/// The function that executes a command.
pub(crate) enum Handler {
    /// For all connections, registered or not.
    Anyone(fn(&mut Chat, &mut Sink, ConnId, &Message)),
    /// For users only.
    User(fn(&mut Chat, &mut Sink, Caller, &Message)),
}

const fn anyone(
    name: &'static str,
    params_min: usize,
    run: fn(&mut Chat, &mut Sink, ConnId, &Message),
) -> Command {
    Command { name, params_min, tenths: LINE, each: None, about: None, run: Handler::Anyone(run) }
}

const fn user(
    name: &'static str,
    params_min: usize,
    run: fn(&mut Chat, &mut Sink, Caller, &Message),
) -> Command {
    Command { name, params_min, tenths: LINE, each: None, about: None, run: Handler::User(run) }
}

impl Command {
    const fn costs(self, tenths: u32) -> Command {
        Command { tenths, ..self }
    }

    const fn for_each_in(self, param: usize) -> Command {
        Command { each: Some(param), ..self }
    }

    const fn asks_about(self, param: usize) -> Command {
        Command { about: Some(param), ..self }
    }

    /// The channels that this message asks about, comma-separated, if it asks and changes nothing.
    pub(crate) fn asks<'m>(&self, message: &Message<'m>) -> Option<&'m str> {
        let asks = self.about.filter(|_| !self.changes_modes(message));
        asks.and_then(|param| message.params.get(param).copied())
    }

    /// A list mode's letter without a parameter asks for the list, and changes nothing.
    fn changes_modes(&self, message: &Message) -> bool {
        let asks = |letter| letter == '+' || List::of(letter).is_some();
        let modes = message.params.get(1).filter(|_| self.name == "MODE");
        modes.is_some_and(|modes| message.params.len() > 2 || !modes.chars().all(asks))
    }

    /// The cost of this message, in tenths of an ordinary line.
    pub(crate) fn cost(&self, message: &Message) -> u32 {
        let targets = self.each.and_then(|param| message.params.get(param));
        let count =
            targets.map_or(1, |targets| 1 + memchr::memchr_iter(b',', targets.as_bytes()).count());
        let change = if self.changes_modes(message) { LINE } else { 0 };
        self.tenths * count.min(COST_MAX as usize) as u32 + change
    }
}

/// All commands, sorted by name. A command that is delivered to many, or searches, costs more than
/// a line. One that keeps a connection up costs little, so that it is not delayed.
pub(crate) const ALL: &[Command] = &[
    user("ACCEPT", 1, Chat::accept),
    user("ADMIN", 0, Chat::admin),
    user("AUDIT", 0, Chat::audit),
    anyone("AUTHENTICATE", 1, Chat::authenticate),
    anyone("AWAY", 0, Chat::away_command).costs(20),
    user("BATCH", 1, Chat::batch),
    anyone("CAP", 1, Chat::cap),
    user("CHANSERV", 0, Chat::chanserv).costs(20),
    user("CHATHISTORY", 1, Chat::chathistory).asks_about(1),
    user("COMMAND", 0, Chat::command_command),
    user("CS", 0, Chat::chanserv).costs(20),
    user("DEFCON", 0, Chat::defcon_command),
    user("DIE", 0, Chat::die),
    user("DLINE", 1, Chat::dline).costs(20),
    user("HELP", 0, Chat::help),
    user("HELPOP", 0, Chat::help),
    user("HOWTOBAN", 1, Chat::howtoban),
    user("INFO", 0, Chat::info),
    user("INVITE", 0, Chat::invite).costs(20),
    user("ISON", 1, Chat::ison),
    anyone("ISUPPORT", 0, Chat::isupport),
    user("JOIN", 1, Chat::join).for_each_in(0),
    user("KICK", 2, Chat::kick).for_each_in(1),
    user("KILL", 1, Chat::kill),
    user("KLINE", 1, Chat::kline).costs(20),
    user("KNOCK", 1, Chat::knock).costs(20),
    user("LINKS", 0, Chat::links),
    user("LIST", 0, Chat::list).costs(50),
    user("LUSERS", 0, Chat::lusers),
    user("MARKREAD", 0, Chat::markread).costs(3).asks_about(0),
    anyone("METADATA", 0, Chat::metadata).costs(20),
    user("MODE", 1, Chat::mode).asks_about(0),
    user("MONITOR", 1, Chat::monitor).costs(20),
    user("MOTD", 0, Chat::motd),
    user("NAMES", 0, Chat::names).for_each_in(0).asks_about(0),
    anyone("NICK", 0, Chat::nick).costs(20),
    user("NICKSERV", 0, Chat::nickserv).costs(20),
    user("NOTICE", 0, Chat::notice_command).for_each_in(0),
    user("NPC", 3, Chat::npc),
    user("NPCA", 3, Chat::npca),
    user("NS", 0, Chat::nickserv).costs(20),
    user("OPER", 1, Chat::oper).costs(20),
    user("PART", 1, Chat::part).for_each_in(0),
    anyone("PASS", 1, Chat::pass),
    anyone("PING", 0, Chat::ping).costs(2),
    anyone("PONG", 0, Chat::pong).costs(1),
    user("PRIVMSG", 0, Chat::privmsg).for_each_in(0),
    anyone("QUIT", 0, Chat::quit).costs(0),
    user("REDACT", 2, Chat::redact),
    anyone("REGISTER", 3, Chat::register).costs(30),
    user("REHASH", 0, Chat::rehash),
    user("RELAYMSG", 3, Chat::relaymsg),
    user("RENAME", 2, Chat::rename).costs(50),
    user("RESTART", 0, Chat::restart),
    user("SAJOIN", 2, Chat::sajoin),
    user("SAMODE", 2, Chat::samode),
    user("SANICK", 2, Chat::sanick),
    user("SAPART", 2, Chat::sapart),
    user("SCENE", 2, Chat::scene),
    user("SEARCH", 1, Chat::search).costs(50),
    user("SETNAME", 0, Chat::setname).costs(20),
    user("STATS", 1, Chat::stats).costs(20),
    user("TAGMSG", 0, Chat::tagmsg).costs(5).for_each_in(0),
    user("TBAN", 3, Chat::tban).costs(20),
    user("TIME", 0, Chat::time),
    user("TOPIC", 1, Chat::topic).costs(20),
    user("UBAN", 1, Chat::uban).costs(20),
    user("UNDLINE", 1, Chat::undline).costs(20),
    user("UNKLINE", 1, Chat::unkline).costs(20),
    anyone("USER", 4, Chat::user),
    user("USERHOST", 1, Chat::userhost),
    anyone("VERIFY", 2, Chat::verify_command),
    user("VERSION", 0, Chat::version),
    user("WALLOPS", 1, Chat::wallops),
    anyone("WEBIRC", 0, Chat::webirc),
    user("WHO", 0, Chat::who).costs(20).asks_about(0),
    user("WHOIS", 0, Chat::whois).for_each_in(0),
    user("WHOWAS", 0, Chat::whowas).for_each_in(0),
    user("ZNC", 1, Chat::znc),
];

/// The index in [`ALL`] of the command called `name`, without regard to case.
pub(crate) fn find(name: &str) -> Option<usize> {
    let capitals = || name.bytes().map(|byte| byte.to_ascii_uppercase());
    ALL.binary_search_by(|command| command.name.bytes().cmp(capitals())).ok()
}

/// Whether the message is an act of a person, which ends their idle time, and not a question that
/// programs ask by themselves.
pub(crate) fn is_act(name: &str, message: &Message) -> bool {
    match name {
        "AWAY" | "INVITE" | "JOIN" | "KICK" | "KNOCK" | "NICK" | "NPC" | "NPCA" | "PART" => true,
        "RENAME" | "SCENE" | "SETNAME" => true,
        "MODE" | "TOPIC" => message.params.len() > 1,
        _ => false,
    }
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
