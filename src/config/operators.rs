//! Operators, an entry each of `chat.operators`, and their classes, which give them rights, an entry
//! each of the section `[operator_classes]`.

use super::closest;
use crate::auth::verifier::Verifier;
use crate::chat::{self, OperatorClass, Proof, Right};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt;
use toml::{Table, Value};

/// An entry of `chat.operators`.
#[derive(Clone, Debug, PartialEq)]
pub struct Operator {
    /// As OPER is given it.
    pub name: String,
    /// How they prove that they are it.
    pub proof: Proof,
    /// The name of a class; without one they may do nothing.
    pub class: Option<String>,
}

/// As it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: Option<String>,
    #[serde(default, deserialize_with = "verifier")]
    password: Option<Verifier>,
    account: Option<String>,
    class: Option<String>,
}

/// A value of `[operator_classes]`. Each key is explained in the default file.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Class {
    pub title: Option<String>,
    #[serde(deserialize_with = "rights")]
    pub rights: Vec<Right>,
    pub commands: Vec<String>,
}

/// The section, by the names of the classes.
pub type Classes = BTreeMap<String, Class>;

/// What a line of WHOIS has room for, and a name that one types.
const TITLE_MAX_BYTES: usize = 63;

/// Both of a section that holds what is valid in itself.
pub(super) fn validate(
    classes: &Classes,
    operators: &[Operator],
    commands: &super::Commands,
) -> Result<(), String> {
    for (name, class) in classes {
        let title = class.title.as_deref().unwrap_or_default();
        if title.len() > TITLE_MAX_BYTES || title.contains(char::is_control) {
            return Err(format!(
                "operator_classes.{name}.title must be at most {TITLE_MAX_BYTES} bytes without \
                 control characters"
            ));
        }
        for command in &class.commands {
            known(command, commands.keys()).map_err(|hint| {
                format!("operator_classes.{name}.commands: unknown command `{command}`{hint}")
            })?;
        }
    }
    for Operator { name, class, .. } in operators {
        let Some(class) = class else { continue };
        known(class, classes.keys()).map_err(|hint| {
            format!("chat.operators: `{name}` is of an unknown class `{class}`{hint}")
        })?;
    }
    Ok(())
}

/// Whether `word` is one of `all`; if not, what may have been meant.
fn known<'a>(word: &str, all: impl Iterator<Item = &'a String> + Clone) -> Result<(), String> {
    if all.clone().any(|each| each == word) {
        return Ok(());
    }
    match closest(word, all.clone().map(String::as_str)) {
        Some(meant) => Err(format!(", did you mean `{meant}`?")),
        None if all.clone().next().is_none() => Err("; none is configured".to_owned()),
        None => {
            let all: Vec<&str> = all.map(String::as_str).collect();
            Err(format!("; known are {}", all.join(", ")))
        }
    }
}

/// Each operator with what they may do.
pub(super) fn settled(operators: &[Operator], classes: &Classes) -> Vec<chat::Operator> {
    let settled = |operator: &Operator| {
        let class = operator.class.as_ref().and_then(|name| classes.get_key_value(name));
        let class = class.map(|(name, Class { title, rights, commands })| OperatorClass {
            name: name.clone(),
            title: title.clone(),
            rights: rights.clone(),
            commands: commands.clone(),
        });
        chat::Operator {
            name: operator.name.clone(),
            proof: operator.proof.clone(),
            class: class.unwrap_or_default(),
        }
    };
    operators.iter().map(settled).collect()
}

/// There is no word for all of them: what a later version adds is granted to nobody by that.
fn rights<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Right>, D::Error> {
    let names = Vec::<String>::deserialize(deserializer)?;
    let right = |name: &String| {
        let found = Right::NAMES.iter().find(|(known, _)| known == name);
        found.map(|(_, right)| *right).ok_or_else(|| {
            let known = Right::NAMES.map(|(known, _)| known);
            let hint = match closest(name, known) {
                Some(meant) => format!(", did you mean `{meant}`?"),
                None => format!("; known are {}", known.join(", ")),
            };
            D::Error::custom(format!("unknown right `{name}`{hint}"))
        })
    };
    names.iter().map(right).collect()
}

/// Repeats nothing of what it doesn't understand, as it may be the password itself.
pub(super) fn verifier<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Verifier>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let parsed = value.as_str().ok_or("it is no text").and_then(Verifier::parse);
    parsed.map(Some).map_err(|why| {
        D::Error::custom(format!("not what `stonechatd operator hash` prints: {why}"))
    })
}

/// A table; or one text with a name, a verifier and, if they are to have any right, a class.
impl<'de> Deserialize<'de> for Operator {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Operator, D::Error> {
        deserializer.deserialize_any(TableOrText)
    }
}

struct TableOrText;

impl<'de> Visitor<'de> for TableOrText {
    type Value = Operator;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_str<E: Error>(self, line: &str) -> Result<Operator, E> {
        let mut words = line.split(' ');
        let keys = [("name", words.next()), ("password", words.next().or(Some("")))];
        let keys = keys.into_iter().chain([("class", words.next())]);
        let given = keys.filter_map(|(key, value)| Some((key.to_owned(), Value::from(value?))));
        Table::from_iter(given).try_into().map_err(|e: toml::de::Error| E::custom(e.message()))
    }

    fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<Operator, A::Error> {
        let Entry { name, password, account, class } =
            Entry::deserialize(MapAccessDeserializer::new(table))?;
        let (name, proof) = match (name, password, account) {
            (Some(name), Some(verifier), None) => (name, Proof::Password(verifier)),
            (None, None, Some(account)) => (account, Proof::Account),
            _ => {
                let why = "an operator has a `name` and a `password`, or an `account`";
                return Err(A::Error::custom(why));
            }
        };
        Ok(Operator { name, proof, class })
    }
}
