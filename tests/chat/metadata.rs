//! METADATA: keys and values, and who is told of them. Of the two drafts `old` speaks the
//! earlier and `new` the later.

use crate::stage::{Stage, operator, play, play_with, settings};
use stonechat::chat::Settings;

#[test]
fn who_asks_is_told_the_limits() {
    play(
        r"
        ann> CAP LS 302
        ann~
        ann> CAP REQ :draft/metadata-3 batch
        ann< :srv CAP * ACK :draft/metadata-3 batch
        ann> CAP LIST
        ann< :srv CAP * LIST :batch cap-notify draft/metadata-3
    ",
    );
    let mut stage = Stage::new(settings());
    stage.say("ann", "CAP LS 302");
    let heard = stage.heard("ann").join(" ");
    let tokens = "before-connect,max-subs=50,max-keys=20,max-key-bytes=64,max-value-bytes=300";
    for draft in ["2", "3"] {
        assert!(heard.contains(&format!("draft/metadata-{draft}={tokens}")), "{heard}");
    }
}

#[test]
fn of_the_two_drafts_one_can_be_had() {
    play(
        r"
        ann> CAP REQ :draft/metadata-2 draft/metadata-3
        ann< :srv CAP * NAK :draft/metadata-2 draft/metadata-3
        ann> CAP REQ draft/metadata-2
        ann< :srv CAP * ACK :draft/metadata-2
        ann> CAP REQ draft/metadata-3
        ann< :srv CAP * NAK :draft/metadata-3
        ann> CAP REQ :-draft/metadata-2 draft/metadata-3
        ann< :srv CAP * ACK :-draft/metadata-2 draft/metadata-3
    ",
    );
}

#[test]
fn what_is_set_is_told_to_who_asks_and_is_unset_again() {
    play(
        r"
        ann+ batch draft/metadata-3
        bob+ batch draft/metadata-3
        ann> METADATA * SET display-name :Ann of Green Gables
        ann< :srv 761 ann ann display-name * :Ann of Green Gables
        ann> METADATA ANN set URL http://a.example
        ann< :srv 761 ann ann url * :http://a.example
        ann> METADATA * SET display-name :Ann
        ann< :srv 761 ann ann display-name * :Ann
        bob> METADATA Ann GET url Display-Name none
        bob< :srv BATCH +b3 metadata ann
        bob< @batch=b3 :srv 761 bob ann url * :http://a.example
        bob< @batch=b3 :srv 761 bob ann display-name * :Ann
        bob< @batch=b3 :srv 766 bob ann none :Key not set
        bob< :srv BATCH -b3
        ann> METADATA * SET url
        ann< :srv 766 ann ann url :Key not set
        ann> METADATA * SET url :
        ann< :srv 766 ann ann url :Key not set
        bob> METADATA ann LIST
        bob< :srv BATCH +b4 metadata ann
        bob< @batch=b4 :srv 761 bob ann display-name * :Ann
        bob< :srv BATCH -b4
        ann> METADATA * SET a 1
        ann> METADATA * CLEAR
        ann< :srv 761 ann ann a * :1
        ann< :srv BATCH +b5 metadata ann
        ann< @batch=b5 :srv 766 ann ann a :Key not set
        ann< @batch=b5 :srv 766 ann ann display-name :Key not set
        ann< :srv BATCH -b5
        ann> METADATA * LIST
        ann< :srv BATCH +b6 metadata ann
        ann< :srv BATCH -b6
    ",
    );
}

#[test]
fn without_the_capability_it_is_answered_all_the_same_but_nobody_is_told_unasked() {
    play(
        r"
        ann+
        bob+
        ann> JOIN #a
        bob> JOIN #a
        bob> METADATA * SUB status
        ann~
        bob~
        ann> METADATA * SET status :at work
        ann< :srv 761 ann ann status * :at work
        bob> METADATA ann GET status
        bob< :srv 761 bob ann status * :at work
        bob> METADATA #a SYNC
        bob< :srv 761 bob ann status * :at work
        bob> METADATA bob SET $ x
        bob< :srv FAIL METADATA INVALID_KEY $ :This is no key
    ",
    );
}

#[test]
fn a_channel_is_described_by_its_operators() {
    play(
        r"
        ann+ batch draft/metadata-3
        bob+ batch draft/metadata-3
        ann> JOIN #a
        bob> JOIN #a
        ann~
        bob~
        bob> METADATA #a SET url http://b.example
        bob< :srv FAIL METADATA KEY_NO_PERMISSION #a url :You may not change this
        bob> METADATA #a CLEAR
        bob< :srv FAIL METADATA KEY_NO_PERMISSION #a * :You may not change this
        ann> METADATA #A SET url http://a.example
        ann< :srv 761 ann #a url * :http://a.example
        bob> METADATA #a GET url
        bob< :srv BATCH +b5 metadata #a
        bob< @batch=b5 :srv 761 bob #a url * :http://a.example
        bob< :srv BATCH -b5
        ann> MODE #a +h bob
        ann~
        bob~
        bob> METADATA #a SET url x
        bob< :srv FAIL METADATA KEY_NO_PERMISSION #a url :You may not change this
        ann> MODE #a +o bob
        ann~
        bob~
        bob> METADATA #a SET url x
        bob< :srv 761 bob #a url * :x
        bob> METADATA ann SET url x
        bob< :srv FAIL METADATA KEY_NO_PERMISSION ann url :You may not change this
        bob> METADATA ann CLEAR
        bob< :srv FAIL METADATA KEY_NO_PERMISSION ann * :You may not change this
    ",
    );
}

#[test]
fn it_outlives_a_new_name_of_the_channel_but_not_the_channel() {
    play(
        r"
        ann+
        ann> JOIN #a
        ann~
        ann> METADATA #a SET url x
        ann~
        ann> RENAME #a #b
        ann~
        ann> METADATA #a LIST
        ann< :srv FAIL METADATA INVALID_TARGET #a :No such user or channel
        ann> METADATA #b LIST
        ann< :srv 761 ann #b url * :x
        ann> PART #b
        ann> JOIN #b
        ann~
        ann> METADATA #b LIST
        ann> METADATA #b GET url
        ann< :srv 766 ann #b url :Key not set
    ",
    );
}

#[test]
fn of_a_secret_channel_outsiders_hear_nothing() {
    play(
        r"
        ann+
        ann> JOIN #s
        ann> MODE #s +s
        ann> METADATA #s SET url x
        ann~
        bob> METADATA #s LIST
        bob< :srv 451 * :You have not registered
        bob+
        bob> METADATA #s LIST
        bob< :srv FAIL METADATA INVALID_TARGET #s :No such user or channel
        bob> METADATA #s GET url
        bob< :srv FAIL METADATA INVALID_TARGET #s :No such user or channel
        bob> METADATA #s SYNC
        bob< :srv FAIL METADATA INVALID_TARGET #s :No such user or channel
        bob> METADATA #s SET url y
        bob< :srv FAIL METADATA INVALID_TARGET #s :No such user or channel
        bob> METADATA #s CLEAR
        bob< :srv FAIL METADATA INVALID_TARGET #s :No such user or channel
        bob> METADATA #none LIST
        bob< :srv FAIL METADATA INVALID_TARGET #none :No such user or channel
    ",
    );
}

#[test]
fn what_is_set_on_a_channel_that_not_everyone_may_join_its_members_read_alone() {
    play(
        r"
        ann+ batch draft/metadata-3
        bob+ batch draft/metadata-3
        old+ batch draft/metadata-2
        bob> METADATA * SUB url
        ann> JOIN #a
        ann> METADATA #a SET url x
        ann> METADATA * SET url y
        ann> MODE #a +i
        ann~
        bob~
        bob> METADATA #a GET url location
        bob< :srv BATCH +b5 metadata #a
        bob< @batch=b5 :srv WARN METADATA KEY_NO_PERMISSION #a url :You may not read this
        bob< @batch=b5 :srv WARN METADATA KEY_NO_PERMISSION #a location :You may not read this
        bob< :srv BATCH -b5
        old> METADATA #a GET url
        old< :srv BATCH +b6 metadata #a
        old< @batch=b6 :srv FAIL METADATA KEY_NO_PERMISSION #a url :You may not read this
        old< :srv BATCH -b6
        bob> METADATA #a LIST
        bob< :srv BATCH +b7 metadata #a
        bob< :srv BATCH -b7
        bob> METADATA #a SYNC
        bob< :srv BATCH +b8 metadata #a
        bob< @batch=b8 :srv 761 bob ann url * :y
        bob< :srv BATCH -b8
        ann> INVITE bob #a
        bob> JOIN #a
        ann~
        bob~
        bob> METADATA #a LIST
        bob< :srv BATCH +b10 metadata #a
        bob< @batch=b10 :srv 761 bob #a url * :x
        bob< :srv BATCH -b10
        ann> MODE #a -i
        old> METADATA #a GET url
        old< :srv BATCH +b11 metadata #a
        old< @batch=b11 :srv 761 old #a url * :x
        old< :srv BATCH -b11
        ann~
        bob~
    ",
    );
}

#[test]
fn a_server_operator_sets_it_for_anyone_and_they_are_told() {
    let operators = vec![operator("root", "sesame")];
    play_with(
        Settings { operators, ..settings() },
        r"
        ann+ batch draft/metadata-3
        bob+ batch draft/metadata-2
        op+ batch draft/metadata-3
        ann> METADATA * SUB status
        bob> METADATA * SUB status
        op> METADATA * SUB status
        ann> JOIN #a
        bob> JOIN #b
        op> OPER root sesame
        ann~
        bob~
        op~
        op> METADATA ann SET status seen
        op< :srv 761 op ann status * :seen
        ann< :srv 761 ann ann status * :seen
        op> METADATA ann SET status seen
        op< :srv 761 op ann status * :seen
        op> METADATA bob SET status :seen too
        op< :srv 761 op bob status * :seen too
        bob< :srv METADATA bob status * :seen too
        op> METADATA bob SET status
        op< :srv 766 op bob status :Key not set
        bob< :srv METADATA bob status *
        op> METADATA #a SET status :of #a
        op< :srv 761 op #a status * :of #a
        ann< :srv 761 ann #a status * :of #a
        op> METADATA ann CLEAR
        op< :srv BATCH +b5 metadata ann
        op< @batch=b5 :srv 766 op ann status :Key not set
        op< :srv BATCH -b5
        ann< :srv 766 ann ann status :Key not set
    ",
    );
}

#[test]
fn each_draft_has_its_words_for_what_went_wrong() {
    let mut settings = settings();
    settings.limits.metadata_keys_max = 1;
    settings.limits.metadata_subs_max = 1;
    settings.limits.metadata_value_max = 3;
    play_with(
        settings,
        r"
        new+ batch draft/metadata-3
        old+ batch draft/metadata-2
        new> METADATA
        new< :srv FAIL METADATA INVALID_PARAMS * :Not the parameters this takes
        new> METADATA *
        new< :srv FAIL METADATA INVALID_PARAMS * :Not the parameters this takes
        new> METADATA * GET
        new< :srv FAIL METADATA INVALID_PARAMS GET :Not the parameters this takes
        new> METADATA * SET a b c
        new< :srv FAIL METADATA INVALID_PARAMS SET :Not the parameters this takes
        new> METADATA * LIST a
        new< :srv FAIL METADATA INVALID_PARAMS LIST :Not the parameters this takes
        new> METADATA * SNEEZE
        new< :srv FAIL METADATA INVALID_PARAMS SNEEZE :No such subcommand
        new> METADATA * :: hi!
        new< :srv FAIL METADATA INVALID_PARAMS * :No such subcommand
        new> METADATA $a:user SET url x
        new< :srv FAIL METADATA INVALID_TARGET $a:user :No such user or channel
        new> METADATA :a b LIST
        new< :srv FAIL METADATA INVALID_PARAMS * :Not the parameters this takes
        new> METADATA old SUB a
        new< :srv FAIL METADATA INVALID_TARGET old :No such user or channel
        new> METADATA old UNSUB a
        new< :srv FAIL METADATA INVALID_TARGET old :No such user or channel
        new> METADATA *ALL SUBS
        new< :srv FAIL METADATA INVALID_TARGET *ALL :No such user or channel
        new> METADATA *ALL LIST
        new< :srv FAIL METADATA INVALID_TARGET *ALL :No such user or channel
        new> METADATA * SET $url$ x
        new< :srv FAIL METADATA INVALID_KEY $url$ :This is no key
        new> METADATA * SET a:b x
        new< :srv FAIL METADATA INVALID_KEY a:b :This is no key
        new> METADATA * SET : x
        new< :srv FAIL METADATA INVALID_KEY * :This is no key
        new> METADATA * GET $ a
        new< :srv BATCH +b3 metadata new
        new< @batch=b3 :srv WARN METADATA INVALID_KEY $ :This is no key
        new< @batch=b3 :srv 766 new new a :Key not set
        new< :srv BATCH -b3
        new> METADATA * SET a 1234
        new< :srv FAIL METADATA INVALID_VALUE a :Value is too long
        new> METADATA * SET a \xff
        new< :srv FAIL METADATA INVALID_UTF8 :Message rejected, your client MUST send UTF-8
        new> METADATA * SET a x\ry
        new< :srv 400 new METADATA :NUL and CR can't stand within a line
        new> METADATA * SET a 123
        new< :srv 761 new new a * :123
        new> METADATA * SET b 1
        new< :srv FAIL METADATA LIMIT_REACHED new 1 :No more keys can be set
        new> METADATA * SET a 124
        new< :srv 761 new new a * :124
        new> METADATA * SET b
        new< :srv 766 new new b :Key not set
        new> METADATA * SUB $ a b c
        new< :srv WARN METADATA INVALID_KEY $ :This is no key
        new< :srv FAIL METADATA LIMIT_REACHED b 1 :No more keys can be subscribed to
        new< :srv 770 new a
        new< :srv BATCH +b4 metadata *ALL
        new< @batch=b4 :srv 761 new new a * :124
        new< :srv BATCH -b4
        new> METADATA * UNSUB $ b
        new< :srv WARN METADATA INVALID_KEY $ :This is no key
        new< :srv 771 new b

        old> METADATA
        old< :srv 461 old METADATA :Not enough parameters
        old> METADATA * GET
        old< :srv 461 old METADATA :Not enough parameters
        old> METADATA * SNEEZE
        old< :srv FAIL METADATA SUBCOMMAND_INVALID SNEEZE :No such subcommand
        old> METADATA none LIST
        old< :srv FAIL METADATA INVALID_TARGET none :No such user or channel
        old> METADATA * SET $ x
        old< :srv FAIL METADATA KEY_INVALID $ :This is no key
        old> METADATA * GET $
        old< :srv BATCH +b5 metadata old
        old< @batch=b5 :srv FAIL METADATA KEY_INVALID $ :This is no key
        old< :srv BATCH -b5
        old> METADATA * SET a 1234
        old< :srv FAIL METADATA VALUE_INVALID :Value is too long
        old> METADATA new SET a 1
        old< :srv FAIL METADATA KEY_NO_PERMISSION new a :You may not change this
        old> METADATA * SET a
        old< :srv FAIL METADATA KEY_NOT_SET a :Key is not set
        old> METADATA * SET a 1
        old< :srv 761 old old a * :1
        old> METADATA * SET b 1
        old< :srv FAIL METADATA LIMIT_REACHED old :No more keys can be set
        old> METADATA * SET a
        old< :srv 766 old old a :Key not set
        old> METADATA * SUB $ a b
        old< :srv FAIL METADATA KEY_INVALID $ :This is no key
        old< :srv FAIL METADATA TOO_MANY_SUBS b :No more keys can be subscribed to
        old< :srv 770 old a
    ",
    );
}

#[test]
fn subscriptions_are_told_once_each_and_in_lines_that_fit() {
    play(
        r"
        ann+ batch draft/metadata-2
        ann> METADATA * SUBS
        ann< :srv BATCH +b2 metadata-subs
        ann< :srv BATCH -b2
        ann> METADATA * SUB website avatar Avatar
        ann< :srv 770 ann website avatar avatar
        ann> METADATA ann SUBS
        ann< :srv BATCH +b3 metadata-subs
        ann< @batch=b3 :srv 772 ann avatar website
        ann< :srv BATCH -b3
        ann> METADATA * UNSUB website foo
        ann< :srv 771 ann website foo
        ann> METADATA * SUB a b c d e f g h i j k l m
        ann< :srv 770 ann a b c d e f g h i j k l m
        ann> METADATA * SUBS
        ann< :srv BATCH +b4 metadata-subs
        ann< @batch=b4 :srv 772 ann a avatar b c d e f g h i j k l
        ann< @batch=b4 :srv 772 ann m
        ann< :srv BATCH -b4
    ",
    );
    let mut stage = Stage::new(settings());
    stage.register("ann", "");
    for n in 0..50 {
        stage.say("ann", &format!("METADATA * SUB {n:k<64}"));
    }
    stage.heard("ann");
    stage.say("ann", "METADATA * SUBS");
    let lines = stage.heard("ann");
    assert!(lines.iter().all(|line| line.len() <= 510));
    let keys: usize = lines.iter().map(|line| line.split(' ').count() - 3).sum();
    assert_eq!(keys, 50);
}

#[test]
fn who_gives_the_capability_up_is_subscribed_to_nothing() {
    play(
        r"
        ann+ batch draft/metadata-3
        ann> METADATA * SUB a
        ann~
        ann> CAP REQ -batch
        ann< :srv CAP ann ACK :-batch
        ann> METADATA * SUBS
        ann> CAP REQ batch
        ann< :srv CAP ann ACK :batch
        ann< :srv BATCH +b2 metadata ann
        ann< :srv BATCH -b2
        ann> METADATA * SUB a
        ann~
        ann> CAP REQ -draft/metadata-3
        ann< :srv CAP ann ACK :-draft/metadata-3
        ann> METADATA * SUBS
        ann< :srv BATCH +b3 metadata-subs
        ann< :srv BATCH -b3
    ",
    );
}

#[test]
fn a_newcomer_sets_and_subscribes_before_registration_is_complete() {
    play(
        r"
        ann> METADATA * SET status early
        ann< :srv 451 * :You have not registered
        ann> CAP REQ :batch draft/metadata-3
        ann< :srv CAP * ACK :batch draft/metadata-3
        ann> NICK ann
        ann> METADATA * SUB display-name
        ann< :srv 770 * display-name
        ann> METADATA * SET display-name :a b c
        ann< :srv 761 * * display-name * :a b c
        ann> METADATA * SET x y
        ann> METADATA * SET x
        ann< :srv 761 * * x * :y
        ann< :srv 766 * * x :Key not set
        ann> METADATA ann SET x y
        ann< :srv FAIL METADATA INVALID_TARGET ann :No such user or channel
        ann> METADATA #a LIST
        ann< :srv FAIL METADATA INVALID_TARGET #a :No such user or channel
        ann> METADATA *ALL SYNC
        ann< :srv FAIL METADATA INVALID_TARGET *ALL :No such user or channel
        ann> METADATA * SYNC
        ann< :srv BATCH +b1 metadata *
        ann< @batch=b1 :srv 761 * * display-name * :a b c
        ann< :srv BATCH -b1
        ann> USER ann 0 * :Ann
        ann> CAP END
        ann~
        ann> METADATA * SUBS
        ann< :srv BATCH +b3 metadata-subs
        ann< @batch=b3 :srv 772 ann display-name
        ann< :srv BATCH -b3
        ann> METADATA * CLEAR
        ann< :srv BATCH +b4 metadata ann
        ann< @batch=b4 :srv 766 ann ann display-name :Key not set
        ann< :srv BATCH -b4
    ",
    );
}

#[test]
fn who_has_come_is_told_their_own_before_the_end_of_the_motd() {
    for (draft, told) in [
        ("draft/metadata-2", "@batch=b1 :srv METADATA ann status * :here"),
        ("draft/metadata-3", "@batch=b1 :srv 761 ann ann status * :here"),
    ] {
        let mut stage = Stage::new(settings());
        stage.say("ann", &format!("CAP REQ :batch {draft}"));
        for line in ["METADATA * SET status here", "NICK ann", "USER ann 0 * :Ann"] {
            stage.say("ann", line);
        }
        stage.heard("ann");
        stage.say("ann", "CAP END");
        let heard = stage.heard("ann");
        let tail = [":srv BATCH +b1 metadata ann", told, ":srv BATCH -b1"];
        assert_eq!(heard[heard.len() - 4..heard.len() - 1], tail);
        assert!(heard.last().unwrap().contains(" 422 "), "{heard:#?}");
    }
    play(
        r"
        ann+
        ann> METADATA * SET status here
        ann~
        ann> CAP REQ draft/metadata-2
        ann< :srv CAP ann ACK :draft/metadata-2
        ann> CAP REQ batch
        ann< :srv CAP ann ACK :batch
        ann< :srv BATCH +b1 metadata ann
        ann< @batch=b1 :srv METADATA ann status * :here
        ann< :srv BATCH -b1
    ",
    );
}

#[test]
fn a_change_is_told_once_to_each_who_has_subscribed_and_may_know() {
    play(
        r"
        ann+ batch draft/metadata-3
        old+ batch draft/metadata-2
        new+ batch draft/metadata-3
        far+ batch draft/metadata-3
        out+ batch draft/metadata-3
        dum+ batch draft/metadata-3
        ann> METADATA * SUB status
        old> METADATA * SUB status
        new> METADATA * SUB status
        far> METADATA * SUB status
        out> METADATA * SUB status
        dum> METADATA * SUB other
        ann> JOIN #a,#b
        old> JOIN #a,#b
        new> JOIN #a,#b
        dum> JOIN #a
        new> MONITOR + ann
        far> MONITOR + ann
        ann~
        old~
        new~
        far~
        out~
        dum~
        ann> METADATA * SET status :at work
        ann< :srv 761 ann ann status * :at work
        old< :srv METADATA ann status * :at work
        new< :srv 761 new ann status * :at work
        far< :srv 761 far ann status * :at work
        ann> METADATA * SET status :at work
        ann< :srv 761 ann ann status * :at work
        ann> METADATA * SET status
        ann< :srv 766 ann ann status :Key not set
        old< :srv METADATA ann status *
        new< :srv 766 new ann status :Key not set
        far< :srv 766 far ann status :Key not set
        ann> METADATA #a SET status busy
        ann< :srv 761 ann #a status * :busy
        old< :srv METADATA #a status * :busy
        new< :srv 761 new #a status * :busy
        ann> METADATA #a CLEAR
        ann~
        old< :srv METADATA #a status *
        new< :srv 766 new #a status :Key not set
    ",
    );
}

#[test]
fn in_an_auditorium_only_those_hear_who_see_and_are_told_of_those_they_see() {
    play(
        r"
        op+ batch draft/metadata-3
        ann+ batch draft/metadata-3
        bob+ batch draft/metadata-3
        op> JOIN #a
        op> MODE #a +u
        ann> JOIN #a
        op> METADATA * SUB status
        bob> METADATA * SUB status
        op> METADATA * SET status opping
        op~
        bob~
        ann~
        ann> METADATA * SET status here
        ann< :srv 761 ann ann status * :here
        op< :srv 761 op ann status * :here
        bob> JOIN #a
        bob< :bob!bob@localhost JOIN #a
        bob< :srv 353 bob = #a :@op bob
        bob< :srv 366 bob #a :End of /NAMES list
        bob< :srv BATCH +b6 metadata #a
        bob< @batch=b6 :srv 761 bob op status * :opping
        bob< :srv BATCH -b6
        op< :bob!bob@localhost JOIN #a
        ann> METADATA * SET status there
        ann< :srv 761 ann ann status * :there
        op< :srv 761 op ann status * :there
        bob> METADATA *ALL SYNC
        bob< :srv BATCH +b7 metadata *ALL
        bob< @batch=b7 :srv 761 bob op status * :opping
        bob< :srv BATCH -b7
    ",
    );
}

#[test]
fn who_joins_is_told_of_the_channel_and_its_members() {
    play(
        r"
        ann+
        ann> JOIN #a
        ann> METADATA * SET status here
        ann> METADATA * SET url x
        ann> METADATA #a SET status open
        ann~
        old+ batch draft/metadata-2 draft/no-implicit-names
        new+ batch draft/metadata-3 draft/no-implicit-names
        old> METADATA * SUB status
        old> METADATA * SET status too
        new> METADATA * SUB status
        old~
        new~
        old> JOIN #a
        old< :old!old@localhost JOIN #a
        old< :srv BATCH +b3 metadata #a
        old< @batch=b3 :srv METADATA #a status * :open
        old< @batch=b3 :srv METADATA ann status * :here
        old< @batch=b3 :srv METADATA old status * :too
        old< :srv BATCH -b3
        ann~
        new> JOIN #a
        new< :new!new@localhost JOIN #a
        new< :srv BATCH +b4 metadata #a
        new< @batch=b4 :srv 761 new #a status * :open
        new< @batch=b4 :srv 761 new ann status * :here
        new< @batch=b4 :srv 761 new old status * :too
        new< :srv BATCH -b4
        ann~
        old~
        new> JOIN #b
        new< :new!new@localhost JOIN #b
        new< :srv BATCH +b5 metadata #b
        new< :srv BATCH -b5
        old> METADATA * SET status
        old> JOIN #c
        old< :srv 766 old old status :Key not set
        old< :old!old@localhost JOIN #c
        new< :srv 766 new old status :Key not set
    ",
    );
}

#[test]
fn who_subscribes_is_told_what_there_is() {
    play(
        r"
        ann+
        bob+
        cat+
        ann> JOIN #a
        ann> JOIN #b
        ann> METADATA * SET status here
        ann> METADATA * SET url x
        ann> METADATA #a SET status open
        bob> METADATA * SET status watched
        cat> METADATA * SET status unknown
        ann~
        bob~
        cat~
        new+ batch draft/metadata-3
        new> METADATA * SET status mine
        new> JOIN #a,#b
        new> MONITOR + bob,ann,none
        new~
        ann~
        new> METADATA * SUB status
        new< :srv 770 new status
        new< :srv BATCH +b6 metadata *ALL
        new< @batch=b6 :srv 761 new new status * :mine
        new< @batch=b6 :srv 761 new ann status * :here
        new< @batch=b6 :srv 761 new bob status * :watched
        new< @batch=b6 :srv 761 new #a status * :open
        new< :srv BATCH -b6
        new> METADATA * SUB status
        new< :srv 770 new status
        new> METADATA * SUB none
        new< :srv 770 new none
        new< :srv 774 new *ALL 1 :Ask again with METADATA SYNC
    ",
    );
}

#[test]
fn who_watches_is_told_of_those_who_are_here_and_who_come() {
    play(
        r"
        bob+
        bob> METADATA * SET status here
        bob~
        old+ batch draft/metadata-2
        new+ batch draft/metadata-3
        old> METADATA * SUB status
        new> METADATA * SUB status
        old~
        new~
        new> MONITOR + bob,ann
        new< :srv 730 new :bob!bob@localhost
        new< :srv 731 new :ann
        new< :srv BATCH +b3 metadata bob
        new< @batch=b3 :srv 761 new bob status * :here
        new< :srv BATCH -b3
        old> MONITOR + bob,ann
        old< :srv 730 old :bob!bob@localhost
        old< :srv 731 old :ann
        old< :srv BATCH +b4 metadata bob
        old< @batch=b4 :srv METADATA bob status * :here
        old< :srv BATCH -b4
        new> MONITOR S
        new< :srv 730 new :bob!bob@localhost
        new< :srv 731 new :ann
        new< :srv BATCH +b5 metadata bob
        new< @batch=b5 :srv 761 new bob status * :here
        new< :srv BATCH -b5
        ann+
        new< :srv 730 new :ann!ann@localhost
        new< :srv BATCH +b6 metadata ann
        new< :srv BATCH -b6
        old< :srv 730 old :ann!ann@localhost
        ann> QUIT
        ann~
        ann!
        old~
        new~
        bob> NICK ann
        bob~
        old~
        new< :srv 731 new :bob
        new< :srv 730 new :ann!bob@localhost
        new< :srv BATCH +b7 metadata ann
        new< @batch=b7 :srv 761 new ann status * :here
        new< :srv BATCH -b7
    ",
    );
}

#[test]
fn sync_answers_for_oneself_another_a_channel_and_all() {
    play(
        r"
        ann+ batch draft/metadata-3
        out+ batch draft/metadata-3
        ann> JOIN #a
        ann> METADATA * SET status here
        ann> METADATA * SET url x
        ann> METADATA #a SET status open
        out> METADATA * SUB status
        ann> METADATA * SUB url
        ann~
        out~
        ann> METADATA * SYNC
        ann< :srv BATCH +b5 metadata ann
        ann< @batch=b5 :srv 761 ann ann url * :x
        ann< :srv BATCH -b5
        out> METADATA ann SYNC
        out< :srv BATCH +b6 metadata ann
        out< @batch=b6 :srv 761 out ann status * :here
        out< :srv BATCH -b6
        out> METADATA #a SYNC
        out< :srv BATCH +b7 metadata #a
        out< @batch=b7 :srv 761 out #a status * :open
        out< @batch=b7 :srv 761 out ann status * :here
        out< :srv BATCH -b7
        ann> MODE ann +i
        ann~
        out> METADATA #a SYNC
        out< :srv BATCH +b8 metadata #a
        out< @batch=b8 :srv 761 out #a status * :open
        out< :srv BATCH -b8
        out> METADATA *ALL SYNC
        out< :srv BATCH +b9 metadata *ALL
        out< :srv BATCH -b9
        out> METADATA none SYNC
        out< :srv FAIL METADATA INVALID_TARGET none :No such user or channel
    ",
    );
}

#[test]
fn whois_shows_what_people_read_of_a_profile() {
    play(
        r"
        ann+
        bob+
        ann> METADATA * SET display-name :Ann of Green Gables
        ann> METADATA * SET pronouns she/her
        ann> METADATA * SET secret-plan x
        ann~
        bob> WHOIS ann
        bob< :srv 311 bob ann ann localhost * :ANN real
        bob< :srv 312 bob ann srv :Net
        bob< :srv 760 bob ann display-name * :Ann of Green Gables
        bob< :srv 760 bob ann pronouns * :she/her
        bob< :srv 317 bob ann 0 1767225600 :seconds idle, signon time
        bob< :srv 318 bob ann :End of /WHOIS list
    ",
    );
}

#[test]
fn a_labelled_answer_that_is_one_batch_carries_its_label() {
    play(
        r"
        ann+ batch labeled-response draft/metadata-3
        ann> @label=1 METADATA * SET a 1
        ann< @label=1 :srv 761 ann ann a * :1
        ann> @label=2 METADATA * LIST
        ann< @label=2 :srv BATCH +b4 metadata ann
        ann< @batch=b4 :srv 761 ann ann a * :1
        ann< :srv BATCH -b4
        ann> @label=3 METADATA * SUB a
        ann< @label=3 :srv BATCH +b5 labeled-response
        ann< @batch=b5 :srv 770 ann a
        ann< @batch=b5 :srv BATCH +b6 metadata *ALL
        ann< @batch=b6 :srv 761 ann ann a * :1
        ann< @batch=b5 :srv BATCH -b6
        ann< :srv BATCH -b5
        ann> @label=4 METADATA * SUBS
        ann< @label=4 :srv BATCH +b8 metadata-subs
        ann< @batch=b8 :srv 772 ann a
        ann< :srv BATCH -b8
        ann> @label=5 METADATA * SNEEZE
        ann< @label=5 :srv FAIL METADATA INVALID_PARAMS SNEEZE :No such subcommand
        ann> @label=6 METADATA * SYNC
        ann< @label=6 :srv BATCH +b11 metadata ann
        ann< @batch=b11 :srv 761 ann ann a * :1
        ann< :srv BATCH -b11
    ",
    );
}

/// Everyone in `#a` with as many keys as one may have, and one who has subscribed to all.
fn crowd(users: usize, keys: usize, caps: &str) -> Stage {
    let mut stage = Stage::new(settings());
    for n in 0..users {
        let name = format!("u{n}");
        stage.register(&name, "");
        stage.say(&name, "JOIN #a");
        for key in 0..keys {
            stage.say(&name, &format!("METADATA * SET k{key:02} :{}", "v".repeat(100)));
        }
    }
    stage.register("new", caps);
    for key in 0..keys {
        stage.say("new", &format!("METADATA * SUB k{key:02}"));
    }
    stage.heard("new");
    stage
}

#[test]
fn what_is_too_much_to_be_said_unasked_is_said_when_asked_for_and_all_of_it() {
    let mut stage = crowd(60, 20, "batch labeled-response draft/metadata-3");
    stage.say("new", "JOIN #a");
    let heard = stage.heard("new");
    let later = ":srv 774 new #a 1 :Ask again with METADATA SYNC";
    assert_eq!(heard.last().unwrap(), later);
    assert!(!heard.iter().any(|line| line.contains(" 761 ")));
    for (asked, target) in [("#a", "#a"), ("*ALL", "*ALL")] {
        stage.say("new", &format!("@label=x METADATA {asked} SYNC"));
        let heard = stage.heard("new");
        let (first, last) = (&heard[0], heard.last().unwrap());
        assert!(first.starts_with("@label=x :srv BATCH +"), "{first}");
        assert!(first.ends_with(&format!(" metadata {target}")), "{first}");
        let reference = first.split(['+', ' ']).nth(4).unwrap();
        assert_eq!(*last, format!(":srv BATCH -{reference}"));
        let told = format!("@batch={reference} :srv 761 new ");
        let values = &heard[1..heard.len() - 1];
        assert!(values.iter().all(|line| line.starts_with(&told)), "{:#?}", &values[..3]);
        assert_eq!(values.len(), 60 * 20);
    }
    stage.say("new", "METADATA * UNSUB k00");
    stage.heard("new");
    stage.say("new", "METADATA * SUB k00");
    assert_eq!(stage.heard("new").len(), 1 + 2 + 60, "few enough at once");
    stage.say("new", "PING still-here");
    assert_eq!(stage.heard("new"), [":srv PONG srv :still-here"]);
}

#[test]
fn who_subscribes_to_much_is_told_to_ask_later() {
    let mut stage = crowd(60, 20, "batch draft/metadata-3");
    stage.say("new", "JOIN #a");
    stage.say("new", "METADATA * UNSUB k00 k01 k02 k03 k04 k05 k06 k07 k08 k09");
    stage.heard("new");
    stage.say("new", "METADATA * SUB k00 k01 k02 k03 k04 k05 k06 k07 k08 k09");
    assert_eq!(
        stage.heard("new"),
        [
            ":srv 770 new k00 k01 k02 k03 k04 k05 k06 k07 k08 k09",
            ":srv 774 new *ALL 1 :Ask again with METADATA SYNC",
        ]
    );
}

#[test]
fn what_a_label_holds_back_counts_as_said() {
    for label in ["", "@label=1 "] {
        let mut stage = crowd(8, 20, "batch labeled-response draft/metadata-3");
        for n in 0..8 {
            stage.say(&format!("u{n}"), "JOIN #b");
        }
        stage.say("new", &format!("{label}JOIN #a,#b"));
        let heard = stage.heard("new");
        assert_eq!(heard.iter().filter(|line| line.contains(" 761 ")).count(), 8 * 20);
        let is_later = |line: &&String| line.contains(":srv 774 new #b 1 ");
        assert_eq!(heard.iter().filter(is_later).count(), 1, "{label}");
    }
}
