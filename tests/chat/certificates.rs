//! Users on TLS: login by certificate, binding one, and what others see of it.

use crate::script::{play, play_with};
use crate::stage::settings;
use stonechat::chat::{Settings, Sts};

#[test]
fn a_certificate_is_bound_and_logs_in_from_then_on() {
    play(
        "ann= 7
         ann+
         ann> NS CERT ADD
         ann< :NickServ!services@srv NOTICE ann :Log in first.
         ann> REGISTER * * secret
         ann~
         ann> NS CERT ADD
         ann< :NickServ!services@srv NOTICE ann :Who shows this certificate logs in to your account by EXTERNAL.
         ann> NS CERT LIST
         ann< :NickServ!services@srv NOTICE ann :0707070707070707070707070707070707070707070707070707070707070707
         ann< :NickServ!services@srv NOTICE ann :1 of 16 certificates.
         two= 7
         two> CAP LS 302
         two~
         two> CAP REQ :sasl
         two~
         two> AUTHENTICATE EXTERNAL
         two< AUTHENTICATE +
         two> AUTHENTICATE +
         two< :srv 900 * *!*@localhost ann :You are now logged in as ann
         two< :srv 903 * :SASL authentication successful
         two> AUTHENTICATE EXTERNAL
         two< AUTHENTICATE +
         two> AUTHENTICATE QW5u
         two< :srv 900 * *!*@localhost ann :You are now logged in as ann
         two< :srv 903 * :SASL authentication successful
         two> AUTHENTICATE EXTERNAL
         two< AUTHENTICATE +
         two> AUTHENTICATE Ym9i
         two< :srv 904 * :SASL authentication failed
         eve= 8
         eve+ sasl
         eve> AUTHENTICATE EXTERNAL
         eve< AUTHENTICATE +
         eve> AUTHENTICATE +
         eve< :srv 904 eve :SASL authentication failed
         ann> NS CERT DEL 0707070707
         ann< :NickServ!services@srv NOTICE ann :A fingerprint is a SHA-256: 64 hexadecimal digits.
         ann> NS CERT DEL 0707070707070707070707070707070707070707070707070707070707070707
         ann< :NickServ!services@srv NOTICE ann :This certificate is no more bound to your account.
         ann> NS CERT DEL 0707070707070707070707070707070707070707070707070707070707070707
         ann< :NickServ!services@srv NOTICE ann :No such certificate is bound to your account.
         two> AUTHENTICATE EXTERNAL
         two< AUTHENTICATE +
         two> AUTHENTICATE +
         two< :srv 904 * :SASL authentication failed",
    );
}

#[test]
fn a_certificate_is_one_accounts_and_survives_a_restart_but_not_its_account() {
    play(
        "ann= 7
         ann+
         ann> REGISTER * * secret
         ann~
         ann> NS CERT ADD
         ann~
         bob+
         bob> REGISTER * * secret
         bob~
         bob> NS CERT ADD
         bob< :NickServ!services@srv NOTICE bob :You have shown no certificate; connect with one, or name its fingerprint.
         bob> NS CERT ADD 0707070707070707070707070707070707070707070707070707070707070707
         bob< :NickServ!services@srv NOTICE bob :This certificate is bound to an account already.
         bob> NS CERT DEL 0707070707070707070707070707070707070707070707070707070707070707
         bob< :NickServ!services@srv NOTICE bob :No such certificate is bound to your account.
         bob> NS CERT
         bob< :NickServ!services@srv NOTICE bob :CERT ADD [fingerprint], DEL fingerprint, or LIST.
         restart
         ann= 7
         ann> CAP REQ :sasl
         ann~
         ann> AUTHENTICATE EXTERNAL
         ann~
         ann> AUTHENTICATE +
         ann< :srv 900 * *!*@localhost ann :You are now logged in as ann
         ann< :srv 903 * :SASL authentication successful
         two+
         two> NS DROP ann secret
         ann< :srv 901 * *!*@localhost :You are now logged out
         two< :NickServ!services@srv NOTICE two :The account ann is removed.
         ann> AUTHENTICATE EXTERNAL
         ann~
         ann> AUTHENTICATE +
         ann< :srv 904 * :SASL authentication failed",
    );
}

#[test]
fn whose_a_certificate_is_and_the_account_are_looked_up_together() {
    play(
        "ann= 7
         ann+
         ann> REGISTER * * secret
         ann~
         ann> NS CERT ADD
         ann~
         two= 7
         two> CAP REQ :sasl
         two~
         two> AUTHENTICATE EXTERNAL
         two~
         disk well 1 stalls
         two> AUTHENTICATE +
         two< :srv 900 * *!*@localhost ann :You are now logged in as ann
         two< :srv 903 * :SASL authentication successful",
    );
}

#[test]
fn an_account_has_sixteen_certificates_and_no_more() {
    let mut script = String::from("ann+\nann> REGISTER * * secret\nann~\n");
    for n in 0..16 {
        script += &format!("ann> NS CERT ADD {n:064x}\nann~\n");
    }
    script += &format!(
        "ann> NS CERT ADD {:064x}
         ann< :NickServ!services@srv NOTICE ann :You have 16 already; DEL one.",
        16
    );
    play(&script);
}

#[test]
fn external_is_offered_to_who_has_shown_a_certificate() {
    play(
        "bob= none
         bob> CAP REQ :sasl
         bob~
         bob> AUTHENTICATE EXTERNAL
         bob< :srv 908 * SCRAM-SHA-256,PLAIN :are available SASL mechanisms
         bob< :srv 904 * :SASL authentication failed
         ann= 7
         ann> CAP REQ :sasl
         ann~
         ann> AUTHENTICATE NOTHING
         ann< :srv 908 * EXTERNAL,SCRAM-SHA-256,PLAIN :are available SASL mechanisms
         ann< :srv 904 * :SASL authentication failed
         ann> AUTHENTICATE EXTERNAL
         ann< AUTHENTICATE +
         ann> AUTHENTICATE /w==
         ann< :srv 904 * :SASL authentication failed",
    );
}

#[test]
fn whois_tells_who_is_secure_and_to_himself_by_which_certificate() {
    play(
        "ann= 7
         ann+
         bob+
         bob> WHOIS ann
         bob< :srv 311 bob ann ann localhost * :ANN real
         bob< :srv 312 bob ann srv :Net
         bob< :srv 671 bob ann :is using a secure connection [TLSv1.3, TLS13_AES_256_GCM_SHA384]
         bob< :srv 317 bob ann 0 1767225600 :seconds idle, signon time
         bob< :srv 318 bob ann :End of /WHOIS list
         ann> WHOIS ann
         ann< :srv 311 ann ann ann localhost * :ANN real
         ann< :srv 312 ann ann srv :Net
         ann< :srv 671 ann ann :is using a secure connection [TLSv1.3, TLS13_AES_256_GCM_SHA384]
         ann< :srv 276 ann ann :has client certificate fingerprint 0707070707070707070707070707070707070707070707070707070707070707
         ann< :srv 338 ann ann ann@localhost 255.255.255.255 :is actually using host
         ann< :srv 379 ann ann :is using modes +
         ann< :srv 317 ann ann 0 1767225600 :seconds idle, signon time
         ann< :srv 318 ann ann :End of /WHOIS list",
    );
}

/// IRCv3 sts: the port on plain connections, the duration on TLS; neither can be requested.
#[test]
fn sts_is_announced_where_it_is_configured() {
    let sts = Some(Sts { port: 6697, seconds: 2_592_000 });
    let limits = settings().limits;
    let script = "ann> CAP LS 302
         ann~
         ann> CAP REQ :sts
         ann< :srv CAP * NAK :sts";
    play_with(Settings { sts, limits, ..settings() }, script);
    for (secure, value) in
        [(None, "sts=port=6697,duration=2592000"), (Some("none"), "sts=duration=2592000")]
    {
        let mut stage = crate::stage::Stage::new(Settings { sts, ..settings() });
        if let Some(certificate) = secure {
            stage.secures("ann", certificate);
        }
        stage.say("ann", "CAP LS 302");
        let heard = stage.heard("ann").join(" ");
        assert!(heard.split([' ', ':']).any(|cap| cap == value), "{heard}");
        stage.say("ann", "CAP LS");
        assert!(!stage.heard("ann").join(" ").contains("sts"), "it says nothing without its value");
        // Clients keep an announced policy for its duration: it is not withdrawn.
        stage.set_settings(settings());
        assert!(stage.heard("ann").is_empty());
    }
}
