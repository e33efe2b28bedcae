//! Random scripts: mostly sensible commands of clients that share few channels.

use crate::line::words;
use crate::people::CAPS;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use std::fmt;

pub const ACTORS: [&str; 5] = ["ann", "bob", "cat", "dan", "eve"];

/// One step. Its actor is an index of [`ACTORS`].
#[derive(Clone)]
pub enum Step {
    /// Connects and registers, as far as that is still to do.
    Connect {
        who: usize,
        caps: Vec<&'static str>,
        nick: String,
    },
    Type {
        who: usize,
        by: By,
        label: bool,
        tag: bool,
        words: Vec<String>,
    },
    /// Redacts one of the last messages; if `own`, by the client that has the sender's nick.
    Redact {
        who: usize,
        own: bool,
        back: usize,
        why: bool,
    },
    /// Logs in to the nth account, or fails to.
    LogIn {
        who: usize,
        account: usize,
        wrong: bool,
    },
    /// Connects, if not connected, as another connection of the client of the nth account.
    Join {
        who: usize,
        account: usize,
    },
    HalfClose(usize),
    CutOff(usize),
    Pass(u64),
    /// Makes the disk full, or well again.
    Fill(bool),
}

/// The choice of an actor of [`ACTORS`].
#[derive(Clone, Copy, Debug)]
pub enum By {
    Anyone,
    /// A member of the first channel in the command, if there is one.
    Member,
    /// A member with rank of that channel, if there is one.
    Ranked,
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Connect { who, caps, nick } => {
                write!(f, "{} connects as {nick} {}", ACTORS[*who], caps.join(" "))
            }
            Step::Type { who, by, words: all, .. } => {
                write!(f, "{} {by:?}> {}", ACTORS[*who], words(&all[0], &all[1..]))
            }
            Step::Redact { who, own, back, .. } => {
                write!(f, "{} takes back {back}, own {own}", ACTORS[*who])
            }
            Step::LogIn { who, account, wrong } => {
                write!(f, "{} logs in to account {account}, wrong {wrong}", ACTORS[*who])
            }
            Step::Join { who, account } => {
                write!(f, "{} joins who is of account {account}", ACTORS[*who])
            }
            Step::HalfClose(who) => write!(f, "{}.", ACTORS[*who]),
            Step::CutOff(who) => write!(f, "{}/", ACTORS[*who]),
            Step::Pass(seconds) => write!(f, "+{seconds}s"),
            Step::Fill(full) => write!(f, "disk full: {full}"),
        }
    }
}

/// All actors connect, most join, and then random steps follow, most of them of `theme`.
pub fn script(theme: Theme, steps: usize) -> impl Strategy<Value = Vec<Step>> {
    let come = (0..ACTORS.len()).map(connect_as_oneself).collect::<Vec<_>>();
    let meet = vec((0..ACTORS.len(), select(vec!["#a", "#a", "#a", "#a,#b"])), 0..8);
    let meet = meet.prop_map(|all| {
        all.into_iter().map(|(who, name)| typed(who, &["JOIN", name])).collect::<Vec<_>>()
    });
    let rest = vec(prop_oneof![3 => themed(theme), 2 => anything()], 0..=steps);
    (come, meet, rest).prop_map(|(come, meet, rest)| [come, meet, rest].concat())
}

/// The main topic of a script.
#[derive(Clone, Copy, Debug)]
pub enum Theme {
    Presence,
    Doors,
    Ranks,
    Auditorium,
    Speech,
    Accounts,
    History,
}

fn themed(theme: Theme) -> BoxedStrategy<Step> {
    match theme {
        Theme::Presence => prop_oneof![
            4 => connect(), 2 => leave(), 4 => nick_change(), 2 => monitor(), 2 => about_oneself(),
            2 => ask(),
        ]
        .boxed(),
        Theme::Doors => prop_oneof![
            8 => join(), 3 => part(), 5 => door_modes(), 3 => invite(), 1 => kick(), 2 => knock(),
            1 => nick_change(),
        ]
        .boxed(),
        Theme::Ranks => prop_oneof![
            4 => rank_modes(), 2 => kick(), 1 => join(), 1 => topic(), 1 => rename(), 2 => modes(),
        ]
        .boxed(),
        Theme::Auditorium => prop_oneof![
            2 => auditorium(), 4 => rank_modes(), 2 => join(), 2 => part(), 1 => kick(),
            1 => nick_change(), 1 => ask(), 1 => leave(), 1 => about_oneself(),
        ]
        .boxed(),
        Theme::Speech => prop_oneof![
            8 => speak(), 2 => speech_modes(), 1 => rank_modes(), 3 => redact(), 1 => connect(),
            1 => about_oneself(), 1 => user_modes(), 1 => accept(), 1 => nick_change(), 1 => leave(),
        ]
        .boxed(),
        Theme::Accounts => prop_oneof![
            6 => account(), 3 => nick_alike(), 2 => nick_change(), 3 => leave(), 2 => connect(),
            1 => speak(), 1 => join(), 1 => about_oneself(), 1 => monitor(), 1 => redact(),
            1 => full(),
        ]
        .boxed(),
        Theme::History => prop_oneof![
            8 => speak(), 8 => history(), 3 => redact(), 2 => join(), 1 => part(), 1 => rename(),
            1 => account(), 1 => nick_change(), 1 => door_modes(), 1 => speech_modes(),
            2 => (1..3u64).prop_map(Step::Pass), 1 => full(),
        ]
        .boxed(),
    }
}

fn anything() -> BoxedStrategy<Step> {
    prop_oneof![
        4 => connect(), 1 => leave(), 2 => nick_change(), 1 => monitor(), 2 => about_oneself(),
        2 => ask(), 6 => join(), 2 => part(), 2 => door_modes(), 2 => invite(), 2 => kick(),
        1 => knock(), 3 => rank_modes(), 2 => topic(), 1 => rename(), 3 => modes(),
        1 => auditorium(), 6 => speak(), 1 => speech_modes(), 1 => redact(), 1 => user_modes(),
        1 => accept(), 1 => caps(), 1 => odd(), 1 => (1..40u64).prop_map(Step::Pass),
        1 => account(), 1 => history(),
    ]
    .boxed()
}

fn typed(who: usize, words: &[&str]) -> Step {
    let words = words.iter().map(|word| word.to_string()).collect();
    Step::Type { who, by: By::Anyone, label: false, tag: false, words }
}

/// Any actor types `words`; empty ones are left out.
fn say(words: impl Strategy<Value = Vec<String>> + 'static) -> BoxedStrategy<Step> {
    say_as(Just(By::Anyone).boxed(), words)
}

/// Mostly a member of the channel types `words`.
fn say_within(words: impl Strategy<Value = Vec<String>> + 'static) -> BoxedStrategy<Step> {
    say_as(prop_oneof![3 => Just(By::Member), 1 => Just(By::Anyone)].boxed(), words)
}

/// Mostly a member with rank types `words`.
fn say_ranked(words: impl Strategy<Value = Vec<String>> + 'static) -> BoxedStrategy<Step> {
    let by = prop_oneof![8 => Just(By::Ranked), 1 => Just(By::Member), 1 => Just(By::Anyone)];
    say_as(by.boxed(), words)
}

fn say_as(
    by: BoxedStrategy<By>,
    words: impl Strategy<Value = Vec<String>> + 'static,
) -> BoxedStrategy<Step> {
    let who = 0..ACTORS.len();
    let step = (who, by, prop::bool::weighted(0.3), prop::bool::weighted(0.3), words);
    step.prop_map(|(who, by, label, tag, words)| {
        let words = words.into_iter().filter(|word| !word.is_empty()).collect();
        Step::Type { who, by, label, tag, words }
    })
    .boxed()
}

fn word(words: &[&'static str]) -> BoxedStrategy<String> {
    select(words.to_vec()).prop_map(str::to_owned).boxed()
}

/// `$n` is the nth actor's present nick, `^n` that in capitals.
fn nick() -> BoxedStrategy<String> {
    let own = |sign| (0..ACTORS.len()).prop_map(move |n| format!("{sign}{n}"));
    prop_oneof![12 => own('$'), 2 => own('^'), 1 => word(&["zoe", "nobody"])].boxed()
}

fn channel() -> BoxedStrategy<String> {
    prop_oneof![
        8 => word(&["#a"]), 4 => word(&["#b"]), 3 => word(&["#A", "#c", "#d"]),
        1 => word(&["a", "#e"]),
    ]
    .boxed()
}

fn listed(item: BoxedStrategy<String>, most: usize) -> BoxedStrategy<String> {
    let several = vec(item.clone(), 2..=most).prop_map(|items| items.join(","));
    prop_oneof![4 => item, 1 => several].boxed()
}

fn optional(words: &[&'static str]) -> BoxedStrategy<String> {
    prop_oneof![1 => Just(String::new()), 1 => word(words)].boxed()
}

fn connect_as_oneself(who: usize) -> BoxedStrategy<Step> {
    let caps = subsequence(CAPS.to_vec(), 0..=CAPS.len());
    caps.prop_map(move |caps| Step::Connect { who, caps, nick: ACTORS[who].into() }).boxed()
}

fn connect() -> BoxedStrategy<Step> {
    let caps = subsequence(CAPS.to_vec(), 0..=CAPS.len());
    let nick = prop_oneof![3 => Just(String::new()), 1 => nick(), 1 => word(&["zoe", "Ann"])];
    (0..ACTORS.len(), caps, nick)
        .prop_map(|(who, caps, nick)| {
            let nick = if nick.is_empty() { ACTORS[who].into() } else { nick };
            Step::Connect { who, caps, nick }
        })
        .boxed()
}

fn leave() -> BoxedStrategy<Step> {
    let reason = optional(&["bye", "so long"]);
    prop_oneof![
        2 => say(reason.prop_map(|reason| vec!["QUIT".into(), reason])),
        1 => (0..ACTORS.len()).prop_map(Step::CutOff),
        1 => (0..ACTORS.len()).prop_map(Step::HalfClose),
    ]
    .boxed()
}

fn nick_change() -> BoxedStrategy<Step> {
    let new = prop_oneof![3 => nick(), 4 => word(&["x", "X", "zoe", "ann", "bob"]), 1 => word(&["1x", ""])];
    say(new.prop_map(|new| vec!["NICK".into(), new]))
}

/// NICK to a name that may be, or look like, that of an account.
fn nick_alike() -> BoxedStrategy<Step> {
    let alike = ["neil", "NeIl", "nell", "nei1", "b0b", "6ob", "bob", "anna", "ann", "ANN", "zoe"];
    say(word(&alike).prop_map(|new| vec!["NICK".into(), new]))
}

fn account() -> BoxedStrategy<Step> {
    let name = || word(&["*", "*", "*", "neil", "nell", "bob", "B0B", "ann", "1x"]);
    let register =
        name().prop_map(|name| vec!["REGISTER".into(), name, "*".into(), "secret".into()]);
    let password = || word(&["secret", "secret", "secret", "secreter"]);
    let account = prop_oneof![1 => nick(), 2 => word(&["neil", "bob", "ann", "Ann", "cat"])];
    let identify = (account, password())
        .prop_map(|(name, password)| vec!["NS".into(), "IDENTIFY".into(), name, password]);
    let own = word(&["REGISTER secret", "IDENTIFY secret", "WHAT", "IDENTIFY secreter"]);
    let own = own.prop_map(|text| vec!["PRIVMSG".into(), "NickServ".into(), text]);
    let dropped = (word(&["neil", "bob", "ann", "cat", "dan"]), password());
    let dropped =
        dropped.prop_map(|(name, password)| vec!["NS".into(), "DROP".into(), name, password]);
    let (who, nth) = (0..ACTORS.len(), 0..4usize);
    let log_in = (who.clone(), nth.clone(), prop::bool::weighted(0.2))
        .prop_map(|(who, account, wrong)| Step::LogIn { who, account, wrong });
    let join = (who.clone(), nth).prop_map(|(who, account)| Step::Join { who, account });
    let odd = (who, word(&["PLAIN", "PLAIN", "*", "EXTERNAL"]))
        .prop_map(|(who, said)| typed(who, &["AUTHENTICATE", &said]));
    prop_oneof![
        3 => say(register), 2 => say(identify), 1 => say(own), 1 => say(dropped), 2 => log_in,
        6 => join, 1 => odd,
    ]
    .boxed()
}

fn full() -> BoxedStrategy<Step> {
    prop::bool::weighted(0.3).prop_map(Step::Fill).boxed()
}

fn history() -> BoxedStrategy<Step> {
    let place = || prop_oneof![4 => channel(), 3 => nick(), 1 => word(&["ann", "bob"])];
    let msgid = (1..20usize).prop_map(|n| format!("msgid={{m{n}}}"));
    let time = (0..60u64, word(&["000", "000", "001", "999"]))
        .prop_map(|(second, ms)| format!("timestamp=2026-01-01T00:00:{second:02}.{ms}Z"));
    let point =
        || prop_oneof![4 => msgid.clone(), 3 => time.clone(), 1 => word(&["msgid=none"])].boxed();
    let limit = || word(&["1", "2", "2", "3", "4", "5", "9", "0"]);
    let sub = word(&["LATEST", "BEFORE", "AFTER", "AROUND"]);
    let one = (sub, place(), point(), limit())
        .prop_map(|(sub, place, point, limit)| vec![sub, place, point, limit]);
    let all = (place(), limit())
        .prop_map(|(place, limit)| vec!["LATEST".into(), place, "*".into(), limit]);
    let two = (place(), point(), point(), limit())
        .prop_map(|(place, from, to, limit)| vec!["BETWEEN".into(), place, from, to, limit]);
    let odd =
        word(&["BEFORE #a * 1", "LATEST #a *", "WHAT #a * 1", "LATEST * * 1", "AFTER #a x 1"]);
    let odd = odd.prop_map(|text| text.split(' ').map(str::to_owned).collect());
    let words = prop_oneof![6 => one, 4 => two, 2 => all, 1 => odd];
    say_within(words.prop_map(|words: Vec<String>| {
        ["CHATHISTORY".to_owned()].into_iter().chain(words).collect()
    }))
}

fn monitor() -> BoxedStrategy<Step> {
    let sign = word(&["+", "+", "+", "-", "S", "L", "C"]);
    let nicks = listed(prop_oneof![nick(), word(&["x", "zoe", "w*"])].boxed(), 5);
    say((sign, nicks).prop_map(|(sign, nicks)| vec!["MONITOR".into(), sign, nicks]))
}

fn about_oneself() -> BoxedStrategy<Step> {
    let name = word(&["Some One", "Another"]);
    prop_oneof![
        say(optional(&["gone", "for lunch"]).prop_map(|why| vec!["AWAY".into(), why])),
        say(name.prop_map(|name| vec!["SETNAME".into(), name])),
        user_modes(),
    ]
    .boxed()
}

fn user_modes() -> BoxedStrategy<Step> {
    let letters =
        word(&["+i", "-i", "+B", "-B", "+R", "-R", "+T", "-T", "+iB-T", "-o", "+o", "z", ""]);
    let own =
        (0..ACTORS.len(), prop_oneof![6 => Just(None), 1 => (0..ACTORS.len()).prop_map(Some)]);
    (own, letters)
        .prop_map(|((who, other), letters)| {
            let target = format!("${}", other.unwrap_or(who));
            let words = [&["MODE", &target], &[&*letters][..]].concat();
            typed(who, &words[..if letters.is_empty() { 2 } else { 3 }])
        })
        .boxed()
}

fn ask() -> BoxedStrategy<Step> {
    prop_oneof![
        2 => say(listed(channel(), 3).prop_map(|names| vec!["NAMES".into(), names])),
        2 => say(channel().prop_map(|name| vec!["WHO".into(), name])),
        2 => say(listed(nick(), 4).prop_map(|nicks| vec!["WHOIS".into(), nicks])),
        1 => say(channel().prop_map(|name| vec!["MODE".into(), name])),
        1 => say((channel(), word(&["b", "+e", "I", "bb"])).prop_map(|(name, list)| {
            vec!["MODE".into(), name, list]
        })),
        1 => say(channel().prop_map(|name| vec!["TOPIC".into(), name])),
    ]
    .boxed()
}

fn join() -> BoxedStrategy<Step> {
    let key = optional(&["k1", "k2", "k1,k2", "x,k1"]);
    let join = (listed(channel(), 4), key).prop_map(|(names, key)| vec!["JOIN".into(), names, key]);
    prop_oneof![12 => say(join), 1 => say(Just(vec!["JOIN".into(), "0".into()]))].boxed()
}

fn part() -> BoxedStrategy<Step> {
    let reason = optional(&["bye", "so long"]);
    say_within(
        (listed(channel(), 3), reason).prop_map(|(names, why)| vec!["PART".into(), names, why]),
    )
}

fn invite() -> BoxedStrategy<Step> {
    let invite = (nick(), channel()).prop_map(|(nick, name)| vec!["INVITE".into(), nick, name]);
    prop_oneof![5 => say_ranked(invite), 1 => say(Just(vec!["INVITE".into()]))].boxed()
}

fn kick() -> BoxedStrategy<Step> {
    let reason = optional(&["out", "go away"]);
    let pair = prop_oneof![
        8 => (channel(), listed(nick(), 4)),
        1 => (listed(channel(), 2), listed(nick(), 2)),
    ];
    say_ranked(
        (pair, reason).prop_map(|((names, nicks), why)| vec!["KICK".into(), names, nicks, why]),
    )
}

fn knock() -> BoxedStrategy<Step> {
    let text = optional(&["please", "let me in"]);
    say((channel(), text).prop_map(|(name, text)| vec!["KNOCK".into(), name, text]))
}

fn topic() -> BoxedStrategy<Step> {
    let text = word(&["tea", "tea and cake"]);
    let set = (channel(), text).prop_map(|(name, text)| vec!["TOPIC".into(), name, text]);
    let unset =
        (0..ACTORS.len(), channel()).prop_map(|(who, name)| typed(who, &["TOPIC", &name, ""]));
    prop_oneof![4 => say_ranked(set), 1 => unset].boxed()
}

fn rename() -> BoxedStrategy<Step> {
    let new = prop_oneof![6 => word(&["#a", "#b", "#c", "#A", "#B", "#r"]), 1 => word(&["r"])];
    let reason = optional(&["why not", "better"]);
    let all = (channel(), new, reason);
    say_ranked(all.prop_map(|(old, new, why)| vec!["RENAME".into(), old, new, why]))
}

/// One change of a MODE, and its parameter.
type Change = (String, String);

fn change(letters: &[&'static str], param: BoxedStrategy<String>) -> BoxedStrategy<Change> {
    (word(letters), param).boxed()
}

fn mode_of(changes: BoxedStrategy<Change>, most: usize) -> BoxedStrategy<Step> {
    let all = (channel(), vec(changes, 1..=most)).prop_map(|(name, changes)| {
        let letters: String = changes.iter().map(|(letters, _)| letters.as_str()).collect();
        let params = changes.into_iter().map(|(_, param)| param);
        ["MODE".into(), name, letters].into_iter().chain(params).collect()
    });
    say_ranked(all)
}

fn nothing() -> BoxedStrategy<String> {
    Just(String::new()).boxed()
}

fn lists() -> BoxedStrategy<Change> {
    let mask = prop_oneof![
        4 => nick(),
        1 => nick().prop_map(|nick| format!("m:{nick}")),
        1 => nick().prop_map(|nick| format!("{nick}!?*@local*")),
        2 => word(&["*", "*!bob@*", "*!eve", "cat@*", "m:*@localhost", "a:x", "m:"]),
        1 => word(&["a:*", "a:ann", "a:BOB", "m:a:n*", "m:a:bob"]),
    ];
    change(&["+b", "+b", "+b", "-b", "+e", "-e", "+I", "-I"], mask.boxed())
}

fn door_modes() -> BoxedStrategy<Step> {
    let changes = prop_oneof![
        3 => change(&["+i", "+i", "-i", "+s", "-s", "+R", "-R"], nothing()),
        4 => lists(),
        2 => change(&["+k", "+k", "-k"], word(&["k1", "k2", "a,b"])),
        1 => change(&["-k", "-l", "-f", "+l", "+f", "+k"], nothing()),
        2 => change(&["+l"], word(&["1", "2", "3", "0", "x", "-1"])),
        2 => change(&["+f"], channel()),
    ];
    mode_of(changes.boxed(), 2)
}

fn ranks() -> BoxedStrategy<Change> {
    let letters = ["+o", "+o", "-o", "+h", "+h", "-h", "+v", "+v", "-v", "+a", "+q", "-q"];
    change(&letters, nick())
}

fn rank_modes() -> BoxedStrategy<Step> {
    mode_of(ranks(), 3)
}

fn speech_modes() -> BoxedStrategy<Step> {
    let letters = ["+m", "-m", "+n", "-n", "-n", "+C", "-C", "+U", "-U", "+M", "-M", "+s", "-s"];
    mode_of(prop_oneof![4 => change(&letters, nothing()), 2 => lists()].boxed(), 2)
}

fn auditorium() -> BoxedStrategy<Step> {
    mode_of(change(&["+u", "+u", "-u"], nothing()), 1)
}

fn modes() -> BoxedStrategy<Step> {
    let flags = ["+E", "-E", "+t", "-t", "+u", "-u", "+n", "+z", "+b", "e", "-v", "+o", "+s", "-R"];
    let changes = prop_oneof![2 => change(&flags, nothing()), 2 => ranks(), 2 => lists()];
    mode_of(changes.boxed(), 4)
}

fn speak() -> BoxedStrategy<Step> {
    let command = word(&["PRIVMSG", "PRIVMSG", "PRIVMSG", "NOTICE", "TAGMSG"]);
    let status = (word(&["@", "+", "%", "@+", "~"]), channel()).prop_map(|(p, name)| p + &name);
    let target = prop_oneof![4 => channel(), 3 => nick(), 1 => status];
    let text = word(&["hi", "hi there", ":)", "\u{1}ACTION waves\u{1}", "\u{1}VERSION\u{1}", ""]);
    let all = (command, listed(target.boxed(), 5), text);
    say_within(all.prop_map(|(command, targets, text)| vec![command, targets, text]))
}

fn redact() -> BoxedStrategy<Step> {
    let place = prop_oneof![3 => channel(), 2 => nick()];
    let id = (1..12usize).prop_map(|n| format!("{{m{n}}}"));
    let id = prop_oneof![4 => id, 1 => word(&["none"])];
    let wild = (place, id).prop_map(|(place, id)| vec!["REDACT".into(), place, id]);
    let (own, back) = (prop::bool::weighted(0.6), 0..4usize);
    let last = (0..ACTORS.len(), own, back, any::<bool>());
    let last = last.prop_map(|(who, own, back, why)| Step::Redact { who, own, back, why });
    prop_oneof![1 => say(wild), 4 => last].boxed()
}

fn accept() -> BoxedStrategy<Step> {
    let item = prop_oneof![4 => nick(), 1 => nick().prop_map(|nick| format!("-{nick}")), 1 => word(&["*"])];
    say(listed(item.boxed(), 3).prop_map(|items| vec!["ACCEPT".into(), items]))
}

fn caps() -> BoxedStrategy<Step> {
    let some = subsequence(CAPS.to_vec(), 1..4);
    let sign = prop_oneof![Just(""), Just("-")];
    let req = (some, sign).prop_map(|(caps, sign)| {
        let caps: Vec<String> = caps.iter().map(|cap| format!("{sign}{cap}")).collect();
        vec!["CAP".into(), "REQ".into(), caps.join(" ")]
    });
    let unknown = Just(vec!["CAP".into(), "REQ".into(), "setname nonsense".into()]);
    let list = Just(vec!["CAP".into(), "LIST".into()]);
    prop_oneof![4 => say(req), 1 => say(unknown), 1 => say(list)].boxed()
}

/// Incomplete or unknown commands.
fn odd() -> BoxedStrategy<Step> {
    let all = [
        "JOIN",
        "PART",
        "KICK #a",
        "TOPIC",
        "MODE",
        "PRIVMSG",
        "PRIVMSG #a",
        "NOTICE",
        "TAGMSG",
        "INVITE ann",
        "NOSUCH x",
        "USER u 0 * r",
        "USER u",
        "CAP",
        "CAP WHAT",
        "CAP END",
        "PING",
        "PING x",
        "NICK",
        "WHOIS",
        "NAMES",
        "RENAME #a",
        "REDACT #a",
        "SETNAME",
        "MONITOR",
        "KNOCK",
        "JOIN x",
        "JOIN #f,y",
        "MODE nobody",
        "MODE #a +l",
        "MODE #a +bbee-I",
        "NAMES #e",
    ];
    let split = |text: String| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    say(word(&all).prop_map(split))
}
