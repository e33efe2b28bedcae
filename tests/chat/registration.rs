//! From connection to user: CAP, PASS, NICK, USER, PING, QUIT.

use crate::script::{play, play_with};
use crate::stage::settings;

#[test]
fn who_says_nick_and_user_is_welcome() {
    play(
        r"
        ann> NICK ann
        ann> USER ann 0 * :Ann Real
        ann< :srv 001 ann :Welcome to the Net Network, ann!ann@localhost
        ann< :srv 002 ann :Your host is srv, running version stonechat-0.1.0
        ann< :srv 003 ann :This server was created 2026-01-01T00:00:00Z
        ann< :srv 004 ann srv stonechat-0.1.0 BRTiosw CEMRUimnstuqaohvbeIWfkl qaohvbeIWfkl
        ann< :srv 005 ann ACCEPT=50 ACCOUNTEXTBAN=a AWAYLEN=200 BOT=B CASEMAPPING=ascii CHANLIMIT=#:50 CHANMODES=beI,k,Wfl,CEMRUimnstu CHANNELLEN=64 CHANTYPES=# ELIST=CMNTU EXCEPTS=e EXTBAN=,am HOSTLEN=63 :are supported by this server
        ann< :srv 005 ann INVEX=I KEYLEN=32 KICKLEN=290 MAXLIST=b:100,e:100,I:100 MAXTARGETS=8 MODES=20 MONITOR=100 NAMELEN=150 NETWORK=Net NICKLEN=30 PREFIX=(qaohv)~&@%+ RPCHAN=E SAFELIST :are supported by this server
        ann< :srv 005 ann STATUSMSG=~&@%+ TARGMAX=ACCEPT:,INVITE:1,JOIN:,KICK:8,LIST:20,MONITOR:,NAMES:8,NOTICE:8,PART:,PRIVMSG:8,TAGMSG:8,WHOIS:8 TOPICLEN=320 USERLEN=16 UTF8ONLY WHOX CHATHISTORY=100 MSGREFTYPES=msgid,timestamp :are supported by this server
        ann< :srv 251 ann :There are 1 users and 0 invisible on 1 servers
        ann< :srv 252 ann 0 :operator(s) online
        ann< :srv 253 ann 0 :unknown connection(s)
        ann< :srv 254 ann 0 :channels formed
        ann< :srv 255 ann :I have 1 clients and 0 servers
        ann< :srv 265 ann 1 1 :Current local users 1, max 1
        ann< :srv 266 ann 1 1 :Current global users 1, max 1
        ann< :srv 422 ann :MOTD File is missing
        ann> QUIT :bye
        ann< ERROR :Closing link: (localhost) [Quit: bye]
        ann!
    ",
    );
}

#[test]
fn a_user_name_is_what_can_be_one_of_it() {
    play(
        r"
        ann> NICK ann
        ann> USER
        ann< :srv 461 * USER :Not enough parameters
        ann> USER ann 0 * :
        ann< :srv 461 * USER :Not enough parameters
        ann> USER é@ 0 * :Ann
        ann< :srv 468 * :Your username is not valid
        ann> USER ~a@énn-with-a-long-name 0 * :Ann
        ann~
        ann> NICK anna
        ann< :ann!ann-with-a-long-@localhost NICK anna
        ann> USER ann 0 * :Ann
        ann< :srv 462 anna :You may not reregister
    ",
    );
}

#[test]
fn a_nick_is_taken_by_who_is_there_first() {
    play(
        r"
        ann> NICK x
        bob> NICK X
        bob> USER bob 0 * :Bob
        bob~
        ann> USER ann 0 * :Ann
        ann< :srv 433 * x :Nickname is already in use
        ann> NICK ann
        ann~
        ann> NICK bob
        ann< :ann!ann@localhost NICK bob
    ",
    );
}

#[test]
fn a_password_is_asked_of_everyone() {
    let settings = || stonechat::chat::Settings { password: Some("sesame".into()), ..settings() };
    play_with(
        settings(),
        r"
        ann> PASS sesam
        ann> NICK ann
        ann> USER ann 0 * :Ann
        ann< :srv 464 * :Password incorrect
        ann< ERROR :Closing link: (localhost) [Bad password]
        ann!
        bob> PASS wrong
        bob> PASS sesame
        bob> NICK bob
        bob> USER bob 0 * :Bob
        bob~
        bob> PASS sesame
        bob< :srv 462 bob :You may not reregister
        eve> REGISTER eve * secret
        eve< :srv FAIL REGISTER COMPLETE_CONNECTION_REQUIRED eve :Complete the connection first
        eve> PASS wrong
        eve> REGISTER eve * secret
        eve< :srv FAIL REGISTER COMPLETE_CONNECTION_REQUIRED eve :Complete the connection first
        eve> PASS sesame
        eve> REGISTER eve * secret
        eve< :srv REGISTER SUCCESS eve :The account is yours
        eve< :srv 900 * *!*@localhost eve :You are now logged in as eve
    ",
    );
}

#[test]
fn who_is_silent_is_asked_and_then_let_go() {
    play(
        r"
        ann+
        bob> NICK bob
        +30s
        bob< ERROR :Closing link: (localhost) [Registration timeout]
        bob!
        +60s
        ann< PING :srv
        ann> PONG srv
        +90s
        ann< PING :srv
        +60s
        ann< ERROR :Closing link: (localhost) [Ping timeout: 150 seconds]
        ann!
    ",
    );
}

#[test]
fn a_nick_must_be_one() {
    let long = "n".repeat(31);
    play(&format!(
        r"
        ann> NICK
        ann< :srv 431 * :No nickname given
        ann> NICK :
        ann< :srv 431 * :No nickname given
        ann> NICK 1ann
        ann< :srv 432 * 1ann :Erroneous nickname
        ann> NICK *
        ann< :srv 432 * * :Erroneous nickname
        ann> NICK :a b
        ann< :srv 432 * * :Erroneous nickname
        ann> NICK #ann
        ann< :srv 432 * #ann :Erroneous nickname
        ann> NICK Zoë
        ann< :srv 432 * Zoë :Erroneous nickname
        ann> NICK {long}
        ann< :srv 432 * {long} :Erroneous nickname
        ann> USER ann 0 *
        ann< :srv 461 * USER :Not enough parameters
        ann> USER ann 0 * :
        ann< :srv 461 * USER :Not enough parameters
        ann> USER !@ 0 * :Ann
        ann< :srv 468 * :Your username is not valid
        ann> PASS
        ann< :srv 461 * PASS :Not enough parameters
    "
    ));
}

#[test]
fn one_who_is_here_is_told_of_a_nick_that_is_not_for_them() {
    play(
        r"
        ann+ draft/no-implicit-names
        bob+ draft/no-implicit-names
        ann> NICK BOB
        ann< :srv 433 ann BOB :Nickname is already in use
        ann> NICK ann
        ann> NICK Ann
        ann< :ann!ann@localhost NICK Ann
        ann> JOIN #a,#b
        bob> JOIN #a,#b
        ann~
        bob~
        ann> NICK anna
        ann< :Ann!ann@localhost NICK anna
        bob< :Ann!ann@localhost NICK anna
        bob> QUIT :seen enough
        bob< ERROR :Closing link: (localhost) [Quit: seen enough]
        bob!
        ann< :bob!bob@localhost QUIT :Quit: seen enough
        ann> USER ann 0 * :Ann
        ann< :srv 462 anna :You may not reregister
    ",
    );
}

#[test]
fn whoever_types_by_hand_is_told_what_to_type_once() {
    let hint = "nc< :srv NOTICE * :This is an IRC server, for programs such as WeeChat, irssi or HexChat. By hand, type
         nc< :srv NOTICE * :NICK yourname and USER yourname 0 * :Your Name, then JOIN #lobby; HELP says more.";
    play(&format!(
        "nc> hello
         nc< :srv 421 * hello :Unknown command
         {hint}
         nc> hello
         nc< :srv 421 * hello :Unknown command"
    ));
    play(&format!(
        "nc> HELP
         nc< :srv 451 * :You have not registered
         {hint}"
    ));
    play(&format!(
        "bob+
         nc> PING x
         nc~
         +30s
         {hint}
         nc< ERROR :Closing link: (localhost) [Registration timeout]
         nc!"
    ));
    play(
        "nc> NICK ann
         nc> hello
         nc< :srv 421 * hello :Unknown command",
    );
}
