//! A stream with a layer to begin: behind a plain request, each line travels in a frame of its own, as
//! with WebSocket. A frame is two bytes of length and so many of text; a line has no ending in it.

use std::io::{self, ErrorKind, Read, Write};
use stonechat::net::{Effort, Layer, Progress, Secure, Stream};

/// The server's side.
pub struct Framed<S> {
    stream: S,
    /// There since the upgrade.
    frames: Option<Frames>,
}

#[derive(Default)]
struct Frames {
    decoder: Decoder,
    /// Came behind the request, and is not read yet.
    received: Vec<u8>,
    /// Written, and its line has not ended.
    line: Vec<u8>,
    /// Framed, or the head; and more than the stream has taken.
    outgoing: Vec<u8>,
    /// The stream had nothing more when it was last read.
    dry: bool,
}

/// Makes lines of frames, however they are torn.
#[derive(Default)]
pub struct Decoder {
    length: Vec<u8>,
    /// Of the frame under way; `None` between frames.
    left: Option<usize>,
}

impl Decoder {
    /// No longer than `bytes`: a frame is longer than its line by a byte.
    pub fn decode(&mut self, mut bytes: &[u8]) -> Vec<u8> {
        let mut text = Vec::new();
        while let Some((&first, rest)) = bytes.split_first() {
            match self.left {
                Some(left) => {
                    let n = left.min(bytes.len());
                    text.extend_from_slice(&bytes[..n]);
                    bytes = &bytes[n..];
                    self.left = Some(left - n);
                }
                None => {
                    self.length.push(first);
                    bytes = rest;
                    if let [high, low] = self.length[..] {
                        self.left = Some(usize::from(u16::from_be_bytes([high, low])));
                        self.length.clear();
                    }
                }
            }
            if self.left == Some(0) {
                text.push(b'\n');
                self.left = None;
            }
        }
        text
    }
}

/// Frames every line of `text`. The rest, which has no ending, becomes the beginning of a frame that
/// never ends.
pub fn encode(text: &[u8]) -> Vec<u8> {
    let mut frames = Vec::new();
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let whole = line.strip_suffix(b"\n");
        let length = whole.map_or(u16::MAX, |line| line.len() as u16);
        frames.extend(length.to_be_bytes());
        frames.extend_from_slice(whole.unwrap_or(line));
    }
    frames
}

impl<S> Framed<S> {
    pub fn plain(stream: S) -> Framed<S> {
        Framed { stream, frames: None }
    }
}

impl<S: Stream> Framed<S> {
    fn send(&mut self) -> io::Result<()> {
        let Some(frames) = &mut self.frames else { return Ok(()) };
        while !frames.outgoing.is_empty() {
            match self.stream.write(&frames.outgoing) {
                Ok(n) => drop(frames.outgoing.drain(..n)),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }
}

impl<S: Stream> Read for Framed<S> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let Some(frames) = &mut self.frames else { return self.stream.read(buf) };
        let n = if frames.received.is_empty() {
            let read = self.stream.read(buf);
            frames.dry = read.as_ref().is_err_and(|e| e.kind() == ErrorKind::WouldBlock);
            read?
        } else {
            let n = frames.received.len().min(buf.len());
            buf[..n].copy_from_slice(&frames.received[..n]);
            frames.received.drain(..n);
            n
        };
        if n == 0 {
            return Ok(0);
        }
        let text = frames.decoder.decode(&buf[..n]);
        if text.is_empty() {
            return Err(ErrorKind::WouldBlock.into());
        }
        buf[..text.len()].copy_from_slice(&text);
        Ok(text.len())
    }
}

impl<S: Stream> Write for Framed<S> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        if self.frames.is_none() {
            return self.stream.write(buf);
        }
        self.send()?;
        let frames = self.frames.as_mut().expect("it was there");
        frames.line.extend_from_slice(buf);
        if let Some(end) = frames.line.iter().rposition(|byte| *byte == b'\n') {
            let lines: Vec<u8> = frames.line.drain(..=end).collect();
            frames.outgoing.extend(encode(&lines));
        }
        match self.send() {
            Err(e) if e.kind() != ErrorKind::WouldBlock => Err(e),
            _ => Ok(buf.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send()?;
        self.stream.flush()
    }
}

impl<S: Stream> Stream for Framed<S> {
    fn upgrade(&mut self, _layer: Layer, head: Vec<u8>, received: &[u8]) -> io::Result<()> {
        assert!(self.frames.is_none(), "upgraded twice");
        let received = received.to_vec();
        self.frames = Some(Frames { outgoing: head, received, ..Frames::default() });
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        self.send()?;
        self.stream.finish()
    }

    fn write_last(&mut self, text: &[u8]) -> io::Result<usize> {
        assert!(self.frames.is_none(), "its service knows of it");
        self.stream.write_last(text)
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
        let more = self.frames.as_ref().is_some_and(|f| !f.received.is_empty() || !f.dry);
        more || self.stream.holds_more()
    }
}
