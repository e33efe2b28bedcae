//! One connection of the chat service: what it has negotiated, and how far it is.

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

/// One connection. What only few of them have lies in `more`.
pub struct Session {
    /// Whose it is.
    pub id: ConnId,
    pub(crate) parser: LineParser,
    /// What it has asked for.
    pub caps: Caps,
    /// Speaks CAP 302 or later: lists have values, and run over several lines.
    pub cap_302: bool,
    /// A PING of ours is unanswered.
    pub pinged: bool,
    /// Replies that it waits for, and is heard no further until then: one, or one within another.
    pub asked: u8,
    /// How far it is.
    pub stage: Stage,
    /// When something was last heard from it, in seconds of uptime.
    pub heard_s: u32,
    /// When it came, likewise.
    pub opened_s: u32,
    /// Lines heard from it, or as many as the number holds.
    pub heard_lines: u32,
    /// Bytes of them, likewise.
    pub heard_bytes: u32,
    /// Where from; `None` on a Unix socket.
    pub address: Option<IpAddr>,
    /// Held to no limit of what it says: see `settings::Abuse`.
    pub exempt: bool,
    /// What TLS has agreed upon, if it carries the connection.
    pub secure: Option<Box<Secure>>,
    /// Rarely there.
    pub more: Option<Box<More>>,
}

/// All connections, by slot.
#[derive(Default)]
pub struct Sessions(Vec<Option<Session>>);

/// How far a connection is.
pub enum Stage {
    /// Nothing can be said to it any more.
    Gone,
    /// It is still saying who it is.
    Registering(Box<Registering>),
    /// It speaks for a user.
    Registered(UserId),
}

/// What has been said before registration is complete.
#[derive(Default)]
pub struct Registering {
    /// `None` until NICK.
    pub nick: Option<Box<str>>,
    /// User name and real name; `None` until USER.
    pub user: Option<(Box<str>, Box<str>)>,
    /// CAP was spoken: registration waits for CAP END.
    pub negotiating: bool,
    /// The last PASS.
    pub password: Option<Box<str>>,
    /// draft/metadata-3, `before-connect`: set from the beginning.
    pub metadata: Metadata,
    /// Whom it has logged in as.
    pub(crate) login: Option<Box<Login>>,
    /// Something was heard: what comes first may be another protocol.
    pub spoke: bool,
    /// What it has said; a user has a bucket of their own.
    pub bucket: Bucket,
    /// It was said what to type.
    pub hinted: bool,
}

/// What only few connections have.
#[derive(Default)]
pub struct More {
    /// The nicks of MONITOR, as they were written; bounded by `monitor_max`.
    pub watching: Vec<(Folded, Box<str>)>,
    /// The keys of METADATA SUB, in order; bounded by `metadata_subs_max`.
    pub subscribed: Vec<Key>,
    /// A message of several lines that is still being said.
    pub batch: Option<OpenBatch>,
    /// Nobody is there: AWAY.
    pub away: Option<Away>,
    /// A login that is going on.
    pub sasl: Option<Box<Sasl>>,
    /// What its user calls it, as `phone` of `ann@phone` in a login by SASL.
    pub client: Option<Box<str>>,
    /// Its user has returned, and is sent what they missed in a channel at the first JOIN.
    pub(crate) missed: Option<Missed>,
    /// Answers longer than can be queued at once; bounded.
    pub answers: LongAnswers,
}

impl Registering {
    /// Whether nothing has been said yet that counts.
    pub fn is_untouched(&self) -> bool {
        let said_who = self.nick.is_some() || self.user.is_some() || self.password.is_some();
        !said_who && !self.negotiating && self.login.is_none()
    }
}

impl Sessions {
    /// Takes a connection in.
    pub fn insert(&mut self, session: Session) {
        let slot = session.id.slot();
        if self.0.len() <= slot {
            self.0.resize_with(slot + 1, || None);
        }
        self.0[slot] = Some(session);
    }

    /// Forgets a connection that has ended.
    pub fn remove(&mut self, id: ConnId) {
        self.0[id.slot()] = None;
    }

    /// Whether something can be said to that connection.
    pub fn is_here(&self, id: ConnId) -> bool {
        self.knows(id) && !matches!(self[id].stage, Stage::Gone)
    }

    /// Whether that connection has not ended yet, though nothing more may be said to it.
    pub fn knows(&self, id: ConnId) -> bool {
        let session = self.0.get(id.slot()).and_then(Option::as_ref);
        session.is_some_and(|session| session.id == id)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Session> {
        self.0.iter().flatten()
    }

    /// All of them, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Session> {
        self.0.iter_mut().flatten()
    }
}

/// Of a connection that has not ended.
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
    /// A connection that has said nothing yet.
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

    /// The user it speaks for.
    pub fn user(&self) -> Option<UserId> {
        match self.stage {
            Stage::Registered(user) => Some(user),
            _ => None,
        }
    }

    /// What is being said before registration.
    pub fn registering(&mut self) -> Option<&mut Registering> {
        match &mut self.stage {
            Stage::Registering(registering) => Some(registering),
            _ => None,
        }
    }

    /// What only few have, made if it is missing.
    pub fn more(&mut self) -> &mut More {
        self.more.get_or_insert_default()
    }

    /// Whether it has subscribed to `key` with METADATA SUB.
    pub fn subscribes(&self, key: &Key) -> bool {
        let more = self.more.as_ref();
        more.is_some_and(|more| more.subscribed.binary_search(key).is_ok())
    }
}

/// What a session's user missed.
pub(crate) struct Missed {
    /// Nothing up to this time, in milliseconds since 1970.
    pub since_ms: i64,
    /// The channels in which it has been sent.
    pub sent: Vec<Serial>,
}
