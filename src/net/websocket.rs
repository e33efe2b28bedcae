//! A stream that can begin to carry lines as WebSocket messages, behind an HTTP request.

use super::{CloseReason, Effort, Progress, Secure, Stream};
use crate::wire::websocket::{self, CloseCode, Decoder, Kind};
use std::cell::RefCell;
use std::io::{self, ErrorKind, Read, Write};

/// A stream, plain until it is upgraded. 8 bytes more than the stream itself until then.
pub struct Framed<S> {
    stream: S,
    frames: Option<Box<Frames>>,
}

/// The layer that a stream begins with [`Stream::upgrade`]: RFC 6455 and the IRCv3 WebSocket
/// specification. Each line that is written becomes one message, and each message that comes
/// becomes one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layer {
    /// The type of the messages to the client. Without one it is that of the client's own: text
    /// until the first has come.
    pub kind: Option<Kind>,
    /// The longest message of the client in bytes; a longer one ends the connection.
    pub message_max: usize,
}

struct Frames {
    decoder: Decoder,
    kind: Option<Kind>,
    /// Input behind the request, not read yet.
    received: Vec<u8>,
    /// Written, and its line has not ended.
    line: Vec<u8>,
    /// Frames, or the head of the answer, that the stream has not taken yet.
    outgoing: Vec<u8>,
    /// The stream had nothing more when it was last read.
    dry: bool,
    /// A Close frame was written: nothing may follow.
    closed: bool,
    /// The code of the Close frame that `finish` writes.
    code: CloseCode,
}

thread_local! {
    /// Frames of one write, so that no connection needs a buffer of its own for them.
    static FRAMES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// The buffer for frames keeps no more than this.
const FRAMES_KEPT: usize = 64 << 10;

impl<S> Framed<S> {
    /// A stream that is not upgraded yet.
    pub fn plain(stream: S) -> Framed<S> {
        Framed { stream, frames: None }
    }

    /// The stream below.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.stream
    }
}

impl Frames {
    /// Writes what waits, in as few calls as the stream allows.
    fn send(&mut self, stream: &mut impl Write) -> io::Result<()> {
        while !self.outgoing.is_empty() {
            match stream.write(&self.outgoing) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(n) if n == self.outgoing.len() => self.outgoing = Vec::new(),
                Ok(n) => drop(self.outgoing.drain(..n)),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// Makes lines of the first `n` bytes behind the first of `buf`; 0 at the end.
    fn decode(&mut self, buf: &mut [u8], n: usize, stream: &mut impl Write) -> io::Result<usize> {
        // A peer that does not read our answers gets no further ones.
        let mut unheard = Vec::new();
        let blocked = !self.outgoing.is_empty();
        let reply = if blocked { &mut unheard } else { &mut self.outgoing };
        let decoded = self.decoder.decode(&mut buf[..=n], reply);
        let text = match decoded {
            Ok(decoded) => {
                self.kind = self.kind.or(decoded.kind);
                decoded.text
            }
            Err(code) => {
                self.close(code, "");
                0
            }
        };
        self.closed |= self.decoder.is_closed();
        match self.send(stream) {
            Err(e) if e.kind() != ErrorKind::WouldBlock => Err(e),
            _ if text > 0 => Ok(text),
            _ if self.closed => Ok(0),
            _ => Err(ErrorKind::WouldBlock.into()),
        }
    }

    fn close(&mut self, code: CloseCode, why: &str) {
        if !std::mem::replace(&mut self.closed, true) {
            websocket::write_close(code, why, &mut self.outgoing);
        }
    }

    /// Sends `text` as messages, one for each line that it ends. All of it is taken: what the stream
    /// does not take now waits here.
    fn write(&mut self, text: &[u8], stream: &mut impl Write) -> io::Result<()> {
        if self.closed {
            return Ok(());
        }
        let end = memchr::memrchr(b'\n', text).map_or(0, |end| end + 1);
        let (lines, rest) = text.split_at(end);
        let kind = self.kind.unwrap_or(Kind::Text);
        FRAMES.with_borrow_mut(|frames| {
            frames.clear();
            if !self.line.is_empty() && !lines.is_empty() {
                let first = lines.iter().position(|byte| *byte == b'\n').map_or(0, |end| end + 1);
                self.line.extend_from_slice(&lines[..first]);
                websocket::encode(&self.line, kind, frames);
                self.line = Vec::new();
                websocket::encode(&lines[first..], kind, frames);
            } else {
                websocket::encode(lines, kind, frames);
            }
            self.line.extend_from_slice(rest);
            let mut sent = 0;
            while sent < frames.len() {
                match stream.write(&frames[sent..]) {
                    Ok(0) => return Err(ErrorKind::WriteZero.into()),
                    Ok(n) => sent += n,
                    Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                    Err(e) if e.kind() == ErrorKind::Interrupted => {}
                    Err(e) => return Err(e),
                }
            }
            self.outgoing.extend_from_slice(&frames[sent..]);
            frames.shrink_to(FRAMES_KEPT);
            Ok(())
        })
    }
}

impl<S: Stream> Read for Framed<S> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let Some(frames) = &mut self.frames else { return self.stream.read(buf) };
        if frames.closed {
            // Behind a Close frame everything is dropped, until the peer ends its half.
            return self.stream.read(buf).map(|_| 0);
        }
        let n = if frames.received.is_empty() {
            let read = self.stream.read(&mut buf[1..]);
            frames.dry = read.as_ref().is_err_and(|e| e.kind() == ErrorKind::WouldBlock);
            read?
        } else {
            let n = frames.received.len().min(buf.len() - 1);
            buf[1..=n].copy_from_slice(&frames.received[..n]);
            frames.received.drain(..n);
            n
        };
        if n == 0 {
            return Ok(0);
        }
        frames.decode(buf, n, &mut self.stream)
    }
}

impl<S: Stream> Write for Framed<S> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let Some(frames) = &mut self.frames else { return self.stream.write(buf) };
        frames.send(&mut self.stream)?;
        frames.write(buf, &mut self.stream)?;
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if let Some(frames) = &mut self.frames {
            frames.send(&mut self.stream)?;
        }
        self.stream.flush()
    }
}

impl<S: Stream> Stream for Framed<S> {
    fn upgrade(&mut self, layer: Layer, head: Vec<u8>, received: &[u8]) -> io::Result<()> {
        if self.frames.is_some() {
            return Err(ErrorKind::Unsupported.into());
        }
        self.frames = Some(Box::new(Frames {
            decoder: Decoder::new(layer.message_max),
            kind: layer.kind,
            received: received.to_vec(),
            line: Vec::new(),
            outgoing: head,
            dry: false,
            closed: false,
            code: CloseCode::NORMAL,
        }));
        Ok(())
    }

    fn explain(&mut self, why: CloseReason) {
        if let Some(frames) = &mut self.frames {
            frames.code = match why {
                CloseReason::Shutdown => CloseCode::RESTART,
                CloseReason::Refused => CloseCode::POLICY,
                CloseReason::RecvqExceeded => CloseCode::TOO_BIG,
                _ => CloseCode::NORMAL,
            };
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        if let Some(frames) = &mut self.frames {
            frames.close(frames.code, "");
            frames.send(&mut self.stream)?;
        }
        self.stream.finish()
    }

    fn write_last(&mut self, text: &[u8]) -> io::Result<usize> {
        match &self.frames {
            None => self.stream.write_last(text),
            Some(_) => {
                let n = self.write(text)?;
                self.finish().and(Ok(n))
            }
        }
    }

    fn is_established(&self) -> bool {
        self.stream.is_established()
    }

    fn awaits_header(&self) -> bool {
        self.stream.awaits_header()
    }

    fn handshake(&mut self, effort: &mut Effort) -> io::Result<Progress> {
        self.stream.handshake(effort)
    }

    fn secure(&self) -> Option<Secure> {
        self.stream.secure()
    }

    fn short_read_empties(&self) -> bool {
        self.frames.is_none() && self.stream.short_read_empties()
    }

    fn holds_more(&self) -> bool {
        let more = self
            .frames
            .as_ref()
            .is_some_and(|frames| !frames.closed && (!frames.received.is_empty() || !frames.dry));
        more || self.stream.holds_more()
    }
}
