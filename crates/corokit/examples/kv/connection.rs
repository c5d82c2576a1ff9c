//! A connection: reads, lets the parser find commands, runs them, writes their replies.
//!
//! ```text
//!   socket --> Input --> parser --Ask::Frame--> eager(command) --> Output --> socket
//!     ^                    |                                         ^
//!     +-----Ask::More------+------ but first, what is there goes ----+
//! ```
//!
//! - **Order**: a command begins when the one before it has ended, so replies come in order.
//! - **Few writes**: replies are written when the parser has run out of whole commands, or when
//!   [`FLUSH_AT`] bytes have gathered.
//! - **Backpressure**: nothing is read or run while replies wait for the client to take them.
//! - **Fairness**: after [`TURN`] strings of commands, and after each read that may have left something
//!   to read, the others have their turn.

use std::collections::VecDeque;
use std::future::Future;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use corokit::bg_utils::rate_limiter::RateLimiter;
use corokit::coro_start::eager;
use corokit::monitor::{Monitor, MonitorExt, Step};
use corokit::priority::Priority;
use corokit::sched_loop;
use smol::Async;
use smol::future;
use socket2::TcpKeepalive;

use crate::client::{After, Client};
use crate::commands;
use crate::resp::{self, Ask, Input};

/// So many bytes of replies are written without waiting for more.
pub(crate) const FLUSH_AT: usize = 64 << 10;
/// So many strings of commands are handled before other tasks have their turn. One command may have
/// more: it is not interrupted.
pub(crate) const TURN: usize = 512;
/// The most that is received in advance while a long command runs, which may wait for the client to take
/// its replies. Of one that waits for others more is received, as there is no other way to see it go.
const READ_AHEAD: usize = 64 << 10;
/// The most that is written before other tasks have their turn.
const WRITTEN_AT_ONCE: usize = 256 << 10;
/// The largest buffer that is kept while there is nothing to write.
const KEPT: usize = 16 << 10;
/// So long a connection that the server closes waits for the client to close it, too.
const LINGER: Duration = Duration::from_secs(1);

/// What a `smol::net::TcpStream` is inside: it can also wait to be readable, and read nothing yet.
pub(crate) type Socket = Arc<Async<TcpStream>>;

/// Serves a client, in a task of its own.
pub(crate) fn spawn(client: Client, stream: Socket) {
    let event_loop = client.server.event_loop.clone();
    let name = format!("client {}", client.id);
    let limit = client.server.options.rate_limit;
    if let Some(after) = client.server.options.keepalive {
        keep_alive(&stream, after);
    }
    let connection = Connection {
        limiter: limit.map(|limit| RateLimiter::window(limit, Duration::from_secs(1))),
        client: Rc::new(client),
        stream,
        ahead: VecDeque::new(),
        spent: 0,
        urgency: Priority::NORMAL,
    };
    let task = event_loop.task().name(name).spawn(connection.run());
    task.detach();
}

/// Lets the system ask a client that is silent for so long whether it is still there, and break the
/// connection if it does not answer.
fn keep_alive(stream: &Socket, after: Duration) {
    let socket = socket2::SockRef::from(stream.as_ref());
    // As Redis asks: then again and again, each time after a third of the time.
    let keepalive = TcpKeepalive::new()
        .with_time(after)
        .with_interval((after / 3).max(Duration::from_secs(1)));
    // A socket that cannot do it, or has been closed already, shows that in another way.
    let _ = socket.set_tcp_keepalive(&keepalive);
}

/// Writes what the socket takes at once.
pub(crate) fn write_now(stream: &Socket, bytes: &[u8]) -> io::Result<usize> {
    stream.get_ref().write(bytes)
}

/// The connection is of no use any more: the client has gone, or needs too much memory.
#[derive(Debug)]
pub(crate) struct Lost;

impl From<io::Error> for Lost {
    fn from(_: io::Error) -> Self {
        Lost
    }
}

struct Connection {
    client: Rc<Client>,
    stream: Socket,
    /// What was received while a command blocked.
    ahead: VecDeque<u8>,
    /// How many strings of commands it has handled since the others had their turn.
    spent: usize,
    /// The priority of the task.
    urgency: Priority,
    /// How many commands there may be in a second.
    limiter: Option<RateLimiter>,
}

impl Connection {
    async fn run(mut self) {
        // Replies are whole when they are written: waiting for more would only delay them.
        let _ = self.stream.get_ref().set_nodelay(true);
        match self.serve().await {
            Ok(After::Shutdown) => {
                self.client.server.shutdown.trigger("a client said so");
            }
            Ok(_) => self.linger().await,
            Err(Lost) => {}
        }
    }

    /// Drives the parser: gives it bytes when it asks for them, and runs the commands it finds.
    async fn serve(&mut self) -> Result<After, Lost> {
        let mut parser = Monitor::boxed(resp::requests);
        let mut step = parser.start().await;
        loop {
            let input = match step {
                Step::Oob(Ask::More(input)) => self.receive(input).await?,
                Step::Oob(Ask::Frame(input)) => self.execute(input).await?,
                Step::Done(error) => {
                    let error = format_args!("ERR {error}");
                    self.client.out.borrow_mut().error(error);
                    self.client.after.set(After::Close);
                    Box::default()
                }
            };
            match self.client.after.get() {
                After::Continue => step = parser.resume(input).await,
                after => {
                    self.flush().await?;
                    return Ok(after);
                }
            }
        }
    }

    /// Receives bytes: at least one.
    async fn receive(&mut self, mut input: Box<Input>) -> Result<Box<Input>, Lost> {
        self.flush().await?;
        if input.frame_len() > self.client.server.options.input_limit {
            return Err(Lost);
        }
        if !self.ahead.is_empty() {
            self.give_way().await;
            let room = input.room();
            let count = self.ahead.read(room)?;
            input.received(count);
            return Ok(input);
        }
        if input.is_drained() {
            // Trying to read now would fail, most likely.
            self.readable().await?;
        } else {
            // However much this client sends, the others have their turn.
            self.give_way().await;
        }
        loop {
            match self.stream.get_ref().read(input.room()) {
                Ok(0) => return Err(Lost),
                Ok(count) => {
                    input.received(count);
                    self.client.server.tick();
                    return Ok(input);
                }
                Err(error) if is_transient(&error) => self.readable().await?,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Waits until there is something to read, while the client may be idle.
    async fn readable(&mut self) -> Result<(), Lost> {
        self.spent = 0;
        let readable = async { Ok(self.stream.readable().await?) };
        self.client.unless_idle(readable).await
    }

    /// Lets the others have their turn.
    async fn give_way(&mut self) {
        self.spent = 0;
        future::yield_now().await;
        self.client.server.tick();
    }

    /// Waits until the client may have another command served.
    async fn keep_to_limit(&self) -> Result<(), Lost> {
        if let Some(limiter) = &self.limiter {
            if limiter.try_acquire().is_err() {
                // What it has asked for until now it gets first.
                self.flush().await?;
                limiter.acquire().await;
                self.client.note_progress();
            }
        }
        Ok(())
    }

    /// Runs a command. Its input is free again when it has ended.
    async fn execute(&mut self, input: Box<Input>) -> Result<Box<Input>, Lost> {
        self.keep_to_limit().await?;
        if self.spent >= TURN {
            self.give_way().await;
        }
        self.spent += input.args().len();
        let client = &self.client;
        // A command that does not block ends in this call. Of one that blocks the rest becomes a
        // task, and the connection goes on to watch over both.
        let command = eager(commands::execute(client.clone(), input), |rest| {
            let name = format!("command of client {}", client.id);
            let task = client.server.event_loop.task().name(name);
            task.priority(client.urgency.get()).spawn(rest)
        });
        let input = match command.into_ready() {
            Ok(input) => input,
            Err(blocked) => self.attend(blocked).await?,
        };
        self.follow_urgency();
        self.client.note_progress();
        let pending = self.client.out.borrow().len();
        if pending >= FLUSH_AT {
            self.flush().await?;
        }
        Ok(input)
    }

    /// Makes the connection as urgent as the last command that it has run. A long one had a task of its
    /// own.
    fn follow_urgency(&mut self) {
        let urgency = self.client.urgency.get().min(Priority::NORMAL);
        if urgency != self.urgency {
            self.urgency = urgency;
            if let Some(own) = sched_loop::current_task() {
                let set = sched_loop::set_priority(own, urgency);
                debug_assert!(set.is_ok(), "{set:?}");
            }
        }
    }

    /// Waits for a command that blocks. If the client goes first, a command that waits for others is dropped;
    /// a long one goes on, for a client that only listens any more, until its replies cannot be written.
    async fn attend(
        &mut self,
        command: impl Future<Output = Box<Input>>,
    ) -> Result<Box<Input>, Lost> {
        self.flush().await?;
        let client = &self.client;
        let most = match client.waits.get() {
            true => client.server.options.input_limit,
            false => READ_AHEAD,
        };
        let ahead = &mut self.ahead;
        let gone = async {
            match read_ahead(&self.stream, ahead, most).await {
                // It may still listen. That it does not shows when it is written to.
                Ahead::Full | Ahead::End if !client.waits.get() => future::pending().await,
                Ahead::Full | Ahead::End | Ahead::Broken => Err(Lost),
            }
        };
        future::or(gone, async { Ok(command.await) }).await
    }

    async fn flush(&self) -> Result<(), Lost> {
        self.client.flush().await
    }

    /// Lets the client read the last reply: a socket that is closed with unread bytes in it would
    /// take back what it has sent.
    async fn linger(&self) {
        let drain = async {
            let mut ignored = VecDeque::new();
            while let Ok(1..) = read_some(&self.stream, &mut ignored).await {
                ignored.clear();
            }
        };
        if self.stream.get_ref().shutdown(Shutdown::Write).is_ok() {
            future::or(drain, sched_loop::sleep(LINGER)).await;
        }
    }
}

/// Writes all replies that are there, for somebody who is the only one to write.
pub(crate) async fn write_replies(client: &Client, stream: &Socket) -> Result<(), Lost> {
    let out = &client.out;
    let mut bytes = {
        let mut out = out.borrow_mut();
        if out.is_overflown() {
            return Err(Lost);
        }
        out.take()
    };
    let mut written = 0;
    while written < bytes.len() {
        let end = bytes.len().min(written + WRITTEN_AT_ONCE);
        match write_now(stream, &bytes[written..end]) {
            Ok(count) => {
                written += count;
                if written < bytes.len() {
                    future::yield_now().await;
                }
            }
            Err(error) if is_transient(&error) => {
                let writable = async { Ok(stream.writable().await?) };
                client.unless_idle(writable).await?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    if bytes.capacity() <= KEPT {
        bytes.clear();
        out.borrow_mut().reuse(bytes);
    }
    Ok(())
}

/// Why nothing more is received in advance.
enum Ahead {
    /// There is enough.
    Full,
    /// The client sends nothing more.
    End,
    /// The connection is broken.
    Broken,
}

/// Receives what a client sends in advance, until that is more than so much: that a client has gone shows
/// only behind everything that it has sent.
async fn read_ahead(stream: &Socket, ahead: &mut VecDeque<u8>, most: usize) -> Ahead {
    while ahead.len() <= most {
        match read_some(stream, ahead).await {
            Ok(0) => return Ahead::End,
            Ok(_) => {}
            Err(_) => return Ahead::Broken,
        }
    }
    Ahead::Full
}

/// Appends some bytes to `bytes`. Returns how many, 0 at the end of the stream.
async fn read_some(stream: &Socket, bytes: &mut VecDeque<u8>) -> io::Result<usize> {
    let mut chunk = [0; 4096];
    loop {
        stream.readable().await?;
        match stream.get_ref().read(&mut chunk) {
            Ok(count) => {
                bytes.extend(&chunk[..count]);
                return Ok(count);
            }
            Err(error) if is_transient(&error) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Returns `true` for what may succeed when the socket is ready again.
fn is_transient(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
