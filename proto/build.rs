//! Compiles the official Milvus `.proto` files (this folder) with a pure-Rust compiler.
//!
//! Two sets of types come out of it:
//! - `ferry/`: what the tool uses. Pruned to the RPCs that it calls, and with the payload of every
//!   column (`FieldData.{scalars,vectors,struct_arrays}`) left as undecoded bytes. An embedded
//!   message and `bytes` have the same wire type, so this changes nothing on the wire.
//! - `full/`: the same RPCs with every type decoded, client and server. Only the tests compile it:
//!   it is how they read data back independently of the code under test, and how they fake a server.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use prost_types::field_descriptor_proto::Type;
use prost_types::{DescriptorProto, FileDescriptorSet};

/// The RPCs of `milvus.proto.milvus.MilvusService` that are kept.
const RPCS: &[&str] = &[
    "AllocTimestamp",
    "AlterAlias",
    "AlterCollection",
    "AlterDatabase",
    "CheckHealth",
    "Connect",
    "CreateAlias",
    "CreateCollection",
    "CreateCredential",
    "CreateDatabase",
    "CreateIndex",
    "CreatePartition",
    "CreateRole",
    "Delete",
    "DescribeAlias",
    "DescribeCollection",
    "DescribeDatabase",
    "DescribeIndex",
    "DropAlias",
    "DropCollection",
    "DropDatabase",
    "DropIndex",
    "DropPartition",
    "Flush",
    "GetCollectionStatistics",
    "GetFlushState",
    "GetLoadState",
    "GetLoadingProgress",
    "GetReplicas",
    "GetVersion",
    "HasCollection",
    "Insert",
    "ListAliases",
    "ListDatabases",
    "LoadCollection",
    "LoadPartitions",
    "OperatePrivilege",
    "OperateUserRole",
    "Query",
    "ReleaseCollection",
    "ReleasePartitions",
    "Search",
    "ShowCollections",
    "ShowPartitions",
    "Upsert",
];

/// Messages that no kept RPC names but that are decoded from bytes, or encoded to them, by hand.
const KEPT_MESSAGES: &[&str] = &[
    "common.PlaceholderGroup",
    "schema.CollectionSchema",
    "schema.FieldData",
    "schema.ScalarField",
    "schema.VectorField",
];

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
    let mut full = protox::compile(["milvus.proto"], ["proto"])?;
    prune(&mut full);
    let mut ferry = full.clone();
    keep_payloads_raw(&mut ferry);

    generate(ferry, &out.join("ferry"), |builder| {
        builder.build_server(false).bytes(".").codec_path("crate::milvus::codec::ReservingCodec")
    })?;
    generate(full, &out.join("full"), |builder| {
        builder.build_server(true).generate_default_stubs(true)
    })
}

fn generate(
    descriptors: FileDescriptorSet,
    dir: &Path,
    configure: impl FnOnce(tonic_prost_build::Builder) -> tonic_prost_build::Builder,
) -> Result<(), Box<dyn std::error::Error>> {
    std::fs::create_dir_all(dir)?;
    // The service has an RPC named Connect, which collides with tonic's generated `connect()`.
    let builder = tonic_prost_build::configure().build_transport(false).out_dir(dir);
    Ok(configure(builder).compile_fds(descriptors)?)
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

/// Drops every RPC that is not in [`RPCS`] and every message and enum that none of them reaches.
fn prune(descriptors: &mut FileDescriptorSet) {
    let mut references: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut wanted: Vec<String> = Vec::new();
    for file in &mut descriptors.file {
        file.service.retain(|service| service.name() == "MilvusService");
        for service in &mut file.service {
            service.method.retain(|method| RPCS.contains(&method.name()));
            for method in &service.method {
                wanted.push(method.input_type().to_owned());
                wanted.push(method.output_type().to_owned());
            }
        }
        for message in &file.message_type {
            let mut names = BTreeSet::new();
            collect_references(message, &mut names);
            references.insert(format!(".{}.{}", file.package(), message.name()), names);
        }
    }
    wanted.extend(KEPT_MESSAGES.iter().map(|name| format!(".milvus.proto.{name}")));

    let mut kept: BTreeSet<String> = BTreeSet::new();
    while let Some(name) = wanted.pop() {
        if !kept.insert(name.clone()) {
            continue;
        }
        // A nested type is kept with the top-level message that holds it.
        let holder = references
            .keys()
            .find(|holder| name == **holder || name.starts_with(&format!("{holder}.")));
        if let Some(holder) = holder {
            kept.insert(holder.clone());
            wanted.extend(references[holder].iter().cloned());
        }
    }
    for file in &mut descriptors.file {
        let package = file.package().to_owned();
        if package.starts_with("google") {
            continue;
        }
        file.message_type
            .retain(|message| kept.contains(&format!(".{package}.{}", message.name())));
        file.enum_type.retain(|item| kept.contains(&format!(".{package}.{}", item.name())));
        file.extension.clear();
        // Its paths are indices, which pruning shifts.
        file.source_code_info = None;
    }
}

fn collect_references(message: &DescriptorProto, names: &mut BTreeSet<String>) {
    names.extend(message.field.iter().filter_map(|field| field.type_name.clone()));
    for nested in &message.nested_type {
        collect_references(nested, names);
    }
}
