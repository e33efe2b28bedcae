//! Removed accounts: what remains of them, and of their users.

use crate::script::{play, play_with};
use crate::stage::{Stage, operator, settings};
use stonechat::chat::Settings;
use stonechat::store::{Reply, Request};

fn with_operator() -> Settings {
    Settings { operators: vec![operator("root", "sesame")], ..settings() }
}

#[test]
fn who_stays_without_a_connection_goes_with_the_account() {
    play_with(
        with_operator(),
        "opa+
         opa> OPER root sesame
         opa~
         opa> JOIN #a
         opa~
         ann+
         ann> REGISTER * * secret
         ann> NS SET always-on on
         ann> JOIN #a
         ann~
         opa~
         ann/
         ann!
         opa> NS DROP ann
         opa~
         opa> WHOIS ann
         opa< :srv 401 opa ann :No such nick/channel
         opa< :srv 318 opa ann :End of /WHOIS list",
    );
}

#[test]
fn who_has_not_registered_yet_is_logged_out_with_the_account_too() {
    play(
        "ann+
         ann> REGISTER * * secret
         ann~
         new> CAP REQ :sasl
         new> AUTHENTICATE PLAIN
         new> AUTHENTICATE AGFubgBzZWNyZXQ=
         new> NICK ann2
         new> USER new 0 * :New
         new~
         ann> NS DROP ann secret
         ann~
         new~
         new> CAP END
         new~
         ann> WHOIS ann2
         ann< :srv 311 ann ann2 new localhost * :New
         ann< :srv 312 ann ann2 srv :Net
         ann< :srv 317 ann ann2 0 1767225600 :seconds idle, signon time
         ann< :srv 318 ann ann2 :End of /WHOIS list",
    );
}

#[test]
fn whoever_registers_a_name_anew_reads_nothing_of_who_had_it_before() {
    play(
        "bob+
         ann+
         ann> REGISTER * * secret
         ann~
         ann> PRIVMSG bob :private
         bob~
         ann> NS DROP ann secret
         ann~
         ann> QUIT
         ann~
         ann!
         ann+ draft/chathistory batch
         ann> REGISTER * * other
         ann~
         ann> CHATHISTORY LATEST bob * 10
         ann< :srv BATCH +b1 chathistory bob
         ann< :srv BATCH -b1",
    );
}

#[test]
fn of_the_users_of_an_account_one_stays() {
    play(
        "bob+
         ann+
         ann> REGISTER * * secret
         ann> NS SET always-on on
         ann~
         ann/
         ann!
         ann2+
         ann2> NS IDENTIFY ann secret
         ann2~
         ann2/
         ann2!
         bob> ISON ann ann2
         bob< :srv 303 bob :ann",
    );
}

#[test]
fn who_goes_by_set_goes_at_once_where_nobody_speaks_for_them() {
    play(
        "bob+
         ann+
         ann> REGISTER * * secret
         ann> NS SET always-on on
         ann~
         ann/
         ann!
         ann2+
         ann2> NS IDENTIFY ann secret
         ann2> NS SET always-on off
         ann2~
         bob> ISON ann ann2
         bob< :srv 303 bob :ann2",
    );
}

#[test]
fn who_logs_in_late_to_an_account_that_stays_is_here_again_after_a_start() {
    play_with(
        with_operator(),
        "opa+
         opa> OPER root sesame
         opa~
         ann+
         ann> REGISTER * * secret
         ann> NS SET always-on on
         ann~
         opa> KILL ann
         opa~
         ann~
         ann!
         ann2+
         ann2> NS IDENTIFY ann secret
         ann2~
         restart
         bob+
         bob> ISON ann ann2
         bob< :srv 303 bob :ann2",
    );
}

#[test]
fn whoever_registers_a_name_that_another_program_has_removed_is_alone_with_it() {
    let mut stage = Stage::new(settings());
    stage.register("eve", "");
    for line in ["NS REGISTER secret", "JOIN #a", "CS REGISTER #a", "NICK mallory"] {
        stage.say("eve", line);
    }
    assert_eq!(stage.ask_disk(Request::DropAccount { folded: "eve".into() }), Reply::Dropped);
    stage.say("new", "REGISTER eve * other");
    stage.heard("eve");
    stage.say("eve", "CS INFO #a");
    stage.say("eve", "NS INFO");
    let none =
        |service, what| format!(":{service}!services@srv NOTICE mallory :There is no {what}");
    assert_eq!(
        stage.heard("eve"),
        [none("ChanServ", "registered channel of that name."), none("NickServ", "such account."),]
    );
}

#[test]
fn another_password_ends_the_other_connections_of_the_account() {
    play(
        "bob+
         ann+
         ann> REGISTER * * secret
         ann~
         phone> CAP REQ :sasl
         phone> AUTHENTICATE PLAIN
         phone> AUTHENTICATE AGFubgBzZWNyZXQ=
         phone> NICK ann2
         phone> USER x 0 * :x
         phone~
         phone> CAP END
         phone~
         new> CAP REQ :sasl
         new> AUTHENTICATE PLAIN
         new> AUTHENTICATE AGFubgBzZWNyZXQ=
         new~
         ann> NS PASSWD secret other
         ann< :NickServ!services@srv NOTICE ann :The password is changed, and other connections of yours are closed.
         phone< ERROR :Closing link: (localhost) [Password changed]
         phone!
         new< :srv 901 * *!*@localhost :You are now logged out
         ann> PING here
         ann< :srv PONG srv :here",
    );
}

#[test]
fn what_is_said_while_an_account_is_being_removed_is_not_for_its_next_owner() {
    play_with(
        with_operator(),
        "opa+
         opa> OPER root sesame
         opa~
         eve+
         ann+
         ann> REGISTER * * secret
         ann~
         disk stalls
         opa> NS DROP ann
         eve> PRIVMSG ann :a secret
         ann< :eve!eve@localhost PRIVMSG ann :a secret
         ann> PRIVMSG eve :another
         eve< :ann!ann@localhost PRIVMSG eve :another
         disk well
         ann~
         opa~
         ann/
         ann!
         new+ draft/chathistory
         new> NICK ann
         new> REGISTER * * another1
         new~
         new> CHATHISTORY LATEST eve * 10
         new> PING x
         new< :srv PONG srv :x",
    );
}
