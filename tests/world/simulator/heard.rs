//! Checks of all received lines at the end, in what casts have in common.

use super::{Cast, Conduct, ECHO, LIMITS, STEADY, State, World};
use crate::world::door;
use stonechat::net::{CloseReason, Refusal};

/// A fatal alert in plain, as a client without TLS receives it: RFC 8446 §6.2.
const ACCESS_DENIED: [u8; 7] = [21, 3, 3, 0, 2, 2, 49];

impl<C: Cast> World<C> {
    pub fn check_heard(&self) {
        for (n, client) in self.clients.iter().enumerate() {
            assert!(
                !String::from_utf8_lossy(&client.heard).contains("not for you"),
                "client {n} heard what was meant for another"
            );
            match client.state {
                State::Waiting => {
                    let waited = self.now.uptime_ms - self.line_moved_ms;
                    assert!(waited < 7_000, "client {n} waits in a line that does not move");
                }
                State::TurnedAway => self.check_turned_away(n, "server full"),
                State::Here(id) if !self.server.service.opened.contains_key(&id) => {
                    assert!(client.heard.is_empty(), "client {n} heard before its handshake");
                }
                State::Refused => self.check_turned_away(n, Refusal::NotTls.text()),
                State::Here(_) if client.endpoint == ECHO => self.check_echo(n),
                State::Here(_) => C::check_client(self, n),
            }
            self.check_end(n);
        }
        for n in 0..STEADY {
            assert_eq!(self.ending(n), None, "steady client {n} was thrown out");
        }
        C::check_all(self);
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
        assert!(cut_short, "turned away, client {n} heard {}", heard.escape_ascii());
        let wire = client.end.wire.borrow();
        let spoke = !client.end.is_mistaken() || !client.end.sent.is_empty();
        let reads = client.conduct.reads() && wire.whole_reads && wire.down_max > told[1].len();
        if reads && spoke && !wire.reset {
            let whole = told.iter().any(|told| told.as_bytes() == heard);
            assert!(whole, "client {n} was not told why");
        }
    }

    fn check_echo(&self, n: usize) {
        let client = &self.clients[n];
        let ended = client.conduct == Conduct::HalfClosed;
        let expected = echoed(&client.end.sent, ended, C::ECHO_LINE_MAX);
        let expected_text = String::from_utf8_lossy(&expected);
        let heard_text = String::from_utf8_lossy(&client.heard);
        assert!(
            expected.starts_with(&client.heard),
            "client {n} heard {heard_text:?}, not {expected_text:?}"
        );
        let ended = self.ending(n);
        let whole = matches!(ended, None | Some(CloseReason::Done | CloseReason::Hangup));
        if client.conduct.hears() && whole && !self.too_slow(n) {
            assert_eq!(heard_text, expected_text, "client {n} missed the end; it was {ended:?}");
        }
    }

    /// A client that has ended its half is closed. A client over TLS that is closed in good order
    /// receives a close_notify.
    fn check_end(&self, n: usize) {
        let client = &self.clients[n];
        let State::Here(id) = client.state else { return };
        let goes = client.conduct == Conduct::HalfClosed;
        let here = self.server.live().any(|live| live == id);
        assert!(!(goes && here), "client {n} has ended its half, and nobody has seen it");
        let in_peace = matches!(
            self.ending(n),
            Some(CloseReason::Done | CloseReason::Hangup | CloseReason::RecvqExceeded)
        );
        if in_peace && client.conduct.hears() && !client.end.wire.borrow().reset {
            assert!(client.end.is_told_of_end(), "client {n} can't tell its end from a cut");
        }
    }

    /// Whether it went on sending to a server that had closed, and had not read the last line while
    /// the server lingered.
    pub fn too_slow(&self, n: usize) -> bool {
        let client = &self.clients[n];
        let lingered =
            client.ended_ms.zip(client.dropped_ms).map(|(ended, dropped)| dropped - ended);
        let linger_ms = LIMITS.linger_timeout.as_millis() as u64;
        client.end.wire.borrow().reset && lingered.is_some_and(|lingered| lingered >= linger_ms)
    }

    pub fn whole_lines(&self, n: usize) -> String {
        let text = String::from_utf8(self.clients[n].heard.clone()).expect("text");
        text[..text.rfind('\n').map_or(0, |lf| lf + 1)].to_owned()
    }
}

/// The naive oracle of the echo's answer to `sent`.
fn echoed(sent: &[u8], ended: bool, line_max: usize) -> Vec<u8> {
    let mut echoed = Vec::new();
    let too_long = format!("ERROR :line too long, at most {line_max} bytes\r\n");
    for line in sent.split_inclusive(|&byte| byte == b'\n') {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        if text.len() > line_max {
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
