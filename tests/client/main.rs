//! The program `stonechat` as a process: real sockets, pipes, signals, exit statuses.

mod stage;

use socket2::{Domain, Socket, Type};
use stage::{Client, EchoServer, any_port, pipe, read_line, refusing, reset, serve};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

#[test]
fn what_is_piped_in_comes_back() {
    let server = EchoServer::start(any_port());
    pipe(b"hi\n", &[&server.address.to_string()]).check(0, "HI\n", "");
}

#[test]
fn the_last_bytes_need_no_newline() {
    let server = EchoServer::start(any_port());
    pipe("one\r\ngrüße".as_bytes(), &[&server.address.to_string()]).check(0, "ONE\r\nGRÜSSE", "");
}

#[test]
fn nothing_in_is_nothing_out() {
    let server = EchoServer::start(any_port());
    pipe(b"", &[&server.address.to_string()]).check(0, "", "");
}

#[test]
fn many_lines_come_back_each_and_in_order() {
    let server = EchoServer::start(any_port());
    let input: String = (0..50_000).map(|n| format!("line {n} and some words\n")).collect();
    let left = pipe(input.as_bytes(), &[&server.address.to_string()]);
    assert!(left.stdout == input.to_uppercase().as_bytes(), "{} bytes", left.stdout.len());
    assert_eq!((left.status.code(), &*left.stderr), (Some(0), ""));
}

#[test]
fn a_server_that_closes_while_we_could_still_speak_is_reported() {
    let server = EchoServer::start(any_port());
    let mut client = Client::start(&[&server.address.to_string()]);
    let mut stdin = client.stdin();
    stdin.write_all(b"now CLOSE SOCKET please\n").unwrap();
    let said = "NOW CLOSE SOCKET PLEASE\n";
    client.wait().check(0, said, "stonechat: connection closed by server\n");
}

#[test]
fn answers_that_come_late_are_awaited_after_the_end_of_stdin() {
    let (address, server) = serve(|mut stream| {
        let mut heard = String::new();
        stream.read_to_string(&mut heard).unwrap();
        stream.write_all(b"only after your end").unwrap();
        heard
    });
    pipe(b"a question", &[&address]).check(0, "only after your end", "");
    assert_eq!(server.join().unwrap(), "a question");
}

#[test]
fn a_connection_that_is_reset_is_a_failure() {
    let (address, server) = serve(|mut stream| {
        read_line(&stream);
        stream.write_all(b"well\n").unwrap();
        // Wait until the line was read: a reset overtakes unread input.
        read_line(&stream);
        reset(stream);
    });
    let mut client = Client::start(&[&address]);
    let mut stdin = client.stdin();
    let mut stdout = BufReader::new(client.0.stdout.take().unwrap());
    stdin.write_all(b"hi\n").unwrap();
    let mut said = String::new();
    stdout.read_line(&mut said).unwrap();
    assert_eq!(said, "well\n");
    stdin.write_all(b"got it\n").unwrap();
    server.join().unwrap();
    let mut stderr = String::new();
    client.0.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!(stderr, "stonechat: connection lost (reset)\n");
    assert_eq!(client.0.wait().unwrap().code(), Some(1));
}

#[test]
fn the_second_server_is_tried_when_the_first_refuses() {
    let (refusing, _held) = refusing();
    let server = EchoServer::start(any_port());
    let address = server.address.to_string();
    let said = format!(
        "stonechat: cannot connect to {refusing}: connection refused\nstonechat: connected to {address}\n"
    );
    pipe(b"hi\n", &[&refusing, &address]).check(0, "HI\n", &said);
}

/// Its backlog is full, so connects get no answer.
#[cfg(target_os = "linux")]
#[test]
fn the_second_server_is_tried_when_the_first_is_silent() {
    let (silent, socket) = refusing();
    socket.listen(0).unwrap();
    let waiting: Vec<Socket> = (0..4)
        .map(|_| {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            socket.set_nonblocking(true).unwrap();
            let _ = socket.connect(&silent.parse::<SocketAddr>().unwrap().into());
            socket
        })
        .collect();
    let server = EchoServer::start(any_port());
    let address = server.address.to_string();
    let left = pipe(b"hi\n", &["--connect-timeout=100ms", &silent, &address]);
    drop(waiting);
    let said = format!(
        "stonechat: cannot connect to {silent}: timed out\nstonechat: connected to {address}\n"
    );
    left.check(0, "HI\n", &said);
}

#[test]
fn when_nobody_answers_each_is_named() {
    let ((one, _held), (two, _too)) = (refusing(), refusing());
    let said = format!(
        "stonechat: cannot connect to {one}: connection refused\n\
         stonechat: cannot connect to {two}: connection refused\n"
    );
    pipe(b"hi\n", &[&one, &two]).check(1, "", &said);
}

#[test]
fn a_name_is_looked_up() {
    let server = EchoServer::start(any_port());
    // If localhost is ::1 as well, that address refuses and is reported.
    let left = pipe(b"hi\n", &[&format!("localhost:{}", server.address.port())]);
    assert_eq!((left.status.code(), &left.stdout[..]), (Some(0), &b"HI\n"[..]));
}

#[test]
fn bad_usage_is_told_from_failure() {
    for (args, about) in [
        (&[][..], "required"),
        (&["host:0"], "'0' is not a port"),
        (&["host:irc"], "'irc' is not a port"),
        (&["[::1:7007"], "the bracket is not closed"),
        (&["--connect-timeout", "soon", "host"], "such as 3s"),
        (&["--connect-timeout", "0s", "host"], "more than 0"),
        (&["--connect-timeout=-3s", "host"], "more than 0"),
        (&["--recconect", "host"], "--reconnect"),
    ] {
        let left = pipe(b"", args);
        assert_eq!(left.status.code(), Some(2), "{args:?}");
        assert!(left.stderr.contains(about), "{args:?}: {}", left.stderr);
        assert!(left.stdout.is_empty());
    }
}

#[test]
fn help_tells_the_exit_statuses() {
    let left = pipe(b"", &["--help"]);
    assert_eq!(left.status.code(), Some(0));
    let help = String::from_utf8(left.stdout).unwrap();
    for words in ["--reconnect", "--connect-timeout", "Exit status", "130", "[::1]:7007"] {
        assert!(help.contains(words), "{words} is missing");
    }
    pipe(b"", &["--version"]).check(0, concat!("stonechat ", env!("CARGO_PKG_VERSION"), "\n"), "");
}

#[test]
fn control_c_ends_it_at_once() {
    let (address, server) = serve(|stream| {
        read_line(&stream);
        stream
    });
    let mut client = Client::start(&[&address]);
    let mut stdin = client.stdin();
    stdin.write_all(b"i am here\n").unwrap();
    let _stream = server.join().unwrap();
    let pid = rustix::process::Pid::from_child(&client.0);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    client.wait().check(130, "", "");
}

#[test]
fn it_comes_back_to_a_server_that_restarts() {
    // An address on which no other connection can take the port meanwhile.
    let server = EchoServer::start(([127, 0, 0, 77], 0).into());
    let address = server.address;
    let mut client = Client::start(&["--reconnect", &address.to_string()]);
    let mut stdin = client.stdin();
    let mut stdout = BufReader::new(client.0.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut stderr = BufReader::new(client.0.stderr.take().unwrap()).lines().map(Result::unwrap);
    stdin.write_all(b"one\n").unwrap();
    assert_eq!(stdout.next().unwrap(), "ONE");

    drop(server);
    assert_eq!(stdout.next().unwrap(), "ERROR :server shutting down");
    let said = stderr.next().unwrap();
    assert!(said.starts_with("stonechat: connection closed by server, connecting again in "));
    stdin.write_all(b"two\n").unwrap();

    let _server = EchoServer::start(address);
    assert_eq!(stdout.next().unwrap(), "TWO");
    let connected = format!("stonechat: connected to {address}");
    assert!(stderr.any(|said| said == connected));
    drop(stdin);
    assert_eq!(client.0.wait().unwrap().code(), Some(0));
    assert_eq!((stdout.next(), stderr.next()), (None, None));
}

#[test]
fn in_a_pipe_every_byte_passes_as_it_is() {
    let (address, server) = serve(|mut stream| {
        let all: Vec<u8> = (0..=255).cycle().take(100_000).collect();
        stream.write_all(&all).unwrap();
        all
    });
    let left = pipe(b"", &[&address]);
    assert!(left.stdout == server.join().unwrap());
    assert_eq!(left.status.code(), Some(0));
}

#[test]
fn nobody_reading_the_output_ends_it_quietly() {
    let (address, server) = serve(|mut stream| while stream.write_all(b"again\n").is_ok() {});
    let mut client = Client::start(&[&address]);
    let _stdin = client.stdin();
    let mut line = [0; 6];
    let mut stdout = client.0.stdout.take().unwrap();
    stdout.read_exact(&mut line).unwrap();
    drop(stdout);
    let mut stderr = String::new();
    client.0.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!((client.0.wait().unwrap().code(), &*stderr), (Some(0), ""));
    server.join().unwrap();
}

/// The server reads nothing until the writer to the program blocks; a program that read everything
/// would never block it.
#[cfg(target_os = "linux")]
#[test]
fn a_server_that_reads_slowly_holds_up_who_writes_and_fills_no_memory() {
    const INPUT_BYTES: usize = 50 << 20;
    let (go, at_go) = std::sync::mpsc::channel::<()>();
    let (all_read, at_all_read) = std::sync::mpsc::channel();
    let (leave, at_leave) = std::sync::mpsc::channel::<()>();
    let (address, server) = serve(move |mut stream| {
        at_go.recv().unwrap();
        let mut bytes = [0; 16 << 10];
        let (mut heard, mut in_order) = (0, true);
        loop {
            let n = stream.read(&mut bytes).unwrap();
            if n == 0 {
                break;
            }
            let expected = |(at, byte): (usize, &u8)| *byte == numbered(heard + at);
            in_order &= bytes[..n].iter().enumerate().all(expected);
            heard += n;
        }
        all_read.send((heard, in_order)).unwrap();
        at_leave.recv().unwrap();
        stream.shutdown(Shutdown::Both).unwrap();
    });

    let mut client = Client::start(&[&address]);
    let mut stdin = client.stdin();
    let written = Arc::new(AtomicUsize::new(0));
    let progress = written.clone();
    let writer = thread::spawn(move || {
        let input: Vec<u8> = (0..INPUT_BYTES).map(numbered).collect();
        for piece in input.chunks(64 << 10) {
            stdin.write_all(piece).unwrap();
            progress.fetch_add(piece.len(), Ordering::SeqCst);
        }
    });
    let mut before = 0;
    loop {
        thread::sleep(Duration::from_millis(300));
        let now = written.load(Ordering::SeqCst);
        if now > 0 && now == before {
            break;
        }
        before = now;
    }
    assert!(before < INPUT_BYTES, "nothing held it up");
    go.send(()).unwrap();
    assert_eq!(at_all_read.recv().unwrap(), (INPUT_BYTES, true));
    let peak_kib = peak_memory_kib(client.0.id());
    assert!(peak_kib < 24 << 10, "{peak_kib} KiB at its peak");
    leave.send(()).unwrap();
    writer.join().unwrap();
    client.wait().check(0, "", "");
    server.join().unwrap();
}

/// The byte at a position, to check the order.
fn numbered(at: usize) -> u8 {
    (at % 251) as u8
}

fn peak_memory_kib(pid: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
