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

fn regenerate(source_key_field: &str) -> AutoId {
    AutoId::Regenerate { source_key_field: source_key_field.to_owned() }
}

#[test]
fn a_target_makes_new_keys_and_has_those_of_the_source_in_a_field() {
    for version in ["v2.3.5", "v2.4.17", "v2.6.20", "milvus_lite-3.2.2"] {
        let change = at(version, made_up(regenerate("legacy_id")));
        assert_eq!(change.action, Action::Create, "{version}: {:?}", change.findings);
        let wanted = change.wanted.as_ref().unwrap();
        let [key, legacy, ..] = wanted.fields.as_slice() else { panic!("{:?}", wanted.fields) };
        assert!(key.auto_id && key.primary_key && key.name == "id");
        assert_eq!((&*legacy.name, legacy.data_type), ("legacy_id", key.data_type));
        assert!(!legacy.auto_id && !legacy.primary_key);
        assert_eq!(wanted.row_key(), Some(legacy));
        assert!(!wanted.brings_keys() && wanted.makes_keys());
        assert_eq!(change.settings.renamed["id"], "legacy_id");
        assert!(change.during.is_empty() && found(&change, "auto_id_restarts").is_none());
        assert!(found(&change, "auto_id_regenerated").unwrap().message.contains("legacy_id"));
        let field = change.overrides.iter().find(|found| found.attribute == "legacy_id.values");
        assert_eq!(field.unwrap().target, "those of id at the source");
    }
}

#[test]
fn new_keys_are_refused_where_they_do_not_fit() {
    let own =
        one(inspected(CollectionRule { auto_id: regenerate("legacy_id"), ..rule() }, collection()));
    assert!(found(&own, "regenerate_unfit").unwrap().advice.contains("auto_id = \"keep\""));
    let name = collection().fields[1].name.clone();
    assert!(found(&one(made_up(regenerate(&name))), "source_key_field_taken").is_some());
    let mut renamed = made_up(regenerate("legacy_id"));
    let key = FieldRule { rename: Some("key".to_owned()), ..FieldRule::default() };
    renamed.rule.fields.insert("id".to_owned(), key);
    assert!(found(&one(renamed), "field_override_unfit").is_some());
    // A name that another field leaves is free.
    let mut left = made_up(regenerate(&name));
    let other = FieldRule { rename: Some("other".to_owned()), ..FieldRule::default() };
    left.rule.fields.insert(name.clone(), other);
    let left = one(left);
    assert_eq!(left.action, Action::Create, "{:?}", left.findings);
    assert_eq!((&*left.settings.renamed["id"], &*left.settings.renamed[&name]), (&*name, "other"));
}

/// What was begun with other keys is not gone on with.
#[test]
fn a_target_that_was_begun_otherwise_is_not_filled() {
    let before = made_up(regenerate("legacy_id"));
    let change = one(before.clone());
    let mut begun = carried_out(&before, &change, false);
    assert_eq!(one(begun.clone()).action, Action::Resume);
    begun.rule.auto_id = AutoId::KeepKeys;
    assert_eq!(one(begun.clone()).reason, "plan_changed");
    begun.rule.auto_id = regenerate("old_id");
    assert_eq!(one(begun).reason, "plan_changed");
}
