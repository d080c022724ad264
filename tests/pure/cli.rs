//! The program itself: what it prints where, and its exit codes.

use std::fs;
use std::process::{Command, Output};

use testkit::patience::finish;

const VALID: &str = "examples/multi-environment.ferry.toml";
const INVALID: &str = "tests/plans/invalid/literal_token.toml";

fn run(arguments: &[&str]) -> Output {
    finish(
        Command::new(env!("CARGO_BIN_EXE_milvus-ferry"))
            .args(arguments)
            .env_remove("NO_COLOR")
            .env_remove("CLICOLOR_FORCE")
            .env_remove("MILVUS_FERRY_LOG"),
    )
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn a_valid_plan_is_one_line_on_standard_output() {
    let output = run(&["validate", VALID, "--env", "prod"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        text(&output.stdout),
        "examples/multi-environment.ferry.toml: valid · 2 collection rules · environment prod\n"
    );
    assert_eq!(text(&output.stderr), "");
    let output = run(&["-q", "validate", VALID]);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), ""));
}

#[test]
fn an_invalid_plan_is_explained_on_standard_error() {
    let output = run(&["validate", INVALID]);
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(text(&output.stdout), "");
    assert!(text(&output.stderr).contains("--> tests/plans/invalid/literal_token.toml:4:9"));
    assert!(text(&output.stderr).ends_with("literal_token.toml: invalid · 3 errors\n"));
    assert!(!text(&output.stderr).contains('\u{1b}'));
    let output = run(&["validate", INVALID, "--color", "always"]);
    assert!(text(&output.stderr).contains('\u{1b}'));
}

#[test]
fn a_plan_that_cannot_be_read_is_invalid() {
    let output = run(&["validate", "no/such.ferry.toml"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output.stderr).contains("cannot read the plan file `no/such.ferry.toml`: "));
}

#[test]
fn json_is_one_document() {
    let output = run(&["validate", INVALID, "--format", "json"]);
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(text(&output.stderr), "");
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["format_version"], "1.3");
    assert_eq!(document["valid"], false);
    assert_eq!(document["diagnostics"].as_array().unwrap().len(), 3);
    assert_eq!(document["diagnostics"][0]["code"], "literal_credential");
    assert_eq!(document["diagnostics"][0]["line"], 4);
    let output = run(&["validate", VALID, "--format", "json", "--env", "prod"]);
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["valid"], true);
    assert_eq!(document["environment"], "prod");
}

#[test]
fn an_explanation_is_part_of_what_validate_prints() {
    let explain = |more: &[&str]| {
        let output = run(&[&["validate", VALID, "--env", "prod", "--explain"], more].concat());
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        assert_eq!(text(&output.stderr), "");
        text(&output.stdout).to_owned()
    };
    let shown = explain(&["--var", "suffix=_x"]);
    let order = "default of [inputs] < [vars] < [env.NAME] < --vars FILE, in their order < --var";
    assert!(shown.contains(order), "{shown}");
    let line = shown.lines().find(|line| line.trim_start().starts_with("suffix")).unwrap();
    assert!(line.contains("\"_x\"") && line.ends_with("--var suffix"), "{line}");
    assert!(shown.contains("env:PROD_TOKEN"), "{shown}");
    assert!(shown.ends_with("valid · 2 collection rules · environment prod\n"), "{shown}");
    let document: serde_json::Value =
        serde_json::from_str(&explain(&["--format", "json"])).unwrap();
    assert_eq!(document["valid"], true);
    assert_eq!(document["explanation"]["environment"], "prod");
    // Without the option nothing of it is there, and an invalid plan file has none.
    let output = run(&["validate", INVALID, "--explain", "--format", "json"]);
    assert_eq!(output.status.code(), Some(3));
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(document.get("explanation").is_none());
}

#[test]
fn all_environments_need_some() {
    let output = run(&["plan", "examples/minimal.ferry.toml", "--all-envs"]);
    assert_eq!(output.status.code(), Some(64));
    assert!(text(&output.stderr).contains("has no environments"), "{}", text(&output.stderr));
    let output = run(&["plan", INVALID, "--all-envs"]);
    assert_eq!(output.status.code(), Some(64));
    // Each is loaded as it is, and the worst of them decides.
    let output = run(&["plan", "tests/plans/invalid/inputs_missing.toml", "--all-envs"]);
    assert_eq!(output.status.code(), Some(3));
    let shown = text(&output.stdout);
    assert!(shown.contains("prod: not planned: the plan file has an error here"), "{shown}");
    assert!(shown.contains("staging: not planned: the plan file has 2 errors here"), "{shown}");
    assert!(text(&output.stderr).starts_with("environment prod:\n"), "{}", text(&output.stderr));
}

#[test]
fn github_gets_workflow_commands() {
    let output = run(&["validate", INVALID, "--format", "github"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output.stdout).starts_with(
        "::error file=tests/plans/invalid/literal_token.toml,line=4,col=9,title=literal_credential::"
    ));
}

#[test]
fn wrong_usage_exits_with_64() {
    for arguments in [
        &[][..],
        &["nonsense"],
        &["validate"],
        &["init"],
        &["init", "--from", "http://u:canary@h"],
        &["validate", VALID, "--format", "xml"],
        &["validate", VALID, "--var", "canary"],
        &["validate", VALID, "--only", "["],
        &["-v", "-q", "schema"],
        &["verify"],
        &["verify", VALID, "--mode", "some"],
        &["verify", VALID, "--mode", "sample", "--sample-rows", "99"],
        &["verify", VALID, "--mode", "full", "--sample-rows", "1000"],
        &["verify", VALID, "--sample-rows", "1000"],
        &["verify", VALID, "--against", "nothing"],
        &["verify", VALID, "--format", "github"],
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(64), "{arguments:?}");
        assert_eq!(text(&output.stdout), "");
        assert!(!text(&output.stderr).contains("canary"));
        assert!(text(&output.stderr).ends_with('\n'), "{arguments:?}");
    }
}

#[test]
fn help_and_version_are_no_errors() {
    for arguments in [
        &["--help"][..],
        &["--version"],
        &["init", "--help"],
        &["validate", "--help"],
        &["schema", "--help"],
        &["verify", "--help"],
        &["apply", "--help"],
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert!(!output.stdout.is_empty());
        if arguments != ["--version"] {
            assert!(text(&output.stdout).contains("Examples:"), "{arguments:?}");
        }
    }
}

const COMMANDS: [&str; 10] = [
    "apply",
    "completions",
    "init",
    "man",
    "plan",
    "rehearse",
    "schema",
    "show",
    "validate",
    "verify",
];

/// A script for each shell, that knows every command; bash itself says that it is one.
#[test]
fn shells_complete_every_command() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = run(&["completions", shell]);
        assert_eq!(output.status.code(), Some(0), "{shell}");
        for command in COMMANDS {
            assert!(text(&output.stdout).contains(command), "{shell}: {command}");
        }
    }
    assert_eq!(run(&["completions", "tcsh"]).status.code(), Some(64));

    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("milvus-ferry.bash");
    fs::write(&script, run(&["completions", "bash"]).stdout).unwrap();
    let asked = "COMP_WORDS=(milvus-ferry ver); COMP_CWORD=1; _milvus__ferry milvus-ferry ver; \
                 echo \"${COMPREPLY[@]}\"";
    let asked = format!("source '{}'; {asked}", script.display());
    let bash = finish(Command::new("bash").args(["-c", &asked]));
    assert_eq!(text(&bash.stdout).trim(), "verify", "{}", text(&bash.stderr));
}

#[test]
fn every_command_has_a_manual_page() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("share/man1");
    let output = run(&["man", "--out", pages.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let mut found: Vec<_> = fs::read_dir(&pages)
        .unwrap()
        .map(|page| page.unwrap().file_name().into_string().unwrap())
        .collect();
    found.sort_unstable();
    let mut wanted = vec!["milvus-ferry.1".to_owned()];
    wanted.extend(COMMANDS.map(|command| format!("milvus-ferry-{command}.1")));
    wanted.sort_unstable();
    assert_eq!(found, wanted);
    for command in COMMANDS {
        let page = fs::read(pages.join(format!("milvus-ferry-{command}.1"))).unwrap();
        assert!(text(&page).contains("Examples:"), "{command}");
        for section in ["SYNOPSIS", "EXAMPLES", "\"EXIT STATUS\"", "FILES", "ENVIRONMENT"] {
            assert!(text(&page).contains(&format!("\n.SH {section}\n")), "{command}: {section}");
        }
        assert!(!text(&page).contains(".SH EXTRA"), "{command}");
        assert!(run(&["man", command]).stdout == page, "{command}");
    }
    // Options are shown with their values, and examples stay as they are typed.
    let page = fs::read(pages.join("milvus-ferry-plan.1")).unwrap();
    let page = text(&page).replace("\\-", "-");
    assert!(page.contains("\nmilvus-ferry plan [OPTIONS] <FILE>\n"), "{page}");
    let example = "  milvus-ferry plan catalog.ferry.toml --env prod --only 'default/prod_*'\n";
    assert!(page.contains(example), "{page}");
    let page = fs::read(pages.join("milvus-ferry.1")).unwrap();
    assert!(run(&["man"]).stdout == page);

    let output = run(&["man", "aply"]);
    assert_eq!(output.status.code(), Some(64));
    assert!(text(&output.stderr).contains("`aply`"));
}

#[test]
fn the_printed_schema_is_the_committed_one() {
    let output = run(&["schema", "plan"]);
    assert_eq!(output.status.code(), Some(0));
    let committed = fs::read_to_string("schema/plan.schema.json").unwrap();
    assert!(text(&output.stdout) == committed);
    assert_eq!(run(&["schema"]).stdout, output.stdout);
    let output = run(&["schema", "report"]);
    assert_eq!(output.status.code(), Some(0));
    let committed = fs::read_to_string("schema/report.schema.json").unwrap();
    assert!(text(&output.stdout) == committed);
}

/// Nothing is asked of a server that could not be answered for in the report.
#[test]
fn a_report_that_cannot_be_written_is_refused_before_anything_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let plan = folder.path().join("p.ferry.toml");
    // Nobody listens there, and an attempt would be told of.
    let ends = "version = 1\n[source]\nendpoint = \"http://127.0.0.1:9\"\n\
                [target]\nendpoint = \"http://127.0.0.1:10\"\n";
    fs::write(&plan, format!("{ends}[[collections]]\nsource = \"a\"\n")).unwrap();
    let (plan, state) = (plan.to_str().unwrap(), folder.path().join("state"));
    let missing = folder.path().join("no/report.json");
    for (report, why) in [
        (missing.to_str().unwrap(), "there is no such directory"),
        (folder.path().to_str().unwrap(), "it is a directory"),
        (plan, "a file is there that is no report of milvus-ferry"),
    ] {
        for command in ["verify", "apply"] {
            let state = state.to_str().unwrap();
            let output = run(&[command, plan, "--state", state, "--report", report]);
            let said = text(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{said}");
            assert_eq!(text(&output.stdout), "");
            assert!(said.contains(why) && said.contains("nothing was done"), "{said}");
            assert!(!said.contains("127.0.0.1"), "{said}");
        }
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "only the plan file");
}

#[test]
fn verify_names_what_is_wrong_with_a_plan_file() {
    let output = run(&["verify", INVALID, "--report", "no/such/report.json"]);
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(text(&output.stdout), "");
    assert!(text(&output.stderr).contains("literal_token.toml is invalid; nothing was done"));
}

#[test]
fn verify_says_which_end_cannot_be_reached() {
    let folder = tempfile::tempdir().unwrap();
    let plan = folder.path().join("p.ferry.toml");
    let ends = "version = 1\n[source]\nendpoint = \"http://127.0.0.1:9\"\n\
                [target]\nendpoint = \"http://127.0.0.1:10\"\n[copy]\nretry_for = \"1s\"\n";
    fs::write(&plan, format!("{ends}[[collections]]\nsource = \"a\"\n")).unwrap();
    let (state, report) = (folder.path().join("state"), folder.path().join("report.json"));
    // That of an earlier run says nothing of this one.
    fs::write(&report, "{\n  \"format_version\": \"1.0\"\n}\n").unwrap();
    let output = run(&[
        "verify",
        plan.to_str().unwrap(),
        "--state",
        state.to_str().unwrap(),
        "--report",
        report.to_str().unwrap(),
    ]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("source: ") && said.contains("target: "), "{said}");
    assert_eq!(text(&output.stdout), "");
    assert!(!report.exists() && !state.exists());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "only the plan file");
}

#[test]
fn a_log_filter_that_is_none_is_wrong_usage() {
    let output = finish(
        Command::new(env!("CARGO_BIN_EXE_milvus-ferry"))
            .args(["schema"])
            .env("MILVUS_FERRY_LOG", "milvus_ferry=loud"),
    );
    assert_eq!(output.status.code(), Some(64));
    assert!(text(&output.stderr).contains("MILVUS_FERRY_LOG"));
}

/// Every plan of the tests, in every form, with everything logged: a literal credential shows up
/// nowhere.
#[test]
fn literal_credentials_are_never_shown() {
    let mut plans = 0;
    for entry in fs::read_dir("tests/plans/invalid").unwrap() {
        let path = entry.unwrap().path();
        let written = fs::read_to_string(&path).unwrap();
        if !written.contains("canary") {
            continue;
        }
        plans += 1;
        let options = written.lines().next().and_then(|line| line.strip_prefix("# "));
        for form in ["text", "json", "github"] {
            for colour in ["always", "never"] {
                let mut arguments = vec!["validate", path.to_str().unwrap(), "-vvv"];
                arguments.extend(["--format", form, "--color", colour]);
                arguments.extend(options.unwrap_or_default().split_whitespace());
                let output = run(&arguments);
                assert_eq!(output.status.code(), Some(3));
                for stream in [&output.stdout, &output.stderr] {
                    assert!(!text(stream).contains("canary"), "{}", text(stream));
                }
            }
        }
    }
    assert!(plans >= 8);
}
