//! The URL of a listener: what is spoken, and where.

use crate::app::Protocol;
use crate::net::reactor::Address;
use crate::setting;
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::io;
use std::net::ToSocketAddrs;
use std::path::PathBuf;
use std::str::FromStr;

/// `SCHEME://HOST:PORT` or `SCHEME://unix:/PATH`, and `?proxy` behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// The protocol, and whether TLS carries it.
    pub scheme: Scheme,
    /// The address after the scheme.
    pub place: HostOrPath,
    /// The URL ends in `?proxy`: each connection must begin with a header of the PROXY protocol.
    pub proxied: bool,
}

/// The beginning of a listener's URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scheme {
    /// The protocol of the listener.
    pub protocol: Protocol,
    /// Whether TLS carries it: the scheme ends in an `s`.
    pub secure: bool,
}

/// Where a listener is to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostOrPath {
    /// A name or address, `[…]` around one of IPv6, and the port.
    Tcp(String),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

impl Listen {
    /// Every service, on loopback.
    pub fn defaults() -> Vec<Listen> {
        let listens = [
            ("echo", "127.0.0.1:7007"),
            ("echo", "[::1]:7007"),
            ("irc", "127.0.0.1:6667"),
            ("irc", "[::1]:6667"),
            ("ircs", "127.0.0.1:6697"),
            ("ircs", "[::1]:6697"),
        ];
        let listen = |(scheme, host): (&str, &str)| Listen {
            scheme: Scheme::named(scheme).expect("one of ours"),
            place: HostOrPath::Tcp(host.into()),
            proxied: false,
        };
        listens.into_iter().map(listen).collect()
    }

    /// Its port, if it has one and the system does not choose it.
    pub fn port(&self) -> Option<u16> {
        let HostOrPath::Tcp(host) = &self.place else { return None };
        host.rsplit_once(':')?.1.parse().ok().filter(|port| *port != 0)
    }

    /// The addresses to bind; a name may have several. Looks names up, and so may take its time.
    pub fn addresses(&self) -> io::Result<Vec<Address>> {
        match &self.place {
            HostOrPath::Tcp(host) => Ok(host.to_socket_addrs()?.map(Address::Tcp).collect()),
            HostOrPath::Unix(path) => Ok(vec![Address::Unix(path.clone())]),
        }
    }
}

impl Scheme {
    const PROTOCOLS: [(&str, Protocol); 3] =
        [("echo", Protocol::Echo), ("irc", Protocol::Irc), ("http", Protocol::Http)];

    /// The scheme of that name.
    pub fn named(name: &str) -> Option<Scheme> {
        let is = |scheme: &Scheme| scheme.to_string() == name;
        Scheme::all().find(is)
    }

    fn all() -> impl Iterator<Item = Scheme> {
        let both = |(_, protocol)| [false, true].map(|secure| Scheme { protocol, secure });
        Scheme::PROTOCOLS.into_iter().flat_map(both)
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = Scheme::PROTOCOLS.iter().find(|(_, protocol)| *protocol == self.protocol);
        f.write_str(found.expect("each has a name").0)?;
        f.write_str(if self.secure { "s" } else { "" })
    }
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(url: &str) -> Result<Listen, String> {
        let (name, place) = url
            .split_once("://")
            .ok_or_else(|| format!("no scheme in `{url}`; write echo://HOST:PORT"))?;
        let scheme = Scheme::named(name).ok_or_else(|| unknown_scheme(url, name))?;
        let (place, proxied) = match place.strip_suffix("?proxy") {
            Some(place) => (place, true),
            None => (place, false),
        };
        if let Some(path) = place.strip_prefix("unix:") {
            if !path.starts_with('/') {
                return Err(format!("no absolute path in `{url}`; write {scheme}://unix:/PATH"));
            }
            return Ok(Listen { scheme, place: HostOrPath::Unix(path.into()), proxied });
        }
        let Some((host, port)) = place.rsplit_once(':').filter(|(host, _)| is_host(host)) else {
            return Err(format!("no port in `{url}`; write {scheme}://HOST:PORT"));
        };
        if host.is_empty() {
            return Err(format!("no host in `{url}`; 0.0.0.0 and [::] stand for all addresses"));
        }
        if port.parse::<u16>().is_err() {
            return Err(format!("bad port in `{url}`; it is a number from 0 to 65535"));
        }
        Ok(Listen { scheme, place: HostOrPath::Tcp(place.to_owned()), proxied })
    }
}

/// A colon within is that of an IPv6 address, and then there must be brackets around.
fn is_host(host: &str) -> bool {
    !host.contains(':') || (host.starts_with('[') && host.ends_with(']'))
}

fn unknown_scheme(url: &str, scheme: &str) -> String {
    let known: Vec<String> = Scheme::all().map(|known| known.to_string()).collect();
    match setting::closest(scheme, known.iter().map(String::as_str)) {
        Some(meant) => format!("unknown scheme in `{url}`, did you mean `{meant}`?"),
        None => format!("unknown scheme in `{url}`; known are {}", known.join(", ")),
    }
}

impl<'de> Deserialize<'de> for Listen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Listen, D::Error> {
        setting::text(deserializer, str::parse)
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.scheme;
        match &self.place {
            HostOrPath::Tcp(host) => write!(f, "{scheme}://{host}")?,
            HostOrPath::Unix(path) => write!(f, "{scheme}://unix:{}", path.display())?,
        }
        f.write_str(if self.proxied { "?proxy" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_is_displayed() {
        for url in [
            "echo://127.0.0.1:0",
            "echo://[::]:7007",
            "echo://localhost:65535",
            "echo://unix:/run/stonechat/echo",
            "irc://[::1]:6667",
            "irc://[::1]:6667?proxy",
            "irc://unix:/run/stonechat/irc?proxy",
            "ircs://[::1]:6697",
        ] {
            assert_eq!(url.parse::<Listen>().unwrap().to_string(), url);
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (url, expected) in [
            ("127.0.0.1:7007", "no scheme in"),
            (
                "gopher://127.0.0.1:70",
                "unknown scheme in `gopher://127.0.0.1:70`; known are echo, echos, irc, ircs",
            ),
            ("echo://:7007", "no host in"),
            ("echo://::1:7007", "no port in"),
            ("echo://[::1]", "no port in"),
            ("echo://[::1]:65536", "bad port in"),
            ("echo://host:http", "bad port in"),
            ("echo://unix:run/echo", "no absolute path in"),
            ("echo://", "no port in"),
        ] {
            let error = url.parse::<Listen>().unwrap_err();
            assert!(error.starts_with(expected), "{url}: {error}");
        }
    }
}
