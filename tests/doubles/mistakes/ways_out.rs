//! Where what is said goes: 37, standard output that is closed or full; 39, a terminal that is narrow,
//! changes its width, or is left alone for a while.

use std::process::Command;

use testkit::ferry::{Ferry, binary};
use testkit::patience::finish;
use testkit::scene::{PLAN, doubles::Doubles};

/// The exit code of the binary within a line of a shell, where `ferry` stands for it.
fn in_shell(scene: &Doubles, line: &str) -> (i32, String) {
    let mut command = Command::new("bash");
    let script = line.replacen("ferry ", "\"$FERRY\" ", 1);
    command.env("FERRY", binary()).args(["-c", &script]).current_dir(scene.ferry.folder());
    let output = finish(&mut command);
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8_lossy(&said).into_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_goes_is_no_failure_and_a_full_disk_is() {
    let scene = super::scene().await;
    scene.plan_file("[[collections]]\nsource = \"*\"\n");
    for (line, code, told) in [
        (format!("ferry plan {PLAN} | head -1 >/dev/null; exit ${{PIPESTATUS[0]}}"), 0, ""),
        (format!("ferry plan {PLAN} | true; exit ${{PIPESTATUS[0]}}"), 0, ""),
        (format!("ferry plan {PLAN} >&-"), 0, ""),
        (format!("ferry plan {PLAN} >/dev/full"), 1, "cannot write to standard output: "),
        (format!("ferry plan {PLAN} >/dev/null 2>/dev/full"), 0, ""),
        (format!("ferry apply {PLAN} --yes >&- 2>&-"), 0, ""),
    ] {
        let (ended, said) = in_shell(&scene, &line);
        assert_eq!(ended, code, "{line}: {said}");
        assert!(said.contains(told) && !said.contains("panicked"), "{line}: {said}");
    }
    assert_eq!(scene.target.count("products", &[]).await, 20);
}

/// No line is wider than the terminal, and no word is cut, but for one that is wider by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_shown_fits_the_terminal() {
    let scene = std::sync::Arc::new(super::scene().await);
    scene.plan_file("[[collections]]\nsource = \"*\"\npartition_key = { field = \"tenant_id\" }\n");
    let wide = Ferry::with_plan(PLAN, &scene.ferry.read(PLAN));
    let wide = tokio::task::spawn_blocking(move || wide.run_on_columns(200, &["plan", PLAN], &[]));
    let (_, wide) = wide.await.unwrap();
    let words: std::collections::HashSet<&str> = wide.split_whitespace().collect();
    for columns in [60, 80, 140] {
        let text = scene.ferry.read(PLAN);
        let run = move || {
            let ferry = Ferry::with_plan(PLAN, &text);
            let plan = ferry.run_on_columns(columns, &["plan", PLAN], &[]).1;
            let apply = ferry.run_on_columns(columns, &["apply", PLAN], &[(super::ASK, "no")]).1;
            [plan, apply]
        };
        let [plan, apply] = tokio::task::spawn_blocking(run).await.unwrap();
        for line in plan.lines().chain(apply.lines()) {
            let width = line.chars().count();
            let one_word = line.split_whitespace().any(|word| word.len() + 8 > columns.into());
            assert!(width <= columns.into() || one_word, "{columns}: {width}: {line:?}");
        }
        for word in plan.split_whitespace() {
            assert!(words.contains(word), "{columns}: {word:?} is a part of a word");
        }
    }
}

/// The terminal is stopped and goes on, and becomes narrower, while rows are copied.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_terminal_that_changes_while_rows_are_copied() {
    let scene = super::scene().await;
    scene.plan_file("[[collections]]\nsource = \"*\"\n");
    let chunks = "chunk_size = \"64KiB\"";
    let slow = format!("{chunks}\nmax_write_rate = \"1KiB/s\"");
    let text = scene.ferry.read(PLAN).replace(chunks, &slow);
    let run = move || {
        let answers = [(super::ASK, "yes"), (" of 3", "PAUSE"), (" of 3", "COLUMNS 60")];
        Ferry::with_plan(PLAN, &text).run_on_columns(120, &["apply", PLAN], &answers)
    };
    let (code, said) = tokio::task::spawn_blocking(run).await.unwrap();
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("Done: 3 collections, 60 rows."), "{said}");
    assert_eq!(scene.target.count("orders", &[]).await, 20);
}
