//! Operators, and their classes, which give them rights.

use super::program::Commands;
use super::texts::name as check_name;
use crate::auth::verifier::Verifier;
use crate::chat::state::right::Right;
use crate::setting::{self, Problem, Problems, settings};
use crate::wire::casemap::same;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt;
use toml::{Table, Value};

/// A user who may become an operator: an entry of `chat.operators`.
#[derive(Clone, Debug, PartialEq)]
pub struct Operator {
    /// The name given to OPER; with [`Proof::Account`] also that of the account.
    pub name: String,
    /// The proof of their identity.
    pub proof: Proof,
    /// Their class. As it is read it has a name and no right: see [`Operator::settled`].
    pub class: OperatorClass,
}

/// The proof of an operator's identity.
#[derive(Clone, Debug, PartialEq)]
pub enum Proof {
    /// A password; its verifier comes from `stonechatd operator hash`.
    Password(Verifier),
    /// A login to the account of that name.
    Account,
}

settings! {
    /// The rights of a class of operators: by default none.
    pub struct OperatorClass {
        values {
            /// The name in the config; empty for operators without a class.
            #[serde(skip)]
            name: String = String::new();
            /// The title in WHOIS.
            title: Option<String> = None => check_title;
            /// The rights. There is no word for all of them: what a later version adds is granted to
            /// nobody by that.
            rights: Vec<Right> = Vec::new();
            /// The programs they may run, by name.
            commands: Vec<String> = Vec::new();
        }
    }
}

/// Classes by name: the config's `[operator_classes]`.
pub type Classes = BTreeMap<String, OperatorClass>;

/// What a line of WHOIS has room for, and a name that one types.
const TITLE_MAX_BYTES: usize = 63;

impl Operator {
    /// The operator with the class of that name, if it is one of `classes`.
    pub fn settled(&self, classes: &Classes) -> Operator {
        let OperatorClass { name, .. } = &self.class;
        let class =
            classes.get(name).map(|class| OperatorClass { name: name.clone(), ..class.clone() });
        Operator { class: class.unwrap_or_default(), ..self.clone() }
    }
}

/// Reports titles that do not fit, and programs that `commands` does not have. `operators` are of
/// one of the classes, or of none.
pub fn check_classes(
    classes: &Classes,
    operators: &[Operator],
    commands: &Commands,
    problems: &mut Problems,
) {
    for (name, class) in classes {
        let section = format!("operator_classes.{name}");
        class.check_values(&section, problems);
        for command in class.commands.iter().filter(|name| !commands.contains_key(*name)) {
            let what = setting::unknown("command", command, commands.keys().map(String::as_str));
            let problem = Problem::at(format!("{section}.commands"), what);
            problems.push(problem.with([format!("commands.{command}")]));
        }
    }
    for (index, Operator { name, class, .. }) in operators.iter().enumerate() {
        if !class.name.is_empty() && !classes.contains_key(&class.name) {
            let what = setting::unknown("class", &class.name, classes.keys().map(String::as_str));
            let key = format!("chat.operators[{index}].class");
            let problem = Problem::at(key, format!("`{name}` is of an {what}"));
            problems.push(problem.with([format!("operator_classes.{}", class.name)]));
        }
    }
}

/// Reports names that cannot be given to OPER, and those that are there twice.
pub(super) fn check(operators: &[Operator], section: &str, problems: &mut Problems) {
    for (index, Operator { name, .. }) in operators.iter().enumerate() {
        let key = format!("{section}[{index}]");
        if let Err(what) = check_name(name) {
            problems.push(Problem::at(key + ".name", what));
        } else if operators[..index].iter().any(|other| same(&other.name, name)) {
            problems.push(Problem::at(key, format!("has two of the name `{name}`; rename one")));
        }
    }
}

fn check_title(title: &Option<String>) -> Result<(), String> {
    match title {
        Some(title) if title.len() > TITLE_MAX_BYTES || title.contains(char::is_control) => {
            Err(format!("must be at most {TITLE_MAX_BYTES} bytes without control characters"))
        }
        _ => Ok(()),
    }
}

impl<'de> Deserialize<'de> for Right {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Right, D::Error> {
        setting::text(deserializer, |text| {
            let found = Right::NAMES.iter().find(|(name, _)| *name == text);
            let known = Right::NAMES.map(|(name, _)| name);
            found.map(|(_, right)| *right).ok_or_else(|| setting::unknown("right", text, known))
        })
    }
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

/// An operator as a table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: Option<String>,
    #[serde(default, deserialize_with = "verifier")]
    password: Option<Verifier>,
    account: Option<String>,
    class: Option<String>,
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
        let class = OperatorClass { name: class.unwrap_or_default(), ..OperatorClass::default() };
        Ok(Operator { name, proof, class })
    }
}
