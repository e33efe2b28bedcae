//! Users' addresses: shown to operators with the right, and never without a record.

use crate::process::{Client, Daemon};
use stonechat::auth::verifier::Verifier;

/// A daemon with `root`, who may see addresses, and `deputy`, who has all other rights of `root`.
fn start() -> Daemon {
    let verifier = Verifier::new("sesame", 4096, [7; 16]);
    let config = format!(
        "chat.server_name = \"srv\"\n\
         chat.operators = [{{ name = \"root\", password = \"{verifier}\", class = \"admin\" }}, \
         {{ name = \"deputy\", password = \"{verifier}\", class = \"helper\" }}]\n\
         operator_classes.admin.rights = [\"addresses\", \"audit\", \"notices\", \"stats\"]\n\
         operator_classes.helper.rights = [\"audit\", \"notices\", \"secrets\", \"stats\"]\n"
    );
    Daemon::start_with(&config, &["--listen", "irc://127.0.0.1:0"], |_| {})
}

fn connect(daemon: &Daemon, nick: &str) -> Client {
    let url = daemon.listening[0].strip_prefix("irc://").unwrap();
    let mut client = Client::connect(url.parse().unwrap());
    client.send(format!("NICK {nick}\nUSER {nick} 0 * :{nick}\n"));
    hear_until(&mut client, " 376 ");
    client
}

fn hear_until(client: &mut Client, text: &str) -> String {
    let mut heard = String::new();
    while !heard.lines().last().is_some_and(|line| line.contains(text)) {
        let line = client.hear();
        assert!(!line.is_empty(), "no {text} in {heard}");
        heard.push_str(&String::from_utf8(line).unwrap());
    }
    heard
}

/// The output to an operator who sees `stranger` connect, and gives every command that shows
/// addresses.
fn look(daemon: &Daemon, operator: &str, stranger: &str) -> String {
    let mut ann = connect(daemon, &format!("{operator}1"));
    ann.send(format!("OPER {operator} sesame\nMODE {operator}1 +s c\n"));
    hear_until(&mut ann, "+s");
    let _bob = connect(daemon, stranger);
    let mut heard = hear_until(&mut ann, "connects from");
    ann.send(format!("WHOIS {stranger}\nWHO {stranger} %in\nSTATS l\nMODE {operator}1 -s\n"));
    heard.push_str(&hear_until(&mut ann, "-s"));
    heard
}

#[test]
fn addresses_are_for_operators_with_the_right_and_each_look_is_recorded() {
    let daemon = start();
    let heard = look(&daemon, "deputy", "bob");
    assert!(!heard.contains("127.0.0.1"), "{heard}");
    assert!(heard.contains("*** bob!bob@localhost connects from localhost\r\n"), "{heard}");
    assert!(heard.contains(" bob[bob@localhost] "), "{heard}");
    let heard = look(&daemon, "root", "tom");
    assert!(heard.contains("*** tom!tom@localhost connects from 127.0.0.1\r\n"), "{heard}");
    assert!(heard.contains(" 338 root1 tom tom@localhost 127.0.0.1 "), "{heard}");
    assert!(heard.contains(" 354 root1 127.0.0.1 tom\r\n"), "{heard}");
    assert!(heard.contains(" tom[tom@127.0.0.1] "), "{heard}");

    let mut ann = connect(&daemon, "ann");
    ann.send("OPER deputy sesame\nAUDIT\n");
    let heard = hear_until(&mut ann, "End of the audit log");
    let acts = heard.lines().filter(|line| line.contains(" NOTICE ann :20"));
    let acts: Vec<&str> = acts.map(|line| line.split("Z ").nth(1).unwrap()).collect();
    let (deputy, root) =
        ("deputy deputy1!deputy1@localhost 127.0.0.1", "root root1!root1@localhost 127.0.0.1");
    assert_eq!(
        acts,
        [
            format!("{deputy} OPER deputy"),
            format!("{root} OPER root"),
            format!("{root} WHOIS tom!tom@localhost"),
            format!("{root} WHO tom"),
            format!("{root} STATS l"),
            "deputy ann!ann@localhost 127.0.0.1 OPER deputy".to_owned(),
        ]
    );
    let log = daemon.stop();
    let told: Vec<&str> = log.lines().filter(|line| line.contains("127.0.0.1")).collect();
    let acts = ["listening", "irc://"];
    assert!(told.iter().all(|line| acts.iter().any(|act| line.contains(act))), "{told:#?}");
}
