//! Noise in channels: bans that end, slow mode, messages with many mentions.

use crate::script::{play, play_with};
use crate::stage::{Stage, settings};

#[test]
fn a_timed_ban_ends_by_itself() {
    play(
        r"
        scene #a ann bob
        bob> TBAN #a 1m *!*@x
        bob< :srv 482 bob #a :You're not channel operator
        ann> TBAN #a
        ann< :srv 461 ann TBAN :Not enough parameters
        ann> TBAN #nowhere 1m bob
        ann< :srv 403 ann #nowhere :No such channel
        ann> TBAN #a soon bob
        ann< :srv FAIL TBAN INVALID_DURATION #a soon :Write a duration as 1d2h30m, or seconds
        ann> TBAN #a 1m m:bob
        ann< :ann!ann@localhost MODE #a +b m:bob!*@*
        bob< :ann!ann@localhost MODE #a +b m:bob!*@*
        ann> TBAN #a 1h eve
        ann< :ann!ann@localhost MODE #a +b eve!*@*
        bob< :ann!ann@localhost MODE #a +b eve!*@*
        bob> PRIVMSG #a :hm
        bob< :srv 404 bob #a :Cannot send to channel (+b): you are banned
        +59s
        bob> PRIVMSG #a :hm
        bob< :srv 404 bob #a :Cannot send to channel (+b): you are banned
        +1s
        bob> PRIVMSG #a :hm
        bob< :srv MODE #a -b m:bob!*@*
        ann< :srv MODE #a -b m:bob!*@*
        ann< :bob!bob@localhost PRIVMSG #a :hm
        ann> MODE #a b
        ann< :srv 367 ann #a eve!*@* ann!ann@localhost 1767225600
        ann< :srv 368 ann #a :End of channel ban list
    ",
    );
}

#[test]
fn of_two_bans_of_one_mask_the_later_holds_and_is_told() {
    play(
        r"
        scene #a ann bob
        ann> TBAN #a 2s eve
        ann< :ann!ann@localhost MODE #a +b eve!*@*
        bob< :ann!ann@localhost MODE #a +b eve!*@*
        +1s
        ann> TBAN #a 1m eve
        ann< :ann!ann@localhost MODE #a +b eve!*@*
        bob< :ann!ann@localhost MODE #a +b eve!*@*
        +2s
        ann> MODE #a b
        ann< :srv 367 ann #a eve!*@* ann!ann@localhost 1767225601
        ann< :srv 368 ann #a :End of channel ban list
        ann> MODE #a +b eve
        ann< :ann!ann@localhost MODE #a +b eve!*@*
        bob< :ann!ann@localhost MODE #a +b eve!*@*
        ann> MODE #a +b eve
        +60s
        ann> MODE #a b
        ann< :srv 367 ann #a eve!*@* ann!ann@localhost 1767225603
        ann< :srv 368 ann #a :End of channel ban list
        ann> TBAN #a 5s eve
        ann< :ann!ann@localhost MODE #a +b eve!*@*
        bob< :ann!ann@localhost MODE #a +b eve!*@*
        +5s
        ann> MODE #a b
        ann< :srv MODE #a -b eve!*@*
        bob< :srv MODE #a -b eve!*@*
        ann< :srv 368 ann #a :End of channel ban list
    ",
    );
}

#[test]
fn a_timed_ban_of_a_registered_channel_ends_after_a_start_too() {
    let mut stage = Stage::new(settings());
    stage.register("ann", "");
    for line in
        ["REGISTER * * sesame", "JOIN #a", "CS REGISTER #a", "TBAN #a 10m eve", "MODE #a +b zoe"]
    {
        stage.say("ann", line);
    }
    stage.restart();
    stage.register("bob", "");
    stage.jump(300);
    stage.heard("bob");
    stage.say("bob", "MODE #a b");
    assert_eq!(stage.heard("bob").len(), 3);
    stage.jump(300);
    stage.say("bob", "PONG x");
    stage.heard("bob");
    stage.say("bob", "MODE #a b");
    let said = stage.heard("bob");
    assert!(said.len() == 2 && said[0].contains(" zoe!*@* "), "{said:?}");
    stage.restart();
    stage.say("carol", "NICK eve");
    stage.say("carol", "USER eve 0 * :x");
    stage.heard("carol");
    stage.say("carol", "JOIN #a");
    assert!(stage.heard("carol")[0].contains(" JOIN "));
}

#[test]
fn in_slow_mode_each_says_one_thing_in_so_many_seconds() {
    play(
        r"
        scene #a ann bob cat
        ann> MODE #a +W
        ann< :srv 696 ann #a W * :You must give a parameter
        ann> MODE #a +W 0
        ann< :srv 696 ann #a W 0 :Slow mode takes seconds, 1 to 86400
        ann> MODE #a +W 86401
        ann< :srv 696 ann #a W 86401 :Slow mode takes seconds, 1 to 86400
        ann> MODE #a +W 30
        ann< :ann!ann@localhost MODE #a +W 30
        bob< :ann!ann@localhost MODE #a +W 30
        cat< :ann!ann@localhost MODE #a +W 30
        ann> MODE #a
        ann< :srv 324 ann #a +ntW 30
        ann< :srv 329 ann #a 1767225600
        bob> PRIVMSG #a :1
        ann< :bob!bob@localhost PRIVMSG #a :1
        cat< :bob!bob@localhost PRIVMSG #a :1
        cat> PRIVMSG #a :2
        ann< :cat!cat@localhost PRIVMSG #a :2
        bob< :cat!cat@localhost PRIVMSG #a :2
        +29s
        bob> PRIVMSG #a :3
        bob< :srv 404 bob #a :Cannot send to channel (+W): wait 1s more
        bob> NOTICE #a :3
        +1s
        bob> PRIVMSG #a :4
        ann< :bob!bob@localhost PRIVMSG #a :4
        cat< :bob!bob@localhost PRIVMSG #a :4
        ann> MODE #a +v bob
        ann~
        bob~
        cat~
        bob> PRIVMSG #a :5
        ann< :bob!bob@localhost PRIVMSG #a :5
        cat< :bob!bob@localhost PRIVMSG #a :5
        cat> PRIVMSG #a :6
        ann< :cat!cat@localhost PRIVMSG #a :6
        bob< :cat!cat@localhost PRIVMSG #a :6
        ann> MODE #a -W
        ann~
        bob~
        cat~
        cat> PRIVMSG #a :7
        ann< :cat!cat@localhost PRIVMSG #a :7
        bob< :cat!cat@localhost PRIVMSG #a :7
    ",
    );
}

#[test]
fn figures_and_scenes_are_held_to_the_same() {
    let mut settings = settings();
    settings.abuse.mentions_max = 2;
    play_with(
        settings,
        r"
        scene #a ann bob cat
        ann> MODE #a +EW 30
        ann~
        bob~
        cat~
        bob> SCENE #a :ann and cat wait
        bob< :srv 404 bob #a :Cannot send to channel: it names too many who are here
        bob> SCENE #a :1
        ann< :=Scene=!bob@npc.fakeuser.invalid PRIVMSG #a :1 (bob)
        bob< :=Scene=!bob@npc.fakeuser.invalid PRIVMSG #a :1 (bob)
        cat< :=Scene=!bob@npc.fakeuser.invalid PRIVMSG #a :1 (bob)
        bob> NPC #a x :2
        bob< :srv 404 bob #a :Cannot send to channel (+W): wait 30s more
        bob> PRIVMSG #a :3
        bob< :srv 404 bob #a :Cannot send to channel (+W): wait 30s more
        ann> TBAN #a 1m m:cat
        ann~
        bob~
        cat~
        cat> SCENE #a :4
        cat< :srv 404 cat #a :Cannot send to channel (+b): you are banned
        +60s
        cat> SCENE #a :5
        cat< :srv MODE #a -b m:cat!*@*
        cat< :=Scene=!cat@npc.fakeuser.invalid PRIVMSG #a :5 (cat)
        ann~
        bob~
    ",
    );
}

#[test]
fn slow_mode_is_kept_with_a_registered_channel() {
    play(
        r"
        ann+
        ann> REGISTER * * sesame
        ann> JOIN #a
        ann> CS REGISTER #a
        ann> MODE #a +W 30
        ann~
        restart
        bob+
        bob> MODE #a
        bob< :srv 324 bob #a +ntW 30
        bob< :srv 329 bob #a 1767225600
    ",
    );
}

#[test]
fn a_message_names_so_many_members_and_no_more() {
    let mut settings = settings();
    settings.abuse.mentions_max = 3;
    let mut stage = Stage::new(settings);
    let names = ["ann", "bob", "cat", "dan", "eve"];
    for name in names {
        stage.register(name, "");
        stage.say(name, "JOIN #a");
    }
    stage.register("zoe", "");
    for (text, refused) in [
        ("ann bob cat", false),
        ("ann bob cat Zoe nobody at all", false),
        ("ann ann ANN ann, ann: bob cat", false),
        ("ann, bob: (cat) @DAN!", true),
        ("ann bob cat dan eve", true),
    ] {
        stage.heard("bob");
        stage.say("bob", &format!("PRIVMSG #a :{text}"));
        let said = stage.heard("bob");
        let why = ":srv 404 bob #a :Cannot send to channel: it names too many who are here";
        assert_eq!(said, if refused { vec![why] } else { vec![] }, "{text}");
    }
    stage.say("ann", "PRIVMSG #a :ann bob cat dan eve");
    assert_eq!(stage.heard("bob"), [":ann!ann@localhost PRIVMSG #a :ann bob cat dan eve"]);
}
