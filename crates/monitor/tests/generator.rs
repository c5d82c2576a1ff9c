//! Generators, on one thread and between threads.

#[path = "common/log.rs"]
mod log;
#[path = "common/wakes.rs"]
mod wakes;

macro_rules! make_local {
    ($body:expr) => {
        corokit_monitor::Generator::boxed($body)
    };
}

mod on_one_thread {
    type Yields<Y, R = ()> = corokit_monitor::Yielder<Y, R>;
    macro_rules! make {
        ($body:expr) => {
            corokit_monitor::Generator::boxed($body)
        };
    }
    include!("common/yielding.rs");
}

mod between_threads {
    type Yields<Y, R = ()> = corokit_monitor::SendYielder<Y, R>;
    macro_rules! make {
        ($body:expr) => {
            corokit_monitor::Generator::boxed_send($body)
        };
    }
    include!("common/yielding.rs");
}

mod threads {
    use std::future::Future;
    use std::pin::Pin;
    use std::thread;

    use corokit_monitor::{Generator, GeneratorExt, Port, SendYielder, StackYielder};
    use futures_lite::StreamExt;
    use futures_lite::future::{block_on, yield_now};

    fn is_send<T: Send>(_: &T) {}

    #[test]
    fn each_value_on_a_thread_of_its_own() {
        let mut generator = Generator::boxed_send(|yielder: SendYielder<u32, u32>| async move {
            let mut sum = 0;
            for _ in 0..4 {
                yield_now().await;
                sum += yielder.yield_(sum).await;
            }
        });
        is_send(&generator);
        let first = generator.start();
        is_send(&first);
        let mut value = block_on(first);
        let mut values = Vec::new();
        while let Some(number) = value {
            values.push(number);
            (generator, value) = thread::spawn(move || {
                let value = block_on(generator.send(10));
                (generator, value)
            })
            .join()
            .unwrap();
        }
        assert_eq!(values, [0, 10, 20, 30]);
    }

    #[test]
    fn fed_by_threads_and_collected_by_a_task() {
        let generator = Generator::boxed_send(|yielder: SendYielder<u32>| async move {
            let feeders: Vec<_> = (0..4)
                .map(|feeder| {
                    let yielder = yielder.clone();
                    smol::unblock(move || {
                        for number in 0..20 {
                            block_on(yielder.yield_(feeder * 100 + number));
                        }
                    })
                })
                .collect();
            for feeder in feeders {
                feeder.await;
            }
        });
        let values = block_on(smol::spawn(generator.collect::<Vec<_>>()));
        assert_eq!(values.len(), 80);
        for feeder in 0..4 {
            let own: Vec<_> = values
                .iter()
                .filter(|value| **value / 100 == feeder)
                .collect();
            assert!(own.len() == 20 && own.is_sorted());
        }
    }

    #[test]
    fn a_body_in_a_box_gives_the_generator_a_name() {
        type Body = Pin<Box<dyn Future<Output = ()> + Send>>;
        struct Numbers {
            generator: Pin<Box<corokit_monitor::SendGenerator<u32, (), Body>>>,
        }
        let mut numbers = Numbers {
            generator: Generator::boxed_send(|yielder| -> Body {
                Box::pin(async move { yielder.yield_(1).await })
            }),
        };
        assert_eq!(numbers.generator.iter().next(), Some(Ok(1)));
    }

    #[test]
    fn on_tokio_and_on_corokits_loop() {
        async fn sum() -> u32 {
            let generator = Generator::boxed(async |yielder: corokit_monitor::Yielder<u32>| {
                for number in 1..=4 {
                    yield_now().await;
                    yielder.yield_(number).await;
                }
            });
            generator.fold(0, |sum, number| sum + number).await
        }
        let tokio = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        assert_eq!(tokio.block_on(sum()), 10);
        assert_eq!(corokit_sched_loop::run(sum()), 10);
        assert_eq!(smol::block_on(sum()), 10);
    }

    #[test]
    fn a_value_allocates_nothing() {
        let mut port = Port::<u64, ()>::new();
        let none = allocation_counter::measure(|| {
            let mut generator = std::pin::pin!(Generator::on(
                &mut port,
                async |yielder: StackYielder<'_, u64>| {
                    for number in 0..1000 {
                        yielder.yield_(number).await;
                    }
                }
            ));
            assert_eq!(generator.iter().map(Result::unwrap).sum::<u64>(), 999 * 500);
        });
        assert_eq!(none.count_total, 0);

        let mut generator = Generator::boxed_send(|yielder: SendYielder<u64>| async move {
            for number in 0..1000 {
                yielder.yield_(number).await;
            }
        });
        assert_eq!(generator.iter().next(), Some(Ok(0)));
        let none = allocation_counter::measure(|| {
            assert_eq!(generator.iter().count(), 999);
        });
        assert_eq!(none.count_total, 0);
    }
}
