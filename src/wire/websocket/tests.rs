//! Frames as clients send them, torn at every byte, and the rules they may break.

use super::*;
use proptest::prelude::*;

/// A client's frame, masked.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x12, 0x34, 0x56, 0x78];
    let mut frame = vec![first];
    match payload.len() {
        len @ ..=125 => frame.push(0x80 | len as u8),
        len @ ..=0xffff => {
            frame.push(0x80 | 126);
            frame.extend((len as u16).to_be_bytes());
        }
        len => {
            frame.push(0x80 | 127);
            frame.extend((len as u64).to_be_bytes());
        }
    }
    frame.extend(mask);
    frame.extend(payload.iter().enumerate().map(|(i, byte)| byte ^ mask[i % 4]));
    frame
}

/// The lines in `frames`, read in pieces that end at `cuts`, and the replies.
fn decoded(frames: &[u8], cuts: &[usize]) -> Result<(Vec<u8>, Vec<u8>), CloseCode> {
    let mut decoder = Decoder::new(1000);
    let (mut lines, mut reply) = (Vec::new(), Vec::new());
    let mut ends: Vec<usize> = cuts.iter().map(|cut| *cut.min(&frames.len())).collect();
    ends.extend([0, frames.len()]);
    ends.sort_unstable();
    for cut in ends.windows(2) {
        let mut buf = [&[0], &frames[cut[0]..cut[1]]].concat();
        let decoded = decoder.decode(&mut buf, &mut reply)?;
        lines.extend_from_slice(&buf[..decoded.text]);
    }
    Ok((lines, reply))
}

#[track_caller]
fn is_refused(frames: &[u8], code: CloseCode) {
    for cut in 0..=frames.len() {
        assert_eq!(decoded(frames, &[cut]), Err(code), "cut at {cut}");
    }
}

#[test]
fn every_cut_of_every_frame_gives_the_same_lines() {
    let frames = [
        frame(0x81, b"NICK ann"),
        frame(0x01, b"PRIV"),
        frame(0x89, b"ping"),
        frame(0x00, "MSG é".as_bytes()),
        frame(0x80, &[b'x'; 200]),
        frame(0x82, b"binary\xff\r\n"),
        frame(0x8a, b""),
        frame(0x81, b""),
        frame(0x88, &[0x03, 0xe8, b'b', b'y', b'e']),
        frame(0x81, b"behind the end"),
    ]
    .concat();
    let lines = [&b"NICK ann\nPRIVMSG \xc3\xa9"[..], &[b'x'; 200], b"\nbinary\xff\n\n"].concat();
    for first in 0..=frames.len() {
        for second in [first, first + 1, first + 7, frames.len()] {
            let (heard, reply) = decoded(&frames, &[first, second]).unwrap();
            assert_eq!(heard, lines, "cut at {first} and {second}");
            assert_eq!(reply, b"\x8a\x04ping\x88\x02\x03\xe8", "cut at {first} and {second}");
        }
    }
}

#[test]
fn a_client_breaks_no_rule_of_framing() {
    let unmasked = [0x81, 0x01, b'a'];
    assert_eq!(decoded(&unmasked, &[]), Err(CloseCode::PROTOCOL));
    for reserved in [0x40, 0x20, 0x10] {
        is_refused(&frame(0x81 | reserved, b"a"), CloseCode::PROTOCOL);
    }
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        is_refused(&frame(0x80 | opcode, b"a"), CloseCode::PROTOCOL);
    }
    let ping_of_126 = frame(0x89, &[b'a'; 126]);
    assert_eq!(decoded(&ping_of_126, &[]), Err(CloseCode::PROTOCOL));
    is_refused(&frame(0x09, b"torn ping"), CloseCode::PROTOCOL);
    is_refused(&frame(0x80, b"goes on with nothing"), CloseCode::PROTOCOL);
    is_refused(&[frame(0x01, b"a"), frame(0x81, b"b")].concat(), CloseCode::PROTOCOL);
}

#[test]
fn a_length_is_written_as_shortly_as_it_can_be() {
    for head in [
        &[0x81, 0xfe, 0, 125][..],
        &[0x81, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff],
        &[0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0],
    ] {
        let frame = [head, &[1, 2, 3, 4]].concat();
        assert_eq!(decoded(&frame, &[]), Err(CloseCode::PROTOCOL), "{head:?}");
    }
    let huge = [0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4];
    assert_eq!(decoded(&huge, &[]), Err(CloseCode::TOO_BIG));
}

#[test]
fn a_message_has_a_length_and_a_number_of_frames() {
    assert!(decoded(&frame(0x81, &[b'a'; 1000]), &[]).is_ok());
    is_refused(&frame(0x81, &[b'a'; 1001])[..20], CloseCode::TOO_BIG);
    let pieces = [frame(0x01, &[b'a'; 600]), frame(0x80, &[b'a'; 600])].concat();
    assert_eq!(decoded(&pieces, &[]), Err(CloseCode::TOO_BIG));
    let many = [frame(0x01, b""), frame(0x00, b"").repeat(1_000_000)].concat();
    assert_eq!(decoded(&many, &[]), Err(CloseCode::TOO_BIG));
}

#[test]
fn a_message_is_one_line() {
    for bad in [&b"a\nb"[..], b"a\rb", b"a\r\n\r\n", b"a\n\n", b"a\r\r\n", b"a\0b", b"\0"] {
        is_refused(&frame(0x81, bad), CloseCode::BAD_DATA);
        let torn: Vec<u8> = bad.iter().flat_map(|byte| frame(0x00, &[*byte])).collect();
        let torn = [frame(0x02, b""), torn, frame(0x80, b"")].concat();
        assert_eq!(decoded(&torn, &[]), Err(CloseCode::BAD_DATA), "{bad:?}");
    }
    for good in [&b"a"[..], b"a\n", b"a\r\n", b"a\r"] {
        assert_eq!(decoded(&frame(0x81, good), &[]).unwrap().0, b"a\n", "{good:?}");
    }
}

#[test]
fn a_text_is_utf8_across_its_fragments() {
    let torn = [frame(0x01, b"\xf0\x9f"), frame(0x00, b"\x98"), frame(0x80, b"\x80")].concat();
    assert_eq!(decoded(&torn, &[]).unwrap().0, "😀\n".as_bytes());
    is_refused(&[frame(0x01, b"\xc3"), frame(0x80, b"a")].concat(), CloseCode::BAD_DATA);
    is_refused(&frame(0x81, b"\xc3"), CloseCode::BAD_DATA);
    is_refused(&frame(0x81, b"\xed\xa0\x80"), CloseCode::BAD_DATA);
}

#[test]
fn a_close_is_answered_with_its_code_or_refused() {
    let close = |code: u16, why: &[u8]| frame(0x88, &[&code.to_be_bytes()[..], why].concat());
    for code in [1000, 1001, 1002, 1003, 1007, 1011, 1014, 3000, 4999] {
        let (_, reply) = decoded(&close(code, "é".as_bytes()), &[]).unwrap();
        assert_eq!(reply, [&[0x88, 2][..], &code.to_be_bytes()].concat());
    }
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535] {
        is_refused(&close(code, b""), CloseCode::PROTOCOL);
    }
    is_refused(&close(1000, b"\xff"), CloseCode::BAD_DATA);
    is_refused(&frame(0x88, &[3]), CloseCode::PROTOCOL);
    assert_eq!(decoded(&frame(0x88, b""), &[]).unwrap().1, [0x88, 2, 0x03, 0xe8]);
}

#[test]
fn of_many_pings_in_one_read_the_last_is_answered() {
    let pings: Vec<u8> = (0..100u8).flat_map(|n| frame(0x89, &[n])).collect();
    assert_eq!(decoded(&pings, &[]).unwrap().1, [0x8a, 1, 99]);
}

#[test]
fn lines_are_encoded_one_by_one() {
    let long = [&[b'x'; 126][..], b"\r\n"].concat();
    let longest = [&vec![b'y'; 0x1_0000][..], b"\n"].concat();
    let mut frames = Vec::new();
    encode(&[b"a\r\n\r\nb\xff\n", &long[..], &longest].concat(), Kind::Text, &mut frames);
    let heads = [&b"\x81\x01a\x81\x00\x81\x04b\xef\xbf\xbd\x81\x7e\x00\x7e"[..], &[b'x'; 126]];
    let last = [&b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"[..], &vec![b'y'; 0x1_0000]].concat();
    assert!(frames == [heads.concat(), last].concat());
    let mut frames = Vec::new();
    encode(b"b\xff\n", Kind::Binary, &mut frames);
    assert_eq!(frames, b"\x82\x02b\xff");
}

#[test]
fn a_reason_is_cut_between_characters() {
    let mut frames = Vec::new();
    write_close(CloseCode::POLICY, &"é".repeat(100), &mut frames);
    assert_eq!(frames[..4], [0x88, 2 + 122, 0x03, 0xf0]);
    assert!(str::from_utf8(&frames[4..]).is_ok());
}

proptest! {
    #[test]
    fn no_bytes_do_harm(
        mut frames in proptest::collection::vec(any::<u8>(), 0..200),
        cuts in proptest::collection::vec(0usize..200, 0..4),
        masked in any::<bool>(),
    ) {
        if masked && frames.len() > 1 {
            frames[0] &= 0x8f;
            frames[1] |= 0x80;
        }
        if let Ok((lines, _)) = decoded(&frames, &cuts) {
            prop_assert!(lines.len() <= frames.len() + 1);
            prop_assert!(!lines.contains(&b'\r') && !lines.contains(&0));
        }
    }

    #[test]
    fn lines_come_through(
        lines in proptest::collection::vec("[^\r\n\0]{0,300}", 0..5),
        cuts in proptest::collection::vec(0usize..1500, 0..6),
        pieces in 1usize..5,
    ) {
        let mut frames = Vec::new();
        for line in &lines {
            let size = line.len().div_ceil(pieces).max(1);
            let mut chunks = line.as_bytes().chunks(size).peekable();
            frames.extend(frame(if chunks.peek().is_some() { 0x01 } else { 0x81 }, b""));
            while let Some(chunk) = chunks.next() {
                frames.extend(frame(if chunks.peek().is_some() { 0x00 } else { 0x80 }, chunk));
            }
        }
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        prop_assert_eq!(decoded(&frames, &cuts).map(|heard| heard.0), Ok(text.into_bytes()));
    }
}
