//! DEFCON: the effects of each level.

use crate::oper::with_operators;
use crate::script::play_with;
use crate::stage::{Stage, operator};
use stonechat::chat::{Proof, Settings};

#[test]
fn the_level_is_for_operators_and_all_of_them_hear_of_it() {
    play_with(
        with_operators(),
        r"
        ann+
        bob+
        ann> DEFCON 1
        ann< :srv 481 ann :Permission Denied- You're not an IRC operator
        ann> OPER root sesame
        ann~
        bob> OPER deputy second
        bob~
        ann> DEFCON
        ann< :srv NOTICE ann :DEFCON 5: nothing is restricted
        ann> DEFCON 0
        ann< :srv FAIL DEFCON INVALID_PARAMS 0 :A level is a number from 5, nothing, to 1, the most
        ann> DEFCON 6
        ann< :srv FAIL DEFCON INVALID_PARAMS 6 :A level is a number from 5, nothing, to 1, the most
        ann> DEFCON 4
        ann< :srv NOTICE ann :DEFCON 4: no new accounts
        bob< :srv NOTICE bob :DEFCON 4: no new accounts
    ",
    );
}

/// `root` is operator by account; `ann` only has the name of an operator with a password.
fn by_account() -> Settings {
    let mut settings = with_operators();
    settings.operators[0].proof = Proof::Account;
    settings.operators.push(operator("ann", "another"));
    settings
}

/// A stage at `level`, with `root` as operator, `ann` logged in and `eve` not, both in #a.
fn at(level: u8) -> Stage {
    let mut stage = Stage::new(by_account());
    stage.comes_from("ann", "192.0.2.1");
    stage.comes_from("eve", "192.0.2.2");
    stage.comes_from("new", "192.0.2.3");
    for name in ["root", "ann", "eve"] {
        stage.register(name, "");
        stage.say(name, "JOIN #a");
    }
    stage.add_account("root", "sesame");
    stage.say("root", "NS IDENTIFY root sesame");
    stage.say("root", "OPER root");
    stage.say("ann", "REGISTER * * sesame");
    stage.say("root", &format!("DEFCON {level}"));
    ["root", "ann", "eve"].iter().for_each(|name| drop(stage.heard(name)));
    stage
}

/// Whether `nick` can connect, logging in with `password` if there is one.
fn gets_in(stage: &mut Stage, nick: &str, password: Option<&str>) -> bool {
    stage.say("new", "CAP REQ sasl");
    if let Some(password) = password {
        stage.say("new", "AUTHENTICATE PLAIN");
        stage.say("new", &format!("AUTHENTICATE {password}"));
    }
    stage.say("new", &format!("NICK {nick}"));
    stage.say("new", "USER new 0 * :x");
    stage.say("new", "CAP END");
    let said = stage.heard("new");
    let is_in = said.iter().any(|line| line.contains(" 001 "));
    assert!(is_in || said.iter().any(|line| line.contains("ACCOUNT_REQUIRED")), "{said:?}");
    if is_in {
        stage.say("new", "QUIT");
        stage.heard("new");
    }
    assert!(stage.saw_the_end("new"));
    is_in
}

const ANN: &str = "AGFubgBzZXNhbWU=";
const ROOT: &str = "AHJvb3QAc2VzYW1l";

#[test]
fn each_level_lets_in_fewer() {
    for (level, stranger, member) in
        [(5, true, true), (4, true, true), (3, false, true), (2, false, true), (1, false, false)]
    {
        let mut stage = at(level);
        assert_eq!(gets_in(&mut stage, "neu", None), stranger, "{level}");
        assert_eq!(gets_in(&mut stage, "ann2", Some(ANN)), member, "{level}");
        assert!(gets_in(&mut stage, "root2", Some(ROOT)), "{level}: operators");
        stage.register("local", ""); // by a Unix socket
    }
}

#[test]
fn from_level_4_nobody_makes_an_account_but_operators_for_others() {
    for level in [5, 4, 3] {
        let mut stage = at(level);
        stage.say("eve", "REGISTER * * sesame");
        let said = stage.heard("eve").join("\n");
        assert_eq!(said.contains(" 900 "), level == 5, "{level}: {said}");
        stage.say("root", "NS SAREGISTER zoe sesame");
        let said = stage.heard("root").join("\n");
        assert!(!said.contains("under attack"), "{said}");
    }
}

#[test]
fn from_level_2_who_is_not_logged_in_is_hushed() {
    for (level, hushed) in [(3, false), (2, true), (1, true)] {
        let mut stage = at(level);
        stage.say("eve", "PRIVMSG #a :hi");
        stage.say("eve", "PRIVMSG ann :hi");
        let said = stage.heard("eve").join("\n");
        assert_eq!(said.contains(" 404 ") && said.contains(" 477 "), hushed, "{level}: {said}");
        assert_eq!(stage.heard("ann").is_empty(), hushed);
        stage.say("eve", "PRIVMSG root :help");
        assert!(stage.heard("root").last().unwrap().contains("PRIVMSG root :help"));
        stage.say("ann", "PRIVMSG #a :hello");
        assert_eq!(stage.heard("eve").len(), 1, "who is logged in is heard");
        stage.say("root", "MODE #a +v eve");
        stage.heard("ann");
        stage.say("eve", "PRIVMSG #a :thanks");
        assert_eq!(stage.heard("ann").len(), 1, "and who has a rank");
    }
}

#[test]
fn a_level_lasts_over_new_settings_and_not_over_a_start() {
    let mut stage = at(3);
    stage.set_settings(by_account());
    assert!(!gets_in(&mut stage, "neu", None));
    stage.restart();
    assert!(gets_in(&mut stage, "neu", None));
}
