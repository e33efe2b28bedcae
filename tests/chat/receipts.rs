//! The echo is the receipt: said once its message is kept, before whatever else its speaker hears.

use crate::stage::play;

#[test]
fn an_echo_comes_once_its_message_is_kept_and_others_do_not_wait() {
    play(
        "ann+ echo-message message-tags
         bob+ message-tags
         ann> JOIN #a
         ann~
         bob> JOIN #a
         ann~
         bob~
         disk stalls
         ann> PRIVMSG #a :one
         bob< @msgid=m1 :ann!ann@localhost PRIVMSG #a :one
         ann> PING here
         bob> PRIVMSG #a :two
         ann> PRIVMSG bob :three
         bob< @msgid=m2 :ann!ann@localhost PRIVMSG bob :three
         disk well
         ann< @msgid=m1 :ann!ann@localhost PRIVMSG #a :one
         ann< :srv PONG srv :here
         ann< @msgid=m3 :bob!bob@localhost PRIVMSG #a :two
         ann< @msgid=m2 :ann!ann@localhost PRIVMSG bob :three",
    );
}

#[test]
fn who_speaks_is_told_if_it_is_not_kept() {
    play(
        "ann+ echo-message
         bob+
         disk full
         ann> PRIVMSG bob :one
         bob< :ann!ann@localhost PRIVMSG bob :one
         ann< :srv WARN PRIVMSG MESSAGE_NOT_KEPT bob :It was delivered, but it is not kept: no space is left on the disk for the database
         disk well
         ann> NOTICE bob :two
         bob< :ann!ann@localhost NOTICE bob :two
         ann< :ann!ann@localhost NOTICE bob :two",
    );
}
