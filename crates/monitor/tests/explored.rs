//! Monitors whose requests come from tasks, in many orders, with askers that are dropped anywhere.

mod on_one_thread {
    use corokit_monitor::{Generator, GeneratorEnd, Handle, Monitor, Yielder};

    type Numbers = Handle<u32, u32>;
    type Yields = Yielder<u32>;

    fn monitor<F: Future>(make: impl FnOnce(Numbers) -> F) -> Pin<Box<Monitor<u32, u32, F>>> {
        Monitor::boxed(make)
    }

    fn generator<F>(make: impl FnOnce(Yields) -> F) -> Pin<Box<Generator<u32, (), F>>>
    where
        F: Future<Output: GeneratorEnd<u32>>,
    {
        Generator::boxed(make)
    }

    include!("common/schedules.rs");
}

mod between_threads {
    use corokit_monitor::{
        Generator, GeneratorEnd, Monitor, SendGenerator, SendHandle, SendMonitor, SendYielder,
    };

    type Numbers = SendHandle<u32, u32>;
    type Yields = SendYielder<u32>;

    fn monitor<F: Future>(make: impl FnOnce(Numbers) -> F) -> Pin<Box<SendMonitor<u32, u32, F>>> {
        Monitor::boxed_send(make)
    }

    fn generator<F>(make: impl FnOnce(Yields) -> F) -> Pin<Box<SendGenerator<u32, (), F>>>
    where
        F: Future<Output: GeneratorEnd<u32>>,
    {
        Generator::boxed_send(make)
    }

    include!("common/schedules.rs");
}
