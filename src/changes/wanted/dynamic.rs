//! The dynamic field: kept, switched on or off, and its keys that fields would hide.

use super::Making;
use crate::model::quantity::counted;
use crate::model::{DynamicData, DynamicField};

impl Making<'_> {
    pub(super) fn dynamic_field(&mut self, rule: DynamicField) {
        let before = self.source.collection.dynamic_field;
        let (after, drop_data) = match rule {
            DynamicField::Keep => (before, false),
            DynamicField::On => (true, false),
            DynamicField::Off { drop_data } => (false, drop_data),
        };
        self.collection.dynamic_field = after;
        self.set("dynamic_field", &before.to_string(), &after.to_string());
        if !before || after {
            return;
        }
        let rows = self.source.dynamic_rows;
        if drop_data {
            let what = match rows {
                Some(0) => "no row has dynamic data; none is lost".to_owned(),
                Some(rows) => format!("the dynamic data of {} is lost", counted(rows, "row")),
                None => "rows may lose their dynamic data".to_owned(),
            };
            self.warn("dynamic_data_dropped", None, what, "");
            self.settings.dynamic_data = DynamicData::Discard;
            return;
        }
        if let Some(rows @ 1..) = rows {
            let what =
                format!("dynamic_field = false, but {} have dynamic data", counted(rows, "row"));
            self.error(
                "dynamic_data_lost",
                None,
                what,
                "keep the dynamic field, or accept the loss with `drop_dynamic_data = true`",
            );
        }
        self.settings.dynamic_data = DynamicData::RequireNone;
    }

    /// Rows whose dynamic data has a key that is the name of a field: servers refuse them from 2.5
    /// on, and before that the field hides the key.
    pub(super) fn shadowed(&mut self) {
        if !self.collection.dynamic_field {
            return;
        }
        for (name, rows) in &self.source.shadowed {
            if self.collection.field(name).is_none() {
                continue;
            }
            let what = format!(
                "{} have a dynamic key {name:?}, which is the name of a field at the target: the \
                 field would hide it, and servers since Milvus 2.5 refuse such rows",
                counted(*rows, "row")
            );
            let advice = "give the field another name with `rename`, or remove these keys at the \
                          source";
            self.error("dynamic_key_shadowed", Some(name), what, advice);
        }
    }
}
