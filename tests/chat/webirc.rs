//! WEBIRC: gateways name their clients, and no other connection can.

use crate::script::play_with;
use crate::stage::{Stage, operator, settings};
use stonechat::auth::verifier::Verifier;
use stonechat::chat::{Abuse, Gateway, Settings};
use stonechat::net::{Network, Networks};
use stonechat::store::{Reply, Request};

/// Settings with gateways; the clients use a Unix socket, which counts as this machine.
fn with_gateways() -> Settings {
    let gateway = |name: &str, network: &str, password: Option<&str>| Gateway {
        name: name.into(),
        networks: Networks(vec![Network::parse(network).unwrap()]),
        verifier: password.map(|password| Verifier::new(password, 4096, [7; 16])),
    };
    let gateways = vec![
        gateway("elsewhere", "192.0.2.0/24", None),
        gateway("web", "127.0.0.0/8", Some("sesame")),
        gateway("lounge", "127.0.0.1/32", None),
    ];
    let abuse = Abuse { cloak: false, ..Abuse::default() };
    Settings { gateways, abuse, ..settings() }
}

#[test]
fn a_gateway_says_for_whom_it_connects() {
    play_with(
        with_gateways(),
        r"
        ann> WEBIRC sesame web host.example 203.0.113.5 :secure
        ann> NICK ann
        ann> USER ann 0 * :Ann
        ann~
        ann> USERHOST ann
        ann< :srv 302 ann :ann=+ann@203.0.113.5
        bob> WEBIRC * lounge whatever 2001:db8::7
        bob> NICK bob
        bob> USER bob 0 * :Bob
        bob~
        bob> USERHOST bob
        bob< :srv 302 bob :bob=+bob@2001:db8::7
    ",
    );
}

#[test]
fn whatever_is_wrong_with_it_ends_the_connection() {
    play_with(
        with_gateways(),
        r"
        wrong> WEBIRC hunter2 web host 203.0.113.5
        wrong< ERROR :Closing link: (localhost) [WEBIRC has a wrong password]
        wrong!
        empty> WEBIRC : web host 203.0.113.5
        empty~
        empty!
        ip> WEBIRC sesame web host 203.0.113.256
        ip< ERROR :Closing link: (localhost) [WEBIRC gives no address that can be read]
        ip!
        few> WEBIRC sesame web host
        few< ERROR :Closing link: (localhost) [WEBIRC wants a password, a name, a host and an address]
        few!
        late> NICK late
        late> WEBIRC sesame web host 203.0.113.5
        late< ERROR :Closing link: (localhost) [WEBIRC must be the first command]
        late!
        other> WEBIRC sesame nobody host 203.0.113.5
        other> NICK other
        other> USER other 0 * :The first gateway there is meant where the name is none
        other~
        other> WEBIRC sesame web host 203.0.113.6
        other< :srv 462 other :You may not reregister
    ",
    );
}

#[test]
fn a_gateway_says_it_once() {
    play_with(
        with_gateways(),
        r"
        ann> WEBIRC * lounge host 203.0.113.5
        ann> WEBIRC * lounge host 203.0.113.6
        ann< ERROR :Closing link: (203.0.113.5) [WEBIRC is not accepted from this address]
        ann!
    ",
    );
}

#[test]
fn nothing_is_heard_behind_it_of_who_is_banned() {
    let operators = vec![operator("root", "sesame")];
    let mut stage = Stage::new(Settings { operators, ..with_gateways() });
    stage.register("root", "");
    stage.say("root", "OPER root sesame");
    stage.say("root", "DLINE 203.0.113.0/24 x");
    stage.smooth = true;
    for (nick, gateway) in [("eve", "* lounge"), ("mallory", "sesame web")] {
        stage.say(nick, &format!("WEBIRC {gateway} host 203.0.113.5\nREGISTER {nick} * secret"));
        assert_eq!(stage.heard(nick), ["ERROR :You are banned: x"]);
        let found = stage.ask_disk(Request::FindAccount { folded: nick.into() });
        assert!(matches!(found, Reply::Account(None)), "{found:?}");
    }
    stage.say("bob", "WEBIRC * lounge host 192.0.2.5\nNICK bob\nUSER bob 0 * :Bob");
    assert!(stage.heard("bob")[0].contains(" 001 bob "), "of others it is");
}
