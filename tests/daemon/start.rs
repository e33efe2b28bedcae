//! Starting, and failing to start: output and exit status.

use crate::process::{Client, Daemon, PROGRAM, command, run};
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::process::Command;

/// Runs it with `config`, and expects it to fail.
fn fails(config: &str, flags: &[&str]) -> (i32, String) {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("config.toml"), config).unwrap();
    let mut command = Command::new(PROGRAM);
    command.env_clear().args(flags);
    if !flags.contains(&"--config") {
        command.arg("--config").arg(dir.path().join("config.toml"));
    }
    if !flags.contains(&"--data") {
        command.arg("--data").arg(dir.path().join("data"));
    }
    let (status, stdout, stderr) = run(&mut command);
    assert!(!stdout.contains("ready"), "{stdout}");
    (status, stderr)
}

#[test]
fn each_listener_is_printed_and_then_ready() {
    let flags = ["--listen", "echo://127.0.0.1:0", "--listen", "echo://localhost:0"];
    let daemon = Daemon::start_with("", &flags, |_| {});
    for url in &daemon.listening {
        let address = url.strip_prefix("echo://").unwrap().parse().unwrap();
        assert_eq!(Client::connect(address).ask("hello\n"), b"HELLO\n");
    }
    assert!(daemon.listening.len() >= 2);
    daemon.stop();
}

#[test]
fn the_environment_stands_between_flags_and_file() {
    let file = "listen = [\"echo://127.0.0.1:1\"]\necho.line_max = 1";
    let mut daemon = Daemon::start_with(file, &[], |command| {
        command.env("STONECHAT_LISTEN", "echo://127.0.0.1:0,echo://127.0.0.2:0");
        command.env("STONECHAT_ECHO_LINE_MAX", "3");
    });
    assert_eq!(daemon.listening.len(), 2);
    assert_eq!(daemon.connect().ask("abc\n"), b"ABC\n");
    daemon.metrics();
    daemon.stop();
}

#[test]
fn a_bad_config_is_refused_with_its_place() {
    for (config, expected) in [
        (
            "\n[limits]\nconections = 1",
            "config.toml:3:1: unknown key `conections`, did you mean `connections`?",
        ),
        ("echo.line_max = true", "config.toml:1:17: echo.line_max: `true` is not a size"),
        ("listen = [\"echo://nowhere\"]", "config.toml:1:11: listen: no port in `echo://nowhere`"),
        ("listen = []", "`listen` is empty"),
    ] {
        let (status, stderr) = fails(config, &[]);
        assert_eq!(status, 2, "{stderr}");
        assert!(stderr.contains(expected), "{stderr}");
    }
    let (status, stderr) = fails("", &["--config", "/nowhere/at/all"]);
    assert_eq!(status, 2, "{stderr}");
    assert!(stderr.contains("cannot read config /nowhere/at/all"), "{stderr}");
    let (status, stderr) = fails("", &["--listen", "echo://127.0.0.1:http"]);
    assert_eq!(status, 2, "{stderr}");
    assert!(stderr.contains("bad port"), "{stderr}");
}

#[test]
fn a_port_in_use_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("echo://{}", taken.local_addr().unwrap());
    let (status, stderr) = fails("", &["--listen", &url]);
    assert_eq!(status, 3, "{stderr}");
    assert!(
        stderr.contains(&format!("cannot listen on {url}: Address already in use")),
        "{stderr}"
    );
}

#[test]
fn data_that_cannot_be_kept_is_refused() {
    let (status, stderr) = fails("", &["--data", "/proc/no/such/place"]);
    assert_eq!(status, 3, "{stderr}");
    assert!(stderr.contains("cannot make the data directory /proc/no/such/place"), "{stderr}");
}

#[test]
fn the_data_directory_is_its_owners_alone_and_one_daemons() {
    let daemon = Daemon::start("");
    let data = daemon.dir.path().join("data");
    assert_eq!(fs::metadata(&data).unwrap().permissions().mode() & 0o777, 0o700);
    let second = ["--listen", "echo://127.0.0.1:0"];
    let (status, _, stderr) = run(command(daemon.dir.path()).args(second));
    assert_eq!(status, 3, "{stderr}");
    assert!(stderr.contains("another stonechatd uses the data directory"), "{stderr}");
    let dir = daemon.dir.path().to_owned();
    drop(daemon); // killed: nothing is left that could stand in the way
    fs::create_dir_all(&data).unwrap();
    fs::write(dir.join("config.toml"), "").unwrap();
    let (status, stdout, stderr) = run(command(&dir).arg("check"));
    assert_eq!(status, 0, "{stdout}{stderr}");
    let _ = fs::remove_dir_all(dir);
}

#[test]
fn a_data_directory_that_others_may_write_to_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    fs::create_dir(&data).unwrap();
    let start = || {
        let data = data.to_str().unwrap();
        fails("", &["--data", data, "--listen", "echo://127.0.0.1:0"])
    };
    for mode in [0o777, 0o770, 0o1777, 0o702] {
        fs::set_permissions(&data, fs::Permissions::from_mode(mode)).unwrap();
        let (status, stderr) = start();
        assert_eq!(status, 3, "{stderr}");
        assert!(stderr.contains("others may write to the data directory"), "{stderr}");
        assert!(stderr.contains("`chmod 700 "), "{stderr}");
        assert_eq!(data.read_dir().unwrap().count(), 0, "nothing is made there");
    }
    fs::set_permissions(&data, fs::Permissions::from_mode(0o755)).unwrap();
    let victim = dir.path().join("victim");
    fs::write(&victim, "precious").unwrap();
    for name in [
        "lock",
        "secret",
        "secret.part",
        "key.pem",
        "key.part",
        "certificate.pem",
        "control",
        "stonechat.db",
        "stonechat.db-wal",
    ] {
        let link = data.join(name);
        std::os::unix::fs::symlink(&victim, &link).unwrap();
        let (status, stderr) = start();
        assert_eq!(status, 3, "{name}: {stderr}");
        assert!(stderr.contains(&format!("{} is a symbolic link", link.display())), "{stderr}");
        fs::remove_file(&link).unwrap();
        fs::write(&link, "x").unwrap();
        fs::set_permissions(&link, fs::Permissions::from_mode(0o666)).unwrap();
        let (status, stderr) = start();
        assert_eq!(status, 3, "{name}: {stderr}");
        assert!(stderr.contains(&format!("others may write to {}", link.display())), "{stderr}");
        fs::remove_file(&link).unwrap();
    }
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
}

#[test]
fn a_service_managers_configuration_directory_is_read() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("stonechat.toml"), "chat.server_name = \"given\"").unwrap();
    let check = |variables: &[(&str, &std::path::Path)]| {
        let mut command = Command::new(PROGRAM);
        command.env_clear().env("HOME", dir.path()).arg("check").envs(variables.iter().copied());
        let (status, stdout, stderr) = run(&mut command);
        assert_eq!(status, 0, "{stderr}");
        stdout
    };
    let given = check(&[("CONFIGURATION_DIRECTORY", dir.path())]);
    assert!(given.contains("chat server given of"), "{given}");
    let none = check(&[("CONFIGURATION_DIRECTORY", &dir.path().join("none"))]);
    assert!(none.contains("config none, all defaults"), "{none}");
}

#[test]
fn with_data_in_memory_nothing_is_written() {
    let flags = ["--data", ":memory:", "--listen", "echo://127.0.0.1:0"];
    let daemon = Daemon::start_with("", &[], |command| {
        *command = {
            let mut bare = Command::new(PROGRAM);
            bare.env_clear().env("HOME", "/nonexistent").args(flags);
            bare.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
            bare
        }
    });
    assert_eq!(daemon.connect().ask("hello\n"), b"HELLO\n");
    daemon.stop();
}

#[test]
fn check_says_what_it_would_do_and_config_prints_a_valid_file() {
    let dir = tempfile::tempdir().unwrap();
    let (status, text, _) = run(Command::new(PROGRAM).arg("config"));
    assert_eq!(status, 0);
    assert!(text.lines().count() <= 170);
    fs::write(dir.path().join("config.toml"), text).unwrap();
    let (status, stdout, stderr) = run(command(dir.path()).arg("check"));
    assert_eq!(status, 0, "{stderr}");
    for listen in [
        "echo://127.0.0.1:7007",
        "echo://[::1]:7007",
        "irc://127.0.0.1:6667",
        "irc://[::1]:6667",
        "ircs://127.0.0.1:6697",
        "ircs://[::1]:6697",
    ] {
        assert!(stdout.contains(&format!("listen {listen}\n")), "{stdout}");
    }
    assert!(!dir.path().join("data").exists(), "check leaves no trace");
    fs::write(dir.path().join("config.toml"), "no = 1").unwrap();
    assert_eq!(run(command(dir.path()).arg("check")).0, 2);
}

#[test]
fn check_tells_of_addresses_that_cannot_be_had() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    for (listen, status, expected) in [
        (vec![format!("irc://127.0.0.1:{port}")], 0, ""), // a daemon that runs may have it
        (
            vec![format!("irc://127.0.0.1:{port}"), format!("echo://127.0.0.1:{port}")],
            2,
            "are one address: remove one",
        ),
        (
            vec![format!("irc://127.0.0.1:{port}"), format!("irc://0.0.0.0:{port}")],
            2,
            "are one address: remove one",
        ),
        (vec!["irc://127.0.0.1:0".into(), "irc://127.0.0.1:0".into()], 0, ""),
        (vec!["irc://203.0.113.1:6667".into()], 3, "must be one of this machine's"),
        (
            vec!["irc://nowhere.invalid:6667".into()],
            3,
            "cannot look up the address of irc://nowhere",
        ),
        (vec!["irc://unix:/nowhere/at/all".into()], 3, "there is no directory /nowhere/at"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("config.toml"), format!("listen = {listen:?}")).unwrap();
        let (found, _, stderr) = run(command(dir.path()).arg("check"));
        assert_eq!(found, status, "{listen:?}: {stderr}");
        assert!(stderr.contains(expected) && stderr.is_empty() == expected.is_empty(), "{stderr}");
    }
}

#[test]
fn what_is_misspelt_is_refused() {
    let (status, stderr) = fails("", &["--log", "bogus"]);
    assert_eq!(status, 2, "{stderr}");
    assert!(stderr.contains("unknown level or module `bogus`"), "{stderr}");
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("config.toml"), "").unwrap();
    let (status, _, stderr) = run(command(dir.path()).arg("check").env("STONECHAT_LISTN", "x"));
    assert_eq!(status, 2, "{stderr}");
    assert!(stderr.contains("did you mean `STONECHAT_LISTEN`?"), "{stderr}");
}

#[test]
fn help_and_version_are_the_daemons() {
    let (status, version, _) = run(Command::new(PROGRAM).arg("--version"));
    assert_eq!((status, &*version), (0, concat!("stonechatd ", env!("CARGO_PKG_VERSION"), "\n")));
    let (_, help, _) = run(Command::new(PROGRAM).arg("--help"));
    let documented = include_str!("../../docs/operating.md");
    let statuses = documented.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" |"));
    for (status, _) in statuses.filter(|(status, _)| status.parse::<u8>().is_ok_and(|n| n <= 4)) {
        assert!(help.contains(&format!("{status} ")), "{status} in {help}");
    }
    let (_, help, _) = run(Command::new(PROGRAM).args(["audit", "--help"]));
    assert!(help.contains("\"7 days\"") && !help.contains('\\'), "{help}");
}

#[test]
fn check_tells_whether_there_is_a_password_and_not_which() {
    let dir = tempfile::tempdir().unwrap();
    let keys = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let config = format!(
        "[chat]\npassword = \"sesame\"\n[[chat.operators]]\nname = \"ann\"\n\
         password = \"SCRAM-SHA-256$4096:AAAAAAAAAAAAAAAAAAAAAA==${keys}:{keys}\""
    );
    for (config, expected) in [("", "chat password not set\n"), (&config, "chat password set\n")] {
        fs::write(dir.path().join("config.toml"), config).unwrap();
        let (status, stdout, stderr) = run(command(dir.path()).arg("check"));
        assert_eq!((status, &*stderr), (0, ""));
        assert!(stdout.contains("chat server stonechat.local of the network stonechat\n"));
        assert!(stdout.contains(expected), "{stdout}");
        assert_eq!(
            stdout.contains("chat operator ann, in no class: without any right\n"),
            expected == "chat password set\n"
        );
        assert!(!stdout.contains("sesame") && !stdout.contains("SCRAM"), "{stdout}");
    }
}

#[test]
fn a_unix_socket_is_served_replaced_when_abandoned_and_removed_in_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("echo.sock");
    let url = format!("echo://unix:{}", path.display());
    drop(Daemon::start_with("", &["--listen", &url], |_| {})); // killed
    assert!(path.exists(), "it left its socket behind");
    let daemon = Daemon::start_with("", &["--listen", &url], |_| {});
    assert_eq!(daemon.listening, [url.as_str()]);
    let mut ann = UnixStream::connect(&path).unwrap();
    ann.write_all(b"hello\nCLOSE SOCKET\n").unwrap();
    let mut heard = String::new();
    ann.read_to_string(&mut heard).unwrap();
    assert_eq!(heard, "HELLO\nCLOSE SOCKET\n");
    let (status, stderr) = fails("", &["--listen", &url]);
    assert_eq!(status, 3, "one that is in use is not replaced: {stderr}");
    daemon.stop();
    assert!(!path.exists());
}

#[test]
fn a_unix_socket_that_another_daemon_made_in_the_same_place_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("echo");
    let url = format!("echo://unix:{}", path.display());
    let first = Daemon::start_with("", &["--listen", &url], |_| {});
    std::fs::remove_file(&path).unwrap();
    let second = Daemon::start_with("", &["--listen", &url], |_| {});
    first.stop();
    UnixStream::connect(&path).unwrap();
    second.stop();
    assert!(!path.exists());
}

#[test]
fn the_docs_tell_of_the_unit_as_it_is() {
    let docs = include_str!("../../docs/operating.md");
    let unit = include_str!("../../examples/stonechatd.service");
    let mut lines = docs.lines().map(str::trim_start);
    let reloaded = lines.clone().filter_map(|line| line.strip_prefix("systemctl reload "));
    let reloaded: Vec<&str> = reloaded.collect();
    assert_eq!(reloaded, ["stonechatd.service"]);
    // Its user has no name: the hook gives the files to the owner of the data directory.
    assert!(unit.contains("\nDynamicUser=yes\n") && !docs.contains("-o stonechat"));
    assert!(lines.any(|line| line == "chown -R --reference=$data/ $data/tls"));
    for (key, path) in [("StateDirectory", "/var/lib/"), ("ConfigurationDirectory", "/etc/")] {
        let key = format!("\n{key}=");
        let name = unit.split(&key).nth(1).unwrap().lines().next().unwrap();
        assert!(docs.contains(&format!("{path}{name}")), "{path}{name}");
    }
}

/// The command of the README, without any of the tests' dependencies.
#[test]
fn the_bot_needs_rustc_alone() {
    let dir = tempfile::tempdir().unwrap();
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/bot.rs");
    let told = "rustc --edition 2024 examples/bot.rs";
    for text in [include_str!("../../README.md"), include_str!("../../docs/user-guide.md")] {
        assert!(text.contains(told), "{told}");
    }
    let mut rustc = Command::new(option_env!("RUSTC").unwrap_or("rustc"));
    rustc.args(["--edition", "2024", source]).current_dir(dir.path());
    assert!(rustc.status().unwrap().success());
    assert!(dir.path().join("bot").exists());
}
