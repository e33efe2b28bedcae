//! The payload of AUTHENTICATE: base64, in chunks of 400 bytes and a shorter last one. IRCv3
//! sasl-3.1, "The AUTHENTICATE command".

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use std::fmt;
use std::mem;

/// A payload under assembly. It holds memory only between the first chunk and the last.
#[derive(Default)]
pub struct Payload {
    bytes: Vec<u8>,
}

/// The outcome of a chunk.
#[derive(PartialEq, Eq)]
pub enum Chunk {
    /// A full chunk; another one follows.
    More,
    /// The last chunk, with the whole payload; it may be empty.
    Last(Vec<u8>),
    /// The peer aborts: `AUTHENTICATE *`. ERR_SASLABORTED.
    Abort,
}

/// An invalid chunk; those before it are discarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bad {
    /// The chunk has more than [`CHUNK_BYTES`]. ERR_SASLTOOLONG.
    ChunkTooLong,
    /// The payload has more than [`PAYLOAD_BYTES_MAX`]. ERR_SASLFAIL, as in Ergo.
    TooLong,
    /// The chunk is not base64 with padding (RFC 4648 §4), or follows padding. ERR_SASLFAIL.
    NotBase64,
}

/// The length of a chunk that another one follows, if only an empty one.
pub const CHUNK_BYTES: usize = 400;

/// The longest payload in bytes, decoded. A password, names and nonces need less than a third of
/// it.
pub const PAYLOAD_BYTES_MAX: usize = 4096;

/// The bytes in a full chunk. It ends between two groups of base64, so that each chunk can be
/// decoded and encoded by itself.
const DECODED_BYTES: usize = CHUNK_BYTES / 4 * 3;

impl Payload {
    /// Adds the parameter of an `AUTHENTICATE`. After any result but [`Chunk::More`] the payload is
    /// empty, for the next exchange.
    pub fn take(&mut self, chunk: &str) -> Result<Chunk, Bad> {
        let mut bytes = mem::take(&mut self.bytes);
        match chunk {
            "*" => return Ok(Chunk::Abort),
            "+" => return Ok(Chunk::Last(bytes)),
            // An empty chunk is always written as `+`.
            "" => return Err(Bad::NotBase64),
            _ if chunk.len() > CHUNK_BYTES => return Err(Bad::ChunkTooLong),
            // Padding ended the payload before this chunk.
            _ if !bytes.len().is_multiple_of(3) => return Err(Bad::NotBase64),
            _ => {}
        }
        BASE64.decode_vec(chunk, &mut bytes).map_err(|_| Bad::NotBase64)?;
        if bytes.len() > PAYLOAD_BYTES_MAX {
            return Err(Bad::TooLong);
        }
        if chunk.len() < CHUNK_BYTES {
            return Ok(Chunk::Last(bytes));
        }
        self.bytes = bytes;
        Ok(Chunk::More)
    }
}

/// Splits `payload` into the parameters of AUTHENTICATE, in order.
pub fn spoken(payload: &[u8]) -> impl Iterator<Item = String> + use<'_> {
    let ends_full = (payload.len().div_ceil(3) * 4).is_multiple_of(CHUNK_BYTES);
    let end = ends_full.then(|| "+".to_owned());
    payload.chunks(DECODED_BYTES).map(|part| BASE64.encode(part)).chain(end)
}

/// Prints the length alone: the payload may contain a password.
impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({} bytes)", self.bytes.len())
    }
}

/// Prints no content: it may contain a password.
impl fmt::Debug for Chunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Chunk::More => f.write_str("More"),
            Chunk::Last(bytes) => write!(f, "Last({} bytes)", bytes.len()),
            Chunk::Abort => f.write_str("Abort"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The outcome of each chunk, until one is refused.
    fn heard(chunks: &[&str]) -> Result<Vec<Chunk>, Bad> {
        let mut payload = Payload::default();
        chunks.iter().map(|chunk| payload.take(chunk)).collect()
    }

    fn last(text: &str) -> Chunk {
        Chunk::Last(text.as_bytes().to_vec())
    }

    #[test]
    fn what_is_said_in_one_chunk() {
        let full = "YWJj".repeat(100);
        let padded = format!("{}YWI=", "YWJj".repeat(99));
        for (chunks, expected) in [
            (&["+"][..], Ok(vec![last("")])),
            (&["*"], Ok(vec![Chunk::Abort])),
            (&["YQ=="], Ok(vec![last("a")])),
            (&["YWI="], Ok(vec![last("ab")])),
            (&["YWJj"], Ok(vec![last("abc")])),
            (&[""], Err(Bad::NotBase64)),
            (&["YQ"], Err(Bad::NotBase64)),
            (&["YQ="], Err(Bad::NotBase64)),
            (&["YQ==="], Err(Bad::NotBase64)),
            (&["YR=="], Err(Bad::NotBase64)),
            (&["YQ==YQ=="], Err(Bad::NotBase64)),
            (&["YWJj "], Err(Bad::NotBase64)),
            (&["YW Jj"], Err(Bad::NotBase64)),
            (&["++"], Err(Bad::NotBase64)),
            (&["é"], Err(Bad::NotBase64)),
            (&["-_-_"], Err(Bad::NotBase64)),
            (&[&full, "+"], Ok(vec![Chunk::More, last(&"abc".repeat(100))])),
            (&[&full, "YQ=="], Ok(vec![Chunk::More, last(&("abc".repeat(100) + "a"))])),
            (&[&full, "*", "+"], Ok(vec![Chunk::More, Chunk::Abort, last("")])),
            (&[&padded, "+"], Ok(vec![Chunk::More, last(&("abc".repeat(99) + "ab"))])),
            (&[&padded, "YQ=="], Err(Bad::NotBase64)),
            (&[&(full.clone() + "YWJj")], Err(Bad::ChunkTooLong)),
        ] {
            assert_eq!(heard(chunks), expected, "{chunks:?}");
        }
    }

    #[test]
    fn too_much_is_refused_and_forgotten() {
        let full = "AAAA".repeat(CHUNK_BYTES / 4);
        let mut payload = Payload::default();
        let fit = PAYLOAD_BYTES_MAX / DECODED_BYTES;
        for _ in 0..fit {
            assert_eq!(payload.take(&full), Ok(Chunk::More));
        }
        assert_eq!(payload.take(&full), Err(Bad::TooLong));
        assert_eq!(payload.bytes.capacity(), 0);
        assert_eq!(payload.take("YWJj"), Ok(last("abc")), "the next is heard as if nothing was");
        let most = vec![7; PAYLOAD_BYTES_MAX];
        let chunks: Vec<String> = spoken(&most).collect();
        let chunks: Vec<&str> = chunks.iter().map(String::as_str).collect();
        assert_eq!(heard(&chunks).unwrap().pop(), Some(Chunk::Last(most)));
    }

    #[test]
    fn memory_is_given_back_when_the_peer_aborts() {
        let mut payload = Payload::default();
        payload.take(&"AAAA".repeat(CHUNK_BYTES / 4)).unwrap();
        assert_eq!(payload.take("*"), Ok(Chunk::Abort));
        assert_eq!(payload.bytes.capacity(), 0);
    }

    #[test]
    fn nothing_of_it_is_shown() {
        let mut payload = Payload::default();
        let chunk = payload.take("cGVuY2ls").unwrap();
        assert_eq!(format!("{chunk:?} {payload:?}"), "Last(6 bytes) Payload(0 bytes)");
    }

    proptest! {
        #[test]
        fn what_is_spoken_is_heard(payload in prop::collection::vec(any::<u8>(), 0..1300)) {
            let chunks: Vec<String> = spoken(&payload).collect();
            prop_assert!(chunks.iter().rev().skip(1).all(|chunk| chunk.len() == CHUNK_BYTES));
            prop_assert!(chunks.last().unwrap().len() < CHUNK_BYTES);
            let ended = chunks.len() - usize::from(chunks.last().unwrap() == "+");
            prop_assert_eq!(chunks[..ended].concat(), BASE64.encode(&payload));
            let chunks: Vec<&str> = chunks.iter().map(String::as_str).collect();
            let mut heard = heard(&chunks).unwrap();
            prop_assert_eq!(heard.pop(), Some(Chunk::Last(payload)));
            prop_assert!(heard.iter().all(|chunk| *chunk == Chunk::More));
        }

        /// The naive oracle: decodes all chunks at once.
        #[test]
        fn chunks_mean_what_all_of_them_mean_together(
            chunks in prop::collection::vec("([A-Za-z0-9+/]{4}){99}([A-Za-z]{4}|YQ==|YWI=)", 0..4),
            end in "[A-Za-z]{4}|YQ==|[+]|YQ|é",
        ) {
            let mut all: Vec<&str> = chunks.iter().map(String::as_str).collect();
            let text = all.concat() + if end == "+" { "" } else { &end };
            all.push(&end);
            let heard = heard(&all).map(|mut heard| heard.pop());
            match BASE64.decode(text) {
                Ok(bytes) => prop_assert_eq!(heard, Ok(Some(Chunk::Last(bytes)))),
                Err(_) => prop_assert_eq!(heard, Err(Bad::NotBase64)),
            }
        }
    }
}
