//! A password as somebody gave it. It is used by its bytes and shown nowhere.
//!
//! RFC 5802 would have it prepared by SASLprep (RFC 4013), which makes some spellings of a text one.
//! Other IRC servers leave that out, as do most clients, who do the hashing of SCRAM: a server that
//! prepares would refuse a password beyond ASCII to all who do not.

use std::fmt;

/// One to [`Password::BYTES_MAX`] bytes of UTF-8. Neither copied by chance nor printed. Its memory
/// is not wiped: the bytes have been in the buffers of the connection too, and in those of TLS.
pub struct Password(String);

impl Password {
    /// Twice what fits into a line of IRC with room to spare. It bounds what a job holds; hashing
    /// costs the same for any length.
    pub const BYTES_MAX: usize = 600;

    /// The error says what is wrong, and repeats nothing of the text.
    pub fn parse(text: &str) -> Result<Password, &'static str> {
        match text.len() {
            0 => Err("the password is empty"),
            1..=Self::BYTES_MAX => Ok(Password(text.to_owned())),
            _ => Err("the password has more than 600 bytes"),
        }
    }

    /// As it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Shows nothing, not even the length, as what is printed ends up in logs.
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
