//! Bans of the server: UBAN, KLINE, DLINE; their matches and their ends.

use crate::oper::with_operators;
use crate::script::play_with;
use crate::stage::{Stage, operator, settings};
use stonechat::chat::{Right, Settings};
use stonechat::store::{BanKind, BanRecord, Limit, Reply, Request};

/// A stage with `root` as operator.
fn stage() -> Stage {
    let mut stage = Stage::new(with_operators());
    stage.register("root", "");
    oper(&mut stage);
    stage
}

fn oper(stage: &mut Stage) {
    stage.say("root", "OPER root sesame");
    assert!(stage.heard("root").iter().any(|line| line.contains(" 381 ")));
}

#[track_caller]
fn told(stage: &mut Stage, command: &str, expected: &[&str]) {
    stage.say("root", command);
    assert_eq!(stage.heard("root"), expected, "{command}");
}

#[test]
fn bans_are_for_operators() {
    play_with(
        with_operators(),
        r"
        ann+
        ann> UBAN ADD 192.0.2.1
        ann< :srv 481 ann :Permission Denied- You're not an IRC operator
        ann> KLINE a@b
        ann< :srv 481 ann :Permission Denied- You're not an IRC operator
        ann> UNKLINE a@b
        ann< :srv 481 ann :Permission Denied- You're not an IRC operator
        ann> DLINE 192.0.2.1
        ann< :srv 481 ann :Permission Denied- You're not an IRC operator
        ann> UNDLINE 192.0.2.1
        ann< :srv 481 ann :Permission Denied- You're not an IRC operator
        ann> STATS k
        ann< :srv 481 ann :Permission Denied- You're not an IRC operator
        ann< :srv 219 ann k :End of STATS report
    ",
    );
}

#[test]
fn who_is_banned_goes_and_is_told_why() {
    play_with(
        with_operators(),
        r"
        root+
        root> OPER root sesame
        root~
        root> MODE root +s k
        root~
        from 192.0.2.7 eve
        from 192.0.3.7 ann
        ann+
        scene #a eve root
        root> UBAN ADD 1d2h 192.0.2.0/24 spam and more
        root< :srv NOTICE root :*** root!root@localhost: UBAN 192.0.2.0/24 1d2h: spam and more
        root< :eve!eve@CLOAK QUIT :Banned
        root< :srv NOTICE root :192.0.2.0/24 is banned 1d2h; connections closed: 1
        eve< :srv 465 eve :You are banned: spam and more (until 2026-01-02T02:00:00Z)
        eve< ERROR :Closing link: (CLOAK) [You are banned: spam and more (until 2026-01-02T02:00:00Z)]
        eve!
        root> UBAN LIST
        root< :srv NOTICE root :192.0.2.0/24 until 2026-01-02T02:00:00Z, by root!root@localhost 2026-01-01T00:00:00Z: spam and more
        root< :srv NOTICE root :1 bans
        root> STATS d
        root< :srv 225 root D 192.0.2.0/24 :spam and more
        root< :srv 219 root d :End of STATS report
        root> KLINE eve@* no more of this
        root< :srv NOTICE root :*** root!root@localhost: KLINE *!eve@* for ever: no more of this
        root< :srv NOTICE root :*!eve@* is banned for ever; connections closed: 0
        root> STATS k
        root< :srv 216 root K * * eve :no more of this
        root< :srv 219 root k :End of STATS report
        from 198.51.100.1 eve
        eve> NICK eve
        eve> USER eve 0 * :x
        eve< :srv 465 * :You are banned: no more of this
        eve< ERROR :Closing link: (OTHER) [You are banned: no more of this]
        eve!
    "
        .replace("CLOAK", EVE)
        .replace("OTHER", EVE_ELSEWHERE)
        .as_str(),
    );
}

/// The cloaks of 192.0.2.7 and 198.51.100.1, with the secret of the tests.
const EVE: &str = "a2ihwxpdnw.whha4v2z3o.jzi6upyrlq.ip";
const EVE_ELSEWHERE: &str = "skhgxbhd27.wj2mhvkexm.dd3v5mqusr.ip";

#[test]
fn an_address_is_refused_before_anything_is_heard_until_the_ban_ends() {
    let mut stage = stage();
    assert_eq!(stage.is_refused("192.0.2.1"), None);
    told(
        &mut stage,
        "DLINE 10m 192.0.2.0/24 :too much",
        &[":srv NOTICE root :192.0.2.0/24 is banned 10m; connections closed: 0"],
    );
    let why = "ERROR :You are banned: too much (until 2026-01-01T00:10:00Z)\r\n";
    assert!(stage.is_refused("192.0.2.77").unwrap().starts_with(why));
    assert_eq!(stage.is_refused("192.0.3.77"), None);
    stage.restart();
    assert!(stage.is_refused("192.0.2.77").unwrap().starts_with(why), "also after a start");
    stage.jump(600);
    assert_eq!(stage.is_refused("192.0.2.77"), None);
    stage.register("root", "");
    oper(&mut stage);
    told(&mut stage, "UBAN LIST", &[":srv NOTICE root :0 bans"]);
    assert_eq!(stage.ask_disk(Request::Bans), Reply::Bans(vec![]), "it is kept no more");
    told(
        &mut stage,
        "DLINE 192.0.2.1",
        &[":srv NOTICE root :192.0.2.1 is banned for ever; connections closed: 0"],
    );
    assert!(stage.is_refused("192.0.2.1").unwrap().contains("no reason given"));
    told(&mut stage, "UNDLINE 192.0.2.1", &[":srv NOTICE root :192.0.2.1 is banned no more"]);
    assert_eq!(stage.is_refused("192.0.2.1"), None);
    stage.restart();
    assert_eq!(stage.is_refused("192.0.2.1"), None);
}

#[test]
fn a_suspended_account_is_ended_and_nobody_logs_in_to_it() {
    let mut stage = stage();
    stage.register("ann", "sasl");
    stage.say("ann", "REGISTER * * sesame");
    stage.say("ann", &format!("NS CERT ADD {}", "07".repeat(32)));
    stage.say("ann", "NS SET always-on on");
    stage.heard("ann");
    told(
        &mut stage,
        "UBAN ADD 1h account:Ann bad manners",
        &[":srv NOTICE root :account:ann is banned 1h; connections closed: 1"],
    );
    let said = stage.heard("ann");
    assert!(said[0].contains("465 ann :You are banned: bad manners"), "{said:?}");
    assert!(stage.saw_the_end("ann"));
    told(
        &mut stage,
        "WHOIS ann",
        &[":srv 401 root ann :No such nick/channel", ":srv 318 root ann :End of /WHOIS list"],
    );
    for (password, answer) in [
        (
            "AGFubgBzZXNhbWU=",
            ":srv 902 * :You are banned: bad manners (until 2026-01-01T01:00:00Z)",
        ),
        ("AGFubgB3cm9uZw==", ":srv 904 * :SASL authentication failed"),
    ] {
        stage.say("eve", "CAP REQ sasl");
        stage.say("eve", "AUTHENTICATE PLAIN");
        stage.heard("eve");
        stage.say("eve", &format!("AUTHENTICATE {password}"));
        assert_eq!(stage.heard("eve"), [answer]);
    }
    stage.secures("key", "7");
    stage.say("key", "CAP REQ sasl");
    stage.say("key", "AUTHENTICATE EXTERNAL");
    stage.heard("key");
    stage.say("key", "AUTHENTICATE +");
    assert_eq!(
        stage.heard("key"),
        [":srv 902 * :You are banned: bad manners (until 2026-01-01T01:00:00Z)"],
        "nor by a certificate"
    );
    stage.jump(3600);
    stage.say("ann", "CAP REQ sasl");
    stage.say("ann", "AUTHENTICATE PLAIN");
    stage.say("ann", "AUTHENTICATE AGFubgBzZXNhbWU=");
    assert!(stage.heard("ann").iter().any(|line| line.contains(" 903 ")));
}

#[test]
fn nobody_takes_a_nick_that_is_banned() {
    play_with(
        with_operators(),
        r"
        root+
        root> OPER root sesame
        root~
        root> UBAN ADD spam*!*@* go away
        root< :srv NOTICE root :spam*!*@* is banned for ever; connections closed: 0
        ann+
        ann> NICK Spammer
        ann< :srv 432 ann Spammer :You are banned: go away
        ann> NICK ham
        ann< :ann!ann@localhost NICK ham
        root> UBAN DEL SPAM*!*@*
        root< :srv NOTICE root :spam*!*@* is banned no more
        ann> NICK Spammer
        ann< :ham!ann@localhost NICK Spammer
    ",
    );
}

#[test]
fn a_mask_means_the_address_as_well_as_the_cloak() {
    let mut stage = stage();
    for (mask, count) in [("*!*@192.0.2.*", 1), (&format!("*!*@*.{}", tail(EVE)), 1)] {
        stage.comes_from("eve", "192.0.2.7");
        stage.register("eve", "");
        let expected =
            format!(":srv NOTICE root :{mask} is banned for ever; connections closed: {count}");
        told(&mut stage, &format!("UBAN ADD {mask}"), &[&expected]);
        assert!(stage.heard("eve")[0].contains(" 465 "));
        assert!(stage.saw_the_end("eve"));
        stage.say("eve", "NICK eve");
        stage.say("eve", "USER eve 0 * :x");
        assert!(stage.heard("eve")[0].contains(" 465 "));
        assert!(stage.saw_the_end("eve"));
        stage.say("root", &format!("UBAN DEL {mask}"));
        stage.heard("root");
    }
}

/// A cloak without the label of the address itself.
fn tail(cloak: &str) -> &str {
    cloak.split_once('.').map_or(cloak, |(_, rest)| rest)
}

#[test]
fn a_slip_that_would_hit_oneself_or_the_world_must_be_forced() {
    let mut stage = stage();
    stage.say("root", "REGISTER * * sesame");
    stage.heard("root");
    for target in ["*", "root", "account:root", "*!root@*"] {
        stage.say("root", &format!("UBAN ADD {target}"));
        let said = stage.heard("root").remove(0);
        assert!(
            said.starts_with(":srv FAIL UBAN TOO_MANY_HIT ") && said.contains("FORCE"),
            "{said}"
        );
    }
    for target in ["0.0.0.0/0", "10.0.0.0/7", "2000::/3", "*!*@*.*"] {
        stage.say("root", &format!("UBAN ADD 1h {target}"));
        let said = stage.heard("root").remove(0);
        assert!(said.contains("a great part of the world"), "{said}");
    }
    stage.register("ann", "");
    stage.say("root", "UBAN ADD FORCE 1h *!*@localhost");
    assert!(stage.heard("root")[0].ends_with("connections closed: 1"), "all but who sets it");
    assert!(stage.heard("ann")[0].contains(" 465 "));
}

#[test]
fn what_is_no_target_is_told() {
    let mut stage = stage();
    for (command, code) in [
        ("UBAN ADD", "461"),
        ("UBAN ADD 1h", "461"),
        ("UBAN ADD FORCE 1h", "461"),
        ("UBAN DEL", "461"),
        ("UBAN INFO", "461"),
        ("UBAN", "461"),
        ("UBAN ADD 192.0.2.0/33", "INVALID_TARGET"),
        ("UBAN ADD a!b@192.0.2.0/24", "INVALID_TARGET"),
        ("UBAN ADD account:a,b", "INVALID_TARGET"),
        ("UBAN ADD é", "INVALID_TARGET"),
        ("UBAN INFO :a b", "INVALID_TARGET"),
        ("KLINE bob", "INVALID_TARGET"),
        ("DLINE a@b", "INVALID_TARGET"),
        ("DLINE account:bob", "INVALID_TARGET"),
        ("UBAN DEL 192.0.2.1", "NO_SUCH_BAN"),
        ("UNKLINE a@b", "NO_SUCH_BAN"),
        ("UBAN EAT 192.0.2.1", "INVALID_PARAMS"),
    ] {
        stage.say("root", command);
        let said = stage.heard("root").remove(0);
        assert!(said.contains(&format!(" {code} ")), "{command}: {said}");
    }
}

#[test]
fn info_tells_of_one_target() {
    let mut stage = stage();
    stage.say("root", "UBAN ADD 192.0.2.0/24 net");
    stage.heard("root");
    told(
        &mut stage,
        "UBAN INFO 192.0.2.5",
        &[
            ":srv NOTICE root :192.0.2.5 is in a network that is: You are banned: net",
            ":srv NOTICE root :192.0.2.5 means 0 of the connections here",
        ],
    );
    told(
        &mut stage,
        "UBAN INFO root!*@*",
        &[
            ":srv NOTICE root :root!*@* is not banned",
            ":srv NOTICE root :root!*@* means 1 of the connections here",
        ],
    );
}

#[test]
fn info_tells_where_somebody_is_only_who_may_see_addresses_and_is_recorded() {
    let mut seer = operator("seer", "sesame");
    seer.class.rights = vec![Right::Ban, Right::Addresses];
    let mut guard = operator("guard", "sesame");
    guard.class.rights = vec![Right::Ban];
    let mut stage = Stage::new(Settings { operators: vec![seer, guard], ..settings() });
    stage.comes_from("ann", "192.0.2.7");
    for name in ["ann", "seer", "guard"] {
        stage.register(name, "");
        stage.say(name, &format!("OPER {name} sesame"));
        stage.heard(name);
    }
    for (name, target, count) in [
        ("guard", "ann!*@192.0.*", 0),
        ("guard", "ann!*@192.0.2.7", 0),
        ("guard", "ann!*@*.ip", 1),
        ("seer", "ann!*@192.0.*", 1),
        ("seer", "ann!*@192.1.*", 0),
    ] {
        stage.say(name, &format!("UBAN INFO {target}"));
        let said = stage.heard(name).pop().unwrap();
        assert!(said.contains(&format!("{target} means {count} of ")), "{name}: {said}");
    }
    let request = Request::Acts { whose: Some("seer".into()), limit: Limit::new(9) };
    let Reply::Acts(acts) = stage.ask_disk(request) else { panic!() };
    let looks = acts.iter().filter(|act| act.command == "UBAN").map(|act| &*act.target);
    assert_eq!(looks.collect::<Vec<_>>().len(), 2, "both, whatever was found");
}

#[test]
fn a_ban_that_cannot_be_kept_holds_and_says_so() {
    let mut stage = stage();
    stage.disk(crate::world::disk::State::Full);
    stage.say("root", "UBAN ADD 192.0.2.1 x");
    let said = stage.heard("root");
    assert!(said[0].starts_with(":srv WARN UBAN NOT_KEPT 192.0.2.1 :It holds until"), "{said:?}");
    assert!(stage.is_refused("192.0.2.1").is_some());
    stage.disk(crate::world::disk::State::Well);
    stage.restart();
    assert_eq!(stage.is_refused("192.0.2.1"), None);
}

#[test]
fn each_kind_is_kept_with_its_reason_and_its_end() {
    let mut stage = stage();
    for target in ["2001:DB8::/32", "Bob", "X!*@*.Example.org"] {
        stage.say("root", &format!("UBAN ADD 1m {target} why not"));
    }
    let Reply::Bans(bans) = stage.ask_disk(Request::Bans) else { panic!() };
    let kept: Vec<_> = bans.iter().map(|ban| (ban.kind, &*ban.what)).collect();
    let kinds = [BanKind::Address, BanKind::Account, BanKind::Mask];
    let texts = ["2001:db8::/32", "bob", "x!*@*.example.org"];
    assert_eq!(kept, kinds.into_iter().zip(texts).collect::<Vec<_>>());
    for ban in &bans {
        assert_eq!((&*ban.reason, &*ban.setter), ("why not", "root!root@localhost"));
        assert_eq!((ban.created_s, ban.expires_s), (1_767_225_600, Some(1_767_225_660)));
    }
}

/// A request that stores a ban without an end.
fn ban(kind: BanKind, what: String) -> Request {
    let (reason, setter) = ("spam".to_owned(), "root!r@localhost".to_owned());
    let (created_s, expires_s) = (1, None);
    Request::AddBan(Box::new(BanRecord { kind, what, reason, setter, created_s, expires_s }))
}

#[test]
fn there_are_so_many_bans_and_no_more() {
    let mut stage = stage();
    for n in 1..200_000 {
        stage.ask_disk(ban(BanKind::Account, format!("spammer{n}")));
    }
    stage.restart();
    stage.register("root", "");
    oper(&mut stage);
    told(
        &mut stage,
        "UBAN ADD eve",
        &[":srv NOTICE root :account:eve is banned for ever; connections closed: 0"],
    );
    told(
        &mut stage,
        "UBAN ADD mallory",
        &[":srv FAIL UBAN LIMIT_REACHED :There are 200000 bans already"],
    );
    stage.say("root", "UBAN ADD 1h eve");
    assert!(stage.heard("root")[0].contains("eve is banned 1h"), "in the place of what was said");
}

#[test]
fn a_hundred_thousand_bans_keep_out_whom_they_mean_and_nobody_else() {
    let mut stage = stage();
    for n in 0..25_000 {
        let (a, b) = (n / 250, n % 250);
        stage.ask_disk(ban(BanKind::Address, format!("10.{a}.{b}.0/24")));
        stage.ask_disk(ban(BanKind::Account, format!("spammer{n}")));
        stage.ask_disk(ban(BanKind::Mask, format!("*!*@host{n}.example.org")));
        stage.ask_disk(ban(BanKind::Mask, format!("spam{n}x*!*@*")));
    }
    stage.ask_disk(ban(BanKind::Mask, "*a".repeat(100) + "b!*@*"));
    stage.restart();
    stage.register("ann", "");
    assert!(stage.is_refused("10.99.7.200").is_some());
    assert_eq!(stage.is_refused("10.100.7.200"), None);
    for (nick, banned) in [("spam17x", true), ("spam25000x", false)] {
        stage.say("new", &format!("NICK {nick}"));
        stage.say("new", "USER a 0 * :x");
        assert_eq!(stage.heard("new")[0].contains(" 465 "), banned, "{nick}");
        if banned {
            assert!(stage.saw_the_end("new"));
        }
    }
}

#[test]
fn the_list_is_bounded_and_may_be_asked_for_by_pattern() {
    let mut stage = stage();
    for n in 0..130 {
        stage.say("root", &format!("UBAN ADD 10.0.{n}.0/24"));
    }
    stage.heard("root");
    stage.say("root", "UBAN LIST");
    let said = stage.heard("root");
    assert_eq!(said.len(), 101);
    assert_eq!(said[100], ":srv NOTICE root :130 bans, of which these are the first");
    stage.say("root", "UBAN LIST 10.0.12?.*");
    assert_eq!(stage.heard("root").len(), 11);
}

#[test]
fn operators_hear_of_refusals_together() {
    let mut stage = stage();
    stage.say("root", "MODE root +s r");
    stage.say("root", "UBAN ADD 192.0.2.1");
    stage.heard("root");
    for _ in 0..500 {
        assert!(stage.is_refused("192.0.2.1").is_some());
    }
    assert_eq!(
        stage.heard("root"),
        [":srv NOTICE root :*** Newcomers refused: 1 (you are banned)"]
    );
    stage.pass(60);
    stage.is_refused("192.0.2.1");
    assert_eq!(
        stage.heard("root"),
        [":srv NOTICE root :*** Newcomers refused: 500 (you are banned)"]
    );
}
