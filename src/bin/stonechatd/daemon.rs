//! The daemon from its start to its end: listeners, signals, reloading, draining.

use crate::Failure;
use crate::certificates::Certificates;
use crate::data_dir::{self, DataDir};
use crate::database;
use crate::listeners::{self, Open, Source, Wanted};
use crate::programs::{News, Programs};
use crate::service_manager::{notify, passed_listeners, watchdog_interval};
use crate::settings::Settings;
use std::io::{self, Write};
use std::sync::mpsc::{self, SyncSender};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use stonechat::app::App;
use stonechat::auth::worker::{self, Hasher};
use stonechat::chat::{Ended, Program, Request};
use stonechat::config::Scheme;
use stonechat::metrics::{self, Gauges, StoreFigures};
use stonechat::net::reactor::{Heard, Proxies, Reactor, Signal, Transport};
use stonechat::net::tls::Acceptor;
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
    /// Nothing can be kept, and that was told.
    ailing: bool,
    /// There once anything listens with TLS.
    certificates: Option<Certificates>,
    /// Prints metrics; there once any were asked for.
    printer: Option<SyncSender<String>>,
    /// What operators have asked to be run.
    programs: Programs,
    /// Serves the store, until that is dropped.
    keeper: JoinHandle<()>,
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

struct Watchdog {
    interval: Duration,
    due_ms: u64,
}

/// Prints a line for whoever started us. If he has stopped listening, that is his affair.
pub fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}

impl Daemon {
    /// Gets hold of everything that may fail to be had.
    pub fn start(settings: Settings) -> Result<Daemon, Failure> {
        let passed = passed_listeners()?;
        let reactor = Reactor::new();
        let reactor =
            reactor.map_err(|e| Failure::other(format!("cannot set up the event loop: {e}")))?;
        let data = settings.data.as_deref().map(DataDir::open).transpose()?;
        let mut wanted = listeners::wanted(&settings, !passed.is_empty())?;
        let mut open = listeners::adopt(passed, &mut wanted)?;
        open.extend(listeners::bind(wanted, settings.reuse_port)?);
        let mut database = database::open(settings.data.as_deref(), settings.durability)?;
        database.retain(settings.policy.clone());
        let (store, far) = Store::new(STORE_REQUESTS_MAX);
        let waker = reactor.waker();
        // It can't fail but for want of memory; what was replied is then taken at the next waking.
        let wake = move || drop(waker.wake());
        let mut app = App::new(settings.limits.line_max, settings.chat.clone());
        let (hasher, jobs) = Hasher::new(worker::CAPACITY);
        app.hash_by(hasher, data.as_ref().map_or_else(data_dir::random, DataDir::secret)?);
        let channels = database::channels(&mut database)?;
        app.restore(channels, database::presences(&mut database)?, reactor.now());
        app.restore_known(database::known(&mut database)?);
        let bans = database::bans(&mut database)?;
        app.keep_in(store);
        let failed = |e| Failure::other(format!("cannot begin a thread: {e}"));
        let keeper = store::thread::serve(far, database, wake.clone()).map_err(failed)?;
        worker::serve(jobs, wake).map_err(failed)?;
        let mut server = EventLoop::new(app, settings.limits());
        server.set_exempt(settings.exempt());
        server.inject(|app, out| app.restore_bans(out, bans));
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
            printer: None,
            programs: Programs::default(),
            keeper,
            _data: data,
        };
        for open in open {
            daemon.listen(open)?;
        }
        daemon.believe_proxies();
        Ok(daemon)
    }

    /// Serves until it is told to end, takes leave of everyone, and sees that all is kept.
    pub fn run(mut self) -> Result<(), Failure> {
        let result = self.serve();
        let Daemon { server, keeper, hurried, .. } = self;
        if hurried {
            return result; // what the disk does not take now it will not have
        }
        drop(server); // and with it the store, which ends the thread
        if keeper.join().is_err() {
            log::error!("the thread of the database has panicked");
        }
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
                    Signal::User1 => self.print_metrics(),
                    Signal::Child => {} // of one of the programs, which are looked at in any case
                }
            }
            for request in self.server.service.take_requests() {
                match request {
                    Request::Rehash => self.reload(),
                    Request::Die => return self.drain(),
                    Request::Restart => return self.drain().and(Err(Failure::restart())),
                    Request::Run { run, program } => self.start_program(run, &program),
                }
            }
        }
    }

    /// Begins to accept. An endpoint that was there before keeps its number.
    fn listen(&mut self, open: Open) -> Result<(), Failure> {
        let Open { scheme, source, listener, proxied } = open;
        let url = listeners::url(scheme, listener.address());
        let tls = scheme.secure.then(|| self.acceptor()).transpose()?;
        let known = self.endpoints.iter().position(|known| known.url == url);
        let id = match known {
            Some(index) => EndpointId(index as u8),
            None => {
                let id = self.server.service.add_endpoint(scheme.protocol);
                id.ok_or_else(|| Failure::usage("more than 256 listeners since the start"))?
            }
        };
        let failed = |e| Failure::other(format!("cannot watch {url}: {e}"));
        self.reactor.listen_with(id, listener, tls).map_err(failed)?;
        say(&format!("listening {url}"));
        let endpoint = Endpoint { url, scheme, source, open: true, proxied };
        match known {
            Some(index) => self.endpoints[index] = endpoint,
            None => self.endpoints.push(endpoint),
        }
        Ok(())
    }

    /// What a listener shakes hands with. Its certificates are read, or made, for the first.
    fn acceptor(&mut self) -> Result<Acceptor, Failure> {
        let certificates = match self.certificates.take() {
            Some(certificates) => certificates,
            None => Certificates::open(&self.settings, self.reactor.now())?,
        };
        Ok(self.certificates.insert(certificates).acceptor())
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
        }
        if let Some(certificates) = &mut self.certificates {
            certificates.look(self.reactor.now());
        }
        for (run, news) in self.programs.look(&mut self.reactor, &heard) {
            self.server.inject(|app, out| match news {
                News::Said(bytes) => app.program_said(out, run, &bytes),
                News::Ended(ended) => app.program_ended(out, run, &ended),
            });
        }
        Ok(heard)
    }

    fn start_program(&mut self, run: u64, program: &Program) {
        if let Err(e) = self.programs.start(&mut self.reactor, run, program) {
            let ended = Ended::NotStarted(e.to_string());
            self.server.inject(|app, out| app.program_ended(out, run, &ended));
        }
    }

    /// Whether things can be kept, to the service manager and to operators, whenever that changes.
    fn tell_health(&mut self) {
        let Some(store) = self.server.service.store() else { return };
        let ailing = match store.health() {
            Health::Ailing(trouble) => Some(trouble.to_string()),
            _ => None,
        };
        if ailing.is_some() == self.ailing {
            return;
        }
        self.ailing = ailing.is_some();
        let text = match ailing {
            Some(trouble) => format!("Nothing can be kept: {trouble}"),
            None => "What is said is kept again".to_owned(),
        };
        notify(&format!("STATUS={text}"));
        self.server.inject(|app, out| app.tell_operators(out, &text));
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
            self.reactor.now().uptime_ms + self.settings.shutdown_timeout.as_millis() as u64;
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
            let end = |signal: &Signal| matches!(signal, Signal::Terminate | Signal::Interrupt);
            if heard.signals.iter().any(end) {
                self.hurried = true;
                return Err(Failure::other("told to end twice: ended without taking leave"));
            }
        }
        log::info!("ended");
        Ok(())
    }

    /// Whether the store is still to answer. What has changed while it keeps a user or a channel is
    /// asked for only then.
    fn is_keeping(&self) -> bool {
        self.server.service.store().is_some_and(|store| store.open() > 0)
    }

    /// Reads the config again, and takes it up whole or not at all.
    fn reload(&mut self) {
        notify(&format!("RELOADING=1\nMONOTONIC_USEC={}", monotonic_micros()));
        let told = match self.try_reload() {
            Ok(()) => {
                log::info!("reloaded the config");
                "The config is reloaded"
            }
            Err(failure) => {
                log::error!("the config is not reloaded, the old one stays: {}", failure.message);
                "The config is not reloaded, the old one stays: the log says why"
            }
        };
        self.server.inject(|app, out| app.tell_operators(out, told));
        notify("READY=1");
    }

    fn try_reload(&mut self) -> Result<(), Failure> {
        let settings = self.settings.read_again()?;
        let passed = self.endpoints.iter().any(|endpoint| endpoint.source == Source::Passed);
        let wanted = listeners::wanted(&settings, passed)?;
        let now = self.reactor.now();
        let prepare = |certificates: &Certificates| certificates.prepare(&settings, now);
        let fresh = self.certificates.as_ref().map(prepare).transpose()?.flatten();
        // What listens with TLS from now on reads its certificates by it, if that is the first.
        let before = std::mem::replace(&mut self.settings.tls, settings.tls.clone());
        if let Err(e) = self.exchange_listeners(wanted, settings.reuse_port) {
            self.settings.tls = before;
            return Err(e);
        }
        if let (Some(certificates), Some(fresh)) = (&mut self.certificates, fresh) {
            certificates.take(fresh, now);
        }
        self.settings.proxy = settings.proxy.clone();
        self.believe_proxies();
        self.server.set_limits(settings.limits());
        self.server.set_exempt(settings.exempt());
        self.server.inject(|app, out| {
            app.set_settings(out, settings.limits.line_max, settings.chat.clone());
            app.retain(out, settings.policy.clone());
        });
        if (&settings.data, &settings.log) != (&self.settings.data, &self.settings.log) {
            log::warn!("`data` and `log` take effect at the next start");
        }
        self.settings = settings;
        Ok(())
    }

    /// Opens the listeners that are new, and then closes those that are wanted no more. If one can't
    /// be had, nothing has changed.
    fn exchange_listeners(&mut self, wanted: Vec<Wanted>, reuse_port: bool) -> Result<(), Failure> {
        let mut stays = vec![false; self.endpoints.len()];
        let (mut new, mut proxied) = (Vec::new(), Vec::new());
        for wanted in wanted {
            let is_it = |index: &usize| {
                let endpoint = &self.endpoints[*index];
                endpoint.open && !stays[*index] && endpoint.is(&wanted)
            };
            match (0..stays.len()).find(is_it) {
                Some(index) => {
                    stays[index] = true;
                    proxied.push((index, wanted.proxied));
                }
                None => new.push(wanted),
            }
        }
        if self.endpoints.len() + new.len() > ENDPOINTS_MAX {
            return Err(Failure::usage("more than 256 listeners since the start"));
        }
        let new = listeners::bind(new, reuse_port)?;
        for (index, proxied) in proxied {
            self.endpoints[index].proxied = proxied;
        }
        for (endpoint, stays) in self.endpoints.iter_mut().zip(stays) {
            // Those that were passed stay in any case: the service manager decides on them.
            if endpoint.open && !stays && endpoint.source != Source::Passed {
                log::info!("no longer listening on {}", endpoint.url);
                endpoint.open = false;
            }
        }
        self.close_listeners(|endpoint| !endpoint.open)?;
        new.into_iter().try_for_each(|open| self.listen(open))
    }

    fn believe_proxies(&mut self) {
        let ids = (0..).map(EndpointId).zip(&self.endpoints);
        let demanded = ids.filter(|(_, endpoint)| endpoint.proxied).map(|(id, _)| id).collect();
        self.reactor.believe(Proxies { trusted: self.settings.proxy.trusted.clone(), demanded });
    }

    fn close_listeners(&mut self, which: impl Fn(&Endpoint) -> bool) -> Result<(), Failure> {
        let keep = |id: EndpointId| !which(&self.endpoints[usize::from(id.0)]);
        let closed = self.reactor.retain_listeners(keep);
        closed.map_err(|e| Failure::other(format!("cannot close a listener: {e}")))
    }

    /// From a thread of its own, as whoever reads stdout may take his time.
    fn print_metrics(&mut self) {
        let metrics = self.metrics();
        let printer = self.printer.get_or_insert_with(|| {
            let (printer, texts) = mpsc::sync_channel::<String>(1);
            thread::spawn(move || texts.iter().for_each(|text| say(text.trim_end())));
            printer
        });
        if printer.try_send(metrics).is_err() {
            log::warn!("the metrics asked for before are not read from stdout yet");
        }
    }

    fn metrics(&mut self) -> String {
        let urls: Vec<String> = self.endpoints.iter().map(|e| e.url.clone()).collect();
        let gauges = Gauges {
            send_queue_bytes: self.server.backlog_bytes(),
            connections_max: self.server.admission().connections_max(),
            chat: self.server.service.figures(),
            certificates: self
                .certificates
                .as_ref()
                .map(Certificates::expiries)
                .unwrap_or_default(),
            store: self.server.service.store().map(StoreFigures::of).unwrap_or_default(),
        };
        metrics::text(self.server.counters(), &gauges, &urls)
    }
}

/// Requests to the store that may be open: what a disk that stalls may hold back.
const STORE_REQUESTS_MAX: usize = 16_384;

/// As many as an [`EndpointId`] can number.
const ENDPOINTS_MAX: usize = 256;

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
