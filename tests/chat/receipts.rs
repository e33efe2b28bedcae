//! The echo is the receipt: it comes once the message is stored, before all later output to its
//! sender.

use crate::script::play;
use crate::stage::{Stage, settings};
use crate::world::disk::{CAPACITY, State};

#[test]
fn an_echo_comes_once_its_message_is_kept_and_others_do_not_wait() {
    play(
        "ann+ echo-message message-tags
         scene #a ann bob[message-tags]
         disk stalls
         ann> PRIVMSG #a :one
         bob< @msgid=m1 :ann!ann@localhost PRIVMSG #a :one
         ann> PING here
         bob> PRIVMSG #a :two
         ann> PRIVMSG bob :three
         bob< @msgid=m2 :ann!ann@localhost PRIVMSG bob :three
         disk well
         ann< @msgid=m1 :ann!ann@localhost PRIVMSG #a :one
         ann< :srv PONG srv :here
         ann< @msgid=m3 :bob!bob@localhost PRIVMSG #a :two
         ann< @msgid=m2 :ann!ann@localhost PRIVMSG bob :three",
    );
}

#[test]
fn who_speaks_is_told_if_it_is_not_kept() {
    play(
        "ann+ echo-message
         bob+
         disk full
         ann> PRIVMSG bob :one
         bob< :ann!ann@localhost PRIVMSG bob :one
         ann< :srv WARN PRIVMSG MESSAGE_NOT_KEPT bob :It was delivered, but it is not kept: no space is left on the disk for the database
         disk well
         ann> NOTICE bob :two
         bob< :ann!ann@localhost NOTICE bob :two
         ann< :ann!ann@localhost NOTICE bob :two",
    );
}

#[test]
fn a_labelled_message_waits_with_its_label_and_what_else_answers_it_comes_after() {
    play(
        "ann+ batch labeled-response echo-message message-tags
         bob+
         carl+
         carl> AWAY :gone fishing
         carl~
         disk stalls
         ann> @label=one PRIVMSG bob :hi
         bob< :ann!ann@localhost PRIVMSG bob :hi
         ann> PING a
         disk well
         ann< @label=one;msgid=m1 :ann!ann@localhost PRIVMSG bob :hi
         ann< :srv PONG srv :a
         disk stalls
         ann> @label=two PRIVMSG carl :hi
         carl< :ann!ann@localhost PRIVMSG carl :hi
         disk well
         ann< @label=two :srv BATCH +b2 labeled-response
         ann< @batch=b2;msgid=m2 :ann!ann@localhost PRIVMSG carl :hi
         ann< @batch=b2 :srv 301 ann carl :gone fishing
         ann< :srv BATCH -b2",
    );
}

#[test]
fn a_labelled_message_to_several_is_answered_when_all_of_it_is_kept() {
    play(
        "ann+ batch labeled-response echo-message message-tags
         bob+
         carl+
         disk stalls
         ann> @label=one PRIVMSG bob,nobody,carl :hi
         bob< :ann!ann@localhost PRIVMSG bob :hi
         carl< :ann!ann@localhost PRIVMSG carl :hi
         disk well
         ann< @label=one :srv BATCH +b1 labeled-response
         ann< @batch=b1;msgid=m1 :ann!ann@localhost PRIVMSG bob :hi
         ann< @batch=b1 :srv 401 ann nobody :No such nick/channel
         ann< @batch=b1;msgid=m2 :ann!ann@localhost PRIVMSG carl :hi
         ann< :srv BATCH -b1
         disk full
         ann> @label=two NOTICE bob,carl :hi
         ann< @label=two :srv BATCH +b2 labeled-response
         ann< @batch=b2 :srv WARN NOTICE MESSAGE_NOT_KEPT bob :It was delivered, but it is not kept: no space is left on the disk for the database
         ann< @batch=b2 :srv WARN NOTICE MESSAGE_NOT_KEPT carl :It was delivered, but it is not kept: no space is left on the disk for the database
         ann< :srv BATCH -b2
         bob< :ann!ann@localhost NOTICE bob :hi
         carl< :ann!ann@localhost NOTICE carl :hi",
    );
}

#[test]
fn a_message_of_several_lines_is_one_receipt() {
    play(
        "ann+ batch labeled-response echo-message message-tags draft/multiline
         bob+
         disk stalls
         ann> @label=l BATCH +x draft/multiline bob
         ann> @batch=x PRIVMSG bob :one
         ann> @batch=x PRIVMSG bob :two
         ann> BATCH -x
         bob< :ann!ann@localhost PRIVMSG bob :one
         bob< :ann!ann@localhost PRIVMSG bob :two
         ann> PING a
         disk well
         ann< @label=l;msgid=m1 :ann!ann@localhost BATCH +m{m1} draft/multiline bob
         ann< @batch=m{m1} :ann!ann@localhost PRIVMSG bob :one
         ann< @batch=m{m1} :ann!ann@localhost PRIVMSG bob :two
         ann< :ann!ann@localhost BATCH -m{m1}
         ann< :srv PONG srv :a",
    );
}

#[test]
fn who_quits_right_after_a_message_still_has_its_receipt() {
    play(
        "ann+ echo-message
         bob+
         disk stalls
         ann> PRIVMSG bob :bye
         bob< :ann!ann@localhost PRIVMSG bob :bye
         ann> QUIT
         disk well
         ann< :ann!ann@localhost PRIVMSG bob :bye
         ann< ERROR :Closing link: (localhost) [Quit: ]
         ann!",
    );
}

#[test]
fn a_connection_that_is_cut_while_it_waits_takes_nothing_with_it() {
    play(
        "ann+ echo-message
         bob+
         carl+ echo-message
         disk stalls
         ann> PRIVMSG bob :one
         bob< :ann!ann@localhost PRIVMSG bob :one
         ann/
         ann!
         carl> PRIVMSG bob :two
         bob< :carl!carl@localhost PRIVMSG bob :two
         disk well
         carl< :carl!carl@localhost PRIVMSG bob :two",
    );
}

#[test]
fn what_is_not_kept_is_echoed_at_once() {
    play(
        "ann+ echo-message message-tags
         ann> JOIN #a
         ann~
         disk stalls
         ann> @+typing=active TAGMSG #a
         ann< @msgid=m1;+typing=active :ann!ann@localhost TAGMSG #a
         ann> PRIVMSG @#a :for operators
         ann< @msgid=m2 :ann!ann@localhost PRIVMSG @#a :for operators
         ann> @+draft/react=x TAGMSG #a
         disk well
         ann< @msgid=m3;+draft/react=x :ann!ann@localhost TAGMSG #a",
    );
}

#[test]
fn where_more_is_said_than_the_disk_follows_who_speaks_is_told_so_and_others_hear_all() {
    let mut stage = Stage::new(settings());
    stage.register("ann", "echo-message");
    stage.register("bob", "");
    stage.disk(State::Stalls);
    for n in 0..CAPACITY + 5 {
        stage.say("ann", &format!("PRIVMSG bob :{n}"));
    }
    assert_eq!(stage.heard("bob").len(), CAPACITY + 5);
    assert_eq!(stage.heard("ann"), [""; 0]);
    stage.disk(State::Well);
    let heard = stage.heard("ann");
    for (n, line) in heard[..CAPACITY].iter().enumerate() {
        assert_eq!(*line, format!(":ann!ann@localhost PRIVMSG bob :{n}"));
    }
    let refused = ":srv WARN PRIVMSG MESSAGE_NOT_KEPT bob :It was delivered, but it is not kept: \
                   the database failed: more is waiting to be kept than the disk can follow";
    assert_eq!(heard[CAPACITY..], [refused; 5]);
    stage.say("ann", "PRIVMSG bob :again");
    assert_eq!(stage.heard("ann"), [":ann!ann@localhost PRIVMSG bob :again"]);
}

#[test]
fn who_has_gone_is_not_told_what_is_not_kept() {
    play(
        "ann+ echo-message
         bob+
         disk stalls
         ann> PRIVMSG bob :one
         bob< :ann!ann@localhost PRIVMSG bob :one
         ann/
         ann!
         disk full
         bob> PING x
         bob< :srv PONG srv :x",
    );
}
