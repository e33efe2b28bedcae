//! The rights of operators of different classes; SAJOIN, SAPART, SAMODE, SANICK.

use crate::script::play_with;
use crate::stage::{Stage, operator, settings};
use stonechat::chat::{Operator, OperatorClass, Proof, Right, Settings};

fn class(name: &str, rights: &[Right]) -> OperatorClass {
    OperatorClass { name: name.into(), rights: rights.into(), ..OperatorClass::default() }
}

/// `root` may do everything, `helper` kill, `nobody` nothing; the operator by the account `cat` may
/// send WALLOPS.
fn with_classes() -> Settings {
    let kills = class("helper", &[Right::Kill, Right::Notices]);
    let helper = Operator { class: kills, ..operator("helper", "second") };
    let nobody = Operator { class: class("", &[]), ..operator("nobody", "third") };
    let speaks =
        OperatorClass { title: Some("Speaker".into()), ..class("speaker", &[Right::Wallops]) };
    let cat = Operator { name: "cat".into(), proof: Proof::Account, class: speaks };
    let operators = vec![operator("root", "sesame"), helper, nobody, cat];
    Settings { operators, ..settings() }
}

#[track_caller]
fn play(script: &str) {
    play_with(with_classes(), script);
}

#[test]
fn an_operator_may_do_what_their_class_names_and_nothing_else() {
    play(
        r"
        ann+
        bob+
        cat+
        ann> OPER helper second
        ann~
        ann> WALLOPS :hear me
        ann< :srv 723 ann wallops :Insufficient oper privileges: `operator_classes.helper.rights` of the config does not name it
        ann> REHASH
        ann< :srv 723 ann rehash :Insufficient oper privileges: `operator_classes.helper.rights` of the config does not name it
        ann> STATS m
        ann< :srv 723 ann stats :Insufficient oper privileges: `operator_classes.helper.rights` of the config does not name it
        ann< :srv 219 ann m :End of STATS report
        ann> KILL bob :go
        bob~
        bob!
        cat> OPER nobody third
        cat< :srv 381 cat :You are now an IRC operator
        cat< :cat!cat@localhost MODE cat +ow
        cat> KILL ann
        cat< :srv 723 cat kill :Insufficient oper privileges: you are in no class, which `chat.operators` of the config gives
        cat> MODE cat +s
        cat< :srv 723 cat notices :Insufficient oper privileges: you are in no class, which `chat.operators` of the config gives
        cat> AUDIT
        cat< :srv 723 cat audit :Insufficient oper privileges: you are in no class, which `chat.operators` of the config gives
    ",
    );
}

#[test]
fn an_operator_without_the_right_sees_no_more_than_anyone() {
    play(
        r"
        ann+
        bob+
        cat+
        bob> MODE bob +i
        bob~
        bob> JOIN #s
        bob~
        bob> MODE #s +s
        bob~
        ann> OPER helper second
        ann~
        ann> WHO b*
        ann< :srv 315 ann b* :End of /WHO list
        ann> WHOIS bob
        ann< :srv 311 ann bob bob localhost * :BOB real
        ann< :srv 312 ann bob srv :Net
        ann< :srv 317 ann bob 0 1767225600 :seconds idle, signon time
        ann< :srv 318 ann bob :End of /WHOIS list
        cat> OPER root sesame
        cat~
        cat> WHO b*
        cat< :srv 352 cat * bob localhost srv bob H :0 BOB real
        cat< :srv 315 cat b* :End of /WHO list
        cat> WHOIS bob
        cat< :srv 311 cat bob bob localhost * :BOB real
        cat< :srv 319 cat bob :@#s
        cat< :srv 312 cat bob srv :Net
        cat< :srv 338 cat bob bob@localhost 255.255.255.255 :is actually using host
        cat< :srv 379 cat bob :is using modes +i
        cat< :srv 317 cat bob 0 1767225600 :seconds idle, signon time
        cat< :srv 318 cat bob :End of /WHOIS list
    ",
    );
}

#[test]
fn who_is_logged_in_to_the_account_needs_no_password_and_ceases_with_it() {
    play(
        r"
        cat+
        dan+
        cat> OPER cat
        cat< :srv 461 cat OPER :Not enough parameters
        cat> OPER cat sesame
        cat< :srv 464 cat :Password incorrect
        cat> REGISTER cat * hunter2
        cat< :srv FAIL REGISTER BAD_ACCOUNT_NAME cat :An operator's account is made where the server runs
        dan> REGISTER CAT * hunter2
        dan< :srv FAIL REGISTER BAD_ACCOUNT_NAME CAT :An operator's account is made where the server runs
        account cat hunter2
        cat> NS IDENTIFY cat hunter2
        cat~
        cat> OPER CAT
        cat< :srv 381 cat :You are now an IRC operator
        cat< :cat!cat@localhost MODE cat +ow
        dan> WHOIS cat
        dan< :srv 311 dan cat cat localhost * :CAT real
        dan< :srv 312 dan cat srv :Net
        dan< :srv 313 dan cat :is an IRC operator (Speaker)
        dan< :srv 330 dan cat cat :is logged in as
        dan< :srv 317 dan cat 0 1767225600 :seconds idle, signon time
        dan< :srv 318 dan cat :End of /WHOIS list
        cat> WALLOPS :hear me
        cat< :cat!cat@localhost WALLOPS :hear me
        cat> NS DROP cat hunter2
        cat< :cat!cat@localhost MODE cat -o
        cat< :srv 901 cat cat!cat@localhost :You are now logged out
        cat< :NickServ!services@srv NOTICE cat :The account cat is removed.
        cat> WALLOPS :again
        cat< :srv 481 cat :Permission Denied- You're not an IRC operator
    ",
    );
}

#[test]
fn what_new_settings_take_from_a_class_is_gone_at_once() {
    let mut stage = Stage::new(with_classes());
    for name in ["ann", "bob"] {
        stage.register(name, "");
    }
    stage.say("ann", "OPER helper second");
    stage.say("ann", "MODE ann +s kx");
    stage.heard("ann");
    let mut new = with_classes();
    new.operators[1].class = class("helper", &[Right::Wallops]);
    stage.set_settings(new.clone());
    stage.say("ann", "KILL bob");
    let refused = ":srv 723 ann kill :Insufficient oper privileges: \
                   `operator_classes.helper.rights` of the config does not name it";
    assert_eq!(stage.heard("ann"), [refused]);
    stage.say("bob", "QUIT");
    assert_eq!(stage.heard("ann"), [""; 0], "notices are a right too");
    new.operators[1].proof = Proof::Account;
    stage.set_settings(new);
    assert_eq!(stage.heard("ann"), [":ann!ann@localhost MODE ann -os"]);
}

#[test]
fn sajoin_passes_what_keeps_others_out_and_is_heard_as_a_join() {
    play(
        r"
        ann+
        bob+
        scene #a cat
        cat> MODE #a +iklb key 1 bob!*@*
        cat~
        bob> JOIN #a
        bob< :srv 475 bob #a :Cannot join channel (+k)
        ann> SAJOIN bob #a
        ann< :srv 481 ann :Permission Denied- You're not an IRC operator
        ann> OPER root sesame
        ann~
        ann> MODE ann +s o
        ann~
        ann> SAJOIN bob #a,#b,a
        ann< :srv NOTICE ann :*** ann!ann@localhost: SAJOIN bob!bob@localhost #a
        ann< :srv NOTICE ann :*** ann!ann@localhost: SAJOIN bob!bob@localhost #b
        ann< :srv 403 ann a :No such channel
        bob< :bob!bob@localhost JOIN #a
        bob< :srv 353 bob = #a :@cat bob
        bob< :srv 366 bob #a :End of /NAMES list
        bob< :bob!bob@localhost JOIN #b
        bob< :srv 353 bob = #b :@bob
        bob< :srv 366 bob #b :End of /NAMES list
        cat< :bob!bob@localhost JOIN #a
        ann> SAJOIN bob #a
        ann< :srv 443 ann bob #a :is already on channel
        ann> SAJOIN eve #a
        ann< :srv 401 ann eve :No such nick/channel
        ann> SAJOIN bob
        ann< :srv 461 ann SAJOIN :Not enough parameters
    ",
    );
}

#[test]
fn sajoin_holds_to_how_many_channels_one_may_be_in() {
    let mut settings = with_classes();
    settings.limits.channels_per_user = 1;
    play_with(
        settings,
        r"
        ann+
        bob+
        ann> OPER root sesame
        ann~
        ann> SAJOIN bob #a,#b
        bob~
        ann< :srv 405 ann #b :You have joined too many channels
    ",
    );
}

#[test]
fn sapart_is_heard_as_a_part_with_its_reason() {
    play(
        r"
        ann+
        scene #a bob cat
        bob> MODE #a +s
        bob~
        cat~
        ann> SAPART bob #a
        ann< :srv 481 ann :Permission Denied- You're not an IRC operator
        ann> OPER root sesame
        ann~
        ann> SAPART bob #a,#none :this is not for you
        bob< :bob!bob@localhost PART #a :this is not for you
        cat< :bob!bob@localhost PART #a :this is not for you
        ann< :srv 403 ann #none :No such channel
        ann> SAPART bob #a
        ann< :srv 441 ann bob #a :They aren't on that channel
    ",
    );
}

#[test]
fn samode_passes_ranks_and_leaves_alone_what_is_the_users_own() {
    play(
        r"
        ann+
        scene #a bob cat
        ann> SAMODE #a +o cat
        ann< :srv 481 ann :Permission Denied- You're not an IRC operator
        ann> OPER root sesame
        ann~
        ann> MODE #a +o cat
        ann< :srv 482 ann #a :You're not channel operator
        ann> SAMODE #a -o+qm bob cat
        bob< :ann!ann@localhost MODE #a -o+qm bob cat
        cat< :ann!ann@localhost MODE #a -o+qm bob cat
        ann> SAMODE #a +l no
        ann< :srv 696 ann #a l no :A limit is a number above 0
        ann> SAMODE #none +m
        ann< :srv 403 ann #none :No such channel
        ann> SAMODE bob +io-w
        bob< :bob!bob@localhost MODE bob +i
        ann> SAMODE ann -o
        ann> MODE ann
        ann< :srv 221 ann +ow
    ",
    );
}

#[test]
fn sanick_is_heard_as_a_nick_and_gives_nobody_anothers_name() {
    play(
        r"
        ann+
        bob+
        cat+
        dan+
        account cat hunter2
        cat> NS IDENTIFY cat hunter2
        cat~
        cat> NICK tom
        cat~
        scene #a bob dan
        ann> SANICK bob guest1
        ann< :srv 481 ann :Permission Denied- You're not an IRC operator
        ann> OPER root sesame
        ann~
        ann> SANICK bob guest1
        bob< :bob!bob@localhost NICK guest1
        dan< :bob!bob@localhost NICK guest1
        ann> SANICK guest1 cat
        ann< :srv 433 ann cat :Nickname is reserved for another account
        ann> SANICK guest1 dan
        ann< :srv 433 ann dan :Nickname is already in use
        ann> SANICK guest1 NickServ
        ann< :srv 432 ann NickServ :Erroneous nickname
        ann> SANICK guest1 a!b
        ann< :srv 432 ann a!b :Erroneous nickname
        ann> SANICK tom cat
        cat< :tom!cat@localhost NICK cat
        ann> SANICK nobody x
        ann< :srv 401 ann nobody :No such nick/channel
        disk broken
        ann> SANICK guest1 guest2
        ann< :srv 433 ann guest2 :It can't be looked up whose that is: the database is damaged (it is broken): restore a backup
    ",
    );
}

#[test]
fn rights_over_what_is_others_are_used_by_their_name_only() {
    play(
        r"
        ann+
        bob+
        dan+
        dan> NS REGISTER hunter3
        dan~
        bob> NS REGISTER hunter2
        bob~
        bob> JOIN #a
        bob~
        bob> CS REGISTER #a
        bob~
        ann> OPER helper second
        ann~
        ann> CS AMODE #a +o dan
        ann< :ChanServ!services@srv NOTICE ann :Only accounts with q there may change that.
        ann> NS DROP bob
        ann~
        ann> METADATA bob SET color :red
        ann< :srv FAIL METADATA KEY_NO_PERMISSION bob color :You may not change this
        bob> NS INFO bob
        bob~
        ann> NS INFO bob
        ann< :NickServ!services@srv NOTICE ann :Account bob, made 2026-01-01T00:00:00Z
        ann> OPER root sesame
        ann~
        ann> MODE ann +s o
        ann~
        ann> METADATA bob SET color :red
        ann< :srv NOTICE ann :*** ann!ann@localhost: METADATA bob!bob@localhost color
        ann< :srv 761 ann bob color * :red
        ann> CS AMODE #a +o dan
        ann< :srv NOTICE ann :*** ann!ann@localhost: AMODE #a +o dan
        ann< :ChanServ!services@srv NOTICE ann :dan has +o in #a.
    ",
    );
}
