//! Capabilities: the optional messages and forms a client may request. IRCv3
//! capability-negotiation.

/// A capability this server knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Cap {
    AccountNotify,
    AccountTag,
    AwayNotify,
    Batch,
    /// `cap-notify`: CAP NEW and CAP DEL when the server's offer changes.
    Notify,
    ChannelRename,
    /// `draft/chathistory`: the client requests history itself; none is sent unasked.
    Chathistory,
    Chghost,
    EchoMessage,
    /// `draft/event-playback`: history includes joins and other events.
    EventPlayback,
    ExtendedIsupport,
    ExtendedJoin,
    ExtendedMonitor,
    InviteNotify,
    LabeledResponse,
    MessageRedaction,
    MessageTags,
    /// `draft/metadata-2`; a connection may request one of the two drafts of metadata.
    Metadata2,
    Metadata3,
    Multiline,
    MultiPrefix,
    /// `no-implicit-names` and its draft name: either is enough.
    NoImplicitNames,
    NoImplicitNamesDraft,
    /// `znc.in/playback`, of a ZNC module: like `Chathistory`, for clients that know only that.
    Playback,
    PreAway,
    ReadMarker,
    Registration,
    Relaymsg,
    Sasl,
    Search,
    ServerTime,
    Setname,
    StandardReplies,
    UserhostInNames,
}

/// The name of each capability, in the order of CAP LS.
pub(crate) const NAMES: [(&str, Cap); 34] = [
    ("account-notify", Cap::AccountNotify),
    ("account-tag", Cap::AccountTag),
    ("away-notify", Cap::AwayNotify),
    ("batch", Cap::Batch),
    ("cap-notify", Cap::Notify),
    ("chghost", Cap::Chghost),
    ("echo-message", Cap::EchoMessage),
    ("extended-join", Cap::ExtendedJoin),
    ("extended-monitor", Cap::ExtendedMonitor),
    ("invite-notify", Cap::InviteNotify),
    ("labeled-response", Cap::LabeledResponse),
    ("message-tags", Cap::MessageTags),
    ("multi-prefix", Cap::MultiPrefix),
    ("no-implicit-names", Cap::NoImplicitNames),
    ("sasl", Cap::Sasl),
    ("server-time", Cap::ServerTime),
    ("setname", Cap::Setname),
    ("standard-replies", Cap::StandardReplies),
    ("userhost-in-names", Cap::UserhostInNames),
    // For clients too old to know drafts; some of them read only one line of names.
    ("znc.in/playback", Cap::Playback),
    ("draft/account-registration", Cap::Registration),
    ("draft/channel-rename", Cap::ChannelRename),
    ("draft/chathistory", Cap::Chathistory),
    ("draft/event-playback", Cap::EventPlayback),
    ("draft/extended-isupport", Cap::ExtendedIsupport),
    ("draft/message-redaction", Cap::MessageRedaction),
    ("draft/metadata-2", Cap::Metadata2),
    ("draft/metadata-3", Cap::Metadata3),
    ("draft/multiline", Cap::Multiline),
    ("draft/no-implicit-names", Cap::NoImplicitNamesDraft),
    ("draft/pre-away", Cap::PreAway),
    ("draft/read-marker", Cap::ReadMarker),
    ("draft/relaymsg", Cap::Relaymsg),
    ("soju.im/search", Cap::Search),
];

/// The capabilities that one connection has requested, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Caps(u64);

impl Caps {
    /// Both drafts of metadata.
    pub const METADATA: Caps = Caps(1 << Cap::Metadata2 as u32 | 1 << Cap::Metadata3 as u32);

    /// Both names of no-implicit-names.
    pub const NO_IMPLICIT_NAMES: Caps =
        Caps(1 << Cap::NoImplicitNames as u32 | 1 << Cap::NoImplicitNamesDraft as u32);

    /// The capabilities of clients that request history themselves.
    pub const HISTORY: Caps = Caps(1 << Cap::Chathistory as u32 | 1 << Cap::Playback as u32);

    /// Whether `cap` is in the set.
    pub fn has(self, cap: Cap) -> bool {
        self.0 & (1 << cap as u32) != 0
    }

    /// Whether at least one of `others` is in the set.
    pub fn any_of(self, others: Caps) -> bool {
        self.0 & others.0 != 0
    }

    /// Whether all of `others` are in the set.
    pub fn all_of(self, others: Caps) -> bool {
        self.0 & others.0 == others.0
    }

    /// Returns this set with `cap` added.
    pub fn with(self, cap: Cap) -> Caps {
        Caps(self.0 | 1 << cap as u32)
    }

    /// Returns this set with `cap` removed.
    pub fn without(self, cap: Cap) -> Caps {
        Caps(self.0 & !(1 << cap as u32))
    }

    /// The names of the capabilities in the set.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        NAMES.iter().filter(move |(_, cap)| self.has(*cap)).map(|(name, _)| *name)
    }
}

/// The capability called `name`.
pub fn named(name: &str) -> Option<Cap> {
    NAMES.iter().find(|(known, _)| *known == name).map(|(_, cap)| *cap)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_was_put_in() {
        let caps = Caps::default().with(Cap::AccountNotify).with(Cap::UserhostInNames);
        assert_eq!(caps.names().collect::<Vec<_>>(), ["account-notify", "userhost-in-names"]);
        assert!(!caps.without(Cap::AccountNotify).has(Cap::AccountNotify));
    }

    #[test]
    fn each_name_stands_once() {
        for (n, (name, _)) in NAMES.iter().enumerate() {
            assert!(NAMES[..n].iter().all(|(before, _)| before != name), "{name}");
            assert!(named(name).is_some());
        }
    }
}
