//! Giving way: the running task chooses who runs before it goes on.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use corokit_core::{Position, ReadyQueue, TaskId};

use crate::error::ScheduleError;
use crate::executor::LocalExecutor;

/// Giving way.
impl<'a, Q: ReadyQueue> LocalExecutor<'a, Q> {
    /// Gives way to others: puts the running task, or main future, at a position of the ready
    /// queue. `Ok` when its turn has come again.
    ///
    /// `sleep_insert(n)` lets exactly `n` other entries run first, fewer if the queue is shorter;
    /// `sleep_insert(Position::Back)` is a plain yield. It is one queue operation.
    ///
    /// The position is taken when the task's poll ends. If the task that it names has left the
    /// queue by then, the running task goes to the back. In a join of several futures, the last
    /// one to ask decides, and all of them are done at the next poll.
    ///
    /// A task that does nothing but `sleep_insert(0)` keeps all other tasks waiting for as long as
    /// it goes on; only the reactor and the main future still have their turns (see
    /// [`run`](LocalExecutor::run)).
    ///
    /// Source: `asynkit.sleep_insert`.
    ///
    /// # Errors
    ///
    /// Fails if no task of this executor is running, or if the task that the position names is
    /// not in the ready queue.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future after its first poll leaves the task where it was put.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_scheduler::LocalExecutor;
    /// use futures_lite::future;
    /// use std::cell::RefCell;
    ///
    /// let log = RefCell::new(Vec::new());
    /// let executor = LocalExecutor::new();
    /// let tasks = ["a", "b", "c"].map(|name| {
    ///     let log = &log;
    ///     executor.spawn(async move { log.borrow_mut().push(name) })
    /// });
    /// future::block_on(executor.run(async {
    ///     executor.sleep_insert(2).await?;
    ///     log.borrow_mut().push("main");
    ///     executor.sleep_insert(1).await
    /// }))?;
    /// assert_eq!(*log.borrow(), ["a", "b", "main", "c"]);
    /// # Ok::<(), corokit_scheduler::ScheduleError>(())
    /// ```
    pub fn sleep_insert(&self, position: impl Into<Position>) -> SleepInsert<'_, 'a, Q> {
        SleepInsert {
            way: GiveWay {
                executor: self,
                target: None,
                position: position.into(),
                progress: Progress::New,
            },
        }
    }

    /// Switches to another task: `target` runs next, then the rest, and the running task goes to
    /// `position`. `Ok` when its turn has come again.
    ///
    /// The position counts `target`: at `Position::Back` the running task goes on after everyone
    /// else, at `1` directly after `target`, at `0` before it.
    ///
    /// Source: `asynkit.task_switch`, with its `insert_pos`.
    ///
    /// # Errors
    ///
    /// Fails at the first poll if `target`, or the task that the position names, is not in the
    /// ready queue, or if no task of this executor is running. Then nothing has moved.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future after its first poll leaves both tasks where they were put.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_scheduler::LocalExecutor;
    /// use futures_lite::future;
    /// use std::cell::RefCell;
    ///
    /// let log = RefCell::new(Vec::new());
    /// let executor = LocalExecutor::new();
    /// let tasks = ["a", "b", "c"].map(|name| {
    ///     let log = &log;
    ///     executor.spawn(async move { log.borrow_mut().push(name) })
    /// });
    /// future::block_on(executor.run(async {
    ///     executor.task_switch(tasks[2].metadata().id(), 1).await?;
    ///     log.borrow_mut().push("main");
    ///     executor.task_switch(tasks[1].metadata().id(), 2).await
    /// }))?;
    /// assert_eq!(*log.borrow(), ["c", "main", "b", "a"]);
    /// # Ok::<(), corokit_scheduler::ScheduleError>(())
    /// ```
    pub fn task_switch(
        &self,
        target: TaskId,
        position: impl Into<Position>,
    ) -> TaskSwitch<'_, 'a, Q> {
        TaskSwitch {
            way: GiveWay {
                executor: self,
                target: Some(target),
                position: position.into(),
                progress: Progress::New,
            },
        }
    }
}

/// Giving way without a borrow of the executor.
impl<Q: ReadyQueue> LocalExecutor<'_, Q> {
    /// Does the first half of [`sleep_insert`](LocalExecutor::sleep_insert), or, with a target, of
    /// [`task_switch`](LocalExecutor::task_switch): moves the target to the front, and notes where
    /// the running task goes when it wakes itself in this poll.
    ///
    /// The second half is to yield. This is for code that cannot hold a borrow of the executor
    /// while it waits, such as a task that reaches its executor through a weak pointer.
    ///
    /// # Errors
    ///
    /// As for the two. Then nothing has moved, and there is no need to yield.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_scheduler::LocalExecutor;
    /// use futures_lite::future;
    ///
    /// let executor = LocalExecutor::new();
    /// let tasks = [(); 3].map(|()| executor.spawn(async {}));
    /// future::block_on(executor.run(async {
    ///     executor.give_way(None, 1)?;
    ///     future::yield_now().await;
    ///     assert!(tasks[0].is_finished() && !tasks[1].is_finished());
    ///     Ok::<(), corokit_scheduler::ScheduleError>(())
    /// }))?;
    /// # Ok::<(), corokit_scheduler::ScheduleError>(())
    /// ```
    pub fn give_way(
        &self,
        target: Option<TaskId>,
        position: impl Into<Position>,
    ) -> Result<(), ScheduleError> {
        let position = position.into();
        let local = self.settled().ok_or(ScheduleError::Outside)?;
        let caller = local.current().ok_or(ScheduleError::Outside)?;
        let mut state = local.state.borrow_mut();
        let target = target.map(|id| local.queued(&state, id)).transpose()?;
        let caller = local.id_of(&state, caller);
        local.check_anchor(&state, Some(caller), position)?;
        if let Some(target) = target {
            state.queue.remove(target);
            local.counters.front_insert(state.queue.len());
            state.queue.insert_at(target, 0);
        }
        drop(state);
        local.set_place(position);
        Ok(())
    }
}

/// The future of [`LocalExecutor::sleep_insert`].
#[must_use = "futures do nothing unless polled or awaited"]
pub struct SleepInsert<'e, 'a, Q: ReadyQueue + 'static> {
    way: GiveWay<'e, 'a, Q>,
}

/// The future of [`LocalExecutor::task_switch`].
#[must_use = "futures do nothing unless polled or awaited"]
pub struct TaskSwitch<'e, 'a, Q: ReadyQueue + 'static> {
    way: GiveWay<'e, 'a, Q>,
}

impl<Q: ReadyQueue> Future for SleepInsert<'_, '_, Q> {
    type Output = Result<(), ScheduleError>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.way.poll(cx)
    }
}

impl<Q: ReadyQueue> Future for TaskSwitch<'_, '_, Q> {
    type Output = Result<(), ScheduleError>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.way.poll(cx)
    }
}

impl<Q: ReadyQueue> fmt::Debug for SleepInsert<'_, '_, Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SleepInsert")
            .field("position", &self.way.position)
            .finish_non_exhaustive()
    }
}

impl<Q: ReadyQueue> fmt::Debug for TaskSwitch<'_, '_, Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskSwitch")
            .field("target", &self.way.target)
            .field("position", &self.way.position)
            .finish_non_exhaustive()
    }
}

/// What both futures do.
struct GiveWay<'e, 'a, Q: ReadyQueue + 'static> {
    executor: &'e LocalExecutor<'a, Q>,
    /// Who is to run next.
    target: Option<TaskId>,
    /// Where the running task goes.
    position: Position,
    progress: Progress,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    New,
    Waiting,
    Done,
}

impl<Q: ReadyQueue> GiveWay<'_, '_, Q> {
    #[inline]
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ScheduleError>> {
        match self.progress {
            Progress::New => match self.executor.give_way(self.target, self.position) {
                Ok(()) => {
                    self.progress = Progress::Waiting;
                    cx.waker().wake_by_ref();
                    Poll::Pending
                }
                Err(error) => {
                    self.progress = Progress::Done;
                    Poll::Ready(Err(error))
                }
            },
            Progress::Waiting => {
                self.progress = Progress::Done;
                Poll::Ready(Ok(()))
            }
            Progress::Done => panic!("polled after completion"),
        }
    }
}
