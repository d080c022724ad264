//! Missing privileges, on a real 2.3.5 with users and roles.

mod force;

use std::sync::OnceLock;

use testkit::collection::{Collection, Index, field, key, plain, vector};
use testkit::data;
use testkit::ferry::{Ferry, Outcome};
use testkit::lab::{self, PrivateServer, Server, Spec, unique_name};
use testkit::pb::common::LoadState;
use testkit::pb::milvus::{
    CreateRoleRequest, DescribeCollectionRequest, GrantEntity, GrantorEntity, ListDatabasesRequest,
    ObjectEntity, OperatePrivilegeRequest, OperateUserRoleRequest, PrivilegeEntity, RoleEntity,
    ShowCollectionsRequest, ShowPartitionsRequest,
};
use testkit::pb::schema::DataType;
use testkit::probe::{Probe, refusal};

const PLAN: &str = "catalog.ferry.toml";

/// Source and target of every test here.
fn guarded() -> &'static Server {
    static SHARED: OnceLock<PrivateServer> = OnceLock::new();
    SHARED.get_or_init(|| {
        let spec = Spec::milvus_235().with_auth();
        lab::private(&spec.with("proxy.maxRoleNum", "100").with("proxy.maxUserNum", "100"))
    })
}

/// What a role may do: the kind of object, its name, the privilege.
type Grant<'a> = (&'a str, &'a str, &'a str);

/// Everything that a target asks for on 2.3.5.
const TARGET: &[Grant<'_>] = &[
    ("Global", "*", "CreateCollection"),
    ("Collection", "*", "Insert"),
    ("Collection", "*", "Upsert"),
    ("Collection", "*", "CreateIndex"),
    ("Collection", "*", "Load"),
    ("Collection", "*", "Release"),
    ("Collection", "*", "Query"),
    ("Collection", "*", "GetStatistics"),
    ("Collection", "*", "GetLoadState"),
    ("Collection", "*", "ShowPartitions"),
    ("Global", "*", "DescribeCollection"),
    ("Global", "*", "ShowCollections"),
    ("Collection", "*", "IndexDetail"),
    ("Collection", "*", "Flush"),
    ("Collection", "*", "GetLoadingProgress"),
];

/// A new user with these grants; the password is `Secret12`.
async fn user(probe: &Probe, grants: &[Grant<'_>]) -> String {
    let name = unique_name("user");
    let role = unique_name("role");
    probe.create_user(&name, "Secret12").await;
    let entity = Some(RoleEntity { name: role.clone(), ..Default::default() });
    let request = CreateRoleRequest { entity: entity.clone(), ..Default::default() };
    let answer = probe.raw().create_role(request).await.unwrap().into_inner();
    assert_eq!(refusal(Some(&answer)), None);
    for (object, object_name, privilege) in grants {
        let request = OperatePrivilegeRequest {
            entity: Some(GrantEntity {
                role: entity.clone(),
                object: Some(ObjectEntity { name: (*object).to_owned() }),
                object_name: (*object_name).to_owned(),
                grantor: Some(GrantorEntity {
                    privilege: Some(PrivilegeEntity { name: (*privilege).to_owned() }),
                    ..Default::default()
                }),
                ..Default::default()
            }),
            ..Default::default()
        };
        let answer = probe.raw().operate_privilege(request).await.unwrap().into_inner();
        assert_eq!(refusal(Some(&answer)), None, "{object} {privilege}");
    }
    let request =
        OperateUserRoleRequest { username: name.clone(), role_name: role, ..Default::default() };
    let answer = probe.raw().operate_user_role(request).await.unwrap().into_inner();
    assert_eq!(refusal(Some(&answer)), None);
    let as_user = Probe::connect_auth(guarded().uri(), &name, "Secret12").await;
    for grant in grants {
        force::wait_for(&as_user, grant).await;
    }
    name
}

/// A plan file with one entry, for a user at each end.
fn ferry(source: &str, target: &str, options: &str, entry: &str) -> Ferry {
    let end = |user: &str| {
        format!(
            "endpoint = \"{}\"\nusername = {{ env = \"{user}\" }}\npassword = {{ env = \
             \"{user}_PASSWORD\" }}\n",
            guarded().uri()
        )
    };
    let text = format!(
        "version = 1\n[source]\n{}{options}[target]\n{}[[collections]]\n{entry}",
        end("FROM"),
        end("TO")
    );
    let password = |user: &str| if user == "root" { "Milvus" } else { "Secret12" };
    Ferry::with_plan(PLAN, &text)
        .env("FROM", source)
        .env("FROM_PASSWORD", password(source))
        .env("TO", target)
        .env("TO_PASSWORD", password(target))
}

fn indexed(name: &str) -> Collection {
    let fields = vec![
        key(DataType::Int64),
        field("number", DataType::Int32),
        vector("embedding", DataType::FloatVector, 8),
    ];
    Collection::new(name, fields).index(Index::new("embedding", "FLAT", "L2", ""))
}

/// A loaded collection to copy.
async fn filled(probe: &Probe) -> String {
    let collection = indexed(&unique_name("from"));
    probe.fill(&collection, &data::table(&collection, 300, 1)).await;
    collection.name
}

/// Everything that a plan could have changed by mistake.
async fn everything(probe: &Probe, collections: &[&str]) -> String {
    let request = ShowCollectionsRequest::default();
    let mut names =
        probe.raw().show_collections(request).await.unwrap().into_inner().collection_names;
    // `from_7` is not `from_71`, which is another test's.
    let of = |name: &str, of: &str| {
        name.match_indices(of).any(|(at, _)| {
            !of.ends_with(|last: char| last.is_ascii_digit())
                || !name[at + of.len()..].starts_with(|next: char| next.is_ascii_digit())
        })
    };
    names.retain(|name| collections.iter().any(|one| of(name, one)));
    names.sort();
    let mut text = format!("{names:?}");
    for name in names {
        let collection_name = name.clone();
        let request = DescribeCollectionRequest { collection_name, ..Default::default() };
        let described = probe.raw().describe_collection(request).await.unwrap().into_inner();
        let collection_name = name.clone();
        let request = ShowPartitionsRequest { collection_name, ..Default::default() };
        let partitions = probe.raw().show_partitions(request).await.unwrap().into_inner();
        let load = probe.load_state(&name, &[]).await;
        let rows = match load {
            LoadState::Loaded => probe.count(&name, &[]).await,
            _ => 0,
        };
        text = format!(
            "{text}\n{name} {} {:?} {:?} {:?} {load:?} {} indexes, {rows} rows",
            described.collection_id,
            described.aliases,
            described.properties,
            partitions.partition_names,
            probe.describe_index(&name).await.len(),
        );
    }
    text
}

#[track_caller]
fn finds(outcome: &Outcome, severity: &str, code: &str, words: &[&str]) {
    let heading = format!("{severity}[{code}]");
    let said: String = outcome.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains(&heading), "no {heading} in:\n{}{}", outcome.stdout, outcome.stderr);
    for word in words {
        assert!(said.contains(word), "no {word:?} in:\n{}", outcome.stdout);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn with_every_privilege_nothing_is_found_and_everything_arrives() {
    let probe = Probe::of(guarded()).await;
    let from = filled(&probe).await;
    let to = unique_name("to");
    let user = user(&probe, TARGET).await;
    let ferry = ferry("root", &user, "", &format!("source = \"{from}\"\ntarget = \"{to}\"\n"));
    let plan = ferry.run(&["plan", PLAN]).expect_code(0);
    assert!(!plan.stdout.contains("not_permitted"), "{}", plan.stdout);
    ferry.run(&["apply", PLAN, "--yes"]).expect_code(0);
    assert_eq!(probe.count(&to, &[]).await, 300);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn each_privilege_that_is_missing_at_the_target_is_named_and_nothing_is_written() {
    let probe = Probe::of(guarded()).await;
    let from = filled(&probe).await;
    let to = unique_name("to");
    let before = everything(&probe, &[&from, &to]).await;
    for missing in ["CreateCollection", "Insert", "CreateIndex", "Load", "Query", "Upsert"] {
        let grants: Vec<_> =
            TARGET.iter().copied().filter(|(_, _, name)| *name != missing).collect();
        let user = user(&probe, &grants).await;
        let ferry = ferry("root", &user, "", &format!("source = \"{from}\"\ntarget = \"{to}\"\n"));
        let denied = format!("Privilege{missing}: permission deny");
        let advice = format!("grant {missing} ");
        // It is only needed when a write has to be repeated.
        let (code, severity) = if missing == "Upsert" { (0, "warning") } else { (4, "error") };
        let outcome = ferry.run(&["plan", PLAN]).expect_code(code);
        finds(&outcome, severity, "target_not_permitted", &[&denied, &advice]);
        let others = outcome.stdout.matches("target_not_permitted").count();
        assert_eq!(others, 1, "{missing}: {}", outcome.stdout);
        if code == 4 {
            ferry.run(&["apply", PLAN, "--yes"]).expect_code(4);
        }
        assert_eq!(everything(&probe, &[&from, &to]).await, before, "{missing}");
    }
}

/// What `plan` only warns of a rehearsal tries; one without the right to drop a collection says that its own
/// is left.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_rehearsal_finds_the_privilege_that_is_missing() {
    let probe = Probe::of(guarded()).await;
    let from = filled(&probe).await;
    let to = unique_name("to");
    let more = [
        ("Collection", "*", "Delete"),
        ("Collection", "*", "Search"),
        ("Global", "*", "DropCollection"),
    ];
    let all: Vec<Grant<'_>> = TARGET.iter().copied().chain(more).collect();
    let before = everything(&probe, &[&from, &to, "ferry_rehearsal_"]).await;
    let rehearse = ["rehearse", PLAN, "--yes"];
    for (missing, step) in [
        ("", ""),
        ("Upsert", "upsert a row FAILED"),
        ("Delete", "delete a row FAILED"),
        ("DropCollection", "delete the scratch collection FAILED"),
    ] {
        let grants: Vec<_> = all.iter().copied().filter(|(_, _, name)| *name != missing).collect();
        let user = user(&probe, &grants).await;
        let entry = format!("source = \"{from}\"\ntarget = \"{to}\"\n");
        let as_user = ferry("root", &user, "", &entry);
        let code = if missing.is_empty() { 0 } else { 6 };
        let said = as_user.run(&rehearse).expect_code(code);
        if missing.is_empty() {
            assert!(!said.stdout.contains("FAILED"), "{}", said.stdout);
        } else {
            let denied = format!("Privilege{missing}: permission deny");
            testkit::scene::expect_words(&said, &[step, &denied]);
        }
        if missing == "DropCollection" {
            testkit::scene::expect_words(&said, &["is left at the target", "--clean"]);
            assert_ne!(everything(&probe, &[&from, &to, "ferry_rehearsal_"]).await, before);
            // Somebody who may does it, with the same folder of state.
            let as_root = as_user.env("TO", "root").env("TO_PASSWORD", "Milvus");
            as_root.run(&["rehearse", PLAN, "--clean", "--yes"]).expect_code(0);
        }
        assert_eq!(
            everything(&probe, &[&from, &to, "ferry_rehearsal_"]).await,
            before,
            "{missing}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_target_that_is_there_and_loaded_is_left_as_it_is() {
    let probe = Probe::of(guarded()).await;
    let from = filled(&probe).await;
    let to = filled(&probe).await;
    let before = everything(&probe, &[&from, &to]).await;
    let entry = format!("source = \"{from}\"\ntarget = \"{to}\"\nexisting = \"adopt\"\n");
    let may: Vec<_> = TARGET.iter().copied().filter(|(_, _, name)| *name != "Upsert").collect();
    let looks: &[Grant<'_>] = &[
        ("Collection", "*", "ShowPartitions"),
        ("Collection", "*", "IndexDetail"),
        // Asking for a load state takes the privilege to load.
        ("Collection", "*", "Load"),
        ("Collection", "*", "GetStatistics"),
        ("Collection", "*", "Query"),
    ];
    for grants in [looks, &may] {
        let user = user(&probe, grants).await;
        let ferry = ferry("root", &user, "", &entry);
        let outcome = ferry.run(&["plan", PLAN]).expect_code(4);
        finds(&outcome, "error", "target_not_permitted", &["PrivilegeUpsert: permission deny"]);
        assert_eq!(everything(&probe, &[&from, &to]).await, before);
    }
    // And by one who may do it all.
    let ferry = ferry("root", "root", "", &entry);
    ferry.run(&["plan", PLAN]).expect_code(0);
    assert_eq!(everything(&probe, &[&from, &to]).await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_grant_for_the_one_collection_is_enough() {
    let probe = Probe::of(guarded()).await;
    let from = filled(&probe).await;
    let to = unique_name("to");
    let named: Vec<Grant<'_>> = TARGET
        .iter()
        .map(|(object, any, name)| {
            (*object, if *object == "Collection" { to.as_str() } else { any }, *name)
        })
        .collect();
    let user = user(&probe, &named).await;
    let entry = |to: &str| format!("source = \"{from}\"\ntarget = \"{to}\"\n");
    let allowed = ferry("root", &user, "", &entry(&to));
    allowed.run(&["plan", PLAN]).expect_code(0);
    let other = ferry("root", &user, "", &entry(&format!("{to}_other")));
    let outcome = other.run(&["plan", PLAN]).expect_code(4);
    finds(&outcome, "error", "target_not_permitted", &["PrivilegeInsert: permission deny"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_source_that_may_not_be_released_again_stays_as_it_is() {
    let probe = Probe::of(guarded()).await;
    let from = filled(&probe).await;
    probe.release(&from).await;
    let to = unique_name("to");
    let before = everything(&probe, &[&to]).await;
    let may: &[Grant<'_>] = &[
        ("Collection", "*", "ShowPartitions"),
        ("Collection", "*", "IndexDetail"),
        ("Collection", "*", "Load"),
        ("Collection", "*", "GetStatistics"),
        ("Collection", "*", "Query"),
    ];
    let user = user(&probe, may).await;
    let entry = format!("source = \"{from}\"\ntarget = \"{to}\"\n");
    let ferry = ferry(&user, "root", "load = true\n", &entry);
    let outcome = ferry.run(&["plan", PLAN]).expect_code(4);
    finds(&outcome, "error", "source_not_permitted", &["PrivilegeRelease: permission deny"]);
    assert_eq!(outcome.stdout.matches("source_not_permitted").count(), 1, "{}", outcome.stdout);
    let state = probe.load_state(&from, &[]).await;
    assert_eq!(state, LoadState::NotLoad);
    assert_eq!(everything(&probe, &[&to]).await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_may_not_be_read_is_named_with_all_that_it_lacks_and_the_rest_is_planned() {
    let probe = Probe::of(guarded()).await;
    let (open, closed) = (filled(&probe).await, filled(&probe).await);
    let to = unique_name("to");
    let names = ["ShowPartitions", "IndexDetail", "Load", "GetStatistics", "Query"];
    let may: Vec<Grant<'_>> = names.map(|name| ("Collection", open.as_str(), name)).to_vec();
    let user = user(&probe, &may).await;
    let entry = format!(
        "source = \"{open}\"\ntarget = \"{to}\"\n[[collections]]\nsource = \"{closed}\"\n\
         target = \"{to}_too\"\n"
    );
    let outcome = ferry(&user, "root", "", &entry).run(&["plan", PLAN]).expect_code(4);
    let address = format!("default/{closed}");
    // Indexes may be looked at by everybody (the role `public` of 2.3).
    let lacks = ["this user lacks the privileges", "ShowPartitions", "GetStatistics", "Query"];
    finds(&outcome, "error", "source_not_permitted", &lacks);
    finds(&outcome, "error", "source_not_permitted", &[&address]);
    assert_eq!(outcome.stdout.matches("source_not_permitted").count(), 1, "{}", outcome.stdout);
    assert!(
        outcome.stdout.contains(&format!("create default/{to} from default/{open}\n")),
        "{}",
        outcome.stdout
    );
}

/// Partitions and databases need privileges of their own.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn partitions_aliases_and_databases_are_asked_about_where_they_are_made() {
    let probe = Probe::of(guarded()).await;
    let collection = plain(&unique_name("from"), DataType::Int64).partitions(&["east", "west"]);
    let table = data::table(&collection, 100, 2).spread_over(&["_default", "east", "west"]);
    probe.fill(&collection, &table).await;
    let to = unique_name("to");
    let database = unique_name("new");
    let user = user(&probe, &[("Global", "*", "ListDatabases")]).await;
    let entry = format!(
        "source = \"{}\"\ntarget = \"{to}\"\ntarget_database = \"{database}\"\n",
        collection.name
    );
    let before = everything(&probe, &[&collection.name, &to]).await;
    let outcome = ferry("root", &user, "", &entry).run(&["plan", PLAN]).expect_code(4);
    for missing in ["CreateCollection", "CreateDatabase", "CreatePartition", "Insert", "Load"] {
        let denied = format!("Privilege{missing}: permission deny");
        finds(&outcome, "error", "target_not_permitted", &[&denied]);
    }
    assert_eq!(everything(&probe, &[&collection.name, &to]).await, before);
    let databases =
        probe.raw().list_databases(ListDatabasesRequest::default()).await.unwrap().into_inner();
    assert!(!databases.db_names.contains(&database), "{databases:?}");
}
