//! Which server the double stands for: its version, its features, its limits and its habits.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use super::refused::Refused;
use crate::pb::schema::DataType;

/// A release: major, minor, patch.
pub type Version = (u32, u32, u32);

/// A plan of Zilliz Cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    Free,
    Serverless,
    /// With so many compute units.
    Dedicated {
        units: u32,
    },
}

/// What a server can do from some release on. A test may switch each one on or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Feature {
    /// `Float16Vector`, `BFloat16Vector`, `SparseFloatVector`, several vector fields.
    MoreVectors,
    ClusteringKey,
    /// Arrays come with the rows that they are of, also where a key is there twice.
    ArraysAligned,
    /// Han characters of a filter are read as `\u` and four hex digits.
    HanAsAscii,
    /// Nullable scalar fields.
    Nullable,
    DefaultValue,
    /// Functions at all, and BM25 among them.
    Functions,
    /// `session_ts` in the answers of queries.
    SessionTimestamp,
    JsonPathIndex,
    /// The RPC `AlterIndex`.
    AlterIndex,
    /// `BITMAP` indexes.
    Bitmap,
    /// Dynamic keys that equal a static field's name are refused.
    ShadowKeysRefused,
    /// Partition names with a hyphen.
    HyphenInPartitions,
    /// Answers of queries come ordered only to those who say `iterator`.
    UnorderedQueries,
    TextEmbedding,
    StructArrays,
    Int8Vector,
    Geometry,
    Timestamptz,
    /// Turning the dynamic field on after creation.
    DynamicLater,
    /// `$meta` itself may be null.
    NullableMeta,
    /// Descriptions of collections are limited to 1024 bytes.
    DescriptionsLimited,
    /// The property `collection.function.allowInsertNonBM25FunctionOutputs`.
    FunctionOutputsInserted,
    /// The literal -2^63 is understood, and the key 2^63-1 can be read.
    EveryInt64,
    /// The property `allow_insert_auto_id`.
    AutoIdInserted,
    /// The property `disable_func_runtime_check`.
    RuntimeCheckDisabled,
    /// Upserts that hold a key twice are refused.
    RepeatedKeysRefused,
    NullableVectors,
    Text,
    MinHash,
    NullableStructs,
    /// A field with a default value may be sent without `valid_data`. Before, an entry for every
    /// row is wanted, also of a field that cannot be null (milvus issue 48002, mended on master in
    /// March 2026). 2.6.20 has it; which is the first 2.6 release is not known.
    ValidDataOfDefaultsOptional,
    /// A nullable field may be sent without `valid_data`. The first `fillWithValue` of the 2.5 line
    /// wanted an entry for every row; late releases of 2.5 may be milder.
    ValidDataOptional,
    /// An iterator's page holds as many rows as were asked for, as long as there are any.
    ExactPages,
    /// Validity inside of `ScalarField` and `VectorField`, as on the master branch.
    OwnValidity,
    /// Partitions are limited to 1,024 of a collection, and not to 4,096.
    FewerPartitions,
    /// The parameter `warmup` of an index that is there can be altered.
    IndexWarmup,
    /// Vectors in struct arrays are compared by `L2`, `IP` and `COSINE` too.
    ArrayMetricsOfVectors,
    /// What is wrong with a request is code 1100, and not an error without a code.
    ParameterErrors,
    /// Vectors in struct arrays may be of any type of fixed size, and not of `FloatVector` alone.
    ArraysOfAnyVector,
    /// All sub-fields of a struct array have one `max_capacity`.
    OneCapacity,
    /// Metrics of vectors in struct arrays have to fit the type of the vectors.
    ArrayMetricsByElement,
    /// Analyzers use files that were uploaded before.
    FileResources,
}

impl Feature {
    /// The first release that has it: by the sources of each release, and for struct arrays,
    /// Geometry and Timestamptz by the documentation, as releases before take some of their
    /// requests.
    fn since(self) -> Version {
        match self {
            Self::MoreVectors | Self::ClusteringKey | Self::AlterIndex => (2, 4, 0),
            // rootCoord.maxPartitionNum, pkg/util/paramtable/component_param.go.
            Self::FewerPartitions => (2, 4, 6),
            // pkg/util/indexparamcheck/conf_adapter_mgr.go.
            Self::Bitmap => (2, 4, 8),
            // verifyDynamicFieldData, internal/proxy/util.go.
            Self::ShadowKeysRefused => (2, 4, 18),
            Self::ArraysAligned => (2, 4, 6),
            Self::HanAsAscii => (2, 4, 13),
            Self::Nullable
            | Self::DefaultValue
            | Self::Functions
            | Self::SessionTimestamp
            | Self::HyphenInPartitions
            | Self::UnorderedQueries => (2, 5, 0),
            // Server.CreateIndex, internal/datacoord/index_service.go.
            Self::JsonPathIndex => (2, 5, 7),
            Self::StructArrays | Self::Geometry => (2, 6, 4),
            Self::Timestamptz => (2, 6, 6),
            // IsConfigableIndexParam, pkg/util/indexparams/index_params.go.
            Self::IndexWarmup => (2, 6, 11),
            // createIndexTask.parseIndexParams, internal/proxy/task_index.go.
            Self::ArrayMetricsOfVectors => (2, 6, 18),
            // validateCollectionDescription, internal/proxy/util.go.
            Self::ParameterErrors | Self::DescriptionsLimited => (2, 6, 19),
            // checkStructArrayFieldMaxCapacity, internal/rootcoord/util.go.
            Self::OneCapacity => (2, 6, 18),
            // ValidateFieldsInStruct, internal/proxy/util.go.
            Self::ArraysOfAnyVector | Self::ValidDataOfDefaultsOptional => (2, 6, 20),
            // ValidateArrayOfVectorMetricType, internal/util/indexparamcheck/utils.go.
            Self::ArrayMetricsByElement => (3, 0, 0),
            // Core.validateSchemaAnalyzerFileResources, internal/rootcoord.
            Self::FileResources => (3, 0, 0),
            Self::TextEmbedding
            | Self::Int8Vector
            | Self::DynamicLater
            | Self::NullableMeta
            | Self::FunctionOutputsInserted
            | Self::EveryInt64
            | Self::ValidDataOptional => (2, 6, 0),
            Self::AutoIdInserted => (2, 6, 3),
            Self::RuntimeCheckDisabled | Self::RepeatedKeysRefused => (2, 6, 8),
            Self::NullableVectors => (2, 6, 18),
            Self::Text | Self::MinHash | Self::NullableStructs | Self::ExactPages => (3, 0, 0),
            Self::OwnValidity => (4, 0, 0),
        }
    }
}

/// Something of a schema that the server forgets without a word, beside what its release does not
/// know.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Attribute {
    Nullable,
    DefaultValue,
    ClusteringKey,
    PartitionKey,
    DynamicField,
    Functions,
    StructArrayFields,
    CollectionDescription,
    FieldDescription,
    /// A type parameter, like `mmap.enabled`.
    TypeParam(String),
    /// A property of the collection.
    Property(String),
    /// Every property that says who fills a collection.
    Marks,
}

/// Numbers that a server does not go beyond.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Collections of the whole server.
    pub collections: usize,
    pub databases: usize,
    pub fields: usize,
    pub vector_fields: usize,
    pub partitions: usize,
    pub shards: i32,
    pub dim: i64,
    /// Bytes of one request.
    pub request_bytes: usize,
    /// Bytes of one answer.
    pub answer_bytes: usize,
    /// Bytes of a JSON value.
    pub json_bytes: usize,
    /// Replicas that there are nodes for.
    pub replicas: i32,
    /// Largest `limit` of a query.
    pub query_window: i64,
}

/// How an answer marks and packs the nulls of scalar columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NullScalars {
    /// Full length, with placeholders.
    Full,
    /// Valid values only.
    Compact,
}

/// The server that the double stands for.
#[derive(Debug, Clone)]
pub struct Profile {
    pub version: Version,
    /// On Zilliz Cloud, its plan.
    pub plan: Option<Plan>,
    pub limits: Limits,
    /// Switched on or off against the release.
    pub switched: BTreeMap<Feature, bool>,
    pub drops: BTreeSet<Attribute>,
    /// `common.storage.useLoonFFI`, without which 3.0 takes no `Text`: off unless somebody sets it,
    /// and on here, so that there is a server with every type.
    pub storage_v3: bool,
    /// The resource groups that there are.
    pub resource_groups: BTreeSet<String>,
    /// Refuses every query without a limit, but `count(*)`.
    pub limit_required: bool,
    pub null_scalars: NullScalars,
    /// Answers come with their columns in another order, and with ids of other fields.
    pub shuffled_columns: bool,
    /// An empty array is answered as a `ScalarField` with no member set.
    pub empty_arrays_without_member: bool,
    /// The same for a row without vectors in a struct; whether servers do so is not known.
    pub empty_vector_arrays_without_member: bool,
    /// `count(*)` without a filter counts deleted and replaced rows too, until the server compacts.
    pub counts_deleted: bool,
    /// So does every other `count(*)`.
    pub counts_deleted_by_filter: bool,
    /// RPCs that answer UNIMPLEMENTED.
    pub unimplemented: BTreeSet<&'static str>,
    /// Refuses vector indexes other than `AUTOINDEX` and `MINHASH_LSH`.
    pub only_autoindex: bool,
    /// Questions about the load state that are answered with "loading" after a load.
    pub loading_polls: u32,
    /// The token, `user:password` or an API key, that every call has to carry.
    pub token: Option<String>,
    /// Every how manyth write to a collection of several shards fails when it has landed in some of
    /// them, in others each time; 0 for none (`shards.rs`).
    pub partial_writes: u32,
    /// The user does not see the database `default`: `Connect` answers then that it is not there
    /// (`internal/proxy/impl.go`, 2.2.9 to 3.0), and all else works.
    pub default_hidden: bool,
}

impl Profile {
    /// Milvus of a release such as `2.6.5`; what is left out is the newest of that line.
    pub fn milvus(version: &str) -> Self {
        let mut numbers = version.split('.').map(|number| number.parse::<u32>().unwrap());
        let (major, minor) = (numbers.next().unwrap(), numbers.next().unwrap_or(0));
        let version = (major, minor, numbers.next().unwrap_or(99));
        let limits = Limits {
            collections: 65_536,
            databases: 64,
            fields: if version >= (3, 0, 0) { 256 } else { 64 },
            vector_fields: if version >= (2, 6, 0) { 10 } else { 4 },
            partitions: if version >= Feature::FewerPartitions.since() { 1024 } else { 4096 },
            shards: 16,
            dim: 32_768,
            request_bytes: 64 << 20,
            answer_bytes: 64 << 20,
            json_bytes: 65_536,
            replicas: 8,
            query_window: 16_384,
        };
        Self {
            version,
            plan: None,
            limits,
            switched: BTreeMap::new(),
            drops: BTreeSet::new(),
            storage_v3: true,
            resource_groups: [super::loading::DEFAULT_GROUP.to_owned()].into(),
            limit_required: false,
            null_scalars: NullScalars::Full,
            shuffled_columns: false,
            empty_arrays_without_member: true,
            empty_vector_arrays_without_member: false,
            counts_deleted: false,
            counts_deleted_by_filter: false,
            unimplemented: BTreeSet::new(),
            only_autoindex: false,
            loading_polls: 1,
            token: None,
            partial_writes: 0,
            default_hidden: false,
        }
    }

    /// Zilliz Cloud, compatible with a line of Milvus such as `2.6`, and the newest of it.
    pub fn zilliz(plan: Plan, compatible_with: &str) -> Self {
        let mut profile = Self::milvus(compatible_with);
        let limits = &mut profile.limits;
        limits.fields = 64;
        limits.databases = 1024;
        let (collections, vector_fields, shards) = match plan {
            Plan::Free => (5, 4, 2),
            Plan::Serverless => (100, 4, 2),
            Plan::Dedicated { units } => {
                let shards = match units {
                    0..=3 => 2,
                    4..=11 => 4,
                    12..=64 => 8,
                    _ => 16,
                };
                ((1024 * units as usize).min(16_384), 10, shards)
            }
        };
        (limits.collections, limits.vector_fields, limits.shards) =
            (collections, vector_fields, shards);
        profile.plan = Some(plan);
        profile.only_autoindex = true;
        profile
    }

    pub fn has(&self, feature: Feature) -> bool {
        // `allow_insert_auto_id` (pkg/common/common.go) came to the 2.5 branch on 2025-09-24: it is in
        // 2.5.19, and whether 2.5.18 has it is not known.
        let brought_back = feature == Feature::AutoIdInserted
            && self.version >= (2, 5, 19)
            && self.version < (2, 6, 0);
        let known = brought_back || self.version >= feature.since();
        self.switched.get(&feature).copied().unwrap_or(known)
    }

    /// The same server with a feature that its release lacks.
    pub fn with(mut self, feature: Feature) -> Self {
        self.switched.insert(feature, true);
        self
    }

    /// The same server without a feature that its release has.
    pub fn without(mut self, feature: Feature) -> Self {
        self.switched.insert(feature, false);
        self
    }

    /// The same server, which forgets this of every schema.
    pub fn dropping(mut self, attribute: Attribute) -> Self {
        self.drops.insert(attribute);
        self
    }

    /// The same server with something changed.
    pub fn set(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// The same server, to which these RPCs are unknown.
    pub fn without_rpcs(mut self, rpcs: &[&'static str]) -> Self {
        self.unimplemented.extend(rpcs);
        self
    }

    /// A request is wrong: an error without a code of its own, and since 2.6.19 code 1100.
    pub(super) fn invalid(&self, what: impl Display) -> Refused {
        if self.has(Feature::ParameterErrors) {
            Refused::invalid(what)
        } else {
            Refused::other(what.to_string())
        }
    }

    /// A parameter is missing: the same, with code 1101.
    pub(super) fn missing(&self, what: impl Display) -> Refused {
        if self.has(Feature::ParameterErrors) {
            Refused::missing(what)
        } else {
            Refused::other(what.to_string())
        }
    }

    /// Whether this release takes a type for one of vectors (`IsVectorType`, pkg/util/typeutil): what
    /// is younger is a scalar that it knows nothing of.
    pub(super) fn is_vector(&self, kind: DataType) -> bool {
        let known = match kind {
            DataType::Int8Vector => self.has(Feature::Int8Vector),
            DataType::ArrayOfVector => self.has(Feature::StructArrays),
            _ => true,
        };
        known && super::state::is_vector(kind)
    }

    /// Whether the protocol of this release names the type at all (`DataType_name`).
    pub(super) fn knows_type(&self, kind: i32) -> bool {
        match kind {
            27 => self.version >= (3, 0, 0),
            0 | 28..=31 => false,
            // Geometry, Text, Timestamptz, Int8Vector and what is of structs.
            24..=26 | 105.. => DataType::try_from(kind).is_ok() && self.version >= (2, 5, 0),
            102..=104 => self.has(Feature::MoreVectors),
            kind => DataType::try_from(kind).is_ok(),
        }
    }

    /// Whether a property of a collection is kept.
    pub(super) fn keeps_property(&self, key: &str) -> bool {
        let marks = self.drops.contains(&Attribute::Marks) && key.starts_with("milvus-ferry.");
        !marks && !self.drops.contains(&Attribute::Property(key.to_owned()))
    }

    /// Whether a schema may not carry this here, by release or by habit.
    pub(super) fn forgets(&self, attribute: &Attribute) -> bool {
        let unknown = match attribute {
            Attribute::Nullable => !self.has(Feature::Nullable),
            Attribute::DefaultValue => !self.has(Feature::DefaultValue),
            Attribute::ClusteringKey => !self.has(Feature::ClusteringKey),
            Attribute::Functions => !self.has(Feature::Functions),
            Attribute::StructArrayFields => !self.has(Feature::StructArrays),
            _ => false,
        };
        unknown || self.drops.contains(attribute)
    }

    /// What `GetVersion` says: an opaque text on Zilliz Cloud.
    pub(super) fn version_text(&self) -> String {
        let (major, minor, patch) = self.version;
        match self.plan {
            None => format!("v{major}.{minor}.{patch}"),
            Some(_) => "4f0e6a1c-20260601".to_owned(),
        }
    }

    /// The build tags in the answer of `Connect`.
    pub(super) fn build_tags(&self) -> String {
        let (major, minor, _) = self.version;
        match self.plan {
            None => self.version_text(),
            Some(_) => {
                format!("Zilliz Cloud Vector Database(Compatible with Milvus {major}.{minor})")
            }
        }
    }
}
