//! CAP: the capabilities of a client. IRCv3 capability-negotiation, with 302.

use crate::chat::command::Command;
use crate::chat::connection::offers;
use crate::chat::people::metadata_sync::hears_metadata;
use crate::chat::reply::Sink;
use crate::chat::reply::line::Line;
use crate::chat::reply::numeric::*;
use crate::chat::state::caps;
use crate::chat::state::caps::{Cap, Caps};
use crate::chat::state::sessions::{Session, Stage};
use crate::chat::{Caller, Chat};
use crate::net::ConnId;
use crate::wire::irc::{Message, REST_MAX};

pub(crate) const CAP: Command = Command::anyone("CAP", 1, Chat::cap).help(
    "CAP subcommand [capabilities]",
    &["Lists and requests capabilities of this server: LS, LIST, REQ, END. For clients."],
);

/// Bytes of the list in one line of several.
const LIST_MAX: usize = 400;

/// From this version on lists have values, and run over several lines.
const WITH_VALUES: u32 = 302;

impl Chat {
    /// `CAP LS [version]`, `LIST`, `REQ`, `END`. IRCv3 capability-negotiation, "The CAP command".
    pub(crate) fn cap(&mut self, sink: &mut Sink, conn: ConnId, message: &Message) {
        let given = message.params.get(1).copied();
        match &*message.params[0].to_ascii_uppercase() {
            "LS" => self.cap_ls(sink, conn, given),
            "LIST" => {
                let names = self.sessions[conn].caps.names().map(str::to_owned).collect();
                let several = self.sessions[conn].cap_302;
                self.cap_lines(sink, conn, "LIST", names, several);
            }
            "REQ" => self.cap_req(sink, conn, given.unwrap_or_default()),
            "END" => {
                if let Some(registering) = self.sessions[conn].registering() {
                    registering.negotiating = false;
                    self.try_register(sink, conn);
                }
            }
            _ => self.numeric(sink, conn, ERR_INVALIDCAPCMD, &[message.params[0]]),
        }
    }

    fn cap_ls(&mut self, sink: &mut Sink, conn: ConnId, version: Option<&str>) {
        let version: u32 = version.and_then(|text| text.parse().ok()).unwrap_or(0);
        let session = &mut self.sessions[conn];
        if version >= WITH_VALUES {
            session.cap_302 = true;
            // "CAP LS 302" implies cap-notify.
            session.caps = session.caps.with(Cap::Notify);
        }
        if let Some(registering) = session.registering() {
            registering.negotiating = true;
        }
        // The reply follows the version given now, though the highest one is remembered.
        let with_values = version >= WITH_VALUES;
        let names = offers::all(&self.settings, &self.sessions[conn], with_values);
        self.cap_lines(sink, conn, "LS", names, with_values);
    }

    /// Sends a list, over as many lines as it needs if `several` are allowed. Else one line, with
    /// as many names as it holds: the drafts, which come last, are left out first.
    fn cap_lines(
        &self,
        sink: &mut Sink,
        conn: ConnId,
        subcommand: &str,
        names: Vec<String>,
        several: bool,
    ) {
        let server = &self.settings.server_name;
        let around = ":  CAP   :".len() + server.len() + self.called(conn).len() + subcommand.len();
        let room = REST_MAX - around;
        let max = if several { LIST_MAX.min(room - "* ".len()) } else { room };
        let mut line = String::new();
        for name in names {
            if !line.is_empty() && line.len() + name.len() >= max {
                if !several {
                    break;
                }
                self.say_cap(sink, conn, &[subcommand, "*"], line.trim_end());
                line.clear();
            }
            line.push_str(&name);
            line.push(' ');
        }
        self.say_cap(sink, conn, &[subcommand], line.trim_end());
    }

    fn say_cap(&self, sink: &mut Sink, conn: ConnId, params: &[&str], list: &str) {
        let params = [&[self.called(conn)], params].concat();
        let line = Line::new(&self.settings.server_name, "CAP", &params);
        line.text(list).to(sink, &self.sessions[conn]);
    }

    /// The present offer to each client that reads values or has cap-notify.
    pub(crate) fn offers(&self) -> Vec<(ConnId, Vec<String>)> {
        let knows = |session: &&Session| session.cap_302 || session.caps.has(Cap::Notify);
        let offer = |session: &Session| (session.id, offers::all(&self.settings, session, true));
        self.sessions.iter().filter(knows).map(offer).collect()
    }

    /// Sends CAP NEW and CAP DEL for what differs from the offers `before`, and takes withdrawn
    /// capabilities from clients. IRCv3 capability-negotiation, "The CAP NEW subcommand" and "The
    /// CAP DEL subcommand".
    pub(crate) fn tell_new_values(&mut self, sink: &mut Sink, before: &[(ConnId, Vec<String>)]) {
        let name = |value: &str| value.split('=').next().unwrap_or_default().to_owned();
        for (conn, before) in before {
            let session = &self.sessions[*conn];
            let now = offers::all(&self.settings, session, true);
            let new: Vec<String> =
                now.iter().filter(|cap| !before.contains(cap)).cloned().collect();
            let names: Vec<String> = now.iter().map(|cap| name(cap)).collect();
            // A policy of sts lasts for its own duration.
            let gone = before.iter().map(|cap| name(cap)).filter(|name| !names.contains(name));
            let gone: Vec<String> = gone.filter(|name| name != "sts").collect();
            let here = !matches!(session.stage, Stage::Gone);
            for (subcommand, caps, knows) in [("NEW", &new, session.cap_302), ("DEL", &gone, true)]
            {
                if here && knows && !caps.is_empty() {
                    self.say_cap(sink, *conn, &[subcommand], &caps.join(" "));
                }
            }
        }
        for session in self.sessions.iter_mut() {
            let names: Vec<&str> = session.caps.names().collect();
            for cap in names.into_iter().filter_map(caps::named) {
                if !offers::is_offered(cap, &self.settings) {
                    session.caps = session.caps.without(cap);
                }
            }
        }
    }

    /// Grants all the requested changes, or none.
    fn cap_req(&mut self, sink: &mut Sink, conn: ConnId, asked: &str) {
        if let Some(registering) = self.sessions[conn].registering() {
            registering.negotiating = true;
        }
        let before = self.sessions[conn].caps;
        let after = asked.split_ascii_whitespace().try_fold(before, |caps, name| {
            let (name, on) = name.strip_prefix('-').map_or((name, true), |name| (name, false));
            let cap = caps::named(name)?;
            if on && !offers::is_offered(cap, &self.settings) {
                return None;
            }
            // A client of version 302 can't give up cap-notify.
            if cap == Cap::Notify && !on && self.sessions[conn].cap_302 {
                return None;
            }
            Some(if on { caps.with(cap) } else { caps.without(cap) })
        });
        // "Servers MUST NOT accept these requests", draft/metadata-3.
        let after = after.filter(|caps| !caps.all_of(Caps::METADATA));
        let verdict = if after.is_some() { "ACK" } else { "NAK" };
        // A refused list, which may hold anything, is cut to the length of a line.
        self.say_cap(sink, conn, &[verdict], asked);
        if let Some(after) = after {
            self.sessions[conn].caps = after;
            self.caps_changed(sink, conn, before, after);
        }
    }

    /// Applies the consequences of capabilities gained or given up.
    fn caps_changed(&mut self, sink: &mut Sink, conn: ConnId, before: Caps, after: Caps) {
        match (hears_metadata(before), hears_metadata(after)) {
            (false, true) => {
                if let Some(user) = self.sessions[conn].user() {
                    self.tell_own_metadata(sink, Caller { conn, user });
                }
            }
            (true, false) => self.unsubscribe_all(conn),
            _ => {}
        }
    }
}
