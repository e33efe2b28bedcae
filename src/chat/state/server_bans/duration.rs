//! Durations as operators write them: `1d2h30m`, `45s`, or seconds alone.

/// Each unit with its seconds, longest first.
const UNITS: [(char, u64); 6] =
    [('y', 365 * 86_400), ('w', 7 * 86_400), ('d', 86_400), ('h', 3600), ('m', 60), ('s', 1)];

/// A hundred years: anything longer is for ever.
const LONGEST_S: u64 = 100 * 365 * 86_400;

/// Parses a duration into seconds; `None` if it is no duration, 0 or too long.
pub(crate) fn seconds(text: &str) -> Option<u64> {
    let mut rest = text;
    let mut sum: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let number: u64 = rest[..digits].parse().ok()?;
        let unit = rest[digits..].chars().next();
        let (_, each) = match unit {
            Some(unit) => UNITS.iter().find(|(letter, _)| *letter == unit.to_ascii_lowercase())?,
            None if digits == text.len() => &('s', 1),
            None => return None,
        };
        sum = sum.checked_add(number.checked_mul(*each)?)?;
        rest = &rest[digits + unit.map_or(0, char::len_utf8)..];
    }
    Some(sum).filter(|sum| (1..=LONGEST_S).contains(sum))
}

/// Formats a duration: `1d2h30m`.
pub(crate) fn told(seconds: u64) -> String {
    let mut rest = seconds;
    let mut text = String::new();
    for (letter, each) in UNITS {
        if rest >= each {
            text += &format!("{}{letter}", rest / each);
            rest %= each;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_are_written_as_operators_write_them() {
        for (text, expected) in [
            ("1d2h30m", Some(95_400)),
            ("30m", Some(1800)),
            ("45s", Some(45)),
            ("90", Some(90)),
            ("1W", Some(604_800)),
            ("1y", Some(31_536_000)),
            ("", None),
            ("0", None),
            ("0s", None),
            ("1d2", None),
            ("d", None),
            ("-1s", None),
            ("1.5h", None),
            ("1é", None),
            ("101y", None),
            ("99999999999999999999", None),
            ("18446744073709551615y", None),
        ] {
            assert_eq!(seconds(text), expected, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_told_reads_back(s in 1..=LONGEST_S) {
            prop_assert_eq!(seconds(&told(s)), Some(s));
        }

        #[test]
        fn no_text_is_too_much(text in "\\PC{0,12}|[0-9smhdwy]{0,30}") {
            let _ = seconds(&text);
        }
    }
}
