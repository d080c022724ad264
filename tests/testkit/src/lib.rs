//! What the tests and benchmarks of milvus-ferry share, compiled once: real servers ([`lab`]), doubles
//! of servers ([`fake`], [`null`]), a relay that injects faults ([`relay`]), a client that knows
//! nothing of the code under test ([`probe`]), generated rows ([`data`]), the built binary ([`ferry`]),
//! and what a test works in ([`scene`]). Only [`scene::library`] uses the library under test.
#![allow(deprecated, reason = "fields of the protocol that servers still fill")]

pub mod collection;
pub mod columns;
pub mod data;
pub mod fake;
pub mod ferry;
pub mod fronts;
pub mod lab;
pub mod lines;
pub mod loopback;
pub mod null;
pub mod patience;
pub mod pb;
pub mod probe;
pub mod quickstart;
pub mod relay;
pub mod scene;
pub mod structs;
pub mod table;
pub mod tcp;
pub mod terminal;
pub mod traps;
