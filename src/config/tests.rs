//! The values of a config arrive, and its errors are reported.

use super::*;
use crate::auth::verifier::Verifier;
use crate::chat::{OperatorClass, Program, Proof, Registration, Right, Settings};
use crate::store::sqlite::Durability;
use crate::store::{Keep, Policy, Target};
use std::time::Duration;

const VERIFIER: &str = "SCRAM-SHA-256$4096:AAAAAAAAAAAAAAAAAAAAAA==$\
    AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

fn error(text: &str) -> String {
    Config::from_toml("c.toml", text).unwrap_err()
}

fn from_variable(name: &str, value: &str) -> Result<Config, String> {
    let variables = [(name.to_owned(), value.to_owned())];
    let text = "[echo]\nline_max = 100\n[chat]\nnetwork = \"file\"";
    Config::with_environment("c.toml", text, variables.into_iter())
}

#[test]
fn the_default_file_says_the_defaults() {
    let config = Config::from_toml("default.toml", Config::DEFAULT_TEXT).unwrap();
    assert_eq!(config, Config::default());
    assert!(Config::DEFAULT_TEXT.lines().count() <= 170);
    assert_eq!(Config::from_toml("empty.toml", "").unwrap(), Config::default());
}

#[test]
fn what_the_default_file_comments_out_is_valid_too() {
    let uncommented = |line: &str| match line.strip_prefix('#') {
        Some(key) if key.starts_with(char::is_alphabetic) => key.to_owned(),
        _ => line.to_owned(),
    };
    let lines: Vec<String> = Config::DEFAULT_TEXT.lines().map(uncommented).collect();
    let config = Config::from_toml("all.toml", &lines.join("\n")).unwrap();
    assert!(config.data.is_some() && config.limits.connections == 10_000);
    let chat = config.chat();
    assert!(chat.password.is_some() && chat.icon.is_some());
    assert_eq!((chat.operators.len(), chat.commands.len()), (2, 1));
    assert!(chat.operators.iter().all(|operator| operator.class.commands == ["uptime"]));
    assert_eq!(config.listen, Some(Listen::defaults()));
}

#[test]
fn errors_name_the_place_and_the_remedy() {
    for (text, expected) in [
        (
            "[limits]\nconections = 3",
            "c.toml:2:1: unknown key `conections`, did you mean `connections`?",
        ),
        ("\n\nlog = 3", "c.toml:3:7: log must be a text in quotes, not 3"),
        ("log = ", "c.toml:1:7: "),
        ("log = \"inof\"", "c.toml:1:7: log: unknown level `inof`, did you mean `info`?"),
        ("log = \"bogus\"", "c.toml:1:7: log: unknown level or module `bogus`; levels are off,"),
        ("log = \"info,bogus::net=debug\"", "c.toml:1:7: log: unknown module `bogus::net`; ours"),
        (
            "[echo]\nline_max = \"4 parsecs\"",
            "c.toml:2:12: echo.line_max: `4 parsecs` is not a size; write bytes, or \"64 KiB\"",
        ),
        (
            "[limits]\naccept_wait = 5",
            "c.toml:2:15: limits.accept_wait: `5` is not a time; write \"15s\" or \"2 min\"",
        ),
        (
            "[limits]\naccept_wait = \"-5s\"",
            "c.toml:2:15: limits.accept_wait: `-5s` is not a time; write \"15s\" or \"2 min\"",
        ),
        (
            "listen = [\"ecko://127.0.0.1:1\"]",
            "c.toml:1:11: listen: unknown scheme in `ecko://127.0.0.1:1`, did you mean `echo`?",
        ),
        (
            "listen = [\"echo://127.0.0.1\"]",
            "c.toml:1:11: listen: no port in `echo://127.0.0.1`; write echo://HOST:PORT",
        ),
        (
            "[limits]\nrecvq_max = 4097",
            "c.toml:2:13: limits.recvq_max must be at least 4098 (echo.line_max and a line end), \
             not 4097",
        ),
        (
            "[limits]\nrecvq_max = \"16 EiB\"",
            "c.toml:2:13: limits.recvq_max must be from 1 to 1073741824, not",
        ),
        ("[echo]\nline_max = \"16 EiB\"", "c.toml:2:12: limits.recvq_max must be at least "),
        ("[limits]\nconnections = 0", "c.toml:2:15: limits.connections must be at least 1, not 0"),
        (
            "[chat.limits]\nnick_max = 33",
            "c.toml:2:12: chat.limits.nick_max must be from 1 to 32, not 33",
        ),
        (
            "[chat.limits]\nmultiline_bytes_max = \"2 MiB\"",
            "c.toml:2:23: chat.limits.multiline_bytes_max must be from 512 to 1048576, not 2097152",
        ),
        (
            "[chat.limits]\nping_timeout = \"999ms\"",
            "c.toml:2:16: chat.limits.ping_timeout must be from 1s to 86400s, not 999ms",
        ),
        (
            "[chat.limits]\ntopic_max = 390",
            "c.toml:2:13: chat.limits.topic_max must be at most 325, with nick_max 30, user_max 16 and \
             channel_name_max 64, for a message to fit in a line; not 390",
        ),
        (
            "[limits]\nconnections = -1",
            "c.toml:2:15: limits.connections must be a whole number, 0 or more and not too large, not -1",
        ),
    ] {
        let error = error(text);
        assert!(error.starts_with(expected), "{text:?}: {error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}

#[test]
fn all_errors_of_a_file_and_of_variables_are_said_in_one_run() {
    let text = "log = 3\n[limits]\nconections = 3\nsendq_max = \"big\"\nnick_max = 9\n\
                [chat.limits]\nuser_max = 99\n[history]\nanswer_max = 0\n[accounts]\n\
                login_required = \"yes\"";
    let variables = [("ABUSE_CLOAK", "perhaps"), ("LIMITS_TOPIC_MAX", "9"), ("LOGG", "info")]
        .map(|(name, value)| (format!("STONECHAT_{name}"), value.to_owned()));
    let errors = Config::with_environment("c.toml", text, variables.into_iter()).unwrap_err();
    let mut errors: Vec<&str> = errors.lines().collect();
    errors.sort_unstable();
    assert_eq!(
        errors,
        [
            "STONECHAT_ABUSE_CLOAK: must be true or false, not a text",
            "STONECHAT_LIMITS_TOPIC_MAX: the key is `chat.limits.topic_max` now: \
             STONECHAT_CHAT_LIMITS_TOPIC_MAX",
            "c.toml:11:18: accounts.login_required must be true or false, not a text",
            "c.toml:1:7: log must be a text in quotes, not 3",
            "c.toml:3:1: unknown key `conections`, did you mean `connections`?",
            "c.toml:4:13: limits.sendq_max: `big` is not a size; write bytes, or \"64 KiB\"",
            "c.toml:5:1: `limits.nick_max` is `chat.limits.nick_max` now",
            "c.toml:7:12: chat.limits.user_max must be from 1 to 32, not 99",
            "c.toml:9:14: history.answer_max must be from 1 to 1000, not 0",
            "unknown variable `STONECHAT_LOGG`, did you mean `STONECHAT_LOG`?",
        ]
    );
}

/// Each section is checked by its owner, and several values of one may be wrong at once.
#[test]
fn every_error_of_every_section_is_said_with_its_line_and_its_key() {
    let text = include_str!("wrong.toml");
    let errors = error(text);
    assert!(!errors.contains("hunter2") && !errors.contains("struct"), "{errors}");
    for (number, line) in (1..).zip(text.lines()) {
        let expected = line.split_once(" # ").map_or("", |(_, expected)| expected);
        let expected: Vec<&str> = expected.split(" | ").filter(|one| !one.is_empty()).collect();
        let at = format!("c.toml:{number}:");
        let said = errors.lines().filter_map(|error| error.strip_prefix(&at));
        let mut said: Vec<&str> = said.map(|said| said.split_once(": ").unwrap().1).collect();
        said.sort_unstable();
        let is_it = said.iter().zip(&expected).all(|(said, expected)| said.starts_with(expected));
        assert!(is_it && said.len() == expected.len(), "{line}: {said:#?}");
    }
    assert!(errors.lines().all(|error| error.starts_with("c.toml:")), "{errors}");
}

#[test]
fn a_variable_may_be_written_as_in_the_file() {
    let value = "[{ name = \"#a\", keep_for = 0 }]";
    let config = from_variable("STONECHAT_HISTORY_CHANNELS", value).unwrap();
    assert_eq!(config.history.channels[0].name, "#a");
    let error = from_variable("STONECHAT_HISTORY_CHANNELS", "[{ nome = \"#a\" }]").unwrap_err();
    let expected = "STONECHAT_HISTORY_CHANNELS: unknown key `nome`, did you mean `name`?";
    assert_eq!(error, expected);
}

#[test]
fn sizes_and_times_are_written_as_people_write_them() {
    let text = "echo.line_max = 4000\n[limits]\nrecvq_max = \"1 MiB\"\nsendq_pause = \"10kB\"
                accept_wait = \"1m 30s\"";
    let Config { limits, echo, .. } = Config::from_toml("c.toml", text).unwrap();
    assert_eq!((echo.line_max, limits.recvq_max, limits.sendq_pause), (4000, 1 << 20, 10_000));
    assert_eq!(limits.accept_wait, Duration::from_secs(90));
}

#[test]
fn the_environment_comes_before_the_file() {
    let line_max = |name, value| from_variable(name, value).unwrap().echo.line_max;
    assert_eq!(line_max("STONECHAT_ECHO_LINE_MAX", "1 KiB"), 1024);
    let limits = |name, value| from_variable(name, value).unwrap().limits;
    assert_eq!(limits("STONECHAT_LIMITS_CONNECTIONS", "7").connections, 7);
    assert_eq!(line_max("STONECHAT_PORT", "tcp://10.0.0.1:80"), 100);
    assert_eq!(line_max("STONECHAT_ECHO_LINE_MAX", ""), 100);
    let config = |name, value| from_variable(name, value).unwrap();
    let listen = "echo://127.0.0.1:1, echo://127.0.0.2:1";
    assert_eq!(config("STONECHAT_LISTEN", listen).listen.unwrap().len(), 2);
    assert_eq!(config("STONECHAT_DATA", "17").data.unwrap(), PathBuf::from("17"));
    assert!(config("STONECHAT_REUSE_PORT", "true").reuse_port);
    assert_eq!(config("STONECHAT_SHUTDOWN_TIMEOUT", "1s").shutdown_timeout.as_secs(), 1);
    let chat = |name, value| from_variable(name, value).unwrap().chat();
    assert_eq!(chat("STONECHAT_CHAT_NETWORK", "").network, "file");
    assert_eq!(chat("STONECHAT_CHAT_NETWORK", "42").network, "42");
    assert_eq!(chat("STONECHAT_CHAT_PASSWORD", "true").password.as_deref(), Some("true"));
    assert_eq!(chat("STONECHAT_CHAT_MOTD", "hello\n\nyou").motd, ["hello", "", "you"]);
    assert_eq!(chat("STONECHAT_CHAT_ADMIN", "Ulm, here\nann").admin, ["Ulm, here", "ann", ""]);
    assert_eq!(chat("STONECHAT_CHAT_LIMITS_TOPIC_MAX", "300").limits.topic_max, 300);
    let operators = format!("ann {VERIFIER}\nbob {VERIFIER}");
    let operators = chat("STONECHAT_CHAT_OPERATORS", &operators).operators;
    assert_eq!(operators.iter().map(|o| &*o.name).collect::<Vec<_>>(), ["ann", "bob"]);
}

#[test]
fn a_variable_of_no_key_is_an_error_that_names_the_remedy() {
    for (name, expected) in [
        ("STONECHAT_LISTN", "unknown variable `STONECHAT_LISTN`, did you mean `STONECHAT_LISTEN`?"),
        (
            "STONECHAT_LIMIT_RECVQ_MAX",
            "unknown variable `STONECHAT_LIMIT_RECVQ_MAX`, did you mean `STONECHAT_LIMITS_RECVQ_MAX`?",
        ),
        ("STONECHAT_WHATEVER_IT_IS", "unknown variable `STONECHAT_WHATEVER_IT_IS`: ours are "),
        ("STONECHAT_TLS_CERTIFICATES", "STONECHAT_TLS_CERTIFICATES: must be a list in [ ], not"),
    ] {
        let error = from_variable(name, "7").unwrap_err();
        assert!(error.starts_with(expected), "{error}");
    }
    for name in ["PORT", "PORT_6667_TCP_ADDR", "SERVICE_HOST", "NAME", "ENV_PATH"] {
        assert!(from_variable(&format!("STONECHAT_{name}"), "7").is_ok(), "{name}");
    }
}

#[test]
fn what_is_said_of_history_and_accounts_arrives_there() {
    let text = "[history]\nkeep_for = \"90 days\"\nkeep_bytes = \"1 GiB\"\ndurability = \"normal\"\n\
                answer_max = 50\n\
                channels = [{ name = \"#A\", keep_for = \"12h\" }, { name = \"#b\", keep_bytes = 0 }]\n\
                [accounts]\nregistration = \"invitation\"\nlogin_required = true\n";
    let config = Config::from_toml("c.toml", text).unwrap();
    let policy = config.history.policy();
    assert_eq!((policy.age_ms, policy.bytes), (Some(90 * 86_400_000), Some(1 << 30)));
    let of = |n: usize| (policy.overrides[n].0.clone(), policy.overrides[n].1);
    let channel = |name: &str| Target::Channel(name.to_owned());
    let (half_a_day, nothing) = (Some(12 * 3_600_000), Some(0));
    assert_eq!(of(0), (channel("#a"), Keep { age_ms: half_a_day, bytes: None }));
    assert_eq!(of(1), (channel("#b"), Keep { age_ms: None, bytes: nothing }));
    assert_eq!(config.history.durability, Durability::Normal);
    let chat = config.chat();
    assert_eq!(chat.history.answer_max, 50);
    assert!(chat.accounts.login_required && chat.accounts.before_connect);
    assert_eq!(chat.accounts.registration, Registration::Invitation);
    assert_eq!(Config::default().history.policy(), Policy::default());
}

#[test]
fn errors_in_history_and_accounts_name_the_key_and_the_remedy() {
    for (text, expected) in [
        (
            "history.keep_for = 5",
            "c.toml:1:20: history.keep_for: `5` is not a time; write \"90 days\", \"12h\", or 0",
        ),
        (
            "history.keep_for = \"1 month\"",
            "c.toml:1:20: history.keep_for: `1 month` is not a time",
        ),
        ("history.keep_for = \"-1h\"", "c.toml:1:20: history.keep_for: `-1h` is not a time"),
        (
            "history.durability = \"some\"",
            "c.toml:1:22: history.durability must be one of \"full\", \"normal\", not \"some\"",
        ),
        ("history.answer_max = 0", "history.answer_max must be from 1 to 1000, not 0"),
        ("history.channels = [{ name = \"a\" }]", "history.channels.name: `a` can't be"),
        (
            "history.channels = [{ name = \"#a\" }, { name = \"#A\" }]",
            "history.channels has two of the name `#A`; remove one",
        ),
        (
            "proxy.trusted = [\"192.0.2.0/33\"]",
            "c.toml:1:18: proxy.trusted: `192.0.2.0/33` is not a network; write \"192.0.2.0/24\" or",
        ),
        ("proxy.header_timeout = \"0s\"", "proxy.header_timeout must be from 1s to 60s"),
        (
            "proxy.gateways = [{ name = \"a\", networks = [] }]",
            "proxy.gateways.networks must be there",
        ),
        (
            "accounts.registration = \"no\"",
            "c.toml:1:25: accounts.registration must be one of \"open\", \"invitation\", \"closed\"",
        ),
        ("accounts.connections_max = 0", "accounts.connections_max must be from 1 to 1000, not 0"),
    ] {
        let error = error(text);
        let said = error.split_once(": ").unwrap().1;
        let place = format!("c.toml:{}:", text.lines().count());
        assert!(error.starts_with(&place), "{text:?}: {error}");
        assert!(error.starts_with(expected) || said.starts_with(expected), "{text:?}: {error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}

#[test]
fn what_is_said_of_chat_arrives_there() {
    let text = format!(
        "[chat]\nserver_name = \"irc.example.org\"\nnetwork = \"Example\"\npassword = \"secret\"\n\
         motd = \"\"\"\nWelcome\n\n  to all\n\"\"\"\nadmin = [\"here\", \"us\"]\n\
         icon = \"https://example.org/i.png\"\n\
         [[chat.operators]]\nname = \"ann\"\npassword = \"{VERIFIER}\"\n\
         [[chat.operators]]\nname = \"bob\"\npassword = \"{VERIFIER}\"\n\
         [chat.limits]\nnick_max = 20\nhandshake_timeout = \"10s\"\nmultiline_bytes_max = \"8 KiB\""
    );
    let chat = Config::from_toml("c.toml", &text).unwrap().chat();
    assert_eq!((&*chat.server_name, &*chat.network), ("irc.example.org", "Example"));
    assert_eq!(chat.password.as_deref(), Some("secret"));
    assert_eq!(chat.motd, ["Welcome", "", "  to all"]);
    assert_eq!(chat.admin, ["here", "us", ""]);
    assert_eq!(chat.icon.as_deref(), Some("https://example.org/i.png"));
    let verifiers = chat.operators.iter().map(|operator| &operator.proof);
    let wanted = Proof::Password(Verifier::parse(VERIFIER).unwrap());
    assert!(verifiers.into_iter().all(|proof| *proof == wanted));
    assert_eq!((chat.limits.nick_max, chat.limits.multiline_bytes_max), (20, 8192));
    assert_eq!(chat.limits.handshake_timeout, Duration::from_secs(10));
    assert_eq!(Config::default().chat(), Settings::default());
}

#[test]
fn errors_in_chat_name_the_key_and_the_remedy() {
    let long = "x".repeat(401);
    let many = "\\n".repeat(501);
    let two = format!(
        "operators = [{0}, {0}]",
        format_args!("{{name = \"ann\", password = \"{VERIFIER}\"}}")
    );
    let word = "must be one word of at most 63 bytes that does not begin with a colon, not";
    for (text, expected) in [
        ("server_name = \"\"", format!("chat.server_name {word} ``")),
        ("server_name = \":a\"", format!("chat.server_name {word} `:a`")),
        ("server_name = \"a b\"", format!("chat.server_name {word} `a b`")),
        ("server_name = \"a\\nb\"", format!("chat.server_name {word} `a\\nb`")),
        ("network = \"my network\"", format!("chat.network {word} `my network`")),
        (&format!("network = \"{}\"", &long[..64]), format!("chat.network {word} `x")),
        ("password = \"\"", "chat.password must not be empty; leave it out".into()),
        ("password = \"a\\nb\"", "chat.password must be at most 400 bytes".into()),
        (&format!("password = \"{long}\""), "chat.password must be at most 400 bytes".into()),
        (&format!("motd = \"a\\n{long}\""), "chat.motd: line 2 must have at most 400 bytes".into()),
        (&format!("motd = \"{many}\""), "chat.motd must have at most 500 lines".into()),
        ("motd = \"a\\rb\"", "chat.motd: line 1 must be without".into()),
        ("motd = \"a\\u0000b\"", "chat.motd: line 1 must be without".into()),
        ("admin = [\"a\\nb\"]", "chat.admin: line 1 must be without".into()),
        ("admin = [\"1\", \"2\", \"3\", \"4\"]", "chat.admin must have at most 3 lines".into()),
        ("icon = \"ftp://a\"", "chat.icon must be a URL of at most 300 bytes, as https:".into()),
        ("icon = \"https://\"", "chat.icon must be a URL".into()),
        ("icon = \"https://a b\"", "chat.icon must be a URL".into()),
        (&two, "chat.operators has two of the name `ann`; rename one".into()),
        (&two.replacen("ann", "a n", 1), format!("chat.operators.name {word} `a n`")),
    ] {
        let error = error(&format!("[chat]\n{text}"));
        let said = error.strip_prefix("c.toml:2:").unwrap().split_once(": ").unwrap().1;
        assert!(said.starts_with(&expected), "{text:?}: {error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}

#[test]
fn operators_have_what_their_class_names_and_nothing_without_one() {
    let text = format!(
        "[operator_classes]\nhelper = {{ title = \"Helper\", rights = [\"kill\", \"ban\"], commands = [\"up\"] }}\n\
         [commands]\nup = {{ program = \"/bin/up\", args = [\"-p\", \"a b\"] }}\n\
         [chat]\noperators = [{{ name = \"ann\", password = \"{VERIFIER}\" }}, \
         {{ account = \"bob\", class = \"helper\" }}]"
    );
    let chat = Config::from_toml("c.toml", &text).unwrap().chat();
    let [ann, bob] = &chat.operators[..] else { panic!("{:?}", chat.operators) };
    assert_eq!(ann.class, OperatorClass::default());
    assert_eq!((&*bob.name, &bob.proof, &*bob.class.name), ("bob", &Proof::Account, "helper"));
    assert_eq!(bob.class.title.as_deref(), Some("Helper"));
    assert_eq!(bob.class.rights, [Right::Kill, Right::Ban]);
    assert_eq!(bob.class.commands, ["up"]);
    let Program { path, args, timeout, output_max, .. } = &chat.commands["up"];
    assert_eq!((path.to_str(), &args[..]), (Some("/bin/up"), &["-p".into(), "a b".into()][..]));
    assert_eq!((timeout.as_secs(), *output_max), (5, 16 << 10));
    let three = format!("ann {VERIFIER} helper");
    let error = from_variable("STONECHAT_CHAT_OPERATORS", &three).unwrap_err();
    assert!(error.ends_with("`ann` is of an unknown class `helper`; none is configured"));
}

#[test]
fn errors_in_classes_and_commands_name_the_place_and_the_remedy() {
    let class = "operator_classes.helper.rights = []\n";
    let up = "commands.up.program = \"/bin/up\"\n";
    for (text, expected) in [
        (
            "operator_classes.a.rights = [\"kil\"]".to_owned(),
            "c.toml:1:30: operator_classes.a.rights: unknown right `kil`, did you mean `kill`?",
        ),
        (
            "operator_classes.a.rights = [\"*\"]".to_owned(),
            "c.toml:1:30: operator_classes.a.rights: unknown right `*`; known are accounts, addresses, audit, ban",
        ),
        (
            "operator_classes.a.right = []".to_owned(),
            "c.toml:1:20: unknown key `right`, did you mean `rights`?",
        ),
        (
            "operator_classes.a.title = \"a\\u0002b\"".to_owned(),
            "operator_classes.a.title must be at most 63 bytes without control",
        ),
        (
            format!("{class}chat.operators = [{{ account = \"ann\", class = \"helpr\" }}]"),
            "chat.operators.class: `ann` is of an unknown class `helpr`, did you mean `helper`?",
        ),
        (
            format!("{class}chat.operators = [{{ name = \"ann\", class = \"helper\" }}]"),
            "c.toml:2:19: chat.operators: an operator has a `name` and a `password`, or an `account`",
        ),
        (
            "chat.operators = [{ account = \"ann\" }, { account = \"Ann\" }]".to_owned(),
            "chat.operators has two of the name `Ann`; rename one",
        ),
        (
            format!("{up}operator_classes.a.commands = [\"op\"]"),
            "operator_classes.a.commands: unknown command `op`; known are up",
        ),
        (
            "commands.up = { program = \"up\" }".to_owned(),
            "commands.up.program must be an absolute path, as /usr/bin/uptime, not `up`",
        ),
        (
            "commands.\"a b\" = { program = \"/up\" }".to_owned(),
            "commands.a b must have a name of at most 32 small letters, digits, `-` and `_`",
        ),
        (
            format!("{up}commands.up.args = [\"a\\u0000\"]"),
            "commands.up.args must be without \\0 in them",
        ),
        (
            format!("{up}commands.up.timeout = \"11 min\""),
            "commands.up.timeout must be from 1s to 600s, not 660s",
        ),
        (
            format!("{up}commands.up.output_max = \"65 KiB\""),
            "commands.up.output_max must be from 1 to 65536, not 66560",
        ),
    ] {
        let error = error(&text);
        let said = error.split_once(": ").unwrap().1;
        let place = format!("c.toml:{}:", text.lines().count());
        assert!(error.starts_with(&place), "{text:?}: {error}");
        assert!(error.starts_with(expected) || said.starts_with(expected), "{text:?}: {error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}

#[test]
fn passwords_and_verifiers_are_never_shown() {
    let text = format!(
        "[chat]\npassword = \"open sesame\"\n\
         [[chat.operators]]\nname = \"ann\"\npassword = \"{VERIFIER}\""
    );
    let config = Config::from_toml("c.toml", &text).unwrap();
    for shown in [format!("{config:?}"), format!("{:?}", config.chat())] {
        assert!(!shown.contains("sesame") && !shown.contains("SCRAM"), "{shown}");
    }
    for (text, expected) in [
        ("password = 12345", "c.toml:2:12: chat.password: a password is a text; put it in quotes"),
        (
            "operators = [{ name = \"ann\", password = \"12345\" }]",
            "c.toml:2:41: chat.operators.password: not what `stonechatd operator hash` prints: it does not begin with",
        ),
        (
            "operators = [{ name = \"ann\", password = 12345 }]",
            "c.toml:2:41: chat.operators.password: not what `stonechatd operator hash` prints: it is no text",
        ),
    ] {
        let error = error(&format!("[chat]\n{text}"));
        assert!(error.starts_with(expected) && !error.contains("12345"), "{error}");
    }
    let error = from_variable("STONECHAT_CHAT_OPERATORS", "ann 12345").unwrap_err();
    let expected = "STONECHAT_CHAT_OPERATORS: not what `stonechatd operator hash` prints";
    assert!(error.starts_with(expected) && !error.contains("12345"), "{error}");
}

#[test]
fn variables_that_are_valid_together_may_come_in_any_order() {
    let mut variables = [("ECHO_LINE_MAX", "32 KiB"), ("LIMITS_RECVQ_MAX", "64 KiB")]
        .map(|(key, value)| (format!("STONECHAT_{key}"), value.to_owned()));
    for _ in 0..2 {
        let config = Config::with_environment("", "", variables.clone().into_iter()).unwrap();
        assert_eq!((config.echo.line_max, config.limits.recvq_max), (32 << 10, 64 << 10));
        variables.reverse();
    }
}

#[test]
fn errors_of_the_environment_name_the_variable() {
    assert_eq!(
        from_variable("STONECHAT_ECHO_LINES_MAX", "1").unwrap_err(),
        "STONECHAT_ECHO_LINES_MAX: unknown key `lines_max`, did you mean `line_max`?"
    );
    assert_eq!(
        from_variable("STONECHAT_ECHO_LINE_MAX", "long").unwrap_err(),
        "STONECHAT_ECHO_LINE_MAX: `long` is not a size; write bytes, or \"64 KiB\""
    );
}
