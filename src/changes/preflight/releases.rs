//! Parts of a schema that some releases take and others refuse.

use super::Found;
use crate::changes::abilities::{Family, Feature};
use crate::model::{Collection, DataType};

pub(super) fn check(found: &mut Found<'_>, wanted: &Collection) {
    for field in &wanted.fields {
        let name = &field.name;
        if field.clustering_key
            && found.target.has(Feature::ClusteringKey)
            && !found.target.clusters_by(field.data_type)
        {
            let what = format!("{} takes no {} as clustering key", found.target, field.data_type);
            let advice = format!("leave it behind with `fields.{name}.drop = true`");
            found.error("target_lacks_feature", name, what, advice);
        }
        if field.data_type == DataType::TEXT
            && found.target.family == Family::Milvus
            && found.target.has_type(DataType::TEXT)
        {
            let what = format!(
                "{} takes Text only with StorageV3, which is off unless somebody turned it on",
                found.target
            );
            let advice = "be sure that `common.storage.useLoonFFI` is true at the target";
            found.warn("target_needs_setting", name, what, advice);
        }
    }
}
