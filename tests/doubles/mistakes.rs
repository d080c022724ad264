//! The mistakes of newcomers that a server has to answer: the second half of the table in
//! `tests/pure/mistakes.rs`, with the same numbers. (14 and 15 at every layer: `who.rs`; 18, one server
//! under two addresses: `identity/one_server.rs`.)

mod ways_out;

use std::net::TcpListener;
use std::time::Duration;

use testkit::collection::{field, plain};
use testkit::data;
use testkit::fake::{Fake, Profile};
use testkit::ferry::Ferry;
use testkit::fronts::free_port;
use testkit::loopback::Loopback;
use testkit::pb::schema::DataType;
use testkit::relay::{Act, Relay};
use testkit::scene::doubles::Doubles;
use testkit::scene::{PLAN, expect_words};

use super::who::{Says, parrot};

/// The end of the question of `apply`.
const ASK: &str = "Only `yes` is accepted: ";

/// The line of the rule's entry in the plan file of a scene.
fn rule_line(scene: &Doubles, entry: usize) -> String {
    let text = scene.ferry.read(PLAN);
    let lines = text.lines().enumerate().filter(|(_, line)| *line == "[[collections]]");
    let (line, _) = lines.into_iter().nth(entry).unwrap();
    format!("{PLAN}:{}", line + 1)
}

async fn scene() -> Doubles {
    let scene = Doubles::between("2.5.27", "2.6.20").await;
    for name in ["products", "orders", "archive"] {
        let mut collection = plain(name, DataType::Int64);
        collection.fields.push(field("tenant_id", DataType::Int64));
        scene.source.fill(&collection, &data::table(&collection, 20, 1)).await;
    }
    scene
}

/// A mistake: the entries of the plan file, what is told, and which entry is named.
type Mistake = (u8, &'static str, &'static [&'static str], &'static [usize]);

const MISTAKES: [Mistake; 7] = [
    (
        19,
        "[[collections]]\nsource = \"prodcts_*\"\n",
        &["no collection of the source database \"default\" matches", "archive, orders, products"],
        &[0],
    ),
    (
        20,
        "[[collections]]\nsource = \"prodcts\"\n",
        &["the source has no collection default/prodcts", "did you mean \"products\"?"],
        &[0],
    ),
    (
        23,
        "[[collections]]\nsource = \"products\"\n[[collections]]\nsource = \"prod*\"\n",
        &["several collections would land here: default/products", "leave one of the rules out"],
        &[0, 1],
    ),
    (
        24,
        "[[collections]]\nsource = \"products\"\npartition_key = { field = \"tenantid\" }\n",
        &[
            "partition_key names a field that is not there: \"tenantid\"",
            "did you mean \"tenant_id\"?",
        ],
        &[0],
    ),
    (
        25,
        "[[collections]]\nsource = \"orders\"\n[[collections]]\nsource = \"products\"\n\
         fields = { id = { drop = true } }\n",
        &["primary key"],
        &[1],
    ),
    (
        19,
        "[[collections]]\nsource = \"*\"\nsource_database = \"nowhere\"\n",
        &["the source has no database \"nowhere\"", "its databases are: default"],
        &[0],
    ),
    (
        20,
        "[[collections]]\nsource = \"products\"\nfields = { tenantid = { rename = \"t\" } }\n",
        &["names a field that is not there: \"tenantid\"", "did you mean \"tenant_id\"?"],
        &[0],
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_is_told_with_its_line_and_nothing_is_written() {
    let scene = scene().await;
    for (number, entries, told, lines) in MISTAKES {
        scene.plan_file(entries);
        scene.to.forget_calls();
        for outcome in [scene.plan().await, scene.apply().await] {
            let said = format!("{number}: {}{}", outcome.stdout, outcome.stderr);
            let outcome = outcome.expect_code(1);
            expect_words(&outcome, told);
            for entry in lines {
                let line = rule_line(&scene, *entry);
                assert!(said.contains(&line), "no {line} in {said}");
            }
        }
        scene.nothing_was_written();
    }
}

/// An endpoint that is wrong: what the target's table has, and what is told.
type Endpoint = (u8, String, &'static [&'static str]);

/// What has to live as long as it is asked.
struct Others(Loopback, Loopback, Fake, TcpListener);

impl Others {
    fn start() -> Self {
        use tonic::Code::{Unauthenticated, Unimplemented};
        let unknown = "unknown service milvus.proto.milvus.MilvusService";
        Self(
            Loopback::serve_http(Says(Unauthenticated, "auth check failure, please check")),
            Loopback::serve_http(Says(Unimplemented, unknown)),
            Fake::start(Profile::milvus("2.6.5")),
            // Takes every connection, and never answers.
            TcpListener::bind("127.0.0.1:0").unwrap(),
        )
    }

    fn endpoints(&self) -> Vec<Endpoint> {
        let Self(guarded, etcd, milvus, silent) = self;
        let at = |uri: &str, rest: &str| format!("endpoint = \"{uri}\"\n{rest}");
        let metrics =
            parrot(b"HTTP/1.1 200 OK\r\n\r\n# HELP go_gc x\ngo_gc 1\n# HELP\nmilvus_proxy 1\n");
        let token = "token = { env = \"MY_TOKEN\" }";
        let closed = format!("http://127.0.0.1:{}", free_port());
        let silent = format!("http://{}", silent.local_addr().unwrap());
        let plain = milvus.uri().replace("http", "https");
        vec![
            (6, at(&guarded.uri(), token), &["the credentials are refused", "`MY_TOKEN`, which"]),
            (7, at(&guarded.uri(), ""), &["the server asks for a login, and none is given"]),
            (8, at(&closed, ""), &["cannot reach the server", "Connection refused"]),
            (9, at(&plain, ""), &["the server speaks no TLS, and the endpoint says https"]),
            // Nobody is there, whatever else this machine runs.
            (12, at("http://127.7.7.7", ""), &["names no port, so 19530 was assumed"]),
            (
                13,
                at("http://nobody.invalid:19530", ""),
                &["cannot reach the server", "nobody.invalid"],
            ),
            (14, at(&format!("http://127.0.0.1:{metrics}"), ""), &["not a gRPC endpoint", "9091"]),
            (15, at(&etcd.uri(), ""), &["not a gRPC endpoint", "etcd"]),
            (16, at(&silent, ""), &["no answer in time", "check that the server runs"]),
        ]
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_endpoint_is_told_with_its_line_and_ends_with_4() {
    let (others, scene) = (Others::start(), scene().await);
    for (number, target, told) in others.endpoints() {
        let text = format!(
            "version = 1\n[source]\nendpoint = \"{}\"\n[target]\n{target}\n\
             [[collections]]\nsource = \"products\"\n",
            scene.source_uri
        );
        let ferry = Ferry::with_plan(PLAN, &text).env("MY_TOKEN", "canary");
        for command in [&["plan", PLAN][..], &["apply", PLAN, "--yes"]] {
            let outcome = ferry.run(command);
            assert_eq!(outcome.code, Some(4), "{number}: {outcome:#?}");
            expect_words(&outcome, told);
            expect_words(&outcome, &["target: ", &format!("{PLAN}:5")]);
            assert!(!outcome.stderr.contains("canary"), "{number}: {}", outcome.stderr);
            assert!(outcome.took < Duration::from_secs(40), "{number}: {:?}", outcome.took);
        }
        assert!(!ferry.path(".milvus-ferry").exists(), "{number}: a ledger was made");
    }
    // Where no plan file is, the options are named.
    for (from, told) in [
        (others.0.uri(), &["source: the server asks for a login", "--token-env"][..]),
        ("http://127.7.7.7".to_owned(), &["source: ", "names no port, so 19530 was assumed"]),
    ] {
        expect_words(&Ferry::new().run(&["init", "--from", &from]).expect_code(4), told);
    }
}

/// 21 and 22: what is there already is adopted, or cannot be, which is said at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn adopting_is_advised_only_where_it_can_be_done() {
    let scene = scene().await;
    let alike = {
        let mut collection = plain("products", DataType::Int64);
        collection.fields.push(field("tenant_id", DataType::Int64));
        collection
    };
    scene.target.fill(&alike, &data::table(&alike, 3, 1)).await;
    scene
        .target
        .fill(
            &plain("orders", DataType::Int64),
            &data::table(&plain("orders", DataType::Int64), 3, 1),
        )
        .await;
    scene.plan_one("products", "");
    scene
        .expect_refusal(&[
            "a collection of this name is at the target",
            "`existing = \"adopt\"`",
            &rule_line(&scene, 0),
        ])
        .await;
    scene.plan_one("orders", "");
    scene
        .expect_refusal(&[
            "a collection of this name is at the target",
            "it cannot be adopted",
            "tenant_id",
        ])
        .await;
    let outcome = scene.plan().await;
    assert!(!outcome.stdout.contains("existing = \"adopt\""), "{}", outcome.stdout);
    // It was no empty threat.
    scene.plan_one("orders", "existing = \"adopt\"");
    scene.expect_refusal(&["tenant_id"]).await;
}

/// 34: the second of two runs is told what to do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_run_is_told_to_wait() {
    let scene = scene().await;
    scene.plan_one("products", "");
    scene.apply().await.expect_code(0);
    let lock = std::fs::read_dir(scene.ferry.path(".milvus-ferry"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|end| end == "lock"))
        .unwrap();
    let held = std::fs::File::open(&lock).unwrap();
    held.lock().unwrap();
    let outcome = scene.apply().await.expect_code(8);
    expect_words(&outcome, &["another run of this plan is at work", "wait until it has ended"]);
}

/// 35: a folder that cannot be written to.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_that_cannot_be_made_names_the_option() {
    let scene = scene().await;
    scene.plan_one("products", "");
    let outcome =
        scene.run(&["apply", PLAN, "--yes", "--state", "/proc/none"]).await.expect_code(1);
    expect_words(&outcome, &["/proc/none", "--state"]);
    scene.nothing_was_written();
}

/// 32: what takes long is seen to go on, on a terminal and in a log, and is gone in the end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_look_at_many_collections_shows_how_far_it_is() {
    let scene = Doubles::between("2.5.27", "2.6.20").await;
    for number in 0..150 {
        let collection = plain(&format!("c{number:03}"), DataType::Int64);
        scene.source.fill(&collection, &data::table(&collection, 2, 1)).await;
    }
    scene.plan_file("[[collections]]\nsource = \"*\"\n");
    let quiet = scene.run(&["plan", PLAN, "-q"]).await.expect_code(0);
    assert_eq!(quiet.stderr, "");
    let slow = Relay::to(&scene.source_uri, |call| match call.rpc {
        "DescribeCollection" => Act::Delay(Duration::from_millis(1_000)),
        _ => Act::Forward,
    });
    scene.ferry.write(PLAN, &scene.ferry.read(PLAN).replace(&scene.source_uri, &slow.uri()));
    let ferry = std::sync::Arc::clone(&scene.ferry);
    let terminal = move || ferry.run_on_terminal(&["plan", PLAN], &[]);
    let (code, said) = tokio::task::spawn_blocking(terminal).await.unwrap();
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("reading collections: ") && said.contains(" of 150"), "{said}");
    // What is equal is shown once.
    let same = "fields, settings and indexes are those of default/c000";
    assert_eq!(said.matches(same).count(), 149);
    // In a log, lines some seconds apart.
    let logged = scene.run(&["plan", PLAN]).await.expect_code(0);
    let read: Vec<u32> = logged
        .stderr
        .lines()
        .filter_map(|line| line.strip_prefix("reading collections: ")?.strip_suffix(" of 150"))
        .map(|number| number.parse().unwrap())
        .collect();
    assert!(read.len() >= 2 && read.is_sorted(), "{}", logged.stderr);
    let seconds = usize::try_from(logged.took.as_secs()).unwrap();
    assert!(read.len() <= seconds / 4 + 1, "{:?}: {}", logged.took, logged.stderr);
}

/// 36 and 38: a terminal that can do nothing, and one that goes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dumb_terminal_gets_plain_lines_and_an_end_of_input_is_no_yes() {
    let scene = scene().await;
    scene.plan_one("products", "");
    let scene = std::sync::Arc::new(scene);
    let on_terminal = |dumb: bool, answers: &'static [(&'static str, &'static str)]| {
        let scene = std::sync::Arc::clone(&scene);
        tokio::task::spawn_blocking(move || {
            let text = scene.ferry.read(PLAN);
            let ferry = Ferry::with_plan(PLAN, &text);
            let ferry = if dumb { ferry.env("TERM", "dumb") } else { ferry };
            ferry.run_on_terminal(&["apply", PLAN], answers)
        })
    };
    let (code, said) = on_terminal(false, &[(ASK, "\u{4}")]).await.unwrap();
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("\nerror: not confirmed; nothing was changed"), "{said}");
    // The question says from where, to where and how much, whatever scrolled away.
    let question = &said[said.find("Apply these changes?").unwrap()..said.find(ASK).unwrap()];
    for part in [&scene.source_uri, &scene.target_uri, "1 to create", "20 rows"] {
        assert!(question.contains(part), "no {part} in {question}");
    }
    let (code, said) = on_terminal(false, &[(ASK, "SIGINT")]).await.unwrap();
    assert_eq!(code, 130, "{said}");
    assert!(said.contains("\nerror: interrupted; nothing was changed"), "{said}");
    // What was typed before anything was shown is no answer.
    let (code, said) = on_terminal(false, &[("", "yes"), (ASK, "no")]).await.unwrap();
    assert_eq!(code, 1, "{said}");
    let (code, said) = on_terminal(true, &[(ASK, "yes")]).await.unwrap();
    assert_eq!(code, 0, "{said}");
    assert!(!said.contains('\u{1b}'), "{said}");
}
