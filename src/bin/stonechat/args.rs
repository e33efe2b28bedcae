//! The command line.

use clap::Parser;
use jiff::SignedDuration;
use std::time::Duration;
use stonechat::client::Target;

/// Talks to stonechatd, or any service of lines over TCP: sends the lines it reads, prints the
/// answers.
///
/// On a terminal each received line begins with its time, and control characters in it are written
/// out, as \x1b. In a pipe the bytes pass unchanged. When stdin ends, all input is sent, our half
/// of the connection is ended, and answers are printed until the server ends its own.
#[derive(Parser)]
#[command(version, after_help = EXIT_STATUS, after_long_help = MORE)]
pub struct Args {
    /// Server to connect to; several are tried in turn, each with all its addresses
    ///
    /// A name or an address; the port is 7007 if none is given. An IPv6 address with a port is
    /// written [::1]:7007. Several are tried in the order given until one answers.
    #[arg(value_name = "HOST[:PORT]", required = true)]
    pub targets: Vec<Target>,

    /// How long to wait for one address to answer
    ///
    /// As in 3s, 500ms, 1m30s. Waits up to a second longer.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = parse_timeout)]
    pub connect_timeout: Duration,

    /// Connect again when the connection is lost or closed, or no server answered
    ///
    /// Waits before each attempt, at random up to 0.5 s at first and up to 30 s in the end, and
    /// begins with the first HOST again. Input typed meanwhile is sent then. Input sent before is
    /// not repeated, answered or not; the rest of a line that was sent in part is dropped.
    #[arg(long)]
    pub reconnect: bool,
}

const EXIT_STATUS: &str = "\
Exit status:
  0    stdin or the server came to its end in order
  1    could not connect, or the connection was lost
  2    bad usage
  130  Ctrl-C";

const MORE: &str = "\
Exit status:
  0    the server ended the connection in order, after stdin had ended or before
  1    nobody could be reached, or the connection was lost; stderr says why
  2    bad usage
  130  Ctrl-C (and 129, 143 for the signals HUP, TERM)

Examples:
  stonechat 127.0.0.1:7007                       talk; Ctrl-D to leave
  printf 'hi\\n' | stonechat 127.0.0.1:7007       ask once, print the answer
  stonechat --reconnect hostA:7007 hostB:7007    stay connected to whichever is up";

fn parse_timeout(text: &str) -> Result<Duration, String> {
    const LONGEST: Duration = Duration::from_secs(24 * 3600);
    let example = "write a time such as 3s, 500ms, 1m30s";
    let time: SignedDuration = text.parse().map_err(|_| example.to_owned())?;
    match Duration::try_from(time) {
        Ok(time) if time.is_zero() || time > LONGEST => Err("more than 0, at most a day".into()),
        Ok(time) => Ok(time),
        Err(_) => Err("more than 0, at most a day".into()),
    }
}
