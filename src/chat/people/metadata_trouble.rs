//! Errors of METADATA: standard replies, in the form of either draft.

use crate::chat::Chat;
use crate::chat::reply::Sink;
use crate::chat::reply::line::{Line, LineTags};
use crate::chat::reply::numeric::*;
use crate::chat::state::metadata::Key;
use crate::net::ConnId;

/// The reason of a failure.
pub(crate) enum MetadataError<'a> {
    Params {
        subcommand: &'a str,
    },
    Subcommand {
        subcommand: &'a str,
    },
    Target(&'a str),
    /// The rest of the command is still executed.
    OneKey(&'a str),
    Key(&'a str),
    Value(&'a Key),
    Permission {
        of: &'a str,
        key: &'a str,
    },
    /// The value is not revealed. The rest of the command is still executed.
    Hidden {
        of: &'a str,
        key: &'a str,
    },
    NotSet(&'a Key),
    Full {
        of: &'a str,
    },
    Subscriptions(&'a Key),
}

impl Chat {
    /// Sends an error: each draft has codes of its own for most.
    pub(crate) fn metadata_fails(
        &self,
        sink: &mut Sink,
        conn: ConnId,
        batch: Option<&str>,
        trouble: MetadataError,
    ) {
        let later = self.hears_later_draft(conn);
        let code = |of_2, of_3| if later { of_3 } else { of_2 };
        let limits = &self.settings.limits;
        let keys_max = limits.metadata_keys_max.to_string();
        let subs_max = limits.metadata_subs_max.to_string();
        let goes_on = matches!(trouble, MetadataError::OneKey(_) | MetadataError::Hidden { .. });
        let verb = if later && goes_on { "WARN" } else { "FAIL" };
        let (code, mut context, more, text) = match trouble {
            MetadataError::Params { .. } if !later => {
                return self.numeric(sink, conn, ERR_NEEDMOREPARAMS, &["METADATA"]);
            }
            MetadataError::Params { subcommand } => {
                ("INVALID_PARAMS", vec![subcommand], None, "Not the parameters this takes")
            }
            MetadataError::Subcommand { subcommand } => {
                let code = code("SUBCOMMAND_INVALID", "INVALID_PARAMS");
                (code, vec![subcommand], None, "No such subcommand")
            }
            MetadataError::Target(target) => {
                ("INVALID_TARGET", vec![target], None, "No such user or channel")
            }
            MetadataError::Key(key) | MetadataError::OneKey(key) => {
                (code("KEY_INVALID", "INVALID_KEY"), vec![key], None, "This is no key")
            }
            MetadataError::Value(key) => {
                let code = code("VALUE_INVALID", "INVALID_VALUE");
                (code, vec![], Some(key.as_str()), "Value is too long")
            }
            MetadataError::Permission { of, key } => {
                ("KEY_NO_PERMISSION", vec![of, key], None, "You may not change this")
            }
            MetadataError::Hidden { of, key } => {
                ("KEY_NO_PERMISSION", vec![of, key], None, "You may not read this")
            }
            MetadataError::NotSet(key) => {
                ("KEY_NOT_SET", vec![key.as_str()], None, "Key is not set")
            }
            MetadataError::Full { of } => {
                ("LIMIT_REACHED", vec![of], Some(&*keys_max), "No more keys can be set")
            }
            MetadataError::Subscriptions(key) => {
                let code = code("TOO_MANY_SUBS", "LIMIT_REACHED");
                let text = "No more keys can be subscribed to";
                (code, vec![key.as_str()], Some(&*subs_max), text)
            }
        };
        context.extend(more.filter(|_| later));
        let params = [&["METADATA", code], &*context, &[text]].concat();
        let tags = LineTags { batch, ..LineTags::default() };
        let line = Line::new(&self.settings.server_name, verb, &params);
        line.tagged(tags).to(sink, &self.sessions[conn]);
    }
}
