//! JOIN, PART, TOPIC, NAMES, KICK, INVITE, KNOCK, LIST.

use crate::script::{play, play_with};
use crate::stage::settings;
use stonechat::chat::{Limits, Settings};

#[test]
fn who_comes_first_is_operator_and_hears_who_follows() {
    play(
        r"
        ann+
        bob+ extended-join multi-prefix userhost-in-names
        ann> JOIN #a
        ann< :ann!ann@localhost JOIN #a
        ann< :srv 353 ann = #a :@ann
        ann< :srv 366 ann #a :End of /NAMES list
        bob> JOIN #A
        bob< :bob!bob@localhost JOIN #a * :BOB real
        bob< :srv 353 bob = #a :@ann!ann@localhost bob!bob@localhost
        bob< :srv 366 bob #a :End of /NAMES list
        ann< :bob!bob@localhost JOIN #a
        ann> JOIN #a
        bob> PART #a
        bob< :bob!bob@localhost PART #a
        ann< :bob!bob@localhost PART #a
        ann> PART #a :enough of it
        ann< :ann!ann@localhost PART #a :enough of it
        ann> PART #a
        ann< :srv 403 ann #a :No such channel
        bob> JOIN #a
        bob~
        ann> PART #a
        ann< :srv 442 ann #a :You're not on that channel
    ",
    );
}

#[test]
fn several_channels_are_joined_and_left_with_one_word() {
    play(
        r"
        ann+ draft/no-implicit-names
        bob+ draft/no-implicit-names
        bob> JOIN #a,#b,#a
        bob< :bob!bob@localhost JOIN #a
        bob< :bob!bob@localhost JOIN #b
        bob> MODE #b +k sesame
        bob~
        ann> JOIN #b,#a wrong
        ann< :srv 475 ann #b :Cannot join channel (+k)
        ann< :ann!ann@localhost JOIN #a
        bob< :ann!ann@localhost JOIN #a
        ann> JOIN #b sesame
        ann< :ann!ann@localhost JOIN #b
        bob< :ann!ann@localhost JOIN #b
        ann> JOIN 0
        ann< :ann!ann@localhost PART #b
        ann< :ann!ann@localhost PART #a
        bob< :ann!ann@localhost PART #b
        bob< :ann!ann@localhost PART #a
        bob> PART #a,#b,#c,x :bye
        bob< :bob!bob@localhost PART #a :bye
        bob< :bob!bob@localhost PART #b :bye
        bob< :srv 403 bob #c :No such channel
        bob< :srv 403 bob x :No such channel
    ",
    );
}

#[test]
fn a_channel_must_have_a_name_and_there_are_only_so_many() {
    let limits = Limits { channels_per_user: 2, channel_name_max: 5, ..Limits::default() };
    play_with(
        Settings { limits, ..settings() },
        r"
        ann+ draft/no-implicit-names
        ann> JOIN a
        ann< :srv 403 ann a :No such channel
        ann> JOIN #12345
        ann< :srv 403 ann #12345 :No such channel
        ann> JOIN :#a b
        ann< :srv 403 ann * :No such channel
        ann> JOIN
        ann< :srv 461 ann JOIN :Not enough parameters
        ann> JOIN :
        ann< :srv 461 ann JOIN :Not enough parameters
        ann> JOIN #,#é,#c
        ann< :ann!ann@localhost JOIN #
        ann< :ann!ann@localhost JOIN #é
        ann< :srv 405 ann #c :You have joined too many channels
    ",
    );
}

#[test]
fn topics() {
    let limits = Limits { topic_max: 10, ..Limits::default() };
    play_with(
        Settings { limits, ..settings() },
        r"
        bob+ draft/no-implicit-names
        scene #a ann
        ann> TOPIC #a
        ann< :srv 331 ann #a :No topic is set
        ann> TOPIC #a :0123456789 too long
        ann< :ann!ann@localhost TOPIC #a :0123456789
        bob> JOIN #a
        bob< :bob!bob@localhost JOIN #a
        bob< :srv 332 bob #a :0123456789
        bob< :srv 333 bob #a ann!ann@localhost 1767225600
        ann~
        bob> TOPIC #a :mine
        bob< :srv 482 bob #a :You're not channel operator
        ann> MODE #a -t
        ann~
        bob~
        bob> TOPIC #a :
        bob< :bob!bob@localhost TOPIC #a :
        ann< :bob!bob@localhost TOPIC #a :
        bob> TOPIC #a
        bob< :srv 331 bob #a :No topic is set
        bob> PART #a
        ann~
        bob~
        bob> TOPIC #a :x
        bob< :srv 442 bob #a :You're not on that channel
        bob> TOPIC #b
        bob< :srv 403 bob #b :No such channel
        bob> TOPIC
        bob< :srv 461 bob TOPIC :Not enough parameters
    ",
    );
}

#[test]
fn kicks_go_by_rank() {
    play(
        r"
        scene #a ann bob cat
        bob> KICK #a cat
        bob< :srv 482 bob #a :You're not channel operator
        ann> MODE #a +h bob
        ann~
        bob~
        cat~
        bob> KICK #a ann :out
        bob< :srv 482 bob #a :They have a higher rank than you
        bob> KICK #a cat,dan :out with you
        bob< :bob!bob@localhost KICK #a cat :out with you
        bob< :srv 401 bob dan :No such nick/channel
        ann< :bob!bob@localhost KICK #a cat :out with you
        cat< :bob!bob@localhost KICK #a cat :out with you
        ann> KICK #a cat
        ann< :srv 441 ann cat #a :They aren't on that channel
        cat> KICK #a ann
        cat< :srv 442 cat #a :You're not on that channel
        cat> KICK #b ann
        cat< :srv 403 cat #b :No such channel
        cat> KICK #a
        cat< :srv 461 cat KICK :Not enough parameters
        ann> KICK #a ann
        ann< :ann!ann@localhost KICK #a ann :ann
        bob< :ann!ann@localhost KICK #a ann :ann
    ",
    );
}

#[test]
fn an_invitation_opens_what_is_closed_once() {
    play(
        r"
        ann+ draft/no-implicit-names
        bob+ draft/no-implicit-names
        cat+ draft/no-implicit-names invite-notify
        ann> JOIN #a
        cat> JOIN #a
        ann> MODE #a +ilb 2 bob!*@*
        ann~
        cat~
        bob> JOIN #a
        bob< :srv 474 bob #a :Cannot join channel (+b)
        cat> INVITE bob #a
        cat< :srv 482 cat #a :You're not channel operator
        ann> INVITE bob #a
        ann< :srv 341 ann bob #a
        bob< :ann!ann@localhost INVITE bob :#a
        cat< :ann!ann@localhost INVITE bob :#a
        bob> INVITE
        bob< :srv 336 bob #a
        bob< :srv 337 bob :End of /INVITE list
        bob> JOIN #a
        bob< :bob!bob@localhost JOIN #a
        ann~
        cat~
        bob> INVITE
        bob< :srv 337 bob :End of /INVITE list
        ann> INVITE bob #a
        ann< :srv 443 ann bob #a :is already on channel
        bob> PART #a
        ann~
        bob~
        cat~
        bob> JOIN #a
        bob< :srv 474 bob #a :Cannot join channel (+b)
        bob> INVITE ann #a
        bob< :srv 442 bob #a :You're not on that channel
        bob> INVITE ann #nowhere
        bob< :srv 403 bob #nowhere :No such channel
        bob> INVITE ann
        bob< :srv 461 bob INVITE :Not enough parameters
        ann> INVITE nobody #a
        ann< :srv 401 ann nobody :No such nick/channel
        bob> AWAY :out
        bob~
        ann> INVITE bob #a
        ann< :srv 341 ann bob #a
        ann< :srv 301 ann bob :out
        bob~
        cat~
    ",
    );
}

#[test]
fn who_knocks_is_heard_by_those_with_rank() {
    play(
        r"
        bob+ draft/no-implicit-names
        scene #a ann cat
        bob> KNOCK #a
        bob< :srv 713 bob #a :Channel is open.
        ann> MODE #a +i
        ann~
        cat~
        bob> KNOCK #a :let me in
        bob< :srv 711 bob #a :Your KNOCK has been delivered.
        ann< :srv 710 #a #a bob!bob@localhost :has asked for an invite: let me in
        bob> KNOCK #a
        bob< :srv 712 bob #a :Too many KNOCKs.
        +60s
        bob> MODE bob +B
        bob~
        ann> CAP REQ message-tags
        ann~
        bob> KNOCK #a
        bob< :srv 711 bob #a :Your KNOCK has been delivered.
        ann< @msgid=m1;bot :srv 710 #a #a bob!bob@localhost :has asked for an invite.
        cat> KNOCK #a
        cat< :srv 714 cat #a :You are already on that channel.
        bob> KNOCK #b
        bob< :srv 403 bob #b :No such channel
        ann> MODE #a +b bob
        ann~
        cat~
        bob> KNOCK #a
        bob< :srv 480 bob #a :Cannot knock: you are banned
    ",
    );
}

#[test]
fn names_of_several_channels_and_of_what_is_not() {
    play(
        r"
        ann+
        bob+
        ann> JOIN #a,#b
        ann~
        ann> MODE #b +s
        ann~
        bob> NAMES #a,#b,#c
        bob< :srv 353 bob = #a :@ann
        bob< :srv 366 bob #a :End of /NAMES list
        bob< :srv 366 bob #b :End of /NAMES list
        bob< :srv 366 bob #c :End of /NAMES list
        bob> NAMES
        bob< :srv 366 bob * :End of /NAMES list
        ann> NAMES #b
        ann< :srv 353 ann @ #b :@ann
        ann< :srv 366 ann #b :End of /NAMES list
    ",
    );
}

#[test]
fn names_of_so_many_channels_at_once_and_no_more() {
    let mut settings = settings();
    settings.limits.targets_max = 2;
    play_with(
        settings,
        r"
        scene #a ann
        ann> NAMES #a,#a,#a,#a
        ann< :srv 353 ann = #a :@ann
        ann< :srv 366 ann #a :End of /NAMES list
        ann< :srv 353 ann = #a :@ann
        ann< :srv 366 ann #a :End of /NAMES list
        ann< :srv 407 ann #a :Too many recipients
    ",
    );
}

#[test]
fn list_and_what_it_can_be_asked() {
    play(
        r"
        ann+
        bob+
        ann> JOIN #a,#ab,#c,#secret
        bob> JOIN #c
        ann> TOPIC #ab :old
        ann> MODE #secret +s
        ann~
        bob~
        bob> LIST
        bob< :srv 321 bob Channel :Users  Name
        bob< :srv 322 bob #a 1 :
        bob< :srv 322 bob #ab 1 :old
        bob< :srv 322 bob #c 2 :
        bob< :srv 323 bob :End of /LIST
        bob> LIST #a,#c,#secret,#none
        bob< :srv 321 bob Channel :Users  Name
        bob< :srv 322 bob #a 1 :
        bob< :srv 322 bob #c 2 :
        bob< :srv 323 bob :End of /LIST
        bob> LIST >1
        bob< :srv 321 bob Channel :Users  Name
        bob< :srv 322 bob #c 2 :
        bob< :srv 323 bob :End of /LIST
        bob> LIST <2,!#ab
        bob< :srv 321 bob Channel :Users  Name
        bob< :srv 322 bob #a 1 :
        bob< :srv 323 bob :End of /LIST
        bob> LIST nothing
        bob< :srv 321 bob Channel :Users  Name
        bob< :srv 323 bob :End of /LIST
        bob> LIST #a srv
        bob< :srv 321 bob Channel :Users  Name
        bob< :srv 322 bob #a 1 :
        bob< :srv 323 bob :End of /LIST
        bob> LIST #1,#2,#3,#4,#5,#6,#7,#8,#9,#10,#11,#12,#13,#14,#15,#16,#17,#18,#19,#a,#ab
        bob< :srv 321 bob Channel :Users  Name
        bob< :srv 322 bob #a 1 :
        bob< :srv 323 bob :End of /LIST
        bob> LIST #*b
        bob< :srv 321 bob Channel :Users  Name
        bob< :srv 322 bob #ab 1 :old
        bob< :srv 323 bob :End of /LIST
        +50s
        +50s
        bob~
        ann~
        bob> PONG x
        ann> PONG x
        +50s
        bob> LIST T>2
        bob< :srv 321 bob Channel :Users  Name
        bob< :srv 322 bob #ab 1 :old
        bob< :srv 323 bob :End of /LIST
        bob> LIST T<2
        bob< :srv 321 bob Channel :Users  Name
        bob< :srv 323 bob :End of /LIST
        ann> JOIN #new
        ann~
        bob> LIST C<1
        bob< :srv 321 bob Channel :Users  Name
        bob< :srv 322 bob #new 1 :
        bob< :srv 323 bob :End of /LIST
        bob> LIST C>1,#ab
        bob< :srv 321 bob Channel :Users  Name
        bob< :srv 322 bob #ab 1 :old
        bob< :srv 323 bob :End of /LIST
        bob> LIST >-1,<99999999999999999999,C>18446744073709551615
        bob< :srv 321 bob Channel :Users  Name
        bob< :srv 323 bob :End of /LIST
        ann> LIST #secret
        ann< :srv 321 ann Channel :Users  Name
        ann< :srv 322 ann #secret 1 :
        ann< :srv 323 ann :End of /LIST
    ",
    );
}
