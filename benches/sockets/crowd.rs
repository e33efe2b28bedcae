//! The cost of many users: memory of each, joining and quitting, and whether all memory is given
//! back. `cargo bench --bench sockets -- crowd`

use crate::child::Child;
use crate::has_room_for;
use crate::measure::{print_head, print_row, slope};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};

const CHURNED: usize = 300_000;
/// By then all reused buffers have their final size.
const WARM: usize = 100_000;
const CHURNED_AT_ONCE: usize = 200;

pub fn run() {
    idle_users();
    storm();
    churn();
}

/// Memory of silent connections, of registered users in no channel, and in three channels each.
fn idle_users() {
    print_head(
        "idle connections of chat: user-space memory (RssAnon), B each",
        &["connections", "unregistered", "registered", "in three channels"],
    );
    for connections in [2_000, 15_000].into_iter().filter(|ends| has_room_for(*ends)) {
        let each = [None, Some(false), Some(true)].map(|registered| {
            let server = Child::start("irc");
            let empty = server.anonymous_bytes();
            let mut clients = Vec::new();
            for n in 0..connections {
                let mut client = connect(server.address);
                if let Some(joins) = registered {
                    let [a, b, c] = [n % 100, 100 + n % 101, 201 + n % 103];
                    let channels = format!("JOIN #c{a},#c{b},#c{c}");
                    say(&mut client, &registration(n, if joins { &channels } else { "MODE" }));
                    until(&mut client, "PONG");
                }
                clients.push(client);
                if n % 200 == 199 {
                    clients.iter_mut().for_each(drain);
                }
            }
            clients.iter_mut().for_each(drain);
            server.rest();
            slope((0, empty), (connections, server.anonymous_bytes()))
        });
        print_row(&[
            connections.to_string(),
            format!("{:.0}", each[0]),
            format!("{:.0}", each[1]),
            format!("{:.0}", each[2]),
        ]);
    }
}

/// More and more users join one channel at once, and quit at once: the cost of each line sent.
fn storm() {
    print_head(
        "all join one channel and quit: CPU time of the server",
        &["users", "lines told", "CPU time", "ns a line"],
    );
    for users in [1_250, 2_500, 5_000].into_iter().filter(|ends| has_room_for(*ends)) {
        let server = Child::start("irc");
        let mut clients: Vec<_> = (0..users).map(|_| connect(server.address)).collect();
        for (n, client) in clients.iter_mut().enumerate() {
            say(client, &registration(n, "MODE"));
            until(client, "PONG");
        }
        server.rest();
        let before = server.cpu_ns();
        for part in 0..users.div_ceil(CHURNED_AT_ONCE) {
            let range = part * CHURNED_AT_ONCE..users.min((part + 1) * CHURNED_AT_ONCE);
            clients[range].iter_mut().for_each(|client| say(client, "JOIN #storm\r\n"));
            clients.iter_mut().for_each(drain);
        }
        for _ in 0..users.div_ceil(CHURNED_AT_ONCE) {
            let left = clients.len().saturating_sub(CHURNED_AT_ONCE);
            clients[left..].iter_mut().for_each(|client| say(client, "QUIT\r\n"));
            clients.truncate(left);
            clients.iter_mut().for_each(drain);
        }
        server.rest();
        let spent = server.cpu_ns() - before;
        let lines = users * (users - 1); // on average each receives half of the joins and half of the quits
        print_row(&[
            users.to_string(),
            lines.to_string(),
            format!("{:.2} s", spent as f64 / 1e9),
            format!("{:.0}", spent as f64 / lines as f64),
        ]);
    }
}

/// Users who connect, join and quit, many times over: the memory left behind.
fn churn() {
    print_head("connect, register, join, quit", &["times", "user-space memory (RssAnon) after"]);
    let server = Child::start("irc");
    for times in 0..=CHURNED / CHURNED_AT_ONCE {
        if [WARM, 2 * WARM, CHURNED].contains(&(times * CHURNED_AT_ONCE)) {
            server.rest();
            let kib = server.anonymous_bytes() >> 10;
            print_row(&[(times * CHURNED_AT_ONCE).to_string(), format!("{kib} KiB")]);
        }
        let mut clients: Vec<_> = (0..CHURNED_AT_ONCE).map(|_| connect(server.address)).collect();
        for (n, client) in clients.iter_mut().enumerate() {
            let channels = format!("JOIN #c{},#all", n % 20);
            say(client, &registration(times * CHURNED_AT_ONCE + n, &channels));
        }
        for client in &mut clients {
            until(client, "PONG");
            say(client, "QUIT :done\r\n");
        }
        // The server closes first, so that its side keeps the ports in TIME_WAIT.
        clients.iter_mut().for_each(|client| until(client, "ERROR"));
    }
}

type Client = BufReader<TcpStream>;

fn connect(address: SocketAddr) -> Client {
    BufReader::with_capacity(1 << 10, TcpStream::connect(address).expect("there is room"))
}

fn registration(number: usize, then: &str) -> String {
    format!("NICK n{number}\r\nUSER user 0 * :A name\r\n{then}\r\nPING in\r\n")
}

fn say(client: &mut Client, text: &str) {
    client.get_mut().write_all(text.as_bytes()).expect("it is heard");
}

fn until(client: &mut Client, words: &str) {
    let mut line = String::new();
    while !line.contains(words) {
        line.clear();
        assert_ne!(client.read_line(&mut line).expect("more is said"), 0, "the end before {words}");
    }
}

/// Reads all pending input.
fn drain(client: &mut Client) {
    say(client, "PING drained\r\n");
    until(client, ":drained");
}
