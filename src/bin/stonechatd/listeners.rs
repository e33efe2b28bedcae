//! Determines the listeners, and opens them: all, or an error that names the failing one.

use crate::Failure;
use crate::settings::Settings;
use std::io::{self, ErrorKind};
use std::net::TcpListener;
use stonechat::config::{Listen, Scheme};
use stonechat::net::reactor::{Address, Listener};

/// An open listener that is not in use yet.
pub struct OpenListener {
    pub scheme: Scheme,
    pub source: Source,
    pub listener: Listener,
    pub proxied: bool,
}

/// The origin of a listener.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// We bound this address; its port may have been 0.
    Bound(Address),
    /// Passed by the service manager; it stays for as long as we run.
    Passed,
}

/// A listener that the settings ask for.
pub struct Wanted {
    pub scheme: Scheme,
    pub address: Address,
    /// Only proxies connect there.
    pub proxied: bool,
    /// One of the defaults, to be left out where the system has no IPv6.
    optional: bool,
}

/// The listeners of `settings`. If these name none: the defaults, unless listeners were `passed`.
pub fn wanted(settings: &Settings, passed: bool) -> Result<Vec<Wanted>, Failure> {
    let optional = settings.config.listen.is_none();
    let listens = match &settings.config.listen {
        Some(listens) => listens.clone(),
        None if passed => Vec::new(),
        None => Listen::defaults(),
    };
    let mut wanted = Vec::new();
    for listen in listens {
        let addresses = listen.addresses().map_err(|e| {
            Failure::unavailable(format!("cannot look up the address of {listen}: {e}"))
        })?;
        let Listen { scheme, proxied, .. } = listen;
        let want = |address| Wanted { scheme, address, proxied, optional };
        wanted.extend(addresses.into_iter().map(want));
    }
    if wanted.is_empty() && !passed {
        return Err(Failure::usage("`listen` is empty: nobody could reach this daemon"));
    }
    Ok(wanted)
}

/// Binds the wanted listeners.
pub fn bind(wanted: Vec<Wanted>, reuse_port: bool) -> Result<Vec<OpenListener>, Failure> {
    let mut open = Vec::new();
    for Wanted { scheme, address, proxied, optional } in wanted {
        match Listener::bind(&address, reuse_port) {
            Ok(listener) => {
                let source = Source::Bound(address);
                open.push(OpenListener { scheme, source, listener, proxied });
            }
            Err(e) if optional && has_no_such_address(&e) => {
                log::info!("not listening on {}: {e}", url(scheme, &address));
            }
            Err(e) => {
                let url = url(scheme, &address);
                return Err(Failure::unavailable(format!("cannot listen on {url}: {e}")));
            }
        }
    }
    Ok(open)
}

/// Problems with the listeners of `settings`, without binding them: a running daemon may rightly
/// have these addresses.
pub fn findings(settings: &Settings) -> Vec<Failure> {
    let mut findings = Vec::new();
    let mut wanted: Vec<(String, Address)> = Vec::new();
    for listen in settings.config.listen.iter().flatten() {
        match listen.addresses() {
            Ok(addresses) => {
                wanted.extend(addresses.into_iter().map(|address| (listen.to_string(), address)));
            }
            Err(e) => findings
                .push(Failure::unavailable(format!("cannot look up the address of {listen}: {e}"))),
        }
    }
    for (index, (url, address)) in wanted.iter().enumerate() {
        let shares =
            |(_, other): &&(String, Address)| share(address, other, settings.config.reuse_port);
        if let Some((other, _)) = wanted[..index].iter().find(shares) {
            findings.push(Failure::usage(format!("{other} and {url} are one address: remove one")));
        }
        findings.extend(cannot_be_ours(url, address));
    }
    findings
}

/// Whether one of two addresses can't be bound beside the other.
fn share(one: &Address, other: &Address, reuse_port: bool) -> bool {
    match (one, other) {
        (Address::Tcp(one), Address::Tcp(other)) => {
            let all = one.ip().is_unspecified() || other.ip().is_unspecified();
            let overlap = all && !reuse_port && one.is_ipv4() == other.is_ipv4();
            let same = one.port() == other.port() && one.port() != 0;
            same && (one.ip() == other.ip() || overlap)
        }
        (one, other) => one == other,
    }
}

fn cannot_be_ours(url: &str, address: &Address) -> Option<Failure> {
    let why = match address {
        Address::Tcp(address) => {
            let e = TcpListener::bind((address.ip(), 0)).err()?;
            format!("cannot listen on {url}: {e}: the address must be one of this machine's")
        }
        Address::Unix(path) => {
            let dir = path.parent().filter(|dir| !dir.is_dir())?;
            format!("cannot listen on {url}: there is no directory {}", dir.display())
        }
    };
    Some(Failure::unavailable(why))
}

/// Assigns a protocol to each passed listener: that of the entry in `wanted` with its address,
/// which is then removed, or that of its name.
pub fn adopt(
    passed: Vec<(Option<String>, Listener)>,
    wanted: &mut Vec<Wanted>,
) -> Result<Vec<OpenListener>, Failure> {
    let mut open = Vec::new();
    for (name, listener) in passed {
        let listed = wanted.iter().position(|wanted| wanted.address == *listener.address());
        let named = || {
            let name = name.as_deref()?.trim_end_matches(".socket");
            Scheme::named(name)
        };
        let (scheme, proxied) = match (listed, named()) {
            (Some(index), _) => {
                let Wanted { scheme, proxied, .. } = wanted.swap_remove(index);
                (scheme, proxied)
            }
            (None, Some(scheme)) => (scheme, false),
            (None, None) => {
                return Err(Failure::usage(format!(
                    "what is to be spoken on the socket passed for {}? Give it a name \
                     (FileDescriptorName=echo), or list its address under `listen`",
                    listener.address()
                )));
            }
        };
        open.push(OpenListener { scheme, source: Source::Passed, listener, proxied });
    }
    Ok(open)
}

/// The URL of a listener, as printed and used in the metrics.
pub fn url(scheme: Scheme, address: &Address) -> String {
    format!("{scheme}://{address}")
}

fn has_no_such_address(e: &io::Error) -> bool {
    let no_family = Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error());
    e.kind() == ErrorKind::AddrNotAvailable || e.raw_os_error() == no_family
}
