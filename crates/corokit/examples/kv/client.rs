//! What the server knows of a client.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Instant;

use corokit::priority::Priority;
use corokit::sched_loop;
use smol::future;
use smol::lock::Mutex;

use crate::connection::{self, FLUSH_AT, Lost, Socket};
use crate::resp::Output;
use crate::server::Server;
use crate::store::Bytes;
use corokit::bg_utils::shutdown::Hold;

/// What happens to a connection after a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// The next command.
    Continue,
    /// It is closed, once its replies have been written.
    Close,
    /// The same, and the server ends.
    Shutdown,
}

/// A connected client. Its place is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) id: u64,
    pub(crate) server: Rc<Server>,
    /// The replies that have not been written yet.
    pub(crate) out: RefCell<Output>,
    pub(crate) name: RefCell<Bytes>,
    pub(crate) after: Cell<After>,
    /// How many effects there had been when it last asked for something about keys.
    seen: Cell<u64>,
    /// Whether it waits for others, and may go on waiting for ever.
    pub(crate) waits: Cell<bool>,
    /// How urgent what it has asked for is.
    pub(crate) urgency: Cell<Priority>,
    /// When it has last had a command served.
    progress: Cell<Instant>,
    /// The server does not end before it has gone.
    _hold: Hold,
    /// Who writes has this: the connection, or a command that replies as it goes.
    writing: Mutex<()>,
    /// Where its replies go; none in tests of the commands.
    socket: Option<Socket>,
}

impl Client {
    /// Registers a client.
    pub(crate) fn new(id: u64, server: Rc<Server>, socket: Option<Socket>) -> Self {
        server.clients.set(server.clients.get() + 1);
        Client {
            id,
            out: RefCell::new(Output::new(server.options.output_limit)),
            name: RefCell::default(),
            after: Cell::new(After::Continue),
            seen: Cell::new(0),
            waits: Cell::new(false),
            writing: Mutex::new(()),
            progress: Cell::new(Instant::now()),
            _hold: server.shutdown.hold(),
            urgency: Cell::new(Priority::NORMAL),
            socket,
            server,
        }
    }

    /// Notes that what the client is told from now on depends on all that has happened so far.
    pub(crate) fn see(&self) {
        if let Some(journal) = &self.server.journal {
            self.seen.set(journal.appended());
        }
    }

    /// Waits until nothing that the client is about to be told can be undone by a crash, as far as the
    /// journal promises that.
    pub(crate) async fn settle(&self) {
        if let Some(journal) = &self.server.journal {
            journal.safe(self.seen.get()).await;
            journal.has_room().await;
        }
    }

    /// Writes all replies that are there. Waits for a client that is slow to take them.
    pub(crate) async fn flush(&self) -> Result<(), Lost> {
        let Some(socket) = &self.socket else {
            return Ok(());
        };
        let _writing = self.writing.lock().await;
        self.settle().await;
        connection::write_replies(self, socket).await
    }

    /// Notes that a command has been served: from now on the client is idle.
    pub(crate) fn note_progress(&self) {
        if self.server.options.timeout.is_some() {
            self.progress.set(Instant::now());
        }
    }

    /// Waits for the client to send or take something. Fails when it has had no command served for
    /// too long.
    pub(crate) async fn unless_idle(
        &self,
        ready: impl Future<Output = Result<(), Lost>>,
    ) -> Result<(), Lost> {
        let Some(timeout) = self.server.options.timeout else {
            return ready.await;
        };
        let idle = async {
            sched_loop::sleep_until(self.progress.get() + timeout).await;
            Err(Lost)
        };
        future::or(ready, idle).await
    }

    /// Writes the replies of a command that goes on, if there are many. If the client does not take
    /// them, the connection ends with the command.
    pub(crate) async fn write_through(&self) {
        let is_long = self.out.borrow().len() >= FLUSH_AT;
        // What is said is what has happened until now.
        self.see();
        if is_long && self.flush().await.is_err() {
            self.after.set(After::Close);
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.server.forget(self.id);
    }
}
