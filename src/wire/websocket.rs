//! WebSocket messages that carry lines: RFC 6455, and the IRCv3 WebSocket specification. One
//! message is one line without its ending.
//!
//! Sans I/O: a [`Decoder`] makes lines of a client's frames in place, and [`encode`] makes frames of
//! lines. No extension is spoken, so that no frame may have a reserved bit.

use crate::wire::utf8::Utf8;

/// The status code of a Close frame. RFC 6455 §7.4.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CloseCode(pub u16);

impl CloseCode {
    /// The purpose of the connection is fulfilled.
    pub const NORMAL: CloseCode = CloseCode(1000);
    /// The endpoint goes away: the server ends.
    pub const GOING_AWAY: CloseCode = CloseCode(1001);
    /// The frames break RFC 6455.
    pub const PROTOCOL: CloseCode = CloseCode(1002);
    /// A text is not UTF-8, or a message is not one line.
    pub const BAD_DATA: CloseCode = CloseCode(1007);
    /// A message breaks a rule of the server.
    pub const POLICY: CloseCode = CloseCode(1008);
    /// A message is too long.
    pub const TOO_BIG: CloseCode = CloseCode(1009);
    /// The server restarts.
    pub const RESTART: CloseCode = CloseCode(1012);

    /// Whether a peer may send it. 1005, 1006 and 1015 never appear in a frame, and the numbers below
    /// 1000 mean nothing.
    fn may_be_sent(self) -> bool {
        matches!(self.0, 1000..=1003 | 1007..=1014 | 3000..=4999)
    }
}

/// The type of the messages that carry lines to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text frames; bytes that are not UTF-8 are replaced.
    Text,
    /// Binary frames; bytes go out as they are.
    Binary,
}

/// Frames in one message: more of them would be a way to use much time and no memory.
const FRAMES_MAX: u32 = 1024;

/// Payload of a control frame. RFC 6455 §5.5.
const CONTROL_MAX: usize = 125;

/// The longest head of a client's frame: two bytes, eight of length, four of mask.
const HEAD_MAX: usize = 14;

const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// Makes lines of the frames of a client, however they are torn.
#[derive(Debug)]
pub struct Decoder {
    /// Payload of one message.
    message_max: usize,
    head: [u8; HEAD_MAX],
    /// How much of the head has come.
    head_len: u8,
    /// The frame under way, once its head is complete.
    frame: Option<Frame>,
    /// The message under way.
    message: Option<Message>,
    /// Payload of the control frame under way.
    control: Vec<u8>,
    closed: bool,
}

#[derive(Clone, Copy, Debug)]
struct Frame {
    opcode: u8,
    last: bool,
    mask: [u8; 4],
    /// Payload that has come, which is the place in the mask.
    came: usize,
    len: usize,
}

#[derive(Debug)]
struct Message {
    /// For a text, the state of its check.
    utf8: Option<Utf8>,
    bytes: usize,
    frames: u32,
    ending: Ending,
}

/// How much of a line ending the message has. It needs none; some clients send one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    None,
    Cr,
    Lf,
}

/// What [`Decoder::decode`] has made of the bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Decoded {
    /// Bytes of lines, each with a line feed, now at the beginning of the buffer.
    pub text: usize,
    /// The type of the last message that began, if one did.
    pub kind: Option<Kind>,
}

impl Decoder {
    /// A decoder for messages of at most `message_max` bytes.
    pub fn new(message_max: usize) -> Decoder {
        Decoder {
            message_max,
            head: [0; HEAD_MAX],
            head_len: 0,
            frame: None,
            message: None,
            control: Vec::new(),
            closed: false,
        }
    }

    /// Whether a Close frame has come: nothing behind it counts.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Makes lines, at the beginning of `buf`, of the frames in it behind its first byte. That byte
    /// is room for the end of a line whose frame began in an earlier piece. Frames that must be
    /// answered are answered in `reply`, whose earlier content is left: of several pings the last
    /// one, as RFC 6455 §5.5.3 allows.
    ///
    /// An error is the code to close with; the lines before it are lost.
    pub fn decode(&mut self, buf: &mut [u8], reply: &mut Vec<u8>) -> Result<Decoded, CloseCode> {
        let mut decoded = Decoded::default();
        let mut pong = None;
        let mut at = 1;
        while at < buf.len() && !self.closed {
            let Some(frame) = self.frame else {
                self.head[usize::from(self.head_len)] = buf[at];
                self.head_len += 1;
                at += 1;
                if let Some(frame) = self.parse_head()? {
                    self.begin(frame, &mut decoded)?;
                    self.end_if_complete(buf, &mut decoded, &mut pong, reply)?;
                }
                continue;
            };
            let n = (frame.len - frame.came).min(buf.len() - at);
            unmask(&mut buf[at..at + n], frame.mask, frame.came);
            if frame.opcode >= CLOSE {
                self.control.extend_from_slice(&buf[at..at + n]);
            } else {
                self.take(buf, at..at + n, &mut decoded)?;
            }
            at += n;
            self.frame = Some(Frame { came: frame.came + n, ..frame });
            self.end_if_complete(buf, &mut decoded, &mut pong, reply)?;
        }
        if let Some(payload) = pong {
            write_control(PONG, &payload, reply);
        }
        Ok(decoded)
    }

    /// The frame whose head has come, if it is complete. RFC 6455 §5.2.
    fn parse_head(&mut self) -> Result<Option<Frame>, CloseCode> {
        let head = &self.head[..usize::from(self.head_len)];
        let first = head[0];
        let opcode = first & 0x0f;
        if first & 0x70 != 0 || !matches!(opcode, CONTINUATION..=BINARY | CLOSE..=PONG) {
            return Err(CloseCode::PROTOCOL);
        }
        let Some(second) = head.get(1) else { return Ok(None) };
        let (masked, short) = (second & 0x80 != 0, usize::from(second & 0x7f));
        let last = first & 0x80 != 0;
        if !masked || opcode >= CLOSE && (!last || short > CONTROL_MAX) {
            return Err(CloseCode::PROTOCOL);
        }
        let extended = match short {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let Some(rest) = head.get(2..2 + extended + 4) else { return Ok(None) };
        let (length, mask) = rest.split_at(extended);
        let len = length.iter().fold(0, |len, byte| len << 8 | u64::from(*byte));
        let len = if extended == 0 { short as u64 } else { len };
        // As few bytes as will do, and the highest bit unset.
        let is_minimal = match extended {
            2 => len > 125,
            8 => len > 0xffff && len >> 63 == 0,
            _ => true,
        };
        if !is_minimal {
            return Err(CloseCode::PROTOCOL);
        }
        let len = usize::try_from(len).map_err(|_| CloseCode::TOO_BIG)?;
        let mask = mask.try_into().expect("four bytes");
        self.head_len = 0;
        Ok(Some(Frame { opcode, last, mask, came: 0, len }))
    }

    /// Checks a frame against the message under way, before its payload comes.
    fn begin(&mut self, frame: Frame, decoded: &mut Decoded) -> Result<(), CloseCode> {
        self.frame = Some(frame);
        if frame.opcode >= CLOSE {
            return Ok(());
        }
        let begins = frame.opcode != CONTINUATION;
        if begins == self.message.is_some() {
            return Err(CloseCode::PROTOCOL);
        }
        if begins {
            let is_text = frame.opcode == TEXT;
            decoded.kind = Some(if is_text { Kind::Text } else { Kind::Binary });
            let utf8 = is_text.then(Utf8::default);
            self.message = Some(Message { utf8, bytes: 0, frames: 0, ending: Ending::None });
        }
        let message = self.message.as_mut().expect("it has begun");
        message.frames += 1;
        message.bytes = message.bytes.saturating_add(frame.len);
        if message.bytes > self.message_max || message.frames > FRAMES_MAX {
            return Err(CloseCode::TOO_BIG);
        }
        Ok(())
    }

    /// Moves payload of the message under way behind the lines before it.
    fn take(
        &mut self,
        buf: &mut [u8],
        came: std::ops::Range<usize>,
        decoded: &mut Decoded,
    ) -> Result<(), CloseCode> {
        let message = self.message.as_mut().expect("it has begun");
        if let Some(utf8) = &mut message.utf8
            && !utf8.check(&buf[came.clone()])
        {
            return Err(CloseCode::BAD_DATA);
        }
        let text = &buf[came.clone()];
        let line = match memchr::memchr3(b'\r', b'\n', 0, text) {
            Some(end) => &text[..end],
            None => text,
        };
        for byte in &text[line.len()..] {
            message.ending = match (message.ending, byte) {
                (Ending::None, b'\r') => Ending::Cr,
                (Ending::None | Ending::Cr, b'\n') => Ending::Lf,
                _ => return Err(CloseCode::BAD_DATA),
            };
        }
        if message.ending != Ending::None && !line.is_empty() && line.len() == text.len() {
            return Err(CloseCode::BAD_DATA); // it goes on behind its ending
        }
        let n = line.len();
        buf.copy_within(came.start..came.start + n, decoded.text);
        decoded.text += n;
        Ok(())
    }

    fn end_if_complete(
        &mut self,
        buf: &mut [u8],
        decoded: &mut Decoded,
        pong: &mut Option<Vec<u8>>,
        reply: &mut Vec<u8>,
    ) -> Result<(), CloseCode> {
        let Some(frame) = self.frame.take_if(|frame| frame.came == frame.len) else {
            return Ok(());
        };
        match frame.opcode {
            CLOSE => {
                if let Some(payload) = pong.take() {
                    write_control(PONG, &payload, reply);
                }
                return self.close(reply);
            }
            PING => *pong = Some(std::mem::take(&mut self.control)),
            PONG => self.control.clear(),
            _ if !frame.last => {}
            _ => {
                let message = self.message.take().expect("it has begun");
                if message.utf8.is_some_and(|utf8| !utf8.is_complete()) {
                    return Err(CloseCode::BAD_DATA);
                }
                buf[decoded.text] = b'\n';
                decoded.text += 1;
            }
        }
        Ok(())
    }

    /// Answers a Close frame with its own code. RFC 6455 §5.5.1.
    fn close(&mut self, reply: &mut Vec<u8>) -> Result<(), CloseCode> {
        let payload = std::mem::take(&mut self.control);
        let code = match payload[..] {
            [] => CloseCode::NORMAL,
            [_] => return Err(CloseCode::PROTOCOL),
            [high, low, ref why @ ..] => {
                let code = CloseCode(u16::from_be_bytes([high, low]));
                match (code.may_be_sent(), str::from_utf8(why)) {
                    (false, _) => return Err(CloseCode::PROTOCOL),
                    (_, Err(_)) => return Err(CloseCode::BAD_DATA),
                    _ => code,
                }
            }
        };
        self.closed = true;
        write_close(code, "", reply);
        Ok(())
    }
}

/// Appends a message of `kind` for each line of `lines`, which are whole, to `frames`.
pub fn encode(lines: &[u8], kind: Kind, frames: &mut Vec<u8>) {
    for line in lines.split_inclusive(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match kind {
            Kind::Binary => write_frame(BINARY, line, frames),
            Kind::Text if str::from_utf8(line).is_ok() => write_frame(TEXT, line, frames),
            Kind::Text => {
                write_frame(TEXT, String::from_utf8_lossy(line).as_bytes(), frames);
            }
        }
    }
}

/// Appends a Close frame. The reason is cut where it would be too long.
pub fn write_close(code: CloseCode, why: &str, frames: &mut Vec<u8>) {
    let mut payload = code.0.to_be_bytes().to_vec();
    payload.extend_from_slice(&why.as_bytes()[..why.floor_char_boundary(CONTROL_MAX - 2)]);
    write_control(CLOSE, &payload, frames);
}

fn write_control(opcode: u8, payload: &[u8], frames: &mut Vec<u8>) {
    debug_assert!(payload.len() <= CONTROL_MAX);
    write_frame(opcode, payload, frames);
}

/// Appends a whole frame of the server: unmasked. RFC 6455 §5.1.
fn write_frame(opcode: u8, payload: &[u8], frames: &mut Vec<u8>) {
    frames.push(0x80 | opcode);
    match payload.len() {
        len @ ..=125 => frames.push(len as u8),
        len @ ..=0xffff => {
            frames.push(126);
            frames.extend_from_slice(&(len as u16).to_be_bytes());
        }
        len => {
            frames.push(127);
            frames.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
    frames.extend_from_slice(payload);
}

/// Applies a mask to payload whose first byte is at `place` in its frame. RFC 6455 §5.3.
fn unmask(payload: &mut [u8], mask: [u8; 4], place: usize) {
    let mask: [u8; 4] = std::array::from_fn(|i| mask[(place + i) & 3]);
    let mut words = payload.chunks_exact_mut(4);
    for word in &mut words {
        word.iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
    }
    words.into_remainder().iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
}

#[cfg(test)]
mod tests;
