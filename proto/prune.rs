//! Cuts the compiled `.proto` files down to the RPCs that the tool and its tests call, and to what
//! these reach. Shared by the build scripts of the tool and of the testkit.

use std::collections::{BTreeMap, BTreeSet};

use prost_types::{DescriptorProto, FileDescriptorSet};

/// The RPCs of `milvus.proto.milvus.MilvusService` that are kept.
const RPCS: &[&str] = &[
    "AddFileResource",
    "AllocTimestamp",
    "AlterAlias",
    "AlterCollection",
    "AlterDatabase",
    "AlterIndex",
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
    "ListFileResources",
    "ListResourceGroups",
    "LoadCollection",
    "LoadPartitions",
    "OperatePrivilege",
    "OperateUserRole",
    "Query",
    "ReleaseCollection",
    "ReleasePartitions",
    "RenameCollection",
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

/// Drops every RPC that is not in [`RPCS`] and every message and enum that none of them reaches.
pub(crate) fn prune(descriptors: &mut FileDescriptorSet) {
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
