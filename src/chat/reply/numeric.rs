//! The numeric replies: one list, with the text of each. Modern IRC, "Numerics"; RFC 2812 §5; those
//! of MONITOR and METADATA from IRCv3; the others as most servers have them.

/// A numeric and its text. An empty text means that the caller gives the last parameter, and
/// [`GIVEN`] that they give a text.
#[derive(Clone, Copy, Debug)]
pub struct Numeric(pub &'static str, pub &'static str);

/// Stands for a text of the caller's, written behind a colon even if it is one word.
pub const GIVEN: &str = ":";

macro_rules! numerics {
    ($($name:ident $code:literal $text:tt)*) => {
        $(#[allow(missing_docs)] pub const $name: Numeric = Numeric($code, $text);)*
        #[cfg(test)]
        const ALL: &[(&str, Numeric)] = &[$((stringify!($name), $name)),*];
    };
}

numerics! {
    RPL_WELCOME "001" ""
    RPL_YOURHOST "002" ""
    RPL_CREATED "003" ""
    RPL_MYINFO "004" ""
    RPL_ISUPPORT "005" "are supported by this server"
    RPL_UMODEIS "221" ""
    RPL_STATSLINKINFO "211" ""
    RPL_STATSCOMMANDS "212" ""
    RPL_STATSKLINE "216" ""
    RPL_ENDOFSTATS "219" "End of STATS report"
    RPL_STATSDLINE "225" ""
    RPL_STATSUPTIME "242" ""
    RPL_STATSOLINE "243" ""
    RPL_STATSDEBUG "249" ""
    RPL_LUSERCLIENT "251" ""
    RPL_LUSEROP "252" "operator(s) online"
    RPL_LUSERUNKNOWN "253" "unknown connection(s)"
    RPL_LUSERCHANNELS "254" "channels formed"
    RPL_LUSERME "255" ""
    RPL_ADMINME "256" "Administrative info"
    RPL_ADMINLOC1 "257" ""
    RPL_ADMINLOC2 "258" ""
    RPL_ADMINEMAIL "259" ""
    RPL_TRYAGAIN "263" "Please wait a while and try again."
    RPL_LOCALUSERS "265" ""
    RPL_GLOBALUSERS "266" ""
    RPL_WHOISCERTFP "276" ""
    RPL_ACCEPTLIST "281" ""
    RPL_ENDOFACCEPT "282" "End of /ACCEPT list"
    RPL_AWAY "301" GIVEN
    RPL_USERHOST "302" GIVEN
    RPL_ISON "303" GIVEN
    RPL_UNAWAY "305" "You are no longer marked as being away"
    RPL_NOWAWAY "306" "You have been marked as being away"
    RPL_WHOISUSER "311" GIVEN
    RPL_WHOISSERVER "312" GIVEN
    RPL_WHOISOPERATOR "313" "is an IRC operator"
    RPL_WHOWASUSER "314" GIVEN
    RPL_ENDOFWHO "315" "End of /WHO list"
    RPL_WHOISIDLE "317" "seconds idle, signon time"
    RPL_ENDOFWHOIS "318" "End of /WHOIS list"
    RPL_WHOISCHANNELS "319" GIVEN
    RPL_LISTSTART "321" "Users  Name"
    RPL_LIST "322" GIVEN
    RPL_LISTEND "323" "End of /LIST"
    RPL_CHANNELMODEIS "324" ""
    RPL_CREATIONTIME "329" ""
    RPL_WHOISACCOUNT "330" "is logged in as"
    RPL_NOTOPIC "331" "No topic is set"
    RPL_TOPIC "332" GIVEN
    RPL_TOPICWHOTIME "333" ""
    RPL_WHOISBOT "335" ""
    RPL_INVITELIST "336" ""
    RPL_ENDOFINVITELIST "337" "End of /INVITE list"
    RPL_WHOISACTUALLY "338" "is actually using host"
    RPL_INVITING "341" ""
    RPL_INVEXLIST "346" ""
    RPL_ENDOFINVEXLIST "347" "End of channel invite exception list"
    RPL_EXCEPTLIST "348" ""
    RPL_ENDOFEXCEPTLIST "349" "End of channel ban exception list"
    RPL_VERSION "351" ""
    RPL_WHOREPLY "352" GIVEN
    RPL_NAMREPLY "353" GIVEN
    RPL_WHOSPCRPL "354" ""
    RPL_LINKS "364" ""
    RPL_ENDOFLINKS "365" "End of /LINKS list"
    RPL_ENDOFNAMES "366" "End of /NAMES list"
    RPL_BANLIST "367" ""
    RPL_ENDOFBANLIST "368" "End of channel ban list"
    RPL_ENDOFWHOWAS "369" "End of WHOWAS"
    RPL_INFO "371" ""
    RPL_MOTD "372" ""
    RPL_ENDOFINFO "374" "End of INFO list"
    RPL_MOTDSTART "375" ""
    RPL_ENDOFMOTD "376" "End of /MOTD command."
    RPL_WHOISMODES "379" ""
    RPL_YOUREOPER "381" "You are now an IRC operator"
    RPL_REHASHING "382" "Rehashing"
    RPL_TIME "391" ""
    ERR_UNKNOWNERROR "400" ""
    ERR_NOSUCHNICK "401" "No such nick/channel"
    ERR_NOSUCHSERVER "402" "No such server"
    ERR_NOSUCHCHANNEL "403" "No such channel"
    ERR_CANNOTSENDTOCHAN "404" ""
    ERR_TOOMANYCHANNELS "405" "You have joined too many channels"
    ERR_WASNOSUCHNICK "406" "There was no such nickname"
    ERR_TOOMANYTARGETS "407" "Too many recipients"
    ERR_INVALIDCAPCMD "410" "Invalid CAP command"
    ERR_NORECIPIENT "411" ""
    ERR_NOTEXTTOSEND "412" "No text to send"
    ERR_INPUTTOOLONG "417" "Input line was too long"
    ERR_UNKNOWNCOMMAND "421" "Unknown command"
    ERR_NOMOTD "422" "MOTD File is missing"
    ERR_NONICKNAMEGIVEN "431" "No nickname given"
    ERR_ERRONEUSNICKNAME "432" "Erroneous nickname"
    ERR_NICKNAMEINUSE "433" "Nickname is already in use"
    ERR_UNAVAILRESOURCE "437" "Nick/channel is temporarily unavailable"
    ERR_USERNOTINCHANNEL "441" "They aren't on that channel"
    ERR_NOTONCHANNEL "442" "You're not on that channel"
    ERR_USERONCHANNEL "443" "is already on channel"
    ERR_NOTREGISTERED "451" "You have not registered"
    ERR_ACCEPTFULL "456" "Accept list is full"
    ERR_ACCEPTEXIST "457" "is already on your accept list"
    ERR_ACCEPTNOT "458" "is not on your accept list"
    ERR_NEEDMOREPARAMS "461" "Not enough parameters"
    ERR_ALREADYREGISTERED "462" "You may not reregister"
    ERR_PASSWDMISMATCH "464" "Password incorrect"
    ERR_YOUREBANNEDCREEP "465" "You are banned from this server."
    ERR_INVALIDUSERNAME "468" "Your username is not valid"
    ERR_LINKCHANNEL "470" "Forwarding to another channel"
    ERR_CHANNELISFULL "471" "Cannot join channel (+l)"
    ERR_UNKNOWNMODE "472" "is unknown mode char to me"
    ERR_INVITEONLYCHAN "473" "Cannot join channel (+i)"
    ERR_BANNEDFROMCHAN "474" "Cannot join channel (+b)"
    ERR_BADCHANNELKEY "475" "Cannot join channel (+k)"
    ERR_NEEDREGGEDNICK "477" "Cannot join channel (+R): you must be logged in"
    ERR_BANLISTFULL "478" "Channel list is full"
    ERR_CANNOTKNOCK "480" ""
    ERR_NOPRIVILEGES "481" "Permission Denied- You're not an IRC operator"
    ERR_CHANOPRIVSNEEDED "482" "You're not channel operator"
    ERR_CANTKILLSERVER "483" "You can't kill a server!"
    ERR_NOOPERHOST "491" "No O-lines for your host"
    ERR_UMODEUNKNOWNFLAG "501" "Unknown MODE flag"
    ERR_USERSDONTMATCH "502" "Cant change mode for other users"
    ERR_HELPNOTFOUND "524" "No help available on this topic"
    ERR_CANNOTSENDTOUSER "531" ""
    ERR_CANNOTSENDRP "573" ""
    RPL_WHOISSECURE "671" ""
    ERR_INVALIDMODEPARAM "696" ""
    RPL_HELPSTART "704" ""
    RPL_HELPTXT "705" ""
    RPL_ENDOFHELP "706" "End of /HELP."
    RPL_KNOCK "710" ""
    RPL_KNOCKDLVR "711" "Your KNOCK has been delivered."
    ERR_TOOMANYKNOCK "712" "Too many KNOCKs."
    ERR_CHANOPEN "713" "Channel is open."
    ERR_KNOCKONCHAN "714" "You are already on that channel."
    ERR_NOPRIVS "723" "Insufficient oper privileges."
    RPL_MONONLINE "730" GIVEN
    RPL_MONOFFLINE "731" GIVEN
    RPL_MONLIST "732" GIVEN
    RPL_ENDOFMONLIST "733" "End of MONITOR list"
    ERR_MONLISTFULL "734" "Monitor list is full."
    RPL_WHOISKEYVALUE "760" GIVEN
    RPL_KEYVALUE "761" GIVEN
    RPL_KEYNOTSET "766" "Key not set"
    RPL_METADATASUBOK "770" ""
    RPL_METADATAUNSUBOK "771" ""
    RPL_METADATASUBS "772" ""
    RPL_METADATASYNCLATER "774" "Ask again with METADATA SYNC"
    RPL_LOGGEDIN "900" ""
    RPL_LOGGEDOUT "901" "You are now logged out"
    ERR_NICKLOCKED "902" "You must use a nick assigned to you"
    RPL_SASLSUCCESS "903" "SASL authentication successful"
    ERR_SASLFAIL "904" "SASL authentication failed"
    ERR_SASLTOOLONG "905" "SASL message too long"
    ERR_SASLABORTED "906" "SASL authentication aborted"
    RPL_SASLMECHS "908" "are available SASL mechanisms"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_stands_once() {
        for (n, (name, Numeric(code, text))) in ALL.iter().enumerate() {
            assert!(code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_digit()), "{name}");
            assert!(ALL[..n].iter().all(|(_, before)| before.0 != *code), "{name} again");
            assert!(!text.contains(['\r', '\n']), "{name}");
        }
    }
}
