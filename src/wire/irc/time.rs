//! Times in the format of IRCv3 server-time: `2026-11-21T13:00:05.123Z`.

/// Appends a time in milliseconds since 1970. Days become dates as in Howard Hinnant's `civil_from_days`.
pub fn write_time(text: &mut Vec<u8>, unix_ms: u64) {
    let (days, ms) = (unix_ms / 86_400_000, unix_ms % 86_400_000);
    let days = days + 719_468; // since 0000-03-01
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let parts = [
        (year, 4, b'-'),
        (month, 2, b'-'),
        (day, 2, b'T'),
        (ms / 3_600_000, 2, b':'),
        (ms / 60_000 % 60, 2, b':'),
        (ms / 1000 % 60, 2, b'.'),
        (ms % 1000, 3, b'Z'),
    ];
    for (number, digits, after) in parts {
        for place in (0..digits).rev() {
            text.push(b'0' + (number / 10u64.pow(place) % 10) as u8);
        }
        text.push(after);
    }
}

/// Parses the format of [`write_time`] into milliseconds since 1970, from 1970 to 9999. IRCv3
/// server-time: exactly three digits of a second. A leap second (60) counts as the end of the 59th.
pub fn read_time(text: &str) -> Option<u64> {
    let text: &[u8; 24] = text.as_bytes().try_into().ok()?;
    let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':'), (19, b'.'), (23, b'Z')];
    if marks.iter().any(|(at, mark)| text[*at] != *mark) {
        return None;
    }
    let number = |from: usize, to: usize| {
        text[from..to].iter().try_fold(0, |number, digit| match digit {
            b'0'..=b'9' => Some(number * 10 + u64::from(digit - b'0')),
            _ => None,
        })
    };
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second, ms) =
        (number(11, 13)?, number(14, 16)?, number(17, 19)?, number(20, 23)?);
    let is_date = year >= 1970 && (1..=12).contains(&month) && day >= 1;
    if !is_date || day > days_in(year, month) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (second, ms) = if second == 60 { (59, 999) } else { (second, ms) };
    let of_day = ((hour * 60 + minute) * 60 + second) * 1000 + ms;
    Some(days_since_1970(year, month, day) * 86_400_000 + of_day)
}

fn days_in(year: u64, month: u64) -> u64 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The days from 1970 to a date, as in Howard Hinnant's `days_from_civil`.
fn days_since_1970(year: u64, month: u64, day: u64) -> u64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year / 400, year % 400);
    let shifted = if month > 2 { month - 3 } else { month + 9 };
    let of_year = (153 * shifted + 2) / 5 + day - 1;
    let of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year;
    era * 146_097 + of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn time(unix_ms: u64) -> String {
        let mut text = Vec::new();
        write_time(&mut text, unix_ms);
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn times_are_written_as_the_specification_wants_them() {
        assert_eq!(time(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(time(951_782_400_001), "2000-02-29T00:00:00.001Z");
        assert_eq!(time(1_795_265_999_999), "2026-11-21T12:59:59.999Z");
    }

    #[test]
    fn what_is_no_time_is_not_read() {
        assert_eq!(read_time("2026-11-21T12:59:59.999Z"), Some(1_795_265_999_999));
        assert_eq!(read_time("2016-12-31T23:59:60.500Z"), read_time("2016-12-31T23:59:59.999Z"));
        assert_eq!(read_time("2024-02-29T00:00:00.000Z"), Some(1_709_164_800_000));
        for text in [
            "",
            "*",
            "2026-11-21T12:59:59Z",
            "2026-11-21T12:59:59.99Z",
            "2026-11-21T12:59:59.9999Z",
            "2026-11-21T12:59:59.999z",
            "2026-11-21 12:59:59.999Z",
            "+026-11-21T12:59:59.999Z",
            "2026-11-21T12:59:61.000Z",
            "2026-11-21T12:60:00.000Z",
            "2026-11-21T24:00:00.000Z",
            "2026-02-29T00:00:00.000Z",
            "2100-02-29T00:00:00.000Z",
            "2026-00-01T00:00:00.000Z",
            "2026-13-01T00:00:00.000Z",
            "2026-01-00T00:00:00.000Z",
            "2026-04-31T00:00:00.000Z",
            "1969-12-31T23:59:59.999Z",
            "2026-11-21T12:59:59.99éZ",
        ] {
            assert_eq!(read_time(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn times_are_those_that_a_calendar_library_tells(unix_ms in 0u64..250_000_000_000_000) {
            let known = jiff::Timestamp::from_millisecond(unix_ms as i64).unwrap();
            prop_assert_eq!(time(unix_ms), known.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string());
            prop_assert_eq!(read_time(&time(unix_ms)), Some(unix_ms));
        }

        #[test]
        fn what_is_read_is_what_a_calendar_library_reads(
            text in "(1970|2024|2100|9998)-(0|1)[0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-5][0-9]\\.[0-9]{3}Z",
        ) {
            let known: Option<jiff::Timestamp> = text.parse().ok();
            prop_assert_eq!(read_time(&text), known.map(|time| time.as_millisecond() as u64));
        }
    }
}
