//! The control socket, `control` in the data directory, by which a command gives orders to a
//! daemon. The command writes one line, an [`Order`]. The answer is one line: `done` and the number
//! of affected connections, or `failed` and the reason.
//!
//! A thread of its own serves one command after the other. Neither limits of connections nor an
//! attack keep the administrator out, and only the daemon's own user can connect.

use crate::{Failure, data_dir};
use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;
use std::time::Duration;
use stonechat::chat::Order;

/// The outcome of an order: the number of affected connections, or why nothing was done.
pub type Outcome = Result<usize, String>;

/// The daemon's end. The socket exists for as long as this lives.
pub struct Control {
    path: PathBuf,
    orders: Receiver<AskedOrder>,
}

/// An order whose sender waits for the outcome.
pub struct AskedOrder {
    /// The order.
    pub order: Order,
    answers: SyncSender<Outcome>,
}

/// How long a command may take to send its line, and to read the answer.
const ASKER_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the loop and its disk may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// The pause after accept(2) has failed, perhaps for want of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The longest path, a little less than the address of a Unix socket can hold.
const PATH_BYTES_MAX: usize = 90;

impl Control {
    /// Listens in `dir`, which we have locked. Calls `wake` for each order.
    pub fn open(dir: &Path, wake: impl Fn() + Send + 'static) -> io::Result<Control> {
        let listener = bind(dir)?;
        let (sender, orders) = mpsc::sync_channel(1);
        let serve = move || {
            for stream in listener.incoming() {
                match stream {
                    Ok(stream) => {
                        if let Err(e) = serve(&stream, &sender, &wake) {
                            log::debug!("cannot answer a command at the control socket: {e}");
                        }
                    }
                    Err(_) => thread::sleep(ACCEPT_PAUSE),
                }
            }
        };
        thread::Builder::new().name("control".to_owned()).spawn(serve)?;
        Ok(Control { path: data_dir::control(dir), orders })
    }

    /// Takes the next order, without waiting.
    pub fn take(&self) -> Option<AskedOrder> {
        self.orders.try_recv().ok()
    }
}

impl AskedOrder {
    /// Splits off a function that answers, without waiting. The command may have gone.
    pub fn into_answer(self) -> (Order, impl FnOnce(Outcome) + Send + 'static) {
        let AskedOrder { order, answers } = self;
        (order, move |outcome| drop(answers.try_send(outcome)))
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Binds the socket in a directory that is ours alone, so that no other user can connect before its
/// mode is set.
fn bind(dir: &Path) -> io::Result<UnixListener> {
    let (path, nursery) = (data_dir::control(dir), data_dir::control(dir).with_extension("part"));
    let newborn = nursery.join("control");
    let absent = |result: io::Result<()>| match result {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    };
    // This was left by a killed daemon: we have the lock.
    absent(fs::remove_file(&newborn))?;
    absent(fs::remove_dir(&nursery))?;
    DirBuilder::new().mode(0o700).create(&nursery)?;
    let listener = near(&nursery, "control", UnixListener::bind)?;
    fs::set_permissions(&newborn, Permissions::from_mode(0o600))?;
    fs::rename(&newborn, &path)?;
    fs::remove_dir(&nursery)?;
    Ok(listener)
}

/// Calls `act` with a path of `name` in `dir` that is short enough for the address of a socket.
fn near<T>(dir: &Path, name: &str, act: impl Fn(PathBuf) -> io::Result<T>) -> io::Result<T> {
    let path = dir.join(name);
    if path.as_os_str().len() <= PATH_BYTES_MAX {
        return act(path);
    }
    let dir = File::open(dir)?;
    act(format!("/proc/self/fd/{}/{name}", dir.as_raw_fd()).into())
}

fn serve(stream: &UnixStream, orders: &SyncSender<AskedOrder>, wake: impl Fn()) -> io::Result<()> {
    stream.set_read_timeout(Some(ASKER_TIMEOUT))?;
    stream.set_write_timeout(Some(ASKER_TIMEOUT))?;
    let line = read_line(stream)?;
    let outcome = match Order::parse(&line) {
        None => Err("this daemon does not know this order: it is of another version".into()),
        // The command has already reported that it could not be done.
        Some(_) if has_gone(stream)? => return Err(ErrorKind::BrokenPipe.into()),
        Some(order) => {
            let (answers, answer) = mpsc::sync_channel(1);
            // The daemon ends, and so does this thread.
            orders.send(AskedOrder { order, answers }).map_err(io::Error::other)?;
            wake();
            let late = || Err("the daemon has not answered in time; it may still do it".to_owned());
            answer.recv_timeout(ANSWER_TIMEOUT).unwrap_or_else(|_| late())
        }
    };
    let line = match outcome {
        Ok(reached) => format!("done {reached}\n"),
        Err(why) => format!("failed {}\n", why.replace(char::is_control, " ")),
    };
    let mut stream = stream;
    stream.write_all(line.as_bytes())
}

/// Whether a command, whose line has been read, no longer waits for the answer.
fn has_gone(mut stream: &UnixStream) -> io::Result<bool> {
    stream.set_nonblocking(true)?;
    let more = stream.read(&mut [0]);
    stream.set_nonblocking(false)?;
    Ok(!matches!(more, Ok(1..)) && !matches!(more, Err(e) if e.kind() == ErrorKind::WouldBlock))
}

/// Reads a line, without its ending.
fn read_line(stream: &UnixStream) -> io::Result<String> {
    let mut line = String::new();
    BufReader::new(stream.take(Order::LINE_MAX as u64 + 1)).read_line(&mut line)?;
    match line.strip_suffix('\n') {
        Some(line) => Ok(line.to_owned()),
        None => Err(ErrorKind::UnexpectedEof.into()),
    }
}

/// Gives an order to the daemon that uses `dir`. `None` if none listens there.
pub fn ask(dir: &Path, order: &Order) -> Result<Option<Outcome>, Failure> {
    let Some(mut line) = order.to_line() else {
        return Err(Failure::usage("a name or address has control characters, or is too long"));
    };
    line.push('\n');
    let path = data_dir::control(dir);
    let failed =
        |e| Failure::unavailable(format!("cannot ask the daemon at {}: {e}", path.display()));
    let mut stream = match near(dir, "control", UnixStream::connect) {
        Ok(stream) => stream,
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => {
            return Ok(None);
        }
        Err(e) => return Err(failed(e)),
    };
    stream.set_read_timeout(Some(ANSWER_TIMEOUT + ASKER_TIMEOUT)).map_err(failed)?;
    stream.write_all(line.as_bytes()).map_err(failed)?;
    let answer = read_line(&stream).map_err(|e| {
        let path = path.display();
        Failure::unavailable(format!(
            "the daemon at {path} has not answered ({e}); check whether it is done"
        ))
    })?;
    match answer.split_once(' ') {
        Some(("done", reached)) => Ok(Some(Ok(reached.parse().unwrap_or_default()))),
        Some(("failed", why)) => Ok(Some(Err(why.to_owned()))),
        _ => Err(failed(ErrorKind::InvalidData.into())),
    }
}
