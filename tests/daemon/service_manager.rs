//! The daemon under a service manager: notification, watchdog, listening sockets passed to it.

use crate::process::{Client, Daemon};
use rustix::process::Signal;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process::{Command, Stdio};

fn heard(manager: &UnixDatagram) -> String {
    let mut buf = [0; 512];
    let n = manager.recv(&mut buf).unwrap();
    String::from_utf8(buf[..n].to_vec()).unwrap()
}

fn notified(manager: &UnixDatagram, socket: &str) {
    let daemon = Daemon::start_with("", &["--listen", "echo://127.0.0.1:0"], |command| {
        command.env("NOTIFY_SOCKET", socket);
    });
    assert_eq!(heard(manager), "READY=1");
    daemon.signal(Signal::HUP);
    let reloading = heard(manager);
    assert!(reloading.starts_with("RELOADING=1\nMONOTONIC_USEC="), "{reloading}");
    assert_eq!(heard(manager), "READY=1");
    daemon.stop();
    assert_eq!(heard(manager), "STOPPING=1");
}

#[test]
fn the_service_manager_is_told_of_each_step() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notify");
    notified(&UnixDatagram::bind(&path).unwrap(), path.to_str().unwrap());
}

#[test]
fn its_socket_may_be_an_abstract_one() {
    let name = format!("stonechat-test-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    notified(&UnixDatagram::bind_addr(&address).unwrap(), &format!("@{name}"));
}

#[test]
fn the_watchdog_hears_it_while_it_idles() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    let daemon = Daemon::start_with("", &["--listen", "echo://127.0.0.1:0"], |command| {
        command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "20000");
    });
    assert_eq!(heard(&manager), "READY=1");
    (0..10).for_each(|_| assert_eq!(heard(&manager), "WATCHDOG=1"));
    drop(daemon);
}

/// Starts it with `listener` as descriptor 3, as a service manager does.
fn passed(listener: TcpListener, config: &str, names: &str) -> Daemon {
    Daemon::start_with(config, &[], |command| {
        let program = command.get_program().to_owned();
        let args: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
        *command = Command::new("sh");
        let script = "export LISTEN_PID=$$; exec \"$0\" \"$@\" 3<&0 0</dev/null";
        command.args(["-c", script]).arg(program).args(args);
        command.env("LISTEN_FDS", "1").env("LISTEN_FDNAMES", names);
        command.stdin(OwnedFd::from(listener)).stdout(Stdio::piped()).stderr(Stdio::piped());
    })
}

#[test]
fn listening_sockets_that_are_passed_are_used() {
    for (names, listed) in [("echo", false), ("echo.socket", false), ("stonechatd.socket", true)] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("echo://{}", listener.local_addr().unwrap());
        let config = if listed { format!("listen = [\"{url}\"]") } else { String::new() };
        // A client that connects before the daemon runs waits, and loses nothing.
        let mut early = Client::connect(listener.local_addr().unwrap());
        early.send("early\n");
        let mut daemon = passed(listener, &config, names);
        assert_eq!(daemon.listening, [url.as_str()]);
        assert_eq!(early.hear(), b"EARLY\n");
        daemon.signal(Signal::HUP);
        daemon.await_metric("stonechat_reloads_total{result=\"taken\"}", 1);
        assert_eq!(daemon.connect().ask("after a reload\n"), b"AFTER A RELOAD\n");
        daemon.stop();
    }
}
