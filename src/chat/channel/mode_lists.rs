//! MODE of a channel's lists: bans, exceptions from them, and exceptions from `i`. Modern IRC,
//! "Channel Modes".

use crate::chat::channel::mode::Changes;
use crate::chat::event::What;
use crate::chat::reply::Sink;
use crate::chat::reply::numeric::*;
use crate::chat::state::ban::Ban;
use crate::chat::state::channels::List;
use crate::chat::state::ids::ChannelId;
use crate::chat::state::mode_change::ModeChange;
use crate::chat::{Caller, Chat};

impl Chat {
    /// Modes `b`, `e` and `I`.
    pub(crate) fn change_list(
        &mut self,
        sink: &mut Sink,
        by: Caller,
        id: ChannelId,
        (on, letter, list, param): (bool, char, List, Option<&str>),
        changes: &mut Changes,
    ) {
        let text = param.expect("without one the list is told");
        let entry = match self.list_entry(by, text) {
            Ok(entry) if on => entry,
            Err(why) if on => return self.bad_parameter(sink, by, id, letter, text, why),
            _ => text.to_owned(),
        };
        let Ok(mask) = Ban::parse(&entry) else {
            return self.bad_parameter(sink, by, id, letter, text, "Not a mask");
        };
        let max = self.settings.limits.list_entries_max;
        let channel = &self.channels[id];
        let found = channel.list(list).iter().find(|entry| entry.mask == mask);
        match (on, found) {
            (true, None) if channel.list(list).len() >= max => {
                let params = [&*channel.name, &letter.to_string()];
                return self.numeric(sink, by.conn, ERR_BANLISTFULL, &params);
            }
            (true, None) | (false, Some(_)) => {}
            // The later command wins, also for the end of a ban.
            (true, Some(entry)) if entry.until != changes.until => {}
            _ => return,
        }
        // As it is listed, if it is.
        let mask = found.map_or(mask, |entry| entry.mask.clone());
        let setter = self.users[by.user].mask().to_owned();
        let (by, until) = (&*setter, changes.until);
        let change = match on {
            true => ModeChange::Listed { list, mask: &mask, by, until },
            false => ModeChange::Unlisted { list, mask: &mask },
        };
        self.happen(sink, What::ModeChanged { channel: id, change });
        changes.push(on, letter, Some(mask.as_str()));
    }

    pub(crate) fn tell_list(&self, sink: &mut Sink, by: Caller, id: ChannelId, list: List) {
        let channel = &self.channels[id];
        let (reply, end) = match list {
            List::Ban => (RPL_BANLIST, RPL_ENDOFBANLIST),
            List::Except => (RPL_EXCEPTLIST, RPL_ENDOFEXCEPTLIST),
            List::Invex => (RPL_INVEXLIST, RPL_ENDOFINVEXLIST),
        };
        // Exceptions from bans are not shown outside: they would show a way in.
        let may = list == List::Ban || self.users[by.user].is_in(id);
        for entry in channel.list(list).iter().filter(|_| may) {
            let at = entry.at.to_string();
            let params = [&*channel.name, entry.mask.as_str(), &entry.by, &at];
            self.numeric(sink, by.conn, reply, &params);
        }
        self.numeric(sink, by.conn, end, &[&channel.name]);
    }
}
