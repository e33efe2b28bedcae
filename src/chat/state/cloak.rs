//! Cloaks: hosts that hide addresses. A cloak is a keyed hash of the address, in which addresses of
//! one network share an ending.

use crate::auth::verifier::hmac;
use crate::net::Network;
use std::net::IpAddr;

/// Makes cloaks. Anyone with the secret can find the address of a cloak by trying all.
pub(crate) struct Cloaks {
    key: [u8; 32],
}

/// Prefix lengths of the networks that a cloak names, smallest network first. A ban of `*.b.c.ip`
/// thus matches all clients from one /24, as one of `192.0.2.*` did.
const IPV4: [u8; 3] = [32, 24, 16];

const IPV6: [u8; 3] = [64, 48, 32];

/// 50 bits each: among 20,000 addresses two collide with a chance of 1 in 5 million.
const LABEL_CHARS: usize = 10;

/// Base 32, RFC 4648 §6, in small letters.
const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

impl Cloaks {
    /// Derives the key from `secret`, which is random and must survive restarts.
    pub(crate) fn new(secret: [u8; 32]) -> Cloaks {
        // Derived, so that no other use of the secret reveals anything about this one.
        Cloaks { key: hmac(&secret, b"cloak") }
    }

    /// The cloak of an address: 35 bytes. 1.3 µs.
    pub(crate) fn of(&self, address: IpAddr) -> String {
        let lengths = if address.to_canonical().is_ipv4() { IPV4 } else { IPV6 };
        let mut cloak = String::with_capacity(3 * (LABEL_CHARS + 1) + "ip".len());
        for length in lengths {
            let network = Network::of(address, length);
            let hash = hmac(&self.key, format!("{}/{length}", network.first()).as_bytes());
            let letters = hash.iter().take(LABEL_CHARS);
            cloak.extend(letters.map(|byte| char::from(LETTERS[usize::from(byte % 32)])));
            cloak.push('.');
        }
        cloak.push_str("ip");
        cloak
    }

    /// A mask that matches the cloaks of a network; `None` if cloaks do not show that network.
    pub(crate) fn mask_of(&self, network: Option<Network>) -> Option<String> {
        let network = network?;
        let address = network.first();
        if address.is_loopback() {
            return Some("localhost".to_owned());
        }
        let lengths = if address.is_ipv4() { IPV4 } else { IPV6 };
        let hidden =
            lengths.iter().position(|length| *length == network.length().min(lengths[0]))?;
        let cloak = self.of(address);
        match hidden {
            0 => Some(cloak),
            _ => Some(format!("*.{}", &cloak[hidden * (LABEL_CHARS + 1)..])),
        }
    }
}

impl Cloaks {
    /// The visible host of a user; `localhost` for a local one. `cloaked` is the config's setting.
    pub fn host(&self, address: Option<IpAddr>, cloaked: bool) -> String {
        match address.filter(|ip| !ip.is_loopback()) {
            None => "localhost".to_owned(),
            Some(ip) if cloaked => self.of(ip),
            Some(ip) => plain(ip),
        }
    }

    /// The visible host for one from the store, which may be an address from before cloaks were on.
    pub fn stored_host(&self, host: &str, cloaked: bool) -> String {
        match host.parse::<IpAddr>() {
            Ok(ip) if cloaked && !ip.is_loopback() => self.of(ip),
            _ => host.to_owned(),
        }
    }
}

/// An IPv6 address must not begin with the colon that begins a trailing parameter.
fn plain(ip: IpAddr) -> String {
    let text = ip.to_string();
    if text.starts_with(':') { format!("0{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cloak(secret: u8, address: &str) -> String {
        Cloaks::new([secret; 32]).of(address.parse().unwrap())
    }

    /// How many labels the ends of two hosts have in common.
    fn common(a: &str, b: &str) -> usize {
        let (a, b) = (cloak(1, a), cloak(1, b));
        a.rsplit('.').zip(b.rsplit('.')).take_while(|(a, b)| a == b).count() - 1
    }

    #[test]
    fn a_network_stays_together_and_nothing_else_does() {
        for (a, b, labels) in [
            ("192.0.2.1", "192.0.2.1", 3),
            ("192.0.2.1", "192.0.2.2", 2),
            ("192.0.2.1", "192.0.3.1", 1),
            ("192.0.2.1", "192.1.2.1", 0),
            ("192.0.2.1", "::ffff:192.0.2.1", 3),
            ("2001:db8::1", "2001:db8::ffff", 3),
            ("2001:db8::1", "2001:db8:0:1::1", 2),
            ("2001:db8::1", "2001:db8:1::1", 1),
            ("2001:db8::1", "2001:db9::1", 0),
        ] {
            assert_eq!(common(a, b), labels, "{a} {b}");
        }
    }

    #[test]
    fn a_cloak_hangs_on_the_secret_and_is_fit_for_a_host() {
        assert_ne!(cloak(1, "192.0.2.1"), cloak(2, "192.0.2.1"));
        for address in ["192.0.2.1", "2001:db8::1", "::"] {
            let cloak = cloak(3, address);
            assert!(cloak.len() == 35 && cloak.ends_with(".ip"), "{cloak}");
            assert!(cloak.bytes().all(|byte| byte == b'.' || LETTERS.contains(&byte)), "{cloak}");
        }
    }
}
