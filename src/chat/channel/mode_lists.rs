//! MODE of a channel's lists: bans, exceptions from them, and exceptions from `i`. Modern IRC,
//! "Channel Modes".

use crate::chat::channel::mode::Changes;
use crate::chat::reply::Sink;
use crate::chat::reply::numeric::*;
use crate::chat::state::ban::Ban;
use crate::chat::state::channels::{List, ListEntry, NEVER};
use crate::chat::state::ids::ChannelId;
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
        let mask_text = mask.as_str().to_owned();
        let setter: Box<str> = self.users[by.user].mask().into();
        let max = self.settings.limits.list_entries_max;
        let channel = &mut self.channels[id];
        let found = channel.list(list).iter().position(|entry| entry.mask == mask);
        match (on, found) {
            (true, None) if channel.list(list).len() >= max => {
                let name = channel.name.clone();
                let params = [&*name, &letter.to_string()];
                self.numeric(sink, by.conn, ERR_BANLISTFULL, &params);
            }
            (true, None) => {
                let entry = ListEntry { mask, by: setter, at: sink.unix(), until: changes.until };
                channel.list_mut(list).push(entry);
                channel.next_end = channel.next_end.min(changes.until.unwrap_or(NEVER));
                changes.push(true, letter, Some(&mask_text));
            }
            // The later command wins, also for the end of a ban.
            (true, Some(index)) if channel.list(list)[index].until != changes.until => {
                let entry = &mut channel.list_mut(list)[index];
                (entry.by, entry.at, entry.until) = (setter, sink.unix(), changes.until);
                let listed = entry.mask.as_str().to_owned();
                channel.next_end = channel.next_end.min(changes.until.unwrap_or(NEVER));
                changes.push(true, letter, Some(&listed));
            }
            (false, Some(index)) => {
                let removed = channel.list_mut(list).remove(index);
                changes.push(false, letter, Some(removed.mask.as_str()));
            }
            _ => {}
        }
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
