//! Transcripts: a test of the whole program as the lines of each side.
//!
//! `ann> text`: ann sends this; her first line connects her. `ann< text`: she must have received
//! this and nothing else. `ann.` ends her half, `ann!`: the server must have ended its half. `\r`,
//! `\0`, `\xHH` stand for those bytes; each line typed ends in LF.

use super::{Choices, ServerEnd, Wire};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use stonechat::app::{App, Protocol};
use stonechat::net::{ConnId, EventLoop, Limits, Now, Peer};

struct Actor {
    wire: Rc<RefCell<Wire>>,
    id: ConnId,
}

/// Plays `script`; fails if the received lines differ.
pub fn play(protocol: Protocol, line_max: usize, script: &str) {
    let mut app = App::new(line_max, Default::default());
    let endpoint = app.add_endpoint(protocol).unwrap();
    let mut server = EventLoop::new(app, Limits::default());
    let mut actors: BTreeMap<&str, Actor> = BTreeMap::new();
    let mut expected: BTreeMap<&str, String> = BTreeMap::new();
    let mut ends: Vec<&str> = Vec::new();
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (name, rest) = line.split_at(line.find(['>', '<', '.', '!']).expect("who says it"));
        let (sign, text) = rest.split_at(1);
        let text = text.strip_prefix(' ').unwrap_or(text);
        match sign {
            "<" => *expected.entry(name).or_default() += &format!("{text}\\n"),
            "!" => ends.push(name),
            _ => {
                settle(&mut server, &actors, &mut expected, &mut ends);
                let actor = actors.entry(name).or_insert_with(|| {
                    let wire = Wire::new(usize::MAX);
                    let choices = Choices::from_bytes(&[]);
                    let end = ServerEnd { wire: wire.clone(), choices };
                    let peer = Peer::accepted(endpoint, None);
                    Actor { wire, id: server.accept(end, peer).expect("room for one more") }
                });
                if sign == ">" {
                    actor.wire.borrow_mut().send(&unescaped(&format!("{text}\\n")));
                    server.readable(actor.id.slot());
                } else {
                    actor.wire.borrow_mut().up_ended = true;
                    server.hung_up(actor.id.slot());
                }
            }
        }
    }
    settle(&mut server, &actors, &mut expected, &mut ends);
}

fn settle<'a>(
    server: &mut EventLoop<ServerEnd, App>,
    actors: &BTreeMap<&'a str, Actor>,
    expected: &mut BTreeMap<&'a str, String>,
    ends: &mut Vec<&'a str>,
) {
    server.turn();
    while server.wait(Now::default()).is_some_and(|wait| wait.is_zero()) {
        server.turn();
    }
    for (name, actor) in actors {
        let mut wire = actor.wire.borrow_mut();
        let heard: Vec<u8> = wire.down.drain(..).collect();
        let wanted = expected.remove(name).unwrap_or_default();
        assert_eq!(escaped(&heard), escaped(&unescaped(&wanted)), "{name} heard");
        let ended = wire.down_ended;
        assert_eq!(ended, ended && ends.contains(name), "{name} saw the end");
        assert!(ended || !ends.contains(name), "{name} did not see the end");
    }
    assert!(expected.is_empty(), "nobody speaks for {:?}", expected.keys());
}

fn escaped(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some((before, escape)) = rest.split_once('\\') {
        bytes.extend_from_slice(before.as_bytes());
        let (byte, len) = match escape.as_bytes()[0] {
            b'n' => (b'\n', 1),
            b'r' => (b'\r', 1),
            b'0' => (b'\0', 1),
            b'x' => (u8::from_str_radix(&escape[1..3], 16).expect("two hex digits"), 3),
            other => panic!("unknown escape \\{}", char::from(other)),
        };
        bytes.push(byte);
        rest = &escape[len..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}
