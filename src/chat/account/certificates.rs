//! Login by certificate: SASL EXTERNAL (RFC 4422, appendix A), and `NickServ CERT`, which binds
//! fingerprints to accounts.

use crate::chat::account::accounts::{LoginError, trouble};
use crate::chat::reply::Sink;
use crate::chat::state::sessions::Session;
use crate::chat::{Caller, Chat};
use crate::net::ConnId;
use crate::store::{Reply, Request};
use crate::wire::casemap::{folded, same};
use std::fmt::Write;

/// Certificates of one account.
const CERTIFICATES_MAX: usize = 16;

impl Session {
    /// The fingerprint of the client's certificate: SHA-256 in hexadecimal.
    pub(crate) fn fingerprint(&self) -> Option<String> {
        self.secure.as_ref()?.fingerprint.map(|fingerprint| hex(&fingerprint))
    }
}

impl Chat {
    /// The last step of EXTERNAL: the account to act as, or empty.
    pub(crate) fn external(&mut self, sink: &mut Sink, conn: ConnId, payload: &[u8]) {
        let asked = match std::str::from_utf8(payload) {
            Ok(asked) => asked.to_owned(),
            Err(_) => return self.end_sasl(sink, conn, Err(LoginError::Wrong)),
        };
        let Some(fingerprint) = self.sessions[conn].fingerprint() else {
            return self.end_sasl(sink, conn, Err(LoginError::Wrong));
        };
        // Nothing can be guessed here: without the key there is no fingerprint.
        let request = Request::FindByCertificate { fingerprint };
        self.ask_for(sink, conn, request, move |chat, sink, conn, reply| {
            // One request for both: between two, another user could take over the account's name.
            let result = match reply {
                Reply::Account(Some(account))
                    if asked.is_empty() || same(&asked, &account.name) =>
                {
                    match chat.ban_of_account(sink, &account.name) {
                        Some(why) => Err(LoginError::Banned(why)),
                        None => Ok(account),
                    }
                }
                Reply::Account(_) => Err(LoginError::Wrong),
                other => Err(LoginError::Unavailable(trouble(other))),
            };
            chat.end_sasl(sink, conn, result);
        });
    }

    /// `CERT ADD [fingerprint]`, `CERT DEL fingerprint`, `CERT LIST`.
    pub(crate) fn ns_cert(&mut self, sink: &mut Sink, by: Caller, words: &[&str]) {
        let Some(account) = self.users[by.user].account().map(Box::<str>::from) else {
            return self.nickserv_says(sink, by.conn, "Log in first.");
        };
        let account = folded(&account).into_owned();
        let verb = words.first().map(|verb| verb.to_ascii_uppercase());
        let given = words.get(1).map(|text| parse(text));
        match (verb.as_deref(), given) {
            (Some("ADD"), None) => match self.sessions[by.conn].fingerprint() {
                Some(shown) => self.cert_add(sink, by.conn, account, shown),
                None => {
                    let text =
                        "You have shown no certificate; connect with one, or name its fingerprint.";
                    self.nickserv_says(sink, by.conn, text);
                }
            },
            (Some("ADD"), Some(Some(given))) => self.cert_add(sink, by.conn, account, given),
            (Some("DEL"), Some(Some(given))) => self.cert_del(sink, by.conn, account, given),
            (Some("LIST"), _) => self.cert_list(sink, by.conn, account),
            (Some("ADD" | "DEL"), Some(None)) => {
                let text = "A fingerprint is a SHA-256: 64 hexadecimal digits.";
                self.nickserv_says(sink, by.conn, text);
            }
            _ => self.nickserv_says(
                sink,
                by.conn,
                "CERT ADD [fingerprint], DEL fingerprint, or LIST.",
            ),
        }
    }

    fn cert_add(&mut self, sink: &mut Sink, conn: ConnId, account: String, fingerprint: String) {
        let log = format!("the certificate {fingerprint} is bound to account {account}");
        let request = Request::AddCertificate {
            account,
            fingerprint,
            created_ms: sink.now().unix_ms as i64,
            most: CERTIFICATES_MAX,
        };
        self.ask_for(sink, conn, request, move |chat, sink, conn, reply| {
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
            chat.nickserv_says(sink, conn, &text);
        });
    }

    fn cert_del(&mut self, sink: &mut Sink, conn: ConnId, account: String, fingerprint: String) {
        let log = format!("the certificate {fingerprint} is no more bound to account {account}");
        let request = Request::DropCertificate { account, fingerprint };
        self.ask_for(sink, conn, request, move |chat, sink, conn, reply| {
            let text = match reply {
                Reply::Dropped => {
                    log::info!("{log}");
                    "This certificate is no more bound to your account.".to_owned()
                }
                Reply::Unknown(_) => "No such certificate is bound to your account.".to_owned(),
                Reply::NoSuchAccount => "There is no such account.".to_owned(),
                other => format!("It stays bound: {}.", trouble(other)),
            };
            chat.nickserv_says(sink, conn, &text);
        });
    }

    fn cert_list(&mut self, sink: &mut Sink, conn: ConnId, account: String) {
        let request = Request::Certificates { account };
        self.ask_for(sink, conn, request, |chat, sink, conn, reply| match reply {
            Reply::Certificates(bound) => {
                for (fingerprint, _) in &bound {
                    chat.nickserv_says(sink, conn, fingerprint);
                }
                let text = format!("{} of {CERTIFICATES_MAX} certificates.", bound.len());
                chat.nickserv_says(sink, conn, &text);
            }
            Reply::NoSuchAccount => chat.nickserv_says(sink, conn, "There is no such account."),
            other => {
                let text = format!("They can't be looked up: {}.", trouble(other));
                chat.nickserv_says(sink, conn, &text);
            }
        });
    }
}

/// Parses a fingerprint, with or without colons, into its stored form.
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
