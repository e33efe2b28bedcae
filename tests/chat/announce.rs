//! Sources without a user, such as a hook or a device, speak in a channel.

use crate::stage::{Stage, settings};
use stonechat::chat::Unannounced;

fn in_a(caps: &str) -> Stage {
    let mut stage = Stage::new(settings());
    for name in ["ann", "bob"] {
        stage.register(name, caps);
        stage.say(name, "JOIN #a");
    }
    stage.heard("ann");
    stage.heard("bob");
    stage
}

#[test]
fn members_receive_what_a_named_source_says_as_from_a_bot() {
    let mut stage = in_a("message-tags batch draft/chathistory");
    assert_eq!(stage.announce("#A", "esp1/cellar", "31 °C"), Ok(()));
    let heard = stage.heard("ann");
    let (tags, line) = heard[0].split_once(' ').unwrap();
    assert!(tags.starts_with("@msgid=") && tags.ends_with(";bot"), "{tags}");
    assert_eq!(line, ":esp1/cellar!service@srv PRIVMSG #a :31 °C");
    assert_eq!(stage.heard("bob"), heard);
    // It is in the history as it was said.
    stage.say("bob", "CHATHISTORY LATEST #a * 1");
    let heard = stage.heard("bob");
    assert!(heard.iter().any(|heard| heard.ends_with(line)), "{heard:?}");
}

#[test]
fn the_modes_of_a_channel_do_not_silence_what_the_server_was_told_to_say() {
    let mut stage = in_a("");
    stage.say("ann", "MODE #a +mnM");
    stage.heard("ann");
    stage.heard("bob");
    assert_eq!(stage.announce("#a", "hook/deploy", "done"), Ok(()));
    assert_eq!(stage.heard("bob"), [":hook/deploy!service@srv PRIVMSG #a :done"]);
    // Mode U keeps what speakers without a rank say from members without one.
    stage.say("ann", "MODE #a +U");
    stage.heard("ann");
    stage.heard("bob");
    assert_eq!(stage.announce("#a", "hook/deploy", "again"), Ok(()));
    assert_eq!(stage.heard("ann"), [":hook/deploy!service@srv PRIVMSG #a :again"]);
    assert_eq!(stage.heard("bob"), [""; 0]);
}

#[test]
fn what_cannot_be_said_is_refused_with_the_reason() {
    let mut stage = in_a("");
    for name in ["deploy", "", "/x", "a/b c", "a/b!c", "a/\n", &format!("a/{}", "b".repeat(32))] {
        assert_eq!(stage.announce("#a", name, "hi"), Err(Unannounced::BadName), "{name:?}");
    }
    for text in ["", "a\r\nQUIT", "a\nb", "a\0b"] {
        assert_eq!(stage.announce("#a", "a/b", text), Err(Unannounced::BadText), "{text:?}");
    }
    assert_eq!(stage.announce("#no", "a/b", "hi"), Err(Unannounced::NoSuchChannel));
    assert_eq!(stage.heard("ann"), [""; 0]);
}

#[test]
fn nobody_redacts_as_their_own_what_a_named_source_has_said() {
    let mut stage = in_a("message-tags draft/message-redaction");
    assert_eq!(stage.announce("#a", "a/b", "hi"), Ok(()));
    stage.heard("ann");
    let heard = stage.heard("bob");
    let msgid = heard[0].strip_prefix("@msgid=").unwrap().split(';').next().unwrap();
    stage.say("bob", &format!("REDACT #a {msgid}"));
    let heard = stage.heard("bob");
    assert!(heard[0].starts_with(":srv FAIL REDACT REDACT_FORBIDDEN #a "), "{heard:?}");
    stage.say("ann", &format!("REDACT #a {msgid}"));
    assert_eq!(stage.heard("bob").len(), 1, "an operator of the channel may");
}
