//! Web gateways, which speak for their clients.

use super::operators::verifier;
use crate::auth::verifier::Verifier;
use crate::net::Networks;
use crate::setting::{Problem, Problems, settings};

settings! {
    /// A gateway that may name its clients' addresses by WEBIRC: an entry of `proxy.gateways`.
    pub struct Gateway {
        values {
            /// The name in its WEBIRC command.
            name: String = String::new();
            /// The networks it may connect from.
            networks: Networks = Networks::default();
            /// The verifier of its password, from `stonechatd operator hash`; `None` requires none.
            #[serde(rename = "password", deserialize_with = "verifier")]
            verifier: Option<Verifier> = None;
        }
    }
}

impl Gateway {
    /// Reports a gateway without a name, and one that might be anywhere.
    pub fn check(&self, section: &str, problems: &mut Problems) {
        if self.name.is_empty() {
            let what = "must be there; it is the gateway's name in WEBIRC";
            problems.push(Problem::at(format!("{section}.name"), what));
        }
        if self.networks.0.is_empty() {
            let what = "must be there; say from where the gateway connects";
            problems.push(Problem::at(format!("{section}.networks"), what));
        }
    }
}
