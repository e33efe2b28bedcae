//! The daemon from its start to its end: listeners, signals, reloading, draining.

mod reload;

use crate::Failure;
use crate::certificates::Certificates;
use crate::control::Control;
use crate::data_dir::DataDir;
use crate::database;
use crate::listeners::{self, OpenListener, Source, Wanted};
use crate::output::{self, say};
use crate::programs::{News, Programs};
use crate::service_manager::{notify, passed_listeners, watchdog_interval};
use crate::settings::Settings;
use reload::{Fresh, Prepared, Reload};
use signal_hook::consts::{SIGINT, SIGTERM};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;
use stonechat::app::{self, App};
use stonechat::auth::worker;
use stonechat::chat::{Ended, Program, Request};
use stonechat::config::Scheme;
use stonechat::far::{self, Asker, Bound};
use stonechat::metrics::{self, Gauges, StoreFigures};
use stonechat::net::reactor::{Heard, Proxies, Reactor, Signal, Transport};
use stonechat::net::{EndpointId, EventLoop};
use stonechat::store::{self, Health, Store};

/// All that runs.
pub struct Daemon {
    settings: Settings,
    reactor: Reactor,
    server: EventLoop<Transport, App>,
    /// By [`EndpointId`]. Those that have gone keep their number, and their counters.
    endpoints: Vec<Endpoint>,
    watchdog: Option<Watchdog>,
    /// Told to end twice: nothing more is waited for.
    hurried: bool,
    /// Writing has failed, and that was reported.
    ailing: bool,
    /// There once anything listens with TLS.
    certificates: Option<Certificates>,
    /// The running programs of COMMAND.
    programs: Programs,
    /// The socket for commands beside us.
    control: Option<Control>,
    /// Serves the store, until that is dropped.
    keeper: StoreThread,
    /// Reads the config again, which may take its time: it looks up names.
    reloads: Asker<Reload, Result<Fresh, Failure>, ()>,
    /// Reloads that were taken up, and those that were not.
    taken: u64,
    refused: u64,
    /// When the end is waited for no longer.
    ends_by_ms: u64,
    _data: Option<DataDir>,
}

struct Endpoint {
    url: String,
    scheme: Scheme,
    source: Source,
    open: bool,
    /// Only proxies connect there.
    proxied: bool,
}

/// The thread of the database.
struct StoreThread {
    thread: JoinHandle<()>,
    /// Disconnected once the thread has ended.
    ended: Receiver<()>,
}

struct Watchdog {
    interval: Duration,
    due_ms: u64,
}

impl Daemon {
    /// Opens everything that may fail to open.
    pub fn start(settings: Settings) -> Result<Daemon, Failure> {
        let passed = passed_listeners()?;
        let reactor = Reactor::new();
        let reactor =
            reactor.map_err(|e| Failure::other(format!("cannot set up the event loop: {e}")))?;
        let data = settings.data.as_deref().map(DataDir::open).transpose()?;
        let mut wanted = listeners::wanted(&settings, !passed.is_empty())?;
        let adopted = listeners::adopt(passed, &mut wanted)?;
        let fresh = Fresh::find(settings, wanted, adopted, false)?;
        let Prepared { settings, endpoints } = fresh.prepare(None, reactor.now())?;
        let mut database =
            database::open(settings.data.as_deref(), settings.config.history.durability)?;
        database.retain(settings.policy.clone());
        let (store, far) = Store::new(STORE_REQUESTS_MAX);
        let waker = reactor.waker();
        // It can't fail but for want of memory; what was replied is then taken at the next waking.
        let wake = move || drop(waker.wake());
        let mut app = App::new(settings.config.echo.line_max, settings.chat.clone());
        app.web.set_settings(settings.config.web.clone());
        let (hasher, jobs) = worker::queue(worker::CAPACITY);
        app.chat.hash_by(hasher, database::secret(data.as_ref(), &mut database)?);
        let channels = database::channels(&mut database)?;
        app.chat.restore(channels, database::presences(&mut database)?, reactor.now());
        app.chat.restore_known(database::known(&mut database)?);
        let bans = database::bans(&mut database)?;
        app.chat.keep_in(store);
        let failed = |e| Failure::other(format!("cannot begin a thread: {e}"));
        let (alive, ended) = mpsc::channel();
        let wake_loop = wake.clone();
        let wake_from_store = move || {
            let _ = &alive; // dropped with this, when the thread ends
            wake_loop();
        };
        let thread = store::thread::serve(far, database, wake_from_store).map_err(failed)?;
        let keeper = StoreThread { thread, ended };
        worker::serve(jobs, wake.clone()).map_err(failed)?;
        let (reloads, far) = far::queue(Bound { questions: 2, bytes: 2 });
        far::serve("reload", far, wake.clone(), Reload::read).map_err(failed)?;
        let control = settings.data.as_deref().map(|dir| Control::open(dir, wake));
        // There are file systems without sockets; the commands say that they can't reach us.
        let control = control.and_then(|control| {
            let unreachable =
                |e| log::error!("`stonechatd account` can't reach this daemon: no `control`: {e}");
            control.map_err(unreachable).ok()
        });
        let mut server = EventLoop::new(app, settings.limits());
        server.set_exempt(settings.exempt());
        server.inject(|app, out| {
            app.chat.restore_bans(out, bans);
            app.chat.identify_restored(out);
        });
        let watchdog = watchdog_interval()
            .map(|interval| Watchdog { interval, due_ms: reactor.now().uptime_ms });
        let mut daemon = Daemon {
            settings,
            reactor,
            server,
            endpoints: Vec::new(),
            watchdog,
            hurried: false,
            ailing: false,
            certificates: None,
            control,
            programs: Programs::default(),
            keeper,
            reloads,
            taken: 0,
            refused: 0,
            ends_by_ms: 0,
            _data: data,
        };
        let refused = daemon.exchange(endpoints);
        refused.into_iter().next().map_or(Ok(daemon), Err)
    }

    /// Serves until it is told to end, takes leave of everyone, and sees that all is kept.
    pub fn run(mut self) -> Result<(), Failure> {
        let result = self.serve();
        let Daemon { mut reactor, server, keeper, hurried, ends_by_ms, .. } = self;
        if hurried {
            return result; // what the disk does not take now it will not have
        }
        drop(server); // and with it the store, which ends the thread
        end_at_second_signal()?;
        if reactor.signals().iter().any(is_end) {
            return Err(hurried_end());
        }
        let left_ms = ends_by_ms.saturating_sub(reactor.now().uptime_ms);
        keeper.wait(Duration::from_millis(left_ms).max(CLOSING_MIN));
        result
    }

    /// Until it is told to end, by a signal or by an operator of the chat.
    fn serve(&mut self) -> Result<(), Failure> {
        match &self.settings.data {
            Some(path) => log::info!("data in {}", path.display()),
            None => log::info!("no data is kept"),
        }
        say("ready");
        notify("READY=1");
        loop {
            for signal in self.turn(None)?.signals {
                match signal {
                    Signal::Terminate | Signal::Interrupt => return self.drain(),
                    Signal::Hangup => self.reload(),
                    Signal::User1 => say(&self.metrics()),
                    Signal::Child => {} // of one of the programs, which are looked at in any case
                }
            }
            self.take_reloads();
            for request in self.server.service.take_requests() {
                match request {
                    app::Request::Metrics(id) => {
                        let text = self.metrics();
                        self.server.inject(|app, out| app.tell_metrics(out, id, text));
                    }
                    app::Request::Chat(request) => match request {
                        Request::Rehash => self.reload(),
                        Request::Die => return self.drain(),
                        Request::Restart => return self.drain().and(Err(Failure::restart())),
                        Request::Run { run, program } => self.start_program(run, &program),
                    },
                }
            }
        }
    }

    /// Begins to accept. An endpoint that was there before keeps its number; a new one takes that of
    /// one that is closed and without connections, and whose counters then end.
    fn listen(&mut self, open: OpenListener) -> Result<(), Failure> {
        let OpenListener { scheme, source, listener, proxied } = open;
        let url = listeners::url(scheme, listener.address());
        let certificates = || self.certificates.as_ref().expect("prepared with its listener");
        let tls = scheme.secure.then(|| certificates().acceptor());
        let known = self.endpoints.iter().position(|known| known.url == url);
        let place =
            known.or_else(|| (0..self.endpoints.len()).find(|index| self.is_vacant(*index)));
        let id = match place {
            Some(index) => EndpointId(index as u16),
            None => {
                let id = self.server.service.add_endpoint(scheme.protocol);
                id.ok_or_else(|| Failure::usage(TOO_MANY_LISTENERS))?
            }
        };
        if known.is_none() {
            self.server.counters().forget(id);
            self.server.service.set_endpoint(id, scheme.protocol);
        }
        let failed = |e| Failure::other(format!("cannot watch {url}: {e}"));
        self.reactor.listen_with(id, listener, tls).map_err(failed)?;
        say(&format!("listening {url}"));
        let endpoint = Endpoint { url, scheme, source, open: true, proxied };
        match place {
            Some(index) => self.endpoints[index] = endpoint,
            None => self.endpoints.push(endpoint),
        }
        Ok(())
    }

    /// Endpoints that are open, or have connections.
    fn endpoints_in_use(&self) -> usize {
        (0..self.endpoints.len()).filter(|index| !self.is_vacant(*index)).count()
    }

    /// Whether an endpoint is closed and its last connection has ended.
    fn is_vacant(&self, index: usize) -> bool {
        !self.endpoints[index].open && !self.server.has_connections(EndpointId(index as u16))
    }

    fn turn(&mut self, at_most: Option<Duration>) -> Result<Heard, Failure> {
        let watchdog = self.watchdog.as_mut().map(|watchdog| {
            let now_ms = self.reactor.now().uptime_ms;
            if now_ms >= watchdog.due_ms {
                notify("WATCHDOG=1");
                watchdog.due_ms = now_ms + watchdog.interval.as_millis() as u64;
            }
            Duration::from_millis(watchdog.due_ms - now_ms)
        });
        let programs = self.programs.wait(self.reactor.now().uptime_ms);
        let at_most = [at_most, watchdog, programs].into_iter().flatten().min();
        let turn = self.reactor.turn(&mut self.server, at_most);
        let heard = turn.map_err(|e| Failure::other(format!("cannot wait for events: {e}")))?;
        if heard.woken {
            self.tell_health();
            self.take_orders();
        }
        if let Some(certificates) = &mut self.certificates {
            certificates.look(self.reactor.now());
        }
        for (run, news) in self.programs.look(&mut self.reactor, &heard) {
            self.server.inject(|app, out| match news {
                News::Said(bytes) => app.chat.program_said(out, run, &bytes),
                News::Ended(ended) => app.chat.program_ended(out, run, &ended),
            });
        }
        Ok(heard)
    }

    /// Carries out the orders of commands beside us.
    fn take_orders(&mut self) {
        let orders = self.control.iter().flat_map(|control| std::iter::from_fn(|| control.take()));
        for asked in orders.collect::<Vec<_>>() {
            let (order, answer) = asked.into_answer();
            self.server.inject(|app, out| app.chat.administer(out, order, answer));
        }
    }

    fn start_program(&mut self, run: u64, program: &Program) {
        if let Err(e) = self.programs.start(&mut self.reactor, run, program) {
            let ended = Ended::NotStarted(e.to_string());
            self.server.inject(|app, out| app.chat.program_ended(out, run, &ended));
        }
    }

    /// Reports to the service manager and to operators whenever writing begins to fail, or works
    /// again.
    fn tell_health(&mut self) {
        let Some(store) = self.server.service.chat.store() else { return };
        let ailing = match store.health() {
            Health::Ailing(trouble) => Some(trouble.to_string()),
            _ => None,
        };
        if ailing.is_some() == self.ailing {
            return;
        }
        self.ailing = ailing.is_some();
        let text = match ailing {
            Some(trouble) => format!("Messages can't be kept: {trouble}"),
            None => "Messages are kept again".to_owned(),
        };
        notify(&format!("STATUS={text}"));
        self.server.inject(|app, out| app.chat.tell_operators(out, &text));
    }

    /// Tells everyone, kills the programs that run, writes what is queued, has the store keep what
    /// waits for its turn, and ends; at once if told again.
    fn drain(&mut self) -> Result<(), Failure> {
        log::info!("ending: {} connections", self.server.admission().open());
        notify("STOPPING=1");
        self.close_listeners(|_| true)?;
        self.server.shut_down();
        self.programs.stop();
        let until_ms =
            self.reactor.now().uptime_ms + self.settings.config.shutdown_timeout.as_millis() as u64;
        self.ends_by_ms = until_ms;
        while !self.server.is_empty() || !self.programs.is_empty() || self.is_keeping() {
            let left_ms = until_ms.saturating_sub(self.reactor.now().uptime_ms);
            if left_ms == 0 {
                let open = self.server.admission().open();
                log::warn!(
                    "{open} did not read their last word, or something was not kept in time"
                );
                break;
            }
            let heard = self.turn(Some(Duration::from_millis(left_ms)))?;
            if heard.signals.iter().any(is_end) {
                self.hurried = true;
                return Err(hurried_end());
            }
        }
        log::info!("ended");
        Ok(())
    }

    /// Whether the store is still to answer. What has changed while it keeps a user or a channel is
    /// asked for only then.
    fn is_keeping(&self) -> bool {
        self.server.service.chat.store().is_some_and(|store| store.open() > 0)
    }

    fn believe_proxies(&mut self) {
        let ids = (0..).map(EndpointId).zip(&self.endpoints);
        let demanded = ids.filter(|(_, endpoint)| endpoint.proxied).map(|(id, _)| id).collect();
        self.reactor
            .believe(Proxies { trusted: self.settings.config.proxy.trusted.clone(), demanded });
    }

    fn close_listeners(&mut self, which: impl Fn(&Endpoint) -> bool) -> Result<(), Failure> {
        let keep = |id: EndpointId| !which(&self.endpoints[usize::from(id.0)]);
        let closed = self.reactor.retain_listeners(keep);
        closed.map_err(|e| Failure::other(format!("cannot close a listener: {e}")))
    }

    fn metrics(&mut self) -> String {
        let urls: Vec<String> = self.endpoints.iter().map(|e| e.url.clone()).collect();
        let gauges = Gauges {
            send_queue_bytes: self.server.backlog_bytes(),
            connections_max: self.server.admission().connections_max(),
            chat: self.server.service.chat.figures(),
            certificates: self
                .certificates
                .as_ref()
                .map(Certificates::expiries)
                .unwrap_or_default(),
            store: self.server.service.chat.store().map(StoreFigures::of).unwrap_or_default(),
            lines_lost: output::lost(),
            reloads: [("taken", self.taken), ("refused", self.refused)],
        };
        metrics::text(self.server.counters(), &gauges, &urls)
    }
}

/// The time for closing the database, when `shutdown_timeout` is used up.
const CLOSING_MIN: Duration = Duration::from_secs(1);

impl StoreThread {
    /// Waits so long for the thread to have done all that was asked, and to close the database.
    fn wait(self, at_most: Duration) {
        if self.ended.recv_timeout(at_most) == Err(RecvTimeoutError::Timeout) {
            log::warn!("the database is slow or locked: what it had not acknowledged may be lost");
        } else if self.thread.join().is_err() {
            log::error!("the thread of the database has panicked");
        }
    }
}

fn is_end(signal: &Signal) -> bool {
    matches!(signal, Signal::Terminate | Signal::Interrupt)
}

fn hurried_end() -> Failure {
    Failure::other("told to end twice: ended without notice to clients")
}

/// Has the next SIGTERM or SIGINT end the process, whatever this thread waits for.
fn end_at_second_signal() -> Result<(), Failure> {
    let armed = Arc::new(AtomicBool::new(true));
    for signal in [SIGTERM, SIGINT] {
        signal_hook::flag::register_conditional_shutdown(signal, 1, armed.clone())
            .map_err(|e| Failure::other(format!("cannot handle a signal: {e}")))?;
    }
    Ok(())
}

/// Requests to the store that may be open: what a disk that stalls may hold back.
const STORE_REQUESTS_MAX: usize = 16_384;

/// As many as an [`EndpointId`] can number.
const ENDPOINTS_MAX: usize = 1 << 16;

const TOO_MANY_LISTENERS: &str = "more than 65536 listeners at once";

/// As the service manager counts, to tell a reload from one before it (sd_notify(3)).
fn monotonic_micros() -> i64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec * 1_000_000 + now.tv_nsec / 1_000
}

impl Endpoint {
    /// Whether this is what `wanted` asks for; by its address as it was asked for, and as it is.
    fn is(&self, wanted: &Wanted) -> bool {
        let asked = Source::Bound(wanted.address.clone());
        let same = self.source == asked && self.scheme == wanted.scheme;
        same || self.url == listeners::url(wanted.scheme, &wanted.address)
    }
}
