//! REGISTER and VERIFY: new accounts. IRCv3 account-registration.

use crate::chat::Chat;
use crate::chat::account::accounts::{Unregistered, Wish};
use crate::chat::reply::Voice;
use crate::chat::state::sessions::Stage;
use crate::net::ConnId;
use crate::wire::irc::Message;

impl Chat {
    /// `REGISTER account email password`; `*` stands for the nick, and for no e-mail address.
    pub(crate) fn register(&mut self, voice: &mut Voice, conn: ConnId, message: &Message) {
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
                return self.fail(voice, conn, "REGISTER", code, &[name], text);
            }
        };
        let wish = Wish { name: &name, password, email: Some(email).filter(|email| *email != "*") };
        let asked = name.clone();
        self.register_account(voice, conn, wish, false, move |chat, voice, conn, result| {
            match result {
                Ok(account) => {
                    let params = ["SUCCESS", &account.name, "The account is yours"];
                    let server = chat.settings.server_name.clone();
                    chat.say(voice, conn, &server, "REGISTER", &params);
                    chat.log_in(voice, conn, account);
                }
                Err(why) => {
                    let text = why.to_string();
                    chat.fail(voice, conn, "REGISTER", code_of(&why), &[&asked], &text);
                }
            }
        });
    }

    /// `VERIFY account code`. No account waits to be verified.
    pub(crate) fn verify_command(&mut self, voice: &mut Voice, conn: ConnId, message: &Message) {
        let text = "There is nothing to verify";
        let account = message.params[0];
        self.fail(voice, conn, "VERIFY", "INVALID_CODE", &[account], text);
    }
}

/// IRCv3 account-registration, "Errors".
fn code_of(why: &Unregistered) -> &'static str {
    match why {
        Unregistered::Closed => "DISALLOWED",
        Unregistered::BadName(_) => "BAD_ACCOUNT_NAME",
        Unregistered::BadPassword(_) => "UNACCEPTABLE_PASSWORD",
        Unregistered::BadEmail => "INVALID_EMAIL",
        Unregistered::BadInvitation => "UNACCEPTABLE_EMAIL",
        Unregistered::Taken | Unregistered::NickInUse => "ACCOUNT_EXISTS",
        Unregistered::TooMany(_) | Unregistered::Unavailable(_) => "TEMPORARILY_UNAVAILABLE",
    }
}
