//! A digest of every part of a resolved plan file: comments, layout and the order of keys do not
//! count, nor do variables but for what they are used in.

use std::collections::BTreeMap;

use serde_json::Value;
use xxhash_rust::xxh3::xxh3_128;

use crate::model::Digest;

/// What is read before the rest, and only matters by what becomes of it there.
const ONLY_GIVES_VALUES: &[&str] = &["vars", "env", "inputs", "include"];

/// The digest of each table, and of each entry of `[[collections]]` by its source.
pub(super) fn parts(rendered: &Value) -> BTreeMap<String, Digest> {
    let mut parts = BTreeMap::new();
    let Some(tables) = rendered.as_object() else { return parts };
    for (name, value) in tables {
        match value {
            _ if ONLY_GIVES_VALUES.contains(&name.as_str()) => {}
            Value::Array(entries) if name == "collections" => {
                for entry in entries {
                    let source = match entry.get("source") {
                        Some(Value::String(source)) => source.clone(),
                        other => other.map(canonical).unwrap_or_default(),
                    };
                    let database = ["source_database", "database"]
                        .into_iter()
                        .find_map(|key| entry.get(key).and_then(Value::as_str));
                    let source = match database {
                        Some(database) => format!("{database}/{source}"),
                        None => source,
                    };
                    let part = format!("the [[collections]] entry of {source:?}");
                    add(&mut parts, &part, entry);
                }
            }
            Value::Object(_) => add(&mut parts, &format!("[{name}]"), value),
            _ => add(&mut parts, &format!("`{name}`"), value),
        }
    }
    parts
}

/// Two entries of one name are told apart by their order.
fn add(parts: &mut BTreeMap<String, Digest>, name: &str, value: &Value) {
    let mut free = name.to_owned();
    let mut number = 1;
    while parts.contains_key(&free) {
        number += 1;
        free = format!("{name} (number {number})");
    }
    parts.insert(free, Digest(xxh3_128(canonical(value).as_bytes())));
}

/// JSON whose keys are sorted, whatever map holds them.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(table) => {
            let sorted: BTreeMap<&String, String> =
                table.iter().map(|(key, value)| (key, canonical(value))).collect();
            let members: Vec<String> = sorted
                .into_iter()
                .map(|(key, value)| format!("{}:{value}", Value::from(key.as_str())))
                .collect();
            format!("{{{}}}", members.join(","))
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(canonical).collect();
            format!("[{}]", items.join(","))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::planfile::{Inputs, resolve_text};

    const PLAN: &str = "version = 1\nname = \"p\"\n[vars]\nhost = \"a\"\nunused = 1\n\
         [env.prod]\nhost = \"b\"\n\
         [source]\nendpoint = \"http://{{ host }}:1\"\n[target]\nendpoint = \"http://t:1\"\n\
         token = { env = \"TOKEN\" }\n\
         [[collections]]\nsource = \"a_*\"\ntarget = \"{{ name }}_v2\"\n\
         [[collections]]\nsource = \"b\"\nshards = 2\n";

    fn of(text: &str, env: Option<&str>) -> BTreeMap<String, Digest> {
        let inputs = Inputs { env: env.map(str::to_owned), ..Inputs::default() };
        let loaded = resolve_text(std::path::Path::new("p.ferry.toml"), text, &inputs);
        loaded.unwrap_or_else(|report| panic!("{}", report.render(false))).parts()
    }

    #[track_caller]
    fn moved(text: &str, env: Option<&str>) -> Vec<String> {
        let (then, now) = (of(PLAN, None), of(text, env));
        let names = then.keys().chain(now.keys().filter(|name| !then.contains_key(*name)));
        names.filter(|name| then.get(*name) != now.get(*name)).cloned().collect()
    }

    #[test]
    fn comments_and_layout_do_not_count() {
        let other = PLAN
            .replace("[source]\n", "# to be moved\n\n[source] # old\n")
            .replace("token = { env = \"TOKEN\" }", "token.env = 'TOKEN'")
            .replace("source = \"b\"\nshards = 2", "shards = 2\nsource = \"{{ 'b' }}\"")
            .replace("unused = 1", "unused = 2");
        assert_eq!(moved(&other, None), Vec::<String>::new());
        assert_eq!(moved(PLAN, None), Vec::<String>::new());
    }

    #[test]
    fn what_counts_is_named() {
        let with = |from: &str, to: &str| moved(&PLAN.replace(from, to), None);
        assert_eq!(moved(PLAN, Some("prod")), ["[source]"]);
        assert_eq!(with("host = \"a\"", "host = \"c\""), ["[source]"]);
        assert_eq!(with("\"TOKEN\"", "\"OTHER\""), ["[target]"]);
        assert_eq!(with("_v2", "_v3"), ["the [[collections]] entry of \"a_*\""]);
        assert_eq!(with("shards = 2", "shards = 3"), ["the [[collections]] entry of \"b\""]);
        assert_eq!(with("\"b\"\n", "\"c\"\n").len(), 2);
        assert_eq!(with("name = \"p\"", "name = \"q\""), ["`name`"]);
        assert_eq!(with("[target]", "[copy]\nparallelism = 2\n[target]"), ["[copy]"]);
        let twice = "[[collections]]\nsource = \"b\"\ntarget = \"c\"\n";
        assert_eq!(
            moved(&format!("{PLAN}{twice}"), None),
            ["the [[collections]] entry of \"b\" (number 2)"]
        );
    }
}
