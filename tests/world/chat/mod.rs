//! Chat for the simulator.
//!
//! The first client is the witness. It is in some channels from before the others come until after
//! they have gone, and records the events there. Every other client must receive exactly the part
//! for which it was there.

mod ear;
mod heard;
mod person;

use super::Choices;
use super::simulator::{self, Cast, Conduct, ECHO, State, World};
use ear::Ear;
use person::Typed;
use stonechat::app::{App, Protocol};
use stonechat::chat::Settings;
use stonechat::net::{EndpointId, Limits};

const IRC: EndpointId = EndpointId(0);

/// The channels that the witness is in, and those that come and go.
const WITNESSED: [&str; 3] = ["#w0", "#w1", "#w2"];
const FLEETING: [&str; 2] = ["#v0", "#v1"];

/// The default of `ping_interval`.
const PING_INTERVAL_MS: u64 = 90_000;

const LIMITS: Limits = Limits {
    recvq_max: 1000,
    sendq_pause: 3000,
    sendq_max: 5000,
    memory_max: 9000,
    ..simulator::LIMITS
};

pub struct Chat;

/// What a client has typed and learned; the number in its user name identifies it.
#[derive(Default)]
pub struct Role {
    typed: Typed,
    ear: Ear,
}

impl Cast for Chat {
    type Service = App;
    type Role = Role;

    const LIMITS: Limits = LIMITS;
    const ECHO_LINE_MAX: usize = 512;
    const READ_MAX: usize = 2000;
    const DOWN_MAX: usize = 3000;

    fn service() -> App {
        let mut settings = Settings { server_name: "srv".into(), ..Settings::default() };
        settings.history.on_join = 0;
        let mut app = App::new(Self::ECHO_LINE_MAX, settings);
        app.chat.follow_with_twin();
        assert_eq!(app.add_endpoint(Protocol::Irc), Some(IRC));
        assert_eq!(app.add_endpoint(Protocol::Echo), Some(ECHO));
        app
    }

    fn other_limits(choices: &Choices) -> Limits {
        Limits {
            recvq_max: choices.pick(800..1200),
            sendq_pause: choices.pick(500..3000),
            sendq_max: choices.pick(3000..6000),
            memory_max: choices.pick(6000..10_000),
            ..LIMITS
        }
    }

    fn endpoint(choices: &Choices, steady: bool) -> EndpointId {
        if !steady && choices.one_in(6) { ECHO } else { IRC }
    }

    fn greet(world: &mut World<Self>, n: usize) {
        if world.clients[n].endpoint == IRC {
            world.register(n);
        }
        if n == 0 {
            WITNESSED.iter().for_each(|channel| world.join(0, channel));
        }
    }

    fn say(world: &mut World<Self>, n: usize) {
        world.say(n);
    }

    fn act(world: &mut World<Self>, n: usize) {
        match world.choices.pick(0..24) {
            0..9 => world.join_some(n),
            9..13 => world.part_some(n),
            13..17 => world.change_nick(n),
            17..22 => world.ask(n),
            22 => world.tell_of_self(n),
            _ => world.talk_nonsense(n),
        }
    }

    fn misbehave(world: &mut World<Self>, n: usize) {
        match world.choices.pick(0..8) {
            0 => world.clients[n].conduct = Conduct::Mute,
            1 if world.clients[n].endpoint == IRC => {
                // An unfinished line that is longer than `recvq_max` but within the bounds of its
                // tags.
                world.send(n, format!("@+{}", "x".repeat(2800)).as_bytes());
                world.clients[n].conduct = Conduct::Mute;
            }
            2 | 3 => world.quit(n),
            4 => (0..25).for_each(|_| world.say(n)),
            5 => {
                (0..10).for_each(|_| world.ask(n));
                world.clients[n].conduct = Conduct::Stuck;
            }
            _ => (0..10).for_each(|_| world.ask(n)),
        }
    }

    /// Listens, and answers lines that need a reply.
    fn hear(world: &mut World<Self>, n: usize, bytes: &[u8]) {
        let client = &mut world.clients[n];
        client.heard.extend_from_slice(bytes);
        if matches!(client.state, State::Here(_)) && client.endpoint == IRC {
            client.role.ear.hear(bytes);
            for reply in std::mem::take(&mut client.role.ear.replies) {
                world.type_line(n, &reply);
            }
        }
    }

    /// Reads for a steady client, which may be sent PING only if it has been silent.
    fn hear_at_once(world: &mut World<Self>, n: usize) {
        let pings = |world: &World<Self>| world.clients[n].role.ear.counts.get("PING").copied();
        let (before, sent_ms) = (pings(world), world.clients[n].sent_ms);
        world.hear(n, usize::MAX);
        let silent_ms = world.now.uptime_ms - sent_ms;
        let asked = pings(world) != before && !world.clients[n].end.is_heard_in_parts();
        assert!(!asked || silent_ms > PING_INTERVAL_MS - 1_000, "{n} spoke {silent_ms} ms ago");
    }

    fn check_turn(world: &World<Self>) {
        world.server.service.service.check();
    }

    fn end(world: &mut World<Self>) {
        world.fall_silent();
        world.ask_who_is_there();
    }

    fn check_client(world: &World<Self>, n: usize) {
        world.check_part(n);
        world.check_answers(n);
        world.check_last_word(n);
        world.check_said(n);
    }

    fn check_all(world: &World<Self>) {
        world.check_private();
        world.check_who_is_there();
        world.check_quits();
    }

    fn is_last_word(heard: &[u8]) -> bool {
        heard.ends_with(b"\r\nERROR :server shutting down\r\n")
    }

    /// Received commands, and kinds of farewells.
    fn sights(world: &World<Self>, saw: &mut dyn FnMut(&str)) {
        let kinds = ["[Quit: ", "[Ping timeout: ", "[Registration timeout]", "RecvQ exceeded"];
        for client in &world.clients {
            let ear = &client.role.ear;
            ear.counts.keys().for_each(|command| saw(command));
            let farewell = ear.farewell.as_deref().unwrap_or_default();
            kinds.iter().filter(|kind| farewell.contains(**kind)).for_each(|kind| saw(kind));
        }
    }
}

impl World<Chat> {
    /// Nobody types for some minutes: clients that answer PING stay, and the others are closed.
    fn fall_silent(&mut self) {
        let here = |world: &World<Chat>, n: usize| {
            let asked = !world.clients[n].role.ear.nick.is_empty();
            asked && matches!(world.clients[n].state, State::Here(_)) && world.ending(n).is_none()
        };
        let before: Vec<bool> = (0..self.clients.len()).map(|n| here(self, n)).collect();
        for _ in 0..9 {
            self.pass(30_000);
            self.turn();
            self.settle_closing();
        }
        for n in (0..self.clients.len()).filter(|n| before[*n]) {
            match self.clients[n].conduct {
                Conduct::Steady | Conduct::Ordinary => assert!(here(self, n), "{n} did answer"),
                Conduct::Mute | Conduct::Stuck => assert!(!here(self, n), "{n} is not missed"),
                Conduct::HalfClosed | Conduct::Gone => {}
            }
        }
    }
}
