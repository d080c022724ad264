//! Sample verifications for the tests.

use crate::model::{FieldDifference, Key};
use crate::verify::result::{
    Basis, Confidence, Content, Explanation, Mode, Repair, RowCounts, RowDifference,
    RowDifferenceKind, SchemaItem, SchemaStatus, SearchParity, Status, Verification,
};

/// A text that is out to do harm in a terminal, in markdown and in HTML.
pub(crate) const HOSTILE: &str =
    "a|b`c`*d*_e_\n| f | \u{1b}[2J\u{1b}]0;owned\u{7}\u{202e}</details><img src=x>@all #1 ![x](y)";

pub(crate) fn counts(rows: u64) -> RowCounts {
    RowCounts {
        partition: None,
        source_count: Some(rows),
        source_distinct: None,
        read: Some(rows),
        acknowledged: Some(rows),
        target_count: Some(rows),
        target_distinct: None,
    }
}

fn content(rows: u64) -> Content {
    let ranges = rows.div_ceil(10_000);
    Content { rows, ranges, ..Content::nothing(Basis::Source) }
}

/// All is as it should be.
pub(crate) fn verified(name: &str, mode: Mode, rows: u64) -> Verification {
    let content = match mode {
        Mode::Counts => None,
        Mode::Full => Some(content(rows)),
        Mode::Sample => Some(Content {
            rows: rows.min(10_000),
            ranges: 0,
            confidence: Some(Confidence { level: 0.95, fewer_than: 0.000_299_5 }),
            ..content(rows)
        }),
    };
    Verification {
        source: format!("default/{name}"),
        target: format!("default/{name}"),
        status: Status::Verified,
        mode,
        counts: vec![counts(rows)],
        content,
        schema: vec![item("description", "", "", SchemaStatus::Same)],
        searches: Vec::new(),
        explanations: Vec::new(),
        unexplained: Vec::new(),
        failure: None,
        seconds: 12.34,
    }
}

fn item(attribute: &str, source: &str, target: &str, status: SchemaStatus) -> SchemaItem {
    SchemaItem {
        attribute: attribute.to_owned(),
        source: source.to_owned(),
        target: target.to_owned(),
        wanted: None,
        status,
    }
}

fn difference(key: Key, kind: RowDifferenceKind, fields: Vec<FieldDifference>) -> RowDifference {
    RowDifference { partition: None, key, kind, fields, explanation: None }
}

fn field(name: &str, source: &str, target: &str, first_byte: Option<u64>) -> FieldDifference {
    FieldDifference {
        field: name.to_owned(),
        source: source.to_owned(),
        target: target.to_owned(),
        first_byte,
        same_value: false,
        default_value: false,
    }
}

/// One row missing, two different, one extra that is explained, in words that do no harm.
pub(crate) fn different(name: &str) -> Verification {
    use RowDifferenceKind::{Different, Extra, Missing};
    let mut found = verified(name, Mode::Full, 1_000_000);
    found.target = format!("catalog/{name}_v2");
    found.status = Status::Different;
    found.counts[0].target_count = Some(999_999);
    found.counts[0].target_distinct = Some(999_999);
    for (partition, rows) in [("_default", 400_000), ("y2026", 600_000)] {
        found.counts.push(RowCounts { partition: Some(partition.to_owned()), ..counts(rows) });
    }
    let mut json = field("$meta", "{\"a\": 1}", "{\"a\":1}", Some(5));
    json.same_value = true;
    let mut extra = difference(Key::Int64(-5), Extra, Vec::new());
    extra.explanation = Some("deletes_not_compacted".to_owned());
    extra.partition = Some("y2026".to_owned());
    found.content = Some(Content {
        unequal_ranges: 3,
        missing: 1,
        extra: 1,
        different: 2,
        explained: 1,
        differences: vec![
            difference(Key::Int64(4_711), Missing, Vec::new()),
            extra,
            difference(
                Key::Int64(4_712),
                Different,
                vec![
                    field("embedding", "[0.1, 0.2, …]", "[0.1, 0.3, …]", Some(1_533)),
                    field("price", "1", "null", None),
                ],
            ),
            difference(Key::Int64(4_713), Different, vec![json]),
        ],
        ..content(1_000_000)
    });
    found.explanations = vec![Explanation {
        code: "deletes_not_compacted".to_owned(),
        message: "1 row was deleted at the source and is still counted: key -5".to_owned(),
        rows: 1,
    }];
    found.unexplained = vec!["1 row is missing: 4711".to_owned(), "2 rows differ".to_owned()];
    found.schema = vec![
        item("description", "Products", "Products, 2026", SchemaStatus::Overridden),
        item("dynamic_field", "true", "true", SchemaStatus::Same),
        item("shards", "2", "1", SchemaStatus::TargetsOwn),
        SchemaItem {
            wanted: Some("HNSW/COSINE".to_owned()),
            ..item("indexes.embedding", "IVF_FLAT/L2", "none", SchemaStatus::Different)
        },
    ];
    found.searches = vec![SearchParity {
        field: "embedding".to_owned(),
        queries: 100,
        top_k: 10,
        overlap: 0.997_6,
        lowest_overlap: 0.9,
        largest_score_difference: 0.000_012_5,
        min_overlap: 0.99,
        passed: true,
        source_index: "IVF_FLAT/L2".to_owned(),
        target_index: "HNSW/L2".to_owned(),
        note: Some("the index types differ, so that small differences are expected".to_owned()),
    }];
    found
}

/// The same, in words that would do harm.
pub(crate) fn hostile() -> Verification {
    let mut found = different(HOSTILE);
    let content = found.content.as_mut().unwrap();
    content.differences = vec![RowDifference {
        partition: Some(HOSTILE.to_owned()),
        fields: vec![field(HOSTILE, HOSTILE, &HOSTILE.replace("all", "none"), Some(7))],
        explanation: Some(HOSTILE.to_owned()),
        ..difference(Key::VarChar(HOSTILE.to_owned()), RowDifferenceKind::Different, Vec::new())
    }];
    found.counts[1].partition = Some(HOSTILE.to_owned());
    found.explanations[0].message = HOSTILE.to_owned();
    found.unexplained = vec![HOSTILE.to_owned()];
    found.failure = Some(format!("{HOSTILE}\n  {HOSTILE}"));
    found.schema[3].attribute = HOSTILE.to_owned();
    found.schema[3].source = HOSTILE.to_owned();
    found.schema[3].wanted = Some(HOSTILE.to_owned());
    found.searches[0].field = HOSTILE.to_owned();
    found.searches[0].source_index = HOSTILE.to_owned();
    found.searches[0].note = Some(HOSTILE.to_owned());
    found
}

pub(crate) fn unfinished(name: &str) -> Verification {
    Verification {
        status: Status::Unfinished,
        content: None,
        counts: Vec::new(),
        schema: Vec::new(),
        failure: Some("cannot read default/tags: the server went away\n  start it".to_owned()),
        ..verified(name, Mode::Full, 0)
    }
}

pub(crate) fn repaired(name: &str) -> Verification {
    let mut found = verified(name, Mode::Full, 5_000);
    found.status = Status::Repaired;
    let repair = Repair { copied: 3, bytes: 1_234, deleted: 1, rounds: 1 };
    found.content.as_mut().unwrap().repair = Some(repair);
    found
}
