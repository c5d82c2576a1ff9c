//! Priorities are ordered as their numbers.

use corokit_core::{Priority, PriorityError};
use proptest::prelude::*;

proptest! {
    #[test]
    fn priorities_are_ordered_as_their_numbers(one in any::<f64>(), other in any::<f64>()) {
        prop_assume!(one.is_finite() && other.is_finite());
        let (first, second) = (Priority::try_from(one), Priority::try_from(other));
        let (first, second) = (first.unwrap(), second.unwrap());
        prop_assert_eq!(first.partial_cmp(&second), one.partial_cmp(&other));
        prop_assert_eq!(first.value(), one);
    }

    #[test]
    fn whole_numbers_are_priorities(value in any::<i32>()) {
        prop_assert_eq!(Priority::new(value), Priority::try_from(f64::from(value)).unwrap());
        prop_assert_eq!(Priority::from(value).to_string(), value.to_string());
    }
}

#[test]
fn what_is_not_finite_is_no_priority() {
    for value in [f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(Priority::try_from(value), Err(PriorityError));
    }
}

#[test]
fn the_ends_and_the_zeros() {
    let numbers = [
        f64::MIN,
        -1.0,
        -f64::MIN_POSITIVE,
        0.0,
        f64::MIN_POSITIVE,
        1.0,
        f64::MAX,
    ];
    let priorities = numbers.map(|number| Priority::try_from(number).unwrap());
    assert!(priorities.is_sorted());
    assert_eq!(Priority::try_from(-0.0), Ok(Priority::NORMAL));
    assert_eq!(format!("{:?}", Priority::HIGH), "Priority(-10.0)");
}
