//! The names and texts of `[chat]`: how they are written, and what is wrong with them.

use super::limits::NAME_MAX_BYTES;
use crate::setting::{self, Hidden};
use serde::de::{Deserialize, Deserializer, Error};

/// Letters that `user_modes` may have.
pub const USER_MODES: &str = "BRTiw";

/// What a line of IRC has room for beside the longest server's name, the longest nick and a numeric.
const TEXT_MAX_BYTES: usize = 400;

const MOTD_LINES_MAX: usize = 500;

/// ISUPPORT has it in one word, beside `are supported by this server`.
const ICON_MAX_BYTES: usize = 300;

pub(super) type Wrong = Result<(), String>;

pub(super) fn name(name: &str) -> Wrong {
    let fits = (1..=NAME_MAX_BYTES).contains(&name.len());
    if fits && !name.starts_with(':') && !name.contains(unspeakable) {
        return Ok(());
    }
    Err(format!(
        "must be one word of at most {NAME_MAX_BYTES} bytes that does not begin with a colon, not `{}`",
        name.escape_debug()
    ))
}

pub(super) fn one_line(text: &str) -> Wrong {
    line(1, text)
}

pub(super) fn lines(lines: &[String]) -> Wrong {
    (1..).zip(lines).try_for_each(|(number, text)| line(number, text))
}

pub(super) fn motd(motd: &[String]) -> Wrong {
    if motd.len() > MOTD_LINES_MAX {
        return Err(format!("must have at most {MOTD_LINES_MAX} lines"));
    }
    lines(motd)
}

fn line(number: usize, text: &str) -> Wrong {
    let length = text.len();
    if length > TEXT_MAX_BYTES {
        return Err(format!(
            "line {number} must have at most {TEXT_MAX_BYTES} bytes, not {length}; break it"
        ));
    }
    match text.contains(['\r', '\n', '\0']) {
        true => Err(format!("line {number} must be without \\r, \\n and \\0 in it")),
        false => Ok(()),
    }
}

pub(super) fn user_modes(modes: &str) -> Wrong {
    let Some(letter) = modes.chars().find(|letter| !USER_MODES.contains(*letter)) else {
        return Ok(());
    };
    Err(format!(
        "has `{letter}`, which is not a mode that newcomers may have; there are {USER_MODES}"
    ))
}

pub(super) fn password(password: &Option<Hidden>) -> Wrong {
    let Some(password) = password else { return Ok(()) };
    if password.is_empty() {
        return Err("must not be empty; leave it out to ask for none".to_owned());
    }
    match password.len() > TEXT_MAX_BYTES || password.contains(char::is_control) {
        true => Err(format!("must be at most {TEXT_MAX_BYTES} bytes without control characters")),
        false => Ok(()),
    }
}

pub(super) fn icon(icon: &Option<String>) -> Wrong {
    let Some(icon) = icon else { return Ok(()) };
    let place = icon.strip_prefix("https://").or_else(|| icon.strip_prefix("http://"));
    if place.is_some_and(|place| !place.is_empty() && !place.contains(unspeakable))
        && icon.len() <= ICON_MAX_BYTES
    {
        return Ok(());
    }
    Err(format!(
        "must be a URL of at most {ICON_MAX_BYTES} bytes, as https://example.org/icon.png, not `{}`",
        icon.escape_debug()
    ))
}

fn unspeakable(c: char) -> bool {
    c.is_whitespace() || c.is_control()
}

/// Letters, with or without a `+` before them.
pub(super) fn modes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    String::deserialize(deserializer).map(|modes| modes.trim_start_matches('+').to_owned())
}

/// Up to three lines.
pub(super) fn admin<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[String; 3], D::Error> {
    let mut lines: Vec<String> = setting::lines(deserializer)?;
    if lines.len() < 3 {
        lines.resize_with(3, String::new);
    }
    lines.try_into().map_err(|_| D::Error::custom("must have at most 3 lines"))
}
