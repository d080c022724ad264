//! Properties that the target's server refuses, or makes nothing of.

use super::Found;
use crate::changes::abilities::rules::{QUERY_MODE, TTL_FIELD, WARMUP, is_warmup};
use crate::model::{Collection, DataType};

const TTL: &str = "collection.ttl.seconds";

pub(super) fn check(found: &mut Found<'_>, wanted: &Collection) {
    let properties = &wanted.properties;
    if let Some(policies) = found.target.warmup_policies() {
        for (name, value) in properties.iter().filter(|(name, _)| is_warmup(name)) {
            value_of(found, name, value, policies);
        }
        if properties.contains_key(WARMUP) {
            let what = format!(
                "{} takes {WARMUP} of single fields only; a collection has warmup.scalarField, \
                 warmup.scalarIndex, warmup.vectorField and warmup.vectorIndex",
                found.target
            );
            found.error("property_unfit", "", what, unset(WARMUP));
        }
        for field in &wanted.fields {
            let policy = field.type_params.get(WARMUP);
            if let Some(policy) = policy.filter(|policy| !policies.contains(&policy.as_str())) {
                let what = not_a_value(found, WARMUP, policy, policies);
                let advice = format!(
                    "alter the field at the source first, or leave it behind with \
                     `fields.{}.drop = true`",
                    field.name
                );
                found.error("property_unfit", &field.name, what, advice);
            }
        }
    }
    if let (Some(modes), Some(mode)) = (found.target.query_modes(), properties.get(QUERY_MODE)) {
        value_of(found, QUERY_MODE, mode, modes);
    }
    ttl_field(found, wanted);
}

fn unset(name: &str) -> String {
    format!("do without with `properties.unset = [{name:?}]`")
}

fn not_a_value(found: &Found<'_>, name: &str, value: &str, values: &[&str]) -> String {
    format!("{} takes no {name} = {value:?}; it takes: {}", found.target, values.join(", "))
}

fn value_of(found: &mut Found<'_>, name: &str, value: &str, values: &[&str]) {
    if !values.contains(&value) {
        let what = not_a_value(found, name, value, values);
        let advice = format!("give another under `properties.set`, or {}", unset(name));
        found.error("property_unfit", "", what, advice);
    }
}

fn ttl_field(found: &mut Found<'_>, wanted: &Collection) {
    let Some(name) = wanted.properties.get(TTL_FIELD) else { return };
    if !found.target.has_ttl_field() {
        let what = format!(
            "{} does not know {TTL_FIELD}: rows do not expire there by the field {name:?}",
            found.target
        );
        found.warn("target_lacks_feature", name, what, unset(TTL_FIELD));
        return;
    }
    let kind = wanted.field(name).map(|field| field.data_type);
    if kind != Some(DataType::TIMESTAMPTZ) {
        let is = match kind {
            Some(kind) => format!("it is {kind}"),
            None => "there is no such field".to_owned(),
        };
        let what =
            format!("{} takes a Timestamptz field as {TTL_FIELD} = {name:?}; {is}", found.target);
        found.error("property_unfit", name, what, unset(TTL_FIELD));
    }
    if wanted.properties.contains_key(TTL) {
        let what = format!("{} takes either {TTL_FIELD} or {TTL}, and not both", found.target);
        found.error("property_unfit", "", what, unset(TTL));
    }
}
