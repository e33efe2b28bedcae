//! Host names, looked up on a thread of their own: the system's resolver may block for seconds.

use super::super::{Dial, Host};
use mio::Waker;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

/// Addresses of the host of a dial.
pub(super) type Found = (Dial, io::Result<Vec<SocketAddr>>);

/// The loop's side of the thread, which starts with the first name. One thread, so a name whose
/// servers do not answer delays the others.
#[derive(Default)]
pub(super) struct Resolver {
    thread: Option<(Sender<Dial>, Receiver<Found>)>,
    /// Asked, and not yet found.
    open: usize,
}

/// Look-ups that may wait.
const OPEN_MAX: usize = 256;

/// Addresses of one name that are tried.
const ADDRESSES_MAX: usize = 16;

impl Resolver {
    /// Looks up the host of `dial`, and wakes the loop once it is found. Fails at once if too many
    /// wait, or no thread can be had.
    pub fn look_up(&mut self, dial: Dial, waker: &Arc<Waker>) -> Result<(), Found> {
        if self.open == OPEN_MAX {
            return Err((dial, Err(io::Error::other("too many names are being looked up"))));
        }
        let asker = match &self.thread {
            Some((asker, _)) => asker,
            None => match start(waker.clone()) {
                Ok(thread) => &self.thread.insert(thread).0,
                Err(e) => return Err((dial, Err(e))),
            },
        };
        match asker.send(dial) {
            Ok(()) => self.open += 1,
            Err(mpsc::SendError(dial)) => {
                return Err((dial, Err(io::Error::other("the resolver has ended"))));
            }
        }
        Ok(())
    }

    /// A look-up that is done.
    pub fn take(&mut self) -> Option<Found> {
        let found = self.thread.as_ref()?.1.try_recv().ok()?;
        self.open -= 1;
        Some(found)
    }
}

fn start(waker: Arc<Waker>) -> io::Result<(Sender<Dial>, Receiver<Found>)> {
    let (asker, asked) = mpsc::channel::<Dial>();
    let (answers, found) = mpsc::channel();
    let serve = move || {
        for dial in asked {
            let addresses = look_up(&dial);
            if answers.send((dial, addresses)).is_err() {
                return;
            }
            let _ = waker.wake();
        }
    };
    thread::Builder::new().name("resolver".into()).spawn(serve)?;
    Ok((asker, found))
}

fn look_up(dial: &Dial) -> io::Result<Vec<SocketAddr>> {
    let port = dial.to.port;
    match &dial.to.host {
        Host::Address(address) => Ok(vec![(*address, port).into()]),
        Host::Name(name) => {
            let addresses = (name.as_str(), port).to_socket_addrs()?;
            Ok(addresses.take(ADDRESSES_MAX).collect())
        }
    }
}
