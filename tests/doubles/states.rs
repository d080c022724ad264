//! The table of `docs/states.md`: a move is brought into each state, the source is written to once
//! more, and each command is carried out.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use rusqlite::{Connection, OpenFlags};

use testkit::collection::{Collection, Index, key, var_char, vector};
use testkit::data;
use testkit::ferry::says;
use testkit::pb::schema::DataType;
use testkit::relay::{Act, Relay};
use testkit::scene::{PLAN, doubles::Doubles, entry};
use testkit::table::{Key, Table, Value, differences};

const MODEL: &str = include_str!("../../docs/states.md");
const PATIENCE: Duration = Duration::from_secs(60);
const ROWS: i64 = 2_000;
/// Keys of rows that are new behind the read.
const NEW: [i64; 3] = [-3, -2, -1];
/// Scenes at a time.
const AT_A_TIME: usize = 4;

const COMMANDS: [&[&str]; 3] =
    [&["apply", PLAN, "--yes"], &["verify", PLAN], &["apply", PLAN, "--yes", "--catch-up"]];

/// The rows of a table of the page whose first cell is a state.
fn table_behind(heading: &str) -> Vec<Vec<String>> {
    let part = MODEL.split(heading).nth(1).unwrap_or_else(|| panic!("no {heading}"));
    let part = part.split("\n## ").next().unwrap();
    let rows = part.lines().filter(|line| line.starts_with("| `"));
    // The title has code in it too, and no row of lines behind its first cell.
    rows.map(|line| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect())
        .collect()
}

fn plain_text(cell: &str) -> String {
    cell.replace('`', "")
}

struct Move {
    scene: Doubles,
    relay: Relay,
    collection: Collection,
    rows: Table,
}

impl Move {
    /// A move that no run has begun.
    async fn new(verify: &str) -> Self {
        let scene = Doubles::between("2.5.4", "2.5.4").await;
        // A few hundred rows are a chunk.
        let fields = vec![
            key(DataType::Int64),
            var_char("text", 500),
            vector("embedding", DataType::FloatVector, 64),
        ];
        let collection = Collection::new("things", fields)
            .index(Index::new("embedding", "FLAT", "L2", ""))
            .property("collection.ttl.seconds", "100000000");
        let rows = data::table_of(&collection, &data::key_range(0..ROWS), 9);
        // Not flushed: the statistic of flushed rows counts those that are deleted, and where it is
        // above the count a run waits for a while, as rows may not be loaded yet.
        scene.source.create_collection(&collection).await;
        scene.source.insert("things", &rows).await;
        scene.source.build_and_load(&collection).await;
        let relay = Relay::to(&scene.to.uri(), |_| Act::Forward);
        scene.plan_file(&format!("{}\n{verify}", entry("things", "")));
        let plan = scene.ferry.read(PLAN).replace(&scene.to.uri(), &relay.uri());
        scene.ferry.write(PLAN, &plan);
        Self { scene, relay, collection, rows }
    }

    async fn run(&self, arguments: &[&str], code: i32) {
        self.scene.run(arguments).await.expect_code(code);
    }

    /// A move in a state.
    async fn into(state: &str) -> Self {
        let full = "[verify]\ncontent = \"full\"";
        let is =
            Self::new(if state == "rows differ" || state == "schema differs" { full } else { "" });
        let mut is = is.await;
        match state {
            "none" => {}
            "copying" => is.killed_at(COMMANDS[0], &["Insert"], 4).await,
            "counts differ" => {
                // Behind the read, in one range: a row is deleted, and others are new.
                let source = is.scene.from.double();
                is.when_copied(move || {
                    source.change_state(|state| {
                        let of = state.collection_mut("default", "things").unwrap();
                        of.rows.retain(|row| row.key != Key::Int(7));
                        for key in NEW {
                            let mut row = of.rows[3].clone();
                            (row.key, row.values[0]) = (Key::Int(key), Value::Int(key));
                            of.rows.push(row);
                        }
                    });
                });
                let like = is.rows.rows[3].clone();
                is.rows = is.rows.filtered(|key| *key != Key::Int(7));
                is.rows.rows.extend(NEW.map(|key| {
                    let mut row = like.clone();
                    row.values[0] = Value::Int(key);
                    row
                }));
                is.run(COMMANDS[0], 6).await;
            }
            "rows differ" => {
                let target = is.scene.to.double();
                is.when_copied(move || {
                    target.change_state(|state| {
                        let of = state.collection_mut("default", "things").unwrap();
                        let text =
                            of.columns.iter().position(|one| one.field.name == "text").unwrap();
                        of.rows[3].values[text] = Value::Text("wrong".to_owned());
                    });
                });
                is.run(COMMANDS[0], 6).await;
            }
            "schema differs" => {
                let target = is.scene.to.double();
                is.when_copied(move || {
                    target.change_state(|state| {
                        let of = state.collection_mut("default", "things").unwrap();
                        of.properties
                            .insert("collection.ttl.seconds".to_owned(), "77777777".to_owned());
                    });
                });
                is.run(COMMANDS[0], 6).await;
            }
            "finished" => is.run(COMMANDS[0], 0).await,
            "finished, rows differ" => {
                is.run(COMMANDS[0], 0).await;
                is.write(0).await;
                is.run(COMMANDS[1], 6).await;
            }
            "half repaired" => {
                is.run(COMMANDS[0], 0).await;
                is.write(0).await;
                is.run(COMMANDS[1], 6).await;
                is.killed_at(COMMANDS[0], &["Upsert"], 2).await;
            }
            "half caught up" => {
                is.run(COMMANDS[0], 0).await;
                is.write(0).await;
                is.killed_at(COMMANDS[2], &["Upsert", "Delete"], 2).await;
            }
            other => panic!("nothing leads to {other}"),
        }
        is.relay.set_rule(|_| Act::Forward);
        is
    }

    /// Does this once, when the rows were copied and are not counted or compared yet.
    fn when_copied(&self, what: impl Fn() + Send + Sync + 'static) {
        let done = AtomicBool::new(false);
        self.relay.set_rule(move |call| {
            if call.rpc == "LoadCollection" && !done.swap(true, Ordering::SeqCst) {
                what();
            }
            Act::Forward
        });
    }

    /// `kill -9` while as many writes were sent and the last of them is not answered.
    async fn killed_at(&self, arguments: &[&str], rpcs: &'static [&str], writes: usize) {
        let counted = || rpcs.iter().map(|rpc| self.relay.count(rpc)).sum::<usize>();
        let before = counted();
        let seen = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let count = Arc::clone(&seen);
        self.relay.set_rule(move |call| {
            let over =
                rpcs.contains(&call.rpc) && count.fetch_add(1, Ordering::SeqCst) + 1 >= writes;
            if over { Act::Hang } else { Act::Forward }
        });
        let mut run = self.scene.ferry.spawn(arguments);
        tokio::task::block_in_place(|| {
            run.wait_until(PATIENCE, || counted() - before >= writes);
            run.kill()
        });
    }

    /// Writes to the source: rows that are new, changed and deleted, in several chunks.
    async fn write(&mut self, times: i64) {
        let source = &self.scene.source;
        let at = times * 10;
        let new = data::table_of(&self.collection, &data::key_range(5_000 + at..5_001 + at), 10);
        source.insert("things", &new).await;
        let keys = [100 + at, 900 + at, 1_500 + at].map(Key::Int);
        let changed = data::table_of(&self.collection, &keys, 11);
        source.upsert("things", &changed).await;
        let gone = [201 + at, 202 + at, 1_601 + at];
        source.delete("things", "", &format!("id in {gone:?}")).await;
        let gone = gone.map(Key::Int);
        let mut now = self.rows.filtered(|key| !keys.contains(key) && !gone.contains(key));
        now.rows.extend(changed.rows);
        now.rows.extend(new.rows);
        self.rows = now;
    }

    /// The state that the ledger tells.
    fn state(&self) -> &'static str {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let path = self.scene.ferry.path(".milvus-ferry/plan.db");
        let Ok(ledger) = Connection::open_with_flags(path, flags) else { return "none" };
        let number = |sql: &str| -> i64 { ledger.query_row(sql, [], |row| row.get(0)).unwrap() };
        let begun = |step: &str| {
            let sql = "SELECT count(*) FROM steps WHERE state = 'started' AND step = ?1";
            ledger.query_row(sql, [step], |row| row.get::<_, i64>(0)).unwrap() > 0
        };
        if number("SELECT count(*) FROM moves") == 0 {
            return "none";
        }
        let done = number("SELECT count(*) FROM moves WHERE state = 'done'") == 1;
        let open = number("SELECT count(*) FROM chunks WHERE state = 'open'");
        let complete = number("SELECT count(*) FROM scopes WHERE complete = 1") == 1;
        let unsure = number("SELECT count(*) FROM chunks WHERE unsure IS NOT NULL") > 0;
        let last: Option<String> = ledger
            .query_row("SELECT kind FROM events ORDER BY id DESC LIMIT 1", [], |row| row.get(0))
            .ok();
        match (done, last.as_deref()) {
            (true, _) if begun("catch_up") => "half caught up",
            (true, _) if begun("repair") && unsure => "half repaired",
            (true, _) if begun("repair") => "finished, rows differ",
            (true, _) => "finished",
            (false, _) if open > 0 || !complete => "copying",
            (false, _) if begun("repair") => "rows differ",
            (false, Some("schema_differs")) => "schema differs",
            (false, Some("counts_differ")) => "counts differ",
            (false, other) => panic!("an open move, and the last event is {other:?}"),
        }
    }

    /// What the target's rows are otherwise than the source's.
    async fn difference(&self) -> String {
        let read = self.scene.target.read_uncounted("things", &self.rows.keys(), &[]).await;
        differences(&self.rows, &read, false)
    }
}

/// Carries one cell out; returns what is otherwise than it says.
async fn carry_out(state: String, command: usize, cell: String) -> Option<String> {
    let mut is = Move::into(&state).await;
    let mut wrong = Vec::new();
    if is.state() != state {
        wrong.push(format!("it was brought into {:?}", is.state()));
    }
    is.write(1).await;
    let outcome = is.scene.run(COMMANDS[command]).await;
    let found = format!("{} → {}", outcome.code.unwrap(), is.state());
    if found != plain_text(&cell) {
        wrong.push(format!("it is {found}"));
    }
    if outcome.code == Some(0) && command == 2 {
        let difference = is.difference().await;
        if !difference.is_empty() {
            wrong.push(difference);
        }
    }
    // Whoever cannot leave a state that way is told which way leads on.
    let way_on = match (command, state.as_str()) {
        (0, "half caught up") => Some("`apply --catch-up` makes"),
        (0, _) if outcome.code == Some(6) => Some("`apply --catch-up` makes"),
        (1, "copying") => Some("`apply` resumes it"),
        _ => None,
    };
    if way_on.is_some_and(|way_on| !says(&outcome, way_on)) {
        wrong.push("the way on is not named".to_owned());
    }
    if outcome.code == Some(1) && !says(&outcome, "undo the change") {
        wrong.push("the way out is not named".to_owned());
    }
    let (out, err) = (&outcome.stdout, &outcome.stderr);
    let wrong = wrong.join("; ");
    (!wrong.is_empty()).then(|| {
        format!("{state}, {:?}: {cell} is told, and {wrong}\n{out}\n{err}", COMMANDS[command])
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_cell_of_the_model_is_so() {
    let states: Vec<String> =
        table_behind("## States").iter().map(|row| plain_text(&row[0])).collect();
    let rows = table_behind("## What leads where");
    let of_rows: Vec<String> = rows.iter().map(|row| plain_text(&row[0])).collect();
    assert_eq!(states, of_rows, "a state has no row");
    assert!(states.len() >= 9);
    let cells = rows.into_iter().flat_map(|row| {
        let state = plain_text(&row[0]);
        (0..COMMANDS.len()).map(move |command| (state.clone(), command, row[command + 1].clone()))
    });
    // Each by itself: one that panics leaves the others' doubles alone.
    let found: Vec<Option<String>> = stream::iter(cells)
        .map(|(state, command, cell)| async move {
            let name = format!("{state}, {:?}", COMMANDS[command]);
            match tokio::spawn(carry_out(state, command, cell)).await {
                Ok(found) => found,
                Err(panic) => Some(format!("{name}: {panic}; see above")),
            }
        })
        .buffer_unordered(AT_A_TIME)
        .collect()
        .await;
    assert_eq!(found.len(), 27);
    let wrong: Vec<String> = found.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{} cells are not so:\n\n{}", wrong.len(), wrong.join("\n\n"));
}

/// What was carried over in part is taken back at the source: its digests are those of the copy again,
/// and only the ledger's marks tell that the target's are not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_taken_back_at_the_source_after_half_a_pass_is_taken_back_at_the_target() {
    let mut is = Move::into("half caught up").await;
    let half = is.scene.target.read_uncounted("things", &is.rows.keys(), &[]).await;
    is.rows = data::table_of(&is.collection, &data::key_range(0..ROWS), 9);
    assert!(!differences(&is.rows, &half, false).is_empty(), "nothing was carried over");
    is.scene.source.upsert("things", &is.rows).await;
    is.scene.source.delete("things", "", "id >= 5000").await;
    is.run(COMMANDS[2], 0).await;
    let difference = is.difference().await;
    assert!(difference.is_empty(), "{difference}");
    assert_eq!(is.state(), "finished");
}

/// Rows that an application wrote into a target that is in use by now are left alone, where what was
/// deleted at the source is in one range with them, whatever a kill left to be told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_application_wrote_into_the_target_is_left_alone() {
    for state in ["copying", "finished", "half repaired", "half caught up"] {
        let is = Move::into(state).await;
        if state == "copying" {
            is.run(COMMANDS[0], 0).await;
        }
        let of_application: Vec<i64> = (0..ROWS).step_by(50).map(|key| key * 10 + 20_000).collect();
        let rows = data::table_of(
            &is.collection,
            &of_application.iter().map(|key| Key::Int(*key)).collect::<Vec<_>>(),
            12,
        );
        is.scene.target.insert("things", &rows).await;
        // The last range, where those are too.
        is.scene.source.delete("things", "", "id in [1990, 1991]").await;
        let outcome = is.scene.run(COMMANDS[2]).await;
        assert_eq!(outcome.code, Some(6), "{state}: {outcome:#?}");
        assert!(says(&outcome, "delete them by hand"), "{state}: {outcome:#?}");
        let there = is.scene.target.read_uncounted("things", &rows.keys(), &[]).await;
        let there = there.filtered(|key| rows.keys().contains(key));
        let difference = differences(&rows, &there, false);
        assert!(difference.is_empty(), "{state}: {difference}");
    }
}

/// What a killed run wrote into a target that was there and empty, and the source has no more, was not
/// there before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_was_there_before_in_a_target_that_was_adopted_empty() {
    let is = Move::new("").await;
    is.scene.target.create_collection(&is.collection).await;
    let plan = is.scene.ferry.read(PLAN);
    let adopts = plan.replace("source = \"things\"", "source = \"things\"\nexisting = \"adopt\"");
    assert_ne!(plan, adopts);
    is.scene.ferry.write(PLAN, &adopts);
    is.killed_at(COMMANDS[0], &["Insert", "Upsert"], 4).await;
    is.relay.set_rule(|_| Act::Forward);
    let mut first = None;
    is.scene.to.double().change_state(|state| {
        first = state
            .collection_mut("default", "things")
            .unwrap()
            .rows
            .first()
            .map(|row| row.key.clone());
    });
    let Some(Key::Int(gone)) = first else { panic!("nothing was written before the kill") };
    is.scene.source.delete("things", "", &format!("id in [{gone}]")).await;
    is.scene.run(COMMANDS[0]).await;
    let outcome = is.scene.run(COMMANDS[1]).await;
    assert_eq!(outcome.code, Some(6), "{outcome:#?}");
    // It is deleted where the chunk was recorded before the kill, and otherwise named.
    let outcome = is.scene.run(COMMANDS[2]).await;
    let is = Move { rows: is.rows.filtered(|key| *key != Key::Int(gone)), ..is };
    if outcome.code == Some(0) {
        let difference = is.difference().await;
        assert!(difference.is_empty(), "{difference}");
    } else {
        assert_eq!(outcome.code, Some(6), "{outcome:#?}");
        assert!(says(&outcome, "at the target and not at the source"), "{outcome:#?}");
    }
}
