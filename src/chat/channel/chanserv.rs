//! ChanServ: registration of channels, and the ranks that accounts have there.

use crate::chat::account::accounts::trouble;
use crate::chat::command::Command;
use crate::chat::event::What;
use crate::chat::reply::Sink;
use crate::chat::state::channels::ChannelMode;
use crate::chat::state::ids::{ChannelId, Serial, UserId};
use crate::chat::state::ranks::Rank;
use crate::chat::state::registration::Standing;
use crate::chat::state::right::Right;
use crate::chat::state::save_state::SaveState;
use crate::chat::state::services::{self, no_command, written_time};
use crate::chat::{Caller, Chat};
use crate::net::ConnId;
use crate::store::{Reply, Request};
use crate::wire::casemap::{folded, same};
use crate::wire::irc::Message;
use std::vec;

pub(crate) const CHANSERV: Command = Command::user("CHANSERV", 0, Chat::chanserv).costs(20).help(
    "CHANSERV command",
    &["Registered channels: REGISTER, AMODE, INFO, DROP. See CHANSERV HELP."],
);

pub(crate) const CS: Command = CHANSERV.called("CS");

/// The commands, as HELP lists them.
const HELP: [&str; 9] = [
    "Channels that stay. /msg ChanServ COMMAND, or /CS COMMAND:",
    "REGISTER #channel                    makes the channel yours, who are its operator",
    "INFO #channel                        whose it is",
    "AMODE #channel                       which accounts have a rank there",
    "AMODE #channel +o account            gives one, for good: q a o h v; -o takes it back",
    "DROP #channel #channel               makes it a channel like others; the name twice",
    "Ranks are given when somebody joins or logs in; whoever is halfop or higher so may join in spite",
    "of modes and bans. Everything set in the channel stays: modes, topic, bans, metadata.",
    "With q one may give and take all but q; with q comes no right to DROP.",
];

const NOT_REGISTERED: &str = "There is no registered channel of that name.";

/// The syntax error of a command, with its right form.
fn misused(command: &str, words: &[&str]) -> String {
    let form = match command {
        "REGISTER" | "INFO" => format!("{command} #channel"),
        "AMODE" => "AMODE #channel [+o account]".to_owned(),
        "DROP" => "DROP #channel".to_owned(),
        _ => return no_command(command, services::CHANSERV),
    };
    match words {
        [] => format!("{command} needs a channel: {form}."),
        _ => format!("{command} takes a channel and no more: {form}."),
    }
}

/// A change of the rank that an account has in a channel.
struct RankChange {
    on: bool,
    rank: Rank,
    account: String,
}

impl Chat {
    /// `CS command…`, `CHANSERV command…`.
    pub(crate) fn chanserv(&mut self, sink: &mut Sink, by: Caller, message: &Message) {
        self.chanserv_hears(sink, by, &message.params.join(" "));
    }

    /// Executes a message to ChanServ.
    pub(crate) fn chanserv_hears(&mut self, sink: &mut Sink, by: Caller, text: &str) {
        let mut words = text.split_ascii_whitespace();
        let command = words.next().unwrap_or("HELP").to_ascii_uppercase();
        let words: Vec<&str> = words.collect();
        if !self.backends.is_there() {
            return self.chanserv_says(sink, by.conn, "No channels are kept here.");
        }
        match (&*command, &words[..]) {
            ("REGISTER", [channel]) => self.cs_register(sink, by, channel),
            ("INFO", [channel]) => self.cs_info(sink, by, channel),
            ("AMODE", [channel]) => self.cs_tell_ranks(sink, by, channel),
            ("AMODE", [channel, modes, accounts @ ..]) => {
                match rank_changes(modes, accounts, self.settings.limits.targets_max) {
                    Ok(changes) => self.cs_amode(sink, by.conn, channel, changes.into_iter()),
                    Err(why) => self.chanserv_says(sink, by.conn, &why),
                }
            }
            ("DROP", [channel]) => self.cs_ask_whether_to_drop(sink, by, channel),
            ("DROP", [channel, again]) if same(channel, again) => self.cs_drop(sink, by, channel),
            ("HELP", _) => HELP.iter().for_each(|line| self.chanserv_says(sink, by.conn, line)),
            (command, words) => self.chanserv_says(sink, by.conn, &misused(command, words)),
        }
    }

    fn chanserv_says(&self, sink: &mut Sink, conn: ConnId, text: &str) {
        self.service_says(sink, conn, services::CHANSERV, text);
    }

    fn cs_register(&mut self, sink: &mut Sink, by: Caller, name: &str) {
        let (id, founder) = match self.may_register(by, name) {
            Ok(allowed) => allowed,
            Err(why) => return self.chanserv_says(sink, by.conn, &why),
        };
        self.happen(sink, What::RegistrationAsked { channel: id, founder: &founder });
        let serial = self.channels[id].registration.as_ref().expect("it was asked for").serial;
        let record = self.channels[id].record().expect("a channel that is to be registered");
        let request = Request::SaveChannel(Box::new(record));
        self.ask_to_do(sink, by.conn, request, move |chat, sink, conn, reply| {
            let text = chat.conclude_registration(sink, (id, serial), reply);
            if let Some(conn) = conn {
                chat.chanserv_says(sink, conn, &text);
            }
        });
    }

    /// The channel, and the account of its future founder; or why it can't be registered.
    fn may_register(&self, by: Caller, name: &str) -> Result<(ChannelId, Box<str>), String> {
        let Some(account) = self.users[by.user].account() else {
            return Err("Log in first.".to_owned());
        };
        let member = self.channels.find(name).and_then(|id| Some((id, self.member(id, by.user)?)));
        let Some((id, member)) = member else {
            return Err("Join it first.".to_owned());
        };
        match &self.channels[id].registration {
            Some(other) if other.standing == Standing::Asked => {
                return Err("It is being registered at this moment.".to_owned());
            }
            Some(_) => return Err("It is registered already.".to_owned()),
            None => {}
        }
        if !member.ranks.at_least(Rank::Op) {
            return Err("Only its operators may register a channel.".to_owned());
        }
        let max = self.settings.limits.channels_registered_max;
        let registrations = self.channels.iter().filter_map(|(_, room)| room.registration.as_ref());
        let own = registrations.filter(|registration| same(&registration.founder, account));
        if own.count() >= max {
            return Err(format!("You have registered {max} channels, and no more are allowed."));
        }
        Ok((id, folded(account).into()))
    }

    /// Completes a registration that the store has saved, or undoes it. Returns the text for the
    /// user.
    fn conclude_registration(
        &mut self,
        sink: &mut Sink,
        (id, serial): (ChannelId, Serial),
        reply: Reply,
    ) -> String {
        const GONE: &str = "It is not registered: your account is no more.";
        let Some(registration) = self.registration(id, serial) else { return GONE.to_owned() };
        match reply {
            Reply::Saved => {}
            other => {
                self.happen(sink, What::RegistrationEnded { channel: id });
                return match other {
                    Reply::NoSuchAccount => GONE.to_owned(),
                    other => format!("It is not registered: {}.", trouble(other)),
                };
            }
        }
        let (founder, name) = (registration.founder.clone(), self.channels[id].name.clone());
        self.happen(sink, What::RegistrationStands { channel: id });
        log::info!("channel {name} is registered by {founder}");
        self.channel_saved(sink, (id, serial), &folded(&name), &Reply::Saved);
        for user in self.members_of(id, &founder) {
            self.give_own_rank(sink, id, user);
        }
        format!("The channel {name} is yours.")
    }

    /// The members of a channel who are logged in to an account.
    fn members_of(&self, channel: ChannelId, account: &str) -> Vec<UserId> {
        let members = self.channels[channel].members.iter().map(|member| member.user);
        let is_it = |name: &str| same(name, account);
        members.filter(|user| self.users[*user].account().is_some_and(is_it)).collect()
    }

    /// The channel of that name, if it is registered, and `by` may know of it.
    fn registered_channel(&self, by: Caller, name: &str) -> Option<ChannelId> {
        let id = self.channels.find(name)?;
        self.channels[id].registered()?;
        let known = !self.channels[id].is(ChannelMode::Secret)
            || self.users[by.user].is_in(id)
            || self.rank_by_account(id, by.user).is_some()
            || self.has_right(by.user, Right::Channels);
        known.then_some(id)
    }

    fn cs_info(&mut self, sink: &mut Sink, by: Caller, name: &str) {
        let Some(id) = self.registered_channel(by, name) else {
            return self.chanserv_says(sink, by.conn, NOT_REGISTERED);
        };
        let channel = &self.channels[id];
        let Some(registration) = channel.registered() else { return };
        let (founder, made) = (&registration.founder, written_time(channel.created));
        let text = format!("Channel {}, made {made}, registered by {founder}", channel.name);
        self.chanserv_says(sink, by.conn, &text);
    }

    fn cs_tell_ranks(&mut self, sink: &mut Sink, by: Caller, name: &str) {
        let Some(id) = self.registered_channel(by, name) else {
            return self.chanserv_says(sink, by.conn, NOT_REGISTERED);
        };
        let Some(registration) = self.channels[id].registered() else { return };
        let name = &self.channels[id].name;
        let text = format!("{name} +q {}, who has registered it", registration.founder);
        self.chanserv_says(sink, by.conn, &text);
        for (account, rank) in &registration.ranks {
            let text = format!("{name} +{} {account}", rank.letter());
            self.chanserv_says(sink, by.conn, &text);
        }
    }

    /// Applies rank changes one after the other, as each may have to wait for the look-up of its
    /// account.
    fn cs_amode(
        &mut self,
        sink: &mut Sink,
        conn: ConnId,
        name: &str,
        mut changes: vec::IntoIter<RankChange>,
    ) {
        let Some(user) = self.sessions[conn].user() else { return };
        let Some(change) = changes.next() else { return };
        let name = name.to_owned();
        if !change.on {
            let text = self.change_own_rank(sink, Caller { conn, user }, &name, change);
            self.chanserv_says(sink, conn, &text);
            return self.cs_amode(sink, conn, &name, changes);
        }
        let account = change.account.clone();
        self.find_account(sink, conn, &account, move |chat, sink, conn, found| {
            let Some(user) = chat.sessions[conn].user() else { return };
            let text = match found {
                Ok(Some(_)) => chat.change_own_rank(sink, Caller { conn, user }, &name, change),
                Ok(None) => format!("There is no account {}.", change.account),
                Err(refusal) => format!("{refusal}."),
            };
            chat.chanserv_says(sink, conn, &text);
            chat.cs_amode(sink, conn, &name, changes);
        });
    }

    /// Changes the rank that an account gets at JOIN, and the rank of its users in the channel now.
    /// Returns the text for the user.
    fn change_own_rank(
        &mut self,
        sink: &mut Sink,
        by: Caller,
        name: &str,
        RankChange { on, rank, account }: RankChange,
    ) -> String {
        let Some(id) = self.registered_channel(by, name) else { return NOT_REGISTERED.to_owned() };
        let operator = self.has_right(by.user, Right::Channels);
        let giver = self.rank_by_account(id, by.user);
        let founder = self.is_founder(id, by.user);
        let max = self.settings.limits.list_entries_max;
        let channel = &mut self.channels[id];
        let name = channel.name.clone();
        let Some(registration) = &mut channel.registration else { return NOT_REGISTERED.into() };
        if giver != Some(Rank::Founder) && !operator {
            return "Only whose account has q there may change that.".to_owned();
        }
        if same(&registration.founder, &account) {
            return format!("{account} has registered it.");
        }
        let ranks = &mut registration.ranks;
        let found = ranks.iter().position(|(known, _)| same(known, &account));
        let before = found.map(|index| ranks[index].1);
        let q = rank == Rank::Founder || before == Some(Rank::Founder);
        if q && !founder && !operator {
            return "Only who has registered it gives and takes q.".to_owned();
        }
        let by_right = giver != Some(Rank::Founder) || (q && !founder);
        match (on, found) {
            (true, None) if ranks.len() >= max => {
                return format!("{max} accounts have a rank there, and no more are allowed.");
            }
            (true, None) => ranks.push((folded(&account).into(), rank)),
            (true, Some(index)) => ranks[index].1 = rank,
            (false, Some(index)) if before == Some(rank) => drop(ranks.remove(index)),
            (false, _) => return format!("{account} has no +{} there.", rank.letter()),
        }
        for user in self.members_of(id, &account) {
            if let Some(before) = before.filter(|before| !on || *before != rank) {
                self.set_rank_by_service(sink, id, user, before, false);
            }
            self.give_own_rank(sink, id, user);
        }
        self.save_channel(sink, id);
        if by_right {
            let sign = if on { '+' } else { '-' };
            let what = format!("{sign}{} {account}", rank.letter());
            self.record(sink, by, 'o', "AMODE", &name, &what);
        }
        let has = if on { "has" } else { "has no longer" };
        format!("{account} {has} +{} in {name}.", rank.letter())
    }

    fn is_founder(&self, channel: ChannelId, user: UserId) -> bool {
        let registration = self.channels[channel].registered();
        let account = self.users[user].account();
        registration.zip(account).is_some_and(|(it, account)| same(&it.founder, account))
    }

    fn cs_ask_whether_to_drop(&mut self, sink: &mut Sink, by: Caller, name: &str) {
        if let Some(id) = self.may_drop(sink, by, name) {
            let name = &self.channels[id].name;
            let text = format!("Once nobody is in {name} all of it is forgotten.");
            self.chanserv_says(sink, by.conn, &text);
            self.chanserv_says(sink, by.conn, &format!("If you want that: DROP {name} {name}"));
        }
    }

    /// The registered channel that `by` may drop now; sends an error if they may not.
    fn may_drop(&mut self, sink: &mut Sink, by: Caller, name: &str) -> Option<ChannelId> {
        let Some(id) = self.registered_channel(by, name) else {
            self.chanserv_says(sink, by.conn, NOT_REGISTERED);
            return None;
        };
        if !self.is_founder(id, by.user) && !self.has_right(by.user, Right::Channels) {
            self.chanserv_says(sink, by.conn, "Only who has registered it may do that.");
            return None;
        }
        let registration = self.channels[id].registered()?;
        if registration.standing == Standing::Ending {
            self.chanserv_says(sink, by.conn, "That is being done.");
            return None;
        }
        if registration.former.is_some() {
            self.save_channel(sink, id);
            self.chanserv_says(sink, by.conn, "Its last RENAME is still being kept; try again.");
            return None;
        }
        Some(id)
    }

    fn cs_drop(&mut self, sink: &mut Sink, by: Caller, name: &str) {
        let Some(id) = self.may_drop(sink, by, name) else { return };
        if !self.is_founder(id, by.user) {
            let name = self.channels[id].name.to_string();
            self.record(sink, by, 'o', "DROP", &name, "");
        }
        let dropper = self.users[by.user].mask().to_owned();
        let channel = &mut self.channels[id];
        let Some(registration) = &mut channel.registration else { return };
        registration.standing = Standing::Ending;
        let (serial, folded) = (registration.serial, folded(&channel.name).into_owned());
        let request = Request::DropChannel { folded };
        self.ask_to_do(sink, by.conn, request, move |chat, sink, conn, reply| {
            let text = chat.conclude_drop(sink, (id, serial), &dropper, reply);
            if let Some(conn) = conn {
                chat.chanserv_says(sink, conn, &text);
            }
        });
    }

    /// Completes a DROP that the store has done, or undoes it. Returns the text for the user.
    fn conclude_drop(
        &mut self,
        sink: &mut Sink,
        (id, serial): (ChannelId, Serial),
        dropper: &str,
        reply: Reply,
    ) -> String {
        const DONE: &str = "It is not registered any more.";
        let Some(registration) = self.registration(id, serial) else { return DONE.to_owned() };
        if reply == Reply::Dropped {
            log::info!("channel {} is dropped by {dropper}", self.channels[id].name);
            self.happen(sink, What::RegistrationEnded { channel: id });
            return DONE.to_owned();
        }
        registration.standing = Standing::Stands;
        if std::mem::take(&mut registration.kept) == SaveState::Dirty {
            self.save_channel(sink, id);
        }
        format!("It stays registered: {}.", trouble(reply))
    }
}

/// The changes of one AMODE, each with its account, as in MODE; or the error in them.
fn rank_changes(modes: &str, accounts: &[&str], max: usize) -> Result<Vec<RankChange>, String> {
    let (mut on, mut changes) = (true, Vec::new());
    for letter in modes.chars() {
        if let '+' | '-' = letter {
            on = letter == '+';
            continue;
        }
        let Some(rank) = Rank::of(letter) else {
            return Err(format!("{letter} is no rank; there are q, a, o, h and v."));
        };
        let Some(account) = accounts.get(changes.len()) else {
            return Err("Say which account: AMODE #channel +o account.".to_owned());
        };
        if changes.len() == max {
            return Err(format!("Not more than {max} at once."));
        }
        changes.push(RankChange { on, rank, account: (*account).to_owned() });
    }
    Ok(changes)
}
