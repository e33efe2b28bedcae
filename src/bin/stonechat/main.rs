//! The terminal client: arguments, signals, stdout and stderr around the loop.

mod args;
mod stdin;

use args::Args;
use clap::Parser;
use jiff::tz::TimeZone;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::Receiver;
use std::time::Duration;
use stdin::Stdin;
use stonechat::client::{Client, Outcome, Screen};
use stonechat::net::reactor::{Reactor, Signal};
use stonechat::net::{EventLoop, Limits, Outbox};
use stonechat::rate::Backoff;

fn main() -> ExitCode {
    let args = Args::parse();
    let status = run(args).unwrap_or_else(|e| match e.kind() {
        // The reader of our output has closed it, as `head` does.
        ErrorKind::BrokenPipe => 0,
        _ => {
            say(&e.to_string());
            1
        }
    });
    ExitCode::from(status)
}

/// Runs the client. Returns the exit status; an error concerns stdin, stdout, or the poll.
fn run(args: Args) -> io::Result<u8> {
    exit_at_second_interrupt()?;
    let mut reactor = Reactor::new()?;
    let screen = if io::stdout().is_terminal() {
        Screen::terminal(TimeZone::system())
    } else {
        Screen::pipe()
    };
    let backoff = args.reconnect.then(|| Backoff::new(fastrand::Rng::new()));
    let client = Client::new(args.targets, backoff, screen);
    let limits = Limits {
        connect_timeout: args.connect_timeout,
        drain_timeout: LEAVE_TIMEOUT,
        ..Limits::default()
    };
    let mut conversation = EventLoop::new(client, limits);
    let stdin = stdin::read(wake(&reactor));
    conversation.inject(Client::start);
    loop {
        let heard = reactor.turn(&mut conversation, None)?;
        let fed = conversation.inject(|client, out| feed(client, out, &stdin));
        print(&mut conversation.service.screen)?;
        fed?;
        if let Some(status) = heard.signals.into_iter().find_map(exit_status) {
            leave_line_clean(conversation.service);
            return Ok(status);
        }
        match conversation.service.outcome() {
            Some(Outcome::Done) => return Ok(0),
            Some(Outcome::Failed) => return Ok(1),
            None => {}
        }
    }
}

/// How long a server that has ended its half may take to read earlier input.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(2);

/// Ends the process at the second Ctrl-C. The loop handles the first one, but may be waiting for
/// stdout.
fn exit_at_second_interrupt() -> io::Result<()> {
    const INTERRUPT: i32 = signal_hook::consts::SIGINT;
    let interrupted = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register_conditional_shutdown(INTERRUPT, 130, interrupted.clone())?;
    signal_hook::flag::register(INTERRUPT, interrupted)?;
    Ok(())
}

/// 128 plus the signal's number, as in shells.
fn exit_status(signal: Signal) -> Option<u8> {
    match signal {
        Signal::Hangup => Some(129),
        Signal::Interrupt => Some(130),
        Signal::Terminate => Some(143),
        Signal::User1 | Signal::Child => None,
    }
}

fn wake(reactor: &Reactor) -> impl Fn() + Send + 'static {
    let waker = reactor.waker();
    move || waker.wake().expect("the poll lives as long as the program")
}

/// Takes as much from stdin as the connection has room for; the rest waits, and so does its writer.
fn feed(client: &mut Client, out: &mut Outbox, stdin: &Receiver<Stdin>) -> io::Result<()> {
    while client.takes_input(out, stdin::READ_BYTES) {
        match stdin.try_recv() {
            Ok(Stdin::Bytes(bytes)) => client.input(out, &bytes),
            Ok(Stdin::Ended) => client.end_input(out),
            Ok(Stdin::Failed(e)) => {
                return Err(io::Error::other(format!("cannot read stdin: {e}")));
            }
            Err(_) => break,
        }
    }
    Ok(())
}

/// Prints pending output. Blocks while stdout takes nothing; the server waits meanwhile.
fn print(screen: &mut Screen) -> io::Result<()> {
    if !screen.output.is_empty() {
        let mut stdout = io::stdout().lock();
        stdout.write_all(&screen.output).and_then(|()| stdout.flush()).map_err(of_stdout)?;
        screen.output.clear();
    }
    screen.notes.drain(..).for_each(|note| say(&note));
    Ok(())
}

fn of_stdout(e: io::Error) -> io::Error {
    match e.kind() {
        ErrorKind::BrokenPipe => e,
        kind => io::Error::new(kind, format!("cannot write to stdout: {e}")),
    }
}

/// Begins a new line after the `^C` and input that the terminal has shown.
fn leave_line_clean(client: Client) {
    if client.screen.is_terminal() {
        let _ = io::stdout().write_all(b"\n");
    }
}

fn say(text: &str) {
    let _ = writeln!(io::stderr(), "stonechat: {text}");
}
