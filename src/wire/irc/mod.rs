//! Parses an IRC message from a line, and writes one. Modern IRC, "Message Format"; RFC 2812
//! §2.3.1; IRCv3 message-tags.
//!
//! Neither direction knows the commands or the line's end: [`super::line`] finds that, and the
//! caller adds CR LF.

pub mod names;
pub mod tags;
pub mod time;

use memchr::{memchr, memchr3};
use std::ops::Deref;
use tags::Tags;

/// The longest tags a client may send, `@` and the space after them counted: IRCv3 message-tags,
/// "Size limit".
pub const CLIENT_TAGS_MAX: usize = 4096;

/// The longest tags a server may send, its own and the client's together.
pub const SERVER_TAGS_MAX: usize = 8191;

/// The longest message in bytes, without its tags and CR LF.
pub const REST_MAX: usize = 510;

/// The most parameters of a message; the last takes the rest, with or without a colon.
pub const PARAMS_MAX: usize = 15;

/// One message. Its texts lie in the line it was parsed from and hold no NUL, CR or LF.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// The message tags.
    pub tags: Tags<'a>,
    /// The sender, without the colon; never empty, no space in it. A server ignores that of a
    /// client.
    pub source: Option<&'a str>,
    /// The command: ASCII letters and digits, in the case as sent; `privmsg` means `PRIVMSG`.
    pub command: &'a str,
    /// The parameters. All but the last are not empty, contain no space, and begin with no colon.
    pub params: Params<'a>,
}

/// The parameters of a message, as a slice; at most [`PARAMS_MAX`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params<'a> {
    /// Empty beyond `count`.
    texts: [&'a str; PARAMS_MAX],
    count: usize,
}

/// A line that is no message, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bad {
    /// More tags than allowed; worth an `ERR_INPUTTOOLONG`.
    TagsTooLong,
    /// More than [`REST_MAX`] bytes beside the tags; worth an `ERR_INPUTTOOLONG`.
    TooLong,
    /// The line contains NUL, CR or LF.
    Control,
    /// Not UTF-8; worth a `FAIL … INVALID_UTF8`, IRCv3 utf8-only.
    NotUtf8,
    /// No command: nothing at all, or nothing after the tags and the source. RFC 2812 §2.3.1: such
    /// lines are ignored silently.
    Empty,
    /// The command has other characters than letters and digits; worth an `ERR_UNKNOWNCOMMAND`.
    Command,
}

impl<'a> Message<'a> {
    /// Parses `line`, which is without its ending. `tags_max` is the limit for the peer:
    /// [`CLIENT_TAGS_MAX`] or [`SERVER_TAGS_MAX`].
    ///
    /// Several spaces count as one; spaces may stand before the source or command. Tags must begin
    /// with the line's first byte.
    /// ```
    /// use stonechat::wire::irc::{CLIENT_TAGS_MAX, Message};
    /// let line = b"@label=12 :ann PRIVMSG  #rust :hello world";
    /// let message = Message::parse(line, CLIENT_TAGS_MAX).unwrap();
    /// assert_eq!(message.tags.get("label"), Some("12"));
    /// assert_eq!(message.source, Some("ann"));
    /// assert_eq!(message.command, "PRIVMSG");
    /// assert_eq!(message.params[..], ["#rust", "hello world"]);
    /// ```
    pub fn parse(line: &'a [u8], tags_max: usize) -> Result<Message<'a>, Bad> {
        let tags_len = match line.first() {
            Some(b'@') => memchr(b' ', line).map_or(line.len(), |space| space + 1),
            _ => 0,
        };
        if tags_len > tags_max {
            return Err(Bad::TagsTooLong);
        }
        if line.len() - tags_len > REST_MAX {
            return Err(Bad::TooLong);
        }
        if memchr3(0, b'\r', b'\n', line).is_some() {
            return Err(Bad::Control);
        }
        let line = str::from_utf8(line).map_err(|_| Bad::NotUtf8)?;
        let (tags, rest) = line.split_at(tags_len);
        let tags = tags.strip_prefix('@').unwrap_or_default();
        let tags = Tags::new(tags.strip_suffix(' ').unwrap_or(tags));

        let mut rest = rest.trim_start_matches(' ');
        let mut source = None;
        if let Some(from_source) = rest.strip_prefix(':') {
            rest = from_source;
            source = Some(next_word(&mut rest)).filter(|source| !source.is_empty());
        }
        let command = next_word(&mut rest);
        if command.is_empty() {
            return Err(Bad::Empty);
        }
        if !is_command(command) {
            return Err(Bad::Command);
        }
        Ok(Message { tags, source, command, params: Params::parse(rest) })
    }
}

impl<'a> Params<'a> {
    fn parse(mut rest: &'a str) -> Params<'a> {
        let mut params = Params::default();
        while !rest.is_empty() {
            let trailing = match rest.strip_prefix(':') {
                None if params.count + 1 == PARAMS_MAX => Some(rest),
                trailing => trailing,
            };
            let text = match trailing {
                Some(text) => {
                    rest = "";
                    text
                }
                None => next_word(&mut rest),
            };
            params.texts[params.count] = text;
            params.count += 1;
        }
        params
    }
}

impl<'a> Deref for Params<'a> {
    type Target = [&'a str];

    fn deref(&self) -> &[&'a str] {
        &self.texts[..self.count]
    }
}

/// Removes the text before the next space, and the spaces, from the front of `rest`.
fn next_word<'a>(rest: &mut &'a str) -> &'a str {
    let (word, after) = rest.split_once(' ').unwrap_or((rest, ""));
    *rest = after.trim_start_matches(' ');
    word
}

fn is_command(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Whether `text` can be a parameter before others: not empty, no space in it, no colon first.
fn is_middle(text: &str) -> bool {
    is_word(text) && !text.starts_with(':')
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && !text.contains(' ')
}

/// Appends a message without a line's end: `tags` as key and unescaped value, source, command and
/// `params`. The last parameter gets a colon only if it needs one.
///
/// No text of a peer can end the line or begin another part of it. NUL, CR and LF are dropped; only
/// in a tag's value CR and LF are kept, escaped. A source or parameter that does not fit its place
/// is written as `*`. A tag with an invalid key is left out.
///
/// The caller checks the length. The command is letters and digits. Parameters beyond
/// [`PARAMS_MAX`] are left out.
/// ```
/// use stonechat::wire::irc::write;
/// let mut line = Vec::new();
/// write(&mut line, &[("msgid", "a b")], Some("ann!a@b"), "PRIVMSG", &["#rust", "hi\r\nQUIT"]);
/// assert_eq!(line, br"@msgid=a\sb :ann!a@b PRIVMSG #rust hiQUIT");
/// ```
pub fn write(
    out: &mut Vec<u8>,
    tags: &[(&str, &str)],
    source: Option<&str>,
    command: &str,
    params: &[&str],
) {
    write_head(out, tags, source, command);
    debug_assert!(params.len() <= PARAMS_MAX, "{} parameters", params.len());
    let Some((last, middles)) = params[..params.len().min(PARAMS_MAX)].split_last() else { return };
    write_middles(out, middles);
    out.extend_from_slice(if is_middle(last.trim_matches(CONTROL)) { b" " } else { b" :" });
    push_text(out, last);
}

/// Appends a message as [`write()`] does, and `text` as its last parameter, always behind a colon:
/// some programs look for the text of a message behind one.
pub fn write_with_text(
    out: &mut Vec<u8>,
    source: Option<&str>,
    command: &str,
    params: &[&str],
    text: &str,
) {
    write_head(out, &[], source, command);
    debug_assert!(params.len() < PARAMS_MAX, "{} parameters and a text", params.len());
    write_middles(out, &params[..params.len().min(PARAMS_MAX - 1)]);
    out.extend_from_slice(b" :");
    push_text(out, text);
}

fn write_head(out: &mut Vec<u8>, tags: &[(&str, &str)], source: Option<&str>, command: &str) {
    debug_assert!(is_command(command), "{command:?} is no command");
    write_tags(out, tags);
    if let Some(source) = source {
        out.push(b':');
        let source = source.trim_matches(CONTROL);
        push_text(out, if is_word(source) { source } else { "*" });
        out.push(b' ');
    }
    push_text(out, command);
}

fn write_middles(out: &mut Vec<u8>, middles: &[&str]) {
    for middle in middles {
        let middle = middle.trim_matches(CONTROL);
        out.push(b' ');
        push_text(out, if is_middle(middle) { middle } else { "*" });
    }
}

/// Characters that a message can't contain.
const CONTROL: [char; 3] = ['\0', '\r', '\n'];

fn write_tags(out: &mut Vec<u8>, tags: &[(&str, &str)]) {
    let mut before = b'@';
    for (key, value) in tags.iter().filter(|(key, _)| tags::is_key(key)) {
        out.push(before);
        out.extend_from_slice(key.as_bytes());
        if !value.is_empty() {
            out.push(b'=');
            tags::escape(out, value);
        }
        before = b';';
    }
    if before == b';' {
        out.push(b' ');
    }
}

fn push_text(out: &mut Vec<u8>, text: &str) {
    for part in text.split(CONTROL) {
        out.extend_from_slice(part.as_bytes());
    }
}

#[cfg(test)]
mod tests;
