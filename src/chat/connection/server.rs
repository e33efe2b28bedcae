//! Queries about the server. Modern IRC, "Server Queries and Commands".

use crate::chat::command::Command;
use crate::chat::connection::welcome;
use crate::chat::reply::Sink;
use crate::chat::reply::numeric::*;
use crate::chat::{Caller, Chat};
use crate::wire::irc::Message;
use crate::wire::irc::time::write_time;
use crate::wire::{casemap, mask};

pub(crate) const VERSION: Command = Command::user("VERSION", 0, Chat::version)
    .help("VERSION [server]", &["Shows the version of this server, and the features it supports."]);

pub(crate) const ADMIN: Command = Command::user("ADMIN", 0, Chat::admin)
    .help("ADMIN [server]", &["Shows the administrator of this server."]);

pub(crate) const TIME: Command = Command::user("TIME", 0, Chat::time)
    .help("TIME [server]", &["Shows the time of the server, in UTC."]);

pub(crate) const INFO: Command = Command::user("INFO", 0, Chat::info)
    .help("INFO [server]", &["Shows the version of this server, and since when it runs."]);

pub(crate) const LINKS: Command =
    Command::user("LINKS", 0, Chat::links).help("LINKS", &["Lists the servers of the network."]);

impl Chat {
    /// Whether a query is for this server, the only one: without `target`, or with its name, a mask
    /// of it, or the nick of a user here. Sends an error if not.
    pub(crate) fn is_here(&self, sink: &mut Sink, by: Caller, target: Option<&str>) -> bool {
        let Some(target) = target.filter(|target| !target.is_empty()) else { return true };
        let here = mask::matches(target, &self.settings.server_name)
            || casemap::same(target, &self.settings.server_name)
            || self.users.find(target).is_some();
        if !here {
            self.numeric(sink, by.conn, ERR_NOSUCHSERVER, &[target]);
        }
        here
    }

    /// `VERSION [server]`. Modern IRC, "VERSION message".
    pub(crate) fn version(&mut self, sink: &mut Sink, by: Caller, message: &Message) {
        if self.is_here(sink, by, message.params.first().copied()) {
            let server = &self.settings.server_name;
            let text = "One lean daemon through which people and devices talk";
            self.numeric(sink, by.conn, RPL_VERSION, &[welcome::VERSION, server, text]);
            self.tell_isupport(sink, by.conn);
        }
    }

    /// `ADMIN [server]`. Modern IRC, "ADMIN message".
    pub(crate) fn admin(&mut self, sink: &mut Sink, by: Caller, message: &Message) {
        if self.is_here(sink, by, message.params.first().copied()) {
            let [place, who, mail] = &self.settings.admin;
            let said = |text: &str| match text {
                "" => "not told".to_owned(),
                text => text.to_owned(),
            };
            self.numeric(sink, by.conn, RPL_ADMINME, &[&self.settings.server_name]);
            self.numeric(sink, by.conn, RPL_ADMINLOC1, &[&said(place)]);
            self.numeric(sink, by.conn, RPL_ADMINLOC2, &[&said(who)]);
            self.numeric(sink, by.conn, RPL_ADMINEMAIL, &[&said(mail)]);
        }
    }

    /// `TIME [server]`. Modern IRC, "TIME message".
    pub(crate) fn time(&mut self, sink: &mut Sink, by: Caller, message: &Message) {
        if self.is_here(sink, by, message.params.first().copied()) {
            let mut time = Vec::new();
            write_time(&mut time, sink.now().unix_ms);
            let (time, unix) = (String::from_utf8_lossy(&time), sink.unix().to_string());
            let server = &self.settings.server_name;
            self.numeric(sink, by.conn, RPL_TIME, &[server, &unix, "0", &time]);
        }
    }

    /// `INFO [server]`. Modern IRC, "INFO message"; RFC 2812 §3.4.10.
    pub(crate) fn info(&mut self, sink: &mut Sink, by: Caller, message: &Message) {
        if !self.is_here(sink, by, message.params.first().copied()) {
            return;
        }
        let began = format!("Since {}", self.began());
        for text in
            [welcome::VERSION, "One lean daemon through which people and devices talk.", &began]
        {
            self.numeric(sink, by.conn, RPL_INFO, &[text]);
        }
        self.numeric(sink, by.conn, RPL_ENDOFINFO, &[]);
    }

    /// `LINKS`. Modern IRC, "LINKS message": this server is the only one.
    pub(crate) fn links(&mut self, sink: &mut Sink, by: Caller, _message: &Message) {
        let server = &self.settings.server_name;
        let text = format!("0 {}", self.settings.description());
        self.numeric(sink, by.conn, RPL_LINKS, &["*", server, &text]);
        self.numeric(sink, by.conn, RPL_ENDOFLINKS, &["*"]);
    }
}
