//! Keys that the source's server makes up.

use super::Making;
use crate::changes::abilities::{Abilities, Feature};
use crate::model::{AutoId, CollectionRule, Field};

/// What the field with the source's keys says of itself at the target.
const DESCRIPTION: &str = "Key that the row had where it was moved from";

impl Making<'_> {
    /// Whether the keys that the source's server made up stay the keys of their rows, and whether the
    /// target makes up those of later rows, is what the plan file says: by default it has to do both.
    ///
    /// That a target can do both is told by its release (`Feature::MadeUpKeysBrought`); Zilliz Cloud
    /// follows the release that it names, a bare line being the newest of it. One that cannot after all
    /// refuses the first insert, and the copy names the setting then.
    pub(super) fn keep_keys(&mut self, rule: &AutoId, abilities: &Abilities) {
        let Some(key) = self.collection.fields.iter_mut().find(|field| field.primary_key) else {
            return;
        };
        let stays = match rule {
            AutoId::Keep => abilities.has(Feature::MadeUpKeysBrought),
            AutoId::KeepKeys => false,
            AutoId::Regenerate { .. } => true,
        };
        if !key.auto_id || stays {
            return;
        }
        key.auto_id = false;
        let attribute = format!("{}.auto_id", key.name);
        let field = key.name.clone();
        self.set(&attribute, "true", "false");
        if *rule == AutoId::KeepKeys {
            let what =
                "inserts without a key will fail at the target: the keys that the source made \
                        up are kept, and the target makes up none (autoID is off there)"
                    .to_owned();
            self.warn("auto_id_off", Some(&field), what, "");
            return;
        }
        let what = format!(
            "the source makes up the keys (autoID), and {abilities} cannot keep these and make up those \
             of new rows"
        );
        let advice = "say `auto_id = \"keep_keys\"` for this collection: the keys are kept, autoID is off \
                      at the target, and applications have to bring a key with every insert there; or \
                      `auto_id = \"regenerate\"` with `source_key_field = \"NAME\"`: the target makes new \
                      keys for all rows, and keeps those of the source in that field; or move to \
                      Milvus 2.6.3 or newer, or 2.5.19 or newer of 2.5, which do both";
        self.error("auto_id_not_kept", Some(&field), what, advice);
    }

    /// Where the target makes new keys for all rows: the field that it gets for those of the source.
    /// All other fields have their names by now.
    pub(super) fn source_key(&mut self, rule: &CollectionRule) {
        let AutoId::Regenerate { source_key_field } = &rule.auto_id else { return };
        let Some(key) = self.source.collection.primary_key().cloned() else { return };
        if !key.auto_id {
            // What spans collections of several kinds is about those that it can be about.
            if self.exactly_named {
                let what = "`auto_id = \"regenerate\"`, and the source does not make up the keys \
                            (autoID is off there)"
                    .to_owned();
                let advice = "say `auto_id = \"keep\"` for this collection, and leave `source_key_field` out";
                self.error("regenerate_unfit", Some(&key.name), what, advice);
            }
            return;
        }
        let of_key = rule.fields.get(&key.name);
        if of_key.is_some_and(|of| of.rename.is_some() || of.max_length.is_some()) {
            let what =
                "with `auto_id = \"regenerate\"` the key keeps its name and its type".to_owned();
            let advice = format!("leave `rename` and `max_length` out of `fields.{}`", key.name);
            self.error("field_override_unfit", Some(&key.name), what, &advice);
        }
        if self.collection.has_field(source_key_field) {
            let what = format!(
                "`source_key_field` names a field that the target has anyway: {source_key_field:?}"
            );
            let advice = format!("choose another name; the fields are: {}", self.field_names());
            self.error("source_key_field_taken", Some(source_key_field), what, &advice);
            return;
        }
        let mut type_params = key.type_params.clone();
        type_params.retain(|name, _| name == "max_length");
        let field = Field {
            name: source_key_field.clone(),
            description: DESCRIPTION.to_owned(),
            primary_key: false,
            auto_id: false,
            type_params,
            ..key.clone()
        };
        let place = self.collection.fields.iter().position(|field| field.primary_key);
        self.collection.fields.insert(place.map_or(0, |place| place + 1), field);
        self.collection.source_key = Some(source_key_field.clone());
        self.settings.renamed.insert(key.name.clone(), source_key_field.clone());
        let values = format!("those of {} at the source", key.name);
        self.set(&format!("{source_key_field}.values"), "none", &values);
        let what = format!(
            "all rows get new keys at the target: applications that keep keys of the source find their \
             rows by {source_key_field:?} there, and give that field a value with every insert"
        );
        self.warn("auto_id_regenerated", Some(&key.name), what, "");
    }
}
