//! Wakers and destructors may run any code, even code that uses the same monitor.

#[path = "common/keep.rs"]
mod keep;
#[path = "common/wakes.rs"]
mod wakes;

mod on_one_thread {
    use corokit_monitor::{Handle, Monitor, Port};

    const SEND: bool = false;
    type HandleOf<D, R> = Handle<D, R>;
    type TheMonitor<D, R, F> = Monitor<D, R, F>;
    type ThePort = Port<u32, u32>;

    fn boxed<D, R, F: Future>(
        make: impl FnOnce(HandleOf<D, R>) -> F,
    ) -> Pin<Box<TheMonitor<D, R, F>>> {
        Monitor::boxed(make)
    }

    include!("common/reentry.rs");
}

mod between_threads {
    use corokit_monitor::{Monitor, SendHandle, SendMonitor, SendPort};

    const SEND: bool = true;
    type HandleOf<D, R> = SendHandle<D, R>;
    type TheMonitor<D, R, F> = SendMonitor<D, R, F>;
    type ThePort = SendPort<u32, u32>;

    fn boxed<D: Send + 'static, R: Send + 'static, F: Future>(
        make: impl FnOnce(HandleOf<D, R>) -> F,
    ) -> Pin<Box<TheMonitor<D, R, F>>> {
        Monitor::boxed_send(make)
    }

    include!("common/reentry.rs");
}
