//! Random stories of one channel, with a faulty disk: its state is always the one last shown to its
//! members.

use super::ANN_IS_BACK;
use crate::stage::{Stage, settings};
use crate::world::disk::State;
use proptest::prelude::*;

/// An event in the story of ann's channel.
#[derive(Clone, Debug)]
enum Event {
    Says(&'static str),
    Disk(State),
    /// Sets the state of the disk for a number of requests, and the one after them.
    DiskChanges(State, usize, State),
    Restart,
}

const SAYS: &[&str] = &[
    "JOIN CHANNEL",
    "CS REGISTER CHANNEL",
    "CS REGISTER CHANNEL",
    "CS DROP CHANNEL CHANNEL",
    "RENAME CHANNEL OTHER",
    "RENAME CHANNEL OTHER",
    "TOPIC CHANNEL :news",
    "MODE CHANNEL +i",
    "MODE CHANNEL -i",
    "PART CHANNEL",
];

fn events() -> impl Strategy<Value = Vec<Event>> {
    let states = &[State::Well, State::Full, State::Stalls][..];
    let event = prop_oneof![
        8 => proptest::sample::select(SAYS).prop_map(Event::Says),
        2 => proptest::sample::select(states).prop_map(Event::Disk),
        2 => (proptest::sample::select(states), 1_usize..6, proptest::sample::select(states))
            .prop_map(|(now, count, then)| Event::DiskChanges(now, count, then)),
        1 => Just(Event::Restart),
    ];
    proptest::collection::vec(event, 1..40)
}

/// Ann, her channel, and its state as shown to her. While she waits for a reply bob acts.
struct Story {
    stage: Stage,
    /// The channel's name as she knows it.
    name: &'static str,
    registered: bool,
    /// A request of hers is not answered yet.
    waits: bool,
}

impl Story {
    fn begin() -> Story {
        let mut stage = Stage::new(settings());
        stage.register("ann", "draft/channel-rename");
        stage.register("bob", "");
        stage.say("ann", "NS REGISTER secret");
        let mut story = Story { stage, name: "#a", registered: false, waits: false };
        story.gather();
        story
    }

    /// Both join the channel, and become operators if ann can make them so.
    fn gather(&mut self) {
        self.stage.heard("ann");
        self.say("JOIN CHANNEL");
        self.stage.say("bob", &format!("JOIN {}", self.name));
        self.say("MODE CHANNEL +o bob");
    }

    fn say(&mut self, line: &str) {
        let other = if self.name == "#a" { "#b" } else { "#a" };
        let line = line.replace("CHANNEL", self.name).replace("OTHER", other);
        if !self.waits {
            self.waits = line.starts_with("CS ");
            self.stage.say("ann", &line);
        } else if line.starts_with("TOPIC ") || line.starts_with("MODE ") {
            self.stage.say("bob", &line);
        }
        self.hear();
    }

    fn hear(&mut self) {
        for line in self.stage.heard("ann") {
            let has = |text: &str| line.contains(text);
            if line.starts_with(":ann!ann@localhost RENAME ") {
                self.name = if has(" RENAME #a ") { "#b" } else { "#a" };
            }
            if !line.starts_with(":ChanServ!services@srv NOTICE ") {
                continue;
            }
            self.waits = false;
            if has(" is yours.") || has("registered already") || has("stays registered") {
                self.registered = true;
            } else if has("not registered any more") || has("is not registered: ") {
                self.registered = false;
            }
        }
    }

    fn restart(&mut self) {
        self.stage.restart();
        self.stage.disk(State::Well);
        self.stage.register("bob", "");
        for line in ANN_IS_BACK.lines().filter_map(|line| line.trim().strip_prefix("ann> ")) {
            self.stage.say("ann", line);
        }
        self.stage.say("ann", "CAP REQ draft/channel-rename");
        self.stage.heard("ann");
        let mut there = Vec::new();
        for name in ["#a", "#b"] {
            self.stage.say("ann", &format!("CS INFO {name}"));
            if self.stage.heard("ann")[0].contains("registered by ann") {
                there.push(name);
            }
        }
        if let [_, _] = there[..] {
            // Stored under the new name, and not dropped yet under the old.
            there.retain(|name| *name == self.name);
            let old = if self.name == "#a" { "#b" } else { "#a" };
            self.stage.say("ann", &format!("CS DROP {old} {old}"));
            let said = self.stage.heard("ann");
            assert!(said[0].ends_with("It is not registered any more."), "{said:?}");
        }
        if !std::mem::take(&mut self.waits) {
            assert_eq!(self.registered, !there.is_empty());
        }
        self.registered = !there.is_empty();
        self.name = there.first().copied().unwrap_or(self.name);
        self.gather();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn what_was_said_of_a_channel_holds_after_any_start(events in events()) {
        let mut story = Story::begin();
        for event in events {
            match event {
                Event::Says(line) => story.say(line),
                Event::Disk(state) => story.stage.disk(state),
                Event::DiskChanges(now, count, then) => story.stage.disk_changes(now, count, then),
                Event::Restart => story.restart(),
            }
            story.hear();
        }
        story.stage.disk(State::Well);
        story.hear();
        prop_assert!(!story.waits, "an answer comes to each");
        // The next change also stores the earlier ones that failed.
        story.say("JOIN CHANNEL");
        story.say("TOPIC CHANNEL :last");
        let (name, registered) = (story.name, story.registered);
        story.restart();
        if registered {
            prop_assert_eq!(story.name, name);
            story.stage.say("ann", &format!("TOPIC {name}"));
            let topic = format!(":srv 332 ann {name} :last");
            prop_assert_eq!(&story.stage.heard("ann")[0], &topic);
        }
    }
}
