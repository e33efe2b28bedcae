//! Networks that may not connect, found in time that does not grow with their number.

use super::network::Network;
use std::collections::HashMap;
use std::net::IpAddr;

/// Networks by their addresses: one look for each length of prefix that there is, of 33 and 129 at
/// most. The loop asks before anything is read; services put them in.
#[derive(Debug)]
pub struct Denied {
    networks: HashMap<Network, Denial>,
    /// How many there are of each length: of IPv4, and of IPv6.
    lengths: [[u32; 129]; 2],
}

/// Why a network may not connect, and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// The text that a refused client reads.
    pub why: Box<str>,
    /// In seconds since 1970; `None` for ever.
    pub until_s: Option<u64>,
}

impl Default for Denied {
    fn default() -> Denied {
        Denied { networks: HashMap::new(), lengths: [[0; 129]; 2] }
    }
}

impl Denied {
    /// Denies a network, in place of an earlier denial.
    pub fn insert(&mut self, network: Network, denial: Denial) {
        if self.networks.insert(network, denial).is_none() {
            *self.count(network) += 1;
        }
    }

    /// Takes that back.
    pub fn remove(&mut self, network: Network) {
        if self.networks.remove(&network).is_some() {
            *self.count(network) -= 1;
        }
    }

    /// Why an address is denied at `now_s`, by the smallest of its networks that is.
    pub fn find(&self, address: IpAddr, now_s: u64) -> Option<&Denial> {
        let address = address.to_canonical();
        let counts = &self.lengths[usize::from(address.is_ipv6())];
        let lengths = (0..=128).rev().filter(|length| counts[usize::from(*length)] > 0);
        let mut denials =
            lengths.filter_map(|length| self.networks.get(&Network::of(address, length)));
        denials.find(|denial| denial.until_s.is_none_or(|until_s| now_s < until_s))
    }

    /// How many networks are denied.
    pub fn len(&self) -> usize {
        self.networks.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.networks.is_empty()
    }

    fn count(&mut self, network: Network) -> &mut u32 {
        &mut self.lengths[usize::from(network.first().is_ipv6())][usize::from(network.length())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn denial(why: &str, until_s: Option<u64>) -> Denial {
        Denial { why: why.into(), until_s }
    }

    fn network(text: &str) -> Network {
        Network::parse(text).unwrap()
    }

    #[test]
    fn the_smallest_network_that_is_denied_now_tells_why() {
        let mut denied = Denied::default();
        denied.insert(network("192.0.0.0/16"), denial("wide", None));
        denied.insert(network("192.0.2.0/24"), denial("narrow", Some(100)));
        denied.insert(network("2001:db8::/32"), denial("six", None));
        let why = |address: &str, now_s| {
            denied.find(address.parse().unwrap(), now_s).map(|denial| &*denial.why)
        };
        assert_eq!(why("192.0.2.1", 99), Some("narrow"));
        assert_eq!(why("192.0.2.1", 100), Some("wide"), "the other is over");
        assert_eq!(why("::ffff:192.0.3.1", 0), Some("wide"));
        assert_eq!(why("192.1.0.0", 0), None);
        assert_eq!((why("2001:db8::1", 0), why("2001:db9::1", 0)), (Some("six"), None));
    }

    proptest! {
        #[test]
        fn it_finds_what_a_scan_finds(
            steps in proptest::collection::vec((0u32..16, 26u8..=32, any::<bool>()), 0..40),
            address in 0u32..16,
        ) {
            let (mut denied, mut all) = (Denied::default(), Vec::<Network>::new());
            for (address, length, on) in steps {
                let network = Network::of(IpAddr::V4(address.into()), length);
                all.retain(|known| *known != network);
                if on {
                    all.push(network);
                    denied.insert(network, denial("", None));
                } else {
                    denied.remove(network);
                }
            }
            let address = IpAddr::V4(address.into());
            let found = denied.find(address, 0).is_some();
            prop_assert_eq!(found, all.iter().any(|network| network.contains(address)));
            prop_assert_eq!(denied.len(), all.len());
        }
    }
}
