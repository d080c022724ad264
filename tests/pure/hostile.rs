//! Plan files that mean harm, or are written without care: no secret is shown, no file is quoted that
//! is none of a plan, and nothing takes all time, memory or stack.

use std::time::Duration;

use testkit::ferry::{Ferry, Outcome, says};

const PLAN: &str = "p.ferry.toml";

fn plan(source: &str, rest: &str) -> String {
    format!(
        "version = 1\n[source]\nendpoint = {source}\n[target]\nendpoint = \"http://b\"\n\
         [[collections]]\nsource = \"a\"\n{rest}"
    )
}

fn ends_soon(ferry: &Ferry, arguments: &[&str]) -> Outcome {
    let outcome = ferry.spawn(arguments).wait(Duration::from_secs(60));
    assert!(outcome.code.is_some(), "a signal ended it: {}", outcome.stderr);
    outcome
}

/// Every command that reads a plan file, in every form.
#[test]
fn no_part_of_an_endpoint_that_may_be_secret_is_shown() {
    let endpoints = [
        "\"root:canary@host:19530\"",
        "\"canary@host:19530\"",
        "\"http:root:canary@host\"",
        "\"http://root:canary@host\"",
        "\"http://host/v1/canary\"",
        "\"http://host:1/?token=canary\"",
        "\"http://host:1#canary\"",
        "\"http://host:canary\"",
        "\"http://ho st/canary\"",
        "\"http://root:c\\u0061n\\\"canary@host\"",
        "'''\nroot:canary@host'''",
        "\"canary\"",
        "\"{{ user }}:canary@host\"",
        "[\"root:canary@host\"]",
        "{ url = \"root:canary@host\" }",
    ];
    for endpoint in endpoints {
        for text in [
            plan(endpoint, ""),
            plan(endpoint, "").replace("endpoint = ", "endpiont = "),
            plan(&format!("{endpoint}\nx = = 1"), ""),
            plan("\"http://a\"", "")
                .replace("[source]", &format!("# endpoint = {endpoint}\nx = 1\n[source]")),
            plan("\"{{ e }}\"", &format!("[vars]\ne = {endpoint}\n[env.x]\nf = {endpoint}\n")),
        ] {
            // A word that is the value of a variable of any name is no endpoint.
            if endpoint == "\"canary\"" && text.contains("{{ e }}") {
                continue;
            }
            let ferry = Ferry::with_plan(PLAN, &text);
            for arguments in [
                &["validate", PLAN, "-vvv"][..],
                &["validate", PLAN, "--format", "json"],
                &["validate", PLAN, "--format", "github"],
                &["validate", PLAN, "--explain", "--color", "always"],
                &["plan", PLAN, "--env", "x"],
            ] {
                let outcome = ends_soon(&ferry, arguments);
                assert_eq!(outcome.code, Some(3), "{text}\n{}", outcome.stderr);
                for said in [&outcome.stdout, &outcome.stderr] {
                    assert!(!said.contains("canary"), "{text}\n{said}");
                }
            }
        }
    }
}

#[test]
fn an_address_in_the_wrong_place_of_the_command_line_is_not_repeated() {
    let ferry = Ferry::with_plan(PLAN, &plan("\"http://a\"", ""));
    for arguments in [
        &["init", "http://root:canary@host"][..],
        &["init", "--from", "root:canary@host"],
        &["init", "--from", "http://host/?token=canary"],
        &["plan", "http://root:canary@host"],
        &["validate", "root:canary@host", "--format", "json"],
        &["validate", PLAN, "http://root:canary@host"],
        &["plan", PLAN, "--var", "e=http://root:canary@host"],
    ] {
        let outcome = ends_soon(&ferry, arguments);
        assert_ne!(outcome.code, Some(0));
        let said = format!("{}{}", outcome.stdout, outcome.stderr);
        assert!(!said.is_empty() && !said.contains("canary"), "{arguments:?}: {said}");
    }
}

#[test]
fn no_template_is_too_much() {
    let many = 50_000;
    let templates = [
        format!("{{{{ {} }}}}", vec!["1"; many].join("+")),
        format!("{{{{ {} }}}}", vec!["name"; many].join("~")),
        format!("{{{{ 1{} }}}}", "|abs".repeat(many)),
        format!("{{{{ {}1 }}}}", "not ".repeat(many)),
        format!("{{{{ {}1{} }}}}", "(".repeat(many), ")".repeat(many)),
        "{{ 1 }}".repeat(many),
        format!("{}{}", "{% if 1 %}".repeat(many), "{% endif %}".repeat(many)),
        "{% for i in range(9999) %}{% for j in range(9999) %}x{% endfor %}{% endfor %}".to_owned(),
    ];
    for template in templates {
        for at in ["description", "target"] {
            let text = plan("\"http://a\"", &format!("{at} = \"{template}\"\n"));
            let ferry = Ferry::with_plan(PLAN, &text);
            let outcome = ends_soon(&ferry, &["validate", PLAN]).expect_code(3);
            assert!(outcome.stderr.contains("error[invalid_template]"), "{}", outcome.stderr);
            assert!(outcome.stderr.contains(&format!("{PLAN}:8:")), "{}", outcome.stderr);
            assert!(outcome.stderr.len() < 5_000);
        }
    }
}

#[test]
fn only_regular_files_of_some_size_are_included() {
    let ferry = Ferry::new();
    let made = std::process::Command::new("mkfifo").arg(ferry.path("pipe")).status().unwrap();
    assert!(made.success());
    let large = std::fs::File::create(ferry.path("large.toml")).unwrap();
    large.set_len(3 << 30).unwrap();
    for (file, why) in [
        ("/dev/zero", "it is no regular file"),
        ("/dev/stdin", "it is no regular file"),
        ("/proc/self/environ", "it is no regular file"),
        ("pipe", "it is no regular file"),
        ("large.toml", "it has more than 16 MiB"),
        ("/etc", "it is a directory"),
        ("nowhere.toml", "No such file"),
    ] {
        let text = plan("\"http://a\"", "")
            .replace("[source]", &format!("include = [\"{file}\"]\n[source]"));
        ferry.write(PLAN, &text);
        let outcome = ends_soon(&ferry, &["validate", PLAN]).expect_code(3);
        assert!(
            says(&outcome, &format!("cannot read the included file `{file}`: {why}")),
            "{}",
            outcome.stderr
        );
        assert!(outcome.stderr.contains(&format!("{PLAN}:2:12")), "{}", outcome.stderr);
    }
    // And so are files that the command line names.
    ferry.write(PLAN, &plan("\"http://a\"", ""));
    for arguments in [&["validate", "large.toml"][..], &["validate", PLAN, "--vars", "/dev/zero"]] {
        let outcome = ends_soon(&ferry, arguments).expect_code(3);
        assert!(says(&outcome, "it has more than 16 MiB"), "{}", outcome.stderr);
    }
}

#[test]
fn an_included_file_that_is_no_toml_is_not_quoted() {
    let ferry = Ferry::new();
    for (name, text, told) in [
        ("hosts", "root:canary:0:0\ncanary\n", "is no TOML: line 1, column 5"),
        ("notes.toml", "# canary\na = 1\ncanary canary\n", "is no TOML: line 3, column 8"),
        ("data.json", "{\"canary\": \"canary\"}", "is JSON, and no included file"),
        ("data.yaml", "canary: canary\n", "is YAML, and no included file"),
    ] {
        ferry.write(name, text);
        ferry.write(
            PLAN,
            &plan("\"http://a\"", "")
                .replace("[source]", &format!("include = [\"{name}\"]\n[source]")),
        );
        for form in ["text", "json", "github"] {
            let outcome = ends_soon(&ferry, &["validate", PLAN, "--format", form]).expect_code(3);
            let said = format!("{}{}", outcome.stdout, outcome.stderr);
            assert!(!said.contains("canary"), "{said}");
            assert!(said.contains(told), "no {told:?} in {said}");
        }
    }
}
