//! Checks of the lines that clients of the room received.

use super::Services;
use crate::world::room::LIST_LINES;
use crate::world::simulator::{Conduct, ECHO, STEADY, State, World};
use stonechat::net::CloseReason;

impl World<Services> {
    pub fn check_lines(&self, n: usize) {
        let client = &self.clients[n];
        let steady = client.conduct == Conduct::Steady;
        let whole = self.whole_lines(n);
        let listed = numbers(&whole, "list ");
        assert!(listed.iter().copied().eq(0..listed.len()), "client {n} heard {listed:?}");
        if client.conduct.lives() && self.ending(n).is_none() {
            assert_eq!(whole.len(), client.heard.len(), "client {n} heard half a line");
            assert_eq!(
                listed.len(),
                client.role.lists * LIST_LINES,
                "client {n} heard half a list"
            );
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
            let speaks = speaker.conduct.lives() && speaker.endpoint != ECHO;
            let speaks = speaks && matches!(speaker.state, State::Here(_));
            if steady && speaks && self.ending(other).is_none() {
                assert_eq!(heard.len(), speaker.role.said, "client {n} missed what {other} said");
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
    pub fn check_order(&self) {
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
    pub fn check_last_word(&self, n: usize) {
        let client = &self.clients[n];
        let attentive = matches!(client.conduct, Conduct::Ordinary | Conduct::Mute);
        if !attentive || self.too_slow(n) {
            return;
        }
        let whole = self.whole_lines(n);
        let last = whole.lines().last();
        match self.ending(n) {
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

/// The numbers after each `prefix` in `text`, in order.
fn numbers(text: &str, prefix: &str) -> Vec<usize> {
    let said = text.lines().filter_map(|line| line.strip_prefix(prefix));
    said.map(|number| number.parse().expect("a number")).collect()
}
