//! Programs of COMMAND: each runs in a process group of its own, without our files, within limits
//! of time and output. The loop watches the pipe of their output.

use rustix::process::{Pid, Signal as Kill, WaitId, WaitIdOptions, kill_process_group, waitid};
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;
use stonechat::chat::{Ended, Program};
use stonechat::net::reactor::{Heard, PipeId, Reactor, Signal};

/// The running programs.
#[derive(Default)]
pub struct Programs(Vec<Running>);

struct Running {
    /// Its number in chat.
    run: u64,
    child: Child,
    /// The process group. Its number is not reused before we have reaped the child.
    group: Pid,
    pipe: PipeId,
    bytes_left: usize,
    lines_left: usize,
    until_ms: u64,
    /// Set if we have killed it, with the reason.
    killed: Option<Ended>,
}

/// An event of a program.
pub enum News {
    /// Output.
    Said(Vec<u8>),
    /// The end.
    Ended(Ended),
}

/// The most lines of output: each is sent with a frame of its own.
const LINES_MAX: usize = 200;

/// The only variable of its environment.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

impl Programs {
    /// Starts a program.
    pub fn start(&mut self, reactor: &mut Reactor, run: u64, program: &Program) -> io::Result<()> {
        let (reader, writer) = io::pipe()?;
        let mut command = Command::new(&program.path);
        command
            .args(&program.args)
            .env_clear()
            .env("PATH", PATH)
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(writer.try_clone()?)
            .stderr(writer);
        let pipe = reactor.watch(reader)?;
        let child = command.spawn().inspect_err(|_| reactor.close_pipe(pipe))?;
        self.0.push(Running {
            run,
            group: Pid::from_child(&child),
            child,
            pipe,
            bytes_left: program.output_max,
            lines_left: LINES_MAX,
            until_ms: reactor.now().uptime_ms + program.timeout.as_millis() as u64,
            killed: None,
        });
        Ok(())
    }

    /// Time until a program must be checked without an event.
    pub fn wait(&self, now_ms: u64) -> Option<Duration> {
        let running = self.0.iter().filter(|running| running.killed.is_none());
        let until_ms = running.map(|running| running.until_ms).min()?;
        Some(Duration::from_millis(until_ms.saturating_sub(now_ms)))
    }

    /// Collects the events, after a turn that heard `heard`.
    pub fn look(&mut self, reactor: &mut Reactor, heard: &Heard) -> Vec<(u64, News)> {
        let now_ms = reactor.now().uptime_ms;
        let mut news = Vec::new();
        self.0.retain_mut(|running| {
            if heard.pipes.contains(&running.pipe) {
                running.read(reactor, &mut news);
            }
            let Some(status) = running.ended(heard) else {
                if now_ms >= running.until_ms {
                    running.kill(Ended::TooLong);
                }
                return true;
            };
            // The rest in the pipe; its children are gone by now.
            running.read(reactor, &mut news);
            reactor.close_pipe(running.pipe);
            let ended = running.killed.take().unwrap_or_else(|| how(status));
            news.push((running.run, News::Ended(ended)));
            false
        });
        news
    }

    /// Kills all programs.
    pub fn stop(&mut self) {
        self.0.iter_mut().for_each(|running| running.kill(Ended::Stopped));
    }

    /// Whether none runs.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Running {
    /// Reads its pipe. Kills it if that is too much.
    fn read(&mut self, reactor: &mut Reactor, news: &mut Vec<(u64, News)>) {
        if self.killed == Some(Ended::TooMuch) {
            return;
        }
        let mut said = Vec::new();
        // One byte more than the limit: output of exactly the limit is allowed.
        let read = reactor.read_pipe(self.pipe, &mut said, self.bytes_left + 1);
        if let Err(e) = read {
            log::warn!("cannot read the output of a program: {e}");
        }
        let too_long = said.len() > self.bytes_left;
        said.truncate(self.bytes_left);
        let too_much = self.cut_lines(&mut said) || too_long;
        self.bytes_left -= said.len();
        if !said.is_empty() {
            news.push((self.run, News::Said(said)));
        }
        if too_much {
            self.kill(Ended::TooMuch);
        }
    }

    /// Cuts off the output after the last allowed line. Returns whether there was any.
    fn cut_lines(&mut self, said: &mut Vec<u8>) -> bool {
        let ends = said.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
        let ends: Vec<usize> = ends.map(|(at, _)| at + 1).take(self.lines_left).collect();
        self.lines_left -= ends.len();
        let allowed = match self.lines_left {
            0 => ends.last().copied().unwrap_or_default(),
            _ => said.len(),
        };
        let too_much = said.len() > allowed;
        said.truncate(allowed);
        too_much
    }

    fn kill(&mut self, why: Ended) {
        if self.killed.is_none() {
            self.killed = Some(why);
            self.kill_group();
        }
    }

    fn kill_group(&self) {
        // This fails only if the group is empty.
        let _ = kill_process_group(self.group, Kill::KILL);
    }

    /// The exit status, once it has ended. First kills the rest of its group, whose number can't be
    /// reused before the child is reaped.
    fn ended(&mut self, heard: &Heard) -> Option<ExitStatus> {
        if !heard.signals.contains(&Signal::Child) {
            return None;
        }
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        waitid(WaitId::Pid(self.group), look).ok()??;
        self.kill_group();
        self.child.try_wait().ok()?
    }
}

/// Kills all programs when the daemon ends at once or fails.
impl Drop for Programs {
    fn drop(&mut self) {
        self.stop();
    }
}

fn how(status: ExitStatus) -> Ended {
    match (status.code(), status.signal()) {
        (Some(code), _) => Ended::Status(code),
        (None, signal) => Ended::Signal(signal.unwrap_or_default()),
    }
}
