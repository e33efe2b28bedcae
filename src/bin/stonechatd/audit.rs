//! `stonechatd audit`: the acts of operators, one line each.

use crate::Failure;
use crate::output::say;
use crate::place::Place;
use crate::settings::Flags;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use stonechat::store::{Act, sqlite};
use stonechat::wire::printable::printable;

/// Prints the acts since a time, oldest first.
pub fn print(flags: Flags, since: Option<Timestamp>) -> Result<(), Failure> {
    let file = Place::find(flags)?.file();
    let since_ms = since.map_or(i64::MIN, Timestamp::as_millisecond);
    sqlite::acts(&file, since_ms, |act| say(&line(&act)))
        .map_err(|trouble| Failure::other(format!("{}: {trouble}", file.display())))
}

/// Parses a time: with its zone, in local time, or as a duration before now.
pub fn time(text: &str) -> Result<Timestamp, String> {
    let ago = |span: Span| {
        let now = Timestamp::now().to_zoned(TimeZone::system());
        now.checked_sub(span.abs()).ok().map(|then| then.timestamp())
    };
    let local =
        |time: DateTime| time.to_zoned(TimeZone::system()).ok().map(|time| time.timestamp());
    (text.parse::<Timestamp>().ok())
        .or_else(|| text.parse::<DateTime>().ok().and_then(local))
        .or_else(|| text.parse::<Span>().ok().and_then(ago))
        .ok_or_else(|| "write 2026-01-31, 2026-01-31T12:00:00Z or \"7 days\"".to_owned())
}

fn line(act: &Act) -> String {
    let Act { time_ms, operator, source, address, command, target, reason } = act;
    let time = Timestamp::from_millisecond(*time_ms).unwrap_or_default();
    let time = time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
    let fields = [&time, operator, source, address, command, target, reason];
    fields.map(|field| printable(field).into_owned()).join("\t")
}
