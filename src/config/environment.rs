//! Variables of the environment, as they stand in for keys of the config file.

use toml::value::Array;
use toml::{Table, Value};

/// A section's keys have its name before theirs.
const SECTIONS: [&str; 7] = ["abuse", "accounts", "chat", "history", "limits", "proxy", "tls"];

/// Has `table`, a config file that was read before, say what the variable `name` says; tells whether
/// it is one of ours. Whether there is such a key in a section is for the reader of the table.
pub(super) fn overrule(table: &mut Table, name: &str, value: &str) -> bool {
    let Some(name) = name.strip_prefix("STONECHAT_").map(str::to_lowercase) else { return false };
    let in_section = |section| Some((section, name.strip_prefix(section)?.strip_prefix('_')?));
    let (table, section, key) = match SECTIONS.into_iter().find_map(in_section) {
        Some((section, key)) => {
            let table = table.entry(section).or_insert_with(|| Table::new().into());
            (table.as_table_mut().expect("it was read before"), Some(section), key)
        }
        None => (table, None, &*name),
    };
    let Some(value) = value_of(section, key, value) else { return false };
    table.insert(key.to_owned(), value);
    true
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
