//! REGISTER and VERIFY: new accounts. IRCv3 account-registration.

use crate::chat::Chat;
use crate::chat::account::accounts::{NewAccountRequest, RegisterError};
use crate::chat::command::Command;
use crate::chat::reply::Sink;
use crate::chat::state::sessions::Stage;
use crate::net::ConnId;
use crate::wire::irc::Message;

pub(crate) const REGISTER: Command = Command::anyone("REGISTER", 3, Chat::register).costs(30).help(
    "REGISTER account email password",
    &[
        "Makes an account and logs you in to it. * as account is your nick, * as email is none.",
        "If the server requires an invitation, write it in place of the e-mail address.",
    ],
);

pub(crate) const VERIFY: Command = Command::anyone("VERIFY", 2, Chat::verify_command)
    .help("VERIFY account code", &["Has no effect: accounts on this server need no verification."]);

impl Chat {
    /// `REGISTER account email password`; `*` stands for the nick, and for no e-mail address.
    pub(crate) fn register(&mut self, sink: &mut Sink, conn: ConnId, message: &Message) {
        let [name, email, password] = [0, 1, 2].map(|n| message.params[n]);
        let nick = match &self.sessions[conn].stage {
            Stage::Registering(registering) => registering.nick.as_deref(),
            Stage::Registered(user) => Some(self.users[*user].nick()),
            Stage::Gone => None,
        };
        let is_user = self.sessions[conn].user().is_some();
        let may_before = self.settings.accounts.before_connect && self.knows_password(conn);
        let refused = |code, text| Err((code, text));
        let wanted = match (name, nick) {
            _ if !is_user && !may_before => {
                refused("COMPLETE_CONNECTION_REQUIRED", "Complete the connection first")
            }
            _ if self.account_of(conn).is_some() => {
                refused("ALREADY_AUTHENTICATED", "You are logged in already")
            }
            ("*", None) => refused("NEED_NICK", "Give a nick first, or the name of the account"),
            ("*", Some(nick)) => Ok(nick.to_owned()),
            (name, _) => Ok(name.to_owned()),
        };
        let name = match wanted {
            Ok(name) => name,
            Err((code, text)) => {
                return self.fail(sink, conn, "REGISTER", code, &[name], text);
            }
        };
        let wish = NewAccountRequest {
            name: &name,
            password,
            email: Some(email).filter(|email| *email != "*"),
        };
        let asked = name.clone();
        self.register_account(
            sink,
            conn,
            wish,
            false,
            move |chat, sink, conn, result| match result {
                Ok(account) => {
                    let params = ["SUCCESS", &account.name, "The account is yours"];
                    let server = chat.settings.server_name.clone();
                    chat.say(sink, conn, &server, "REGISTER", &params);
                    chat.log_in(sink, conn, account);
                }
                Err(why) => {
                    let text = why.to_string();
                    chat.fail(sink, conn, "REGISTER", code_of(&why), &[&asked], &text);
                }
            },
        );
    }

    /// `VERIFY account code`. Always an error, as accounts need no verification.
    pub(crate) fn verify_command(&mut self, sink: &mut Sink, conn: ConnId, message: &Message) {
        let text = "There is nothing to verify";
        let account = message.params[0];
        self.fail(sink, conn, "VERIFY", "INVALID_CODE", &[account], text);
    }
}

/// The code of an error. IRCv3 account-registration, "Errors".
fn code_of(why: &RegisterError) -> &'static str {
    match why {
        RegisterError::Closed => "DISALLOWED",
        RegisterError::BadName(_) => "BAD_ACCOUNT_NAME",
        RegisterError::BadPassword(_) => "UNACCEPTABLE_PASSWORD",
        RegisterError::BadEmail => "INVALID_EMAIL",
        RegisterError::BadInvitation => "UNACCEPTABLE_EMAIL",
        RegisterError::Taken | RegisterError::NickInUse => "ACCOUNT_EXISTS",
        RegisterError::TooMany(_) | RegisterError::Unavailable(_) => "TEMPORARILY_UNAVAILABLE",
    }
}
