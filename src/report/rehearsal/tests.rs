use super::*;
use crate::rehearse::outcome::Measured;

fn step(step: Step, status: StepStatus, text: &str, advice: &str) -> StepOutcome {
    let (text, advice) = (text.to_owned(), advice.to_owned());
    StepOutcome { step, status, text, advice, seconds: 0.1 }
}

fn nothing(source: &str, target: &str) -> Rehearsed {
    Rehearsed {
        source: source.to_owned(),
        target: target.to_owned(),
        scratch: Some("default/ferry_rehearsal_0123456789abcdef".to_owned()),
        skipped: None,
        steps: Vec::new(),
        measured: None,
        estimate: None,
        left: Vec::new(),
        unreachable: false,
    }
}

fn good() -> Rehearsed {
    let measured =
        Measured { rows: 1_000, bytes: 3_500_000, read_seconds: 0.4, write_seconds: 0.9 };
    let steps = Step::ALL.map(|of| match of {
        Step::ReadRows | Step::WriteRows => step(of, StepStatus::Ok, "1,000 rows", ""),
        Step::CreatePartitions => step(of, StepStatus::Skipped, "it has none of its own", ""),
        _ => step(of, StepStatus::Ok, "", ""),
    });
    Rehearsed {
        steps: steps.to_vec(),
        measured: Some(measured),
        estimate: measured.estimate(4_000_000),
        ..nothing("default/things", "default/things")
    }
}

fn bad() -> Rehearsed {
    let mut bad = Rehearsed { source: "default/old".to_owned(), ..good() };
    bad.target = "default/new\u{1b}[31m".to_owned();
    bad.measured = None;
    bad.estimate = None;
    let refused = "CreateIndex at http://target:19530: M should be in range [2, 2048]: invalid \
                   parameter (code 1100)";
    let advice = "choose another index with `indexes.embedding` in the plan file";
    let index = step(Step::CreateIndexes, StepStatus::Failed, refused, advice);
    bad.steps[4] = index;
    for of in &mut bad.steps[5..11] {
        *of = step(of.step, StepStatus::Skipped, "the scratch collection is not loaded", "");
    }
    bad.left.push("the scratch collection default/x is left at the target".to_owned());
    bad
}

fn document(collections: Vec<Rehearsed>) -> Document {
    let changes = crate::report::samples::changes(Vec::new());
    let about = document::About {
        started: "2026-08-31T12:34:56.789Z".to_owned(),
        finished: "2026-08-31T12:35:56.789Z".to_owned(),
        rows: 1_000,
        exit_code: 6,
    };
    let verdict = verdict(&collections, false, false);
    Document::new(&changes, about, verdict, collections)
}

fn all() -> Document {
    let why = "`apply` would refuse it: target_exists".to_owned();
    let skipped = Rehearsed { skipped: Some(why), ..nothing("default/c", "default/c") };
    document(vec![good(), bad(), skipped])
}

#[test]
fn the_table_and_what_there_is_to_say() {
    insta::assert_snapshot!(render(&all(), &Style::new(false)));
}

#[test]
fn the_same_as_markdown() {
    insta::assert_snapshot!(markdown(&all()));
}

#[test]
fn the_table_fits_a_narrow_terminal() {
    let text = render(&document(vec![good()]), &Style::new(false));
    let table = text.lines().skip(2).take(3);
    assert!(table.clone().all(|line| line.chars().count() <= 60), "{text}");
    let ends: Vec<usize> =
        table.filter_map(|line| line.rfind("drop").or(line.rfind("ok"))).collect();
    assert_eq!(ends.iter().min(), ends.iter().max(), "{text}");
}

#[test]
fn what_it_comes_to() {
    let word = |all: &[Rehearsed], refused, interrupted| verdict(all, refused, interrupted).word;
    assert_eq!(word(&[good()], false, false), Word::Ok);
    assert_eq!(word(&[good(), bad()], true, false), Word::Failed);
    assert_eq!(word(&[good()], true, false), Word::Refused);
    assert_eq!(word(&[bad()], false, true), Word::Interrupted);
    assert_eq!(word(&[], false, false), Word::Refused);
}

#[test]
fn the_document_is_as_its_schema_says() {
    let schema = document::published_schema();
    let json: serde_json::Value = serde_json::from_str(&all().to_text().unwrap()).unwrap();
    let valid = jsonschema::validator_for(&schema).unwrap();
    assert!(valid.is_valid(&json), "{:?}", valid.iter_errors(&json).next());
}
