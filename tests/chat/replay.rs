//! History for clients without CHATHISTORY: SEARCH, `*playback`, and replay on JOIN.

use crate::script::{play, play_with};
use crate::stage::{operator, settings};
use stonechat::chat::Settings;

fn replaying(on_join: u16) -> Settings {
    let mut settings = settings();
    settings.history.on_join = on_join;
    settings
}

#[test]
fn who_cannot_ask_is_told_the_last_messages_on_join() {
    play_with(
        replaying(2),
        "ann+
         ann> JOIN #a
         ann> PRIVMSG #a :one
         ann> PRIVMSG #a :two
         ann> NOTICE #a :three
         ann> TOPIC #a :about it
         ann~
         bob+ server-time batch draft/no-implicit-names
         bob> JOIN #a
         ann~
         bob< @time=T :bob!bob@localhost JOIN #a
         bob< @time=T :srv 332 bob #a :about it
         bob< @time=T :srv 333 bob #a ann!ann@localhost 1767225600
         bob< :srv BATCH +b1 chathistory #a
         bob< @batch=b1;time=T :ann!ann@localhost PRIVMSG #a :two
         bob< @batch=b1;time=T :ann!ann@localhost NOTICE #a :three
         bob< @time=T :srv BATCH -b1
         cat+ draft/chathistory draft/no-implicit-names
         cat> JOIN #a
         ann~
         bob~
         cat< :cat!cat@localhost JOIN #a
         cat< :srv 332 cat #a :about it
         cat< :srv 333 cat #a ann!ann@localhost 1767225600
         dan+ znc.in/playback draft/no-implicit-names
         dan> JOIN #a
         ann~
         bob~
         cat~
         dan< :dan!dan@localhost JOIN #a
         dan< :srv 332 dan #a :about it
         dan< :srv 333 dan #a ann!ann@localhost 1767225600
         eve+ labeled-response batch draft/no-implicit-names
         eve> @label=x JOIN #new
         eve< @label=x :eve!eve@localhost JOIN #new
         eve> @label=y JOIN #a
         ann~
         bob~
         cat~
         dan~
         eve~",
    );
}

#[test]
fn what_is_said_on_join_is_what_was_said_before_it() {
    play_with(
        replaying(10),
        "ann+
         ann> JOIN #a
         ann> PRIVMSG #a :one
         ann~
         bob+ draft/no-implicit-names
         disk stalls
         bob> JOIN #a
         ann< :bob!bob@localhost JOIN #a
         bob< :bob!bob@localhost JOIN #a
         bob> PING here
         ann> PRIVMSG #a :two
         bob< :srv PONG srv :here
         bob< :ann!ann@localhost PRIVMSG #a :two
         disk well
         bob< :ann!ann@localhost PRIVMSG #a :[2026-01-01 00:00 UTC] one",
    );
}

#[test]
fn nothing_is_said_on_join_where_the_config_says_so() {
    play_with(
        replaying(0),
        "ann+
         ann> JOIN #a
         ann> PRIVMSG #a :one
         ann~
         bob+ draft/no-implicit-names
         bob> JOIN #a
         ann~
         bob< :bob!bob@localhost JOIN #a",
    );
}

#[test]
fn znc_playback_plays_what_it_is_asked_for() {
    play(
        "ann+ znc.in/playback server-time
         bob+
         ann> JOIN #a
         ann> JOIN #b
         ann~
         ann> PRIVMSG #a :one
         +1s
         ann> PRIVMSG #b :two
         +1s
         bob> PRIVMSG ann :three
         ann~
         ann> PRIVMSG *playback :play *
         ann< @time=T :ann!ann@localhost PRIVMSG #a :one
         ann< @time=T :ann!ann@localhost PRIVMSG #b :two
         ann< @time=T :bob!bob@localhost PRIVMSG ann :three
         ann> PRIVMSG *playback :PLAY * 1767225600
         ann< @time=T :ann!ann@localhost PRIVMSG #b :two
         ann< @time=T :bob!bob@localhost PRIVMSG ann :three
         ann> PRIVMSG *Playback :play * 1767225600.5 1767225601.5
         ann< @time=T :ann!ann@localhost PRIVMSG #b :two
         ann> PRIVMSG *playback :play bob,#a,#none,#b 0
         ann< @time=T :bob!bob@localhost PRIVMSG ann :three
         ann< @time=T :ann!ann@localhost PRIVMSG #a :one
         ann< @time=T :ann!ann@localhost PRIVMSG #b :two
         ann> PRIVMSG *playback :list
         ann< @time=T :*playback!znc@znc.in PRIVMSG ann :#a 0 1767225600.000
         ann< @time=T :*playback!znc@znc.in PRIVMSG ann :#b 0 1767225601.000
         ann< @time=T :*playback!znc@znc.in PRIVMSG ann :bob 0 1767225602.000
         ann> PRIVMSG *playback :clear #a
         ann< @time=T :*playback!znc@znc.in PRIVMSG ann :What is kept belongs to all who may read it: nothing is cleared
         ann> PRIVMSG *playback :play * yesterday
         ann< @time=T :*playback!znc@znc.in PRIVMSG ann :Times are seconds since 1970
         ann> PRIVMSG *playback :help
         ann< @time=T :*playback!znc@znc.in PRIVMSG ann :Say PLAY target [from [to]], LIST, or CLEAR target
         bob> PRIVMSG *playback :play *
         bob< :bob!bob@localhost PRIVMSG ann :[2026-01-01 00:00 UTC] three
         bob> CAP REQ :znc.in/playback batch labeled-response
         bob~
         bob> @label=l PRIVMSG *playback :play *
         bob< @label=l :srv BATCH +b4 chathistory ann
         bob< @batch=b4 :bob!bob@localhost PRIVMSG ann :three
         bob< :srv BATCH -b4
         bob> @label=m PRIVMSG *playback :play #none
         bob< @label=m :srv ACK",
    );
}

#[test]
fn what_was_said_is_found_by_its_words() {
    play(
        "ann+ soju.im/search batch draft/no-implicit-names
         bob+
         cat+ soju.im/search
         ann> JOIN #a,#b
         ann~
         ann> PRIVMSG #a :the quick fox
         +1s
         ann> PRIVMSG #b :a Fox; quick
         +1s
         bob> PRIVMSG ann :fox
         ann~
         cat> JOIN #c
         cat~
         cat> PRIVMSG #c :fox in secret
         ann> SEARCH text=fox
         ann< :srv BATCH +b1 soju.im/search
         ann< @batch=b1 :ann!ann@localhost PRIVMSG #a :the quick fox
         ann< @batch=b1 :ann!ann@localhost PRIVMSG #b :a Fox; quick
         ann< @batch=b1 :bob!bob@localhost PRIVMSG ann :fox
         ann< :srv BATCH -b1
         ann> SEARCH text=quick\\sfox;in=#b
         ann< :srv BATCH +b2 soju.im/search
         ann< @batch=b2 :ann!ann@localhost PRIVMSG #b :a Fox; quick
         ann< :srv BATCH -b2
         ann> SEARCH from=BOB
         ann< :srv BATCH +b3 soju.im/search
         ann< @batch=b3 :bob!bob@localhost PRIVMSG ann :fox
         ann< :srv BATCH -b3
         ann> SEARCH text=fox;after=2026-01-01T00:00:01.000Z;before=2026-01-01T00:00:01.000Z
         ann< :srv BATCH +b4 soju.im/search
         ann< @batch=b4 :ann!ann@localhost PRIVMSG #b :a Fox; quick
         ann< :srv BATCH -b4
         ann> SEARCH text=fox;limit=1
         ann< :srv BATCH +b5 soju.im/search
         ann< @batch=b5 :bob!bob@localhost PRIVMSG ann :fox
         ann< :srv BATCH -b5
         ann> SEARCH text=badger
         ann< :srv BATCH +b6 soju.im/search
         ann< :srv BATCH -b6
         ann> SEARCH text=fox;in=#c
         ann< :srv FAIL SEARCH INVALID_PARAMS in :Invalid parameters
         ann> SEARCH text=fox;after=now
         ann< :srv FAIL SEARCH INVALID_PARAMS after :Invalid parameters
         ann> SEARCH text=fox;limit=0
         ann< :srv FAIL SEARCH INVALID_PARAMS limit :Invalid parameters
         ann> SEARCH
         ann< :srv 461 ann SEARCH :Not enough parameters
         cat> SEARCH in=ann;text=fox
         disk well",
    );
}

#[test]
fn no_more_than_four_searches_wait_at_once_and_who_leaves_gives_up_a_place() {
    play_with(
        Settings { operators: vec![operator("root", "sesame")], ..settings() },
        r"
        ann+
        bob+
        cat+
        dan+
        eve+
        root+
        root> OPER root sesame
        root~
        ann> JOIN #a
        ann~
        disk stalls
        ann> SEARCH text=x;in=#a
        bob> SEARCH text=x;in=ann
        cat> SEARCH text=x;in=ann
        dan> SEARCH text=x;in=ann
        eve> SEARCH text=x;in=ann
        eve< :srv 263 eve SEARCH :Please wait a while and try again.
        root> KILL ann
        ann~
        ann!
        eve> SEARCH text=x;in=bob
        eve< :srv 263 eve SEARCH :Please wait a while and try again.
        disk well
        disk stalls
        bob> SEARCH text=x;in=eve
        cat> SEARCH text=x;in=eve
        dan> SEARCH text=x;in=eve
        eve> SEARCH text=x;in=bob
        disk well
    ",
    );
}
