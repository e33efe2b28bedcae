//! Events in the history: IRCv3 draft/event-playback.

use crate::script::play;
use crate::stage::{Stage, settings};
use crate::world::disk::{CAPACITY, State};

#[test]
fn what_happens_in_a_channel_is_said_again_to_those_who_can_take_it() {
    play(
        "ann+ draft/chathistory draft/event-playback draft/no-implicit-names
         scene #a ann bob
         ann> TOPIC #a :about it
         ann> MODE #a +mv bob
         bob> NICK rob
         bob> PRIVMSG #a :hi
         bob> PART #a :so long
         ann~
         bob~
         bob> JOIN #a
         ann~
         bob~
         ann> KICK #a rob :out with you
         bob> JOIN #a
         bob> QUIT :bye
         ann~
         bob~
         bob!
         ann> CHATHISTORY LATEST #a * 50
         ann< :ann!ann@localhost JOIN #a
         ann< :bob!bob@localhost JOIN #a
         ann< :ann!ann@localhost TOPIC #a :about it
         ann< :ann!ann@localhost MODE #a +mv bob
         ann< :bob!bob@localhost NICK rob
         ann< :rob!bob@localhost PRIVMSG #a :hi
         ann< :rob!bob@localhost PART #a :so long
         ann< :rob!bob@localhost JOIN #a
         ann< :ann!ann@localhost KICK #a rob :out with you
         ann< :rob!bob@localhost JOIN #a
         ann< :rob!bob@localhost QUIT :Quit: bye
         cat+ draft/chathistory extended-join draft/no-implicit-names
         cat> JOIN #a
         ann~
         cat~
         cat> CHATHISTORY LATEST #a * 50
         cat< :rob!bob@localhost PRIVMSG #a :hi
         cat> CAP REQ draft/event-playback
         cat~
         cat> CHATHISTORY AFTER #a timestamp=2025-01-01T00:00:00.000Z 3
         cat< :ann!ann@localhost JOIN #a * :ANN real
         cat< :bob!bob@localhost JOIN #a * :BOB real
         cat< :ann!ann@localhost TOPIC #a :about it",
    );
}

#[test]
fn an_event_has_the_id_it_was_told_with_in_every_channel() {
    play(
        "ann+ message-tags batch draft/chathistory draft/event-playback draft/no-implicit-names
         bob+
         ann> JOIN #a,#b
         ann~
         bob> JOIN #a,#b
         ann~
         bob~
         bob> NICK rob
         ann< @msgid=m1 :bob!bob@localhost NICK rob
         bob< :bob!bob@localhost NICK rob
         ann> CHATHISTORY LATEST #a * 1
         ann< :srv BATCH +b1 chathistory #a
         ann< @batch=b1;msgid=m1 :bob!bob@localhost NICK rob
         ann< :srv BATCH -b1
         ann> CHATHISTORY LATEST #b * 1
         ann< :srv BATCH +b2 chathistory #b
         ann< @batch=b2;msgid=m1 :bob!bob@localhost NICK rob
         ann< :srv BATCH -b2
         ann> CHATHISTORY BEFORE #b msgid={m1} 1
         ann~
         ann> REDACT #a {m1}
         ann< :srv FAIL REDACT UNKNOWN_MSGID #a {m1} :This message does not exist or is too old",
    );
}

#[test]
fn reactions_are_said_again_and_what_means_something_now_only_is_not() {
    play(
        "ann+ message-tags batch draft/chathistory draft/event-playback draft/no-implicit-names
         scene #a ann bob[draft/chathistory draft/event-playback]
         ann> @+typing=active TAGMSG #a
         ann> @+draft/react=yes TAGMSG #a
         ann> CHATHISTORY LATEST #a * 1
         ann< :srv BATCH +b1 chathistory #a
         ann< @batch=b1;msgid=m1;+draft/react=yes :ann!ann@localhost TAGMSG #a
         ann< :srv BATCH -b1
         bob> CHATHISTORY LATEST #a * 1",
    );
}

#[test]
fn what_happens_in_an_auditorium_is_not_kept() {
    play(
        "ann+ draft/chathistory draft/event-playback
         bob+
         ann> JOIN #a
         ann~
         ann> MODE #a +u
         ann~
         bob> JOIN #a
         ann~
         bob~
         bob> QUIT
         bob~
         bob!
         ann~
         ann> CHATHISTORY LATEST #a * 10
         ann< :ann!ann@localhost JOIN #a",
    );
}

#[test]
fn a_crowd_that_comes_and_goes_leaves_room_for_what_is_said() {
    let mut stage = Stage::new(settings());
    stage.register("ann", "echo-message draft/chathistory draft/event-playback");
    stage.say("ann", "JOIN #a");
    (0..CAPACITY).for_each(|n| stage.register(&format!("m{n}"), ""));
    stage.disk(State::Stalls);
    for n in 0..CAPACITY {
        stage.say(&format!("m{n}"), "JOIN #a");
    }
    for n in 0..CAPACITY {
        stage.cut_off(&format!("m{n}"));
    }
    stage.heard("ann");
    for n in 0..CAPACITY / 2 {
        stage.say("ann", &format!("PRIVMSG #a :{n}"));
    }
    stage.disk(State::Well);
    let heard = stage.heard("ann");
    assert_eq!(heard.len(), CAPACITY / 2);
    assert!(heard.iter().all(|line| line.contains(" PRIVMSG #a ")), "{heard:?}");
    stage.say("ann", "CHATHISTORY AFTER #a timestamp=2025-01-01T00:00:00.000Z 100");
    let joins = stage.heard("ann");
    assert_eq!(joins.iter().filter(|line| line.contains(" JOIN ")).count(), CAPACITY / 2 + 1);
    stage.say("ann", "PART #a");
    stage.say("ann", "JOIN #a");
    stage.heard("ann");
    stage.say("ann", "CHATHISTORY LATEST #a * 2");
    let again = [":ann!ann@localhost PART #a", ":ann!ann@localhost JOIN #a"];
    assert_eq!(stage.heard("ann"), again);
}
