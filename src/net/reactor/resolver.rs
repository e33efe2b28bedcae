//! Host names, looked up on a thread of their own: the system's resolver may block for seconds.

use super::super::{Dial, Host};
use crate::far::{self, Asker, Bound, Busy, Weigh};
use mio::Waker;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;

/// Addresses of the host of a dial.
pub(super) type Found = (Dial, io::Result<Vec<SocketAddr>>);

/// The loop's side of the thread, which starts with the first name. One thread, so a name whose
/// servers do not answer delays the others.
#[derive(Default)]
pub(super) struct Resolver(Option<Asker<Name, io::Result<Vec<SocketAddr>>, Dial>>);

struct Name {
    host: Host,
    port: u16,
}

/// Look-ups that may wait.
const OPEN: Bound = Bound { questions: 256, bytes: 256 << 10 };

/// Addresses of one name that are tried.
const ADDRESSES_MAX: usize = 16;

impl Resolver {
    /// Looks up the host of `dial`, and wakes the loop once it is found. Fails at once if too many
    /// wait, or no thread can be had.
    pub fn look_up(&mut self, dial: Dial, waker: &Arc<Waker>) -> Result<(), Found> {
        let asker = match &mut self.0 {
            Some(asker) => asker,
            None => match start(waker.clone()) {
                Ok(asker) => self.0.insert(asker),
                Err(e) => return Err((dial, Err(e))),
            },
        };
        let name = Name { host: dial.to.host.clone(), port: dial.to.port };
        asker.ask(name, dial).map_err(|Busy(_, dial)| {
            (dial, Err(io::Error::other("too many names are being looked up")))
        })
    }

    /// The look-ups that are done.
    pub fn found(&mut self) -> impl Iterator<Item = Found> {
        self.0.iter_mut().flat_map(Asker::answers)
    }
}

fn start(waker: Arc<Waker>) -> io::Result<Asker<Name, io::Result<Vec<SocketAddr>>, Dial>> {
    let (asker, far) = far::queue(OPEN);
    far::serve("resolver", far, move || drop(waker.wake()), Name::addresses)?;
    Ok(asker)
}

impl Name {
    fn addresses(&self) -> io::Result<Vec<SocketAddr>> {
        match &self.host {
            Host::Address(address) => Ok(vec![(*address, self.port).into()]),
            Host::Name(name) => {
                let addresses = (name.as_str(), self.port).to_socket_addrs()?;
                Ok(addresses.take(ADDRESSES_MAX).collect())
            }
        }
    }
}

impl Weigh for Name {
    fn bytes(&self) -> usize {
        let text = match &self.host {
            Host::Name(name) => name.len(),
            Host::Address(_) => 0,
        };
        size_of::<Name>() + text
    }
}
