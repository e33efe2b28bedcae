//! What chat says, told as transcripts, one file per topic; `stage.rs` says how to read them.

mod stage;
#[path = "../world/mod.rs"]
mod world;

mod account_ends;
mod accounts;
mod bad_input;
mod caps;
mod certificates;
mod channels;
mod crowd;
mod event_playback;
mod history;
mod limits;
mod messages;
mod metadata;
mod modes;
mod monitor;
mod oper;
mod protocol_doc;
mod queries;
mod read_marker;
mod receipts;
mod registered_channels;
mod registration;
mod replay;
mod server;
mod user_mode;
