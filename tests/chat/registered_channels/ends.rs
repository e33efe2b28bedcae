//! The end of a registration, or its change of name: DROP, RENAME, removed accounts; also while a
//! reply is pending.

use super::{ANN_HAS_A, ANN_IS_BACK, after, with_operator};
use crate::script::play_with;
use crate::stage::{Stage, settings};
use stonechat::store::{Reply, Request};

#[test]
fn a_dropped_channel_is_like_any_other() {
    after(
        ANN_HAS_A,
        "ann> CS DROP #a
         ann< :ChanServ!services@srv NOTICE ann :Once #a is empty, all of it is deleted.
         ann< :ChanServ!services@srv NOTICE ann :If you want that: DROP #a #a
         ann> CS DROP #a #b
         ann< :ChanServ!services@srv NOTICE ann :DROP takes a channel and no more: DROP #channel.
         ann> CS DROP #a #A
         ann< :ChanServ!services@srv NOTICE ann :It is not registered any more.
         ann> CS DROP #a #a
         ann< :ChanServ!services@srv NOTICE ann :There is no registered channel of that name.
         ann> NAMES #a
         ann< :srv 353 ann = #a :~ann
         ann< :srv 366 ann #a :End of /NAMES list
         ann> TOPIC #a :not kept
         ann> MODE #a +i
         ann> PART #a
         ann~
         bob+
         bob> LIST
         bob< :srv 321 bob Channel :Users  Name
         bob< :srv 323 bob :End of /LIST
         bob> JOIN #a
         bob< :bob!bob@localhost JOIN #a
         bob< :srv 353 bob = #a :@bob
         bob< :srv 366 bob #a :End of /NAMES list
         restart
         bob+
         bob> LIST
         bob< :srv 321 bob Channel :Users  Name
         bob< :srv 323 bob :End of /LIST",
    );
    after(
        ANN_HAS_A,
        "ann> PART #a
         ann~
         ann> CS DROP #a #a
         ann< :ChanServ!services@srv NOTICE ann :It is not registered any more.
         ann> MODE #a
         ann< :srv 403 ann #a :No such channel",
    );
}

#[test]
fn with_an_account_its_channels_and_ranks_go() {
    after(
        ANN_HAS_A,
        "bob+ draft/no-implicit-names
         bob> NS REGISTER secret
         bob> JOIN #b
         bob> CS REGISTER #b
         bob> CS AMODE #b +o ann
         bob> JOIN #c
         bob> CS REGISTER #c
         bob> PART #c
         bob~
         ann> NS DROP ann secret
         ann~
         bob> CS AMODE #b
         bob< :ChanServ!services@srv NOTICE bob :#b +q bob, who has registered it
         bob> CS INFO #a
         bob< :ChanServ!services@srv NOTICE bob :There is no registered channel of that name.
         bob> NS DROP bob secret
         bob~
         eve+
         eve> LIST
         eve< :srv 321 eve Channel :Users  Name
         eve< :srv 322 eve #a 1 :
         eve< :srv 322 eve #b 1 :
         eve< :srv 323 eve :End of /LIST
         ann> NS REGISTER secret
         ann~
         ann> PART #a
         ann> JOIN #b
         bob~
         ann< :ann!ann@localhost PART #a
         ann< :ann!ann@localhost JOIN #b
         restart
         eve+
         eve> LIST
         eve< :srv 321 eve Channel :Users  Name
         eve< :srv 323 eve :End of /LIST",
    );
}

#[test]
fn what_was_asked_is_done_also_if_the_asker_is_gone_by_then() {
    for (asked, left) in
        [("NS DROP ann", ""), ("CS DROP #a #a", ""), ("NS INFO ann", "bob< :srv 322 bob #a 0 :")]
    {
        play_with(
            with_operator(),
            &format!(
                "{ANN_HAS_A}
                 bob+
                 bob> OPER root sesame
                 bob~
                 cat+
                 cat> OPER root sesame
                 cat~
                 ann> PART #a
                 ann~
                 disk stalls
                 cat> {asked}
                 bob> KILL cat
                 bob~
                 cat~
                 cat!
                 disk well
                 ann~
                 bob> LIST
                 bob< :srv 321 bob Channel :Users  Name
                 {left}
                 bob< :srv 323 bob :End of /LIST"
            ),
        );
    }
}

#[test]
fn an_account_that_goes_meanwhile_registers_nothing() {
    play_with(
        with_operator(),
        &format!(
            "{ANN_HAS_A}
             bob+
             bob> OPER root sesame
             bob~
             ann> JOIN #b
             ann~
             disk stalls
             bob> NS DROP ann
             ann> TOPIC #a :meanwhile
             ann< :ann!ann@localhost TOPIC #a :meanwhile
             ann> CS REGISTER #b
             disk well
             bob< :NickServ!services@srv NOTICE bob :The account ann is removed.
             ann< :srv 901 ann ann!ann@localhost :You are now logged out
             ann< :ChanServ!services@srv NOTICE ann :It is not registered: your account no longer exists.
             ann> PART #a,#b
             ann~
             bob> LIST
             bob< :srv 321 bob Channel :Users  Name
             bob< :srv 323 bob :End of /LIST"
        ),
    );
    // A later account of the same name does not own the channel.
    play_with(
        with_operator(),
        &format!(
            "{ANN_HAS_A}
             bob+
             bob> OPER root sesame
             bob~
             cat+
             cat> OPER root sesame
             cat~
             disk stalls
             bob> NS DROP ann
             cat> NS SAREGISTER ann other
             ann> TOPIC #a :meanwhile
             ann~
             disk well
             bob~
             cat~
             ann~
             restart
             eve+
             eve> CS INFO #a
             eve< :ChanServ!services@srv NOTICE eve :There is no registered channel of that name."
        ),
    );
    // By `stonechatd account remove`, which the daemon notices with the next change.
    let mut stage = Stage::new(settings());
    stage.register("ann", "");
    for line in ["NS REGISTER secret", "JOIN #a", "CS REGISTER #a"] {
        stage.say("ann", line);
    }
    let removed = stage.ask_disk(Request::DropAccount { folded: "ann".to_owned() });
    assert_eq!(removed, Reply::Dropped);
    for line in ["TOPIC #a :news", "PART #a"] {
        stage.say("ann", line);
    }
    stage.heard("ann");
    stage.say("ann", "MODE #a");
    assert_eq!(stage.heard("ann"), [":srv 403 ann #a :No such channel"]);
}

#[test]
fn a_registered_channel_is_renamed_by_who_has_registered_it() {
    after(
        ANN_HAS_A,
        &format!(
            "bob+ draft/no-implicit-names
             bob> JOIN #a
             bob~
             ann~
             ann> MODE #a +o bob
             ann> TOPIC #a :news
             ann~
             bob~
             bob> RENAME #a #b
             bob< :srv FAIL RENAME CANNOT_RENAME #a #b :Only who has registered a channel may rename it
             ann> RENAME #a #A
             ann> RENAME #A #b
             ann~
             bob~
             bob> LIST
             bob< :srv 321 bob Channel :Users  Name
             bob< :srv 322 bob #b 2 :news
             bob< :srv 323 bob :End of /LIST
             bob> JOIN #a
             bob< :bob!bob@localhost JOIN #a
             bob> CS INFO #b
             bob< :ChanServ!services@srv NOTICE bob :Channel #b, made 2026-01-01T00:00:00Z, registered by ann
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
fn who_is_first_to_ask_has_the_channel_and_what_is_asked_for_gives_no_rights_yet() {
    play_with(
        with_operator(),
        "ann+ draft/no-implicit-names
         bob+ draft/no-implicit-names
         bob> OPER root sesame
         ann> NS REGISTER secret
         bob> NS REGISTER secret
         scene #a ann bob+o
         disk stalls
         ann> CS REGISTER #a
         bob> CS REGISTER #a
         bob< :ChanServ!services@srv NOTICE bob :It is being registered at this moment.
         bob> CS INFO #a
         bob< :ChanServ!services@srv NOTICE bob :There is no registered channel of that name.
         bob> TOPIC #a :meanwhile
         ann< :bob!bob@localhost TOPIC #a :meanwhile
         bob< :bob!bob@localhost TOPIC #a :meanwhile
         bob> PART #a
         ann< :bob!bob@localhost PART #a
         bob< :bob!bob@localhost PART #a
         bob> KILL ann
         bob~
         ann~
         ann!
         disk well
         bob> CS INFO #a
         bob< :ChanServ!services@srv NOTICE bob :Channel #a, made 2026-01-01T00:00:00Z, registered by ann
         restart
         eve+ draft/no-implicit-names
         eve> JOIN #a
         eve< :eve!eve@localhost JOIN #a
         eve< :srv 332 eve #a :meanwhile
         eve< :srv 333 eve #a bob!bob@localhost 1767225600",
    );
    play_with(
        with_operator(),
        "bob+
         bob> OPER root sesame
         bob~
         ann+
         ann> NS REGISTER secret
         ann> JOIN #a
         ann~
         disk stalls
         ann> CS REGISTER #a
         bob> KILL ann
         bob~
         ann~
         ann!
         bob> MODE #a
         bob< :srv 324 bob #a +nt
         bob< :srv 329 bob #a 1767225600
         disk full
         bob> MODE #a
         bob< :srv 403 bob #a :No such channel",
    );
}

#[test]
fn what_was_said_in_a_closed_channel_is_not_read_by_who_has_its_name_later() {
    let endings = [("CS DROP #a #a", "#a"), ("RENAME #a #b", "#b"), ("NS DROP ann secret", "#a")];
    for (ending, name) in endings {
        for (modes, early, found) in [("+i", false, 0), ("+i", true, 0), ("+m", false, 1)] {
            let mut stage = Stage::new(settings());
            stage.register("ann", "draft/channel-rename");
            let (closing, leaving) = (format!("MODE #a {modes}"), format!("PART {name}"));
            let (before, after) = if early { (&*closing, "") } else { ("", &*closing) };
            let lines = ["REGISTER * * secret", "JOIN #a", before, "CS REGISTER #a", after];
            let more = ["PRIVMSG #a :between us", ending, &leaving];
            lines.iter().chain(&more).for_each(|line| stage.say("ann", line));
            stage.register("eve", "");
            stage.say("eve", "JOIN #a");
            stage.heard("eve");
            stage.say("eve", "CHATHISTORY LATEST #a * 10");
            let heard = stage.heard("eve");
            let said = heard.iter().filter(|line| line.contains("between us")).count();
            assert_eq!(said, found, "{modes} {ending}: {heard:?}");
        }
    }
}
