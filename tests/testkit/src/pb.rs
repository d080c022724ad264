//! The generated code with every type decoded, client and server: not the types that the tool uses.
#![allow(warnings, clippy::all, clippy::pedantic, reason = "generated")]

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
