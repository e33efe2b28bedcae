//! The mechanism SCRAM-SHA-256, the server's side: the client proves that it knows the password,
//! and the server that it knows the verifier; neither is sent. RFC 5802, RFC 7677.
//!
//! ```text
//! client> n,,n=ann,r=<nonce>                     ClientFirst::parse
//! server> r=<nonce and more>,s=<salt>,i=<iterations>      …::challenge
//! client> c=biws,r=<nonce and more>,p=<proof>        Exchange::finish
//! server> v=<signature>
//! ```
//! The client then confirms with an empty `AUTHENTICATE +`, and only then is it logged in: it may
//! have found the signature wrong. Channel binding (`-PLUS`) is not supported and not offered.

use super::verifier::{Verifier, hmac};
use crate::wire::casemap;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use std::array;

/// The first message of a client.
#[derive(Debug)]
pub struct ClientFirst {
    gs2_header: String,
    bare: String,
    account: String,
    nonce: String,
}

/// An exchange that waits for the client's proof.
pub struct Exchange {
    verifier: Verifier,
    gs2_header: String,
    /// The signed text: client-first-message-bare and server-first-message, each with the comma
    /// after it. The client's last message completes it.
    signed: String,
    /// The nonces of both sides.
    nonce: String,
}

/// A failed exchange, named as in RFC 5802 §7, server-error-value. An unknown account is
/// `InvalidProof`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The message is malformed, or not UTF-8.
    InvalidEncoding,
    /// The client demands an extension.
    ExtensionsNotSupported,
    /// The client demands channel binding.
    ChannelBindingNotSupported,
    /// The header differs from the first one, as if somebody in between had changed that.
    ChannelBindingsDontMatch,
    /// The proof is wrong.
    InvalidProof,
    /// The client asks to act as another account, or answers another challenge.
    Other,
}

/// Random bytes of the server in the nonce. A multiple of three, so that base64 needs no padding.
pub const NONCE_BYTES: usize = 18;

impl ClientFirst {
    /// Parses client-first-message.
    pub fn parse(message: &[u8]) -> Result<ClientFirst, Error> {
        let message = text(message)?;
        let mut parts = message.splitn(3, ',');
        let (Some(binding), Some(acts_as), Some(bare)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(Error::InvalidEncoding);
        };
        match binding {
            // The client has no channel binding, or knows that the server has none.
            "n" | "y" => {}
            _ if binding.starts_with("p=") => return Err(Error::ChannelBindingNotSupported),
            _ => return Err(Error::InvalidEncoding),
        }
        let mut attributes = bare.split(',');
        let name = match attributes.next().and_then(attribute).ok_or(Error::InvalidEncoding)? {
            ('n', name) => sasl_name(name)?,
            ('m', _) => return Err(Error::ExtensionsNotSupported),
            _ => return Err(Error::InvalidEncoding),
        };
        if !acts_as.is_empty() {
            let acts_as = acts_as.strip_prefix("a=").ok_or(Error::InvalidEncoding)?;
            if !casemap::same(&sasl_name(acts_as)?, &name) {
                return Err(Error::Other);
            }
        }
        let nonce = match attributes.next().and_then(attribute) {
            Some(('r', nonce)) if nonce.bytes().all(|byte| byte.is_ascii_graphic()) => nonce,
            _ => return Err(Error::InvalidEncoding),
        };
        ignore(attributes)?;
        Ok(ClientFirst {
            gs2_header: message[..message.len() - bare.len()].to_owned(),
            bare: bare.to_owned(),
            account: name,
            nonce: nonce.to_owned(),
        })
    }

    /// The account as the client wrote it; the syntax of the name is not checked.
    pub fn account(&self) -> &str {
        &self.account
    }

    /// Makes server-first-message. `verifier` is that of the account, or one of
    /// [`Decoys`](super::decoys::Decoys) if there is none. `nonce` is random, and used once.
    pub fn challenge(self, verifier: Verifier, nonce: [u8; NONCE_BYTES]) -> (Exchange, String) {
        self.challenge_with(verifier, &BASE64.encode(nonce))
    }

    fn challenge_with(self, verifier: Verifier, servers_nonce: &str) -> (Exchange, String) {
        let nonce = self.nonce + servers_nonce;
        let (salt, iterations) = (BASE64.encode(verifier.salt()), verifier.iterations());
        let server_first = format!("r={nonce},s={salt},i={iterations}");
        let signed = format!("{},{server_first},", self.bare);
        (Exchange { verifier, gs2_header: self.gs2_header, signed, nonce }, server_first)
    }
}

impl Exchange {
    /// Verifies client-final-message and makes server-final-message. An exchange can be finished
    /// once; this takes microseconds.
    pub fn finish(self, message: &[u8]) -> Result<String, Error> {
        let message = text(message)?;
        let (unproven, proof) = message.rsplit_once(",p=").ok_or(Error::InvalidEncoding)?;
        let proof: [u8; 32] = BASE64
            .decode(proof)
            .ok()
            .and_then(|proof| proof.try_into().ok())
            .ok_or(Error::InvalidEncoding)?;
        let mut attributes = unproven.split(',');
        let Some(('c', header)) = attributes.next().and_then(attribute) else {
            return Err(Error::InvalidEncoding);
        };
        if header != BASE64.encode(&self.gs2_header) {
            return Err(Error::ChannelBindingsDontMatch);
        }
        let Some(('r', nonce)) = attributes.next().and_then(attribute) else {
            return Err(Error::InvalidEncoding);
        };
        if nonce != self.nonce {
            return Err(Error::Other);
        }
        ignore(attributes)?;
        let signed = self.signed + unproven;
        let mask = hmac(self.verifier.stored_key(), signed.as_bytes());
        if !self.verifier.knows(&array::from_fn(|at| proof[at] ^ mask[at])) {
            return Err(Error::InvalidProof);
        }
        let signature = hmac(self.verifier.server_key(), signed.as_bytes());
        Ok(format!("v={}", BASE64.encode(signature)))
    }
}

impl Error {
    /// The server-final-message of this error. On IRC ERR_SASLFAIL alone is enough, and clients
    /// wait for it.
    pub fn server_final(self) -> &'static str {
        match self {
            Error::InvalidEncoding => "e=invalid-encoding",
            Error::ExtensionsNotSupported => "e=extensions-not-supported",
            Error::ChannelBindingNotSupported => "e=channel-binding-not-supported",
            Error::ChannelBindingsDontMatch => "e=channel-bindings-dont-match",
            Error::InvalidProof => "e=invalid-proof",
            Error::Other => "e=other-error",
        }
    }
}

/// Checks that the message is UTF-8 without NUL (RFC 5802 §7).
fn text(message: &[u8]) -> Result<&str, Error> {
    str::from_utf8(message).ok().filter(|text| !text.contains('\0')).ok_or(Error::InvalidEncoding)
}

/// Parses attr-val: a letter, `=` and a value that is not empty.
fn attribute(text: &str) -> Option<(char, &str)> {
    let (name, value) = text.split_once('=')?;
    let mut letters = name.chars();
    let letter = letters.next().filter(char::is_ascii_alphabetic)?;
    (letters.next().is_none() && !value.is_empty()).then_some((letter, value))
}

/// Ignores unknown extensions; only mandatory ones are refused.
fn ignore<'a>(extensions: impl Iterator<Item = &'a str>) -> Result<(), Error> {
    for extension in extensions {
        match attribute(extension).ok_or(Error::InvalidEncoding)? {
            ('m', _) => return Err(Error::ExtensionsNotSupported),
            // An attribute given twice, or in the wrong place.
            ('a' | 'c' | 'i' | 'n' | 'p' | 'r' | 's' | 'v', _) => {
                return Err(Error::InvalidEncoding);
            }
            _ => {}
        }
    }
    Ok(())
}

/// Parses a saslname, in which `=2C` is a comma and `=3D` an equals sign.
fn sasl_name(text: &str) -> Result<String, Error> {
    let mut parts = text.split('=');
    let mut name = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (escaped, rest) = match (part.strip_prefix("2C"), part.strip_prefix("3D")) {
            (Some(rest), _) => (',', rest),
            (_, Some(rest)) => ('=', rest),
            _ => return Err(Error::InvalidEncoding),
        };
        name.push(escaped);
        name.push_str(rest);
    }
    if name.is_empty() { Err(Error::InvalidEncoding) } else { Ok(name) }
}

#[cfg(test)]
mod tests;
