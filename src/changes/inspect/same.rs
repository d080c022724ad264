//! A target collection that is the source collection itself: one server under two addresses, such as
//! a forwarded port. Rows would be written onto themselves.

use super::Inspection;
use crate::changes::{Finding, SourceState, TargetState};
use crate::milvus::{Client, Result};
use crate::model::{CollectionRule, Existing};

/// Code of the finding that both ends are one collection.
pub const TARGET_IS_SOURCE: &str = "target_is_source";

const ADVICE: &str = "choose another `target` or `target_database`, or correct the endpoints. Where \
                      one server was restored from a copy of the other one, its collections have the \
                      same ids: choose another `target` name there too";

impl Inspection<'_> {
    /// What is to be said where both ends are one collection, or may be.
    pub(super) async fn same_collection(
        &self,
        rule: &CollectionRule,
        source: &SourceState,
        target: &TargetState,
    ) -> Result<Option<Finding>> {
        let (from, to) = (&source.collection, &target.collection);
        // By an alias, too, a server gives the real name.
        let alike = from.name == to.name
            && from.database == to.database
            && source.id == target.id
            && self.source.version() == self.target.version();
        if !alike {
            return Ok(None);
        }
        if source.id == 0 {
            return self.perhaps_the_same(rule, source, target).await;
        }
        let created = async |client: &Client| {
            let described = client.describe_collection(&from.database, &from.name).await?;
            Ok(described.map(|described| described.created))
        };
        if created(self.source).await? != created(self.target).await? {
            return Ok(None);
        }
        let message = format!(
            "the target collection is the source collection itself: {} and {} lead to one server, \
             where {} has the id {}",
            self.source.uri(),
            self.target.uri(),
            from.address(),
            source.id
        );
        Ok(Some(Finding::error(TARGET_IS_SOURCE, to.address(), message, ADVICE)))
    }

    /// Milvus Lite has no ids, and may be reached by two addresses too. That its databases hold the
    /// same collections, and these the same number of rows, proves nothing.
    async fn perhaps_the_same(
        &self,
        rule: &CollectionRule,
        source: &SourceState,
        target: &TargetState,
    ) -> Result<Option<Finding>> {
        let (database, to) = (&rule.source_database, &target.collection);
        let rows = source.rows.or(Some(source.row_statistic));
        let others = rows != target.rows.or(Some(target.row_statistic))
            || self.source.list_collections(database).await?
                != self.target.list_collections(database).await?;
        if rule.existing == Existing::Refuse || others {
            return Ok(None);
        }
        let message =
            "both ends hold the same collections, this one with as many rows, and Milvus \
                       Lite does not tell whether they are one server"
                .to_owned();
        let advice = "be sure that the two endpoints lead to two servers";
        Ok(Some(Finding::warning("target_may_be_source", to.address(), message, advice)))
    }
}
