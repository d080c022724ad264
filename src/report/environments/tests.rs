use super::super::samples::{change, changes, conflict, error};
use super::*;

fn environment(name: &str, collections: Vec<CollectionChange>) -> Environment {
    let state = State::Planned(Box::new(changes(collections)));
    Environment { name: name.to_owned(), state }
}

fn text(environments: &[Environment]) -> String {
    render("catalog.ferry.toml", environments, &Style::new(false))
}

#[test]
fn environments_side_by_side() {
    let mut prod = change("products", Action::Create, Some(1_203_442));
    let wanted = prod.wanted.as_mut().unwrap();
    "products_v2".clone_into(&mut wanted.name);
    wanted.shards = 4;
    wanted.properties.insert("mmap.enabled".to_owned(), "true".to_owned());
    wanted.properties.remove("collection.ttl.seconds");
    wanted.fields.remove(1);
    wanted.indexes.truncate(1);
    prod.ending.loaded = Loaded::Nothing;
    let mut refused = environment("staging", vec![conflict()]);
    if let State::Planned(changes) = &mut refused.state {
        changes.findings.push(error("policy_max_rows", "http://target", "too many", ""));
    }
    insta::assert_snapshot!(text(&[
        environment(
            "dev",
            vec![
                change("products", Action::Create, Some(2_000)),
                change("tags", Action::Unchanged, Some(3)),
            ],
        ),
        environment("prod", vec![prod, change("tags", Action::Adopt, None)]),
        refused,
        Environment {
            name: "test".to_owned(),
            state: State::Failed("target: cannot reach the server\n  is it up?".to_owned()),
        },
    ]));
}

#[test]
fn environments_that_want_the_same() {
    let tags = || vec![change("tags", Action::Unchanged, Some(3))];
    let text = text(&[environment("dev", tags()), environment("prod", tags())]);
    assert!(text.contains("The same is wanted in all environments."), "{text}");
    assert!(text.contains("dev: no changes"), "{text}");
}
