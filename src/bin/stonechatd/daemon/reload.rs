//! Reloading the config: a thread reads it, the loop prepares all that may fail, and then commits it.

use super::{Daemon, ENDPOINTS_MAX, TOO_MANY_LISTENERS, monotonic_micros};
use crate::Failure;
use crate::certificates::{self, Certificates};
use crate::listeners::{self, Open, Source, Wanted};
use crate::service_manager::notify;
use crate::settings::{Flags, Settings};
use stonechat::far::Weigh;
use stonechat::tls::Shelf;

/// A request to read the config again.
pub struct Reload {
    flags: Flags,
    /// Some listeners were passed by the service manager.
    passed: bool,
    has_certificates: bool,
}

/// The outcome of reading: settings, and what they name outside of the config.
pub struct Fresh {
    settings: Settings,
    wanted: Vec<Wanted>,
    shelf: Option<Shelf>,
}

/// Everything that a reload could have failed to get. Committing it cannot fail.
struct Prepared {
    settings: Settings,
    listeners: Listeners,
    /// The first certificates, if no listener had TLS before.
    first: Option<Certificates>,
    /// Certificates that replace those in use.
    shelf: Option<Shelf>,
}

struct Listeners {
    /// For each endpoint whether only proxies connect to it; `None` if it is to be closed.
    stays: Vec<Option<bool>>,
    new: Vec<Open>,
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
            let told = match fresh.and_then(|fresh| self.prepare(fresh)) {
                Ok(fresh) => {
                    self.commit(fresh);
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

    /// Does all that may fail. On an error nothing has changed.
    fn prepare(&self, fresh: Fresh) -> Result<Prepared, Failure> {
        let Fresh { settings, wanted, shelf } = fresh;
        let now = self.reactor.now();
        let secure = wanted.iter().any(|wanted| wanted.scheme.secure);
        let listeners = self.prepare_listeners(wanted, settings.config.reuse_port)?;
        let (first, shelf) = match (&self.certificates, shelf) {
            (None, shelf) if secure => {
                let name = &settings.chat.server_name;
                (Some(Certificates::open(shelf, name, now)?), None)
            }
            (Some(certificates), Some(shelf)) => {
                certificates.check_fresh(&shelf, now)?;
                (None, Some(shelf))
            }
            _ => (None, None),
        };
        Ok(Prepared { settings, listeners, first, shelf })
    }

    fn commit(&mut self, prepared: Prepared) {
        let Prepared { settings, listeners, first, shelf } = prepared;
        let now = self.reactor.now();
        if let (Some(certificates), Some(shelf)) = (&mut self.certificates, shelf) {
            certificates.take(shelf, now);
        }
        self.certificates = self.certificates.take().or(first);
        self.exchange_listeners(listeners);
        if (&settings.data, &settings.config.log)
            != (&self.settings.data, &self.settings.config.log)
        {
            log::warn!("`data` and `log` take effect at the next start");
        }
        self.settings = settings;
        self.believe_proxies();
        let settings = &self.settings;
        self.server.set_limits(settings.limits());
        self.server.set_exempt(settings.exempt());
        self.server.inject(|app, out| {
            app.echo.set_line_max(settings.config.echo.line_max);
            app.chat.set_settings(out, settings.chat.clone());
            app.chat.retain(out, settings.policy.clone());
        });
    }

    /// Binds the new listeners. On an error nothing has changed.
    fn prepare_listeners(
        &self,
        wanted: Vec<Wanted>,
        reuse_port: bool,
    ) -> Result<Listeners, Failure> {
        let mut stays = vec![None; self.endpoints.len()];
        let mut new = Vec::new();
        for wanted in wanted {
            let is_it = |index: &usize| {
                let endpoint = &self.endpoints[*index];
                endpoint.open && stays[*index].is_none() && endpoint.is(&wanted)
            };
            match (0..stays.len()).find(is_it) {
                Some(index) => stays[index] = Some(wanted.proxied),
                None => new.push(wanted),
            }
        }
        let kept = (0..self.endpoints.len()).filter(|index| !self.is_vacant(*index)).count();
        if kept + new.len() > ENDPOINTS_MAX {
            return Err(Failure::usage(TOO_MANY_LISTENERS));
        }
        Ok(Listeners { stays, new: listeners::bind(new, reuse_port)? })
    }

    /// Closes the listeners that are no longer in the config, and starts the new ones. If the system
    /// refuses a step, as without memory, that is logged.
    fn exchange_listeners(&mut self, listeners: Listeners) {
        for (endpoint, stays) in self.endpoints.iter_mut().zip(&listeners.stays) {
            endpoint.proxied = stays.unwrap_or(endpoint.proxied);
            // Those that were passed stay in any case: the service manager decides on them.
            if endpoint.open && stays.is_none() && endpoint.source != Source::Passed {
                log::info!("no longer listening on {}", endpoint.url);
                endpoint.open = false;
            }
        }
        let closed = self.close_listeners(|endpoint| !endpoint.open);
        let begun = listeners.new.into_iter().map(|open| self.listen(open)).collect::<Vec<_>>();
        for failure in begun.into_iter().chain([closed]).filter_map(Result::err) {
            log::error!("{}", failure.message);
        }
    }
}

impl Reload {
    pub(super) fn read(&self) -> Result<Fresh, Failure> {
        let settings = Settings::read(self.flags.clone())?;
        let wanted = listeners::wanted(&settings, self.passed)?;
        let secure = wanted.iter().any(|wanted| wanted.scheme.secure);
        let is_shown = self.has_certificates || secure;
        let shelf = if is_shown { certificates::load(&settings)? } else { None };
        Ok(Fresh { settings, wanted, shelf })
    }
}

impl Weigh for Reload {
    fn bytes(&self) -> usize {
        1
    }
}
