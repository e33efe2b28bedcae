//! The daemon itself: the time until it is ready, and its memory without connections. `cargo bench
//! --bench sockets -- start`

use crate::measure::{median, print_head, print_row};
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const STARTS: usize = 21;

pub fn run() {
    let starts: Vec<Started> = (0..STARTS).map_while(|_| start()).collect();
    if starts.len() < STARTS {
        println!("\nThe daemon did not say `ready`.");
        return;
    }
    print_head(
        &format!("an empty daemon, median of {STARTS} starts"),
        &["start to `ready`, ms", "resident, KiB", "of it its own (RssAnon), KiB"],
    );
    print_row(&[
        format!("{:.1}", median(starts.iter().map(|start| start.took.as_secs_f64() * 1e3))),
        format!("{:.0}", median(starts.iter().map(|start| start.resident_kib))),
        format!("{:.0}", median(starts.iter().map(|start| start.anonymous_kib))),
    ]);
}

struct Started {
    took: Duration,
    resident_kib: f64,
    anonymous_kib: f64,
}

fn start() -> Option<Started> {
    let started = Instant::now();
    let mut daemon = Command::new(env!("CARGO_BIN_EXE_stonechatd"))
        .args(["--data", ":memory:", "--listen", "echo://127.0.0.1:0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the daemon starts");
    let stdout = daemon.stdout.take().expect("it is piped");
    // A daemon that never becomes ready is killed, and its output ends.
    let (is_over, over) = std::sync::mpsc::channel::<()>();
    std::thread::scope(|scope| {
        let ready = scope.spawn(move || {
            let said_ready = |line| matches!(line, Ok(line) if line == "ready");
            let ready = BufReader::new(stdout).lines().any(said_ready);
            drop(is_over);
            ready.then(|| started.elapsed())
        });
        let _ = over.recv_timeout(Duration::from_secs(2));
        let memory = (status_kib(&daemon, "VmRSS:"), status_kib(&daemon, "RssAnon:"));
        let _ = daemon.kill();
        let _ = daemon.wait();
        let took = ready.join().expect("reading lines never fails")?;
        Some(Started { took, resident_kib: memory.0, anonymous_kib: memory.1 })
    })
}

fn status_kib(process: &Child, field: &str) -> f64 {
    let text = fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(field)).unwrap_or_default();
    line.split_whitespace().next().and_then(|n| n.parse().ok()).unwrap_or_default()
}
