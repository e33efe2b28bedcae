//! AUDIT: the latest acts of operators in the audit log. `stonechatd audit` shows all of it.

use crate::chat::account::accounts::trouble;
use crate::chat::command::Command;
use crate::chat::reply::Sink;
use crate::chat::state::right::Right;
use crate::chat::{Caller, Chat};
use crate::store::{Act, Limit, Reply, Request};
use crate::wire::irc::Message;
use crate::wire::irc::time::write_time;

pub(crate) const AUDIT: Command = Command::user("AUDIT", 0, Chat::audit)
    .for_operators()
    .help("AUDIT [count] [operator]", &["Shows the latest actions of operators."]);

/// Acts in one reply: the default, and the most.
const ACTS: i64 = 20;

const ACTS_MAX: i64 = 100;

impl Chat {
    /// `AUDIT [count] [operator|nick]`: the latest acts, of all operators or of one.
    pub(crate) fn audit(&mut self, sink: &mut Sink, by: Caller, message: &Message) {
        if !self.may(sink, by, Right::Audit) {
            return;
        }
        if !self.backends.is_there() {
            return self.notice(sink, by.conn, "No audit log is kept here.");
        }
        let mut words = message.params.iter().copied().filter(|word| !word.is_empty()).peekable();
        let count = words.next_if(|word| word.bytes().all(|byte| byte.is_ascii_digit()));
        // A number too large to parse is above the bound.
        let count = count.map_or(ACTS, |count| count.parse().unwrap_or(ACTS_MAX));
        let limit = Limit::new(count.min(ACTS_MAX));
        let whose = words.next().map(str::to_owned);
        let request = Request::Acts { whose: whose.clone(), limit };
        self.ask_for(sink, by.conn, request, move |chat, sink, conn, reply| match reply {
            Reply::Acts(acts) => {
                acts.iter().for_each(|act| chat.notice(sink, conn, &line(act)));
                let text = format!("End of the audit log: {} acts", acts.len());
                chat.notice(sink, conn, &text);
            }
            other => {
                let text = format!("The audit log can't be read: {}", trouble(other));
                chat.notice(sink, conn, &text);
            }
        });
        // Recorded after the request, so the reply does not have this act.
        self.record_look(sink, by, "AUDIT", &whose.unwrap_or_default());
    }
}

fn line(act: &Act) -> String {
    let Act { time_ms, operator, source, address, command, target, reason } = act;
    let mut time = Vec::new();
    write_time(&mut time, *time_ms as u64);
    let time = String::from_utf8_lossy(&time);
    let what = [&**command, target, reason].into_iter().filter(|part| !part.is_empty());
    format!("{time} {operator} {source} {address} {}", what.collect::<Vec<_>>().join(" "))
}
