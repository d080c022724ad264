//! Compiles the official Milvus `.proto` files (this folder) with a pure-Rust compiler: pruned to the
//! RPCs that are called, and with the payload of every column
//! (`FieldData.{scalars,vectors,struct_arrays}`) left as undecoded bytes. An embedded message and
//! `bytes` have the same wire type, so this changes nothing on the wire.
//!
//! The tests compile the same files with every type decoded (`tests/testkit/build.rs`).

mod prune;

use std::path::PathBuf;

use prost_types::FileDescriptorSet;
use prost_types::field_descriptor_proto::Type;

/// The (message, field) pairs that stay undecoded. The columns of an answer are raw as a whole too,
/// so that each can be checked for parts that this build does not know before it is taken apart.
const RAW_PAYLOADS: &[(&str, &str)] = &[
    ("QueryResults", "fields_data"),
    ("FieldData", "scalars"),
    ("FieldData", "vectors"),
    ("FieldData", "struct_arrays"),
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=proto");
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    let mut descriptors = protox::compile(["milvus.proto"], ["proto"])?;
    prune::prune(&mut descriptors);
    keep_payloads_raw(&mut descriptors);
    // The service has an RPC named Connect, which collides with tonic's generated `connect()`.
    tonic_prost_build::configure()
        .build_transport(false)
        .build_server(false)
        .bytes(".")
        .codec_path("crate::milvus::codec::ReservingCodec")
        .out_dir(out)
        .compile_fds(descriptors)?;
    Ok(())
}

fn keep_payloads_raw(descriptors: &mut FileDescriptorSet) {
    for message in descriptors.file.iter_mut().flat_map(|file| &mut file.message_type) {
        let name = message.name().to_owned();
        for field in &mut message.field {
            if RAW_PAYLOADS.contains(&(name.as_str(), field.name())) {
                field.set_type(Type::Bytes);
                field.type_name = None;
            }
        }
    }
}
