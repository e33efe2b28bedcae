//! Addresses on the command line: `HOST`, `HOST:PORT`, `[::1]:PORT`.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

/// A host, by name or address, and a port. It is looked up for each connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// A name or an address; an IPv6 address without its brackets.
    pub host: String,
    /// The port, not 0.
    pub port: u16,
}

/// The port of stonechatd's echo service.
pub const DEFAULT_PORT: u16 = 7007;

impl FromStr for Target {
    type Err = String;

    /// Parses a target. The error is a sentence for the user.
    /// ```
    /// use stonechat::client::Target;
    /// let target: Target = "[::1]:6667".parse().unwrap();
    /// assert_eq!((target.host.as_str(), target.port), ("::1", 6667));
    /// assert_eq!("example.org".parse::<Target>().unwrap().port, 7007);
    /// assert!("example.org:http".parse::<Target>().is_err());
    /// ```
    fn from_str(text: &str) -> Result<Target, String> {
        if let Some((scheme, rest)) = text.split_once("://") {
            let place = rest.split('/').next().unwrap_or_default();
            let plain = if place.is_empty() { "127.0.0.1:7007" } else { place };
            return Err(format!(
                "this is a plain client of lines and knows no `{scheme}://`: write {plain}, or take an \
                 IRC client for an irc:// address"
            ));
        }
        let (host, port) = if let Some(rest) = text.strip_prefix('[') {
            let Some((host, port)) = rest.split_once(']') else {
                return Err("the bracket is not closed".into());
            };
            if !is_ipv6(host) {
                return Err(format!("'{host}' is not an IPv6 address"));
            }
            match port.strip_prefix(':') {
                None if !port.is_empty() => return Err(format!("'{port}' follows the bracket")),
                port => (host, port),
            }
        } else if is_ipv6(text) {
            (text, None)
        } else {
            match text.split_once(':') {
                Some((host, port)) => (named(host)?, Some(port)),
                None => (named(text)?, None),
            }
        };
        let port = port.map_or(Ok(DEFAULT_PORT), parse_port)?;
        Ok(Target { host: host.to_owned(), port })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Target { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

/// Whether `text` is an IPv6 address, perhaps with a zone as in `fe80::1%eth0` (RFC 4007 §11).
fn is_ipv6(text: &str) -> bool {
    let (address, zone) = text.split_once('%').unwrap_or((text, "-"));
    address.parse::<Ipv6Addr>().is_ok() && !zone.is_empty()
}

fn named(host: &str) -> Result<&str, String> {
    let odd = |c: char| c.is_ascii() && !c.is_ascii_alphanumeric() && !"-._".contains(c);
    match host.chars().find(|&c| odd(c) || c.is_control() || c.is_whitespace()) {
        _ if host.is_empty() => Err("the host is missing".into()),
        Some(c) => Err(format!("a host has no {c:?} in its name")),
        None => Ok(host),
    }
}

fn parse_port(text: &str) -> Result<u16, String> {
    if text.contains(':') {
        return Err("an IPv6 address with a port is written [::1]:7007".into());
    }
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(port) if port > 0 && digits => Ok(port),
        _ => Err(format!("'{text}' is not a port, which is a number from 1 to 65535")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_good_ones() {
        for (text, host, port, said) in [
            ("127.0.0.1:7007", "127.0.0.1", 7007, "127.0.0.1:7007"),
            ("localhost", "localhost", 7007, "localhost:7007"),
            ("chat.example.org:1", "chat.example.org", 1, "chat.example.org:1"),
            ("under_score:65535", "under_score", 65535, "under_score:65535"),
            ("bücher.example:80", "bücher.example", 80, "bücher.example:80"),
            ("[::1]:80", "::1", 80, "[::1]:80"),
            ("[::1]", "::1", 7007, "[::1]:7007"),
            ("::1", "::1", 7007, "[::1]:7007"),
            ("[fe80::1%eth0]:80", "fe80::1%eth0", 80, "[fe80::1%eth0]:80"),
        ] {
            let target: Target = text.parse().unwrap();
            assert_eq!((target.host.as_str(), target.port), (host, port), "{text}");
            assert_eq!(target.to_string(), said);
            assert_eq!(said.parse(), Ok(target), "what is said reads back");
        }
    }

    #[test]
    fn the_table_of_bad_ones() {
        for (text, about) in [
            ("", "host is missing"),
            (":7007", "host is missing"),
            ("host:", "not a port"),
            ("host:0", "not a port"),
            ("host:65536", "not a port"),
            ("host:+80", "not a port"),
            ("host:irc", "not a port"),
            ("a host:80", "no ' '"),
            ("irc://host", "write host, or"),
            ("irc://127.0.0.1:6667/#lobby", "write 127.0.0.1:6667, or"),
            ("ircs://[::1]:6697", "write [::1]:6697, or"),
            ("host/path", "no '/'"),
            ("user@host", "no '@'"),
            ("\u{1b}[2J", "no '\\u{1b}'"),
            ("[::1", "not closed"),
            ("[::1]80", "follows the bracket"),
            ("[host]:80", "not an IPv6 address"),
            ("[fe80::1%]:80", "not an IPv6 address"),
            ("::1:80:host", "host is missing"),
            ("fe80:1:80", "[::1]:7007"),
        ] {
            let why = text.parse::<Target>().unwrap_err();
            assert!(why.contains(about), "{text:?}: {why}");
        }
    }
}
