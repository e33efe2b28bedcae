//! Output of chat: replies, and lines to many. A line is composed once for each form that its
//! receivers' capabilities require, and shared. The answer to a labelled command is gathered first.

pub(crate) mod line;
pub(crate) mod lines;
pub(crate) mod numeric;
pub(crate) mod pending;
pub(crate) mod tell;

use crate::net::{ConnId, Now, Outbox, Span};

/// Takes the output of one command. IRCv3 labeled-response: lines to the command's own connection
/// are held back until their number is known.
pub struct Sink<'a> {
    /// The outboxes of all connections.
    pub out: &'a mut Outbox,
    labelled: Option<Labelled>,
    held: Vec<Held>,
    /// Answers in which an echo is missing; later output of their connections is withheld already.
    pub unfinished: Vec<(ConnId, Answer)>,
}

/// A piece of an answer that is being gathered.
#[derive(Clone, Copy)]
enum Held {
    Line(Span),
    /// A line of the echo of that number, sent once its message is stored.
    Echo(u64, Span),
}

/// An answer that depends on a reply in a later turn.
pub struct Answer {
    labelled: Option<Labelled>,
    /// In order.
    pub pieces: Vec<AnswerPiece>,
}

/// A piece of an [`Answer`].
pub enum AnswerPiece {
    /// A line, with its end.
    Said(Box<[u8]>),
    /// A line of the echo of that number.
    Echo(u64, Box<[u8]>),
}

/// A command that carries a label.
struct Labelled {
    asker: ConnId,
    /// The label, as its sender wrote it.
    label: String,
    server: String,
    /// The reference of the answer's batch, if it needs one.
    batch: String,
}

impl<'a> Sink<'a> {
    /// A sink that sends everything at once.
    pub fn new(out: &'a mut Outbox) -> Sink<'a> {
        Sink { out, labelled: None, held: Vec::new(), unfinished: Vec::new() }
    }

    /// When this turn began.
    pub fn now(&self) -> Now {
        self.out.now
    }

    /// Whole seconds since 1970.
    pub fn unix(&self) -> u64 {
        self.out.now.unix_ms / 1000
    }

    /// Sends a composed line, or holds it back if it answers a labelled command.
    pub fn send(&mut self, to: ConnId, span: Span) {
        match self.is_labelled(to) {
            true => self.held.push(Held::Line(span)),
            false => self.out.send(to, span),
        }
    }

    /// Whether the labelled command being answered is from `conn`.
    pub fn is_labelled(&self, conn: ConnId) -> bool {
        self.labelled.as_ref().is_some_and(|labelled| labelled.asker == conn)
    }

    /// How many more bytes may be sent to `conn`: [`Outbox::headroom`] less the lines held back.
    pub fn headroom(&self, conn: ConnId) -> usize {
        let held = if self.is_labelled(conn) { &self.held[..] } else { &[] };
        let bytes = |held: &Held| match held {
            Held::Line(line) | Held::Echo(_, line) => self.out.text(*line).len(),
        };
        let held = held.iter().map(bytes).sum();
        self.out.headroom(conn).saturating_sub(held)
    }

    /// Gathers further output to `asker` as the answer to a command with `label`, as they wrote it.
    /// `batch` is the reference of its batch, should it need one.
    pub fn hold(&mut self, asker: ConnId, label: &str, server: &str, batch: String) {
        let (label, server) = (label.to_owned(), server.to_owned());
        self.labelled = Some(Labelled { asker, label, server, batch });
    }

    /// Places the echo of that number, `lines`, before further output to `conn`, whether the echo
    /// is sent or not.
    pub fn await_echo(&mut self, conn: ConnId, number: u64, lines: &[Span]) {
        let echo = lines.iter().map(|line| Held::Echo(number, *line));
        match self.is_labelled(conn) {
            true => self.held.extend(echo),
            false => self.wait(conn, None, echo),
        }
    }

    /// Withholds an answer until its echoes are decided.
    fn wait(
        &mut self,
        conn: ConnId,
        labelled: Option<Labelled>,
        held: impl IntoIterator<Item = Held>,
    ) {
        let piece = |held| match held {
            Held::Line(line) => AnswerPiece::Said(self.out.text(line).into()),
            Held::Echo(number, line) => AnswerPiece::Echo(number, self.out.text(line).into()),
        };
        let pieces: Vec<AnswerPiece> = held.into_iter().map(piece).collect();
        if !pieces.is_empty() {
            self.out.withhold(conn);
            self.unfinished.push((conn, Answer { labelled, pieces }));
        }
    }

    /// Returns the output of `say` to `conn` without sending it.
    pub fn captured(&mut self, conn: ConnId, say: impl FnOnce(&mut Sink)) -> Vec<Span> {
        let labelled = self.labelled.replace(Labelled::unnamed(conn));
        let held = std::mem::take(&mut self.held);
        say(self);
        self.labelled = labelled;
        let said = std::mem::replace(&mut self.held, held);
        lines(&said).expect("no echo is awaited within")
    }

    /// Sends the lines held back, labelled. Nothing becomes an ACK, one line has the label itself,
    /// several are put in a batch. If they are one batch already, that has the label. An awaited
    /// echo delays all of it.
    pub fn answer(&mut self) {
        let Some(labelled) = self.labelled.take() else { return };
        let held = std::mem::take(&mut self.held);
        let asker = labelled.asker;
        if let Some(lines) = lines(&held) {
            let said = self.labelled_spans(&labelled, lines);
            return said.iter().for_each(|span| self.out.send(asker, *span));
        }
        self.wait(asker, Some(labelled), held);
    }

    /// The lines of an answer in which no echo is awaited any more.
    pub fn complete(&mut self, answer: Answer) -> Vec<Span> {
        let lines = answer.pieces.iter().map(|piece| match piece {
            AnswerPiece::Said(line) => self.out.compose(|arena| arena.extend_from_slice(line)),
            AnswerPiece::Echo(..) => unreachable!("an echo is awaited"),
        });
        let lines = lines.collect();
        match &answer.labelled {
            Some(labelled) => self.labelled_spans(labelled, lines),
            None => lines,
        }
    }

    fn labelled_spans(&mut self, labelled: &Labelled, lines: Vec<Span>) -> Vec<Span> {
        let Labelled { label, server, batch, .. } = labelled;
        let label = format!("label={label}");
        match lines[..] {
            [] => vec![self.compose(format!("@{label} :{server} ACK\r\n"))],
            [only] => vec![self.tagged(only, &label)],
            [first, .., last] if self.is_one_batch(&lines, first, last) => {
                let mut said = lines;
                said[0] = self.tagged(first, &label);
                said
            }
            _ => {
                let opening = format!("@{label} :{server} BATCH +{batch} labeled-response\r\n");
                let mut said = vec![self.compose(opening)];
                let tag = format!("batch={batch}");
                for line in lines {
                    let is_tagged = tag_of(self.out.text(line), b"batch=").is_some();
                    said.push(if is_tagged { line } else { self.tagged(line, &tag) });
                }
                said.push(self.compose(format!(":{server} BATCH -{batch}\r\n")));
                said
            }
        }
    }

    /// Sends the output of `say` outside the answer to a labelled command.
    pub fn unlabelled(&mut self, say: impl FnOnce(&mut Sink)) {
        let labelled = self.labelled.take();
        say(self);
        self.labelled = labelled;
    }

    /// Sets aside the answer of a labelled command, to be continued with [`Sink::go_on`]. If it
    /// awaits an echo, nothing is set aside: the lines held back are sent as they are.
    pub fn set_aside(&mut self) -> Option<(String, Vec<Box<[u8]>>)> {
        if lines(&self.held).is_none() {
            return self.take_label().map(|label| (label, Vec::new()));
        }
        let Labelled { label, .. } = self.labelled.take()?;
        let said = lines(&std::mem::take(&mut self.held))?;
        let said = said.iter().map(|line| self.out.text(*line).into()).collect();
        Some((label, said))
    }

    /// Continues an answer that was set aside, after [`Sink::hold`].
    pub fn go_on(&mut self, said: &[Box<[u8]>]) {
        for line in said {
            let line = self.out.compose(|arena| arena.extend_from_slice(line));
            self.held.push(Held::Line(line));
        }
    }

    /// Ends the gathering: the lines held back are sent without a label, and the answer is given
    /// elsewhere. Returns the label.
    pub fn take_label(&mut self) -> Option<String> {
        let Labelled { asker, label, .. } = self.labelled.take()?;
        let held = std::mem::take(&mut self.held);
        match lines(&held) {
            Some(lines) => lines.iter().for_each(|line| self.out.send(asker, *line)),
            None => self.wait(asker, None, held),
        }
        Some(label)
    }

    fn compose(&mut self, line: String) -> Span {
        self.out.compose(|arena| arena.extend_from_slice(line.as_bytes()))
    }

    /// Whether the first line opens a batch and the last closes it, with nothing outside.
    fn is_one_batch(&self, held: &[Span], first: Span, last: Span) -> bool {
        let reference = |span, sign| batch_reference(self.out.text(span), sign);
        let Some(opened) = reference(first, b'+') else { return false };
        reference(last, b'-') == Some(opened)
            && held[1..held.len() - 1].iter().all(|span| reference(*span, b'-') != Some(opened))
    }

    fn tagged(&mut self, span: Span, tag: &str) -> Span {
        let line = self.out.text(span).to_owned();
        self.out.compose(|arena| {
            arena.push(b'@');
            arena.extend_from_slice(tag.as_bytes());
            match line.strip_prefix(b"@") {
                Some(rest) => {
                    arena.push(b';');
                    arena.extend_from_slice(rest);
                }
                None => {
                    arena.push(b' ');
                    arena.extend_from_slice(&line);
                }
            }
        })
    }
}

impl Labelled {
    /// A stand-in for a labelled command, where output is only gathered.
    fn unnamed(asker: ConnId) -> Labelled {
        Labelled { asker, label: String::new(), server: String::new(), batch: String::new() }
    }
}

/// The gathered lines, if no echo is awaited among them.
fn lines(held: &[Held]) -> Option<Vec<Span>> {
    let line = |held: &Held| match held {
        Held::Line(span) => Some(*span),
        Held::Echo(..) => None,
    };
    held.iter().map(line).collect()
}

/// The value of a tag in `line`. `key` ends with `=`.
fn tag_of<'l>(line: &'l [u8], key: &[u8]) -> Option<&'l [u8]> {
    let tags = line.strip_prefix(b"@")?;
    let tags = tags.split(|byte| *byte == b' ').next()?;
    tags.split(|byte| *byte == b';').find_map(|tag| tag.strip_prefix(key))
}

/// The reference of a `BATCH` line of the server, with `sign` before it.
fn batch_reference(line: &[u8], sign: u8) -> Option<&[u8]> {
    let mut words = line.trim_ascii_end().split(|byte| *byte == b' ');
    let mut word = words.next()?;
    if word.starts_with(b"@") {
        word = words.next()?;
    }
    if word.starts_with(b":") {
        word = words.next()?;
    }
    if word != b"BATCH" {
        return None;
    }
    words.next()?.strip_prefix(&[sign])
}
