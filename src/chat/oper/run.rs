//! COMMAND: programs of the config that operators may run. Their output goes line by line to the
//! connection that started them. It is treated as foreign, however much the server's host trusts
//! them.

use crate::chat::command::Command;
use crate::chat::oper::rights::Doer;
use crate::chat::reply::Sink;
use crate::chat::reply::line::{Line, LineTags};
use crate::chat::reply::numeric::*;
use crate::chat::state::ids::UserId;
use crate::chat::state::right::COMMANDS;
use crate::chat::state::services::shortened;
use crate::chat::{Caller, Chat, Request};
use crate::net::{ConnId, Outbox};
use crate::wire::irc::Message;
use crate::wire::printable::printable;
use std::fmt;

pub(crate) const COMMAND: Command =
    Command::user("COMMAND", 0, Chat::command_command).for_operators().help(
        "COMMAND [name]",
        &["Runs a program that the server's config names, or lists these programs."],
    );

/// The programs under way.
#[derive(Default)]
pub(crate) struct Runs {
    open: Vec<Run>,
    /// Numbers the runs.
    count: u64,
}

/// A program under way. It continues if its operator leaves.
struct Run {
    id: u64,
    /// Its name in the config.
    name: String,
    asker: ConnId,
    doer: Doer,
    /// The batch of the reply, if that is labelled.
    batch: Option<String>,
    /// Output after the last end of a line, bounded by the limit on all output.
    rest: Vec<u8>,
}

/// The end of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// By itself, with this exit status.
    Status(i32),
    /// By a signal of this number that the daemon did not send.
    Signal(i32),
    /// It took too long and was killed.
    TooLong,
    /// Its output was too long and it was killed.
    TooMuch,
    /// It was killed as the server ends.
    Stopped,
    /// It could not be started; the system's error.
    NotStarted(String),
}

/// Programs that run at once; one of each operator.
const RUNS_MAX: usize = 4;

/// Bytes of output in one line, beside the longest names of server, command and user.
const PIECE_MAX_BYTES: usize = 360;

impl Chat {
    /// `COMMAND name` runs a program; `COMMAND` lists those the user may run.
    pub(crate) fn command_command(&mut self, sink: &mut Sink, by: Caller, message: &Message) {
        let allowed = self.class_of(by.user).map(|class| class.commands.clone());
        let Some(allowed) = allowed.filter(|commands| !commands.is_empty()) else {
            return self.refuse_right(sink, by, COMMANDS);
        };
        let Some(asked) = message.params.first().filter(|name| !name.is_empty()) else {
            let text = format!("You may run: {}", allowed.join(", "));
            return self.notice(sink, by.conn, &text);
        };
        let name = asked.to_ascii_lowercase();
        let program = self.settings.commands.get(&name).filter(|_| allowed.contains(&name));
        let Some(program) = program.cloned() else {
            return self.refuse_right(sink, by, COMMANDS);
        };
        if message.params.len() > 1 {
            let text = "Its arguments are in the config; it takes no others";
            return self.notice(sink, by.conn, &format!("[{name}] {text}"));
        }
        let doer = self.doer(by);
        let runs = &self.runs.open;
        if runs.len() >= RUNS_MAX || runs.iter().any(|run| run.doer.operator == doer.operator) {
            return self.numeric(sink, by.conn, RPL_TRYAGAIN, &["COMMAND"]);
        }
        let batch = self.open_labelled_batch(sink, by.conn);
        self.runs.count += 1;
        let id = self.runs.count;
        self.requests.push(Request::Run { run: id, program });
        self.record(sink, by, 'o', "COMMAND", &name, "begun");
        let run = Run { id, name, asker: by.conn, doer, batch, rest: Vec::new() };
        self.runs.open.push(run);
    }

    /// Begins the reply to a labelled command that takes many turns.
    fn open_labelled_batch(&mut self, sink: &mut Sink, conn: ConnId) -> Option<String> {
        let label = sink.take_label()?;
        let reference = self.batch_reference();
        let server = &self.settings.server_name;
        let opening = format!("@label={label} :{server} BATCH +{reference} labeled-response\r\n");
        sink.out.write(conn, opening.as_bytes());
        Some(reference)
    }

    /// Forwards output of a program.
    pub fn program_said(&mut self, out: &mut Outbox, run: u64, bytes: &[u8]) {
        let Some(mut run) = self.take_run(run) else { return };
        run.rest.extend_from_slice(bytes);
        let whole = run.rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let lines: Vec<u8> = run.rest.drain(..whole).collect();
        self.tell_output(&mut Sink::new(out), &run, &lines);
        self.runs.open.push(run);
    }

    /// Reports the end of a program, after all of its output.
    pub fn program_ended(&mut self, out: &mut Outbox, run: u64, ended: &Ended) {
        let Some(run) = self.take_run(run) else { return };
        let sink = &mut Sink::new(out);
        self.tell_output(sink, &run, &run.rest);
        let text = ended.to_string();
        if let Some(asker) = self.asker(&run) {
            self.tell_line(sink, &run, asker, &text);
        }
        if self.sessions.is_here(run.asker)
            && let Some(batch) = &run.batch
        {
            let closing = format!("-{batch}");
            self.say(sink, run.asker, &self.settings.server_name, "BATCH", &[&closing]);
        }
        self.record_of(sink, &run.doer, "COMMAND", &run.name, &text);
    }

    fn take_run(&mut self, id: u64) -> Option<Run> {
        let place = self.runs.open.iter().position(|run| run.id == id)?;
        Some(self.runs.open.remove(place))
    }

    /// The operator who started it, if they are still here and may still run it.
    fn asker(&self, run: &Run) -> Option<UserId> {
        let user = self.sessions.is_here(run.asker).then(|| self.sessions[run.asker].user())??;
        self.class_of(user).is_some_and(|class| class.commands.contains(&run.name)).then_some(user)
    }

    /// Sends output as lines; the last one may lack its end.
    fn tell_output(&self, sink: &mut Sink, run: &Run, lines: &[u8]) {
        let Some(asker) = self.asker(run).filter(|_| !lines.is_empty()) else { return };
        let lines = lines.strip_suffix(b"\n").unwrap_or(lines);
        for line in lines.split(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let text = String::from_utf8_lossy(line).replace('\t', " ");
            let text = printable(&text);
            let mut rest = &*text;
            loop {
                let piece = shortened(rest, PIECE_MAX_BYTES);
                self.tell_line(sink, run, asker, piece);
                rest = &rest[piece.len()..];
                if rest.is_empty() {
                    break;
                }
            }
        }
    }

    /// Sends a line with the command's name in front, so that it passes for no other text of the
    /// server.
    fn tell_line(&self, sink: &mut Sink, run: &Run, asker: UserId, text: &str) {
        let text = format!("[{}] {text}", run.name);
        let params = [self.users[asker].nick()];
        let tags = LineTags { batch: run.batch.as_deref(), ..LineTags::default() };
        let line = Line::new(&self.settings.server_name, "NOTICE", &params).text(&*text);
        line.tagged(tags).to(sink, &self.sessions[run.asker]);
    }
}

/// Formats the end for the operator and the audit log.
impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Ended::Status(status) => write!(f, "ended with status {status}"),
            Ended::Signal(number) => write!(f, "ended by signal {number}"),
            Ended::TooLong => f.write_str("took too long and was killed"),
            Ended::TooMuch => f.write_str("said too much and was killed"),
            Ended::Stopped => f.write_str("was killed as the server ends"),
            Ended::NotStarted(why) => write!(f, "could not be started: {why}"),
        }
    }
}
