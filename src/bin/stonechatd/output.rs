//! Printing. A daemon's stdout and stderr each have a bounded queue and a thread: if their reader
//! stops, the loop goes on. Other commands print directly.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{self, Write};
use std::panic;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// The capacity of each queue in bytes; its thread holds as many more. Lines that do not fit are
/// lost and counted.
pub const QUEUE_BYTES_MAX: usize = 256 << 10;

/// How long the end waits for the readers of stdout and stderr.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

static STDOUT: StandardStream = StandardStream::new("# ", || Box::new(io::stdout()));
static STDERR: StandardStream = StandardStream::new("", || Box::new(io::stderr()));

/// Starts the printing threads, also for panic messages: a panic must end the process even if
/// stderr is not read.
pub fn begin() -> io::Result<()> {
    [&STDOUT, &STDERR].into_iter().try_for_each(StandardStream::begin)?;
    panic::set_hook(Box::new(|panicked| {
        complain(&panicked.to_string());
        let trace = Backtrace::capture();
        if trace.status() == BacktraceStatus::Captured {
            complain(&trace.to_string());
        }
        STDERR.flush();
    }));
    Ok(())
}

/// Prints a line, or several, to stdout.
pub fn say(text: &str) {
    STDOUT.print(text);
}

/// Prints a line to stderr.
pub fn complain(text: &str) {
    STDERR.print(text);
}

/// Waits until all is printed, at most [`FLUSH_TIMEOUT`].
pub fn flush() {
    STDOUT.flush();
    STDERR.flush();
}

/// The lines of each stream that were lost, as nobody read them in time.
pub fn lost() -> [(&'static str, u64); 2] {
    [("stdout", &STDOUT), ("stderr", &STDERR)]
        .map(|(name, stream)| (name, stream.lost_total.load(Relaxed)))
}

/// The writer of the log: each record is written whole.
pub struct Log;

impl Write for Log {
    fn write(&mut self, record: &[u8]) -> io::Result<usize> {
        STDERR.write(record);
        Ok(record.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct StandardStream {
    queue: Mutex<Queue>,
    changed: Condvar,
    begun: AtomicBool,
    lost_total: AtomicU64,
    /// The prefix of lines about the stream itself.
    note: &'static str,
    open: fn() -> Box<dyn Write>,
}

struct Queue {
    pending: Vec<u8>,
    /// Lines lost since the last accepted one.
    lost: u64,
    /// The thread is writing.
    writing: bool,
}

impl StandardStream {
    const fn new(note: &'static str, open: fn() -> Box<dyn Write>) -> StandardStream {
        let queue = Queue { pending: Vec::new(), lost: 0, writing: false };
        StandardStream {
            queue: Mutex::new(queue),
            changed: Condvar::new(),
            begun: AtomicBool::new(false),
            lost_total: AtomicU64::new(0),
            note,
            open,
        }
    }

    fn begin(&'static self) -> io::Result<()> {
        thread::Builder::new().name("output".to_owned()).spawn(|| self.serve())?;
        self.begun.store(true, Relaxed);
        Ok(())
    }

    /// Prints directly. A reader that has gone is no error.
    fn print(&self, text: &str) {
        self.write(format!("{}\n", text.trim_end_matches('\n')).as_bytes());
    }

    fn write(&self, text: &[u8]) {
        if !self.begun.load(Relaxed) {
            let _ = (self.open)().write_all(text);
            return;
        }
        let mut queue = self.lock();
        // A text longer than the queue is accepted if the queue is empty.
        if !queue.pending.is_empty() && queue.pending.len() + text.len() > QUEUE_BYTES_MAX {
            let lines = text.iter().filter(|byte| **byte == b'\n').count() as u64;
            queue.lost += lines;
            self.lost_total.fetch_add(lines, Relaxed);
            return;
        }
        self.own_up(&mut queue);
        queue.pending.extend_from_slice(text);
        self.changed.notify_all();
    }

    /// Adds the note about lost lines.
    fn own_up(&self, queue: &mut Queue) {
        if queue.lost > 0 {
            let (note, lost) = (self.note, std::mem::take(&mut queue.lost));
            let told = format!("{note}{lost} lines lost: nobody read them in time\n");
            queue.pending.extend_from_slice(told.as_bytes());
        }
    }

    fn serve(&self) {
        let mut stream = (self.open)();
        loop {
            let mut queue = self.lock();
            queue.writing = false;
            self.changed.notify_all();
            let idle = |queue: &mut Queue| queue.pending.is_empty() && queue.lost == 0;
            let waited = self.changed.wait_while(queue, idle);
            queue = waited.unwrap_or_else(PoisonError::into_inner);
            self.own_up(&mut queue);
            queue.writing = true;
            let taken = std::mem::take(&mut queue.pending);
            drop(queue);
            let _ = stream.write_all(&taken).and_then(|()| stream.flush());
        }
    }

    fn flush(&self) {
        if self.begun.load(Relaxed) {
            let busy = |queue: &mut Queue| queue.writing || !queue.pending.is_empty();
            let _ = self.changed.wait_timeout_while(self.lock(), FLUSH_TIMEOUT, busy);
        }
    }

    /// Nothing in here panics while it holds the queue.
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
