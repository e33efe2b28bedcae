//! The section `[chat]`: names, texts, and who may become an operator.

use super::operators::Operator;
use crate::chat::{Limits, NAME_MAX_BYTES, Settings, USER_MODES};
use crate::setting::lines;
use crate::wire::casemap::same;
use serde::Deserialize;
use std::array;
use std::fmt;
use toml::Value;

/// The section. Each key is explained in the default file.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Chat {
    pub server_name: String,
    pub network: String,
    pub description: String,
    pub user_modes: String,
    pub password: Option<Secret>,
    pub motd: String,
    #[serde(deserialize_with = "lines")]
    pub admin: Vec<String>,
    pub icon: Option<String>,
    #[serde(deserialize_with = "lines")]
    pub operators: Vec<Operator>,
    pub limits: Limits,
}

/// A text that is not shown where what is around it is.
#[derive(Clone, PartialEq, Deserialize)]
#[serde(try_from = "Value")]
pub struct Secret(String);

/// What a line of IRC has room for beside the longest server's name, the longest nick and a numeric.
const TEXT_MAX_BYTES: usize = 400;

const MOTD_LINES_MAX: usize = 500;

const ADMIN_LINES_MAX: usize = 3;

/// ISUPPORT says it in one word, beside `are supported by this server`.
const ICON_MAX_BYTES: usize = 300;

impl Chat {
    /// All but what other sections say.
    pub(super) fn settings(&self) -> Settings {
        let mut admin = self.admin.iter().cloned();
        Settings {
            server_name: self.server_name.clone(),
            network: self.network.clone(),
            description: self.description.clone(),
            user_modes: self.user_modes.trim_start_matches('+').to_owned(),
            password: self.password.as_ref().map(|Secret(password)| password.clone()),
            motd: self.motd.lines().map(str::to_owned).collect(),
            admin: array::from_fn(|_| admin.next().unwrap_or_default()),
            icon: self.icon.clone(),
            limits: self.limits.clone(),
            ..Settings::default()
        }
    }

    pub(super) fn validate(&self) -> Result<(), String> {
        check_name("server_name", &self.server_name)?;
        check_name("network", &self.network)?;
        check_lines("description", [&*self.description].into_iter(), 1)?;
        let unknown = |letter: &char| !USER_MODES.contains(*letter);
        if let Some(letter) = self.user_modes.trim_start_matches('+').chars().find(unknown) {
            return Err(format!(
                "chat.user_modes has `{letter}`, which is not a mode that newcomers may have; there \
                 are {USER_MODES}"
            ));
        }
        if let Some(Secret(password)) = &self.password {
            check_password(password)?;
        }
        check_lines("motd", self.motd.lines(), MOTD_LINES_MAX)?;
        check_lines("admin", self.admin.iter().map(String::as_str), ADMIN_LINES_MAX)?;
        self.icon.as_deref().map_or(Ok(()), check_icon)?;
        for (index, Operator { name, .. }) in self.operators.iter().enumerate() {
            check_name("operators.name", name)?;
            if self.operators[..index].iter().any(|other| same(&other.name, name)) {
                return Err(format!("chat.operators has two of the name `{name}`; rename one"));
            }
        }
        Ok(())
    }
}

fn check_name(key: &str, name: &str) -> Result<(), String> {
    let unspeakable = |c: char| c.is_whitespace() || c.is_control();
    let fits = (1..=NAME_MAX_BYTES).contains(&name.len());
    if fits && !name.starts_with(':') && !name.contains(unspeakable) {
        return Ok(());
    }
    Err(format!(
        "chat.{key} must be one word of at most {NAME_MAX_BYTES} bytes that does not begin with a \
         colon, not `{}`",
        name.escape_debug()
    ))
}

fn check_password(password: &str) -> Result<(), String> {
    if password.is_empty() {
        return Err("chat.password must not be empty; leave it out to ask for none".to_owned());
    }
    if password.len() > TEXT_MAX_BYTES || password.contains(char::is_control) {
        return Err(format!(
            "chat.password must be at most {TEXT_MAX_BYTES} bytes without control characters"
        ));
    }
    Ok(())
}

fn check_lines<'a>(
    key: &str,
    lines: impl Iterator<Item = &'a str>,
    lines_max: usize,
) -> Result<(), String> {
    for (index, line) in lines.enumerate() {
        let number = index + 1;
        if number > lines_max {
            return Err(format!("chat.{key} must have at most {lines_max} lines"));
        }
        if line.len() > TEXT_MAX_BYTES {
            return Err(format!(
                "chat.{key}: line {number} must have at most {TEXT_MAX_BYTES} bytes, not {}; break it",
                line.len()
            ));
        }
        if line.contains(['\r', '\n', '\0']) {
            return Err(format!(
                "chat.{key}: line {number} must be without \\r, \\n and \\0 in it"
            ));
        }
    }
    Ok(())
}

fn check_icon(icon: &str) -> Result<(), String> {
    let place = icon.strip_prefix("https://").or_else(|| icon.strip_prefix("http://"));
    let unspeakable = |c: char| c.is_whitespace() || c.is_control();
    if place.is_some_and(|place| !place.is_empty() && !place.contains(unspeakable))
        && icon.len() <= ICON_MAX_BYTES
    {
        return Ok(());
    }
    Err(format!(
        "chat.icon must be a URL of at most {ICON_MAX_BYTES} bytes, as https://example.org/icon.png, \
         not `{}`",
        icon.escape_debug()
    ))
}

impl TryFrom<Value> for Secret {
    type Error = &'static str;

    fn try_from(value: Value) -> Result<Secret, &'static str> {
        match value {
            Value::String(text) => Ok(Secret(text)),
            _ => Err("a password is a text; put it in quotes"),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Default for Chat {
    fn default() -> Chat {
        let Settings { server_name, network, motd, .. } = Settings::default();
        Chat {
            server_name,
            network,
            description: String::new(),
            user_modes: String::new(),
            password: None,
            motd: motd.join("\n"),
            admin: Vec::new(),
            icon: None,
            operators: Vec::new(),
            limits: Limits::default(),
        }
    }
}
