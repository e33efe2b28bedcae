//! The output does not depend on how the input is cut into pieces.

mod world;

use proptest::prelude::*;
use stonechat::app::{App, Protocol};
use stonechat::net::{EventLoop, Limits, Now, Peer};
use world::{Choices, ServerEnd, Wire};

/// The echo's answer to `pieces`, which arrive one by one, and to the end of input.
fn heard(pieces: &[&[u8]]) -> Vec<u8> {
    let mut app = App::new(30, Default::default());
    let endpoint = app.add_endpoint(Protocol::Echo).unwrap();
    let mut server = EventLoop::new(app, Limits { recvq_max: 32, ..Limits::default() });
    let wire = Wire::new(usize::MAX);
    wire.borrow_mut().whole_reads = true;
    let end = ServerEnd { wire: wire.clone(), choices: Choices::from_bytes(&[]) };
    let id = server.accept(end, Peer::accepted(endpoint, None)).unwrap();
    for piece in pieces {
        wire.borrow_mut().up.extend(*piece);
        server.readable(id.slot());
        settle(&mut server);
    }
    wire.borrow_mut().up_ended = true;
    server.hung_up(id.slot());
    settle(&mut server);
    assert!(server.is_empty());
    wire.take().down.into()
}

fn settle(server: &mut EventLoop<ServerEnd, App>) {
    server.turn();
    while server.wait(Now::default()).is_some_and(|wait| wait.is_zero()) {
        server.turn();
    }
    server.check();
}

proptest! {
    #[test]
    fn any_cut_says_the_same(
        text in "([a-cß ]{0,12}(CLOSE SOCKET)?\r?\n|[x\u{0}]{28,34}\r?\n?){0,8}",
        cuts in prop::collection::vec(0usize..300, 0..20),
    ) {
        let bytes = text.as_bytes();
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
        prop_assert_eq!(heard(&pieces), heard(&[bytes]));
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        prop_assert_eq!(heard(&single), heard(&[bytes]));
    }
}
