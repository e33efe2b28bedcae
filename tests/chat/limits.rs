//! Limits without a file of their own: longer texts are cut or refused, excess entries are dropped,
//! oldest first.

use crate::script::{play, play_with};
use crate::stage::settings;
use stonechat::chat::{Limits, Settings};

#[track_caller]
fn within(limits: Limits, script: &str) {
    play_with(Settings { limits, ..settings() }, script);
}

#[test]
fn texts_are_shortened_to_whole_characters() {
    let limits = Limits { away_max: 4, kick_max: 4, ..Limits::default() };
    within(
        limits,
        r"
        ann+ draft/no-implicit-names
        bob+ draft/no-implicit-names
        bob> AWAY :abcé
        bob~
        ann> PRIVMSG bob :hi
        ann< :srv 301 ann bob :abc
        bob~
        scene #a ann bob
        ann> KICK #a bob :12345
        ann< :ann!ann@localhost KICK #a bob :1234
        bob< :ann!ann@localhost KICK #a bob :1234
        bob> JOIN #a
        ann~
        bob~
        bob> PART #a :12345
        bob< :bob!bob@localhost PART #a :1234
        ann< :bob!bob@localhost PART #a :1234
        bob> JOIN #a
        ann~
        bob~
        bob> QUIT :12345
        bob~
        bob!
        ann< :bob!bob@localhost QUIT :Quit: 1234
    ",
    );
}

#[test]
fn names_of_users_and_keys_have_a_length() {
    let limits =
        Limits { user_max: 3, realname_max: 4, nick_max: 4, key_max: 3, ..Limits::default() };
    within(
        limits,
        r"
        ann> NICK anna5
        ann< :srv 432 * anna5 :Erroneous nickname
        ann> NICK anna
        ann> USER abcd 0 * :12345
        ann~
        ann> WHO anna
        ann< :srv 352 anna * abc localhost srv anna H :0 1234
        ann< :srv 315 anna anna :End of /WHO list
        ann> JOIN #a
        ann~
        ann> MODE #a +k 1234
        ann< :srv 696 anna #a k * :Key is not well-formed
        ann> MODE #a +k 123
        ann< :anna!abc@localhost MODE #a +k 123
    ",
    );
}

#[test]
fn an_invitation_too_many_takes_the_place_of_the_oldest() {
    within(
        Limits { invites_max: 2, ..Limits::default() },
        r"
        ann+ draft/no-implicit-names
        bob+ draft/no-implicit-names
        ann> JOIN #a,#b,#c
        ann> INVITE bob #a
        ann> INVITE bob #b
        ann> INVITE bob #c
        ann~
        bob~
        bob> INVITE
        bob< :srv 336 bob #b
        bob< :srv 336 bob #c
        bob< :srv 337 bob :End of /INVITE list
    ",
    );
}

#[test]
fn only_the_last_who_left_are_remembered() {
    within(
        Limits { whowas_max: 1, ..Limits::default() },
        r"
        ann+
        bob+
        cat+
        bob> QUIT
        cat> QUIT
        bob~
        bob!
        cat~
        cat!
        ann> WHOWAS bob
        ann< :srv 406 ann bob :There was no such nickname
        ann< :srv 369 ann bob :End of WHOWAS
        ann> WHOWAS cat
        ann< :srv 314 ann cat cat localhost * :CAT real
        ann< :srv 312 ann cat srv :2026-01-01T00:00:00.000Z
        ann< :srv 369 ann cat :End of WHOWAS
    ",
    );
}

#[test]
fn only_the_last_messages_can_be_taken_back() {
    within(
        Limits { redactable_max: 1, ..Limits::default() },
        r"
        ann+ message-tags echo-message draft/message-redaction
        bob+
        ann> PRIVMSG bob :one
        ann< @msgid=m1 :ann!ann@localhost PRIVMSG bob :one
        bob~
        ann> PRIVMSG bob :two
        ann< @msgid=m2 :ann!ann@localhost PRIVMSG bob :two
        bob~
        ann> REDACT bob {m1}
        ann< :srv FAIL REDACT UNKNOWN_MSGID bob {m1} :This message does not exist or is too old
        ann> REDACT bob {m2}
        ann< @msgid=m3 :ann!ann@localhost REDACT bob {m2}
    ",
    );
}

#[test]
fn a_list_has_twenty_conditions_and_a_reference_64_letters() {
    let hides = vec!["!#none"; 19].join(",");
    let reference = "r".repeat(64);
    play(&format!(
        r"
        ann+ batch draft/multiline draft/no-implicit-names
        ann> JOIN #a,#b
        ann~
        ann> LIST {hides},!#a
        ann< :srv 321 ann Channel :Users  Name
        ann< :srv 322 ann #b 1 :
        ann< :srv 323 ann :End of /LIST
        ann> LIST {hides},!#none,!#a
        ann< :srv 321 ann Channel :Users  Name
        ann< :srv 322 ann #a 1 :
        ann< :srv 322 ann #b 1 :
        ann< :srv 323 ann :End of /LIST
        ann> BATCH +{reference} draft/multiline #a
        ann> BATCH +{reference}x draft/multiline #a
        ann< :srv FAIL BATCH INVALID_REFTAG {reference}x :This can't name a batch
    "
    ));
}
