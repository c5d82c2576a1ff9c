//! The life of a thread of a pool.

use std::cell::RefCell;
use std::hint;
use std::ptr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Instant;

use super::cpu::Meter;
use super::shared::{Idle, Role, SATURATED, SPURT, STEPS, Shared, State, is_older, stop_waiting};
use crate::sync::{Condvar, MutexGuard, per_thread};

per_thread! {
    /// The pool that this thread is of.
    static CURRENT: RefCell<Weak<Shared>> = RefCell::new(Weak::new());
}

/// The pool that this thread is of.
pub(super) fn current() -> Option<Arc<Shared>> {
    let current = CURRENT.try_with(|current| current.borrow().clone());
    current.ok()?.upgrade()
}

/// Whether this thread is of `pool`.
pub(super) fn is_of(pool: &Shared) -> bool {
    let is = CURRENT.try_with(|current| ptr::eq(current.borrow().as_ptr(), pool));
    is.unwrap_or(false)
}

/// Works until there is nothing to do any more.
pub(super) fn work(shared: &Arc<Shared>, thread: u64, role: Role) {
    CURRENT.with(|current| current.replace(Arc::downgrade(shared)));
    let bell = Arc::new(Condvar::new());
    let mut state = shared.lock();
    match role {
        Role::Worker => state.on_their_way -= 1,
        Role::Scout => state = scout(shared, &bell, state),
    }
    let mut now = Instant::now();
    loop {
        // Those who waited inside of their jobs count again: there may be one too many now.
        if state.active() > shared.config.max_threads {
            break;
        }
        let Some(work) = state.take() else {
            let stays = idle(shared, thread, &bell, state);
            state = stays.0;
            match stays.1 {
                true => continue,
                false => break,
            }
        };
        let need = state.staff(&shared.config, now);
        drop(state);
        shared.serve(need);
        let ran = work.run();
        drop(work);
        now = Instant::now();
        state = shared.lock();
        state.last_end = Some(now);
        stop_waiting(&mut state);
        state.count(ran);
    }
    // A job may be left if this thread is one too many. Those who are not will see to it.
    state.threads -= 1;
    let need = state.staff(&shared.config, now);
    // The scout of a closed pool is to see that there is no queue any more.
    let watch = state.watch.clone().filter(|_| state.closed);
    let joiners = state.over();
    drop(state);
    shared.serve(need);
    if let Some(watch) = watch {
        watch.notify_one();
    }
    drop(joiners);
}

/// Waits until there is something to do. Says whether the thread is to stay.
fn idle<'s>(
    shared: &'s Arc<Shared>,
    thread: u64,
    bell: &Arc<Condvar>,
    mut state: MutexGuard<'s, State>,
) -> (MutexGuard<'s, State>, bool) {
    if state.closed {
        return (state, false);
    }
    if !state.lookout && shared.config.processors > 1 {
        state = look_out(shared, state);
        if state.queued() > 0 || state.closed {
            return (state, true);
        }
    }
    state.idle.push(Idle {
        thread,
        bell: Arc::clone(bell),
    });
    let until = Instant::now().checked_add(shared.config.keep_alive);
    loop {
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        let may_go = state.threads > shared.config.min_threads;
        state = match left.filter(|_| may_go) {
            Some(left) => match bell.wait_timeout(state, left) {
                Ok((state, _)) => state,
                Err(poisoned) => poisoned.into_inner().0,
            },
            None => bell.wait(state).unwrap_or_else(|e| e.into_inner()),
        };
        let Some(at) = state.idle.iter().position(|idle| idle.thread == thread) else {
            // Whoever took it from the list has called it.
            if state.called_scout == Some(thread) {
                state.called_scout = None;
                state = scout(shared, bell, state);
            } else {
                state.on_their_way -= 1;
            }
            return (state, true);
        };
        let time_is_up = until.is_some_and(|until| until <= Instant::now());
        let may_go = state.threads > shared.config.min_threads;
        if state.closed || (time_is_up && may_go) {
            state.idle.remove(at);
            return (state, false);
        }
    }
}

/// Stays awake for a moment, because jobs often come one after the other, and to wake a thread
/// costs more than most of them. One thread at a time does so, and counts as being on its way.
fn look_out<'s>(shared: &'s Shared, mut state: MutexGuard<'s, State>) -> MutexGuard<'s, State> {
    state.lookout = true;
    state.on_their_way += 1;
    shared.hint.store(false, Ordering::Relaxed);
    drop(state);
    for _ in 0..LOOKS {
        if shared.hint.load(Ordering::Relaxed) {
            break;
        }
        hint::spin_loop();
    }
    let mut state = shared.lock();
    state.on_their_way -= 1;
    state.lookout = false;
    state
}

/// How often a thread looks for a job before it is idle: about ten microseconds.
const LOOKS: u32 = 200;

/// Waits until the queue moves too slowly although there is room on the processors, and becomes a
/// worker then; or until there is no queue.
fn scout<'s>(
    shared: &'s Arc<Shared>,
    bell: &Arc<Condvar>,
    mut state: MutexGuard<'s, State>,
) -> MutexGuard<'s, State> {
    let step = shared.config.grow_after;
    let longest = step * SATURATED;
    let mut patience = step;
    let mut meter = Meter::start();
    let mut needs = Vec::new();
    state.watch = Some(Arc::clone(bell));
    loop {
        if state.closed && state.queued() == 0 {
            break;
        }
        let completed = state.completed;
        state = match bell.wait_timeout(state, patience) {
            Ok((state, _)) => state,
            Err(poisoned) => poisoned.into_inner().0,
        };
        let Some(oldest) = state.oldest() else {
            state.spurt = 1;
            break;
        };
        if state.active() >= shared.config.max_threads {
            break;
        }
        let ended = state.completed - completed;
        let moves = ended * STEPS >= state.queued() as u64;
        if moves || !is_older(oldest, step) {
            patience = step;
            continue;
        }
        if meter.is_saturated() {
            // More threads would only take the processors from each other. But if nothing ends for
            // long, what runs may wait for what is in the queue.
            if ended > 0 {
                patience = step;
                continue;
            }
            if patience < longest {
                patience = (patience * 2).min(longest);
                continue;
            }
        }
        let more = (state.spurt - 1).min(state.queued() - 1);
        let room = shared.config.max_threads - state.active() - 1;
        for _ in 0..more.min(room) {
            needs.push(state.wake_or_start());
        }
        state.spurt = (state.spurt * 2).min(SPURT);
        break;
    }
    state.scout = false;
    state.watch = None;
    if needs.is_empty() {
        return state;
    }
    drop(state);
    for need in needs {
        shared.serve(need);
    }
    shared.lock()
}
