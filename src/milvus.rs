//! The Milvus client.
pub mod codec;

#[allow(missing_docs, clippy::all, clippy::pedantic, unreachable_pub)]
pub(crate) mod pb {
    pub mod common { include!(concat!(env!("OUT_DIR"), "/ferry/milvus.proto.common.rs")); }
    pub mod schema { include!(concat!(env!("OUT_DIR"), "/ferry/milvus.proto.schema.rs")); }
    pub mod msg { include!(concat!(env!("OUT_DIR"), "/ferry/milvus.proto.msg.rs")); }
    pub mod milvus { include!(concat!(env!("OUT_DIR"), "/ferry/milvus.proto.milvus.rs")); }
}
