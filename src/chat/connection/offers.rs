//! The offered capabilities, with their values. IRCv3 capability-negotiation.

use crate::chat::Settings;
use crate::chat::settings::Sts;
use crate::chat::state::caps::{Cap, NAMES};
use crate::chat::state::metadata;
use crate::chat::state::metadata::KEY_MAX;
use crate::chat::state::sessions::Session;

/// Whether the settings allow `cap`.
pub fn is_offered(cap: Cap, settings: &Settings) -> bool {
    let of_history = [Cap::Chathistory, Cap::EventPlayback, Cap::Playback, Cap::Search];
    settings.history.enabled || !of_history.contains(&cap)
}

/// The names offered to `session`. If `with_values`, those with a value have it: `name=value`.
pub fn all(settings: &Settings, session: &Session, with_values: bool) -> Vec<String> {
    let offered = NAMES.iter().filter(|(_, cap)| is_offered(*cap, settings));
    let named = offered.map(|(name, cap)| match value(*cap, settings, session) {
        Some(value) if with_values => format!("{name}={value}"),
        _ => (*name).to_owned(),
    });
    // It can't be requested, and means nothing without its value.
    let sts = sts(settings, session).filter(|_| with_values);
    named.chain(sts.map(|value| format!("sts={value}"))).collect()
}

/// IRCv3 sts: on a plain connection the TLS port and duration, on TLS the duration alone.
fn sts(settings: &Settings, session: &Session) -> Option<String> {
    let Sts { port, seconds } = settings.sts?;
    Some(match session.secure {
        Some(_) => format!("duration={seconds}"),
        None => format!("port={port},duration={seconds}"),
    })
}

fn value(cap: Cap, settings: &Settings, session: &Session) -> Option<String> {
    let limits = &settings.limits;
    match cap {
        Cap::Metadata2 | Cap::Metadata3 => Some(format!(
            "before-connect,max-subs={},max-keys={},max-key-bytes={KEY_MAX},max-value-bytes={}",
            limits.metadata_subs_max,
            limits.metadata_keys_max,
            metadata::value_max(settings)
        )),
        Cap::Multiline => Some(format!(
            "max-bytes={},max-lines={}",
            limits.multiline_bytes_max, limits.multiline_lines_max
        )),
        Cap::Registration if settings.accounts.before_connect => {
            Some("before-connect,custom-account-name".to_owned())
        }
        Cap::Registration => Some("custom-account-name".to_owned()),
        Cap::Relaymsg => Some("/".to_owned()),
        Cap::Sasl => Some(mechanisms(session).to_owned()),
        _ => None,
    }
}

/// The mechanisms that `session` may use, the better first: EXTERNAL if it has shown a certificate.
pub(crate) fn mechanisms(session: &Session) -> &'static str {
    let shown = session.secure.as_ref().and_then(|secure| secure.fingerprint);
    if shown.is_some() { "EXTERNAL,SCRAM-SHA-256,PLAIN" } else { "SCRAM-SHA-256,PLAIN" }
}
