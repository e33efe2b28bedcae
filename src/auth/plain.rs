//! The mechanism PLAIN: a name and a password in the clear. RFC 4616.

use super::password::Password;
use crate::wire::casemap;

/// The message of the client.
#[derive(Debug)]
pub struct Plain<'a> {
    /// The account as the client wrote it; the syntax of the name is not checked.
    pub account: &'a str,
    /// The password to be verified.
    pub password: Password,
}

impl Plain<'_> {
    /// Parses `[authzid] NUL authcid NUL passwd`. An authzid that differs from the authcid is
    /// refused. The error is for the log, and contains nothing of the message.
    pub fn parse(message: &[u8]) -> Result<Plain<'_>, &'static str> {
        let message = str::from_utf8(message).map_err(|_| "it is not UTF-8")?;
        let mut parts = message.split('\0');
        let (Some(acts_as), Some(account), Some(password), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err("it does not consist of three parts");
        };
        if account.is_empty() {
            return Err("it names no account");
        }
        if !acts_as.is_empty() && !casemap::same(acts_as, account) {
            return Err("it would act as another account");
        }
        Ok(Plain { account, password: Password::parse(password)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn who_logs_in_and_with_what() {
        let long = [&b"\0ann\0"[..], &[b'x'; 601]].concat();
        for (message, expected) in [
            (&b"\0ann\0pencil"[..], Ok(("ann", "pencil"))),
            (b"ann\0ann\0pencil", Ok(("ann", "pencil"))),
            (b"ANN\0Ann\0pencil", Ok(("Ann", "pencil"))),
            (b"\0ann\0 ", Ok(("ann", " "))),
            ("\0ann\0Zażółć".as_bytes(), Ok(("ann", "Zażółć"))),
            (b"", Err("three parts")),
            (b"ann", Err("three parts")),
            (b"\0ann", Err("three parts")),
            (b"ann\0pencil", Err("three parts")),
            (b"\0ann\0pencil\0", Err("three parts")),
            (b"\0ann\0pen\0cil", Err("three parts")),
            (b"\0\0ann\0pencil", Err("three parts")),
            (b"\0\0pencil", Err("no account")),
            (b"\0ann\0", Err("empty")),
            (b"\0\0", Err("no account")),
            (b"bob\0ann\0pencil", Err("another account")),
            (b"ann{\0ann[\0pencil", Err("another account")),
            (b"\0ann\0\xff", Err("UTF-8")),
            (&long, Err("600 bytes")),
        ] {
            match (Plain::parse(message), expected) {
                (Ok(plain), Ok(expected)) => {
                    assert_eq!((plain.account, plain.password.as_str()), expected);
                }
                (Err(error), Err(expected)) => assert!(error.contains(expected), "{error}"),
                (heard, expected) => panic!("{message:?}: {heard:?}, not {expected:?}"),
            }
        }
    }

    #[test]
    fn the_password_is_not_shown() {
        let shown = format!("{:?}", Plain::parse(b"\0ann\0pencil").unwrap());
        assert!(shown.contains("ann") && !shown.contains("pencil"), "{shown}");
    }

    proptest! {
        #[test]
        fn what_is_heard_is_what_was_said(message in prop::collection::vec(
            prop_oneof![Just(0), Just(b'a'), Just(b'A'), any::<u8>()], 0..12)
        ) {
            if let Ok(plain) = Plain::parse(&message) {
                let said = ["", plain.account, plain.password.as_str()].join("\0");
                prop_assert!(message.ends_with(said.as_bytes()));
            }
        }
    }
}
