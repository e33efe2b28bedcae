//! Tests the table of `docs/security.md`: every command by every kind of user.

use crate::stage::{Stage, operator, settings};
use std::collections::BTreeSet;
use std::time::Duration;
use stonechat::chat::{Operator, OperatorClass, Program, Right, Settings};

const DOC: &str = include_str!("../../docs/security.md");
const TABLE: &str = include_str!("../../src/chat/table.rs");

/// The kinds of users that can give a command. Banned and suspended users have tests of their own
/// below.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Who {
    Unregistered,
    Registered,
    LoggedIn,
    /// An operator with every right but the one that the command needs.
    OperatorWithout,
    /// An operator with that right alone.
    OperatorWith,
}

const EVERYONE: [Who; 5] =
    [Who::Unregistered, Who::Registered, Who::LoggedIn, Who::OperatorWithout, Who::OperatorWith];

/// What a command needs, by the table.
#[derive(Clone, Debug, PartialEq)]
enum May {
    Anyone,
    Registered,
    LoggedIn,
    Right(String),
}

/// The cells of the table whose first line is `head`.
fn rows(head: &str) -> Vec<Vec<&'static str>> {
    let start = DOC.find(head).unwrap_or_else(|| panic!("no table {head}"));
    let rows = DOC[start..].lines().skip(2).take_while(|line| line.starts_with("| "));
    rows.map(|row| row.trim_matches(['|', ' ']).split(" | ").collect()).collect()
}

fn told() -> Vec<(&'static str, May)> {
    let row = |cells: Vec<&'static str>| {
        let [command, may] = cells[..] else { panic!("{cells:?}") };
        let may = match may {
            "anyone" => May::Anyone,
            "registered" => May::Registered,
            "logged in" => May::LoggedIn,
            may => {
                let right = may.strip_prefix("right `").and_then(|right| right.strip_suffix('`'));
                May::Right(right.unwrap_or_else(|| panic!("{command}: {may}")).to_owned())
            }
        };
        (command.trim_matches('`'), may)
    };
    rows("| command | needs |").into_iter().map(row).collect()
}

/// Settings with the operator `root` of the given class.
fn with(class: OperatorClass) -> Settings {
    let root = Operator { class, ..operator("root", "sesame") };
    let path = "/bin/true".into();
    let timeout = Duration::from_secs(5);
    let program = Program { path, args: Vec::new(), timeout, output_max: 1 };
    let commands = [("bob".to_owned(), program)].into();
    Settings { operators: vec![root], commands, ..settings() }
}

fn class(who: Who, may: &May) -> OperatorClass {
    let May::Right(wanted) = may else { return OperatorClass::default() };
    let has = |name: &str| (who == Who::OperatorWith) == (name == wanted);
    let rights = Right::NAMES.into_iter().filter(|(name, _)| has(name));
    let commands = if has("commands") { vec!["bob".to_owned()] } else { Vec::new() };
    let rights = rights.map(|(_, right)| right).collect();
    OperatorClass { rights, commands, ..OperatorClass::default() }
}

/// The reply to `line`.
fn given(who: Who, line: &str, may: &May) -> Vec<String> {
    let mut stage = Stage::new(with(class(who, may)));
    stage.register("bob", "");
    match who {
        Who::Unregistered => stage.say("ann", "PING here"),
        _ => stage.register("ann", ""),
    }
    match who {
        Who::LoggedIn => stage.say("ann", "NS REGISTER hunter2"),
        Who::OperatorWith | Who::OperatorWithout => stage.say("ann", "OPER root sesame"),
        _ => {}
    }
    let before = stage.heard("ann");
    match who {
        Who::LoggedIn => assert!(before.iter().any(|line| line.contains(" 900 ")), "{before:?}"),
        Who::OperatorWith | Who::OperatorWithout => {
            assert!(before.iter().any(|line| line.contains(" 381 ")), "{before:?}");
        }
        _ => {}
    }
    stage.say("ann", line);
    stage.heard("ann")
}

#[test]
fn each_command_is_refused_to_whom_the_table_says_and_to_nobody_else() {
    for (command, may) in told() {
        // Parameters that fit most commands; invalid ones give another error than those of rights.
        let line = match command.contains(' ') {
            true => command.to_owned(),
            false => format!("{command} bob #a x y"),
        };
        let line = if command == "COMMAND" { "COMMAND bob".to_owned() } else { line };
        for who in EVERYONE {
            let heard = given(who, &line, &may);
            let said = |code: &str| heard.iter().any(|line| line.contains(&format!(" {code} ")));
            let refusal = match (&may, who) {
                (May::Anyone, _) => None,
                (_, Who::Unregistered) => Some("451"),
                (May::Right(_), Who::Registered | Who::LoggedIn) => Some("481"),
                (May::Right(_), Who::OperatorWithout) => Some("723"),
                _ => None,
            };
            for code in ["451", "481", "723"] {
                assert_eq!(said(code), refusal == Some(code), "{line} by {who:?}: {heard:#?}");
            }
            if let (May::Right(right), Some("723")) = (&may, refusal) {
                let named = format!(":srv 723 ann {right} :Insufficient oper privileges: ");
                let told = heard.iter().any(|line| line.starts_with(&named));
                assert!(told, "{line} by {who:?}: {heard:#?}");
            }
            let asked_to_log_in = heard.iter().any(|line| line.contains("ACCOUNT_REQUIRED"));
            let stranger =
                may == May::LoggedIn && !matches!(who, Who::Unregistered | Who::LoggedIn);
            assert_eq!(asked_to_log_in, stranger, "{line} by {who:?}: {heard:#?}");
        }
    }
}

/// A stage in which `root` has banned the user name `evil` and suspended the account `dan`.
fn with_bans() -> Stage {
    let mut stage =
        Stage::new(Settings { operators: vec![operator("root", "sesame")], ..settings() });
    stage.register("root", "");
    stage.say("root", "OPER root sesame");
    stage.register("dan", "");
    stage.say("dan", "NS REGISTER hunter2");
    stage.say("root", "UBAN ADD *!evil@* go away");
    stage.say("root", "UBAN ADD account:dan go away");
    assert!(stage.heard("dan").iter().any(|line| line.contains(" 465 dan ")));
    assert!(stage.saw_the_end("dan"), "a suspended user is closed");
    stage
}

#[test]
fn nothing_is_heard_of_who_is_banned() {
    let mut stage = with_bans();
    for (n, (command, _)) in told().into_iter().enumerate() {
        let name = format!("x{n}");
        // All at once: the further input has arrived before the refusal is sent.
        stage.say(&name, &format!(r"NICK {name}\nUSER evil 0 * :Evil\n{command} bob #a x y\nMOTD"));
        let heard = stage.heard(&name);
        assert!(heard[0].contains(" 465 "), "{command}: {heard:#?}");
        assert!(heard[1].starts_with("ERROR "), "{command}: {heard:#?}");
        assert_eq!(heard.len(), 2, "{command}: {heard:#?}");
        assert!(stage.saw_the_end(&name));
    }
    assert_eq!(stage.app().chat.take_requests(), []);
}

#[test]
fn who_is_suspended_is_as_one_who_has_not_registered() {
    let mut stage = with_bans();
    for (n, (command, may)) in told().into_iter().enumerate() {
        let name = format!("x{n}");
        stage.jump(60); // attempts are slowed down
        stage.say(&name, r"CAP REQ sasl\nNICK dan\nUSER u 0 * :Dan\nAUTHENTICATE PLAIN");
        stage.heard(&name);
        stage.say(&name, "AUTHENTICATE AGRhbgBodW50ZXIy");
        let heard = stage.heard(&name);
        assert!(heard[0].contains(" 902 "), "{command}: {heard:#?}");
        stage.say(&name, &format!("{command} bob #a x y"));
        let heard = stage.heard(&name);
        let refused = heard.iter().any(|line| line.contains(" 451 "));
        assert_eq!(refused, may != May::Anyone, "{command}: {heard:#?}");
    }
    assert_eq!(stage.app().chat.take_requests(), []);
}

#[test]
fn every_command_and_every_right_has_its_row() {
    let names = TABLE.split_once("&[Command] = &[").expect("the table").1;
    let lines = names.split("\n];").next().expect("its end").lines();
    let names = lines.filter_map(|row| row.trim_end_matches(',').split_once("::"));
    let all: BTreeSet<&str> = names.map(|(_, name)| name).collect();
    assert!(all.len() > 60, "{all:?}");
    let told: BTreeSet<&str> = told().iter().filter_map(|(row, _)| row.split(' ').next()).collect();
    assert_eq!(told, all);
    let rights = rows("| right | allows |");
    let rights: Vec<&str> = rights.iter().map(|row| row[0].trim_matches('`')).collect();
    assert_eq!(rights, Right::NAMES.map(|(name, _)| name));
}

/// The rights that "An attack" in docs/operating.md needs.
#[test]
fn the_class_that_the_docs_show_can_do_what_they_tell_to_do() {
    let docs = [
        include_str!("../../docs/operating.md"),
        include_str!("../../docs/security.md"),
        include_str!("../../docs/user-guide.md"),
    ];
    for doc in docs {
        let admin = doc.lines().find(|line| line.trim_start().starts_with("admin = { rights"));
        let admin = admin.expect("the class of an administrator");
        for right in
            ["accounts", "addresses", "ban", "defcon", "kill", "notices", "rehash", "stats"]
        {
            assert!(admin.contains(&format!("\"{right}\"")), "{right} in {admin}");
        }
    }
}
