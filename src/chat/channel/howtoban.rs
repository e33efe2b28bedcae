//! Bans where hosts are cloaked. HOWTOBAN shows the entries that match a user. An entry that names
//! an address would match nobody: it is cloaked or refused.

use crate::chat::command::Command;
use crate::chat::reply::Sink;
use crate::chat::reply::numeric::*;
use crate::chat::state::right::Right;
use crate::chat::{Caller, Chat};
use crate::net::Network;
use crate::wire::irc::Message;

pub(crate) const HOWTOBAN: Command = Command::user("HOWTOBAN", 1, Chat::howtoban)
    .help("HOWTOBAN nick", &["Shows the list entries, for MODE +b and TBAN, that match a user."]);

/// The reach of each of a cloak's labels, smallest network first.
const WIDTHS: [&str; 3] = ["their address", "their network", "their provider, perhaps"];

impl Chat {
    /// `HOWTOBAN nick`: the list entries that match a user.
    pub(crate) fn howtoban(&mut self, sink: &mut Sink, by: Caller, message: &Message) {
        let nick = message.params[0];
        let Some(user) = self.users.find(nick).map(|user| &self.users[user]) else {
            return self.numeric(sink, by.conn, ERR_NOSUCHNICK, &[nick]);
        };
        let mut entries = Vec::new();
        if let Some(account) = user.account() {
            entries.push((format!("a:{account}"), "their account, wherever they come from"));
        }
        let labels: Vec<&str> = user.host().split('.').collect();
        match labels[..] {
            [address, network, provider, "ip"] => {
                let masks = [
                    format!("*!*@{address}.{network}.{provider}.ip"),
                    format!("*!*@*.{network}.{provider}.ip"),
                    format!("*!*@*.{provider}.ip"),
                ];
                entries.extend(masks.into_iter().zip(WIDTHS));
            }
            _ => entries.push((format!("*!*@{}", user.host()), "their host, and all others there")),
        }
        entries.push((format!("{}!*@*", user.nick()), "their nick, until they take another"));
        for (entry, meant) in entries {
            self.notice(sink, by.conn, &format!("{entry}  means {meant}"));
        }
        let text =
            "MODE #channel +b ENTRY keeps them out; with m: before it they may only not speak";
        self.notice(sink, by.conn, text);
    }

    /// The list entry for a mask that a user wrote. Where hosts are cloaked an address matches
    /// nobody. It is cloaked for operators who may see addresses. For others that would reveal the
    /// owners of cloaks, so they receive advice instead.
    pub(crate) fn list_entry(&self, by: Caller, text: &str) -> Result<String, &'static str> {
        let Some((before, host)) = text.rsplit_once('@').filter(|(_, host)| is_address(host))
        else {
            return Ok(text.to_owned());
        };
        if !self.settings.abuse.cloak || before.starts_with("a:") || before.starts_with("m:a:") {
            return Ok(text.to_owned());
        }
        if !self.has_right(by.user, Right::Addresses) {
            return Err(
                "Addresses are hidden here, so this means nobody: HOWTOBAN nick says what does",
            );
        }
        let host = self.cloaks.mask_of(network(host)).ok_or(
            "Hosts are cloaked: write an address, or a network of /24 or /16, of IPv6 /64, /48 or /32",
        )?;
        Ok(format!("{before}@{host}"))
    }
}

/// Whether a mask's host stands for addresses: nothing else has only such characters.
fn is_address(host: &str) -> bool {
    let ipv4 = host.bytes().all(|byte| byte.is_ascii_digit() || b".*?/".contains(&byte))
        && host.contains('.');
    let ipv6 = host.bytes().all(|byte| byte.is_ascii_hexdigit() || b":.*?/".contains(&byte))
        && host.contains(':');
    (ipv4 || ipv6) && host.bytes().any(|byte| byte.is_ascii_hexdigit())
}

/// The network that a mask's host stands for: also `192.0.2.*` and `192.0.*`.
fn network(host: &str) -> Option<Network> {
    if !host.contains('*') {
        return Network::parse(host);
    }
    let octets = host.strip_suffix(".*")?;
    let octets: Vec<&str> = octets.split('.').take_while(|octet| *octet != "*").collect();
    let length = 8 * octets.len();
    let address =
        [&octets[..], &["0"; 4][..4_usize.saturating_sub(octets.len())]].concat().join(".");
    Network::parse(&format!("{address}/{length}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_names() {
        for host in ["192.0.2.1", "192.0.2.*", "192.0.*", "192.0.2.0/24", "2001:db8::*", "::1"] {
            assert!(is_address(host), "{host}");
        }
        for host in ["*", "*.ip", "abc.def.ghi.ip", "localhost", "*.*", "example.org", "dead"] {
            assert!(!is_address(host), "{host}");
        }
    }

    #[test]
    fn stars_stand_for_networks() {
        for (host, expected) in [
            ("192.0.2.1", Some("192.0.2.1")),
            ("192.0.2.*", Some("192.0.2.0/24")),
            ("192.0.*", Some("192.0.0.0/16")),
            ("192.0.*.*", Some("192.0.0.0/16")),
            ("2001:db8::/32", Some("2001:db8::/32")),
            ("192.0.2.1*", None),
            ("1.2.3.4.5.*", None),
            ("2001:db8::*", None),
        ] {
            let found = network(host).map(|network| network.to_string());
            assert_eq!(found.as_deref(), expected, "{host}");
        }
    }
}
