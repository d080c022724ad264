//! Files that analyzers use and that are no part of a collection: uploaded to a server by name (3.0).

use std::collections::BTreeSet;

use super::Inspection;
use crate::changes::Finding;
use crate::changes::abilities::{Abilities, Feature};
use crate::milvus::Result;
use crate::model::{Collection, CollectionRule, Field};

impl Inspection<'_> {
    /// Finds the files that the target would lack. `ids`: those that the source says the collection
    /// uses. Servers find the files by the names in the analyzers' parameters, whatever ids a request
    /// brings (`createCollectionTask.prepareSchema`, rootcoord of 3.0.0).
    pub(super) async fn file_resources(
        &self,
        collection: &Collection,
        ids: &[i64],
        rule: &CollectionRule,
        findings: &mut Vec<Finding>,
    ) -> Result<()> {
        let dropped = |name: &String| rule.fields.get(name).is_some_and(|rule| rule.drop);
        let fields = || collection.fields.iter().filter(|field| !dropped(&field.name));
        let asked_for: BTreeSet<String> = fields().flat_map(Field::file_resources).collect();
        let address = collection.address();
        if asked_for.is_empty()
            && !ids.is_empty()
            && !collection.fields.iter().any(|f| dropped(&f.name))
        {
            let listed = self.source.list_file_resources().await?.unwrap_or_default();
            let names: Vec<String> = ids
                .iter()
                .map(|id| listed.get(id).cloned().unwrap_or_else(|| format!("number {id}")))
                .collect();
            let message = format!(
                "the source says that it uses uploaded files ({}), and none of its analyzers names one",
                names.join(", ")
            );
            let advice = "be sure that the target's analyzers work without them";
            findings.push(Finding::warning("file_resources_unknown", &address, message, advice));
        }
        let target = Abilities::of(self.target.version(), None, None);
        if asked_for.is_empty() || !target.has(Feature::FileResources) {
            // Refused with what else the target lacks.
            return Ok(());
        }
        let listed = self.target.list_file_resources().await?;
        for field in fields() {
            let at = format!("{address}/{}", field.name);
            for name in field.file_resources() {
                match &listed {
                    None => {
                        let message = format!(
                            "its analyzer uses the uploaded file {name:?}, and the target does not \
                             say whether it has that"
                        );
                        let advice = "without it, the target refuses to make the collection";
                        let code = "file_resources_not_checked";
                        findings.push(Finding::warning(code, &at, message, advice));
                    }
                    Some(listed) if listed.values().any(|there| *there == name) => {}
                    Some(_) => {
                        let message = format!(
                            "its analyzer uses the uploaded file {name:?}, which the target does not \
                             have"
                        );
                        let advice = format!(
                            "upload it there under that name (AddFileResource), or leave the field \
                             behind with `fields.{}.drop = true`",
                            field.name
                        );
                        let code = "file_resource_missing";
                        findings.push(Finding::error(code, &at, message, advice));
                    }
                }
            }
        }
        Ok(())
    }
}
