//! CPU time, medians, and the tables they are printed in.

use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// The CPU time of this thread so far, in user space and in the kernel.
pub fn thread_cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// The costs of the same work in our loop and in a bare loop, measured in turn.
#[derive(Default)]
pub struct Pairs(Vec<(f64, f64)>);

impl Pairs {
    pub fn add(&mut self, ours: f64, bare: f64) {
        self.0.push((ours, bare));
    }

    pub fn ours(&self) -> f64 {
        median(self.0.iter().map(|(ours, _)| *ours))
    }

    pub fn bare(&self) -> f64 {
        median(self.0.iter().map(|(_, bare)| *bare))
    }

    /// The median of the ratios of all pairs, as the two of a pair were measured under equal
    /// conditions.
    pub fn ratio(&self) -> f64 {
        median(self.0.iter().map(|(ours, bare)| ours / bare))
    }
}

pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    quantile(&mut values.collect::<Vec<f64>>(), 0.5)
}

/// The value below which a part `q` of all values lie.
pub fn quantile(values: &mut [f64], q: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values[((values.len() - 1) as f64 * q).round() as usize]
}

/// Bytes for each further connection, from two pairs of connections and bytes.
pub fn slope(from: (usize, u64), to: (usize, u64)) -> f64 {
    (to.1 as f64 - from.1 as f64) / (to.0 - from.0) as f64
}

/// A title, the head of a table, and the line below it, in Markdown.
pub fn print_head(title: &str, columns: &[&str]) {
    println!("\n**{title}**\n\n| {} |", columns.join(" | "));
    println!("|{}", "---:|".repeat(columns.len()));
}

pub fn print_row(cells: &[String]) {
    println!("| {} |", cells.join(" | "));
}
