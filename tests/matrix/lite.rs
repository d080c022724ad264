//! What is particular to Milvus Lite.

use super::groups::Group;
use crate::support::columns;
use crate::support::data;
use crate::support::ferry::Ferry;
use crate::support::lab::{self, Kind, Spec};
use crate::support::probe::{Probe, refusal};
use crate::support::table::{Value, assert_same};

const PLAN: &str = "plan.ferry.toml";

/// Which is why it is no target for nullable vectors.
#[tokio::test]
async fn lite_3_takes_no_null_sparse_vector_beside_others() {
    let probe = Probe::of(lab::server(Kind::Lite3)).await.in_new_database().await;
    let (collection, rows) = Group::NullableSparseVector.collection("sparse");
    probe.create_collection(&collection).await;
    let [compact] = &probe.insert_requests("sparse", &rows, rows.rows.len())[..] else {
        panic!("one request");
    };
    let mut full = compact.clone();
    let column = full.fields_data.iter_mut().find(|column| column.field_name == "sparse").unwrap();
    let mut values = columns::decode(column);
    for value in values.iter_mut().filter(|value| **value == Value::Null) {
        *value = Value::Bytes(Vec::new());
    }
    let valid = column.valid_data.clone();
    *column = columns::encode(&rows.columns[1], &values.iter().collect::<Vec<_>>());
    column.valid_data = valid;
    for (request, reason) in [(compact.clone(), "expected 240"), (full, "at least one nonzero")] {
        let answer = probe.raw().insert(request).await.unwrap().into_inner();
        let refused = refusal(answer.status.as_ref()).unwrap();
        assert!(refused.contains(reason), "{refused}");
    }
}

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
        assert!(said.contains("Milvus Lite 2.5"), "{said}");
        for name in ["undescribed", "unqueried"] {
            let finding = format!("error[source_not_readable] default/{name}");
            assert!(said.contains(&finding), "no {finding:?} in:\n{said}");
        }
        assert!(!to.has_collection("good").await);
    }
    plan("exclude = [\"un*\"]");
    ferry.run(&["apply", PLAN, "--yes"]).expect_code(0);
    let read = to.read_all("good", &rows.keys(), &[]).await;
    assert_same(&rows, &read);
    ferry.run(&["plan", PLAN, "--detailed-exitcode"]).expect_code(0);
}

/// It has functions and does not describe them: what they compute can be left behind.
#[tokio::test]
async fn what_an_untold_function_computes_is_left_behind_where_the_plan_file_says_so() {
    let (source, target) = (lab::private(&Spec::lite25()), lab::server(Kind::Lite3));
    let from = Probe::of(&source).await;
    let to = Probe::of(target).await.in_new_database().await;
    let (collection, rows) = Group::Bm25.collection("texts");
    from.fill(&collection, &rows).await;

    let ferry = Ferry::new();
    let text = format!(
        "version = 1\n[source]\nendpoint = \"{}\"\n[target]\nendpoint = \"{}\"\n\
         [[collections]]\nsource = \"texts\"\nsource_database = \"default\"\n\
         target_database = \"{}\"\nindexes = {{ terms = \"none\" }}\n\
         fields = {{ terms = {{ drop = true }} }}\n",
        source.uri(),
        target.uri(),
        to.database(),
    );
    ferry.write(PLAN, &text);
    ferry.run(&["apply", PLAN, "--yes"]).expect_code(0);
    let read = to.read_all("texts", &rows.keys(), &[]).await;
    assert_same(&rows, &read);
    ferry.run(&["plan", PLAN, "--detailed-exitcode"]).expect_code(0);
}
