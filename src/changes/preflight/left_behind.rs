//! What no copy between endpoints can carry, said wherever it applies.

use super::Found;
use crate::changes::Finding;
use crate::changes::abilities::Abilities;
use crate::model::quantity::count;
use crate::model::{Collection, FunctionKind, Index};

/// What of a source collection does not arrive as it was, although nothing stands against moving
/// it: warnings. `wanted` is the target as it is to be.
pub fn not_carried(source: &Collection, wanted: &Collection, target: &Abilities) -> Vec<Finding> {
    let mut found = Found { target, address: wanted.address(), findings: Vec::new() };
    time_to_live(&mut found, wanted);
    made_up_keys(&mut found, source, wanted);
    recomputed(&mut found, wanted);
    untold(&mut found, wanted);
    found.findings
}

/// Rows carry no time of writing through a query, so that they are new at the target.
fn time_to_live(found: &mut Found<'_>, wanted: &Collection) {
    let ttl = wanted.properties.get("collection.ttl.seconds");
    let Some(seconds) = ttl.and_then(|ttl| ttl.parse::<u64>().ok()).filter(|ttl| *ttl > 0) else {
        return;
    };
    let what = format!(
        "the time to live starts anew: rows expire {} s after they arrive at the target, however \
         old they are at the source",
        count(seconds)
    );
    let advice = "what must be gone earlier has to be deleted at the target by hand";
    found.warn("ttl_restarts", "", what, advice);
}

fn made_up_keys(found: &mut Found<'_>, source: &Collection, wanted: &Collection) {
    let auto = |collection: &Collection| collection.primary_key().is_some_and(|key| key.auto_id);
    if auto(source) && auto(wanted) && wanted.brings_keys() {
        let key = wanted.primary_key().map_or("", |key| key.name.as_str());
        let what = "the keys that the source made up are kept; where its sequence stood is not \
                    carried, and the target goes on with its own"
            .to_owned();
        found.warn("auto_id_restarts", key, what, "");
    }
}

/// What a server keeps and does not tell can be compared with nothing later on.
fn untold(found: &mut Found<'_>, wanted: &Collection) {
    let named = |index: &&Index| !index.name.is_empty() && index.name != index.field;
    let named: Vec<&str> =
        wanted.indexes.iter().filter(named).map(|index| index.name.as_str()).collect();
    if found.target.keeps_details || named.is_empty() {
        return;
    }
    let what = format!(
        "{} gives indexes names of its own, and tells not every parameter: these names are not \
         kept: {}",
        found.target,
        named.join(", ")
    );
    found.warn("index_details_untold", "", what, "");
}

/// Outputs that no query returns are computed again by the target.
fn recomputed(found: &mut Found<'_>, wanted: &Collection) {
    for function in &wanted.functions {
        if function.kind.output_is_readable() || function.kind == FunctionKind::RERANK {
            continue;
        }
        let outputs = function.outputs.join(", ");
        let what = format!(
            "{outputs}: no query returns what {} computes, so that the target computes it anew \
             from {}",
            function.kind,
            function.inputs.join(", ")
        );
        let advice = "its version decides about analyzers and weights: scores may differ a little";
        found.warn("function_recomputed", &function.name, what, advice);
    }
}
