//! Users never see another's address; operators with the right do, and each look is recorded.

use crate::oper::with_operators;
use crate::stage::Stage;

/// The output of all clients but `names`.
fn all_but(stage: &mut Stage, names: &[&str]) -> Vec<String> {
    names.iter().flat_map(|name| stage.heard(name)).collect()
}

const ADDRESSES: [&str; 2] = ["203.0.113.77", "2001:db8:1:2::77"];

#[test]
fn whatever_is_asked_nobody_hears_where_somebody_comes_from() {
    for address in ADDRESSES {
        let mut stage = Stage::new(with_operators());
        stage.comes_from("ann", address);
        stage.comes_from("bob", "198.51.100.1");
        let caps = "account-notify away-notify chghost extended-join message-tags server-time \
                    multi-prefix userhost-in-names draft/chathistory draft/event-playback batch \
                    echo-message labeled-response draft/metadata-2 invite-notify setname";
        for name in ["ann", "bob", "carol"] {
            stage.register(name, caps);
        }
        stage.pass(60);
        let mut heard = Vec::new();
        for (name, line) in [
            ("ann", "JOIN #a"),
            ("bob", "JOIN #a"),
            ("ann", "REGISTER * * sesame"),
            ("ann", "TOPIC #a :about"),
            ("ann", "MODE #a +be *!*@x *!*@y"),
            ("ann", "PRIVMSG bob :psst"),
            ("ann", "PRIVMSG #a :hello"),
            ("ann", "METADATA * SET url :https://example.org"),
            ("ann", "CS REGISTER #a"),
            ("ann", "AWAY :gone"),
            ("ann", "SETNAME :Ann"),
            ("ann", "INVITE carol #a"),
            ("bob", "WHOIS ann"),
            ("bob", "WHO ann"),
            ("bob", "WHO #a %tcuihsnfdlaor,1"),
            ("bob", "WHO *"),
            ("bob", "USERHOST ann"),
            ("bob", "NAMES #a"),
            ("bob", "MODE #a b"),
            ("bob", "MODE #a e"),
            ("bob", "TOPIC #a"),
            ("bob", "STATS l"),
            ("bob", "STATS p"),
            ("bob", "METADATA ann LIST"),
            ("bob", "METADATA #a LIST"),
            ("bob", "MONITOR + ann"),
            ("bob", "CHATHISTORY LATEST #a * 50"),
            ("bob", "NS INFO ann"),
            ("bob", "CS INFO #a"),
            ("ann", "NICK ann2"),
            ("ann", "PART #a"),
            ("bob", "WHOWAS ann"),
            ("ann", "JOIN #a"),
            ("bob", "KICK #a ann2"),
            ("ann", "QUIT :bye"),
            ("bob", "WHOWAS ann2"),
            ("bob", "CHATHISTORY LATEST #a * 50"),
        ] {
            stage.pass(3);
            stage.say(name, line);
            heard.extend(all_but(&mut stage, &["bob", "carol"]));
        }
        assert!(heard.len() > 80, "{heard:#?}");
        for line in &heard {
            assert!(!line.contains(address), "{line}");
        }
        assert!(heard.iter().any(|line| line.contains(".ip QUIT :Quit: bye")), "{heard:#?}");
    }
}

#[test]
fn who_is_refused_or_falls_silent_leaves_no_address() {
    let mut stage = Stage::new(with_operators());
    stage.comes_from("ann", ADDRESSES[0]);
    stage.register("bob", "");
    stage.register("ann", "");
    for name in ["ann", "bob"] {
        stage.say(name, "JOIN #a");
    }
    stage.heard("bob");
    for _ in 0..40 {
        stage.jump(10);
        stage.say("bob", "PONG x");
    }
    let said = stage.heard("bob");
    assert!(said.iter().any(|line| line.contains("Ping timeout")), "{said:?}");
    assert!(said.iter().all(|line| !line.contains(ADDRESSES[0])), "{said:?}");
}

#[test]
fn operators_see_addresses_in_whois_and_that_is_recorded() {
    let mut stage = Stage::new(with_operators());
    stage.comes_from("ann", ADDRESSES[0]);
    stage.register("ann", "");
    for name in ["root", "watcher"] {
        stage.register(name, "");
        stage.say(name, "OPER root sesame");
    }
    stage.say("watcher", "MODE watcher +s o");
    stage.heard("root");
    stage.heard("watcher");
    stage.say("root", "WHOIS ann");
    let said = stage.heard("root");
    assert!(
        said.iter().any(|line| line.contains(" 338 ") && line.contains(ADDRESSES[0])),
        "{said:?}"
    );
    assert_eq!(stage.heard("watcher"), [""; 0], "a look is no news, but it is kept");
    stage.say("watcher", "AUDIT");
    let kept = stage.heard("watcher");
    assert!(kept.iter().any(|line| line.contains("WHOIS ann!ann@")), "{kept:?}");
    stage.say("ann", "WHOIS ann");
    let said = stage.heard("ann");
    assert!(
        said.iter().any(|line| line.contains(" 338 ") && line.contains(ADDRESSES[0])),
        "one's own"
    );
}

#[test]
fn without_cloaks_hosts_are_addresses() {
    let mut settings = with_operators();
    settings.abuse.cloak = false;
    let mut stage = Stage::new(settings);
    stage.comes_from("ann", "192.0.2.1");
    stage.comes_from("bob", "::5");
    for (name, host) in [("ann", "192.0.2.1"), ("bob", "0::5")] {
        stage.register(name, "");
        stage.say(name, "JOIN #a");
        assert!(stage.heard(name)[0].starts_with(&format!(":{name}!{name}@{host} JOIN")));
    }
}

#[test]
fn a_ban_of_a_channel_means_a_network_by_its_cloak() {
    let mut stage = Stage::new(with_operators());
    for (name, address) in [("ann", "192.0.2.1"), ("eve", "192.0.2.200"), ("bob", "192.0.3.1")] {
        stage.comes_from(name, address);
        stage.register(name, "");
        stage.say(name, "JOIN #a");
    }
    let joined = stage.heard("eve").remove(0);
    let host = joined.split(['@', ' ']).nth(1).unwrap().to_owned();
    let network = host.split_once('.').unwrap().1;
    stage.say("ann", &format!("MODE #a +b *!*@*.{network}"));
    for (name, banned) in [("eve", true), ("bob", false)] {
        stage.heard(name);
        stage.say(name, "PRIVMSG #a :hi");
        assert_eq!(stage.heard(name).iter().any(|line| line.contains(" 404 ")), banned, "{name}");
    }
}
