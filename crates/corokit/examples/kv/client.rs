//! What the server knows of a client.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::resp::Output;
use crate::server::Server;
use crate::store::Bytes;

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
}

impl Client {
    /// Registers a client.
    pub(crate) fn new(id: u64, server: Rc<Server>) -> Self {
        server.clients.set(server.clients.get() + 1);
        Client {
            id,
            out: RefCell::new(Output::new(server.options.output_limit)),
            server,
            name: RefCell::default(),
            after: Cell::new(After::Continue),
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.server.clients.set(self.server.clients.get() - 1);
    }
}
