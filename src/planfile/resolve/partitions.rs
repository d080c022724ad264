//! The user's partitions and the partition key.

use super::super::document::child;
use super::super::file::{
    PartitionKeySetting, PartitionKeyWord, PartitionsSetting, PartitionsWord,
};
use super::collections::Entry;
use super::{Context, names};
use crate::model::{PartitionKey, Partitions};

/// Reports what is wrong with the globs of partitions.
pub(super) fn check(pointer: &str, setting: Option<&PartitionsSetting>, context: &mut Context<'_>) {
    let pointer = child(pointer, "partitions");
    let (pointer, globs) = match setting {
        Some(PartitionsSetting::Select(globs)) => (pointer, globs),
        Some(PartitionsSetting::Table(table)) => match &table.select {
            Some(globs) => (child(&pointer, "select"), globs),
            None => return,
        },
        None | Some(PartitionsSetting::Word(_)) => return,
    };
    for (index, glob) in globs.iter().enumerate() {
        if let Some(finding) = names::glob_finding(glob) {
            context.report(&format!("{pointer}/{index}"), finding);
        }
    }
}

/// Reports what is wrong with the name of the partition key.
pub(super) fn check_key(
    pointer: &str,
    setting: Option<&PartitionKeySetting>,
    context: &mut Context<'_>,
) {
    if let Some(PartitionKeySetting::Field(table)) = setting
        && let Some(finding) = table.field.as_deref().and_then(names::source_field_finding)
    {
        context.report(&child(&child(pointer, "partition_key"), "field"), finding);
    }
}

impl Entry<'_> {
    pub(super) fn partitions(&self) -> Partitions {
        match self.own.partitions.as_ref().or(self.defaults.partitions.as_ref()) {
            None | Some(PartitionsSetting::Word(PartitionsWord::Keep)) => Partitions::default(),
            Some(PartitionsSetting::Word(PartitionsWord::Merge)) => {
                Partitions { select: Vec::new(), merge: true }
            }
            Some(PartitionsSetting::Select(globs)) => {
                Partitions { select: globs.clone(), merge: false }
            }
            Some(PartitionsSetting::Table(table)) => Partitions {
                select: table.select.clone().unwrap_or_default(),
                merge: table.merge.unwrap_or(false),
            },
        }
    }

    pub(super) fn partition_key(&self) -> PartitionKey {
        let setting = self.own.partition_key.as_ref();
        match setting.or(self.defaults.partition_key.as_ref()) {
            Some(PartitionKeySetting::Word(PartitionKeyWord::None)) => PartitionKey::None,
            Some(PartitionKeySetting::Field(table)) => match &table.field {
                Some(field) => {
                    let partitions = table.partitions.map(|partitions| partitions.0);
                    PartitionKey::Field { field: field.clone(), partitions }
                }
                None => PartitionKey::Keep,
            },
            None | Some(PartitionKeySetting::Word(PartitionKeyWord::Keep)) => PartitionKey::Keep,
        }
    }
}
