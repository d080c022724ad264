//! The mistakes that newcomers make, one table: what they write, what they are told, which line is
//! named, and the exit code. Those that a server has to answer are in `tests/doubles/mistakes.rs`, with
//! the same numbers; those that only a real one can, in `tests/live/faults/access.rs`.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use testkit::ferry::{Ferry, Outcome, says};

/// A plan file that is right, but for its collections.
const HEAD: &str = "version = 1\n[source]\nendpoint = \"http://127.0.0.1:9\"\n\
                    [target]\nendpoint = \"http://127.0.0.1:10\"\n[copy]\nretry_for = \"1s\"\n";

/// A mistake.
struct Mistake {
    number: u8,
    /// What the file has, and its name.
    file: (&'static str, String),
    command: &'static [&'static str],
    /// What is said, whatever the line breaks.
    told: &'static [&'static str],
    /// `:LINE:` of the file, where it comes from one.
    line: Option<usize>,
    code: i32,
}

fn rule(rest: &str) -> String {
    format!("{HEAD}[[collections]]\nsource = \"a\"\n{rest}")
}

fn mistake(
    number: u8,
    text: impl Into<String>,
    told: &'static [&'static str],
    line: usize,
) -> Mistake {
    let file = ("p.ferry.toml", text.into());
    let line = Some(line).filter(|line| *line > 0);
    Mistake { number, file, command: &["validate"], told, line, code: 3 }
}

fn of_keys_and_values() -> Vec<Mistake> {
    vec![
        mistake(1, rule("lod = true\n"), &["unknown key `lod`", "did you mean `load`?"], 10),
        mistake(
            2,
            HEAD.replace("version = 1", "version = \"1\""),
            &["`version` takes a whole number", "write it without quotes"],
            1,
        ),
        mistake(
            3,
            rule("load = \"yes\"\n"),
            &["`load` takes", "write `load = true`, without quotes"],
            10,
        ),
        mistake(
            3,
            rule("partition_key = \"tenant_id\"\n"),
            &["`partition_key` takes", "write `partition_key = { field = \"NAME\" }`"],
            10,
        ),
        mistake(
            5,
            rule("").replace("[target]", "password = \"canary\"\n[target]"),
            &["never written in it", "password = { env = \"SOURCE_PASSWORD\" }"],
            4,
        ),
        mistake(
            5,
            rule("").replace("http://127.0.0.1:9\"", "http://root:canary@host:1\""),
            &["never written in it"],
            3,
        ),
        mistake(
            11,
            rule("").replace("http://127.0.0.1:9\"", "127.0.0.1:9\""),
            &["no `http://` or `https://`", "`http://HOST:PORT`"],
            3,
        ),
        mistake(
            17,
            rule("").replace(":9\"", ":10\"").replace("127.0.0.1:10", "localhost:10"),
            &["the source and the target are the same collection"],
            9,
        ),
        mistake(
            23,
            rule("[[collections]]\nsource = \"a\"\n"),
            &["two entries land on the target collection `default/a`", "this entry"],
            11,
        ),
        Mistake {
            command: &["validate", "--env", "prdo"],
            ..mistake(
                26,
                rule("[vars]\nx = 1\n[env.prod]\nx = 2\n"),
                &["no environment `prdo`", "did you mean `prod`?"],
                0,
            )
        },
        mistake(
            33,
            format!("{HEAD}[collections]\nsource = \"a\"\n"),
            &["`collections` takes a list; found a table", "write `[[collections]]`"],
            8,
        ),
    ]
}

fn of_files() -> Vec<Mistake> {
    let file = |number, name, text: &str, told| Mistake {
        file: (name, text.to_owned()),
        ..mistake(number, "", told, 0)
    };
    let json = &["p.json is JSON, and no plan file", "a plan file begins with `version = 1`"];
    let yaml = &["p.yaml is YAML, and no plan file", "a plan file begins with `version = 1`"];
    let mut mistakes = vec![
        Mistake {
            command: &["validate", "/"],
            ..mistake(27, "", &["cannot read the plan file", "it is a directory"], 0)
        },
        Mistake {
            command: &["validate", "nowhere.ferry.toml"],
            ..mistake(27, "", &["cannot read the plan file `nowhere.ferry.toml`"], 0)
        },
        file(
            30,
            "p.ferry.toml",
            "",
            &["`version` is missing", "begin the file with `version = 1`"],
        ),
    ];
    for command in [&["validate"][..], &["plan"], &["apply", "--yes"], &["verify"]] {
        mistakes.push(Mistake { command, ..file(31, "p.yaml", "version: 1\nsource:\n", yaml) });
        if command[0] != "apply" {
            mistakes.push(Mistake { command, ..file(31, "p.json", "{\"version\": 1}", json) });
        }
    }
    // What ends in `.json` has to hold saved changes there.
    for command in [&["apply", "--yes"][..], &["show"]] {
        let told =
            &["`p.json` cannot be used: it holds no saved changes", "a plan file itself is TOML"];
        mistakes.push(Mistake { command, ..file(31, "p.json", "{\"version\": 1}", told) });
    }
    let told = &["it is YAML, and saved changes are JSON"];
    mistakes.push(Mistake { command: &["show"], ..file(31, "p.yaml", "version: 1\n", told) });
    mistakes
}

fn of_usage() -> Vec<Mistake> {
    vec![
        Mistake {
            command: &["apply", "--dry-run"],
            code: 64,
            ..mistake(40, rule(""), &["`milvus-ferry plan FILE` shows what apply would do"], 0)
        },
        Mistake {
            command: &["validate"],
            code: 0,
            ..mistake(28, format!("\u{feff}{}", rule("").replace('\n', "\r\n")), &["valid"], 0)
        },
        Mistake {
            command: &["validate"],
            code: 0,
            ..mistake(10, rule("").replace(":9\"", ":9/\""), &["valid"], 0)
        },
        Mistake {
            command: &["plan"],
            code: 4,
            ..mistake(
                4,
                rule("").replace("[target]", "token = { env = \"NOT_SET\" }\n[target]"),
                &["credentials are missing: NOT_SET (source, p.ferry.toml:4)"],
                0,
            )
        },
        Mistake {
            command: &["plan"],
            code: 4,
            ..mistake(8, rule(""), &["source:", "target:", "127.0.0.1:9", "Connection refused"], 0)
        },
        Mistake {
            command: &["apply", "--yes", "--state", "/proc/milvus-ferry"],
            code: 4,
            ..mistake(35, rule(""), &["127.0.0.1:9"], 0)
        },
    ]
}

fn made(mistake: &Mistake) -> Outcome {
    let (name, text) = &mistake.file;
    let ferry = Ferry::with_plan(name, text);
    let mut arguments = vec![mistake.command[0]];
    let names_file = mistake.command.get(1).is_some_and(|word| !word.starts_with('-'));
    if !names_file {
        arguments.push(name);
    }
    arguments.extend(&mistake.command[1..]);
    ferry.run(&arguments)
}

#[test]
fn each_is_told_with_its_line_and_its_code() {
    let mut wrong = String::new();
    let mistakes: Vec<Mistake> =
        [of_keys_and_values(), of_files(), of_usage()].into_iter().flatten().collect();
    for mistake in &mistakes {
        let outcome = made(mistake);
        let said = format!("{}{}", outcome.stdout, outcome.stderr);
        let mut missing: Vec<String> = mistake
            .told
            .iter()
            .filter(|text| !says(&outcome, text))
            .map(|text| format!("{text:?}"))
            .collect();
        if let Some(line) = mistake.line
            && !said.contains(&format!("{}:{line}:", mistake.file.0))
        {
            missing.push(format!("line {line}"));
        }
        if outcome.code != Some(mistake.code) {
            missing.push(format!("code {}, but {:?}", mistake.code, outcome.code));
        }
        assert!(!said.contains("canary"), "{}: {said}", mistake.number);
        if !missing.is_empty() {
            let missing = missing.join(", ");
            let (number, command) = (mistake.number, mistake.command);
            let _ = writeln!(wrong, "{number} {command:?}: no {missing} in:\n{said}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(mistakes.len() >= 25);
}

#[test]
fn a_mistake_is_told_once() {
    let version = rule("").replace("version = 1", "version = \"1\"");
    for text in [version, rule("load = \"yes\"\n")] {
        let ferry = Ferry::with_plan("p.ferry.toml", &text);
        let outcome = ferry.run(&["validate", "p.ferry.toml", "--format", "json"]).expect_code(3);
        let lines: Vec<u64> = outcome.json()["diagnostics"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|found| found["line"].as_u64())
            .collect();
        let mut distinct = lines.clone();
        distinct.dedup();
        assert_eq!(lines, distinct, "{}", outcome.stdout);
    }
}

#[test]
fn text_of_another_encoding_is_named() {
    let ferry = Ferry::new();
    let text: Vec<u8> =
        [0xff, 0xfe].into_iter().chain(HEAD.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    std::fs::write(ferry.path("p.ferry.toml"), text).unwrap();
    let outcome = ferry.run(&["validate", "p.ferry.toml"]).expect_code(3);
    assert!(says(&outcome, "it is not UTF-8 text"), "{}", outcome.stderr);
}

/// Thousands of rules, each with errors, in every form. (With a build for release ten thousand take
/// a fraction of a second; what is measured here is that time grows as the file does.)
#[test]
fn many_errors_take_no_longer_than_their_number() {
    let rules = |count: usize, one: &dyn Fn(usize) -> String| -> String {
        (0..count).fold(HEAD.to_owned(), |text, index| text + "[[collections]]\n" + &one(index))
    };
    let shapes: [(&str, &dyn Fn(usize) -> String); 5] = [
        ("keys and types", &|n| format!("source = \"c{n}\"\nlod = true\nshards = \"x\"\n")),
        ("same target", &|n| format!("source = \"c{}\"\n", n % 10)),
        ("templates", &|n| format!("source = \"c{n}\"\ntarget = \"{{{{ nam }}}}\"\n")),
        ("aliases", &|n| {
            format!("source = \"c{n}\"\naliases = [\"a\"]\nload = false\nreplicas = 2\n")
        }),
        ("secrets", &|n| format!("source = \"c{n}\"\npassword = \"canary\"\nlod = 1\n")),
    ];
    for (what, one) in shapes {
        let took = |count: usize, form: &str| -> Duration {
            let ferry = Ferry::with_plan("p.ferry.toml", &rules(count, one));
            let began = Instant::now();
            let outcome = ferry.run(&["validate", "p.ferry.toml", "--format", form]);
            assert_eq!(outcome.code, Some(3), "{}", outcome.stderr);
            assert!(!outcome.stderr.contains("canary") && !outcome.stdout.contains("canary"));
            began.elapsed()
        };
        let all = what == "keys and types";
        let forms: &[&str] = if all { &["text", "json", "github"] } else { &["text"] };
        for form in forms {
            let few = took(500, form);
            let many = took(5_000, form);
            assert!(many < few * 40 + Duration::from_secs(2), "{what}, {form}: {few:?}, {many:?}");
        }
    }
}

/// All on one line: neither the columns nor what is shown of the line take long.
#[test]
fn many_errors_on_one_line_are_no_exception() {
    let entries = vec!["{source = \"a\", lod = 1}"; 4_000].join(", ");
    let text = HEAD.replace("[source]", &format!("collections = [{entries}]\n[source]"));
    let ferry = Ferry::with_plan("p.ferry.toml", &text);
    let outcome = ferry.run(&["validate", "p.ferry.toml"]).expect_code(3);
    assert!(outcome.took < Duration::from_secs(60), "{:?}", outcome.took);
    let column = 16 + 25 * 3_999 + 15;
    assert!(outcome.stderr.contains(&format!("p.ferry.toml:2:{column}\n")), "{column}");
    assert!(outcome.stderr.lines().all(|line| line.len() < 2_000));
}
