//! PRIVMSG, NOTICE, TAGMSG; their tags and their recipients.

use crate::script::{play, play_with};
use crate::stage::{operator, settings};
use stonechat::chat::{Limits, Settings};

#[test]
fn messages_reach_users_channels_and_those_of_a_rank() {
    play(
        r"
        scene #a ann bob+v cat
        cat> PRIVMSG ann :hello there
        ann< :cat!cat@localhost PRIVMSG ann :hello there
        cat> PRIVMSG #A hi
        ann< :cat!cat@localhost PRIVMSG #a :hi
        bob< :cat!cat@localhost PRIVMSG #a :hi
        cat> NOTICE @#a :operators
        ann< :cat!cat@localhost NOTICE @#a :operators
        cat> PRIVMSG +#a :voiced
        ann< :cat!cat@localhost PRIVMSG +#a :voiced
        bob< :cat!cat@localhost PRIVMSG +#a :voiced
        cat> PRIVMSG bob,#a,Bob,nobody,#none :all
        bob< :cat!cat@localhost PRIVMSG bob :all
        bob< :cat!cat@localhost PRIVMSG #a :all
        ann< :cat!cat@localhost PRIVMSG #a :all
        cat< :srv 401 cat nobody :No such nick/channel
        cat< :srv 403 cat #none :No such channel
    ",
    );
}

#[test]
fn what_is_missing_is_told_but_never_to_a_notice() {
    let limits = Limits { targets_max: 2, ..Limits::default() };
    play_with(
        Settings { limits, ..settings() },
        r"
        ann+
        ann> PRIVMSG
        ann< :srv 411 ann :No recipient given (PRIVMSG)
        ann> PRIVMSG bob
        ann< :srv 412 ann :No text to send
        ann> PRIVMSG bob :
        ann< :srv 412 ann :No text to send
        ann> PRIVMSG :a b :x
        ann< :srv 412 ann :No text to send
        ann> PRIVMSG $srv :x
        ann< :srv 401 ann $srv :No such nick/channel
        ann> PRIVMSG a,b,c,d :x
        ann< :srv 401 ann a :No such nick/channel
        ann< :srv 401 ann b :No such nick/channel
        ann< :srv 407 ann c :Too many recipients
        ann> NOTICE
        ann> NOTICE bob
        ann> NOTICE a,b,c :x
        ann> TAGMSG ann
        ann< :srv 421 ann TAGMSG :Unknown command
    ",
    );
}

#[test]
fn who_is_away_says_so() {
    play(
        r"
        scene #a ann[away-notify] bob
        bob> AWAY :at lunch
        bob< :srv 306 bob :You have been marked as being away
        ann< :bob!bob@localhost AWAY :at lunch
        bob> AWAY :at lunch
        bob< :srv 306 bob :You have been marked as being away
        ann> PRIVMSG bob :hi
        ann< :srv 301 ann bob :at lunch
        bob< :ann!ann@localhost PRIVMSG bob :hi
        ann> NOTICE bob :hi
        bob< :ann!ann@localhost NOTICE bob :hi
        bob> PART #a
        bob> JOIN #a
        bob~
        ann< :bob!bob@localhost PART #a
        ann< :bob!bob@localhost JOIN #a
        ann< :bob!bob@localhost AWAY :at lunch
        ann> USERHOST bob ann
        ann< :srv 302 ann :bob=-bob@localhost ann=+ann@localhost
        ann> ISON bob nobody Ann
        ann< :srv 303 ann :bob ann
        bob> AWAY
        bob< :srv 305 bob :You are no longer marked as being away
        ann< :bob!bob@localhost AWAY
    ",
    );
}

#[test]
fn tags_are_told_to_those_who_asked_for_them() {
    play(
        r"
        ann+ message-tags server-time echo-message
        bob+ message-tags
        cat+ server-time
        dan+
        ann> @+typing=active;msgid=forged;time=forged;account=root;+draft/reply=x;label=5 PRIVMSG bob :hi
        ann< @time=T;msgid=m1;+typing=active;+draft/reply=x :ann!ann@localhost PRIVMSG bob :hi
        bob< @msgid=m1;+typing=active;+draft/reply=x :ann!ann@localhost PRIVMSG bob :hi
        ann> @+typing=active TAGMSG bob,cat,dan
        ann~
        bob< @msgid=m2;+typing=active :ann!ann@localhost TAGMSG bob
        dan> @+typing=active PRIVMSG bob :tags of who did not ask
        bob< @msgid=m3 :dan!dan@localhost PRIVMSG bob :tags of who did not ask
        bob> MODE bob +B
        bob~
        bob> PRIVMSG ann :beep
        ann< @time=T;msgid=m4;bot :bob!bob@localhost PRIVMSG ann :beep
        bob> PRIVMSG cat :beep
        cat< @time=T :bob!bob@localhost PRIVMSG cat :beep
    ",
    );
}

#[test]
fn what_one_says_to_oneself_is_heard_as_echo_and_as_message() {
    play(
        r"
        ann+ echo-message labeled-response batch
        ann> PRIVMSG ann :note
        ann< :ann!ann@localhost PRIVMSG ann :note
        ann< :ann!ann@localhost PRIVMSG ann :note
        ann> @label=x PRIVMSG ann :note
        ann< :ann!ann@localhost PRIVMSG ann :note
        ann< @label=x :ann!ann@localhost PRIVMSG ann :note
    ",
    );
}

#[test]
fn a_line_too_long_to_be_passed_on_is_cut_between_characters() {
    let text = "é".repeat(240);
    let kept = "é".repeat(239); // 510 - len(":ann!ann@localhost PRIVMSG bob :") = 478
    play(&format!(
        "ann+\nbob+\nann> PRIVMSG bob :{text}\nbob< :ann!ann@localhost PRIVMSG bob :{kept}"
    ));
}

#[test]
fn labels_are_answered_in_one_piece() {
    play(
        r"
        ann+ labeled-response batch draft/no-implicit-names
        bob+ draft/no-implicit-names
        ann> @label=1 JOIN #a
        ann< @label=1 :ann!ann@localhost JOIN #a
        ann> @label=2 PONG x
        ann< @label=2 :srv ACK
        ann> @label=3 PRIVMSG bob :hi
        ann< @label=3 :srv ACK
        bob< :ann!ann@localhost PRIVMSG bob :hi
        ann> @label=4 NOSUCH
        ann< @label=4 :srv 421 ann NOSUCH :Unknown command
        ann> @label=5 MODE #a
        ann< @label=5 :srv BATCH +b5 labeled-response
        ann< @batch=b5 :srv 324 ann #a +nt
        ann< @batch=b5 :srv 329 ann #a 1767225600
        ann< :srv BATCH -b5
        ann> @label=6 LIST
        ann< @label=6 :srv BATCH +b7 labeled-response
        ann< @batch=b7 :srv 321 ann Channel :Users  Name
        ann< @batch=b7 :srv 322 ann #a 1 :
        ann< @batch=b7 :srv 323 ann :End of /LIST
        ann< :srv BATCH -b7
        ann> @label=7 NAMES #none
        ann< @label=7 :srv 366 ann #none :End of /NAMES list
        ann> @label=01234567890123456789012345678901234567890123456789012345678901234 PING x
        ann< :srv PONG srv :x
        ann> @label= PING x
        ann< :srv PONG srv :x
        bob> @label=8 PING x
        bob< :srv PONG srv :x
        ann> @label=9 QUIT
        ann< @label=9 ERROR :Closing link: (localhost) [Quit: ]
        ann!
    ",
    );
}

#[test]
fn a_line_that_is_no_message_is_answered_under_its_label() {
    let long = "x".repeat(510);
    play(&format!(
        r"
        ann+ labeled-response batch
        ann> @label=1 p!ng
        ann< @label=1 :srv 421 ann p!ng :Unknown command
        ann> @label=2 PRIVMSG bob :\xff
        ann< @label=2 :srv FAIL PRIVMSG INVALID_UTF8 :Message rejected, your client MUST send UTF-8
        ann> @label=3 PING a\0b
        ann< @label=3 :srv 400 ann PING :NUL and CR can't stand within a line
        ann> @label=4 PING {long}
        ann< @label=4 :srv 417 ann :Input line was too long
        ann> @label=5\r PING x
        ann< :srv 400 ann PING :NUL and CR can't stand within a line
        ann> @label=6
    "
    ));
}

#[test]
fn who_takes_no_batches_has_no_labels() {
    play(
        r"
        ann+ labeled-response draft/no-implicit-names
        ann> @label=1 PING x
        ann< :srv PONG srv :x
        ann> CAP REQ batch
        ann~
        ann> @label=2 PING x
        ann< @label=2 :srv PONG srv :x
    ",
    );
}

#[test]
fn messages_of_several_lines() {
    play(
        r"
        ann+ batch draft/multiline message-tags echo-message labeled-response
        bob+ batch draft/multiline message-tags server-time
        scene #a ann bob cat[message-tags server-time]
        ann> @+draft/reply=q;label=L BATCH +1 draft/multiline #a
        ann> @batch=1 PRIVMSG #a :hello
        ann> @batch=1 PRIVMSG #a :
        ann> @batch=1 privmsg #a :how is\x20
        ann> @batch=1;draft/multiline-concat PRIVMSG #a :everyone?
        ann> BATCH -1
        ann< @label=L;msgid=m1;+draft/reply=q :ann!ann@localhost BATCH +m{m1} draft/multiline #a
        ann< @batch=m{m1} :ann!ann@localhost PRIVMSG #a :hello
        ann< @batch=m{m1} :ann!ann@localhost PRIVMSG #a :
        ann< @batch=m{m1} :ann!ann@localhost PRIVMSG #a :how is\x20
        ann< @batch=m{m1};draft/multiline-concat :ann!ann@localhost PRIVMSG #a :everyone?
        ann< :ann!ann@localhost BATCH -m{m1}
        bob< @time=T;msgid=m1;+draft/reply=q :ann!ann@localhost BATCH +m{m1} draft/multiline #a
        bob< @batch=m{m1} :ann!ann@localhost PRIVMSG #a :hello
        bob< @batch=m{m1} :ann!ann@localhost PRIVMSG #a :
        bob< @batch=m{m1} :ann!ann@localhost PRIVMSG #a :how is\x20
        bob< @batch=m{m1};draft/multiline-concat :ann!ann@localhost PRIVMSG #a :everyone?
        bob< @time=T :ann!ann@localhost BATCH -m{m1}
        cat< @time=T;msgid=m1;+draft/reply=q :ann!ann@localhost PRIVMSG #a :hello
        cat< @time=T;+draft/reply=q :ann!ann@localhost PRIVMSG #a :how is\x20
        cat< @time=T;+draft/reply=q :ann!ann@localhost PRIVMSG #a :everyone?
    ",
    );
}

#[test]
fn a_batch_that_is_wrong_is_said_to_nobody() {
    let limits = Limits { multiline_lines_max: 2, multiline_bytes_max: 10, ..Limits::default() };
    play_with(
        Settings { limits, ..settings() },
        r"
        ann+ batch draft/multiline
        bob+
        ann> BATCH +1 draft/multiline bob
        ann> @batch=1 PRIVMSG cat :hello
        ann< :srv FAIL BATCH MULTILINE_INVALID_TARGET bob cat :Invalid multiline target
        ann> @batch=1 PRIVMSG bob :the rest of it is not said either
        ann> BATCH -1
        ann> BATCH -1
        ann< :srv FAIL BATCH MULTILINE_INVALID :No batch is open
        ann> @batch=1 PRIVMSG bob :nor what belongs to none
        ann< :srv FAIL BATCH MULTILINE_INVALID :That batch is not open
        ann> BATCH +2 draft/multiline bob
        ann> @batch=2 PRIVMSG bob :1
        ann> @batch=2 PRIVMSG bob :2
        ann> @batch=2 PRIVMSG bob :3
        ann< :srv FAIL BATCH MULTILINE_MAX_LINES 2 :Too many lines
        ann> BATCH +3 draft/multiline bob
        ann> @batch=3 PRIVMSG bob :12345
        ann> @batch=3 PRIVMSG bob :12345
        ann< :srv FAIL BATCH MULTILINE_MAX_BYTES 10 :Too many bytes
        ann> BATCH +4 draft/multiline bob
        ann> @batch=4;draft/multiline-concat PRIVMSG bob :
        ann< :srv FAIL BATCH MULTILINE_INVALID :A line that goes on can't be empty
        ann> BATCH +5 draft/multiline bob
        ann> @batch=5 PRIVMSG bob :
        ann> BATCH -5
        ann< :srv FAIL BATCH MULTILINE_INVALID :There is nothing in it
        ann> BATCH +6 draft/multiline bob
        ann> @batch=6 JOIN #a
        ann< :srv FAIL BATCH MULTILINE_INVALID :Only messages of one kind can be in it
        ann> BATCH +7 draft/multiline bob
        ann> BATCH +8 draft/multiline bob
        ann< :srv FAIL BATCH MULTILINE_INVALID :A batch was open already
        ann> BATCH +9 draft/other bob
        ann< :srv FAIL BATCH UNKNOWN_TYPE 9 draft/other :There is no such kind of batch
        ann> @batch=9 PRIVMSG bob :other
        ann> BATCH -9
        ann> BATCH +x;y draft/multiline bob
        ann< :srv FAIL BATCH INVALID_REFTAG x;y :This can't name a batch
        ann> BATCH 1
        ann< :srv FAIL BATCH INVALID_REFTAG 1 :Write +name or -name
        ann> BATCH +10 draft/multiline
        ann< :srv 461 ann BATCH :Not enough parameters
        ann> BATCH +11 draft/multiline nobody
        ann> @batch=11 PRIVMSG nobody :hi
        ann> BATCH -11
        ann< :srv 401 ann nobody :No such nick/channel
        bob> BATCH +1 draft/multiline ann
        bob< :srv FAIL BATCH UNKNOWN_TYPE 1 draft/multiline :There is no such kind of batch
        bob> BATCH -1
        bob> @batch=1 PRIVMSG ann :what it tags is a message all the same
        ann< :bob!bob@localhost PRIVMSG ann :what it tags is a message all the same
    ",
    );
}

#[test]
fn what_is_wrong_with_a_batch_answers_the_command_that_opened_it() {
    play(
        r"
        ann+ batch draft/multiline labeled-response
        ann> @label=A BATCH +1 draft/multiline bob
        ann> @batch=1 PRIVMSG cat :hello
        ann< @label=A :srv FAIL BATCH MULTILINE_INVALID_TARGET bob cat :Invalid multiline target
        ann> @batch=1 PRIVMSG bob :more
        ann> BATCH -1
        ann> @label=B BATCH +2 draft/multiline bob
        ann> @label=C BATCH -2
        ann< @label=C :srv ACK
        ann< @label=B :srv FAIL BATCH MULTILINE_INVALID :There is nothing in it
        ann> @label=D BATCH +3 draft/multiline bob
        ann> @label=E BATCH +4 draft/multiline bob
        ann< @label=E :srv FAIL BATCH MULTILINE_INVALID :A batch was open already
        ann< @label=D :srv FAIL BATCH MULTILINE_INVALID :Another batch was opened
        ann> BATCH -4
        ann> @label=F BATCH +5 draft/multiline nobody
        ann> @batch=5 PRIVMSG nobody :hi
        ann> BATCH -5
        ann< @label=F :srv 401 ann nobody :No such nick/channel
    ",
    );
}

#[test]
fn what_was_said_can_be_taken_back() {
    play(
        r"
        ann+ message-tags echo-message draft/message-redaction
        bob+ message-tags echo-message draft/message-redaction
        scene #a bob ann cat
        ann> PRIVMSG #a :oops
        ann< @msgid=m1 :ann!ann@localhost PRIVMSG #a :oops
        bob< @msgid=m1 :ann!ann@localhost PRIVMSG #a :oops
        cat< :ann!ann@localhost PRIVMSG #a :oops
        cat> REDACT #a {m1}
        cat< :srv FAIL REDACT REDACT_FORBIDDEN #a {m1} :You are not authorised to delete this message
        ann> REDACT #A {m1} :typo
        ann< @msgid=m2 :ann!ann@localhost REDACT #a {m1} :typo
        bob< @msgid=m2 :ann!ann@localhost REDACT #a {m1} :typo
        ann> REDACT #a {m1}
        ann< :srv FAIL REDACT UNKNOWN_MSGID #a {m1} :This message does not exist or is too old
        ann> REDACT #none x
        ann< :srv FAIL REDACT INVALID_TARGET #none :You cannot delete messages from there
        ann> REDACT #a x
        ann< :srv FAIL REDACT UNKNOWN_MSGID #a x :This message does not exist or is too old
        ann> PRIVMSG bob :psst
        ann< @msgid=m3 :ann!ann@localhost PRIVMSG bob :psst
        bob< @msgid=m3 :ann!ann@localhost PRIVMSG bob :psst
        ann> REDACT #a {m3}
        ann< :srv FAIL REDACT UNKNOWN_MSGID #a {m3} :This message does not exist or is too old
        bob> REDACT ann {m3}
        bob< :srv FAIL REDACT REDACT_FORBIDDEN ann {m3} :You are not authorised to delete this message
        ann> REDACT bob {m3}
        ann< @msgid=m4 :ann!ann@localhost REDACT bob {m3}
        bob< @msgid=m4 :ann!ann@localhost REDACT bob {m3}
        ann> PRIVMSG #a :rude
        ann~
        cat~
        bob< @msgid=m5 :ann!ann@localhost PRIVMSG #a :rude
        bob> REDACT #a {m5} :be nice
        bob< @msgid=m6 :bob!bob@localhost REDACT #a {m5} :be nice
        ann< @msgid=m6 :bob!bob@localhost REDACT #a {m5} :be nice
    ",
    );
}

#[test]
fn an_operator_of_the_server_takes_back_what_was_said_in_any_channel() {
    let operators = vec![operator("root", "sesame")];
    play_with(
        Settings { operators, ..settings() },
        r"
        ann+ message-tags echo-message draft/message-redaction draft/no-implicit-names
        op+ message-tags echo-message draft/message-redaction
        ann> JOIN #a
        ann> MODE #a +s
        ann~
        ann> PRIVMSG #a :rude
        ann< @msgid=m1 :ann!ann@localhost PRIVMSG #a :rude
        op> REDACT #a {m1}
        op< :srv FAIL REDACT INVALID_TARGET #a :You cannot delete messages from there
        op> OPER root sesame
        op~
        op> REDACT #a {m1} :be nice
        op< @msgid=m2 :op!op@localhost REDACT #a {m1} :be nice
        ann< @msgid=m2 :op!op@localhost REDACT #a {m1} :be nice
        op> REDACT #none {m1}
        op< :srv FAIL REDACT INVALID_TARGET #none :You cannot delete messages from there
        bob+ message-tags draft/message-redaction draft/no-implicit-names
        bob> JOIN #a
        ann> MODE #a +U
        ann~
        bob~
        ann> PRIVMSG #a :all of you hear this
        ann< @msgid=m3 :ann!ann@localhost PRIVMSG #a :all of you hear this
        bob< @msgid=m3 :ann!ann@localhost PRIVMSG #a :all of you hear this
        op> REDACT #a {m3}
        op< @msgid=m4 :op!op@localhost REDACT #a {m3}
        ann< @msgid=m4 :op!op@localhost REDACT #a {m3}
        bob< @msgid=m4 :op!op@localhost REDACT #a {m3}
    ",
    );
}

#[test]
fn a_relay_speaks_for_others_and_says_that_it_does() {
    play(
        r"
        scene #a bob[message-tags echo-message labeled-response batch] ann[message-tags]
        ann> RELAYMSG #a zoe/matrix :hi
        ann< :srv FAIL RELAYMSG PRIVS_NEEDED :Only operators of a channel may relay to it
        bob> RELAYMSG #a zoe :hi
        bob< :srv FAIL RELAYMSG INVALID_NICK :A relayed nick is a nick with a / in it
        bob> RELAYMSG #a zo!e/matrix :hi
        bob< :srv FAIL RELAYMSG INVALID_NICK :A relayed nick is a nick with a / in it
        bob> RELAYMSG #a zoe.x/matrix :hi
        bob< :srv FAIL RELAYMSG INVALID_NICK :A relayed nick is a nick with a / in it
        bob> RELAYMSG #none zoe/matrix :hi
        bob< :srv 403 bob #none :No such channel
        bob> @label=1 RELAYMSG #a zoe/matrix :hi
        bob< @label=1;msgid=m1;draft/relaymsg=bob :zoe/matrix!relaymsg@srv PRIVMSG #a :hi
        ann< @msgid=m1;draft/relaymsg=bob :zoe/matrix!relaymsg@srv PRIVMSG #a :hi
        cat+ draft/relaymsg draft/no-implicit-names
        cat> JOIN #a
        ann~
        bob~
        cat~
        bob> RELAYMSG #a zoe/matrix :hi
        ann~
        bob~
        cat< @draft/relaymsg=bob :zoe/matrix!relaymsg@srv PRIVMSG #a :hi
    ",
    );
}

#[test]
fn figures_speak_where_roleplay_is_on() {
    play(
        r"
        scene #a ann bob
        ann> NPC #a Bilbo :too much bread
        ann< :srv 573 ann #a :No roleplay here (mode E is not set)
        ann> MODE #a +E
        ann~
        bob~
        ann> NPC #a Bilbo too much bread
        ann< :*Bilbo*!ann@npc.fakeuser.invalid PRIVMSG #a :too much bread (ann)
        bob< :*Bilbo*!ann@npc.fakeuser.invalid PRIVMSG #a :too much bread (ann)
        ann> NPCA #a Bilbo :sighs
        ann< :*Bilbo*!ann@npc.fakeuser.invalid PRIVMSG #a :\x01ACTION sighs (ann)\x01
        bob< :*Bilbo*!ann@npc.fakeuser.invalid PRIVMSG #a :\x01ACTION sighs (ann)\x01
        ann> SCENE #a :Night falls
        ann< :=Scene=!ann@npc.fakeuser.invalid PRIVMSG #a :Night falls (ann)
        bob< :=Scene=!ann@npc.fakeuser.invalid PRIVMSG #a :Night falls (ann)
        ann> NPC #a B!x :hi
        ann< :srv 573 ann #a :This is no name for a figure
        bob> PART #a
        ann~
        bob~
        bob> SCENE #a :hi
        bob< :srv 442 bob #a :You're not on that channel
    ",
    );
}

#[test]
fn a_channel_takes_another_name_and_keeps_the_rest() {
    play(
        r"
        ann+ draft/channel-rename
        bob+ extended-join
        ann> JOIN #old
        ann> TOPIC #old :about it
        ann> JOIN #taken
        bob> JOIN #old
        ann~
        bob~
        bob> RENAME #old #new
        bob< :srv 482 bob #old :You're not channel operator
        ann> RENAME #old #taken
        ann< :srv FAIL RENAME CHANNEL_NAME_IN_USE #old #taken :Channel already exists
        ann> RENAME #old new
        ann< :srv FAIL RENAME CANNOT_RENAME #old new :This is no name for a channel
        ann> RENAME #none #new
        ann< :srv 403 ann #none :No such channel
        ann> RENAME #old #new :Typo fix
        ann< :ann!ann@localhost RENAME #old #new :Typo fix
        bob< :bob!bob@localhost PART #old :Typo fix
        bob< :bob!bob@localhost JOIN #new * :BOB real
        bob< :srv 332 bob #new :about it
        bob< :srv 333 bob #new ann!ann@localhost 1767225600
        bob< :srv 353 bob = #new :@ann bob
        bob< :srv 366 bob #new :End of /NAMES list
        ann> RENAME #new #NEW
        ann< :ann!ann@localhost RENAME #new #NEW :
        ann> PRIVMSG #new :still here
        bob< :ann!ann@localhost PRIVMSG #NEW :still here
        bob> JOIN #old
        bob< :bob!bob@localhost JOIN #old * :BOB real
        bob~
    ",
    );
}
