//! Chat: users, channels and what is said between them, in the words of IRC.
//! Modern IRC (modern.ircdocs.horse), RFC 2812 where that is silent, and IRCv3.

mod settings;
pub mod verifier;

pub use settings::{Limits, Operator, Settings};

use crate::net::{ConnId, EndpointId, Outbox, Service};

/// The service.
pub struct Chat {
    settings: Settings,
}

impl Chat {
    /// Nobody is here yet.
    pub fn new(settings: Settings) -> Chat {
        Chat { settings }
    }

    /// Takes new settings, for what is said from now on.
    pub fn set_settings(&mut self, settings: Settings) {
        self.settings = settings;
    }
}

impl Service for Chat {
    fn received(&mut self, out: &mut Outbox, id: ConnId, bytes: &[u8]) -> usize {
        out.close(id);
        bytes.len()
    }

    fn farewell(&self, said: &mut Vec<u8>, _endpoint: EndpointId, why: &str) {
        said.extend_from_slice(format!("ERROR :{why}\r\n").as_bytes());
    }
}
