//! The input of the clients.

use super::{Chat, FLEETING, IRC, WITNESSED};
use crate::world::simulator::{Conduct, World};
use std::collections::BTreeSet;

/// The input of a client, and its effects if the server reads all of it.
#[derive(Default)]
pub struct Typed {
    /// Its channels when the server has read all input.
    pub rooms: BTreeSet<&'static str>,
    /// Its messages that others will receive: channel or nick, and a running number.
    pub said: Vec<(&'static str, usize)>,
    /// The number of all its messages.
    count: usize,
    pub pings: Vec<String>,
    pub labels: Vec<String>,
    pub lists: usize,
    pub whos: usize,
}

const CAPS: [&str; 15] = [
    "account-tag",
    "away-notify",
    "batch",
    "cap-notify",
    "echo-message",
    "extended-join",
    "labeled-response",
    "message-tags",
    "multi-prefix",
    "server-time",
    "setname",
    "standard-replies",
    "userhost-in-names",
    "draft/no-implicit-names",
    "draft/channel-rename",
];

impl World<Chat> {
    pub fn type_line(&mut self, n: usize, line: &str) {
        self.type_bytes(n, line.as_bytes());
    }

    fn type_bytes(&mut self, n: usize, line: &[u8]) {
        self.send(n, &[line, b"\r\n"].concat());
    }

    fn types(&self, n: usize) -> bool {
        let conduct = self.clients[n].conduct;
        matches!(conduct, Conduct::Steady | Conduct::Ordinary | Conduct::Stuck)
            && self.clients[n].endpoint == IRC
    }

    /// Registers the client; a few never get beyond NICK.
    pub fn register(&mut self, n: usize) {
        let steady = self.clients[n].conduct == Conduct::Steady;
        let mut caps: Vec<&str> = Vec::new();
        if n == 0 || self.choices.one_in(2) {
            caps.extend(CAPS.iter().filter(|_| self.choices.one_in(2)));
        }
        if n == 0 {
            caps.retain(|cap| !["draft/no-implicit-names", "echo-message"].contains(cap));
            caps.push("echo-message"); // so that it receives everything
        }
        if !caps.is_empty() {
            self.type_line(n, &format!("CAP REQ :{}", caps.join(" ")));
        }
        self.clients[n].role.ear.caps = caps.clone();
        if !steady && self.choices.one_in(8) {
            self.type_line(n, &format!("NICK c{n}"));
            self.clients[n].conduct = Conduct::Mute;
            return;
        }
        self.type_line(n, &format!("NICK c{n}"));
        self.type_line(n, &format!("USER u{n} 0 * :client {n}"));
        if !caps.is_empty() {
            self.type_line(n, "CAP END");
        }
    }

    pub fn say(&mut self, n: usize) {
        if self.clients[n].endpoint != IRC {
            return self.type_line(n, &format!("hello from {n}"));
        }
        if !self.types(n) {
            return;
        }
        let number = self.clients[n].role.typed.count;
        self.clients[n].role.typed.count += 1;
        let rooms: Vec<&str> = self.clients[n].role.typed.rooms.iter().copied().collect();
        let which = self.choices.pick(0..rooms.len() + 3);
        let verb = if self.choices.one_in(8) { "NOTICE" } else { "PRIVMSG" };
        let target = match which.checked_sub(3) {
            Some(room) => rooms[room],
            None if which == 0 && n != 0 => "c0",
            None if which == 1 => {
                // To a nick that its user may have changed.
                let other = self.choices.pick(0..self.clients.len());
                let nick = self.clients[other].role.ear.nick.clone();
                if !nick.is_empty() && other != n && other != 0 {
                    self.type_line(n, &format!("{verb} {nick} :{n}.{number} to {nick}"));
                }
                return;
            }
            None => {
                let channel = self.some_channel();
                if !rooms.contains(&channel) {
                    self.type_line(n, &format!("{verb} {channel} :{n}.{number} from outside"));
                }
                return;
            }
        };
        self.clients[n].role.typed.said.push((target, number));
        let label = self.label(n);
        let more = "x".repeat([0, 0, 300, 485][self.choices.pick(0..4)]); // or more than fits
        self.type_line(n, &format!("{label}{verb} {target} :{n}.{number} {more}"));
    }

    /// Puts a label on one command in four, if the client may use labels.
    fn label(&mut self, n: usize) -> String {
        let client = &mut self.clients[n];
        let may = client.role.ear.has("labeled-response") && client.role.ear.has("batch");
        if !may || !self.choices.one_in(4) {
            return String::new();
        }
        let label = format!("l{}", client.role.typed.labels.len());
        client.role.typed.labels.push(label.clone());
        format!("@label={label} ")
    }

    fn some_channel(&self) -> &'static str {
        let all = [&WITNESSED[..], &FLEETING[..]].concat();
        all[self.choices.pick(0..all.len())]
    }

    pub fn join_some(&mut self, n: usize) {
        let channel = self.some_channel();
        // The witness leaves no channel, and would keep a short-lived one alive.
        if n != 0 {
            self.join(n, channel);
        }
    }

    pub fn join(&mut self, n: usize, channel: &'static str) {
        if self.types(n) {
            self.clients[n].role.typed.rooms.insert(channel);
            let label = self.label(n);
            self.type_line(n, &format!("{label}JOIN {}", channel.to_uppercase()));
        }
    }

    pub fn part_some(&mut self, n: usize) {
        if n == 0 || !self.types(n) {
            return;
        }
        if self.choices.one_in(5) {
            self.clients[n].role.typed.rooms.clear();
            return self.type_line(n, "JOIN 0");
        }
        let channel = self.some_channel();
        self.clients[n].role.typed.rooms.remove(channel);
        let label = self.label(n);
        self.type_line(n, &format!("{label}PART {channel} :enough"));
    }

    /// Changes to a nick of its own, or to the present or past nick of another.
    pub fn change_nick(&mut self, n: usize) {
        if n == 0 || !self.types(n) {
            return;
        }
        let other = self.choices.pick(0..self.clients.len());
        let nick = match self.choices.pick(0..4) {
            0 if !self.clients[other].role.ear.nick.is_empty() => {
                self.clients[other].role.ear.nick.clone()
            }
            1 => self.clients[n].role.ear.nick.to_uppercase(),
            _ => format!("c{n}x{}", self.choices.pick(0..4)),
        };
        let label = self.label(n);
        self.type_line(n, &format!("{label}NICK {nick}"));
    }

    pub fn ask(&mut self, n: usize) {
        if !self.types(n) {
            return;
        }
        let label = self.label(n);
        let channel = self.some_channel();
        match self.choices.pick(0..5) {
            0 => {
                self.clients[n].role.typed.lists += 1;
                self.type_line(n, &format!("{label}LIST"));
            }
            1 => {
                self.clients[n].role.typed.whos += 1;
                self.type_line(n, &format!("{label}WHO {channel}"));
            }
            2 => {
                self.clients[n].role.typed.whos += 1;
                self.type_line(n, &format!("{label}WHO *"));
            }
            3 => {
                let token = format!("t{}", self.clients[n].role.typed.pings.len());
                self.type_line(n, &format!("{label}PING {token}"));
                self.clients[n].role.typed.pings.push(token);
            }
            _ => self.type_line(n, &format!("{label}NAMES {channel}")),
        }
    }

    pub fn tell_of_self(&mut self, n: usize) {
        let line = ["AWAY :out", "AWAY", "SETNAME :another name"][self.choices.pick(0..3)];
        self.type_line(n, line);
    }

    pub fn talk_nonsense(&mut self, n: usize) {
        if self.clients[n].endpoint != IRC {
            return;
        }
        let long = "x".repeat(600);
        let lines: [&[u8]; 8] = [
            b"",
            b"FOO bar",
            b"JOIN",
            b"JOIN nochannel",
            b"PRIVMSG #w0 :\xff\xfe",
            b"PRIVMSG #w0 :\0",
            long.as_bytes(),
            b"USER u0 0 * :again",
        ];
        self.type_bytes(n, lines[self.choices.pick(0..lines.len())]);
    }

    pub fn quit(&mut self, n: usize) {
        let label = self.label(n);
        self.type_line(n, &format!("{label}QUIT :{n} goes"));
        // Its further input is not read.
        self.clients[n].conduct = Conduct::Mute;
        self.send_all(n);
    }

    /// Asks for the members of all channels at the end.
    pub fn ask_who_is_there(&mut self) {
        for n in 0..self.clients.len() {
            if !self.clients[n].conduct.lives() {
                continue;
            }
            let rooms: Vec<String> = self.clients[n].role.ear.rooms.keys().cloned().collect();
            rooms.iter().for_each(|room| self.type_line(n, &format!("NAMES {room}")));
        }
        self.clients[0].role.ear.who.clear();
        self.clients[0].role.typed.lists += 1;
        self.clients[0].role.typed.whos += 1;
        self.type_line(0, "LIST");
        self.settle_closing(); // a WHO would cut it short
        self.type_line(0, "WHO *");
        self.settle_closing();
    }
}
