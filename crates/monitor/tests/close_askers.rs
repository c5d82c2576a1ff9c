//! Askers who are told of a close by one kind of request or the other, in the body and elsewhere.

#[path = "common/log.rs"]
mod log;
#[path = "common/wakes.rs"]
mod wakes;

mod on_one_thread {
    use corokit_monitor::{Handle, Monitor};

    type Numbers = Handle<u32, u32>;
    type Boxed<F> = Pin<Box<Monitor<u32, u32, F>>>;

    fn boxed<F: Future>(make: impl FnOnce(Numbers) -> F) -> Boxed<F> {
        Monitor::boxed(make)
    }

    include!("common/closing.rs");
}

mod between_threads {
    use corokit_monitor::{Monitor, SendHandle, SendMonitor};

    type Numbers = SendHandle<u32, u32>;
    type Boxed<F> = Pin<Box<SendMonitor<u32, u32, F>>>;

    fn boxed<F: Future>(make: impl FnOnce(Numbers) -> F) -> Boxed<F> {
        Monitor::boxed_send(make)
    }

    include!("common/closing.rs");
}
