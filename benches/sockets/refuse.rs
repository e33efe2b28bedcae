//! The cost of refusing a banned address, with no other ban and with 100,000, beside the smallest
//! server that accepts, sends a line and closes. `cargo bench --bench sockets -- refuse`

use crate::bare;
use crate::measure::{Pairs, print_head, print_row};
use crate::server::{Server, limits, listen};
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpStream};
use stonechat::app::{App, Protocol};
use stonechat::chat::Settings;
use stonechat::net::reactor::Reactor;
use stonechat::net::{Denial, EventLoop, Network, Networks, Outbox};

const CONNECTS: usize = 2_000;
const ROUNDS: usize = 9;

const WORD: &str = "ERROR :You are banned: spam (until 2030-01-01T00:00:00Z)\r\n";

pub fn run() {
    print_head(
        &format!("{CONNECTS} connections refused, medians of {ROUNDS} rounds"),
        &["bans", "CPU µs per refusal", "to the least there can be"],
    );
    let bare = Server::spawn(|ready, asked| bare::refuse(WORD, ready, asked));
    let mut measured = [0, 100_000].map(|bans| (bans, refusing(bans), Pairs::default()));
    for _ in 0..ROUNDS {
        let least = cost(&bare);
        for (_, server, pairs) in &mut measured {
            pairs.add(cost(server), least);
        }
    }
    bare.stop();
    for (bans, server, pairs) in measured {
        server.stop();
        let ratio = format!("{:.2}", pairs.ratio());
        print_row(&[bans.to_string(), format!("{:.1}", pairs.ours()), ratio]);
    }
}

/// CPU microseconds of one refusal.
fn cost(server: &Server) -> f64 {
    let before = server.cpu_time();
    for _ in 0..CONNECTS {
        let mut client = TcpStream::connect(server.address).expect("a connection");
        let mut said = String::new();
        client.read_to_string(&mut said).expect("a last word");
        assert_eq!(said, WORD);
    }
    (server.cpu_time() - before).as_secs_f64() * 1e6 / CONNECTS as f64
}

/// A server with this many bans, of networks of all lengths, and one of loopback.
fn refusing(bans: u32) -> Server {
    Server::spawn(move |ready, asked| {
        let mut reactor = Reactor::new().expect("a reactor");
        let mut app = App::new(512, Settings::default());
        let endpoint = app.add_endpoint(Protocol::Irc).expect("the first");
        let address = listen(&mut reactor, endpoint);
        let mut server = EventLoop::new(app, limits());
        server.set_exempt(Networks::default());
        server.inject(|_, out| (0..bans).for_each(|n| deny(out, other(n))));
        server.inject(|_, out| deny(out, Network::of(Ipv4Addr::LOCALHOST.into(), 8)));
        ready.send((address, reactor.waker())).expect("somebody waits for it");
        loop {
            let heard = reactor.turn(&mut server, None).expect("the poll works");
            if heard.woken && !asked.answer() {
                return;
            }
        }
    })
}

fn deny(out: &mut Outbox, network: Network) {
    let why = WORD.trim_start_matches("ERROR :").trim_end().into();
    out.denied.insert(network, Denial { why, until_s: Some(1 << 40) });
}

/// The `n`th network: half are IPv4, of lengths from 12 to 32, and half IPv6, of lengths from 20 to
/// 128.
fn other(n: u32) -> Network {
    let scattered = n.wrapping_mul(2_654_435_761);
    if n.is_multiple_of(2) {
        let address = Ipv4Addr::from_bits(scattered | 0x8000_0000);
        return Network::of(IpAddr::V4(address), 12 + (n / 2 % 21) as u8);
    }
    let address = Ipv6Addr::from_bits(u128::from(scattered) << 90 | u128::from(n) << 8);
    Network::of(IpAddr::V6(address), 20 + (n / 2 % 109) as u8)
}
