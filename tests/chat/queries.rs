//! WHO, WHOX, WHOIS, WHOWAS.

use crate::script::play;

#[test]
fn who_of_a_channel_a_nick_and_a_mask() {
    play(
        r"
        ann+ draft/no-implicit-names
        bob+ multi-prefix draft/no-implicit-names
        ann> JOIN #a
        bob> JOIN #a
        ann> MODE #a +v ann
        bob> AWAY :out
        ann~
        bob~
        ann> WHO #A
        ann< :srv 352 ann #a ann localhost srv ann H@ :0 ANN real
        ann< :srv 352 ann #a bob localhost srv bob G :0 BOB real
        ann< :srv 315 ann #A :End of /WHO list
        bob> WHO ann
        bob< :srv 352 bob #a ann localhost srv ann H@+ :0 ANN real
        bob< :srv 315 bob ann :End of /WHO list
        cat+
        cat> WHO b*
        cat< :srv 352 cat * bob localhost srv bob G :0 BOB real
        cat< :srv 315 cat b* :End of /WHO list
        cat> WHO *real
        cat< :srv 352 cat * ann localhost srv ann H :0 ANN real
        cat< :srv 352 cat * bob localhost srv bob G :0 BOB real
        cat< :srv 352 cat * cat localhost srv cat H :0 CAT real
        cat< :srv 315 cat *real :End of /WHO list
        bob> MODE bob +i
        bob~
        cat> WHO 0
        cat< :srv 352 cat * ann localhost srv ann H :0 ANN real
        cat< :srv 352 cat * cat localhost srv cat H :0 CAT real
        cat< :srv 315 cat 0 :End of /WHO list
        cat> WHO #a
        cat< :srv 352 cat #a ann localhost srv ann H@ :0 ANN real
        cat< :srv 315 cat #a :End of /WHO list
        cat> WHO * o
        cat< :srv 315 cat * :End of /WHO list
        cat> WHO nobody
        cat< :srv 315 cat nobody :End of /WHO list
        cat> WHO #none
        cat< :srv 315 cat #none :End of /WHO list
    ",
    );
}

#[test]
fn whox_answers_what_it_is_asked_in_its_own_order() {
    play(
        r"
        ann+ draft/no-implicit-names
        bob+ draft/no-implicit-names
        ann> JOIN #a
        bob> MODE bob +B
        bob> JOIN #a
        ann~
        bob~
        +5s
        ann> WHO bob %tcuihsnfdlaor,152
        ann< :srv 354 ann 152 #a bob 255.255.255.255 localhost srv bob HB 0 5 0 n/a :BOB real
        ann< :srv 315 ann bob :End of /WHO list
        ann> WHO #a %rnt,7
        ann< :srv 354 ann 7 ann :ANN real
        ann< :srv 354 ann 7 bob :BOB real
        ann< :srv 315 ann #a :End of /WHO list
        ann> WHO #a %tno,1234
        ann< :srv 354 ann 0 ann 2
        ann< :srv 354 ann 0 bob n/a
        ann< :srv 315 ann #a :End of /WHO list
        ann> WHO #a %n
        ann< :srv 354 ann ann
        ann< :srv 354 ann bob
        ann< :srv 315 ann #a :End of /WHO list
        ann> WHO #a o%n
        ann< :srv 315 ann #a :End of /WHO list
    ",
    );
}

#[test]
fn whois_tells_what_the_asker_may_know() {
    play(
        r"
        ann+ draft/no-implicit-names
        bob+ draft/no-implicit-names
        bob> JOIN #a,#secret,#both
        bob> MODE #secret +s
        bob> MODE #both +s
        ann> JOIN #both
        bob> AWAY :out
        bob> MODE bob +B
        ann~
        bob~
        +7s
        ann> WHOIS BOB
        ann< :srv 311 ann bob bob localhost * :BOB real
        ann< :srv 319 ann bob :@#a @#both
        ann< :srv 312 ann bob srv :Net
        ann< :srv 301 ann bob :out
        ann< :srv 335 ann bob :is a bot on Net
        ann< :srv 317 ann bob 7 1767225600 :seconds idle, signon time
        ann< :srv 318 ann BOB :End of /WHOIS list
        bob> WHOIS srv bob
        bob< :srv 311 bob bob bob localhost * :BOB real
        bob< :srv 319 bob bob :@#a @#secret @#both
        bob< :srv 312 bob bob srv :Net
        bob< :srv 301 bob bob :out
        bob< :srv 335 bob bob :is a bot on Net
        bob< :srv 338 bob bob bob@localhost 255.255.255.255 :is actually using host
        bob< :srv 379 bob bob :is using modes +B
        bob< :srv 317 bob bob 7 1767225600 :seconds idle, signon time
        bob< :srv 318 bob bob :End of /WHOIS list
        ann> WHOIS nobody
        ann< :srv 401 ann nobody :No such nick/channel
        ann< :srv 318 ann nobody :End of /WHOIS list
        ann> WHOIS Nobody,ANN,
        ann< :srv 401 ann Nobody :No such nick/channel
        ann< :srv 311 ann ann ann localhost * :ANN real
        ann< :srv 319 ann ann :#both
        ann< :srv 312 ann ann srv :Net
        ann< :srv 338 ann ann ann@localhost 255.255.255.255 :is actually using host
        ann< :srv 379 ann ann :is using modes +
        ann< :srv 317 ann ann 7 1767225600 :seconds idle, signon time
        ann< :srv 318 ann Nobody,ANN, :End of /WHOIS list
        ann> WHOIS
        ann< :srv 431 ann :No nickname given
        ann> WHOIS elsewhere bob
        ann< :srv 402 ann elsewhere :No such server
    ",
    );
}

#[test]
fn whowas_remembers_who_left_and_who_changed_nick() {
    play(
        r"
        ann+
        bob+
        bob> NICK rob
        bob> QUIT
        bob~
        bob!
        +5s
        bob+
        bob> QUIT
        bob~
        bob!
        ann> WHOWAS bob
        ann< :srv 314 ann bob bob localhost * :BOB real
        ann< :srv 312 ann bob srv :2026-01-01T00:00:05.000Z
        ann< :srv 314 ann bob bob localhost * :BOB real
        ann< :srv 312 ann bob srv :2026-01-01T00:00:00.000Z
        ann< :srv 369 ann bob :End of WHOWAS
        ann> WHOWAS ROB 1
        ann< :srv 314 ann rob bob localhost * :BOB real
        ann< :srv 312 ann rob srv :2026-01-01T00:00:00.000Z
        ann< :srv 369 ann ROB :End of WHOWAS
        ann> WHOWAS bob 1
        ann< :srv 314 ann bob bob localhost * :BOB real
        ann< :srv 312 ann bob srv :2026-01-01T00:00:05.000Z
        ann< :srv 369 ann bob :End of WHOWAS
        ann> WHOWAS bob -1
        ann< :srv 314 ann bob bob localhost * :BOB real
        ann< :srv 312 ann bob srv :2026-01-01T00:00:05.000Z
        ann< :srv 314 ann bob bob localhost * :BOB real
        ann< :srv 312 ann bob srv :2026-01-01T00:00:00.000Z
        ann< :srv 369 ann bob :End of WHOWAS
        ann> WHOWAS nobody
        ann< :srv 406 ann nobody :There was no such nickname
        ann< :srv 369 ann nobody :End of WHOWAS
        ann> WHOWAS
        ann< :srv 431 ann :No nickname given
    ",
    );
}
