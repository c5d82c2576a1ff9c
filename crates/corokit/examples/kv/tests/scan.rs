//! What a scan promises: a key that is there all the time is found, and by `KEYS` once; and the same
//! for the elements of a list.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;

use crate::store::{Bytes, End, Store};

fn name(key: u16) -> Vec<u8> {
    format!("key:{key}").into_bytes()
}

proptest! {
    #[test]
    fn a_key_that_stays_is_found(
        start in 0_u16..60,
        count in 1_usize..12,
        // What happens between two calls: keys that come, and keys that go.
        between in vec(vec((any::<bool>(), 0_u16..80), 0..8), 0..60),
    ) {
        let mut store = Store::new();
        for key in 0..start {
            store.set(&name(key), b"", None);
        }
        let mut stays: BTreeSet<_> = (0..start).map(name).collect();
        let mut between = between.into_iter();
        let mut found = BTreeSet::new();
        let mut cursor = 0;
        loop {
            cursor = store.scan(cursor, count, |key| {
                found.insert(key.to_vec());
            });
            if cursor == 0 {
                break;
            }
            for (comes, key) in between.next().unwrap_or_default() {
                if comes {
                    store.set(&name(key), b"", None);
                } else {
                    store.remove(&name(key));
                    stays.remove(&name(key));
                }
            }
        }
        let missed: Vec<_> = stays.difference(&found).collect();
        prop_assert!(missed.is_empty(), "missed {missed:?}");
    }
}

#[test]
fn a_cursor_from_elsewhere_does_no_harm() {
    let mut store = Store::new();
    store.set(b"a", b"", None);
    let mut found = 0;
    assert_eq!(store.scan(u64::MAX, 10, |_| found += 1), 0);
    assert_eq!(found, 1);
}

proptest! {
    #[test]
    fn a_key_that_stays_is_found_once(
        start in 0_u16..60,
        count in 1_usize..12,
        between in vec(vec((any::<bool>(), 0_u16..80), 0..8), 0..60),
        flushed in proptest::option::weighted(0.1, 0_usize..5),
    ) {
        let mut store = Store::new();
        for key in 0..start {
            store.set(&name(key), b"", None);
        }
        let mut stays: BTreeSet<_> = (0..start).map(name).collect();
        let mut between = between.into_iter();
        let mut found = Vec::new();
        // Another scan, at another place, does not disturb.
        let other = store.begin_scan();
        let scan = store.begin_scan();
        for round in 0.. {
            if !store.go_on_scanning(scan, count, |key| found.push(key.to_vec())) {
                break;
            }
            store.go_on_scanning(other, 1, |_| {});
            if flushed == Some(round) {
                store.clear();
                stays.clear();
            }
            for (comes, key) in between.next().unwrap_or_default() {
                if comes {
                    store.set(&name(key), b"", None);
                } else {
                    store.remove(&name(key));
                    stays.remove(&name(key));
                }
            }
        }
        store.end_scan(scan);
        let once: BTreeSet<_> = found.iter().cloned().collect();
        let missed: Vec<_> = stays.difference(&once).collect();
        prop_assert!(missed.is_empty(), "missed {missed:?}");
        // No key twice, whatever came and went.
        prop_assert_eq!(once.len(), found.len());
        let ended = !store.go_on_scanning(scan, 1, |_| {});
        prop_assert!(ended);
    }

    #[test]
    fn an_element_that_stays_is_copied_once_and_in_order(
        len in 1_u32..40,
        start in -45_i64..45,
        stop in -45_i64..45,
        count in 1_usize..12,
        between in vec(vec((any::<bool>(), any::<bool>()), 0..6), 0..40),
    ) {
        let mut store = Store::new();
        let text = |number: u32| number.to_string().into_bytes();
        for number in 0..len {
            let element = text(number);
            store.push(b"list", End::Right, std::iter::once(&*element)).unwrap();
        }
        let list = |store: &mut Store| -> Vec<Bytes> {
            let list = store.list(b"list").unwrap();
            list.map_or(Vec::new(), |list| list.iter().cloned().collect())
        };
        // What Python's slices give.
        let at = |index: i64| if index < 0 { index + i64::from(len) } else { index };
        let first = at(start).clamp(0, i64::from(len)) as usize;
        let end = (at(stop) + 1).clamp(first as i64, i64::from(len)) as usize;
        let mut stays: Vec<Bytes> = list(&mut store)[first..end].to_vec();
        let mut range = store.list(b"list").unwrap().unwrap().range_of(start, stop);
        let mut copied: Vec<Bytes> = Vec::new();
        let mut between = between.into_iter();
        let mut next = len;
        while !range.is_empty() {
            let Some(found) = store.list(b"list").unwrap() else {
                break;
            };
            copied.extend(found.copy_from(&mut range, count));
            for (push, left) in between.next().unwrap_or_default() {
                let end = if left { End::Left } else { End::Right };
                if push {
                    let element = text(next);
                    next += 1;
                    store.push(b"list", end, std::iter::once(&*element)).unwrap();
                } else if let Some(element) = store.pop(b"list", end).unwrap() {
                    stays.retain(|other| *other != element);
                }
            }
        }
        // What came in the place of something that was in the range may be copied, too.
        let once: BTreeSet<_> = copied.iter().collect();
        prop_assert_eq!(once.len(), copied.len());
        copied.retain(|element| stays.contains(element));
        prop_assert_eq!(copied, stays);
    }
}

#[test]
fn a_list_in_the_place_of_another_is_not_read_on() {
    let mut store = Store::new();
    let push = |store: &mut Store, text: &str| {
        let element = std::iter::once(text.as_bytes());
        store.push(b"list", End::Right, element).unwrap();
    };
    push(&mut store, "a");
    push(&mut store, "b");
    let list = store.list(b"list").unwrap().unwrap();
    let mut range = list.range_of(0, -1);
    assert_eq!(list.copy_from(&mut range, 1).len(), 1);
    store.remove(b"list");
    push(&mut store, "c");
    push(&mut store, "d");
    let list = store.list(b"list").unwrap().unwrap();
    assert!(list.copy_from(&mut range, 1).is_empty());
    assert!(range.is_empty());
}

/// What is large is handed out to be dropped later.
#[test]
fn large_values_and_everything_at_once_become_garbage() {
    let mut store = Store::new();
    let fill = |store: &mut Store| {
        for _ in 0..2000 {
            let element = std::iter::once(&b"x"[..]);
            store.push(b"list", End::Right, element).unwrap();
        }
    };
    let parts = |store: &mut Store| -> usize {
        let garbage = store.take_news().garbage;
        let count = |mut garbage: crate::store::Garbage| {
            let mut steps = 1;
            while garbage.drop_some(100) {
                steps += 1;
            }
            steps
        };
        garbage.into_iter().map(count).sum()
    };
    store.set(b"short", b"x", None);
    store.remove(b"short");
    assert_eq!(parts(&mut store), 0);
    fill(&mut store);
    store.remove(b"list");
    assert_eq!(parts(&mut store), 20);
    fill(&mut store);
    store.set(b"list", b"a string now", None);
    assert_eq!(parts(&mut store), 20);
    for key in 0..150 {
        store.set(&name(key), b"x", Some(crate::store::Millis::START));
    }
    store.clear();
    assert_eq!((store.len(), store.deadlines_len()), (0, 0));
    // 151 entries.
    assert_eq!(parts(&mut store), 2);
}
