//! What is particular to Milvus Lite.

use super::groups::Group;
use testkit::collection::{Collection, Index, key, var_char, vector};
use testkit::columns;
use testkit::data;
use testkit::ferry::Ferry;
use testkit::lab::{self, Kind, Server, Spec};
use testkit::pb::schema::DataType;
use testkit::probe::{Probe, refusal};
use testkit::table::{Key, Value, assert_same};

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
         target_database = \"{}\"\n\
         fields = {{ terms = {{ drop = true }} }}\n\
         indexes = {{ terms = \"none\" }}\n",
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

/// Milvus Lite 2 reads a line feed in a literal as `n` and has none for a carriage return, so that
/// other keys have to be the bounds of chunks and of pages.
#[tokio::test]
async fn keys_of_several_lines_move_from_lite_2() {
    let (source, target) = (lab::private(&Spec::lite25()), lab::server(Kind::Lite3));
    let from = Probe::of(&source).await;
    let to = Probe::of(target).await.in_new_database().await;
    let fields = vec![
        key(DataType::VarChar),
        var_char("text", 2000),
        vector("floats", DataType::FloatVector, 4),
    ];
    let collection = Collection::new("lines", fields).index(Index::new("floats", "FLAT", "L2", ""));
    // A line feed comes before the space, and the `n` for which it is taken after it.
    let forms = ["\r\nand more", "\nand more", " and more"];
    let keys: Vec<Key> = (0..1300)
        .map(|number| Key::Text(format!("key {:05}{}", number / 3, forms[number % 3])))
        .collect();
    let mut rows = data::table_of(&collection, &keys, 3);
    let text = rows.column("text");
    for row in &mut rows.rows {
        row.values[text] = Value::Text("x".repeat(1500));
    }
    from.fill(&collection, &rows).await;

    let ferry = Ferry::new();
    ferry.write(
        PLAN,
        &of_default((source.uri(), "lines"), (target, &to), "chunk_size = \"64KiB\"", ""),
    );
    ferry.run(&["apply", PLAN, "--yes"]).expect_code(0);
    let read = to.read_all("lines", &rows.keys(), &[]).await;
    assert_same(&rows, &read);
}

/// It counts `max_length` in characters, Milvus in bytes.
#[tokio::test]
async fn texts_that_are_too_long_for_milvus_are_named_with_the_way_out() {
    let from = Probe::of(lab::server(Kind::Lite3)).await.in_new_database().await;
    let target = lab::server(Kind::Milvus235B);
    let to = Probe::of(target).await.in_new_database().await;
    let fields = vec![
        key(DataType::Int64),
        var_char("word", 10),
        vector("floats", DataType::FloatVector, 4),
    ];
    let collection = Collection::new("words", fields).index(Index::new("floats", "FLAT", "L2", ""));
    let mut rows = data::table_of(&collection, &data::key_range(1..40), 3);
    let word = rows.column("word");
    for row in &mut rows.rows {
        row.values[word] = Value::Text("Größenmaß!".to_owned());
    }
    from.fill(&collection, &rows).await;

    let ferry = Ferry::new();
    let uri = lab::server(Kind::Lite3).uri();
    let plan = |more: &str| {
        ferry.write(
            PLAN,
            &of_default((uri, "words"), (target, &to), "", more).replace(
                "source_database = \"default\"",
                &format!("source_database = \"{}\"", from.database()),
            ),
        );
    };
    plan("");
    let failed = ferry.run(&["apply", PLAN, "--yes"]).expect_code(5);
    let all = failed.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    for said in [
        "/words, key 1: the field \"word\" has a text of 13 bytes, and takes 10",
        "`fields.NAME.max_length`",
    ] {
        assert!(all.contains(said), "no {said:?} in:\n{}\n{}", failed.stdout, failed.stderr);
    }
    to.drop_collection("words").await;
    plan("fields = { word = { max_length = 40 } }");
    ferry.run(&["apply", PLAN, "--yes"]).expect_code(0);
    assert_same(&rows, &to.read_all("words", &rows.keys(), &[]).await);
}

/// A plan that moves one collection from the default database.
fn of_default(
    (source, name): (&str, &str),
    (target, to): (&Server, &Probe),
    copy: &str,
    more: &str,
) -> String {
    format!(
        "version = 1\n[source]\nendpoint = \"{source}\"\n[target]\nendpoint = \"{}\"\n\
         [copy]\n{copy}\n[[collections]]\nsource = \"{name}\"\n\
         source_database = \"default\"\ntarget_database = \"{}\"\n{more}\n",
        target.uri(),
        to.database(),
    )
}
