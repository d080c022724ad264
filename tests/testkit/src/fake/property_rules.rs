//! What a server says to the properties of a collection, at creation and later.

use std::collections::BTreeMap;

use super::moments::Zone;
use super::profile::{Feature, Profile, Version};
use super::refused::{Refused, Result};
use super::state::Collection;
use crate::pb::common::ErrorCode;
use crate::pb::schema::{CollectionSchema, DataType, FieldSchema};

const MMAP: &str = "mmap.enabled";
const LAZY_LOAD: &str = "lazyload.enabled";
const ISOLATION: &str = "partitionkey.isolation";
const QUERY_MODE: &str = "query_mode";
const TTL: &str = "collection.ttl.seconds";
/// `MaxTTLSeconds` (pkg/common/common.go), 2.6.20.
const LONGEST_TTL: i64 = 3_155_760_000;
const CONSISTENCY: &str = "consistency_level";
const TTL_FIELD: &str = "ttl_field";
const SHARDING: &str = "namespace.sharding.enabled";
const MAX_FIELD_ID: &str = "max_field_id";
/// Keys of the warm-up policy (`IsCollectionWarmupKey`, pkg/common/common.go).
const WARMUP: [&str; 4] =
    ["warmup.scalarField", "warmup.scalarIndex", "warmup.vectorField", "warmup.vectorIndex"];

/// The release whose `hasWarmupProp` (internal/proxy/task.go) is the first.
const WARMUP_KNOWN: Version = (2, 6, 11);
/// The same of `detectQueryModeChange`.
const QUERY_MODE_KNOWN: Version = (2, 6, 14);
/// The same of `detectBoolPropChange`. A request that did not name the isolation meant "off" before.
const ISOLATION_OF_REQUESTS: Version = (2, 6, 13);

type Properties = BTreeMap<String, String>;

/// `createCollectionTask.PreExecute` (internal/proxy/task.go), 2.5.27 to 3.0.0.
pub fn check_created(
    profile: &Profile,
    schema: &CollectionSchema,
    properties: &Properties,
) -> Result<()> {
    let keyed = schema.fields.iter().any(|field| field.is_partition_key);
    check_isolation(profile, &schema.name, keyed, properties)?;
    check_values(profile, properties, true)?;
    let kinds = || schema.fields.iter().map(|field| (field.name.as_str(), field.data_type()));
    check_ttl_field(profile, properties, properties, kinds().collect())
}

/// `validatePartitionKeyIsolation` (internal/proxy/util.go), 2.5.27 to 3.0.0.
fn check_isolation(
    profile: &Profile,
    collection: &str,
    keyed: bool,
    properties: &Properties,
) -> Result<()> {
    let value = properties.get(ISOLATION).map(|value| value.to_lowercase());
    match value.as_deref() {
        None | Some("0" | "f" | "false") => Ok(()),
        Some("1" | "t" | "true") if keyed => Ok(()),
        Some("1" | "t" | "true") => {
            let reason = format!(
                "partition key isolation mode is enabled but no partition key field is set. Please set \
                 the partition key first: illegal collection schema[collection={collection}]"
            );
            Err(Refused::new(105, ErrorCode::UnexpectedError, reason))
        }
        Some(value) => {
            let what = format!("strconv.ParseBool: parsing {value:?}: invalid syntax");
            Err(match profile.has(Feature::ParameterErrors) {
                true => {
                    Refused::invalid(format!("failed to parse partition key isolation: {what}"))
                }
                false => Refused::other(what),
            })
        }
    }
}

/// A zone of the `timezone` property, of which servers before 2.6.6 know nothing.
pub fn check_zone(profile: &Profile, properties: &Properties) -> Result<()> {
    match properties.get("timezone") {
        Some(zone) if profile.has(Feature::Timestamptz) && Zone::named(zone).is_none() => {
            Err(Refused::invalid(format!("unknown or invalid IANA Time Zone ID: {zone}")))
        }
        _ => Ok(()),
    }
}

/// `validateCollectionTTL` (internal/proxy/task.go), 2.6.20 and 3.0.0; at creation 3.0.0 reads it first.
fn check_ttl(profile: &Profile, properties: &Properties, created: bool) -> Result<()> {
    let Some(text) = properties.get(TTL).filter(|_| profile.version >= (2, 6, 0)) else {
        return Ok(());
    };
    Err(Refused::invalid(match text.parse::<i64>() {
        Ok(seconds) if (-1..=LONGEST_TTL).contains(&seconds) => return Ok(()),
        Ok(seconds) => {
            format!("collection TTL is out of range, expect [-1, {LONGEST_TTL}], got {seconds}")
        }
        Err(_) if created && profile.version >= (3, 0, 0) => format!(
            "collection ttl property value not valid, parse error: strconv.ParseInt: parsing {text:?}: \
             invalid syntax"
        ),
        Err(_) => "collection TTL is not a valid positive integer".to_owned(),
    }))
}

/// The consistency level that a property asks for; since 2.6 it is a property no more
/// (`getConsistencyLevel`, internal/rootcoord).
pub fn consistency(profile: &Profile, properties: &mut Properties) -> Option<i32> {
    let level = properties.get(CONSISTENCY)?.parse().ok()?;
    if profile.version >= (2, 6, 0) {
        properties.remove(CONSISTENCY);
    }
    Some(level)
}

/// `alterCollectionTask.PreExecute` (internal/proxy/task.go), 2.5.27 to 3.0.0.
pub fn check_altered(
    profile: &Profile,
    collection: &Collection,
    set: &Properties,
    delete: &[String],
) -> Result<()> {
    let version = profile.version;
    if version >= (3, 0, 0) {
        let named = |key: &str| set.contains_key(key) || delete.iter().any(|name| name == key);
        if named(SHARDING) {
            let what = format!("cannot alter {SHARDING} after collection creation");
            return Err(Refused::invalid(what));
        }
        if named(MAX_FIELD_ID) {
            let deed = if set.contains_key(MAX_FIELD_ID) { "alter" } else { "delete" };
            let what = format!("cannot {deed} reserved collection property {MAX_FIELD_ID}");
            return Err(Refused::invalid(what));
        }
        // `validateResourceGroups` (internal/rootcoord/root_coord.go); at creation nothing is checked.
        let groups = set.get("collection.resource_groups").into_iter().flat_map(|g| g.split(','));
        if let Some(group) = groups.into_iter().find(|g| !profile.resource_groups.contains(*g)) {
            let reason = format!("resource group not found[rg={group}]");
            return Err(Refused::new(300, ErrorCode::UnexpectedError, reason));
        }
    }
    if collection.is_loaded() {
        check_loaded(version, collection, set, delete)?;
    }
    check_values(profile, set, false)?;
    let keyed = collection.partition_key().is_some();
    check_isolation(profile, &collection.name, keyed, set)?;
    let kinds = collection.columns.iter().map(|c| (c.field.name.as_str(), c.kind()));
    check_ttl_field(profile, set, &collection.properties, kinds.collect())?;
    check_indexed(version, collection, set, delete)
}

/// What cannot be altered while anything is loaded.
fn check_loaded(
    version: Version,
    collection: &Collection,
    set: &Properties,
    delete: &[String],
) -> Result<()> {
    let lazy = version < (3, 0, 0);
    let warmup = |key: &str| version >= WARMUP_KNOWN && (WARMUP.contains(&key) || key == "warmup");
    let mapped = |key: &str| key == MMAP || (lazy && key == LAZY_LOAD);
    let loaded = |what: String| {
        let reason = format!("{what}: collection already loaded[collection={}]", collection.name);
        Err(Refused::new(104, ErrorCode::UnexpectedError, reason))
    };
    let named = |is: &dyn Fn(&str) -> bool| set.keys().any(|key| is(key));
    if named(&mapped) {
        return loaded("can not alter mmap properties if collection loaded".to_owned());
    }
    if named(&warmup) {
        return loaded("can not alter warmup properties if collection loaded".to_owned());
    }
    // Since 2.5.0; 2.4.17 looks at what is set alone.
    let kept = delete.iter().find(|key| version >= (2, 5, 0) && (mapped(key) || warmup(key)));
    match kept {
        Some(key) if key == MMAP || version < WARMUP_KNOWN => {
            loaded("can not delete mmap properties if collection loaded".to_owned())
        }
        Some(key) => loaded(format!("can not delete {key} properties if collection loaded")),
        None => Ok(()),
    }
}

/// What cannot be altered while a vector has an index.
fn check_indexed(
    version: Version,
    collection: &Collection,
    set: &Properties,
    delete: &[String],
) -> Result<()> {
    let vector = |index: &&super::state::Index| {
        collection.columns.iter().any(|c| c.is_vector() && c.path() == index.field)
    };
    let Some(index) = collection.indexes.iter().find(vector) else { return Ok(()) };
    let refuse = |what: &str| {
        let reason = format!(
            "can not alter {what} if the collection already has a vector index. Please drop the \
             index first: index duplicates[indexName={}]",
            index.field
        );
        Err(Refused::new(702, ErrorCode::UnexpectedError, reason))
    };
    let was = is_on(collection.properties.get(ISOLATION));
    let names = |key: &str| set.contains_key(key) || delete.iter().any(|name| name == key);
    let is = match names(ISOLATION) || version < ISOLATION_OF_REQUESTS {
        true => is_on(set.get(ISOLATION)),
        false => was,
    };
    if was != is && version >= (2, 4, 6) {
        return refuse("partition key isolation mode");
    }
    let mode = collection.properties.get(QUERY_MODE);
    if version >= QUERY_MODE_KNOWN && names(QUERY_MODE) && mode != set.get(QUERY_MODE) {
        return refuse(QUERY_MODE);
    }
    Ok(())
}

/// Keys and values that are wrong at any time.
fn check_values(profile: &Profile, properties: &Properties, created: bool) -> Result<()> {
    let version = profile.version;
    check_zone(profile, properties)?;
    check_ttl(profile, properties, created)?;
    if version >= WARMUP_KNOWN {
        if properties.contains_key("warmup") {
            return Err(Refused::invalid(
                "warmup key 'warmup' is only allowed at field level, use \
                 warmup.scalarField/warmup.scalarIndex/warmup.vectorField/warmup.vectorIndex at \
                 collection level",
            ));
        }
        for key in WARMUP {
            let Some(value) = properties.get(key) else { continue };
            check_warmup(profile, &format!("invalid warmup value for key {key}"), value)?;
        }
    }
    match properties.get(QUERY_MODE) {
        Some(mode) if version >= QUERY_MODE_KNOWN && mode != "large_topk" => {
            let what = format!("invalid query_mode value {mode:?}, valid values: [large_topk]");
            Err(Refused::invalid(what))
        }
        _ => Ok(()),
    }
}

/// `ValidateWarmupPolicy` (pkg/common/common.go), 2.6.11 to 3.0.0.
pub fn check_warmup(profile: &Profile, of: &str, value: &str) -> Result<()> {
    let (policies, text): (&[&str], _) = match profile.version {
        version if version < WARMUP_KNOWN => return Ok(()),
        version if version < (3, 0, 0) => (&["disable", "sync"], "'disable' or 'sync'"),
        _ => (&["disable", "sync", "async"], "'disable', 'sync' or 'async'"),
    };
    if policies.contains(&value) {
        return Ok(());
    }
    let what = format!("{of}: invalid warmup policy: {value}, must be {text}: invalid parameter");
    Err(Refused::invalid(what))
}

/// `validateTTLField` and `createCollectionTask.validateTTL` (internal/proxy), 3.0.0.
fn check_ttl_field(
    profile: &Profile,
    set: &Properties,
    has: &Properties,
    kinds: Vec<(&str, DataType)>,
) -> Result<()> {
    if profile.version < (3, 0, 0) {
        return Ok(());
    }
    if let Some(name) = set.get(TTL_FIELD) {
        match kinds.iter().find(|(other, _)| other == name) {
            None => {
                return Err(Refused::invalid(format!("ttl field name {name} not found in schema")));
            }
            Some((_, kind)) if *kind != DataType::Timestamptz => {
                let what = format!("ttl field must be timestamptz, field name = {name}");
                return Err(Refused::invalid(what));
            }
            Some(_) => {}
        }
        if set.contains_key(TTL) {
            return Err(Refused::invalid(
                "collection TTL and ttl field cannot be set at the same time",
            ));
        }
        if has.contains_key(TTL) {
            return Err(Refused::invalid("collection TTL is already set, cannot be set ttl field"));
        }
    } else if set.contains_key(TTL) && has.contains_key(TTL_FIELD) {
        return Err(Refused::invalid("ttl field is already exists, cannot be set collection TTL"));
    }
    Ok(())
}

/// What a server of this release gives a collection that does not ask for it: `Prepare` and
/// `appendNamespaceShardingEnabled` (internal/rootcoord/create_collection_task.go).
pub fn stamp(profile: &Profile, collection: &mut Collection) {
    if profile.version >= (2, 6, 6) {
        let zone = collection.database_zone.clone().unwrap_or_else(|| "UTC".to_owned());
        collection.properties.entry("timezone".to_owned()).or_insert(zone);
    }
    if profile.version >= (3, 0, 0) {
        let properties = &mut collection.properties;
        properties.entry(SHARDING.to_owned()).or_insert_with(|| "false".to_owned());
        count_fields(profile, collection);
    }
}

/// The greatest id that a field ever had, which 3.0 keeps as a property.
pub fn count_fields(profile: &Profile, collection: &mut Collection) {
    if profile.version >= (3, 0, 0) {
        let last = collection.last_field_id();
        let properties = &mut collection.properties;
        let asked = properties.get(MAX_FIELD_ID).and_then(|id| id.parse().ok()).unwrap_or(0);
        properties.insert(MAX_FIELD_ID.to_owned(), last.max(asked).to_string());
    }
}

/// Whether a field may be the clustering key: `IsClusteringKeyType` (pkg/util/typeutil/schema.go),
/// 2.6.14 to 3.0.0. Before, any scalar may.
pub fn check_clustering(profile: &Profile, field: &FieldSchema, collection: &str) -> Result<()> {
    let kind = field.data_type();
    let fits = matches!(
        kind,
        DataType::Int8
            | DataType::Int16
            | DataType::Int32
            | DataType::Int64
            | DataType::Float
            | DataType::Double
            | DataType::VarChar
            | DataType::FloatVector
    );
    if fits || profile.version < (2, 6, 14) {
        return Ok(());
    }
    let reason = format!(
        "clustering key field {} has unsupported data type {}: illegal collection \
         schema[collection={collection}]",
        field.name,
        kind.as_str_name()
    );
    Err(Refused::new(105, ErrorCode::UnexpectedError, reason))
}

fn is_on(value: Option<&String>) -> bool {
    value.is_some_and(|value| value.eq_ignore_ascii_case("true"))
}
