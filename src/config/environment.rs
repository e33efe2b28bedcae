//! Variables of the environment, as they stand in for keys of the config file.

use super::{Config, closest};
use toml::value::Array;
use toml::{Table, Value};

/// A section's keys have its name before theirs.
const SECTIONS: [&str; 7] = ["abuse", "accounts", "chat", "history", "limits", "proxy", "tls"];

/// Variables that a container's runtime sets for a service called stonechat: Docker for links,
/// Kubernetes for services.
const OF_CONTAINERS: [&str; 2] = ["NAME", "PORT"];
const OF_CONTAINERS_BEGIN: [&str; 3] = ["PORT_", "SERVICE_", "ENV_"];

/// Has `table`, a config file that was read before, say what the variable `name` says; tells whether
/// it is one of ours. Whether there is such a key in a section is for the reader of the table. A name
/// that looks like one of ours and is none is an error, as a key of the file would be.
pub(super) fn overrule(table: &mut Table, name: &str, value: &str) -> Result<bool, String> {
    let Some(rest) = name.strip_prefix("STONECHAT_") else { return Ok(false) };
    let of_containers = OF_CONTAINERS.contains(&rest)
        || OF_CONTAINERS_BEGIN.iter().any(|beginning| rest.starts_with(beginning));
    if of_containers || rest == "CONFIG" {
        return Ok(false);
    }
    let key = rest.to_lowercase();
    let in_section = |section| Some((section, key.strip_prefix(section)?.strip_prefix('_')?));
    let (table, section, key) = match SECTIONS.into_iter().find_map(in_section) {
        Some((section, key)) => {
            let table = table.entry(section).or_insert_with(|| Table::new().into());
            (table.as_table_mut().expect("it was read before"), Some(section), key)
        }
        None => (table, None, &*key),
    };
    let Some(value) = value_of(section, key, value) else { return Err(unknown(name)) };
    table.insert(key.to_owned(), value);
    Ok(true)
}

/// What is said of a variable that there is not.
fn unknown(name: &str) -> String {
    let known = known();
    if known.iter().any(|known| known == name) {
        return format!("{name}: this key has parts of its own; write it in the config file");
    }
    // Without what all have in common, which would make anything look near.
    let short = |name: &str| name.strip_prefix("STONECHAT_").unwrap_or(name).to_owned();
    let names: Vec<String> = known.iter().map(|name| short(name)).collect();
    let meant = closest(&short(name), names.iter().map(String::as_str));
    match meant.map(|meant| format!("STONECHAT_{meant}")) {
        Some(meant) => format!("unknown variable `{name}`, did you mean `{meant}`?"),
        None => format!(
            "unknown variable `{name}`: ours are STONECHAT_CONFIG, and STONECHAT_ with a key of the \
             config behind it, its section's name before it, as in STONECHAT_LIMITS_LINE_MAX"
        ),
    }
}

/// Every variable that a key of the config has, by the default file.
fn known() -> Vec<String> {
    let mut known = vec!["STONECHAT_CONFIG".to_owned()];
    let mut section = String::new();
    for line in Config::DEFAULT_TEXT.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section = format!("{name}_");
        }
        let key = line.trim_start_matches('#').split(" = ").next().unwrap_or_default();
        let is_key = key.starts_with(|c: char| c.is_ascii_lowercase())
            && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        if is_key && line.contains(" = ") {
            known.push(format!("STONECHAT_{section}{key}").to_uppercase());
        }
    }
    known
}

/// The value of a key; `None` if there is no such key beside the sections.
fn value_of(section: Option<&str>, key: &str, value: &str) -> Option<Value> {
    let text = || Value::from(value);
    Some(match (section, key) {
        (None, "listen") => {
            value.split(',').map(|url| Value::from(url.trim())).collect::<Array>().into()
        }
        (None, "data" | "log" | "shutdown_timeout") => text(),
        (None, "reuse_port") => value.parse().map_or_else(|_| text(), Value::Boolean),
        (None, _) => return None,
        (Some("chat"), "admin") => value.lines().map(Value::from).collect::<Array>().into(),
        (Some("chat"), "operators") => value.lines().map(operator).collect::<Array>().into(),
        (Some("history"), "channels")
        | (Some("proxy"), "gateways")
        | (Some("tls"), "certificates") => return None, // tables don't fit into a variable
        (Some("chat"), _) => text(),
        (Some("abuse"), "exempt") | (Some("proxy"), "trusted") => value
            .split([',', ' '])
            .filter(|network| !network.is_empty())
            .map(Value::from)
            .collect::<Array>()
            .into(),
        (Some("abuse"), "cloak")
        | (Some("history"), "enabled")
        | (Some("accounts"), "before_connect" | "login_required") => {
            value.parse().map_or_else(|_| text(), Value::Boolean)
        }
        (Some(_), _) => value.parse().map_or_else(|_| text(), Value::Integer),
    })
}

/// A line with a name, a verifier and, if they are to have any right, a class.
fn operator(line: &str) -> Value {
    let mut words = line.split(' ');
    let keys = [("name", words.next()), ("password", words.next().or(Some("")))];
    let keys = keys.into_iter().chain([("class", words.next())]);
    let given = keys.filter_map(|(key, value)| Some((key.to_owned(), Value::from(value?))));
    Table::from_iter(given).into()
}
