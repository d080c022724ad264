use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use globset::Glob;
use proptest::prelude::*;

use super::super::resolve::name_fault;
use super::super::{Inputs, resolve_text};
use super::{Draft, DraftTarget, PLACEHOLDER, run_name};
use crate::model::inventory::{
    DatabaseInventory, Duplicates, Found, Holding, Inventory, Loading, RowNumber,
};
use crate::model::samples::{collection, field};
use crate::model::{AliasRule, Credentials, DataType, Endpoint, EnvName, Migration, Selector, Tls};

const SOURCE: &str = "http://source:19530";

fn endpoint(uri: &str) -> Endpoint {
    Endpoint {
        uri: uri.to_owned(),
        assumed_port: None,
        credentials: Credentials::None,
        tls: Tls::default(),
        place: String::new(),
        login_places: Vec::new(),
    }
}

fn holding(name: &str, rows: u64) -> Holding {
    let found = Found {
        collection: collection(name, vec![field("id", DataType::INT64)]),
        rows: RowNumber::Counted(rows),
        loaded: Loading::All,
        without_index: Vec::new(),
        duplicates: None,
    };
    Holding { name: name.to_owned(), found: Some(found), notes: Vec::new() }
}

fn database(name: &str, collections: Vec<Holding>) -> DatabaseInventory {
    DatabaseInventory { name: name.to_owned(), collections, left_out: Vec::new() }
}

fn draft(databases: Vec<DatabaseInventory>, target: Option<(&str, bool)>) -> Draft {
    Draft {
        inventory: Inventory {
            uri: SOURCE.to_owned(),
            version: "Milvus 2.3.5".to_owned(),
            databases,
            closed: Vec::new(),
        },
        source: endpoint(SOURCE),
        target: target.map(|(uri, one_database)| DraftTarget {
            endpoint: endpoint(uri),
            one_database,
            plan_unknown: false,
        }),
        name: None,
        file: Some("catalog.ferry.toml".to_owned()),
        schema: None,
    }
}

fn resolved(draft: &Draft) -> Migration {
    let text = draft.text();
    let path = Path::new("catalog.ferry.toml");
    if draft.target.is_none() {
        let report = resolve_text(path, &text, &Inputs::default()).unwrap_err();
        let codes: Vec<&str> = report.diagnostics().iter().map(|found| &*found.code).collect();
        assert_eq!(codes, ["endpoint_to_fill_in"], "{}\n{text}", report.render(false));
    }
    let filled = text.replacen(PLACEHOLDER, "http://target:19530", 1);
    match resolve_text(path, &filled, &Inputs::default()) {
        Ok(loaded) => {
            assert!(loaded.warnings.is_empty(), "{}\n{text}", loaded.warnings.render(false));
            loaded.migration
        }
        Err(report) => panic!("{}\n{text}", report.render(false)),
    }
}

/// Where each source collection lands, by what the plan file means.
fn landings(draft: &Draft, migration: &Migration) -> BTreeMap<(String, String), (String, String)> {
    let mut landings = BTreeMap::new();
    for rule in &migration.collections {
        let names: Vec<String> = match &rule.source {
            Selector::Name(name) => vec![name.clone()],
            Selector::Glob { pattern, exclude } => {
                let matches = |glob: &str, name: &str| {
                    Glob::new(glob).unwrap().compile_matcher().is_match(name)
                };
                let all =
                    draft.inventory.databases.iter().filter(|of| of.name == rule.source_database);
                let names = all.flat_map(|of| {
                    of.collections.iter().map(|of| of.name.clone()).chain(of.left_out.clone())
                });
                names
                    .filter(|name| matches(pattern, name))
                    .filter(|name| !exclude.iter().any(|glob| matches(glob, name)))
                    .collect()
            }
        };
        for name in names {
            let to = match &rule.target {
                Some(target) => target.render(&name).unwrap(),
                None => name.clone(),
            };
            let to = (rule.target_database.clone(), to);
            let from = (rule.source_database.clone(), name);
            let twice = landings.insert(from.clone(), to);
            assert!(twice.is_none(), "{from:?} is chosen twice\n{}", draft.text());
        }
    }
    landings
}

#[test]
fn a_draft_reads_well() {
    let mut events = holding("events", 1_234_567);
    let found = events.found.as_mut().unwrap();
    found.loaded = Loading::Nothing;
    found.rows = RowNumber::About(1_234_567);
    found.collection.aliases = vec!["live".to_owned()];
    events.notes = vec![
        "id: the keys that the source made up (autoID) are kept; the target makes up none, so that \
         later inserts must bring their own"
            .to_owned(),
    ];
    let mut users = holding("users", 1_012);
    users.found.as_mut().unwrap().duplicates = Some(Duplicates { rows: 1_012, keys: 1_000 });
    users.found.as_mut().unwrap().collection.dynamic_field = false;
    let default = vec![events, holding("empty", 0), holding("sü-ß\n[x]", 3), users.clone()];
    let mut shop: Vec<Holding> =
        (0..20).map(|number| holding(&format!("part_{number:02}"), 10)).collect();
    shop.push(users);
    let databases = vec![database("default", default), database("shop", shop)];
    let mut two = draft(databases.clone(), None);
    two.source.credentials = Credentials::UserPassword {
        username: EnvName("SOURCE_USER".to_owned()),
        password: EnvName("SOURCE_PASSWORD".to_owned()),
    };
    insta::assert_snapshot!(two.text());
    resolved(&two);
    let mut one =
        draft(databases, Some(("https://a.serverless.b.vectordb.zillizcloud.com:443", true)));
    one.target.as_mut().unwrap().plan_unknown = true;
    one.target.as_mut().unwrap().endpoint.credentials =
        Credentials::Token(EnvName("ZILLIZ_TOKEN".to_owned()));
    insta::assert_snapshot!(one.text());
    resolved(&one);
}

#[test]
fn beside_itself_everything_gets_another_name() {
    let mut products = holding("products", 3);
    products.found.as_mut().unwrap().collection.aliases = vec!["live".to_owned()];
    let databases = vec![database("default", vec![products, holding("products_copy", 1)])];
    let draft = draft(databases, Some((SOURCE, false)));
    let migration = resolved(&draft);
    let landings = landings(&draft, &migration);
    let to = |name: &str| landings[&("default".to_owned(), name.to_owned())].1.clone();
    assert_eq!(to("products"), "products_copy_2");
    assert_eq!(to("products_copy"), "products_copy_copy_2");
    assert!(migration.collections.iter().all(|rule| matches!(rule.aliases, AliasRule::None)));
}

#[test]
fn paths_are_no_templates() {
    for path in ["a \"b\" '{{ c }}.pem", "{{ x }}", "{% raw %}", "{#\\ü\t\u{7}", "plain.pem"] {
        let mut draft = draft(vec![database("default", vec![holding("c", 1)])], None);
        draft.source.uri = "https://source:443".to_owned();
        draft.source.tls.ca_file = Some(PathBuf::from(path));
        assert_eq!(resolved(&draft).source.tls.ca_file.unwrap(), Path::new(path));
    }
}

#[test]
fn a_file_whose_name_names_no_run_gets_a_name() {
    assert_eq!(run_name("catalog.ferry.toml"), None);
    assert_eq!(run_name("a b.toml").unwrap(), "_a_b");
    assert_eq!(run_name("é.ferry.toml").unwrap(), "__");
}

fn names() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => "[a-c]{1,2}(_copy)?",
        2 => "db_[a-c]",
        1 => "(default_|db_)[a-c]",
        1 => "[a-c]{245,255}",
        1 => r#"[a-c{}% "'\\#\n\r\t\[*?$\-ü\u{2028}\u{202e}.]{0,6}"#,
        1 => Just("{{ name }}".to_owned()),
    ]
}

fn holdings() -> impl Strategy<Value = Vec<Holding>> {
    let facts = (
        names(),
        0..2_000_u64,
        proptest::collection::vec(names(), 0..2),
        proptest::option::weighted(0.3, ".*"),
        proptest::bool::weighted(0.2),
        proptest::bool::weighted(0.1),
    );
    let holding = facts.prop_map(|(name, rows, aliases, note, asleep, unreadable)| {
        let mut holding = holding(&name, rows);
        holding.notes.extend(note);
        let found = holding.found.as_mut().unwrap();
        found.collection.aliases = aliases;
        if asleep {
            found.loaded = Loading::AllBut(vec![name]);
        }
        if unreadable {
            holding.found = None;
        }
        holding
    });
    let several = prop_oneof![
        proptest::collection::vec(holding, 0..6),
        // So many that one glob stands for them.
        (14..30_u32).prop_map(|n| (0..n).map(|n| self::holding(&format!("n{n}"), 1)).collect()),
    ];
    (several.clone(), several).prop_map(|(mut one, other)| {
        one.extend(other);
        let mut seen = BTreeSet::new();
        one.retain(|holding| seen.insert(holding.name.clone()));
        one
    })
}

fn databases() -> impl Strategy<Value = Vec<DatabaseInventory>> {
    let names = prop_oneof![4 => "db|default|c", 1 => "[a-c\\-\n{]{1,3}"];
    let left_out = proptest::collection::vec(prop_oneof![9 => "left[0-9]", 1 => ".*"], 0..3);
    let one = (names, holdings(), left_out);
    proptest::collection::vec(one, 1..4).prop_map(|databases| {
        let by_name: BTreeMap<_, _> =
            databases.into_iter().map(|(name, held, left)| (name, (held, left))).collect();
        let made = by_name.into_iter().map(|(name, (collections, left_out))| DatabaseInventory {
            name,
            collections,
            left_out,
        });
        made.filter(|of| !of.collections.is_empty()).collect()
    })
}

proptest! {
    #[test]
    fn any_draft_means_what_was_found(
        databases in databases(),
        target in prop_oneof![
            Just(None),
            Just(Some(("http://target:19530", false))),
            Just(Some(("http://target:19530", true))),
            Just(Some((SOURCE, false))),
            Just(Some((SOURCE, true))),
        ],
    ) {
        let draft = draft(databases, target);
        prop_assume!(draft.names_anything());
        let migration = resolved(&draft);
        let landings = landings(&draft, &migration);
        let expected: BTreeSet<(String, String)> = draft
            .inventory
            .databases
            .iter()
            .filter(|of| name_fault(&of.name).is_none())
            .flat_map(|of| of.collections.iter().map(|held| (of.name.clone(), held.name.clone())))
            .filter(|(_, name)| name_fault(name).is_none())
            .collect();
        let chosen: BTreeSet<(String, String)> = landings.keys().cloned().collect();
        prop_assert_eq!(&chosen, &expected, "{}", draft.text());
        // No two land on one place, and where both ends are one server none on another.
        let onto: BTreeSet<&(String, String)> = landings.values().collect();
        prop_assert_eq!(onto.len(), landings.len(), "{}", draft.text());
        if target.is_some_and(|(uri, _)| uri == SOURCE) {
            prop_assert!(onto.iter().all(|to| !chosen.contains(*to)), "{}", draft.text());
        }
        if target.is_some_and(|(_, one_database)| one_database) {
            prop_assert!(onto.iter().all(|(database, _)| database == "default"));
        }
        for (_, name) in onto {
            prop_assert_eq!(name_fault(name), None);
        }
        let nameless: usize = draft.inventory.databases.iter().map(|of| of.collections.len()).sum();
        prop_assert_eq!(draft.nameless().len(), nameless - expected.len());
    }
}

/// A server that only counts what was flushed does not know of other rows: that is not none.
#[test]
fn an_unknown_number_of_rows_is_not_zero() {
    let of = |name: &str, rows: RowNumber, loaded: Loading| {
        let mut held = holding(name, 0);
        let found = held.found.as_mut().unwrap();
        (found.rows, found.loaded) = (rows, loaded);
        held
    };
    let text = draft(
        vec![database(
            "default",
            vec![
                of("empty", RowNumber::Counted(0), Loading::All),
                of("unflushed", RowNumber::About(0), Loading::All),
                of("unloaded", RowNumber::About(0), Loading::Nothing),
                of("filled", RowNumber::About(7), Loading::Nothing),
            ],
        )],
        None,
    )
    .text();
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ").replace(" # ", " ");
    for said in [
        "4 collections, 7 rows, and those of 2 collections unknown.",
        "source = \"empty\" # no rows",
        "source = \"unflushed\" # number of rows unknown, none flushed",
        "source = \"unloaded\" # number of rows unknown, none flushed · not loaded",
        "source = \"filled\" # about 7 rows",
    ] {
        let said = said.replace(" # ", " ");
        assert!(words.contains(&said), "no {said:?} in {text}");
    }
    let many = (0..20).map(|number| {
        let rows = if number < 3 { RowNumber::About(0) } else { RowNumber::Counted(number % 4) };
        of(&format!("c{number:02}"), rows, Loading::All)
    });
    let text = draft(vec![database("default", many.collect())], None).text();
    assert!(text.contains("20 collections, 4 empty, 3 of an unknown number of rows, "), "{text}");
}
