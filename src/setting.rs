//! The parts of every module's settings: the notation of sizes, times and lists, their bounds, and
//! the errors for values beyond them.
//!
//! A key is one line of a `settings!` table in the module that owns it: its name, its default and its
//! range. `config` reads the tables, and finds the place of a problem in the file.

use bytesize::ByteSize;
use jiff::{SignedDuration, Span, SpanRelativeTo, Unit};
use serde::de::value::{SeqAccessDeserializer, SeqDeserializer};
use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
use std::fmt::{self, Debug};
use std::marker::PhantomData;
use std::ops::{Bound, Deref, RangeBounds};
use std::time::Duration;
use toml::Value;

/// A problem found in settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The key, as `limits.sendq_max` or `proxy.gateways[0].name`.
    pub key: String,
    /// Other keys that have a part in the problem. It is not reported if one of them is wrong itself.
    pub with: Vec<String>,
    /// The rest of the sentence that begins with the key: `must be at least 1, not 0`.
    pub what: String,
}

/// The problems found in settings.
pub type Problems = Vec<Problem>;

impl Problem {
    /// A problem of one key.
    pub fn at(key: impl Into<String>, what: impl Into<String>) -> Problem {
        Problem { key: key.into(), with: Vec::new(), what: what.into() }
    }

    /// The problem, which depends on `keys` too.
    pub fn with(self, keys: impl IntoIterator<Item = String>) -> Problem {
        Problem { with: keys.into_iter().collect(), ..self }
    }
}

/// Defines a struct of settings with its deserializer, its defaults, and `check_values`. `times` are
/// durations, `sizes` are bytes, `values` are anything else. Behind the default stands the range of
/// the value, or `=>` and a function that returns what is wrong with it.
macro_rules! settings {
    ($(#[$meta:meta])* pub struct $name:ident {
        $(times { $($(#[$time_doc:meta])* $time:ident = $long:expr, $times:expr;)* })?
        $(sizes { $($(#[$size_doc:meta])* $size:ident = $bytes:expr, $sizes:expr;)* })?
        $(values { $(
            $(#[$doc:meta])* $key:ident: $type:ty = $value:expr $(, $range:expr)? $(=> $test:path)?;
        )* })?
    }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, serde::Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name {
            $($($(#[$time_doc])* #[serde(deserialize_with = "crate::setting::time")]
                pub $time: std::time::Duration,)*)?
            $($($(#[$size_doc])* #[serde(deserialize_with = "crate::setting::size")]
                pub $size: usize,)*)?
            $($($(#[$doc])* pub $key: $type,)*)?
        }

        impl Default for $name {
            fn default() -> $name {
                $name {
                    $($($time: $long,)*)?
                    $($($size: $bytes,)*)?
                    $($($key: $value,)*)?
                }
            }
        }

        impl $name {
            /// Reports each key whose value is out of its range. `section` is the config's name of the
            /// table.
            pub fn check_values(&self, section: &str, problems: &mut $crate::setting::Problems) {
                let _ = (section, &problems);
                $($($crate::setting::check(section, stringify!($time), &self.$time, $times, problems);)*)?
                $($($crate::setting::check(section, stringify!($size), &self.$size, $sizes, problems);)*)?
                $($(
                    $($crate::setting::check(section, stringify!($key), &self.$key, $range, problems);)?
                    $(if let Err(what) = $test(&self.$key) {
                        let key = format!("{section}.{}", stringify!($key));
                        problems.push($crate::setting::Problem::at(key, what));
                    })?
                )*)?
            }
        }
    };
}
pub(crate) use settings;

/// Reports a key whose value is out of its range.
pub fn check<T: PartialOrd + Debug>(
    section: &str,
    key: &str,
    value: &T,
    range: impl RangeBounds<T>,
    problems: &mut Problems,
) {
    if range.contains(value) {
        return;
    }
    let bounds = match (range.start_bound(), range.end_bound()) {
        (Bound::Included(least), Bound::Included(most)) => format!("from {least:?} to {most:?}"),
        (Bound::Included(least), _) => format!("at least {least:?}"),
        (_, bound) => format!("within {bound:?}"),
    };
    let what = format!("must be {bounds}, not {value:?}");
    problems.push(Problem::at(format!("{section}.{key}"), what));
}

/// A duration of `count` seconds.
pub(crate) const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// Bytes: `4096`, `"64 KiB"`, `"10kB"`.
pub fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let bytes = match &value {
        Value::Integer(bytes) => usize::try_from(*bytes).ok(),
        Value::String(text) => text.parse().ok().map(|ByteSize(bytes)| bytes as usize),
        _ => None,
    };
    bytes.ok_or_else(|| not_a(&value, "size; write bytes, or \"64 KiB\""))
}

/// An optional number of bytes, written as for [`size`].
pub fn some_size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    size(deserializer).map(|bytes| Some(bytes as u64))
}

/// A duration: `"15s"`, `"2 min"`, `"1m 30s"`.
pub fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let duration = value.as_str().and_then(|text| text.parse::<SignedDuration>().ok());
    let duration = duration.and_then(|duration| Duration::try_from(duration).ok());
    let duration = duration.filter(|duration| *duration <= LONGEST);
    duration.ok_or_else(|| not_a(&value, "time; write \"15s\" or \"2 min\""))
}

/// A year. Arithmetic with longer times might overflow.
const LONGEST: Duration = seconds(365 * 24 * 3600);

/// The greatest age of something, in milliseconds: `"90 days"`, `"12h"`; `0` for not at all.
pub fn age<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let in_ms =
        |span: Span| span.total((Unit::Millisecond, SpanRelativeTo::days_are_24_hours())).ok();
    let age_ms = match &value {
        Value::Integer(0) => Some(0.0),
        Value::String(text) if text == "0" => Some(0.0),
        Value::String(text) => text.parse::<Span>().ok().and_then(in_ms),
        _ => None,
    };
    let age_ms = age_ms.filter(|ms| (0.0..=OLDEST_MS).contains(ms));
    let what = "time; write \"90 days\", \"12h\", or 0 for not at all";
    age_ms.map(|ms| Some(ms as i64)).ok_or_else(|| not_a(&value, what))
}

/// A thousand years.
const OLDEST_MS: f64 = 1000.0 * 365.0 * 86_400_000.0;

/// A list. A list of words may be one text, with commas or spaces between them.
pub fn words<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    split(deserializer, |text| text.split([',', ' ']).filter(|word| !word.is_empty()).collect())
}

/// A list. A list of lines may be one text.
pub fn lines<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    split(deserializer, |text| text.lines().collect())
}

fn split<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
    parts: fn(&str) -> Vec<&str>,
) -> Result<Vec<T>, D::Error> {
    deserializer.deserialize_any(ListOrText(parts, PhantomData))
}

struct ListOrText<T>(fn(&str) -> Vec<&str>, PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ListOrText<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a sequence")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Vec<T>, E> {
        let parts = (self.0)(text).into_iter().map(str::to_owned);
        Vec::deserialize(SeqDeserializer::new(parts))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Vec<T>, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(list))
    }
}

/// One text, as `parse` understands it.
pub fn text<'de, D: Deserializer<'de>, T, E: fmt::Display>(
    deserializer: D,
    parse: fn(&str) -> Result<T, E>,
) -> Result<T, D::Error> {
    deserializer.deserialize_str(TextVisitor(parse))
}

struct TextVisitor<T, E>(fn(&str) -> Result<T, E>);

impl<T, P: fmt::Display> Visitor<'_> for TextVisitor<T, P> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.0)(text).map_err(E::custom)
    }
}

/// The error that `word` is none of the `known`, with the nearest of them, or all.
pub fn unknown<'a>(
    what: &str,
    word: &str,
    known: impl IntoIterator<Item = &'a str> + Clone,
) -> String {
    let all: Vec<&str> = known.clone().into_iter().collect();
    match closest(word, known) {
        Some(meant) => format!("unknown {what} `{word}`, did you mean `{meant}`?"),
        None if all.is_empty() => format!("unknown {what} `{word}`; none is configured"),
        None => format!("unknown {what} `{word}`; known are {}", all.join(", ")),
    }
}

/// A text that is not shown where what is around it is.
#[derive(Clone, PartialEq, Eq)]
pub struct Hidden(String);

impl<'de> Deserialize<'de> for Hidden {
    /// Repeats nothing of what it doesn't understand.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Hidden, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => Ok(Hidden(text)),
            _ => Err(D::Error::custom("a password is a text; put it in quotes")),
        }
    }
}

impl From<&str> for Hidden {
    fn from(text: &str) -> Hidden {
        Hidden(text.to_owned())
    }
}

impl Deref for Hidden {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hidden(…)")
    }
}

/// The error that `value` is not a `what`; `what` also shows how to write one.
pub fn not_a<E: Error>(value: &Value, what: &str) -> E {
    match value.as_str() {
        Some(text) => E::custom(format!("`{text}` is not a {what}")),
        None => E::custom(format!("`{value}` is not a {what}")),
    }
}

/// The nearest of `known` to `word`, if any is near enough to be meant.
pub fn closest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = known.into_iter().map(|each| (strsim::damerau_levenshtein(word, each), each));
    near.filter(|(distance, each)| *distance <= each.len() / 3).min().map(|(_, each)| each)
}
