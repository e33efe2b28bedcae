//! Networks of addresses, as `192.0.2.0/24` and `2001:db8::/32`: RFC 4632 §3.1, RFC 4291 §2.3.

use crate::setting;
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The addresses that have their first bits in common. An IPv4 address that is written as an IPv6
/// one (RFC 4291 §2.5.5.2) is the IPv4 one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Network {
    /// All bits beyond `length` are 0.
    first: IpAddr,
    length: u8,
}

/// Some networks. A scan; they are few.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Networks(pub Vec<Network>);

/// As `["192.0.2.0/24", "2001:db8::1"]`, or one text of several.
impl<'de> Deserialize<'de> for Networks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Networks, D::Error> {
        setting::words(deserializer).map(Networks)
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Network, D::Error> {
        setting::text(deserializer, |text| {
            Network::parse(text).ok_or_else(|| {
                format!("`{text}` is not a network; write \"192.0.2.0/24\" or \"2001:db8::1\"")
            })
        })
    }
}

impl Network {
    /// The network of `address` with prefixes of `length` bits; of all bits where that is longer.
    pub fn of(address: IpAddr, length: u8) -> Network {
        let address = address.to_canonical();
        let length = length.min(bits(address));
        let first = match address {
            IpAddr::V4(address) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
                IpAddr::V4(Ipv4Addr::from_bits(address.to_bits() & mask))
            }
            IpAddr::V6(address) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
                IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & mask))
            }
        };
        Network { first, length }
    }

    /// What `text` says: an address alone, or with a slash and the length of the prefix.
    /// ```
    /// use stonechat::net::Network;
    /// let network = Network::parse("192.0.2.77/24").unwrap();
    /// assert_eq!(network.to_string(), "192.0.2.0/24");
    /// assert!(network.contains("::ffff:192.0.2.1".parse().unwrap()));
    /// ```
    pub fn parse(text: &str) -> Option<Network> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let Some(length) = length else { return Some(Network::of(address, u8::MAX)) };
        let digits = length.len() <= 3 && length.bytes().all(|byte| byte.is_ascii_digit());
        let length = length.parse().ok().filter(|length| digits && *length <= bits(address))?;
        // Of an IPv4 address in the other form, only what is within the IPv4 addresses.
        match bits(address) - bits(address.to_canonical()) {
            0 => Some(Network::of(address, length)),
            more => Some(Network::of(address, length.checked_sub(more)?)),
        }
    }

    /// Whether `address` is one of its own.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.first.is_ipv4() && Network::of(address, self.length) == *self
    }

    /// What the site has that an address belongs to: an IPv4 /24 or an IPv6 /48 (RFC 6177).
    pub fn of_site(address: IpAddr) -> Network {
        Network::of(address, if address.to_canonical().is_ipv4() { 24 } else { 48 })
    }

    /// Whether it is no more than what one site has.
    pub fn is_within_a_site(&self) -> bool {
        self.length >= Network::of_site(self.first).length
    }

    /// The first of its addresses.
    pub fn first(&self) -> IpAddr {
        self.first
    }

    /// How many bits all its addresses have in common.
    pub fn length(&self) -> u8 {
        self.length
    }
}

/// How many an address has.
fn bits(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

impl Networks {
    /// Whether `address` is in one of them.
    pub fn contain(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }

    /// Those of the machine itself: RFC 1122 §3.2.1.3, RFC 4291 §2.5.3.
    pub fn loopback() -> Networks {
        let v4 = Network::of(IpAddr::V4(Ipv4Addr::LOCALHOST), 8);
        Networks(vec![v4, Network::of(IpAddr::V6(Ipv6Addr::LOCALHOST), 128)])
    }
}

/// One address alone is told without its length.
impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self.length == bits(self.first) {
            true => write!(f, "{}", self.first),
            false => write!(f, "{}/{}", self.first, self.length),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_network_is_told_by_its_first_address() {
        for (text, told) in [
            ("192.0.2.1", "192.0.2.1"),
            ("192.0.2.1/32", "192.0.2.1"),
            ("192.0.2.77/24", "192.0.2.0/24"),
            ("255.255.255.255/0", "0.0.0.0/0"),
            ("2001:db8::1", "2001:db8::1"),
            ("2001:DB8:1:2:3::/48", "2001:db8:1::/48"),
            ("::1/0", "::/0"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1/120", "192.0.2.0/24"),
        ] {
            assert_eq!(Network::parse(text).unwrap().to_string(), told, "{text}");
        }
        for text in [
            "",
            "/",
            "1",
            "192.0.2",
            "192.0.2.1/",
            "192.0.2.1/33",
            "192.0.2.1/-1",
            "192.0.2.1/+1",
            "192.0.2.1/0024",
            "::/129",
            "::1%1",
            "192.0.2.*",
            "::ffff:192.0.2.1/90",
            "a::b::c",
        ] {
            assert_eq!(Network::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_site_has_a_24_or_a_48() {
        for (text, within) in [
            ("192.0.2.0/24", true),
            ("192.0.2.9", true),
            ("192.0.2.0/23", false),
            ("2001:db8:1::/48", true),
            ("2001:db8::/47", false),
        ] {
            assert_eq!(Network::parse(text).unwrap().is_within_a_site(), within, "{text}");
        }
    }

    #[test]
    fn loopback_is_the_machine_itself() {
        let loopback = Networks::loopback();
        for address in ["127.0.0.1", "127.255.0.1", "::1", "::ffff:127.0.0.1"] {
            assert!(loopback.contain(address.parse().unwrap()), "{address}");
        }
        for address in ["128.0.0.1", "::2", "::", "0.0.0.1"] {
            assert!(!loopback.contain(address.parse().unwrap()), "{address}");
        }
    }

    proptest! {
        #[test]
        fn a_network_has_those_that_begin_alike(a: u128, b: u128, v6: bool, length in 0u8..=128) {
            let ip = |bits: u128| match v6 {
                true => IpAddr::V6(Ipv6Addr::from_bits(bits)),
                false => IpAddr::V4(Ipv4Addr::from_bits(bits as u32)),
            };
            prop_assume!(ip(a).to_canonical() == ip(a) && ip(b).to_canonical() == ip(b));
            let (size, a_bits, b_bits) = match v6 {
                true => (128, a, b),
                false => (32, u128::from(a as u32), u128::from(b as u32)),
            };
            let length = length.min(size);
            let alike = (a_bits ^ b_bits).leading_zeros() - (128 - u32::from(size)) >= u32::from(length);
            prop_assert_eq!(Network::of(ip(a), length).contains(ip(b)), alike);
            let told = Network::of(ip(a), length);
            prop_assert_eq!(Network::parse(&told.to_string()), Some(told));
        }
    }
}
