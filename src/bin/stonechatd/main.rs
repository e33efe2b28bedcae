//! The daemon.

use stonechat::app::{App, Protocol};
use stonechat::net::reactor::{Address, Listener, Reactor};
use stonechat::net::{EventLoop, Limits};

fn main() -> std::io::Result<()> {
    env_logger::init();
    let mut app = App::new(4096);
    let echo = app.add_endpoint(Protocol::Echo).expect("room for one");
    let mut server = EventLoop::new(app, Limits::default());
    let mut reactor = Reactor::new()?;
    let address = Address::Tcp(([127, 0, 0, 1], 7007).into());
    reactor.listen(echo, Listener::bind(&address, false)?)?;
    loop {
        let heard = reactor.turn(&mut server, None)?;
        if !heard.signals.is_empty() {
            return Ok(());
        }
    }
}
