//! Registered channels when the disk is full or stalls, or the server is killed.

use super::{ANN_HAS_A, ANN_IS_BACK, after};
use crate::script::play;
use crate::stage::{Stage, settings};
use crate::world::disk::State;
use std::collections::BTreeSet;

#[test]
fn whatever_the_disk_does_a_renamed_channel_is_kept() {
    // Not stored under the new name yet: it is still there under the old one.
    after(
        ANN_HAS_A,
        &format!(
            "disk full
             ann> RENAME #a #b
             ann~
             ann> RENAME #b #c
             ann< :srv FAIL RENAME CANNOT_RENAME #b #c :It is still being kept under the name it has; try again
             ann> CS DROP #b #b
             ann< :ChanServ!services@srv NOTICE ann :Its last RENAME is still being stored; try again.
             restart
             disk well
             {ANN_IS_BACK}
             ann> CS INFO #a
             ann< :ChanServ!services@srv NOTICE ann :Channel #a, made 2026-01-01T00:00:00Z, registered by ann
             ann> CS INFO #b
             ann< :ChanServ!services@srv NOTICE ann :There is no registered channel of that name."
        ),
    );
    // A new channel of the old name keeps that.
    after(
        ANN_HAS_A,
        &format!(
            "disk full
             ann> RENAME #a #b
             ann~
             bob+
             bob> NS REGISTER secret
             bob~
             disk well
             bob> NS REGISTER secret
             bob> JOIN #a
             bob> CS REGISTER #a
             bob~
             ann> TOPIC #b :news
             ann~
             ann> RENAME #b #c
             ann~
             restart
             {ANN_IS_BACK}
             ann> CS INFO #a
             ann< :ChanServ!services@srv NOTICE ann :Channel #a, made 2026-01-01T00:00:00Z, registered by bob
             ann> CS INFO #b
             ann< :ChanServ!services@srv NOTICE ann :There is no registered channel of that name.
             ann> CS INFO #c
             ann< :ChanServ!services@srv NOTICE ann :Channel #c, made 2026-01-01T00:00:00Z, registered by ann"
        ),
    );
    // While an earlier change is being written.
    after(
        ANN_HAS_A,
        &format!(
            "disk stalls
             ann> TOPIC #a :news
             ann> RENAME #a #b
             ann~
             disk well
             restart
             {ANN_IS_BACK}
             ann> LIST
             ann< :srv 321 ann Channel :Users  Name
             ann< :srv 322 ann #b 0 :news
             ann< :srv 323 ann :End of /LIST"
        ),
    );
}

#[test]
fn a_renamed_channel_is_kept_under_one_name_at_least_whenever_the_server_is_killed() {
    let mut met = BTreeSet::new();
    for requests in 0..12 {
        let mut stage = Stage::new(settings());
        stage.register("ann", "");
        for line in ["NS REGISTER secret", "JOIN #a", "CS REGISTER #a"] {
            stage.say("ann", line);
        }
        stage.disk(State::Stalls);
        // The first is being written when the channel is renamed.
        for line in ["TOPIC #a :news", "RENAME #a #b"] {
            stage.say("ann", line);
        }
        stage.disk_changes(State::Well, requests, State::Stalls);
        stage.restart();
        stage.disk(State::Well);
        stage.register("bob", "");
        stage.say("bob", "LIST");
        let listed = stage.heard("bob").into_iter().filter(|line| line.contains(" 322 "));
        let names = listed.map(|line| line.split(' ').nth(3).unwrap_or_default().to_owned());
        met.insert(names.collect::<Vec<String>>());
    }
    let all = [vec!["#a"], vec!["#a", "#b"], vec!["#b"]];
    assert_eq!(met, all.map(|names| names.iter().map(|name| name.to_string()).collect()).into());
}

#[test]
fn what_the_store_has_not_kept_is_not_registered() {
    play(
        "ann+ draft/no-implicit-names
         ann> NS REGISTER secret
         ann> JOIN #a
         ann~
         disk full
         ann> CS REGISTER #a
         ann< :ChanServ!services@srv NOTICE ann :It is not registered: no space is left on the disk for the database.
         ann> CS INFO #a
         ann< :ChanServ!services@srv NOTICE ann :There is no registered channel of that name.
         disk stalls
         ann> CS REGISTER #a
         restart
         disk well
         bob+
         bob> LIST
         bob< :srv 321 bob Channel :Users  Name
         bob< :srv 323 bob :End of /LIST",
    );
}

#[test]
fn what_could_not_be_kept_is_kept_with_the_next_change() {
    after(
        ANN_HAS_A,
        "disk full
         ann> TOPIC #a :one
         ann< :ann!ann@localhost TOPIC #a :one
         ann> MODE #a +i
         ann< :ann!ann@localhost MODE #a +i
         disk well
         ann> MODE #a +s
         ann< :ann!ann@localhost MODE #a +s
         restart
         bob+
         bob> MODE #a
         bob< :srv 403 bob #a :No such channel
         bob> JOIN #a
         bob< :srv 473 bob #a :Cannot join channel (+i)",
    );
    after(
        ANN_HAS_A,
        "disk full
         ann> CS DROP #a #a
         ann< :ChanServ!services@srv NOTICE ann :It stays registered: no space is left on the disk for the database.
         disk well
         restart
         bob+
         bob> CS INFO #a
         bob< :ChanServ!services@srv NOTICE bob :Channel #a, made 2026-01-01T00:00:00Z, registered by ann",
    );
}

#[test]
fn a_dropped_channel_does_not_come_back_by_what_is_changed_meanwhile() {
    let meanwhile = "bob+ draft/no-implicit-names
         bob> JOIN #a
         bob~
         ann~
         ann> MODE #a +o bob
         ann~
         bob~
         disk stalls
         ann> CS DROP #a #a
         bob> TOPIC #a :meanwhile
         ann~
         bob~
         bob> CS REGISTER #a
         bob< :ChanServ!services@srv NOTICE bob :Log in first.";
    after(
        ANN_HAS_A,
        &format!(
            "{meanwhile}
             disk well
             ann< :ChanServ!services@srv NOTICE ann :It is not registered any more.
             restart
             bob+
             bob> MODE #a
             bob< :srv 403 bob #a :No such channel"
        ),
    );
    after(
        ANN_HAS_A,
        &format!(
            "{meanwhile}
             disk full
             ann< :ChanServ!services@srv NOTICE ann :It stays registered: no space is left on the disk for the database.
             disk well
             bob> MODE #a +m
             ann~
             bob~
             restart
             bob+
             bob> TOPIC #a
             bob< :srv 332 bob #a :meanwhile
             bob< :srv 333 bob #a bob!bob@localhost 1767225600"
        ),
    );
}

#[test]
fn what_was_changed_while_a_drop_failed_is_kept() {
    // With and without a save under way when DROP comes.
    for (before, requests) in [("", 2), ("bob> TOPIC #a :before\nann~\nbob~", 4)] {
        after(
            ANN_HAS_A,
            &format!(
                "bob+ draft/no-implicit-names
                 bob> JOIN #a
                 bob~
                 ann~
                 ann> MODE #a -t
                 ann~
                 bob~
                 disk stalls
                 {before}
                 ann> CS DROP #a #a
                 bob> TOPIC #a :meanwhile
                 ann~
                 bob~
                 disk full {requests} well
                 ann< :ChanServ!services@srv NOTICE ann :It stays registered: no space is left on the disk for the database.
                 restart
                 bob+
                 bob> TOPIC #a
                 bob< :srv 332 bob #a :meanwhile
                 bob< :srv 333 bob #a bob!bob@localhost 1767225600"
            ),
        );
    }
}

#[test]
fn many_changes_are_one_request() {
    let mut stage = Stage::new(settings());
    stage.register("ann", "");
    for line in ["NS REGISTER secret", "JOIN #a", "CS REGISTER #a"] {
        stage.say("ann", line);
    }
    stage.disk(State::Stalls);
    for n in 0..200 {
        stage.say("ann", &format!("TOPIC #a :news {n}"));
    }
    stage.disk(State::Well);
    stage.restart();
    stage.register("bob", "");
    stage.say("bob", "TOPIC #a");
    assert_eq!(stage.heard("bob")[0], ":srv 332 bob #a :news 199");
}

#[test]
fn a_rank_by_account_is_there_after_a_start_though_its_user_could_not_be_kept() {
    after(
        ANN_HAS_A,
        "bob+ draft/no-implicit-names
         bob> NS REGISTER secret
         bob> NS SET always-on on
         bob> JOIN #a
         bob~
         ann~
         disk full 3 well
         ann> CS AMODE #a +o bob
         ann~
         bob~
         restart
         eve+
         eve> JOIN #a
         eve< :eve!eve@localhost JOIN #a
         eve< :srv 353 eve = #a :@bob eve
         eve< :srv 366 eve #a :End of /NAMES list",
    );
}
