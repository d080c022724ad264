//! When rows have expired, and which were set aside.

use super::*;
use crate::model::samples::{collection, field};

fn context(lifetimes: (Option<u64>, Option<u64>), written_since: Option<u64>) -> Context {
    let set_aside = [(None, Key::Int64(1)), (Some("p".to_owned()), Key::Int64(1))];
    let (set_aside, rewrites_json) = (set_aside.into(), false);
    Context {
        set_aside,
        lifetimes,
        written_since,
        before: BTreeMap::new(),
        rewrites_json,
        queries: 0.into(),
    }
}

#[test]
fn rows_have_expired_at_the_target_only_where_they_live_shorter_and_long_enough_ago() {
    for (lifetimes, since, have) in [
        ((None, Some(10)), Some(10), true),
        ((None, Some(10)), Some(9), false),
        ((None, Some(10)), None, false),
        ((Some(20), Some(10)), Some(15), true),
        ((Some(10), Some(10)), Some(15), false),
        ((Some(5), Some(10)), Some(15), false),
        ((Some(5), None), Some(15), false),
        ((None, None), Some(15), false),
    ] {
        let of_all = context(lifetimes, since);
        assert_eq!(of_all.all_expired_at_target(), have, "{lifetimes:?} {since:?}");
        // Of a row it is the age of that row that counts.
        let of_one = context(lifetimes, None);
        assert_eq!(of_one.expired_at_target(since), have, "{lifetimes:?} {since:?}");
        assert!(!of_one.all_expired_at_target());
    }
}

#[test]
fn rows_have_expired_at_the_source_only_when_it_lets_none_live_so_long() {
    for (lifetime, since, have) in [
        (Some(10), Some(10), true),
        (Some(10), Some(9), false),
        (Some(10), None, false),
        (None, Some(10), false),
    ] {
        assert_eq!(context((lifetime, None), since).all_expired_at_source(), have);
    }
}

#[test]
fn rows_set_aside_count_in_their_own_partition() {
    let context = context((None, None), None);
    assert_eq!(context.rejected(), 2);
    assert_eq!(context.rejected_in(None), 1);
    assert_eq!(context.rejected_in(Some("p")), 1);
    assert_eq!(context.rejected_in(Some("q")), 0);
}

#[test]
fn a_lifetime_of_nothing_is_none() {
    let with = |seconds: Option<&str>| {
        let mut of = collection("c", vec![field("id", DataType::INT64)]);
        let ttl = seconds.map(|text| ("collection.ttl.seconds".to_owned(), text.to_owned()));
        of.properties.extend(ttl);
        lifetime(&of)
    };
    assert_eq!(with(None), None);
    assert_eq!(with(Some("0")), None);
    assert_eq!(with(Some("1")), Some(1));
    assert_eq!(with(Some("soon")), None);
}
