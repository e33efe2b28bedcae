//! Expected and received lines, compared by meaning: parameters, not colons.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// One line. In an expected line a last parameter `…` matches any text, and `……` any number of
/// parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub tags: BTreeMap<String, String>,
    pub source: String,
    pub command: String,
    pub params: Vec<String>,
}

impl Line {
    pub fn new(source: &str, command: &str, params: &[&str]) -> Line {
        let params = params.iter().map(|param| param.to_string()).collect();
        let line =
            Line { tags: BTreeMap::new(), source: source.into(), command: command.into(), params };
        line.sorted()
    }

    pub fn parse(text: &str) -> Line {
        let mut tags = BTreeMap::new();
        let mut rest = text;
        if let Some(tagged) = rest.strip_prefix('@') {
            let (all, after) = tagged.split_once(' ').expect("a message after the tags");
            rest = after;
            for tag in all.split(';') {
                let (key, value) = tag.split_once('=').unwrap_or((tag, ""));
                assert!(tags.insert(key.into(), value.into()).is_none(), "twice {key}: {text}");
            }
        }
        let mut source = "";
        if let Some(sourced) = rest.strip_prefix(':') {
            (source, rest) = sourced.split_once(' ').expect("a command after the source");
        }
        let (middles, last) = match rest.split_once(" :") {
            Some((middles, last)) => (middles, Some(last)),
            None => (rest, None),
        };
        let mut words = middles.split(' ');
        let command = words.next().expect("splitting gives one at least");
        let params: Vec<&str> = words.chain(last).collect();
        Line { tags, ..Line::new(source, command, &params) }
    }

    /// Sorts the entries of lists that may come in any order.
    fn sorted(mut self) -> Line {
        let between = match &*self.command {
            "303" | "319" | "353" => " ",
            "730" | "731" | "732" => ",",
            "CAP" if self.params.get(1).is_some_and(|sub| sub == "LIST") => " ",
            _ => return self,
        };
        if let Some(list) = self.params.last_mut() {
            let mut words: Vec<&str> = list.split(between).collect();
            words.sort();
            *list = words.join(between);
        }
        self
    }

    pub fn tagged(mut self, key: &str, value: &str) -> Line {
        self.tags.insert(key.into(), value.into());
        self
    }

    /// Whether `heard` matches this expected line.
    pub fn is(&self, heard: &Line) -> bool {
        let same =
            self.tags == heard.tags && self.source == heard.source && self.command == heard.command;
        same && match self.params.split_last() {
            Some((last, before)) if last == "……" => heard.params.starts_with(before),
            Some((last, before)) if last == "…" => {
                heard.params.len() == self.params.len() && heard.params.starts_with(before)
            }
            _ => self.params == heard.params,
        }
    }
}

/// Prints the notation of the transcripts, as the server would probably write it.
impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tag = |(key, value): (&String, &String)| match &**value {
            "" => key.clone(),
            value => format!("{key}={value}"),
        };
        if !self.tags.is_empty() {
            let tags: Vec<String> = self.tags.iter().map(tag).collect();
            write!(f, "@{} ", tags.join(";"))?;
        }
        if !self.source.is_empty() {
            write!(f, ":{} ", self.source)?;
        }
        write!(f, "{}", words(&self.command, &self.params))
    }
}

/// Command and parameters, the last with a colon if it needs one.
pub fn words(command: &str, params: &[String]) -> String {
    let mut text = command.to_owned();
    for (n, param) in params.iter().enumerate() {
        let colon = param.is_empty() || param.contains(' ') || param.starts_with(':');
        assert!(!colon || n + 1 == params.len(), "{param:?} must be last: {params:?}");
        text += if colon { " :" } else { " " };
        text += param;
    }
    text
}

/// Renames the batch in the answer to one command to `B`.
pub fn name_batch(lines: &mut [Line]) {
    let mut names = BTreeSet::new();
    for line in lines {
        if let Some(name) = line.tags.get_mut("batch") {
            names.insert(std::mem::replace(name, "B".into()));
        }
        if line.command == "BATCH" {
            let (sign, name) = line.params[0].split_at(1);
            let called = format!("{sign}B");
            names.insert(name.to_owned());
            line.params[0] = called;
        }
    }
    assert!(names.len() <= 1, "one command is answered in several batches: {names:?}");
}
