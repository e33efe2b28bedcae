//! MODE of channels, and the effect of each mode.

use crate::script::{play, play_with};
use crate::stage::settings;
use stonechat::chat::{Limits, Settings};

#[test]
fn modes_are_told_set_and_unset() {
    play(
        r"
        scene #a ann bob
        ann> MODE #A
        ann< :srv 324 ann #a +nt
        ann< :srv 329 ann #a 1767225600
        ann> MODE #a +isk-t+l sesame 5
        ann< :ann!ann@localhost MODE #a +isk-t+l sesame 5
        bob< :ann!ann@localhost MODE #a +isk-t+l sesame 5
        ann> MODE #a +is
        bob> MODE #a
        bob< :srv 324 bob #a +inskl sesame 5
        bob< :srv 329 bob #a 1767225600
        ann> MODE #a -k+x-l whatever
        ann< :srv 472 ann x :is unknown mode char to me
        ann< :ann!ann@localhost MODE #a -kl *
        bob< :ann!ann@localhost MODE #a -kl *
        bob> MODE #a +m
        bob< :srv 482 bob #a :You're not channel operator
        bob> PART #a
        ann~
        bob~
        bob> MODE #a
        bob< :srv 403 bob #a :No such channel
        ann> MODE #a -s+k key
        ann~
        bob> MODE #a
        bob< :srv 324 bob #a +ink *
        bob< :srv 329 bob #a 1767225600
        bob> MODE #a +m
        bob< :srv 482 bob #a :You're not channel operator
        bob> MODE #none
        bob< :srv 403 bob #none :No such channel
        bob> MODE
        bob< :srv 461 bob MODE :Not enough parameters
    ",
    );
}

#[test]
fn parameters_that_do_not_fit_are_told() {
    play(
        r"
        scene #a ann
        ann> MODE #a +l -1
        ann< :srv 696 ann #a l -1 :A limit is a number above 0
        ann> MODE #a +l 2147483648999
        ann< :srv 696 ann #a l 2147483648999 :A limit is a number above 0
        ann> MODE #a +l
        ann< :srv 696 ann #a l * :You must give a parameter
        ann> MODE #a +k :with space
        ann< :srv 696 ann #a k * :Key is not well-formed
        ann> MODE #a +k a,b
        ann< :srv 696 ann #a k * :Key is not well-formed
        ann> MODE #a +o
        ann< :srv 696 ann #a o * :You must give a nick
        ann> MODE #a +o nobody
        ann< :srv 401 ann nobody :No such nick/channel
        ann> MODE #a +f #a
        ann< :srv 696 ann #a f #a :Forward to the name of another channel
        ann> MODE #a +f #none
        ann< :srv 696 ann #a f #none :No such channel
        ann> MODE #a +b :a b
        ann< :srv 696 ann #a b * :Not a mask
    ",
    );
}

#[test]
fn ranks_are_given_by_those_who_may() {
    play(
        r"
        scene #a ann bob
        ann> MODE #a +q ann
        ann< :srv 482 ann #a :You're not channel operator
        ann> MODE #a +a bob
        ann< :srv 482 ann #a :You're not channel operator
        ann> MODE #a +ohv bob bob Bob
        ann< :ann!ann@localhost MODE #a +ohv bob bob bob
        bob< :ann!ann@localhost MODE #a +ohv bob bob bob
        bob> NAMES #a
        bob< :srv 353 bob = #a :@ann @bob
        bob< :srv 366 bob #a :End of /NAMES list
        bob> MODE #a -o bob
        bob< :bob!bob@localhost MODE #a -o bob
        ann< :bob!bob@localhost MODE #a -o bob
        bob> MODE #a +o bob
        bob< :srv 482 bob #a :You're not channel operator
        bob> MODE #a -o ann
        bob< :srv 482 bob #a :You're not channel operator
        bob> MODE #a -v bob
        bob< :bob!bob@localhost MODE #a -v bob
        ann~
    ",
    );
}

#[test]
fn lists_are_kept_told_and_bounded() {
    let limits = Limits { list_entries_max: 2, ..Limits::default() };
    play_with(
        Settings { limits, ..settings() },
        r"
        bob+ draft/no-implicit-names
        scene #a ann
        ann> MODE #a +bbb Bob!*@* x@y z
        ann< :srv 478 ann #a b :Channel list is full
        ann< :ann!ann@localhost MODE #a +bb Bob!*@* *!x@y
        ann> MODE #a +b bob
        ann> MODE #a b
        ann< :srv 367 ann #a Bob!*@* ann!ann@localhost 1767225600
        ann< :srv 367 ann #a *!x@y ann!ann@localhost 1767225600
        ann< :srv 368 ann #a :End of channel ban list
        bob> JOIN #a
        bob< :srv 474 bob #a :Cannot join channel (+b)
        bob> MODE #a +b
        bob< :srv 367 bob #a Bob!*@* ann!ann@localhost 1767225600
        bob< :srv 367 bob #a *!x@y ann!ann@localhost 1767225600
        bob< :srv 368 bob #a :End of channel ban list
        bob> MODE #a beI
        bob< :srv 367 bob #a Bob!*@* ann!ann@localhost 1767225600
        bob< :srv 367 bob #a *!x@y ann!ann@localhost 1767225600
        bob< :srv 368 bob #a :End of channel ban list
        bob< :srv 349 bob #a :End of channel ban exception list
        bob< :srv 347 bob #a :End of channel invite exception list
        ann> MODE #a +e *!*@localhost
        ann< :ann!ann@localhost MODE #a +e *!*@localhost
        bob> JOIN #a
        bob< :bob!bob@localhost JOIN #a
        ann~
        bob> MODE #a e
        bob< :srv 348 bob #a *!*@localhost ann!ann@localhost 1767225600
        bob< :srv 349 bob #a :End of channel ban exception list
        ann> MODE #a -b+b BOB m:bob
        ann< :ann!ann@localhost MODE #a -b+b Bob!*@* m:bob!*@*
        bob~
        ann> MODE #a -e+I *!*@localhost a:bob
        ann< :ann!ann@localhost MODE #a -e+I *!*@localhost a:bob
        bob~
        bob> PRIVMSG #a :hi
        bob< :srv 404 bob #a :Cannot send to channel (+b): you are banned
        bob> MODE #a I
        bob< :srv 346 bob #a a:bob ann!ann@localhost 1767225600
        bob< :srv 347 bob #a :End of channel invite exception list
    ",
    );
}

#[test]
fn who_may_not_join_is_led_elsewhere() {
    play(
        r"
        ann+ draft/no-implicit-names
        bob+ draft/no-implicit-names
        cat+ draft/no-implicit-names
        ann> JOIN #a,#b
        ann~
        ann> MODE #a +if #b
        ann~
        bob> JOIN #a
        bob< :srv 470 bob #a #b :Forwarding to another channel
        bob< :bob!bob@localhost JOIN #b
        ann~
        bob> JOIN #c
        bob~
        bob> MODE #c +f #a
        bob< :srv 482 bob #a :You must be operator in the channel that you forward to
        ann> MODE #a +R-i
        ann~
        cat> JOIN #a
        cat< :srv 470 cat #a #b :Forwarding to another channel
        cat< :cat!cat@localhost JOIN #b
        ann~
        bob~
        ann> MODE #a -f
        ann< :ann!ann@localhost MODE #a -f
        bob> JOIN #a
        bob< :srv 477 bob #a :Cannot join channel (+R): you must be logged in
        ann> MODE #a +l-R 1
        ann~
        bob> JOIN #a
        bob< :srv 471 bob #a :Cannot join channel (+l)
        ann> MODE #a -l+i
        ann~
        bob> JOIN #a
        bob< :srv 473 bob #a :Cannot join channel (+i)
        ann> MODE #a +I bob
        ann~
        bob> JOIN #a
        bob< :bob!bob@localhost JOIN #a
        ann~
    ",
    );
}

#[test]
fn who_may_not_speak_is_told_why() {
    play(
        r"
        cat+ draft/no-implicit-names
        scene #a ann bob
        cat> PRIVMSG #a :hi
        cat< :srv 404 cat #a :Cannot send to channel (+n): you are not in it
        cat> NOTICE #a :hi
        ann> MODE #a -n+mC
        ann~
        bob~
        cat> PRIVMSG #a :hi
        cat< :srv 404 cat #a :Cannot send to channel (+m): it is moderated
        ann> MODE #a +v bob
        ann~
        bob~
        bob> PRIVMSG #a :hi
        ann< :bob!bob@localhost PRIVMSG #a :hi
        bob> PRIVMSG #a :\x01VERSION\x01
        bob< :srv 404 bob #a :Cannot send to channel (+C): no CTCP
        bob> PRIVMSG #a :\x01ACTION waves\x01
        ann< :bob!bob@localhost PRIVMSG #a :\x01ACTION waves\x01
        ann> MODE #a -mvC+M bob
        ann~
        bob~
        bob> PRIVMSG #a :hi
        bob< :srv 404 bob #a :Cannot send to channel (+M): you must be logged in
        ann> MODE #a -M+s
        ann~
        bob~
        cat> PRIVMSG #a :an open secret
        ann< :cat!cat@localhost PRIVMSG #a :an open secret
        bob< :cat!cat@localhost PRIVMSG #a :an open secret
        ann> MODE #a +n
        ann~
        bob~
        cat> PRIVMSG #a :hi
        cat< :srv 403 cat #a :No such channel
    ",
    );
}

#[test]
fn in_an_op_moderated_channel_the_unvoiced_are_heard_by_operators() {
    play(
        r"
        scene #a ann bob[echo-message] cat
        ann> MODE #a +U
        ann~
        bob~
        cat~
        bob> PRIVMSG #a :question
        bob< :bob!bob@localhost PRIVMSG #a :question
        ann< :bob!bob@localhost PRIVMSG #a :question
        ann> PRIVMSG #a :answer
        bob< :ann!ann@localhost PRIVMSG #a :answer
        cat< :ann!ann@localhost PRIVMSG #a :answer
    ",
    );
}

#[test]
fn in_an_auditorium_the_audience_does_not_see_itself() {
    play(
        r"
        ann+ draft/no-implicit-names
        bob+ draft/no-implicit-names
        cat+ draft/no-implicit-names
        ann> JOIN #a
        ann> MODE #a +u
        ann~
        bob> JOIN #a
        bob< :bob!bob@localhost JOIN #a
        ann< :bob!bob@localhost JOIN #a
        cat> JOIN #a
        cat< :cat!cat@localhost JOIN #a
        ann< :cat!cat@localhost JOIN #a
        bob> NAMES #a
        bob< :srv 353 bob = #a :@ann bob
        bob< :srv 366 bob #a :End of /NAMES list
        cat> NICK kit
        cat< :cat!cat@localhost NICK kit
        ann< :cat!cat@localhost NICK kit
        ann> MODE #a +v kit
        bob< :kit!cat@localhost JOIN #a
        bob< :ann!ann@localhost MODE #a +v kit
        cat~
        ann~
        ann> MODE #a -v kit
        bob< :kit!cat@localhost PART #a
        bob< :ann!ann@localhost MODE #a -v kit
        cat~
        ann~
        ann> MODE #a -u
        bob< :kit!cat@localhost JOIN #a
        bob< :ann!ann@localhost MODE #a -u
        cat< :bob!bob@localhost JOIN #a
        cat< :ann!ann@localhost MODE #a -u
        ann~
        cat> QUIT
        cat~
        cat!
        bob< :kit!cat@localhost QUIT :Quit:\x20
        ann< :kit!cat@localhost QUIT :Quit:\x20
    ",
    );
}

#[test]
fn a_hundred_letters_are_heard_and_told_in_lines_that_fit() {
    play(
        r"
        scene #a ann
        ann> MODE #a +iiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiii-i+i
        ann< :ann!ann@localhost MODE #a +i-i+i
        ann> MODE #a +xyz
        ann< :srv 472 ann x :is unknown mode char to me
        ann< :srv 472 ann y :is unknown mode char to me
        ann< :srv 472 ann z :is unknown mode char to me
        ann> MODE #a +-+-
        ann> MODE #a +bbbbbbbbbbbb 1@1 2@2 3@3 4@4 5@5 6@6 7@7 8@8 9@9 a@a b@b c@c
        ann< :ann!ann@localhost MODE #a +bbbbbbbbbbbb *!1@1 *!2@2 *!3@3 *!4@4 *!5@5 *!6@6 *!7@7 *!8@8 *!9@9 *!a@a *!b@b *!c@c
    ",
    );
}

#[test]
fn mode_u_is_changed_once_in_a_command() {
    play(
        r"
        scene #a ann bob eve
        ann> MODE #a +u-u+u-u
        bob< :eve!eve@localhost PART #a
        eve< :bob!bob@localhost PART #a
        ann< :ann!ann@localhost MODE #a +u
        bob< :ann!ann@localhost MODE #a +u
        eve< :ann!ann@localhost MODE #a +u
    ",
    );
}

#[test]
fn nobody_can_try_names_of_secret_channels_with_mode_f() {
    play(
        r"
        ann+ draft/no-implicit-names
        bob+ draft/no-implicit-names
        ann> JOIN #secret
        ann> MODE #secret +s
        bob> JOIN #a
        ann~
        bob~
        bob> MODE #a +f #secret
        bob< :srv 696 bob #a f #secret :No such channel
        bob> MODE #a +f #none
        bob< :srv 696 bob #a f #none :No such channel
    ",
    );
}
