//! CHATHISTORY.

use crate::script::{play, play_with};
use crate::stage::{Stage, settings};
use crate::world::disk::{CAPACITY, State};

#[test]
fn what_was_said_in_a_channel_is_said_again_in_a_batch() {
    play(
        "ann+ batch server-time message-tags echo-message draft/chathistory draft/no-implicit-names
         ann> JOIN #A
         ann~
         ann> PRIVMSG #a :one
         ann< @time=T;msgid=m1 :ann!ann@localhost PRIVMSG #A :one
         +1s
         ann> NOTICE #a :two
         ann< @time=T;msgid=m2 :ann!ann@localhost NOTICE #A :two
         ann> @+draft/reply={m1} PRIVMSG #a :three
         ann< @time=T;msgid=m3;+draft/reply={m1} :ann!ann@localhost PRIVMSG #A :three
         ann> CHATHISTORY LATEST #a * 10
         ann< :srv BATCH +b1 chathistory #a
         ann< @batch=b1;time=T;msgid=m1 :ann!ann@localhost PRIVMSG #A :one
         ann< @batch=b1;time=T;msgid=m2 :ann!ann@localhost NOTICE #A :two
         ann< @batch=b1;time=T;msgid=m3;+draft/reply={m1} :ann!ann@localhost PRIVMSG #A :three
         ann< @time=T :srv BATCH -b1
         ann> CHATHISTORY latest #A * 1
         ann< :srv BATCH +b2 chathistory #A
         ann< @batch=b2;time=T;msgid=m3;+draft/reply={m1} :ann!ann@localhost PRIVMSG #A :three
         ann< @time=T :srv BATCH -b2
         ann> CHATHISTORY LATEST #a msgid={m1} 10
         ann< :srv BATCH +b3 chathistory #a
         ann< @batch=b3;time=T;msgid=m2 :ann!ann@localhost NOTICE #A :two
         ann< @batch=b3;time=T;msgid=m3;+draft/reply={m1} :ann!ann@localhost PRIVMSG #A :three
         ann< @time=T :srv BATCH -b3
         ann> CHATHISTORY BEFORE #a msgid={m2} 10
         ann< :srv BATCH +b4 chathistory #a
         ann< @batch=b4;time=T;msgid=m1 :ann!ann@localhost PRIVMSG #A :one
         ann< @time=T :srv BATCH -b4
         ann> CHATHISTORY AFTER #a timestamp=2026-01-01T00:00:00.000Z 1
         ann< :srv BATCH +b5 chathistory #a
         ann< @batch=b5;time=T;msgid=m2 :ann!ann@localhost NOTICE #A :two
         ann< @time=T :srv BATCH -b5
         ann> CHATHISTORY AROUND #a msgid={m2} 3
         ann< :srv BATCH +b6 chathistory #a
         ann< @batch=b6;time=T;msgid=m1 :ann!ann@localhost PRIVMSG #A :one
         ann< @batch=b6;time=T;msgid=m2 :ann!ann@localhost NOTICE #A :two
         ann< @batch=b6;time=T;msgid=m3;+draft/reply={m1} :ann!ann@localhost PRIVMSG #A :three
         ann< @time=T :srv BATCH -b6
         ann> CHATHISTORY BETWEEN #a msgid={m3} timestamp=2025-01-01T00:00:00.000Z 1
         ann< :srv BATCH +b7 chathistory #a
         ann< @batch=b7;time=T;msgid=m2 :ann!ann@localhost NOTICE #A :two
         ann< @time=T :srv BATCH -b7
         ann> CHATHISTORY BETWEEN #a timestamp=2025-01-01T00:00:00.000Z msgid={m3} 1
         ann< :srv BATCH +b8 chathistory #a
         ann< @batch=b8;time=T;msgid=m1 :ann!ann@localhost PRIVMSG #A :one
         ann< @time=T :srv BATCH -b8
         ann> CHATHISTORY AFTER #a msgid={m3} 10
         ann< :srv BATCH +b9 chathistory #a
         ann< @time=T :srv BATCH -b9",
    );
}

#[test]
fn who_knows_no_batch_hears_the_lines_alone_and_a_label_stands_at_the_batch() {
    play(
        "ann+ draft/chathistory
         bob+ batch labeled-response draft/chathistory
         ann> JOIN #a
         ann> PRIVMSG #a :one
         ann~
         bob> JOIN #a
         ann~
         bob~
         ann> CHATHISTORY LATEST #a * 10
         ann< :ann!ann@localhost PRIVMSG #a :one
         bob> @label=l CHATHISTORY LATEST #a * 10
         bob< @label=l :srv BATCH +b3 chathistory #a
         bob< @batch=b3 :ann!ann@localhost PRIVMSG #a :one
         bob< :srv BATCH -b3
         bob> @label=m CHATHISTORY LATEST #none * 10
         bob< @label=m :srv FAIL CHATHISTORY INVALID_TARGET LATEST #none :Messages could not be retrieved",
    );
}

#[test]
fn a_channel_keeps_what_was_said_when_all_have_left_and_when_the_server_begins_again() {
    play(
        "ann+
         ann> JOIN #a
         ann> PRIVMSG #a :one
         ann> PART #a
         ann~
         bob+ draft/chathistory
         bob> JOIN #a
         bob> CHATHISTORY LATEST #a * 10
         bob< :bob!bob@localhost JOIN #a
         bob< :srv 353 bob = #a :@bob
         bob< :srv 366 bob #a :End of /NAMES list
         bob< :ann!ann@localhost PRIVMSG #a :one
         restart
         bob+ draft/chathistory
         bob> JOIN #a
         bob~
         bob> CHATHISTORY LATEST #a * 10
         bob< :ann!ann@localhost PRIVMSG #a :one",
    );
}

#[test]
fn only_members_read_a_channel() {
    play(
        "ann+ draft/chathistory
         bob+ draft/chathistory
         ann> JOIN #a
         ann> PRIVMSG #a :one
         ann~
         bob> CHATHISTORY LATEST #a * 10
         bob< :srv FAIL CHATHISTORY INVALID_TARGET LATEST #a :Messages could not be retrieved
         bob> CHATHISTORY LATEST #nowhere * 10
         bob< :srv FAIL CHATHISTORY INVALID_TARGET LATEST #nowhere :Messages could not be retrieved
         bob> JOIN #a
         bob~
         ann~
         bob> CHATHISTORY LATEST #a * 10
         bob< :ann!ann@localhost PRIVMSG #a :one
         ann> MODE #a +b bob!*@*
         ann> KICK #a bob
         ann~
         bob~
         bob> CHATHISTORY LATEST #a * 10
         bob< :srv FAIL CHATHISTORY INVALID_TARGET LATEST #a :Messages could not be retrieved
         bob> CHATHISTORY TARGETS timestamp=2025-01-01T00:00:00.000Z timestamp=2027-01-01T00:00:00.000Z 10
         disk well",
    );
}

#[test]
fn who_is_put_out_while_the_answer_is_fetched_reads_nothing() {
    play(
        "ann+
         bob+ draft/chathistory
         ann> JOIN #a
         ann> PRIVMSG #a :one
         bob> JOIN #a
         ann~
         bob~
         disk stalls
         bob> CHATHISTORY LATEST #a * 10
         ann> KICK #a bob
         ann< :ann!ann@localhost KICK #a bob :ann
         bob< :ann!ann@localhost KICK #a bob :ann
         disk well
         bob< :srv FAIL CHATHISTORY INVALID_TARGET LATEST #a :Messages could not be retrieved",
    );
}

#[test]
fn what_was_said_in_a_closed_channel_is_not_read_by_who_makes_another_of_its_name() {
    for mode in ["+s", "+i", "+k key", "+R"] {
        play(&format!(
            "ann+ draft/chathistory
             ann> JOIN #a
             ann> PRIVMSG #a :open
             ann> MODE #a {mode}
             ann> PRIVMSG #a :closed
             ann~
             ann> CHATHISTORY LATEST #a * 10
             ann< :ann!ann@localhost PRIVMSG #a :closed
             ann> PART #a
             ann~
             bob+ draft/chathistory
             bob> JOIN #a
             bob~
             bob> CHATHISTORY LATEST #a * 10
             bob< :ann!ann@localhost PRIVMSG #a :open
             bob> MODE #a {mode}
             bob~
             bob> CHATHISTORY LATEST #a * 10
             restart
             bob+ draft/chathistory
             bob> JOIN #a
             bob~
             bob> MODE #a {mode}
             bob~
             bob> CHATHISTORY LATEST #a * 10
             disk well"
        ));
    }
}

#[test]
fn a_conversation_is_read_by_the_two_and_as_they_are_called_now() {
    play(
        "ann+ draft/chathistory batch
         bob+ draft/chathistory
         cat+ draft/chathistory
         ann> PRIVMSG bob :hello
         bob< :ann!ann@localhost PRIVMSG bob :hello
         bob> PRIVMSG ann :hi
         ann< :bob!bob@localhost PRIVMSG ann :hi
         cat> PRIVMSG ann :psst
         ann< :cat!cat@localhost PRIVMSG ann :psst
         bob> NICK rob
         bob< :bob!bob@localhost NICK rob
         ann> CHATHISTORY LATEST ROB * 10
         ann< :srv BATCH +b1 chathistory ROB
         ann< @batch=b1 :ann!ann@localhost PRIVMSG rob :hello
         ann< @batch=b1 :bob!bob@localhost PRIVMSG ann :hi
         ann< :srv BATCH -b1
         bob> CHATHISTORY LATEST ann * 10
         bob< :ann!ann@localhost PRIVMSG rob :hello
         bob< :bob!bob@localhost PRIVMSG rob :hi
         cat> CHATHISTORY LATEST rob * 10
         cat> CHATHISTORY LATEST ann * 10
         cat< :cat!cat@localhost PRIVMSG ann :psst",
    );
}

#[test]
fn who_comes_under_a_nick_reads_nothing_of_who_had_it_before() {
    play(
        "ann+
         bob+
         ann> PRIVMSG bob :secret
         bob< :ann!ann@localhost PRIVMSG bob :secret
         bob> QUIT
         bob~
         bob!
         bob+ draft/chathistory batch
         bob> CHATHISTORY LATEST ann * 10
         bob< :srv BATCH +b1 chathistory ann
         bob< :srv BATCH -b1
         bob> CHATHISTORY TARGETS timestamp=2025-01-01T00:00:00.000Z timestamp=2027-01-01T00:00:00.000Z 10
         bob< :srv BATCH +b2 draft/chathistory-targets
         bob< :srv BATCH -b2",
    );
}

#[test]
fn where_something_was_said_is_listed_by_the_time_of_the_last() {
    play(
        "ann+ draft/chathistory batch
         bob+
         ann> JOIN #B
         ann> JOIN #c
         ann> JOIN #quiet
         ann~
         bob> JOIN #d
         bob> PRIVMSG #d :not for ann
         bob~
         ann> PRIVMSG #b :one
         +1s
         bob> PRIVMSG ann :two
         ann< :bob!bob@localhost PRIVMSG ann :two
         +1s
         ann> MODE #c +s
         ann~
         ann> PRIVMSG #c :three
         ann> CHATHISTORY TARGETS timestamp=2025-01-01T00:00:00.000Z timestamp=2027-01-01T00:00:00.000Z 10
         ann< :srv BATCH +b1 draft/chathistory-targets
         ann< @batch=b1 :srv CHATHISTORY TARGETS #B 2026-01-01T00:00:00.000Z
         ann< @batch=b1 :srv CHATHISTORY TARGETS bob 2026-01-01T00:00:01.000Z
         ann< @batch=b1 :srv CHATHISTORY TARGETS #c 2026-01-01T00:00:02.000Z
         ann< :srv BATCH -b1
         ann> CHATHISTORY TARGETS timestamp=2027-01-01T00:00:00.000Z timestamp=2025-01-01T00:00:00.000Z 1
         ann< :srv BATCH +b2 draft/chathistory-targets
         ann< @batch=b2 :srv CHATHISTORY TARGETS #c 2026-01-01T00:00:02.000Z
         ann< :srv BATCH -b2
         bob> QUIT
         bob~
         bob!
         ann> CHATHISTORY TARGETS timestamp=2026-01-01T00:00:00.000Z timestamp=2026-01-01T00:00:02.000Z 10
         ann< :srv BATCH +b3 draft/chathistory-targets
         ann< :srv BATCH -b3",
    );
}

#[test]
fn what_cannot_be_understood_is_told_with_what_it_was() {
    let long = "x".repeat(400);
    play(&format!(
        "ann+ draft/chathistory
         ann> JOIN #a
         ann> PRIVMSG #a :one
         ann~
         ann> CHATHISTORY
         ann< :srv 461 ann CHATHISTORY :Not enough parameters
         ann> CHATHISTORY FIRST #a * 10
         ann< :srv FAIL CHATHISTORY INVALID_PARAMS FIRST :Unknown command
         ann> CHATHISTORY LATEST #a *
         ann< :srv FAIL CHATHISTORY INVALID_PARAMS LATEST :Insufficient parameters
         ann> CHATHISTORY BETWEEN #a msgid=1 10
         ann< :srv FAIL CHATHISTORY INVALID_PARAMS BETWEEN :Insufficient parameters
         ann> CHATHISTORY LATEST #a * 10 more
         ann< :srv FAIL CHATHISTORY INVALID_PARAMS LATEST :Too many parameters
         ann> CHATHISTORY LATEST #a * 0
         ann< :srv FAIL CHATHISTORY INVALID_PARAMS LATEST 0 :Invalid limit
         ann> CHATHISTORY LATEST #a * -1
         ann< :srv FAIL CHATHISTORY INVALID_PARAMS LATEST -1 :Invalid limit
         ann> CHATHISTORY LATEST #a * ten
         ann< :srv FAIL CHATHISTORY INVALID_PARAMS LATEST ten :Invalid limit
         ann> CHATHISTORY LATEST #a * 2147483648
         ann< :ann!ann@localhost PRIVMSG #a :one
         ann> CHATHISTORY LATEST #a * 99999999999999999999999
         ann< :ann!ann@localhost PRIVMSG #a :one
         ann> CHATHISTORY BEFORE #a * 10
         ann< :srv FAIL CHATHISTORY INVALID_PARAMS BEFORE * :Invalid message reference
         ann> CHATHISTORY BEFORE #a msgid= 10
         ann< :srv FAIL CHATHISTORY INVALID_PARAMS BEFORE msgid= :Invalid message reference
         ann> CHATHISTORY BEFORE #a serial=1 10
         ann< :srv FAIL CHATHISTORY INVALID_MSGREFTYPE BEFORE serial=1 :Write msgid=… or timestamp=…
         ann> CHATHISTORY BEFORE #a timestamp=yesterday 10
         ann< :srv FAIL CHATHISTORY INVALID_PARAMS BEFORE timestamp=yesterday :Invalid timestamp
         ann> CHATHISTORY BEFORE #a timestamp=2026-02-30T00:00:00.000Z 10
         ann< :srv FAIL CHATHISTORY INVALID_PARAMS BEFORE timestamp=2026-02-30T00:00:00.000Z :Invalid timestamp
         ann> CHATHISTORY TARGETS msgid=1 timestamp=2026-01-01T00:00:00.000Z 10
         ann< :srv FAIL CHATHISTORY INVALID_PARAMS TARGETS msgid=1 :Invalid timestamp
         ann> CHATHISTORY BEFORE #a msgid=nosuch 10
         ann< :srv FAIL CHATHISTORY MESSAGE_ERROR BEFORE #a :Messages could not be retrieved: there is no such message
         ann> CHATHISTORY BEFORE #a msgid={long} 10
         ann< :srv FAIL CHATHISTORY MESSAGE_ERROR BEFORE #a :Messages could not be retrieved: there is no such message
         ann> CHATHISTORY BEFORE #a {long} 10
         ann< :srv FAIL CHATHISTORY INVALID_PARAMS BEFORE {short} :Invalid message reference
         ann> CHATHISTORY LATEST {long} * 10
         ann< :srv FAIL CHATHISTORY INVALID_TARGET LATEST {short} :Messages could not be retrieved
         ann> CHATHISTORY LATEST * * 10
         ann< :srv FAIL CHATHISTORY INVALID_TARGET LATEST * :Messages could not be retrieved",
        short = &long[..64],
    ));
}

#[test]
fn the_id_of_another_channels_message_finds_nothing() {
    play(
        "ann+ draft/chathistory message-tags echo-message draft/no-implicit-names
         ann> JOIN #a,#b
         ann~
         ann> PRIVMSG #a :one
         ann< @msgid=m1 :ann!ann@localhost PRIVMSG #a :one
         ann> CHATHISTORY AROUND #b msgid={m1} 10
         ann< :srv FAIL CHATHISTORY MESSAGE_ERROR AROUND #b :Messages could not be retrieved: there is no such message",
    );
}

#[test]
fn a_message_of_several_lines_is_said_again_whole() {
    play(
        "ann+ batch message-tags draft/multiline draft/chathistory echo-message draft/no-implicit-names
         scene #a ann bob[draft/chathistory]
         ann> BATCH +x draft/multiline #a
         ann> @batch=x PRIVMSG #a :one
         ann> @batch=x;draft/multiline-concat PRIVMSG #a :half
         ann> BATCH -x
         ann~
         bob~
         ann> CHATHISTORY LATEST #a * 1
         ann< :srv BATCH +b1 chathistory #a
         ann< @batch=b1;msgid=m1 :ann!ann@localhost BATCH +m{m1} draft/multiline #a
         ann< @batch=m{m1} :ann!ann@localhost PRIVMSG #a :one
         ann< @batch=m{m1};draft/multiline-concat :ann!ann@localhost PRIVMSG #a :half
         ann< :ann!ann@localhost BATCH -m{m1}
         ann< :srv BATCH -b1
         bob> CHATHISTORY LATEST #a * 1
         bob< :ann!ann@localhost PRIVMSG #a :one
         bob< :ann!ann@localhost PRIVMSG #a :half",
    );
}

#[test]
fn an_answer_that_the_disk_cannot_give_is_told() {
    let mut stage = Stage::new(settings());
    stage.register("ann", "draft/chathistory");
    stage.register("bob", "");
    stage.say("ann", "JOIN #a");
    stage.heard("ann");
    stage.disk(State::Stalls);
    for _ in 0..CAPACITY {
        stage.say("bob", "PRIVMSG ann :hi");
    }
    stage.heard("ann");
    let failed = ":Messages could not be retrieved: the database failed: more is waiting to be \
                  kept than the disk can follow";
    stage.say("ann", "CHATHISTORY LATEST #a * 1");
    let told = format!(":srv FAIL CHATHISTORY MESSAGE_ERROR LATEST #a {failed}");
    assert_eq!(stage.heard("ann"), [told]);
    stage.disk(State::Well);
    stage.say("ann", "CHATHISTORY LATEST bob * 1");
    assert_eq!(stage.heard("ann"), [":bob!bob@localhost PRIVMSG ann :hi"]);
}

#[test]
fn where_nothing_is_kept_there_is_no_history() {
    let mut settings = settings();
    settings.history.enabled = false;
    play_with(
        settings,
        "ann> CAP REQ draft/chathistory
         ann< :srv CAP * NAK :draft/chathistory
         ann+ echo-message
         ann> JOIN #a
         ann> PRIVMSG #a :one
         ann~
         ann> CHATHISTORY LATEST #a * 10
         ann< :srv FAIL CHATHISTORY INVALID_TARGET LATEST #a :Messages could not be retrieved",
    );
}

#[test]
fn history_that_ends_or_begins_at_a_rehash_is_told() {
    let mut stage = Stage::new(settings());
    stage.say("ann", "CAP LS 302");
    stage.register("ann", "draft/chathistory");
    let mut without = settings();
    without.history.enabled = false;
    stage.set_settings(without);
    let caps = "znc.in/playback draft/chathistory draft/event-playback soju.im/search";
    let gone = [
        ":srv 005 ann -CHATHISTORY -MSGREFTYPES :are supported by this server".to_owned(),
        format!(":srv CAP ann DEL :{caps}"),
    ];
    assert_eq!(stage.heard("ann"), gone);
    stage.say("ann", "CAP LIST");
    assert_eq!(stage.heard("ann"), [":srv CAP ann LIST :cap-notify"]);
    stage.set_settings(settings());
    let tokens = "CHATHISTORY=100 MSGREFTYPES=msgid,timestamp";
    let back = [
        format!(":srv 005 ann {tokens} :are supported by this server"),
        format!(":srv CAP ann NEW :{caps}"),
    ];
    assert_eq!(stage.heard("ann"), back);
}

/// The script of ann returning to her account, whose password is `secret`.
pub(crate) const ANN: &str = "
    ann> CAP REQ :sasl echo-message draft/chathistory draft/message-redaction draft/read-marker
    ann> AUTHENTICATE PLAIN
    ann> AUTHENTICATE AGFubgBzZWNyZXQ=
    ann> NICK ann
    ann> USER ann 0 * :Ann
    ann> CAP END
    ann~";

#[test]
fn an_account_finds_again_what_it_has_said_and_heard() {
    play(&format!(
        "ann+
         ann> REGISTER * * secret
         ann~
         bob+
         bob> REGISTER * * secret
         bob~
         ann> PRIVMSG bob :hello
         bob< :ann!ann@localhost PRIVMSG bob :hello
         +1s
         bob> NICK Rob
         bob> PRIVMSG ann :hi
         bob~
         ann< :Rob!bob@localhost PRIVMSG ann :hi
         restart
         {ANN}
         ann> CHATHISTORY LATEST bob * 10
         ann< :ann!ann@localhost PRIVMSG bob :hello
         ann< :Rob!bob@localhost PRIVMSG ann :hi
         ann> CHATHISTORY TARGETS timestamp=2025-01-01T00:00:00.000Z timestamp=2027-01-01T00:00:00.000Z 10
         ann< :srv CHATHISTORY TARGETS bob 2026-01-01T00:00:01.000Z
         ann> NICK anna
         ann~
         ann> CHATHISTORY LATEST bob * 10
         ann< :ann!ann@localhost PRIVMSG bob :hello
         ann< :Rob!bob@localhost PRIVMSG anna :hi
         eve+ draft/chathistory
         eve> CHATHISTORY LATEST bob * 10
         eve> CHATHISTORY LATEST ann * 10
         disk well"
    ));
}

#[test]
fn markers_of_an_account_are_found_again_and_told_to_all_its_connections() {
    let ann2 = ANN.replace("ann>", "two>").replace("ann~", "two~");
    play(&format!(
        "ann+
         ann> REGISTER * * secret
         ann~
         +10s
         ann> MARKREAD #a timestamp=2026-01-01T00:00:05.000Z
         ann< :srv MARKREAD #a timestamp=2026-01-01T00:00:05.000Z
         restart
         {ANN}
         {ann2}
         ann> MARKREAD #A
         ann< :srv MARKREAD #A timestamp=2026-01-01T00:00:05.000Z
         two> MARKREAD #a timestamp=2026-01-01T00:00:07.000Z
         ann< :srv MARKREAD #a timestamp=2026-01-01T00:00:07.000Z
         two< :srv MARKREAD #a timestamp=2026-01-01T00:00:07.000Z
         disk full
         ann> MARKREAD #a timestamp=2026-01-01T00:00:08.000Z
         ann< :srv FAIL MARKREAD INTERNAL_ERROR #a :The read timestamp could not be set: no space is left on the disk for the database
         ann> MARKREAD #a
         ann< :srv MARKREAD #a timestamp=2026-01-01T00:00:07.000Z
         disk well
         ann> PRIVMSG NickServ :LOGOUT
         ann~
         two~"
    ));
}

#[test]
fn a_registered_channel_is_read_again_however_closed_it_is() {
    play(&format!(
        "ann+
         ann> REGISTER * * secret
         ann> JOIN #a
         ann> MODE #a +s
         ann> PRIVMSG ChanServ :REGISTER #a
         ann> PRIVMSG #a :ours
         ann~
         restart
         {ANN}
         ann> JOIN #a
         ann~
         ann> CHATHISTORY LATEST #a * 10
         ann< :ann!ann@localhost PRIVMSG #a :ours"
    ));
}
