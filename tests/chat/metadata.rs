//! METADATA: keys and values, set, read and removed. `old` uses the earlier of the two drafts,
//! `new` the later.

use crate::script::{play, play_with};
use crate::stage::{Stage, operator, settings};
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
        scene #a ann[batch draft/metadata-3] bob[batch draft/metadata-3]
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
        scene #a ann
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
