//! The section `[commands]`: programs that operators may run with COMMAND, by name.

use crate::chat::Program;
use crate::setting;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// A value of the section. Each key is explained in the default file.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Command {
    pub program: PathBuf,
    #[serde(default)]
    pub args: Vec<String>,
    #[serde(default = "timeout", deserialize_with = "setting::time")]
    pub timeout: Duration,
    #[serde(default = "output_max", deserialize_with = "setting::size")]
    pub output_max: usize,
}

/// The section, by the names of the commands.
pub type Commands = BTreeMap<String, Command>;

const NAME_MAX_BYTES: usize = 32;

/// The longest a command may take: who asks is to hear of its end.
const TIMEOUT_MAX: Duration = Duration::from_secs(600);

/// All of it may be queued for one connection at once, a line's frame around each line.
const OUTPUT_MAX_BYTES: usize = 64 << 10;

fn timeout() -> Duration {
    Duration::from_secs(5)
}

fn output_max() -> usize {
    16 << 10
}

pub(super) fn validate(commands: &Commands) -> Result<(), String> {
    commands.iter().try_for_each(|(name, command)| command.validate(name))
}

pub(super) fn settled(commands: &Commands) -> BTreeMap<String, Program> {
    let program = |command: &Command| Program {
        path: command.program.clone(),
        args: command.args.clone(),
        timeout: command.timeout,
        output_max: command.output_max,
    };
    commands.iter().map(|(name, command)| (name.clone(), program(command))).collect()
}

impl Command {
    fn validate(&self, name: &str) -> Result<(), String> {
        let fit = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
        if !(1..=NAME_MAX_BYTES).contains(&name.len()) || !name.chars().all(fit) {
            return Err(format!(
                "commands: a name is at most {NAME_MAX_BYTES} small letters, digits, `-` and `_`, not \
                 `{}`",
                name.escape_debug()
            ));
        }
        if !self.program.is_absolute() || self.program.to_string_lossy().contains('\0') {
            return Err(format!(
                "commands.{name}.program must be an absolute path, as /usr/bin/uptime, not `{}`",
                self.program.display().to_string().escape_debug()
            ));
        }
        if self.args.iter().any(|arg| arg.contains('\0')) {
            return Err(format!("commands.{name}.args must be without \\0 in them"));
        }
        if !(Duration::from_secs(1)..=TIMEOUT_MAX).contains(&self.timeout) {
            return Err(format!(
                "commands.{name}.timeout must be from 1s to {}s, not {}ms",
                TIMEOUT_MAX.as_secs(),
                self.timeout.as_millis()
            ));
        }
        if !(1..=OUTPUT_MAX_BYTES).contains(&self.output_max) {
            return Err(format!(
                "commands.{name}.output_max must be from 1 to {OUTPUT_MAX_BYTES}, not {}",
                self.output_max
            ));
        }
        Ok(())
    }
}
