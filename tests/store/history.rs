//! History against a naive oracle: a sorted list of messages.

use crate::one;
use proptest::collection::vec;
use proptest::prelude::*;
use stonechat::store::sqlite::Database;
use stonechat::store::*;

/// Messages in the order stored, each with whether it was redacted.
#[derive(Default)]
struct Naive(Vec<(Target, Message, bool)>);

impl Naive {
    fn answer(&mut self, request: &Request) -> Reply {
        match request {
            Request::Append { target, message } => {
                let same = |(of, other, _): &(Target, Message, bool)| {
                    of == target && other.msgid == message.msgid
                };
                if self.0.iter().any(same) {
                    return Reply::Failed(Trouble::Duplicate);
                }
                self.0.push((target.clone(), message.clone(), false));
                Reply::Appended
            }
            Request::Redact { target, msgid, by } => {
                let said = self.0.iter_mut().find(|(of, message, redacted)| {
                    let said = ["PRIVMSG", "NOTICE", "TAGMSG"].contains(&&*message.command);
                    of == target && message.msgid == *msgid && said && !redacted
                });
                let Some(said) = said else { return Reply::Unknown(msgid.clone()) };
                if let Redactor::Account(by) = by
                    && said.1.account.as_ref() != Some(by)
                {
                    return Reply::Forbidden;
                }
                said.2 = true;
                Reply::Redacted
            }
            Request::Select { target, selection, limit, events } => {
                self.select(target, selection, limit.get(), *events)
            }
            Request::Forget { target } => {
                self.0.retain(|(of, ..)| of != target);
                Reply::Forgotten
            }
            Request::Targets { user, channels, from_ms, to_ms, limit } => {
                let mut all: Vec<(Target, i64)> = Vec::new();
                let counts = |(_, message, redacted): &&(Target, Message, bool)| {
                    !redacted && !message.is_event()
                };
                for (target, message, _) in self.0.iter().filter(counts) {
                    let read = match target {
                        Target::Channel(name) => channels.contains(name),
                        Target::Pair(one, other) => one == user || other == user,
                    };
                    match all.iter_mut().find(|(other, _)| other == target) {
                        Some(known) => known.1 = known.1.max(message.time_ms),
                        None if read => all.push((target.clone(), message.time_ms)),
                        None => {}
                    }
                }
                all.sort_by_key(|(target, ms)| (*ms, target.clone()));
                let (low, high) = (from_ms.min(to_ms), from_ms.max(to_ms));
                all.retain(|(_, ms)| low < ms && ms < high);
                let limit = limit.get().min(all.len());
                Reply::Targets(match from_ms <= to_ms {
                    true => all[..limit].to_vec(),
                    false => all[all.len() - limit..].to_vec(),
                })
            }
            other => panic!("{other:?} is none of history"),
        }
    }

    fn select(&self, target: &Target, selection: &Selection, limit: usize, events: bool) -> Reply {
        let mut said: Vec<_> = self.0.iter().filter(|(of, ..)| of == target).collect();
        said.sort_by_key(|(_, message, _)| message.time_ms); // stable: equal times keep the order of storing
        // The number of messages before a point, and before or at it.
        let split = |point: &Point| match point {
            Point::Time(ms) => Ok((
                said.partition_point(|(_, message, _)| message.time_ms < *ms),
                said.partition_point(|(_, message, _)| message.time_ms <= *ms),
            )),
            Point::Msgid(msgid) => {
                let at = said.iter().position(|(_, message, _)| message.msgid == *msgid);
                at.map(|at| (at, at + 1)).ok_or_else(|| Reply::Unknown(msgid.clone()))
            }
        };
        let shown = |range: std::ops::Range<usize>| -> Vec<Message> {
            let range = range.start..range.end.max(range.start);
            let shown = said[range]
                .iter()
                .filter(|(_, message, redacted)| !redacted && (events || !message.is_event()));
            shown.map(|(_, message, _)| message.clone()).collect()
        };
        let first = |range| shown(range).into_iter().take(limit).collect::<Vec<_>>();
        let last = |range, limit: usize| {
            let messages = shown(range);
            messages[messages.len() - limit.min(messages.len())..].to_vec()
        };
        let answer = || {
            Ok(match selection {
                Selection::Latest(None) => last(0..said.len(), limit),
                Selection::Latest(Some(point)) => last(split(point)?.1..said.len(), limit),
                Selection::Before(point) => last(0..split(point)?.0, limit),
                Selection::After(point) => first(split(point)?.1..said.len()),
                Selection::Around(point) => {
                    let mut messages = last(0..split(point)?.0, limit / 2);
                    let rest = shown(split(point)?.0..said.len()).into_iter();
                    messages.extend(rest.take(limit - limit / 2));
                    messages
                }
                Selection::Between(from, to) => {
                    let (from, to) = (split(from)?, split(to)?);
                    match from <= to {
                        true => first(from.1..to.0),
                        false => last(to.1..from.0, limit),
                    }
                }
            })
        };
        answer().map_or_else(|unknown| unknown, Reply::Messages)
    }
}

fn target() -> impl Strategy<Value = Target> {
    prop_oneof![
        3 => Just(Target::Channel("#a".to_owned())),
        1 => Just(Target::Channel("#é".to_owned())),
        1 => ("[ab]", "[abc]").prop_map(|(one, other)| Target::pair(one, other)),
    ]
}

fn text() -> impl Strategy<Value = Text> {
    let line = ("[^\n]{0,4}", any::<bool>()).prop_map(|(text, concat)| Line { text, concat });
    prop_oneof![
        3 => any::<String>().prop_map(Text::Line),
        1 => vec(line, 0..4).prop_map(Text::Lines),
    ]
}

fn msgid() -> impl Strategy<Value = String> {
    (0..60).prop_map(|number| format!("m{number}"))
}

fn message() -> impl Strategy<Value = Message> {
    let account = proptest::option::of("[ab]?");
    let command = prop_oneof![2 => Just("PRIVMSG"), 1 => Just("NOTICE"), 1 => Just("JOIN"), 1 => Just("TAGMSG")];
    let command = command.prop_map(str::to_owned);
    (msgid(), time(), "[a-z!@]{1,5}", account, command, "[^ ]{0,3}", text()).prop_map(
        |(msgid, time_ms, source, account, command, tags, text)| Message {
            msgid,
            time_ms,
            source,
            account,
            command,
            tags,
            text,
        },
    )
}

/// Few times, so that they are often equal; and the extremes.
fn time() -> impl Strategy<Value = i64> {
    prop_oneof![9 => 0..9_i64, 1 => any::<i64>()]
}

fn point() -> impl Strategy<Value = Point> {
    prop_oneof![2 => msgid().prop_map(Point::Msgid), 1 => time().prop_map(Point::Time)]
}

fn selection() -> impl Strategy<Value = Selection> {
    prop_oneof![
        proptest::option::of(point()).prop_map(Selection::Latest),
        point().prop_map(Selection::Before),
        point().prop_map(Selection::After),
        point().prop_map(Selection::Around),
        (point(), point()).prop_map(|(from, to)| Selection::Between(from, to)),
    ]
}

fn limit() -> impl Strategy<Value = Limit> {
    prop_oneof![4 => 0..9_i64, 1 => any::<i64>()].prop_map(Limit::new)
}

fn request() -> impl Strategy<Value = Request> {
    let append =
        (target(), message()).prop_map(|(target, message)| Request::Append { target, message });
    let select = (target(), selection(), limit(), any::<bool>()).prop_map(
        |(target, selection, limit, events)| Request::Select { target, selection, limit, events },
    );
    let channels = proptest::sample::subsequence(vec!["#a", "#é", "#none"], 0..=3)
        .prop_map(|channels| channels.into_iter().map(str::to_owned).collect());
    let targets = ("[abcd]", channels, time(), time(), limit()).prop_map(
        |(user, channels, from_ms, to_ms, limit)| Request::Targets {
            user,
            channels,
            from_ms,
            to_ms,
            limit,
        },
    );
    let by = prop_oneof![Just(Redactor::Anyone), "[ab]?".prop_map(Redactor::Account)];
    let redact = (target(), msgid(), by).prop_map(|(target, msgid, by)| Request::Redact {
        target,
        msgid,
        by,
    });
    let forget = target().prop_map(|target| Request::Forget { target });
    prop_oneof![25 => append, 25 => select, 5 => targets, 5 => redact, 1 => forget]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn history_agrees_with_a_naive_one(groups in vec(vec(request(), 1..20), 1..12)) {
        let mut database = Database::in_memory().unwrap();
        let mut naive = Naive::default();
        for group in groups {
            let replies = database.serve(group.iter());
            let expected: Vec<Reply> = group.iter().map(|request| naive.answer(request)).collect();
            for ((request, reply), expected) in group.iter().zip(replies).zip(expected) {
                prop_assert_eq!(reply, expected, "to {:?}", request);
            }
        }
    }
}

#[test]
fn a_limit_is_what_was_asked_as_far_as_that_is_allowed() {
    let asked = [i64::MIN, -1, 0, 1, 999, 1000, 1001, 1 << 31, i64::MAX];
    let allowed = asked.map(|limit| Limit::new(limit).get());
    assert_eq!(allowed, [0, 0, 0, 1, 999, 1000, 1000, 1000, 1000]);
    let mut database = Database::in_memory().unwrap();
    let appends: Vec<Request> = (0..1200).map(crate::append).collect();
    database.serve(appends.iter());
    for (limit, expected) in [(-1, 0), (0, 0), (1 << 31, 1000)] {
        let select = |selection| Request::Select {
            target: crate::channel(),
            selection,
            limit: Limit::new(limit),
            events: false,
        };
        let latest = one(&mut database, &select(Selection::Latest(None)));
        let expected: Vec<Message> = (1200 - expected..1200).map(crate::message).collect();
        assert_eq!(latest, Reply::Messages(expected));
    }
}
