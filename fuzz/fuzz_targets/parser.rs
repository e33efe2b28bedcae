//! Every codec of `wire`, and the parsers of `auth`: for any bytes and any cut of them, each agrees
//! with its oracle, uses no more than it is given, and keeps no more than it may.
//!
//! The first byte of the input names the codec, so that an input keeps its meaning when codecs are
//! added. The rest belongs to the codec.

#![no_main]

use libfuzzer_sys::{Corpus, fuzz_target};
use std::sync::LazyLock;
use stonechat::auth::chunks::{self, Chunk, PAYLOAD_BYTES_MAX, Payload};
use stonechat::auth::decoys::Decoys;
use stonechat::auth::plain::Plain;
use stonechat::auth::scram::{ClientFirst, NONCE_BYTES};
use stonechat::auth::skeleton::Skeleton;
use stonechat::auth::verifier::Verifier;
use stonechat::wire::irc::tags::unescape;
use stonechat::wire::irc::{Bad, Message, PARAMS_MAX, REST_MAX, SERVER_TAGS_MAX, write};
use stonechat::wire::line::{LineParser, TooLong};
use stonechat::wire::mask::{Mask, matches};
use stonechat::wire::proxy::{self, BadHeader, Start};

fuzz_target!(|input: &[u8]| -> Corpus {
    match input {
        [b'C', input @ ..] => authenticate(input),
        [b'I', input @ ..] => irc_heard(input),
        [b'L', input @ ..] => lines(input),
        [b'M', input @ ..] => masks(input),
        [b'N', input @ ..] => look_alikes(input),
        [b'P', input @ ..] => plain(input),
        [b'R', input @ ..] => proxy_header(input),
        [b'S', input @ ..] => scram(input),
        [b'V', input @ ..] => verifier(input),
        [b'W', input @ ..] => irc_written(input),
        _ => Corpus::Reject,
    }
});

/// `wire::line`. The input: the longest line allowed, the number of cuts, the cuts, the stream.
fn lines(input: &[u8]) -> Corpus {
    let [max, count, input @ ..] = input else { return Corpus::Reject };
    let Some((cuts, stream)) = input.split_at_checked(usize::from(*count)) else {
        return Corpus::Reject;
    };
    let max = usize::from(*max);
    assert_eq!(lines_heard(cuts, stream, max), lines_of_oracle(stream, max));
    Corpus::Keep
}

/// Each line with its ending, and the rest of the stream.
type Lines = (Vec<Result<Vec<u8>, TooLong>>, Option<Vec<u8>>);

/// Parses the stream in pieces. The low seven bits of a cut are the length of its piece; its
/// highest bit makes the parser's user stop after one line. The rest after the last cut is the last
/// piece.
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

/// The naive oracle of `lines_heard`, on the whole stream.
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

/// `wire::proxy`: once a prefix has a result, any longer input has the same; before that it has
/// none. The input: the bytes.
fn proxy_header(input: &[u8]) -> Corpus {
    let mut told: Option<Result<Start, BadHeader>> = None;
    for cut in 0..=input.len().min(proxy::HEADER_MAX + 100) {
        let now = proxy::parse(&input[..cut]);
        if let Ok(Start::Header(len, _)) = now {
            assert!(len <= cut && len <= proxy::HEADER_MAX);
        }
        match told {
            Some(told) => assert_eq!(now, told),
            None if now != Ok(Start::Unclear) => told = Some(now),
            None => assert!(cut < proxy::HEADER_MAX, "it would be waited for for ever"),
        }
    }
    Corpus::Keep
}

/// `wire::irc`, parsing: a message that is written again is parsed to the same parts. The input:
/// the line.
fn irc_heard(line: &[u8]) -> Corpus {
    let Ok(message) = Message::parse(line, SERVER_TAGS_MAX) else { return Corpus::Keep };
    let tags = unescaped(&message);
    assert!(!message.tags.raw().contains(' ') && message.params.len() <= PARAMS_MAX);
    let written = written(&tags, message.source, message.command, &message.params);
    match Message::parse(&written, SERVER_TAGS_MAX) {
        Ok(again) => {
            assert_eq!(unescaped(&again), tags);
            assert_eq!((again.source, again.command), (message.source, message.command));
            assert_eq!(again.params, message.params);
        }
        // The last of fifteen parameters needs no colon, but is written with one.
        Err(bad) => {
            assert_eq!((bad, message.params.len()), (Bad::TooLong, PARAMS_MAX));
            assert_eq!(
                written.strip_suffix(message.params[PARAMS_MAX - 1].as_bytes()).map(<[u8]>::last),
                Some(Some(&b':'))
            );
        }
    }
    Corpus::Keep
}

/// `wire::irc`, writing: no text can end the line or begin another part of it. The input: key and
/// value of a tag, source and parameters, a byte 1 after each.
fn irc_written(input: &[u8]) -> Corpus {
    let Ok(input) = str::from_utf8(input) else { return Corpus::Reject };
    let texts: Vec<&str> = input.split('\u{1}').collect();
    let [key, value, source, params @ ..] = &texts[..] else { return Corpus::Reject };
    if params.len() > PARAMS_MAX || input.len() > REST_MAX / 2 {
        return Corpus::Reject;
    }
    let line = written(&[(key, value.to_string())], Some(source), "PING", params);
    let heard = Message::parse(&line, SERVER_TAGS_MAX).expect("a message");
    assert_eq!((heard.command, heard.params.len()), ("PING", params.len()));
    assert!(heard.source.is_some());
    for (its_key, its_value) in unescaped(&heard) {
        assert_eq!((its_key, its_value), (*key, value.replace('\0', "")));
    }
    if let (Some(said), Some(text)) = (heard.params.last(), params.last()) {
        assert_eq!(*said, text.replace(['\0', '\r', '\n'], ""));
    }
    Corpus::Keep
}

fn unescaped<'a>(message: &Message<'a>) -> Vec<(&'a str, String)> {
    message.tags.iter().map(|(key, value)| (key, unescape(value).collect())).collect()
}

fn written(
    tags: &[(&str, String)],
    source: Option<&str>,
    command: &str,
    params: &[&str],
) -> Vec<u8> {
    let tags: Vec<(&str, &str)> = tags.iter().map(|(key, value)| (*key, value.as_str())).collect();
    let mut line = Vec::new();
    write(&mut line, &tags, source, command, params);
    line
}

/// `wire::mask`. The input: the mask, LF, the text to match.
fn masks(input: &[u8]) -> Corpus {
    let Ok(input) = str::from_utf8(input) else { return Corpus::Reject };
    let Some((glob, text)) = input.split_once('\n') else { return Corpus::Reject };
    assert_eq!(matches(glob, text), matches_of_oracle(glob, text));
    if let Ok(mask) = Mask::parse(glob) {
        assert_eq!(mask.matches(text), matches_of_oracle(mask.as_str(), text));
        let again = Mask::parse(mask.as_str()).expect("a mask");
        assert_eq!(again.as_str(), mask.as_str());
    }
    Corpus::Keep
}

/// The naive oracle: the prefixes of the text that each prefix of the mask matches.
fn matches_of_oracle(glob: &str, text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let mut means = vec![false; text.len() + 1];
    means[0] = true;
    for g in glob.chars() {
        let before = means;
        means = vec![g == '*' && before[0]];
        for (at, t) in text.iter().enumerate() {
            means.push(match g {
                '*' => before[at + 1] || means[at],
                '?' => before[at],
                g => before[at] && g.eq_ignore_ascii_case(t),
            });
        }
    }
    means[text.len()]
}

/// `auth::chunks`. The input: chunks of a peer, LF after each; and the same bytes as a payload to
/// write.
fn authenticate(input: &[u8]) -> Corpus {
    let mut payload = Payload::default();
    for chunk in chunks::spoken(input) {
        match payload.take(&chunk) {
            Ok(Chunk::Last(bytes)) => assert_eq!(bytes, input),
            Ok(Chunk::More) => assert!(input.len() >= 298),
            Ok(Chunk::Abort) => panic!("nobody aborts"),
            Err(_) => {
                assert!(input.len() > PAYLOAD_BYTES_MAX);
                break;
            }
        }
    }
    let Ok(input) = str::from_utf8(input) else { return Corpus::Keep };
    let mut payload = Payload::default();
    for chunk in input.split('\n') {
        if let Ok(Chunk::Last(bytes)) = payload.take(chunk) {
            assert!(bytes.len() <= PAYLOAD_BYTES_MAX);
        }
    }
    Corpus::Keep
}

/// `auth::plain`. The input: the message.
fn plain(message: &[u8]) -> Corpus {
    if let Ok(plain) = Plain::parse(message) {
        let said = ["", plain.account, plain.password.as_str()].join("\0");
        assert!(message.ends_with(said.as_bytes()) && said.matches('\0').count() == 2);
    }
    Corpus::Keep
}

/// `auth::scram`, with a decoy account: no first and last message can log in. The input: both
/// messages, LF between them. The challenge is answered as far as possible without a password.
fn scram(input: &[u8]) -> Corpus {
    static DECOY: LazyLock<Verifier> = LazyLock::new(|| Decoys::new([7; 32], 4096).of("ann"));
    let mut messages = input.splitn(2, |&byte| byte == b'\n');
    let [Some(first), Some(last)] = [messages.next(), messages.next()] else {
        return Corpus::Reject;
    };
    let Ok(first) = ClientFirst::parse(first) else { return Corpus::Keep };
    assert!(!first.account().is_empty());
    let (exchange, server_first) = first.challenge(DECOY.clone(), [0; NONCE_BYTES]);
    let nonce = server_first.split(',').next().expect("one at least");
    // Adds the nonce, so that the fuzzer need not guess it.
    let last = match last.strip_prefix(b"c=biws,") {
        Some(rest) => [b"c=biws,", nonce.as_bytes(), rest].concat(),
        None => last.to_vec(),
    };
    assert!(exchange.finish(&last).is_err());
    Corpus::Keep
}

/// `auth::skeleton`. The input: a name.
fn look_alikes(input: &[u8]) -> Corpus {
    let Ok(name) = str::from_utf8(input) else { return Corpus::Reject };
    let skeleton = Skeleton::of(name);
    assert_eq!(Skeleton::of(skeleton.as_str()), skeleton);
    assert_eq!(Skeleton::of(&name.to_ascii_uppercase()), skeleton);
    Corpus::Keep
}

/// `auth::verifier`. The input: its text.
fn verifier(input: &[u8]) -> Corpus {
    let Ok(text) = str::from_utf8(input) else { return Corpus::Reject };
    if let Ok(verifier) = Verifier::parse(text) {
        assert_eq!(verifier.to_string(), text);
    }
    Corpus::Keep
}
