//! Credentials appear nowhere: in no output, no log at any level, no file.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

use super::access::{End, with_tls_1, with_tls_2};
use super::world::PLAN;
use testkit::collection::plain;
use testkit::data;
use testkit::ferry::{Ferry, Outcome};
use testkit::lab;
use testkit::pb::schema::DataType;
use testkit::probe::Probe;

const USER: &str = "canary_user";
const PASSWORD: &str = "Can4ryPassword";
const WRONG: &str = "Wr0ngCanary";
const NOTE: &str = "c4nary-note";

/// What must not appear, in the forms in which it might.
fn canaries() -> Vec<String> {
    let mut found = Vec::new();
    let login = |password: &str| format!("{USER}:{password}");
    for plain in [USER, PASSWORD, WRONG, NOTE, &login(PASSWORD), &login(WRONG)] {
        found.push(plain.to_owned());
        found.push(STANDARD.encode(plain));
        found.push(STANDARD_NO_PAD.encode(plain));
    }
    found
}

#[track_caller]
fn assert_silent(place: &str, bytes: &[u8]) {
    for canary in canaries() {
        let there = bytes.windows(canary.len()).position(|window| window == canary.as_bytes());
        if let Some(at) = there {
            let around = &bytes[at.saturating_sub(300)..(at + 300).min(bytes.len())];
            panic!("{canary} is in {place}: …{}…", String::from_utf8_lossy(around));
        }
    }
}

#[track_caller]
fn assert_silent_run(arguments: &[&str], outcome: &Outcome) {
    assert_silent(&format!("the output of {arguments:?}"), outcome.stdout.as_bytes());
    assert_silent(&format!("the messages of {arguments:?}"), outcome.stderr.as_bytes());
}

#[track_caller]
fn assert_silent_files(folder: &Path) -> usize {
    let mut files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files += assert_silent_files(&path);
        } else if !path.ends_with("notes.toml") {
            assert_silent(&path.display().to_string(), &std::fs::read(&path).unwrap());
            files += 1;
        }
    }
    files
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn credentials_appear_nowhere() {
    let (one, two) = (with_tls_1(), with_tls_2());
    let (source, target) = (Probe::of(one).await, Probe::of(two).await);
    for probe in [&source, &target] {
        probe.create_user(USER, PASSWORD).await;
        probe.make_admin(USER).await;
    }
    let collection = plain("canaries", DataType::Int64);
    let table = data::table(&collection, 3_000, 41);
    source.fill(&collection, &table).await;

    let from = End::of(one).ca(one).token("SOURCE_TOKEN");
    let to = |password: &str| End::of(two).ca(two).certificate(two).login("TARGET_USER", password);
    let folder = |password: &str| -> Ferry {
        let name = lab::unique_name("canaries");
        let entry = format!(
            "[[collections]]\nsource = \"canaries\"\ntarget = \"{name}\"\n[vars]\nnote = \"none\"\n"
        );
        let ferry = from
            .to(&to(password), &entry)
            .env("SOURCE_TOKEN", &format!("{USER}:{PASSWORD}"))
            .env("TARGET_USER", USER)
            .env("TARGET_PASSWORD", PASSWORD)
            .env("WRONG_PASSWORD", WRONG);
        ferry.write("notes.toml", &format!("note = \"{NOTE}\"\n"));
        ferry
    };
    let noisy = ["-vvv", "--vars", "notes.toml"];
    for (password, code) in [("TARGET_PASSWORD", 0), ("WRONG_PASSWORD", 4)] {
        // Everything of every crate, in either form; and what the most verbose option gives.
        for (log, format) in [(Some("trace"), "json"), (Some("trace"), "text"), (None, "text")] {
            let mut ferry = folder(password);
            if let Some(log) = log {
                ferry = ferry.env("MILVUS_FERRY_LOG", log);
            }
            for (command, code) in [
                (&["validate", PLAN][..], 0),
                (&["plan", PLAN], code),
                (&["apply", PLAN, "--yes"], code),
                (&["plan", PLAN], code),
                (&["verify", PLAN, "--report", "report.json"], code),
                (&["verify", PLAN, "--mode", "counts", "--format", "json"], code),
            ] {
                let arguments = [command, &noisy, &["--log-format", format]].concat();
                let outcome = ferry.run(&arguments).expect_code(code);
                if command[0] != "validate" {
                    assert!(!outcome.stderr.is_empty(), "no log, no proof");
                }
                assert_silent_run(&arguments, &outcome);
            }
            let files = assert_silent_files(ferry.folder());
            assert!(files > 1 || code == 4, "the ledger is missing");
        }
    }
    let text = b"x Y2FuYXJ5X3VzZXI6Q2FuNHJ5UGFzc3dvcmQ y";
    let seen = std::panic::catch_unwind(|| assert_silent("a test", text));
    assert!(seen.is_err(), "the measure itself is blind");
}
