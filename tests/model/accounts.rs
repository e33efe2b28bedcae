//! The model's accounts: registration, removal, logins, reserved nicks, and several connections of
//! one client.

use crate::line::Line;
use crate::model::{Account, Model, folded, shown};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

const WRONG: &str = "There is no such account, or it has another password.";

const OTHERS: &str = "Other connections of yours are logged in to another account";

impl Model {
    /// The account of this name, or of one that looks like it.
    fn look_alike(&self, name: &str) -> Option<&Account> {
        self.accounts.values().find(|account| looks(&account.name) == looks(name))
    }

    /// Whether a nick is the name of another's account, or looks like it.
    pub fn is_reserved(&self, who: &str, nick: &str) -> bool {
        let owner = self.look_alike(nick).map(|account| &account.name);
        owner.is_some() && owner != self.clients[who].account.as_ref()
    }

    fn account_with(&self, name: &str, password: &str) -> Option<String> {
        let account = self.accounts.get(&folded(name))?;
        (account.password == password).then(|| account.name.clone())
    }

    pub fn register_account(&mut self, who: &str, params: &[&str]) {
        let (client, asked) = (&self.clients[who], params[0]);
        let name = if asked == "*" { client.nick.clone() } else { asked.to_owned() };
        let refused = match () {
            _ if client.account.is_some() => Some("ALREADY_AUTHENTICATED"),
            _ if name.is_empty() => Some("NEED_NICK"),
            _ => None,
        };
        if let Some(code) = refused {
            return self.tell(who, &Line::new("srv", "FAIL", &["REGISTER", code, asked, "…"]));
        }
        match self.make_account(who, &name, params[2]) {
            Err((code, _)) => {
                self.tell(who, &Line::new("srv", "FAIL", &["REGISTER", code, shown(&name), "…"]));
            }
            Ok(()) => {
                self.tell(who, &Line::new("srv", "REGISTER", &["SUCCESS", &name, "…"]));
                self.log_in(who, &name);
            }
        }
    }

    fn make_account(
        &mut self,
        who: &str,
        name: &str,
        password: &str,
    ) -> Result<(), (&'static str, &'static str)> {
        let letters = name.chars().all(|c| c.is_ascii_alphanumeric());
        if !letters || name.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(("BAD_ACCOUNT_NAME", "This can't be the name of an account."));
        } else if self.find(name).is_some_and(|holder| holder != who) {
            return Err(("ACCOUNT_EXISTS", "Somebody else is called so now."));
        } else if self.look_alike(name).is_some() && !self.full {
            let text = "There is an account of this name, or of one that looks like it.";
            return Err(("ACCOUNT_EXISTS", text));
        }
        if self.full {
            let text = "Accounts can't be made now: no space is left on the disk for the database.";
            return Err(("TEMPORARILY_UNAVAILABLE", text));
        }
        let account = Account { name: name.into(), password: password.into() };
        self.accounts.insert(folded(name), account);
        Ok(())
    }

    pub fn authenticate(&mut self, who: &str, said: &str) {
        if !self.has("sasl") && self.clients[who].registered {
            return self.numeric(who, "904", &["…"]);
        }
        let goes_on = std::mem::take(&mut self.conn().authenticates);
        match (goes_on, said) {
            (_, "*") => return self.numeric(who, "906", &["…"]),
            (false, "PLAIN") => {
                self.conn().authenticates = true;
                return self.tell(who, &Line::new("", "AUTHENTICATE", &["+"]));
            }
            (false, _) => {
                self.numeric(who, "908", &["SCRAM-SHA-256,PLAIN", "…"]);
                return self.numeric(who, "904", &["…"]);
            }
            (true, _) => {}
        }
        let payload = BASE64.decode(said).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let words: Vec<&str> = payload.iter().flat_map(|payload| payload.split('\0')).collect();
        let account = match words[..] {
            ["", name, password] => self.account_with(name, password),
            _ => None,
        };
        match account {
            Some(account) if !self.has_company(who, &account) => {
                self.log_in(who, &account);
                self.numeric(who, "903", &["…"]);
            }
            Some(_) => self.numeric(who, "904", &[OTHERS]),
            None => self.numeric(who, "904", &["…"]),
        }
    }

    /// Whether another connection would be logged in to `account` too.
    fn has_company(&self, who: &str, account: &str) -> bool {
        self.conns_of(who).len() > 1 && self.clients[who].account.as_deref() != Some(account)
    }

    fn log_in(&mut self, who: &str, account: &str) {
        let client = self.client(who);
        let before = client.account.replace(account.into());
        let registered = client.registered;
        let mask = self.mask_so_far(who);
        let text = format!("You are now logged in as {account}");
        self.numeric(who, "900", &[&mask, account, &text]);
        if registered && before.as_deref() != Some(account) {
            self.tell_account(who);
        }
        if registered {
            let channels = self.channels_of(who);
            self.in_any_order(|model| {
                for channel in channels {
                    model.restore_operator(&channel, who);
                }
            });
        }
    }

    fn tell_account(&mut self, who: &str) {
        let account = self.clients[who].account.clone().unwrap_or("*".into());
        let line = self.line(who, "ACCOUNT", &[&account]);
        self.tell_with(who, "account-notify", &line);
        self.tell_interested(who, "account-notify", &line);
    }

    /// The mask, with `*` for parts that are not known yet.
    fn mask_so_far(&self, who: &str) -> String {
        let client = &self.clients[who];
        let nick = if client.nick.is_empty() { "*" } else { &client.nick };
        let user = if client.user_given { &client.username } else { "*" };
        format!("{nick}!{user}@localhost")
    }

    /// Sends the echo of a message to NickServ, without its password.
    pub fn echo_to_nickserv(
        &mut self,
        who: &str,
        command: &str,
        asked: &str,
        text: &str,
        tag: Option<&(String, String)>,
    ) {
        if !self.has("echo-message") {
            return;
        }
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        let from = match words.first().copied().unwrap_or_default() {
            "REGISTER" => 1,
            "IDENTIFY" if words.len() == 2 => 1,
            "IDENTIFY" | "DROP" => 2,
            _ => 1,
        };
        let star = |(at, word): (usize, &str)| if at >= from { "****" } else { word }.to_owned();
        let shown: Vec<String> = words.into_iter().enumerate().map(star).collect();
        let shown = shown.join(" ");
        self.counted += 1;
        let id = format!("id{}", self.counted);
        let params = if command == "TAGMSG" { vec![asked] } else { vec![asked, &shown] };
        let mut line = self.line(who, command, &params).tagged("msgid", &id);
        if let Some((key, value)) = tag {
            line = line.tagged(key, value);
        }
        self.tell_conn(&self.at(), &line);
    }

    pub fn nickserv(&mut self, who: &str, words: &[&str]) {
        let nick = self.nick(who);
        match words {
            ["REGISTER", password] => {
                if let Some(account) = self.clients[who].account.clone() {
                    let text = format!("You are logged in as {account} already.");
                    return self.nickserv_says(who, &text);
                }
                match self.make_account(who, &nick, password) {
                    Err((_, text)) => self.nickserv_says(who, text),
                    Ok(()) => {
                        self.nickserv_says(who, &format!("The account {nick} is yours."));
                        self.log_in(who, &nick);
                    }
                }
            }
            ["IDENTIFY", password] => self.identify(who, &nick, password),
            ["IDENTIFY", name, password, ..] => self.identify(who, name, password),
            ["DROP", name, password] => match self.account_with(name, password) {
                None => self.nickserv_says(who, WRONG),
                Some(_) if self.full => {
                    let text = "It is not removed: no space is left on the disk for the database.";
                    self.nickserv_says(who, text);
                }
                Some(account) => {
                    self.drop_account(&account);
                    self.nickserv_says(who, &format!("The account {account} is removed."));
                }
            },
            _ => {
                let word = words.iter().find(|word| !word.is_empty()).copied().unwrap_or_default();
                let word: String = word.to_ascii_uppercase().chars().take(30).collect();
                let text = format!("{word} is no command of NickServ; HELP lists them.");
                self.nickserv_says(who, &text);
            }
        }
    }

    fn nickserv_says(&mut self, who: &str, text: &str) {
        let line = Line::new("NickServ!services@srv", "NOTICE", &[&self.called(who), text]);
        self.tell_conn(&self.at(), &line);
    }

    fn identify(&mut self, who: &str, name: &str, password: &str) {
        match self.account_with(name, password) {
            None => self.nickserv_says(who, WRONG),
            Some(account) if self.has_company(who, &account) => {
                self.nickserv_says(who, &format!("{OTHERS}."));
            }
            Some(account) => {
                self.log_in(who, &account);
                self.nickserv_says(who, &format!("You are logged in as {account}."));
                let is_other = |(other, client): &(&String, &crate::model::Client)| {
                    *other != who && client.registered && client.account.as_ref() == Some(&account)
                };
                let others = self.clients.iter().filter(is_other);
                let others: Vec<String> = others.map(|(_, client)| client.nick.clone()).collect();
                self.in_any_order(|model| {
                    for nick in others {
                        let text = format!(
                            "You are here as {nick}, too. To speak for that user with this \
                             connection: /msg NickServ REGAIN {nick}"
                        );
                        model.nickserv_says(who, &text);
                    }
                });
            }
        }
    }

    /// Removes an account, and logs out its users.
    fn drop_account(&mut self, account: &str) {
        self.accounts.remove(&folded(account));
        let is_of = |client: &crate::model::Client| client.account.as_deref() == Some(account);
        let all = self.clients.iter().filter(|(_, client)| is_of(client));
        let all: Vec<String> = all.map(|(who, _)| who.clone()).collect();
        self.in_any_order(|model| {
            for who in all {
                model.client(&who).account = None;
                let registered = model.clients[&who].registered;
                if registered {
                    model.tell_account(&who);
                }
                let mask = model.mask_so_far(&who);
                let line = model.numeric_line(&who, "901", &[&mask, "…"]);
                for conn in model.conns_of(&who) {
                    model.tell_conn(&conn, &line);
                }
            }
        });
    }

    /// Joins a new connection to a client of its account, and sends it the client's channels.
    pub fn attach(&mut self, newcomer: &str, who: &str) {
        self.clients.remove(newcomer);
        self.conn().client = who.into();
        self.welcome(who);
        let modes = self.user_modes(who);
        self.numeric(who, "221", &[&modes]);
        let channels = self.channels_of(who);
        self.in_any_order(|model| {
            for channel in channels {
                model.tell_join_on(&model.at(), &channel, who);
                model.tell_channel(&model.at(), &channel);
            }
        });
        let now = self.now;
        self.client(who).acted_at = now;
        self.update_away(who, &self.at());
    }
}

/// The skeleton of a name: without case, and with look-alike ASCII characters unified.
fn looks(name: &str) -> String {
    let mut name = name.to_ascii_lowercase();
    for (one, other) in [("0", "o"), ("1", "l"), ("i", "l"), ("|", "l"), ("m", "rn"), ("w", "vv")] {
        name = name.replace(one, other);
    }
    name.replace('-', "_").replace('{', "[").replace('}', "]")
}
