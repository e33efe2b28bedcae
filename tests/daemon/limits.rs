//! More connections, input and descriptors than there is room for.

use crate::process::{Client, Daemon};
use rustix::process::{Resource, Rlimit, prlimit};

#[test]
fn the_many_wait_and_are_let_in_as_others_leave() {
    let mut daemon = Daemon::start("limits.connections = 4\nlimits.accept_wait = \"1h\"");
    let mut inside: Vec<Client> = (0..4).map(|_| daemon.connect()).collect();
    inside.iter_mut().for_each(|client| assert_eq!(client.ask("in\n"), b"IN\n"));
    // Ten times more than the limit. All send before any is accepted.
    let mut outside: Vec<Client> = (0..40).map(|_| daemon.connect()).collect();
    outside.iter_mut().for_each(|client| client.send("waiting\n"));
    assert_eq!(daemon.metric(&open(&daemon)), 4);
    for mut client in outside {
        inside.remove(0).ask("CLOSE SOCKET\n");
        assert_eq!(client.hear(), b"WAITING\n");
        inside.push(client);
    }
    daemon.stop();
}

#[test]
fn who_has_waited_too_long_is_told_that_the_server_is_full() {
    let daemon = Daemon::start("limits.connections = 4\nlimits.accept_wait = \"1s\"");
    let mut inside: Vec<Client> = (0..4).map(|_| daemon.connect()).collect();
    inside.iter_mut().for_each(|client| assert_eq!(client.ask("in\n"), b"IN\n"));
    for _ in 0..2 {
        let mut outside: Vec<Client> = (0..40).map(|_| daemon.connect()).collect();
        outside.iter_mut().for_each(|client| client.send("may I?\n"));
        for client in &mut outside {
            assert_eq!(client.hear(), b"ERROR :server full\r\n");
        }
    }
    inside.iter_mut().for_each(|client| assert_eq!(client.ask("here\n"), b"HERE\n"));
    daemon.stop();
}

#[test]
fn with_64_descriptors_it_serves_as_many_as_it_can() {
    let mut daemon = Daemon::start_with(
        "limits.accept_wait = \"1s\"",
        &["--listen", "echo://127.0.0.1:0"],
        |command| {
            let program = command.get_program().to_owned();
            let args: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
            *command = std::process::Command::new("sh");
            command.args(["-c", "ulimit -n 64; exec \"$0\" \"$@\""]).arg(program).args(args);
            command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        },
    );
    assert_eq!(daemon.metric("stonechat_connections_max"), 48);
    let mut clients: Vec<Client> = (0..100).map(|_| daemon.connect()).collect();
    clients.iter_mut().for_each(|client| client.send("hello\n"));
    let answers: Vec<Vec<u8>> = clients.iter_mut().map(Client::hear).collect();
    let served = answers.iter().filter(|answer| *answer == b"HELLO\n").count();
    let refused = answers.iter().filter(|answer| *answer == b"ERROR :server full\r\n").count();
    assert_eq!((served, refused), (48, 52));
    drop(clients);
    let name = open(&daemon);
    daemon.await_metric(&name, 0);
    assert_eq!(daemon.connect().ask("again\n"), b"AGAIN\n");
    daemon.stop();
}

#[test]
fn without_descriptors_newcomers_are_told_and_the_others_are_served() {
    let mut daemon = Daemon::start("");
    let mut ann = daemon.connect();
    ann.ask("here\n");
    // Descriptors become scarce, and are taken.
    let in_use = daemon.metric("process_open_fds");
    let maximum = Some(daemon.metric("process_max_fds"));
    let scarce = Rlimit { current: Some(in_use + 4), maximum };
    let before = prlimit(Some(daemon.pid()), Resource::Nofile, scarce).unwrap();
    let mut others = Vec::new();
    loop {
        let mut other = daemon.connect();
        if other.ask("hello\n") != b"HELLO\n" {
            break;
        }
        others.push(other);
    }
    for _ in 0..100 {
        let mut bob = daemon.connect();
        assert_eq!(bob.hear_rest(), b"ERROR :server full\r\n");
        assert_eq!(ann.ask("still served\n"), b"STILL SERVED\n");
    }
    drop(others);
    let name = open(&daemon);
    daemon.await_metric(&name, 1);
    assert_eq!(daemon.connect().ask("there is room\n"), b"THERE IS ROOM\n");
    prlimit(Some(daemon.pid()), Resource::Nofile, before).unwrap();
    assert_eq!(daemon.connect().ask("back\n"), b"BACK\n");
    let log = daemon.stop();
    assert!(log.contains("out of file descriptors"), "{log}");
}

#[test]
fn endings_are_counted_by_their_reason() {
    let mut daemon = Daemon::start("");
    let closed = |daemon: &Daemon, reason: &str| {
        let url = &daemon.listening[0];
        format!("stonechat_connections_closed_total{{listener=\"{url}\",reason=\"{reason}\"}}")
    };
    daemon.connect().ask("CLOSE SOCKET\n");
    let mut ann = daemon.connect();
    ann.finish();
    ann.hear_rest();
    let mut bob = daemon.connect();
    bob.ask("here\n");
    bob.reset();
    for reason in ["done", "hangup", "reset"] {
        let name = closed(&daemon, reason);
        daemon.await_metric(&name, 1);
    }
    let name = open(&daemon);
    daemon.await_metric(&name, 0);
    daemon.stop();
}

#[test]
fn lines_too_long_are_counted() {
    let mut daemon = Daemon::start("echo.line_max = 10");
    let mut ann = daemon.connect();
    ann.ask("a line too long\n");
    ann.ask("a line\n");
    let of = format!("{{listener=\"{}\"}}", daemon.listening[0]);
    assert_eq!(daemon.metric(&format!("stonechat_too_long_lines_total{of}")), 1);
    assert_eq!(daemon.metric(&format!("stonechat_received_lines_total{of}")), 2);
    daemon.stop();
}

fn open(daemon: &Daemon) -> String {
    format!("stonechat_connections{{listener=\"{}\"}}", daemon.listening[0])
}
