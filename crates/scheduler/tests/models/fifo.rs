//! Operations on the first-in-first-out queue beside a `Vec`.

use corokit_core::ReadyQueue;
use corokit_scheduler::Fifo;

pub(crate) const SLOTS: u32 = 12;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    Push(u32),
    Pop,
    Remove(u32),
    InsertAt(u32, usize),
    InsertAfter(u32, u32),
    InsertBefore(u32, u32),
    Rotate(usize),
}

/// Does the same to both. A slot that is in the queue is not put there again: the scheduler's
/// promise.
fn apply(queue: &mut Fifo, model: &mut Vec<u32>, step: Step) {
    let find = |model: &Vec<u32>, slot| model.iter().position(|other| *other == slot);
    match step {
        Step::Push(slot) if !queue.contains(slot) => {
            queue.push(slot);
            model.push(slot);
        }
        Step::Pop => {
            let popped = (!model.is_empty()).then(|| model.remove(0));
            assert_eq!(queue.pop(), popped);
        }
        Step::Remove(slot) => {
            let found = find(model, slot).map(|index| model.remove(index));
            assert_eq!(queue.remove(slot), found.is_some());
        }
        Step::InsertAt(slot, index) if !queue.contains(slot) => {
            queue.insert_at(slot, index);
            model.insert(index.min(model.len()), slot);
        }
        Step::InsertAfter(slot, anchor) if !queue.contains(slot) => {
            let found = find(model, anchor);
            assert_eq!(queue.insert_after(slot, anchor), found.is_some());
            if let Some(index) = found {
                model.insert(index + 1, slot);
            }
        }
        Step::InsertBefore(slot, anchor) if !queue.contains(slot) => {
            let found = find(model, anchor);
            assert_eq!(queue.insert_before(slot, anchor), found.is_some());
            if let Some(index) = found {
                model.insert(index, slot);
            }
        }
        Step::Rotate(count) => {
            queue.rotate_left(count);
            let len = model.len().max(1);
            model.rotate_left(count % len);
        }
        _ => {}
    }
}

/// Does the same with the queue and with a `Vec`, and compares after each step.
pub(crate) fn run(steps: impl IntoIterator<Item = Step>) {
    let mut queue = Fifo::new();
    let mut model = Vec::new();
    queue.set_slots(SLOTS as usize / 2);
    queue.set_slots(SLOTS as usize);
    for step in steps {
        apply(&mut queue, &mut model, step);
        assert_eq!(queue.iter().collect::<Vec<_>>(), model.clone());
        assert_eq!(
            (queue.len(), queue.is_empty()),
            (model.len(), model.is_empty())
        );
        for slot in 0..SLOTS {
            assert_eq!(queue.contains(slot), model.contains(&slot));
        }
    }
}
