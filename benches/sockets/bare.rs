//! The smallest echo server: mio, one read and one write for each event, and nothing else. It has
//! no lines, no limits, and loses output that a slow reader doesn't take. And the smallest server
//! that refuses.

use crate::server::{Asked, Ready};
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token, Waker};
use std::io::{ErrorKind, Read, Write};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::mpsc::Sender;

const LISTENER: Token = Token(usize::MAX);
const WAKER: Token = Token(usize::MAX - 1);

/// A poll that watches a listener and a waker, which are sent to `ready`.
fn begin(ready: &Sender<Ready>) -> (Poll, TcpListener, Events) {
    let poll = Poll::new().expect("a poll");
    let waker = Arc::new(Waker::new(poll.registry(), WAKER).expect("a waker"));
    let mut listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0).into()).expect("a port");
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE).expect("it is watched");
    ready.send((listener.local_addr().expect("it is bound"), waker)).expect("somebody waits");
    (poll, listener, Events::with_capacity(1024))
}

pub fn serve(ready: Sender<Ready>, asked: Asked) {
    let (mut poll, listener, mut events) = begin(&ready);
    let mut conns = Vec::new();
    let mut buffer = vec![0; 16 << 10];
    loop {
        poll.poll(&mut events, None).expect("the poll works");
        for event in &events {
            match event.token() {
                WAKER if !asked.answer() => return,
                WAKER => {}
                LISTENER => accept(&poll, &listener, &mut conns),
                Token(place) if event.is_readable() => echo(&mut conns[place], &mut buffer),
                Token(_) => {}
            }
        }
    }
}

fn accept(poll: &Poll, listener: &TcpListener, conns: &mut Vec<TcpStream>) {
    while let Ok((mut stream, _)) = listener.accept() {
        let both = Interest::READABLE | Interest::WRITABLE;
        stream.set_nodelay(true).expect("a socket takes its options");
        poll.registry().register(&mut stream, Token(conns.len()), both).expect("it is watched");
        conns.push(stream);
    }
}

fn echo(stream: &mut TcpStream, buffer: &mut [u8]) {
    match stream.read(buffer) {
        Ok(n) => {
            buffer[..n].make_ascii_uppercase();
            stream.write_all(&buffer[..n]).expect("the load reads what it asked for");
        }
        Err(e) => assert_eq!(e.kind(), ErrorKind::WouldBlock),
    }
}

/// The smallest server that refuses every connection.
pub fn refuse(word: &str, ready: Sender<Ready>, asked: Asked) {
    let (mut poll, listener, mut events) = begin(&ready);
    loop {
        poll.poll(&mut events, None).expect("the poll works");
        for event in &events {
            if event.token() == WAKER && !asked.answer() {
                return;
            }
            while let Ok((mut stream, _)) = listener.accept() {
                stream.write_all(word.as_bytes()).expect("there is room");
            }
        }
    }
}
