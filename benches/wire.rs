//! Speed of finding lines, beside the search for the same byte alone, the search for a byte that
//! isn't there, which is the limit, and a naive loop.
//!
//! `cargo bench --bench wire`; `-- lines/64` for one line length.

use criterion::{BenchmarkGroup, Criterion, Throughput, measurement::WallTime};
use std::hint::black_box;
use stonechat::wire::line::LineParser;

/// As large as the largest read of the loop.
const BUFFER_BYTES: usize = 16 << 10;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    for line_bytes in [20, 64, 512] {
        let mut group = criterion.benchmark_group(format!("lines/{line_bytes}"));
        find_lines(&mut group, &lines(line_bytes));
        group.finish();
    }
    criterion.final_summary();
}

/// All but the limit return the sum of the lines' lengths, so that none can be optimised away.
fn find_lines(group: &mut BenchmarkGroup<WallTime>, bytes: &[u8]) {
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function("LineParser", |bench| {
        bench.iter(|| {
            let mut parser = LineParser::default();
            let lines = parser.lines(black_box(bytes), BUFFER_BYTES);
            lines.flatten().map(|line| line.text.len()).sum::<usize>()
        });
    });
    group.bench_function("memchr_iter", |bench| {
        bench.iter(|| {
            let ends = memchr::memchr_iter(b'\n', black_box(bytes));
            ends.scan(0, |start, end| Some(end - std::mem::replace(start, end + 1))).sum::<usize>()
        });
    });
    group.bench_function("memchr of none", |bench| {
        bench.iter(|| memchr::memchr(0, black_box(bytes)));
    });
    group.bench_function("byte by byte", |bench| {
        bench.iter(|| {
            let (mut start, mut sum) = (0, 0);
            for (at, &byte) in black_box(bytes).iter().enumerate() {
                if byte == b'\n' {
                    sum += at - start;
                    start = at + 1;
                }
            }
            sum
        });
    });
}

/// A buffer of whole lines of `line_bytes`, endings included.
fn lines(line_bytes: usize) -> Vec<u8> {
    let mut line = vec![b'a'; line_bytes];
    line[line_bytes - 2..].copy_from_slice(b"\r\n");
    line.repeat(BUFFER_BYTES / line_bytes)
}
