//! Replay of missed messages to a user who returns: once, in order, with times, for clients that
//! cannot ask for them.

use crate::stage::{Stage, settings};
use stonechat::chat::Settings;

/// `\0ann\0secret` and `\0ann@phone\0secret`, in base64.
const ANN: &str = "AGFubgBzZWNyZXQ=";
const ANN_PHONE: &str = "AGFubkBwaG9uZQBzZWNyZXQ=";

/// A stage in which ann has an account, is always on, and is in #a with bob.
fn with_ann_and_bob(settings: Settings) -> Stage {
    let mut stage = Stage::new(settings);
    stage.register("bob", "");
    stage.say("bob", "JOIN #a");
    stage.register("ann", "");
    for line in ["REGISTER * * secret", "NS SET always-on on", "JOIN #a"] {
        stage.say("ann", line);
    }
    stage.say("bob", "PRIVMSG #a :heard");
    stage.pass(1);
    stage.say("ann", "QUIT");
    stage.pass(60);
    stage
}

/// The output to a client of ann after the greeting.
fn comes(stage: &mut Stage, name: &str, caps: &str, payload: &str) -> Vec<String> {
    let login = format!("CAP REQ :sasl {caps}\nAUTHENTICATE PLAIN\nAUTHENTICATE {payload}");
    login.lines().for_each(|line| stage.say(name, line));
    stage.say(name, "NICK ann\nUSER ann 0 * :x");
    stage.heard(name);
    stage.say(name, "CAP END");
    let heard = stage.heard(name);
    let greeted = heard.iter().position(|line| line.contains(" 376 ") || line.contains(" 422 "));
    heard[greeted.expect("a greeting") + 1..].to_vec()
}

/// The texts of the messages among the lines.
fn said(lines: &[String]) -> Vec<&str> {
    let says = |line: &&String| line.contains(" PRIVMSG ") || line.contains(" NOTICE ");
    lines.iter().filter(says).map(String::as_str).collect()
}

fn goes(stage: &mut Stage, name: &str) {
    stage.pass(1);
    stage.say(name, "QUIT");
    stage.heard(name);
    stage.pass(1);
}

#[test]
fn who_returns_is_sent_what_they_missed_once_with_its_time() {
    let mut stage = with_ann_and_bob(settings());
    for line in [
        "PRIVMSG #a :missed",
        "PRIVMSG ann :in private",
        "PRIVMSG ann :\u{1}ACTION waves\u{1}",
        "PRIVMSG ann :\u{1}VERSION\u{1}",
        "NOTICE #a :and a notice",
    ] {
        stage.say("bob", line);
        stage.pass(1);
    }
    let heard = comes(&mut stage, "plain", "", ANN);
    let mut told = said(&heard);
    told.sort_unstable();
    assert_eq!(
        told,
        [
            ":bob!bob@localhost NOTICE #a :[2026-01-01 00:01 UTC] and a notice",
            ":bob!bob@localhost PRIVMSG #a :[2026-01-01 00:01 UTC] missed",
            ":bob!bob@localhost PRIVMSG ann :\u{1}ACTION [2026-01-01 00:01 UTC] waves\u{1}",
            ":bob!bob@localhost PRIVMSG ann :[2026-01-01 00:01 UTC] in private",
        ],
        "all but the request that it would answer"
    );
    let place = |text: &str| heard.iter().position(|line| line.ends_with(text)).unwrap();
    assert!(place("missed") < place("and a notice") && place("JOIN #a") < place("missed"));
    goes(&mut stage, "plain");
    let heard = comes(&mut stage, "timed", "server-time", ANN);
    assert_eq!(said(&heard), [""; 0], "it is sent once");
    goes(&mut stage, "timed");
    stage.say("bob", "PRIVMSG #a :again");
    let heard = comes(&mut stage, "third", "server-time", ANN);
    assert!(said(&heard)[0].ends_with("Z :bob!bob@localhost PRIVMSG #a :again"), "{heard:?}");
}

#[test]
fn of_much_that_was_missed_the_last_is_sent_and_where_the_rest_is() {
    let mut settings = settings();
    settings.history.on_return = 3;
    let mut stage = with_ann_and_bob(settings);
    (0..5).for_each(|n| stage.say("bob", &format!("PRIVMSG #a :{n}")));
    let heard = comes(&mut stage, "ann2", "", ANN);
    let told = said(&heard);
    let texts: Vec<&str> = told.iter().map(|line| &line[line.len() - 1..]).collect();
    assert_eq!(texts[..3], ["2", "3", "4"]);
    let hint = "More was said before: /quote CHATHISTORY BEFORE #a timestamp=2026-01-01T00:01:01";
    assert!(told[3].contains(hint), "{told:?}");
    let command = told[3].split("/quote ").nth(1).unwrap().to_owned();
    stage.say("ann2", &command);
    let heard = stage.heard("ann2");
    assert!(said(&heard).is_empty() || said(&heard)[0].ends_with("heard"), "{heard:?}");
}

#[test]
fn a_client_that_asks_for_history_is_sent_nothing_by_itself() {
    for caps in ["draft/chathistory", "znc.in/playback"] {
        let mut stage = with_ann_and_bob(settings());
        stage.say("bob", "PRIVMSG #a :missed");
        assert_eq!(said(&comes(&mut stage, "asks", caps, ANN)), [""; 0], "{caps}");
    }
}

#[test]
fn clients_that_can_be_told_apart_are_sent_each_what_it_missed() {
    let mut stage = with_ann_and_bob(settings());
    comes(&mut stage, "phone", "", ANN_PHONE);
    goes(&mut stage, "phone");
    stage.say("bob", "PRIVMSG #a :one");
    let heard = comes(&mut stage, "laptop", "", ANN);
    assert!(said(&heard)[0].ends_with("one"));
    stage.say("bob", "PRIVMSG #a :two");
    stage.heard("laptop");
    let heard = comes(&mut stage, "phone2", "", ANN_PHONE);
    let texts: Vec<&str> = said(&heard).iter().map(|line| &line[line.len() - 3..]).collect();
    assert_eq!(texts, ["one", "two"], "the laptop has received both");
    // Another client without a name is not the laptop that is connected.
    assert_eq!(said(&comes(&mut stage, "other", "", ANN)), [""; 0]);
}

#[test]
fn a_client_that_takes_a_name_is_sent_what_its_user_missed_till_then() {
    let mut stage = with_ann_and_bob(settings());
    stage.say("bob", "PRIVMSG ann :in private");
    let heard = comes(&mut stage, "phone", "", ANN_PHONE);
    assert!(said(&heard).iter().any(|line| line.ends_with("in private")), "{heard:?}");
    // Another client that comes while the phone is connected has missed nothing that the user has.
    stage.say("bob", "PRIVMSG ann :to the phone");
    stage.heard("phone");
    let heard = comes(&mut stage, "laptop", "", "AGFubkBsYXB0b3AAc2VjcmV0");
    assert!(!said(&heard).iter().any(|line| line.ends_with("to the phone")), "{heard:?}");
}

#[test]
fn a_lost_connection_may_not_have_received_what_was_sent_after_its_last_word() {
    let mut stage = with_ann_and_bob(settings());
    comes(&mut stage, "phone", "", ANN);
    stage.pass(20);
    stage.say("bob", "PRIVMSG ann :into the tunnel");
    stage.heard("phone");
    stage.pass(20);
    stage.cut_off("phone");
    stage.pass(1);
    let heard = comes(&mut stage, "phone2", "", ANN);
    assert!(said(&heard)[0].ends_with("into the tunnel"), "{heard:?}");
}

#[test]
fn who_wants_nothing_of_it_says_so_and_so_may_the_config() {
    let mut stage = with_ann_and_bob(settings());
    comes(&mut stage, "ann2", "", ANN);
    stage.say("ann2", "NS SET replay off");
    let heard = stage.heard("ann2");
    assert!(heard[0].contains("You receive no missed messages"), "{heard:?}");
    goes(&mut stage, "ann2");
    stage.say("bob", "PRIVMSG #a :missed");
    assert_eq!(said(&comes(&mut stage, "ann3", "", ANN)), [""; 0]);
    goes(&mut stage, "ann3");
    stage.restart();
    stage.register("bob2", "");
    stage.say("bob2", "PRIVMSG ann :missed");
    assert_eq!(said(&comes(&mut stage, "ann4", "", ANN)), [""; 0], "also after a start");

    let mut settings = settings();
    settings.history.on_return = 0;
    let mut stage = with_ann_and_bob(settings);
    stage.say("bob", "PRIVMSG #a :missed");
    assert_eq!(said(&comes(&mut stage, "ann2", "", ANN)), [""; 0]);
}

#[test]
fn what_was_received_is_remembered_over_a_start() {
    let mut stage = with_ann_and_bob(settings());
    // Bob has no account: no later user has that conversation.
    stage.say("bob", "PRIVMSG ann :missed");
    stage.restart();
    let heard = comes(&mut stage, "ann2", "", ANN);
    assert!(said(&heard)[0].ends_with("missed"), "{heard:?}");
    stage.pass(1);
    stage.restart();
    stage.register("carl", "");
    stage.say("carl", "PRIVMSG ann :later");
    let heard = comes(&mut stage, "ann3", "", ANN);
    assert!(said(&heard).last().unwrap().ends_with("later"), "{heard:?}");
}

#[test]
fn who_does_not_stay_is_sent_what_was_missed_in_a_channel_at_the_first_join() {
    let mut settings = settings();
    settings.history.on_join = 1;
    let mut stage = Stage::new(settings);
    stage.register("bob", "");
    stage.say("bob", "JOIN #a");
    stage.register("ann", "");
    stage.say("ann", "REGISTER * * secret");
    stage.say("ann", "JOIN #a");
    stage.say("bob", "PRIVMSG #a :heard");
    goes(&mut stage, "ann");
    (1..4).for_each(|n| stage.say("bob", &format!("PRIVMSG #a :missed {n}")));
    comes(&mut stage, "ann2", "", ANN);
    stage.say("ann2", "JOIN #a");
    let heard = stage.heard("ann2");
    assert_eq!(said(&heard).len(), 3, "{heard:?}");
    stage.say("ann2", "PART #a");
    stage.say("ann2", "JOIN #a");
    let heard = stage.heard("ann2");
    assert_eq!(said(&heard).len(), 1, "the last messages from then on: {heard:?}");
}
