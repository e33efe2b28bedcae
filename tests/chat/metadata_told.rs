//! METADATA notifications: on changes, joins, MONITOR and subscriptions, and how much at once.
//! `old` uses the earlier of the two drafts, `new` the later.

use crate::script::play;
use crate::stage::{Stage, settings};

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

/// All users in `#a` with the maximum of keys, and one who has subscribed to all of them.
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
