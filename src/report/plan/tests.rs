//! The changes as JSON and markdown. The snapshots are the specification: read them as a user would.

use proptest::prelude::*;

use super::document::{Document, restore};
use super::markdown;
use crate::changes::saved::{PlanFile, Saved};
use crate::changes::{Action, Changes, Finding, Selection};
use crate::report::samples::{
    change, change_with_overrides, changes, conflict, error, resumed, unchanged, warning,
};
use crate::report::style::Style;

const HOSTILE: &str = "a|b\n</details> <!-- x --> `c` *d* [e](f) @g #1 \u{202e}\\| --> \u{1b}[2J";

fn several() -> Changes {
    let mut moved = unchanged("brands");
    moved.source_address = "old/brands".to_owned();
    let mut overridden = change_with_overrides();
    let address = overridden.target_address.clone();
    let dropped = "the field `notes` is left behind, with its values";
    overridden.findings.push(warning("field_dropped", &format!("{address}/notes"), dropped, ""));
    let alias = format!("{address}/live");
    let taken = "the alias \"live\" is taken from \"products\" when all rows are there";
    overridden.findings.push(warning("alias_taken_over", &alias, taken, ""));
    let wanted = overridden.wanted.as_mut().unwrap();
    wanted.aliases = vec!["live".to_owned(), "newest".to_owned()];
    wanted.partitions = vec!["y2024".to_owned()];
    changes(vec![moved, overridden, resumed(), unchanged("tags")])
}

fn hostile() -> Changes {
    let mut strange = change_with_overrides();
    strange.target_address = format!("catalog/{HOSTILE}");
    strange.explanation = HOSTILE.to_owned();
    for found in &mut strange.overrides {
        found.target = HOSTILE.to_owned();
    }
    strange.wanted.as_mut().unwrap().aliases = vec![HOSTILE.to_owned()];
    strange.findings = vec![warning("field_dropped", HOSTILE, HOSTILE, HOSTILE)];
    let mut all = changes(vec![strange]);
    all.name = HOSTILE.to_owned();
    all.environment = Some("a--b-".to_owned());
    all.source.uri = HOSTILE.to_owned();
    all.target.version = HOSTILE.to_owned();
    all.findings = vec![error("policy", HOSTILE, HOSTILE, HOSTILE)];
    all
}

fn saved(changes: Changes) -> Saved {
    Saved {
        tool_version: "0.1.0".to_owned(),
        saved: "2026-08-31T12:34:56.789Z".to_owned(),
        plan_file: PlanFile {
            path: "catalog.ferry.toml".into(),
            env: Some("prod".to_owned()),
            vars_files: Vec::new(),
            vars: Vec::new(),
            state: ".milvus-ferry".into(),
            parts: std::collections::BTreeMap::new(),
        },
        selection: Selection { only: vec!["prod_*".to_owned()], ..Selection::default() },
        changes,
    }
}

fn json(changes: &Changes) -> String {
    let selection = Selection { only: vec!["prod_*".to_owned()], ..Selection::default() };
    Document::new(changes, &selection, "0.1.0").to_text().unwrap()
}

#[test]
fn json_of_several() {
    insta::assert_snapshot!(json(&several()));
}

#[test]
fn markdown_of_several() {
    insta::assert_snapshot!(markdown(&several()));
}

#[test]
fn markdown_of_what_is_refused() {
    let mut all = changes(vec![unchanged("tags"), change_with_overrides(), conflict()]);
    all.findings.push(error(
        "selection_matches_nothing",
        "orders_*",
        "--only orders_* matches no collection of the plan file",
        "patterns are matched against `collection` and `database/collection` of the source",
    ));
    insta::assert_snapshot!(markdown(&all));
}

#[test]
fn markdown_of_nothing_to_do() {
    let mut all = changes(vec![unchanged("brands"), unchanged("tags")]);
    all.environment = None;
    insta::assert_snapshot!(markdown(&all));
}

#[test]
fn markdown_of_hostile_texts() {
    let text = markdown(&hostile());
    check(&text);
    insta::assert_snapshot!(text);
}

/// What was saved is shown as it was, in every form.
#[test]
fn saved_changes_are_restored() {
    for changes in [several(), hostile(), changes(vec![conflict()])] {
        let text = Document::saved(saved(changes.clone())).to_text().unwrap();
        assert_eq!(crate::report::text::escape(&text.replace('\n', "")), text.replace('\n', ""));
        let restored = restore(&text).unwrap();
        let style = Style::new(false);
        assert_eq!(super::render(&restored.changes, &style), super::render(&changes, &style));
        assert_eq!(json(&restored.changes), json(&changes));
        assert_eq!(markdown(&restored.changes), markdown(&changes));
        // The same document, with one more member.
        let mut document: serde_json::Value = serde_json::from_str(&text).unwrap();
        document.as_object_mut().unwrap().remove("saved");
        let shown: serde_json::Value = serde_json::from_str(&json(&changes)).unwrap();
        assert_eq!(document, shown);
    }
}

#[test]
fn what_holds_no_saved_changes_is_named() {
    let whole = Document::saved(saved(several())).to_text().unwrap();
    let with = |from: &str, to: &str| restore(&whole.replacen(from, to, 1)).unwrap_err();
    for (text, says) in [
        (restore("").unwrap_err(), "the file ends too early"),
        (restore(&whole[..whole.len() / 2]).unwrap_err(), "the file ends too early"),
        (restore("version = 1").unwrap_err(), "it is no JSON document"),
        (restore("[]").unwrap_err(), "it is no JSON document"),
        (restore("{}").unwrap_err(), "it holds no saved changes"),
        (restore("{\"format_version\":\"1.0\",\"command\":\"apply\"}").unwrap_err(), "a report"),
        (restore(&json(&several())).unwrap_err(), "not saved with `plan --out`"),
        (with("\"1.0\"", "\"2.0\""), "format version 2.0 is not known to this build"),
        (with("\"kind\": \"changes\"", "\"kind\": \"else\""), "it holds no saved changes"),
        (with("\"selection\": {\n      \"only\"", "\"s\": {\n      \"only\""), "cannot be read"),
    ] {
        assert!(text.contains(says), "{says:?} in {text:?}");
    }
    // A later minor version adds what is not known here.
    let later = whole.replacen("\"1.0\"", "\"1.7\"", 1);
    let later = later.replacen("\"name\"", "\"unheard_of\": {},\n  \"name\"", 1);
    assert!(restore(&later).is_ok());
}

#[test]
fn too_much_is_left_out_piece_by_piece() {
    let many = |count: usize| {
        let all = (0..count).map(|number| {
            let mut change = change_with_overrides();
            change.target_address = format!("catalog/c{number:05}");
            change
        });
        let mut all: Vec<_> = all.collect();
        all.push(conflict());
        changes(all)
    };
    let few = markdown(&many(3));
    assert!(!few.contains("left out"), "{few}");
    let some = markdown(&many(100));
    check(&some);
    assert!(some.contains("| catalog/c00099 from"), "{some}");
    assert!(some.contains("\nDetails of ") && some.contains("see the saved changes"), "{some}");
    let all = markdown(&many(3_000));
    check(&all);
    assert!(all.contains("collections left out here, see the saved changes."), "{all}");
    assert!(all.contains("| default/media | **conflict** |"), "{all}");
    // A flood of findings leaves room for the table.
    let mut flood = many(3);
    let found = |number| error("x", &format!("a/b{number}"), &"long ".repeat(200), "do it");
    flood.findings = (0..500).map(found).collect();
    let flood = markdown(&flood);
    check(&flood);
    assert!(flood.contains(" more are left out here") && flood.contains("| catalog/c00002"));
}

/// Every code of this list is one of a finding that there is.
#[test]
fn risky_findings_exist() {
    fn read(folder: &std::path::Path, text: &mut String) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                read(&path, text);
            } else {
                *text += &std::fs::read_to_string(path).unwrap();
            }
        }
    }
    let mut text = String::new();
    read(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/changes"), &mut text);
    for code in crate::changes::RISKY {
        assert!(text.contains(&format!("\"{code}\"")), "{code}");
    }
}

/// Cells of a row: the parts between bars that are not escaped.
fn cells(line: &str) -> usize {
    let mut bars = 0;
    let mut escaped = false;
    for character in line.chars() {
        match character {
            '\\' => escaped = !escaped,
            '|' if !escaped => bars += 1,
            _ => escaped = false,
        }
    }
    bars - 1
}

/// Panics unless the text keeps to its budget, every table is whole, and what is opened is closed.
#[track_caller]
fn check(text: &str) {
    assert!(text.chars().count() <= 60_000, "{}", text.chars().count());
    assert!(text.ends_with('\n'));
    let mut lines = text.lines();
    let marker = lines.next().unwrap();
    let inside = marker.strip_prefix("<!-- milvus-ferry:plan:").unwrap();
    let inside = inside.strip_suffix(" -->").unwrap();
    assert!(!inside.contains("--") && !inside.contains('>') && !inside.ends_with('-'), "{marker}");
    assert!(lines.next().unwrap().starts_with("**"), "{text}");
    let mut open = false;
    let mut columns = None;
    let mut before = "";
    for line in lines {
        if let Some(summary) = line.strip_prefix("<details><summary>") {
            assert!(!open && before.is_empty(), "{text}");
            let summary = summary.replace("<!-- -->", "");
            assert!(summary.ends_with("</summary>") && summary.matches('<').count() == 1, "{line}");
            open = true;
        } else if line == "</details>" {
            assert!(open && before.is_empty(), "{text}");
            open = false;
        } else if line.starts_with('|') {
            let expected = *columns.get_or_insert_with(|| {
                assert!(before.is_empty(), "a table follows {before:?}");
                cells(line)
            });
            assert_eq!(cells(line), expected, "{line}");
        } else {
            // `@` and `#` have an empty comment behind them.
            let html = line.replace("<br>", "").replace("<!-- -->", "");
            assert!(!html.contains('<') && !html.contains('>'), "{line}");
        }
        if !line.starts_with('|') {
            columns = None;
        }
        before = line;
    }
    assert!(!open);
}

prop_compose! {
    fn any_finding()(
        is_error: bool,
        code in prop_oneof![Just("field_dropped"), Just("auto_id_off")],
        address in any::<String>(),
        message in ".{0,300}",
        advice in any::<String>(),
    ) -> Finding {
        if is_error {
            error(code, &address, &message, &advice)
        } else {
            warning(code, &address, &message, &advice)
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn any_texts_of_any_number_keep_to_the_form_and_the_budget(
        text in prop_oneof![any::<String>(), "[|\\\\`*_<>&\\[\\]#@\n \\-]{0,40}"],
        value in prop_oneof![any::<String>(), "[|\\\\`*_<>&\\[\\]#@\n \\-]{0,300}"],
        copies in prop_oneof![Just(1_usize), 1_usize..60, Just(400_usize)],
        found in proptest::collection::vec(any_finding(), 0..6),
        action in prop_oneof![Just(Action::Create), Just(Action::Conflict), Just(Action::Adopt)],
    ) {
        let mut one = change("a", action, Some(1));
        one.target_address = format!("default/{text}");
        one.explanation.clone_from(&value);
        one.overrides = change_with_overrides().overrides;
        one.overrides[0].target.clone_from(&value);
        one.findings.clone_from(&found);
        one.wanted.as_mut().unwrap().partitions = vec![value.clone(); 60];
        let mut all = changes(vec![one; copies]);
        all.name.clone_from(&text);
        all.environment = Some(value.clone());
        all.source.uri.clone_from(&value);
        all.findings = found;
        let text = markdown(&all);
        prop_assert_eq!(&text, &markdown(&all));
        prop_assert!(text.chars().count() <= 60_000);
        check(&text);
    }
}
