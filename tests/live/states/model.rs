//! One history: a source that is written to, a target that runs fill, and what both should hold.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use testkit::collection::{Collection, FieldWords as _, Index, field, key, var_char, vector};
use testkit::data::{self, SplitMix};
use testkit::ferry::{Outcome, Running};
use testkit::lab::{self, Kind};
use testkit::pb::schema::DataType;
use testkit::relay::{Act, Relay};
use testkit::scene::{PLAN, Scene, entry};
use testkit::table::{Key, Row, Table, Value, differences};

const NAME: &str = "things";
const ROWS: i64 = 400;
/// Rows of one write to the source.
const FEW: u64 = 25;
const PATIENCE: Duration = Duration::from_secs(120);
const PARTITIONS: [&str; 3] = ["_default", "red", "blue"];

/// A collection of one of the sorts that differ in how rows are read, written and deleted.
struct Sort {
    key: DataType,
    /// Rows go where the value of `tenant` sends them.
    by_tenant: bool,
    partitions: &'static [&'static str],
}

impl Sort {
    fn of(seed: u64) -> Self {
        let (key, by_tenant, partitions): (_, _, &[&str]) = match seed % 10 {
            0..4 => (DataType::Int64, false, &[]),
            4..7 => (DataType::VarChar, false, &[]),
            7..9 => (DataType::Int64, true, &[]),
            _ => (DataType::Int64, false, &PARTITIONS),
        };
        Self { key, by_tenant, partitions }
    }

    /// Rows of half a kilobyte: a few hundred are several chunks.
    fn collection(&self) -> Collection {
        let tenant = var_char("tenant", 20);
        let tenant = if self.by_tenant { tenant.partition_key() } else { tenant };
        let fields = vec![
            key(self.key),
            tenant,
            field("number", DataType::Int64),
            vector("embedding", DataType::FloatVector, 128),
        ];
        let own: Vec<&str> =
            self.partitions.iter().copied().filter(|name| *name != "_default").collect();
        Collection::new(NAME, fields).partitions(&own).index(Index::new(
            "embedding",
            "FLAT",
            "L2",
            "",
        ))
    }

    fn key(&self, number: i64) -> Key {
        match self.key {
            DataType::VarChar => Key::Text(format!("key {number:06}")),
            _ => Key::Int(2 * number),
        }
    }

    /// A key that the source never has, between two of its own.
    fn key_of_others(&self, number: i64) -> Key {
        match self.key(number) {
            Key::Int(key) => Key::Int(key + 1),
            Key::Text(key) => Key::Text(key + " of others"),
        }
    }
}

pub struct Model {
    seed: u64,
    random: SplitMix,
    sort: Sort,
    scene: Scene,
    relay: Relay,
    /// What the source holds.
    rows: BTreeMap<Key, Row>,
    /// What the target held before, where it is adopted.
    theirs: Option<Table>,
    columns: Table,
    /// Numbers of keys that were never used.
    next: i64,
    /// What was done, for whoever reads of a failure.
    history: Vec<String>,
}

impl Model {
    /// `flushed`: rows that are deleted later are in segments that hold no others.
    pub async fn new(seed: u64, flushed: bool) -> Self {
        let scene = Scene::new().await;
        let relay = Relay::with_rule(lab::server(Kind::Milvus235B), |call| match call.rpc {
            // So that a run can be met half-way.
            "Insert" | "Upsert" | "Delete" => Act::Delay(Duration::from_millis(40)),
            _ => Act::Forward,
        });
        let sort = Sort::of(seed);
        let collection = sort.collection();
        let columns = data::table_of(&collection, &[], seed);
        let mut model = Self {
            seed,
            random: SplitMix::new(seed),
            sort,
            scene,
            relay,
            rows: BTreeMap::new(),
            theirs: None,
            columns,
            next: ROWS,
            history: Vec::new(),
        };
        let table = model.made((0..ROWS).collect());
        let source = &model.scene.source;
        source.create_collection(&collection).await;
        source.insert(NAME, &table).await;
        if flushed {
            source.flush(NAME).await;
        }
        source.build_and_load(&collection).await;
        model.keep(&table);
        // Every third target holds rows of others already.
        let adopts = seed % 3 == 2;
        if adopts {
            let numbers: Vec<i64> = (0..ROWS).step_by(9).collect();
            let mut theirs = model.made(numbers.clone());
            let key = theirs.key_column();
            for (number, row) in numbers.into_iter().zip(&mut theirs.rows) {
                row.values[key] = match model.sort.key_of_others(number) {
                    Key::Int(key) => Value::Int(key),
                    Key::Text(key) => Value::Text(key),
                };
            }
            let target = &model.scene.target;
            target.create_collection(&collection).await;
            target.insert(NAME, &theirs).await;
            target.build_and_load(&collection).await;
            model.theirs = Some(theirs);
        }
        let settings = if adopts { "existing = \"adopt\"" } else { "" };
        model.scene.plan_file(&entry(NAME, settings));
        let plan = model.scene.ferry.read(PLAN);
        let plan = plan
            .replace(&model.scene.target_uri, &model.relay.uri())
            .replace("[copy]\n", "[copy]\nparallelism = 2\n");
        model.scene.ferry.write(PLAN, &plan);
        model
    }

    /// New values for these keys.
    fn made(&mut self, numbers: Vec<i64>) -> Table {
        let keys: Vec<Key> = numbers.iter().map(|number| self.sort.key(*number)).collect();
        let mut table = data::table_of(&self.sort.collection(), &keys, self.random.draw());
        let tenant = table.column("tenant");
        for (number, row) in numbers.iter().zip(&mut table.rows) {
            // Where a row is follows from its key: no write moves one.
            row.values[tenant] = Value::Text(format!("tenant {}", number % 7));
            let among = self.sort.partitions;
            if !among.is_empty() {
                row.partition = among[usize::try_from(*number).unwrap() % among.len()].to_owned();
            }
        }
        table
    }

    fn keep(&mut self, table: &Table) {
        let rows = table.rows.iter().map(|row| (table.key_of(row), row.clone()));
        self.rows.extend(rows.collect::<Vec<_>>());
    }

    fn table(&self) -> Table {
        Table { rows: self.rows.values().cloned().collect(), ..self.columns.clone() }
    }

    /// Keys that are there, chosen at random.
    fn some(&mut self) -> Vec<i64> {
        let there: Vec<i64> = (0..self.next)
            .filter(|number| self.rows.contains_key(&self.sort.key(*number)))
            .collect();
        let mut chosen: Vec<i64> = (0..FEW)
            .filter(|_| !there.is_empty())
            .map(|_| there[usize::try_from(self.random.below(there.len() as u64)).unwrap()])
            .collect();
        chosen.sort_unstable();
        chosen.dedup();
        chosen
    }

    /// One write to the source.
    async fn write(&mut self) {
        match self.random.below(3) {
            0 => {
                let numbers = (self.next..self.next + i64::try_from(FEW).unwrap()).collect();
                self.next += i64::try_from(FEW).unwrap();
                let table = self.made(numbers);
                self.history.push("insert".to_owned());
                self.scene.source.insert(NAME, &table).await;
                self.keep(&table);
            }
            1 => {
                let numbers = self.some();
                let table = self.made(numbers);
                self.history.push("upsert".to_owned());
                self.scene.source.upsert(NAME, &table).await;
                self.keep(&table);
            }
            _ => {
                let keys: Vec<Key> =
                    self.some().into_iter().map(|number| self.sort.key(number)).collect();
                let literals: Vec<String> = keys.iter().map(Key::literal).collect();
                self.history.push("delete".to_owned());
                let filter = format!("id in [{}]", literals.join(","));
                self.scene.source.delete(NAME, "", &filter).await;
                self.rows.retain(|key, _| !keys.contains(key));
            }
        }
    }

    /// Writes and runs, in any order: so many runs, or one or two more where they are quick. With
    /// partitions each waits for a while, until what is loaded can be read.
    pub async fn live(&mut self, runs: u64) {
        let more = self.random.below(3);
        let more = if self.sort.partitions.is_empty() { more } else { 0 };
        for _ in 0..runs + more {
            for _ in 0..self.random.below(3) {
                self.write().await;
            }
            let arguments: &[&str] = match self.random.below(5) {
                0 | 1 => &["apply", PLAN, "--yes"],
                2 => &["verify", PLAN],
                _ => &["apply", PLAN, "--yes", "--catch-up"],
            };
            self.run(arguments).await;
        }
    }

    /// A run that is left alone, written beside, or killed.
    async fn run(&mut self, arguments: &[&str]) {
        let (beside, killed) = (self.random.below(2) == 0, self.random.below(3) == 0);
        let at = usize::try_from(self.random.below(8)).unwrap();
        let before = self.calls();
        let mut run = self.scene.ferry.spawn(arguments);
        run = self.reach(run, before + at).await;
        if beside {
            self.write().await;
            self.write().await;
        }
        let outcome =
            tokio::task::spawn_blocking(
                move || {
                    if killed { run.kill() } else { run.wait(PATIENCE) }
                },
            );
        let outcome = outcome.await.unwrap();
        let what = if killed { "killed" } else { "ended" };
        let (code, took) = (outcome.code, outcome.took);
        self.history.push(format!("{arguments:?} {what} with {code:?} after {took:?}"));
        // Refused is none of them: there is always a way on.
        assert!(
            killed || matches!(outcome.code, Some(0 | 5 | 6)),
            "seed {}: {:#?}\n{outcome:#?}",
            self.seed,
            self.history
        );
    }

    /// What a run has done so far, by its calls that change something or compare.
    fn calls(&self) -> usize {
        ["Insert", "Upsert", "Delete", "CreateIndex", "LoadCollection", "Query"]
            .into_iter()
            .map(|rpc| self.relay.count(rpc))
            .sum()
    }

    /// Waits until a run has come so far, or is over.
    async fn reach(&self, mut run: Running, calls: usize) -> Running {
        let began = Instant::now();
        while run.runs() && self.calls() < calls {
            assert!(began.elapsed() < PATIENCE, "seed {}: {:#?}", self.seed, self.history);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        run
    }

    /// Nobody writes any more: one command, and the target's rows are the source's.
    pub async fn pause_and_catch_up(self) {
        let ferry = Arc::clone(&self.scene.ferry);
        let outcome: Outcome = ferry.run_aside(&["apply", PLAN, "--yes", "--catch-up"]).await;
        let story = format!("seed {}: {:#?}\n{outcome:#?}", self.seed, self.history);
        let ours = self.table();
        let expected = match &self.theirs {
            Some(theirs) => ours.clone().followed_by(theirs),
            None => ours,
        };
        let (target, partitions) = (&self.scene.target, self.sort.partitions);
        let read = target.read_uncounted(NAME, &expected.keys(), partitions).await;
        let found = differences(&expected, &read, !partitions.is_empty());
        if outcome.code == Some(6) && self.theirs.is_some() {
            // Whose a row is that others may have written cannot always be told: it is left, and named.
            let named = self.named_as_extra();
            let expected_keys = expected.keys();
            let left = read.filtered(|key| !expected_keys.contains(key));
            assert!(!left.rows.is_empty(), "{story}");
            assert!(left.keys().iter().all(|key| named.contains(key)), "{story}");
            let others = read.filtered(|key| expected_keys.contains(key));
            let found = differences(&expected, &others, !partitions.is_empty());
            assert!(found.is_empty(), "{found}\n{story}");
            println!("seed {}: {} rows are left and named", self.seed, left.rows.len());
        } else {
            assert_eq!(outcome.code, Some(0), "{story}");
            assert!(found.is_empty(), "{found}\n{story}");
            assert_eq!(target.count(NAME, &[]).await, expected.rows.len(), "{story}");
        }
        println!("seed {}: {:#?}, {} rows", self.seed, self.history, expected.rows.len());
        target.drop_collection(NAME).await;
        self.scene.source.drop_collection(NAME).await;
    }

    /// Keys of rows that the last run called extra without an explanation.
    fn named_as_extra(&self) -> Vec<Key> {
        let text = self.scene.ferry.read(".milvus-ferry/plan.differences.jsonl");
        let rows = text.lines().map(|line| serde_json::from_str(line).unwrap());
        let extra = rows.filter(|row: &serde_json::Value| {
            row["kind"] == "extra" && row.get("explanation").is_none()
        });
        extra
            .map(|row| match &row["key"] {
                serde_json::Value::String(key) => Key::Text(key.clone()),
                key => Key::Int(key.as_i64().unwrap()),
            })
            .collect()
    }
}
