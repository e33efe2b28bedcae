//! User modes (MODE nick), and ACCEPT.

use crate::script::{play, play_with};
use crate::stage::settings;
use stonechat::chat::{Limits, Settings};

#[test]
fn one_sets_ones_own_modes_and_no_others() {
    play(
        r"
        ann+
        bob+
        ann> MODE ann
        ann< :srv 221 ann +
        ann> MODE ANN +iwB
        ann< :ann!ann@localhost MODE ann +Biw
        ann> MODE ann
        ann< :srv 221 ann +Biw
        ann> MODE ann +i
        ann> MODE ann -iw+RT
        ann< :ann!ann@localhost MODE ann +RT-iw
        ann> MODE ann +w-w
        ann> MODE ann -B+zy
        ann< :srv 501 ann :Unknown MODE flag
        ann< :ann!ann@localhost MODE ann -B
        ann> MODE bob
        ann< :srv 502 ann :Cant change mode for other users
        ann> MODE bob +i
        ann< :srv 502 ann :Cant change mode for other users
        ann> MODE nobody +i
        ann< :srv 401 ann nobody :No such nick/channel
        ann> MODE :no body
        ann< :srv 401 ann * :No such nick/channel
        ann> MODE
        ann< :srv 461 ann MODE :Not enough parameters
        ann> MODE ann -s
        ann< :srv NOTICE ann :You hear of: nothing
    ",
    );
}

#[test]
fn who_is_invisible_is_found_only_by_who_shares_a_channel() {
    play(
        r"
        ann+
        bob+
        cat+
        ann> MODE ann +i
        ann~
        scene #a ann bob
        bob> MODE bob +i
        bob~
        bob> WHO a*
        bob< :srv 352 bob #a ann localhost srv ann H@ :0 ANN real
        bob< :srv 315 bob a* :End of /WHO list
        cat> WHO a*
        cat< :srv 315 cat a* :End of /WHO list
        cat> WHO #a
        cat< :srv 315 cat #a :End of /WHO list
        cat> NAMES #a
        cat< :srv 366 cat #a :End of /NAMES list
        bob> NAMES #a
        bob< :srv 353 bob = #a :@ann bob
        bob< :srv 366 bob #a :End of /NAMES list
        cat> WHOIS ann
        cat< :srv 311 cat ann ann localhost * :ANN real
        cat< :srv 312 cat ann srv :Net
        cat< :srv 317 cat ann 0 1767225600 :seconds idle, signon time
        cat< :srv 318 cat ann :End of /WHOIS list
        bob> WHOIS ann
        bob< :srv 311 bob ann ann localhost * :ANN real
        bob< :srv 319 bob ann :@#a
        bob< :srv 312 bob ann srv :Net
        bob< :srv 317 bob ann 0 1767225600 :seconds idle, signon time
        bob< :srv 318 bob ann :End of /WHOIS list
        bob> MODE bob -i
        bob~
        cat> NAMES #a
        cat< :srv 353 cat = #a :bob
        cat< :srv 366 cat #a :End of /NAMES list
    ",
    );
}

#[test]
fn a_bot_is_known_as_one() {
    play(
        r"
        ann+ message-tags
        bob+
        bob> MODE bob +B
        bob< :bob!bob@localhost MODE bob +B
        ann> WHO bob
        ann< :srv 352 ann * bob localhost srv bob HB :0 BOB real
        ann< :srv 315 ann bob :End of /WHO list
        bob> JOIN #bots
        bob~
        ann> WHO #bots
        ann< :srv 352 ann #bots bob localhost srv bob H@B :0 BOB real
        ann< :srv 315 ann #bots :End of /WHO list
        bob> PART #bots
        bob~
        ann> WHOIS bob
        ann< :srv 311 ann bob bob localhost * :BOB real
        ann< :srv 312 ann bob srv :Net
        ann< :srv 335 ann bob :is a bot on Net
        ann< :srv 317 ann bob 0 1767225600 :seconds idle, signon time
        ann< :srv 318 ann bob :End of /WHOIS list
        bob> PRIVMSG ann :beep
        ann< @msgid=m1;bot :bob!bob@localhost PRIVMSG ann :beep
        bob> MODE bob -B
        bob~
        bob> PRIVMSG ann :hi
        ann< @msgid=m2 :bob!bob@localhost PRIVMSG ann :hi
    ",
    );
}

#[test]
fn who_hears_no_ctcp_hears_all_else() {
    play(
        r"
        ann+
        bob+
        ann> MODE ann +T
        ann~
        bob> PRIVMSG ann :\x01VERSION\x01
        bob< :srv 531 bob ann :They hear no CTCP (+T)
        bob> NOTICE ann :\x01VERSION none\x01
        bob> PRIVMSG ann :VERSION
        ann< :bob!bob@localhost PRIVMSG ann :VERSION
        ann> PRIVMSG bob :\x01VERSION\x01
        bob< :ann!ann@localhost PRIVMSG bob :\x01VERSION\x01
        ann> MODE ann -T
        ann~
        bob> PRIVMSG ann :\x01PING 1\x01
        ann< :bob!bob@localhost PRIVMSG ann :\x01PING 1\x01
    ",
    );
}

#[test]
fn who_hears_only_the_registered_may_accept_others() {
    play(
        r"
        ann+
        bob+
        cat+
        ann> MODE ann +R
        ann~
        bob> PRIVMSG ann :hi
        bob< :srv 477 bob ann :You must be logged in to speak to them in private
        bob> NOTICE ann :hi
        ann> PRIVMSG ann :to myself
        ann< :ann!ann@localhost PRIVMSG ann :to myself
        ann> ACCEPT bob
        bob> PRIVMSG ann :hi
        ann< :bob!bob@localhost PRIVMSG ann :hi
        bob> NICK Bob2
        bob~
        bob> PRIVMSG ann :hi
        bob< :srv 477 Bob2 ann :You must be logged in to speak to them in private
        cat> PRIVMSG ann :hi
        cat< :srv 477 cat ann :You must be logged in to speak to them in private
        ann> PRIVMSG cat :what is it?
        cat< :ann!ann@localhost PRIVMSG cat :what is it?
        cat> PRIVMSG ann :an answer
        ann< :cat!cat@localhost PRIVMSG ann :an answer
        ann> ACCEPT *
        ann< :srv 281 ann bob
        ann< :srv 281 ann cat
        ann< :srv 282 ann :End of /ACCEPT list
    ",
    );
}

#[test]
fn who_is_accepted_is_listed_and_taken_back() {
    let limits = Limits { accept_max: 2, ..Limits::default() };
    play_with(
        Settings { limits, ..settings() },
        r"
        ann+
        bob+
        cat+
        dan+
        ann> ACCEPT *
        ann< :srv 282 ann :End of /ACCEPT list
        ann> ACCEPT BOB,+cat
        ann> ACCEPT *
        ann< :srv 281 ann bob
        ann< :srv 281 ann cat
        ann< :srv 282 ann :End of /ACCEPT list
        ann> ACCEPT Cat
        ann< :srv 457 ann Cat :is already on your accept list
        ann> ACCEPT dan
        ann< :srv 456 ann :Accept list is full
        ann> ACCEPT nobody
        ann< :srv 401 ann nobody :No such nick/channel
        ann> ACCEPT -Bob,-dan,dan
        ann< :srv 458 ann dan :is not on your accept list
        ann> ACCEPT *
        ann< :srv 281 ann cat
        ann< :srv 281 ann dan
        ann< :srv 282 ann :End of /ACCEPT list
        ann> ACCEPT
        ann< :srv 461 ann ACCEPT :Not enough parameters
    ",
    );
}
