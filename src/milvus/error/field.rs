//! What errors say of fields: that one of a loaded collection is not loaded itself (`load_fields`), and
//! that the key may not be given.

/// The field that is not loaded, where a server says that of one:
/// `translateOutputFields` (internal/proxy/util.go), `GetFieldFromNameDefaultJSON`
/// (pkg/util/typeutil/schema.go), and segcore's `ChunkedSegmentSealedImpl`, 2.4.10 to 2.5.27.
pub(super) fn not_loaded(text: &str) -> Option<&str> {
    let (before, _) = text.split_once(" is not loaded")?;
    // The whole field as Go prints it.
    if let Some((_, name)) = before.rsplit_once(" name:\"") {
        return name.split_once('"').map(|(name, _)| name);
    }
    if let Some((_, name)) = before.strip_suffix(')').and_then(|rest| rest.rsplit_once("Field(")) {
        return Some(name);
    }
    let (before, name) = before.rsplit_once(' ')?;
    (before == "field" || before.ends_with(" field")).then_some(name)
}

/// Whether a server refuses rows because they bring keys that it makes up itself: `checkFieldsDataBySchema`
/// and `checkPrimaryFieldData` (internal/proxy/util.go). Up to 2.4 and from 2.5 on the former counts the
/// columns; the latter names the key.
pub(super) fn keys_refused(text: &str) -> bool {
    text.contains("more fieldData has pass in")
        || text.contains("can not assign primary field data when auto id enabled")
}

#[cfg(test)]
mod tests {
    use super::{keys_refused, not_loaded};

    #[test]
    fn a_key_that_may_not_be_given_is_told() {
        for text in [
            "more fieldData has pass in: invalid parameter[expected=2][actual=3]",
            "can not assign primary field data when auto id enabled and allow_insert_auto_id is false id",
        ] {
            assert!(keys_refused(text), "{text}");
        }
        assert!(!keys_refused("fieldSchema(id) has no corresponding fieldData pass in"));
    }

    #[test]
    fn a_field_is_told_from_a_collection_and_a_partition() {
        for (text, field) in [
            ("field text is not loaded", Some("text")),
            ("failed to query: field $meta is not loaded", Some("$meta")),
            (
                "cannot parse: field fieldID:101 name:\"text\" data_type:VarChar is not loaded",
                Some("text"),
            ),
            ("Assert \"x\" => User Field(text) is not loaded at /src/a.cpp:1164", Some("text")),
            ("collection things is not loaded", None),
            ("partition field is not loaded", None),
            ("collection not loaded[collection=field x]", None),
            ("Field Data is not loaded: 101", None),
        ] {
            assert_eq!(not_loaded(text), field, "{text}");
        }
    }
}
