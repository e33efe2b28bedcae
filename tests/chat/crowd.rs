//! Thousands of users: one channel of 5,000, a list of 5,000 channels, and clients that don't read.

use crate::stage::settings;
use crate::world::by_hand::{self, at, rest, say};
use crate::world::{ServerEnd, Wire};
use std::cell::RefCell;
use std::io::ErrorKind;
use std::rc::Rc;
use stonechat::app::{App, Protocol};
use stonechat::chat::Settings;
use stonechat::net::{ConnId, EventLoop, Limits};
use stonechat::store::{Request, Store};

const CROWD: usize = 5_000;

type Server = EventLoop<ServerEnd, App>;
type Person = (ConnId, Rc<RefCell<Wire>>);

fn server(limits: Limits) -> Server {
    let mut settings = settings();
    settings.limits = stonechat::chat::Limits { channels_per_user: CROWD, ..settings.limits };
    serve(settings, limits)
}

fn serve(settings: Settings, limits: Limits) -> Server {
    let mut app = App::new(512, settings);
    assert_eq!(app.add_endpoint(Protocol::Irc), Some(by_hand::ENDPOINT));
    EventLoop::new(app, limits)
}

/// Connects and registers `nick`, and discards the output.
fn enter(server: &mut Server, nick: &str, and_then: &str) -> Person {
    let person = by_hand::join(server, usize::MAX);
    say(server, &person, &format!("NICK {nick}\nUSER {nick} 0 * :{nick}\n{and_then}"));
    rest(server, at(0));
    person.1.borrow_mut().down.clear();
    person
}

/// Lets all users join `#crowd`, and discards the output.
fn crowd(server: &mut Server) -> Vec<Person> {
    let caps = "CAP REQ draft/no-implicit-names\nCAP END\n";
    let members: Vec<Person> = (0..CROWD).map(|n| enter(server, &format!("m{n}"), caps)).collect();
    members.iter().for_each(|member| say(server, member, "JOIN #crowd\n"));
    rest(server, at(0));
    members.iter().for_each(|member| member.1.borrow_mut().down.clear());
    members
}

fn heard((_, wire): &Person) -> String {
    String::from_utf8(wire.borrow_mut().down.drain(..).collect()).expect("UTF-8")
}

fn check(server: &Server) {
    server.check();
    server.service.check();
}

#[test]
fn a_crowd_that_is_reset_at_once_is_gone_and_nobody_else_is_told_more_than_concerns_them() {
    let mut server = server(Limits::default());
    let members = crowd(&mut server);
    let ann = enter(&mut server, "ann", "JOIN #other\n");
    // One of them is in ann's channel too.
    say(&mut server, &members[7], "JOIN #other\n");
    rest(&mut server, at(0));
    assert_eq!(heard(&ann), ":m7!m7@localhost JOIN #other\r\n");
    for (id, wire) in &members {
        wire.borrow_mut().cut = Some(ErrorKind::ConnectionReset);
        server.hung_up(id.slot());
    }
    server.turn();
    check(&server);
    rest(&mut server, at(0));
    check(&server);
    assert_eq!(server.live().collect::<Vec<_>>(), [ann.0]);
    assert_eq!(heard(&ann), ":m7!m7@localhost QUIT :reset\r\n");
    say(&mut server, &ann, "LIST\n");
    rest(&mut server, at(0));
    let list = heard(&ann);
    assert!(list.contains(" 322 ann #other 1 ") && !list.contains("#crowd"), "{list}");
}

#[test]
fn of_a_crowd_that_goes_so_much_is_kept_as_leaves_room_for_what_is_said() {
    let mut server = server(Limits::default());
    let members = crowd(&mut server);
    let (store, far) = Store::new(1024);
    server.service.chat.keep_in(store);
    for (id, wire) in &members {
        wire.borrow_mut().cut = Some(ErrorKind::ConnectionReset);
        server.hung_up(id.slot());
    }
    server.turn();
    check(&server);
    let kept = std::iter::from_fn(|| far.take());
    let quit = |request: &Request| matches!(request, Request::Append { message, .. } if message.command == "QUIT");
    let kept: Vec<Request> = kept.map(|asked| asked.question).collect();
    assert!(kept.len() == 512 && kept.iter().all(quit), "{} are kept", kept.len());
}

#[test]
fn who_is_cut_off_while_a_line_goes_out_costs_the_others_nothing() {
    let mut server = server(Limits::default());
    let members = crowd(&mut server);
    let ann = enter(&mut server, "ann", "JOIN #crowd\n");
    members.iter().for_each(|member| drop(heard(member)));
    // The network has cut them off silently: only the write fails.
    let is_cut = |n: usize| n % 10 == 3;
    for (n, (_, wire)) in members.iter().enumerate() {
        wire.borrow_mut().cut = is_cut(n).then_some(ErrorKind::BrokenPipe);
    }
    say(&mut server, &ann, "PRIVMSG #crowd :hello\nPRIVMSG #crowd :again\n");
    server.turn();
    check(&server);
    rest(&mut server, at(0));
    check(&server);
    let mut quits = String::new();
    for n in (0..CROWD).filter(|n| is_cut(*n)) {
        quits.push_str(&format!(":m{n}!m{n}@localhost QUIT :reset\r\n"));
    }
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let quits = sorted(&quits);
    assert_eq!(sorted(&heard(&ann)), quits);
    let said =
        ["hello", "again"].map(|text| format!(":ann!ann@localhost PRIVMSG #crowd :{text}\r\n"));
    let said = said.concat();
    for (n, member) in members.iter().enumerate().filter(|(n, _)| !is_cut(*n)) {
        let all = heard(member);
        let quit = all.strip_prefix(&said);
        let quit = quit.unwrap_or_else(|| panic!("{n} heard {}", &all[..all.len().min(200)]));
        assert_eq!(quit.len(), quits.iter().map(|line| line.len() + 2).sum::<usize>(), "{n}");
    }
}

#[test]
fn who_never_reads_is_thrown_out_and_the_others_see_it_go() {
    let mut server = server(Limits { sendq_max: 128 << 10, ..Limits::default() });
    let [ann, bob] = ["ann", "bob"].map(|nick| enter(&mut server, nick, "JOIN #a\n"));
    let sloth = enter(&mut server, "sloth", "JOIN #a\n");
    sloth.1.borrow_mut().down_max = 0;
    for who in [&ann, &bob] {
        heard(who);
    }
    let line = format!("PRIVMSG #a :{}\n", "x".repeat(400));
    let mut said = 0;
    while !sloth.1.borrow().server_gone {
        say(&mut server, &ann, &line.repeat(10));
        rest(&mut server, at(0));
        check(&server);
        said += 10;
        assert!(said < 1_000, "it is still here");
    }
    assert!(said > 200, "it was thrown out after {said} lines");
    let gone = ":sloth!sloth@localhost QUIT :SendQ exceeded\r\n";
    assert_eq!(heard(&ann), gone);
    let all = heard(&bob);
    assert!(all.ends_with(gone));
    assert_eq!(all.lines().count(), said + 1, "bob heard everything and the end of it");
    assert!(sloth.1.borrow().down.is_empty());
}

/// Reads `most` bytes at a time until there is no more. Returns the input, and the largest backlog
/// meanwhile.
fn read_slowly(server: &mut Server, person: &Person, most: usize) -> (String, usize) {
    let (mut all, mut backlog_max) = (Vec::new(), 0);
    person.1.borrow_mut().down_max = most;
    rest(server, at(0));
    loop {
        backlog_max = backlog_max.max(server.backlog_bytes());
        let bytes: Vec<u8> = person.1.borrow_mut().down.drain(..).collect();
        if bytes.is_empty() {
            check(server);
            return (String::from_utf8(all).expect("UTF-8"), backlog_max);
        }
        all.extend(bytes);
        server.writable(person.0.slot());
        rest(server, at(0));
    }
}

const SENDQ_PAUSE: usize = 8 << 10;

/// What a long answer may queue beyond `sendq_pause`.
const LINE: usize = 1024;

fn paced() -> Limits {
    Limits { sendq_pause: SENDQ_PAUSE, sendq_max: 64 << 10, ..Limits::default() }
}

/// Counts the lines with this numeric in `text`, and checks that there are no others.
fn count(text: &str, numeric: &str) -> usize {
    text.lines().filter(|line| line.contains(&format!(":srv {numeric} "))).count()
}

#[test]
fn a_list_of_5000_channels_goes_at_the_readers_pace_and_is_whole() {
    let mut server = server(paced());
    let channels = |n: usize| format!("JOIN #c{n}\n");
    let maker = enter(&mut server, "maker", "");
    for hundred in 0..CROWD / 100 {
        let joins: String = (0..100).map(|n| channels(100 * hundred + n)).collect();
        say(&mut server, &maker, &joins);
        rest(&mut server, at(0));
        maker.1.borrow_mut().down.clear();
    }
    let ann = enter(&mut server, "ann", "CAP REQ :batch labeled-response\nCAP END\n");
    for label in ["", "@label=x "] {
        ann.1.borrow_mut().down_max = 100;
        say(&mut server, &ann, &format!("{label}LIST\n"));
        let (list, backlog_max) = read_slowly(&mut server, &ann, 700);
        assert!(backlog_max <= SENDQ_PAUSE + LINE, "{backlog_max} bytes were queued");
        let mut listed: Vec<&str> =
            list.lines().filter_map(|line| line.split(" 322 ann ").nth(1)).collect();
        listed.sort_unstable();
        let mut wanted: Vec<String> = (0..CROWD).map(|n| format!("#c{n} 1 :")).collect();
        wanted.sort_unstable();
        assert_eq!(listed, wanted);
        assert_eq!((count(&list, "321"), count(&list, "323")), (1, 1));
        if !label.is_empty() {
            let lines: Vec<&str> = list.lines().collect();
            let reference = lines[0].strip_prefix("@label=x :srv BATCH +").expect("a batch");
            let reference = reference.strip_suffix(" labeled-response").expect("its kind");
            assert_eq!(lines[lines.len() - 1], format!(":srv BATCH -{reference}"));
            let within = lines[1..lines.len() - 1].iter();
            let tag = format!("@batch={reference} ");
            assert!(within.into_iter().all(|line| line.starts_with(&tag)));
        }
    }
}

#[test]
fn a_second_list_ends_the_first_and_is_whole_itself() {
    let mut server = server(paced());
    let maker = enter(&mut server, "maker", "");
    for n in 0..1_000 {
        say(&mut server, &maker, &format!("JOIN #c{n}\n"));
        rest(&mut server, at(0));
        maker.1.borrow_mut().down.clear();
    }
    let ann = enter(&mut server, "ann", "CAP REQ :batch labeled-response\nCAP END\n");
    ann.1.borrow_mut().down_max = 3_000; // so that it is read while the first is under way
    say(&mut server, &ann, "@label=one LIST\n");
    rest(&mut server, at(0));
    say(&mut server, &ann, "@label=two LIST\n");
    let (list, _) = read_slowly(&mut server, &ann, 3_000);
    let ends: Vec<usize> = list.match_indices(":srv 323 ").map(|(at, _)| at).collect();
    assert_eq!(ends.len(), 2);
    let (first, second) = list.split_at(list[ends[0]..].find("BATCH -").unwrap() + ends[0]);
    assert!((1..1_000).contains(&count(first, "322")), "the first is cut short");
    assert_eq!(count(second, "322"), 1_000);
    let of = |label: &str| {
        let opening = format!("@label={label} :srv BATCH +");
        let at = list.find(&opening).expect("a batch") + opening.len();
        list[at..].split(' ').next().unwrap().to_owned()
    };
    for label in ["one", "two"] {
        assert_eq!(list.matches(&format!(":srv BATCH -{}\r\n", of(label))).count(), 1);
    }
}

#[test]
fn a_who_of_5000_members_goes_at_the_readers_pace_and_is_whole() {
    let mut server = server(paced());
    crowd(&mut server);
    let ann = enter(&mut server, "ann", "CAP REQ :batch labeled-response\nCAP END\n");
    for label in ["", "@label=x "] {
        ann.1.borrow_mut().down_max = 100;
        say(&mut server, &ann, &format!("{label}WHO #crowd\n"));
        let (who, backlog_max) = read_slowly(&mut server, &ann, 700);
        assert!(backlog_max <= SENDQ_PAUSE + LINE, "{backlog_max} bytes were queued");
        let told = |n: usize| format!(" 352 ann #crowd m{n} localhost srv m{n} ");
        assert!((0..CROWD).all(|n| who.contains(&told(n))));
        assert_eq!((count(&who, "352"), count(&who, "315")), (CROWD, 1));
        let batches = usize::from(!label.is_empty());
        assert_eq!(who.matches("@label=x :srv BATCH +").count(), batches);
        assert_eq!(who.matches(":srv BATCH -").count(), batches);
    }
}

#[test]
fn a_long_answer_ends_though_less_may_be_queued_than_a_line() {
    let mut server = server(Limits { sendq_pause: 200, ..Limits::default() });
    let ann = enter(&mut server, "ann", "");
    (0..20).for_each(|n| say(&mut server, &ann, &format!("JOIN #c{n}\n")));
    rest(&mut server, at(0));
    heard(&ann);
    say(&mut server, &ann, "LIST\n");
    let mut turns = 0;
    while server.wait(at(0)).is_some_and(|wait| wait.is_zero()) {
        server.turn();
        turns += 1;
        assert!(turns < 100, "it does not come to an end");
    }
    let list = heard(&ann);
    assert_eq!((count(&list, "322"), count(&list, "323")), (20, 1));
}

#[test]
fn what_is_asked_while_an_answer_is_long_is_answered_whole_after_it() {
    let mut server = server(paced());
    crowd(&mut server);
    let ann = enter(&mut server, "ann", "CAP REQ :batch labeled-response\nCAP END\n");
    ann.1.borrow_mut().down_max = 3_000;
    say(&mut server, &ann, "WHO #crowd\n@label=l LIST\nWHO ann\nWHO #crowd\nPING here\n");
    let (all, _) = read_slowly(&mut server, &ann, 3_000);
    assert_eq!((count(&all, "352"), count(&all, "315")), (2 * CROWD + 1, 3));
    assert_eq!((count(&all, "322"), count(&all, "323")), (1, 1));
    let place = |text: &str| all.find(text).unwrap_or_else(|| panic!("no {text}"));
    let places = [":srv 315 ann #crowd ", "@label=l :srv BATCH +", " 323 ann ", " 315 ann ann "];
    assert!(places.map(place).is_sorted(), "in the order they were asked");
    // A hundred more than may wait are refused; none waits for ever.
    say(&mut server, &ann, &"WHO #crowd\n".repeat(160));
    let (all, backlog_max) = read_slowly(&mut server, &ann, 60_000);
    assert!(backlog_max < 64 << 10);
    assert!(count(&all, "263") >= 99, "{} were told to try again", count(&all, "263"));
    assert_eq!(count(&all, "263") + count(&all, "315"), 160);
}

#[test]
fn who_asks_for_more_than_may_be_queued_is_heard_at_the_pace_they_read() {
    let mut server = server(Limits::default());
    let members = crowd(&mut server);
    say(&mut server, &members[0], &"NAMES #crowd\n".repeat(500));
    let sendq_max = Limits::default().sendq_max;
    let mut turns = 0;
    while server.wait(at(0)).is_some_and(|wait| wait.is_zero()) {
        server.turn();
        turns += 1;
        let said = heard(&members[0]).len();
        assert!(said < sendq_max + (200 << 10), "{said} bytes in a turn");
    }
    assert!(turns > 10, "{turns} turns");
    check(&server);

    members[1].1.borrow_mut().down_max = 1000;
    say(&mut server, &members[1], &"NAMES #crowd\n".repeat(500));
    rest(&mut server, at(0));
    assert!(members[1].1.borrow().server_gone, "who reads nothing of it is let go");
    check(&server);
}

#[test]
fn a_who_that_is_under_way_tells_nothing_of_the_channel_that_comes_in_place_of_the_one_it_was_of() {
    let mut server = server(Limits { sendq_pause: 200, ..Limits::default() });
    let members: Vec<Person> = (0..20).map(|n| enter(&mut server, &format!("m{n}"), "")).collect();
    let all_say = |server: &mut Server, line: &str| {
        members.iter().for_each(|member| say(server, member, line));
        rest(server, at(0));
    };
    all_say(&mut server, "JOIN #a\n");
    let ann = enter(&mut server, "ann", "");
    ann.1.borrow_mut().down_max = 100;
    say(&mut server, &ann, "WHO #a\n");
    rest(&mut server, at(0));
    all_say(&mut server, "PART #a\n");
    all_say(&mut server, "JOIN #hush\n");
    say(&mut server, &members[0], "MODE #hush +s\n");
    rest(&mut server, at(0));
    let (who, _) = read_slowly(&mut server, &ann, 700);
    assert!(count(&who, "352") > 0 && count(&who, "315") == 1, "{who}");
    assert!(!who.contains("#hush"), "{who}");
}

#[test]
fn what_would_take_each_to_be_told_of_each_is_told_to_nobody_in_a_crowd() {
    let mut server = server(Limits::default());
    let members = crowd(&mut server);
    say(&mut server, &members[0], "MODE #crowd +u\n");
    rest(&mut server, at(0));
    assert_eq!(heard(&members[1]), ":m0!m0@localhost MODE #crowd +u\r\n");
    say(&mut server, &members[0], "MODE #crowd -u\n");
    rest(&mut server, at(0));
    assert_eq!(heard(&members[1]), ":m0!m0@localhost MODE #crowd -u\r\n");
    check(&server);
}

#[test]
fn a_channel_of_thousands_who_know_no_rename_keeps_its_name() {
    let mut server = server(Limits::default());
    let members = crowd(&mut server);
    say(&mut server, &members[0], "RENAME #crowd #mob\n");
    rest(&mut server, at(0));
    assert_eq!(heard(&members[1]), "");
    let refused = ":srv FAIL RENAME CANNOT_RENAME #crowd #mob :Too many here know no RENAME\r\n";
    assert_eq!(heard(&members[0]), refused);
    check(&server);
}
