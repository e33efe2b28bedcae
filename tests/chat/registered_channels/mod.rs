//! Registered channels: ChanServ, ranks by account, and the state after a restart.

mod disk;
mod ends;
mod story;

use crate::script::{play, play_with};
use crate::stage::{Stage, operator, settings};
use stonechat::chat::{Limits, Settings};

/// Lets `ann` register the channel `#a`, and discards the output.
const ANN_HAS_A: &str = "
    ann+ draft/no-implicit-names
    ann> NS REGISTER secret
    ann> JOIN #a
    ann> CS REGISTER #a
    ann~";

/// Lets `ann` connect again, and log in.
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
         scene #a ann bob
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
         bob< :ChanServ!services@srv NOTICE bob :WHAT is no command of ChanServ; HELP lists them.
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
         ann> MODE #A +isklfbbe key 5 #before *!*@example.org m:bob eve
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
         ann< :srv 367 ann #A *!*@example.org ann!ann@localhost 1767225605
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
         bob< :ChanServ!services@srv NOTICE bob :Only accounts with q there may change that.
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
         eve< :NickServ!services@srv NOTICE eve :You are here as bob, too. To speak for that user with this connection: /msg NickServ REGAIN bob
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
         bob< :ChanServ!services@srv NOTICE bob :Only its founder gives and removes q.
         bob> CS AMODE #a +v bob
         bob< :ChanServ!services@srv NOTICE bob :Only its founder gives and removes q.
         bob> CS AMODE #a +o eve
         bob< :ChanServ!services@srv NOTICE bob :eve has +o in #a.
         bob> CS DROP #a
         bob< :ChanServ!services@srv NOTICE bob :Only its founder may do that.
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
fn where_nothing_is_kept_no_channel_is_registered() {
    let mut stage = Stage::without_disk(settings());
    stage.register("ann", "");
    stage.say("ann", "CS REGISTER #a");
    let said = ":ChanServ!services@srv NOTICE ann :This server registers no channels.";
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
