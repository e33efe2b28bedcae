//! COMMAND: programs of operators, here /bin/sh scripts of the test.

use crate::process::{Client, Daemon};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use stonechat::auth::verifier::Verifier;

/// The programs, by name, each with the text of its script.
type Scripts<'a> = [(&'a str, &'a str)];

/// A daemon with the operators `root` and `deputy`, who may run all of `scripts`, and `none`, which
/// does not exist. Programs are killed after `timeout`.
fn start(scripts: &Scripts, timeout: &str) -> Daemon {
    let dir = tempfile::tempdir().unwrap();
    let verifier = Verifier::new("sesame", 4096, [7; 16]);
    let mut config = format!(
        "chat.server_name = \"srv\"\n\
         chat.operators = [{{ name = \"root\", password = \"{verifier}\", class = \"admin\" }}, \
         {{ name = \"deputy\", password = \"{verifier}\", class = \"admin\" }}, \
         {{ name = \"guest\", password = \"{verifier}\" }}]\n\
         commands.none = {{ program = \"/nowhere/none\" }}\n"
    );
    let mut names = vec!["\"none\"".to_owned()];
    for (name, script) in scripts {
        let path = dir.path().join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        config.push_str(&format!(
            "commands.{name} = {{ program = \"{}\", args = [\"a b\", \"$HOME;`id`\"], \
             timeout = \"{timeout}\", output_max = 4096 }}\n",
            path.display()
        ));
        names.push(format!("\"{name}\""));
    }
    config.push_str(&format!(
        "operator_classes.admin = {{ rights = [\"audit\", \"die\"], commands = [{}] }}\n",
        names.join(", ")
    ));
    let flags = ["--listen", "irc://127.0.0.1:0"];
    Daemon::start_in(Arc::new(dir), &config, &flags, |command| {
        command.env("STONECHAT_CHAT_NETWORK", "ours");
    })
}

fn connect(daemon: &Daemon, nick: &str, oper: &str) -> Client {
    let url = daemon.listening[0].strip_prefix("irc://").unwrap();
    let mut client = Client::connect(url.parse().unwrap());
    client.send("CAP REQ :labeled-response batch\n");
    client.send(format!("NICK {nick}\nUSER {nick} 0 * :{nick}\nCAP END\nOPER {oper} sesame\n"));
    hear_until(&mut client, " MODE ");
    client
}

/// All lines up to one that contains `text`.
fn hear_until(client: &mut Client, text: &str) -> Vec<String> {
    let mut heard: Vec<String> = Vec::new();
    while !heard.last().is_some_and(|line| line.contains(text)) {
        let line = client.hear();
        assert!(!line.is_empty(), "no {text} in {heard:#?}");
        heard.push(String::from_utf8(line).unwrap().trim_end().to_owned());
    }
    heard
}

/// The output of a command to ann, without its frame; the last line says how it ended.
fn run(client: &mut Client, name: &str) -> Vec<String> {
    client.send(format!("COMMAND {name}\n"));
    let frame = format!(":srv NOTICE ann :[{name}] ");
    let mut said = Vec::new();
    loop {
        let line = String::from_utf8(client.hear()).unwrap();
        let line = line.trim_end_matches(['\r', '\n']);
        let text = line.strip_prefix(&frame).unwrap_or_else(|| panic!("{line}")).to_owned();
        let is_end = ["ended ", "took too", "said too", "could not"];
        let ended = is_end.iter().any(|start| text.starts_with(start));
        said.push(text);
        if ended {
            return said;
        }
    }
}

/// Whether a process runs, and is not a zombie.
fn is_alive(pid: &str) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    status.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
}

#[test]
fn what_a_program_says_is_told_line_by_line_and_how_it_has_ended() {
    let script = "echo out; echo err >&2; printf '%s|' \"$@\"; echo; exit 3";
    let daemon = start(&[("up", script)], "60s");
    let mut ann = connect(&daemon, "ann", "root");
    let expected = ["out", "err", "a b|$HOME;`id`|", "ended with status 3"];
    assert_eq!(run(&mut ann, "up"), expected);
    assert_eq!(
        run(&mut ann, "none")[0],
        "could not be started: No such file or directory (os error 2)"
    );
    ann.send("@label=x COMMAND UP\n");
    let heard = hear_until(&mut ann, "BATCH -");
    let reference = heard[0].strip_prefix("@label=x :srv BATCH +").unwrap();
    let reference = reference.strip_suffix(" labeled-response").unwrap();
    let told = expected.map(|text| format!("@batch={reference} :srv NOTICE ann :[up] {text}"));
    assert_eq!(heard[1..5], told);
    assert_eq!(heard[5], format!(":srv BATCH -{reference}"));
    ann.send("COMMAND up -x\nCOMMAND ../up\nCOMMAND\n");
    let refused = ":srv 723 ann commands :Insufficient oper privileges: \
                   `operator_classes.admin.commands` of the config lists them";
    for expected in [
        ":srv NOTICE ann :[up] Its arguments are in the config; it takes no others",
        refused,
        ":srv NOTICE ann :You may run: none, up",
    ] {
        assert_eq!(String::from_utf8(ann.hear()).unwrap().trim_end(), expected);
    }
    let mut bob = connect(&daemon, "bob", "guest");
    bob.send("COMMAND up\nMODE bob -o\nCOMMAND up\n");
    let heard = hear_until(&mut bob, " 481 ");
    let no_class = "you are in no class, which `chat.operators` of the config gives";
    let refused = ":srv 723 bob commands :Insufficient oper privileges: ";
    assert_eq!(heard[0], format!("{refused}{no_class}"));
}

#[test]
fn a_program_has_nothing_of_ours() {
    let script = "env | sort; pwd; readlink /proc/$$/fd/*; \
                  cut -d' ' -f5 /proc/$$/stat; echo $$; read line; echo \"$?\"";
    let daemon = start(&[("see", script)], "60s");
    let mut ann = connect(&daemon, "ann", "root");
    let said = run(&mut ann, "see");
    let text = said.join("\n");
    assert!(!text.contains("STONECHAT") && !text.contains("HOME"), "{text}");
    let variables: Vec<&String> = said.iter().take_while(|line| line.contains('=')).collect();
    // A shell sets PWD and the like for itself.
    assert!(variables.iter().any(|line| line.starts_with("PATH=/usr/local/sbin:")), "{text}");
    assert!(variables.len() <= 5, "{text}");
    let rest = &said[variables.len()..];
    assert_eq!(rest[0], "/");
    // The standard streams, the script itself, and the shell's own files.
    let foreign = |line: &&String| {
        let known = ["/dev/null", "pipe:", "see"];
        line.contains('/') && !known.iter().any(|known| line.contains(known))
    };
    let files: Vec<&String> = rest[1..].iter().filter(foreign).collect();
    assert!(files.is_empty(), "{files:?}");
    assert!(!text.contains("socket:") && !text.contains("stonechat.db"), "{text}");
    let [.., group, pid, read, ended] = &said[..] else { panic!("{text}") };
    assert_eq!(group, pid, "a group of its own");
    assert_eq!((&**read, &**ended), ("1", "ended with status 0"));
}

#[test]
fn output_breaks_out_of_nothing() {
    let script = r"printf 'a\r\n:srv KILL ann :x\nb\033[2Jc\000d\tg\n\377\376\n'
        printf '\n'; head -c 1000 /dev/zero | tr '\0' x; printf '\r\nPING :no'";
    let daemon = start(&[("bad", script)], "60s");
    let mut ann = connect(&daemon, "ann", "root");
    let said = run(&mut ann, "bad");
    let piece = "x".repeat(360);
    assert_eq!(
        said,
        [
            "a",
            ":srv KILL ann :x",
            r"b\u{1b}[2Jc\u{0}d g",
            "\u{fffd}\u{fffd}",
            "",
            &piece,
            &piece,
            &"x".repeat(280),
            "PING :no",
            "ended with status 0",
        ]
    );
}

#[test]
fn one_that_never_ends_is_killed_with_its_children() {
    let script = "echo $$; sleep 1000 & echo $!; wait";
    let daemon = start(&[("stay", script)], "1s");
    let mut ann = connect(&daemon, "ann", "root");
    let said = run(&mut ann, "stay");
    assert_eq!(said[2], "took too long and was killed");
    for pid in &said[..2] {
        while is_alive(pid) {
            std::thread::yield_now();
        }
        assert!(!Path::new(&format!("/proc/{}/stat", said[0])).exists(), "it is no zombie");
    }
}

#[test]
fn one_that_prints_for_ever_is_killed() {
    let scripts = [
        ("lines", "while :; do echo y; done"),
        ("bytes", "while :; do printf 0123456789; done"),
        ("just", "for i in $(seq 200); do echo $i; done"),
    ];
    let daemon = start(&scripts, "60s");
    let mut ann = connect(&daemon, "ann", "root");
    let said = run(&mut ann, "lines");
    assert_eq!((said.len(), &*said[200]), (201, "said too much and was killed"));
    let said = run(&mut ann, "bytes");
    let (last, said) = said.split_last().unwrap();
    assert_eq!(said.concat().len(), 4096);
    assert_eq!(last, "said too much and was killed");
    let said = run(&mut ann, "just");
    assert_eq!((said.len(), &*said[199], &*said[200]), (201, "200", "ended with status 0"));
}

#[test]
fn a_child_that_holds_the_pipe_holds_nothing_up() {
    let daemon = start(&[("fork", "sleep 1000 & echo $!")], "600s");
    let mut ann = connect(&daemon, "ann", "root");
    let said = run(&mut ann, "fork");
    assert_eq!(said[1], "ended with status 0");
    while is_alive(&said[0]) {
        std::thread::yield_now();
    }
}

#[test]
fn each_operator_runs_one_at_once_and_the_loop_serves_on() {
    let daemon = start(&[("wait", "echo up; sleep 1000"), ("up", "echo up")], "600s");
    let mut ann = connect(&daemon, "ann", "root");
    let mut bob = connect(&daemon, "bob", "deputy");
    ann.send("COMMAND wait\n");
    hear_until(&mut ann, "[wait] up");
    ann.send("COMMAND up\nPING :here\n");
    let heard = hear_until(&mut ann, "PONG");
    assert_eq!(heard[0], ":srv 263 ann COMMAND :Please wait a while and try again.");
    bob.send("COMMAND up\n");
    hear_until(&mut bob, "[up] ended with status 0");
}

#[test]
fn if_the_asker_goes_it_goes_on_and_its_end_is_recorded() {
    let script = "while [ ! -e \"${0%/*}/go\" ]; do sleep 0.01; done; echo to nobody; exit 7";
    let daemon = start(&[("slow", script)], "600s");
    let mut ann = connect(&daemon, "ann", "root");
    ann.send("COMMAND slow\nQUIT\n");
    ann.hear_rest();
    fs::write(daemon.dir.path().join("go"), "").unwrap();
    let mut bob = connect(&daemon, "bob", "deputy");
    let heard = loop {
        bob.send("AUDIT root\n");
        let heard = hear_until(&mut bob, "End of the audit log");
        if heard.len() > 3 {
            break heard;
        }
    };
    assert!(heard[1].ends_with("root ann!ann@localhost 127.0.0.1 COMMAND slow begun"), "{heard:?}");
    let ended = "root ann!ann@localhost 127.0.0.1 COMMAND slow ended with status 7";
    assert!(heard[2].ends_with(ended), "{heard:?}");
}

#[test]
fn at_the_end_they_are_killed_and_that_is_kept() {
    let mut daemon = start(&[("stay", "echo $$; trap '' TERM; sleep 1000; sleep 1000")], "600s");
    let mut ann = connect(&daemon, "ann", "root");
    ann.send("COMMAND stay\n");
    let said = hear_until(&mut ann, "[stay] ");
    let pid = said[0].rsplit(' ').next().unwrap().to_owned();
    ann.send("DIE\n");
    let (status, log) = daemon.wait();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(!is_alive(&pid));
    let mut command = crate::process::command(daemon.dir.path());
    let (status, stdout, stderr) = crate::process::run(command.arg("audit"));
    assert_eq!((status, &*stderr), (0, ""));
    let acts: Vec<Vec<&str>> =
        stdout.lines().map(|line| line.split('\t').skip(1).collect()).collect();
    let ann = "ann!ann@localhost";
    assert_eq!(
        acts,
        [
            ["root", ann, "127.0.0.1", "OPER", "root", ""],
            ["root", ann, "127.0.0.1", "COMMAND", "stay", "begun"],
            ["root", ann, "127.0.0.1", "DIE", "", ""],
            ["root", ann, "127.0.0.1", "COMMAND", "stay", "was killed as the server ends"],
        ]
    );
    let mut command = crate::process::command(daemon.dir.path());
    let (status, stdout, _) = crate::process::run(command.args(["audit", "--since", "2999-01-01"]));
    assert_eq!((status, &*stdout), (0, ""));
    let mut command = crate::process::command(daemon.dir.path());
    let (status, _, stderr) = crate::process::run(command.args(["audit", "--since", "monday"]));
    assert!(status == 2 && stderr.contains("write 2026-01-31"), "{stderr}");
}
