//! The section `[proxy]`: who may say that they speak for somebody else.

use super::chat::verifier;
use super::units;
use crate::auth::verifier::Verifier;
use crate::chat::Gateway;
use ipnet::IpNet;
use serde::Deserialize;
use std::net::IpAddr;
use std::time::Duration;
use toml::Value;

/// The section. Each key is explained in the default file.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Proxy {
    pub trusted: Vec<Network>,
    #[serde(deserialize_with = "units::duration")]
    pub header_timeout: Duration,
    pub gateways: Vec<Webirc>,
}

/// An address, or a network: `192.0.2.1`, `2001:db8::/32`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Value")]
pub struct Network(pub IpNet);

/// An entry of `proxy.gateways`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webirc {
    /// As it calls itself in WEBIRC.
    pub name: String,
    /// From where it connects.
    pub networks: Vec<Network>,
    /// What `stonechatd operator hash` printed; none is asked for by default.
    #[serde(rename = "password", default, deserialize_with = "some_verifier")]
    pub verifier: Option<Verifier>,
}

impl Proxy {
    /// The networks of `trusted`.
    pub fn trusted(&self) -> Vec<IpNet> {
        self.trusted.iter().map(|network| network.0).collect()
    }

    pub(super) fn gateways(&self) -> Vec<Gateway> {
        let gateway = |webirc: &Webirc| Gateway {
            name: webirc.name.clone(),
            networks: webirc.networks.iter().map(|network| network.0).collect(),
            verifier: webirc.verifier.clone(),
        };
        self.gateways.iter().map(gateway).collect()
    }

    pub(super) fn validate(&self) -> Result<(), String> {
        let timeout = self.header_timeout;
        if timeout < Duration::from_secs(1) || timeout > Duration::from_secs(60) {
            return Err("proxy.header_timeout must be from 1s to 60s".to_owned());
        }
        match self.gateways.iter().find(|gateway| gateway.networks.is_empty()) {
            Some(open) => Err(format!(
                "proxy.gateways: `{}` has no networks; say from where it connects",
                open.name.escape_debug()
            )),
            None => Ok(()),
        }
    }
}

impl Default for Proxy {
    fn default() -> Proxy {
        Proxy { trusted: Vec::new(), header_timeout: Duration::from_secs(3), gateways: Vec::new() }
    }
}

impl TryFrom<Value> for Network {
    type Error = String;

    fn try_from(value: Value) -> Result<Network, String> {
        let Value::String(text) = value else {
            return Err("a network is a text, as \"192.0.2.0/24\"".to_owned());
        };
        let network = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        let network = network.map_err(|_| {
            format!("`{text}` is no address or network; write 192.0.2.1 or 2001:db8::/32")
        })?;
        if network.addr() != network.network() {
            return Err(format!("`{text}` is an address within {}; write that", network.trunc()));
        }
        Ok(Network(network))
    }
}

fn some_verifier<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Verifier>, D::Error> {
    verifier(deserializer).map(Some)
}
