//! Responses: their heads, and bodies that go at the reader's pace.

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use std::borrow::Cow;

/// An answer to a request.
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The type of the body.
    pub content_type: &'static str,
    /// Further header lines, each with its end.
    pub headers: String,
    /// The body.
    pub body: Cow<'static, [u8]>,
}

impl Response {
    /// A text of one line, for people.
    pub fn text(status: u16, text: &str) -> Response {
        Response::new(status, "text/plain; charset=utf-8", format!("{text}\n").into_bytes())
    }

    /// A body of that type.
    pub fn new(
        status: u16,
        content_type: &'static str,
        body: impl Into<Cow<'static, [u8]>>,
    ) -> Response {
        Response { status, content_type, headers: String::new(), body: body.into() }
    }

    /// The response with one more header.
    pub fn with(mut self, name: &str, value: &str) -> Response {
        self.headers.push_str(&format!("{name}: {value}\r\n"));
        self
    }

    /// The head, up to the body. `unix_ms` is the time, in milliseconds since 1970.
    pub fn head(&self, unix_ms: u64, keeps_alive: bool) -> String {
        let (status, reason) = (self.status, reason(self.status));
        let (date, length) = (date(unix_ms), self.body.len());
        let connection = if keeps_alive { "" } else { "Connection: close\r\n" };
        let (kind, more) = (self.content_type, &self.headers);
        format!(
            "HTTP/1.1 {status} {reason}\r\nDate: {date}\r\nServer: stonechat\r\n\
             Content-Type: {kind}\r\nContent-Length: {length}\r\n\
             X-Content-Type-Options: nosniff\r\n{connection}{more}\r\n"
        )
    }
}

/// The time as HTTP writes it. RFC 9110 §5.6.7.
pub fn date(unix_ms: u64) -> String {
    let time = Timestamp::from_millisecond(unix_ms as i64).unwrap_or_default();
    DateTimePrinter::new().timestamp_to_rfc9110_string(&time).unwrap_or_default()
}

/// The words for a status. RFC 9110 §15.
pub fn reason(status: u16) -> &'static str {
    match status {
        101 => "Switching Protocols",
        200 => "OK",
        304 => "Not Modified",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        413 => "Content Too Large",
        417 => "Expectation Failed",
        426 => "Upgrade Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        505 => "HTTP Version Not Supported",
        _ => "Error",
    }
}
