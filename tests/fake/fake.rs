//! A double of Milvus and Zilliz Cloud, in this process, for what no real server in the tests can
//! do: it keeps collections and rows in memory, and refuses whatever a real server of the release
//! that it stands for refuses, in its words.
//!
//! [`Profile`] says which server it stands for, and has switches for what servers differ in. Where
//! the double is wrong about a real server, the real server is right.

mod answer;
mod catalog;
mod create;
mod describe;
mod expression;
mod field_rules;
mod function_rules;
mod functions;
mod indexes;
mod intake;
mod loading;
mod moments;
mod names;
mod profile;
mod query;
mod refused;
mod rows;
mod schema_rules;
mod service;
mod state;
mod wkt;

use std::any::Any;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use super::pb::milvus::milvus_service_server::MilvusServiceServer;
use super::probe::{MESSAGE_LIMIT, Probe};
pub use profile::{Attribute, Feature, Limits, NullScalars, Plan, Profile};
pub use state::{Collection, State};

/// One call, as the double got it.
#[derive(Clone)]
pub struct Call {
    /// The RPC's name, like `Insert`.
    pub rpc: &'static str,
    pub database: String,
    /// Its size on the wire.
    pub bytes: usize,
    request: Arc<dyn Any + Send + Sync>,
}

impl Call {
    /// The request, where it is of this type.
    pub fn request<T: 'static>(&self) -> Option<&T> {
        self.request.downcast_ref()
    }
}

impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} in {} ({} bytes)", self.rpc, self.database, self.bytes)
    }
}

/// What the connections share.
pub struct Shared {
    state: Mutex<State>,
    calls: Mutex<Vec<Call>>,
}

/// A running double; it ends when it is dropped.
pub struct Fake {
    address: SocketAddr,
    shared: Arc<Shared>,
    runtime: Option<tokio::runtime::Runtime>,
}

impl Fake {
    /// Starts the double of a server, with nothing in it.
    pub fn start(profile: Profile) -> Self {
        let state = Mutex::new(State::new(profile));
        let shared = Arc::new(Shared { state, calls: Mutex::default() });
        // A runtime of its own: a test that blocks its thread does not block the double.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let inside = runtime.enter(); // sockets want to know whose they are
        let incoming = tonic::transport::server::TcpIncoming::bind("127.0.0.1:0".parse().unwrap());
        let incoming = incoming.unwrap().with_nodelay(Some(true));
        let address = incoming.local_addr().unwrap();
        let service = MilvusServiceServer::new(service::Service(Arc::clone(&shared)))
            .max_decoding_message_size(MESSAGE_LIMIT)
            .max_encoding_message_size(MESSAGE_LIMIT);
        let front = tonic::transport::Server::builder()
            .initial_stream_window_size(8 << 20)
            .initial_connection_window_size(8 << 20);
        runtime.spawn(front.serve_with_incoming(service, incoming));
        drop(inside);
        Self { address, shared, runtime: Some(runtime) }
    }

    /// Where clients connect to.
    pub fn uri(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A client of it.
    pub async fn probe(&self) -> Probe {
        Probe::connect(&self.uri()).await
    }

    /// Every call so far, in the order of arrival.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.calls.lock().unwrap().clone()
    }

    /// How often an RPC was called so far.
    pub fn count(&self, rpc: &str) -> usize {
        self.calls().iter().filter(|call| call.rpc == rpc).count()
    }

    /// Every request of a type so far, like `InsertRequest`, also those that were refused.
    pub fn requests<T: Clone + 'static>(&self) -> Vec<T> {
        self.calls().iter().filter_map(|call| call.request::<T>().cloned()).collect()
    }

    /// Forgets the calls so far.
    pub fn forget_calls(&self) {
        self.shared.calls.lock().unwrap().clear();
    }

    /// How often a provider of embeddings would have been asked, which costs money.
    pub fn embedding_calls(&self) -> usize {
        self.shared.state.lock().unwrap().embeddings
    }

    /// Changes the server from the next call on.
    pub fn change(&self, change: impl FnOnce(&mut Profile)) {
        change(&mut self.shared.state.lock().unwrap().profile);
    }

    /// Looks at a collection of a database (`default` for the default one) or changes it, past all
    /// rules.
    pub fn with_collection<T>(
        &self,
        database: &str,
        name: &str,
        f: impl FnOnce(&mut Collection) -> T,
    ) -> T {
        let mut state = self.shared.state.lock().unwrap();
        f(state.collection_mut(database, name).unwrap_or_else(|refused| panic!("{refused:?}")))
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background(); // a test may drop it inside its own runtime
        }
    }
}
