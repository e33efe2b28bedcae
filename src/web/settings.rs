//! The config's `[web]`.

use crate::net::Networks;
use crate::setting::{seconds, settings, words};
use std::time::Duration;

settings! {
    /// The config's `[web]`: HTTP and WebSocket.
    pub struct Settings {
        times {
            /// From the first byte of a request to its last.
            request_timeout = seconds(15), Duration::from_secs(1)..=Duration::from_secs(3600);
            /// How long a connection may wait between two requests.
            idle_timeout = seconds(60), Duration::from_secs(1)..=Duration::from_secs(86_400);
        }
        sizes {
            /// The head of a request.
            head_max = 8 << 10, 1 << 10..=64 << 10;
            /// The body of a request.
            body_max = 64 << 10, 0..=1 << 30;
        }
        values {
            /// Origins of pages that may open a WebSocket, besides those that this server serves.
            #[serde(deserialize_with = "words")]
            origins: Vec<String> = Vec::new();
            /// Names under which the server is reached, for answers that no foreign page may read.
            #[serde(deserialize_with = "words")]
            hosts: Vec<String> = Vec::new();
            /// The networks that may read the metrics.
            metrics_from: Networks = Networks::loopback();
        }
    }
}
