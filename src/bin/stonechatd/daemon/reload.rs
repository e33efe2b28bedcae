//! Taking up a config, at the start and at a reload. What the settings name is found, all that may fail
//! is prepared, and then it is committed, which cannot fail. At a reload a thread does the first step.

use super::{Daemon, ENDPOINTS_MAX, TOO_MANY_LISTENERS, monotonic_micros};
use crate::Failure;
use crate::certificates::{self, Certificates};
use crate::listeners::{self, OpenListener, Source, Wanted};
use crate::service_manager::notify;
use crate::settings::{Flags, Settings};
use stonechat::far::Weigh;
use stonechat::net::Now;
use stonechat::tls::Shelf;

/// A request to read the config again.
pub struct Reload {
    flags: Flags,
    /// Some listeners were passed by the service manager.
    passed: bool,
    has_certificates: bool,
}

/// Settings, and what they name outside of the config.
pub struct Fresh {
    settings: Settings,
    wanted: Vec<Wanted>,
    /// Listeners that the service manager passed at the start.
    adopted: Vec<OpenListener>,
    shelf: Option<Shelf>,
}

/// Everything that a start or a reload could have failed to get.
pub(super) struct Prepared {
    pub settings: Settings,
    pub endpoints: Endpoints,
}

/// The listeners, and what those with TLS show.
pub(super) struct Endpoints {
    /// For each endpoint whether only proxies connect to it; `None` if it is to be closed.
    stays: Vec<Option<bool>>,
    new: Vec<OpenListener>,
    /// The first certificates, if no listener had TLS before.
    first: Option<Certificates>,
    /// Certificates that replace those in use.
    shelf: Option<Shelf>,
}

impl Daemon {
    /// Asks the thread to read the config again. The result is committed whole or not at all.
    pub(super) fn reload(&mut self) {
        notify(&format!("RELOADING=1\nMONOTONIC_USEC={}", monotonic_micros()));
        let passed = self.endpoints.iter().any(|endpoint| endpoint.source == Source::Passed);
        let has_certificates = self.certificates.is_some();
        let question = Reload { flags: self.settings.flags.clone(), passed, has_certificates };
        // If the queue is full, a reload that has not begun will read the latest config.
        let _ = self.reloads.ask(question, ());
    }

    /// Commits the configs that the thread has read, or reports why they cannot be used.
    pub(super) fn take_reloads(&mut self) {
        let answers: Vec<_> = self.reloads.answers().map(|((), fresh)| fresh).collect();
        for fresh in answers {
            let told = match fresh.and_then(|fresh| fresh.prepare(Some(self), self.reactor.now())) {
                Ok(prepared) => {
                    self.commit(prepared);
                    self.taken += 1;
                    log::info!("reloaded the config");
                    "The config is reloaded"
                }
                Err(failure) => {
                    self.refused += 1;
                    for problem in failure.message.lines() {
                        log::error!("the config is not reloaded, the old one stays: {problem}");
                    }
                    "The config is not reloaded, the old one stays: the log says why"
                }
            };
            self.server.inject(|app, out| app.chat.tell_operators(out, told));
            notify("READY=1");
        }
    }

    fn commit(&mut self, Prepared { settings, endpoints }: Prepared) {
        if (&settings.data, &settings.config.log)
            != (&self.settings.data, &self.settings.config.log)
        {
            log::warn!("`data` and `log` take effect at the next start");
        }
        self.settings = settings;
        for failure in self.exchange(endpoints) {
            log::error!("{}", failure.message);
        }
        let settings = &self.settings;
        self.server.set_limits(settings.limits());
        self.server.set_exempt(settings.exempt());
        self.server.inject(|app, out| {
            app.echo.set_line_max(settings.config.echo.line_max);
            app.web.set_settings(settings.config.web.clone());
            app.chat.set_settings(out, settings.chat.clone());
            app.chat.retain(out, settings.policy.clone());
        });
    }

    /// Closes the listeners that are no longer in the config, and starts the new ones. Returns the
    /// steps that the system has refused, as without memory.
    pub(super) fn exchange(&mut self, endpoints: Endpoints) -> Vec<Failure> {
        let Endpoints { stays, new, first, shelf } = endpoints;
        let now = self.reactor.now();
        if let Some(mut first) = first {
            first.begin(now);
            self.certificates = Some(first);
        }
        if let (Some(certificates), Some(shelf)) = (&mut self.certificates, shelf) {
            certificates.take(shelf, now);
        }
        for (endpoint, stays) in self.endpoints.iter_mut().zip(&stays) {
            endpoint.proxied = stays.unwrap_or(endpoint.proxied);
            // Those that were passed stay in any case: the service manager decides on them.
            if endpoint.open && stays.is_none() && endpoint.source != Source::Passed {
                log::info!("no longer listening on {}", endpoint.url);
                endpoint.open = false;
            }
        }
        let closed = self.close_listeners(|endpoint| !endpoint.open);
        let begun: Vec<_> = new.into_iter().map(|open| self.listen(open)).collect();
        self.believe_proxies();
        begun.into_iter().chain([closed]).filter_map(Result::err).collect()
    }

    /// The wanted listeners that there are, as in [`Endpoints::stays`]; the others stay in `wanted`.
    fn known(&self, wanted: &mut Vec<Wanted>) -> Vec<Option<bool>> {
        let mut stays = vec![None; self.endpoints.len()];
        wanted.retain(|wanted| {
            let is_it = |index: &usize| {
                let endpoint = &self.endpoints[*index];
                endpoint.open && stays[*index].is_none() && endpoint.is(wanted)
            };
            let known = (0..stays.len()).find(is_it);
            known.inspect(|index| stays[*index] = Some(wanted.proxied)).is_none()
        });
        stays
    }
}

impl Fresh {
    /// Reads the certificates that the listeners need, or that are in use already.
    pub(super) fn find(
        settings: Settings,
        wanted: Vec<Wanted>,
        adopted: Vec<OpenListener>,
        has_certificates: bool,
    ) -> Result<Fresh, Failure> {
        let mut fresh = Fresh { settings, wanted, adopted, shelf: None };
        if has_certificates || fresh.is_secure() {
            fresh.shelf = certificates::load(&fresh.settings)?;
        }
        Ok(fresh)
    }

    fn is_secure(&self) -> bool {
        let adopted = self.adopted.iter().map(|open| open.scheme);
        self.wanted.iter().map(|wanted| wanted.scheme).chain(adopted).any(|scheme| scheme.secure)
    }

    /// Does all that may fail, for the daemon that runs, if one does. On an error nothing has changed.
    pub(super) fn prepare(self, daemon: Option<&Daemon>, now: Now) -> Result<Prepared, Failure> {
        let is_secure = self.is_secure();
        let Fresh { settings, mut wanted, adopted: mut new, shelf } = self;
        let stays = daemon.map(|daemon| daemon.known(&mut wanted)).unwrap_or_default();
        let kept = daemon.map_or(0, Daemon::endpoints_in_use);
        if kept + wanted.len() + new.len() > ENDPOINTS_MAX {
            return Err(Failure::usage(TOO_MANY_LISTENERS));
        }
        new.extend(listeners::bind(wanted, settings.config.reuse_port)?);
        let (first, shelf) = match (daemon.and_then(|daemon| daemon.certificates.as_ref()), shelf) {
            (None, shelf) if is_secure => {
                (Some(Certificates::open(shelf, &settings.chat.server_name)?), None)
            }
            (Some(certificates), Some(shelf)) => {
                certificates.check_fresh(&shelf, now)?;
                (None, Some(shelf))
            }
            _ => (None, None),
        };
        Ok(Prepared { settings, endpoints: Endpoints { stays, new, first, shelf } })
    }
}

impl Reload {
    pub(super) fn read(&self) -> Result<Fresh, Failure> {
        let settings = Settings::read(self.flags.clone())?;
        let wanted = listeners::wanted(&settings, self.passed)?;
        Fresh::find(settings, wanted, Vec::new(), self.has_certificates)
    }
}

impl Weigh for Reload {
    fn bytes(&self) -> usize {
        1
    }
}
