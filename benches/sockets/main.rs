//! The cost of the loop over real sockets on loopback, beside the smallest program that does the
//! same.
//!
//! `cargo bench --bench sockets` runs everything, in some minutes; `-- fanout echo chat history
//! crowd accept refuse flood idle start tls under_way` selects scenarios. Rows that need more
//! descriptors than there are (at most 15,100) are left out.
//!
//! Wall time on a shared machine says little. So the CPU time of the server's thread, kernel
//! included, is compared with that of a bare loop, measured in turn. The ratio is the median of
//! many such pairs.

mod accept;
mod bare;
mod chat;
mod child;
mod crowd;
mod echo;
mod fanout;
mod flood;
mod history;
mod idle;
mod measure;
mod refuse;
mod server;
mod start;
mod tls;
#[path = "../../tests/world/tls_client.rs"]
mod tls_client;
mod under_way;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::fs;
use std::process::Command;

const SCENARIOS: [(&str, fn()); 12] = [
    ("fanout", fanout::run),
    ("echo", echo::run),
    ("chat", chat::run),
    ("history", history::run),
    ("crowd", crowd::run),
    ("accept", accept::run),
    ("refuse", refuse::run),
    ("flood", flood::run),
    ("idle", idle::run),
    ("start", start::run),
    ("tls", tls::run),
    ("under_way", under_way::run),
];

fn main() {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    raise_descriptor_limit();
    if let [server, kind] = &args[..]
        && server == child::SERVER
    {
        return child::serve(kind);
    }
    // `cargo bench` passes this; `cargo test --benches` only checks that this builds and starts.
    if !args.contains(&"--bench".to_owned()) {
        return;
    }
    args.retain(|arg| !arg.starts_with("--"));
    if let Some(unknown) = args.iter().find(|arg| SCENARIOS.iter().all(|(name, _)| name != arg)) {
        let names: Vec<&str> = SCENARIOS.iter().map(|(name, _)| *name).collect();
        eprintln!("no scenario is called {unknown}; there are {}", names.join(", "));
        std::process::exit(2);
    }
    print_machine();
    for (name, run) in SCENARIOS {
        if args.is_empty() || args.iter().any(|arg| arg == name) {
            run();
        }
    }
}

fn raise_descriptor_limit() {
    let hard = getrlimit(Resource::Nofile).maximum;
    let raised = Rlimit { current: hard, maximum: hard };
    setrlimit(Resource::Nofile, raised).expect("the soft limit may be raised to the hard one");
}

/// Whether the limit of descriptors allows this many connections' ends, with a reserve.
fn has_room_for(ends: usize) -> bool {
    getrlimit(Resource::Nofile).current.is_none_or(|limit| ends as u64 + 100 <= limit)
}

fn print_machine() {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo.lines().find(|line| line.starts_with("model name"));
    let model = model.and_then(|line| line.split(": ").nth(1)).unwrap_or("unknown CPU");
    let cores = std::thread::available_parallelism().map_or(0, |cores| cores.get());
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let rustc = Command::new("rustc").arg("--version").output();
    let rustc = rustc.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    println!(
        "{model}, {cores} cores; Linux {}; {}; loopback",
        kernel.trim(),
        rustc.unwrap_or_default().trim()
    );
}
