//! How plans run.

use std::future::{Future, poll_fn};
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::thread;

use super::context::{Context, Ends};
use super::{Failed, Group, JobError, Node, Order, Plan, Progress};
use crate::children::Children;
use crate::oneshot::oneshot;
use crate::panicked::{Panicked, Settle};

/// The results of a run, and which of them ended it.
type Outcome<T> = (Vec<Option<Result<T, JobError>>>, Option<usize>);

impl<T: Send + 'static, O: Order> Plan<T, O> {
    /// Runs the plan and gives the results, in the order of the plan.
    ///
    /// Source: `Parallel.run`, `Serial.run`.
    ///
    /// # Panics
    ///
    /// Panics with the first panic of a job: see [`Plan`].
    ///
    /// # Cancel safety
    ///
    /// See [`Plan`].
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::Parallel;
    /// use futures_lite::future::block_on;
    ///
    /// let plan = Parallel::new().task(|| async { 1 }).blocking(|| 2);
    /// assert_eq!(block_on(plan.run()), [1, 2]);
    /// ```
    pub async fn run(&self) -> Vec<T> {
        values(self.outcome(Result::is_err).await)
    }

    /// As [`run`](Plan::run), on this thread, which also runs blocking jobs.
    ///
    /// It may be called anywhere, also in jobs of other plans.
    ///
    /// Source: `Parallel.block`, `Serial.block`.
    ///
    /// # Panics
    ///
    /// As [`run`](Plan::run).
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::Serial;
    ///
    /// let plan = Serial::new().task(|| async { 1 }).blocking(|| 2);
    /// assert_eq!(plan.run_blocking(), [1, 2]);
    /// ```
    pub fn run_blocking(&self) -> Vec<T> {
        values(self.outcome_blocking(Result::is_err))
    }

    /// As [`run`](Plan::run), with panics among the results. All jobs run.
    ///
    /// # Cancel safety
    ///
    /// See [`Plan`].
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::{JobError, Parallel};
    /// use futures_lite::future::block_on;
    ///
    /// let plan = Parallel::new().blocking(|| 1).task(|| async { panic!("no") });
    /// let results = block_on(plan.run_settled());
    /// assert_eq!(*results[0].as_ref().unwrap(), 1);
    /// assert_eq!(results[1].as_ref().unwrap_err().to_string(), "the job panicked: no");
    /// ```
    pub async fn run_settled(&self) -> Vec<Result<T, JobError>> {
        settled(self.outcome(|_| false).await)
    }

    /// As [`run_settled`](Plan::run_settled), on this thread.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::Serial;
    ///
    /// let plan = Serial::new().blocking(|| panic!("no")).blocking(|| 2);
    /// let results = plan.run_settled_blocking();
    /// assert!(results[0].is_err());
    /// assert_eq!(*results[1].as_ref().unwrap(), 2);
    /// ```
    pub fn run_settled_blocking(&self) -> Vec<Result<T, JobError>> {
        settled(self.outcome_blocking(|_| false))
    }

    async fn outcome(&self, ends: Ends<T>) -> Outcome<T> {
        let total = self.group.jobs;
        run(
            Context::new(self.options.clone(), total, false, ends),
            &self.group,
        )
        .await
    }

    fn outcome_blocking(&self, ends: Ends<T>) -> Outcome<T> {
        let total = self.group.jobs;
        let context = Context::new(self.options.clone(), total, true, ends);
        let crew = Arc::clone(&context.crew);
        crew.block_on(run(context, &self.group))
    }
}

impl<T: Send + 'static, E: Send + 'static, O: Order> Plan<Result<T, E>, O> {
    /// Runs the plan until all jobs have a value, or one has failed.
    ///
    /// Then no more jobs begin, async ones are dropped, and blocking ones that have begun are waited
    /// for: nothing of the run is left.
    ///
    /// # Errors
    ///
    /// The first error in time, with what had finished.
    ///
    /// # Panics
    ///
    /// As [`run`](Plan::run).
    ///
    /// # Cancel safety
    ///
    /// See [`Plan`].
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::Serial;
    /// use futures_lite::future::block_on;
    ///
    /// let plan = Serial::new().each(["1", "two", "3"], |text| async { text.parse::<u8>() });
    /// let failed = block_on(plan.try_run()).unwrap_err();
    /// assert_eq!(failed.index, 1);
    /// assert_eq!(failed.done, [Some(1), None, None]);
    /// assert_eq!(failed.to_string(), "job 1 failed: invalid digit found in string");
    /// ```
    pub async fn try_run(&self) -> Result<Vec<T>, Failed<T, E>> {
        tried(self.outcome(is_failure).await)
    }

    /// As [`try_run`](Plan::try_run), on this thread.
    ///
    /// # Errors
    ///
    /// As [`try_run`](Plan::try_run).
    ///
    /// # Panics
    ///
    /// As [`run`](Plan::run).
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::Parallel;
    ///
    /// let plan = Parallel::new().each_blocking(["1", "2"], |text| text.parse::<u8>());
    /// assert_eq!(plan.try_run_blocking().unwrap(), [1, 2]);
    /// ```
    pub fn try_run_blocking(&self) -> Result<Vec<T>, Failed<T, E>> {
        tried(self.outcome_blocking(is_failure))
    }
}

fn is_failure<T, E>(result: &Result<Result<T, E>, JobError>) -> bool {
    !matches!(result, Ok(Ok(_)))
}

fn values<T>((mut results, first): Outcome<T>) -> Vec<T> {
    if let Some(Some(Err(error))) = first.map(|index| results[index].take()) {
        error.resume();
    }
    results
        .into_iter()
        .map(|result| match result {
            Some(Ok(value)) => value,
            _ => unreachable!("every job has a result, or one has ended the run"),
        })
        .collect()
}

fn settled<T>((results, _): Outcome<T>) -> Vec<Result<T, JobError>> {
    let results = results.into_iter();
    results
        .map(|result| result.expect("every job has a result"))
        .collect()
}

fn tried<T, E>((mut results, first): Outcome<Result<T, E>>) -> Result<Vec<T>, Failed<T, E>> {
    let failure = first.and_then(|index| Some((index, results[index].take()?)));
    let mut done = Vec::with_capacity(results.len());
    let mut also = Vec::new();
    let mut panic = None;
    for (index, result) in results.into_iter().enumerate() {
        done.push(match result {
            Some(Ok(Ok(value))) => Some(value),
            Some(Ok(Err(error))) => {
                also.push((index, error));
                None
            }
            // A panic is never silent, also if it comes after an error.
            Some(Err(error)) => {
                panic = panic.or(Some(error));
                None
            }
            None => None,
        });
    }
    match (failure, panic) {
        (Some((_, Err(error))), _) | (_, Some(error)) => error.resume(),
        (Some((index, Ok(Err(error)))), None) => Err(Failed {
            index,
            error,
            done,
            also,
        }),
        _ => Ok(done.into_iter().flatten().collect()),
    }
}

/// Ends a run, however it ends.
struct End<T>(Arc<Context<T>>);

impl<T> Drop for End<T> {
    fn drop(&mut self) {
        self.0.crew.close();
        let (done, total) = self.0.counts();
        let tell = || self.0.tell(Progress::Ended { done, total });
        if thread::panicking() {
            // Perhaps it is the callback that has panicked, and does so again.
            let _ = catch_unwind(AssertUnwindSafe(tell));
        } else {
            tell();
        }
    }
}

async fn run<T: Send + 'static>(context: Arc<Context<T>>, group: &Group<T>) -> Outcome<T> {
    context.tell(Progress::Started { total: group.jobs });
    let end = End(Arc::clone(&context));
    {
        let mut all = pin!(run_group(&context, group, 0));
        poll_fn(|cx| match all.as_mut().poll(cx) {
            Poll::Pending if context.ended() => Poll::Ready(()),
            polled => polled,
        })
        .await;
        if context.ended() {
            // No job begins while the others go.
            context.crew.close();
        }
        // Here the async jobs that are left are dropped.
    }
    if context.ended() {
        poll_fn(|cx| context.away.poll_home(cx)).await;
    }
    drop(end);
    context.take()
}

/// Runs the parts of a group. `first` is the number of its first job.
async fn run_group<T: Send + 'static>(context: &Arc<Context<T>>, group: &Group<T>, first: usize) {
    let mut at = first;
    let mut parts = group.nodes.iter().map(|node| {
        let index = at;
        at += node.jobs();
        run_node(context, node, index)
    });
    if !group.at_once {
        for part in parts {
            part.await;
            if context.ended() {
                return;
            }
        }
        return;
    }
    let limited = group.limit < group.nodes.len();
    let mut children = Children::collect(parts.by_ref().take(group.limit));
    poll_fn(move |cx| {
        loop {
            let polled = children.poll_each(cx, |index, ()| match context.ended() {
                true => ControlFlow::Break(None),
                false if limited => ControlFlow::Break(Some(index)),
                false => ControlFlow::Continue(()),
            });
            match polled {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(ControlFlow::Break(Some(index))) => {
                    children.release(index);
                    if let Some(part) = parts.next() {
                        children.insert(part);
                    }
                }
                Poll::Ready(_) => return Poll::Ready(()),
            }
        }
    })
    .await;
}

async fn run_node<T: Send + 'static>(context: &Arc<Context<T>>, node: &Node<T>, index: usize) {
    match node {
        Node::Blocking(job) => {
            let (ticket, run) = (context.away.ticket(), Arc::clone(context));
            let job = Arc::clone(job);
            let awaited = context.crew.run(move || {
                let _ticket = ticket;
                // The thread that ends the run and the one that empties the queue may be different.
                if run.ended() {
                    return;
                }
                let result = catch_unwind(AssertUnwindSafe(|| job()));
                let result = result.map_err(|p| JobError::Panicked(Panicked::new(p)));
                run.finish(index, result);
            });
            if let Err(error) = awaited.await {
                // The pool has not run it, or the progress callback has panicked.
                give_up(context, index, error);
            }
        }
        Node::Task(job) => match &context.options.spawner {
            None => {
                let _driving = context.crew.driving();
                let result = Settle::new(async { job().await }).await;
                context.finish(index, result.map_err(JobError::Panicked));
            }
            Some(spawn) => {
                let (report, reported) = oneshot();
                let (ticket, run) = (context.away.ticket(), Arc::clone(context));
                let job = Arc::clone(job);
                let future = Box::pin(async move {
                    let _ticket = ticket;
                    let result = Settle::new(async { job().await }).await;
                    let finish = || run.finish(index, result.map_err(JobError::Panicked));
                    let told = catch_unwind(AssertUnwindSafe(finish));
                    report.send(told.map_err(|p| JobError::Panicked(Panicked::new(p))));
                });
                let task = spawn(future);
                let result = reported.await;
                // Only what was not finished is cancelled by this.
                drop(task);
                if let Err(error) = result {
                    give_up(context, index, error);
                }
            }
        },
        Node::Group(group) => nested(context, group, index).await,
    }
}

/// A group inside of a group: boxed, because it may be of any depth.
fn nested<'a, T: Send + 'static>(
    context: &'a Arc<Context<T>>,
    group: &'a Group<T>,
    first: usize,
) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
    Box::pin(run_group(context, group, first))
}

/// Notes that a job has come to no result.
fn give_up<T>(context: &Context<T>, index: usize, error: JobError) {
    match error {
        JobError::Lost => context.finish(index, Err(JobError::Lost)),
        // The result is there; it is the callback that panicked.
        panicked => panicked.resume(),
    }
}
