//! Accounts: REGISTER, AUTHENTICATE, NickServ; reserved nicks; always-on users.

use crate::script::{play, play_with};
use crate::stage::{Stage, settings};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use stonechat::chat::{Accounts, Registration, Settings};

#[test]
fn an_account_is_registered_and_logged_in_to_by_plain() {
    play(
        "ann+ account-notify standard-replies draft/account-registration
         scene #a ann bob[account-notify account-tag extended-join]
         ann> REGISTER * ann@example.org secret
         ann< :srv REGISTER SUCCESS ann :The account is yours
         ann< :srv 900 ann ann!ann@localhost ann :You are now logged in as ann
         ann< :ann!ann@localhost ACCOUNT ann
         bob< @account=ann :ann!ann@localhost ACCOUNT ann
         ann> REGISTER * * secret
         ann< :srv FAIL REGISTER ALREADY_AUTHENTICATED * :You are logged in already
         ann> PRIVMSG #a :hello
         bob< @account=ann :ann!ann@localhost PRIVMSG #a :hello
         bob> WHOIS ann
         bob< :srv 311 bob ann ann localhost * :ANN real
         bob< :srv 319 bob ann :@#a
         bob< :srv 312 bob ann srv :Net
         bob< :srv 330 bob ann ann :is logged in as
         bob< :srv 317 bob ann 0 1767225600 :seconds idle, signon time
         bob< :srv 318 bob ann :End of /WHOIS list
         new> CAP REQ :sasl
         new> AUTHENTICATE PLAIN
         new> AUTHENTICATE AGFubgBzZWNyZXQ=
         new> NICK ann2
         new> USER new 0 * :New
         new~
         new> CAP END
         new~
         new> AUTHENTICATE PLAIN
         new< AUTHENTICATE +
         new> AUTHENTICATE AGFubgBzZWNyZXQ=
         new< :srv 900 ann2 ann2!new@localhost ann :You are now logged in as ann
         new< :srv 903 ann2 :SASL authentication successful",
    );
}

#[test]
fn what_is_wrong_with_a_registration_is_told() {
    play(
        "new> REGISTER * * secret
         new< :srv FAIL REGISTER NEED_NICK * :Give a nick first, or the name of the account
         new> REGISTER b!d * secret
         new< :srv FAIL REGISTER BAD_ACCOUNT_NAME b!d :This can't be the name of an account
         new> REGISTER NickServ * secret
         new< :srv FAIL REGISTER BAD_ACCOUNT_NAME NickServ :This can't be the name of an account
         new> REGISTER neil nowhere secret
         new< :srv FAIL REGISTER INVALID_EMAIL neil :This can't be an e-mail address
         new> REGISTER neil *
         new< :srv 461 * REGISTER :Not enough parameters
         new> REGISTER neil * secret
         new< :srv REGISTER SUCCESS neil :The account is yours
         new< :srv 900 * *!*@localhost neil :You are now logged in as neil
         ann> REGISTER NEIL * secret
         ann< :srv FAIL REGISTER ACCOUNT_EXISTS NEIL :There is an account of this name, or of one that looks like it
         ann> REGISTER nell * secret
         ann< :srv FAIL REGISTER ACCOUNT_EXISTS nell :There is an account of this name, or of one that looks like it
         ann> VERIFY neil 1234
         ann< :srv FAIL VERIFY INVALID_CODE neil :There is nothing to verify
         bob+
         eve> REGISTER bob * secret
         eve< :srv FAIL REGISTER ACCOUNT_EXISTS bob :Somebody else is called so now
         disk full
         eve> REGISTER eve * secret
         eve< :srv FAIL REGISTER TEMPORARILY_UNAVAILABLE eve :Accounts can't be made now: no space is left on the disk for the database
         disk well
         eve> REGISTER eve * secret
         eve< :srv REGISTER SUCCESS eve :The account is yours
         eve< :srv 900 * *!*@localhost eve :You are now logged in as eve",
    );
    let long = "x".repeat(400);
    let accounts = Accounts { before_connect: false, ..Accounts::default() };
    play_with(
        Settings { accounts, ..settings() },
        &format!(
            "new> REGISTER neil * secret
             new< :srv FAIL REGISTER COMPLETE_CONNECTION_REQUIRED neil :Complete the connection first
             ann+
             ann> REGISTER * * :{long}
             ann< :srv REGISTER SUCCESS ann :The account is yours
             ann< :srv 900 ann ann!ann@localhost ann :You are now logged in as ann"
        ),
    );
    let accounts = Accounts { registration: Registration::Closed, ..Accounts::default() };
    play_with(
        Settings { accounts, ..settings() },
        "ann+
         ann> REGISTER * * secret
         ann< :srv FAIL REGISTER DISALLOWED ann :New accounts are made by operators only",
    );
    let accounts = Accounts { registration: Registration::Invitation, ..Accounts::default() };
    play_with(
        Settings { accounts, ..settings() },
        "ann+
         ann> REGISTER * * secret
         ann< :srv FAIL REGISTER UNACCEPTABLE_EMAIL ann :An invitation is asked for, in the place of the e-mail address
         ann> REGISTER * nonsense secret
         ann< :srv FAIL REGISTER UNACCEPTABLE_EMAIL ann :An invitation is asked for, in the place of the e-mail address",
    );
}

#[test]
fn what_is_wrong_with_a_login_is_told_and_what_is_unknown_is_not() {
    let full = "A".repeat(400);
    let long = "A".repeat(401);
    play(&format!(
        "ann+
         ann> REGISTER * * secret
         ann~
         new> CAP REQ sasl
         new< :srv CAP * ACK :sasl
         new> AUTHENTICATE *
         new< :srv 906 * :SASL authentication aborted
         new> AUTHENTICATE EXTERNAL
         new< :srv 908 * SCRAM-SHA-256,PLAIN :are available SASL mechanisms
         new< :srv 904 * :SASL authentication failed
         new> AUTHENTICATE plain
         new< AUTHENTICATE +
         new> AUTHENTICATE *
         new< :srv 906 * :SASL authentication aborted
         new> AUTHENTICATE PLAIN
         new< AUTHENTICATE +
         new> AUTHENTICATE b@d
         new< :srv 904 * :SASL authentication failed
         new> AUTHENTICATE PLAIN
         new< AUTHENTICATE +
         new> AUTHENTICATE {long}
         new< :srv 905 * :SASL message too long
         new> AUTHENTICATE PLAIN
         new< AUTHENTICATE +
         new> AUTHENTICATE {full}
         new> NICK new
         new> AUTHENTICATE +
         new< :srv 904 * :SASL authentication failed
         new> AUTHENTICATE PLAIN
         new< AUTHENTICATE +
         new> AUTHENTICATE AGFubgB3cm9uZw==
         new< :srv 904 * :SASL authentication failed
         new> AUTHENTICATE PLAIN
         new< AUTHENTICATE +
         new> AUTHENTICATE AGJvYgBzZWNyZXQ=
         new< :srv 904 * :SASL authentication failed
         new> AUTHENTICATE PLAIN
         new< AUTHENTICATE +
         new> AUTHENTICATE Ym9iAGFubgBzZWNyZXQ=
         new< :srv 904 * :SASL authentication failed
         new> AUTHENTICATE SCRAM-SHA-256
         new< AUTHENTICATE +
         new> AUTHENTICATE bj1ubw==
         new< :srv 904 * :SASL authentication failed
         new> AUTHENTICATE PLAIN
         new< AUTHENTICATE +
         new> USER new 0 * :New
         new> CAP END
         new~
         new> PING x
         new< :srv PONG srv :x"
    ));
}

#[test]
fn a_payload_that_never_ends_is_refused() {
    let mut stage = Stage::new(settings());
    stage.say("new", "CAP REQ sasl");
    stage.say("new", "AUTHENTICATE PLAIN");
    stage.heard("new");
    for _ in 0..13 {
        stage.say("new", &format!("AUTHENTICATE {}", "A".repeat(400)));
    }
    assert_eq!(stage.heard("new"), [] as [String; 0]);
    stage.say("new", &format!("AUTHENTICATE {}", "A".repeat(400)));
    assert_eq!(
        stage.heard("new"),
        [":srv 904 * :SASL authentication failed: what was said is too long"]
    );
}

/// The client's side of SCRAM-SHA-256, by RFC 5802 §3.
struct Scram {
    name: &'static str,
    password: &'static str,
    nonce: &'static str,
}

impl Scram {
    fn first(&self) -> String {
        BASE64.encode(format!("n,,n={},r={}", self.name, self.nonce))
    }

    fn last(&self, server_first: &str) -> String {
        let server_first = String::from_utf8(BASE64.decode(server_first).unwrap()).unwrap();
        let part = |key| server_first.split(',').find_map(|p| p.strip_prefix(key)).unwrap();
        let (nonce, salt) = (part("r="), BASE64.decode(part("s=")).unwrap());
        assert!(nonce.starts_with(self.nonce) && nonce.len() > self.nonce.len() + 18);
        let mut salted = [0; 32];
        let rounds = part("i=").parse().unwrap();
        pbkdf2::pbkdf2_hmac::<Sha256>(self.password.as_bytes(), &salt, rounds, &mut salted);
        let key = mac(&salted, b"Client Key");
        let unproven = format!("c=biws,r={nonce}");
        let signed = format!("n={},r={},{server_first},{unproven}", self.name, self.nonce);
        let signature = mac(&Sha256::digest(&key), signed.as_bytes());
        let proof: Vec<u8> = key.iter().zip(signature).map(|(a, b)| a ^ b).collect();
        BASE64.encode(format!("{unproven},p={}", BASE64.encode(proof)))
    }
}

fn mac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

/// The server's answer to the proof.
fn scram(stage: &mut Stage, client: &Scram) -> Vec<String> {
    stage.say("new", "CAP REQ sasl");
    stage.say("new", "AUTHENTICATE SCRAM-SHA-256");
    stage.heard("new");
    stage.say("new", &format!("AUTHENTICATE {}", client.first()));
    let heard = stage.heard("new");
    let server_first = heard[0].strip_prefix("AUTHENTICATE ").expect("a challenge");
    stage.say("new", &format!("AUTHENTICATE {}", client.last(server_first)));
    stage.heard("new")
}

#[test]
fn scram_proves_a_password_that_is_not_said() {
    let mut stage = Stage::new(settings());
    stage.register("ann", "");
    stage.say("ann", "REGISTER * * secret");
    let right = Scram { name: "ann", password: "secret", nonce: "abc" };
    let heard = scram(&mut stage, &right);
    assert!(heard[0].starts_with("AUTHENTICATE dj"), "{heard:?}"); // v=
    stage.say("new", "AUTHENTICATE +");
    let heard = stage.heard("new");
    assert_eq!(heard[0], ":srv 900 * *!*@localhost ann :You are now logged in as ann");
    assert_eq!(heard[1], ":srv 903 * :SASL authentication successful");
    for (name, password) in [("ann", "wrong"), ("nobody", "secret")] {
        let heard = scram(&mut stage, &Scram { name, password, nonce: "abd" });
        assert_eq!(heard, [":srv 904 * :SASL authentication failed"], "{name}");
    }
}

#[test]
fn an_exchange_that_was_begun_with_another_password_proves_nothing() {
    for ending in ["NS PASSWD secret other", "NS DROP ann secret"] {
        let mut stage = Stage::new(settings());
        stage.register("ann", "");
        stage.say("ann", "REGISTER * * secret");
        let heard = scram(&mut stage, &Scram { name: "ann", password: "secret", nonce: "abc" });
        assert!(heard[0].starts_with("AUTHENTICATE dj"), "{heard:?}"); // v=
        stage.say("ann", ending);
        stage.say("new", "AUTHENTICATE +");
        assert_eq!(stage.heard("new"), [":srv 904 * :SASL authentication failed"], "{ending}");
    }
}

#[test]
fn a_nick_is_its_accounts_and_so_is_what_looks_like_it() {
    play(
        "new> REGISTER Neil * secret
         new~
         eve> NICK neil
         eve> USER eve 0 * :Eve
         eve< :srv 433 * neil :Nickname is reserved for an account. If it is yours, log in by SASL; else take another
         eve> NICK nell
         eve< :srv 433 * nell :Nickname is reserved for an account. If it is yours, log in by SASL; else take another
         eve> NICK ChanServ
         eve< :srv 433 * ChanServ :Nickname is that of a service
         eve> NICK eve
         eve~
         eve> NICK Nei1
         eve< :srv 433 eve Nei1 :Nickname is reserved for an account. If it is yours: /msg NickServ REGAIN Nei1 password
         eve> NICK Eve
         eve< :eve!eve@localhost NICK Eve
         eve> NICK eva
         eve< :Eve!eve@localhost NICK eva
         disk stalls
         eve> NICK ivo
         eve> PING behind
         disk well
         eve< :eva!eve@localhost NICK ivo
         eve< :srv PONG srv :behind
         eve> NS IDENTIFY Neil wrong
         eve< :NickServ!services@srv NOTICE ivo :There is no such account, or it has another password.
         eve> NS IDENTIFY Neil secret
         eve< :srv 900 ivo ivo!eve@localhost Neil :You are now logged in as Neil
         eve< :NickServ!services@srv NOTICE ivo :You are logged in as Neil.
         eve> NICK nell
         eve< :ivo!eve@localhost NICK nell
         disk broken
         eve> NICK eve
         eve< :srv 437 nell eve :It can't be looked up whose nick that is: the database is damaged (it is broken): restore a backup
         eve> NS IDENTIFY Neil secret
         eve< :NickServ!services@srv NOTICE nell :Accounts can't be looked up: the database is damaged (it is broken): restore a backup.
         new> NICK new
         new> USER x 0 * :x
         new< :srv 437 * new :It can't be looked up whose nick that is: the database is damaged (it is broken): restore a backup
         disk well
         new> NICK new
         new~",
    );
}

#[test]
fn nickserv_does_what_registers_commands_do() {
    play(
        "ann+ echo-message
         ann> PRIVMSG NickServ :REGISTER secret
         ann< :ann!ann@localhost PRIVMSG NickServ :REGISTER ****
         ann< :NickServ!services@srv NOTICE ann :The account ann is yours.
         ann< :srv 900 ann ann!ann@localhost ann :You are now logged in as ann
         ann> NICKSERV REGISTER secret
         ann< :NickServ!services@srv NOTICE ann :You are logged in as ann already.
         ann> NS INFO
         ann< :NickServ!services@srv NOTICE ann :Account ann, made 2026-01-01T00:00:00Z
         ann< :NickServ!services@srv NOTICE ann :E-mail: none
         ann< :NickServ!services@srv NOTICE ann :replay: on
         ann< :NickServ!services@srv NOTICE ann :always-on: off
         ann> NS INFO nobody
         ann< :NickServ!services@srv NOTICE ann :There is no such account.
         ann> NS PASSWD wrong new
         ann< :NickServ!services@srv NOTICE ann :There is no such account, or it has another password.
         ann> NS PASSWD secret new
         ann< :NickServ!services@srv NOTICE ann :The password is changed, and other connections of yours are closed.
         bob+
         bob> NS PASSWD secret new
         bob< :NickServ!services@srv NOTICE bob :Log in first.
         bob> NS IDENTIFY ann secret
         bob< :NickServ!services@srv NOTICE bob :There is no such account, or it has another password.
         bob> NS SAREGISTER eve secret
         bob< :srv 481 bob :Permission Denied- You're not an IRC operator
         bob> NS DROP ann secret
         bob< :NickServ!services@srv NOTICE bob :There is no such account, or it has another password.
         bob> NS WHAT
         bob< :NickServ!services@srv NOTICE bob :WHAT is no command of NickServ; HELP lists them.
         ann> NS DROP ann new
         ann< :srv 901 ann ann!ann@localhost :You are now logged out
         ann< :NickServ!services@srv NOTICE ann :The account ann is removed.
         bob> NICK ann2
         bob~
         bob> NS IDENTIFY ann new
         bob< :NickServ!services@srv NOTICE ann2 :There is no such account, or it has another password.",
    );
}

#[test]
fn without_an_account_nobody_is_let_in_where_one_is_required() {
    let accounts = Accounts { login_required: true, ..Accounts::default() };
    play_with(
        Settings { accounts, ..settings() },
        "new> NICK new
         new> USER x 0 * :x
         new< :srv FAIL * ACCOUNT_REQUIRED :You must log in to an account to use this server
         new< ERROR :Closing link: (localhost) [You must log in to an account to use this server]
         new!
         ann> REGISTER ann * secret
         ann~
         ann> NICK ann
         ann> USER x 0 * :x
         ann~
         ann> PING x
         ann< :srv PONG srv :x",
    );
}

#[test]
fn who_is_always_on_stays_and_is_here_again_after_a_start() {
    play(
        "bob+
         ann+
         bob> NS SET always-on on
         bob< :NickServ!services@srv NOTICE bob :Log in first.
         ann> REGISTER * * secret
         ann~
         ann> NS SET always-on perhaps
         ann< :NickServ!services@srv NOTICE ann :SET always-on on, or off.
         ann> NS SET always-on true
         ann< :NickServ!services@srv NOTICE ann :You stay online when your last connection closes.
         ann> JOIN #a
         ann> AWAY :asleep
         ann> METADATA * SET url :https://example.org
         ann~
         bob> JOIN #a
         bob~
         ann~
         ann/
         ann!
         bob> PRIVMSG ann :are you there
         bob< :srv 301 bob ann :asleep
         restart
         bob+
         bob> JOIN #a
         bob< :bob!bob@localhost JOIN #a
         bob< :srv 353 bob = #a :@ann bob
         bob< :srv 366 bob #a :End of /NAMES list
         bob> PRIVMSG ann :still there
         bob< :srv 301 bob ann :asleep
         ann> CAP REQ :sasl
         ann> AUTHENTICATE PLAIN
         ann> AUTHENTICATE AGFubgBzZWNyZXQ=
         ann> NICK ann
         ann> USER x 0 * :x
         ann~
         ann> CAP END
         ann~
         bob> PRIVMSG #a :hello
         ann< :bob!bob@localhost PRIVMSG #a :hello
         ann> NS SET always-on off
         ann< :NickServ!services@srv NOTICE ann :You go offline when your last connection closes.
         ann/
         ann!
         bob< :ann!ann@localhost QUIT :reset",
    );
}

#[test]
fn two_who_register_one_name_at_once_race() {
    play(
        "ann+
         eve+
         disk stalls
         ann> REGISTER same * secret
         eve> REGISTER same * other
         ann> PING behind
         disk well
         ann< :srv REGISTER SUCCESS same :The account is yours
         ann< :srv 900 ann ann!ann@localhost same :You are now logged in as same
         ann< :srv PONG srv :behind
         eve< :srv FAIL REGISTER ACCOUNT_EXISTS same :There is an account of this name, or of one that looks like it",
    );
}

#[test]
fn two_who_take_one_nick_at_once_race() {
    play(
        "ann+
         eve+
         disk stalls
         ann> NICK same
         eve> NICK same
         new> NICK same
         new> USER x 0 * :x
         disk well
         ann< :ann!ann@localhost NICK same
         eve< :srv 433 eve same :Nickname is already in use
         new< :srv 433 * same :Nickname is already in use",
    );
}

#[test]
fn who_has_logged_in_and_not_registered_yet_is_of_no_account_either_once_that_is_gone() {
    play(
        "bob+
         new> CAP REQ sasl
         new> REGISTER ann * secret
         new~
         bob> NS DROP ann secret
         bob< :NickServ!services@srv NOTICE bob :The account ann is removed.
         new< :srv 901 * *!*@localhost :You are now logged out
         ann+
         ann> REGISTER * * other
         ann~
         new> NICK ann
         new> USER new 0 * :New
         new> CAP END
         new< :srv 433 * ann :Nickname is in use by who is logged in to ann. If that is your account, log in by SASL; else take another",
    );
}

#[test]
fn new_accounts_are_bounded_for_all_together_but_for_who_is_exempt() {
    let mut settings = settings();
    settings.abuse.registrations = 2;
    let mut stage = Stage::new(settings);
    let mut registers = |name: &str, from: Option<&str>| {
        if let Some(address) = from {
            stage.comes_from(name, address);
        }
        stage.register(name, "");
        stage.say(name, &format!("REGISTER {name} * sesame"));
        stage.heard(name).concat().contains(&format!(":srv REGISTER SUCCESS {name} "))
    };
    assert!(registers("ann", Some("192.0.2.1")) && registers("bob", Some("192.0.2.2")));
    assert!(!registers("eve", Some("198.51.100.1")), "too many by all");
    for name in ["root", "chief", "third"] {
        assert!(registers(name, None), "by a Unix socket, which is exempt");
    }
}
