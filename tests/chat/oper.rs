//! Operators of the server: OPER, KILL, WALLOPS, REHASH, DIE, RESTART, their notices; STATS and HELP.

use crate::script::{play, play_with};
use crate::stage::{Stage, operator, settings};
use stonechat::chat::{Request, Settings};

/// Settings with two operators: `root` with the password `sesame`, `deputy` with `second`.
pub fn with_operators() -> Settings {
    Settings {
        operators: vec![operator("root", "sesame"), operator("deputy", "second")],
        ..settings()
    }
}

#[track_caller]
fn play_as_operators(script: &str) {
    play_with(with_operators(), script);
}

#[test]
fn who_knows_the_password_becomes_operator_and_may_resign() {
    play_as_operators(
        r"
        ann+
        ann> MODE ann +s
        ann< :srv 481 ann :Permission Denied- You're not an IRC operator
        ann> KILL
        ann< :srv 461 ann KILL :Not enough parameters
        ann> OPER root
        ann< :srv 461 ann OPER :Not enough parameters
        ann> OPER root Sesame
        ann< :srv 464 ann :Password incorrect
        ann> OPER nobody sesame
        ann< :srv 464 ann :Password incorrect
        ann> OPER root sesame
        ann< :srv 381 ann :You are now an IRC operator
        ann< :ann!ann@localhost MODE ann +ow
        ann> MODE ann
        ann< :srv 221 ann +ow
        ann> MODE ann +s
        ann< :srv NOTICE ann :You hear of: connects, exits, kills, operators, refusals
        ann< :ann!ann@localhost MODE ann +s
        ann> MODE ann -o
        ann< :ann!ann@localhost MODE ann -os
        ann> MODE ann -o
        ann> MODE ann +o
        ann> MODE ann
        ann< :srv 221 ann +w
        ann> WALLOPS :no more
        ann< :srv 481 ann :Permission Denied- You're not an IRC operator
        ann> OPER deputy second
        ann< :srv 381 ann :You are now an IRC operator
        ann< :ann!ann@localhost MODE ann +o
        bob+
        ann> MODE ann +s x
        ann< :srv NOTICE ann :You hear of: exits
        ann< :ann!ann@localhost MODE ann +s
    ",
    );
    play(
        r"
        ann+
        ann> OPER root sesame
        ann< :srv 491 ann :No O-lines for your host
    ",
    );
}

#[test]
fn who_guesses_at_an_operators_password_waits() {
    let guesses = "ann> OPER root guess\nann< :srv 464 ann :Password incorrect\n".repeat(30);
    play_as_operators(&format!(
        "ann+
         {guesses}
         ann> OPER root sesame
         ann< :srv 263 ann OPER :Please wait a while and try again.
         +21s
         ann> OPER root sesame
         ann< :srv 381 ann :You are now an IRC operator
         ann< :ann!ann@localhost MODE ann +ow"
    ));
}

#[test]
fn who_is_killed_is_told_by_whom_and_why_and_so_are_their_channels() {
    play_as_operators(
        r"
        ann+
        bob+
        cat+
        ann> OPER root sesame
        ann~
        scene #a bob cat
        ann> KILL bob :enough of this
        bob< :ann!ann@localhost KILL bob :enough of this
        bob< :bob!bob@localhost QUIT :Killed (ann (enough of this))
        bob< ERROR :Closing link: (localhost) [Killed (ann (enough of this))]
        bob!
        cat< :bob!bob@localhost QUIT :Killed (ann (enough of this))
        ann> KILL bob :again
        ann< :srv 401 ann bob :No such nick/channel
        ann> KILL srv :hm
        ann< :srv 483 ann :You can't kill a server!
        ann> KILL CAT
        cat< :ann!ann@localhost KILL cat :No reason given
        cat< :cat!cat@localhost QUIT :Killed (ann (No reason given))
        cat< ERROR :Closing link: (localhost) [Killed (ann (No reason given))]
        cat!
        ann> KILL ann :myself
        ann< :ann!ann@localhost KILL ann :myself
        ann< :ann!ann@localhost QUIT :Killed (ann (myself))
        ann< ERROR :Closing link: (localhost) [Killed (ann (myself))]
        ann!
    ",
    );
}

#[test]
fn a_labelled_kill_of_oneself_is_answered() {
    play_as_operators(
        r"
        ann+ labeled-response batch
        ann> OPER root sesame
        ann~
        ann> @label=x KILL ann :myself
        ann< @label=x :srv BATCH +b1 labeled-response
        ann< @batch=b1 :ann!ann@localhost KILL ann :myself
        ann< @batch=b1 :ann!ann@localhost QUIT :Killed (ann (myself))
        ann< @batch=b1 ERROR :Closing link: (localhost) [Killed (ann (myself))]
        ann< :srv BATCH -b1
        ann!
    ",
    );
}

#[test]
fn wallops_are_heard_by_who_wants_them() {
    play_as_operators(
        r"
        ann+
        bob+
        cat+
        ann> OPER root sesame
        ann~
        bob> MODE bob +w
        bob< :bob!bob@localhost MODE bob +w
        ann> WALLOPS :the server moves at noon
        ann< :ann!ann@localhost WALLOPS :the server moves at noon
        bob< :ann!ann@localhost WALLOPS :the server moves at noon
        ann> MODE ann -w
        ann< :ann!ann@localhost MODE ann -w
        ann> WALLOPS now
        bob< :ann!ann@localhost WALLOPS :now
        ann> WALLOPS
        ann< :srv 461 ann WALLOPS :Not enough parameters
    ",
    );
}

#[test]
fn operators_hear_of_what_they_ask_for() {
    play_as_operators(
        r"
        ann+
        bob+
        ann> OPER root sesame
        ann~
        ann> MODE ann +s cx
        ann< :srv NOTICE ann :You hear of: connects, exits
        ann< :ann!ann@localhost MODE ann +s
        cat> NICK cat
        cat> USER cat 0 * :Cat
        cat~
        ann< :srv NOTICE ann :*** cat!cat@localhost connects from a Unix socket
        cat> QUIT :bye
        cat~
        cat!
        ann< :srv NOTICE ann :*** cat!cat@localhost exits: Quit: bye
        ann> MODE ann -s x
        ann< :srv NOTICE ann :You hear of: connects
        ann> MODE ann +s -c+ko?
        ann< :srv NOTICE ann :You hear of: kills, operators
        bob> OPER root guess
        bob< :srv 464 bob :Password incorrect
        ann< :srv NOTICE ann :*** bob!bob@localhost: OPER root wrong name or password
        bob> OPER deputy second
        bob~
        ann< :srv NOTICE ann :*** bob!bob@localhost: OPER deputy
        bob> MODE bob -o
        bob~
        ann< :srv NOTICE ann :*** bob!bob@localhost is operator no more
        ann> KILL bob :spam
        ann< :srv NOTICE ann :*** ann!ann@localhost: KILL bob!bob@localhost spam
        bob~
        bob!
        ann> MODE ann +s -ko+r
        ann< :srv NOTICE ann :You hear of: refusals
        dan> GET / HTTP/1.1
        dan~
        dan!
        ann< :srv NOTICE ann :*** A newcomer from a Unix socket is refused: This port speaks IRC, not HTTP
        eve> NICK eve
        +30s
        eve~
        eve!
        ann< :srv NOTICE ann :*** A newcomer from a Unix socket is refused: Registration timeout
        ann> MODE ann -s
        ann< :srv NOTICE ann :You hear of: nothing
        ann< :ann!ann@localhost MODE ann -s
    ",
    );
}

#[test]
fn a_wrong_password_of_the_server_is_told_to_operators_without_the_password() {
    play_with(
        Settings { password: Some("open".into()), ..with_operators() },
        r"
        ann> PASS open
        ann> NICK ann
        ann> USER ann 0 * :Ann
        ann~
        ann> OPER root sesame
        ann~
        ann> MODE ann +s r
        ann~
        bob> PASS hunter2
        bob> NICK bob
        bob> USER bob 0 * :Bob
        bob~
        bob!
        ann< :srv NOTICE ann :*** A newcomer from a Unix socket is refused: Bad password
        cat> WEBIRC hunter2 gateway host 192.0.2.1
        cat~
        cat!
        ann< :srv NOTICE ann :*** A newcomer from a Unix socket is refused: WEBIRC is not accepted from this address
    ",
    );
}

#[test]
fn what_operators_ask_of_the_program_is_passed_on_once_and_answered() {
    let mut stage = Stage::new(with_operators());
    stage.register("ann", "");
    stage.say("ann", "OPER root sesame");
    stage.say("ann", "MODE ann +s o");
    stage.heard("ann");
    stage.say("ann", "REHASH");
    stage.say("ann", "REHASH");
    let told = [":srv 382 ann config Rehashing", ":srv NOTICE ann :*** ann!ann@localhost: REHASH"];
    assert_eq!(stage.heard("ann"), [told, told].concat());
    assert_eq!(stage.app().chat.take_requests(), [Request::Rehash]);
    stage.say("ann", "RESTART");
    stage.say("ann", "DIE");
    assert_eq!(
        stage.heard("ann"),
        [
            ":srv NOTICE ann :*** ann!ann@localhost: RESTART",
            ":srv NOTICE ann :*** ann!ann@localhost: DIE",
        ]
    );
    assert_eq!(stage.app().chat.take_requests(), [Request::Restart, Request::Die]);
    assert_eq!(stage.app().chat.take_requests(), []);
}

#[test]
fn new_settings_make_no_operators_and_end_those_whose_name_is_gone() {
    let mut stage = Stage::new(with_operators());
    for (name, oper) in [("ann", "OPER root sesame"), ("bob", "OPER deputy second")] {
        stage.register(name, "");
        stage.say(name, oper);
        stage.say(name, &format!("MODE {name} +s o"));
    }
    stage.heard("ann");
    stage.heard("bob");
    let mut new = Settings { motd: vec!["new".into()], ..with_operators() };
    new.operators.remove(1);
    stage.set_settings(new);
    assert_eq!(stage.heard("ann"), [":srv NOTICE ann :*** bob!bob@localhost is operator no more"]);
    assert_eq!(stage.heard("bob"), [":bob!bob@localhost MODE bob -os"]);
    stage.say("bob", "OPER deputy second");
    assert_eq!(stage.heard("bob"), [":srv 464 bob :Password incorrect"]);
    stage.say("bob", "MOTD");
    assert_eq!(stage.heard("bob")[1], ":srv 372 bob :- new");
}

#[test]
fn whois_and_who_say_who_is_operator() {
    play_as_operators(
        r"
        ann+
        bob+
        ann> OPER root sesame
        ann~
        bob> WHO ann
        bob< :srv 352 bob * ann localhost srv ann H* :0 ANN real
        bob< :srv 315 bob ann :End of /WHO list
        bob> USERHOST ann
        bob< :srv 302 bob :ann*=+ann@localhost
        bob> WHO * o
        bob< :srv 352 bob * ann localhost srv ann H* :0 ANN real
        bob< :srv 315 bob * :End of /WHO list
        bob> WHOIS ann
        bob< :srv 311 bob ann ann localhost * :ANN real
        bob< :srv 312 bob ann srv :Net
        bob< :srv 313 bob ann :is an IRC operator
        bob< :srv 317 bob ann 0 1767225600 :seconds idle, signon time
        bob< :srv 318 bob ann :End of /WHOIS list
    ",
    );
}
