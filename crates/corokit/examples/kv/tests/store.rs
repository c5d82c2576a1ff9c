//! The store against a naive model: a sorted map that drops what has expired at every step.

use std::collections::BTreeMap;
use std::iter;

use proptest::collection::vec;
use proptest::prelude::*;

use crate::store::{End, Millis, Store, Value, WrongType};

#[derive(Clone, Debug)]
enum Op {
    Get(u8),
    Set(u8, Vec<u8>, Option<i64>),
    Remove(u8),
    Push(u8, End, Vec<Vec<u8>>),
    Pop(u8, End),
    PopMany(u8, End, usize),
    SetDeadline(u8, Option<i64>),
    Deadline(u8),
    Wait(i64),
    Expire(u8),
    Scan,
    Clear,
}

fn any_op() -> impl Strategy<Value = Op> {
    // Few keys, so that operations meet.
    let key = 0_u8..6;
    let text = || vec(any::<u8>(), 0..24);
    let end = || prop::sample::select(vec![End::Left, End::Right]);
    let ttl = || prop::option::of(1_i64..50);
    prop_oneof![
        key.clone().prop_map(Op::Get),
        (key.clone(), text(), ttl()).prop_map(|(key, text, ttl)| Op::Set(key, text, ttl)),
        key.clone().prop_map(Op::Remove),
        (key.clone(), end(), vec(text(), 1..4)).prop_map(|(key, end, all)| Op::Push(key, end, all)),
        (key.clone(), end()).prop_map(|(key, end)| Op::Pop(key, end)),
        (key.clone(), end(), 0_usize..5).prop_map(|(key, end, count)| Op::PopMany(key, end, count)),
        (key.clone(), ttl()).prop_map(|(key, ttl)| Op::SetDeadline(key, ttl)),
        key.clone().prop_map(Op::Deadline),
        (0_i64..30).prop_map(Op::Wait),
        key.prop_map(Op::Expire),
        Just(Op::Scan),
        Just(Op::Clear),
    ]
}

#[derive(Clone, Debug, PartialEq)]
enum ModelValue {
    String(Vec<u8>),
    List(Vec<Vec<u8>>),
}

/// Values by key, with the moment when they expire.
#[derive(Default)]
struct Model {
    entries: BTreeMap<Vec<u8>, (ModelValue, Option<i64>)>,
    now: i64,
}

impl Model {
    fn has_list(&self, key: &[u8]) -> Result<bool, WrongType> {
        match self.entries.get(key) {
            None => Ok(false),
            Some((ModelValue::List(_), _)) => Ok(true),
            Some((ModelValue::String(_), _)) => Err(WrongType),
        }
    }

    fn list(&mut self, key: &[u8]) -> Result<Option<&mut Vec<Vec<u8>>>, WrongType> {
        match self.entries.get_mut(key) {
            None => Ok(None),
            Some((ModelValue::List(list), _)) => Ok(Some(list)),
            Some((ModelValue::String(_), _)) => Err(WrongType),
        }
    }

    fn push(&mut self, key: &[u8], end: End, all: &[Vec<u8>]) -> Result<usize, WrongType> {
        if self.list(key)?.is_none() {
            let empty = ModelValue::List(Vec::new());
            self.entries.insert(key.to_vec(), (empty, None));
        }
        let list = self.list(key)?.unwrap();
        for element in all {
            let at = if end == End::Left { 0 } else { list.len() };
            list.insert(at, element.clone());
        }
        Ok(list.len())
    }

    fn pop(&mut self, key: &[u8], end: End) -> Result<Option<Vec<u8>>, WrongType> {
        let Some(list) = self.list(key)? else {
            return Ok(None);
        };
        let element = list.remove(if end == End::Left { 0 } else { list.len() - 1 });
        if list.is_empty() {
            self.entries.remove(key);
        }
        Ok(Some(element))
    }

    fn wait(&mut self, millis: i64) {
        self.now += millis;
        self.entries
            .retain(|_, (_, deadline)| deadline.is_none_or(|at| at >= self.now));
    }
}

fn at(millis: i64) -> Millis {
    Millis::START.after(millis).unwrap()
}

fn name(key: u8) -> Vec<u8> {
    // Some keys are longer than what is kept without an allocation.
    format!("key:{key}:{}", "x".repeat(5 * key as usize)).into_bytes()
}

fn read(value: Option<&mut Value>) -> Option<ModelValue> {
    value.map(|value| match value {
        Value::String(string) => ModelValue::String(string.to_vec()),
        Value::List(list) => ModelValue::List(list.iter().map(|e| e.to_vec()).collect()),
    })
}

fn all_keys(store: &Store, count: usize) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let mut cursor = 0;
    loop {
        cursor = store.scan(cursor, count, |key| found.push(key.to_vec()));
        if cursor == 0 {
            found.sort();
            return found;
        }
    }
}

fn check(op: &Op, store: &mut Store, model: &mut Model) {
    match op {
        Op::Get(key) => {
            let key = name(*key);
            let expected = model.entries.get(&key).map(|(value, _)| value.clone());
            assert_eq!(read(store.get(&key)), expected);
        }
        Op::Set(key, text, ttl) => {
            let key = name(*key);
            store.set(&key, text, ttl.map(|ttl| at(model.now + ttl)));
            let value = ModelValue::String(text.clone());
            model
                .entries
                .insert(key, (value, ttl.map(|ttl| model.now + ttl)));
        }
        Op::Remove(key) => {
            let key = name(*key);
            assert_eq!(store.remove(&key), model.entries.remove(&key).is_some());
        }
        Op::Push(key, end, all) => {
            let key = name(*key);
            let elements = all.iter().map(Vec::as_slice);
            assert_eq!(
                store.push(&key, *end, elements),
                model.push(&key, *end, all)
            );
        }
        Op::Pop(key, end) => {
            let key = name(*key);
            let popped = store
                .pop(&key, *end)
                .map(|element| element.map(|e| e.to_vec()));
            assert_eq!(popped, model.pop(&key, *end));
        }
        Op::PopMany(key, end, count) => {
            let key = name(*key);
            let popped = store.pop_many(&key, *end, *count).map(|elements| {
                let elements = elements?.into_iter().map(|element| element.to_vec());
                Some(elements.collect::<Vec<_>>())
            });
            let expected = model.has_list(&key).map(|is_there| {
                let one = || model.pop(&key, *end).ok().flatten();
                let mut all: Vec<_> = iter::repeat_with(one)
                    .take(*count)
                    .map_while(|element| element)
                    .collect();
                if *end == End::Right {
                    all.reverse();
                }
                is_there.then_some(all)
            });
            assert_eq!(popped, expected);
        }
        Op::SetDeadline(key, ttl) => {
            let key = name(*key);
            let deadline = ttl.map(|ttl| model.now + ttl);
            let entry = model.entries.get_mut(&key);
            assert_eq!(store.set_deadline(&key, deadline.map(at)), entry.is_some());
            if let Some((_, old)) = entry {
                *old = deadline;
            }
        }
        Op::Deadline(key) => {
            let key = name(*key);
            let expected = model
                .entries
                .get(&key)
                .map(|(_, deadline)| deadline.map(at));
            assert_eq!(store.deadline(&key), expected);
        }
        Op::Wait(millis) => {
            model.wait(*millis);
            store.set_now(at(model.now));
        }
        Op::Expire(key) => {
            let key = name(*key);
            let there = model.entries.contains_key(&key);
            // The model has dropped what has expired; the store may have done so, too.
            assert!(!(store.expire(&key) && there));
        }
        Op::Scan => {
            let expected: Vec<_> = model.entries.keys().cloned().collect();
            assert_eq!(all_keys(store, 2), expected);
            assert_eq!(all_keys(store, usize::MAX), expected);
        }
        Op::Clear => {
            store.clear();
            model.entries.clear();
        }
    }
}

proptest! {
    #[test]
    fn the_store_does_what_the_model_does(ops in vec(any_op(), 0..120)) {
        let mut store = Store::new();
        let mut model = Model::default();
        let mut news = Vec::new();
        for (index, op) in ops.iter().enumerate() {
            check(op, &mut store, &mut model);
            if index % 3 == 0 {
                news.push(store.take_news());
            }
        }
        // Whoever follows the news knows when each key expires, and when it is removed nothing is left.
        let mut known = BTreeMap::new();
        for news in news.into_iter().chain([store.take_news()]) {
            if news.cleared {
                known.clear();
            }
            for (key, deadline) in news.deadlines {
                match deadline {
                    Some(deadline) => known.insert(key, deadline),
                    None => known.remove(&key),
                };
            }
        }
        known.retain(|key, deadline| {
            let due = *deadline < store.now();
            assert_eq!(store.expire(key), due);
            !due
        });
        let deadlines = model.entries.iter().filter_map(|(key, (_, deadline))| {
            deadline.map(|deadline| (key.as_slice(), at(deadline)))
        });
        let known = known.iter().map(|(key, deadline)| (key.as_slice(), *deadline));
        prop_assert_eq!(known.collect::<Vec<_>>(), deadlines.clone().collect::<Vec<_>>());
        prop_assert_eq!(store.len(), model.entries.len());
        prop_assert_eq!(store.deadlines_len(), deadlines.count());
    }
}

#[test]
fn a_key_lives_up_to_its_deadline() {
    let mut store = Store::new();
    store.set(b"a", b"", Some(at(10)));
    store.set_now(at(10));
    assert!(store.get(b"a").is_some());
    store.set_now(at(11));
    assert!(store.get(b"a").is_none());
}

#[test]
fn time_does_not_go_back() {
    let mut store = Store::new();
    store.set_now(at(10));
    store.set_now(at(5));
    assert_eq!(store.now(), at(10));
    assert_eq!(at(5).since(at(10)), 0);
    assert_eq!(Millis::START.after(-5), Some(Millis::START));
    assert_eq!(Millis::START.after(i64::MAX), None);
}

#[test]
fn a_list_of_another_type_is_left_alone() {
    let mut store = Store::new();
    store.set(b"a", b"text", None);
    assert_eq!(
        store.push(b"a", End::Left, iter::once(&b"x"[..])),
        Err(WrongType)
    );
    assert_eq!(store.pop(b"a", End::Left), Err(WrongType));
    assert_eq!(store.string(b"a").unwrap().unwrap().as_slice(), b"text");
}
