//! The double beside the code of real servers: one list of requests, the recorded answers of the
//! request checks of Milvus 2.5.27, 2.6.20 and 3.0.0, and what the double of the same release says.
//!
//! `answers/VERSION.tsv` holds what the servers said, request by request, and `differing.tsv` those to which
//! the double says something else: there it is wrong, or has a rule that was never held against a server.
//! That list may only become shorter. To record again, start an empty server and run
//!
//! ```text
//! JUDGE_ADDRESS=http://127.0.0.1:29530 JUDGE_COMMIT=… cargo test -p testkit --test fake judged::record -- --ignored
//! UPDATE=1 cargo test -p testkit --test fake judged
//! ```
//!
//! `JUDGE_SHOW=FILE` writes both answers of every difference there.

mod list;
mod talk;
mod told;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use talk::Said;
use testkit::fake::{Fake, Profile};
use testkit::probe::Probe;

/// What a real server said.
struct Recorded {
    version: String,
    commit: String,
    said: Vec<Said>,
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fake/judged")
}

impl Recorded {
    /// Those of every release, the oldest first.
    fn all() -> Vec<Self> {
        ["2.5.27", "2.6.20", "3.0.0"].into_iter().filter_map(Self::of).collect()
    }

    fn of(version: &str) -> Option<Self> {
        let text = std::fs::read_to_string(folder().join(format!("answers/{version}.tsv"))).ok()?;
        let mut lines = text.lines();
        let commit = lines.next()?.rsplit(' ').next()?.to_owned();
        let said = lines.map(|line| {
            let (asked, answer) = line.split_once('\t').unwrap();
            Said { asked: asked.to_owned(), answer: answer.to_owned() }
        });
        Some(Self { version: version.to_owned(), commit, said: said.collect() })
    }

    fn write(&self) {
        let mut text = format!("Milvus {} at commit {}\n", self.version, self.commit);
        for said in &self.said {
            text += &format!("{}\t{}\n", said.asked, said.answer);
        }
        std::fs::create_dir_all(folder().join("answers")).unwrap();
        std::fs::write(folder().join(format!("answers/{}.tsv", self.version)), text).unwrap();
    }
}

/// What the double of a release says to the list.
async fn doubles_answers(version: &str) -> BTreeMap<String, String> {
    // Those that were asked stood with two query nodes and without `common.storage.useLoonFFI`.
    let fake = Fake::start(Profile::milvus(version).set(|profile| {
        profile.loading_polls = 0;
        profile.limits.replicas = 2;
        profile.storage_v3 = false;
    }));
    let said = list::send(fake.probe().await).await;
    said.into_iter().map(|said| (said.asked, said.answer)).collect()
}

/// Sends the list to the server at JUDGE_ADDRESS, which has to be empty, and records what it says.
#[tokio::test]
#[ignore = "asked for by name: needs a server at JUDGE_ADDRESS"]
async fn record() {
    let variable = |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"));
    let probe = Probe::connect(&variable("JUDGE_ADDRESS")).await;
    let version = probe.version().trim_start_matches('v').to_owned();
    let said = list::send(probe).await;
    println!("{} answers of {version}", said.len());
    Recorded { version, commit: variable("JUDGE_COMMIT"), said }.write();
}

/// Whether an answer comes from the table of vector indexes that the recording servers had in place of
/// their C++ library's. It is one for all releases, and knowhere's own says otherwise of these
/// (`legal_knowhere_index` in include/knowhere/index/index_table.h): the double follows that one.
fn is_of_a_made_up_table(version: &str, asked: &str) -> bool {
    let on = |names: &[&str], kind: &str| {
        names.iter().any(|name| asked.starts_with(&format!("indexes/{name} on {kind}")))
    };
    let old = version.starts_with("2.5");
    // No server without a GPU has these.
    on(&["GPU_CAGRA"], "")
        // Commented out there.
        || !old && on(&["FLAT", "IVF_FLAT", "IVF_SQ8"], "Int8Vector")
        // Since knowhere 2.6.1 and 2.6.4.
        || old && (on(&["AISAQ"], "") || on(&["HNSW"], "BinaryVector"))
}

/// Where the answer of the double is another than the server's: the release and the request.
async fn differing() -> BTreeSet<String> {
    let mut differing = BTreeSet::new();
    let mut shown = String::new();
    for of in Recorded::all() {
        let double = doubles_answers(&of.version).await;
        // What the recording server says that it cannot judge is left out.
        let judged = |said: &&Said| {
            !said.answer.contains("JUDGE") && !is_of_a_made_up_table(&of.version, &said.asked)
        };
        for said in of.said.iter().filter(judged) {
            let answer = double.get(&said.asked);
            if answer != Some(&said.answer) {
                let answer = answer.map_or("(nothing)", String::as_str);
                shown += &format!(
                    "{} {}\n    server: {}\n    double: {answer}\n",
                    of.version, said.asked, said.answer
                );
                differing.insert(format!("{}\t{}", of.version, said.asked));
            }
        }
    }
    if let Some(file) = std::env::var_os("JUDGE_SHOW") {
        std::fs::write(file, shown).unwrap();
    }
    differing
}

/// Every answer of the double is that of the server, but for those that are known to differ.
#[tokio::test]
async fn the_double_says_what_the_servers_say() {
    let path = folder().join("differing.tsv");
    let differing = differing().await;
    if std::env::var_os("UPDATE").is_some() {
        let lines: Vec<&str> = differing.iter().map(String::as_str).collect();
        std::fs::write(&path, lines.join("\n") + "\n").unwrap();
    }
    let known = std::fs::read_to_string(path).unwrap();
    let known: BTreeSet<String> = known.lines().map(str::to_owned).collect();
    let new: Vec<&String> = differing.difference(&known).collect();
    assert!(new.is_empty(), "the double says something else than the server to: {new:#?}");
    let gone: Vec<&String> = known.difference(&differing).collect();
    assert!(gone.is_empty(), "the double is right by now, so list these no more: {gone:#?}");
}
