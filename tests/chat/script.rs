//! Chat as transcripts: the input of each client, and all its output.
//!
//! ```text
//! ann+ server-time echo-message   ann connects, requests these capabilities and registers;
//!                                 her output until then is ignored
//! ann> JOIN #a                    ann sends this; her first line connects her
//! ann< :ann!ann@localhost …       the lines she must then have received: all, in this order
//! ann~                            her output so far is ignored
//! scene #a ann bob+v cat[batch]   all of them connect, if they have not yet, with capabilities in
//!                                 brackets; they join #a, Ann first, and so an operator; Bob is
//!                                 given voice by her; their output so far is ignored
//! ann.                            she ends her half       ann!   her connection has ended
//! ann/                            she is cut off
//! from 192.0.2.1 ann bob          they connect from this address; others use a Unix socket
//! ann= 7                          she uses TLS, with a certificate of 32 bytes 7; without a
//!                                 number, with none
//! +90s                            this much time passes
//! account ann secret              `stonechatd account add` makes an account
//! disk full                       writes fail; also: broken, stalls, well
//! disk well 2 full                writes fail after two more requests
//! restart                         the server is killed, with all connections, and started again
//! ```
//! Time begins at 2026-01-01T00:00:00Z, 1767225600. A `time` tag is shown as `time=T`, the first
//! message id as `msgid=m1`; input may name it as `{m1}`. `\r`, `\0` and `\xHH` stand for those
//! bytes.

use crate::stage::{Stage, settings, unescaped};
use crate::world::disk::State;
use std::collections::BTreeMap;
use stonechat::chat::Settings;

/// Plays `script` with the default settings.
#[track_caller]
pub fn play(script: &str) {
    play_with(settings(), script);
}

#[track_caller]
pub fn play_with(settings: Settings, script: &str) {
    let mut stage = Stage::new(settings);
    let mut expected: BTreeMap<String, Expected> = BTreeMap::new();
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "account" => {
                let (name, password) = rest.split_once(' ').expect("a name and a password");
                stage.add_account(name, password);
            }
            "from" => {
                let (address, names) = rest.split_once(' ').expect("an address, and who");
                names.split(' ').for_each(|name| stage.comes_from(name, address));
            }
            "disk" | "restart" | "scene" => {
                compare_so_far(&mut stage, &mut expected);
                match word {
                    "disk" => set_disk(&mut stage, rest),
                    "restart" => stage.restart(),
                    _ => set_scene(&mut stage, rest),
                }
            }
            _ => act(&mut stage, &mut expected, line),
        }
    }
    compare(&mut stage, &mut expected);
}

#[track_caller]
fn act(stage: &mut Stage, expected: &mut BTreeMap<String, Expected>, line: &str) {
    let at = line.find(['>', '<', '.', '!', '+', '~', '/', '=']).expect("who says it");
    let (name, rest) = line.split_at(at);
    let (sign, text) = rest.split_at(1);
    let text = text.strip_prefix(' ').unwrap_or(text);
    if !matches!(sign, "<" | "!" | "~") {
        compare_so_far(stage, expected);
    }
    match sign {
        "<" => expected.entry(name.into()).or_default().lines.push(text.into()),
        "!" => expected.entry(name.into()).or_default().end = true,
        "~" => expected.entry(name.into()).or_default().anything = true,
        ">" => stage.say(name, text),
        "+" if name.is_empty() => {
            stage.pass(text.strip_suffix('s').expect("+90s").parse().expect("seconds"));
        }
        "+" => stage.register(name, text),
        "/" => stage.cut_off(name),
        "=" => stage.secures(name, text),
        _ => stage.half_close(name),
    }
}

fn set_scene(stage: &mut Stage, scene: &str) {
    let (channel, mut rest) = scene.split_once(' ').expect("a channel, and who is in it");
    let mut members: Vec<(&str, &str)> = Vec::new();
    while !rest.is_empty() {
        let end = match rest.find([' ', '[']).unwrap_or(rest.len()) {
            at if rest[at..].starts_with('[') => rest.find(']').expect("capabilities]") + 1,
            at => at,
        };
        let (member, caps) = rest[..end].split_once('[').unwrap_or((&rest[..end], ""));
        let (name, rank) = member.split_once('+').unwrap_or((member, ""));
        if !stage.names().iter().any(|connected| connected == name) {
            stage.register(name, caps.trim_end_matches(']'));
        }
        members.push((name, rank));
        rest = rest[end..].trim_start();
    }
    members.iter().for_each(|(name, _)| stage.say(name, &format!("JOIN {channel}")));
    for (name, rank) in members.iter().filter(|(_, rank)| !rank.is_empty()) {
        stage.say(members[0].0, &format!("MODE {channel} +{rank} {name}"));
    }
    members.iter().for_each(|(name, _)| drop(stage.heard(name)));
}

fn set_disk(stage: &mut Stage, states: &str) {
    match states.split(' ').collect::<Vec<_>>()[..] {
        [now] => stage.disk(disk_state(now)),
        [now, count, then] => {
            let count = count.parse().expect("so many requests");
            stage.disk_changes(disk_state(now), count, disk_state(then));
        }
        _ => panic!("disk {states}"),
    }
}

#[derive(Default)]
struct Expected {
    lines: Vec<String>,
    end: bool,
    anything: bool,
}

/// Consecutive input of several clients is checked together.
#[track_caller]
fn compare_so_far(stage: &mut Stage, expected: &mut BTreeMap<String, Expected>) {
    if !expected.is_empty() {
        compare(stage, expected);
    }
}

#[track_caller]
fn compare(stage: &mut Stage, expected: &mut BTreeMap<String, Expected>) {
    for name in stage.names() {
        let wanted = expected.remove(&name).unwrap_or_default();
        let mut heard = stage.heard(&name);
        if !wanted.anything {
            heard = heard.iter().map(|line| stage.normalised(line)).collect();
        }
        let lines: Vec<Vec<u8>> = wanted.lines.iter().map(|line| unescaped(line)).collect();
        if !wanted.anything && !heard.iter().map(String::as_bytes).eq(lines) {
            let (heard, wanted) = (heard.join("\n  "), wanted.lines.join("\n  "));
            panic!("{name} heard\n  {heard}\nand should have heard\n  {wanted}\n");
        }
        let ended = stage.saw_the_end(&name);
        assert!(ended || !wanted.end, "{name} did not see the end");
        assert!(!ended || wanted.end, "{name} saw the end");
    }
    assert!(expected.is_empty(), "nobody speaks for {:?}", expected.keys());
}

fn disk_state(name: &str) -> State {
    match name {
        "full" => State::Full,
        "broken" => State::Broken,
        "stalls" => State::Stalls,
        "well" => State::Well,
        _ => panic!("a disk is not {name}"),
    }
}
