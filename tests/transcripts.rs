//! The protocols as transcripts; `tests/world/transcript.rs` describes the notation.

mod world;

use stonechat::app::Protocol;
use world::transcript::play;

fn echo(script: &str) {
    play(Protocol::Echo, 20, script);
}

#[test]
fn lines_come_back_with_the_ending_they_had() {
    echo(
        r"
        ann> hello
        ann< HELLO
        bob> with a return\r
        bob< WITH A RETURN\r
        ann>
        ann<
        ann> straße
        ann< STRASSE
        ann> caf\xe9\0
        ann< CAF\xe9\0
        ann> a\rb\r\r
        ann< A\rB\r\r
    ",
    );
}

#[test]
fn close_socket_ends_one_and_not_the_other() {
    echo(
        r"
        bob> here
        bob< HERE
        ann> a CLOSE SOCKET b\nand then
        ann< A CLOSE SOCKET B
        ann!
        bob> close socket
        bob< CLOSE SOCKET
    ",
    );
}

#[test]
fn close_socket_is_heard_within_one_line_only() {
    echo(
        r"
        ann> CLOSE\nSOCKET
        ann< CLOSE
        ann< SOCKET
        ann> CLOSE  SOCKET
        ann< CLOSE  SOCKET
    ",
    );
}

#[test]
fn a_line_too_long_is_an_error_and_the_next_is_heard() {
    echo(
        r"
        ann> 12345678901234567890\r
        ann< 12345678901234567890\r
        ann> 123456789012345678901
        ann< ERROR :line too long, at most 20 bytes\r
        ann> 12345678 CLOSE SOCKET
        ann< ERROR :line too long, at most 20 bytes\r
        ann> next
        ann< NEXT
    ",
    );
}

#[test]
fn who_ends_his_half_is_answered_and_let_go() {
    echo(
        r"
        ann> one
        ann< ONE
        ann.
        ann!
    ",
    );
}
