//! A password, compared by its bytes and never printed.
//!
//! RFC 5802 would have it prepared by SASLprep (RFC 4013), which unifies some spellings of a text.
//! Other IRC servers leave that out. So do most clients, which do the hashing of SCRAM: with a
//! server that prepares, their passwords beyond ASCII would fail.

use std::fmt;

/// One to [`Password::BYTES_MAX`] bytes of UTF-8. It cannot be copied by accident or printed. Its
/// memory is not wiped: the bytes are also in buffers of the connection and of TLS.
pub struct Password(String);

impl Password {
    /// More than a line of IRC can contain. It bounds the size of a job; hashing costs the same for
    /// any length.
    pub const BYTES_MAX: usize = 600;

    /// Parses a password. The error contains nothing of the text.
    pub fn parse(text: &str) -> Result<Password, &'static str> {
        match text.len() {
            0 => Err("the password is empty"),
            1..=Self::BYTES_MAX => Ok(Password(text.to_owned())),
            _ => Err("the password has more than 600 bytes"),
        }
    }

    /// The text as given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Prints nothing, not even the length, as debug output ends up in logs.
impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_is_one_within_the_bounds() {
        let [long, too_long] = [600, 601].map(|bytes| "x".repeat(bytes));
        for good in [" ", "pencil", "a\0b", "Zażółć 🪨", &long, &"é".repeat(300)] {
            assert_eq!(Password::parse(good).unwrap().as_str(), good);
        }
        assert!(Password::parse("").unwrap_err().contains("empty"));
        for bad in [&too_long, &"é".repeat(301)] {
            let error = Password::parse(bad).unwrap_err();
            assert!(error.contains(&Password::BYTES_MAX.to_string()), "{error}");
        }
    }

    #[test]
    fn nothing_of_it_is_shown() {
        assert_eq!(format!("{:?}", Password::parse("pencil").unwrap()), "Password(…)");
    }
}
