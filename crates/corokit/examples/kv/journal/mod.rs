//! The append-only file: what happened to the store, so that it can be done again after a restart.
//!
//! ```text
//!   command --> store --effects--> Journal --Batcher--> one write, one fsync --> Pool thread
//!      |                              |                                              |
//!      +--> reply waits, if it must ---+<------------------- synced -----------------+
//! ```
//!
//! - **Group commit**: whatever gathers while the disk is busy goes in one write, and one fsync, by
//!   all clients together.
//! - **`always`**: a client is told nothing that a crash could undo: its replies wait until all that
//!   had happened when it ran its last command about keys is on the disk.
//! - **`everysec`**, **`no`**: replies do not wait. The file is synced every second, or when the
//!   system sees fit.
//! - **A slow disk**: while more than [`BACKLOG`] bytes wait for it, so do the clients, whatever they were
//!   promised: memory does not grow with what they send.
//! - **A failed write** ends the server: nothing that was not written is acknowledged.

mod recover;

use std::cell::{Cell, RefCell};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use corokit::bg_utils::batcher::{Batch, Batcher, TryPushError};
use corokit::sched_loop;
use corokit::sync_bridge::Pool;
use event_listener::Event;
use smol::future;

pub(crate) use recover::{Recovered, recover};

/// When the file is synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fsync {
    /// Before any reply that depends on it.
    Always,
    /// Every second.
    EverySecond,
    /// When the system does so.
    No,
}

/// How many effects may wait for the disk: far more than there are clients.
const QUEUE: usize = 1 << 24;

/// How many bytes of effects may wait for the disk before clients wait for it.
pub(crate) const BACKLOG: usize = 64 << 20;

/// Takes what happens, and knows what is on the disk.
#[derive(Debug)]
pub(crate) struct Journal {
    fsync: Fsync,
    batcher: Batcher<Vec<u8>>,
    /// How many effects there have been.
    appended: Cell<u64>,
    progress: Rc<Progress>,
}

/// How many effects are written, and as safe as they will be.
#[derive(Debug, Default)]
struct Progress {
    written: Cell<u64>,
    /// How many bytes are not written yet.
    backlog: Cell<usize>,
    has_failed: Cell<bool>,
    /// Why, until somebody is told.
    failure: RefCell<Option<io::Error>>,
    changed: Event,
}

impl Progress {
    fn fail(&self, error: io::Error) {
        self.has_failed.set(true);
        *self.failure.borrow_mut() = Some(error);
    }

    /// Waits until a write has failed.
    async fn failed(&self) -> io::Result<()> {
        loop {
            if let Some(error) = self.failure.borrow_mut().take() {
                return Err(error);
            }
            self.changed.listen().await;
        }
    }
}

impl Journal {
    /// Opens the file, and begins to write to it. Returns what has to run for that; it ends when the
    /// journal is closed, or with the error of a write.
    pub(crate) fn open(
        path: &Path,
        fsync: Fsync,
    ) -> io::Result<(Self, impl Future<Output = io::Result<()>> + use<>)> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let file = Arc::new(file);
        let progress = Rc::new(Progress::default());
        let (batcher, driver) = {
            let (file, progress) = (Arc::clone(&file), Rc::clone(&progress));
            Batcher::builder()
                .max(1 << 16)
                .wait(Duration::ZERO)
                .queue(QUEUE)
                .build(move |batch: Batch<Vec<u8>>| {
                    write(
                        Arc::clone(&file),
                        fsync,
                        Rc::clone(&progress),
                        batch.into_vec(),
                    )
                })
        };
        let journal = Journal {
            fsync,
            batcher,
            appended: Cell::new(0),
            progress,
        };
        let progress = Rc::clone(&journal.progress);
        let run = async move {
            let writes = async {
                match fsync {
                    Fsync::EverySecond => {
                        let syncs = sync_every_second(&file);
                        drop(future::or(driver, syncs).await);
                    }
                    Fsync::Always | Fsync::No => drop(driver.await),
                }
                let file = Arc::clone(&file);
                on_pool(move || file.sync_all()).await
            };
            future::or(progress.failed(), writes).await
        };
        Ok((journal, run))
    }

    /// Takes effects.
    ///
    /// # Errors
    ///
    /// The journal is not written any more, or the disk is too slow for what happens.
    pub(crate) fn append(&self, effects: Vec<u8>) -> Result<(), TryPushError<Vec<u8>>> {
        let len = effects.len();
        self.batcher.try_push(effects)?;
        self.progress.backlog.set(self.progress.backlog.get() + len);
        self.appended.set(self.appended.get() + 1);
        Ok(())
    }

    /// Returns how many effects there have been.
    pub(crate) fn appended(&self) -> u64 {
        self.appended.get()
    }

    /// Waits until so many effects are as safe as a reply needs them to be.
    pub(crate) async fn safe(&self, effects: u64) {
        while self.fsync == Fsync::Always && self.progress.written.get() < effects {
            // Nothing comes in between: everything is on one thread.
            self.progress.changed.listen().await;
        }
    }

    /// Waits until few enough effects wait for the disk.
    pub(crate) async fn has_room(&self) {
        while self.progress.backlog.get() > BACKLOG {
            self.progress.changed.listen().await;
        }
    }

    /// Takes no more effects. What runs the journal ends when all are written.
    pub(crate) fn close(&self) {
        self.batcher.close();
    }
}

/// Writes a batch, unless one before it could not be written: a journal has no holes.
async fn write(
    file: Arc<File>,
    fsync: Fsync,
    progress: Rc<Progress>,
    batch: Vec<Vec<u8>>,
) -> Result<(), Stopped> {
    if progress.has_failed.get() {
        return Err(Stopped);
    }
    let count = batch.len() as u64;
    let bytes: usize = batch.iter().map(Vec::len).sum();
    let written = on_pool(move || {
        (&*file).write_all(&batch.concat())?;
        match fsync {
            Fsync::Always => file.sync_data(),
            Fsync::EverySecond | Fsync::No => Ok(()),
        }
    });
    let result = match written.await {
        Ok(()) => {
            progress.written.set(progress.written.get() + count);
            progress.backlog.set(progress.backlog.get() - bytes);
            Ok(())
        }
        Err(error) => {
            progress.fail(error);
            Err(Stopped)
        }
    };
    progress.changed.notify(usize::MAX);
    result
}

/// The journal is not written any more.
struct Stopped;

async fn sync_every_second<T>(file: &Arc<File>) -> T {
    loop {
        sched_loop::sleep(Duration::from_secs(1)).await;
        let file = Arc::clone(file);
        if let Err(error) = on_pool(move || file.sync_data()).await {
            eprintln!("kv: cannot sync the journal: {error}");
        }
    }
}

/// Does something that blocks on another thread.
async fn on_pool(job: impl FnOnce() -> io::Result<()> + Send + 'static) -> io::Result<()> {
    let done = Pool::global().run(job).await;
    done.unwrap_or_else(|error| Err(io::Error::other(error)))
}
