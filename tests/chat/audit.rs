//! The audit log: every act of every operator, with its user, address, time, target and reason.

use crate::script::play_with;
use crate::stage::{Stage, operator, settings};
use stonechat::chat::{Operator, OperatorClass, Right, Settings};
use stonechat::store::{Act, Limit, Reply, Request};

fn with_operators() -> Settings {
    let none = OperatorClass { rights: vec![Right::Stats], ..OperatorClass::default() };
    let stranger = Operator { class: none, ..operator("deputy", "second") };
    Settings { operators: vec![operator("root", "sesame"), stranger], ..settings() }
}

/// The rows of the audit log: operator, command, target, reason.
fn acts(stage: &mut Stage) -> Vec<[String; 4]> {
    let request = Request::Acts { whose: None, limit: Limit::new(1000) };
    let Reply::Acts(acts) = stage.ask_disk(request) else { panic!("no acts") };
    let what = |act: Act| [act.operator, act.command, act.target, act.reason];
    acts.into_iter().map(what).collect()
}

#[test]
fn every_act_is_kept_with_who_and_why() {
    let mut stage = Stage::new(with_operators());
    for name in ["ann", "bob", "cat"] {
        stage.register(name, "");
    }
    for line in [
        "OPER root guess",
        "OPER sesame root",
        "OPER root sesame",
        "SAJOIN bob #a",
        "SAMODE #a +m",
        "SAPART bob #a :you had your say",
        "SANICK bob tom",
        "WALLOPS :all is well",
        "NS SAREGISTER dan hunter2",
        "NS INFO dan",
        "NS DROP dan",
        "KILL tom :enough",
        "AUDIT 1",
        "REHASH",
        "RESTART",
        "DIE",
    ] {
        stage.say("ann", line);
    }
    stage.say("cat", "OPER deputy second");
    stage.say("cat", "KILL ann");
    let mask = "bob!bob@localhost";
    assert_eq!(
        acts(&mut stage),
        [
            ["-", "OPER", "root", "wrong name or password"],
            ["-", "OPER", "*", "wrong name or password"],
            ["root", "OPER", "root", ""],
            ["root", "SAJOIN", mask, "#a"],
            ["root", "SAMODE", "#a", "+m"],
            ["root", "SAPART", mask, "#a you had your say"],
            ["root", "SANICK", mask, "tom"],
            ["root", "WALLOPS", "", "all is well"],
            ["root", "SAREGISTER", "dan", ""],
            ["root", "INFO", "dan", ""],
            ["root", "DROP", "dan", ""],
            ["root", "KILL", "tom!bob@localhost", "enough"],
            ["root", "AUDIT", "", ""],
            ["root", "REHASH", "", ""],
            ["root", "RESTART", "", ""],
            ["root", "DIE", "", ""],
            ["deputy", "OPER", "deputy", ""],
        ]
        .map(|act| act.map(str::to_owned))
    );
}

#[test]
fn audit_tells_the_last_acts_of_all_or_of_one() {
    play_with(
        with_operators(),
        r"
        ann+ labeled-response batch
        bob+
        ann> AUDIT
        ann< :srv 481 ann :Permission Denied- You're not an IRC operator
        ann> OPER root sesame
        ann~
        bob> OPER deputy second
        bob~
        +1s
        ann> WALLOPS one
        ann~
        bob~
        ann> AUDIT
        ann< :srv NOTICE ann :2026-01-01T00:00:00.000Z root ann!ann@localhost unix OPER root
        ann< :srv NOTICE ann :2026-01-01T00:00:00.000Z deputy bob!bob@localhost unix OPER deputy
        ann< :srv NOTICE ann :2026-01-01T00:00:01.000Z root ann!ann@localhost unix WALLOPS one
        ann< :srv NOTICE ann :End of the audit log: 3 acts
        ann> @label=x AUDIT 1
        ann< @label=x :srv BATCH +b2 labeled-response
        ann< @batch=b2 :srv NOTICE ann :2026-01-01T00:00:01.000Z root ann!ann@localhost unix AUDIT
        ann< @batch=b2 :srv NOTICE ann :End of the audit log: 1 acts
        ann< :srv BATCH -b2
        ann> AUDIT 99999999999999999999999 DEPUTY
        ann< :srv NOTICE ann :2026-01-01T00:00:00.000Z deputy bob!bob@localhost unix OPER deputy
        ann< :srv NOTICE ann :End of the audit log: 1 acts
        ann> AUDIT Bob
        ann< :srv NOTICE ann :2026-01-01T00:00:00.000Z deputy bob!bob@localhost unix OPER deputy
        ann< :srv NOTICE ann :End of the audit log: 1 acts
        ann> AUDIT 2 %
        ann< :srv NOTICE ann :End of the audit log: 0 acts
        disk broken
        ann> AUDIT
        ann< :srv NOTICE ann :The audit log can't be read: the database is damaged (it is broken): restore a backup
        disk full
        ann> WALLOPS :it is done all the same
        ann~
        bob~
    ",
    );
}

#[test]
fn it_survives_a_restart_and_the_end_of_accounts_and_is_told_a_hundred_at_a_time() {
    let mut stage = Stage::new(with_operators());
    stage.register("ann", "");
    stage.say("ann", "OPER root sesame");
    for n in 0..150 {
        stage.say("ann", &format!("WALLOPS {n}"));
    }
    stage.restart();
    assert_eq!(acts(&mut stage).len(), 151);
    stage.register("ann", "");
    stage.say("ann", "OPER root sesame");
    stage.heard("ann");
    stage.say("ann", "AUDIT 1000");
    let heard = stage.heard("ann");
    assert_eq!(heard.len(), 101);
    assert!(heard[98].ends_with("WALLOPS 149"), "{}", heard[98]);
}

#[test]
fn without_a_disk_there_is_no_log_and_that_is_said() {
    let mut stage = Stage::without_disk(with_operators());
    stage.register("ann", "");
    stage.say("ann", "OPER root sesame");
    stage.heard("ann");
    stage.say("ann", "AUDIT");
    assert_eq!(stage.heard("ann"), [":srv NOTICE ann :No audit log is kept here."]);
}
