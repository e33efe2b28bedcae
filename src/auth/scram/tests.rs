//! The exchange of RFC 7677, a client of our own, and invalid messages.

use super::*;
use crate::auth::decoys::Decoys;
use hmac::{Hmac, KeyInit, Mac};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

/// The verifier of `pencil`, with the salt of RFC 7677 §3.
fn pencil() -> Verifier {
    let text = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$\
        WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";
    Verifier::parse(text).unwrap()
}

const NONCE: [u8; NONCE_BYTES] = *b"eighteen bytes....";

/// A client written from RFC 5802 §3, without our code.
struct Client {
    header: String,
    bare: String,
    password: String,
}

impl Client {
    fn new(header: &str, bare: &str, password: &str) -> Client {
        let [header, bare, password] = [header, bare, password].map(str::to_owned);
        Client { header, bare, password }
    }

    fn first(&self) -> String {
        format!("{}{}", self.header, self.bare)
    }

    /// Makes client-final-message, and the server-final-message to expect.
    fn last(&self, server_first: &str) -> (String, String) {
        let field = |name: &str| {
            let field = server_first.split(',').find_map(|field| field.strip_prefix(name));
            field.unwrap().to_owned()
        };
        let salt = BASE64.decode(field("s=")).unwrap();
        let salted = hi(self.password.as_bytes(), &salt, field("i=").parse().unwrap());
        let client_key = sign(&salted, b"Client Key");
        let stored_key = Sha256::digest(client_key);
        let unproven = format!("c={},r={}", BASE64.encode(&self.header), field("r="));
        let said = format!("{},{server_first},{unproven}", self.bare);
        let proof: Vec<u8> = sign(&stored_key, said.as_bytes())
            .iter()
            .zip(client_key)
            .map(|(signed, key)| signed ^ key)
            .collect();
        let signature = sign(&sign(&salted, b"Server Key"), said.as_bytes());
        let message = format!("{unproven},p={}", BASE64.encode(proof));
        (message, format!("v={}", BASE64.encode(signature)))
    }
}

fn sign(key: &[u8], message: &[u8]) -> [u8; 32] {
    let keyed = Hmac::<Sha256>::new_from_slice(key).unwrap();
    keyed.chain_update(message).finalize().into_bytes().into()
}

/// Hi() of RFC 5802 §2.2, as it is written there.
fn hi(password: &[u8], salt: &[u8], iterations: u32) -> [u8; 32] {
    let mut last = sign(password, &[salt, &[0, 0, 0, 1]].concat());
    let mut sum = last;
    for _ in 1..iterations {
        last = sign(password, &last);
        sum = array::from_fn(|at| sum[at] ^ last[at]);
    }
    sum
}

#[test]
fn the_exchange_of_rfc_7677() {
    let first = ClientFirst::parse(b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO").unwrap();
    assert_eq!(first.account(), "user");
    let (exchange, server_first) = first.challenge_with(pencil(), "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0");
    assert_eq!(
        server_first,
        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    );
    let client_final = b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
        p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
    let server_final = exchange.finish(client_final);
    assert_eq!(server_final.as_deref(), Ok("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));
}

#[test]
fn who_knows_the_password_is_let_in_and_nobody_else() {
    for (header, bare, password, known) in [
        ("n,,", "n=user,r=abc", "pencil", true),
        ("y,,", "n=user,r=abc", "pencil", true),
        ("n,a=user,", "n=user,r=abc", "pencil", true),
        ("n,a=USER,", "n=user,r=abc", "pencil", true),
        ("n,,", "n=user,r=abc,x=y", "pencil", true),
        ("n,,", "n=user,r=abc", "pencils", false),
        ("n,,", "n=user,r=abc", "", false),
    ] {
        let client = Client::new(header, bare, password);
        let first = ClientFirst::parse(client.first().as_bytes()).unwrap();
        let (exchange, server_first) = first.challenge(pencil(), NONCE);
        let (client_final, expected) = client.last(&server_first);
        let expected = if known { Ok(expected) } else { Err(Error::InvalidProof) };
        assert_eq!(exchange.finish(client_final.as_bytes()), expected, "{}", client.first());
    }
}

#[test]
fn an_account_that_is_not_there_is_challenged_like_any_and_not_let_in() {
    let client = Client::new("n,,", "n=nobody,r=abc", "pencil");
    let first = ClientFirst::parse(client.first().as_bytes()).unwrap();
    let (exchange, decoys) = first.challenge(Decoys::new([5; 32], 4096).of("nobody"), NONCE);
    let first = ClientFirst::parse(client.first().as_bytes()).unwrap();
    let (_, real) = first.challenge(pencil(), NONCE);
    assert_eq!(decoys.len(), real.len());
    assert_eq!(exchange.finish(client.last(&decoys).0.as_bytes()), Err(Error::InvalidProof));
}

#[test]
fn names_are_unescaped() {
    for (name, expected) in [
        ("ann", Ok("ann")),
        ("a=2Cb", Ok("a,b")),
        ("=3D", Ok("=")),
        ("=3D2C", Ok("=2C")),
        ("Zoë", Ok("Zoë")),
        ("", Err(Error::InvalidEncoding)),
        ("a=2c", Err(Error::InvalidEncoding)),
        ("a=", Err(Error::InvalidEncoding)),
        ("a=2", Err(Error::InvalidEncoding)),
        ("a==2C", Err(Error::InvalidEncoding)),
        ("a=3Db=41", Err(Error::InvalidEncoding)),
    ] {
        let first = ClientFirst::parse(format!("n,,n={name},r=abc").as_bytes());
        let account = first.as_ref().map(ClientFirst::account);
        assert_eq!(account, expected.as_ref().copied(), "{name}");
    }
}

#[test]
fn what_a_client_should_not_begin_with() {
    use Error::*;
    for (message, expected) in [
        (&b""[..], InvalidEncoding),
        (b"n", InvalidEncoding),
        (b"n,,", InvalidEncoding),
        (b"n,,n=ann", InvalidEncoding),
        (b"n,,n=ann,r=", InvalidEncoding),
        (b"n,,r=abc,n=ann", InvalidEncoding),
        (b"n,,n=ann,r=a b", InvalidEncoding),
        (b"n,,n=ann,r=\xc3\xa9", InvalidEncoding),
        (b"n,,n=\xff,r=abc", InvalidEncoding),
        (b"n,,n=a\0b,r=abc", InvalidEncoding),
        (b"n,,n=ann,r=abc,", InvalidEncoding),
        (b"n,,n=ann,r=abc,x", InvalidEncoding),
        (b"n,,n=ann,r=abc,xx=y", InvalidEncoding),
        (b"n,,n=ann,r=abc,n=bob", InvalidEncoding),
        (b"n,n=ann,r=abc", InvalidEncoding),
        (b",,n=ann,r=abc", InvalidEncoding),
        (b"N,,n=ann,r=abc", InvalidEncoding),
        (b"p,,n=ann,r=abc", InvalidEncoding),
        (b"n,ann,n=ann,r=abc", InvalidEncoding),
        (b"n,a=,n=ann,r=abc", InvalidEncoding),
        (b"n,a=bob,n=ann,r=abc", Other),
        (b"p=tls-exporter,,n=ann,r=abc", ChannelBindingNotSupported),
        (b"n,,m=x,n=ann,r=abc", ExtensionsNotSupported),
        (b"n,,n=ann,r=abc,m=x", ExtensionsNotSupported),
    ] {
        let error = ClientFirst::parse(message).unwrap_err();
        assert_eq!(error, expected, "{}", String::from_utf8_lossy(message));
        assert!(error.server_final().starts_with("e="));
    }
}

#[test]
fn what_a_client_should_not_end_with() {
    use Error::*;
    let client = Client::new("n,,", "n=user,r=abc", "pencil");
    for (from, to, expected) in [
        ("c=biws", "c=eSws", ChannelBindingsDontMatch), // y,,
        ("c=biws", "c=biw", ChannelBindingsDontMatch),
        ("c=biws", "d=biws", InvalidEncoding),
        ("c=biws", "c=", InvalidEncoding),
        ("c=biws,", "", InvalidEncoding),
        ("c=biws,", "m=x,c=biws,", InvalidEncoding),
        ("r=abc", "r=abd", Other),
        ("r=abc", "r=", Other),
        ("r=abcZWln", "r=abcAAAA", Other), // the answer to another challenge
        (",r=abc", "0,r=abc", ChannelBindingsDontMatch),
        (",p=", ",m=x,p=", ExtensionsNotSupported),
        (",p=", ",x=y,p=", InvalidProof),
        (",p=", ",x,p=", InvalidEncoding),
        (",p=", ",r=abc,p=", InvalidEncoding),
        (",p=", ",p=,p=", InvalidEncoding),
        (",p=", ",p=AAAA", InvalidEncoding),
        (",p=", ",q=", InvalidEncoding),
        (",p=", "", InvalidEncoding),
        ("=", "=\0", InvalidEncoding),
    ] {
        let first = ClientFirst::parse(client.first().as_bytes()).unwrap();
        let (exchange, server_first) = first.challenge(pencil(), NONCE);
        let message = client.last(&server_first).0.replacen(from, to, 1);
        assert_eq!(exchange.finish(message.as_bytes()), Err(expected), "{message}");
    }
}

#[test]
fn the_nonce_is_printable_and_has_all_of_the_servers_randomness() {
    let first = ClientFirst::parse(b"n,,n=user,r=abc").unwrap();
    let (exchange, _) = first.challenge(pencil(), [255; NONCE_BYTES]);
    assert_eq!(exchange.nonce, format!("abc{}", "/".repeat(24)));
}

/// The message that is changed on its way.
#[derive(Clone, Copy, Debug)]
enum Changed {
    ClientFirst,
    ServerFirst,
    ClientFinal,
    ServerFinal,
}

/// Flips one bit; `None` past the end.
fn flipped(text: &str, bit: usize) -> Option<Vec<u8>> {
    let mut bytes = text.as_bytes().to_vec();
    *bytes.get_mut(bit / 8)? ^= 1 << (bit % 8);
    Some(bytes)
}

/// Whether client and server both accept, with one bit of one message changed; `None` if it has no
/// such bit.
fn agree(changed: Changed, bit: usize) -> Option<bool> {
    let client = Client::new("n,a=user,", "n=user,r=abc,x=y", "pencil");
    let first = match changed {
        Changed::ClientFirst => ClientFirst::parse(&flipped(&client.first(), bit)?),
        _ => ClientFirst::parse(client.first().as_bytes()),
    };
    let Ok(first) = first else { return Some(false) };
    let (exchange, server_first) = first.challenge(pencil(), NONCE);
    let heard = match changed {
        Changed::ServerFirst => String::from_utf8(flipped(&server_first, bit)?).ok(),
        _ => Some(server_first),
    };
    let Some(heard) = heard.filter(|heard| is_readable(heard)) else { return Some(false) };
    let (client_final, expected) = client.last(&heard);
    let server_final = match changed {
        Changed::ClientFinal => exchange.finish(&flipped(&client_final, bit)?),
        _ => exchange.finish(client_final.as_bytes()),
    };
    let Ok(server_final) = server_final else { return Some(false) };
    let heard = match changed {
        Changed::ServerFinal => flipped(&server_final, bit)?,
        _ => server_final.into_bytes(),
    };
    Some(heard == expected.as_bytes())
}

/// Whether a client would answer this; the iterations are limited to what a test has time for.
fn is_readable(server_first: &str) -> bool {
    let fields: Vec<&str> = server_first.split(',').collect();
    let [nonce, salt, iterations] = fields[..] else { return false };
    let iterations = iterations.strip_prefix("i=").and_then(|text| text.parse().ok());
    nonce.starts_with("r=abc")
        && salt.strip_prefix("s=").is_some_and(|salt| BASE64.decode(salt).is_ok())
        && iterations.is_some_and(|iterations: u32| iterations < 5000)
}

#[test]
fn no_bit_of_an_exchange_can_be_changed() {
    use Changed::*;
    for changed in [ClientFirst, ServerFirst, ClientFinal, ServerFinal] {
        let verdicts: Vec<bool> = (0..).map_while(|bit| agree(changed, bit)).collect();
        let survived = verdicts.iter().position(|agree| *agree);
        assert_eq!((survived, verdicts.len() >= 25 * 8), (None, true), "{changed:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_it_panic(
        first in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..40),
            "[nyp](=x)?,(a=[a=23CD]{0,4})?,(m=x,)?n=[a=23CD,]{0,6},r=[a-z!,]{0,4}(,[a-z=]{0,4}){0,2}"
                .prop_map(String::into_bytes),
        ],
        last in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..40),
            "c=(biws|eSws)?,r=abc[a-zA-Z0-9]{0,30}(,[a-z=]{0,4}){0,2},p=[A-Za-z0-9+/]{42,43}=?"
                .prop_map(String::into_bytes),
        ],
    ) {
        let _ = ClientFirst::parse(&first);
        let known = ClientFirst::parse(b"n,,n=user,r=abc").unwrap();
        let decoy = Decoys::new([5; 32], 4096).of("user");
        let (exchange, _) = known.challenge(decoy, NONCE);
        prop_assert!(exchange.finish(&last).is_err());
    }

    /// A name escaped by RFC 5802 §5.1 is parsed back.
    #[test]
    fn any_name_passes(name in "[a=,2C3D]{1,8}|[^\0]{1,8}") {
        let escaped = name.replace('=', "=3D").replace(',', "=2C");
        let first = ClientFirst::parse(format!("n,a={escaped},n={escaped},r=abc").as_bytes());
        let first = first.unwrap();
        prop_assert_eq!(first.account(), name);
    }
}
