//! Threads for blocking calls: reading stdin, and looking up names. Each sends its results and
//! wakes the loop.

use std::io::{self, ErrorKind, Read};
use std::sync::mpsc::{self, Receiver};
use std::thread;

/// Input from stdin.
pub enum Stdin {
    /// At most [`READ_BYTES`]; from a terminal, whole lines.
    Bytes(Vec<u8>),
    Ended,
    Failed(io::Error),
}

/// Read at once. No less than std's own buffer for stdin, so that nothing is copied through it.
pub const READ_BYTES: usize = 16 << 10;

/// Reads ahead of the loop: input typed without a connection waits here, and beyond it the writer
/// waits too.
const STDIN_AHEAD: usize = 4;

/// Reads stdin to its end, no faster than the receiver takes it.
pub fn read(wake: impl Fn() + Send + 'static) -> Receiver<Stdin> {
    let (sender, receiver) = mpsc::sync_channel(STDIN_AHEAD);
    thread::spawn(move || {
        let mut stdin = io::stdin().lock();
        let mut bytes = vec![0; READ_BYTES];
        loop {
            let got = match stdin.read(&mut bytes) {
                Ok(0) => Stdin::Ended,
                Ok(n) => Stdin::Bytes(bytes[..n].to_vec()),
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                Err(e) => Stdin::Failed(e),
            };
            let last = !matches!(got, Stdin::Bytes(_));
            if sender.send(got).is_err() {
                return;
            }
            wake();
            if last {
                return;
            }
        }
    });
    receiver
}
