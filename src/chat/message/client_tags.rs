//! Client-only tags of messages. IRCv3 message-tags.

use crate::wire::irc::tags::Tags;

/// The client-only tags among `tags`, as they were sent. IRCv3 message-tags.
pub(crate) fn client_only(tags: Tags) -> String {
    let mut all = String::new();
    for (key, value) in tags.iter().filter(|(key, _)| is_client_only(key)) {
        if !all.is_empty() {
            all.push(';');
        }
        all.push_str(key);
        if !value.is_empty() {
            all.push('=');
            all.push_str(value);
        }
    }
    all
}

fn is_client_only(key: &str) -> bool {
    let name = key.strip_prefix('+').unwrap_or_default();
    let fit = |c: char| c.is_ascii_alphanumeric() || "-./".contains(c);
    !name.is_empty() && name.chars().all(fit)
}

/// The tags that make a TAGMSG worth storing; most, such as `+typing`, matter only at once.
const STORED_TAGS: [&str; 4] = ["+draft/react", "+draft/unreact", "+react", "+draft/persist"];

/// Whether a TAGMSG with these tags is stored.
pub(crate) fn is_stored_tagmsg(client_tags: &str) -> bool {
    let keys = client_tags.split(';').filter_map(|tag| tag.split('=').next());
    keys.into_iter().any(|key| STORED_TAGS.contains(&key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tags_of_clients_pass() {
        let tags =
            Tags::new("time=x;+typing=active;msgid=1;+draft/reply=a\\sb;label=l;+;+a b;batch=q");
        assert_eq!(client_only(tags), "+typing=active;+draft/reply=a\\sb");
    }
}
