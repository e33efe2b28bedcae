//! Messages against the tables of the specifications, an oracle, and injection by peers.

use super::tags::unescape;
use super::*;
use proptest::prelude::*;

/// A message that owns its parts, the tags' values unescaped.
#[derive(Clone, Debug, Default, PartialEq)]
struct Owned {
    tags: Vec<(String, String)>,
    source: Option<String>,
    command: String,
    params: Vec<String>,
}

impl Owned {
    fn of(message: Message) -> Owned {
        let tags = message.tags.iter();
        Owned {
            tags: tags.map(|(key, value)| (key.into(), unescape(value).collect())).collect(),
            source: message.source.map(Into::into),
            command: message.command.into(),
            params: message.params.iter().map(|&param| param.into()).collect(),
        }
    }

    fn written(&self) -> Vec<u8> {
        let tags: Vec<_> = self.tags.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        let params: Vec<_> = self.params.iter().map(String::as_str).collect();
        let mut out = Vec::new();
        write(&mut out, &tags, self.source.as_deref(), &self.command, &params);
        out
    }
}

fn parse(line: &str) -> Result<Owned, Bad> {
    Message::parse(line.as_bytes(), CLIENT_TAGS_MAX).map(Owned::of)
}

/// The naive oracle: finds tags, source, command and parameters by where each word begins.
fn oracle(line: &str) -> Option<(&str, Option<&str>, &str, Vec<&str>)> {
    let (tags, line) = match line.strip_prefix('@') {
        Some(line) => line.split_once(' ')?,
        None => ("", line),
    };
    let begins = |&at: &usize| at == 0 || line[..at].ends_with(' ');
    let starts = line.char_indices().filter(|&(_, c)| c != ' ').map(|(at, _)| at).filter(begins);
    let mut starts = starts.peekable();
    let word = |at: usize| line[at..].split(' ').next().unwrap();
    let source = starts.next_if(|&at| line[at..].starts_with(':')).map(|at| &word(at)[1..]);
    let command = word(starts.next()?);
    let mut params = Vec::new();
    for at in starts {
        if line[at..].starts_with(':') || params.len() == 14 {
            params.push(line[at..].strip_prefix(':').unwrap_or(&line[at..]));
            break;
        }
        params.push(word(at));
    }
    let is_command = command.chars().all(|c| c.is_ascii_alphanumeric());
    is_command.then_some((tags, source.filter(|source| !source.is_empty()), command, params))
}

fn check_against_oracle(line: &str) {
    let parsed = Message::parse(line.as_bytes(), CLIENT_TAGS_MAX);
    let parsed =
        parsed.as_ref().ok().map(|m| (m.tags.raw(), m.source, m.command, m.params[..].to_vec()));
    assert_eq!(parsed, oracle(line), "{line:?}");
}

/// Many of these are of the `msg-split` table of github.com/ircdocs/parser-tests, where the command
/// is `COMMAND` too.
#[test]
fn the_table() {
    let table: [(&str, Option<&str>, &str, &[&str]); 27] = [
        ("foo bar baz asdf", None, "foo", &["bar", "baz", "asdf"]),
        (":coolguy foo bar baz asdf", Some("coolguy"), "foo", &["bar", "baz", "asdf"]),
        ("foo bar baz :asdf quux", None, "foo", &["bar", "baz", "asdf quux"]),
        ("foo bar baz :", None, "foo", &["bar", "baz", ""]),
        ("PRIVMSG a :", None, "PRIVMSG", &["a", ""]),
        ("foo bar baz ::asdf", None, "foo", &["bar", "baz", ":asdf"]),
        (":coolguy foo bar :  asdf quux ", Some("coolguy"), "foo", &["bar", "  asdf quux "]),
        (":coolguy PRIVMSG bar :lol :) ", Some("coolguy"), "PRIVMSG", &["bar", "lol :) "]),
        (":coolguy foo bar baz :  ", Some("coolguy"), "foo", &["bar", "baz", "  "]),
        (":src JOIN :#chan", Some("src"), "JOIN", &["#chan"]),
        (":src AWAY", Some("src"), "AWAY", &[]),
        (":src AWAY ", Some("src"), "AWAY", &[]),
        (":cool\tguy foo bar\tbaz", Some("cool\tguy"), "foo", &["bar\tbaz"]),
        (
            ":a!b@net\x035w\x03ork PRIVMSG foo :bar",
            Some("a!b@net\x035w\x03ork"),
            "PRIVMSG",
            &["foo", "bar"],
        ),
        (
            ":irc.x 432  #momo :Erroneous Nickname: x",
            Some("irc.x"),
            "432",
            &["#momo", "Erroneous Nickname: x"],
        ),
        (":x MODE #foo-bar +o foobar  ", Some("x"), "MODE", &["#foo-bar", "+o", "foobar"]),
        (
            ":SomeOp MODE #channel +oo SomeUser :AnotherUser",
            Some("SomeOp"),
            "MODE",
            &["#channel", "+oo", "SomeUser", "AnotherUser"],
        ),
        (
            ":irc.example.com CAP LS * :multi-prefix extended-join sasl",
            Some("irc.example.com"),
            "CAP",
            &["LS", "*", "multi-prefix extended-join sasl"],
        ),
        ("CAP REQ :sasl message-tags foo", None, "CAP", &["REQ", "sasl message-tags foo"]),
        (
            ":dan!d@localhost PRIVMSG #chan Hey!",
            Some("dan!d@localhost"),
            "PRIVMSG",
            &["#chan", "Hey!"],
        ),
        (
            "@id=234AB :dan!d@localhost PRIVMSG #chan :Hey what's up!",
            Some("dan!d@localhost"),
            "PRIVMSG",
            &["#chan", "Hey what's up!"],
        ),
        ("  PING a:b", None, "PING", &["a:b"]),
        ("  :src  PING", Some("src"), "PING", &[]),
        (": PING x", None, "PING", &["x"]),
        ("@  PING x", None, "PING", &["x"]),
        ("@a=b   PING x", None, "PING", &["x"]),
        ("PRIVMSG é :ü ö", None, "PRIVMSG", &["é", "ü ö"]),
    ];
    for (line, source, command, params) in table {
        let message = Message::parse(line.as_bytes(), CLIENT_TAGS_MAX).expect(line);
        assert_eq!(
            (message.source, message.command, &message.params[..]),
            (source, command, params),
            "{line:?}"
        );
        check_against_oracle(line);
    }
}

#[test]
fn tags_are_heard_before_source_and_command() {
    for (line, tags) in [
        ("@a=b;c=32;k;rt=ql7 foo", &[("a", "b"), ("c", "32"), ("k", ""), ("rt", "ql7")][..]),
        (
            r"@a=b\\and\nk;c=72\s45;d=gh\:764 foo",
            &[("a", "b\\and\nk"), ("c", "72 45"), ("d", "gh;764")],
        ),
        ("@c;h=;a=b :quux ab cd", &[("c", ""), ("h", ""), ("a", "b")]),
        ("@url=;netsplit=tur,ty foo", &[("url", ""), ("netsplit", "tur,ty")]),
        ("@+example.com/key=@:= foo", &[("+example.com/key", "@:=")]),
        ("@@a=b foo", &[("@a", "b")]),
        ("@ foo", &[]),
        ("foo @a=b", &[]),
    ] {
        let tags: Vec<_> = tags.iter().map(|&(k, v)| (k.to_string(), v.to_string())).collect();
        assert_eq!(parse(line).expect(line).tags, tags, "{line:?}");
        check_against_oracle(line);
    }
}

#[test]
fn what_is_no_message_is_refused() {
    for (line, bad) in [
        ("", Bad::Empty),
        ("   ", Bad::Empty),
        (":src", Bad::Empty),
        (":src  ", Bad::Empty),
        (":", Bad::Empty),
        ("@a=b", Bad::Empty),
        ("@a=b ", Bad::Empty),
        ("@a=b :src ", Bad::Empty),
        ("@", Bad::Empty),
        (" @a=b PING", Bad::Command),
        (":src :PING", Bad::Command),
        ("PRIV-MSG a", Bad::Command),
        ("PÏNG", Bad::Command),
        ("PING\tx", Bad::Command),
        ("PING a\0", Bad::Control),
        ("PING a\rb", Bad::Control),
        ("PING a\r", Bad::Control),
        ("@a=\n PING", Bad::Control),
    ] {
        assert_eq!(parse(line), Err(bad), "{line:?}");
    }
    for line in [&b"PING \xff"[..], b"PING \xc3", b"@a=\xe9 PING", b"\xed\xa0\x80"] {
        assert_eq!(Message::parse(line, CLIENT_TAGS_MAX), Err(Bad::NotUtf8));
    }
}

#[test]
fn each_part_has_its_own_length() {
    let line = |tags: usize, rest: usize| {
        let tags = if tags == 0 { String::new() } else { format!("@{} ", "a".repeat(tags - 2)) };
        tags + "PING " + &"b".repeat(rest - 5)
    };
    for tags_max in [CLIENT_TAGS_MAX, SERVER_TAGS_MAX] {
        let heard = |tags, rest| Message::parse(line(tags, rest).as_bytes(), tags_max).map(drop);
        assert_eq!(heard(0, REST_MAX), Ok(()));
        assert_eq!(heard(tags_max, REST_MAX), Ok(()));
        assert_eq!(heard(0, REST_MAX + 1), Err(Bad::TooLong));
        assert_eq!(heard(2, REST_MAX + 1), Err(Bad::TooLong));
        assert_eq!(heard(tags_max + 1, 5), Err(Bad::TagsTooLong));
    }
    let endless = format!("@{}", "a".repeat(CLIENT_TAGS_MAX));
    assert_eq!(parse(&endless), Err(Bad::TagsTooLong));
}

#[test]
fn the_fifteenth_parameter_takes_the_rest() {
    let fourteen = "1 2 3 4 5 6 7 8 9 10 11 12 13 14";
    for (rest, last) in [
        (" 15", Some("15")),
        (" 15 16 :17 ", Some("15 16 :17 ")),
        ("  :15 16", Some("15 16")),
        (" :", Some("")),
        ("   ", None),
    ] {
        let line = format!("foo {fourteen}{rest}");
        let params = parse(&line).unwrap().params;
        assert_eq!(params[..14].join(" "), fourteen);
        assert_eq!(params.get(14).map(String::as_str), last, "{rest:?}");
        check_against_oracle(&line);
    }
}

#[test]
fn the_last_parameter_gets_a_colon_only_where_it_needs_one() {
    for (params, line) in [
        (&[][..], "C"),
        (&["a"], "C a"),
        (&["a", ""], "C a :"),
        (&["a b"], "C :a b"),
        (&[":a"], "C ::a"),
        (&["a:"], "C a:"),
        (&["\n:a"], "C ::a"),
        (&["\r\n"], "C :"),
        (&["é", "ü ö"], "C é :ü ö"),
    ] {
        let mut out = Vec::new();
        write(&mut out, &[], None, "C", params);
        assert_eq!(String::from_utf8(out).unwrap(), line);
    }
}

#[test]
fn nobody_can_say_what_another_seems_to_have_said() {
    let mut out = Vec::new();
    write(
        &mut out,
        &[("a\n", "x"), ("", "x"), ("b=", "x"), ("c;d", "x"), ("e f", "x"), ("ok", "1\r\n2\0;3")],
        Some("ann :x\r\nQUIT"),
        "403",
        &["", "a b", ":c", "\0:d", "e\r\nf", "g\r\nKILL h\0"],
    );
    assert_eq!(String::from_utf8(out).unwrap(), r"@ok=1\r\n2\:3 :* 403 * * * * ef :gKILL h");
}

#[test]
fn all_is_appended_and_nothing_of_tags_that_cannot_be_told() {
    let mut out = b"before|".to_vec();
    write(&mut out, &[("", "x")], None, "PING", &["a"]);
    assert_eq!(out, b"before|PING a");
}

#[test]
fn a_source_of_nothing_is_still_a_source() {
    for source in ["", "\r\n", " ", "a b"] {
        let mut out = Vec::new();
        write(&mut out, &[], Some(source), "PING", &[]);
        assert_eq!(out, b":* PING", "{source:?}");
    }
}

fn messages() -> impl Strategy<Value = Owned> {
    let tags = prop::collection::vec(("[+a-c./:@-]{1,4}", "[a; :\\\\\r\n=é]{0,6}"), 0..4);
    let source = prop::option::of("[a-c!@.:é]{1,8}");
    let middles = prop::collection::vec("[a#é=@;][a:#]{0,3}", 0..15);
    let last = prop::option::of("[a :é=;]{0,10}");
    (tags, source, "[A-Za-z]{1,7}|[0-9]{3}", middles, last).prop_map(
        |(tags, source, command, mut params, last)| {
            params.extend(last);
            Owned { tags, source, command, params }
        },
    )
}

proptest! {
    #[test]
    fn what_is_written_is_heard(message in messages()) {
        let line = message.written();
        prop_assert_eq!(Message::parse(&line, CLIENT_TAGS_MAX).map(Owned::of), Ok(message));
    }

    #[test]
    fn a_line_says_what_the_oracle_says(
        line in "(@[a=;:@ ]{0,6} )?( {0,2}:[a:]{0,2} )?[ @:aé-]{0,60}",
    ) {
        check_against_oracle(&line);
        if let Ok(message) = parse(&line) {
            let written = message.written();
            prop_assert_eq!(Message::parse(&written, CLIENT_TAGS_MAX).map(Owned::of), Ok(message));
        }
    }

    #[test]
    fn no_bytes_do_harm(
        line in prop::collection::vec(any::<u8>(), 0..600),
        tags_max in 0usize..40,
    ) {
        let _ = Message::parse(&line, tags_max);
    }

    #[test]
    fn no_text_writes_another_line(
        texts in prop::collection::vec("[a:@ ;=\\\\\r\n\u{0}é]{0,8}", 3..18),
    ) {
        let [key, value, source, params @ ..] = &texts[..] else { unreachable!() };
        let params: Vec<&str> = params.iter().map(String::as_str).collect();
        let mut line = Vec::new();
        write(&mut line, &[(key, value)], Some(source), "PING", &params);
        let heard = Message::parse(&line, CLIENT_TAGS_MAX).unwrap();
        prop_assert_eq!(heard.command, "PING");
        prop_assert_eq!(heard.params.len(), params.len());
        prop_assert!(heard.source.is_some());
        prop_assert!(heard.tags.iter().count() <= 1);
    }
}
