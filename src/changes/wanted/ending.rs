//! What is done when the rows are there: load, and how many replicas.

use super::Making;
use crate::changes::{Ending, Loaded};
use crate::model::{CollectionRule, LoadRule, LoadState, Replicas};

impl Making<'_> {
    pub(super) fn ending(&mut self, rule: &CollectionRule) -> Ending {
        let loaded = match rule.load {
            LoadRule::Yes => Loaded::All,
            LoadRule::No => Loaded::Nothing,
            LoadRule::Keep => self.as_at_source(),
        };
        let source = self.as_at_source();
        self.set("load", &text(&source), &text(&loaded));
        if let Some(Replicas { number: replicas @ 2.., .. }) = self.source.replicas
            && rule.replicas.is_none()
            && loaded != Loaded::Nothing
        {
            let what = format!(
                "the source is loaded in {replicas} replicas; how many the target has room for is \
                 its own affair, and it is loaded in its default number"
            );
            let advice = format!("say `replicas = {replicas}` to have as many");
            self.warn("replicas_not_carried", None, what, &advice);
        }
        Ending {
            loaded,
            as_source: rule.load == LoadRule::Keep,
            replicas: rule.replicas,
            move_aliases: rule.move_aliases,
        }
    }

    fn as_at_source(&self) -> Loaded {
        if self.source.load != LoadState::Loaded {
            return Loaded::Nothing;
        }
        let is_loaded = |name: &str| {
            self.source
                .partitions
                .iter()
                .any(|partition| partition.name == name && partition.load == LoadState::Loaded)
        };
        let all_loaded =
            self.source.partitions.iter().all(|partition| partition.load == LoadState::Loaded);
        if all_loaded || !self.settings.by_partition {
            return Loaded::All;
        }
        let mut loaded = self.collection.all_partitions();
        loaded.retain(|name| is_loaded(name));
        if loaded.is_empty() { Loaded::Nothing } else { Loaded::Partitions(loaded) }
    }
}

fn text(loaded: &Loaded) -> String {
    match loaded {
        Loaded::Nothing => "not loaded".to_owned(),
        Loaded::All => "loaded".to_owned(),
        Loaded::Partitions(names) => format!("partitions {}", names.join(", ")),
    }
}
