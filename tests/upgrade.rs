//! Streams that begin a layer in the middle of a connection, as WebSocket does: earlier output,
//! input behind the request, and the service that then has the connection.

mod world;

use std::cell::RefCell;
use std::rc::Rc;
use stonechat::app::{App, Protocol};
use stonechat::net::{CloseReason, ConnId, EventLoop, Layer, Limits, Outbox, Peer, Service};
use world::by_hand::{ENDPOINT, at, join, rest, say};
use world::framed::{Decoder, Framed, encode};
use world::{Choices, ServerEnd, Wire};

/// The test's stream has one layer, whatever is asked for.
const LAYER: Layer = Layer { kind: None, message_max: 512 };

/// Answers `UP` by an upgrade, and every other line by the line; records how connections end.
#[derive(Default)]
struct Porter {
    heard: Vec<String>,
    closed: Vec<CloseReason>,
}

impl Service for Porter {
    fn received(&mut self, out: &mut Outbox, id: ConnId, bytes: &[u8]) -> usize {
        let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else { return 0 };
        let line = &bytes[..=end];
        self.heard.push(String::from_utf8(line.to_vec()).unwrap());
        out.write(id, line);
        if line.starts_with(b"UP") {
            out.upgrade(id, LAYER, b"HEAD\n");
            out.write(id, b"first\n");
            // A service that hands a connection over leaves the rest unused.
            return line.len();
        }
        line.len() + self.received(out, id, &bytes[end + 1..])
    }

    fn closed(&mut self, _out: &mut Outbox, _id: ConnId, why: CloseReason) {
        self.closed.push(why);
    }
}

type Conn = (ConnId, Rc<RefCell<Wire>>);

fn come<V: Service>(server: &mut EventLoop<Framed<ServerEnd>, V>, down_max: usize) -> Conn {
    let wire = Wire::new(down_max);
    wire.borrow_mut().whole_reads = true;
    let end = ServerEnd { wire: wire.clone(), choices: Choices::from_bytes(&[]) };
    let peer = Peer::accepted(ENDPOINT, None);
    (server.accept(Framed::plain(end), peer).unwrap(), wire)
}

fn hear((_, wire): &Conn) -> Vec<u8> {
    wire.borrow_mut().down.drain(..).collect()
}

#[test]
fn what_comes_behind_the_request_is_read_through_the_layer() {
    let mut server = EventLoop::new(Porter::default(), Limits::default());
    let ann = come(&mut server, usize::MAX);
    let said = [b"hi\nUP\n", &encode(b"one\ntwo\nUPON\n")[..]].concat();
    for part in said.chunks(3) {
        ann.1.borrow_mut().send(part);
        server.readable(ann.0.slot());
        rest(&mut server, at(0));
        server.check();
        if server.service.heard.last().is_some_and(|line| line == "two\n") {
            break; // this stream allows one upgrade
        }
    }
    assert_eq!(server.service.heard, ["hi\n", "UP\n", "one\n", "two\n"]);
    let frames = encode(b"first\none\ntwo\n");
    assert_eq!(hear(&ann), [b"hi\nUP\nHEAD\n", &frames[..]].concat());
}

#[test]
fn what_a_slow_reader_was_sent_before_goes_out_before_the_head_and_plain() {
    let mut server = EventLoop::new(Porter::default(), Limits::default());
    let ann = come(&mut server, 4);
    ann.1.borrow_mut().send(b"a long line that does not fit\n");
    server.readable(ann.0.slot());
    rest(&mut server, at(0));
    assert!(server.backlog_bytes() > 0);
    ann.1.borrow_mut().send(b"UP\n");
    server.readable(ann.0.slot());
    rest(&mut server, at(0));
    server.check();
    let mut heard = Vec::new();
    loop {
        let more = hear(&ann);
        if more.is_empty() {
            break;
        }
        heard.extend(more);
        server.writable(ann.0.slot());
        rest(&mut server, at(0));
        server.check();
    }
    let plain = &b"a long line that does not fit\nUP\nHEAD\n"[..];
    assert_eq!(heard, [plain, &encode(b"first\n")].concat());
    let counted = &server.counters().endpoints[0];
    assert_eq!(counted.sent_bytes, (plain.len() + b"first\n".len()) as u64);
}

#[test]
fn a_connection_that_closes_with_its_upgrade_reads_both() {
    let mut server = EventLoop::new(Porter::default(), Limits::default());
    let ann = come(&mut server, usize::MAX);
    server.inject(|_, out| {
        out.upgrade(ann.0, LAYER, b"HEAD\n");
        out.write(ann.0, b"bye\n");
        out.close(ann.0);
    });
    rest(&mut server, at(0));
    assert_eq!(hear(&ann), [b"HEAD\n", &encode(b"bye\n")[..]].concat());
    assert!(ann.1.borrow().down_ended);
}

#[test]
fn an_upgrade_of_a_connection_that_is_gone_is_forgotten() {
    let mut server = EventLoop::new(Porter::default(), Limits::default());
    let ann = come(&mut server, usize::MAX);
    ann.1.borrow_mut().cut = Some(std::io::ErrorKind::ConnectionReset);
    server.hung_up(ann.0.slot());
    rest(&mut server, at(0));
    let bob = come(&mut server, usize::MAX);
    assert_eq!(ann.0.slot(), bob.0.slot());
    server.inject(|_, out| out.upgrade(ann.0, LAYER, b"HEAD\n"));
    rest(&mut server, at(0));
    assert_eq!(hear(&bob), b"");
    server.check();
}

#[test]
fn a_stream_without_a_layer_ends() {
    let mut server = EventLoop::new(Porter::default(), Limits::default());
    let ann = join(&mut server, usize::MAX);
    say(&mut server, &ann, "UP\n");
    rest(&mut server, at(0));
    assert_eq!(server.service.closed, [CloseReason::Failed]);
    assert!(server.is_empty());
}

/// As with a request over HTTP: one service receives it, and chat goes on over frames.
#[test]
fn chat_goes_on_where_another_service_has_begun() {
    let mut app = App::new(512, Default::default());
    app.add_endpoint(Protocol::Echo).unwrap();
    let mut server = EventLoop::new(app, Limits::default());
    let ann = come(&mut server, usize::MAX);
    ann.1.borrow_mut().send(b"hello\nGET /irc\n");
    server.readable(ann.0.slot());
    rest(&mut server, at(0));
    server.inject(|app, out| {
        out.upgrade(ann.0, LAYER, b"101 switching\n");
        let peer = Peer::accepted(ENDPOINT, None);
        app.hand_over(out, ann.0, peer, Protocol::Irc);
    });
    ann.1.borrow_mut().send(&encode(b"NICK ann\nUSER ann 0 * :Ann\n"));
    server.readable(ann.0.slot());
    rest(&mut server, at(0));
    let heard = hear(&ann);
    let frames = heard.strip_prefix(b"HELLO\nGET /IRC\n101 switching\n").expect("plain first");
    let text = String::from_utf8(Decoder::default().decode(frames)).unwrap();
    assert!(text.contains(" 001 ann :"), "{text}");
    server.shut_down();
    rest(&mut server, at(0));
    let last = String::from_utf8(Decoder::default().decode(&hear(&ann))).unwrap();
    assert!(last.contains("ERROR :server shutting down"), "{last}");
    server.service.check();
    server.check();
}
