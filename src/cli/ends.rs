//! Connecting to both ends, with credentials from the environment.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio_util::sync::CancellationToken;

use crate::apply::{CATCH_UP, REPAIR, TAKE_BACK};
use crate::changes::Known;
use crate::ledger::{self, Ledger, MARK, MoveId, MoveState, StepState};
use crate::milvus::{
    self, Client, Connection, Login, PaceLimits, Proxy, ProxySettings, RetryPolicy, TlsFiles,
};
use crate::model::{Credentials, Endpoint, EnvName, Migration, RowSettings};
use crate::secret::Secret;
use crate::{env, exit};

/// Why a command cannot go on, and the exit code that follows.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) text: String,
    pub(super) code: u8,
}

impl Problem {
    pub(super) fn new(code: u8, text: impl Into<String>) -> Self {
        Self { text: text.into(), code }
    }
}

impl From<milvus::Error> for Problem {
    fn from(error: milvus::Error) -> Self {
        let code = match error.kind {
            milvus::Kind::Cancelled => exit::INTERRUPTED,
            _ if error.is_access() => exit::CANNOT_CONNECT,
            _ => exit::FAILED,
        };
        Self::new(code, format!("{error}\n  {}", error.advice()))
    }
}

impl From<ledger::Error> for Problem {
    fn from(error: ledger::Error) -> Self {
        let code = match error {
            ledger::Error::Locked { .. } => exit::LOCKED,
            _ => exit::FAILED,
        };
        let mut text = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(below) = cause {
            text = format!("{text}: {below}");
            cause = below.source();
        }
        Self::new(code, text)
    }
}

/// Both servers.
pub(super) struct Ends {
    pub(super) source: Client,
    pub(super) target: Client,
}

/// As many calls at a time as the plan file lets.
fn calls(migration: &Migration) -> PaceLimits {
    let calls = u32::try_from(migration.copy.parallelism).unwrap_or(u32::MAX);
    PaceLimits { calls, load: None, rate: None }
}

impl Ends {
    /// Bounds the rate of writes by the plan file, and by the target's quota where it is known: what
    /// is over it is refused, and has to be sent once more.
    pub(super) fn bound_writes(&mut self, migration: &Migration, quota: Option<u64>) {
        // The quota counts whole requests, which are a little more than the rows in them.
        let quota = quota.map(|quota| quota / 20 * 19);
        let wanted = migration.copy.max_write_rate.map(|rate| rate.0);
        let rate = [wanted, quota].into_iter().flatten().min();
        let free = calls(migration);
        self.target = self.target.clone().paced(free, PaceLimits { rate, ..free });
    }
}

/// Connects to one end, of which no plan file tells yet.
pub(super) async fn connect_to(
    endpoint: &Endpoint,
    connections: usize,
    retry_for: Duration,
    stop: &CancellationToken,
) -> Result<Client, Problem> {
    let (mut missing, mut unreadable) = (Vec::new(), Vec::new());
    let connection = connection(("source", endpoint), connections, &mut missing, &mut unreadable);
    if !unreadable.is_empty() {
        return Err(Problem::new(exit::FAILED, unreadable.join("\n")));
    }
    if !missing.is_empty() {
        let text = format!(
            "credentials are missing: {}\n  set these environment variables first",
            missing.join(", ")
        );
        return Err(Problem::new(exit::CANNOT_CONNECT, text));
    }
    let policy = RetryPolicy::new(retry_for, seed());
    let connected = Client::connect(&connection, policy, stop.clone()).await;
    connected.map_err(|error| {
        let port = of_port(endpoint, &error);
        let problem = Problem::from(error);
        Problem { text: format!("{}{port}", problem.text), ..problem }
    })
}

/// Says which port was taken, where whoever wrote the address left it out and nobody is there.
fn of_port(endpoint: &Endpoint, error: &milvus::Error) -> String {
    use milvus::Kind::{NotGrpc, Timeout, Tls, Unavailable};
    match endpoint.assumed_port {
        Some(port) if matches!(error.kind, Unavailable | Timeout | Tls | NotGrpc) => {
            format!("\n  the endpoint names no port, so {port} was assumed")
        }
        _ => String::new(),
    }
}

fn seed() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    u64::from(now.map_or(1, |now| now.subsec_nanos()))
}

/// Connects to both ends. Everything that is missing, or wrong with either, is said at once.
pub(super) async fn connect(
    migration: &Migration,
    retry_for: Duration,
    stop: &CancellationToken,
) -> Result<Ends, Problem> {
    let mut missing = Vec::new();
    let mut unreadable = Vec::new();
    let connections = migration.copy.parallelism;
    let source =
        connection(("source", &migration.source), connections, &mut missing, &mut unreadable);
    let target =
        connection(("target", &migration.target), connections, &mut missing, &mut unreadable);
    if !unreadable.is_empty() {
        return Err(Problem::new(exit::PLAN_FILE_INVALID, unreadable.join("\n")));
    }
    if !missing.is_empty() {
        missing.sort();
        missing.dedup();
        let names = missing.join(", ");
        return Err(Problem::new(
            exit::CANNOT_CONNECT,
            format!(
                "credentials are missing: {names}\n  set these environment variables; the plan \
                 file names them"
            ),
        ));
    }
    let seed = seed();
    let policy = |salt: u64| RetryPolicy::new(retry_for, seed ^ salt);
    let (source, target) = tokio::join!(
        Client::connect(&source, policy(0x9e37), stop.clone()),
        Client::connect(&target, policy(0x79b9), stop.clone()),
    );
    match (source, target) {
        (Ok(source), Ok(target)) => {
            let free = calls(migration);
            let reads = PaceLimits {
                load: migration.max_load,
                rate: migration.copy.max_read_rate.map(|rate| rate.0),
                ..free
            };
            Ok(Ends { source: source.paced(reads, free), target: target.paced(free, free) })
        }
        (source, target) => {
            let ends = [
                ("source", &migration.source, source.err()),
                ("target", &migration.target, target.err()),
            ];
            let problems: Vec<Problem> = ends
                .into_iter()
                .filter_map(|(end, endpoint, error)| Some(refused(end, endpoint, error?)))
                .collect();
            let code = problems.first().map_or(exit::FAILED, |problem| problem.code);
            let texts: Vec<String> = problems.into_iter().map(|problem| problem.text).collect();
            Err(Problem::new(code, texts.join("\n")))
        }
    }
}

fn connection(
    (end, endpoint): (&str, &Endpoint),
    connections: usize,
    missing: &mut Vec<String>,
    unreadable: &mut Vec<String>,
) -> Connection {
    let mut places = endpoint.login_places.iter();
    let mut secret = |name: &EnvName| {
        let place = places.next();
        Secret::new(env::value(&name.0).unwrap_or_else(|| {
            missing.push(match place {
                Some(place) => format!("{} ({end}, {place})", name.0),
                None => name.0.clone(),
            });
            String::new()
        }))
    };
    let login = match &endpoint.credentials {
        Credentials::None => None,
        Credentials::UserPassword { username, password } => {
            Some(Login::UserPassword(secret(username), secret(password)))
        }
        Credentials::Token(token) => Some(Login::Token(secret(token))),
    };
    let mut read = |path: &Path| {
        std::fs::read(path).unwrap_or_else(|cause| {
            unreadable.push(format!("cannot read the TLS file {}: {cause}", path.display()));
            Vec::new()
        })
    };
    let tls = TlsFiles {
        ca: endpoint.tls.ca_file.as_deref().map(&mut read),
        identity: match (&endpoint.tls.client_cert_file, &endpoint.tls.client_key_file) {
            (Some(certificate), Some(key)) => Some((read(certificate), read(key))),
            _ => None,
        },
        server_name: endpoint.tls.server_name.clone(),
    };
    let role = Some((end.to_owned(), endpoint.place.clone()));
    Connection { uri: endpoint.uri.clone(), login, tls, connections, proxies: proxies(), role }
}

/// Why an end cannot be used: which, where the plan file names it, and what to do.
fn refused(end: &str, endpoint: &Endpoint, error: milvus::Error) -> Problem {
    let variables = match &endpoint.credentials {
        Credentials::None => Vec::new(),
        Credentials::UserPassword { username, password } => vec![username, password],
        Credentials::Token(token) => vec![token],
    };
    let named: Vec<String> = variables.iter().map(|name| format!("`{name}`")).collect();
    let advice = match error.kind {
        milvus::Kind::Unauthenticated if !error.is_of_front() && !error.has_help() => {
            format!("check the variables {}, which [{end}] names", named.join(" and "))
        }
        milvus::Kind::LoginMissing => format!(
            "add `username` and `password`, or `token`, to [{end}], each with the name of a \
             variable: `token = {{ env = \"NAME\" }}`"
        ),
        _ => error.advice().to_owned(),
    };
    let text = format!("{end}: {error}\n  {advice}{}", of_port(endpoint, &error));
    Problem { text, ..Problem::from(error) }
}

/// What the environment says of proxies.
fn proxies() -> ProxySettings {
    let except = env::first(&env::NO_PROXY).map(|(_, value)| value);
    ProxySettings { proxy: env::first(&env::PROXY), except }
}

/// The proxies through which the ends are reached, one a line.
pub(super) fn routes(migration: &Migration) -> Vec<String> {
    let route = |(end, endpoint): (&str, &Endpoint)| {
        let proxy = Proxy::to(&endpoint.uri, &proxies()).ok()??;
        Some(format!("{end}: {} through the proxy {proxy}", endpoint.uri))
    };
    [("source", &migration.source), ("target", &migration.target)]
        .into_iter()
        .filter_map(route)
        .collect()
}

/// What the ledger knows of every target collection at this target.
pub(super) struct KnownTargets(Vec<KnownTarget>);

struct KnownTarget {
    database: String,
    collection: String,
    of_move: Option<MoveId>,
    known: Known,
}

impl KnownTargets {
    /// Reads it all at once, so that looking up cannot fail.
    pub(super) fn read(ledger: &Ledger, ends: &Ends) -> Result<Self, Problem> {
        let mut known = Vec::new();
        let owner = ledger.owner()?;
        for record in ledger.moves()? {
            if record.state == MoveState::Superseded
                || record.ends.target_endpoint != ends.target.uri()
            {
                continue;
            }
            let totals = ledger.totals(record.id)?;
            let steps = ledger.steps(record.id)?;
            let settings: RowSettings =
                serde_json::from_str(&record.settings).map_err(|error| {
                    Problem::new(
                        exit::FAILED,
                        format!("the ledger {} cannot be used: {error}", ledger.path().display()),
                    )
                })?;
            let source =
                format!("{}/{}", record.ends.source_database, record.ends.source_collection);
            let source_address = if record.ends.source_endpoint == ends.source.uri() {
                source
            } else {
                format!("{source} at {}", record.ends.source_endpoint)
            };
            known.push(KnownTarget {
                database: record.ends.target_database,
                collection: record.ends.target_collection,
                of_move: Some(record.id),
                known: Known {
                    wanted: record.wanted,
                    created: record.created,
                    settings,
                    target_id: record.target_collection_id,
                    source_id: record.source_collection_id,
                    finished: record.state == MoveState::Done,
                    adopted: record.adopted,
                    to_repair: steps.get(REPAIR) == Some(&StepState::Started),
                    to_take_back: steps.get(TAKE_BACK) == Some(&StepState::Started),
                    half_caught_up: steps.get(CATCH_UP) == Some(&StepState::Started),
                    owner: owner.clone(),
                    marked: steps.get(MARK) == Some(&StepState::Done),
                    rows: totals.rows,
                    chunks_done: totals.chunks_done,
                    chunks_open: totals.chunks_open,
                    source_address,
                },
            });
        }
        Ok(Self(known))
    }

    /// Nothing is known.
    pub(super) fn none() -> Self {
        Self(Vec::new())
    }

    /// What is known of a target collection: the newest move onto it.
    pub(super) fn find(&self, database: &str, collection: &str) -> Option<Known> {
        self.newest(database, collection).map(|target| target.known.clone())
    }

    /// The newest move onto a target collection, in the ledger.
    pub(super) fn find_move(&self, database: &str, collection: &str) -> Option<MoveId> {
        self.newest(database, collection)?.of_move
    }

    /// The same without the moves, for a ledger that is closed again.
    pub(super) fn without_moves(mut self) -> Self {
        self.0.iter_mut().for_each(|target| target.of_move = None);
        self
    }

    fn newest(&self, database: &str, collection: &str) -> Option<&KnownTarget> {
        let is_it =
            |target: &&KnownTarget| target.database == database && target.collection == collection;
        self.0.iter().rev().find(is_it)
    }
}
