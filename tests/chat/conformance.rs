//! Behaviour that clients know from other servers.

use crate::script::{play, play_with};
use crate::stage::{Stage, operator, settings};
use stonechat::chat::Settings;

#[test]
fn what_services_are_told_is_echoed_and_no_password_with_it() {
    play(
        "ann+ echo-message labeled-response batch
         ann> PRIVMSG NickServ :REGISTER secret a@example.org
         ann< :ann!ann@localhost PRIVMSG NickServ :REGISTER **** a@example.org
         ann< :NickServ!services@srv NOTICE ann :The account ann is yours.
         ann< :srv 900 ann ann!ann@localhost ann :You are now logged in as ann
         ann> @label=1 PRIVMSG nickserv :INFO nobody
         ann< @label=1 :srv BATCH +b2 labeled-response
         ann< @batch=b2 :ann!ann@localhost PRIVMSG nickserv :INFO nobody
         ann< @batch=b2 :NickServ!services@srv NOTICE ann :There is no such account.
         ann< :srv BATCH -b2
         ann> PRIVMSG NickServ :IDENTFY ann secret
         ann< :ann!ann@localhost PRIVMSG NickServ :IDENTFY **** ****
         ann~
         ann> PRIVMSG NickServ :passwd secret new
         ann< :ann!ann@localhost PRIVMSG NickServ :passwd **** ****
         ann< :NickServ!services@srv NOTICE ann :The password is changed, and other connections of yours are closed.
         ann> PRIVMSG NickServ :IDENTIFY ann new
         ann< :ann!ann@localhost PRIVMSG NickServ :IDENTIFY ann ****
         ann~
         ann> NOTICE ChanServ :INFO #a
         ann< :ann!ann@localhost NOTICE ChanServ :INFO #a
         ann> PRIVMSG ChanServ :INFO #a
         ann< :ann!ann@localhost PRIVMSG ChanServ :INFO #a
         ann< :ChanServ!services@srv NOTICE ann :There is no registered channel of that name.
         ann> @label=2 PRIVMSG *playback :LIST
         ann< @label=2 :ann!ann@localhost PRIVMSG *playback :LIST",
    );
}

#[test]
fn playback_answers_everyone_also_by_the_command_znc() {
    play(
        "bob+
         bob> JOIN #a
         bob> PRIVMSG #a :before
         bob~
         ann+
         ann> JOIN #a
         ann~
         bob~
         ann> ZNC *playback PLAY #a 0
         ann< :bob!bob@localhost PRIVMSG #a :[2026-01-01 00:00 UTC] before
         ann> ZNC playback play #a 0
         ann< :bob!bob@localhost PRIVMSG #a :[2026-01-01 00:00 UTC] before
         ann> PRIVMSG *playback :PLAY #a 0
         ann< :bob!bob@localhost PRIVMSG #a :[2026-01-01 00:00 UTC] before
         ann> PRIVMSG *playback :nonsense
         ann< :*playback!znc@znc.in PRIVMSG ann :Say PLAY target [from [to]], LIST, or CLEAR target
         ann> ZNC *status :help me
         ann< :*status!znc@znc.in PRIVMSG ann :There is no module status here, only playback
         ann> ZNC
         ann< :srv 461 ann ZNC :Not enough parameters",
    );
}

#[test]
fn who_speaks_for_another_may_say_tags_of_clients() {
    play(
        "ann+ message-tags draft/relaymsg echo-message
         scene #a ann bob[message-tags draft/chathistory batch]
         ann> @+draft/reply=m0;x=y RELAYMSG #a zoe/matrix :hi
         ann< @msgid=m1;draft/relaymsg=ann;+draft/reply=m0 :zoe/matrix!relaymsg@srv PRIVMSG #a :hi
         bob< @msgid=m1;draft/relaymsg=ann;+draft/reply=m0 :zoe/matrix!relaymsg@srv PRIVMSG #a :hi
         ann> MODE #a +E
         ann~
         bob~
         ann> @+draft/reply=m0 NPC #a King :kneel
         ann< @msgid=m2;+draft/reply=m0 :*King*!ann@npc.fakeuser.invalid PRIVMSG #a :kneel (ann)
         bob< @msgid=m2;+draft/reply=m0 :*King*!ann@npc.fakeuser.invalid PRIVMSG #a :kneel (ann)
         ann> @+draft/reply=m0 SCENE #a :dawn
         ann< @msgid=m3;+draft/reply=m0 :=Scene=!ann@npc.fakeuser.invalid PRIVMSG #a :dawn (ann)
         bob< @msgid=m3;+draft/reply=m0 :=Scene=!ann@npc.fakeuser.invalid PRIVMSG #a :dawn (ann)
         bob> CHATHISTORY LATEST #a * 3
         bob< :srv BATCH +b1 chathistory #a
         bob< @batch=b1;msgid=m1;draft/relaymsg=ann;+draft/reply=m0 :zoe/matrix!relaymsg@srv PRIVMSG #a :hi
         bob< @batch=b1;msgid=m2;+draft/reply=m0 :*King*!ann@npc.fakeuser.invalid PRIVMSG #a :kneel (ann)
         bob< @batch=b1;msgid=m3;+draft/reply=m0 :=Scene=!ann@npc.fakeuser.invalid PRIVMSG #a :dawn (ann)
         bob< :srv BATCH -b1",
    );
}

#[test]
fn whatever_happens_has_an_id_also_where_nothing_is_kept() {
    let mut stage = Stage::without_disk(settings());
    stage.register("ann", "message-tags");
    stage.register("bob", "");
    stage.say("ann", "JOIN #a");
    stage.heard("ann");
    let happenings: &[(&str, &[&str])] = &[
        ("bob", &["JOIN #a", "NICK bobby", "PART #a :bye", "JOIN #a"]),
        ("ann", &["MODE #a +i", "TOPIC #a :news", "KICK #a bobby", "NICK anna", "PART #a"]),
    ];
    for (who, lines) in happenings {
        for line in *lines {
            stage.say(who, line);
            let heard = stage.heard("ann");
            assert!(heard[0].starts_with("@msgid="), "{line}: {heard:?}");
            stage.heard("bob");
        }
    }
    stage.say("ann", "JOIN #a");
    stage.say("bob", "JOIN #a");
    stage.heard("ann");
    stage.say("bob", "QUIT");
    assert!(stage.heard("ann")[0].starts_with("@msgid="));
}

#[test]
fn sasl_may_begin_before_its_capability_is_asked_for() {
    play(&format!(
        "account ann secret
         new> AUTHENTICATE PLAIN
         new< AUTHENTICATE +
         new> AUTHENTICATE AGFubgBzZWNyZXQ=
         new< :srv 900 * *!*@localhost ann :You are now logged in as ann
         new< :srv 903 * :SASL authentication successful
         new> NICK new
         new> USER x 0 * :x
         new~
         new> AUTHENTICATE PLAIN
         new< :srv 904 new :Ask for the capability sasl first
         far> NICK far
         far> USER x 0 * :x
         far~
         far> CAP REQ sasl
         far~
         far> AUTHENTICATE PLAIN
         far< AUTHENTICATE +
         {pieces}
         far< :srv 904 far :SASL authentication failed: what was said is too long
         far> AUTHENTICATE PLAIN
         far< AUTHENTICATE +
         far> AUTHENTICATE {full}A
         far< :srv 905 far :SASL message too long",
        full = "A".repeat(400),
        pieces = format!("far> AUTHENTICATE {}\n", "A".repeat(400)).repeat(14)
    ));
}

#[test]
fn what_is_known_of_a_newcomer_is_told_with_their_login() {
    play(
        "account ann secret
         new> CAP REQ sasl
         new> NICK new
         new> USER us 0 * :x
         new~
         new> AUTHENTICATE PLAIN
         new< AUTHENTICATE +
         new> AUTHENTICATE AGFubgBzZWNyZXQ=
         new< :srv 900 * new!us@localhost ann :You are now logged in as ann
         new< :srv 903 * :SASL authentication successful",
    );
}

#[test]
fn a_name_that_somebody_is_called_by_exists() {
    play(
        "bob+
         eve> NICK eve
         eve> REGISTER bob * secret
         eve< :srv FAIL REGISTER ACCOUNT_EXISTS bob :Somebody else is called so now",
    );
}

#[test]
fn read_markers_are_told_to_who_returns() {
    let mut stage = Stage::new(settings());
    stage.register("ann", "");
    for line in ["REGISTER * * secret", "NS SET always-on on", "JOIN #a", "TOPIC #a :news"] {
        stage.say("ann", line);
    }
    stage.say("ann", "MARKREAD #a timestamp=2025-01-01T00:00:00.000Z");
    stage.restart();
    for line in [
        "CAP REQ :sasl draft/read-marker draft/no-implicit-names",
        "AUTHENTICATE PLAIN",
        "AUTHENTICATE AGFubgBzZWNyZXQ=",
        "NICK ann",
        "USER x 0 * :x",
        "CAP END",
    ] {
        stage.say("phone", line);
    }
    let heard = stage.heard("phone");
    let joined = heard.iter().position(|line| line.ends_with(" JOIN #a")).expect("JOIN");
    assert_eq!(heard[joined + 1], ":srv MARKREAD #a timestamp=2025-01-01T00:00:00.000Z");
}

#[test]
fn a_mode_line_takes_as_many_changes_as_isupport_says() {
    let mut stage = Stage::new(settings());
    stage.register("ann", "");
    stage.say("ann", "ISUPPORT");
    assert!(stage.heard("ann").iter().any(|line| line.contains(" MODES=20 ")));
    stage.say("ann", "JOIN #a");
    stage.heard("ann");
    let masks: Vec<String> = (0..21).map(|number| format!("n{number}!*@*")).collect();
    stage.say("ann", &format!("MODE #a +{} {}", "b".repeat(20), masks[..20].join(" ")));
    let told = |sign| {
        [&masks[..12], &masks[12..20]].map(|masks| {
            let letters = "b".repeat(masks.len());
            format!(":ann!ann@localhost MODE #a {sign}{letters} {}", masks.join(" "))
        })
    };
    assert_eq!(stage.heard("ann"), told('+'));
    stage.say("ann", &format!("MODE #a -{} {}", "b".repeat(21), masks.join(" ")));
    let [first, second] = told('-');
    let refused = ":srv 407 ann #a :A MODE changes 20 things with a parameter at most";
    assert_eq!(stage.heard("ann"), [refused, &first, &second]);
}

#[test]
fn where_the_operator_has_written_no_motd_first_steps_are_told() {
    play_with(
        Settings { motd: Settings::default().motd, ..settings() },
        "ann+
         ann> MOTD
         ann< :srv 375 ann :- srv Message of the day -\\x20
         ann< :srv 372 ann :- Welcome. /join #name enters a channel, /list shows them; /msg NickServ REGISTER password makes your nick yours.
         ann< :srv 372 ann :- /msg NickServ HELP and /quote HELP tell the rest.
         ann< :srv 376 ann :End of /MOTD command.",
    );
}

#[test]
fn services_say_what_is_wrong_and_what_would_be_right() {
    play(
        "ann+
         ann> NS WHAT
         ann< :NickServ!services@srv NOTICE ann :WHAT is no command of NickServ; HELP lists them.
         ann> NS IDENTIFY
         ann< :NickServ!services@srv NOTICE ann :IDENTIFY needs a password: IDENTIFY [account] password.
         ann> NS REGISTER
         ann< :NickServ!services@srv NOTICE ann :REGISTER needs a password: REGISTER password [email].
         ann> NS SET colour red
         ann< :NickServ!services@srv NOTICE ann :There is no setting colour: SET always-on on|off, SET replay on|off.
         ann> NS SET
         ann< :NickServ!services@srv NOTICE ann :SET needs a setting and its value: SET always-on on|off, SET replay on|off.
         ann> NS SET replay on please
         ann< :NickServ!services@srv NOTICE ann :SET needs a setting and its value: SET always-on on|off, SET replay on|off.
         ann> NS PASSWD new
         ann< :NickServ!services@srv NOTICE ann :PASSWD needs your password and the new one: PASSWD password new-password.
         ann> NS DROP
         ann< :NickServ!services@srv NOTICE ann :DROP needs the account and its password: DROP account password.
         ann> NS SAREGISTER x
         ann< :NickServ!services@srv NOTICE ann :SAREGISTER needs an account and a password: SAREGISTER account password.
         ann> CS WHAT
         ann< :ChanServ!services@srv NOTICE ann :WHAT is no command of ChanServ; HELP lists them.
         ann> CS REGISTER
         ann< :ChanServ!services@srv NOTICE ann :REGISTER needs a channel: REGISTER #channel.
         ann> CS INFO
         ann< :ChanServ!services@srv NOTICE ann :INFO needs a channel: INFO #channel.
         ann> CS REGISTER #a x
         ann< :ChanServ!services@srv NOTICE ann :REGISTER takes a channel and no more: REGISTER #channel.
         ann> CS AMODE
         ann< :ChanServ!services@srv NOTICE ann :AMODE needs a channel: AMODE #channel [+o account].",
    );
}

/// IRCv3 message-ids: all live messages but numerics have one, a new one each time.
#[test]
fn all_that_users_do_is_told_with_an_id() {
    let mut stage =
        Stage::new(Settings { operators: vec![operator("root", "sesame")], ..settings() });
    let caps = "message-tags away-notify account-notify setname draft/channel-rename invite-notify";
    stage.register("ann", caps);
    stage.register("bob", "");
    for (name, line) in [
        ("ann", "JOIN #a"),
        ("ann", "OPER root sesame"),
        ("ann", "MODE ann +w"),
        ("bob", "JOIN #a"),
        ("bob", "AWAY :lunch"),
        ("bob", "SETNAME :Bob"),
        ("bob", "REGISTER * * secret"),
        ("ann", "RENAME #a #b"),
        ("ann", "INVITE carl #b"),
        ("ann", "WALLOPS :all"),
        ("bob", "NICK rob"),
        ("ann", "MODE #b +m"),
        ("ann", "TOPIC #b :news"),
        ("ann", "KICK #b rob"),
        ("ann", "KILL rob"),
    ] {
        stage.say(name, line);
    }
    let lines = stage.heard("ann");
    let mut ids = std::collections::BTreeSet::new();
    let mut commands = std::collections::BTreeSet::new();
    for line in lines.iter().filter(|line| line.contains('!') && !line.contains(" NOTICE ")) {
        let (tags, rest) = line.split_once(' ').unwrap();
        let command = rest.split(' ').nth(1).unwrap_or_default().to_owned();
        if command.parse::<u16>().is_ok() {
            continue;
        }
        let id = tags.split(['@', ';']).find_map(|tag| tag.strip_prefix("msgid="));
        assert!(ids.insert(id.unwrap_or_else(|| panic!("no id: {line}"))), "twice: {line}");
        commands.insert(command);
    }
    let told = [
        "ACCOUNT", "AWAY", "JOIN", "KICK", "MODE", "NICK", "RENAME", "SETNAME", "TOPIC", "WALLOPS",
    ];
    assert!(told.iter().all(|command| commands.contains(*command)), "{commands:?}");
}
