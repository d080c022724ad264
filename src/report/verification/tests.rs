use std::path::Path;

use super::samples::{HOSTILE, different, hostile, repaired, unfinished, verified};
use super::*;
use crate::report::style::Style;
use crate::report::text::escape;
use crate::verify::result::{Confidence, Explanation};

const FILE: &str = ".milvus-ferry/catalog.differences.jsonl";

fn both(all: &[Verification], file: Option<&str>) -> String {
    let file = file.map(Path::new);
    let text = text(all, file, &Style::new(false));
    format!("{text}\n=== markdown\n{}", markdown(all, file))
}

#[test]
fn every_row_compared() {
    let all = [
        verified("brands", Mode::Full, 1_200_000),
        verified("products", Mode::Full, 34_567),
        repaired("tags"),
    ];
    insta::assert_snapshot!(both(&all, None));
}

#[test]
fn one_of_two_differs() {
    let all = [verified("brands", Mode::Full, 1_200_000), different("products")];
    insta::assert_snapshot!(both(&all, Some(FILE)));
}

#[test]
fn hostile_texts() {
    let all = [hostile()];
    let (text, markdown) =
        (text(&all, Some(Path::new(HOSTILE)), &Style::new(false)), markdown(&all, None));
    for report in [&text, &markdown] {
        for line in report.lines() {
            assert_eq!(escape(line), line, "a terminal would act on it");
        }
    }
    // Nothing of it is markup: no code, no emphasis, no cell, no tag, no person, no issue, no link.
    for line in markdown.lines() {
        let without_comments = line.replace("<!-- -->", "");
        for markup in ["</details><", "<img", "<b>"] {
            assert!(!without_comments.contains(markup), "{markup}: {line}");
        }
        assert!(!line.contains("@all") && !line.contains("#1"), "{line}");
        if line.contains("<summary>") {
            continue;
        }
        let unescaped = line.replace("\\\\", "").replace("\\|", "").replace("\\`", "");
        let unescaped = unescaped.replace("\\*", "").replace("\\_", "").replace("\\[", "");
        assert!(!unescaped.contains(['`', '_', '[']), "{unescaped}");
        assert!(!unescaped.replace("**", "").contains('*'), "{unescaped}");
        if line.starts_with('|') {
            let cells = unescaped.matches('|').count() - 1;
            assert!([5, 6, 10, 11].contains(&cells), "{cells}: {line}");
        }
    }
    insta::assert_snapshot!(format!("{text}\n=== markdown\n{markdown}"));
}

#[test]
fn the_same_findings_give_the_same_report() {
    let all = [different("b"), hostile(), unfinished("a")];
    assert_eq!(both(&all, Some(FILE)), both(&all.clone(), Some(FILE)));
}

fn sentence_of(all: &[Verification]) -> (Word, String) {
    let found = verdict(all);
    (found.word, found.sentence)
}

#[test]
fn a_verdict_says_what_was_compared() {
    let (counts, sample, full) = (
        verified("a", Mode::Counts, 10),
        verified("b", Mode::Sample, 50_000),
        verified("c", Mode::Full, 1_234_567),
    );
    for (all, word, text) in [
        (
            vec![full.clone()],
            Word::Verified,
            "Verified: every row of 1 collection (1,234,567 rows), value by value.",
        ),
        (
            vec![sample.clone()],
            Word::Sampled,
            "Verified by a sample of 10,000 rows of 1 collection: with 95 % confidence fewer than \
             0.03 % of the rows differ.",
        ),
        (
            vec![sample.clone(), full.clone()],
            Word::Sampled,
            "Verified by a sample of 1,244,567 rows of 2 collections: with 95 % confidence fewer \
             than 0.03 % of the rows of each differ.",
        ),
        (vec![counts.clone()], Word::CountsAgree, "Counts agree; no row was compared."),
        (
            vec![full.clone(), counts.clone()],
            Word::CountsAgree,
            "Counts agree; no row of 1 collection was compared, those of 1 collection were.",
        ),
        (
            vec![repaired("r")],
            Word::Verified,
            "Verified: every row of 1 collection (5,000 rows), value by value; 3 rows copied, 1 row \
             deleted to repair it.",
        ),
        (
            vec![full.clone(), different("d")],
            Word::Different,
            "Different: 1 of 2 collections — 1 row missing, 2 different, 1 extra, 1 of them \
             explained.",
        ),
        (
            vec![different("d"), unfinished("u")],
            Word::Different,
            "Different: 1 of 2 collections — 1 row missing, 2 different, 1 extra, 1 of them \
             explained. Not compared to the end: 1 collection.",
        ),
        (
            vec![full.clone(), unfinished("u")],
            Word::NotVerified,
            "Not verified: 1 of 2 collections — default/u: cannot read default/tags: the server \
             went away.",
        ),
        (vec![], Word::NotVerified, "Not verified: there was no collection to compare."),
    ] {
        assert_eq!(sentence_of(&all), (word, text.to_owned()));
    }
}

#[test]
fn nothing_is_verified_that_was_not_compared() {
    // The engine says that all is well, and has no number of either end.
    let mut found = verified("a", Mode::Full, 10);
    found.content = None;
    assert_eq!(verdict(std::slice::from_ref(&found)).word, Word::CountsAgree);
    found.counts[0].target_count = None;
    let (word, text) = sentence_of(std::slice::from_ref(&found));
    assert_eq!(word, Word::NotVerified);
    assert_eq!(text, "Not verified: default/a: its rows could not be counted at both ends.");
    found.counts.clear();
    assert_eq!(verdict(&[found]).word, Word::NotVerified);
}

#[test]
fn the_verdict_names_other_differences() {
    let mut found = verified("a", Mode::Counts, 10);
    found.status = Status::Different;
    found.unexplained = vec!["2 rows more at the target".to_owned()];
    let (_, text) = sentence_of(&[found]);
    assert_eq!(text, "Different: 1 collection — default/a: 2 rows more at the target.");
}

#[test]
fn a_catch_up_is_no_proof_of_rows_that_were_not_compared() {
    let mut found = repaired("a");
    found.content.as_mut().unwrap().basis = Basis::Changes;
    let (word, text) = sentence_of(&[found.clone(), verified("b", Mode::Full, 10)]);
    assert_eq!(word, Word::CaughtUp);
    assert_eq!(
        text,
        "Caught up: what changed in 2 collections at the source since the copy is carried over; \
         other rows were not compared; 3 rows copied, 1 row deleted to repair it."
    );
    assert!(line(&found).starts_with("caught up"));
    // Where nothing changed nothing was carried over.
    let mut same = verified("a", Mode::Full, 10);
    same.content.as_mut().unwrap().basis = Basis::Changes;
    let (_, text) = sentence_of(&[same]);
    assert_eq!(
        text,
        "Caught up: nothing changed in 1 collection at the source since the copy; other rows were \
         not compared."
    );
    found.status = Status::Different;
    assert_eq!(verdict(&[found]).word, Word::Different);
}

#[test]
fn explained_differences_are_told() {
    let mut found = verified("a", Mode::Full, 10);
    let explanation =
        |rows| Explanation { code: "expired".to_owned(), message: String::new(), rows };
    found.explanations = vec![explanation(0)];
    let text = |found: &Verification| sentence_of(std::slice::from_ref(found)).1;
    assert!(text(&found).ends_with("value by value; 1 explanation, see below."));
    found.explanations = vec![explanation(1)];
    assert!(text(&found).ends_with("; 1 row differs for a reason that is known."));
    found.explanations.push(explanation(1_000));
    assert!(text(&found).ends_with("; 1,001 rows differ for reasons that are known."));
}

#[test]
fn shares_are_never_rounded_to_look_better() {
    for (share, text) in [
        (0.95, "95 %"),
        (0.000_299_5, "0.03 %"),
        (0.029_514, "3 %"),
        (0.020_4, "2.1 %"),
        (0.000_000_299, "0.0001 %"),
        (0.0, "0 %"),
        (1.0, "100 %"),
        (2.0, "100 %"),
    ] {
        assert_eq!(percent(share), text, "{share}");
    }
    for (share, text) in [(1.0, "100.0 %"), (0.999_96, "99.9 %"), (0.995, "99.5 %"), (0.0, "0.0 %")]
    {
        assert_eq!(super::text::share(share), text);
    }
}

#[test]
fn one_line_of_a_collection() {
    assert_eq!(line(&verified("a", Mode::Full, 2_288)), "verified, 2,288 rows compared in 12.3 s");
    assert_eq!(
        line(&different("a")),
        "different: 1 missing, 2 different, 1 extra, 1,000,000 rows compared in 12.3 s"
    );
    assert_eq!(line(&verified("a", Mode::Counts, 1)), "counts agree in 12.3 s");
    assert_eq!(line(&unfinished("a")), "not verified");
    let mut found = verified("a", Mode::Sample, 1);
    found.content.as_mut().unwrap().confidence =
        Some(Confidence { level: 0.95, fewer_than: f64::NAN });
    assert!(verdict(&[found]).sentence.starts_with("Verified by a sample"));
}

/// A row is explained, pending or unexplained, and told once.
#[test]
fn rows_that_changed_at_the_source_are_pending_and_nothing_else() {
    let mut found = verified("a", Mode::Full, 1_000);
    found.status = Status::Different;
    let content = found.content.as_mut().unwrap();
    (content.missing, content.extra, content.explained, content.pending) = (3, 8, 8, 3);
    let explanation = |code: &str, rows, message: &str| Explanation {
        code: code.to_owned(),
        message: message.to_owned(),
        rows,
    };
    found.explanations = vec![
        explanation("expired", 8, "8 rows expired"),
        explanation("changed_at_source", 3, "3 rows changed: `apply --catch-up` carries that over"),
    ];
    let shown = both(std::slice::from_ref(&found), None);
    assert_eq!(shown.matches("3 rows changed").count(), 2, "once in each form: {shown}");
    assert!(shown.contains("\n  pending: 3 rows changed"), "{shown}");
    let words = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        words.contains("3 missing, 8 extra; 8 of them explained, 3 of them pending"),
        "{shown}"
    );
    assert!(!shown.contains("unexplained"), "{shown}");
    let (word, text) = sentence_of(std::slice::from_ref(&found));
    assert_eq!(word, Word::Different);
    assert_eq!(
        text,
        "Different: 1 collection — 3 rows missing, 8 extra, 8 of them explained, 3 of them changed \
         at the source after the copy: `apply --catch-up` carries that over."
    );
    assert_eq!(found.in_words(), ["3 rows changed: `apply --catch-up` carries that over"]);
}

#[test]
fn a_reason_is_told_once() {
    let mut found = unfinished("a");
    let why = "at the source, default/a is not loaded, so that its rows cannot be read";
    found.failure = Some(format!("{why}: load it, then run the same command again"));
    found.explanations =
        vec![Explanation { code: "not_loaded".to_owned(), message: why.to_owned(), rows: 0 }];
    let (page, markdown) =
        (text(&[found.clone()], None, &Style::new(false)), markdown(&[found], None));
    for shown in [page, markdown] {
        let words = shown.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(words.matches("is not loaded").count(), 1, "{shown}");
        assert_eq!(words.matches("then run the same command again").count(), 1, "{shown}");
    }
}
