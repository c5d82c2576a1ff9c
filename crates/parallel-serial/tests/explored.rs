//! Among tasks, in many orders, with wake-ups without a reason, and dropped anywhere.
#![cfg(not(loom))]

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use corokit_lab::{Lab, Options, Strategy, cancel_everywhere, panic_everywhere};
use corokit_parallel_serial::{ReturnWhen, WaitSet, as_completed, gather, scope, try_gather};
use corokit_sched_loop::spawn;
use futures_lite::future::yield_now;

/// Tasks that wake children of one another's sets, by channels.
async fn everything() {
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..40).map(|_| async_channel::bounded(1)).unzip();
    let sending = spawn(async move {
        for (n, sender) in senders.iter().enumerate().rev() {
            sender.send(n).await.unwrap();
            if n % 3 == 0 {
                yield_now().await;
            }
        }
        gather(senders.iter().map(|sender| sender.send(0))).await;
    });
    let take = |receiver: &async_channel::Receiver<usize>| {
        let receiver = receiver.clone();
        async move { receiver.recv().await.unwrap() }
    };
    let firsts = gather(receivers.iter().map(take)).await;
    assert!(firsts.into_iter().eq(0..40));
    let mut seen = 0;
    let mut seconds = as_completed(receivers.iter().map(take));
    while let Some((_, second)) = seconds.next().await {
        assert_eq!(second, 0);
        seen += 1;
    }
    assert_eq!(seen, 40);
    sending.await;
}

#[test]
fn in_every_order_nothing_is_lost() {
    for strategy in [Strategy::Random, Strategy::Pct { depth: 3 }] {
        let options = Options::new().strategy(strategy).spurious_wakes(true);
        if let Err(failure) = options.try_check(200, |_| everything()) {
            panic!("{failure}");
        }
    }
}

#[test]
fn scopes_and_sets_may_be_dropped_or_panic_anywhere() {
    let body = |lab: Lab| async move {
        let alive = Rc::new(());
        let log = Rc::new(RefCell::new(0));
        let (token, note) = (Rc::clone(&alive), Rc::clone(&log));
        let victim = async move {
            let sum = Cell::new(0);
            scope(|s| {
                let (sum, token) = (&sum, &token);
                async move {
                    for n in 0..3 {
                        let (token, inner) = (Rc::clone(token), s.clone());
                        s.spawn(async move {
                            yield_now().await;
                            inner.spawn(async move {
                                let _token = token;
                                yield_now().await;
                                sum.set(sum.get() + n);
                            });
                        });
                    }
                    s.join().await;
                }
            })
            .await;
            let mut set = WaitSet::from_iter((0..3).map(|_| {
                let token = Rc::clone(&token);
                async move {
                    let _token = token;
                    yield_now().await;
                    Ok::<(), ()>(())
                }
            }));
            set.wait(ReturnWhen::FirstCompleted).await;
            let _ = try_gather(
                [set.wait(ReturnWhen::AllCompleted)].map(async |w| Ok::<_, ()>(w.await)),
            )
            .await;
            *note.borrow_mut() = sum.get();
        };
        let outcome = lab.victim("victim", victim).await;
        assert_eq!(outcome.is_some(), *log.borrow() == 3);
        assert_eq!(Rc::strong_count(&alive), 1);
    };
    assert!(cancel_everywhere(body).schedules() > 3);
    panic_everywhere(body);
}
