//! The far end of a connection: a TLS client over a pipe, and its server.

use crate::world::by_hand::{ENDPOINT, at, rest};
use crate::world::tls_client::{decrypt, encrypted, session};
use crate::world::{Choices, ServerEnd, Wire};
use rustls::{ClientConfig, ClientConnection, Error};
use std::cell::RefCell;
use std::io::Write;
use std::rc::Rc;
use std::sync::Arc;
use stonechat::app::{App, Protocol};
use stonechat::net::tls::{Acceptor, TlsStream};
use stonechat::net::{ConnId, EventLoop, Limits, Peer, Refusal, Service};
use stonechat::tls::{Shelf, acceptor, self_signed};

pub type Server<V> = EventLoop<TlsStream<ServerEnd>, V>;

/// An echo server without a limit on lines.
pub fn echo(limits: Limits) -> Server<App> {
    let mut app = App::new(limits.recvq_max - 2, Default::default());
    app.add_endpoint(Protocol::Echo).unwrap();
    EventLoop::new(app, limits)
}

/// The acceptor of a server named `srv`.
pub fn shaker() -> Acceptor {
    acceptor(&Shelf::in_memory(&self_signed("srv").unwrap()).unwrap()).unwrap()
}

/// A client that accepts any certificate, and records it.
pub struct Far {
    pub id: ConnId,
    pub wire: Rc<RefCell<Wire>>,
    pub tls: ClientConnection,
    pub heard: Vec<u8>,
}

/// The behaviour of a pipe.
pub enum Pipe {
    /// Like a socket.
    Whole,
    /// Tears its content by the choices of this seed, and holds this many bytes.
    Torn(u64, usize),
}

impl Far {
    pub fn connect<V: Service>(
        server: &mut Server<V>,
        acceptor: &Acceptor,
        config: Arc<ClientConfig>,
        pipe: Pipe,
    ) -> Far {
        let (choices, down_max, whole_reads) = match pipe {
            Pipe::Whole => (Choices::from_bytes(&[]), usize::MAX, true),
            Pipe::Torn(seed, down_max) => (Choices::from_seed(seed), down_max, false),
        };
        let wire = Wire::new(down_max);
        wire.borrow_mut().whole_reads = whole_reads;
        let stream = acceptor.accept(ServerEnd { wire: wire.clone(), choices }).unwrap();
        let peer = Peer::accepted(ENDPOINT, None);
        let id = server.accept(stream, peer).unwrap();
        Far { id, wire, tls: session(config), heard: Vec::new() }
    }

    pub fn say(&mut self, said: &[u8]) {
        self.tls.writer().write_all(said).unwrap();
    }

    /// Puts the client's pending records into the pipe.
    pub fn push<V: Service>(&mut self, server: &mut Server<V>) -> bool {
        let bytes = encrypted(&mut self.tls);
        if !bytes.is_empty() && !self.wire.borrow().server_gone {
            self.send(server, &bytes);
        }
        !bytes.is_empty()
    }

    /// Puts these bytes into the pipe.
    pub fn send<V: Service>(&mut self, server: &mut Server<V>, bytes: &[u8]) {
        self.wire.borrow_mut().send(bytes);
        server.readable(self.id.slot());
    }

    /// Reads from the pipe. The error is that of TLS.
    pub fn pull<V: Service>(&mut self, server: &mut Server<V>) -> Result<bool, Error> {
        let bytes: Vec<u8> = self.wire.borrow_mut().down.drain(..).collect();
        if self.wire.borrow().wants_room {
            self.wire.borrow_mut().wants_room = false;
            server.writable(self.id.slot());
        }
        decrypt(&mut self.tls, &bytes, &mut self.heard)?;
        Ok(!bytes.is_empty())
    }

    /// Runs both until neither has anything more for the other.
    pub fn settle<V: Service>(&mut self, server: &mut Server<V>) -> Result<(), Error> {
        loop {
            let said = self.push(server);
            rest(server, at(0));
            server.check();
            let heard = self.pull(server)?;
            if !said && !heard && !self.tls.wants_write() {
                return Ok(());
            }
        }
    }
}

pub fn refused<V: Service>(server: &mut Server<V>, why: Refusal) -> u64 {
    let index = Refusal::ALL.iter().position(|each| *each == why).unwrap();
    server.counters().endpoints.first().map_or(0, |counted| counted.refused[index])
}
