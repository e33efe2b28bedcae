//! REGAIN, LOGOUT, and the replies for a nick that is taken.

use crate::script::play;

/// ann is always on; `ann_` connects without SASL and identifies.
const TWO_OF_ONE: &str = "
    bob+
    bob> JOIN #a,#b
    bob~
    ann+
    ann> REGISTER * * secret
    ann> NS SET always-on on
    ann> JOIN #a
    ann~
    bob~
    ann/
    ann!
    scene #b ann_
    bob~
";

#[test]
fn who_identifies_is_told_of_the_user_who_stays_and_joins_it_by_one_command() {
    play(&format!(
        "{TWO_OF_ONE}
         ann_> NICK ann
         ann_< :srv 433 ann_ ann :Nickname is in use by who is logged in to ann. If that is your account: /msg NickServ REGAIN ann password
         ann_> NS IDENTIFY ann secret
         ann_< :srv 900 ann_ ann_!ann_@localhost ann :You are now logged in as ann
         ann_< :NickServ!services@srv NOTICE ann_ :You are logged in as ann.
         ann_< :NickServ!services@srv NOTICE ann_ :You are here as ann, too. To speak for that user with this connection: /msg NickServ REGAIN ann
         ann_> NICK ann
         ann_< :srv 433 ann_ ann :Nickname is in use by who is logged in to ann. If that is your account: /msg NickServ REGAIN ann password
         ann_> NS REGAIN ann
         ann_< :ann_!ann_@localhost PART #b
         ann_< :ann_!ann_@localhost NICK ann
         ann_< :srv 221 ann +
         ann_< :ann!ann@localhost JOIN #a
         ann_< :srv 353 ann = #a :@bob ann
         ann_< :srv 366 ann #a :End of /NAMES list
         ann_< :NickServ!services@srv NOTICE ann :This connection speaks for ann now.
         bob< :ann_!ann_@localhost QUIT :Speaks for ann now
         ann_> PRIVMSG #a :one of me
         bob< :ann!ann@localhost PRIVMSG #a :one of me"
    ));
}

#[test]
fn with_the_password_one_command_does_it_without_identifying_before() {
    play(&format!(
        "{TWO_OF_ONE}
         ann_> PRIVMSG NickServ,#b :REGAIN ann wrong
         ann_< :NickServ!services@srv NOTICE ann_ :There is no such account, or it has another password.
         bob< :ann_!ann_@localhost PRIVMSG #b :REGAIN ann wrong
         ann_> NS GHOST ann secret
         ann_~
         bob< :ann_!ann_@localhost QUIT :Speaks for ann now
         ann_> PRIVMSG #a :one of me
         bob< :ann!ann@localhost PRIVMSG #a :one of me"
    ));
}

#[test]
fn a_nick_that_is_ones_own_is_taken_from_who_is_not_logged_in() {
    play(
        "ann+
         ann> REGISTER * * secret
         ann> NS LOGOUT
         ann~
         eve+
         eve> NS REGAIN ann
         eve< :NickServ!services@srv NOTICE eve :Log in first, or give your password: REGAIN nick password.
         eve> NS REGAIN
         eve< :NickServ!services@srv NOTICE eve :REGAIN needs a nick: REGAIN nick [password].
         eve> NS REGAIN bob secret
         eve< :NickServ!services@srv NOTICE eve :There is no such account, or it has another password.
         bob+
         bob> REGISTER * * secret
         bob~
         eve> NS IDENTIFY ann secret
         eve~
         eve> NS REGAIN bob
         eve< :NickServ!services@srv NOTICE eve :bob is reserved for another account than yours.
         eve> NS RECOVER ann
         eve< :eve!eve@localhost NICK ann
         eve< :NickServ!services@srv NOTICE ann :You have the nick ann.
         ann< ERROR :Closing link: (localhost) [The nick is taken back by its owner]
         ann!
         eve> NS REGAIN ann
         eve< :NickServ!services@srv NOTICE ann :You have the nick ann already.",
    );
}

#[test]
fn what_is_reserved_says_what_to_do() {
    play(
        "ann+
         ann> REGISTER * * secret
         ann> NICK other
         ann~
         eve+
         eve> NICK ann
         eve< :srv 433 eve ann :Nickname is reserved for an account. If it is yours: /msg NickServ REGAIN ann password
         new> NICK ann
         new> USER x 0 * :x
         new< :srv 433 * ann :Nickname is reserved for an account. If it is yours, log in by SASL; else take another
         bob+
         bob> REGISTER * * secret
         bob~
         new> NICK bob
         new< :srv 433 * bob :Nickname is in use by who is logged in to bob. If that is your account, log in by SASL; else take another",
    );
}

#[test]
fn who_logs_out_is_of_no_account_any_more() {
    play(
        "bob+ account-notify
         bob> JOIN #a
         bob~
         ann+
         ann> NS LOGOUT
         ann< :NickServ!services@srv NOTICE ann :You are not logged in.
         ann> REGISTER * * secret
         ann> NS SET always-on on
         ann> JOIN #a
         ann~
         bob~
         ann> NS LOGOUT
         ann< :srv 901 ann ann!ann@localhost :You are now logged out
         ann< :NickServ!services@srv NOTICE ann :You are logged out of ann.
         bob< :ann!ann@localhost ACCOUNT *
         ann/
         ann!
         bob~
         restart
         bob+
         bob> WHOIS ann
         bob< :srv 401 bob ann :No such nick/channel
         bob< :srv 318 bob ann :End of /WHOIS list",
    );
}
