//! What a scan promises: a key that is there all the time is found.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;

use crate::store::Store;

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
