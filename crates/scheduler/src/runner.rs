//! What drives a scheduler: the futures behind `run` and `tick`.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use corokit_core::ReadyQueue;

use crate::local::{Local, Turn};
use crate::main_waker::MainWaker;
use crate::table::Kind;
use crate::trace::Trace;

/// How many entries one poll of `run` runs at most before it lets the reactor, or whatever else
/// shares the thread, have its turn, unless the program says otherwise; and how long a main future
/// that was woken waits at most.
pub(crate) const STEPS_PER_ROUND: usize = 256;

/// Something that drives a scheduler and sleeps when there is nothing to do.
pub(crate) struct Sleeper<'e, Q: ReadyQueue> {
    local: &'e Local<Q>,
    key: u64,
    /// Whether the waker was registered and not yet taken back by [`Sleeper::get_up`].
    asleep: bool,
}

impl<'e, Q: ReadyQueue> Sleeper<'e, Q> {
    pub(crate) fn new(local: &'e Local<Q>) -> Self {
        Sleeper {
            local,
            key: local.new_runner(),
            asleep: false,
        }
    }

    /// Takes the registered waker back, if nobody has used it.
    fn get_up(&mut self) {
        if self.asleep {
            self.asleep = false;
            self.local.shared.inbox.unpark(self.key);
        }
    }

    /// Registers the waker. Returns `false` if there is something to do after all.
    fn sleep(&mut self, waker: &Waker) -> bool {
        self.local.shared.inbox.park(self.key, waker);
        self.asleep = true;
        if self.local.has_work() {
            self.get_up();
        }
        self.asleep
    }

    /// Runs one task, or sleeps until there is one.
    pub(crate) fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.get_up();
        loop {
            if self.local.step() {
                return Poll::Ready(());
            }
            if self.sleep(cx.waker()) {
                return Poll::Pending;
            }
        }
    }
}

impl<Q: ReadyQueue> Drop for Sleeper<'_, Q> {
    fn drop(&mut self) {
        self.get_up();
        // A wake-up that was meant for this runner as well must not go away with it.
        if self.local.shared.inbox.is_sleeping() && self.local.has_work() {
            self.local.shared.inbox.wake_sleepers();
        }
    }
}

/// Runs tasks beside a main future. The main future has an entry of its own in the ready queue.
pub(crate) struct Runner<'e, Q: ReadyQueue> {
    main: Main<'e, Q>,
    sleeper: Sleeper<'e, Q>,
}

/// The entry of a main future.
struct Main<'e, Q: ReadyQueue> {
    local: &'e Local<Q>,
    slot: u32,
    waker: Waker,
    trace: Trace,
    started: bool,
}

impl<'e, Q: ReadyQueue> Runner<'e, Q> {
    /// Makes the runner of a main future of this size, in bytes.
    pub(crate) fn new(local: &'e Local<Q>, size: usize) -> Self {
        let (slot, generation) = local.allocate(Kind::Main);
        let waker = MainWaker::new(Arc::clone(&local.shared), slot, generation);
        let mut runner = Runner {
            main: Main {
                local,
                slot,
                waker: Waker::from(Arc::new(waker)),
                trace: Trace::none(),
                started: false,
            },
            sleeper: Sleeper::new(local),
        };
        // A subscriber may panic: from here on, the entry is removed then.
        runner.main.trace = Trace::main(local.shared.task_id(slot, generation), size);
        runner
    }

    /// Runs one round.
    pub(crate) fn poll<F: Future>(
        &mut self,
        mut future: Pin<&mut F>,
        cx: &mut Context<'_>,
    ) -> Poll<F::Output> {
        let Runner { main, sleeper } = self;
        let local = main.local;
        sleeper.get_up();

        // The main future starts the first round. Later it is polled when its turn comes.
        if !main.started {
            main.started = true;
            if let Poll::Ready(output) = main.poll(future.as_mut()) {
                return Poll::Ready(output);
            }
        }

        for _ in 0..local.steps_per_round() {
            let mine = local.take_due(main.slot)
                || match local.next_turn() {
                    Some(Turn::Task(slot, runnable, wants_waker)) => {
                        local.run_task(slot, runnable, wants_waker);
                        false
                    }
                    Some(Turn::Main(slot)) if slot == main.slot => true,
                    Some(Turn::Main(slot)) => {
                        // Nothing runs before it: the other runner has its turn.
                        local.defer_main(slot);
                        cx.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                    None if !sleeper.sleep(cx.waker()) => false,
                    None if local.take_due(main.slot) => {
                        sleeper.get_up();
                        true
                    }
                    None => return Poll::Pending,
                };
            if mine {
                if let Poll::Ready(output) = main.poll(future.as_mut()) {
                    return Poll::Ready(output);
                }
            }
        }

        // However long the queue, and whoever keeps putting itself in front: a main future that
        // was woken does not wait for longer than a round.
        if local.take_main(main.slot) {
            if let Poll::Ready(output) = main.poll(future.as_mut()) {
                return Poll::Ready(output);
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<Q: ReadyQueue> Main<'_, Q> {
    fn poll<F: Future>(&self, future: Pin<&mut F>) -> Poll<F::Output> {
        self.trace.poll(&self.waker, |waker| {
            self.local.poll_main(self.slot, waker, future)
        })
    }
}

impl<Q: ReadyQueue> Drop for Main<'_, Q> {
    fn drop(&mut self) {
        self.local.remove_main(self.slot);
    }
}
