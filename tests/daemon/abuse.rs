//! Bans, limits and the flood bucket of the real daemon. The operator uses a Unix socket, all
//! others loopback, which is not exempt here.

use crate::process::{Client, Daemon};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use stonechat::auth::verifier::Verifier;
use tempfile::TempDir;

fn start(dir: Arc<TempDir>, more: &str) -> Daemon {
    let verifier = Verifier::new("sesame", 4096, [7; 16]);
    let config = format!(
        "chat.server_name = \"srv\"\nabuse.exempt = []\n{more}\n\
         chat.operators = [{{ name = \"root\", password = \"{verifier}\", class = \"guard\" }}]\n\
         operator_classes.guard = {{ rights = [\"ban\", \"defcon\", \"notices\"] }}\n"
    );
    let socket = format!("irc://unix:{}", socket(dir.path()).display());
    Daemon::start_in(dir, &config, &["--listen", "irc://127.0.0.1:0", "--listen", &socket], |_| {})
}

fn socket(dir: &Path) -> std::path::PathBuf {
    dir.join("irc")
}

fn connect(daemon: &Daemon) -> Client {
    let url = daemon.listening.iter().find(|url| url.starts_with("irc://127.")).unwrap();
    Client::connect(url.strip_prefix("irc://").unwrap().parse().unwrap())
}

/// Runs commands of an operator. Returns the output up to the last notice.
fn operate(dir: &Path, commands: &str) -> String {
    let mut stream = UnixStream::connect(socket(dir)).unwrap();
    let said = format!("NICK root\nUSER root 0 * :r\nOPER root sesame\n{commands}\nVERSION\n");
    stream.write_all(said.as_bytes()).unwrap();
    let mut heard = String::new();
    for line in BufReader::new(&stream).lines() {
        let line = line.unwrap();
        heard += &format!("{line}\n");
        if line.contains(" 351 ") {
            return heard;
        }
    }
    panic!("{heard}");
}

/// The line to a refused connection from loopback.
fn refusal(daemon: &Daemon) -> String {
    String::from_utf8(connect(daemon).hear_rest()).unwrap()
}

#[test]
fn a_banned_address_is_told_why_and_stays_so_over_a_kill() {
    let dir = Arc::new(tempfile::tempdir().unwrap());
    let daemon = start(dir.clone(), "");
    let mut eve = connect(&daemon);
    eve.send("NICK eve\nUSER eve 0 * :e\n");
    assert!(String::from_utf8(eve.hear()).unwrap().contains(" 001 eve "));
    let told = operate(dir.path(), "DLINE 1d 127.0.0.0/8 :be gone");
    assert!(told.contains("127.0.0.0/8 is banned 1d; connections closed: 1"), "{told}");
    let rest = String::from_utf8(eve.hear_rest()).unwrap();
    assert!(rest.contains(" 465 eve :You are banned: be gone (until "), "{rest}");
    assert!(refusal(&daemon).starts_with("ERROR :You are banned: be gone (until "));
    let mut daemon = start(daemon.kill(), "");
    assert!(refusal(&daemon).starts_with("ERROR :You are banned: be gone (until "));
    let of = format!("listener=\"{}\"", daemon.listening[0]);
    let refused = format!("stonechat_connections_refused_total{{{of},reason=\"banned\"}}");
    assert_eq!((daemon.metric(&refused), daemon.metric("stonechat_chat_bans")), (1, 1));
    let told = operate(dir.path(), "UNDLINE 127.0.0.0/8");
    assert!(told.contains("127.0.0.0/8 is banned no more"), "{told}");
    let mut eve = connect(&daemon);
    eve.send("NICK eve\nUSER eve 0 * :e\n");
    assert!(String::from_utf8(eve.hear()).unwrap().contains(" 001 eve "));
    daemon.stop();
}

#[test]
fn who_is_not_exempt_is_held_to_the_limits_and_who_says_much_is_heard_later_in_full() {
    let dir = Arc::new(tempfile::tempdir().unwrap());
    let more = "limits.connections_per_network = 2\nabuse.flood_burst = 10\n\
                abuse.flood_per_second = 20";
    let daemon = start(dir.clone(), more);
    let (mut ann, _bob) = (connect(&daemon), connect(&daemon));
    assert_eq!(refusal(&daemon), "ERROR :too many connections from your network\r\n");
    let lines: String = (0..60).map(|n| format!("PRIVMSG nobody{n} :x\n")).collect();
    ann.send(format!("NICK ann\nUSER ann 0 * :a\n{lines}QUIT\n"));
    let heard = String::from_utf8(ann.hear_rest()).unwrap();
    let told: Vec<&str> = heard.lines().filter(|line| line.contains(" 401 ")).collect();
    assert_eq!(told.len(), 60);
    assert!(told.iter().enumerate().all(|(n, line)| line.contains(&format!(" nobody{n} "))));
    assert!(heard.lines().last().unwrap().starts_with("ERROR :Closing link"), "{heard}");
    daemon.stop();
}

#[test]
fn any_number_comes_through_a_gateway_and_each_is_held_to_the_limits_of_his_own() {
    let dir = Arc::new(tempfile::tempdir().unwrap());
    let gateway = "limits.connections_per_ip = 2\n\
                   proxy.gateways = [{ name = \"web\", networks = [\"127.0.0.0/24\"] }]";
    let daemon = start(dir.clone(), gateway);
    let comes = |daemon: &Daemon, n: usize, ip: &str| {
        let mut client = connect(daemon);
        client.send(format!("WEBIRC x web host {ip}\nNICK n{n}\nUSER u 0 * :u\n"));
        (String::from_utf8(client.hear()).unwrap(), client)
    };
    let mut here: Vec<Client> = Vec::new();
    for n in 0..6 {
        let (heard, client) = comes(&daemon, n, &format!("203.0.113.{}", n / 2));
        assert!(heard.contains(&format!(" 001 n{n} ")), "{heard}");
        here.push(client);
    }
    let (heard, _) = comes(&daemon, 6, "203.0.113.1");
    assert!(heard.contains("too many connections from your address"), "{heard}");
    daemon.stop();
}

#[test]
fn a_gateway_that_may_be_anywhere_has_everyones_limits_until_it_is_known() {
    let dir = Arc::new(tempfile::tempdir().unwrap());
    let gateway = "limits.connections_per_ip = 2\n\
                   proxy.gateways = [{ name = \"web\", networks = [\"127.0.0.0/8\"] }]";
    let daemon = start(dir.clone(), gateway);
    let _silent = [connect(&daemon), connect(&daemon)];
    assert_eq!(refusal(&daemon), "ERROR :too many connections from your address\r\n");
    daemon.stop();
}
