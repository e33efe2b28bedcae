//! The config file and the variables that overrule it, as one table in which each value knows where
//! it was written; and what is wrong with it, in the words of the person who wrote it.

use super::Config;
use crate::setting::{Problem, Problems, closest};
use serde::Deserialize;
use std::iter;
use std::mem;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeArray, DeString, DeTable, DeValue, Deserializer, Error};

pub(super) struct Document<'a> {
    file: &'a str,
    text: &'a str,
    table: Spanned<DeTable<'a>>,
    variables: Vec<Variable<'a>>,
    /// The entries that could not be read, and were removed.
    wrong: Vec<String>,
    /// What was wrong with them.
    told: Vec<String>,
}

/// Of the environment. Its place is behind the text: see [`Document::put`].
struct Variable<'a> {
    name: &'a str,
    value: &'a str,
    path: Vec<String>,
    /// What was wrong with its value as a text, if it is none; it is then tried as TOML.
    as_text: Option<String>,
}

/// Variables that a container's runtime sets for a service called stonechat: Docker for links,
/// Kubernetes for services.
const OF_CONTAINERS: [&str; 2] = ["NAME", "PORT"];
const OF_CONTAINERS_BEGIN: [&str; 3] = ["PORT_", "SERVICE_", "ENV_"];

impl<'a> Document<'a> {
    /// Reads the file's `text`, or says what is wrong with its syntax.
    pub fn parse(file: &'a str, text: &'a str) -> Result<Document<'a>, Vec<String>> {
        let (table, errors) = DeTable::parse_recoverable(text);
        let source = Document {
            file,
            text,
            table,
            variables: Vec::new(),
            wrong: Vec::new(),
            told: Vec::new(),
        };
        match errors.is_empty() {
            true => Ok(source),
            false => {
                Err(errors.iter().map(|e| source.tell(e.span(), &plain(e.message()))).collect())
            }
        }
    }

    /// Has the variable overrule the file, if it is one of ours.
    pub fn overrule(&mut self, name: &'a str, value: &'a str) {
        let Some(rest) = name.strip_prefix("STONECHAT_") else { return };
        let of_containers = OF_CONTAINERS.contains(&rest)
            || OF_CONTAINERS_BEGIN.iter().any(|beginning| rest.starts_with(beginning));
        if value.is_empty() || of_containers || rest == "CONFIG" {
            return;
        }
        let key = rest.to_lowercase();
        let in_section = |section: &&str| key.starts_with(&(section.replace('.', "_") + "_"));
        let section = sections().filter(in_section).max_by_key(|section| section.len());
        let path = match section {
            Some(section) => {
                let key = key[section.len() + 1..].to_owned();
                section.split('.').map(str::to_owned).chain([key]).collect()
            }
            None => vec![key],
        };
        let text = DeValue::String(value.into());
        self.variables.push(Variable { name, value, path, as_text: None });
        self.put(self.variables.len() - 1, text);
    }

    /// The config, as far as it can be read. Each entry that is wrong is noted, and removed, so that
    /// the rest can be read.
    pub fn read(&mut self) -> Config {
        loop {
            let error = match Config::deserialize(Deserializer::from(self.table.clone())) {
                Ok(config) => return config,
                Err(error) => error,
            };
            if self.is_read_as_toml(&error) {
                continue;
            }
            let span = error.span().unwrap_or_default();
            let path = match self.variable_at(Some(&span)) {
                Some(index) => Some(self.variables[index].path.join(".")),
                None => find(self.table.get_ref(), &span, ""),
            };
            let path = path.unwrap_or_default();
            // An entry may be wrong for want of what was removed from it.
            if !self.wrong.iter().any(|wrong| is_within(wrong, &path)) {
                self.told.push(self.tell_of(&error, &path));
            }
            self.note(&path);
            if path.is_empty() || !remove(self.table.get_mut(), &path) {
                return Config::default();
            }
        }
    }

    /// Notes that the entry of that path is wrong. Of a list it is the list that lacks something then,
    /// as the next entry takes the number.
    fn note(&mut self, path: &str) {
        match path.strip_suffix(']').and_then(|path| path.rsplit_once('[')) {
            Some((list, _)) => {
                self.wrong.retain(|wrong| !is_within(wrong, path));
                self.wrong.push(list.to_owned());
            }
            None => self.wrong.push(path.to_owned()),
        }
    }

    /// All errors, each with its place: entries that could not be read, and those `problems` that do
    /// not come from that.
    pub fn told(self, problems: Problems) -> Vec<String> {
        let (alone, together): (Vec<_>, Vec<_>) =
            problems.into_iter().partition(|problem| problem.with.is_empty());
        let (mut told, mut wrong) = (self.told.clone(), self.wrong.clone());
        for problems in [alone, together] {
            let is_new = |problem: &&Problem| {
                let mut keys = problem.with.iter().chain([&problem.key]);
                keys.all(|key| !wrong.iter().any(|wrong| is_within(wrong, key)))
            };
            let new: Vec<&Problem> = problems.iter().filter(is_new).collect();
            told.extend(new.iter().map(|problem| {
                self.tell(self.place_of(problem), &sentence(&problem.key, &problem.what))
            }));
            wrong.extend(new.iter().map(|problem| problem.key.clone()));
        }
        told
    }

    /// The place of the key, or of one that has a part in the problem, or of the section.
    fn place_of(&self, problem: &Problem) -> Option<Range<usize>> {
        let keys = [&problem.key].into_iter().chain(&problem.with);
        let sections = iter::successors(Some(&*problem.key), |key| Some(key.rsplit_once('.')?.0));
        keys.map(String::as_str).chain(sections).find_map(|key| self.span_of(key))
    }

    fn span_of(&self, key: &str) -> Option<Range<usize>> {
        let (mut table, mut span) = (Some(self.table.get_ref()), None);
        for name in key.split('.') {
            let (name, index) = parts(name);
            let mut value = table?.get(name)?;
            if let Some(index) = index {
                value = value.get_ref().as_array()?.get(index)?;
            }
            span = Some(value.span());
            table = value.get_ref().as_table();
        }
        span
    }

    /// Puts a variable's value where its key says, at a place behind the text.
    fn put(&mut self, index: usize, value: DeValue<'a>) {
        let place = self.text.len() + 1 + index;
        let span = place..place;
        let path = self.variables[index].path.clone();
        let (key, sections) = path.split_last().expect("a key at least");
        let mut table = self.table.get_mut();
        for section in sections {
            let empty = || Spanned::new(span.clone(), DeValue::Table(DeTable::new()));
            let name = Spanned::new(span.clone(), DeString::from(section.clone()));
            let DeValue::Table(inner) = table.entry(name).or_insert_with(empty).get_mut() else {
                return; // the file is wrong there, which is said
            };
            table = inner;
        }
        // Its key is to be found at the same place.
        table.remove(key.as_str());
        let key = Spanned::new(span.clone(), DeString::from(key.clone()));
        let value = moved(value, &span);
        table.insert(key, Spanned::new(span, value));
    }

    fn variable_at(&self, span: Option<&Range<usize>>) -> Option<usize> {
        let index = span?.start.checked_sub(self.text.len() + 1)?;
        (index < self.variables.len()).then_some(index)
    }

    /// Whether the error is of a variable whose value, which is wrong as a text, may be right as TOML.
    fn is_read_as_toml(&mut self, error: &Error) -> bool {
        let Some(index) = self.variable_at(error.span().as_ref()) else { return false };
        let variable = &mut self.variables[index];
        if variable.as_text.is_some() {
            return false;
        }
        variable.as_text = Some(plain(error.message()));
        let Ok(value) = DeValue::parse(variable.value).map(Spanned::into_inner) else {
            return false;
        };
        if value.is_array() || value.is_table() {
            variable.as_text = Some(String::new()); // its own errors are reported instead
        }
        self.put(index, value);
        true
    }

    fn tell_of(&self, error: &Error, path: &str) -> String {
        let span = error.span();
        let variable = self.variable_at(span.as_ref()).map(|index| &self.variables[index]);
        let message = plain(error.message());
        let text = variable.and_then(|variable| variable.as_text.as_ref());
        let text = text.filter(|text| !text.is_empty()).unwrap_or(&message);
        if !text.starts_with("unknown key") {
            let named = variable.is_none().then(|| sentence(path, text));
            return self.tell(span, named.as_ref().unwrap_or(text));
        }
        let (section, key) = path.rsplit_once('.').unwrap_or(("", path));
        let is_elsewhere = |known: &String| {
            known != path
                && known.rsplit('.').next() == Some(key)
                && (section.is_empty() || sections().any(|known| known == section))
        };
        match (keys().find(is_elsewhere), variable) {
            (Some(known), Some(_)) => {
                self.tell(span, &format!("the key is `{known}` now: {}", variable_of(&known)))
            }
            (Some(known), None) => self.tell(span, &format!("`{path}` is `{known}` now")),
            (None, Some(variable)) if variable.path.len() == 1 => unknown(variable.name),
            _ => self.tell(span, text),
        }
    }

    /// `file:line:column: what is wrong`, or `VARIABLE: what is wrong`.
    fn tell(&self, span: Option<Range<usize>>, what: &str) -> String {
        if let Some(index) = self.variable_at(span.as_ref()) {
            return format!("{}: {what}", self.variables[index].name);
        }
        let Some(before) = span.and_then(|span| self.text.get(..span.start)) else {
            let file = if self.file.is_empty() { "the defaults" } else { self.file };
            return format!("{file}: {what}");
        };
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|&c| c != '\n').count() + 1;
        format!("{}:{line}:{column}: {what}", self.file)
    }
}

/// The path of the entry that is at that place, as `proxy.gateways[0].name`.
fn find(table: &DeTable, at: &Range<usize>, section: &str) -> Option<String> {
    table.iter().find_map(|(key, value)| {
        let path = format!("{section}{}", key.get_ref());
        if key.span() == *at { Some(path) } else { find_within(value, at, path) }
    })
}

fn find_within(value: &Spanned<DeValue>, at: &Range<usize>, path: String) -> Option<String> {
    if value.span() == *at {
        return Some(path);
    }
    match value.get_ref() {
        DeValue::Table(table) => find(table, at, &format!("{path}.")),
        DeValue::Array(values) => (0..).zip(values).find_map(|(index, value): (usize, _)| {
            find_within(value, at, format!("{path}[{index}]"))
        }),
        _ => None,
    }
}

/// Removes the entry of that path; false if there is none.
fn remove(table: &mut DeTable, path: &str) -> bool {
    let (name, rest) = match path.split_once('.') {
        Some((name, rest)) => (name, Some(rest)),
        None => (path, None),
    };
    let (key, index) = parts(name);
    if index.is_none() && rest.is_none() {
        return table.remove(key).is_some();
    }
    match (table.get_mut(key).map(Spanned::get_mut), index, rest) {
        (Some(DeValue::Table(inner)), None, Some(rest)) => remove(inner, rest),
        (Some(DeValue::Array(values)), Some(index), Some(rest)) => {
            match values.get_mut(index).map(Spanned::get_mut) {
                Some(DeValue::Table(inner)) => remove(inner, rest),
                _ => false,
            }
        }
        (Some(DeValue::Array(values)), Some(index), None) => {
            let others = mem::replace(values, DeArray::new()).into_iter().enumerate();
            *values = others.filter(|(at, _)| *at != index).map(|(_, value)| value).collect();
            true
        }
        _ => false,
    }
}

/// The name and the index of `name[index]`.
fn parts(name: &str) -> (&str, Option<usize>) {
    let indexed = name.strip_suffix(']').and_then(|name| name.rsplit_once('['));
    match indexed.map(|(name, index)| (name, index.parse())) {
        Some((name, Ok(index))) => (name, Some(index)),
        _ => (name, None),
    }
}

/// Whether `path` is that of `key`, or of an entry in it.
fn is_within(path: &str, key: &str) -> bool {
    path.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// A problem in words, which names the key. The line tells which entry of a list is meant.
fn sentence(key: &str, what: &str) -> String {
    let names: Vec<&str> = key.split('.').map(|name| parts(name).0).collect();
    let link = if ["must ", "has ", "needs ", "is "].iter().any(|verb| what.starts_with(verb)) {
        " "
    } else {
        ": "
    };
    format!("{}{link}{what}", names.join(".").escape_debug())
}

/// The value, with all in it at one place.
fn moved<'a>(value: DeValue<'a>, place: &Range<usize>) -> DeValue<'a> {
    let at_place =
        |value: Spanned<DeValue<'a>>| Spanned::new(place.clone(), moved(value.into_inner(), place));
    match value {
        DeValue::Array(values) => DeValue::Array(values.into_iter().map(at_place).collect()),
        DeValue::Table(table) => {
            let key = |key: Spanned<_>| Spanned::new(place.clone(), key.into_inner());
            let entries = table.into_iter().map(|(name, value)| (key(name), at_place(value)));
            DeValue::Table(entries.collect())
        }
        value => value,
    }
}

/// The sections of the default file.
fn sections() -> impl Iterator<Item = &'static str> {
    Config::DEFAULT_TEXT.lines().filter_map(|line| line.strip_prefix('[')?.strip_suffix(']'))
}

/// Every key of the default file, with its section before it.
fn keys() -> impl Iterator<Item = String> {
    let mut section = String::new();
    Config::DEFAULT_TEXT.lines().filter_map(move |line| {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section = format!("{name}.");
        }
        let (key, _) = line.trim_start_matches('#').split_once(" = ")?;
        let is_key = |key: &str| key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        is_key(key).then(|| format!("{section}{key}"))
    })
}

fn variable_of(key: &str) -> String {
    format!("STONECHAT_{}", key.replace('.', "_").to_uppercase())
}

/// The error for an unknown variable.
fn unknown(name: &str) -> String {
    // Without what all have in common, which would make anything look near.
    let short = |name: &str| name.strip_prefix("STONECHAT_").unwrap_or(name).to_owned();
    let known: Vec<String> =
        keys().map(|key| short(&variable_of(&key))).chain(["CONFIG".to_owned()]).collect();
    match closest(&short(name), known.iter().map(String::as_str)) {
        Some(meant) => format!("unknown variable `{name}`, did you mean `STONECHAT_{meant}`?"),
        None => format!(
            "unknown variable `{name}`: ours are STONECHAT_CONFIG, and STONECHAT_ with a key of the \
             config behind it, its section's name before it, as in STONECHAT_LIMITS_RECVQ_MAX"
        ),
    }
}

/// The parser's message on one line, in terms of keys and without names of types. It lists all keys
/// that it knows, of which the person wants the one that they meant.
fn plain(message: &str) -> String {
    let message = message.trim_end().replace('\n', ", ");
    let mut quoted = message.split('`').skip(1).step_by(2).map(str::trim);
    if message.starts_with("unknown field") {
        let unknown = quoted.next().unwrap_or_default();
        let known: Vec<&str> = quoted.collect();
        return match closest(unknown, known.iter().copied()) {
            Some(meant) => format!("unknown key `{unknown}`, did you mean `{meant}`?"),
            None => format!("unknown key `{unknown}`; known are {}", known.join(", ")),
        };
    }
    if message.starts_with("unknown variant") {
        let given = quoted.next().unwrap_or_default();
        let known: Vec<String> = quoted.map(|known| format!("\"{known}\"")).collect();
        return format!("must be one of {}, not \"{given}\"", known.join(", "));
    }
    let wrong = ["invalid type: ", "invalid value: "];
    let Some(rest) = wrong.iter().find_map(|wrong| message.strip_prefix(wrong)) else {
        return message.replace("missing field", "there must be a key");
    };
    let (given, wanted) = rest.rsplit_once(", expected ").unwrap_or((rest, "another"));
    let wanted = match wanted {
        "a string" | "path string" => "a text in quotes",
        "a boolean" => "true or false",
        "u16" | "u32" | "u64" | "usize" | "i64" => "a whole number, 0 or more and not too large",
        "a sequence" => "a list in [ ]",
        _ => "a section or { }",
    };
    let number = quoted.next().filter(|_| !given.starts_with("string"));
    match number {
        Some(number) => format!("must be {wanted}, not {number}"),
        None if given.starts_with("string") => format!("must be {wanted}, not a text"),
        None => format!("must be {wanted}"),
    }
}
