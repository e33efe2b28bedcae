//! The section `[proxy]`: who may say that they speak for somebody else.

use super::operators::verifier;
use crate::auth::verifier::Verifier;
use crate::chat::Gateway;
use crate::net::Networks;
use crate::setting;
use serde::Deserialize;
use std::time::Duration;

/// The section. Each key is explained in the default file.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Proxy {
    pub trusted: Networks,
    #[serde(deserialize_with = "setting::time")]
    pub header_timeout: Duration,
    pub gateways: Vec<Webirc>,
}

/// An entry of `proxy.gateways`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webirc {
    /// As it calls itself in WEBIRC.
    pub name: String,
    /// From where it connects.
    pub networks: Networks,
    /// What `stonechatd operator hash` printed; none is asked for by default.
    #[serde(rename = "password", default, deserialize_with = "verifier")]
    pub verifier: Option<Verifier>,
}

impl Proxy {
    pub(super) fn gateways(&self) -> Vec<Gateway> {
        let gateway = |webirc: &Webirc| Gateway {
            name: webirc.name.clone(),
            networks: webirc.networks.clone(),
            verifier: webirc.verifier.clone(),
        };
        self.gateways.iter().map(gateway).collect()
    }

    pub(super) fn validate(&self) -> Result<(), String> {
        let timeout = self.header_timeout;
        if timeout < Duration::from_secs(1) || timeout > Duration::from_secs(60) {
            return Err("proxy.header_timeout must be from 1s to 60s".to_owned());
        }
        match self.gateways.iter().find(|gateway| gateway.networks.0.is_empty()) {
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
        Proxy {
            trusted: Networks::default(),
            header_timeout: Duration::from_secs(3),
            gateways: Vec::new(),
        }
    }
}
