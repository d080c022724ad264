//! The Milvus client: everything that is said to a server, and the only module that sees protobuf.
//!
//! Built from the newest official protos, whose fields were never removed or re-typed since Milvus
//! 2.0, so that one set of messages speaks to every version. Success is judged as
//! `status.code == 0 && status.error_code == 0`: Milvus 2.2 sets only the legacy `error_code`, and
//! Milvus Lite sometimes only one of the two. The `retriable` flag is believed where it is set; unset
//! it means nothing (a rate-limit answer of 2.3.5 carries `false`).

pub mod alias;
pub mod catalog;
pub mod channel;
pub mod client;
pub mod codec;
pub mod column;
pub mod convert;
mod count;
pub mod error;
mod front;
mod handshake;
mod identity;
pub mod index;
mod landing;
pub mod mark;
mod mixed;
pub mod pace;
pub mod permission;
pub mod property;
pub mod proxy;
pub mod query;
pub mod retry;
pub mod scratch;
pub mod search;
pub mod serving;
mod trust;
mod watch;
pub mod write;

pub use catalog::Described;
pub use channel::{Connection, Login, TlsFiles};
pub use client::Client;
pub use column::{Rows, TooLong};
pub use error::{Error, Kind, Result};
pub use index::IndexProgress;
pub use pace::{Pace, PaceLimits, Turn};
pub use permission::{Deed, Quota};
pub use proxy::{Proxy, ProxySettings};
pub use query::{Moment, Query};
pub use retry::RetryPolicy;
pub use search::{Hit, Search};
pub use serving::Load;
pub use watch::{Repeated, Watcher};
pub use write::WriteMode;

/// The types that `proto/build.rs` generates, with column payloads as undecoded bytes.
#[allow(missing_docs, dead_code, unreachable_pub, clippy::all, clippy::pedantic)]
pub(crate) mod pb {
    pub mod common {
        include!(concat!(env!("OUT_DIR"), "/milvus.proto.common.rs"));
    }
    pub mod schema {
        include!(concat!(env!("OUT_DIR"), "/milvus.proto.schema.rs"));
    }
    pub mod msg {
        include!(concat!(env!("OUT_DIR"), "/milvus.proto.msg.rs"));
    }
    pub mod milvus {
        include!(concat!(env!("OUT_DIR"), "/milvus.proto.milvus.rs"));
    }
}
