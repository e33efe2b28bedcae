//! The routes: each path with its methods and who may ask. `docs/http.md` is tested against them.

use crate::web::Question;

/// One path, and what is there.
pub struct Route {
    /// The whole path.
    pub path: &'static str,
    /// The access to it.
    pub gate: Gate,
    /// The content.
    pub resource: Resource,
}

/// The access to a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// Everyone.
    Open,
    /// Addresses in `web.metrics_from`, under a name that is ours.
    Metrics,
}

/// The content at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// An answer that another service or the program gives.
    Ask(Question),
    /// A WebSocket of lines, for that service.
    Socket(Socket),
    /// An answer, and a WebSocket for who asks for one.
    AskOrSocket(Question, Socket),
}

/// The service behind a WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Socket {
    /// Chat, by the IRC client protocol.
    Irc,
    /// The echo service.
    Echo,
}

const fn route(path: &'static str, gate: Gate, resource: Resource) -> Route {
    Route { path, gate, resource }
}

/// All routes, sorted by path.
pub const ALL: &[Route] = &[
    route("/", Gate::Open, Resource::AskOrSocket(Question::Landing, Socket::Irc)),
    route("/echo", Gate::Open, Resource::Socket(Socket::Echo)),
    route("/healthz", Gate::Open, Resource::Ask(Question::Readiness)),
    route("/irc", Gate::Open, Resource::Socket(Socket::Irc)),
    route("/livez", Gate::Open, Resource::Ask(Question::Liveness)),
    route("/metrics", Gate::Metrics, Resource::Ask(Question::Metrics)),
    route("/readyz", Gate::Open, Resource::Ask(Question::Readiness)),
    route("/socket", Gate::Open, Resource::Socket(Socket::Irc)),
];

/// The route of that path.
pub fn find(path: &str) -> Option<&'static Route> {
    ALL.iter().find(|route| route.path == path)
}
