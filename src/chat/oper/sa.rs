//! Acts that operators impose on users: SAJOIN, SAPART, SAMODE, SANICK. They work, are announced
//! and are stored like the user's own, but skip the checks that would refuse them. All are
//! recorded. As in InspIRCd and UnrealIRCd.

use crate::auth::skeleton::Skeleton;
use crate::chat::account::accounts::trouble;
use crate::chat::command::Command;
use crate::chat::event::What;
use crate::chat::reply::Sink;
use crate::chat::reply::numeric::*;
use crate::chat::state::ids::UserId;
use crate::chat::state::right::Right;
use crate::chat::state::services::{is_service, shortened};
use crate::chat::{Caller, Chat};
use crate::store::{Reply, Request};
use crate::wire::casemap::same;
use crate::wire::irc::Message;
use crate::wire::irc::names::{ChannelName, Nick};

pub(crate) const SAJOIN: Command = Command::user("SAJOIN", 2, Chat::sajoin).for_operators().help(
    "SAJOIN nick channel{,channel}",
    &["Makes a user join channels, despite bans, keys and limits."],
);

pub(crate) const SAPART: Command = Command::user("SAPART", 2, Chat::sapart)
    .for_operators()
    .help("SAPART nick channel{,channel} [reason]", &["Makes a user leave channels."]);

pub(crate) const SAMODE: Command = Command::user("SAMODE", 2, Chat::samode).for_operators().help(
    "SAMODE target modes [parameters]",
    &["Changes modes of a channel or a user, without a rank there."],
);

pub(crate) const SANICK: Command = Command::user("SANICK", 2, Chat::sanick)
    .for_operators()
    .help("SANICK nick new-nick", &["Changes the nick of a user."]);

impl Chat {
    /// `SAJOIN nick channel{,channel}`: past key, limit, bans and invite-only. The bound of
    /// channels per user still holds.
    pub(crate) fn sajoin(&mut self, sink: &mut Sink, by: Caller, message: &Message) {
        if !self.may(sink, by, Right::Sajoin) {
            return;
        }
        let Some(user) = self.meant(sink, by, message.params[0]) else { return };
        for asked in message.params[1].split(',').filter(|name| !name.is_empty()) {
            let max = self.settings.limits.channel_name_max;
            let Some(name) = ChannelName::parse(asked, max) else {
                self.no_such_channel(sink, by, asked);
                continue;
            };
            let found = self.channels.find(asked);
            if found.is_some_and(|channel| self.users[user].is_in(channel)) {
                let params = [self.users[user].nick(), asked];
                self.numeric(sink, by.conn, ERR_USERONCHANNEL, &params);
                continue;
            }
            if self.users[user].channels.len() >= self.settings.limits.channels_per_user {
                self.numeric(sink, by.conn, ERR_TOOMANYCHANNELS, &[asked]);
                continue;
            }
            let shown = found.map_or(asked, |channel| &*self.channels[channel].name).to_owned();
            self.record_of_user(sink, by, "SAJOIN", user, &shown);
            self.enter(sink, Caller { conn: by.conn, user }, name);
        }
    }

    /// `SAPART nick channel{,channel} [reason]`.
    pub(crate) fn sapart(&mut self, sink: &mut Sink, by: Caller, message: &Message) {
        if !self.may(sink, by, Right::Sapart) {
            return;
        }
        let Some(user) = self.meant(sink, by, message.params[0]) else { return };
        let reason = message.params.get(2).copied().unwrap_or_default();
        let reason = shortened(reason, self.settings.limits.kick_max);
        for asked in message.params[1].split(',').filter(|name| !name.is_empty()) {
            let Some(channel) = self.channels.find(asked) else {
                self.no_such_channel(sink, by, asked);
                continue;
            };
            if !self.users[user].is_in(channel) {
                let params = [self.users[user].nick(), asked];
                self.numeric(sink, by.conn, ERR_USERNOTINCHANNEL, &params);
                continue;
            }
            let what = [&*self.channels[channel].name, reason].join(" ");
            self.record_of_user(sink, by, "SAPART", user, what.trim_end());
            self.happen(sink, What::Parted { user, channel, reason });
        }
    }

    /// `SAMODE target modestring [arguments…]`: for a channel as with every rank there; for a user
    /// all modes but `o` and `s`, which are the user's own choice.
    pub(crate) fn samode(&mut self, sink: &mut Sink, by: Caller, message: &Message) {
        if !self.may(sink, by, Right::Samode) {
            return;
        }
        let (target, modes, params) = (message.params[0], message.params[1], &message.params[2..]);
        let what = message.params[1..].join(" ");
        if ChannelName::is_meant_by(target) {
            let Some(channel) = self.channels.find(target) else {
                return self.no_such_channel(sink, by, target);
            };
            let name = self.channels[channel].name.to_string();
            self.record(sink, by, 'o', "SAMODE", &name, &what);
            return self.change_modes(sink, by, channel, modes, params, true);
        }
        let Some(user) = self.meant(sink, by, target) else { return };
        self.record_of_user(sink, by, "SAMODE", user, &what);
        let modes: String = modes.chars().filter(|letter| !"os".contains(*letter)).collect();
        self.change_user_modes(sink, Caller { conn: by.conn, user }, &modes, &[]);
    }

    /// `SANICK nick new-nick`. The nick of another account is refused: its bearer would be taken
    /// for the owner.
    pub(crate) fn sanick(&mut self, sink: &mut Sink, by: Caller, message: &Message) {
        if !self.may(sink, by, Right::Sanick) {
            return;
        }
        let Some(user) = self.meant(sink, by, message.params[0]) else { return };
        let asked = message.params[1];
        let nick = Nick::parse(asked, self.settings.limits.nick_max);
        let Some(nick) = nick.filter(|_| !is_service(asked)) else {
            return self.numeric(sink, by.conn, ERR_ERRONEUSNICKNAME, &[asked]);
        };
        if !self.backends.is_there() {
            return self.give_nick(sink, by, user, nick);
        }
        let serial = self.users[user].serial;
        let skeleton = Skeleton::of(asked).as_str().to_owned();
        let request = Request::FindOwner { skeleton };
        let asked = asked.to_owned();
        self.ask_for(sink, by.conn, request, move |chat, sink, conn, reply| {
            let Some(operator) = chat.sessions[conn].user() else { return };
            let by = Caller { conn, user: operator };
            // The user may have left meanwhile, or the operator lost the right.
            if chat.users.get(user).is_none_or(|user| user.serial != serial)
                || !chat.may(sink, by, Right::Sanick)
            {
                return;
            }
            let account = chat.users[user].account();
            let refused = match reply {
                Reply::Owner(None) => None,
                Reply::Owner(Some(owner)) if account.is_some_and(|own| same(own, &owner)) => None,
                Reply::Owner(Some(_)) => {
                    Some("Nickname is reserved for another account".to_owned())
                }
                other => Some(format!("It can't be looked up whose that is: {}", trouble(other))),
            };
            match refused {
                Some(why) => {
                    chat.numeric_saying(sink, conn, ERR_NICKNAMEINUSE, &[&asked], &why);
                }
                None => {
                    let nick = Nick::parse(&asked, usize::MAX).expect("it was parsed before");
                    chat.give_nick(sink, by, user, nick);
                }
            }
        });
    }

    fn give_nick(&mut self, sink: &mut Sink, by: Caller, user: UserId, nick: Nick) {
        if self.users.find(nick.as_str()).is_some_and(|owner| owner != user) {
            return self.numeric(sink, by.conn, ERR_NICKNAMEINUSE, &[nick.as_str()]);
        }
        self.record_of_user(sink, by, "SANICK", user, nick.as_str());
        self.change_nick(sink, Caller { conn: by.conn, user }, nick);
    }

    /// The user with that nick; sends an error if there is none.
    fn meant(&self, sink: &mut Sink, by: Caller, nick: &str) -> Option<UserId> {
        let found = self.users.find(nick);
        if found.is_none() {
            self.numeric(sink, by.conn, ERR_NOSUCHNICK, &[nick]);
        }
        found
    }

    fn record_of_user(
        &mut self,
        sink: &mut Sink,
        by: Caller,
        command: &str,
        user: UserId,
        what: &str,
    ) {
        let mask = self.users[user].mask().to_owned();
        self.record(sink, by, 'o', command, &mask, what);
    }
}
