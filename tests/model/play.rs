//! Plays a script to server and model at once, and compares the output.

use crate::history::ANSWER_MAX;
use crate::line::{Line, name_batch, words};
use crate::model::{self, Client, Model, Told, Typed};
use crate::script::{ACTORS, By, Step};
use crate::stage::{Stage, settings};
use crate::views::View;
use crate::world::disk::State;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use proptest::test_runner::TestCaseError;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;
use stonechat::chat::{Limits, Settings};

/// Plays `steps`; at the end everyone asks for the members and the history of their channels.
pub fn play(steps: &[Step]) -> Result<(), TestCaseError> {
    let mut play = Play::new();
    let played = steps.iter().try_for_each(|step| play.step(step));
    let played = played.and_then(|()| play.ask_for_names()).and_then(|()| play.read_all());
    played.map_err(|why| {
        let transcript = play.transcript.join("\n        ");
        TestCaseError::fail(format!("\n        {transcript}\n\n{why}\n"))
    })
}

struct Play {
    stage: Stage,
    model: Model,
    views: BTreeMap<String, View>,
    /// The names of messages in the transcript, by the model's ids.
    ids: BTreeMap<String, String>,
    labels: usize,
    /// The number of passwords given so far.
    passwords: usize,
    /// The reply to the last input.
    answer: Vec<Line>,
    transcript: Vec<String>,
}

/// More at once would have to wait: an account allows thirty.
const PASSWORDS_MAX: usize = 12;

/// Removes the time in the text of history for clients without `server-time`: the model knows no
/// times.
fn untimed(line: &str) -> String {
    let Some((front, timed)) = line.split_once("[2026-01-01 ") else { return line.to_owned() };
    let text = timed.split_once(" UTC] ").map_or(timed, |(_, text)| text);
    // The server writes a colon where the text needs one.
    match front.strip_suffix(':') {
        Some(front) if !text.contains(' ') && !text.starts_with(':') && !text.is_empty() => {
            format!("{front}{text}")
        }
        _ => format!("{front}{text}"),
    }
}

fn small() -> Settings {
    let day = Duration::from_secs(86_400);
    let limits = Limits {
        ping_interval: day,
        handshake_timeout: day,
        channels_per_user: model::CHANNELS_MAX,
        targets_max: model::TARGETS_MAX,
        list_entries_max: model::LIST_MAX,
        monitor_max: model::MONITOR_MAX,
        invites_max: model::INVITES_MAX,
        accept_max: model::ACCEPT_MAX,
        ..Limits::default()
    };
    let mut settings = Settings { limits, ..settings() };
    settings.history.answer_max = ANSWER_MAX as u16;
    settings
}

impl Play {
    fn new() -> Play {
        let mut stage = Stage::new(small());
        // The model does not know which events have an id.
        stage.tells_ids_of_events = false;
        Play {
            stage,
            model: Model::new(1_767_225_600),
            views: BTreeMap::new(),
            ids: BTreeMap::new(),
            labels: 0,
            passwords: 0,
            answer: Vec::new(),
            transcript: Vec::new(),
        }
    }

    fn step(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Connect { who, caps, nick } => self.connect(ACTORS[*who], caps, nick),
            Step::Type { who, by, label, tag, words } => {
                let words: Vec<String> = words.iter().map(|word| self.with_nicks(word)).collect();
                let who = self.who_types(*who, *by, &words);
                let is_about_passwords = words.iter().any(|word| word.contains("secret"));
                if !self.model.conns.contains_key(who)
                    || is_about_passwords && !self.may_try_password()
                {
                    return Ok(());
                }
                self.labels += 1;
                let label = label.then(|| format!("l{}", self.labels));
                let tag = tag.then(|| ("+draft/reply".to_owned(), "x".to_owned()));
                self.types(who, Typed { label, tag, words })
            }
            Step::Redact { who, own, back, why } => self.redact(*who, *own, *back, *why),
            Step::LogIn { who, account, wrong } => {
                let Some(name) = self.some_account(*account) else { return Ok(()) };
                match self.model.conns.contains_key(ACTORS[*who]) {
                    true => self.log_in(ACTORS[*who], &name, *wrong),
                    false => Ok(()),
                }
            }
            Step::Fill(full) => {
                self.transcript.push(format!("disk {}", if *full { "full" } else { "well" }));
                self.model.full = *full;
                let state = if *full { State::Full } else { State::Well };
                self.watched(|stage| stage.disk(state))
            }
            Step::Join { who, account } => self.speak_for(ACTORS[*who], *account),
            Step::HalfClose(who) | Step::CutOff(who) => {
                let who = ACTORS[*who];
                if !self.model.conns.contains_key(who) {
                    return Ok(());
                }
                let (sign, why) = match step {
                    Step::CutOff(_) => ("/", "reset"),
                    _ => (".", "hangup"),
                };
                self.transcript.push(format!("{who}{sign}"));
                self.model.leave(who, why);
                self.watched(|stage| match sign {
                    "/" => stage.cut_off(who),
                    _ => stage.half_close(who),
                })
            }
            Step::Pass(seconds) => {
                self.transcript.push(format!("+{seconds}s"));
                self.model.now += seconds;
                self.watched(|stage| stage.pass(*seconds))
            }
        }
    }

    /// Connects and registers, as far as that is still to do.
    fn connect(&mut self, who: &str, caps: &[&str], nick: &str) -> Result<(), String> {
        let nick = self.with_nicks(nick);
        if !self.model.conns.contains_key(who) {
            self.comes(who);
            if !caps.is_empty() {
                self.types_words(who, &["CAP", "REQ", &caps.join(" ")])?;
            }
            self.types_words(who, &["NICK", &nick])?;
            let realname = format!("{} real", who.to_uppercase());
            self.types_words(who, &["USER", who, "0", "*", &realname])?;
            if caps.is_empty() { Ok(()) } else { self.types_words(who, &["CAP", "END"]) }
        } else if self.model.speaker(who).is_none() {
            self.types_words(who, &["NICK", &nick])
        } else {
            Ok(())
        }
    }

    fn comes(&mut self, who: &str) {
        self.model.connect(who);
        self.views.insert(who.into(), View::default());
    }

    fn some_account(&self, nth: usize) -> Option<String> {
        let all: Vec<&str> = self.model.accounts.values().map(|each| &*each.name).collect();
        (!all.is_empty()).then(|| all[nth % all.len()].to_owned())
    }

    fn may_try_password(&mut self) -> bool {
        self.passwords += 1;
        self.passwords <= PASSWORDS_MAX
    }

    fn log_in(&mut self, who: &str, account: &str, wrong: bool) -> Result<(), String> {
        if !self.may_try_password() {
            return Ok(());
        }
        let password = if wrong { "wrong" } else { "secret" };
        self.types_words(who, &["AUTHENTICATE", "PLAIN"])?;
        let payload = BASE64.encode(format!("\0{account}\0{password}"));
        self.types_words(who, &["AUTHENTICATE", &payload])
    }

    /// Joins the client that is logged in to the account, or takes its own nick.
    fn speak_for(&mut self, who: &str, account: usize) -> Result<(), String> {
        let account = self.some_account(account);
        let Some(account) = account.filter(|_| !self.model.conns.contains_key(who)) else {
            return Ok(());
        };
        let is_of = |client: &&Client| client.account.as_ref() == Some(&account);
        let mut all = self.model.clients.values().filter(is_of);
        let nick = all.find(|client| client.registered).map_or(&account, |client| &client.nick);
        let nick = nick.clone();
        self.comes(who);
        self.types_words(who, &["CAP", "REQ", "sasl message-tags draft/chathistory"])?;
        self.log_in(who, &account, false)?;
        self.types_words(who, &["NICK", &nick])?;
        self.types_words(who, &["USER", who, "0", "*", "Another"])?;
        self.types_words(who, &["CAP", "END"])
    }

    fn ask_for_names(&mut self) -> Result<(), String> {
        for who in ACTORS {
            if let Some(speaker) = self.model.speaker(who).map(str::to_owned) {
                self.types_words(who, &["CAP", "REQ", "multi-prefix"])?;
                for channel in self.model.channels_of(&speaker) {
                    self.types_words(who, &["NAMES", &channel])?;
                }
            }
        }
        Ok(())
    }

    /// A member reads each channel page by page, from the newest message to the oldest: each comes
    /// once, in order.
    fn read_all(&mut self) -> Result<(), String> {
        for channel in self.model.channels.keys().cloned().collect::<Vec<_>>() {
            let speaks = |who: &&&str| {
                let speaker = self.model.speaker(who);
                speaker.is_some_and(|speaker| self.model.is_in(speaker, &channel))
            };
            let who = *ACTORS.iter().find(speaks).expect("nobody is there without a connection");
            self.types_words(who, &["CAP", "REQ", "message-tags"])?;
            let place = self.model.place_of_channel(&channel);
            let all = self.model.history.all(&place).iter().filter(|kept| !kept.is_redacted());
            let all: Vec<String> = all.map(|kept| kept.id.clone()).collect();
            let mut read: Vec<String> = Vec::new();
            self.types_words(who, &["CHATHISTORY", "LATEST", &channel, "*", "3"])?;
            loop {
                let page = self.answer.iter().filter_map(|line| line.tags.get("msgid"));
                let page: Vec<String> = page.cloned().collect();
                let Some(first) = page.first() else { break };
                let before = format!("msgid={{{first}}}");
                read.splice(..0, page);
                if read.len() > all.len() {
                    break;
                }
                self.types_words(who, &["CHATHISTORY", "BEFORE", &channel, &before, "3"])?;
            }
            let all: Vec<String> = all.iter().map(|id| self.ids[id].clone()).collect();
            if read != all {
                return Err(format!("{who} reads {read:?} in {channel}, where {all:?} was said"));
            }
        }
        Ok(())
    }

    /// The `nth` actor that fits, if there is any.
    fn who_types(&self, nth: usize, by: By, words: &[String]) -> &'static str {
        let name = words[1..].iter().find(|word| word.contains('#'));
        let room = name.and_then(|name| {
            let name = &name[name.find('#').expect("it has one")..];
            self.model.channels.get(&model::folded(name.split(',').next().unwrap_or_default()))
        });
        let fits = |who: &&&str| {
            let speaker = self.model.speaker(who);
            let ranks = room.zip(speaker).and_then(|(room, who)| room.members.get(who));
            match by {
                By::Anyone => false,
                By::Member => ranks.is_some(),
                By::Ranked => ranks.is_some_and(|ranks| model::level(ranks) >= model::HALFOP),
            }
        };
        let all: Vec<&&str> = ACTORS.iter().filter(fits).collect();
        if all.is_empty() { ACTORS[nth] } else { all[nth % all.len()] }
    }

    fn redact(&mut self, who: usize, own: bool, back: usize, why: bool) -> Result<(), String> {
        let number = |called: &str| called[1..].parse::<usize>().expect("m and a number");
        let mut ids: Vec<_> = self
            .ids
            .iter()
            .filter_map(|(id, called)| {
                let said = self.model.said.get(id)?;
                Some((number(called), said.nick.clone(), said.target.clone()))
            })
            .collect();
        ids.sort();
        let Some((n, nick, target)) = ids.into_iter().rev().nth(back) else { return Ok(()) };
        let speaker = self.model.find(&nick).filter(|_| own);
        let conn = speaker.and_then(|speaker| self.model.conns_of(&speaker).pop());
        let who = conn.unwrap_or(ACTORS[who].into());
        let Some(client) = self.model.conns.get(&who).map(|conn| &conn.client) else {
            return Ok(());
        };
        let is_target = model::folded(&self.model.nick(client)) == target;
        let place = if is_target { nick } else { target };
        let words = ["REDACT", &place, &format!("{{m{n}}}"), "never mind"];
        self.types_words(&who, &words[..if why { 4 } else { 3 }])
    }

    /// Replaces `$n` and `^n` by the nick of the nth actor.
    fn with_nicks(&self, word: &str) -> String {
        let mut word = word.to_owned();
        for (n, who) in ACTORS.iter().enumerate() {
            let client = self.model.conns.get(*who).map(|conn| &conn.client);
            let client = client.and_then(|client| self.model.clients.get(client));
            let nick = client.map(|client| client.nick.clone()).filter(|nick| !nick.is_empty());
            let nick = nick.unwrap_or_else(|| who.to_string());
            word = word.replace(&format!("${n}"), &nick);
            word = word.replace(&format!("^{n}"), &nick.to_uppercase());
        }
        word
    }

    fn types_words(&mut self, who: &str, words: &[&str]) -> Result<(), String> {
        let words = words.iter().map(|word| word.to_string()).collect();
        self.types(who, Typed { words, ..Typed::default() })
    }

    fn types(&mut self, who: &str, typed: Typed) -> Result<(), String> {
        let mut tags: Vec<String> = Vec::new();
        tags.extend(typed.label.as_ref().map(|label| format!("label={label}")));
        tags.extend(typed.tag.as_ref().map(|(key, value)| format!("{key}={value}")));
        let tags = if tags.is_empty() { String::new() } else { format!("@{} ", tags.join(";")) };
        let text = escaped(&format!("{tags}{}", words(&typed.words[0], &typed.words[1..])));
        self.transcript.push(format!("{who}> {text}"));
        let mut known = typed;
        for word in &mut known.words {
            let called = |called: &str| format!("{{{called}}}");
            let id = self.ids.iter().find(|(_, id)| word.contains(&called(id)));
            if let Some((id, name)) = id {
                *word = word.replace(&called(name), id);
            }
        }
        self.answer.clear();
        self.model.hear(who, &known);
        self.watched(|stage| stage.say(who, &text))
    }

    /// Runs `act`, and compares the output to all clients.
    fn watched(&mut self, act: impl FnOnce(&mut Stage)) -> Result<(), String> {
        let acted = catch_unwind(AssertUnwindSafe(|| act(&mut self.stage)));
        acted.map_err(|_| "the server's own check fails, see above")?;
        let mut told = self.model.take_told();
        let here: BTreeSet<String> = self.model.conns.keys().cloned().collect();
        let mut verdict = Ok(());
        for who in here {
            let heard = self.stage.heard(&who);
            let heard: Vec<String> =
                heard.iter().map(|line| untimed(&self.stage.normalised(line))).collect();
            let told = told.remove(&who).unwrap_or_default();
            let compared = self.compare(&who, told, &heard);
            let ended = self.stage.saw_the_end(&who);
            let ends = self.model.conns[&who].ended;
            if ends {
                self.model.conns.remove(&who);
                self.views.remove(&who);
                self.transcript.push(format!("{who}!"));
            }
            let compared = compared.and(match ended == ends {
                true => Ok(()),
                false => Err(format!("{who} should see the end: {ends}; does: {ended}")),
            });
            verdict = verdict.and(compared);
        }
        assert!(told.is_empty(), "the model speaks to who is not there: {told:?}");
        verdict
    }

    fn compare(&mut self, who: &str, mut told: Vec<Told>, heard: &[String]) -> Result<(), String> {
        told.iter_mut().for_each(|told| self.call_as_the_transcript(&mut told.line));
        let mut lines: Vec<Line> = heard.iter().map(|line| Line::parse(line)).collect();
        name_batch(&mut lines);
        if !are_as_told(&told, &lines) {
            let wanted: Vec<String> = told.iter().map(|told| told.line.to_string()).collect();
            self.transcript.extend(wanted.iter().map(|line| format!("{who}< {}", escaped(line))));
            let heard: Vec<String> = heard.iter().map(|line| escaped(line)).collect();
            let (heard, wanted) = (heard.join("\n    "), wanted.join("\n    "));
            return Err(format!("{who} heard\n    {heard}\nand should have heard\n    {wanted}"));
        }
        // The welcome burst is left out.
        match lines.iter().any(|line| line.command == "001") {
            true => self.transcript.push(format!("{who}~")),
            false => {
                let lines = heard.iter().map(|line| format!("{who}< {}", escaped(line)));
                self.transcript.extend(lines);
            }
        }
        let multi_prefix = self.model.conn_has(who, "multi-prefix");
        let view = self.views.get_mut(who).expect("a view for each");
        for line in &lines {
            view.hear(line, multi_prefix).map_err(|why| format!("{who} hears {line}: {why}"))?;
        }
        if !lines.is_empty() {
            self.answer = lines;
        }
        Ok(())
    }

    /// Names message ids as the stage does: in the order received.
    fn call_as_the_transcript(&mut self, line: &mut Line) {
        let count = self.ids.len();
        if let Some(id) = line.tags.get_mut("msgid") {
            let called = self.ids.entry(id.clone()).or_insert_with(|| format!("m{}", count + 1));
            *id = called.clone();
        }
        for param in &mut line.params {
            if let Some(called) = self.ids.get(param) {
                *param = format!("{{{called}}}");
            }
        }
    }
}

fn are_as_told(told: &[Told], heard: &[Line]) -> bool {
    if told.len() != heard.len() {
        return false;
    }
    let mut start = 0;
    while start < told.len() {
        let group = told[start].group;
        let same = told[start..].iter().take_while(|told| group.is_some() && told.group == group);
        let end = start + same.count().max(1);
        let mut left: Vec<&Line> = heard[start..end].iter().collect();
        for told in &told[start..end] {
            let Some(found) = left.iter().position(|heard| told.line.is(heard)) else {
                return false;
            };
            left.remove(found);
        }
        start = end;
    }
    true
}

/// Escapes a text as transcripts do.
fn escaped(text: &str) -> String {
    text.replace('\u{1}', "\\x01")
}
