//! What is said when METADATA does not do what it was asked: standard replies, in the words of either
//! draft.

use crate::chat::Chat;
use crate::chat::reply::Voice;
use crate::chat::reply::line::{Line, LineTags};
use crate::chat::reply::numeric::*;
use crate::chat::state::metadata::Key;
use crate::net::ConnId;

/// Why something was not done.
pub(crate) enum Trouble<'a> {
    Params {
        subcommand: &'a str,
    },
    Subcommand {
        subcommand: &'a str,
    },
    Target(&'a str),
    /// The rest of the command is still done.
    OneKey(&'a str),
    Key(&'a str),
    Value(&'a Key),
    Permission {
        of: &'a str,
        key: &'a str,
    },
    /// What it is, is not told. The rest of the command is still done.
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
    /// Says what went wrong: each draft has names of its own for most of it.
    pub(crate) fn metadata_fails(
        &self,
        voice: &mut Voice,
        conn: ConnId,
        batch: Option<&str>,
        trouble: Trouble,
    ) {
        let later = self.hears_later_draft(conn);
        let code = |of_2, of_3| if later { of_3 } else { of_2 };
        let limits = &self.settings.limits;
        let keys_max = limits.metadata_keys_max.to_string();
        let subs_max = limits.metadata_subs_max.to_string();
        let goes_on = matches!(trouble, Trouble::OneKey(_) | Trouble::Hidden { .. });
        let verb = if later && goes_on { "WARN" } else { "FAIL" };
        let (code, mut context, more, text) = match trouble {
            Trouble::Params { .. } if !later => {
                return self.numeric(voice, conn, ERR_NEEDMOREPARAMS, &["METADATA"]);
            }
            Trouble::Params { subcommand } => {
                ("INVALID_PARAMS", vec![subcommand], None, "Not the parameters this takes")
            }
            Trouble::Subcommand { subcommand } => {
                let code = code("SUBCOMMAND_INVALID", "INVALID_PARAMS");
                (code, vec![subcommand], None, "No such subcommand")
            }
            Trouble::Target(target) => {
                ("INVALID_TARGET", vec![target], None, "No such user or channel")
            }
            Trouble::Key(key) | Trouble::OneKey(key) => {
                (code("KEY_INVALID", "INVALID_KEY"), vec![key], None, "This is no key")
            }
            Trouble::Value(key) => {
                let code = code("VALUE_INVALID", "INVALID_VALUE");
                (code, vec![], Some(key.as_str()), "Value is too long")
            }
            Trouble::Permission { of, key } => {
                ("KEY_NO_PERMISSION", vec![of, key], None, "You may not change this")
            }
            Trouble::Hidden { of, key } => {
                ("KEY_NO_PERMISSION", vec![of, key], None, "You may not read this")
            }
            Trouble::NotSet(key) => ("KEY_NOT_SET", vec![key.as_str()], None, "Key is not set"),
            Trouble::Full { of } => {
                ("LIMIT_REACHED", vec![of], Some(&*keys_max), "No more keys can be set")
            }
            Trouble::Subscriptions(key) => {
                let code = code("TOO_MANY_SUBS", "LIMIT_REACHED");
                let text = "No more keys can be subscribed to";
                (code, vec![key.as_str()], Some(&*subs_max), text)
            }
        };
        context.extend(more.filter(|_| later));
        let params = [&["METADATA", code], &*context, &[text]].concat();
        let tags = LineTags { batch, ..LineTags::default() };
        let line = Line::new(&self.settings.server_name, verb, &params);
        line.tagged(tags).to(voice, &self.sessions[conn]);
    }
}
