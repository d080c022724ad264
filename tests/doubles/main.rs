//! End to end between doubles of Milvus 2.4 to 3.0 and Zilliz Cloud: what the built binary moves
//! arrives bit for bit, with all that describes it, and what cannot is refused by name.
#![allow(
    deprecated,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::pedantic,
    reason = "a test that cannot continue panics"
)]

mod adopted;
mod aliases;
mod altering;
mod asking;
mod away;
mod codes;
mod counts;
mod defaults;
mod every_type;
mod examples;
mod existing;
mod fields;
mod first_copy;
mod floors;
mod forgetful;
mod fronts;
mod functions;
mod identity;
mod indexes;
mod init;
mod keys;
mod kills;
mod lacking;
mod load_fields;
mod loading;
mod made_up_keys;
mod merged;
mod mistakes;
mod moving;
mod null;
mod nulls;
mod online;
mod ownership;
mod pairs;
mod partly;
mod proxies;
mod regenerated_keys;
mod rehearse;
mod releases;
mod replicas;
mod searches;
mod selection;
mod states;
mod structs;
mod trust;
mod verify;
mod who;
mod words;
mod zilliz;
