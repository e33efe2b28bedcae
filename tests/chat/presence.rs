//! Presence over several connections or none: AWAY, always-on users, idle time.

use crate::script::play;

/// Registers ann with an account; `phone` will join her.
const ANN: &str = "
    scene #a bob[away-notify]
    ann+ sasl
    ann> REGISTER * * secret
    ann> JOIN #a
    ann~
    bob~
";

const PHONE: &str = "
    phone> AUTHENTICATE PLAIN
    phone> AUTHENTICATE AGFubgBzZWNyZXQ=
    phone> NICK ann
    phone> USER x 0 * :x
    phone~
    phone> CAP END
    phone~
";

#[test]
fn a_user_is_away_when_all_their_connections_are() {
    play(&format!(
        "{ANN}
         phone> CAP REQ :sasl away-notify
         {PHONE}
         ann> AWAY :at lunch
         ann< :srv 306 ann :You have been marked as being away
         bob> PRIVMSG ann :there?
         ann< :bob!bob@localhost PRIVMSG ann :there?
         phone< :bob!bob@localhost PRIVMSG ann :there?
         phone> AWAY *
         phone< :srv 306 ann :You have been marked as being away
         bob< :ann!ann@localhost AWAY :at lunch
         ann< :srv 306 ann :You have been marked as being away
         phone> AWAY
         phone< :srv 305 ann :You are no longer marked as being away
         bob< :ann!ann@localhost AWAY
         ann< :srv 305 ann :You are no longer marked as being away
         phone> AWAY :on the train
         phone< :srv 306 ann :You have been marked as being away
         bob< :ann!ann@localhost AWAY :on the train
         ann< :srv 306 ann :You have been marked as being away
         ann> AWAY
         ann< :srv 305 ann :You are no longer marked as being away
         bob< :ann!ann@localhost AWAY
         phone< :ann!ann@localhost AWAY
         ann/
         ann!
         bob< :ann!ann@localhost AWAY :on the train
         phone< :ann!ann@localhost AWAY :on the train"
    ));
}

#[test]
fn who_comes_by_another_connection_is_here_again_unless_it_says_otherwise() {
    play(&format!(
        "{ANN}
         ann> AWAY :asleep
         ann~
         bob< :ann!ann@localhost AWAY :asleep
         phone> CAP REQ :sasl draft/pre-away
         phone> AWAY *
         {PHONE}
         phone> QUIT
         phone~
         phone!
         phone> CAP REQ :sasl
         {PHONE}
         bob< :ann!ann@localhost AWAY
         ann< :srv 305 ann :You are no longer marked as being away"
    ));
}

#[test]
fn an_always_on_user_without_a_connection_is_shown_as_away_and_idle() {
    play(&format!(
        "{ANN}
         ann> NS SET always-on on
         ann~
         +60s
         ann> PRIVMSG #a :an act
         ann~
         bob~
         bob> PING x
         bob~
         +60s
         ann/
         ann!
         bob< :ann!ann@localhost AWAY :Auto-away: left at 2026-01-01T00:02:00Z
         bob> WHO ann %nfl
         bob< :srv 354 bob ann G 60
         bob< :srv 315 bob ann :End of /WHO list
         bob> WHOIS ann
         bob< :srv 311 bob ann ann localhost * :ANN real
         bob< :srv 319 bob ann :#a
         bob< :srv 312 bob ann srv :Net
         bob< :srv 301 bob ann :Auto-away: left at 2026-01-01T00:02:00Z
         bob< :srv 330 bob ann ann :is logged in as
         bob< :srv 317 bob ann 60 1767225600 :seconds idle, signon time
         bob< :srv 318 bob ann :End of /WHOIS list
         bob> PRIVMSG ann :hello
         bob< :srv 301 bob ann :Auto-away: left at 2026-01-01T00:02:00Z
         +60s
         restart
         bob+
         bob> WHO ann %nfl
         bob< :srv 354 bob ann G 120
         bob< :srv 315 bob ann :End of /WHO list
         bob> PRIVMSG ann :hello
         bob< :srv 301 bob ann :Auto-away: left at 2026-01-01T00:02:00Z
         bob> MODE bob +i
         bob~
         phone> CAP REQ :sasl
         {PHONE}
         bob> WHO ann %nfl
         bob< :srv 354 bob ann H 0
         bob< :srv 315 bob ann :End of /WHO list"
    ));
}

#[test]
fn who_has_said_why_they_are_away_stays_away_for_that() {
    play(&format!(
        "{ANN}
         ann> NS SET always-on on
         ann> AWAY :on holiday
         ann~
         bob< :ann!ann@localhost AWAY :on holiday
         ann/
         ann!
         bob> PRIVMSG ann :hello
         bob< :srv 301 bob ann :on holiday
         restart
         bob+
         bob> PRIVMSG ann :hello
         bob< :srv 301 bob ann :on holiday"
    ));
}

#[test]
fn who_is_killed_with_the_server_is_away_after_its_start() {
    play(&format!(
        "{ANN}
         ann> NS SET always-on on
         ann~
         restart
         bob+
         bob> PRIVMSG ann :hello
         bob< :srv 301 bob ann :Auto-away: left at 2026-01-01T00:00:00Z"
    ));
}
