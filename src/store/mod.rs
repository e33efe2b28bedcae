//! What outlives the process: requests and replies as plain values, in a queue that never blocks.
//!
//! The loop has a [`Store`], which asks; whoever has the [`Far`] side answers. That is the thread of
//! [`thread`], over the database of [`sqlite`]; in a test it may be the test.

pub mod sqlite;
pub mod thread;

use std::cmp::Ordering;
use std::error::Error;
use std::fmt;
use std::sync::mpsc::{self, Receiver, Sender};

/// The loop's side. Dropping it ends whoever serves the other, once all that was asked is done.
pub struct Store {
    requests: Sender<(Token, Request)>,
    replies: Receiver<(Token, Reply)>,
    capacity: usize,
    /// Asked and not yet taken from `replies`. It bounds both directions: at most `capacity`.
    open: usize,
}

/// The side that answers: each request once, in the order asked.
pub struct Far {
    requests: Receiver<(Token, Request)>,
    replies: Sender<(Token, Reply)>,
}

/// What a reply is known by; the asker's to choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Token(pub u64);

/// Nothing was asked: as many requests are open as may be, or nobody is there to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busy;

/// What may be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Keep a message. [`Reply::Appended`] once it is durable.
    Append {
        /// Where it was said.
        target: Target,
        /// The message; no other may have its `msgid`.
        message: Message,
    },
    /// IRCv3 draft/chathistory, all but TARGETS: [`Reply::Messages`], or [`Reply::Unknown`].
    Select {
        /// Where the messages were said.
        target: Target,
        /// Which of them.
        selection: Selection,
        /// How many at most.
        limit: Limit,
    },
    /// IRCv3 draft/chathistory, TARGETS: those whose latest message is between two times, neither
    /// included. [`Reply::Targets`].
    Targets {
        /// Whose conversations are looked through, folded.
        user: String,
        /// The channels that are looked through, folded: those that the user may read.
        channels: Vec<String>,
        /// Counted from here, in milliseconds since 1970…
        from_ms: i64,
        /// …to here, which may be the earlier.
        to_ms: i64,
        /// How many at most.
        limit: Limit,
    },
    /// Forget what a message said; its place remains, so that one can still scroll from it.
    /// [`Reply::Redacted`] once that is durable, or [`Reply::Unknown`].
    Redact {
        /// Where it was said.
        target: Target,
        /// Which.
        msgid: String,
    },
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// It is durable.
    Appended,
    /// What was selected, oldest first.
    Messages(Vec<Message>),
    /// Each with the time of its latest message in milliseconds since 1970, earliest first.
    Targets(Vec<(Target, i64)>),
    /// It is gone, and that is durable.
    Redacted,
    /// The target has no message of this id.
    Unknown(String),
    /// Nothing was done.
    Failed(Trouble),
}

/// Where a message is said. Names are folded, and have no space in them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Target {
    /// A channel, by its name.
    Channel(String),
    /// Two users, by their names, which are the same for who talks to oneself. See [`Target::pair`].
    Pair(String, String),
}

/// A message as it was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// IRCv3 message-ids.
    pub msgid: String,
    /// When it was said, in milliseconds since 1970.
    pub time_ms: i64,
    /// By whom: `nick!user@host`.
    pub source: String,
    /// Of which account.
    pub account: Option<String>,
    /// PRIVMSG, NOTICE, TAGMSG and so on.
    pub command: String,
    /// Client-only tags, as they stand between `@` and the space of a line.
    pub tags: String,
    /// What was said.
    pub text: Text,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Text {
    /// An ordinary message.
    Line(String),
    /// One of several lines, kept whole: IRCv3 draft/multiline.
    Lines(Vec<Line>),
}

/// One line of several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Without a newline in it.
    pub text: String,
    /// Continues the line before: draft/multiline-concat.
    pub concat: bool,
}

/// Which messages: IRCv3 draft/chathistory. No point is itself included but that of `Around`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// The last ones, those after a point if one is given.
    Latest(Option<Point>),
    /// The last ones before.
    Before(Point),
    /// The first ones after.
    After(Point),
    /// Half of the limit, rounded down, from before; the rest from the point on.
    Around(Point),
    /// Counted from the first point towards the second, which may be the earlier.
    Between(Point, Point),
}

/// A point in what was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Point {
    /// A message of the same target.
    Msgid(String),
    /// Milliseconds since 1970.
    Time(i64),
}

/// How many messages or targets are answered at most: 0 to [`Limit::MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit(u16);

/// Why nothing could be done, for a person to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Another program keeps the database locked.
    Busy,
    /// No space is left.
    Full,
    /// It may be read but not written.
    ReadOnly,
    /// The database is damaged; SQLite's words.
    Corrupt(String),
    /// A later version has written it.
    Newer {
        /// The version of its schema.
        found: i64,
        /// The last version that is known here.
        known: i64,
    },
    /// It is a database, but of another program.
    Foreign,
    /// A message of this id is already kept.
    Duplicate,
    /// Anything else, in the words of SQLite or the system.
    Other(String),
}

impl Store {
    /// Both sides of a queue that holds at most `capacity` requests and replies together.
    pub fn new(capacity: usize) -> (Store, Far) {
        let (requests, asked) = mpsc::channel();
        let (answers, replies) = mpsc::channel();
        let far = Far { requests: asked, replies: answers };
        (Store { requests, replies, capacity, open: 0 }, far)
    }

    /// Asks, without waiting. The reply comes with the same token.
    pub fn ask(&mut self, token: Token, request: Request) -> Result<(), Busy> {
        if self.open == self.capacity {
            return Err(Busy);
        }
        self.requests.send((token, request)).map_err(|_| Busy)?;
        self.open += 1;
        Ok(())
    }

    /// What has been answered, in the order asked, without waiting.
    pub fn replies(&mut self) -> impl Iterator<Item = (Token, Reply)> + use<'_> {
        self.replies.try_iter().inspect(|_| self.open -= 1)
    }

    /// How many requests are open: asked, and their reply not taken yet.
    pub fn open(&self) -> usize {
        self.open
    }
}

impl Far {
    /// Waits for a request; `None` once the store is dropped and everything asked was taken.
    pub fn wait(&self) -> Option<(Token, Request)> {
        self.requests.recv().ok()
    }

    /// The next request, if there is one.
    pub fn take(&self) -> Option<(Token, Request)> {
        self.requests.try_recv().ok()
    }

    /// Answers. If nobody is there to hear it, it was still done.
    pub fn answer(&self, token: Token, reply: Reply) {
        let _ = self.replies.send((token, reply));
    }
}

impl Target {
    /// The conversation of two users, whichever is named first.
    pub fn pair(one: impl Into<String>, other: impl Into<String>) -> Target {
        let (one, other) = (one.into(), other.into());
        match one.cmp(&other) {
            Ordering::Greater => Target::Pair(other, one),
            _ => Target::Pair(one, other),
        }
    }
}

impl Limit {
    /// Bounds the memory and time that one reply takes.
    pub const MAX: i64 = 1000;

    /// As near to what was asked as is allowed: nothing for a negative one.
    pub fn new(asked: i64) -> Limit {
        Limit(asked.clamp(0, Limit::MAX) as u16)
    }

    /// The number.
    pub fn get(self) -> usize {
        self.0.into()
    }
}

impl Request {
    /// Whether the reply promises that something is kept.
    pub fn writes(&self) -> bool {
        match self {
            Request::Append { .. } | Request::Redact { .. } => true,
            Request::Select { .. } | Request::Targets { .. } => false,
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Trouble::Busy => f.write_str("another program keeps the database locked"),
            Trouble::Full => f.write_str("no space is left on the disk for the database"),
            Trouble::ReadOnly => f.write_str("the database cannot be written to, only read"),
            Trouble::Corrupt(why) => write!(f, "the database is damaged ({why}): restore a backup"),
            Trouble::Newer { found, known } => write!(
                f,
                "a later version of stonechat has written the database (schema {found}, this one \
                 knows up to {known}): run that version, or restore a backup"
            ),
            Trouble::Foreign => f.write_str("the database is that of another program"),
            Trouble::Duplicate => f.write_str("a message of this id is already kept"),
            Trouble::Other(why) => write!(f, "the database failed: {why}"),
        }
    }
}

impl Error for Trouble {}
