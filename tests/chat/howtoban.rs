//! Channel bans where hosts are cloaked.

use crate::stage::{Stage, operator, settings};
use stonechat::chat::Settings;

fn stage() -> Stage {
    let operators = vec![operator("root", "sesame")];
    let mut stage = Stage::new(Settings { operators, ..settings() });
    stage.comes_from("bob", "192.0.2.77");
    stage.comes_from("eve", "192.0.2.99");
    for name in ["ann", "bob", "eve"] {
        stage.register(name, "");
    }
    stage.say("ann", "JOIN #a");
    stage.heard("ann");
    stage
}

fn joins(stage: &mut Stage, name: &str) -> bool {
    stage.say(name, "JOIN #a");
    let heard = stage.heard(name);
    let joined = heard.iter().any(|line| line.contains(" JOIN "));
    assert!(joined || heard.iter().any(|line| line.contains(" 474 ")), "{heard:?}");
    stage.say(name, "PART #a");
    stage.heard(name);
    stage.heard("ann");
    joined
}

#[test]
fn what_howtoban_tells_means_whom_it_says() {
    let mut stage = stage();
    stage.say("ann", "HOWTOBAN bob");
    let heard = stage.heard("ann");
    let entries: Vec<String> = (heard.iter())
        .filter_map(|line| line.strip_prefix(":srv NOTICE ann :")?.split_once("  means "))
        .map(|(entry, _)| entry.to_owned())
        .collect();
    assert_eq!(entries.len(), 4, "{heard:?}");
    for (entry, eve_joins) in entries.iter().zip([true, false, false, true]) {
        stage.say("ann", &format!("MODE #a +b {entry}"));
        assert!(stage.heard("ann")[0].ends_with(&format!("MODE #a +b {entry}")));
        assert!(!joins(&mut stage, "bob"), "{entry}");
        assert_eq!(joins(&mut stage, "eve"), eve_joins, "{entry}");
        stage.say("ann", &format!("MODE #a -b {entry}"));
        stage.heard("ann");
    }
    stage.say("bob", "REGISTER * * secret");
    stage.heard("bob");
    stage.say("ann", "HOWTOBAN bob");
    assert_eq!(
        stage.heard("ann")[0],
        ":srv NOTICE ann :a:bob  means their account, wherever they come from"
    );
    stage.say("ann", "HOWTOBAN nobody");
    assert_eq!(stage.heard("ann"), [":srv 401 ann nobody :No such nick/channel"]);
}

#[test]
fn an_address_is_refused_with_what_works_and_cloaked_for_who_may_see_it() {
    let mut stage = stage();
    let entries = ["*!*@192.0.2.77", "*!*@192.0.2.*", "*!*@192.0.2.0/24", "m:*!*@2001:db8::1"];
    for entry in entries {
        for command in [format!("MODE #a +b {entry}"), format!("TBAN #a 1h {entry}")] {
            stage.say("ann", &command);
            let refused = format!(
                ":srv 696 ann #a b {entry} :Addresses are hidden here, so this means nobody: \
                 HOWTOBAN nick says what does"
            );
            assert_eq!(stage.heard("ann"), [refused]);
        }
    }
    stage.say("ann", "OPER root sesame");
    stage.heard("ann");
    for (entry, eve_joins) in entries.into_iter().take(3).zip([true, false, false]) {
        stage.say("ann", &format!("MODE #a +b {entry}"));
        let heard = stage.heard("ann");
        let (_, cloak) = heard[0].split_once(" +b ").unwrap();
        assert!(cloak.ends_with(".ip") && !cloak.contains("192"), "{heard:?}");
        assert!(!joins(&mut stage, "bob"), "{entry}");
        assert_eq!(joins(&mut stage, "eve"), eve_joins, "{entry}");
        stage.say("ann", &format!("MODE #a -b {cloak}"));
        stage.heard("ann");
    }
    stage.say("ann", "MODE #a +b *!*@192.0.2.0/25");
    assert!(
        stage.heard("ann")[0].contains(" 696 ann #a b *!*@192.0.2.0/25 :Hosts are cloaked: write")
    );
}
