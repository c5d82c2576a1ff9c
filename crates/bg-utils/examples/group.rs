//! A crawler: pages link to pages, four are fetched at a time, and after a second it is enough.
//!
//! `cargo run -p corokit-bg-utils --features group --example group`

use corokit_bg_utils::group::{Group, Handle};
use smol::Timer;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

type Page = Pin<Box<dyn Future<Output = u64> + Send>>;

fn fetch(page: u64, group: Handle<'static, 'static, u64>) -> Page {
    Box::pin(async move {
        Timer::after(Duration::from_millis(20)).await;
        assert_ne!(page % 7, 6, "page {page} is broken");
        for link in [2 * page + 1, 2 * page + 2] {
            // The links are followed by tasks of their own, which wait until there is room.
            let (next, handle) = (fetch(link, group.clone()), group.clone());
            smol::spawn(async move { drop(handle.spawn(next).await) }).detach();
        }
        page
    })
}

fn main() {
    // A broken page is a value here, so that nobody needs to read of its panic.
    std::panic::set_hook(Box::new(|_| {}));
    let mut group = Group::new(|child| smol::spawn(child).detach()).limit(4);
    smol::block_on(async {
        group.spawn(fetch(0, group.handle())).await.unwrap();
        Timer::after(Duration::from_millis(800)).await;
        let outcomes = group.close_within(Duration::from_millis(200)).await;
        let (pages, broken): (Vec<_>, Vec<_>) = outcomes
            .finished
            .into_iter()
            .map(|page| page.outcome)
            .partition(Result::is_ok);
        println!(
            "{} pages, {} broken, {} given up",
            pages.len(),
            broken.len(),
            outcomes.cancelled.len()
        );
        if let Some(Err(failure)) = broken.first() {
            println!("for instance: {failure}");
        }
    });
}
