//! CAP, and capabilities without a file of their own.

use crate::script::{play, play_with};
use crate::stage::{Stage, settings};
use stonechat::chat::{Limits, Settings};

#[test]
fn capabilities_are_listed_as_the_client_can_read_them() {
    play(
        r"
        old> CAP LS
        old< :srv CAP * LS :account-notify account-tag away-notify batch cap-notify chghost echo-message extended-join extended-monitor invite-notify labeled-response message-tags multi-prefix no-implicit-names sasl server-time setname standard-replies userhost-in-names znc.in/playback draft/account-registration draft/channel-rename draft/chathistory draft/event-playback draft/extended-isupport draft/message-redaction draft/metadata-2 draft/metadata-3 draft/multiline draft/no-implicit-names draft/pre-away
        new> CAP LS 302
        new~
        new> CAP LS
        new< :srv CAP * LS :account-notify account-tag away-notify batch cap-notify chghost echo-message extended-join extended-monitor invite-notify labeled-response message-tags multi-prefix no-implicit-names sasl server-time setname standard-replies userhost-in-names znc.in/playback draft/account-registration draft/channel-rename draft/chathistory draft/event-playback draft/extended-isupport draft/message-redaction draft/metadata-2 draft/metadata-3 draft/multiline draft/no-implicit-names draft/pre-away
        new> CAP LIST
        new< :srv CAP * LIST :cap-notify
        new> CAP REQ :multi-prefix server-time
        new< :srv CAP * ACK :multi-prefix server-time
        new> CAP REQ :-server-time batch
        new< @time=T :srv CAP * ACK :-server-time batch
        new> CAP REQ :batch nonsense
        new< :srv CAP * NAK :batch nonsense
        new> CAP REQ :-cap-notify
        new< :srv CAP * NAK :-cap-notify
        new> CAP LIST
        new< :srv CAP * LIST :batch cap-notify multi-prefix
        new> CAP NONSENSE
        new< :srv 410 * NONSENSE :Invalid CAP command
        new> CAP
        new< :srv 461 * CAP :Not enough parameters
        new> NICK new
        new> USER new 0 * :New
        new> CAP END
        new~
        new> CAP END
        new> CAP LIST
        new< :srv CAP new LIST :batch cap-notify multi-prefix
        new> CAP REQ :-batch
        new< :srv CAP new ACK :-batch
    ",
    );
}

#[test]
fn a_list_on_a_single_line_holds_whole_names() {
    let server_name = format!("{}.example.org", "s".repeat(150));
    let mut stage = Stage::new(Settings { server_name, ..settings() });
    let mut names = |who: &str, asked: &str| {
        stage.say(who, asked);
        let told = stage.heard(who);
        assert!(told.iter().all(|line| line.len() <= 510), "{told:#?}");
        let list = |line: &String| line.rsplit_once(" :").expect("a list").1.to_owned();
        let lists: Vec<String> = told.iter().map(list).collect();
        let names = lists.iter().flat_map(|list| list.split(' '));
        (lists.len(), names.map(|name| name.split('=').next().unwrap().to_owned()).collect())
    };
    let (old_lines, old): (usize, Vec<String>) = names("old", "CAP LS");
    let (new_lines, new): (usize, Vec<String>) = names("new", "CAP LS 302");
    assert!(old_lines == 1 && new_lines > 1);
    assert!(old.len() > 20 && new.len() > old.len() && new.starts_with(&old), "{old:?} {new:?}");
}

#[test]
fn who_asks_for_no_names_joins_without() {
    play(
        r"
        ann+ no-implicit-names
        bob+ draft/no-implicit-names
        ann> JOIN #a
        ann< :ann!ann@localhost JOIN #a
        bob> JOIN #a
        bob< :bob!bob@localhost JOIN #a
        ann~
        bob> NAMES #a
        bob< :srv 353 bob = #a :@ann bob
        bob< :srv 366 bob #a :End of /NAMES list
    ",
    );
}

#[test]
fn registration_waits_for_who_negotiates() {
    play(
        r"
        ann> NICK ann
        ann> CAP REQ batch
        ann< :srv CAP * ACK :batch
        ann> USER ann 0 * :Ann
        ann> NICK anna
        ann> PING x
        ann< :srv PONG srv :x
        ann> JOIN #a
        ann< :srv 451 * :You have not registered
        ann> NOSUCH
        ann< :srv 421 * NOSUCH :Unknown command
        ann> CAP END
        ann~
        ann> MODE anna
        ann< :srv 221 anna +
    ",
    );
}

#[test]
fn isupport_can_be_asked_for_before_and_after() {
    let settings =
        Settings { network: "A=B".into(), icon: Some("https://x/y.png".into()), ..settings() };
    play_with(
        settings,
        r"
        ann> ISUPPORT
        ann< :srv 451 * :You have not registered
        ann> CAP REQ :batch draft/extended-isupport
        ann~
        ann> ISUPPORT
        ann< :srv BATCH +b1 draft/isupport
        ann< @batch=b1 :srv 005 * ACCEPT=50 ACCOUNTEXTBAN=a AWAYLEN=200 BOT=B CASEMAPPING=ascii CHANLIMIT=#:50 CHANMODES=beI,k,Wfl,CEMRUimnstu CHANNELLEN=64 CHANTYPES=# ELIST=CMNTU EXCEPTS=e EXTBAN=,am HOSTLEN=63 :are supported by this server
        ann< @batch=b1 :srv 005 * INVEX=I KEYLEN=32 KICKLEN=290 MAXLIST=b:100,e:100,I:100 MAXTARGETS=8 MODES=20 MONITOR=100 NAMELEN=150 NETWORK=A\x5Cx3DB NICKLEN=30 PREFIX=(qaohv)~&@%+ RPCHAN=E SAFELIST :are supported by this server
        ann< @batch=b1 :srv 005 * STATUSMSG=~&@%+ TARGMAX=ACCEPT:,INVITE:1,JOIN:,KICK:8,LIST:20,MONITOR:,NAMES:8,NOTICE:8,PART:,PRIVMSG:8,TAGMSG:8,WHOIS:8 TOPICLEN=320 USERLEN=16 UTF8ONLY WHOX CHATHISTORY=100 MSGREFTYPES=msgid,timestamp draft/ICON=https://x/y.png :are supported by this server
        ann< :srv BATCH -b1
    ",
    );
}

#[test]
fn what_is_offered_anew_is_told() {
    let mut stage = Stage::new(Settings { icon: Some("https://x/y.png".into()), ..settings() });
    stage.register("ann", "batch draft/extended-isupport");
    stage.register("bob", "");
    stage.say("bob", "CAP LS 302");
    stage.say("new", "NICK new");
    for name in ["ann", "bob", "new"] {
        stage.heard(name);
    }
    stage.set_settings(Settings { icon: Some("https://x/y.png".into()), ..settings() });
    assert_eq!(stage.heard("ann").len() + stage.heard("bob").len(), 0);
    let limits = Limits { topic_max: 100, multiline_lines_max: 9, ..Limits::default() };
    stage.set_settings(Settings { limits, ..settings() });
    let tokens = "TOPICLEN=100 -draft/ICON :are supported by this server";
    let ann = stage.heard("ann");
    assert!(ann[0].ends_with(" draft/isupport") && ann.len() == 3, "{ann:#?}");
    assert!(ann[1].ends_with(&format!(" :srv 005 ann {tokens}")), "{ann:#?}");
    let value = "draft/multiline=max-bytes=4096,max-lines=9";
    assert_eq!(
        stage.heard("bob"),
        [format!(":srv 005 bob {tokens}"), format!(":srv CAP bob NEW :{value}")]
    );
    assert!(stage.heard("new").is_empty());
}

#[test]
fn one_can_be_away_from_the_beginning() {
    play(
        r"
        bob+ extended-monitor away-notify
        bob> MONITOR + ann
        bob< :srv 731 bob :ann
        ann> AWAY :too early
        ann< :srv 451 * :You have not registered
        ann> CAP REQ draft/pre-away
        ann> AWAY :out
        ann> NICK ann
        ann> USER ann 0 * :Ann
        ann> CAP END
        ann~
        bob< :srv 730 bob :ann!ann@localhost
        bob> PRIVMSG ann :hi
        bob< :srv 301 bob ann :out
        ann< :bob!bob@localhost PRIVMSG ann :hi
        ann> AWAY
        ann< :srv 305 ann :You are no longer marked as being away
        bob< :ann!ann@localhost AWAY
    ",
    );
}

#[test]
fn a_real_name_can_be_changed() {
    let long = "x".repeat(151);
    play(&format!(
        r"
        ann+ setname draft/no-implicit-names
        bob+ setname draft/no-implicit-names
        cat+ draft/no-implicit-names
        ann> JOIN #a,#b
        bob> JOIN #a,#b
        cat> JOIN #a
        ann~
        bob~
        cat~
        ann> SETNAME :Ann the Second
        ann< :ann!ann@localhost SETNAME :Ann the Second
        bob< :ann!ann@localhost SETNAME :Ann the Second
        ann> SETNAME :{long}
        ann< :srv FAIL SETNAME INVALID_REALNAME :Realname is too long
        ann> SETNAME :
        ann< :srv FAIL SETNAME INVALID_REALNAME :Realname is empty
        ann> SETNAME
        ann< :srv 461 ann SETNAME :Not enough parameters
        cat> SETNAME :Cat
        ann< :cat!cat@localhost SETNAME :Cat
        bob< :cat!cat@localhost SETNAME :Cat
    "
    ));
}

/// Capabilities about accounts and hosts, where neither changes.
#[test]
fn nobody_is_logged_in_and_no_host_changes() {
    play(
        r"
        ann+ account-notify account-tag chghost standard-replies draft/relaymsg extended-join draft/no-implicit-names
        bob+ draft/no-implicit-names
        ann> JOIN #a
        ann< :ann!ann@localhost JOIN #a * :ANN real
        bob> JOIN #a
        bob~
        ann< :bob!bob@localhost JOIN #a * :BOB real
        bob> PRIVMSG #a :hi
        ann< :bob!bob@localhost PRIVMSG #a :hi
        ann> RELAYMSG #a x :hi
        ann< :srv FAIL RELAYMSG INVALID_NICK :A relayed nick is a nick with a / in it
    ",
    );
}
