//! Always-on users, who stay when their last connection closes, and are restored at start.

use crate::chat::Chat;
use crate::chat::event::What;
use crate::chat::reply::Sink;
use crate::chat::settings::AlwaysOn;
use crate::chat::state::away::auto_away;
use crate::chat::state::channels::Member;
use crate::chat::state::ids::UserId;
use crate::chat::state::metadata::Metadata;
use crate::chat::state::ranks::{Rank, Ranks};
use crate::chat::state::save_state::SaveState;
use crate::chat::state::users::{User, UserMode};
use crate::net::{Now, Outbox};
use crate::store::{ChannelRecord, Presence, Reply, Request};
use crate::wire::casemap::folded;
use crate::wire::irc::names::{ChannelName, Nick};

impl Chat {
    /// Sets whether `user`, who is logged in, is always on. Only one user of an account may be.
    pub(crate) fn set_always_on(&mut self, sink: &mut Sink, user: UserId, on: bool) {
        let Some(account) =
            self.users.get(user).and_then(|user| user.account().map(Box::<str>::from))
        else {
            return;
        };
        for other in self.users_of(&account).into_iter().filter(|other| *other != user) {
            if self.users[other].is_always_on() {
                self.users[other].extra().always_on = false;
                self.go_if_alone(sink, other, "Stays no longer");
            }
        }
        self.users[user].extra().always_on = on;
        if on {
            self.save_presence(sink, user);
        } else {
            let account = folded(&account).into_owned();
            self.ask_store(sink, Request::DropPresence { account }, |_, _, _| {});
        }
    }

    /// Removes a user who has no connection and is no longer always on.
    pub(crate) fn go_if_alone(&mut self, sink: &mut Sink, user: UserId, why: &str) {
        if self.users[user].conns.is_empty() {
            self.happen(sink, What::Quit { user, why });
        }
    }

    /// Saves `user` if they are always on. At most one request for each is under way, however much
    /// changes.
    pub(crate) fn save_presence(&mut self, sink: &mut Sink, user: UserId) {
        if !self.users[user].is_always_on() {
            return;
        }
        let Some(account) = self.users[user].account().map(Box::<str>::from) else { return };
        let kept = &mut self.users[user].extra().kept;
        if *kept != SaveState::Clean {
            *kept = SaveState::Dirty;
            return;
        }
        *kept = SaveState::Saving;
        let presence = Box::new(self.presence(user));
        let (account, serial) = (folded(&account).into_owned(), self.users[user].serial);
        let request = Request::SavePresence { account, presence };
        self.ask_store(sink, request, move |chat, sink, reply| {
            if chat.users.get(user).is_none_or(|user| user.serial != serial) {
                return;
            }
            let kept = std::mem::take(&mut chat.users[user].extra().kept);
            // A failed save is repeated with the next change.
            if kept == SaveState::Dirty && reply == Reply::Saved {
                chat.save_presence(sink, user);
            }
        });
    }

    fn presence(&self, id: UserId) -> Presence {
        let user = &self.users[id];
        let channels = user.channels.iter().map(|membership| {
            let channel = &self.channels[membership.channel];
            let ranks = channel.members[membership.place as usize].ranks;
            let letters = Rank::LETTERS.iter().filter(|(_, _, rank)| ranks.has(*rank));
            (channel.name.to_string(), letters.map(|(letter, _, _)| *letter).collect())
        });
        Presence {
            nick: user.nick().to_owned(),
            username: user.username().to_owned(),
            realname: user.realname().to_owned(),
            host: user.host().to_owned(),
            modes: user.modes().text(),
            away: user.away().map(str::to_owned),
            signed_on_s: user.signed_on.into(),
            acted_s: user.acted_at.into(),
            channels: channels.collect(),
            metadata: user.metadata().map(Metadata::to_pairs).unwrap_or_default(),
        }
    }

    /// Restores the registered channels, then the always-on users in `presences`. Must run before
    /// the first connection.
    pub fn restore(
        &mut self,
        channels: Vec<ChannelRecord>,
        presences: Vec<(String, Presence)>,
        now: Now,
    ) {
        self.began_ms = now.unix_ms;
        if !channels.is_empty() || !presences.is_empty() {
            self.twin = None; // it has followed from nothing
        }
        self.restore_channels(channels);
        if self.settings.accounts.always_on == AlwaysOn::Off {
            return; // users may connect again, but none is restored
        }
        for (account, presence) in presences {
            let Some(nick) = Nick::parse(&presence.nick, usize::MAX) else { continue };
            if self.users.find(nick.as_str()).is_some() {
                continue; // two accounts can't have had it
            }
            let Presence { username, host, realname, .. } = &presence;
            let signed_on = presence.signed_on_s as u64;
            let host = self.cloaks.stored_host(host, self.settings.abuse.cloak);
            let mut user = User::absent(nick, username, &host, realname, signed_on);
            user.set_account(account.into(), None);
            // A user who was connected when the server was killed left at that moment.
            let away = presence.away.map(Into::into);
            user.set_away(away.or_else(|| Some(auto_away(now.unix_ms / 1000))));
            if let acted @ 1.. = presence.acted_s {
                user.acted_at = acted as u32;
            }
            let extra = user.extra();
            extra.always_on = true;
            extra.metadata = Metadata::from_pairs(presence.metadata);
            let id = self.users.insert(user);
            for letter in presence.modes.chars() {
                // An operator has to log in as one again.
                if let Some(mode) = UserMode::of(letter).filter(|mode| *mode != UserMode::Operator)
                {
                    self.users.set_mode(id, mode, true);
                }
            }
            for (name, letters) in presence.channels {
                let Some(name) = ChannelName::parse(&name, usize::MAX) else { continue };
                let found = self.channels.find(name.as_str());
                let channel =
                    found.unwrap_or_else(|| self.channels.create(name, now.unix_ms / 1000));
                let mut ranks = Ranks::default();
                let held = letters.chars().filter_map(Rank::of);
                held.chain(self.rank_by_account(channel, id))
                    .for_each(|rank| ranks.set(rank, true));
                if !self.users[id].is_in(channel) {
                    let member = Member { user: id, ranks, since_s: 0 };
                    self.channels.join(&mut self.users, channel, member);
                }
            }
        }
    }

    /// Looks up the accounts of restored users, to distinguish each from another of its name. A
    /// user whose look-up fails takes the next account that logs in under the name.
    pub fn identify_restored(&mut self, out: &mut Outbox) {
        let sink = &mut Sink::new(out);
        let unknown = |user: &User| {
            user.account().map(Box::<str>::from).filter(|_| user.account_made_ms().is_none())
        };
        let restored = self.users.iter().filter_map(|(id, user)| Some((id, unknown(user)?)));
        for (id, account) in restored.collect::<Vec<_>>() {
            let request = Request::FindAccount { folded: folded(&account).into_owned() };
            let serial = self.users[id].serial;
            self.ask_store(sink, request, move |chat, _, reply| {
                let Reply::Account(Some(account)) = reply else { return };
                if chat.users.get(id).is_some_and(|user| user.serial == serial) {
                    chat.users[id].learn_account_made(account.created_ms);
                }
            });
        }
    }
}
