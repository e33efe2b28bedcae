//! The metrics: the loop's counters and the figures of the process, in the text format of
//! Prometheus (exposition format 0.0.4).

use crate::chat::Figures;
use crate::net::{CloseReason, Counters, EndpointCounters, Histogram, Refusal, TlsVersion};
use crate::store::{Health, Store};
use std::fmt::Write;
use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The figures that are not counters of the loop.
pub struct Gauges {
    /// Bytes queued for connections that have fallen behind.
    pub send_queue_bytes: usize,
    /// The limit `connections` as it is in force.
    pub connections_max: usize,
    /// The certificates in use, by name, and when each expires, in seconds since 1970.
    pub certificates: Vec<(String, i64)>,
    /// Chat's own figures.
    pub chat: Figures,
    /// The store's own figures.
    pub store: StoreFigures,
    /// Lines of stdout and stderr that nobody read in time, by the stream's name.
    pub lines_lost: [(&'static str, u64); 2],
    /// Times that the config was read again and taken up, or refused, by that word.
    pub reloads: [(&'static str, u64); 2],
}

/// The work of the store, and its health.
#[derive(Clone, Copy, Debug, Default)]
pub struct StoreFigures {
    /// The last attempt to write failed.
    pub failing: bool,
    /// Requests that wait for their reply.
    pub open: usize,
    /// Requests that were answered with a failure.
    pub failures: u64,
    /// Groups of requests, each a transaction.
    pub groups: u64,
    /// The time that `groups` took together, in microseconds.
    pub groups_us: u64,
    /// Messages and events in the history.
    pub messages: u64,
    /// The size of `messages` in bytes, as retention counts it.
    pub messages_bytes: u64,
    /// Messages that cannot be found by their words yet.
    pub unindexed: u64,
}

impl StoreFigures {
    /// Those of `store`, as of now.
    pub fn of<T>(store: &Store<T>) -> StoreFigures {
        let statistics = store.statistics();
        let count = |counted: &AtomicU64| counted.load(Ordering::Relaxed);
        StoreFigures {
            failing: matches!(store.health(), Health::Ailing(_)),
            open: store.open(),
            failures: count(&statistics.failures),
            groups: count(&statistics.groups),
            groups_us: count(&statistics.groups_us),
            messages: count(&statistics.messages),
            messages_bytes: count(&statistics.message_bytes),
            unindexed: count(&statistics.unindexed),
        }
    }
}

/// Formats all metrics. `listeners` are the URLs of the endpoints, in the order of their numbers.
pub fn text(counters: &Counters, gauges: &Gauges, listeners: &[String]) -> String {
    let mut text = Text(String::new());
    text.metric("build_info", "gauge", "The version, as a label.");
    text.sample("build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
    text.single("connections_max", "gauge", "Connections allowed.", gauges.connections_max);
    text.single(
        "send_queue_bytes",
        "gauge",
        "Bytes queued for connections that are behind on reading.",
        gauges.send_queue_bytes,
    );
    text.single(
        "writes_blocked_total",
        "counter",
        "Writes that found a socket full.",
        counters.writes_blocked,
    );
    text.single("accept_errors_total", "counter", "Errors of accept(2).", counters.accept_errors);
    text.endpoints(&counters.endpoints, listeners);
    text.certificates(&gauges.certificates);
    text.histogram(
        "arrival_seconds",
        "From accept(2) to the end of a handshake, or of a proxy's header.",
        &counters.handshake_time,
    );
    text.chat(&gauges.chat);
    text.store(&gauges.store);
    text.metric(
        "output_lines_lost_total",
        "counter",
        "Lines of stdout and stderr lost, as nobody read them in time.",
    );
    for (stream, lost) in gauges.lines_lost {
        text.sample("output_lines_lost_total", &[("stream", stream)], lost);
    }
    text.metric("reloads_total", "counter", "Times that the config was read again.");
    for (result, count) in gauges.reloads {
        text.sample("reloads_total", &[("result", result)], count);
    }
    text.histogram("loop_turn_seconds", "How long turns of the loop took.", &counters.turn_time);
    text.process();
    text.0
}

struct Text(String);

impl Text {
    fn metric(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP stonechat_{name} {help}\n# TYPE stonechat_{name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl std::fmt::Display) {
        let _ = write!(self.0, "stonechat_{name}");
        for (n, (label, of)) in labels.iter().enumerate() {
            let of = of.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _ = write!(self.0, "{}{label}=\"{of}\"", if n == 0 { "{" } else { "," });
        }
        let _ = writeln!(self.0, "{} {value}", if labels.is_empty() { "" } else { "}" });
    }

    fn single(&mut self, name: &str, kind: &str, help: &str, value: impl std::fmt::Display) {
        self.metric(name, kind, help);
        self.sample(name, &[], value);
    }

    fn endpoints(&mut self, endpoints: &[EndpointCounters], listeners: &[String]) {
        type Get = fn(&EndpointCounters) -> u64;
        let plain: [(&str, &str, &str, Get); 7] = [
            ("connections", "gauge", "Open connections.", EndpointCounters::open),
            ("connections_total", "counter", "Connections opened.", |e| e.opened),
            ("received_bytes_total", "counter", "Bytes read.", |e| e.received_bytes),
            ("sent_bytes_total", "counter", "Bytes written.", |e| e.sent_bytes),
            ("received_lines_total", "counter", "Lines received.", |e| e.received_lines),
            ("too_long_lines_total", "counter", "Lines refused for their length.", |e| {
                e.too_long_lines
            }),
            ("sent_lines_total", "counter", "Lines sent, counted for each recipient.", |e| {
                e.sent_lines
            }),
        ];
        let unused = EndpointCounters::default();
        let counted = |n: usize| endpoints.get(n).unwrap_or(&unused);
        let named = || listeners.iter().enumerate().map(|(n, listener)| (listener, counted(n)));
        for (name, kind, help, get) in plain {
            self.metric(name, kind, help);
            for (listener, endpoint) in named() {
                self.sample(name, &[("listener", listener)], get(endpoint));
            }
        }
        let name = "tls_handshakes_total";
        self.metric(name, "counter", "Connections opened with TLS, by version.");
        for (listener, endpoint) in named() {
            for (version, count) in TlsVersion::ALL.iter().zip(endpoint.secured) {
                self.sample(name, &[("listener", listener), ("version", version.text())], count);
            }
        }
        let name = "connections_closed_total";
        self.metric(name, "counter", "Connections ended, by reason.");
        for (listener, endpoint) in named() {
            for (why, count) in CloseReason::ALL.iter().zip(endpoint.closed) {
                self.sample(name, &[("listener", listener), ("reason", why.label())], count);
            }
        }
        let name = "connections_refused_total";
        self.metric(name, "counter", "Connections refused, by reason.");
        for (listener, endpoint) in named() {
            for (why, count) in Refusal::ALL.iter().zip(endpoint.refused) {
                self.sample(name, &[("listener", listener), ("reason", why.label())], count);
            }
        }
    }

    fn certificates(&mut self, certificates: &[(String, i64)]) {
        let name = "tls_certificate_expiry_timestamp_seconds";
        self.metric(name, "gauge", "Expiry time of each certificate.");
        for (certificate, expiry) in certificates {
            self.sample(name, &[("certificate", certificate)], expiry);
        }
    }

    fn chat(&mut self, chat: &Figures) {
        for (name, help, count) in [
            ("chat_users", "Registered users.", chat.users),
            ("chat_operators", "Users who are operators of the server.", chat.operators),
            ("chat_channels", "Channels.", chat.channels),
            ("chat_registering", "Connections that have not registered yet.", chat.registering),
            ("chat_bans", "Bans of the server.", chat.bans),
            ("chat_defcon", "Level of defence, from 5 (none) to 1.", chat.defcon),
        ] {
            self.single(name, "gauge", help, count);
        }
        let name = "chat_messages_total";
        self.metric(name, "counter", "Messages sent by clients, refused ones included.");
        for (command, count) in chat.messages {
            self.sample(name, &[("command", command)], count);
        }
    }

    fn store(&mut self, store: &StoreFigures) {
        let failing = u8::from(store.failing);
        self.single("store_failing", "gauge", "1 while the store cannot write.", failing);
        let open = store.open;
        self.single("store_requests_open", "gauge", "Requests that wait for the store.", open);
        for (name, kind, help, count) in [
            (
                "store_failures_total",
                "counter",
                "Requests to the store that failed.",
                store.failures,
            ),
            ("store_commits_total", "counter", "Groups of requests committed.", store.groups),
            ("store_messages", "gauge", "Messages and events in the history.", store.messages),
            (
                "store_messages_bytes",
                "gauge",
                "Size of the history in bytes.",
                store.messages_bytes,
            ),
            ("store_unindexed", "gauge", "Messages that SEARCH cannot find yet.", store.unindexed),
        ] {
            self.single(name, kind, help, count);
        }
        let seconds = Duration::from_micros(store.groups_us).as_secs_f64();
        self.single(
            "store_commits_seconds_total",
            "counter",
            "Time that the commits took.",
            seconds,
        );
    }

    fn histogram(&mut self, name: &str, help: &str, histogram: &Histogram) {
        self.metric(name, "histogram", help);
        let bucket = format!("{name}_bucket");
        let mut count = 0;
        let bounds = Histogram::BOUNDS.iter().map(|bound| bound.as_secs_f64().to_string());
        for (bound, n) in bounds.chain(["+Inf".to_owned()]).zip(histogram.buckets) {
            count += n;
            self.sample(&bucket, &[("le", &bound)], count);
        }
        self.sample(&format!("{name}_sum"), &[], histogram.sum.as_secs_f64());
        self.sample(&format!("{name}_count"), &[], count);
    }

    /// The standard figures of a process, as far as /proc tells.
    fn process(&mut self) {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let field = |name: &str| {
            let value = status.lines().find_map(|line| line.strip_prefix(name))?;
            value.trim_start_matches(':').split_whitespace().next()?.parse::<u64>().ok()
        };
        let open_fds = fs::read_dir("/proc/self/fd").ok().map(|fds| fds.count() as u64);
        let max_fds = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        let gauges = [
            ("process_resident_memory_bytes", field("VmRSS").map(|kb| kb << 10)),
            ("process_open_fds", open_fds),
            ("process_max_fds", max_fds),
        ];
        for (name, value) in gauges {
            let Some(value) = value else { continue };
            let _ =
                writeln!(self.0, "# HELP {name} From /proc.\n# TYPE {name} gauge\n{name} {value}");
        }
        let name = "process_cpu_seconds_total";
        let seconds = cpu_time().as_secs_f64();
        let _ = writeln!(
            self.0,
            "# HELP {name} User and system time.\n# TYPE {name} counter\n{name} {seconds}"
        );
    }
}

fn cpu_time() -> Duration {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(used.tv_sec as u64, used.tv_nsec as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> String {
        let mut counters = Counters::default();
        let mut endpoint = EndpointCounters { opened: 5, ..EndpointCounters::default() };
        endpoint.closed[0] = 2;
        counters.endpoints.push(endpoint);
        counters.turn_time.buckets[1] = 3;
        let messages = [("PRIVMSG", 7), ("NOTICE", 2), ("TAGMSG", 0)];
        let chat = Figures { users: 3, messages, ..Figures::default() };
        let store = StoreFigures::default();
        let gauges = Gauges {
            send_queue_bytes: 17,
            connections_max: 100,
            certificates: vec![("a.pem".into(), 1_800_000_000)],
            chat,
            store,
            lines_lost: [("stdout", 1), ("stderr", 2)],
            reloads: [("taken", 1), ("refused", 2)],
        };
        let listeners = ["echo://unix:/a\"b", "echo://[::1]:7007"].map(str::to_owned);
        text(&counters, &gauges, &listeners)
    }

    #[test]
    fn the_counters_are_there_under_their_listener() {
        let text = example();
        for line in [
            "stonechat_connections{listener=\"echo://unix:/a\\\"b\"} 3",
            "stonechat_connections_closed_total{listener=\"echo://unix:/a\\\"b\",reason=\"hangup\"} 2",
            "stonechat_connections_total{listener=\"echo://[::1]:7007\"} 0",
            "stonechat_send_queue_bytes 17",
            "stonechat_tls_certificate_expiry_timestamp_seconds{certificate=\"a.pem\"} 1800000000",
            "stonechat_chat_users 3",
            "stonechat_chat_messages_total{command=\"PRIVMSG\"} 7",
            "stonechat_loop_turn_seconds_bucket{le=\"0.00005\"} 0",
            "stonechat_loop_turn_seconds_bucket{le=\"0.0001\"} 3",
            "stonechat_loop_turn_seconds_bucket{le=\"+Inf\"} 3",
            "stonechat_loop_turn_seconds_count 3",
        ] {
            assert!(text.lines().any(|each| each == line), "no {line} in\n{text}");
        }
    }

    /// Each sample stands below the HELP and TYPE of its own metric, each metric once.
    #[test]
    fn the_form_is_that_of_the_exposition_format() {
        let (mut seen, mut current) = (Vec::new(), String::new());
        for line in example().lines() {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap();
                assert!(!seen.contains(&name.to_owned()), "{name} stands twice");
                assert_eq!(kind == "counter", name.ends_with("_total"), "{name} is a {kind}");
                seen.push(name.to_owned());
                current = name.to_owned();
            } else if !line.starts_with("# HELP ") {
                let (name, value) = line.rsplit_once(' ').unwrap();
                assert!(name.starts_with(&current), "{line} below {current}");
                value.parse::<f64>().unwrap();
            }
        }
        assert!(seen.len() > 12);
    }
}
