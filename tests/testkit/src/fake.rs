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
mod index_rules;
mod indexes;
mod intake;
mod json_path;
mod loading;
mod merged;
mod moments;
mod names;
mod profile;
mod property_rules;
mod query;
mod refused;
mod resources;
mod rows;
mod schema_rules;
mod search;
mod service;
mod shards;
mod state;
mod wkt;
mod words;

use std::any::Any;
use std::sync::{Arc, Mutex};

use super::loopback::Loopback;
use super::probe::Probe;
pub use profile::{Attribute, Feature, Limits, NullScalars, Plan, Profile};
pub use service::Service;
pub use shards::{Landed, shard_of};
pub use state::{Collection, Row, State};

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
    /// Calls that are refused, whatever they say.
    refusals: Mutex<Vec<PlannedRefusal>>,
}

/// A call that is to be refused.
struct PlannedRefusal {
    rpc: &'static str,
    /// Not the first one alone.
    always: bool,
    /// How many of that RPC are let pass before.
    after: usize,
    code: i32,
    reason: String,
}

/// A running double; it ends when it is dropped.
pub struct Fake {
    server: Loopback,
    shared: Arc<Shared>,
}

/// A double without a server of its own, for one that answers some of the calls itself.
#[derive(Clone)]
pub struct Double(Arc<Shared>);

impl Double {
    /// With nothing in it.
    pub fn new(profile: Profile) -> Self {
        let state = Mutex::new(State::new(profile));
        Self(Arc::new(Shared { state, calls: Mutex::default(), refusals: Mutex::default() }))
    }

    /// What answers its calls.
    pub fn service(&self) -> Service {
        Service(Arc::clone(&self.0))
    }

    /// Looks at what it holds or changes it, past all calls.
    pub fn change_state<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.state.lock().unwrap())
    }

    /// The id of a collection that is there, by its name or an alias; the default database is "".
    pub fn collection_id(&self, database: &str, name: &str) -> Option<i64> {
        let database = if database.is_empty() { state::DEFAULT_DATABASE } else { database };
        self.change_state(|state| state.collection(database, name).ok().map(|found| found.id))
    }
}

impl Fake {
    /// Starts the double of a server, with nothing in it.
    pub fn start(profile: Profile) -> Self {
        let double = Double::new(profile);
        let server = Loopback::serve(|| double.service());
        Self { server, shared: double.0 }
    }

    /// What is behind it, to be looked at or changed from elsewhere.
    pub fn double(&self) -> Double {
        Double(Arc::clone(&self.shared))
    }

    /// Where clients connect to.
    pub fn uri(&self) -> String {
        self.server.uri()
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

    /// Refuses one call of an RPC, the first one after so many others, with a code and a reason. It
    /// says that the call may be repeated where the servers' table of codes does.
    pub fn refuse_once(&self, rpc: &'static str, after: usize, code: i32, reason: &str) {
        let reason = reason.to_owned();
        let planned = PlannedRefusal { rpc, always: false, after, code, reason };
        self.shared.refusals.lock().unwrap().push(planned);
    }

    /// Refuses every call of an RPC from now on, with a code and a reason.
    pub fn refuse(&self, rpc: &'static str, code: i32, reason: &str) {
        let reason = reason.to_owned();
        let planned = PlannedRefusal { rpc, always: true, after: 0, code, reason };
        self.shared.refusals.lock().unwrap().push(planned);
    }

    /// Lets one write (`Insert`, `Upsert` or `Delete`), the first one after so many others, land in
    /// some shards only, and refuses it.
    pub fn land_partly(&self, rpc: &'static str, after: usize, landed: Landed) {
        let mut state = self.shared.state.lock().unwrap();
        let separate = state.profile.version < (2, 6, 0);
        assert!(
            separate || landed.rows_alone.is_empty(),
            "a shard has all of an upsert, or nothing"
        );
        state.landings.planned.push(shards::PlannedLanding { rpc, after, landed });
    }

    /// How many writes landed in part so far.
    pub fn partial_writes(&self) -> u32 {
        self.shared.state.lock().unwrap().landings.partly
    }

    /// Refuses nothing more.
    pub fn forget_refusals(&self) {
        self.shared.refusals.lock().unwrap().clear();
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

impl Shared {
    /// The refusal of this call, where one was planned.
    fn planned_refusal(&self, rpc: &str) -> Option<refused::Refused> {
        let mut refusals = self.refusals.lock().unwrap();
        let place = refusals.iter().position(|planned| planned.rpc == rpc)?;
        if refusals[place].after > 0 {
            refusals[place].after -= 1;
            return None;
        }
        let old_code = super::pb::common::ErrorCode::UnexpectedError;
        let PlannedRefusal { code, reason, .. } = &refusals[place];
        let refused = refused::Refused::new(*code, old_code, reason.clone());
        if !refusals[place].always {
            refusals.remove(place);
        }
        Some(refused)
    }
}
