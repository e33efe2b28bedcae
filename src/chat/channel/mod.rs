//! Commands on channels: JOIN, MODE, KICK, TOPIC, LIST and so on; registration and ChanServ.

pub(crate) mod chanserv;
pub(crate) mod howtoban;
pub(crate) mod join;
pub(crate) mod kick;
pub(crate) mod leaderless;
pub(crate) mod list;
pub(crate) mod mode;
pub(crate) mod mode_lists;
pub(crate) mod names;
pub(crate) mod quieting;
pub(crate) mod registered;
pub(crate) mod rename;
pub(crate) mod topic;
