//! Registered channels: ChanServ, ranks by account, what is there again after a start, and what
//! becomes of all that when the disk fails.

use crate::stage::{Stage, operator, play, play_with, settings};
use crate::world::disk::State;
use proptest::prelude::*;
use std::collections::BTreeSet;
use stonechat::chat::{Limits, Settings};
use stonechat::store::{Reply, Request};

/// Has `ann` register the channel `#a`, and forgets what is heard of it.
const ANN_HAS_A: &str = "
    ann+ draft/no-implicit-names
    ann> NS REGISTER secret
    ann> JOIN #a
    ann> CS REGISTER #a
    ann~";

/// Has `ann` come again, and log in.
const ANN_IS_BACK: &str = "
    ann> CAP REQ :sasl draft/no-implicit-names
    ann> AUTHENTICATE PLAIN
    ann> AUTHENTICATE AGFubgBzZWNyZXQ=
    ann> NICK ann
    ann> USER ann 0 * :Ann
    ann> CAP END
    ann~";

#[track_caller]
fn after(beginning: &str, script: &str) {
    play(&format!("{beginning}\n{script}"));
}

fn with_operator() -> Settings {
    Settings { operators: vec![operator("root", "sesame")], ..settings() }
}

#[test]
fn a_channel_is_registered_by_its_operator() {
    play(
        "ann+ draft/no-implicit-names
         bob+ draft/no-implicit-names
         ann> CS REGISTER #a
         ann< :ChanServ!services@srv NOTICE ann :Log in first.
         ann> NS REGISTER secret
         bob> NS REGISTER secret
         ann~
         bob~
         ann> CS REGISTER #a
         ann< :ChanServ!services@srv NOTICE ann :Join it first.
         ann> JOIN #a
         bob> JOIN #a
         ann~
         bob~
         bob> CHANSERV REGISTER #a
         bob< :ChanServ!services@srv NOTICE bob :Only its operators may register a channel.
         ann> CS INFO #a
         ann< :ChanServ!services@srv NOTICE ann :There is no registered channel of that name.
         ann> PRIVMSG chanserv :register #A
         ann< :ChanServ!services@srv MODE #a +q ann
         ann< :ChanServ!services@srv NOTICE ann :The channel #a is yours.
         bob< :ChanServ!services@srv MODE #a +q ann
         ann> CS REGISTER #a
         ann< :ChanServ!services@srv NOTICE ann :It is registered already.
         bob> CS INFO #a
         bob< :ChanServ!services@srv NOTICE bob :Channel #a, made 2026-01-01T00:00:00Z, registered by ann
         bob> CS WHAT
         bob< :ChanServ!services@srv NOTICE bob :I don't understand that; say HELP.
         bob> NOTICE ChanServ :INFO #a",
    );
}

#[test]
fn it_stays_with_all_that_was_set_when_its_last_member_leaves() {
    after(
        ANN_HAS_A,
        "ann> TOPIC #a :news
         ann> MODE #a +k key
         ann> PART #a
         ann~
         +60s
         bob+
         bob> LIST
         bob< :srv 321 bob Channel :Users  Name
         bob< :srv 322 bob #a 0 :news
         bob< :srv 323 bob :End of /LIST
         bob> LIST >0
         bob< :srv 321 bob Channel :Users  Name
         bob< :srv 323 bob :End of /LIST
         bob> NAMES #a
         bob< :srv 366 bob #a :End of /NAMES list
         bob> WHO #a
         bob< :srv 315 bob #a :End of /WHO list
         bob> LUSERS
         bob< :srv 251 bob :There are 2 users and 0 invisible on 1 servers
         bob< :srv 252 bob 0 :operator(s) online
         bob< :srv 253 bob 0 :unknown connection(s)
         bob< :srv 254 bob 1 :channels formed
         bob< :srv 255 bob :I have 2 clients and 0 servers
         bob< :srv 265 bob 2 2 :Current local users 2, max 2
         bob< :srv 266 bob 2 2 :Current global users 2, max 2
         bob> JOIN #a
         bob< :srv 475 bob #a :Cannot join channel (+k)
         bob> JOIN #a key
         bob< :bob!bob@localhost JOIN #a
         bob< :srv 332 bob #a :news
         bob< :srv 333 bob #a ann!ann@localhost 1767225600
         bob< :srv 353 bob = #a :bob
         bob< :srv 366 bob #a :End of /NAMES list
         bob> MODE #a
         bob< :srv 324 bob #a +ntk key
         bob< :srv 329 bob #a 1767225600
         ann> JOIN #a
         ann< :ann!ann@localhost JOIN #a
         ann< :ChanServ!services@srv MODE #a +q ann
         ann< :srv 332 ann #a :news
         ann< :srv 333 ann #a ann!ann@localhost 1767225600
         bob< :ann!ann@localhost JOIN #a
         bob< :ChanServ!services@srv MODE #a +q ann",
    );
}

#[test]
fn it_is_there_again_after_a_start() {
    let before = "
         ann+ draft/no-implicit-names
         ann> NS REGISTER secret
         ann> JOIN #before
         ann> JOIN #A
         +5s
         ann> CS REGISTER #a
         ann> MODE #A +isklfbbe key 5 #before *!*@192.0.2.1 m:bob eve
         ann> MODE #A +I a:bob
         ann> TOPIC #A :some news
         ann> METADATA #A SET url :https://example.org
         ann> QUIT
         ann~
         ann!";
    let after = "
         ann> JOIN #a
         ann< :ann!ann@localhost JOIN #A
         ann< :ChanServ!services@srv MODE #A +q ann
         ann< :srv 332 ann #A :some news
         ann< :srv 333 ann #A ann!ann@localhost 1767225605
         ann> MODE #A
         ann< :srv 324 ann #A +instklf key 5 #before
         ann< :srv 329 ann #A 1767225600
         ann> MODE #A beI
         ann< :srv 367 ann #A *!*@192.0.2.1 ann!ann@localhost 1767225605
         ann< :srv 367 ann #A m:bob!*@* ann!ann@localhost 1767225605
         ann< :srv 368 ann #A :End of channel ban list
         ann< :srv 348 ann #A eve!*@* ann!ann@localhost 1767225605
         ann< :srv 349 ann #A :End of channel ban exception list
         ann< :srv 346 ann #A a:bob ann!ann@localhost 1767225605
         ann< :srv 347 ann #A :End of channel invite exception list
         ann> METADATA #A LIST
         ann< :srv 761 ann #A url * :https://example.org
         ann> LIST
         ann< :srv 321 ann Channel :Users  Name
         ann< :srv 322 ann #A 1 :some news
         ann< :srv 323 ann :End of /LIST";
    play(&format!("{before}\nrestart\n{ANN_IS_BACK}\n{after}"));
    play(&format!("{before}\nrestart\nrestart\n{ANN_IS_BACK}\n{after}"));
}

#[test]
fn accounts_have_ranks_of_themselves() {
    after(
        ANN_HAS_A,
        "bob+ draft/no-implicit-names
         bob> NS REGISTER secret
         bob> JOIN #a
         bob~
         ann~
         eve+ draft/no-implicit-names
         eve> NS REGISTER secret
         eve~
         bob> CS AMODE #a +o bob
         bob< :ChanServ!services@srv NOTICE bob :Only whose account has q there may change that.
         ann> CS AMODE #a +vo Bob eve
         ann< :ChanServ!services@srv MODE #a +v bob
         ann< :ChanServ!services@srv NOTICE ann :Bob has +v in #a.
         ann< :ChanServ!services@srv NOTICE ann :eve has +o in #a.
         bob< :ChanServ!services@srv MODE #a +v bob
         eve> JOIN #a
         eve< :eve!eve@localhost JOIN #a
         eve< :ChanServ!services@srv MODE #a +o eve
         ann< :eve!eve@localhost JOIN #a
         ann< :ChanServ!services@srv MODE #a +o eve
         bob< :eve!eve@localhost JOIN #a
         bob< :ChanServ!services@srv MODE #a +o eve
         bob> CS AMODE #a
         bob< :ChanServ!services@srv NOTICE bob :#a +q ann, who has registered it
         bob< :ChanServ!services@srv NOTICE bob :#a +v bob
         bob< :ChanServ!services@srv NOTICE bob :#a +o eve
         ann> CS AMODE #a +h-o bob eve
         ann< :ChanServ!services@srv MODE #a -v bob
         ann< :ChanServ!services@srv MODE #a +h bob
         ann< :ChanServ!services@srv NOTICE ann :bob has +h in #a.
         ann< :ChanServ!services@srv MODE #a -o eve
         ann< :ChanServ!services@srv NOTICE ann :eve has no longer +o in #a.
         bob< :ChanServ!services@srv MODE #a -v bob
         bob< :ChanServ!services@srv MODE #a +h bob
         bob< :ChanServ!services@srv MODE #a -o eve
         eve< :ChanServ!services@srv MODE #a -v bob
         eve< :ChanServ!services@srv MODE #a +h bob
         eve< :ChanServ!services@srv MODE #a -o eve
         ann> CS AMODE #a +o nobody
         ann< :ChanServ!services@srv NOTICE ann :There is no account nobody.
         ann> CS AMODE #a -o eve
         ann< :ChanServ!services@srv NOTICE ann :eve has no +o there.
         ann> CS AMODE #a -q ann
         ann< :ChanServ!services@srv NOTICE ann :ann has registered it.
         ann> CS AMODE #a +x eve
         ann< :ChanServ!services@srv NOTICE ann :x is no rank; there are q, a, o, h and v.
         ann> CS AMODE #a +oo eve
         ann< :ChanServ!services@srv NOTICE ann :Say which account: AMODE #channel +o account.
         ann> CS AMODE #b +o eve
         ann< :ChanServ!services@srv NOTICE ann :There is no registered channel of that name.",
    );
}

#[test]
fn ranks_are_there_again_after_a_start_and_open_what_is_closed() {
    after(
        ANN_HAS_A,
        &format!(
            "bob+
             bob> NS REGISTER secret
             bob~
             eve+
             eve> NS REGISTER secret
             eve~
             ann> MODE #a +ilk 1 key
             ann> MODE #a +b bob
             ann> CS AMODE #a +hv bob eve
             ann~
             restart
             {ANN_IS_BACK}
             ann> JOIN #a
             ann< :ann!ann@localhost JOIN #a
             ann< :ChanServ!services@srv MODE #a +q ann
             ann> CS AMODE #a
             ann< :ChanServ!services@srv NOTICE ann :#a +q ann, who has registered it
             ann< :ChanServ!services@srv NOTICE ann :#a +h bob
             ann< :ChanServ!services@srv NOTICE ann :#a +v eve
             new+ draft/no-implicit-names
             new> NS IDENTIFY bob secret
             new~
             new> NICK bob
             new< :new!new@localhost NICK bob
             new> JOIN #a
             new< :bob!new@localhost JOIN #a
             new< :ChanServ!services@srv MODE #a +h bob
             ann< :bob!new@localhost JOIN #a
             ann< :ChanServ!services@srv MODE #a +h bob
             ivo+
             ivo> NS IDENTIFY eve secret
             ivo~
             ivo> JOIN #a key
             ivo< :srv 473 ivo #a :Cannot join channel (+i)"
        ),
    );
}

#[test]
fn who_logs_in_after_joining_has_the_rank_then() {
    after(
        ANN_HAS_A,
        "bob+ draft/no-implicit-names
         bob> JOIN #a,#b
         bob~
         ann~
         bob> NS REGISTER secret
         bob~
         ann> CS AMODE #a +a bob
         ann~
         bob~
         eve+ draft/no-implicit-names sasl
         eve> JOIN #a
         eve~
         ann~
         bob~
         eve> NS IDENTIFY bob secret
         eve< :srv 900 eve eve!eve@localhost bob :You are now logged in as bob
         eve< :ChanServ!services@srv MODE #a +a eve
         eve< :NickServ!services@srv NOTICE eve :You are logged in as bob.
         ann< :ChanServ!services@srv MODE #a +a eve
         bob< :ChanServ!services@srv MODE #a +a eve
         eve> AUTHENTICATE PLAIN
         eve< AUTHENTICATE +
         eve> AUTHENTICATE AGFubgBzZWNyZXQ=
         eve< :srv 900 eve eve!eve@localhost ann :You are now logged in as ann
         eve< :ChanServ!services@srv MODE #a +q eve
         eve< :srv 903 eve :SASL authentication successful
         ann< :ChanServ!services@srv MODE #a +q eve
         bob< :ChanServ!services@srv MODE #a +q eve",
    );
}

#[test]
fn in_an_auditorium_a_rank_by_account_makes_one_seen() {
    after(
        ANN_HAS_A,
        "bob+ draft/no-implicit-names
         bob> NS REGISTER secret
         bob~
         eve+ draft/no-implicit-names
         ann> MODE #a +u
         ann> CS AMODE #a +v bob
         ann~
         eve> JOIN #a
         eve~
         ann~
         bob> JOIN #a
         bob< :bob!bob@localhost JOIN #a
         bob< :ChanServ!services@srv MODE #a +v bob
         ann< :bob!bob@localhost JOIN #a
         ann< :ChanServ!services@srv MODE #a +v bob
         eve< :bob!bob@localhost JOIN #a
         eve< :ChanServ!services@srv MODE #a +v bob
         ann> CS AMODE #a -v bob
         ann< :ChanServ!services@srv MODE #a -v bob
         ann< :ChanServ!services@srv NOTICE ann :bob has no longer +v in #a.
         bob< :ChanServ!services@srv MODE #a -v bob
         eve< :bob!bob@localhost PART #a
         eve< :ChanServ!services@srv MODE #a -v bob",
    );
}

#[test]
fn q_by_account_is_given_by_who_has_registered_the_channel_alone() {
    after(
        ANN_HAS_A,
        "bob+ draft/no-implicit-names
         bob> NS REGISTER secret
         bob~
         eve+
         eve> NS REGISTER secret
         eve~
         ann> CS AMODE #a +q bob
         ann< :ChanServ!services@srv NOTICE ann :bob has +q in #a.
         bob> CS AMODE #a +q eve
         bob< :ChanServ!services@srv NOTICE bob :Only who has registered it gives and takes q.
         bob> CS AMODE #a +v bob
         bob< :ChanServ!services@srv NOTICE bob :Only who has registered it gives and takes q.
         bob> CS AMODE #a +o eve
         bob< :ChanServ!services@srv NOTICE bob :eve has +o in #a.
         bob> CS DROP #a
         bob< :ChanServ!services@srv NOTICE bob :Only who has registered it may do that.
         bob> JOIN #a
         bob~
         ann~
         bob> MODE #a -q ann
         ann< :bob!bob@localhost MODE #a -q ann
         bob< :bob!bob@localhost MODE #a -q ann
         ann> CYCLE
         ann< :srv 421 ann CYCLE :Unknown command
         ann> PART #a
         ann> JOIN #a
         ann~
         bob~
         ann> NAMES #a
         ann< :srv 353 ann = #a :~bob ~ann
         ann< :srv 366 ann #a :End of /NAMES list",
    );
}

#[test]
fn a_dropped_channel_is_like_any_other() {
    after(
        ANN_HAS_A,
        "ann> CS DROP #a
         ann< :ChanServ!services@srv NOTICE ann :Once nobody is in #a all of it is forgotten.
         ann< :ChanServ!services@srv NOTICE ann :If you want that: DROP #a #a
         ann> CS DROP #a #b
         ann< :ChanServ!services@srv NOTICE ann :I don't understand that; say HELP.
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
fn an_operator_of_the_server_may_do_what_who_registered_it_may() {
    play_with(
        with_operator(),
        &format!(
            "{ANN_HAS_A}
             bob+
             bob> OPER root sesame
             bob~
             ann> MODE #a +s
             ann~
             eve+
             eve> CS INFO #a
             eve< :ChanServ!services@srv NOTICE eve :There is no registered channel of that name.
             bob> CS INFO #a
             bob< :ChanServ!services@srv NOTICE bob :Channel #a, made 2026-01-01T00:00:00Z, registered by ann
             bob> CS AMODE #a +q ann
             bob< :ChanServ!services@srv NOTICE bob :ann has registered it.
             eve> NS REGISTER secret
             eve~
             bob> CS AMODE #a +q eve
             bob< :ChanServ!services@srv NOTICE bob :eve has +q in #a.
             eve> CS INFO #a
             eve< :ChanServ!services@srv NOTICE eve :Channel #a, made 2026-01-01T00:00:00Z, registered by ann
             bob> CS DROP #a #a
             bob< :ChanServ!services@srv NOTICE bob :It is not registered any more."
        ),
    );
}

#[test]
fn an_account_has_so_many_channels_and_a_channel_so_many_ranks() {
    let limits = Limits { channels_registered_max: 1, ..Limits::default() };
    play_with(
        Settings { limits, ..settings() },
        &format!(
            "{ANN_HAS_A}
             ann> JOIN #b
             ann~
             ann> CS REGISTER #b
             ann< :ChanServ!services@srv NOTICE ann :You have registered 1 channels, and no more are allowed.
             ann> CS DROP #a #a
             ann> CS REGISTER #b
             ann< :ChanServ!services@srv NOTICE ann :It is not registered any more.
             ann< :ChanServ!services@srv MODE #b +q ann
             ann< :ChanServ!services@srv NOTICE ann :The channel #b is yours."
        ),
    );
    let limits = Limits { list_entries_max: 1, targets_max: 2, ..Limits::default() };
    play_with(
        Settings { limits, ..settings() },
        &format!(
            "{ANN_HAS_A}
             bob+
             bob> NS REGISTER secret
             bob~
             eve+
             eve> NS REGISTER secret
             eve~
             ann> CS AMODE #a +oo bob eve
             ann< :ChanServ!services@srv NOTICE ann :bob has +o in #a.
             ann< :ChanServ!services@srv NOTICE ann :1 accounts have a rank there, and no more are allowed.
             ann> CS AMODE #a +v bob
             ann< :ChanServ!services@srv NOTICE ann :bob has +v in #a.
             ann> CS AMODE #a +ooo bob eve ann
             ann< :ChanServ!services@srv NOTICE ann :Not more than 2 at once."
        ),
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
             bob< :NickServ!services@srv NOTICE bob :The account ann is no more.
             ann< :srv 901 ann ann!ann@localhost :You are now logged out
             ann< :ChanServ!services@srv NOTICE ann :It is not registered: your account is no more.
             ann> PART #a,#b
             ann~
             bob> LIST
             bob< :srv 321 bob Channel :Users  Name
             bob< :srv 323 bob :End of /LIST"
        ),
    );
    // Another account of the same name may be there by then: the channel is not its.
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
    // By `stonechatd account remove`, of which the daemon hears with the next change.
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
fn whatever_the_disk_does_a_renamed_channel_is_kept() {
    // Not kept under the new name yet: it is still there under the old one.
    after(
        ANN_HAS_A,
        &format!(
            "disk full
             ann> RENAME #a #b
             ann~
             ann> RENAME #b #c
             ann< :srv FAIL RENAME CANNOT_RENAME #b #c :It is still being kept under the name it has; try again
             ann> CS DROP #b #b
             ann< :ChanServ!services@srv NOTICE ann :Its last RENAME is still being kept; try again.
             restart
             disk well
             {ANN_IS_BACK}
             ann> CS INFO #a
             ann< :ChanServ!services@srv NOTICE ann :Channel #a, made 2026-01-01T00:00:00Z, registered by ann
             ann> CS INFO #b
             ann< :ChanServ!services@srv NOTICE ann :There is no registered channel of that name."
        ),
    );
    // Whoever has its old name by now keeps that.
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
    // While a change from before is being written.
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
        // The first is being written when the channel gets its other name.
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
fn who_is_first_to_ask_has_the_channel_and_what_is_asked_for_gives_no_rights_yet() {
    play_with(
        with_operator(),
        "ann+ draft/no-implicit-names
         bob+ draft/no-implicit-names
         bob> OPER root sesame
         ann> NS REGISTER secret
         bob> NS REGISTER secret
         ann> JOIN #a
         bob> JOIN #a
         ann> MODE #a +o bob
         ann~
         bob~
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
    // A save is under way when the drop is asked for, or none is.
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
fn who_is_always_on_is_in_a_registered_channel_after_a_start() {
    after(
        ANN_HAS_A,
        "bob+ draft/no-implicit-names
         bob> NS REGISTER secret
         bob> NS SET always-on on
         bob> JOIN #a
         bob~
         ann~
         ann> MODE #a +m
         ann~
         bob~
         ann/
         ann!
         bob~
         bob/
         bob!
         restart
         eve+
         eve> JOIN #a
         eve< :eve!eve@localhost JOIN #a
         eve< :srv 353 eve = #a :bob eve
         eve< :srv 366 eve #a :End of /NAMES list
         eve> MODE #a
         eve< :srv 324 eve #a +mnt
         eve< :srv 329 eve #a 1767225600",
    );
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

#[test]
fn where_nothing_is_kept_no_channel_is_registered() {
    let mut stage = Stage::without_disk(settings());
    stage.register("ann", "");
    stage.say("ann", "CS REGISTER #a");
    let said = ":ChanServ!services@srv NOTICE ann :No channels are kept here.";
    assert_eq!(stage.heard("ann"), [said]);
}

#[test]
fn chanserv_says_what_it_can_do() {
    let mut stage = Stage::new(settings());
    stage.register("ann", "");
    stage.say("ann", "CS");
    let help = stage.heard("ann").join("\n");
    for command in ["REGISTER", "INFO", "AMODE", "DROP"] {
        assert!(help.contains(&format!(" :{command} #channel")), "{command}: {help}");
    }
}

/// What happens to the channel that `ann` has at one time or another.
#[derive(Clone, Debug)]
enum Event {
    Says(&'static str),
    Disk(State),
    /// So it is for so many requests, and then otherwise.
    DiskChanges(State, usize, State),
    Restart,
}

const SAYS: &[&str] = &[
    "JOIN CHANNEL",
    "CS REGISTER CHANNEL",
    "CS REGISTER CHANNEL",
    "CS DROP CHANNEL CHANNEL",
    "RENAME CHANNEL OTHER",
    "RENAME CHANNEL OTHER",
    "TOPIC CHANNEL :news",
    "MODE CHANNEL +i",
    "MODE CHANNEL -i",
    "PART CHANNEL",
];

fn events() -> impl Strategy<Value = Vec<Event>> {
    let states = &[State::Well, State::Full, State::Stalls][..];
    let event = prop_oneof![
        8 => proptest::sample::select(SAYS).prop_map(Event::Says),
        2 => proptest::sample::select(states).prop_map(Event::Disk),
        2 => (proptest::sample::select(states), 1_usize..6, proptest::sample::select(states))
            .prop_map(|(now, count, then)| Event::DiskChanges(now, count, then)),
        1 => Just(Event::Restart),
    ];
    proptest::collection::vec(event, 1..40)
}

/// Ann, her channel, and what she was told of it. While she waits for an answer bob speaks.
struct Story {
    stage: Stage,
    /// Where she takes the channel to be.
    name: &'static str,
    registered: bool,
    /// She has asked for something and was not answered yet.
    waits: bool,
}

impl Story {
    fn begin() -> Story {
        let mut stage = Stage::new(settings());
        stage.register("ann", "draft/channel-rename");
        stage.register("bob", "");
        stage.say("ann", "NS REGISTER secret");
        let mut story = Story { stage, name: "#a", registered: false, waits: false };
        story.gather();
        story
    }

    /// Both are in the channel, and operators if ann can see to that.
    fn gather(&mut self) {
        self.stage.heard("ann");
        self.say("JOIN CHANNEL");
        self.stage.say("bob", &format!("JOIN {}", self.name));
        self.say("MODE CHANNEL +o bob");
    }

    fn say(&mut self, line: &str) {
        let other = if self.name == "#a" { "#b" } else { "#a" };
        let line = line.replace("CHANNEL", self.name).replace("OTHER", other);
        if !self.waits {
            self.waits = line.starts_with("CS ");
            self.stage.say("ann", &line);
        } else if line.starts_with("TOPIC ") || line.starts_with("MODE ") {
            self.stage.say("bob", &line);
        }
        self.hear();
    }

    fn hear(&mut self) {
        for line in self.stage.heard("ann") {
            let has = |text: &str| line.contains(text);
            if line.starts_with(":ann!ann@localhost RENAME ") {
                self.name = if has(" RENAME #a ") { "#b" } else { "#a" };
            }
            if !line.starts_with(":ChanServ!services@srv NOTICE ") {
                continue;
            }
            self.waits = false;
            if has(" is yours.") || has("registered already") || has("stays registered") {
                self.registered = true;
            } else if has("not registered any more") || has("is not registered: ") {
                self.registered = false;
            }
        }
    }

    fn restart(&mut self) {
        self.stage.restart();
        self.stage.disk(State::Well);
        self.stage.register("bob", "");
        for line in ANN_IS_BACK.lines().filter_map(|line| line.trim().strip_prefix("ann> ")) {
            self.stage.say("ann", line);
        }
        self.stage.say("ann", "CAP REQ draft/channel-rename");
        self.stage.heard("ann");
        let mut there = Vec::new();
        for name in ["#a", "#b"] {
            self.stage.say("ann", &format!("CS INFO {name}"));
            if self.stage.heard("ann")[0].contains("registered by ann") {
                there.push(name);
            }
        }
        if let [_, _] = there[..] {
            // Kept under its new name, and not forgotten yet under the old.
            there.retain(|name| *name == self.name);
            let old = if self.name == "#a" { "#b" } else { "#a" };
            self.stage.say("ann", &format!("CS DROP {old} {old}"));
            let said = self.stage.heard("ann");
            assert!(said[0].ends_with("It is not registered any more."), "{said:?}");
        }
        if !std::mem::take(&mut self.waits) {
            assert_eq!(self.registered, !there.is_empty());
        }
        self.registered = !there.is_empty();
        self.name = there.first().copied().unwrap_or(self.name);
        self.gather();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn what_was_said_of_a_channel_holds_after_any_start(events in events()) {
        let mut story = Story::begin();
        for event in events {
            match event {
                Event::Says(line) => story.say(line),
                Event::Disk(state) => story.stage.disk(state),
                Event::DiskChanges(now, count, then) => story.stage.disk_changes(now, count, then),
                Event::Restart => story.restart(),
            }
            story.hear();
        }
        story.stage.disk(State::Well);
        story.hear();
        prop_assert!(!story.waits, "an answer comes to each");
        // The next change keeps what could not be kept before.
        story.say("JOIN CHANNEL");
        story.say("TOPIC CHANNEL :last");
        let (name, registered) = (story.name, story.registered);
        story.restart();
        if registered {
            prop_assert_eq!(story.name, name);
            story.stage.say("ann", &format!("TOPIC {name}"));
            let topic = format!(":srv 332 ann {name} :last");
            prop_assert_eq!(&story.stage.heard("ann")[0], &topic);
        }
    }
}

#[test]
fn what_was_said_in_a_closed_channel_is_not_read_by_who_has_its_name_later() {
    let endings = [("CS DROP #a #a", "#a"), ("RENAME #a #b", "#b"), ("NS DROP ann secret", "#a")];
    for (ending, name) in endings {
        for (modes, found) in [("+i", 0), ("+m", 1)] {
            let mut stage = Stage::new(settings());
            stage.register("ann", "draft/channel-rename");
            let (closing, leaving) = (format!("MODE #a {modes}"), format!("PART {name}"));
            let lines = ["REGISTER * * secret", "JOIN #a", "CS REGISTER #a", &closing];
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
