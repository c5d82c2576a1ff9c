//! The server: what all connections share, and the tasks that are no connection.

use std::cell::{Cell, RefCell};
use std::io::{self, Write};
use std::rc::Rc;
use std::time::{Duration, Instant};

use corokit::priority::Priority;
use corokit::sched_loop::{self, LoopHandle};
use smol::channel::{self, Receiver, Sender};
use smol::future;
use smol::net::TcpListener;

use crate::client::Client;
use crate::connection::{self, Socket};
use crate::options::Options;
use crate::resp::Output;
use crate::store::{Garbage, Millis, Store};

/// How many expired keys are removed before other tasks have their turn.
const EXPIRED_AT_ONCE: usize = 64;

/// How many entries that are no longer needed are dropped before other tasks have their turn.
const DROPPED_AT_ONCE: usize = 256;

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) options: Options,
    pub(crate) event_loop: LoopHandle,
    pub(crate) store: RefCell<Store>,
    pub(crate) clients: Cell<usize>,
    pub(crate) commands: Cell<u64>,
    pub(crate) started: Instant,
    last_client: Cell<u64>,
    earlier_deadline: (Sender<()>, Receiver<()>),
    stop: (Sender<()>, Receiver<()>),
}

impl Server {
    /// Makes a server without clients.
    pub(crate) fn new(options: Options, event_loop: LoopHandle) -> Rc<Self> {
        Rc::new(Server {
            options,
            event_loop,
            store: RefCell::new(Store::new()),
            clients: Cell::new(0),
            commands: Cell::new(0),
            started: Instant::now(),
            last_client: Cell::new(0),
            earlier_deadline: channel::bounded(1),
            stop: channel::bounded(1),
        })
    }

    /// Lets [`run`] return.
    pub(crate) fn stop(&self) {
        // A full channel already says it.
        let _ = self.stop.0.try_send(());
    }

    /// Tells the store what time it is.
    pub(crate) fn tick(&self) {
        let millis = self.started.elapsed().as_millis();
        let now = Millis::START.after(i64::try_from(millis).unwrap_or(i64::MAX));
        if let Some(now) = now {
            self.store.borrow_mut().set_now(now);
        }
    }

    /// Tells others what a command or a client that goes has done to the store.
    pub(crate) fn tell(&self) {
        let news = self.store.borrow_mut().take_news();
        for (waiter, grant) in news.granted {
            let sent = waiter.try_send(grant);
            debug_assert!(sent.is_ok(), "the channel of a waiter holds one grant");
        }
        if !news.garbage.is_empty() {
            let task = self.event_loop.task().name("sweep");
            task.priority(Priority::LOW)
                .spawn(sweep(news.garbage))
                .detach();
        }
        if news.earlier_deadline {
            // A full channel already says it.
            let _ = self.earlier_deadline.0.try_send(());
        }
    }

    /// Makes a client, unless there are as many as there may be.
    fn admit(self: &Rc<Self>, socket: &Socket) -> Option<Client> {
        if self.clients.get() == self.options.max_clients {
            return None;
        }
        self.last_client.set(self.last_client.get() + 1);
        let socket = Some(Socket::clone(socket));
        Some(Client::new(self.last_client.get(), self.clone(), socket))
    }
}

/// Serves until a client says `SHUTDOWN`.
///
/// # Errors
///
/// The address cannot be listened on.
pub(crate) async fn run(mut options: Options) -> io::Result<()> {
    let listener = TcpListener::bind(options.address).await?;
    let address = listener.local_addr()?;
    options.address = address;
    let (host, port) = (address.ip(), address.port());
    // A server whose output nobody reads serves all the same.
    let _ = write!(
        io::stdout(),
        "kv listens on {address}\n\
         connect with: redis-cli -h {host} -p {port}\n\
         stop with:    redis-cli -h {host} -p {port} shutdown\n"
    );

    let event_loop = sched_loop::current().expect("the server runs on an event loop");
    let server = Server::new(options, event_loop.clone());
    // Dropping a task cancels it: none of the two outlives this function.
    let _expiry = event_loop
        .task()
        .name("expiry")
        .spawn(expire(server.clone()));
    let _accept = event_loop
        .task()
        .name("accept")
        .spawn(accept(server.clone(), listener));
    // The server itself keeps the channel open.
    let _ = server.stop.1.recv().await;
    Ok(())
}

/// Takes connections.
async fn accept(server: Rc<Server>, listener: TcpListener) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let socket = stream.into();
                match server.admit(&socket) {
                    Some(client) => connection::spawn(client, socket),
                    None => reject(&socket, &server.options),
                }
            }
            // Most likely there are no file descriptors left, until a client goes.
            Err(error) => {
                eprintln!("kv: cannot take a connection: {error}");
                sched_loop::sleep(Duration::from_millis(100)).await;
            }
        }
        future::yield_now().await;
    }
}

/// Says why a connection is closed. If the socket does not take it at once, it is closed anyway.
fn reject(stream: &Socket, options: &Options) {
    let mut out = Output::new(options.output_limit);
    out.error("ERR max number of clients reached");
    let _ = connection::write_now(stream, &out.take());
}

/// Drops what is no longer needed, a little at a time.
async fn sweep(garbage: Vec<Garbage>) {
    for mut garbage in garbage {
        while garbage.drop_some(DROPPED_AT_ONCE) {
            future::yield_now().await;
        }
    }
}

/// Removes keys when they expire. Sleeps until the next one does.
async fn expire(server: Rc<Server>) {
    loop {
        server.tick();
        while server.store.borrow_mut().remove_expired(EXPIRED_AT_ONCE) {
            future::yield_now().await;
        }
        let next = server.store.borrow().next_deadline();
        let due = async {
            match next {
                Some(next) => {
                    // It expires with the millisecond after its deadline.
                    let millis = next.since(Millis::START) + 1;
                    sched_loop::sleep_until(server.started + Duration::from_millis(millis)).await;
                }
                None => future::pending().await,
            }
        };
        let changed = async {
            // The store itself keeps the channel open.
            let _ = server.earlier_deadline.1.recv().await;
        };
        future::or(due, changed).await;
    }
}
