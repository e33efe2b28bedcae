//! The section `[accounts]`: who may have one, and who must.

use super::units;
use crate::chat::{self, AlwaysOn, Registration};
use serde::Deserialize;

/// The section. Each key is explained in the default file.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Accounts {
    #[serde(deserialize_with = "units::registration")]
    pub registration: Registration,
    pub before_connect: bool,
    pub login_required: bool,
    pub connections_max: usize,
    #[serde(deserialize_with = "units::always_on")]
    pub always_on: AlwaysOn,
}

impl Accounts {
    pub(super) fn settings(&self) -> chat::Accounts {
        let Accounts { registration, before_connect, login_required, connections_max, always_on } =
            *self;
        chat::Accounts { registration, before_connect, login_required, connections_max, always_on }
    }

    pub(super) fn validate(&self) -> Result<(), String> {
        if (1..=1000).contains(&self.connections_max) {
            return Ok(());
        }
        let value = self.connections_max;
        Err(format!("accounts.connections_max must be from 1 to 1000, not {value}"))
    }
}

impl Default for Accounts {
    fn default() -> Accounts {
        let chat::Accounts {
            registration,
            before_connect,
            login_required,
            connections_max,
            always_on,
        } = chat::Accounts::default();
        Accounts { registration, before_connect, login_required, connections_max, always_on }
    }
}
