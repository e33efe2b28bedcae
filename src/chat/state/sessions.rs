//! Sessions: the chat state of each connection, with its capabilities and its stage.

use crate::chat::state::away::Away;
use crate::chat::state::caps::Caps;
use crate::chat::state::ids::{Serial, UserId};
use crate::chat::state::login::Login;
use crate::chat::state::metadata::{Key, Metadata};
use crate::chat::state::open_batch::OpenBatch;
use crate::chat::state::pending::LongAnswers;
use crate::chat::state::sasl::Sasl;
use crate::net::{ConnId, Peer, Secure};
use crate::rate::Bucket;
use crate::wire::casemap::Folded;
use crate::wire::line::LineParser;
use std::net::IpAddr;

/// The chat state of one connection. Rarely used parts are in `more`.
pub struct Session {
    /// The connection.
    pub id: ConnId,
    pub(crate) parser: LineParser,
    /// The capabilities it has requested.
    pub caps: Caps,
    /// Uses CAP 302 or later: lists have values, and run over several lines.
    pub cap_302: bool,
    /// The server's PING is unanswered.
    pub pinged: bool,
    /// Replies of other threads it waits for, deferred meanwhile: one, or one within another.
    pub asked: u8,
    /// Registering, registered or gone.
    pub stage: Stage,
    /// When input last arrived, in seconds of uptime.
    pub heard_s: u32,
    /// When it was opened, in seconds of uptime.
    pub opened_s: u32,
    /// Lines received; stops at the largest number.
    pub heard_lines: u32,
    /// Bytes of the lines received; stops at the largest number.
    pub heard_bytes: u32,
    /// The client's address; `None` on a Unix socket.
    pub address: Option<IpAddr>,
    /// Not subject to flood limits: see `settings::Abuse`.
    pub exempt: bool,
    /// The outcome of the TLS handshake, if the connection uses TLS.
    pub secure: Option<Box<Secure>>,
    /// State that few connections have.
    pub more: Option<Box<More>>,
}

/// All connections, by slot.
#[derive(Default)]
pub struct Sessions(Vec<Option<Session>>);

/// How far a connection is.
pub enum Stage {
    /// Nothing can be sent to it any more.
    Gone,
    /// It has not registered yet.
    Registering(Box<Registering>),
    /// It acts for a user.
    Registered(UserId),
}

/// The state of a connection before registration is complete.
#[derive(Default)]
pub struct Registering {
    /// `None` until NICK.
    pub nick: Option<Box<str>>,
    /// User name and real name; `None` until USER.
    pub user: Option<(Box<str>, Box<str>)>,
    /// CAP was used: registration waits for CAP END.
    pub negotiating: bool,
    /// The last PASS.
    pub password: Option<Box<str>>,
    /// draft/metadata-3, `before-connect`: set before registration.
    pub metadata: Metadata,
    /// The account it has logged in to.
    pub(crate) login: Option<Box<Login>>,
    /// A line has arrived. The first one may belong to another protocol.
    pub spoke: bool,
    /// Flood allowance before registration; a user has a bucket of their own.
    pub bucket: Bucket,
    /// The hint what to type was sent.
    pub hinted: bool,
}

/// State that few connections have.
#[derive(Default)]
pub struct More {
    /// The nicks of MONITOR, as the client wrote them; bounded by `monitor_max`.
    pub watching: Vec<(Folded, Box<str>)>,
    /// The keys of METADATA SUB, in order; bounded by `metadata_subs_max`.
    pub subscribed: Vec<Key>,
    /// A multiline message whose batch is open.
    pub batch: Option<OpenBatch>,
    /// The AWAY state, if set.
    pub away: Option<Away>,
    /// A SASL exchange under way.
    pub sasl: Option<Box<Sasl>>,
    /// The user's name for this client, as `phone` of `ann@phone` in a SASL login.
    pub client: Option<Box<str>>,
    /// Messages the returned user missed; each channel's are sent at its first JOIN.
    pub(crate) missed: Option<Missed>,
    /// Replies too long to be queued at once; bounded.
    pub answers: LongAnswers,
}

impl Registering {
    /// Whether the client has sent nothing that counts yet.
    pub fn is_untouched(&self) -> bool {
        let said_who = self.nick.is_some() || self.user.is_some() || self.password.is_some();
        !said_who && !self.negotiating && self.login.is_none()
    }
}

impl Sessions {
    /// Adds a connection.
    pub fn insert(&mut self, session: Session) {
        let slot = session.id.slot();
        if self.0.len() <= slot {
            self.0.resize_with(slot + 1, || None);
        }
        self.0[slot] = Some(session);
    }

    /// Removes a connection that has ended.
    pub fn remove(&mut self, id: ConnId) {
        self.0[id.slot()] = None;
    }

    /// Whether messages can still be sent to that connection.
    pub fn is_here(&self, id: ConnId) -> bool {
        self.knows(id) && !matches!(self[id].stage, Stage::Gone)
    }

    /// Whether that connection has not ended yet, though it may be closing.
    pub fn knows(&self, id: ConnId) -> bool {
        let session = self.0.get(id.slot()).and_then(Option::as_ref);
        session.is_some_and(|session| session.id == id)
    }

    /// All sessions.
    pub fn iter(&self) -> impl Iterator<Item = &Session> {
        self.0.iter().flatten()
    }

    /// All sessions, mutable.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Session> {
        self.0.iter_mut().flatten()
    }
}

/// The connection must not have ended.
impl std::ops::Index<ConnId> for Sessions {
    type Output = Session;

    fn index(&self, id: ConnId) -> &Session {
        self.0[id.slot()].as_ref().expect("a connection that was opened")
    }
}

impl std::ops::IndexMut<ConnId> for Sessions {
    fn index_mut(&mut self, id: ConnId) -> &mut Session {
        self.0[id.slot()].as_mut().expect("a connection that was opened")
    }
}

impl Session {
    /// A connection that has sent nothing yet.
    pub fn new(id: ConnId, peer: Peer, now_s: u32) -> Session {
        Session {
            id,
            parser: LineParser::default(),
            caps: Caps::default(),
            cap_302: false,
            pinged: false,
            asked: 0,
            stage: Stage::Registering(Box::default()),
            heard_s: now_s,
            opened_s: now_s,
            heard_lines: 0,
            heard_bytes: 0,
            address: peer.address.map(|address| address.ip().to_canonical()),
            exempt: false,
            secure: peer.secure.map(Box::new),
            more: None,
        }
    }

    /// The user it acts for.
    pub fn user(&self) -> Option<UserId> {
        match self.stage {
            Stage::Registered(user) => Some(user),
            _ => None,
        }
    }

    /// Its state before registration.
    pub fn registering(&mut self) -> Option<&mut Registering> {
        match &mut self.stage {
            Stage::Registering(registering) => Some(registering),
            _ => None,
        }
    }

    /// The rarely used state, created if missing.
    pub fn more(&mut self) -> &mut More {
        self.more.get_or_insert_default()
    }

    /// Whether it has subscribed to `key` with METADATA SUB.
    pub fn subscribes(&self, key: &Key) -> bool {
        let more = self.more.as_ref();
        more.is_some_and(|more| more.subscribed.binary_search(key).is_ok())
    }
}

/// The messages that a session's user missed.
pub(crate) struct Missed {
    /// The time the user left, in milliseconds since 1970; earlier messages are not missed.
    pub since_ms: i64,
    /// The channels whose missed messages have been sent.
    pub sent: Vec<Serial>,
}
