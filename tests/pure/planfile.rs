//! Plan files, valid and not: what they resolve to, and what is said about them.
//!
//! The name of a file states its case. A first line of `# --env …` gives it a command line.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use milvus_ferry::model::{AliasRule, IndexRule};
use milvus_ferry::planfile::{Inputs, PRECEDENCE, load, published_schema};
use proptest::prelude::*;
use serde_json::Value;

fn plans(folder: &str) -> Vec<PathBuf> {
    let mut plans: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    plans.sort();
    assert!(!plans.is_empty());
    plans
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap().to_string_lossy().into_owned()
}

fn inputs(plan: &Path) -> Inputs {
    let text = fs::read_to_string(plan).unwrap();
    let mut inputs = Inputs::default();
    let line = text.lines().next().unwrap_or_default();
    let mut words = line.strip_prefix("# --").unwrap_or_default().split(' ');
    while let (Some(option), Some(value)) = (words.next(), words.next()) {
        match option.trim_start_matches('-') {
            "env" => inputs.env = Some(value.to_owned()),
            "vars" => inputs.vars_files.push(value.into()),
            "var" => {
                let (name, value) = value.split_once('=').unwrap();
                inputs.vars.push((name.to_owned(), value.to_owned()));
            }
            other => panic!("{other}"),
        }
    }
    inputs
}

fn snapshot(folder: &str, plan: &Path, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(format!("../plans/{folder}.snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(stem(plan), text));
}

/// Snapshots without a plan are forgotten ones.
fn no_forgotten_snapshots(folder: &str) {
    let stems = |folder: &str| -> BTreeSet<String> {
        plans(folder)
            .iter()
            .filter(|path| path.extension().is_some_and(|end| end != "new"))
            .map(|path| stem(path))
            .collect()
    };
    let snapshots = format!("tests/plans/{folder}.snapshots");
    if Path::new(&snapshots).exists() {
        assert_eq!(stems(&snapshots), stems(&format!("tests/plans/{folder}")));
    }
}

#[test]
fn valid_plans_resolve() {
    for plan in plans("tests/plans/valid") {
        match load(&plan, &inputs(&plan)) {
            Ok(loaded) => {
                let text = format!("{}{:#?}", loaded.warnings.render(false), loaded.migration);
                snapshot("valid", &plan, &text);
            }
            Err(report) => panic!("{}:\n{}", plan.display(), report.render(false)),
        }
    }
    no_forgotten_snapshots("valid");
}

#[test]
fn invalid_plans_are_explained() {
    for plan in plans("tests/plans/invalid") {
        let Err(report) = load(&plan, &inputs(&plan)) else {
            panic!("{} is valid", plan.display());
        };
        assert!(report.has_errors(), "{}", plan.display());
        snapshot("invalid", &plan, &report.render(false));
    }
    no_forgotten_snapshots("invalid");
}

#[test]
fn every_value_is_explained() {
    for plan in ["every_key", "includes", "inputs", "minimal"] {
        let plan = PathBuf::from(format!("tests/plans/valid/{plan}.toml"));
        let explanation = load(&plan, &inputs(&plan)).unwrap().explain();
        snapshot("explained", &plan, &explanation.to_text());
        let json = explanation.to_json();
        assert_eq!(json["precedence"], PRECEDENCE);
        assert_eq!(json, load(&plan, &inputs(&plan)).unwrap().explain().to_json());
        // What the text has, the document has.
        let texts = |list: &Value| list.as_array().unwrap().len();
        let settings: usize = json["sections"]
            .as_array()
            .unwrap()
            .iter()
            .map(|section| texts(&section["settings"]))
            .sum();
        let lines = explanation.to_text().lines().filter(|line| line.starts_with("  ")).count();
        let head = 2 + texts(&json["includes"]);
        assert_eq!(lines, settings + texts(&json["variables"]) + head);
    }
    let plan = Path::new("tests/plans/valid/inputs.toml");
    let explained = load(plan, &inputs(plan)).unwrap().explain().to_json();
    insta::assert_snapshot!("explained_json", format!("{:#}", explained["sections"][3]));
}

#[test]
fn an_explanation_tells_no_secret() {
    let text = "version = 1\n\
         [inputs.api_key]\ntype = \"string\"\n\
         [source]\nendpoint = \"http://a\"\ntoken = { env = \"{{ prefix }}_TOKEN\" }\n\
         [target]\nendpoint = \"http://b\"\n\
         [[collections]]\nsource = \"a\"\ndescription = \"{{ db_password }}\"\n\
         properties = { set = { \"cipher.secret\" = \"canary\", p = \"{{ api_key }}\" } }\n\
         fields = { token = { rename = \"tokens\" }, f = { description = \"{{ api_key }}\" } }\n\
         [collections.indexes.v]\ntype = \"HNSW\"\n\
         params = { M = 8, api_key = \"canary\", x = \"{{ api_key }}\" }\n\
         [[collections]]\nsource = \"b\"\ndescription = \"{{ proxy }} {{ db_pass }}\"\n\
         [collections.indexes.w]\ntype = \"HNSW\"\nparams = { M = 8, api_key = \"canary\" }\n\
         [vars]\nproxy = \"http://root:canary@proxy\"\ndb_pass = \"canary\"\n\
         db_password = \"canary\"\nprefix = \"A\"\n";
    let inputs = Inputs { vars: vec![("api_key".into(), "canary".into())], ..Inputs::default() };
    let explanation = in_folder(text, |path| load(path, &inputs)).unwrap().explain();
    for output in [explanation.to_text(), explanation.to_json().to_string()] {
        assert!(!output.contains("canary"), "{output}");
        assert!(output.contains("A_TOKEN") && output.contains("\"tokens"), "{output}");
    }
}

#[test]
fn what_is_said_of_an_input_tells_no_secret() {
    let text = "version = 1\n[inputs.api_token]\ntype = \"string\"\nchoices = [\"canary\"]\n\
         [inputs.password]\ntype = \"integer\"\ndefault = \"canary\"\n\
         [source]\nendpoint = \"http://a\"\n[target]\nendpoint = \"http://b\"\n\
         [[collections]]\nsource = \"a\"\ndescription = \"{{ api_token }}{{ password }}\"\n";
    let vars = |value: &str| vec![("api_token".to_owned(), value.to_owned())];
    for vars in [vars("canary2"), Vec::new()] {
        let inputs = Inputs { vars, ..Inputs::default() };
        let report = in_folder(text, |path| load(path, &inputs)).unwrap_err();
        for output in [report.render(true), report.to_github(), report.to_json().to_string()] {
            assert!(!output.contains("canary"), "{output}");
        }
    }
}

/// A file that is shared in part resolves to the same as one that has it all.
#[test]
fn included_parts_are_as_if_they_were_written_in_place() {
    let shared = "[vars]\nn = 3\n[defaults]\nshards = 2\n[copy]\nparallelism = 2\n";
    let rest = "[source]\nendpoint = \"http://a\"\n[target]\nendpoint = \"http://b\"\n\
         [[collections]]\nsource = \"a\"\nreplicas = \"{{ n }}\"\n";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.ferry.toml");
    let resolved = |text: &str| {
        fs::write(&path, text).unwrap();
        let loaded = load(&path, &Inputs::default());
        let mut migration =
            loaded.unwrap_or_else(|report| panic!("{}", report.render(false))).migration;
        migration.collections[0].location.clear();
        migration.source.place.clear();
        migration.target.place.clear();
        format!("{migration:#?}")
    };
    let whole = resolved(&format!("version = 1\n{shared}{rest}"));
    fs::write(folder.path().join("common.toml"), format!("version = 1\n{shared}")).unwrap();
    assert_eq!(resolved(&format!("version = 1\ninclude = [\"common.toml\"]\n{rest}")), whole);
}

#[test]
fn names_are_rendered_when_they_are_known() {
    let plan = Path::new("tests/plans/valid/every_key.toml");
    let migration = load(plan, &Inputs::default()).unwrap().migration;
    let [products, orders, glob, _] = migration.collections.as_slice() else {
        panic!("{migration:?}");
    };
    assert!(products.target.is_none());
    let description = products.description.as_ref().unwrap();
    assert_eq!(description.render("products"), Ok("text products".into()));
    assert_eq!(orders.target.as_ref().unwrap().render("orders"), Ok("ORDERS_16".into()));
    let target = glob.target.as_ref().unwrap();
    assert_eq!(target.render("prod_alpha"), Ok("alpha".into()));
    assert_eq!(target.render("prod_{{ 1 }}"), Ok("{{ 1 }}".into()));
    let description = glob.description.as_ref().unwrap();
    assert_eq!(description.render("prod_alpha"), Ok("text prod_alpha".into()));
    let AliasRule::Exactly(aliases) = &products.aliases else { panic!("{products:?}") };
    assert_eq!(aliases[0].render("products"), Ok("products_live".into()));
    let AliasRule::Rename(aliases) = &glob.aliases else { panic!("{glob:?}") };
    assert_eq!(aliases["live"].render("prod_alpha"), Ok("prod_alpha_live".into()));
    assert_eq!(aliases["search"].render("prod_alpha"), Ok("find".into()));
}

/// Collects the path of every key of a schema; `*` is any name, and any element of a list.
fn keys_of_schema(schema: &Value, path: &str, keys: &mut BTreeSet<String>) {
    for (key, property) in schema["properties"].as_object().into_iter().flatten() {
        keys.insert(format!("{path}/{key}"));
        keys_of_schema(property, &format!("{path}/{key}"), keys);
    }
    for part in ["items", "additionalProperties"] {
        if let Some(inner) = schema.get(part) {
            keys_of_schema(inner, &format!("{path}/*"), keys);
        }
    }
    for branch in schema["anyOf"].as_array().into_iter().flatten() {
        keys_of_schema(branch, path, keys);
    }
}

/// Collects the paths of the schema that a plan file has values for.
fn keys_of_plan(
    plan: &toml::Value,
    path: &str,
    known: &BTreeSet<String>,
    keys: &mut BTreeSet<String>,
) {
    match plan {
        toml::Value::Table(table) => {
            for (key, value) in table {
                let own = format!("{path}/{key}");
                let path = if known.contains(&own) { own } else { format!("{path}/*") };
                keys_of_plan(value, &path, known, keys);
                keys.insert(path);
            }
        }
        toml::Value::Array(items) => {
            for item in items {
                keys_of_plan(item, &format!("{path}/*"), known, keys);
            }
        }
        _ => {}
    }
}

#[test]
fn the_plan_with_every_key_has_every_key() {
    let mut known = BTreeSet::new();
    keys_of_schema(&published_schema(), "", &mut known);
    assert!(known.contains("/collections/*/fields/*/rename"), "{known:?}");
    let text = fs::read_to_string("tests/plans/valid/every_key.toml").unwrap();
    let mut used = BTreeSet::new();
    keys_of_plan(&text.parse::<toml::Table>().unwrap().into(), "", &known, &mut used);
    // Keys that two tables share are used in one of them.
    let shared = |keys: &BTreeSet<String>| -> BTreeSet<String> {
        keys.iter()
            .map(|key| {
                key.replacen("/defaults/", "/collections/*/", 1).replacen("/target/", "/source/", 1)
            })
            .collect()
    };
    let (known, used) = (shared(&known), shared(&used));
    let missing: Vec<&String> = known.difference(&used).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn the_readme_names_every_override() {
    let readme = fs::read_to_string("README.md").unwrap();
    let table = readme.split("**Overrides**").nth(1).unwrap().split("\n## ").next().unwrap();
    let schema = published_schema();
    let entry = &schema["properties"]["collections"]["items"]["properties"];
    let field = &entry["fields"]["additionalProperties"]["properties"];
    let keys = entry.as_object().unwrap().keys().cloned();
    let fields = field.as_object().unwrap().keys().map(|key| format!("fields.NAME.{key}"));
    let elsewhere = ["source", "exclude", "existing", "fields"];
    for key in keys.chain(fields).filter(|key| !elsewhere.contains(&key.as_str())) {
        assert!(table.contains(&format!("`{key}`")), "{key}");
    }
}

#[test]
fn every_default_is_a_setting_of_an_entry() {
    let schema = published_schema();
    let entry = &schema["properties"]["collections"]["items"]["properties"];
    let defaults = schema["properties"]["defaults"]["properties"].as_object().unwrap();
    for (key, property) in defaults {
        assert_eq!(property, &entry[key], "{key}");
    }
}

#[test]
fn examples_are_valid_in_every_environment() {
    for plan in plans("examples") {
        if !plan.to_string_lossy().ends_with(".ferry.toml") {
            continue;
        }
        let text = fs::read_to_string(&plan).unwrap();
        assert!(text.starts_with("#:schema ../schema/plan.schema.json\n"), "{}", plan.display());
        let environments = text
            .lines()
            .filter_map(|line| line.strip_prefix("[env.")?.strip_suffix(']'))
            .map(|name| Some(name.to_owned()));
        for env in environments.chain([None]) {
            let inputs = Inputs { env, ..Inputs::default() };
            match load(&plan, &inputs) {
                Ok(loaded) => {
                    assert!(loaded.warnings.is_empty(), "{}", loaded.warnings.render(false));
                }
                Err(report) => panic!("{}", report.render(false)),
            }
        }
    }
}

const PLAN: &str = r#"version = 1
[vars]
v = ""
[source]
endpoint = "http://a"
[target]
endpoint = "http://b"
[[collections]]
source = "products"
description = "{{ v }}"
properties = { set = { p = "{{ v }}" } }
indexes = { f = { type = "HNSW", params = { q = "{{ v }}" } } }
fields = { f = { description = "{{ v }}" } }
"#;

fn in_folder<T>(text: &str, check: impl FnOnce(&Path) -> T) -> T {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.ferry.toml");
    fs::write(&path, text).unwrap();
    check(&path)
}

/// Settings, and other values of the same settings, about the same names.
const SETTINGS: [(&str, &str); 13] = [
    ("database = \"shop\"", "database = \"other\""),
    ("description = \"Of {{ name }}\"", "description = \"\""),
    ("dynamic_field = true", "dynamic_field = \"keep\""),
    ("partition_key = \"none\"", "partition_key = { field = \"tenant\", partitions = 8 }"),
    ("partitions = [\"2024*\"]", "partitions = { merge = true }"),
    ("shards = 2", "shards = 4"),
    ("consistency = \"strong\"", "consistency = \"eventually\""),
    (
        "properties = { set = { a = 1 }, unset = [\"b\"] }",
        "properties = { set = { b = true }, unset = [\"a\"] }",
    ),
    ("indexes = { a = \"none\", b = { type = \"HNSW\", metric = \"L2\" } }", "indexes = \"auto\""),
    ("load = \"keep\"\nreplicas = 2", "load = true\nreplicas = 3"),
    (
        "aliases = [\"{{ name }}_live\"]\nmove_aliases = true",
        "aliases = { a = \"b\" }\nmove_aliases = false",
    ),
    (
        "fields = { d = { rename = \"z\" }, c = { mmap = true } }",
        "fields = { d = { drop = true }, c = { mmap = false } }",
    ),
    ("existing = \"adopt\"", "existing = \"refuse\""),
];

/// What an entry comes to, with these defaults and these settings of its own.
fn rule_of(defaults: &[&str], own: &[&str]) -> String {
    let (defaults, own) = (defaults.join("\n"), own.join("\n"));
    let text = format!(
        "version = 1\nsource = {{ endpoint = \"http://a\" }}\ntarget = {{ endpoint = \"http://b\" }}\n\
         [defaults]\n{defaults}\n[[collections]]\nsource = \"products\"\n{own}"
    );
    let loaded = in_folder(&text, |path| load(path, &Inputs::default()));
    let mut migration =
        loaded.unwrap_or_else(|report| panic!("{}", report.render(false))).migration;
    migration.collections[0].location.clear();
    format!("{:#?}", migration.collections[0])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever a variable holds, it stays the value of the one string that uses it.
    #[test]
    fn values_of_variables_never_change_the_structure(
        value in prop_oneof![
            ".*",
            "[\"'\\\\\n\\[\\]{}%=#, a-z]{0,30}",
            Just("\"\n[[collections]]\nsource = \"more\"\n".to_owned()),
            Just("{{ v }}{% raw %}".to_owned()),
        ]
    ) {
        let inputs = Inputs { vars: vec![("v".into(), value.clone())], ..Inputs::default() };
        let migration = in_folder(PLAN, |path| load(path, &inputs)).unwrap().migration;
        prop_assert_eq!(migration.collections.len(), 1);
        let rule = &migration.collections[0];
        prop_assert_eq!(rule.description.as_ref().unwrap().render("products"), Ok(value.clone()));
        prop_assert_eq!(&rule.properties.set["p"], &value);
        let IndexRule::Given(index) = &rule.indexes.fields["f"] else { panic!("{rule:?}") };
        prop_assert_eq!(&index.params["q"], &value);
        prop_assert_eq!(rule.fields["f"].description.as_ref(), Some(&value));
        prop_assert!(rule.target.is_none());
    }

    /// Settings mean the same in the defaults, in the entry, and in both.
    #[test]
    fn defaults_are_settings_of_every_entry(
        some in prop::sample::subsequence(&SETTINGS, 0..=SETTINGS.len()),
    ) {
        let lines: Vec<&str> = some.iter().map(|(setting, _)| *setting).collect();
        let wanted = rule_of(&[], &lines);
        prop_assert_eq!(rule_of(&lines, &[]), wanted.clone());
        prop_assert_eq!(rule_of(&lines, &lines), wanted);
    }

    /// Where the entry says something, it does not matter what the defaults say.
    #[test]
    fn entries_win_over_defaults(
        some in prop::sample::subsequence(&SETTINGS, 0..=SETTINGS.len()),
        more in prop::sample::subsequence(&SETTINGS, 0..=SETTINGS.len()),
    ) {
        let own: Vec<&str> = some.iter().map(|(_, other)| *other).collect();
        let same: Vec<&str> = some.iter().map(|(setting, _)| *setting).collect();
        prop_assert_eq!(rule_of(&same, &own), rule_of(&[], &own));
        let rest = more.iter().filter(|setting| !some.contains(setting));
        let rest: Vec<&str> = rest.map(|(setting, _)| *setting).collect();
        let all = [own.as_slice(), rest.as_slice()].concat();
        prop_assert_eq!(rule_of(&rest, &own), rule_of(&[], &all));
    }

    /// A damaged file with literal credentials is reported without them.
    #[test]
    fn damaged_plans_neither_panic_nor_tell_secrets(
        at in any::<prop::sample::Index>(),
        junk in "[\"'=\\[\\]{}#\n,. a-z0-9\\\\é]{0,4}",
        cut in 0_usize..3,
    ) {
        const SECRET: &str = "canary";
        let text = "version = 1\n[source]\nendpoint = \"http://u:canary@a\"\ntoken = \"canary\"\n\
             [target]\nendpoint = \"http://b\"\npassword = { env = \"canary\" }\nload = 1\n\
             [[collections]]\nsource = \"a\"\ntargt = \"b\"\n";
        // Where the words themselves are damaged, nobody can tell that it was a secret.
        let fixed = ["http://u:canary@a", "token", SECRET, "password"];
        let mut places: Vec<usize> = (0..text.len()).collect();
        places.retain(|place| {
            fixed.iter().all(|word| text.match_indices(word).all(|(start, _)| {
                place + cut <= start || *place >= start + word.len()
            }))
        });
        let place = *at.get(&places);
        let damaged = format!("{}{junk}{}", &text[..place], &text[(place + cut).min(text.len())..]);
        let report = in_folder(&damaged, |path| load(path, &Inputs::default())).unwrap_err();
        for output in [report.render(true), report.to_github(), report.to_json().to_string()] {
            prop_assert!(!output.contains(SECRET), "{}\n{}", damaged, output);
        }
    }
}
