//! Programs that operators may run with COMMAND.

use crate::setting::{Problem, Problems, seconds, settings};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Programs by their names for COMMAND: the config's `[commands]`.
pub type Commands = BTreeMap<String, Program>;

settings! {
    /// A program that operators may run: always the same one, with the same arguments.
    #[derive(Eq)]
    pub struct Program {
        times {
            /// The longest it may take: the operator is to receive its end.
            timeout = seconds(5), seconds(1)..=seconds(600);
        }
        sizes {
            /// The most bytes of output. All of it may be queued for one connection at once, with a
            /// line's frame around each line.
            output_max = 16 << 10, 1..=64 << 10;
        }
        values {
            /// An absolute path: it is not searched for.
            #[serde(rename = "program")]
            path: PathBuf = PathBuf::new();
            /// Passed as they are, without a shell.
            args: Vec<String> = Vec::new() => without_nul;
        }
    }
}

const NAME_MAX_BYTES: usize = 32;

/// Reports bad names and programs that cannot be run.
pub fn check_commands(programs: &Commands, section: &str, problems: &mut Problems) {
    for (name, program) in programs {
        let key = format!("{section}.{name}");
        let fit = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
        if !(1..=NAME_MAX_BYTES).contains(&name.len()) || !name.chars().all(fit) {
            let fit = format!("at most {NAME_MAX_BYTES} small letters, digits, `-` and `_`");
            problems.push(Problem::at(&key, format!("must have a name of {fit}")));
        }
        program.check_values(&key, problems);
        if !program.path.is_absolute() || program.path.to_string_lossy().contains('\0') {
            let path = program.path.display().to_string();
            let what = "must be an absolute path, as /usr/bin/uptime, not";
            let what = format!("{what} `{}`", path.escape_debug());
            problems.push(Problem::at(format!("{key}.program"), what));
        }
    }
}

fn without_nul(args: &[String]) -> Result<(), &'static str> {
    match args.iter().any(|arg| arg.contains('\0')) {
        true => Err("must be without \\0 in them"),
        false => Ok(()),
    }
}
