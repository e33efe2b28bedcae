//! Communication with a service manager such as systemd: sd_notify(3), sd_watchdog_enabled(3),
//! sd_listen_fds(3).

use crate::Failure;
use listenfd::ListenFd;
use std::env;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process;
use std::time::Duration;
use stonechat::net::reactor::Listener;

/// Sends `state` (`READY=1` and the like) to the service manager, if there is one.
pub fn notify(state: &str) {
    let path = env::var_os("NOTIFY_SOCKET").filter(|path| !path.is_empty());
    let Some(path) = path else { return };
    let sent = || -> io::Result<()> {
        let address = match path.as_bytes().strip_prefix(b"@") {
            Some(name) => SocketAddr::from_abstract_name(name)?,
            None => SocketAddr::from_pathname(&path)?,
        };
        UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address)?;
        Ok(())
    };
    if let Err(e) = sent() {
        log::warn!("cannot notify the service manager at {}: {e}", path.display());
    }
}

/// The interval of `WATCHDOG=1`: half of what the service manager requires.
pub fn watchdog_interval() -> Option<Duration> {
    let number = |name: &str| env::var(name).ok()?.parse::<u64>().ok();
    let ours = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(process::id()));
    let micros = number("WATCHDOG_USEC").filter(|micros| ours && *micros > 0)?;
    Some(Duration::from_micros(micros / 2).max(Duration::from_millis(1)))
}

/// Takes the passed listening sockets, each with its name if it has one. Call this once, before any
/// thread is started.
pub fn passed_listeners() -> Result<Vec<(Option<String>, Listener)>, Failure> {
    let names = env::var("LISTEN_FDNAMES").unwrap_or_default();
    let mut names = names.split(':').map(str::to_owned);
    let mut passed = ListenFd::from_env();
    let mut listeners = Vec::new();
    for index in 0..passed.len() {
        let listener = take(&mut passed, index).map_err(|e| {
            Failure::unavailable(format!(
                "cannot use the listening socket passed as {}: {e}",
                index + 3
            ))
        })?;
        listeners.push((names.next().filter(|name| !name.is_empty()), listener));
    }
    Ok(listeners)
}

fn take(passed: &mut ListenFd, index: usize) -> io::Result<Listener> {
    if let Ok(Some(listener)) = passed.take_tcp_listener(index) {
        return Listener::inherit_tcp(listener);
    }
    let listener = passed.take_unix_listener(index)?;
    Listener::inherit_unix(listener.expect("each is taken once"))
}
