//! What a plan file asks for, after templates are rendered, defaults merged and rules checked.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::{CollectionRule, Policy};

/// The *name* of an environment variable that holds a credential. The value is read at run time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvName(pub String);

impl fmt::Display for EnvName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How to prove who we are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials {
    /// The server asks for nothing.
    None,
    /// A user and a password.
    UserPassword {
        /// Variable that holds the user's name.
        username: EnvName,
        /// Variable that holds the password.
        password: EnvName,
    },
    /// An API key, or `user:password` in one.
    Token(EnvName),
}

/// Files and names for TLS; `https` in the endpoint switches TLS on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tls {
    /// PEM file with the certificates to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// PEM file with our certificate (mutual TLS).
    pub client_cert_file: Option<PathBuf>,
    /// PEM file with its key.
    pub client_key_file: Option<PathBuf>,
    /// The name to expect in the server's certificate, when it is not the host's.
    pub server_name: Option<String>,
}

/// One end of the migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// `http://host:port` or `https://host:port`, without user information.
    pub uri: String,
    /// The port in it, where whoever wrote the address left it out.
    pub assumed_port: Option<u16>,
    /// How to authenticate.
    pub credentials: Credentials,
    /// TLS settings.
    pub tls: Tls,
    /// Where the plan file says so, as `file:line`; empty where no plan file does.
    pub place: String,
    /// The same of each variable of the login.
    pub login_places: Vec<String>,
}

/// Which source collections a rule is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// Exactly this one; its absence is an error.
    Name(String),
    /// Every collection that the glob matches and no exclusion does; matching none is an error.
    Glob {
        /// The glob, such as `prod_*`.
        pattern: String,
        /// Globs of collections to leave out.
        exclude: Vec<String>,
    },
}

/// A text that may depend on the source collection's name, such as `{{ name }}_v2`.
#[derive(Clone)]
pub struct NameTemplate {
    text: String,
    render: Arc<Renderer>,
}

/// Renders for a source collection's name, or says why it cannot.
type Renderer = dyn Fn(&str) -> Result<String, String> + Send + Sync;

impl NameTemplate {
    /// A template: its text as written (for messages) and how to render it for a source name.
    pub fn new(
        text: String,
        render: impl Fn(&str) -> Result<String, String> + Send + Sync + 'static,
    ) -> Self {
        Self { text, render: Arc::new(render) }
    }

    /// A text without any expression.
    pub fn fixed(text: String) -> Self {
        let value = text.clone();
        Self::new(text, move |_| Ok(value.clone()))
    }

    /// The text for a source collection's name, or why it cannot be rendered.
    pub fn render(&self, name: &str) -> Result<String, String> {
        (self.render)(name)
    }

    /// The template as written in the plan file.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for NameTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("NameTemplate").field(&self.text).finish()
    }
}

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

/// How to copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopySettings {
    /// Most readers, and most writers, at work at a time, over all collections.
    pub parallelism: usize,
    /// Most collections whose turn it is at a time.
    pub parallel_collections: usize,
    /// Upper bound of the bytes of rows in memory.
    pub memory_limit: ByteSize,
    /// Size to aim at for one chunk, hence for one request.
    pub chunk_size: ByteSize,
    /// Size that no answer and no request may exceed, unless it is a single row.
    pub max_request_size: ByteSize,
    /// Bytes per second that are read at most.
    pub max_read_rate: Option<ByteSize>,
    /// Bytes per second that are written at most.
    pub max_write_rate: Option<ByteSize>,
    /// Rows that the target may refuse, and that are set aside then.
    pub max_rejected_rows: u64,
    /// How long a call is tried again before the run stops, resumable.
    pub retry_for: Duration,
}

/// Which rows are compared value by value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ContentCheck {
    /// None.
    #[default]
    Off,
    /// Some, chosen at random.
    Sample,
    /// All.
    Full,
}

/// What is done when rows differ.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnMismatch {
    /// They are named.
    #[default]
    Fail,
    /// Those that are missing or different are copied again.
    Repair,
}

/// Searches that are run at both ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SearchCheck {
    /// Searches for each vector field.
    pub queries: u32,
    /// Results that each asks for.
    pub top_k: u32,
    /// Least share of the source's results that the target has to give too, 0 to 1.
    pub min_overlap: f64,
}

/// How the result is checked.
#[derive(Debug, Clone, PartialEq)]
pub struct VerifySettings {
    /// Compare counts of rows.
    pub counts: bool,
    /// Compare rows.
    pub content: ContentCheck,
    /// Rows of each collection that a sample has.
    pub sample_rows: u64,
    /// Compare searches.
    pub search: Option<SearchCheck>,
    /// What is done when rows differ.
    pub on_mismatch: OnMismatch,
    /// Whether a repair deletes rows that are at the target only, in collections that were made by
    /// this plan.
    pub delete_extra: bool,
}

impl Default for VerifySettings {
    fn default() -> Self {
        Self {
            counts: true,
            content: ContentCheck::Off,
            sample_rows: 10_000,
            search: None,
            on_mismatch: OnMismatch::Fail,
            delete_extra: false,
        }
    }
}

/// What kind of server the target is, as far as its limits go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetKind {
    /// Milvus, self-hosted.
    Milvus,
    /// Zilliz Cloud, Free plan.
    ZillizFree,
    /// Zilliz Cloud, Serverless plan.
    ZillizServerless,
    /// Zilliz Cloud, Dedicated plan.
    ZillizDedicated,
}

/// A plan file, resolved for one environment.
#[derive(Debug, Clone)]
pub struct Migration {
    /// The run's name in the ledger.
    pub name: String,
    /// The plan file, as given on the command line.
    pub path: PathBuf,
    /// The environment that was chosen.
    pub environment: Option<String>,
    /// Where the rows come from.
    pub source: Endpoint,
    /// Whether a source collection that is not loaded may be loaded, and released afterwards.
    pub load_source: bool,
    /// Queries of the copy that may run at the source at a time, on average.
    pub max_load: Option<f64>,
    /// Where they go.
    pub target: Endpoint,
    /// What kind of server that is; found out where absent, as far as a server tells.
    pub target_kind: Option<TargetKind>,
    /// Compute units of a dedicated Zilliz Cloud cluster, on which its limits depend.
    pub compute_units: Option<u32>,
    /// What to move.
    pub collections: Vec<CollectionRule>,
    /// How to check.
    pub verify: VerifySettings,
    /// How to copy.
    pub copy: CopySettings,
    /// What the changes have to keep.
    pub policy: Policy,
}
