//! Information about the server: LUSERS, VERSION, ADMIN, TIME, INFO, LINKS, MOTD, STATS, HELP.

use crate::script::{play, play_with};
use crate::stage::{Stage, operator, settings};
use stonechat::chat::Settings;

fn with_operator() -> Settings {
    Settings { operators: vec![operator("root", "sesame")], ..settings() }
}

#[test]
fn lusers_counts() {
    play_with(
        with_operator(),
        r"
        ann+
        bob+
        cat+
        cat> QUIT
        cat~
        cat!
        dan> NICK dan
        ann> OPER root sesame
        ann~
        bob> MODE bob +i
        bob~
        bob> JOIN #a
        bob~
        ann> LUSERS
        ann< :srv 251 ann :There are 1 users and 1 invisible on 1 servers
        ann< :srv 252 ann 1 :operator(s) online
        ann< :srv 253 ann 1 :unknown connection(s)
        ann< :srv 254 ann 1 :channels formed
        ann< :srv 255 ann :I have 2 clients and 0 servers
        ann< :srv 265 ann 2 3 :Current local users 2, max 3
        ann< :srv 266 ann 2 3 :Current global users 2, max 3
    ",
    );
}

#[test]
fn version_tells_what_is_supported_too() {
    let mut stage = Stage::new(settings());
    stage.register("ann", "");
    let mut answer = |asked: &str| {
        stage.say("ann", asked);
        stage.heard("ann")
    };
    let told = answer("VERSION");
    assert!(told[0].starts_with(":srv 351 ann stonechat-"), "{}", told[0]);
    assert!(told[0].contains(" srv :One lean daemon"), "{}", told[0]);
    assert!(told.len() > 1 && told[1..].iter().all(|line| line.contains(" 005 ann ")));
    for here in ["VERSION srv", "VERSION SRV", "VERSION s*", "VERSION ann", "VERSION :"] {
        assert_eq!(answer(here), told, "{here}");
    }
    assert_eq!(answer("VERSION elsewhere"), [":srv 402 ann elsewhere :No such server"]);
    assert_eq!(answer("VERSION :no where"), [":srv 402 ann * :No such server"]);
}

#[test]
fn admin_tells_where_this_is_and_who_runs_it() {
    let admin = ["Lucerne", "The Example Association", "admin@example.org"].map(str::to_owned);
    play_with(
        Settings { admin, ..settings() },
        r"
        ann+
        ann> ADMIN
        ann< :srv 256 ann srv :Administrative info
        ann< :srv 257 ann Lucerne
        ann< :srv 258 ann :The Example Association
        ann< :srv 259 ann admin@example.org
        ann> ADMIN s?v
        ann~
        ann> ADMIN elsewhere
        ann< :srv 402 ann elsewhere :No such server
    ",
    );
    play(
        r"
        ann+
        ann> ADMIN ann
        ann< :srv 256 ann srv :Administrative info
        ann< :srv 257 ann :not told
        ann< :srv 258 ann :not told
        ann< :srv 259 ann :not told
    ",
    );
}

#[test]
fn time_info_and_links() {
    play(
        r"
        ann+
        +3s
        ann> TIME
        ann< :srv 391 ann srv 1767225603 0 2026-01-01T00:00:03.000Z
        ann> TIME srv
        ann< :srv 391 ann srv 1767225603 0 2026-01-01T00:00:03.000Z
        ann> TIME elsewhere
        ann< :srv 402 ann elsewhere :No such server
        ann> INFO
        ann< :srv 371 ann stonechat-0.1.0
        ann< :srv 371 ann :One lean daemon through which people and devices talk.
        ann< :srv 371 ann :Since 2026-01-01T00:00:00Z
        ann< :srv 374 ann :End of INFO list
        ann> INFO elsewhere
        ann< :srv 402 ann elsewhere :No such server
        ann> LINKS
        ann< :srv 364 ann * srv :0 Net
        ann< :srv 365 ann * :End of /LINKS list
    ",
    );
}

#[test]
fn the_message_of_the_day() {
    let motd = vec!["Be kind.".into(), String::new(), "Or else.".into()];
    let mut stage = Stage::new(Settings { motd, ..settings() });
    stage.register("ann", "");
    for asked in ["MOTD", "MOTD srv", "MOTD ann"] {
        stage.say("ann", asked);
        let told = [
            ":srv 375 ann :- srv Message of the day - ",
            ":srv 372 ann :- Be kind.",
            ":srv 372 ann :- ",
            ":srv 372 ann :- Or else.",
            ":srv 376 ann :End of /MOTD command.",
        ];
        assert_eq!(stage.heard("ann"), told, "{asked}");
    }
    stage.say("ann", "MOTD elsewhere");
    assert_eq!(stage.heard("ann"), [":srv 402 ann elsewhere :No such server"]);
    play(
        r"
        ann+
        ann> MOTD srv
        ann< :srv 422 ann :MOTD File is missing
    ",
    );
}

#[test]
fn stats_of_what_is_everybodys() {
    play_with(
        with_operator(),
        r"
        ann+
        bob+
        ann> OPER root sesame
        ann~
        +90s
        ann~
        bob~
        bob> STATS u
        bob< :srv 242 bob :Server Up 0 days 0:01:30
        bob< :srv 219 bob u :End of STATS report
        bob> STATS P
        bob< :srv 249 bob :ann (ann@localhost) idle 90 s
        bob< :srv 249 bob :1 operators here
        bob< :srv 219 bob P :End of STATS report
        bob> STATS k
        bob< :srv 481 bob :Permission Denied- You're not an IRC operator
        bob< :srv 219 bob k :End of STATS report
        bob> STATS *
        bob< :srv 219 bob * :End of STATS report
        bob> STATS u elsewhere
        bob< :srv 402 bob elsewhere :No such server
        bob> STATS uptime srv
        bob< :srv 242 bob :Server Up 0 days 0:01:30
        bob< :srv 219 bob u :End of STATS report
        bob> STATS
        bob< :srv 461 bob STATS :Not enough parameters
        bob> STATS l
        bob< :srv 481 bob :Permission Denied- You're not an IRC operator
        bob< :srv 219 bob l :End of STATS report
    ",
    );
    let mut stage = Stage::new(settings());
    stage.register("ann", "");
    for letter in "clmoqzCLMOQZ".chars() {
        stage.say("ann", &format!("STATS {letter}"));
        let heard = stage.heard("ann");
        assert!(heard.len() == 2 && heard[0].starts_with(":srv 481 "), "{letter}: {heard:?}");
    }
}

#[test]
fn uptime_is_told_in_days() {
    let mut stage = Stage::new(settings());
    stage.jump(2 * 86_400 + 3 * 3600 + 5);
    stage.register("ann", "");
    stage.say("ann", "STATS u");
    assert_eq!(stage.heard("ann")[0], ":srv 242 ann :Server Up 2 days 3:00:05");
}

#[test]
fn stats_for_operators() {
    play_with(
        with_operator(),
        r"
        ann+
        scene #a bob
        ann> OPER root sesame
        ann~
        dan> NICK dan
        +5s
        ann> STATS o
        ann< :srv 243 ann O *@* * root admin
        ann< :srv 219 ann o :End of STATS report
        ann> STATS m
        ann< :srv 212 ann JOIN 1 7 0
        ann< :srv 212 ann NICK 3 24 0
        ann< :srv 212 ann OPER 1 16 0
        ann< :srv 212 ann STATS 2 14 0
        ann< :srv 212 ann USER 2 44 0
        ann< :srv 219 ann m :End of STATS report
        ann> STATS l
        ann< :srv 211 ann ann[ann@unix] 0 * * 5 0 5
        ann< :srv 211 ann bob[bob@unix] 0 * * 3 0 5
        ann< :srv 211 ann *[*@unix] 0 * * 1 0 5
        ann< :srv 219 ann l :End of STATS report
        ann> STATS c
        ann< :srv 249 ann :listener 0: 3 open, 3 in all, 0 refused
        ann< :srv 219 ann c :End of STATS report
    ",
    );
}

#[test]
fn totals_tell_queues_and_tables() {
    let mut stage = Stage::new(with_operator());
    stage.register("ann", "");
    stage.say("ann", "OPER root sesame");
    stage.heard("ann");
    stage.say("ann", "STATS z");
    let heard = stage.heard("ann");
    assert_eq!(heard.len(), 5, "{heard:#?}");
    assert_eq!(heard[0], ":srv 249 ann :queued: 0 bytes for 0 connections, 0 for one");
    assert!(heard[1].starts_with(":srv 249 ann :connections: 1, "), "{}", heard[1]);
    assert!(heard[3].starts_with(":srv 249 ann :channels: 0, 0 bytes"), "{}", heard[3]);
}

#[test]
fn of_many_connections_those_with_most_queued_are_told() {
    let mut stage = Stage::new(with_operator());
    for n in 0..130 {
        stage.register(&format!("u{n}"), "");
    }
    stage.register("ann", "");
    stage.say("ann", "OPER root sesame");
    for _ in 0..20 {
        stage.say("u120", "PING :said more than anybody else, and nothing is queued for anyone");
    }
    stage.heard("ann");
    stage.say("ann", "STATS L");
    let heard = stage.heard("ann");
    assert_eq!(heard.len(), 102);
    assert!(heard[0].starts_with(":srv 211 ann u120[u120@unix] 0 * * 22 1 "), "{}", heard[0]);
    assert_eq!(heard[100], ":srv 249 ann :and 31 more for whom no more is queued");
    assert_eq!(heard[101], ":srv 219 ann L :End of STATS report");
}

#[test]
fn help_is_an_index_and_a_topic_for_each_command() {
    play(
        r"
        ann+
        ann> HELP nick
        ann< :srv 704 ann NICK :NICK nick
        ann< :srv 705 ann NICK :
        ann< :srv 705 ann NICK :Changes your nick.
        ann< :srv 706 ann NICK :End of /HELP.
        ann> HELPOP Extbans
        ann< :srv 704 ann extbans :Extended bans, in the lists of modes b, e and I
        ann< :srv 705 ann extbans :
        ann< :srv 705 ann extbans :  a:account  matches users logged in to that account; * and ? as in masks
        ann< :srv 705 ann extbans :  m:ban      keeps matching users from speaking, not from joining
        ann< :srv 705 ann extbans :m: stands before a mask or another extended ban: m:a:bob, m:*!*@*.b.c.ip
        ann< :srv 705 ann extbans :Addresses are hidden: HOWTOBAN nick shows the entries that match a user.
        ann< :srv 706 ann extbans :End of /HELP.
        ann> HELP cs
        ann< :srv 704 ann CS :CHANSERV command
        ann< :srv 705 ann CS :
        ann< :srv 705 ann CS :Registered channels: REGISTER, AMODE, INFO, DROP. See CHANSERV HELP.
        ann< :srv 706 ann CS :End of /HELP.
        ann> HELP die
        ann< :srv 704 ann DIE DIE
        ann< :srv 705 ann DIE :
        ann< :srv 705 ann DIE :Ends the server.
        ann< :srv 705 ann DIE :For operators of the server.
        ann< :srv 706 ann DIE :End of /HELP.
        ann> HELP nosuch
        ann< :srv 524 ann nosuch :No help available on this topic
        ann> HELP :no such
        ann< :srv 524 ann * :No help available on this topic
    ",
    );
    let mut stage = Stage::new(settings());
    stage.register("ann", "");
    stage.say("ann", "HELP");
    let index = stage.heard("ann");
    assert_eq!(index[0], ":srv 704 ann * :Topics of HELP");
    assert_eq!(index[1], ":srv 705 ann * :");
    assert_eq!(index.last().unwrap(), ":srv 706 ann * :End of /HELP.");
    for topic in ["chmodes", "umodes", "extbans", "ACCEPT", "PRIVMSG", "WHOWAS"] {
        let named = |line: &String| line.split([' ', ':']).any(|word| word == topic);
        assert!(index.iter().any(named), "{topic} in {index:#?}");
    }
    stage.say("ann", "HELP Index");
    let asked_by_name: Vec<String> =
        index.iter().map(|line| line.replacen(" * ", " index ", 1)).collect();
    assert_eq!(stage.heard("ann"), asked_by_name);
}

#[test]
fn what_the_server_is_can_be_described() {
    let description = "A server of ours".to_owned();
    play_with(
        Settings { description, ..settings() },
        "ann+
         ann> LINKS
         ann< :srv 364 ann * srv :0 A server of ours
         ann< :srv 365 ann * :End of /LINKS list
         ann> WHOIS ann
         ann< :srv 311 ann ann ann localhost * :ann
         ann< :srv 312 ann ann srv :A server of ours
         ann~",
    );
}

#[test]
fn newcomers_have_the_modes_that_the_config_gives() {
    let user_modes = "iR".to_owned();
    play_with(
        Settings { user_modes, ..settings() },
        "ann+
         ann> MODE ann
         ann< :srv 221 ann +Ri
         ann> MODE ann -R
         ann< :ann!ann@localhost MODE ann -R
         bob> NICK bob
         bob> USER bob 0 * :bob
         bob~
         bob> LUSERS
         bob< :srv 251 bob :There are 0 users and 2 invisible on 1 servers
         bob~",
    );
    let mut stage = Stage::new(Settings { user_modes: "i".to_owned(), ..settings() });
    stage.say("ann", "NICK ann");
    stage.say("ann", "USER ann 0 * :ann");
    assert_eq!(stage.heard("ann").last().unwrap(), ":ann!ann@localhost MODE ann +i");
}

/// Also without a new connection for a while.
#[test]
fn the_server_tells_when_it_was_started() {
    play(
        "ann+
         restart
         +90s
         bob+
         bob> INFO
         bob< :srv 371 bob stonechat-0.1.0
         bob< :srv 371 bob :One lean daemon through which people and devices talk.
         bob< :srv 371 bob :Since 2026-01-01T00:00:00Z
         bob< :srv 374 bob :End of INFO list",
    );
}

#[test]
fn help_lists_what_operators_can_do() {
    let mut stage = Stage::new(settings());
    stage.register("ann", "");
    stage.say("ann", "HELP operators");
    let heard = stage.heard("ann").join("\n");
    for title in ["KILL nick [reason]", "UBAN ADD", "DEFCON [level]", "REHASH", "AUDIT", "COMMAND"]
    {
        assert!(heard.contains(title), "{title} in {heard}");
    }
    assert!(!heard.contains("JOIN channel"), "{heard}");
}
