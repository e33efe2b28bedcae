//! What is wrong with a config, in one line for the person who wrote it.

/// `file:line:column: what is wrong`.
pub(super) fn in_file(file: &str, text: &str, error: &toml::de::Error) -> String {
    let before = &text[..error.span().map_or(0, |span| span.start)];
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|&c| c != '\n').count() + 1;
    format!("{file}:{line}:{column}: {}", plain(error.message()))
}

/// `VARIABLE: what is wrong`.
pub(super) fn in_variable(name: &str, error: &toml::de::Error) -> String {
    format!("{name}: {}", plain(error.message()))
}

/// The one of `known` that was most likely meant by `word`, if any is near.
pub fn closest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = known.into_iter().map(|each| (strsim::damerau_levenshtein(word, each), each));
    near.filter(|(distance, each)| *distance <= each.len() / 3).min().map(|(_, each)| each)
}

/// The parser's message on one line, and in terms of keys. It lists all keys that it knows, of
/// which the person wants the one that he meant.
fn plain(message: &str) -> String {
    let message = message.trim_end().replace('\n', ", ");
    let Some(rest) = message.strip_prefix("unknown field `") else { return message };
    let mut quoted = rest.split('`').step_by(2).map(str::trim);
    let unknown = quoted.next().unwrap_or_default();
    let known: Vec<&str> = rest.split('`').skip(2).step_by(2).collect();
    match closest(unknown, known.iter().copied()) {
        Some(meant) => format!("unknown key `{unknown}`, did you mean `{meant}`?"),
        None => format!("unknown key `{unknown}`; known are {}", known.join(", ")),
    }
}
