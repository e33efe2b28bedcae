//! Logging in by certificate: SASL EXTERNAL (RFC 4422, appendix A), and `NickServ CERT`, which binds
//! fingerprints to accounts.

use crate::chat::account::accounts::{Refusal, trouble};
use crate::chat::reply::Voice;
use crate::chat::state::sessions::Session;
use crate::chat::{By, Chat};
use crate::net::ConnId;
use crate::store::{Reply, Request};
use crate::wire::casemap::{folded, same};
use std::fmt::Write;

/// Certificates of one account.
const CERTIFICATES_MAX: usize = 16;

impl Session {
    /// The certificate it has shown, as it is written: SHA-256 in hexadecimal.
    pub(crate) fn fingerprint(&self) -> Option<String> {
        self.secure.as_ref()?.fingerprint.map(|fingerprint| hex(&fingerprint))
    }
}

impl Chat {
    /// The last step of EXTERNAL: whom it wants to act as, or nobody in particular.
    pub(crate) fn external(&mut self, voice: &mut Voice, conn: ConnId, payload: &[u8]) {
        let asked = match std::str::from_utf8(payload) {
            Ok(asked) => asked.to_owned(),
            Err(_) => return self.end_sasl(voice, conn, Err(Refusal::Wrong)),
        };
        let Some(fingerprint) = self.sessions[conn].fingerprint() else {
            return self.end_sasl(voice, conn, Err(Refusal::Wrong));
        };
        // Nothing can be guessed here: who hasn't the key hasn't the fingerprint.
        let request = Request::FindByCertificate { fingerprint };
        self.ask_for(voice, conn, request, move |chat, voice, conn, reply| {
            // One look for both: between two, the account could become somebody else's of that name.
            let result = match reply {
                Reply::Account(Some(account))
                    if asked.is_empty() || same(&asked, &account.name) =>
                {
                    match chat.ban_of_account(voice, &account.name) {
                        Some(why) => Err(Refusal::Banned(why)),
                        None => Ok(account),
                    }
                }
                Reply::Account(_) => Err(Refusal::Wrong),
                other => Err(Refusal::Unavailable(trouble(other))),
            };
            chat.end_sasl(voice, conn, result);
        });
    }

    /// `CERT ADD [fingerprint]`, `CERT DEL fingerprint`, `CERT LIST`.
    pub(crate) fn ns_cert(&mut self, voice: &mut Voice, by: By, words: &[&str]) {
        let Some(account) = self.users[by.user].account().map(Box::<str>::from) else {
            return self.nickserv_says(voice, by.conn, "Log in first.");
        };
        let account = folded(&account).into_owned();
        let verb = words.first().map(|verb| verb.to_ascii_uppercase());
        let given = words.get(1).map(|text| parse(text));
        match (verb.as_deref(), given) {
            (Some("ADD"), None) => match self.sessions[by.conn].fingerprint() {
                Some(shown) => self.cert_add(voice, by.conn, account, shown),
                None => {
                    let text =
                        "You have shown no certificate; connect with one, or name its fingerprint.";
                    self.nickserv_says(voice, by.conn, text);
                }
            },
            (Some("ADD"), Some(Some(given))) => self.cert_add(voice, by.conn, account, given),
            (Some("DEL"), Some(Some(given))) => self.cert_del(voice, by.conn, account, given),
            (Some("LIST"), _) => self.cert_list(voice, by.conn, account),
            (Some("ADD" | "DEL"), Some(None)) => {
                let text = "A fingerprint is a SHA-256: 64 hexadecimal digits.";
                self.nickserv_says(voice, by.conn, text);
            }
            _ => self.nickserv_says(
                voice,
                by.conn,
                "CERT ADD [fingerprint], DEL fingerprint, or LIST.",
            ),
        }
    }

    fn cert_add(&mut self, voice: &mut Voice, conn: ConnId, account: String, fingerprint: String) {
        let log = format!("the certificate {fingerprint} is bound to account {account}");
        let request = Request::AddCertificate {
            account,
            fingerprint,
            created_ms: voice.now().unix_ms as i64,
            most: CERTIFICATES_MAX,
        };
        self.ask_for(voice, conn, request, move |chat, voice, conn, reply| {
            let text = match reply {
                Reply::Added => {
                    log::info!("{log}");
                    "Who shows this certificate logs in to your account by EXTERNAL.".to_owned()
                }
                Reply::Taken => "This certificate is bound to an account already.".to_owned(),
                Reply::TooMany => format!("You have {CERTIFICATES_MAX} already; DEL one."),
                Reply::NoSuchAccount => "There is no such account.".to_owned(),
                other => format!("It is not bound: {}.", trouble(other)),
            };
            chat.nickserv_says(voice, conn, &text);
        });
    }

    fn cert_del(&mut self, voice: &mut Voice, conn: ConnId, account: String, fingerprint: String) {
        let log = format!("the certificate {fingerprint} is no more bound to account {account}");
        let request = Request::DropCertificate { account, fingerprint };
        self.ask_for(voice, conn, request, move |chat, voice, conn, reply| {
            let text = match reply {
                Reply::Dropped => {
                    log::info!("{log}");
                    "This certificate is no more bound to your account.".to_owned()
                }
                Reply::Unknown(_) => "No such certificate is bound to your account.".to_owned(),
                Reply::NoSuchAccount => "There is no such account.".to_owned(),
                other => format!("It stays bound: {}.", trouble(other)),
            };
            chat.nickserv_says(voice, conn, &text);
        });
    }

    fn cert_list(&mut self, voice: &mut Voice, conn: ConnId, account: String) {
        let request = Request::Certificates { account };
        self.ask_for(voice, conn, request, |chat, voice, conn, reply| match reply {
            Reply::Certificates(bound) => {
                for (fingerprint, _) in &bound {
                    chat.nickserv_says(voice, conn, fingerprint);
                }
                let text = format!("{} of {CERTIFICATES_MAX} certificates.", bound.len());
                chat.nickserv_says(voice, conn, &text);
            }
            Reply::NoSuchAccount => chat.nickserv_says(voice, conn, "There is no such account."),
            other => {
                let text = format!("They can't be looked up: {}.", trouble(other));
                chat.nickserv_says(voice, conn, &text);
            }
        });
    }
}

/// A fingerprint as people write it, with colons or without, in the form in which it is kept.
fn parse(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(|c| *c != ':').collect();
    let is_one = digits.len() == 64 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_one.then(|| digits.to_ascii_lowercase())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
