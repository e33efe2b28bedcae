//! Unregistered channels get an operator again after the last one has left.

use crate::script::play;
use crate::stage::{Stage, settings};

#[test]
fn a_former_operator_who_returns_is_operator_again() {
    play(
        "bob+
         ann+
         ann> REGISTER * * secret
         scene #a ann bob
         ann> PART #a
         ann~
         bob~
         bob> MODE #a +i
         bob< :srv 482 bob #a :You're not channel operator
         ann> JOIN #a
         ann< :ann!ann@localhost JOIN #a
         ann< :ChanServ!services@srv MODE #a +o ann
         ann< :ChanServ!services@srv NOTICE #a :ann was operator here before, and there was none any more
         ann< :srv 353 ann = #a :bob @ann
         ann< :srv 366 ann #a :End of /NAMES list
         bob< :ann!ann@localhost JOIN #a
         bob< :ChanServ!services@srv MODE #a +o ann
         bob< :ChanServ!services@srv NOTICE #a :ann was operator here before, and there was none any more
         ann/
         ann!
         bob~
         ann2+
         ann2> JOIN #a
         bob~
         ann2~
         ann2> NS IDENTIFY ann secret
         ann2< :srv 900 ann2 ann2!ann2@localhost ann :You are now logged in as ann
         ann2< :ChanServ!services@srv MODE #a +o ann2
         ann2< :ChanServ!services@srv NOTICE #a :ann2 was operator here before, and there was none any more
         ann2< :NickServ!services@srv NOTICE ann2 :You are logged in as ann.
         bob~",
    );
}

#[test]
fn without_an_account_it_is_so_as_long_as_one_stays_on_the_server() {
    play(
        "ann+
         scene #a ann bob
         ann> MODE #a -o ann
         ann~
         bob~
         ann> PART #a
         ann~
         bob~
         bob> JOIN #b
         bob~
         ann> JOIN #a
         bob< :ann!ann@localhost JOIN #a
         bob< :ChanServ!services@srv MODE #a +o ann
         bob< :ChanServ!services@srv NOTICE #a :ann was operator here before, and there was none any more
         ann~
         ann/
         ann!
         bob~
         ann+
         ann> JOIN #a
         ann~
         bob< :ann!ann@localhost JOIN #a",
    );
}

#[test]
fn who_was_put_out_or_is_not_the_only_one_gets_nothing_back() {
    play(
        "ann+
         scene #a ann bob+o cat+o
         ann> PART #a
         ann> JOIN #a
         ann~
         bob< :ann!ann@localhost PART #a
         bob< :ann!ann@localhost JOIN #a
         cat~
         bob> KICK #a cat
         bob> MODE #a +o ann
         ann> MODE #a -o bob
         ann> PART #a
         cat> JOIN #a
         ann~
         bob~
         cat~
         bob> PART #a
         bob> JOIN #a
         bob~
         cat< :bob!bob@localhost PART #a
         cat< :bob!bob@localhost JOIN #a",
    );
}

#[test]
fn after_a_while_who_is_here_longest_of_those_who_are_logged_in_is_operator() {
    let mut stage = Stage::new(settings());
    for name in ["ann", "bob", "cat", "dan"] {
        stage.register(name, "");
    }
    for (name, line) in [
        ("ann", "JOIN #a"),
        ("dan", "JOIN #a"),
        ("cat", "REGISTER * * secret"),
        ("bob", "REGISTER * * secret"),
        ("bob", "JOIN #a"),
    ] {
        stage.say(name, line);
    }
    stage.jump(1);
    stage.say("cat", "JOIN #a");
    stage.say("ann", "QUIT");
    stage.jump(899);
    for name in ["bob", "cat", "dan"] {
        stage.say(name, "PONG x");
        stage.heard(name);
    }
    stage.say("dan", "PRIVMSG #a :nobody can set the topic");
    assert_eq!(stage.heard("cat"), [":dan!dan@localhost PRIVMSG #a :nobody can set the topic"]);
    stage.jump(1);
    stage.say("dan", "PRIVMSG #a :nor the modes");
    let why = "There was no operator here for 15 minutes: bob has been here longest of those who are logged in";
    assert_eq!(
        stage.heard("cat"),
        [
            ":ChanServ!services@srv MODE #a +o bob".to_owned(),
            format!(":ChanServ!services@srv NOTICE #a :{why}"),
            ":dan!dan@localhost PRIVMSG #a :nor the modes".to_owned(),
        ]
    );
    stage.say("dan", "PRIVMSG #a :well");
    assert_eq!(stage.heard("cat"), [":dan!dan@localhost PRIVMSG #a :well"]);
}
