//! What Milvus Lite 2 makes and cannot tell of.

use super::groups::Group;
use crate::support::data;
use crate::support::ferry::Ferry;
use crate::support::lab::{self, Kind, Spec};
use crate::support::probe::Probe;

const PLAN: &str = "plan.ferry.toml";

#[tokio::test]
async fn an_unreadable_collection_is_named_and_the_others_move_without_it() {
    let (source, target) = (lab::private(&Spec::lite25()), lab::server(Kind::Lite3));
    let from = Probe::of(&source).await;
    let to = Probe::of(target).await.in_new_database().await;
    let (good, rows) = Group::Scalars.collection("good");
    from.fill(&good, &rows).await;
    from.create_collection(&Group::ZeroDefaults.collection("undescribed").0).await;
    let (unqueried, some) = Group::PartitionKey.collection("unqueried");
    from.create_collection(&unqueried).await;
    from.insert("unqueried", &data::table_of(&unqueried, &some.keys()[..3], 1)).await;

    let ferry = Ferry::new();
    let plan = |exclude: &str| {
        let text = format!(
            "version = 1\n[source]\nendpoint = \"{}\"\n[target]\nendpoint = \"{}\"\n\
             [defaults]\nsource_database = \"default\"\ntarget_database = \"{}\"\n\
             [[collections]]\nsource = \"*\"\n{exclude}\n",
            source.uri(),
            target.uri(),
            to.database(),
        );
        ferry.write(PLAN, &text);
    };
    plan("");
    for command in [&["plan", PLAN][..], &["apply", PLAN, "--yes"][..]] {
        let refused = ferry.run(command).expect_code(1);
        let said = format!("{}\n{}", refused.stdout, refused.stderr);
        for name in ["undescribed", "unqueried"] {
            let finding = format!("error[source_not_readable] default/{name}");
            assert!(said.contains(&finding), "no {finding:?} in:\n{said}");
        }
        assert!(!to.has_collection("good").await);
    }
    plan("exclude = [\"un*\"]");
    ferry.run(&["apply", PLAN, "--yes"]).expect_code(0);
    let read = to.read_all("good", &rows.keys(), &[]).await;
    crate::support::table::assert_same(&rows, &read);
    ferry.run(&["plan", PLAN, "--detailed-exitcode"]).expect_code(0);
}
