//! UTF-8 that comes in pieces.

/// Checks a text piece by piece. RFC 3629.
#[derive(Clone, Copy, Debug, Default)]
pub struct Utf8 {
    /// The bytes of a character that the last piece has cut.
    cut: [u8; 4],
    len: u8,
}

impl Utf8 {
    /// Whether the text can be UTF-8 with this piece at its end.
    pub fn check(&mut self, mut piece: &[u8]) -> bool {
        while self.len > 0 {
            let Some((byte, rest)) = piece.split_first() else { return true };
            self.cut[usize::from(self.len)] = *byte;
            self.len += 1;
            piece = rest;
            match str::from_utf8(&self.cut[..usize::from(self.len)]) {
                Ok(_) => self.len = 0,
                Err(e) if e.error_len().is_none() => {}
                Err(_) => return false,
            }
        }
        match str::from_utf8(piece) {
            Ok(_) => true,
            Err(e) if e.error_len().is_none() => {
                let cut = &piece[e.valid_up_to()..];
                self.cut[..cut.len()].copy_from_slice(cut);
                self.len = cut.len() as u8;
                true
            }
            Err(_) => false,
        }
    }

    /// Whether the text may end here: not within a character.
    pub fn is_complete(&self) -> bool {
        self.len == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn pieces_are_a_text_exactly_if_the_whole_is(
            text in proptest::collection::vec(
                prop_oneof![Just(b'a'), 0x80u8..=0xbf, 0xc0u8..=0xff], 0..12),
            cuts in proptest::collection::vec(0usize..12, 0..6),
        ) {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let mut utf8 = Utf8::default();
            let fits = cuts.windows(2).all(|cut| utf8.check(&text[cut[0]..cut[1]]));
            prop_assert_eq!(fits && utf8.is_complete(), str::from_utf8(&text).is_ok());
        }
    }
}
