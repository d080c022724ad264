//! milvus-ferry moves collections from one Milvus to another, or to Zilliz Cloud: declared in a
//! plan file, shown before it happens, resumable at any instant, and counted at the end.
//!
//! # The way of a plan file
//!
//! ```text
//!  catalog.ferry.toml  (+ --env prod, --var k=v)
//!         │ planfile: TOML with spans ⊕ includes → templates in strings → JSON Schema → rules
//!         ▼
//!     Migration ───────── cli connects both ends ───────── changes::inspect ──► what is there
//!                                                                 │
//!                                    changes::wanted:  source ⊕ overrides     (pure)
//!                                    changes::diff:    wanted ⊖ target        (pure)
//!                                                                 ▼
//!  plan    prints the changes, or saves them                               writes to neither end
//!  apply   collection → partitions → rows → indexes → load → counts → aliases   journaled
//! ```
//!
//! Two words that are never mixed: the *plan file* is what a person writes, the *changes* are what
//! `plan` computes.
//!
//! # Laws
//!
//! 1. **The live target is the truth; the ledger only saves work.** With the ledger lost, `apply`
//!    refuses with a reason, or converges by writing every row by key (`existing = "adopt"`).
//! 2. **Any prefix of `apply` is safe.** A chunk is noted as tried before its first write is sent
//!    and as done after the target acknowledged it, never before. A chunk that was tried is written
//!    by key, which cannot double a row.
//! 3. **Bytes are sacred.** Columns pass from answer to request undecoded. What cannot be carried
//!    is named before anything is written.
//!
//! # Modules and directions
//!
//! A test (`tests/pure/tidy.rs`) reads this table and keeps the imports to it; what is not listed
//! is not imported.
//!
//! | module | holds | may use |
//! |---|---|---|
//! | [`cli`] | one file per command | everything |
//! | [`report`] | text for people, from changes and events | [`apply`], [`rehearse`], [`changes`], [`verify`], [`model`], [`private`] |
//! | [`apply`] | ordered steps, one event stream | [`verify`], [`copy`], [`changes`], [`ledger`], [`milvus`], [`model`] |
//! | [`rehearse`] | the migration in small, in scratch collections | [`verify`], [`copy`], [`changes`], [`milvus`], [`model`] |
//! | [`verify`] | proof that the target holds the rows, and their mending | [`copy`], [`ledger`], [`milvus`], [`model`] |
//! | [`copy`] | discovery → readers → byte budget → writers | [`ledger`], [`milvus`], [`model`] |
//! | [`changes`] | inspect · wanted · preflight · diff · policy · saved | [`milvus`] (inspect only), [`model`] |
//! | [`ledger`] | runs, moves, steps, chunks in SQLite | [`model`], [`private`] |
//! | [`planfile`] | from TOML to a [`model::Migration`] | [`model`], [`diagnostic`] |
//! | [`milvus`] | the client | [`model`], [`secret`] |
//! | [`model`], [`secret`], [`diagnostic`], [`exit`], [`mod@env`] | plain values | nothing of ours |
//! | [`private`] | files and folders of the owner alone | nothing of ours |
//!
//! # Invariants
//!
//! - Only [`milvus`] sees protobuf; only [`planfile`] sees TOML and templates; only [`cli`] and
//!   [`report`] print; only [`mod@env`] names environment variables.
//! - Everything in [`changes`] but [`changes::inspect`] is pure, and so is [`model`]: values in,
//!   values out.
//! - Completeness never rests on paging: pages of keys only find the bounds of chunks, rows are
//!   read by limit-less range queries, and the last range is open above.
//! - Nothing on the copy path decodes a vector or JSON; only the key column is decoded.
//! - `field_id` is reset on every column that is sent.
//! - Every wait, every queue and every retry is bounded. Rows that were read and wait to be written
//!   never exceed `memory_limit` bytes; the request that a writer sends is a second copy of its
//!   chunk.
//! - A secret has no `Display` and no `Serialize`, and is read from the environment at run time.
//! - Nothing at the target is dropped, released or overwritten unless the plan file says so.

pub mod apply;
pub mod changes;
pub mod cli;
pub mod copy;
pub mod diagnostic;
pub mod env;
pub mod exit;
pub mod ledger;
pub mod milvus;
pub mod model;
pub mod planfile;
pub mod private;
pub mod rehearse;
pub mod report;
pub mod secret;
pub mod verify;
