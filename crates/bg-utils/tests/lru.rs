//! The bounded maps: what goes, and when.
#![cfg(all(feature = "ttl-lru", not(loom)))]

#[path = "support/clock.rs"]
mod clock;

use std::time::Duration;

use clock::Clock;
use corokit_bg_utils::lru::{Lru, TtlLru};
use proptest::prelude::*;

const SECOND: Duration = Duration::from_secs(1);

fn keys<V>(map: &Lru<u32, V>) -> Vec<u32> {
    map.iter().map(|(&key, _)| key).collect()
}

#[test]
fn reading_and_overwriting_and_defaulting_are_use() {
    let filled = || {
        let mut map = Lru::new(3);
        for key in [1, 2, 3] {
            assert_eq!(map.insert(key, ()), None);
        }
        map
    };
    let uses: [fn(&mut Lru<u32, ()>); 4] = [
        |map| assert!(map.get(&1).is_some()),
        |map| assert!(map.get_mut(&1).is_some()),
        |map| assert_eq!(map.insert(1, ()), Some((1, ()))),
        |map| *map.get_or_insert_with(1, || unreachable!()) = (),
    ];
    for used in uses {
        let mut map = filled();
        used(&mut map);
        assert_eq!(keys(&map), [1, 3, 2]);
        assert_eq!(map.insert(4, ()), Some((2, ())));
    }
    let mut map = filled();
    assert!(map.peek(&1).is_some() && map.contains(&1));
    assert_eq!(map.insert(4, ()), Some((1, ())));
}

#[test]
fn small_capacities() {
    let mut none = Lru::new(0);
    assert_eq!(none.insert(1, 'a'), Some((1, 'a')));
    assert_eq!(none.get(&1), None);
    assert_eq!(none.len(), 0);
    *none.get_or_insert_with(1, || 'a') = 'b';
    *none.get_or_insert_with(2, || 'c') = 'd';
    assert_eq!(none.iter().collect::<Vec<_>>(), [(&2, &'d')]);
    assert_eq!(none.insert(2, 'e'), Some((2, 'e')));
    assert_eq!(none.get(&2), None);
    none.get_or_insert_with(3, || 'f');
    assert_eq!(none.insert(4, 'g'), Some((4, 'g')));
    assert!(none.is_empty());
    let mut one = Lru::new(1);
    assert_eq!(one.insert(1, 'a'), None);
    assert_eq!(one.insert(1, 'b'), Some((1, 'a')));
    assert_eq!(one.insert(2, 'c'), Some((1, 'b')));
    assert_eq!(one.pop(), Some((2, 'c')));
    assert_eq!(one.pop(), None);
    // The originals' map with a time to live cannot be as small as this.
    let mut one = TtlLru::new(1, SECOND);
    assert_eq!(one.insert(1, 'a'), None);
    assert_eq!(one.insert(2, 'b'), Some((1, 'a')));
    assert_eq!(one.get(&2), Some(&'b'));
}

#[test]
fn a_value_that_cannot_be_made_costs_no_other() {
    let mut map = Lru::new(1);
    map.insert(1, 'a');
    let made = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        map.get_or_insert_with(2, || panic!("no value"));
    }));
    assert!(made.is_err());
    assert_eq!(map.iter().collect::<Vec<_>>(), [(&1, &'a')]);
}

#[test]
fn the_capacity_may_change() {
    let mut map = Lru::new(4);
    for key in 0..4 {
        map.insert(key, ());
    }
    map.get(&0);
    assert_eq!(map.set_capacity(2), [(1, ()), (2, ())]);
    assert_eq!(map.set_capacity(3), []);
    assert_eq!(map.insert(5, ()), None);
    assert_eq!(keys(&map), [5, 0, 3]);
}

#[test]
fn values_are_missing_from_the_very_instant() {
    let (clock, _installed) = Clock::install();
    let mut map = TtlLru::new(8, SECOND);
    map.insert(1, 'a');
    clock.advance(SECOND - Duration::from_nanos(1));
    assert_eq!(map.peek(&1), Some(&'a'));
    // Reading does not prolong it.
    assert_eq!(map.get(&1), Some(&'a'));
    clock.advance(Duration::from_nanos(1));
    assert_eq!(map.peek(&1), None);
    assert_eq!(map.expires_at(&1), None);
    assert_eq!(map.len(), 1);
    assert_eq!(map.get(&1), None);
    assert_eq!(map.len(), 0);
}

#[test]
fn a_value_that_comes_again_lives_its_full_time() {
    let (clock, _installed) = Clock::install();
    let mut map = TtlLru::new(1, SECOND);
    map.insert(1, 'a');
    clock.advance(SECOND / 2);
    // Gone, and here again; and overwritten.
    map.insert(2, 'b');
    map.insert(1, 'c');
    clock.advance(SECOND / 4);
    map.insert(1, 'd');
    clock.advance(SECOND * 3 / 4);
    assert_eq!(map.get(&1), Some(&'d'));
    clock.advance(SECOND / 4);
    assert_eq!(map.get(&1), None);
}

#[test]
fn overwriting_costs_no_memory_and_what_expires_goes_by_itself() {
    let (clock, _installed) = Clock::install();
    let mut map = TtlLru::new(usize::MAX, SECOND);
    for _ in 0..10_000 {
        map.insert(0, 'a');
        clock.advance(SECOND / 10_000);
    }
    assert_eq!(map.len(), 1);
    for key in 1..=1_000 {
        map.insert(key, 'b');
    }
    clock.advance(SECOND);
    // Each call takes two away, and an insertion brings one.
    for key in 2_001..=3_001 {
        map.insert(key, 'c');
    }
    assert_eq!(map.len(), 1_001);
    clock.advance(SECOND);
    assert_eq!(map.purge_expired(), 1_001);
}

#[test]
fn a_time_too_long_for_the_clock_is_for_ever() {
    let mut map = TtlLru::new(8, Duration::MAX);
    map.insert(1, 'a');
    assert_eq!(map.get(&1), Some(&'a'));
    assert_eq!(map.expires_at(&1), None);
    assert_eq!(map.remove(&1), Some('a'));
}

/// What a program may do.
#[derive(Clone, Debug)]
enum Do {
    Get(u8),
    Peek(u8),
    Insert(u8),
    GetOrInsert(u8),
    Remove(u8),
    Pop,
    Resize(u8),
    Clear,
    Wait(u8),
    Purge,
}

fn program() -> impl Strategy<Value = Vec<Do>> {
    let key = || 0_u8..12;
    let one = prop_oneof![
        4 => key().prop_map(Do::Get),
        1 => key().prop_map(Do::Peek),
        6 => key().prop_map(Do::Insert),
        2 => key().prop_map(Do::GetOrInsert),
        2 => key().prop_map(Do::Remove),
        1 => Just(Do::Pop),
        1 => (0_u8..8).prop_map(Do::Resize),
        1 => Just(Do::Clear),
        3 => (0_u8..60).prop_map(Do::Wait),
        1 => Just(Do::Purge),
    ];
    proptest::collection::vec(one, 0..120)
}

/// The entries from the one used last to the one used longest ago.
#[derive(Default)]
struct Model {
    entries: Vec<(u8, u32, u64)>,
    capacity: usize,
}

impl Model {
    fn take(&mut self, key: u8) -> Option<(u8, u32, u64)> {
        let at = self.entries.iter().position(|entry| entry.0 == key)?;
        Some(self.entries.remove(at))
    }

    fn get(&mut self, key: u8) -> Option<u32> {
        let entry = self.take(key)?;
        self.entries.insert(0, entry);
        Some(entry.1)
    }

    fn insert(&mut self, key: u8, value: u32, expires: u64) -> Option<(u8, u32)> {
        let mut gone = self.take(key);
        if gone.is_none() {
            if self.capacity == 0 {
                return Some((key, value));
            }
            if self.entries.len() >= self.capacity {
                gone = self.entries.pop();
            }
        }
        self.entries.insert(0, (key, value, expires));
        gone.map(|(key, value, _)| (key, value))
    }

    fn expire(&mut self, now: u64) {
        self.entries.retain(|entry| entry.2 > now);
    }
}

proptest! {
    #[test]
    fn like_a_list(capacity in 0_usize..8, program in program()) {
        let (mut map, mut model) = (Lru::new(capacity), Model { capacity, ..Model::default() });
        for (value, action) in (0_u32..).zip(program) {
            match action {
                Do::Get(key) => prop_assert_eq!(map.get(&key).copied(), model.get(key)),
                Do::Peek(key) => {
                    let there = model.entries.iter().find(|entry| entry.0 == key);
                    prop_assert_eq!(map.peek(&key).copied(), there.map(|entry| entry.1));
                }
                Do::Insert(key) => {
                    prop_assert_eq!(map.insert(key, value), model.insert(key, value, 0));
                }
                Do::GetOrInsert(key) if model.capacity > 0 => {
                    let got = *map.get_or_insert_with(key, || value);
                    let expected = model.get(key).unwrap_or_else(|| {
                        model.insert(key, value, 0);
                        value
                    });
                    prop_assert_eq!(got, expected);
                }
                Do::Remove(key) => {
                    let gone = model.take(key).map(|entry| entry.1);
                    prop_assert_eq!(map.remove(&key), gone);
                }
                Do::Pop => {
                    let gone = model.entries.pop().map(|(key, value, _)| (key, value));
                    prop_assert_eq!(map.pop(), gone);
                }
                Do::Resize(capacity) => {
                    model.capacity = capacity.into();
                    let mut gone = Vec::new();
                    while model.entries.len() > model.capacity {
                        gone.extend(model.entries.pop().map(|(key, value, _)| (key, value)));
                    }
                    prop_assert_eq!(map.set_capacity(capacity.into()), gone);
                }
                Do::Clear => {
                    map.clear();
                    model.entries.clear();
                }
                Do::GetOrInsert(_) | Do::Wait(_) | Do::Purge => {}
            }
            let entries: Vec<_> = map.iter().map(|(&key, &value)| (key, value)).collect();
            let expected: Vec<_> = model.entries.iter().map(|entry| (entry.0, entry.1)).collect();
            prop_assert_eq!(entries, expected);
        }
    }

    /// The model forgets at once what has expired; the map may hold it for a while, and must not
    /// show it. Without a bound, because what has expired takes room until it goes.
    #[test]
    fn like_a_list_with_time(ttl in 1_u64..100, program in program()) {
        let (clock, _installed) = Clock::install();
        let ttl_of = Duration::from_millis(ttl);
        let mut map = TtlLru::new(usize::MAX, ttl_of);
        let (mut model, mut now) = (Model { capacity: usize::MAX, ..Model::default() }, 0);
        for (value, action) in (0_u32..).zip(program) {
            match action {
                Do::Get(key) => prop_assert_eq!(map.get(&key).copied(), model.get(key)),
                Do::Peek(key) => {
                    let there = model.entries.iter().find(|entry| entry.0 == key);
                    prop_assert_eq!(map.contains(&key), there.is_some());
                }
                Do::Insert(key) | Do::GetOrInsert(key) => {
                    prop_assert_eq!(map.insert(key, value), model.insert(key, value, now + ttl));
                }
                Do::Remove(key) => {
                    let gone = model.take(key).map(|entry| entry.1);
                    prop_assert_eq!(map.remove(&key), gone);
                }
                Do::Wait(millis) => {
                    now += u64::from(millis);
                    clock.advance(Duration::from_millis(millis.into()));
                    model.expire(now);
                }
                Do::Purge => {
                    let expired = map.len() - model.entries.len();
                    prop_assert_eq!(map.purge_expired(), expired);
                }
                Do::Clear => {
                    map.clear();
                    model.entries.clear();
                }
                Do::Pop | Do::Resize(_) => {}
            }
            let live: Vec<_> = map
                .iter()
                .filter(|(key, _)| map.contains(*key))
                .map(|(&key, &value)| (key, value))
                .collect();
            let expected: Vec<_> = model.entries.iter().map(|entry| (entry.0, entry.1)).collect();
            prop_assert_eq!(live, expected);
        }
    }

    /// With a bound and with time, what has expired takes room for a while, so that no model can say
    /// what goes; but what is found was written last, and its time is not over.
    #[test]
    fn what_is_found_was_written_last_and_is_not_over(
        capacity in 0_usize..6,
        ttl in 1_u64..100,
        program in program(),
    ) {
        let (clock, _installed) = Clock::install();
        let mut map = TtlLru::new(capacity, Duration::from_millis(ttl));
        let (mut written, mut now) = (std::collections::HashMap::new(), 0);
        for (value, action) in (0_u32..).zip(program) {
            match action {
                Do::Insert(key) | Do::GetOrInsert(key) => {
                    map.insert(key, value);
                    written.insert(key, (value, now + ttl));
                    prop_assert_eq!(map.contains(&key), capacity > 0);
                }
                Do::Remove(key) => {
                    map.remove(&key);
                    written.remove(&key);
                }
                Do::Wait(millis) => {
                    now += u64::from(millis);
                    clock.advance(Duration::from_millis(millis.into()));
                }
                Do::Get(key) | Do::Peek(key) => {
                    let peeked = map.peek(&key).copied();
                    prop_assert_eq!(map.get(&key).copied(), peeked);
                    if let Some(value) = peeked {
                        prop_assert_eq!(written[&key].0, value);
                        prop_assert!(written[&key].1 > now);
                    }
                }
                Do::Purge => {
                    map.purge_expired();
                }
                Do::Clear => map.clear(),
                Do::Pop | Do::Resize(_) => {}
            }
            prop_assert!(map.len() <= capacity);
            prop_assert_eq!(map.iter().count(), map.len());
        }
    }
}
