//! What is open on this thread: regions, shields and timeouts, and who waits for an
//! acknowledgement.
//!
//! Nothing of this is in the tasks, so a task that uses none of it pays nothing. The registry is
//! borrowed for one operation at a time and never while user code runs: wakers and payloads are
//! taken out first, and are woken or dropped by the caller.

use std::any::{Any, TypeId};
use std::cell::{Cell, RefCell};
use std::mem;
use std::task::Waker;

use corokit_core::TaskId;

use super::arena::{Arena, Key};

thread_local! {
    static REGISTRY: RefCell<Registry> = const { RefCell::new(Registry::new()) };

    /// The innermost region or timeout that is being polled.
    static ENCLOSING: Cell<Key> = const { Cell::new(Key::NONE) };
}

/// Calls `visit` with the registry, which must not run user code. `None` while the thread ends.
pub(super) fn with<R>(visit: impl FnOnce(&mut Registry) -> R) -> Option<R> {
    let visit = |registry: &RefCell<Registry>| visit(&mut registry.borrow_mut());
    REGISTRY.try_with(visit).ok()
}

/// Returns the innermost region or timeout that is being polled.
pub(super) fn enclosing() -> Key {
    ENCLOSING.get()
}

/// Makes a region or timeout the innermost one until the guard is dropped, also when a poll
/// unwinds.
pub(super) fn enter(key: Key) -> Entered {
    Entered {
        outer: ENCLOSING.replace(key),
    }
}

/// Restores what was the innermost region or timeout before.
pub(super) struct Entered {
    outer: Key,
}

impl Drop for Entered {
    fn drop(&mut self) {
        ENCLOSING.set(self.outer);
    }
}

/// What a scope does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Takes payloads of one type.
    Region(TypeId),
    /// Keeps what is around it from ending what is inside of it.
    Shield,
    /// Ends by itself.
    Timeout,
}

/// A payload that has been thrown and not delivered.
pub(super) struct Thrown {
    pub(super) payload: Box<dyn Any>,
    /// Who waits to hear of it.
    pub(super) waiter: Key,
}

/// What became of a payload, for the one who threw it.
pub(super) enum Fate {
    Delivered,
    Replaced(Box<dyn Any>),
    Completed(Box<dyn Any>),
    Dropped(Box<dyn Any>),
}

/// An open region, shield or timeout.
struct Scope {
    kind: Kind,
    /// Whose poll it belongs to, as far as that is known.
    task: Option<TaskId>,
    /// Whether it belongs to the task that it was made for, wherever it is polled.
    fixed: bool,
    /// The region that was entered before it, of those in the same list.
    older: Key,
    /// The region that was entered after it, of those in the same list.
    newer: Key,
    /// The region or timeout around it, when it was last polled.
    parent: Key,
    /// How many shields are open inside of it.
    shields: usize,
    thrown: Option<Thrown>,
    /// A timeout whose time has come.
    due: bool,
    /// How to have it polled.
    waker: Option<Waker>,
}

impl Scope {
    /// Returns how many shields it stands for in the eyes of what is around it.
    fn weight(&self) -> usize {
        self.shields + usize::from(self.kind == Kind::Shield)
    }

    /// Returns `true` if something may come to deliver at any time, or is here already.
    fn may_be_woken(&self) -> bool {
        match self.kind {
            Kind::Region(_) => self.fixed || self.task.is_some(),
            Kind::Timeout => self.due,
            Kind::Shield => false,
        }
    }

    /// Returns `true` if it has something to deliver.
    fn is_signalled(&self) -> bool {
        self.due || self.thrown.is_some()
    }
}

/// What a scope is to do at the start of a poll.
#[derive(Clone, Copy, Debug)]
pub(super) struct Begin {
    /// Whether a payload is to be delivered, or the time has come.
    pub(super) ends: bool,
    /// Whether the registry wants a clone of the waker.
    pub(super) wants_waker: bool,
    /// The scope that was around it before, if that has changed: see [`Registry::wakeable`].
    pub(super) left: Key,
}

/// What a scope leaves behind.
pub(super) struct Closed {
    /// The scope around it: see [`Registry::wakeable`].
    pub(super) left: Key,
    pub(super) thrown: Option<Thrown>,
    /// To be dropped.
    pub(super) _waker: Option<Waker>,
}

/// What throwing has changed.
pub(super) struct Throw {
    pub(super) replaced: Option<Thrown>,
    /// To be woken.
    pub(super) waker: Option<Waker>,
    /// Whether a shield is in the way.
    pub(super) deferred: bool,
}

/// Somebody who waits for an acknowledgement.
struct Waiter {
    waker: Option<Waker>,
    fate: Option<Fate>,
}

/// The scopes and waiters of a thread.
pub(super) struct Registry {
    scopes: Arena<Scope>,
    /// Lists of regions, each given by the one that was entered last. A list is found by the slot of
    /// the task, so that it holds the regions of one task, and seldom those of a task of another
    /// loop that has the same slot there.
    newest: Vec<Key>,
    waiters: Arena<Waiter>,
}

impl Registry {
    const fn new() -> Self {
        Registry {
            scopes: Arena::new(),
            newest: Vec::new(),
            waiters: Arena::new(),
        }
    }
}

/// Opening, polling and closing scopes.
impl Registry {
    /// Opens a scope. It belongs to no task until it is polled or bound.
    pub(super) fn open(&mut self, kind: Kind, fixed: bool) -> Key {
        self.scopes.insert(Scope {
            kind,
            task: None,
            fixed,
            older: Key::NONE,
            newer: Key::NONE,
            parent: Key::NONE,
            shields: 0,
            thrown: None,
            due: false,
            waker: None,
        })
    }

    /// Gives a scope to a task, unless it has one.
    pub(super) fn bind(&mut self, key: Key, task: TaskId) {
        if self
            .scopes
            .get(key)
            .is_some_and(|scope| scope.task.is_none())
        {
            self.give(key, Some(task));
        }
    }

    /// Notes that a scope is about to be polled: by the task `here`, if it is known who that is,
    /// inside of the scope `around`, with this waker.
    pub(super) fn begin(
        &mut self,
        key: Key,
        here: Option<TaskId>,
        around: Key,
        waker: &Waker,
    ) -> Begin {
        let mut begin = Begin {
            ends: false,
            wants_waker: false,
            left: Key::NONE,
        };
        let Some(scope) = self.scopes.get(key) else {
            return begin;
        };
        let (mut task, fixed, parent) = (scope.task, scope.fixed, scope.parent);
        let around_task = self.scopes.get(around).map(|scope| scope.task);
        // Where nobody can say whose poll this is, what is around it says it.
        let polled_by = here.or(match fixed {
            true => None,
            false => around_task.flatten(),
        });
        let stays = fixed && task.is_some();
        if polled_by.is_some() && polled_by != task && !stays {
            task = polled_by;
            self.give(key, task);
        }
        // A task that runs inside of the poll of another one is not inside of its regions.
        let around = match around_task == Some(task) {
            true => around,
            false => Key::NONE,
        };
        if around != parent {
            begin.left = self.move_into(key, around);
        }
        if let Some(scope) = self.scopes.get(key) {
            begin.ends = scope.is_signalled() && scope.shields == 0;
            begin.wants_waker = !begin.ends
                && scope.may_be_woken()
                && match &scope.waker {
                    Some(kept) => !kept.will_wake(waker),
                    None => true,
                };
        }
        begin
    }

    /// Keeps a waker for a scope, and returns the one that was kept before.
    pub(super) fn keep_waker(&mut self, key: Key, waker: Waker) -> Option<Waker> {
        match self.scopes.get_mut(key) {
            Some(scope) => scope.waker.replace(waker),
            None => Some(waker),
        }
    }

    /// Closes a scope.
    pub(super) fn close(&mut self, key: Key) -> Option<Closed> {
        self.unlink(key);
        let left = self.move_into(key, Key::NONE);
        let scope = self.scopes.remove(key)?;
        Some(Closed {
            left,
            thrown: scope.thrown,
            _waker: scope.waker,
        })
    }

    /// Notes that the time of a timeout has come.
    pub(super) fn set_due(&mut self, key: Key) {
        if let Some(scope) = self.scopes.get_mut(key) {
            scope.due = true;
        }
    }

    /// Returns how to wake a scope that is `from`, or around it, and has something to deliver now
    /// that the last shield inside of it has gone. To be asked until there is none.
    pub(super) fn wakeable(&mut self, mut from: Key) -> Option<Waker> {
        while let Some(scope) = self.scopes.get_mut(from) {
            if scope.is_signalled() && scope.shields == 0 && scope.waker.is_some() {
                return scope.waker.take();
            }
            from = scope.parent;
        }
        None
    }

    /// Moves a scope, and the shields inside of it, into another one. Returns where it was.
    fn move_into(&mut self, key: Key, parent: Key) -> Key {
        let Some(scope) = self.scopes.get_mut(key) else {
            return Key::NONE;
        };
        let weight = scope.weight();
        let left = mem::replace(&mut scope.parent, parent);
        if weight == 0 {
            return Key::NONE;
        }
        self.weigh(left, |shields| shields - weight);
        self.weigh(parent, |shields| shields + weight);
        left
    }

    /// Changes the number of shields of a scope and of all around it.
    fn weigh(&mut self, mut key: Key, change: impl Fn(usize) -> usize) {
        while let Some(scope) = self.scopes.get_mut(key) {
            scope.shields = change(scope.shields);
            key = scope.parent;
        }
    }

    /// Gives a scope to a task; a region becomes the newest one there.
    fn give(&mut self, key: Key, task: Option<TaskId>) {
        self.unlink(key);
        let Some(scope) = self.scopes.get_mut(key) else {
            return;
        };
        scope.task = task;
        let (Some(task), Kind::Region(_)) = (task, scope.kind) else {
            return;
        };
        let list = task.slot() as usize;
        if list >= self.newest.len() {
            self.newest.resize(list + 1, Key::NONE);
        }
        let older = mem::replace(&mut self.newest[list], key);
        scope.older = older;
        if let Some(older) = self.scopes.get_mut(older) {
            older.newer = key;
        }
    }

    /// Takes a region out of its list.
    fn unlink(&mut self, key: Key) {
        let Some(scope) = self.scopes.get_mut(key) else {
            return;
        };
        let (Some(task), Kind::Region(_)) = (scope.task, scope.kind) else {
            return;
        };
        let older = mem::replace(&mut scope.older, Key::NONE);
        let newer = mem::replace(&mut scope.newer, Key::NONE);
        if let Some(older) = self.scopes.get_mut(older) {
            older.newer = newer;
        }
        match self.scopes.get_mut(newer) {
            Some(newer) => newer.older = older,
            None => self.newest[task.slot() as usize] = older,
        }
    }
}

/// Throwing and acknowledging.
impl Registry {
    /// Returns the region that a task entered last of those that take this type.
    pub(super) fn find(&self, task: TaskId, payload: TypeId) -> Option<Key> {
        let mut key = *self.newest.get(task.slot() as usize)?;
        while let Some(scope) = self.scopes.get(key) {
            if scope.kind == Kind::Region(payload) && scope.task == Some(task) {
                return Some(key);
            }
            key = scope.older;
        }
        None
    }

    /// Leaves a payload in a region.
    pub(super) fn throw(&mut self, key: Key, thrown: Thrown) -> Throw {
        let Some(scope) = self.scopes.get_mut(key) else {
            unreachable!("the region was found in this operation");
        };
        let deferred = scope.shields > 0;
        Throw {
            replaced: scope.thrown.replace(thrown),
            waker: match deferred {
                true => None,
                false => scope.waker.take(),
            },
            deferred,
        }
    }

    /// Enters somebody who is going to wait for an acknowledgement.
    pub(super) fn wait(&mut self) -> Key {
        self.waiters.insert(Waiter {
            waker: None,
            fate: None,
        })
    }

    /// Tells a waiter, and returns how to wake it. Without a waiter the fate comes back.
    pub(super) fn acknowledge(&mut self, waiter: Key, fate: Fate) -> Result<Option<Waker>, Fate> {
        match self.waiters.get_mut(waiter) {
            Some(waiter) => {
                waiter.fate = Some(fate);
                Ok(waiter.waker.take())
            }
            None => Err(fate),
        }
    }

    /// Removes a waiter that has been told, and returns what.
    pub(super) fn answer(&mut self, waiter: Key) -> Option<Fate> {
        self.waiters.get(waiter)?.fate.as_ref()?;
        // Its waker is gone: telling it has taken the waker out.
        self.waiters.remove(waiter)?.fate
    }

    /// Keeps a waiter's waker, and returns what is to be dropped.
    pub(super) fn keep_waiters_waker(&mut self, waiter: Key, waker: Waker) -> Option<Waker> {
        match self.waiters.get_mut(waiter) {
            Some(waiter) => waiter.waker.replace(waker),
            None => Some(waker),
        }
    }

    /// Removes a waiter, and returns what it was told and its waker, which is to be dropped.
    pub(super) fn remove_waiter(&mut self, waiter: Key) -> Option<(Option<Fate>, Option<Waker>)> {
        let waiter = self.waiters.remove(waiter)?;
        Some((waiter.fate, waiter.waker))
    }

    /// Returns how many scopes, lists of regions, and waiters there are.
    #[cfg(test)]
    pub(super) fn counts(&self) -> (usize, usize, usize) {
        let lists = self.newest.iter().filter(|key| **key != Key::NONE).count();
        (self.scopes.len(), lists, self.waiters.len())
    }
}
