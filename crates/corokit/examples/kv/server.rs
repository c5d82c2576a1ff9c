//! The server: what all connections share, and the tasks that are no connection.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io::{self, Write};
use std::net::{self, SocketAddr};
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime};

use corokit::bg_utils::shutdown::Shutdown;
use corokit::priority::Priority;
use corokit::sched_loop::{self, LoopHandle};
use smol::future;
use smol::net::TcpListener;
use socket2::{Domain, Socket as Socket2, Type};

use crate::client::Client;
use crate::connection::{self, Socket};
use crate::expiry::{self, Cancelled, Expiry};
use crate::import;
use crate::journal::{self, Fsync, Journal, Recovered};
use crate::options::Options;
use crate::resp::Output;
use crate::store::{Garbage, Millis, Store};

/// How long clients may take to read their last replies when the server ends.
const PATIENCE: Duration = Duration::from_secs(5);

/// How many entries that are no longer needed are dropped before other tasks have their turn.
const DROPPED_AT_ONCE: usize = 256;

/// How many connections may wait to be taken.
const BACKLOG: i32 = 511;

/// How many connections are taken before other tasks have their turn.
const TAKEN_AT_ONCE: usize = 16;

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) options: Options,
    pub(crate) event_loop: LoopHandle,
    pub(crate) store: RefCell<Store>,
    pub(crate) clients: Cell<usize>,
    pub(crate) commands: Cell<u64>,
    pub(crate) started: Instant,
    /// Where what happens is kept, if it is.
    pub(crate) journal: Option<Journal>,
    failure: RefCell<Option<io::Error>>,
    last_client: Cell<u64>,
    /// The keys that expire.
    pub(crate) expiry: Expiry,
    pub(crate) shutdown: Shutdown,
    /// The sockets of all clients.
    sockets: RefCell<HashMap<u64, Socket>>,
}

impl Server {
    /// Makes a server without clients.
    pub(crate) fn new(
        options: Options,
        event_loop: LoopHandle,
        store: Store,
        journal: Option<Journal>,
        shutdown: Shutdown,
    ) -> Rc<Self> {
        let started = Instant::now();
        Rc::new(Server {
            options,
            event_loop,
            store: RefCell::new(store),
            clients: Cell::new(0),
            commands: Cell::new(0),
            started,
            journal,
            failure: RefCell::new(None),
            last_client: Cell::new(0),
            expiry: Expiry::new(started),
            shutdown,
            sockets: RefCell::default(),
        })
    }

    /// Lets [`run`] return an error.
    fn fail(&self, error: io::Error) {
        *self.failure.borrow_mut() = Some(error);
        self.shutdown.trigger("of an error");
    }

    /// Makes a client that is no connection.
    fn internal_client(self: &Rc<Self>) -> Client {
        Client::new(0, self.clone(), None)
    }

    /// Forgets a client, which has gone.
    pub(crate) fn forget(&self, client: u64) {
        self.clients.set(self.clients.get() - 1);
        self.sockets.borrow_mut().remove(&client);
    }

    /// Lets no client send anything any more: each connection ends with the command that it is at.
    fn hang_up(&self) {
        for socket in self.sockets.borrow().values() {
            // One that is closed already cannot be shut down.
            let _ = socket.get_ref().shutdown(net::Shutdown::Read);
        }
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
        if let (Some(journal), false) = (&self.journal, news.effects.is_empty()) {
            if let Err(error) = journal.append(news.effects) {
                self.fail(io::Error::other(format!("the journal: {error}")));
            }
        }
        let cancelled = news.cleared.then(|| self.expiry.clear());
        self.expiry.follow(news.deadlines);
        if !news.garbage.is_empty() {
            let task = self.event_loop.task().name("sweep");
            task.priority(Priority::LOW)
                .spawn(sweep(news.garbage, cancelled))
                .detach();
        }
    }

    /// Makes a client, unless there are as many as there may be.
    fn admit(self: &Rc<Self>, socket: &Socket) -> Option<Client> {
        if self.clients.get() == self.options.max_clients {
            return None;
        }
        self.last_client.set(self.last_client.get() + 1);
        let (id, socket) = (self.last_client.get(), Socket::clone(socket));
        self.sockets.borrow_mut().insert(id, Socket::clone(&socket));
        Some(Client::new(id, self.clone(), Some(socket)))
    }
}

/// Serves until a client says `SHUTDOWN`, or a signal does.
///
/// # Errors
///
/// The address cannot be listened on, or the journal cannot be read or written.
pub(crate) async fn run(mut options: Options, shutdown: Shutdown) -> io::Result<()> {
    // Before anybody can ask for it.
    let mut store = Store::new();
    let (journal, writes, recovered) = match &options.journal {
        Some(path) => {
            let opened = open_journal(path, options.fsync, &mut store).map_err(|error| {
                let text = format!("cannot use the journal {}: {error}", path.display());
                io::Error::new(error.kind(), text)
            });
            let (journal, writes, recovered) = opened?;
            (Some(journal), Some(writes), recovered)
        }
        None => (None, None, Recovered::default()),
    };
    let listener = listen(options.address).map_err(|error| {
        let text = format!("cannot listen on {}: {error}", options.address);
        io::Error::new(error.kind(), text)
    })?;
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
    if recovered != Recovered::default() {
        let (Recovered { commands, cut_off }, keys) = (recovered, store.len());
        let _ = write!(
            io::stdout(),
            "{commands} commands of the journal have made {keys} keys\n\
             {cut_off} bytes at its end were no whole command, and are cut off\n"
        );
    }

    let event_loop = sched_loop::current().expect("the server runs on an event loop");
    let server = Server::new(options, event_loop.clone(), store, journal, shutdown);
    // What is there already may expire, too.
    server.tell();
    let journal = writes.map(|writes| {
        let server = server.clone();
        event_loop.task().name("journal").spawn(async move {
            if let Err(error) = writes.await {
                server.fail(error);
            }
        })
    });
    // Dropping a task cancels it: none of the two outlives this function.
    let expiry = event_loop
        .task()
        .name("expiry")
        .spawn(expiry::run(server.clone()));
    let accept = event_loop
        .task()
        .name("accept")
        .spawn(accept(server.clone(), listener));
    let import = server.options.import.clone().map(|path| {
        let (client, failed) = (server.internal_client(), server.clone());
        let task = event_loop.task().name("import").priority(Priority::LOW);
        task.spawn(async move {
            if let Err(error) = import::import(client, &path).await {
                let text = format!("{}: {error}", path.display());
                failed.fail(io::Error::new(error.kind(), text));
            }
        })
    });
    let reason = server.shutdown.wait().await;
    drop(import);
    drop(accept);
    let _ = writeln!(io::stdout(), "kv ends: {reason}");
    server.hang_up();
    if let Some(error) = server.failure.take() {
        return Err(error);
    }
    // Clients get the replies that they wait for, unless they do not read them.
    future::or(server.shutdown.done(), async {
        sched_loop::sleep(PATIENCE).await;
    })
    .await;
    drop(expiry);
    if let (Some(open), Some(task)) = (&server.journal, journal) {
        open.close();
        task.await;
    }
    server.failure.take().map_or(Ok(()), Err)
}

/// Listens. More connections than with the default may wait to be taken, as in Redis, so that a burst of them
/// keeps nobody else out.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket2::new(Domain::for_address(address), Type::STREAM, None)?;
    // The address may be that of a server that has just ended. Elsewhere this would let others take it.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    let listener = smol::Async::new(net::TcpListener::from(socket))?;
    Ok(listener.into())
}

/// Does again what a journal says, and goes on with it.
fn open_journal(
    path: &Path,
    fsync: Fsync,
    store: &mut Store,
) -> io::Result<(
    Journal,
    impl Future<Output = io::Result<()>> + use<>,
    Recovered,
)> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let epoch = now.map_or(0, |now| now.as_millis() as u64);
    let recovered = journal::recover(path, store, epoch)?;
    store.keep_effects(epoch);
    let (journal, writes) = Journal::open(path, fsync)?;
    Ok((journal, writes, recovered))
}

/// Takes connections.
async fn accept(server: Rc<Server>, listener: TcpListener) {
    let mut taken = 0;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                taken += 1;
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
        if taken >= TAKEN_AT_ONCE {
            taken = 0;
            future::yield_now().await;
        }
    }
}

/// Says why a connection is closed. If the socket does not take it at once, it is closed anyway.
fn reject(stream: &Socket, options: &Options) {
    let mut out = Output::new(options.output_limit);
    out.error("ERR max number of clients reached");
    let _ = connection::write_now(stream, &out.take());
}

/// Drops what is no longer needed, a little at a time.
async fn sweep(garbage: Vec<Garbage>, cancelled: Option<Cancelled>) {
    if let Some(mut cancelled) = cancelled {
        while cancelled.drop_some(DROPPED_AT_ONCE) {
            future::yield_now().await;
        }
    }
    for mut garbage in garbage {
        while garbage.drop_some(DROPPED_AT_ONCE) {
            future::yield_now().await;
        }
    }
}
