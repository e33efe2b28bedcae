//! Search by words, against a naive oracle.

use crate::{channel, message, one, read_all, tidy};
use proptest::collection::vec;
use proptest::prelude::*;
use stonechat::store::sqlite::Database;
use stonechat::store::*;

fn said(number: u32, nick: &str, text: &str) -> Message {
    let source = format!("{nick}!user@host");
    Message { source, text: Text::Line(text.to_owned()), ..message(number) }
}

fn append(number: u32, text: &str) -> Request {
    Request::Append { target: channel(), message: said(number, "Ann", text) }
}

fn search(words: &str) -> Request {
    Request::Search {
        targets: vec![channel()],
        words: words.to_owned(),
        from: None,
        after_ms: None,
        before_ms: None,
        limit: Limit::new(100),
    }
}

/// The texts of the matching messages.
fn found(database: &mut Database, request: &Request) -> Vec<String> {
    let Reply::Found(found) = one(database, request) else { panic!("no search") };
    let text = |(_, message): (Target, Message)| match message.text {
        Text::Line(line) => line,
        Text::Lines(lines) => format!("{lines:?}"),
    };
    found.into_iter().map(text).collect()
}

#[test]
fn words_are_found_whole_in_any_case_and_order() {
    let mut database = Database::in_memory().unwrap();
    let texts = [
        "Roses are red",
        "the red-haired rose to the occasion",
        "naïve Garçon",
        "cafe\u{301}s",
        "don't; AND \"OR\" NEAR(red)* -x words:y",
        "Ἀθῆναι 東京 𝔘nusual हिन्दी",
    ];
    for (number, text) in (0..).zip(texts) {
        assert_eq!(one(&mut database, &append(number, text)), Reply::Appended);
    }
    let mut found = |words| found(&mut database, &search(words));
    assert_eq!(found("RED"), [texts[4], texts[1], texts[0]]);
    assert_eq!(found("are roses"), [texts[0]]);
    assert_eq!(found("rose"), [texts[1]], "not a part of a word");
    assert_eq!(found("haired, red"), [texts[1]]);
    assert_eq!(found("NAIVE garcon"), [texts[2]]);
    assert_eq!(found("cafés"), [texts[3]]);
    assert_eq!(found("don't"), [texts[4]]);
    for letters in ["\"", "*", "^", "red OR", "NOT red", "(", "words:", "{words}", "'", "r*d", "+"]
    {
        assert!(found(letters).len() <= 1, "{letters}");
    }
    assert_eq!(found("NEAR(red)"), [texts[4]]);
    assert_eq!(found("ἀθῆναι"), [texts[5]]);
    assert_eq!(found("東京 हिन्दी"), [texts[5]]);
    assert_eq!(found("").len(), texts.len(), "no word asks for all");
    assert_eq!(found(" :-) "), [] as [&str; 0], "there are no words in this");
    assert_eq!(found(&"red ".repeat(5000)).len(), 3);
}

#[test]
fn only_what_the_asker_may_read_is_found_and_no_event() {
    let mut database = Database::in_memory().unwrap();
    let of = |target, number, command: &str| Request::Append {
        target,
        message: Message { command: command.to_owned(), ..said(number, "ann", "secret") },
    };
    let (other, pair) = (Target::Channel("#b".to_owned()), Target::pair("ann", "bob"));
    let requests = [
        of(channel(), 1, "PRIVMSG"),
        of(other, 2, "PRIVMSG"),
        of(pair.clone(), 3, "NOTICE"),
        of(channel(), 4, "TOPIC"),
    ];
    database.serve(requests.iter());
    let msgids = |database: &mut Database, targets: &[Target]| {
        let Request::Search { words, from, after_ms, before_ms, limit, .. } = search("secret")
        else {
            unreachable!()
        };
        let targets = targets.to_vec();
        let request = Request::Search { targets, words, from, after_ms, before_ms, limit };
        let Reply::Found(found) = one(database, &request) else { panic!("no search") };
        found.into_iter().map(|(of, message)| (of, message.msgid)).collect::<Vec<_>>()
    };
    let (one, three) = ((channel(), "m1".to_owned()), (pair.clone(), "m3".to_owned()));
    assert_eq!(msgids(&mut database, &[channel(), pair]), [three, one]);
    assert_eq!(msgids(&mut database, &[Target::Channel("#none".to_owned())]), []);
    assert_eq!(msgids(&mut database, &[]), []);
    let many: Vec<Target> =
        (0..3000).map(|number| Target::Channel(format!("#{number}"))).chain([channel()]).collect();
    assert_eq!(msgids(&mut database, &many).len(), 1);
}

#[test]
fn what_is_redacted_or_forgotten_is_found_no_more() {
    for tidied in [false, true] {
        let mut database = Database::in_memory().unwrap();
        database.serve([append(1, "a secret"), append(2, "a rose")].iter());
        if tidied {
            tidy(&mut database);
        }
        let (target, msgid, by) = (channel(), "m1".to_owned(), Redactor::Anyone);
        let redact = Request::Redact { target, msgid, by };
        assert_eq!(one(&mut database, &redact), Reply::Redacted);
        assert_eq!(found(&mut database, &search("secret")), [] as [&str; 0]);
        assert_eq!(found(&mut database, &search("a")), ["a rose"]);
        let forget = Request::Forget { target: channel() };
        assert_eq!(one(&mut database, &forget), Reply::Forgotten);
        assert_eq!(found(&mut database, &search("rose")), [] as [&str; 0]);
        // A later message is found, though it may reuse the id of a removed one.
        tidy(&mut database);
        assert_eq!(one(&mut database, &append(1, "a lily")), Reply::Appended);
        assert_eq!(found(&mut database, &search("a")), ["a lily"]);
        assert_eq!(found(&mut database, &search("lily")).len(), 1);
        assert_eq!(read_all(&mut database).unwrap().len(), 1);
    }
}

#[test]
fn what_is_said_before_a_search_is_found_by_it() {
    let mut database = Database::in_memory().unwrap();
    let requests =
        [append(1, "rose"), search("rose"), append(2, "rose"), search("rose"), append(3, "rose")];
    let replies = database.serve(requests.iter());
    let counts = replies.iter().filter_map(|reply| match reply {
        Reply::Found(found) => Some(found.len()),
        _ => None,
    });
    assert_eq!(counts.collect::<Vec<_>>(), [1, 2]);
}

const WORDS: [&str; 4] = ["rose", "lily", "red", "white"];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn search_agrees_with_a_naive_one(
        said in vec((0..2_usize, prop::sample::select(vec!["Ann", "bob"]),
            prop::sample::subsequence(WORDS.to_vec(), 0..4), 0..3_i64), 0..60),
        searches in vec((prop::sample::subsequence(vec![0_usize, 1], 0..=2),
            prop::sample::subsequence(WORDS.to_vec(), 0..3),
            prop::option::of(prop::sample::select(vec!["ann", "bob", "eve"])),
            prop::option::of(0..60_i64), prop::option::of(0..60_i64), 0..9_i64), 1..9),
        tidied in any::<bool>(),
    ) {
        let targets = [channel(), Target::pair("ann", "bob")];
        let mut database = Database::in_memory().unwrap();
        let mut kept = Vec::new();
        let mut now = 0;
        for (number, (target, nick, words, later)) in (0..).zip(said) {
            now += later;
            let text = Text::Line(words.join(" "));
            let source = format!("{nick}!u@h");
            let message = Message { time_ms: now, source, text, ..message(number) };
            let target = targets[target].clone();
            kept.push((target.clone(), words, nick, message.clone()));
            prop_assert_eq!(
                one(&mut database, &Request::Append { target, message }),
                Reply::Appended
            );
        }
        if tidied {
            tidy(&mut database);
        }
        for (within, words, from, after_ms, before_ms, limit) in searches {
            let within: Vec<Target> = within.into_iter().map(|at| targets[at].clone()).collect();
            let expected = kept.iter().rev().filter(|(target, said, nick, message)| {
                within.contains(target)
                    && words.iter().all(|word| said.contains(word))
                    && from.is_none_or(|from| nick.to_lowercase() == from)
                    && after_ms.is_none_or(|after| message.time_ms > after)
                    && before_ms.is_none_or(|before| message.time_ms < before)
            });
            let expected = expected.take(limit as usize);
            let expected: Vec<(Target, Message)> =
                expected.map(|(target, _, _, message)| (target.clone(), message.clone())).collect();
            let request = Request::Search {
                targets: within,
                words: words.join(" "),
                from: from.map(str::to_owned),
                after_ms,
                before_ms,
                limit: Limit::new(limit),
            };
            prop_assert_eq!(one(&mut database, &request), Reply::Found(expected));
        }
    }

    #[test]
    fn no_words_are_taken_for_a_language(words in any::<String>(), nick in any::<String>()) {
        let mut database = Database::in_memory().unwrap();
        let requests = [Request::Append { target: channel(), message: said(1, &nick, &words) }];
        database.serve(requests.iter());
        let from = Some(nick.clone());
        let Request::Search { targets, after_ms, before_ms, limit, .. } = search("") else {
            unreachable!()
        };
        let request = Request::Search { targets, words, from, after_ms, before_ms, limit };
        let reply = one(&mut database, &request);
        prop_assert!(matches!(reply, Reply::Found(_)), "{:?}", reply);
    }
}

/// TAGMSG and events, which are not indexed, can be removed in each way.
#[test]
fn what_has_never_entered_the_index_leaves_without_a_word_of_damage() {
    let of = |number, command: &str, text: &str| Request::Append {
        target: channel(),
        message: Message { command: command.to_owned(), ..said(number, "ann", text) },
    };
    let kept = [
        of(1, "PRIVMSG", "red"),
        of(2, "TAGMSG", ""),
        of(3, "JOIN", "#a"),
        of(4, "TAGMSG", "red"),
        of(5, "NOTICE", "red"),
    ];
    let redact = |number: u32| {
        let (target, by) = (channel(), Redactor::Anyone);
        Request::Redact { target, msgid: format!("m{number}"), by }
    };
    let pair = Target::pair("ann", "bob");
    let ways: [(&str, Vec<Request>); 5] = [
        ("redaction", vec![redact(2), redact(4), redact(1), redact(5)]),
        ("redaction, and then removal", vec![redact(2), redact(1), forget(channel())]),
        ("removal of the channel", vec![forget(channel())]),
        ("too many bytes", vec![Request::Retain(Policy { bytes: Some(0), ..Policy::default() })]),
        ("too old", vec![Request::Retain(Policy { age_ms: Some(0), ..Policy::default() })]),
    ];
    for filed in [false, true] {
        for (way, requests) in &ways {
            let mut database = Database::in_memory().unwrap();
            database.serve(kept.iter());
            if filed {
                tidy(&mut database);
            }
            for reply in database.serve(requests.iter()) {
                assert!(!matches!(reply, Reply::Failed(_)), "{way}, filed: {filed}: {reply:?}");
            }
            tidy(&mut database);
            assert_eq!(found(&mut database, &search("red")), [] as [&str; 0], "{way}");
        }
        let mut database = Database::in_memory().unwrap();
        let in_private = kept.iter().cloned().map(|request| match request {
            Request::Append { message, .. } => Request::Append { target: pair.clone(), message },
            other => other,
        });
        database.serve(in_private.collect::<Vec<_>>().iter());
        if filed {
            tidy(&mut database);
        }
        database.serve([Request::DropAccount { folded: "ann".to_owned() }].iter());
        tidy(&mut database);
    }
}

fn forget(target: Target) -> Request {
    Request::Forget { target }
}
