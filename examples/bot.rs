//! A bot in the standard library alone: it joins a channel and answers messages to it.
//!
//! `rustc --edition 2024 examples/bot.rs && ./bot 127.0.0.1:6667 '#lobby'`, then in the channel: `bot: help`.

use std::io::{self, BufRead, BufReader, Write};
use std::{net::TcpStream, time::Instant};

fn main() -> io::Result<()> {
    let [address, channel] = [(1, "127.0.0.1:6667"), (2, "#lobby")]
        .map(|(n, default)| std::env::args().nth(n).unwrap_or(default.into()));
    let stream = TcpStream::connect(&address)?;
    let mut server = Server { stream: stream.try_clone()?, nick: "bot".into() };
    server.say("NICK bot\r\nUSER bot 0 * :A bot that answers")?;
    let began = Instant::now();
    for line in BufReader::new(stream).lines() {
        let line = line?;
        let Message { source, command, params } = Message::parse(&line);
        match (command, &params[..]) {
            ("PING", [token]) => server.say(&format!("PONG :{token}"))?,
            ("433", _) => {
                server.nick.push('_'); // taken: try another
                server.say(&format!("NICK {}", server.nick))?;
            }
            ("001", [nick, ..]) => {
                println!("{nick} is on {address}");
                server.say(&format!("MODE {nick} +B"))?;
                server.say(&format!("JOIN {channel}"))?;
            }
            ("PRIVMSG", [to, text]) => {
                // In a channel a request begins with its nick; in private every message is one.
                let (place, request) = match text.strip_prefix(&format!("{}: ", server.nick)) {
                    Some(request) => (to, request),
                    None if *to == server.nick => (&source, *text),
                    None => continue,
                };
                let answer = answer(request, began);
                server.say(&format!("NOTICE {place} :{source}: {answer}"))?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn answer(request: &str, began: Instant) -> String {
    match request.split_once(' ').unwrap_or((request, "")) {
        ("echo", text) => text.into(),
        ("reverse", text) => text.chars().rev().collect(),
        ("uptime", _) => format!("here for {} s", began.elapsed().as_secs()),
        _ => "ask me for: echo TEXT, reverse TEXT, uptime".into(),
    }
}

struct Server {
    stream: TcpStream,
    nick: String,
}

impl Server {
    fn say(&mut self, line: &str) -> io::Result<()> {
        self.stream.write_all(format!("{line}\r\n").as_bytes())
    }
}

struct Message<'a> {
    source: &'a str, // its nick
    command: &'a str,
    params: Vec<&'a str>,
}

impl<'a> Message<'a> {
    fn parse(line: &'a str) -> Message<'a> {
        let (head, text) = line.split_once(" :").map_or((line, None), |(h, t)| (h, Some(t)));
        let mut words = head.split(' ').filter(|word| !word.is_empty()).peekable();
        let source = words.next_if(|word| word.starts_with(':')).unwrap_or_default();
        let source = source.trim_start_matches(':').split('!').next().unwrap_or_default();
        let command = words.next().unwrap_or_default();
        Message { source, command, params: words.chain(text).collect() }
    }
}
