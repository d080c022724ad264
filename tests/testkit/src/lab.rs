//! Real Milvus servers, started on first use and gone when the test run is gone.

mod run;

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use run::Lab;
pub use run::Lease;

/// The servers that all tests of a run share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Milvus 2.3.5, by habit the source.
    Milvus235A,
    /// Another Milvus 2.3.5, by habit the target.
    Milvus235B,
    /// Milvus 2.2.16.
    Milvus2216,
    /// Milvus Lite 3.2.2.
    Lite3,
    /// Milvus Lite 2.5.1: the core of Milvus 2.5, without databases, partitions and aliases.
    Lite25,
}

impl Kind {
    pub const ALL: [Self; 5] =
        [Self::Milvus235A, Self::Milvus235B, Self::Milvus2216, Self::Lite3, Self::Lite25];

    fn name(self) -> &'static str {
        match self {
            Self::Milvus235A => "milvus-235-a",
            Self::Milvus235B => "milvus-235-b",
            Self::Milvus2216 => "milvus-2216",
            Self::Lite3 => "lite-3",
            Self::Lite25 => "lite-25",
        }
    }

    fn spec(self) -> Spec {
        match self {
            Self::Milvus235A | Self::Milvus235B => Spec::milvus_235().shared(),
            Self::Milvus2216 => Spec::milvus_2216().shared(),
            Self::Lite3 => Spec::lite3(),
            Self::Lite25 => Spec::lite25(),
        }
    }
}

/// How to start a server.
#[derive(Debug, Clone, Default)]
pub struct Spec {
    pub version: &'static str,
    /// Authentication: user `root`, password `Milvus`.
    pub auth: bool,
    /// 0: none, 1: the server has a certificate, 2: the client has to have one too.
    pub tls: u8,
    /// The rate limit of inserts and deletes, in MB/s.
    pub insert_mb: Option<f64>,
    /// The rate limit of queries, a second.
    pub query_qps: Option<f64>,
    /// Dotted keys of milvus.yaml and their values as YAML.
    pub settings: BTreeMap<String, String>,
}

impl Spec {
    pub fn milvus_235() -> Self {
        Self { version: "2.3.5", ..Self::default() }
    }

    pub fn milvus_2216() -> Self {
        Self { version: "2.2.16", ..Self::default() }
    }

    pub fn lite3() -> Self {
        Self { version: "lite3", ..Self::default() }
    }

    pub fn lite25() -> Self {
        Self { version: "lite25", ..Self::default() }
    }

    pub fn with_auth(mut self) -> Self {
        self.auth = true;
        self
    }

    pub fn with_tls(mut self, mode: u8) -> Self {
        self.tls = mode;
        self
    }

    pub fn with_insert_mb(mut self, rate: f64) -> Self {
        self.insert_mb = Some(rate);
        self
    }

    pub fn with_query_qps(mut self, rate: f64) -> Self {
        self.query_qps = Some(rate);
        self
    }

    /// For many tests side by side: room for the databases of each (64 is the default), and coordinators
    /// that look every 0.1 s for what there is to do, where they wait up to a second by default. A load
    /// takes 2 s then instead of 3.3, a release 0.2 instead of 0.8, a read with consistency Strong half
    /// as long (measured on 2.3.5). A server that a test starts for itself is as it is by default.
    fn shared(self) -> Self {
        let often = [
            "datanode.timetick.interval",
            "indexCoord.scheduler.interval",
            "proxy.timeTickInterval",
            "queryCoord.checkChannelInterval",
            "queryCoord.checkInterval",
            "queryCoord.checkSegmentInterval",
            "queryCoord.distPullInterval",
        ];
        let roomy = self.with("rootCoord.maxDatabaseNum", "1000");
        let spec = roomy.with("queryCoord.leaderViewUpdateInterval", "1");
        often.into_iter().fold(spec, |spec, key| spec.with(key, "100"))
    }

    /// Sets a dotted key of milvus.yaml.
    pub fn with(mut self, key: &str, value: &str) -> Self {
        self.settings.insert(key.to_owned(), value.to_owned());
        self
    }

    fn to_json(&self) -> Value {
        json!({
            "version": self.version,
            "auth": self.auth,
            "tls": self.tls,
            "insert_mb": self.insert_mb,
            "query_qps": self.query_qps,
            "settings": self.settings,
        })
    }
}

/// The files for a client of a server with TLS.
#[derive(Debug, Clone)]
pub struct Certificates {
    pub ca: PathBuf,
    pub client: PathBuf,
    pub client_key: PathBuf,
}

/// A server that runs, or ran.
#[derive(Debug, Clone)]
pub struct Server {
    pub name: String,
    pub version: String,
    pub folder: PathBuf,
    pub auth: bool,
    pub certificates: Option<Certificates>,
    uri: String,
    port: u16,
    ports: Vec<u16>,
    pid: u32,
}

impl Server {
    fn from_json(value: &Value) -> Self {
        let text = |key: &str| value[key].as_str().unwrap().to_owned();
        let port = |value: &Value| u16::try_from(value.as_u64().unwrap()).unwrap();
        let certs = &value["certs"];
        let path = |key: &str| PathBuf::from(certs[key].as_str().unwrap());
        Self {
            name: text("name"),
            version: text("version"),
            folder: text("dir").into(),
            auth: value["auth"].as_bool().unwrap(),
            certificates: certs.is_object().then(|| Certificates {
                ca: path("ca"),
                client: path("client"),
                client_key: path("client_key"),
            }),
            uri: text("uri"),
            port: port(&value["port"]),
            ports: value["ports"].as_array().unwrap().iter().map(port).collect(),
            pid: u32::try_from(value["pid"].as_u64().unwrap()).unwrap(),
        }
    }

    /// `http://127.0.0.1:PORT`, or `https://localhost:PORT` with TLS.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// The port of the gRPC service.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Every port that the server listens on.
    pub fn ports(&self) -> &[u16] {
        &self.ports
    }

    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether other tests use it too.
    pub fn is_shared(&self) -> bool {
        Kind::ALL.iter().any(|kind| kind.name() == self.name)
    }

    pub fn is_2216(&self) -> bool {
        self.version == "2.2.16"
    }

    pub fn is_lite(&self) -> bool {
        self.version.starts_with("lite")
    }
}

/// Whether somebody listens on the port.
pub fn listens(port: u16) -> bool {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    TcpStream::connect_timeout(&address, Duration::from_secs(5)).is_ok()
}

/// The shared server of a kind, started if nobody asked for it before.
pub fn server(kind: Kind) -> &'static Server {
    static SHARED: [OnceLock<Server>; 5] = [const { OnceLock::new() }; 5];
    SHARED[kind as usize].get_or_init(|| {
        Lab::shared()
            .ask(json!({"cmd": "share", "name": kind.name(), "spec": kind.spec().to_json()}))
    })
}

/// Several shared servers, started side by side.
pub fn servers<const N: usize>(kinds: [Kind; N]) -> [&'static Server; N] {
    std::thread::scope(|scope| {
        kinds.map(|kind| scope.spawn(move || server(kind))).map(|thread| thread.join().unwrap())
    })
}

/// A name that no other test uses, neither in this process nor in one that runs beside it.
pub fn unique_name(prefix: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("{prefix}_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Starts a server for one test; it ends, and its data goes, when the value is dropped.
pub fn private(spec: &Spec) -> PrivateServer {
    let name = unique_name("private");
    let server = Lab::shared().ask(json!({"cmd": "start", "name": name, "spec": spec.to_json()}));
    PrivateServer { server }
}

/// A server of one test.
#[derive(Debug)]
pub struct PrivateServer {
    server: Server,
}

impl std::ops::Deref for PrivateServer {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

impl PrivateServer {
    /// `kill -9`; the data stays.
    pub fn kill(&mut self) {
        self.command("kill");
    }

    /// A clean stop; the data stays.
    pub fn stop(&mut self) {
        self.command("stop");
    }

    /// Starts it again on the same ports after `kill` or `stop`.
    ///
    /// After a kill, loading and changes of schema can fail for up to 45 more seconds on 2.3.5.
    pub fn start(&mut self) {
        self.command("start");
    }

    fn command(&mut self, command: &str) {
        self.server = Lab::shared().ask(json!({"cmd": command, "name": self.server.name}));
    }
}

impl Drop for PrivateServer {
    fn drop(&mut self) {
        let _ = Lab::shared().try_ask(json!({"cmd": "remove", "name": self.server.name}));
    }
}
