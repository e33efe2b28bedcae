//! Checks of all received lines at the end.

use super::{Conduct, ECHO, ECHO_LINE_MAX, LIMITS, STEADY, State, World};
use crate::world::door;
use crate::world::room::LIST_LINES;
use stonechat::net::{CloseReason, Refusal};

/// A fatal alert in plain, as a client without TLS receives it: RFC 8446 §6.2.
const ACCESS_DENIED: [u8; 7] = [21, 3, 3, 0, 2, 2, 49];

impl World {
    pub fn check_heard(&self) {
        for (n, client) in self.clients.iter().enumerate() {
            assert!(
                !String::from_utf8_lossy(&client.heard).contains("not for you"),
                "client {n} heard what was meant for another"
            );
            match (client.state, client.endpoint) {
                (State::Waiting, _) => {
                    let waited = self.now.uptime_ms - self.line_moved_ms;
                    assert!(waited < 7_000, "client {n} waits in a line that does not move");
                }
                (State::TurnedAway, _) => self.check_turned_away(n, "server full"),
                (State::Here(id), _) if !self.server.service.opened.contains_key(&id) => {
                    assert!(client.heard.is_empty(), "client {n} heard before its handshake");
                }
                (State::Refused, _) => self.check_turned_away(n, Refusal::NotTls.text()),
                (State::Here(_), ECHO) => self.check_echo(n),
                (State::Here(_), _) => self.check_room_heard(n),
            }
        }
        self.check_order();
        self.check_last_words();
        self.check_ends();
    }

    /// A refused client receives the reason in plain, and an alert over TLS, as a handshake is not
    /// complete.
    fn check_turned_away(&self, n: usize, why: &str) {
        let client = &self.clients[n];
        let heard = &client.heard[..];
        if client.end.version().is_some() || (client.end.is_mistaken() && why == "server full") {
            let text = self.whole_lines(n);
            let told = text.trim_end().trim_start_matches("* ").trim_start_matches("ERROR :");
            let told = ACCESS_DENIED.starts_with(heard) || door::is_told(told);
            return assert!(told, "turned away, client {n} heard {text:?}");
        }
        // Refused before any input was read: the server could not know that this client speaks no
        // TLS.
        if client.end.is_mistaken() && ACCESS_DENIED.starts_with(heard) {
            return;
        }
        let told = [format!("* {why}\n"), format!("ERROR :{why}\r\n")];
        let cut_short = told.iter().any(|told| told.as_bytes().starts_with(heard));
        assert!(cut_short, "turned away, client {n} heard {heard:?}");
        let wire = client.end.wire.borrow();
        let reads = matches!(client.conduct, Conduct::Ordinary | Conduct::Mute);
        let spoke = !client.end.is_mistaken() || !client.end.sent.is_empty();
        if reads && spoke && !wire.reset && wire.whole_reads && wire.down_max > told[1].len() {
            let whole = told.iter().any(|told| told.as_bytes() == heard);
            assert!(whole, "client {n} was not told why");
        }
    }

    fn check_echo(&self, n: usize) {
        let client = &self.clients[n];
        let expected = echoed(&client.end.sent, client.conduct == Conduct::HalfClosed);
        let heard = &client.heard[..];
        let expected_text = String::from_utf8_lossy(&expected);
        let heard_text = String::from_utf8_lossy(heard);
        assert!(
            expected.starts_with(heard),
            "client {n} heard {heard_text:?}, not {expected_text:?}"
        );
        let ended = self.ending(n);
        let attentive = !matches!(client.conduct, Conduct::Stuck | Conduct::Gone);
        let whole = matches!(ended, None | Some(CloseReason::Done | CloseReason::Hangup));
        if attentive && whole && !self.too_slow(n) {
            assert_eq!(heard_text, expected_text, "client {n} missed the end; it was {ended:?}");
        }
    }

    fn check_room_heard(&self, n: usize) {
        let client = &self.clients[n];
        let ended = self.ending(n);
        let steady = client.conduct == Conduct::Steady;
        assert!(!steady || ended.is_none(), "steady client {n} was thrown out: {ended:?}");
        let whole = self.whole_lines(n);
        let listed = numbers(&whole, "list ");
        assert!(listed.iter().copied().eq(0..listed.len()), "client {n} heard {listed:?}");
        let attentive = matches!(client.conduct, Conduct::Steady | Conduct::Ordinary);
        if attentive && ended.is_none() {
            assert_eq!(whole.len(), client.heard.len(), "client {n} heard half a line");
            assert_eq!(listed.len(), client.lists * LIST_LINES, "client {n} heard half a list");
        }
        for (other, speaker) in self.clients.iter().enumerate() {
            let heard = numbers(&whole, &format!("c{other}: m"));
            let first = heard.first().copied().unwrap_or(0);
            let expected: Vec<usize> = (first..first + heard.len()).collect();
            assert_eq!(heard, expected, "client {n} heard {other} out of order");
            if n == other {
                assert!(heard.is_empty(), "client {n} heard itself");
                continue;
            }
            let speaks = matches!(speaker.conduct, Conduct::Steady | Conduct::Ordinary);
            let speaks = speaks && speaker.endpoint != ECHO;
            let speaks = speaks && matches!(speaker.state, State::Here(_));
            if steady && speaks && self.ending(other).is_none() {
                assert_eq!(heard.len(), speaker.said, "client {n} missed what {other} said");
            }
        }
        for line in whole.lines() {
            let known = ["* ", "list "].iter().any(|first| line.starts_with(first))
                || ["bye"].contains(&line)
                || [": m", ": again", ": stuck"].iter().any(|said| line.contains(said));
            assert!(known, "client {n} heard {line:?}");
        }
    }

    /// Any two clients received the messages of others in the same order.
    fn check_order(&self) {
        for a in 0..STEADY {
            for b in a + 1..STEADY {
                let others = |n: usize| -> Vec<String> {
                    let said_by = |line: &str, who: usize| line.starts_with(&format!("c{who}: "));
                    let whole = self.whole_lines(n);
                    let steady = |line: &&str| (0..STEADY).any(|who| said_by(line, who));
                    let own = |line: &&str| said_by(line, a) || said_by(line, b);
                    let lines = whole.lines().filter(steady).filter(|line| !own(line));
                    lines.map(str::to_owned).collect()
                };
                assert_eq!(others(a), others(b), "{a} and {b} disagree on the order");
            }
        }
    }

    /// A client that was closed in good order has received the last line.
    fn check_last_words(&self) {
        for (n, client) in self.clients.iter().enumerate() {
            let ended = self.ending(n);
            let attentive = matches!(client.conduct, Conduct::Ordinary | Conduct::Mute);
            if client.endpoint == ECHO || !attentive || self.too_slow(n) {
                continue;
            }
            let whole = self.whole_lines(n);
            let last = whole.lines().last();
            match ended {
                Some(CloseReason::Done) => {
                    assert!(matches!(last, Some("bye" | "* idle")), "client {n}: {last:?}");
                }
                Some(CloseReason::RecvqExceeded) => {
                    assert_eq!(last, Some("* RecvQ exceeded"), "client {n}");
                }
                _ => {}
            }
        }
    }

    /// A client that has ended its half is closed. A client over TLS that is closed in good order
    /// receives a close_notify.
    fn check_ends(&self) {
        for (n, client) in self.clients.iter().enumerate() {
            let State::Here(id) = client.state else { continue };
            let ended = self.ending(n);
            let here = self.server.live().any(|live| live == id);
            let goes = client.conduct == Conduct::HalfClosed;
            assert!(!(goes && here), "client {n} has ended its half, and nobody has seen it");
            let in_peace = matches!(
                ended,
                Some(CloseReason::Done | CloseReason::Hangup | CloseReason::RecvqExceeded)
            );
            if in_peace && self.hears(n) && !client.end.wire.borrow().reset {
                assert!(client.end.is_told_of_end(), "client {n} can't tell its end from a cut");
            }
        }
    }

    /// Whether it went on sending to a server that had closed, and had not read the last line while
    /// the server lingered.
    fn too_slow(&self, n: usize) -> bool {
        let client = &self.clients[n];
        let lingered =
            client.ended_ms.zip(client.dropped_ms).map(|(ended, dropped)| dropped - ended);
        let linger_ms = LIMITS.linger_timeout.as_millis() as u64;
        client.end.wire.borrow().reset && lingered.is_some_and(|lingered| lingered >= linger_ms)
    }

    fn ending(&self, n: usize) -> Option<CloseReason> {
        let State::Here(id) = self.clients[n].state else { return None };
        let mut endings = self.server.service.ended.iter().filter(|(ended, _)| *ended == id);
        let why = endings.next().map(|(_, why)| *why);
        assert!(endings.next().is_none(), "client {n} ended twice");
        why
    }

    fn whole_lines(&self, n: usize) -> String {
        let text = String::from_utf8(self.clients[n].heard.clone()).expect("text");
        text[..text.rfind('\n').map_or(0, |lf| lf + 1)].to_owned()
    }
}

/// The numbers after each `prefix` in `text`, in order.
fn numbers(text: &str, prefix: &str) -> Vec<usize> {
    let said = text.lines().filter_map(|line| line.strip_prefix(prefix));
    said.map(|number| number.parse().expect("a number")).collect()
}

/// The naive oracle of the echo's answer to `sent`.
fn echoed(sent: &[u8], ended: bool) -> Vec<u8> {
    let mut echoed = Vec::new();
    let too_long = format!("ERROR :line too long, at most {ECHO_LINE_MAX} bytes\r\n");
    for line in sent.split_inclusive(|&byte| byte == b'\n') {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        if text.len() > ECHO_LINE_MAX {
            echoed.extend_from_slice(too_long.as_bytes());
        } else if line.ends_with(b"\n") || ended {
            echoed.extend(line.to_ascii_uppercase());
        }
        let closes = text.windows(12).any(|window| window == b"CLOSE SOCKET");
        if closes && line.ends_with(b"\n") {
            break;
        }
    }
    echoed
}
