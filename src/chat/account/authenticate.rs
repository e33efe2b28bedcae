//! AUTHENTICATE: login by SASL. IRCv3 sasl-3.1 and sasl-3.2; RFC 4616 (PLAIN), RFC 5802 and RFC
//! 7677 (SCRAM-SHA-256); EXTERNAL is in `certificates`.

use crate::auth::chunks;
use crate::auth::chunks::{Bad, Chunk, Payload};
use crate::auth::plain::Plain;
use crate::auth::scram::{ClientFirst, NONCE_BYTES};
use crate::chat::Chat;
use crate::chat::account::accounts::LoginError;
use crate::chat::command::Command;
use crate::chat::connection::offers::mechanisms;
use crate::chat::reply::Sink;
use crate::chat::reply::line::Line;
use crate::chat::reply::numeric::*;
use crate::chat::state::caps::Cap;
use crate::chat::state::sasl::{Sasl, SaslStage};
use crate::net::ConnId;
use crate::store::Account;
use crate::wire::irc::Message;

pub(crate) const AUTHENTICATE: Command = Command::anyone("AUTHENTICATE", 1, Chat::authenticate)
    .help(
        "AUTHENTICATE mechanism",
        &["Logs in to your account. For clients: IRCv3 sasl. See NICKSERV."],
    );

impl Chat {
    /// `AUTHENTICATE mechanism`, then its data in chunks; `*` ends the exchange. Also allowed after
    /// registration, and after an earlier login.
    pub(crate) fn authenticate(&mut self, sink: &mut Sink, conn: ConnId, message: &Message) {
        let said = message.params[0];
        let session = &self.sessions[conn];
        // Clients begin before they have requested `sasl`. After registration it must have been
        // requested.
        if !session.caps.has(Cap::Sasl) && session.user().is_some() {
            let text = "Ask for the capability sasl first";
            return self.numeric_saying(sink, conn, ERR_SASLFAIL, &[], text);
        }
        match self.sessions[conn].more().sasl.take() {
            None if said == "*" => self.numeric(sink, conn, ERR_SASLABORTED, &[]),
            None => self.begin_sasl(sink, conn, said),
            Some(sasl) => self.continue_sasl(sink, conn, sasl, said),
        }
    }

    /// Aborts an exchange under way when registration completes.
    pub(crate) fn abort_sasl(&mut self, sink: &mut Sink, conn: ConnId) {
        let more = self.sessions[conn].more.as_mut();
        if more.and_then(|more| more.sasl.take()).is_some() {
            self.numeric(sink, conn, ERR_SASLABORTED, &[]);
        }
    }

    fn begin_sasl(&mut self, sink: &mut Sink, conn: ConnId, mechanism: &str) {
        let known = mechanisms(&self.sessions[conn]);
        let stage = match &*mechanism.to_ascii_uppercase() {
            "PLAIN" => SaslStage::Plain,
            "SCRAM-SHA-256" => SaslStage::ScramFirst,
            "EXTERNAL" if known.starts_with("EXTERNAL") => SaslStage::External,
            _ => {
                self.numeric(sink, conn, RPL_SASLMECHS, &[known]);
                return self.numeric(sink, conn, ERR_SASLFAIL, &[]);
            }
        };
        self.expect(sink, conn, stage, b"");
    }

    /// Sends a challenge, and waits for the response.
    fn expect(&mut self, sink: &mut Sink, conn: ConnId, stage: SaslStage, said: &[u8]) {
        self.sessions[conn].more().sasl =
            Some(Box::new(Sasl { payload: Payload::default(), stage }));
        for chunk in chunks::spoken(said) {
            Line::new("", "AUTHENTICATE", &[&chunk]).to(sink, &self.sessions[conn]);
        }
    }

    fn continue_sasl(&mut self, sink: &mut Sink, conn: ConnId, mut sasl: Box<Sasl>, said: &str) {
        let payload = match sasl.payload.take(said) {
            Ok(Chunk::More) => {
                self.sessions[conn].more().sasl = Some(sasl);
                return;
            }
            Ok(Chunk::Abort) => return self.numeric(sink, conn, ERR_SASLABORTED, &[]),
            Ok(Chunk::Last(payload)) => payload,
            Err(Bad::ChunkTooLong) => return self.numeric(sink, conn, ERR_SASLTOOLONG, &[]),
            Err(Bad::TooLong) => {
                let text = "SASL authentication failed: what was said is too long";
                return self.numeric_saying(sink, conn, ERR_SASLFAIL, &[], text);
            }
            Err(Bad::NotBase64) => return self.numeric(sink, conn, ERR_SASLFAIL, &[]),
        };
        match sasl.stage {
            SaslStage::Plain => self.plain(sink, conn, &payload),
            SaslStage::External => self.external(sink, conn, &payload),
            SaslStage::ScramFirst => self.scram_first(sink, conn, &payload),
            SaslStage::ScramFinal(exchange, account, attempt) => {
                match (exchange.finish(&payload), account) {
                    (Ok(proof), Some(account)) => {
                        let stage = SaslStage::ScramOver(account, attempt);
                        self.expect(sink, conn, stage, proof.as_bytes());
                    }
                    _ => self.refuse_login(sink, conn, LoginError::Wrong),
                }
            }
            SaslStage::ScramOver(account, attempt) => {
                if !payload.is_empty() {
                    return self.numeric(sink, conn, ERR_SASLFAIL, &[]);
                }
                self.succeed(sink, conn, account, attempt, |chat, sink, conn, result| {
                    chat.end_sasl(sink, conn, result);
                });
            }
        }
    }

    fn plain(&mut self, sink: &mut Sink, conn: ConnId, payload: &[u8]) {
        match Plain::parse(payload) {
            Ok(Plain { account, password }) => {
                let account = self.note_client(conn, account);
                self.verify(sink, conn, account, password, |chat, sink, conn, result| {
                    chat.end_sasl(sink, conn, result);
                });
            }
            Err(why) => {
                log::debug!("PLAIN is refused: {why}");
                self.numeric(sink, conn, ERR_SASLFAIL, &[]);
            }
        }
    }

    fn scram_first(&mut self, sink: &mut Sink, conn: ConnId, payload: &[u8]) {
        let first = match ClientFirst::parse(payload) {
            Ok(first) => first,
            Err(why) => {
                log::debug!("SCRAM is refused: {}", why.server_final());
                return self.numeric(sink, conn, ERR_SASLFAIL, &[]);
            }
        };
        let name = self.note_client(conn, first.account()).to_owned();
        let attempt = match self.attempt(sink, conn, &name) {
            Ok(attempt) => attempt,
            Err(refusal) => return self.refuse_login(sink, conn, refusal),
        };
        self.find_verifier(sink, conn, &name, |chat, sink, conn, found| {
            let (account, verifier) = match found {
                Ok(found) => found,
                Err(refusal) => return chat.refuse_login(sink, conn, refusal),
            };
            let mut nonce = [0; NONCE_BYTES];
            if getrandom::fill(&mut nonce).is_err() {
                return chat.numeric(sink, conn, ERR_SASLFAIL, &[]);
            }
            let (exchange, server_first) = first.challenge(verifier, nonce);
            let stage = SaslStage::ScramFinal(Box::new(exchange), account, attempt);
            chat.expect(sink, conn, stage, server_first.as_bytes());
        });
    }

    pub(in crate::chat) fn end_sasl(
        &mut self,
        sink: &mut Sink,
        conn: ConnId,
        result: Result<Box<Account>, LoginError>,
    ) {
        let account = match result {
            Ok(account) => account,
            Err(refusal) => return self.refuse_login(sink, conn, refusal),
        };
        if self.has_company(conn, &account.name) {
            let text = "Other connections of yours are logged in to another account";
            return self.numeric_saying(sink, conn, ERR_SASLFAIL, &[], text);
        }
        self.log_in(sink, conn, account);
        self.numeric(sink, conn, RPL_SASLSUCCESS, &[]);
    }

    /// Whether a login to `account` would also change the account of the user's other connections,
    /// or that of an always-on user.
    pub(crate) fn has_company(&self, conn: ConnId, account: &str) -> bool {
        let Some(user) = self.sessions[conn].user().map(|user| &self.users[user]) else {
            return false;
        };
        let same = |known: &str| crate::wire::casemap::same(known, account);
        let bound = user.conns.len() > 1 || user.is_always_on();
        bound && !user.account().is_some_and(same)
    }

    fn refuse_login(&mut self, sink: &mut Sink, conn: ConnId, refusal: LoginError) {
        let host = self.host(conn);
        match &refusal {
            LoginError::Wrong => {
                log::info!("a login from {host} has failed");
                self.numeric(sink, conn, ERR_SASLFAIL, &[]);
            }
            LoginError::Banned(why) => {
                log::info!("a login from {host} is refused: {why}");
                self.numeric_saying(sink, conn, ERR_NICKLOCKED, &[], why);
            }
            _ => {
                log::info!("a login from {host} is refused: {refusal}");
                self.numeric_saying(sink, conn, ERR_SASLFAIL, &[], &refusal.to_string());
            }
        }
    }
}
