//! One daemon under test, and clients of it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::Arc;
use tempfile::TempDir;

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_stonechatd");

/// A running daemon with a data directory of its own, killed when dropped.
pub struct Daemon {
    child: Child,
    pub stdout: BufReader<ChildStdout>,
    stderr: Option<ChildStderr>,
    /// What it printed before `ready`.
    pub listening: Vec<String>,
    /// The fingerprints of its certificates.
    pub fingerprints: Vec<String>,
    pub dir: Arc<TempDir>,
}

impl Daemon {
    /// Starts a daemon with one echo listener, and `config` as its config file.
    pub fn start(config: &str) -> Daemon {
        Daemon::start_with(config, &["--listen", "echo://127.0.0.1:0"], |_| {})
    }

    pub fn start_with(config: &str, flags: &[&str], prepare: impl FnOnce(&mut Command)) -> Daemon {
        let dir = Arc::new(tempfile::tempdir().unwrap());
        Daemon::start_in(dir, config, flags, prepare)
    }

    /// Starts a daemon with the data of an earlier one.
    pub fn start_in(
        dir: Arc<TempDir>,
        config: &str,
        flags: &[&str],
        prepare: impl FnOnce(&mut Command),
    ) -> Daemon {
        std::fs::write(dir.path().join("config.toml"), config).unwrap();
        let mut command = command(dir.path());
        command.args(flags);
        prepare(&mut command);
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let stderr = child.stderr.take();
        let (mut listening, mut fingerprints) = (Vec::new(), Vec::new());
        loop {
            let mut line = String::new();
            if stdout.read_line(&mut line).unwrap() == 0 {
                let mut log = String::new();
                stderr.unwrap().read_to_string(&mut log).unwrap();
                panic!("it ended before it was ready: {log}");
            }
            match line.trim_end().split_once(' ') {
                Some(("listening", url)) => listening.push(url.to_owned()),
                Some(("certificate", text)) => {
                    let (_, fingerprint) = text.rsplit_once(" SHA-256 ").expect("a fingerprint");
                    fingerprints.push(fingerprint.to_owned());
                }
                _ => break assert_eq!(line, "ready\n"),
            }
        }
        Daemon { child, stdout, stderr, listening, fingerprints, dir }
    }

    pub fn config(&self) -> PathBuf {
        self.dir.path().join("config.toml")
    }

    /// The address of the first listener.
    pub fn address(&self) -> SocketAddr {
        self.listening[0].strip_prefix("echo://").unwrap().parse().unwrap()
    }

    pub fn connect(&self) -> Client {
        Client::connect(self.address())
    }

    pub fn pid(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_child(&self.child)
    }

    pub fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(self.pid(), signal).unwrap();
    }

    /// Reads stdout up to a line that begins with `start`.
    pub fn read_until(&mut self, start: &str) -> String {
        let mut text = String::new();
        while !text.lines().last().is_some_and(|line| line.starts_with(start)) {
            assert_ne!(self.stdout.read_line(&mut text).unwrap(), 0, "no {start} in {text}");
        }
        text
    }

    /// Its metrics, as it prints them on SIGUSR1.
    pub fn metrics(&mut self) -> String {
        self.signal(rustix::process::Signal::USR1);
        self.read_until("process_cpu_seconds_total")
    }

    pub fn metric(&mut self, name: &str) -> u64 {
        let metrics = self.metrics();
        let found = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        found.unwrap_or_else(|| panic!("no {name} in {metrics}")).parse().unwrap()
    }

    /// Waits until a metric has a value.
    pub fn await_metric(&mut self, name: &str, value: u64) {
        while self.metric(name) != value {
            std::thread::yield_now();
        }
    }

    /// Its anonymous memory, in bytes.
    pub fn rss_anon(&self) -> u64 {
        let pid = self.child.id();
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
    }

    /// Waits for its end. Returns the exit status and the log.
    pub fn wait(&mut self) -> (ExitStatus, String) {
        let mut log = String::new();
        self.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        (self.child.wait().unwrap(), log)
    }

    /// Kills it; its data remains.
    pub fn kill(mut self) -> Arc<TempDir> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.dir.clone()
    }

    /// Stops it in good order, and returns the log.
    pub fn stop(mut self) -> String {
        self.signal(rustix::process::Signal::TERM);
        let (status, log) = self.wait();
        assert_eq!(status.code(), Some(0), "{log}");
        log
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A daemon's command that finds its config and data in `dir`, and nothing in the environment.
pub fn command(dir: &Path) -> Command {
    let mut command = Command::new(PROGRAM);
    command
        .env_clear()
        .arg("--config")
        .arg(dir.join("config.toml"))
        .arg("--data")
        .arg(dir.join("data"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs a daemon that must fail before it serves. Returns its exit status, stdout and stderr. If it
/// becomes `ready`, it is killed.
pub fn run(command: &mut Command) -> (i32, String, String) {
    let piped = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().unwrap();
    let mut stderr = child.stderr.take().unwrap();
    let errors = std::thread::spawn(move || {
        let mut text = String::new();
        stderr.read_to_string(&mut text).unwrap();
        text
    });
    let mut stdout = String::new();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    while reader.read_line(&mut stdout).unwrap() > 0 {
        if stdout.lines().last() == Some("ready") {
            child.kill().unwrap();
        }
    }
    let status = child.wait().unwrap();
    let stderr = errors.join().unwrap();
    (status.code().unwrap_or_else(|| panic!("it serves: {stdout}{stderr}")), stdout, stderr)
}

pub struct Client {
    pub stream: TcpStream,
    reader: BufReader<TcpStream>,
}

impl Client {
    pub fn connect(address: SocketAddr) -> Client {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        let reader = BufReader::new(stream.try_clone().unwrap());
        Client { stream, reader }
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
    }

    pub fn hear(&mut self) -> Vec<u8> {
        let mut line = Vec::new();
        self.reader.read_until(b'\n', &mut line).unwrap();
        line
    }

    /// The next line, or an incomplete one; `None` after the end.
    pub fn hear_if_any(&mut self) -> Option<Vec<u8>> {
        let mut line = Vec::new();
        let heard = self.reader.read_until(b'\n', &mut line);
        (heard.is_ok() && !line.is_empty()).then_some(line)
    }

    /// Sends a line and hears the answer to it.
    pub fn ask(&mut self, line: impl AsRef<[u8]>) -> Vec<u8> {
        self.send(line);
        self.hear()
    }

    pub fn finish(&mut self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    /// All further input up to the end.
    pub fn hear_rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        self.reader.read_to_end(&mut rest).unwrap();
        rest
    }

    /// Cuts the connection with a reset, as a process that is killed may.
    pub fn reset(self) {
        let socket = socket2::SockRef::from(&self.stream);
        socket.set_linger(Some(std::time::Duration::ZERO)).unwrap();
    }
}
