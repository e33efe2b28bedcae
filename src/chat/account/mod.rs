//! Accounts: login by SASL or NickServ, registration, certificates, always-on users, and orders
//! from `stonechatd account`.

pub(crate) mod accounts;
pub(crate) mod administer;
pub(crate) mod always_on;
pub(crate) mod authenticate;
pub(crate) mod certificates;
pub(crate) mod login_guards;
pub(crate) mod nickserv;
pub(crate) mod regain;
pub(crate) mod register;
