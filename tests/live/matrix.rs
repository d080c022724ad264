//! What moves between real servers of different kinds: every group of types, from each of Milvus
//! 2.2.16, Milvus 2.3.5, Milvus Lite 2.5.1 and Milvus Lite 3.2.2 to each of them.
//!
//! `matrix/expectation.rs` says which server lacks what, and so what ought to happen to each of the
//! 28 groups in each of the 16 pairs. Nothing of it is taken for granted: every group is put into
//! every server, and how it fails there has to be what the table says.
//!
//! # What the servers were seen to do
//!
//! `create`, `partition`, `insert`, `index`: refuses that. `drops`: makes the collection without
//! it, without a word.
//!
//! | group | 2.2.16 | 2.3.5 | Lite 2.5.1 | Lite 3.2.2 |
//! |---|---|---|---|---|
//! | scalars, float vector | holds | holds | holds | holds |
//! | JSON, dynamic field | holds | holds | holds | holds, writes JSON anew |
//! | arrays | create | holds | holds | holds; forgets `max_length` of texts |
//! | HNSW index | holds | holds | index ³ | holds |
//! | binary vector | holds | holds | holds | create |
//! | float16 vector | create | holds | holds | create |
//! | bfloat16 vector | create | insert (gRPC INTERNAL) | holds | create |
//! | sparse vector | create | insert | holds | holds |
//! | int8 vector | create | insert | create | create |
//! | several vectors | create | create | holds | holds |
//! | nullable scalars | drops | drops | create | holds |
//! | nullable arrays | create | drops | create | holds |
//! | nullable float vector | drops | drops | create | null becomes zeros |
//! | nullable sparse vector | create | drops | create | null only where a whole request lacks the column |
//! | nullable with default | drops | drops | create | holds; a null that is sent becomes the default |
//! | default values | drops | holds ⁴; an insert that makes use of one kills it | holds; refuses an insert that makes use of one | holds |
//! | default values of zero | drops | as above | creates, and then cannot describe it (code 5) | holds |
//! | `Int64`, `VarChar` key | holds | holds | holds ² | holds |
//! | autoID `Int64` | holds | holds | holds | holds |
//! | autoID `VarChar` | create | holds | holds | create |
//! | partition key | holds | holds | takes rows; refuses every filter ("Invalid expr") | holds, 17 partitions whatever was asked |
//! | partitions | holds | holds | partition (UNIMPLEMENTED) | holds |
//! | Geometry | create | insert | create | holds points and simple polygons |
//! | Timestamptz | create | takes rows; dies | create | holds, in UTC |
//! | BM25 function | create | drops | holds, tells no function ¹ | holds |
//!
//! ¹ `DescribeCollection` returns the field with `is_function_output`, and no function.
//! ² Its language knows no `\n` and no `\r` in a text (it reads `n`, `r`), and has no literal at all
//! for a carriage return.
//!
//! ³ So `IVF_FLAT` or FLAT takes the place of a graph, said in the plan. It takes FLAT, `IVF_FLAT` and AUTOINDEX on float vectors, FLAT on half-precision ones, `BIN_FLAT`
//! on binary ones, `SPARSE_INVERTED_INDEX` and `SPARSE_WAND` on sparse ones, INVERTED and Trie on
//! numbers and texts, INVERTED on booleans, and none on arrays and JSON.
//!
//! ⁴ So they move there, with a warning: this tool brings a value for every row.
//!
//! # Layout of nulls
//!
//! Only Milvus Lite 3 has any. Its answers hold scalars and arrays at full length, with zero, "",
//! `null` or an empty array in place of a null, and `FieldData.valid_data`, which is left out when
//! the answer holds no null; float vectors never have it, sparse ones have an empty row. It takes
//! scalars and arrays both full and compact; a float vector both, losing the nulls; a sparse vector
//! in neither form.
//!
//! # What `DescribeCollection` tells
//!
//! Lite 2.5.1: field ids, parameters of types, default values, descriptions, `is_clustering_key`;
//! neither a collection id, name, number of shards, consistency level, properties nor functions.
//! Lite 3.2.2: `nullable`, default values, functions; neither ids (all 0), descriptions,
//! `max_length` in arrays nor consistency level.

mod expectation;
mod groups;
mod holding;
mod lite;
mod pair;
mod pairs;
mod tables;
