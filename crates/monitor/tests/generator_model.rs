//! Random programs of sends, throws, closes and drops give what a small interpreter says.

mod on_one_thread {
    use corokit_monitor::{Generator, Yielder};

    type Yields<Y, R> = Yielder<Y, R>;
    type TheGenerator = Generator<Value, Reply, Body>;

    fn boxed(make: impl FnOnce(Yields<Value, Reply>) -> Body) -> Pin<Box<TheGenerator>> {
        Generator::boxed(make)
    }

    include!("common/script.rs");
}

mod between_threads {
    use corokit_monitor::{Generator, SendGenerator, SendYielder};

    type Yields<Y, R> = SendYielder<Y, R>;
    type TheGenerator = SendGenerator<Value, Reply, Body>;

    fn boxed(make: impl FnOnce(Yields<Value, Reply>) -> Body) -> Pin<Box<TheGenerator>> {
        Generator::boxed_send(make)
    }

    include!("common/script.rs");
}
