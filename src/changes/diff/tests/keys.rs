//! Keys that the source's server makes up.

use super::*;
use crate::model::AutoId;

const PROPERTY: &str = "allow_insert_auto_id";

fn made_up(auto_id: AutoId) -> Inspected {
    let mut from = collection();
    from.fields[0].auto_id = true;
    inspected(CollectionRule { auto_id, ..rule() }, from)
}

fn at(version: &str, inspected: Inspected) -> CollectionChange {
    let abilities = Abilities::of(&ServerVersion::parse(version), None, None);
    diff(vec![inspected], &abilities).remove(0)
}

fn found<'a>(change: &'a CollectionChange, code: &str) -> Option<&'a Finding> {
    change.findings.iter().find(|found| found.code == code)
}

#[test]
fn a_target_keeps_the_keys_and_makes_up_others_where_it_can() {
    let zilliz = "Zilliz Cloud Vector Database(Compatible with Milvus 2.6)";
    for able in ["v2.5.19", "v2.5.27", "v2.6.3", "v2.6.20", "v3.0.0", zilliz] {
        let change = at(able, made_up(AutoId::Keep));
        assert_eq!(change.action, Action::Create, "{able}: {:?}", change.findings);
        assert!(change.wanted.unwrap().makes_keys());
        assert_eq!(change.during.get(PROPERTY).map(String::as_str), Some("true"));
        let taken = at(able, made_up(AutoId::KeepKeys));
        assert!(!taken.wanted.as_ref().unwrap().makes_keys() && taken.during.is_empty());
        let warning = found(&taken, "auto_id_off").unwrap();
        assert!(warning.message.starts_with("inserts without a key will fail"));
    }
    for unable in ["v2.3.5", "v2.4.17", "v2.5.18", "v2.6.2", "milvus_lite-3.2.2"] {
        let change = at(unable, made_up(AutoId::Keep));
        assert_eq!(change.reason, "auto_id_not_kept", "{unable}");
        let advice = &found(&change, "auto_id_not_kept").unwrap().advice;
        assert!(advice.contains("auto_id = \"keep_keys\""), "{advice}");
        assert!(change.during.is_empty());
        let change = at(unable, made_up(AutoId::KeepKeys));
        assert_eq!(change.action, Action::Create, "{unable}: {:?}", change.findings);
    }
    // Nothing of it where the keys are given.
    let change = at("v2.3.5", inspected(rule(), collection()));
    assert_eq!(change.action, Action::Create);
}

#[test]
fn what_the_source_has_true_stays_so() {
    let mut before = made_up(AutoId::Keep);
    let source = before.source.as_mut().unwrap();
    source.collection.properties.insert(PROPERTY.to_owned(), "True".to_owned());
    let change = one(before);
    assert!(change.during.is_empty() && !change.takes_back());
    assert_eq!(change.wanted.unwrap().properties[PROPERTY], "True");
}

#[test]
fn a_property_that_was_left_is_taken_back() {
    let before = made_up(AutoId::Keep);
    let change = one(before.clone());
    assert!(change.takes_back());
    assert_eq!(change.property_in_the_end(change.wanted.as_ref().unwrap(), PROPERTY), None);
    let mut done = carried_out(&before, &change, true);
    let target = done.target.as_mut().unwrap();
    target.collection.properties.insert(PROPERTY.to_owned(), "true".to_owned());
    // Somebody else set it.
    assert_eq!(one(done.clone()).action, Action::Unchanged);
    done.known.as_mut().unwrap().to_take_back = true;
    let left = one(done.clone());
    assert_eq!((left.action, &*left.reason), (Action::Resume, "properties_of_copy_left"));
    assert!(left.takes_back() && !left.writes_rows());
    // It is set again for the time of a later pass.
    done.known.as_mut().unwrap().to_take_back = false;
    done.update = Some(Update::CatchUp);
    let update = one(done);
    assert!(update.takes_back() && update.writes_rows());
}
