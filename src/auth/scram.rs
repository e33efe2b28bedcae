//! The mechanism SCRAM-SHA-256, the server's side: the client proves that it knows the password and
//! the server that it knows the verifier; neither says what it knows. RFC 5802, RFC 7677.
//!
//! ```text
//! client> n,,n=ann,r=<nonce>                     ClientFirst::parse
//! server> r=<nonce and more>,s=<salt>,i=<iterations>      …::challenge
//! client> c=biws,r=<nonce and more>,p=<proof>        Exchange::finish
//! server> v=<signature>
//! ```
//! After the last the client says nothing more by `AUTHENTICATE +`, and only then is it logged in:
//! it may find that the signature is wrong. There is no channel binding (`-PLUS`), so that none is
//! offered.

use super::verifier::{Verifier, hmac};
use crate::wire::casemap;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use std::array;

/// What a client begins with.
#[derive(Debug)]
pub struct ClientFirst {
    gs2_header: String,
    bare: String,
    account: String,
    nonce: String,
}

/// Waits for the proof.
pub struct Exchange {
    verifier: Verifier,
    gs2_header: String,
    /// What both sides sign: client-first-message-bare and server-first-message, each with the comma
    /// after it. The proof's own message follows.
    signed: String,
    /// Of both sides.
    nonce: String,
}

/// Why a client is not logged in, in the words of RFC 5802 §7, server-error-value. An account which
/// there is not is `InvalidProof`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// It is not what the protocol wants here, or not UTF-8.
    InvalidEncoding,
    /// It demands an extension.
    ExtensionsNotSupported,
    /// It demands channel binding.
    ChannelBindingNotSupported,
    /// It says another header the second time, as if somebody in between had changed the first.
    ChannelBindingsDontMatch,
    /// It does not know the password.
    InvalidProof,
    /// It would act as another account, or answers another challenge.
    Other,
}

/// Of randomness that the server adds to the nonce. A multiple of three, so that in base64 it has no
/// padding.
pub const NONCE_BYTES: usize = 18;

impl ClientFirst {
    /// Reads client-first-message.
    pub fn parse(message: &[u8]) -> Result<ClientFirst, Error> {
        let message = text(message)?;
        let mut parts = message.splitn(3, ',');
        let (Some(binding), Some(acts_as), Some(bare)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(Error::InvalidEncoding);
        };
        match binding {
            // It has no channel binding, or thinks that we have none, and is right.
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

    /// Which account, as the client wrote it: whether there can be one of that name is not looked
    /// at.
    pub fn account(&self) -> &str {
        &self.account
    }

    /// What to wait for, and server-first-message. `verifier` is that of the account, or one of
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
    /// Reads client-final-message and gives server-final-message: the client knows the password. It
    /// is tried once; costs microseconds.
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
    /// server-final-message that says so. On IRC, ERR_SASLFAIL alone says enough, and is what
    /// clients wait for.
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

/// Nothing in the whole of RFC 5802 §7 may be NUL.
fn text(message: &[u8]) -> Result<&str, Error> {
    str::from_utf8(message).ok().filter(|text| !text.contains('\0')).ok_or(Error::InvalidEncoding)
}

/// attr-val: a letter, `=` and a value, which is not empty.
fn attribute(text: &str) -> Option<(char, &str)> {
    let (name, value) = text.split_once('=')?;
    let mut letters = name.chars();
    let letter = letters.next().filter(char::is_ascii_alphabetic)?;
    (letters.next().is_none() && !value.is_empty()).then_some((letter, value))
}

/// What a client says beyond what is known of; only what it demands to be understood is refused.
fn ignore<'a>(extensions: impl Iterator<Item = &'a str>) -> Result<(), Error> {
    for extension in extensions {
        match attribute(extension).ok_or(Error::InvalidEncoding)? {
            ('m', _) => return Err(Error::ExtensionsNotSupported),
            // Said twice, or where it does not belong.
            ('a' | 'c' | 'i' | 'n' | 'p' | 'r' | 's' | 'v', _) => {
                return Err(Error::InvalidEncoding);
            }
            _ => {}
        }
    }
    Ok(())
}

/// saslname, in which `=2C` is a comma and `=3D` an equals sign.
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
