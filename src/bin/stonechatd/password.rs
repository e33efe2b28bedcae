//! Passwords from a terminal or from stdin, never from an argument, as every user of the machine
//! can read those.

use crate::Failure;
use rustix::termios::{LocalModes, OptionalActions, Termios, isatty, tcgetattr, tcsetattr};
use std::io::{self, BufRead, Read, Stdin};
use stonechat::auth::password::Password;
use stonechat::auth::verifier::{ITERATIONS, SALT_BYTES, Verifier};

/// Reads a password: typed twice on a terminal, or one line of stdin.
fn read() -> Result<Password, Failure> {
    let stdin = io::stdin();
    match isatty(&stdin) {
        true => typed(&stdin),
        false => line(&stdin),
    }
}

/// Reads a password and makes its verifier.
pub fn verifier() -> Result<Verifier, Failure> {
    let password = read()?;
    let mut salt = [0; SALT_BYTES];
    getrandom::fill(&mut salt)
        .map_err(|e| Failure::other(format!("the system gives no random bytes: {e}")))?;
    Ok(Verifier::new(password.as_str(), ITERATIONS, salt))
}

fn typed(terminal: &Stdin) -> Result<Password, Failure> {
    let silence = Silence::over(terminal);
    let _silence = silence.map_err(|e| Failure::other(format!("cannot turn off the echo: {e}")))?;
    eprint!("password: ");
    let password = line(terminal)?;
    eprint!("again: ");
    if line(terminal)?.as_str() != password.as_str() {
        return Err(Failure::usage("the passwords differ"));
    }
    Ok(password)
}

/// Turns the terminal's echo off for as long as this lives. A signal that ends us leaves it off;
/// shells then restore it, as after getpass(3).
struct Silence<'a> {
    terminal: &'a Stdin,
    before: Termios,
}

impl Silence<'_> {
    fn over(terminal: &Stdin) -> io::Result<Silence<'_>> {
        let before = tcgetattr(terminal)?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        silent.local_modes.insert(LocalModes::ECHONL);
        tcsetattr(terminal, OptionalActions::Flush, &silent)?;
        Ok(Silence { terminal, before })
    }
}

impl Drop for Silence<'_> {
    fn drop(&mut self) {
        // If the terminal has gone, there is no echo to restore.
        let _ = tcsetattr(self.terminal, OptionalActions::Now, &self.before);
    }
}

/// The next line, without its ending.
fn line(stdin: &Stdin) -> Result<Password, Failure> {
    let mut line = Vec::new();
    stdin
        .lock()
        .take(Password::BYTES_MAX as u64 + 2)
        .read_until(b'\n', &mut line)
        .map_err(|e| Failure::other(format!("cannot read the password: {e}")))?;
    let line = line.strip_suffix(b"\n").unwrap_or(&line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let text = str::from_utf8(line).map_err(|_| Failure::usage("a password is UTF-8"))?;
    if text.contains(char::is_control) {
        return Err(Failure::usage("a password has no control characters in it"));
    }
    Password::parse(text).map_err(Failure::usage)
}
