//! Long answers from history at the reader's pace: in order, in bounded memory, and without harm to
//! others when a reader goes.

use crate::script::{play, play_with};
use crate::stage::{Stage, settings};

#[test]
fn nothing_is_heard_of_who_waits_for_an_answer_until_it_is_said() {
    play(
        "ann+ draft/chathistory
         ann> JOIN #a
         ann> PRIVMSG #a :one
         ann~
         disk stalls
         ann> CHATHISTORY LATEST #a * 10
         ann> PING here
         ann> CHATHISTORY LATEST #none * 10
         disk well
         ann< :ann!ann@localhost PRIVMSG #a :one
         ann< :srv PONG srv :here
         ann< :srv FAIL CHATHISTORY INVALID_TARGET LATEST #none :Messages could not be retrieved",
    );
}

#[test]
fn the_longest_answer_is_what_the_settings_say() {
    let mut settings = settings();
    settings.history.answer_max = 2;
    play_with(
        settings,
        "ann+ draft/chathistory
         ann> JOIN #a
         ann> PRIVMSG #a :one
         ann> PRIVMSG #a :two
         ann> PRIVMSG #a :three
         ann~
         ann> CHATHISTORY LATEST #a * 10
         ann< :ann!ann@localhost PRIVMSG #a :two
         ann< :ann!ann@localhost PRIVMSG #a :three",
    );
}

#[test]
fn a_long_answer_goes_at_its_readers_pace_and_what_is_asked_later_is_answered_after_it() {
    let mut settings = settings();
    settings.history.answer_max = 1000;
    let mut stage = Stage::new(settings);
    stage.register("ann", "draft/chathistory batch labeled-response");
    stage.say("ann", "JOIN #a");
    let text = "x".repeat(400);
    for n in 0..1000 {
        stage.say("ann", &format!("PRIVMSG #a :{n} {text}"));
    }
    stage.heard("ann");
    stage.reads_at_most("ann", 1000);
    stage.say("ann", "@label=l CHATHISTORY LATEST #a * 1000\\nPING here");
    let (mut heard, mut backlog_max) = (String::new(), 0);
    while !heard.ends_with("PONG srv :here\r\n") {
        backlog_max = backlog_max.max(stage.backlog_bytes());
        let read = stage.read_on("ann");
        assert!(!read.is_empty(), "{heard}");
        heard.push_str(&read);
    }
    assert!(backlog_max < 70 << 10, "{backlog_max} bytes were queued");
    let lines: Vec<&str> = heard.lines().collect();
    assert_eq!(lines.len(), 1003);
    assert_eq!(lines[0], "@label=l :srv BATCH +b3 chathistory #a");
    for (n, line) in lines[1..1001].iter().enumerate() {
        assert_eq!(*line, format!("@batch=b3 :ann!ann@localhost PRIVMSG #a :{n} {text}"));
    }
    assert_eq!(lines[1001], ":srv BATCH -b3");
}

#[test]
fn each_of_very_many_requests_in_one_read_is_answered_in_order() {
    let mut stage = Stage::new(settings());
    stage.register("ann", "draft/chathistory");
    stage.say("ann", "JOIN #a");
    for n in 0..20 {
        stage.say("ann", &format!("PRIVMSG #a :{n} {}", "x".repeat(400)));
    }
    stage.heard("ann");
    stage.reads_at_most("ann", 1000);
    let asked: String =
        (0..400).map(|n| format!("CHATHISTORY LATEST #a * 20\\nPING {n}\\n")).collect();
    stage.say("ann", &asked);
    let (mut heard, mut backlog_max) = (String::new(), 0);
    while !heard.ends_with("PONG srv :399\r\n") {
        backlog_max = backlog_max.max(stage.backlog_bytes());
        let read = stage.read_on("ann");
        assert!(!read.is_empty(), "{} bytes", heard.len());
        heard.push_str(&read);
    }
    assert!(backlog_max < 80 << 10, "{backlog_max} bytes were queued");
    let lines: Vec<&str> = heard.lines().collect();
    assert_eq!(lines.len(), 400 * 21);
    for (n, lines) in lines.chunks(21).enumerate() {
        assert!(lines[..20].iter().all(|line| line.starts_with(":ann!ann@localhost PRIVMSG #a :")));
        assert_eq!(lines[20], format!(":srv PONG srv :{n}"));
    }
}

#[test]
fn who_goes_while_a_long_answer_is_said_costs_nothing() {
    let mut stage = Stage::new(settings());
    stage.register("ann", "draft/chathistory");
    stage.say("ann", "JOIN #a");
    for n in 0..100 {
        stage.say("ann", &format!("PRIVMSG #a :{n} {}", "x".repeat(400)));
    }
    for n in 0..100 {
        stage.say("ann", &format!("PRIVMSG #a :{n} {}", "x".repeat(400)));
    }
    stage.reads_at_most("ann", 100);
    stage.say("ann", "CHATHISTORY LATEST #a * 100\\nCHATHISTORY LATEST #a * 100");
    stage.cut_off("ann");
    stage.read_on("ann");
    assert_eq!(stage.backlog_bytes(), 0);
    stage.register("bob", "draft/chathistory");
    stage.say("bob", "PING here");
    assert_eq!(stage.heard("bob"), [":srv PONG srv :here"]);
}

#[test]
fn who_reads_slowly_does_not_fill_the_memory_with_history() {
    let mut settings = settings();
    settings.history.answer_max = 300;
    settings.history.waiting_bytes_max = 400_000;
    let mut stage = Stage::new(settings);
    let names: Vec<String> = (0..5).map(|n| format!("u{n}")).collect();
    for name in &names {
        stage.register(name, "draft/chathistory");
        stage.say(name, "JOIN #a");
    }
    for n in 0..300 {
        stage.say("u0", &format!("PRIVMSG #a :{n} {}", "x".repeat(400)));
    }
    for name in &names {
        stage.heard(name);
        stage.reads_at_most(name, 0);
        stage.say(name, "PRIVMSG #a :later");
        stage.say(name, "CHATHISTORY LATEST #a * 300");
    }
    let mut answered = 0;
    for name in &names {
        stage.reads_at_most(name, usize::MAX);
        stage.read_on(name);
        let heard = stage.heard(name);
        let refused = ":srv 263 u CHATHISTORY :";
        let is_refusal = |line: &String| line.replacen(name.as_str(), "u", 1).starts_with(refused);
        answered += usize::from(!heard.iter().any(is_refusal));
    }
    assert!((1..5).contains(&answered), "{answered} are answered");
    stage.say("u4", "CHATHISTORY LATEST #a * 300");
    assert_eq!(stage.heard("u4").len(), 300);
}
