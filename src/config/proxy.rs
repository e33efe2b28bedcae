//! The section `[proxy]`: proxies that the loop trusts, and gateways that chat trusts.

use crate::chat::Gateway;
use crate::net::{Limits, Networks};
use crate::setting::{Problems, seconds, settings};

settings! {
    /// The section. Each key is explained in the default file.
    #[allow(missing_docs)]
    pub struct Proxy {
        times {
            header_timeout = Limits::default().header_timeout, seconds(1)..=seconds(60);
        }
        values {
            trusted: Networks = Networks::default();
            gateways: Vec<Gateway> = Vec::new();
        }
    }
}

impl Proxy {
    pub(super) fn check(&self, section: &str, problems: &mut Problems) {
        self.check_values(section, problems);
        for (index, gateway) in self.gateways.iter().enumerate() {
            gateway.check(&format!("{section}.gateways[{index}]"), problems);
        }
    }
}
