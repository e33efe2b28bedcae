//! COMMAND, with programs that the test plays: their output goes to the operator who started them,
//! whatever that one does meanwhile.

use crate::script::play_with;
use crate::stage::{Stage, operator, settings};
use std::time::Duration;
use stonechat::chat::{Ended, Operator, OperatorClass, Program, Request, Right, Settings};

fn with_programs() -> Settings {
    let program = |name: &str| {
        let (path, timeout) = (format!("/bin/{name}").into(), Duration::from_secs(5));
        (name.to_owned(), Program { path, args: Vec::new(), timeout, output_max: 4096 })
    };
    let class = OperatorClass {
        rights: vec![Right::Notices],
        commands: vec!["up".to_owned()],
        ..OperatorClass::default()
    };
    let operators = (1..=5).map(|n| {
        let operator = operator(&format!("root{n}"), "sesame");
        Operator { class: class.clone(), ..operator }
    });
    Settings {
        operators: operators.collect(),
        commands: [program("up"), program("down")].into(),
        ..settings()
    }
}

#[test]
fn what_may_be_run_is_told_and_nothing_else_is() {
    play_with(
        with_programs(),
        r"
        ann+
        ann> COMMAND up
        ann< :srv 481 ann :Permission Denied- You're not an IRC operator
        ann> OPER root1 sesame
        ann~
        ann> MODE ann +s o
        ann~
        ann> COMMAND
        ann< :srv NOTICE ann :You may run: up
        ann> COMMAND down
        ann< :srv 723 ann commands :Insufficient oper privileges: you are in no class, which `chat.operators` of the config gives
        ann> COMMAND :up; id
        ann< :srv 723 ann commands :Insufficient oper privileges: you are in no class, which `chat.operators` of the config gives
        ann> COMMAND ../bin/up
        ann< :srv 723 ann commands :Insufficient oper privileges: you are in no class, which `chat.operators` of the config gives
        ann> COMMAND up -a
        ann< :srv NOTICE ann :[up] Its arguments are in the config; it takes no others
        ann> COMMAND up
        ann< :srv NOTICE ann :*** ann!ann@localhost: COMMAND up begun
        ann> COMMAND up
        ann< :srv 263 ann COMMAND :Please wait a while and try again.
    ",
    );
}

/// Lets `name`, operator number `n`, start a program. Returns its number.
fn ask(stage: &mut Stage, name: &str, n: usize) -> u64 {
    stage.register(name, "labeled-response batch");
    stage.say(name, &format!("OPER root{n} sesame"));
    stage.heard(name);
    stage.say(name, "COMMAND up");
    assert_eq!(stage.heard(name), [""; 0]);
    let [Request::Run { run, .. }] = stage.app().chat.take_requests()[..] else {
        panic!("no request")
    };
    run
}

#[test]
fn output_is_told_by_lines_however_it_comes() {
    let mut stage = Stage::new(with_programs());
    let run = ask(&mut stage, "ann", 1);
    stage.program_said(run, b"one\ntw");
    assert_eq!(stage.heard("ann"), [":srv NOTICE ann :[up] one"]);
    stage.say("ann", "NICK anna");
    stage.heard("ann");
    stage.program_said(run, b"o\r");
    assert_eq!(stage.heard("ann"), [""; 0]);
    stage.program_said(run, b"\n\nlast \xf0\x9f");
    let told = [":srv NOTICE anna :[up] two", ":srv NOTICE anna :[up] "];
    assert_eq!(stage.heard("ann"), told);
    stage.program_ended(run, Ended::Signal(11));
    let told =
        [":srv NOTICE anna :[up] last \u{fffd}", ":srv NOTICE anna :[up] ended by signal 11"];
    assert_eq!(stage.heard("ann"), told);
    stage.program_said(run, b"of one that has ended\n");
    assert_eq!(stage.heard("ann"), [""; 0]);
}

#[test]
fn a_labelled_answer_is_one_batch_though_others_speak_within() {
    let mut stage = Stage::new(with_programs());
    stage.register("ann", "labeled-response batch");
    stage.register("bob", "");
    stage.say("ann", "OPER root1 sesame");
    stage.heard("ann");
    stage.say("ann", "@label=x COMMAND up");
    let [Request::Run { run, .. }] = stage.app().chat.take_requests()[..] else {
        panic!("no request")
    };
    let heard = stage.heard("ann");
    let batch = heard[0].strip_prefix("@label=x :srv BATCH +").unwrap();
    let batch = batch.strip_suffix(" labeled-response").unwrap();
    assert_eq!(heard.len(), 1);
    stage.say("bob", "PRIVMSG ann :hi");
    assert_eq!(stage.heard("ann"), [":bob!bob@localhost PRIVMSG ann :hi"]);
    stage.program_said(run, b"one\n");
    stage.program_ended(run, Ended::Status(0));
    let told = [
        format!("@batch={batch} :srv NOTICE ann :[up] one"),
        format!("@batch={batch} :srv NOTICE ann :[up] ended with status 0"),
        format!(":srv BATCH -{batch}"),
    ];
    assert_eq!(stage.heard("ann"), told);
}

#[test]
fn who_is_gone_or_operator_no_more_is_told_nothing() {
    let mut stage = Stage::new(with_programs());
    let run = ask(&mut stage, "ann", 1);
    stage.say("ann", "MODE ann -o");
    stage.heard("ann");
    stage.program_said(run, b"secret\n");
    assert_eq!(stage.heard("ann"), [""; 0]);
    stage.cut_off("ann");
    stage.program_said(run, b"secret\n");
    stage.program_ended(run, Ended::TooLong);
    // Its place is free again.
    stage.saw_the_end("ann");
    ask(&mut stage, "bob", 1);
}

#[test]
fn no_more_than_four_run_at_once() {
    let mut stage = Stage::new(with_programs());
    let runs: Vec<u64> = (1..=4).map(|n| ask(&mut stage, &format!("op{n}"), n)).collect();
    stage.register("ann", "");
    stage.say("ann", "OPER root5 sesame");
    stage.heard("ann");
    let busy = ":srv 263 ann COMMAND :Please wait a while and try again.";
    stage.say("ann", "COMMAND up");
    assert_eq!(stage.heard("ann"), [busy]);
    stage.program_ended(runs[0], Ended::NotStarted("no such file".to_owned()));
    assert_eq!(stage.heard("op1"), [":srv NOTICE op1 :[up] could not be started: no such file"]);
    stage.say("ann", "COMMAND up");
    assert_eq!(stage.heard("ann"), [""; 0]);
}
