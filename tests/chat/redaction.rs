//! REDACT of stored messages.

use crate::history::ANN;
use crate::script::play;

#[test]
fn an_account_takes_back_what_it_has_said_before_and_nothing_tells_of_it_any_more() {
    play(&format!(
        "ann+ message-tags echo-message
         ann> REGISTER * * secret
         ann~
         bob+ draft/chathistory draft/message-redaction
         bob> REGISTER * * secret
         scene #a bob ann
         ann> PRIVMSG #a :oops
         bob< :ann!ann@localhost PRIVMSG #a :oops
         ann< @msgid=m1 :ann!ann@localhost PRIVMSG #a :oops
         ann> PRIVMSG bob :oops
         bob< :ann!ann@localhost PRIVMSG bob :oops
         ann< @msgid=m2 :ann!ann@localhost PRIVMSG bob :oops
         restart
         cat+ draft/chathistory draft/message-redaction
         cat> JOIN #a
         cat~
         {ANN}
         eve+ draft/message-redaction draft/no-implicit-names
         ann> JOIN #a
         ann~
         cat~
         eve> JOIN #a
         ann~
         cat~
         eve~
         eve> REDACT #a {{m1}}
         eve< :srv FAIL REDACT UNKNOWN_MSGID #a {{m1}} :This message does not exist or is too old
         disk stalls
         ann> REDACT #a {{m1}} :typo
         ann> PING a
         disk well
         ann< :ann!ann@localhost REDACT #a {{m1}} :typo
         ann< :srv PONG srv :a
         cat< :ann!ann@localhost REDACT #a {{m1}} :typo
         eve< :ann!ann@localhost REDACT #a {{m1}} :typo
         cat> CHATHISTORY LATEST #a * 10
         cat> SEARCH text=oops
         cat> REDACT #a {{m1}}
         cat< :srv FAIL REDACT UNKNOWN_MSGID #a {{m1}} :This message does not exist or is too old
         ann> CHATHISTORY AFTER #a msgid={{m1}} 10
         ann> REDACT bob {{m2}}
         ann< :ann!ann@localhost REDACT bob {{m2}}
         ann> CHATHISTORY LATEST bob * 10
         disk well"
    ));
}

#[test]
fn what_others_have_said_is_taken_back_by_rank() {
    play(&format!(
        "ann+ message-tags echo-message
         scene #a bob[message-tags echo-message] ann
         bob> REGISTER * * secret
         bob~
         bob> PRIVMSG #a :spam
         bob< @msgid=m1 :bob!bob@localhost PRIVMSG #a :spam
         ann~
         ann> REGISTER * * secret
         ann~
         restart
         op+ draft/chathistory draft/message-redaction echo-message draft/no-implicit-names
         op> JOIN #a
         op~
         {ANN}
         ann> JOIN #a
         ann~
         op~
         ann> REDACT #a {{m1}}
         ann< :srv FAIL REDACT REDACT_FORBIDDEN #a {{m1}} :You are not authorised to delete this message
         disk full
         op> REDACT #a {{m1}}
         op< :srv FAIL REDACT INTERNAL_ERROR #a {{m1}} :The message could not be deleted: no space is left on the disk for the database
         disk well
         op> CHATHISTORY LATEST #a * 10
         op< :bob!bob@localhost PRIVMSG #a :spam
         op> REDACT #a {{m1}}
         op< :op!op@localhost REDACT #a {{m1}}
         ann< :op!op@localhost REDACT #a {{m1}}
         op> CHATHISTORY LATEST #a * 10
         disk well"
    ));
}

#[test]
fn what_was_taken_back_is_gone_also_where_its_place_is_another_by_then() {
    play(
        "ann+ message-tags echo-message draft/chathistory draft/message-redaction draft/no-implicit-names
         ann> JOIN #a
         ann~
         ann> PRIVMSG #a :oops
         ann< @msgid=m1 :ann!ann@localhost PRIVMSG #a :oops
         ann> MODE #a +i
         ann~
         ann> REDACT #a {m1}
         ann< @msgid=m2 :ann!ann@localhost REDACT #a {m1}
         ann> MODE #a -i
         ann~
         ann> CHATHISTORY LATEST #a * 10
         bob+
         ann> PRIVMSG bob :oops
         bob< :ann!ann@localhost PRIVMSG bob :oops
         ann< @msgid=m3 :ann!ann@localhost PRIVMSG bob :oops
         ann> REGISTER * * secret
         ann~
         ann> REDACT bob {m3}
         ann< @msgid=m4 :ann!ann@localhost REDACT bob {m3}
         ann> NS DROP ann secret
         ann~
         ann> CHATHISTORY LATEST bob * 10
         disk well",
    );
}

#[test]
fn a_reaction_is_taken_back_after_everything_was_filed() {
    play(
        "ann+ message-tags echo-message draft/message-redaction draft/no-implicit-names
         ann> JOIN #a
         ann~
         ann> @+draft/react=x TAGMSG #a
         ann< @msgid=m1;+draft/react=x :ann!ann@localhost TAGMSG #a
         ann> SEARCH text=anything
         ann~
         ann> REDACT #a {m1} :no
         ann< @msgid=m2 :ann!ann@localhost REDACT #a {m1} :no
         disk well",
    );
}
