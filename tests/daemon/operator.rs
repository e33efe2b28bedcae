//! `stonechatd operator hash`, from a pipe and on a terminal.

use crate::process::PROGRAM;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use stonechat::auth::verifier::Verifier;

fn hash(stdin: Stdio) -> Child {
    let mut command = Command::new(PROGRAM);
    command.env_clear().args(["operator", "hash"]);
    command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Its exit status, stdout, and the unread rest of stderr.
fn end(child: Child) -> (i32, String, String) {
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn piped(input: &[u8]) -> (i32, String, String) {
    let mut child = hash(Stdio::piped());
    child.stdin.take().unwrap().write_all(input).unwrap();
    end(child)
}

#[test]
fn one_line_of_stdin_becomes_its_verifier_and_never_the_same_twice() {
    let mut printed = Vec::new();
    for input in ["correct horse\n", "correct horse\r\nmore\n", "correct horse"] {
        let (status, stdout, stderr) = piped(input.as_bytes());
        assert_eq!((status, &*stderr), (0, ""));
        assert!(Verifier::parse(stdout.trim_end()).unwrap().verifies("correct horse"), "{stdout}");
        assert!(!printed.contains(&stdout), "the salt is random");
        printed.push(stdout);
    }
}

#[test]
fn what_is_no_password_is_refused() {
    let long = "x".repeat(601);
    for (input, expected) in [
        ("", "the password is empty"),
        ("\n", "the password is empty"),
        ("\r\nsecond line\n", "the password is empty"),
        ("a\tb\n", "no control characters"),
        ("a\0b\n", "no control characters"),
        (&long, "more than 600 bytes"),
    ] {
        let (status, stdout, stderr) = piped(input.as_bytes());
        assert_eq!((status, &*stdout), (2, ""), "{stderr}");
        assert!(stderr.contains(expected), "{input:?}: {stderr}");
    }
    assert_eq!(piped(b"\xff\n").0, 2);
    let argument = Command::new(PROGRAM).args(["operator", "hash", "pencil"]).output().unwrap();
    assert_eq!(argument.status.code(), Some(2), "a password is no argument");
}

/// A terminal: the user's end, and the program's stdin.
fn terminal() -> (File, File) {
    let person = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&person).unwrap();
    unlockpt(&person).unwrap();
    let name = ptsname(&person, Vec::new()).unwrap().into_string().unwrap();
    let stdin = OpenOptions::new().read(true).write(true).open(name).unwrap();
    (File::from(person), stdin)
}

fn type_twice(first: &str, second: &str) -> (i32, String, String) {
    let (mut person, stdin) = terminal();
    let mut child = hash(Stdio::from(stdin.try_clone().unwrap()));
    for (prompt, typed) in [("password: ", first), ("again: ", second)] {
        let mut asked = vec![0; prompt.len()];
        child.stderr.as_mut().unwrap().read_exact(&mut asked).unwrap();
        assert_eq!(asked, prompt.as_bytes());
        person.write_all(typed.as_bytes()).unwrap();
        let mut seen = [0; 2];
        person.read_exact(&mut seen).unwrap();
        assert_eq!(&seen, b"\r\n", "nothing is seen but that the line has ended");
    }
    let ended = end(child);
    assert!(tcgetattr(&stdin).unwrap().local_modes.contains(LocalModes::ECHO));
    ended
}

#[test]
fn on_a_terminal_it_is_typed_twice_and_not_seen() {
    let (status, stdout, stderr) = type_twice("pencil\n", "pencil\n");
    assert_eq!((status, &*stderr), (0, ""));
    assert!(Verifier::parse(stdout.trim_end()).unwrap().verifies("pencil"));
    let (status, stdout, stderr) = type_twice("pencil\n", "pencils\n");
    assert_eq!((status, &*stdout, &*stderr), (2, "", "stonechatd: the passwords differ\n"));
}
