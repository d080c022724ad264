//! Fields of a loaded collection that are not loaded themselves (`load_fields`).

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

#[cfg(test)]
mod tests {
    use super::not_loaded;

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
