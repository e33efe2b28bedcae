//! The welcome of a new user. Modern IRC, "Connection Registration"; RFC 2812 §5.1.

use crate::chat::command::Command;
use crate::chat::reply::Sink;
use crate::chat::reply::numeric::*;
use crate::chat::state::channels::{ChannelMode, List};
use crate::chat::state::ranks::Rank;
use crate::chat::state::users::UserMode;
use crate::chat::{Caller, Chat};
use crate::wire::irc::Message;
use crate::wire::irc::time::write_time;

pub(crate) const LUSERS: Command = Command::user("LUSERS", 0, Chat::lusers)
    .help("LUSERS", &["Shows how many users and channels there are."]);

pub(crate) const MOTD: Command = Command::user("MOTD", 0, Chat::motd)
    .help("MOTD [server]", &["Repeats the message of the day."]);

impl Chat {
    /// Sends the burst from `001` to the message of the day.
    pub(crate) fn welcome(&mut self, sink: &mut Sink, by: Caller) {
        let conn = by.conn;
        let (server, network) = (self.settings.server_name.clone(), self.settings.network.clone());
        let text = format!("Welcome to the {network} Network, {}", self.users[by.user].mask());
        self.numeric(sink, conn, RPL_WELCOME, &[&text]);
        let text = format!("Your host is {server}, running version {VERSION}");
        self.numeric(sink, conn, RPL_YOURHOST, &[&text]);
        let text = format!("This server was created {}", self.began());
        self.numeric(sink, conn, RPL_CREATED, &[&text]);
        let user_modes: String = UserMode::LETTERS.iter().map(|(letter, _)| *letter).collect();
        let with_parameter: String = (Rank::LETTERS.iter().map(|(letter, _, _)| *letter))
            .chain(List::LETTERS.iter().map(|(letter, _)| *letter))
            .chain("Wfkl".chars())
            .collect();
        let flags: String = ChannelMode::LETTERS.iter().map(|(letter, _)| *letter).collect();
        let all = format!("{flags}{with_parameter}");
        self.numeric(
            sink,
            conn,
            RPL_MYINFO,
            &[&server, VERSION, &user_modes, &all, &with_parameter],
        );
        self.tell_isupport(sink, conn);
        self.tell_lusers(sink, by);
        self.tell_own_metadata(sink, by);
        self.tell_motd(sink, by);
    }

    /// When the service began, to the second.
    pub(crate) fn began(&self) -> String {
        let mut text = Vec::new();
        write_time(&mut text, self.began_ms / 1000 * 1000);
        String::from_utf8_lossy(&text).replace(".000Z", "Z")
    }

    /// `LUSERS`. Modern IRC, "LUSERS message".
    pub(crate) fn lusers(&mut self, sink: &mut Sink, by: Caller, _message: &Message) {
        self.tell_lusers(sink, by);
    }

    fn tell_lusers(&self, sink: &mut Sink, by: Caller) {
        let conn = by.conn;
        let (all, max) = (self.users.len(), self.users.max);
        let invisible = self.users.count(UserMode::Invisible);
        let operators = self.users.count(UserMode::Operator);
        let visible = all - invisible;
        let text = format!("There are {visible} users and {invisible} invisible on 1 servers");
        self.numeric(sink, conn, RPL_LUSERCLIENT, &[&text]);
        self.numeric(sink, conn, RPL_LUSEROP, &[&operators.to_string()]);
        self.numeric(sink, conn, RPL_LUSERUNKNOWN, &[&self.registering.to_string()]);
        self.numeric(sink, conn, RPL_LUSERCHANNELS, &[&self.channels.len().to_string()]);
        let text = format!("I have {all} clients and 0 servers");
        self.numeric(sink, conn, RPL_LUSERME, &[&text]);
        let (count, most) = (all.to_string(), max.to_string());
        let text = format!("Current local users {all}, max {max}");
        self.numeric(sink, conn, RPL_LOCALUSERS, &[&count, &most, &text]);
        let text = format!("Current global users {all}, max {max}");
        self.numeric(sink, conn, RPL_GLOBALUSERS, &[&count, &most, &text]);
    }

    /// `MOTD [server]`. Modern IRC, "MOTD message".
    pub(crate) fn motd(&mut self, sink: &mut Sink, by: Caller, message: &Message) {
        if self.is_here(sink, by, message.params.first().copied()) {
            self.tell_motd(sink, by);
        }
    }

    fn tell_motd(&self, sink: &mut Sink, by: Caller) {
        if self.settings.motd.is_empty() {
            return self.numeric(sink, by.conn, ERR_NOMOTD, &[]);
        }
        let text = format!("- {} Message of the day - ", self.settings.server_name);
        self.numeric(sink, by.conn, RPL_MOTDSTART, &[&text]);
        for line in &self.settings.motd {
            self.numeric(sink, by.conn, RPL_MOTD, &[&format!("- {line}")]);
        }
        self.numeric(sink, by.conn, RPL_ENDOFMOTD, &[]);
    }
}

/// Name and version of the program, without a space.
pub(crate) const VERSION: &str = concat!("stonechat-", env!("CARGO_PKG_VERSION"));
