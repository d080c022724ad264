//! The run itself.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::cargo::{Load, loads};
use super::ends::End;
use testkit::ferry::{Ferry, Outcome};
use testkit::pb::milvus;
use testkit::table::{Key, differences};

/// What everything that the kit makes is called at first.
pub(super) const PREFIX: &str = "ferry_field_";
const PLAN: &str = "field.ferry.toml";
/// How long the rows that a kill waits for may take.
const PATIENCE: Duration = Duration::from_secs(120);
const UNTIL_FLUSHED: Duration = Duration::from_secs(30);

/// The names of one run begin with this, and with nothing of another run.
pub(super) fn own_prefix() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    format!("{}_", testkit::lab::unique_name(&format!("{PREFIX}{}", now.as_secs())))
}

/// What other runs left there.
pub(super) async fn leftovers(end: &End, own: &str) -> Vec<String> {
    let mut names = end.collections().await;
    names.retain(|name| name.starts_with(PREFIX) && !name.starts_with(own));
    names
}

/// Drops what this run made there, and nothing else.
pub(super) async fn clear(end: &End, own: &str) {
    let aliases = milvus::ListAliasesRequest {
        db_name: end.probe.database().to_owned(),
        ..Default::default()
    };
    if let Ok(answer) = end.probe.raw().list_aliases(aliases).await {
        for alias in answer.into_inner().aliases.iter().filter(|alias| alias.starts_with(own)) {
            end.probe.drop_alias(alias).await;
        }
    }
    for name in end.collections().await.iter().filter(|name| name.starts_with(own)) {
        // A name of the list may be an alias by now, or gone.
        let request = milvus::DropCollectionRequest {
            db_name: end.probe.database().to_owned(),
            collection_name: name.clone(),
            ..Default::default()
        };
        let _ = end.probe.raw().drop_collection(request).await;
    }
}

/// Moves everything that both ends hold, and panics unless every row arrives.
pub(super) async fn run(source: End, target: End, rows: usize) {
    println!("field kit: from {source} to {target}");
    let own = own_prefix();
    for end in [&source, &target] {
        let names = leftovers(end, &own).await;
        if !names.is_empty() {
            println!("left behind by runs that were killed, at {end}: {}", names.join(", "));
        }
    }
    let ends = Arc::new((source, target));
    let (during, names) = (Arc::clone(&ends), own.clone());
    let outcome =
        tokio::spawn(async move { Kit::make(during, &names, rows).await.carry_out().await });
    let outcome = outcome.await;
    clear(&ends.0, &own).await;
    clear(&ends.1, &own).await;
    if let Err(error) = outcome {
        std::panic::resume_unwind(error.into_panic());
    }
    for end in [&ends.0, &ends.1] {
        let left = end.collections().await;
        assert!(left.iter().all(|name| !name.starts_with(&own)), "left at {end}: {left:?}");
    }
}

/// The ends, the tool, and what the source holds by now.
struct Kit {
    ends: Arc<(End, End)>,
    ferry: Arc<Ferry>,
    loads: Vec<Load>,
    began: Instant,
}

impl Kit {
    /// Fills the source and writes the plan file.
    async fn make(ends: Arc<(End, End)>, own: &str, rows: usize) -> Self {
        let began = Instant::now();
        let (source, target) = &*ends;
        let ferry = target.lend_token(source.lend_token(Ferry::new()));
        let loads = loads(own, source, target, rows);
        let mut plan = format!(
            "version = 1\n{}{}[copy]\nchunk_size = \"256KiB\"\nmax_write_rate = \"1MB/s\"\n\
             [defaults]\nsource_database = \"{}\"\ntarget_database = \"{}\"\n",
            source.section("source"),
            target.section("target"),
            source.database(),
            target.database()
        );
        for load in &loads {
            plan += &format!(
                "[[collections]]\nsource = \"{}\"\ntarget = \"{}\"\n",
                load.name(),
                load.moved()
            );
            // Of one server, the alias stays where it is.
            if !load.collection.aliases.is_empty() && source.section("") == target.section("") {
                plan += "aliases = \"none\"\n";
            }
        }
        ferry.write(PLAN, &plan);
        let kit = Self { ends, ferry: Arc::new(ferry), loads, began };
        futures_util::future::join_all(kit.loads.iter().map(|load| kit.fill(load))).await;
        kit
    }

    fn say(&self, what: &str) {
        println!("  {:6.1} s  {what}", self.began.elapsed().as_secs_f64());
    }

    async fn fill(&self, load: &Load) {
        let source = &self.ends.0.probe;
        source.create_collection(&load.collection).await;
        source.insert(load.name(), &load.rows).await;
        self.flush(load.name()).await;
        source.build_and_load(&load.collection).await;
        self.say(&format!("{}: {} rows at the source", load.name(), load.rows.rows.len()));
    }

    /// What is not flushed is in no statistic, and waited for. Not every endpoint lets everybody.
    async fn flush(&self, name: &str) {
        let (probe, own) = (self.ends.0.probe.clone(), name.to_owned());
        let flushed =
            tokio::spawn(
                async move { tokio::time::timeout(UNTIL_FLUSHED, probe.flush(&own)).await },
            );
        match flushed.await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => self.say(&format!("{name}: not flushed in {UNTIL_FLUSHED:?}")),
            Err(_) => self.say(&format!("{name}: not flushed, as the source refuses that")),
        }
    }

    async fn carry_out(mut self) {
        self.ended("plan", &["plan", PLAN, "--detailed-exitcode"], 2).await;
        self.kill_an_apply().await;
        self.ended("apply", &["apply", PLAN, "--yes"], 0).await;
        self.compare().await;
        self.ended("plan", &["plan", PLAN, "--detailed-exitcode"], 0).await;
        self.ended("verify", &["verify", PLAN], 0).await;
        for place in 0..self.loads.len() {
            self.change(place).await;
        }
        self.ended("verify", &["verify", PLAN], 6).await;
        self.ended("apply --catch-up", &["apply", PLAN, "--catch-up", "--yes"], 0).await;
        self.compare().await;
        self.ended("verify", &["verify", PLAN], 0).await;
    }

    async fn ended(&self, what: &str, arguments: &[&str], code: i32) -> Outcome {
        let outcome = self.ferry.run_aside(arguments).await.expect_code(code);
        self.say(&format!("{what} ended with {code}"));
        outcome
    }

    /// `kill -9` as soon as something is recorded as copied.
    async fn kill_an_apply(&self) {
        let ledger = self.ferry.path(".milvus-ferry/field.db");
        let number = move |query: &str| -> i64 {
            let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
            let open = rusqlite::Connection::open_with_flags(&ledger, flags);
            open.and_then(|ledger| ledger.query_row(query, [], |row| row.get(0))).unwrap_or(0)
        };
        let ferry = Arc::clone(&self.ferry);
        let rows = tokio::task::spawn_blocking(move || {
            let copied = "SELECT coalesce(sum(rows), 0) FROM chunks WHERE state = 'done'";
            let mut run = ferry.spawn(&["apply", PLAN, "--yes"]);
            run.wait_until(PATIENCE, || number(copied) > 0);
            let outcome = run.kill();
            assert_eq!(outcome.code, None, "{}\n{}", outcome.stdout, outcome.stderr);
            number(copied)
        });
        self.say(&format!("apply was killed with {} rows copied", rows.await.unwrap()));
    }

    /// Every row and value of the target is what the source answers, to a client of its own.
    async fn compare(&self) {
        let (source, target) = (&self.ends.0, &self.ends.1);
        for load in &self.loads {
            let (keys, partitions) = (load.rows.keys(), load.partitions());
            let (here, there) = (source.probe.clone(), target.probe.clone());
            let had = here.read_all(load.name(), &keys, &partitions).await;
            assert_eq!(had.rows.len(), load.rows.rows.len(), "rows of {} at {source}", load.name());
            let has = there.read_all(&load.moved(), &keys, &partitions).await;
            let report = differences(&had, &has, !partitions.is_empty());
            assert!(report.is_empty(), "{} at {target}: {report}", load.moved());
            let values = had.rows.len() * had.columns.len();
            self.say(&format!("{}: {} rows, {values} values", load.moved(), had.rows.len()));
        }
    }

    /// Rows that come, go and change at the source.
    async fn change(&mut self, place: usize) {
        let source = &self.ends.0.probe;
        let load = &self.loads[place];
        let keys = load.rows.keys();
        let gone: Vec<Key> = keys.iter().rev().take(20).cloned().collect();
        let new: Vec<Key> = (0..30).map(|number| load.new_key(number)).collect();
        let new = load.rows_of(&new, 7);
        source.insert(load.name(), &new).await;
        let field = &load.collection.fields[0].name;
        for partition in
            load.partitions().into_iter().chain(load.partitions().is_empty().then_some(""))
        {
            let listed: Vec<String> = gone.iter().map(Key::literal).collect();
            let filter = format!("{field} in [{}]", listed.join(", "));
            source.delete(load.name(), partition, &filter).await;
        }
        let mut rows = load.rows.filtered(|key| !gone.contains(key));
        if !source.is_22() {
            // The same keys in the same partitions, with other values.
            let places: Vec<usize> = (0..rows.rows.len()).skip(5).step_by(9).take(20).collect();
            let keys: Vec<Key> =
                places.iter().map(|place| rows.key_of(&rows.rows[*place])).collect();
            let mut changed = load.rows_of(&keys, 8);
            for (row, place) in changed.rows.iter_mut().zip(&places) {
                row.partition.clone_from(&rows.rows[*place].partition);
            }
            source.upsert(load.name(), &changed).await;
            for (row, place) in changed.rows.into_iter().zip(places) {
                rows.rows[place] = row;
            }
        }
        let name = load.name().to_owned();
        self.loads[place].rows = rows.followed_by(&new);
        self.say(&format!("{name}: 30 rows came, 20 went, others changed"));
    }
}
