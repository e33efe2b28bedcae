//! A command of the protocol: its name, required parameters, cost, function and HELP.

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

/// A command of the protocol. A constant beside its function; `table` lists them.
pub(crate) struct Command {
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
    /// With so many parameters it is an act of a person, which ends their idle time. `None` for a
    /// question that programs ask by themselves, and for a message, which is noted where it is
    /// sent.
    act_params_min: Option<usize>,
    /// Whether it is for operators only.
    pub for_operators: bool,
    /// The title of its HELP.
    pub syntax: &'static str,
    /// The lines of its HELP, without the one that it is for operators.
    pub help: &'static [&'static str],
    pub run: Handler,
}

/// The function that executes a command.
pub(crate) enum Handler {
    /// For all connections, registered or not.
    Anyone(fn(&mut Chat, &mut Sink, ConnId, &Message)),
    /// For users only.
    User(fn(&mut Chat, &mut Sink, Caller, &Message)),
}

impl Command {
    /// A command for all connections, registered or not.
    pub const fn anyone(
        name: &'static str,
        params_min: usize,
        run: fn(&mut Chat, &mut Sink, ConnId, &Message),
    ) -> Command {
        Command::new(name, params_min, Handler::Anyone(run))
    }

    /// A command for users only.
    pub const fn user(
        name: &'static str,
        params_min: usize,
        run: fn(&mut Chat, &mut Sink, Caller, &Message),
    ) -> Command {
        Command::new(name, params_min, Handler::User(run))
    }

    const fn new(name: &'static str, params_min: usize, run: Handler) -> Command {
        Command {
            name,
            params_min,
            tenths: LINE,
            each: None,
            about: None,
            act_params_min: None,
            for_operators: false,
            syntax: "",
            help: &[],
            run,
        }
    }

    /// The command by another name.
    pub const fn called(self, name: &'static str) -> Command {
        Command { name, ..self }
    }

    /// Sets its cost in tenths of a line. A command that is delivered to many, or searches, costs
    /// more than a line. One that keeps a connection up costs little, so that it is not delayed.
    pub const fn costs(self, tenths: u32) -> Command {
        Command { tenths, ..self }
    }

    /// Counts the cost for each target in a parameter.
    pub const fn for_each_in(self, param: usize) -> Command {
        Command { each: Some(param), ..self }
    }

    /// Lets the user's own allowance pay for it if all channels in a parameter are theirs.
    pub const fn asks_about(self, param: usize) -> Command {
        Command { about: Some(param), ..self }
    }

    /// Ends the user's idle time.
    pub const fn ends_idle(self) -> Command {
        self.ends_idle_with(0)
    }

    /// Ends the user's idle time if it has so many parameters.
    pub const fn ends_idle_with(self, params_min: usize) -> Command {
        Command { act_params_min: Some(params_min), ..self }
    }

    /// Lists the command in `HELP operators`. Its function still has to ask for the right.
    pub const fn for_operators(self) -> Command {
        Command { for_operators: true, ..self }
    }

    /// Sets its HELP: the syntax, and lines of at most 90 characters.
    pub const fn help(self, syntax: &'static str, help: &'static [&'static str]) -> Command {
        Command { syntax, help, ..self }
    }

    /// Whether this message is an act of a person, which ends their idle time.
    pub fn is_act(&self, message: &Message) -> bool {
        self.act_params_min.is_some_and(|params_min| message.params.len() >= params_min)
    }

    /// The lines of its HELP.
    pub fn help_lines(&self) -> impl Iterator<Item = &'static str> {
        let for_operators = self.for_operators.then_some("For operators of the server.");
        self.help.iter().copied().chain(for_operators)
    }

    /// The channels that this message asks about, comma-separated, if it asks and changes nothing.
    pub fn asks<'m>(&self, message: &Message<'m>) -> Option<&'m str> {
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
    pub fn cost(&self, message: &Message) -> u32 {
        let targets = self.each.and_then(|param| message.params.get(param));
        let count =
            targets.map_or(1, |targets| 1 + memchr::memchr_iter(b',', targets.as_bytes()).count());
        let change = if self.changes_modes(message) { LINE } else { 0 };
        self.tenths * count.min(COST_MAX as usize) as u32 + change
    }
}
