//! What chat says, told as transcripts, one file per topic; `stage.rs` says how to read them.

mod stage;
#[path = "../world/mod.rs"]
mod world;

mod account_ends;
mod accounts;
mod audit;
mod bad_input;
mod caps;
mod certificates;
mod channels;
mod cloak;
mod crowd;
mod defcon;
mod event_playback;
mod flood;
mod history;
mod history_pace;
mod howtoban;
mod limits;
mod messages;
mod metadata;
mod metadata_told;
mod modes;
mod monitor;
mod one_nick;
mod oper;
mod programs;
mod protocol_doc;
mod queries;
mod quieting;
mod read_marker;
mod receipts;
mod redaction;
mod registered_channels;
mod registration;
mod replay;
mod returning;
mod rights;
mod security_doc;
mod server;
mod uban;
mod user_mode;
mod webirc;
