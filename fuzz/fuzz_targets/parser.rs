//! Every codec of `wire`: whatever the bytes and however they are cut, each says what its oracle
//! says, uses no more than it is given, and keeps no more than it may.
//!
//! The first byte of the input names the codec, so that an input means the same whatever codecs
//! are added; what follows is the codec's own.

#![no_main]

use libfuzzer_sys::{Corpus, fuzz_target};
use stonechat::wire::line::{LineParser, TooLong};

fuzz_target!(|input: &[u8]| -> Corpus {
    match input {
        [b'L', input @ ..] => lines(input),
        _ => Corpus::Reject,
    }
});

/// `wire::line`. The input: the longest line allowed, how many cuts, the cuts, the stream.
fn lines(input: &[u8]) -> Corpus {
    let [max, count, input @ ..] = input else { return Corpus::Reject };
    let Some((cuts, stream)) = input.split_at_checked(usize::from(*count)) else {
        return Corpus::Reject;
    };
    let max = usize::from(*max);
    assert_eq!(lines_heard(cuts, stream, max), lines_of_oracle(stream, max));
    Corpus::Keep
}

/// Each line with its ending, and what the stream was left with.
type Lines = (Vec<Result<Vec<u8>, TooLong>>, Option<Vec<u8>>);

/// What is heard when the stream comes in pieces. Of a cut, the low seven bits are the length of
/// its piece; the highest bit says that whoever listens stops after one line. What follows the last
/// cut is the last piece.
fn lines_heard(cuts: &[u8], mut stream: &[u8], max: usize) -> Lines {
    let mut parser = LineParser::default();
    let mut unused = Vec::new();
    let mut heard = Vec::new();
    let mut hear = |piece: &[u8], lines_max: usize| {
        unused.extend_from_slice(piece);
        let mut lines = parser.lines(&unused, max);
        let before = heard.len();
        heard.extend(
            (&mut lines)
                .take(lines_max)
                .map(|line| line.map(|line| [line.text, line.ending.bytes()].concat())),
        );
        let used = lines.used();
        assert!(used <= unused.len(), "used more than was given");
        unused.drain(..used);
        if heard.len() - before < lines_max {
            assert!(unused.len() <= max + 1, "kept more than a line and a CR");
        }
        parser.finish(&unused).map(<[u8]>::to_vec)
    };
    for cut in cuts {
        let (piece, rest) = stream.split_at(stream.len().min(usize::from(cut & 0x7f)));
        hear(piece, if cut & 0x80 == 0 { usize::MAX } else { 1 });
        stream = rest;
    }
    let rest = hear(stream, usize::MAX);
    (heard, rest)
}

/// The same by the plainest means, from the whole stream.
fn lines_of_oracle(stream: &[u8], max: usize) -> Lines {
    let mut heard = Vec::new();
    let mut rest = None;
    for line in stream.split_inclusive(|&byte| byte == b'\n') {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        if text.len() > max {
            heard.push(Err(TooLong));
        } else if line.ends_with(b"\n") {
            heard.push(Ok(line.to_vec()));
        } else {
            rest = Some(line.to_vec());
        }
    }
    (heard, rest)
}
