//! Server bans, applied to connections and users.

use crate::chat::Chat;
use crate::chat::reply::Sink;
use crate::chat::state::server_bans::{BanTarget, ServerBan};
use crate::net::{ConnId, Denial, Network, Outbox};
use crate::store::{BanKind, BanRecord, Request};
use crate::wire::casemap;
use crate::wire::mask::Mask;

impl Chat {
    /// Restores the stored bans. Must run before the first connection.
    pub fn restore_bans(&mut self, out: &mut Outbox, records: Vec<BanRecord>) {
        for record in records {
            let BanRecord { kind, what, reason, setter, created_s, expires_s } = record;
            let target = match kind {
                BanKind::Address => Network::parse(&what).map(BanTarget::Network),
                BanKind::Account => Some(BanTarget::Account(what.as_str().into())),
                BanKind::Mask => {
                    Mask::parse(&what).ok().map(|_| BanTarget::Mask(what.as_str().into()))
                }
            };
            let Some(target) = target else {
                log::error!("there can't be a ban that is kept as {what:?}");
                continue;
            };
            let seconds = |time: i64| u64::try_from(time).unwrap_or(0);
            let ban = ServerBan {
                reason: reason.into(),
                by: setter.into(),
                at: seconds(created_s),
                until: expires_s.map(seconds),
            };
            self.put_ban(out, target, ban);
        }
    }

    /// Puts a ban into force.
    pub(crate) fn put_ban(&mut self, out: &mut Outbox, target: BanTarget, ban: ServerBan) {
        if let BanTarget::Network(network) = target {
            let denial = Denial { why: ban.told().into(), until_s: ban.until };
            out.denied.insert(network, denial);
        }
        self.bans.insert(target, ban);
    }

    /// Ends a ban.
    pub(crate) fn lift_ban(&mut self, out: &mut Outbox, target: &BanTarget) {
        if let BanTarget::Network(network) = target {
            out.denied.remove(*network);
        }
        self.bans.remove(target);
    }

    /// Removes bans that have ended. They bind nobody anyway: this only frees memory.
    pub(crate) fn forget_ended_bans(&mut self, sink: &mut Sink) {
        for target in self.bans.take_ended(sink.unix()) {
            if let BanTarget::Network(network) = target {
                sink.out.denied.remove(network);
            }
            log::info!("the ban of {target} has ended");
            let (kind, what) = target.kept();
            self.ask_store(sink, Request::DropBan { kind, what }, |_, _, _| {});
        }
    }

    /// Why a client may not have a name: a ban of a mask, which matches the visible host or the
    /// address.
    pub(crate) fn ban_of_name(
        &self,
        sink: &Sink,
        conn: ConnId,
        nick: &str,
        username: &str,
    ) -> Option<String> {
        let address = self.sessions[conn].address.map(|address| address.to_string());
        let hosts = [Some(self.host(conn)), address];
        hosts.into_iter().flatten().find_map(|host| {
            let ban = self.bans.of_mask(&format!("{nick}!{username}@{host}"), sink.unix());
            ban.map(ServerBan::told)
        })
    }

    /// Why an account may not be used.
    pub(crate) fn ban_of_account(&self, sink: &Sink, account: &str) -> Option<String> {
        let target = BanTarget::Account(casemap::folded(account).into());
        let ban = self.bans.get(&target).filter(|ban| ban.holds(sink.unix()));
        ban.map(ServerBan::told)
    }
}
