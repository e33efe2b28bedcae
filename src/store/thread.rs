//! The thread that serves the store's far side from a database, in groups: take what is there, one
//! transaction, reply, wake the loop.

use super::sqlite::Database;
use super::{Far, Reply, Request, Token};
use std::io;
use std::thread::{self, JoinHandle};

/// Requests in one transaction. Beyond some 256 a row gets hardly cheaper; a larger group makes the
/// first of it wait longer.
const GROUP_MAX: usize = 512;

/// Serves `far` until its store is dropped, and closes the database then. After each group of
/// replies `wake` is called, which must not block.
pub fn serve(
    far: Far,
    database: Database,
    wake: impl Fn() + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().name("store".to_owned()).spawn(move || run(&far, database, wake))
}

fn run(far: &Far, mut database: Database, wake: impl Fn()) {
    let mut failing = false;
    while let Some(first) = far.wait() {
        let group: Vec<(Token, Request)> =
            [first].into_iter().chain((1..GROUP_MAX).map_while(|_| far.take())).collect();
        let replies = database.serve(group.iter().map(|(_, request)| request));
        log_change(&mut failing, &group, &replies);
        for ((token, _), reply) in group.iter().zip(replies) {
            far.answer(*token, reply);
        }
        wake();
    }
    database.close();
}

/// Says in the log when writing begins to fail, and when it works again; not each time in between.
fn log_change(failing: &mut bool, group: &[(Token, Request)], replies: &[Reply]) {
    let writes = group.iter().zip(replies).filter(|((_, request), _)| request.writes());
    for (_, reply) in writes {
        match reply {
            Reply::Failed(trouble) if !*failing => {
                *failing = true;
                log::error!("nothing can be kept: {trouble}");
            }
            Reply::Failed(_) => {}
            _ if *failing => {
                *failing = false;
                log::warn!("what is said is kept again");
            }
            _ => {}
        }
    }
}
