//! Several connections of one account under one nick: a phone and a laptop.

use crate::script::{play, play_with};
use crate::stage::{Stage, settings};
use stonechat::chat::{Accounts, AlwaysOn, Settings};

/// `phone` is a second connection of `ann`.
const ANN_TWICE: &str = "
    scene #a bob
    ann+ sasl
    ann> REGISTER * * secret
    ann> JOIN #a
    ann~
    bob~
    phone> CAP REQ :sasl
    phone> AUTHENTICATE PLAIN
    phone> AUTHENTICATE AGFubgBzZWNyZXQ=
    phone> NICK ann
    phone> USER x 0 * :x
    phone~
    phone> CAP END
    phone~
";

#[test]
fn two_connections_speak_for_one_user() {
    play(
        "bob+
         bob> JOIN #a
         bob~
         ann+ sasl echo-message
         ann> REGISTER * * secret
         ann> JOIN #a
         ann~
         bob~
         phone> CAP REQ :sasl extended-join
         phone> AUTHENTICATE PLAIN
         phone> AUTHENTICATE AGFubgBzZWNyZXQ=
         phone> NICK Ann
         phone> USER x 0 * :x
         phone~
         phone> CAP END
         phone~
         bob> PRIVMSG #a :hello
         ann< :bob!bob@localhost PRIVMSG #a :hello
         phone< :bob!bob@localhost PRIVMSG #a :hello
         phone> PRIVMSG #a :from the phone
         ann< :ann!ann@localhost PRIVMSG #a :from the phone
         bob< :ann!ann@localhost PRIVMSG #a :from the phone
         ann> PRIVMSG #a :from the laptop
         ann< :ann!ann@localhost PRIVMSG #a :from the laptop
         phone< :ann!ann@localhost PRIVMSG #a :from the laptop
         bob< :ann!ann@localhost PRIVMSG #a :from the laptop
         bob> PRIVMSG ann :both
         ann< :bob!bob@localhost PRIVMSG ann :both
         phone< :bob!bob@localhost PRIVMSG ann :both
         phone> NICK anna
         ann< :ann!ann@localhost NICK anna
         phone< :ann!ann@localhost NICK anna
         bob< :ann!ann@localhost NICK anna
         ann/
         ann!
         bob> PRIVMSG anna :still there?
         phone< :bob!bob@localhost PRIVMSG anna :still there?
         phone> QUIT
         phone< ERROR :Closing link: (localhost) [Quit: ]
         phone!
         bob< :anna!ann@localhost QUIT :Quit:\\x20",
    );
}

#[test]
fn who_attaches_is_told_where_they_are() {
    let mut stage = Stage::new(settings());
    stage.register("ann", "");
    for line in ["REGISTER * * secret", "JOIN #a", "TOPIC #a :news", "AWAY :gone"] {
        stage.say("ann", line);
    }
    stage.say("phone", "CAP REQ :sasl");
    stage.say("phone", "AUTHENTICATE PLAIN");
    stage.say("phone", "AUTHENTICATE AGFubgBzZWNyZXQ=");
    stage.say("phone", "NICK ANN");
    stage.say("phone", "USER x 0 * :x");
    stage.say("phone", "CAP END");
    let heard = stage.heard("phone");
    let after = heard.iter().position(|line| line.contains(" 221 ")).expect("its modes");
    assert_eq!(
        heard[after..],
        [
            ":srv 221 ann +",
            ":ann!ann@localhost JOIN #a",
            ":srv 332 ann #a :news",
            ":srv 333 ann #a ann!ann@localhost 1767225600",
            ":srv 353 ann = #a :@ann",
            ":srv 366 ann #a :End of /NAMES list",
        ]
    );
    assert!(heard.iter().any(|line| line.starts_with(":srv 001 ann ")));
    let back = ":srv 305 ann :You are no longer marked as being away";
    assert_eq!(stage.heard("ann").pop().as_deref(), Some(back));
}

#[test]
fn as_many_connections_as_allowed_speak_for_one_user() {
    let accounts = Accounts { connections_max: 1, ..Accounts::default() };
    play_with(
        Settings { accounts, ..settings() },
        "ann+
         ann> REGISTER * * secret
         ann~
         phone> CAP REQ :sasl
         phone> AUTHENTICATE PLAIN
         phone> AUTHENTICATE AGFubgBzZWNyZXQ=
         phone> NICK ann
         phone> USER x 0 * :x
         phone~
         phone> CAP END
         phone< ERROR :Closing link: (localhost) [Too many connections speak for this nick already]
         phone!",
    );
}

#[test]
fn both_connections_of_a_user_rename_part_and_quit_at_once() {
    play(&format!(
        "{ANN_TWICE}
         disk stalls
         ann> NICK one
         phone> NICK two
         ann> PART #a
         phone> PART #a
         disk well
         ann< :ann!ann@localhost NICK one
         ann< :one!ann@localhost NICK two
         ann< :two!ann@localhost PART #a
         phone< :ann!ann@localhost NICK one
         phone< :one!ann@localhost NICK two
         phone< :two!ann@localhost PART #a
         phone< :srv 442 two #a :You're not on that channel
         bob< :ann!ann@localhost NICK one
         bob< :one!ann@localhost NICK two
         bob< :two!ann@localhost PART #a
         disk stalls
         ann> NICK three
         phone> NICK four
         ann/
         phone/
         disk well
         ann!
         phone!
         bob> WHOIS two
         bob< :srv 401 bob two :No such nick/channel
         bob< :srv 318 bob two :End of /WHOIS list"
    ));
}

#[test]
fn who_logs_in_anew_as_another_does_not_take_the_other_connection_along() {
    play(&format!(
        "{ANN_TWICE}
         new> REGISTER other * secret
         new~
         phone> NS IDENTIFY other secret
         phone< :NickServ!services@srv NOTICE ann :Other connections of yours are logged in to another account.
         phone> NS IDENTIFY ann secret
         phone< :srv 900 ann ann!ann@localhost ann :You are now logged in as ann
         phone< :NickServ!services@srv NOTICE ann :You are logged in as ann."
    ));
}

#[test]
fn where_nobody_may_stay_nobody_does() {
    let accounts = Accounts { always_on: AlwaysOn::Off, ..Accounts::default() };
    play_with(
        Settings { accounts, ..settings() },
        "ann+
         bob+
         bob> MONITOR + ann
         bob~
         ann> REGISTER * * secret
         ann~
         ann> NS SET always-on on
         ann< :NickServ!services@srv NOTICE ann :This server keeps no user whose last connection has closed.
         ann> QUIT
         ann~
         ann!
         bob< :srv 731 bob :ann",
    );
}

#[test]
fn where_staying_is_the_default_new_accounts_stay() {
    let accounts = Accounts { always_on: AlwaysOn::Default, ..Accounts::default() };
    play_with(
        Settings { accounts, ..settings() },
        "ann+
         bob+
         bob> MONITOR + ann
         bob~
         ann> REGISTER * * secret
         ann~
         ann> QUIT
         ann~
         ann!
         bob> MONITOR S
         bob< :srv 730 bob :ann!ann@localhost",
    );
}

#[test]
fn what_a_figure_says_reaches_each_connection_of_its_player_once() {
    play(&format!(
        "{ANN_TWICE}
         bob> MODE #a +E
         ann~
         bob~
         phone~
         ann> NPC #a Bilbo :too much bread
         ann< :*Bilbo*!ann@npc.fakeuser.invalid PRIVMSG #a :too much bread (ann)
         phone< :*Bilbo*!ann@npc.fakeuser.invalid PRIVMSG #a :too much bread (ann)
         bob< :*Bilbo*!ann@npc.fakeuser.invalid PRIVMSG #a :too much bread (ann)"
    ));
}
