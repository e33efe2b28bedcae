//! MONITOR: users who come, go and change.

use crate::script::{play, play_with};
use crate::stage::settings;

#[test]
fn who_watches_hears_of_coming_and_going() {
    play(
        r"
        ann+
        ann> MONITOR + bob,cat
        ann< :srv 731 ann :bob,cat
        bob+
        ann< :srv 730 ann :bob!bob@localhost
        bob> QUIT
        bob~
        bob!
        ann< :srv 731 ann :bob
        bob+
        ann< :srv 730 ann :bob!bob@localhost
        bob.
        bob!
        ann< :srv 731 ann :bob
    ",
    );
}

#[test]
fn a_change_of_nick_is_a_going_and_a_coming_but_a_change_of_case_is_neither() {
    play(
        r"
        ann+
        bob+
        ann> MONITOR + BOB,rob
        ann< :srv 730 ann :bob!bob@localhost
        ann< :srv 731 ann :rob
        bob> NICK Bob
        bob< :bob!bob@localhost NICK Bob
        bob> NICK rob
        bob< :Bob!bob@localhost NICK rob
        ann< :srv 731 ann :Bob
        ann< :srv 730 ann :rob!bob@localhost
        bob> NICK other
        bob< :rob!bob@localhost NICK other
        ann< :srv 731 ann :rob
    ",
    );
}

#[test]
fn the_list_is_told_as_it_was_written_and_shrinks_and_ends() {
    play(
        r"
        ann+
        bob+
        ann> MONITOR + Bob,Cat,dan
        ann< :srv 730 ann :bob!bob@localhost
        ann< :srv 731 ann :Cat,dan
        ann> MONITOR L
        ann< :srv 732 ann :Bob,Cat,dan
        ann< :srv 733 ann :End of MONITOR list
        ann> MONITOR S
        ann< :srv 730 ann :bob!bob@localhost
        ann< :srv 731 ann :Cat,dan
        ann> MONITOR - CAT,nobody,
        ann> MONITOR l
        ann< :srv 732 ann :Bob,dan
        ann< :srv 733 ann :End of MONITOR list
        ann> MONITOR C
        ann> MONITOR L
        ann< :srv 733 ann :End of MONITOR list
        ann> MONITOR S
        bob> QUIT
        bob~
        bob!
    ",
    );
}

#[test]
fn who_is_watched_already_is_not_watched_twice() {
    play(
        r"
        ann+
        ann> MONITOR + bob,BOB,,bob
        ann< :srv 731 ann :bob
        ann> MONITOR + bOb
        bob+
        ann< :srv 730 ann :bob!bob@localhost
        ann> MONITOR - Bob
        bob> NICK rob
        bob< :bob!bob@localhost NICK rob
    ",
    );
}

#[test]
fn more_nicks_than_allowed_are_refused_and_named() {
    let mut settings = settings();
    settings.limits.monitor_max = 2;
    play_with(
        settings,
        r"
        ann+
        ann> MONITOR + a,b,c,d
        ann< :srv 734 ann 2 c,d :Monitor list is full.
        ann< :srv 731 ann :a,b
        ann> MONITOR + a
        ann> MONITOR + e
        ann< :srv 734 ann 2 e :Monitor list is full.
        ann> MONITOR - a
        ann> MONITOR + e
        ann< :srv 731 ann :e
    ",
    );
}

#[test]
fn what_is_badly_said_does_nothing() {
    play(
        r"
        ann> MONITOR + bob
        ann~
        bob+
        bob> MONITOR
        bob< :srv 461 bob MONITOR :Not enough parameters
        bob> MONITOR +
        bob> MONITOR + :
        bob> MONITOR + a!b@c,*,xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
        bob> MONITOR -
        bob> MONITOR X ann
        bob> MONITOR L
        bob< :srv 733 bob :End of MONITOR list
    ",
    );
}

#[test]
fn who_asks_for_extended_monitor_hears_of_changes_once_even_where_a_channel_is_shared() {
    play(
        r"
        bob+ extended-monitor away-notify setname
        cat+ away-notify setname
        dan+ extended-monitor
        ann+ setname
        bob> MONITOR + ann
        cat> MONITOR + ann
        dan> MONITOR + ann
        bob~
        cat~
        dan~
        ann> AWAY :lunch
        ann< :srv 306 ann :You have been marked as being away
        bob< :ann!ann@localhost AWAY :lunch
        ann> SETNAME :Ann Other
        ann< :ann!ann@localhost SETNAME :Ann Other
        bob< :ann!ann@localhost SETNAME :Ann Other
        scene #a ann bob
        ann> AWAY
        ann< :srv 305 ann :You are no longer marked as being away
        bob< :ann!ann@localhost AWAY
        ann> SETNAME :Ann
        ann< :ann!ann@localhost SETNAME :Ann
        bob< :ann!ann@localhost SETNAME :Ann
    ",
    );
}

#[test]
fn who_has_left_watches_nobody() {
    play(
        r"
        ann+
        ann> MONITOR + bob
        ann~
        ann> QUIT
        ann~
        ann!
        bob+
        ann+
        bob> QUIT
        bob~
        bob!
    ",
    );
}

#[test]
fn a_labelled_monitor_is_answered_in_one_batch() {
    play(
        r"
        ann+ batch labeled-response
        ann> @label=1 MONITOR + bob
        ann< @label=1 :srv 731 ann :bob
        ann> @label=2 MONITOR L
        ann< @label=2 :srv BATCH +b2 labeled-response
        ann< @batch=b2 :srv 732 ann :bob
        ann< @batch=b2 :srv 733 ann :End of MONITOR list
        ann< :srv BATCH -b2
        ann> @label=3 MONITOR C
        ann< @label=3 :srv ACK
    ",
    );
}
