//! Wakers that tell what is done with them, and wakers that share an allocation.
//!
//! This file is the one place of the crate with unsafe code: safe code can neither make a waker
//! that borrows nor see one being cloned, and each waker that it makes is an allocation.

#![expect(unsafe_code, reason = "the vtables of wakers")]

use alloc::sync::Arc;
use core::any::Any;
use core::fmt;
use core::mem::{self, ManuallyDrop, offset_of};
use core::ptr;
use core::task::{RawWaker, RawWakerVTable, Waker};

/// Sees what a future does with the waker of its poll, and may do something else instead.
///
/// A future that blocks clones the waker to keep it. So what runs in
/// [`clone_waker`](WakerObserver::clone_waker) runs below the very line that the future waits at.
///
/// # Examples
///
/// See [`observe_waker`].
pub trait WakerObserver: Sync {
    /// Called for each clone of the observed waker; what it returns is the clone.
    ///
    /// The clone of a clone is not observed, unless the clone that was returned sees to it.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_core::WakerObserver;
    /// use std::sync::Arc;
    /// use std::task::{Wake, Waker};
    ///
    /// struct Indifferent;
    /// impl WakerObserver for Indifferent {}
    /// impl Wake for Indifferent {
    ///     fn wake(self: Arc<Self>) {}
    /// }
    ///
    /// let waker = Waker::from(Arc::new(Indifferent));
    /// assert!(Indifferent.clone_waker(&waker).will_wake(&waker));
    /// ```
    fn clone_waker(&self, waker: &Waker) -> Waker {
        waker.clone()
    }

    /// Called when the observed waker itself, not a clone, is woken.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_core::WakerObserver;
    /// use std::task::Waker;
    ///
    /// struct Indifferent;
    /// impl WakerObserver for Indifferent {}
    ///
    /// Indifferent.wake_by_ref(Waker::noop());
    /// ```
    fn wake_by_ref(&self, waker: &Waker) {
        waker.wake_by_ref();
    }

    /// The observer as a value of its own type, for who finds it by [`observed`]. `None` unless an
    /// observer chooses to be found.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_core::WakerObserver;
    ///
    /// struct Indifferent;
    /// impl WakerObserver for Indifferent {}
    ///
    /// assert!(Indifferent.as_any().is_none());
    /// ```
    fn as_any(&self) -> Option<&dyn Any> {
        None
    }
}

/// Calls `visit` with a waker that does what `waker` does and tells `observer` about it.
///
/// Nothing is allocated. What `visit` gets is lent: its clones are made by the observer, so by
/// default they are clones of `waker`, and outlive the call. It differs from each of its clones in
/// the sense of [`Waker::will_wake`]: a future that keeps a waker and is polled again clones it
/// again.
///
/// # Panics
///
/// Whatever `visit` or the observer panics with goes to the caller.
///
/// # Examples
///
/// ```
/// use corokit_core::{WakerObserver, observe_waker};
/// use std::sync::atomic::{AtomicUsize, Ordering};
/// use std::sync::Arc;
/// use std::task::{Wake, Waker};
///
/// #[derive(Default)]
/// struct Clones(AtomicUsize);
///
/// impl Wake for Clones {
///     fn wake(self: Arc<Self>) {}
/// }
///
/// impl WakerObserver for Clones {
///     fn clone_waker(&self, waker: &Waker) -> Waker {
///         self.0.fetch_add(1, Ordering::Relaxed);
///         waker.clone()
///     }
/// }
///
/// let clones = Clones::default();
/// let waker = Waker::from(Arc::new(Clones::default()));
/// let kept = observe_waker(&waker, &clones, |waker| waker.clone());
/// assert_eq!(clones.0.into_inner(), 1);
/// assert!(kept.will_wake(&waker));
/// ```
pub fn observe_waker<R>(
    waker: &Waker,
    observer: &dyn WakerObserver,
    visit: impl FnOnce(&Waker) -> R,
) -> R {
    let observed = Observed { waker, observer };
    let data = (&raw const observed).cast::<()>();
    // SAFETY: the clauses of `RawWaker` and `RawWakerVTable` are
    // - "the functions may be called on any thread": all that `data` leads to is a `&Waker` and a
    //   `&dyn WakerObserver`, whose targets are `Sync`; so `Observed` is `Sync` and may be used
    //   through shared references by several threads at once.
    // - "`data` must be valid for every call": `visit` works for any lifetime of the reference, so
    //   neither the reference nor anything borrowed from it is left when it returns or unwinds.
    //   Without `unsafe`, a `Waker` cannot be had from a `&Waker` but by `clone`, and a clone does
    //   not point to `observed`. So no call comes after `observed` is gone.
    // - "`clone` must return what is needed for another instance, with resources of its own":
    //   it returns the parts of a `Waker` that the observer owned.
    // - "`wake` and `drop` must release the resources": an observed waker owns none.
    let lent = ManuallyDrop::new(unsafe { Waker::new(data, &VTABLE) });
    visit(&lent)
}

/// Returns the waker that is observed through `waker`, and its observer. `None` if it is no
/// observed waker: a clone of one, for example.
///
/// So code inside of a poll finds out who polls it.
///
/// # Examples
///
/// ```
/// use corokit_core::{WakerObserver, observe_waker, observed};
/// use std::any::Any;
/// use std::task::Waker;
///
/// struct Named(&'static str);
/// impl WakerObserver for Named {
///     fn as_any(&self) -> Option<&dyn Any> {
///         Some(self)
///     }
/// }
///
/// assert!(observed(Waker::noop()).is_none());
/// observe_waker(Waker::noop(), &Named("me"), |waker| {
///     let (real, observer) = observed(waker).unwrap();
///     assert!(real.will_wake(Waker::noop()));
///     let observer = observer.as_any().unwrap().downcast_ref::<Named>().unwrap();
///     assert_eq!(observer.0, "me");
///     assert!(observed(&waker.clone()).is_none());
/// });
/// ```
#[must_use]
pub fn observed(waker: &Waker) -> Option<(&Waker, &dyn WakerObserver)> {
    if !ptr::eq(waker.vtable(), &VTABLE) {
        return None;
    }
    // SAFETY: only `observe_waker` makes wakers with this vtable (`Waker::new` would be unsound
    // with it and other data), and it lends them to `visit` only; none can be had by value, as its
    // notes say. So while the reference `waker` lives, which bounds that of the result, `visit` is
    // running, and `data` points to the `Observed` on the stack of `observe_waker`, which is never
    // written to.
    let observed = unsafe { &*waker.data().cast::<Observed<'_>>() };
    Some((observed.waker, observed.observer))
}

/// What the data pointer of an observed waker points to, on the stack of [`observe_waker`].
struct Observed<'a> {
    waker: &'a Waker,
    observer: &'a dyn WakerObserver,
}

static VTABLE: RawWakerVTable = RawWakerVTable::new(clone, wake_by_ref, wake_by_ref, keep);

/// # Safety
///
/// `data` must be the pointer that [`observe_waker`] made, and its `visit` must not have returned.
unsafe fn clone(data: *const ()) -> RawWaker {
    // SAFETY: the caller promises that `data` points to an `Observed`. It is never written to.
    let observed = unsafe { &*data.cast::<Observed<'_>>() };
    let clone = observed.observer.clone_waker(observed.waker);
    // Taking a waker apart and never dropping it hands its resources to whoever gets the parts.
    let clone = ManuallyDrop::new(clone);
    RawWaker::new(clone.data(), clone.vtable())
}

/// Wakes. There is no owned observed waker that could be consumed, so waking by value is the same.
///
/// # Safety
///
/// As for [`clone`].
unsafe fn wake_by_ref(data: *const ()) {
    // SAFETY: the caller promises that `data` points to an `Observed`. It is never written to.
    let observed = unsafe { &*data.cast::<Observed<'_>>() };
    observed.observer.wake_by_ref(observed.waker);
}

/// Drops nothing: an observed waker only borrows.
///
/// # Safety
///
/// None is asked for; the vtable wants an unsafe function.
unsafe fn keep(_: *const ()) {}

/// Is woken by wakers that have numbers: see [`NumberedWakers`].
pub trait WakeNumbered: Send + Sync {
    /// Called when the waker with this number is woken, on whichever thread.
    ///
    /// # Examples
    ///
    /// See [`NumberedWakers`].
    fn wake(&self, number: u32);
}

/// Wakers with consecutive numbers that share one allocation, for who drives many futures: making
/// them, cloning and dropping them costs no other.
///
/// The allocation lives until the last clone of a waker is gone.
///
/// # Examples
///
/// ```
/// use corokit_core::{NumberedWakers, WakeNumbered};
/// use std::sync::{Arc, Mutex};
///
/// #[derive(Default)]
/// struct Woken(Mutex<Vec<u32>>);
///
/// impl WakeNumbered for Woken {
///     fn wake(&self, number: u32) {
///         self.0.lock().unwrap().push(number);
///     }
/// }
///
/// let woken = Arc::new(Woken::default());
/// let wakers = NumberedWakers::new(woken.clone(), 64);
/// let kept = wakers.with(5, |waker| waker.clone());
/// wakers.with(1, |waker| waker.wake_by_ref());
/// drop(wakers);
/// kept.wake();
/// assert_eq!(*woken.0.lock().unwrap(), [65, 69]);
/// ```
pub struct NumberedWakers(Arc<Numbers>);

/// How many wakers share an allocation.
const PLACES: usize = 32;

/// What the data pointers of numbered wakers point into: each to its place.
struct Numbers {
    target: Arc<dyn WakeNumbered>,
    first: u32,
    /// Each says where it is, so that the beginning can be found from it.
    places: [u8; PLACES],
}

impl NumberedWakers {
    /// How many wakers there are.
    pub const LEN: usize = PLACES;

    /// Makes wakers that wake `target`, the first with the number `first`. If there are not as many
    /// numbers, they go on from 0.
    ///
    /// # Examples
    ///
    /// See [`NumberedWakers`].
    #[must_use]
    pub fn new(target: Arc<dyn WakeNumbered>, first: u32) -> Self {
        NumberedWakers(Arc::new(Numbers {
            target,
            first,
            places: core::array::from_fn(|place| place as u8),
        }))
    }

    /// Calls `visit` with the waker at `place`, whose number is so much greater than the first.
    ///
    /// What `visit` gets is lent; it may be cloned. In the sense of [`Waker::will_wake`] it is the
    /// same as its clones, each time.
    ///
    /// # Panics
    ///
    /// If `place` is not less than [`LEN`](Self::LEN). Whatever `visit` panics with goes to the caller.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_core::{NumberedWakers, WakeNumbered};
    /// use std::sync::Arc;
    ///
    /// struct Nobody;
    /// impl WakeNumbered for Nobody {
    ///     fn wake(&self, _: u32) {}
    /// }
    ///
    /// let wakers = NumberedWakers::new(Arc::new(Nobody), 0);
    /// let [one, two] = [1, 2].map(|place| wakers.with(place, |waker| waker.clone()));
    /// assert!(wakers.with(1, |waker| waker.will_wake(&one)));
    /// assert!(!one.will_wake(&two));
    /// ```
    #[inline]
    #[track_caller]
    pub fn with<R>(&self, place: usize, visit: impl FnOnce(&Waker) -> R) -> R {
        assert!(place < PLACES, "there are {PLACES} wakers");
        let offset = offset_of!(Numbers, places) + place;
        // SAFETY: this is the address of an element of the array in the allocation of the `Arc`. It
        // is made from a pointer to all of it, so what is next to it may be reached from there.
        let data = unsafe { Arc::as_ptr(&self.0).cast::<u8>().add(offset) }.cast::<()>();
        // SAFETY: the clauses of `RawWaker` and `RawWakerVTable` are
        // - "the functions may be called on any thread": what is woken is `Send` and `Sync`, so
        //   `Arc`s of it may be used and dropped on any.
        // - "`data` must be valid for every call": this waker is lent, as in `observe_waker`, while
        //   `self` has a count of the `Arc`; and each clone has one of its own.
        // - "`clone` must return what is needed for another instance, with resources of its own":
        //   it takes a count.
        // - "`wake` and `drop` must release the resources": they give it back. Neither is called
        //   for this waker, which has none: it is never dropped, and without `unsafe` it cannot be
        //   had from the reference.
        let lent = ManuallyDrop::new(unsafe { Waker::new(data, &NUMBERED) });
        visit(&lent)
    }
}

impl fmt::Debug for NumberedWakers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NumberedWakers")
            .field("first", &self.0.first)
            .finish_non_exhaustive()
    }
}

static NUMBERED: RawWakerVTable = RawWakerVTable::new(
    Numbers::clone,
    Numbers::wake,
    Numbers::wake_by_ref,
    Numbers::release,
);

impl Numbers {
    /// Returns what a place is in, and the number of its waker. The `Arc` has no count of its own.
    ///
    /// # Safety
    ///
    /// `data` must be a pointer that [`NumberedWakers::with`] made, and the `Arc` must be alive as
    /// long as what is returned is used. It may be dropped by whoever gives a count of it away.
    #[inline]
    unsafe fn find(data: *const ()) -> (ManuallyDrop<Arc<Numbers>>, u32) {
        let data = data.cast::<u8>();
        // SAFETY: the caller promises that it points to an element of `places` in an `Arc` that is
        // alive. They are never written to.
        let place = unsafe { *data };
        let offset = offset_of!(Numbers, places) + usize::from(place);
        // SAFETY: each element says where it is, so this goes back by as much as `with` had gone
        // forth, in the same allocation.
        let numbers = unsafe { data.sub(offset) }.cast::<Numbers>();
        // SAFETY: so this is what `Arc::as_ptr` returned, which is what `Arc::into_raw` returns, and
        // the `Arc` is alive. The count is that of somebody else, and is not given back here.
        let numbers = unsafe { Arc::from_raw(numbers) };
        let number = numbers.first.wrapping_add(u32::from(place));
        (ManuallyDrop::new(numbers), number)
    }

    /// # Safety
    ///
    /// As for [`find`](Self::find), during the call.
    unsafe fn clone(data: *const ()) -> RawWaker {
        // SAFETY: the caller promises that.
        let (numbers, _) = unsafe { Self::find(data) };
        mem::forget(Arc::clone(&numbers));
        RawWaker::new(data, &NUMBERED)
    }

    /// # Safety
    ///
    /// As for [`find`](Self::find); and a count of the `Arc` must be there to be given away.
    unsafe fn wake(data: *const ()) {
        // SAFETY: the caller promises that.
        let (numbers, number) = unsafe { Self::find(data) };
        ManuallyDrop::into_inner(numbers).target.wake(number);
    }

    /// # Safety
    ///
    /// As for [`find`](Self::find), during the call.
    unsafe fn wake_by_ref(data: *const ()) {
        // SAFETY: the caller promises that.
        let (numbers, number) = unsafe { Self::find(data) };
        numbers.target.wake(number);
    }

    /// # Safety
    ///
    /// As for [`wake`](Self::wake).
    unsafe fn release(data: *const ()) {
        // SAFETY: the caller promises that.
        let (numbers, _) = unsafe { Self::find(data) };
        drop(ManuallyDrop::into_inner(numbers));
    }
}
