//! Read markers: IRCv3 draft/read-marker.

use crate::script::{play, play_with};
use crate::stage::settings;
use stonechat::chat::Limits;

#[test]
fn a_marker_goes_only_forward_and_is_told_on_join() {
    play(
        "ann+ draft/read-marker
         +10s
         ann> MARKREAD #A
         ann< :srv MARKREAD #A *
         ann> MARKREAD #A timestamp=2026-01-01T00:00:05.123Z
         ann< :srv MARKREAD #A timestamp=2026-01-01T00:00:05.123Z
         ann> MARKREAD #a timestamp=2026-01-01T00:00:04.000Z
         ann< :srv MARKREAD #a timestamp=2026-01-01T00:00:05.123Z
         ann> MARKREAD #a timestamp=2030-01-01T00:00:00.000Z
         ann< :srv MARKREAD #a timestamp=2026-01-01T00:00:10.000Z
         ann> MARKREAD bob timestamp=2026-01-01T00:00:01.000Z
         ann< :srv MARKREAD bob timestamp=2026-01-01T00:00:01.000Z
         ann> JOIN #a
         ann< :ann!ann@localhost JOIN #a
         ann< :srv MARKREAD #a timestamp=2026-01-01T00:00:10.000Z
         ann< :srv 353 ann = #a :@ann
         ann< :srv 366 ann #a :End of /NAMES list
         bob+ draft/read-marker draft/no-implicit-names
         bob> JOIN #a
         ann< :bob!bob@localhost JOIN #a
         bob< :bob!bob@localhost JOIN #a
         bob< :srv MARKREAD #a *",
    );
}

#[test]
fn what_is_no_marker_is_told_so() {
    play(
        "ann+
         ann> MARKREAD
         ann< :srv FAIL MARKREAD NEED_MORE_PARAMS :Missing parameters
         ann> MARKREAD #a *
         ann< :srv FAIL MARKREAD INVALID_PARAMS * :Invalid parameters
         ann> MARKREAD #a 2026-01-01T00:00:05.123Z
         ann< :srv FAIL MARKREAD INVALID_PARAMS 2026-01-01T00:00:05.123Z :Invalid parameters
         ann> MARKREAD #a timestamp=2026-01-01T00:00:05.123Z more
         ann< :srv FAIL MARKREAD INVALID_PARAMS more :Invalid parameters
         ann> MARKREAD a,b
         ann< :srv FAIL MARKREAD INVALID_PARAMS a,b :Invalid parameters
         ann> MARKREAD nobody
         ann< :srv MARKREAD nobody *",
    );
}

#[test]
fn only_so_many_markers_are_kept() {
    let limits = Limits { read_markers_max: 2, ..Limits::default() };
    play_with(
        stonechat::chat::Settings { limits, ..settings() },
        "ann+
         +10s
         ann> MARKREAD #a timestamp=2026-01-01T00:00:02.000Z
         ann> MARKREAD #b timestamp=2026-01-01T00:00:01.000Z
         ann> MARKREAD #c timestamp=2026-01-01T00:00:03.000Z
         ann~
         ann> MARKREAD #a
         ann< :srv MARKREAD #a timestamp=2026-01-01T00:00:02.000Z
         ann> MARKREAD #b
         ann< :srv MARKREAD #b *
         ann> MARKREAD #c
         ann< :srv MARKREAD #c timestamp=2026-01-01T00:00:03.000Z",
    );
}
