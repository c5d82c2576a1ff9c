//! Random programs of requests, replies, polls and drops give what a small interpreter says.

#[path = "common/wakes.rs"]
mod wakes;

mod on_one_thread {
    use corokit_monitor::{Handle, Monitor};

    const SEND: bool = false;
    type Numbers = Handle<u32, u32>;
    type TheMonitor = Monitor<u32, u32, Body>;

    fn boxed(make: impl FnOnce(Numbers) -> Body) -> Pin<Box<TheMonitor>> {
        Monitor::boxed(make)
    }

    include!("common/program.rs");
}

mod between_threads {
    use corokit_monitor::{Monitor, SendHandle, SendMonitor};

    const SEND: bool = true;
    type Numbers = SendHandle<u32, u32>;
    type TheMonitor = SendMonitor<u32, u32, Body>;

    fn boxed(make: impl FnOnce(Numbers) -> Body) -> Pin<Box<TheMonitor>> {
        Monitor::boxed_send(make)
    }

    include!("common/program.rs");
}
