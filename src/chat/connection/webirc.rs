//! WEBIRC: a gateway names the address of its client. IRCv3 webirc.

use crate::auth::password::Password;
use crate::auth::worker::{Done, Job};
use crate::chat::command::Command;
use crate::chat::reply::Sink;
use crate::chat::reply::numeric::*;
use crate::chat::{Chat, Gateway};
use crate::net::ConnId;
use crate::wire::irc::Message;
use std::net::{IpAddr, Ipv4Addr};

pub(crate) const WEBIRC: Command = Command::anyone("WEBIRC", 0, Chat::webirc).help(
    "WEBIRC password gateway host address",
    &[
        "Gives the address of a gateway's client, before all other commands. For gateways that the",
        "config names.",
    ],
);

impl Chat {
    /// `WEBIRC password gateway hostname ip [options]`. The host name can't be verified, and is
    /// ignored, as are the options. Any error closes the connection: it would otherwise pass under
    /// a wrong address.
    pub(crate) fn webirc(&mut self, sink: &mut Sink, conn: ConnId, message: &Message) {
        let Some(registering) = self.sessions[conn].registering() else {
            return self.numeric(sink, conn, ERR_ALREADYREGISTERED, &[]);
        };
        if !registering.is_untouched() {
            return self.turn_away(sink, conn, "WEBIRC must be the first command");
        }
        let [password, name, _, ip, ..] = message.params[..] else {
            return self.turn_away(
                sink,
                conn,
                "WEBIRC wants a password, a name, a host and an address",
            );
        };
        let Some(gateway) = self.gateway(conn, name) else {
            return self.turn_away(sink, conn, "WEBIRC is not accepted from this address");
        };
        let Ok(ip) = ip.parse::<IpAddr>() else {
            return self.turn_away(sink, conn, "WEBIRC gives no address that can be read");
        };
        let (name, verifier) = (gateway.name.clone(), gateway.verifier.clone());
        let Some(verifier) = verifier else {
            return self.connect_for(sink, conn, &name, ip);
        };
        let Ok(password) = Password::parse(password) else {
            return self.turn_away(sink, conn, WRONG);
        };
        let Ok(attempt) = self.attempt(sink, conn, &format!("WEBIRC {name}")) else {
            return self.turn_away(sink, conn, "WEBIRC has been tried too often; try again later");
        };
        let job = Job::Verify { verifier, password };
        self.hash_for(sink, conn, job, move |chat, sink, conn, done| match done {
            Some(Done::Verified(true)) => {
                chat.login_guards.attempts.succeeded(attempt, sink.now().uptime_ms);
                chat.connect_for(sink, conn, &name, ip);
            }
            Some(_) => chat.turn_away(sink, conn, WRONG),
            None => chat.turn_away(sink, conn, "Too many log in at once; try again"),
        });
    }

    /// The gateway for the connection's address; of several, the one called `name`, if there is
    /// one.
    fn gateway(&self, conn: ConnId, name: &str) -> Option<&Gateway> {
        // A Unix socket is on this machine.
        let from = self.sessions[conn].address.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let mut here =
            self.settings.gateways.iter().filter(|gateway| gateway.networks.contain(from));
        let first = here.clone().next();
        here.find(|gateway| gateway.name == name).or(first)
    }

    /// Moves `conn` to the address `ip`, for limits and bans too.
    fn connect_for(&mut self, sink: &mut Sink, conn: ConnId, gateway: &str, ip: IpAddr) {
        let ip = ip.to_canonical();
        log::debug!("the gateway {gateway} connects for {ip}");
        let session = &mut self.sessions[conn];
        session.address = Some(ip);
        session.exempt = self.settings.abuse.exempts(session.address);
        sink.out.comes_from(conn, ip);
    }
}

const WRONG: &str = "WEBIRC has a wrong password";
