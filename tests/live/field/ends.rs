//! The two endpoints, as the environment or a test names them.

use std::fmt;

use testkit::ferry::Ferry;
use testkit::lab::{self, Kind};
use testkit::pb::milvus;
use testkit::probe::{Probe, refusal};

/// A release: major, minor, patch.
pub(super) type Release = (u32, u32, u32);

/// One endpoint.
pub(super) struct End {
    pub(super) probe: Probe,
    uri: String,
    /// The variable with its token, and the token.
    token: Option<(String, String)>,
    /// What it says that it is.
    told: String,
    pub(super) release: Release,
    pub(super) is_lite: bool,
}

impl End {
    pub(super) async fn of(probe: Probe, uri: &str) -> Self {
        let told = build(&probe).await.unwrap_or_else(|| probe.version().to_owned());
        let release = release_in(&told).unwrap_or_else(|| panic!("{uri}: no release in {told:?}"));
        let is_lite = told.to_lowercase().contains("milvus_lite");
        Self { probe, uri: uri.to_owned(), token: None, told, release, is_lite }
    }

    /// `side` is `SOURCE` or `TARGET`.
    pub(super) async fn of_variables(side: &str) -> Self {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let name = format!("FERRY_TEST_{side}");
        let uri = variable(&name).unwrap_or_else(|| panic!("{name} is not set"));
        if let Some(version) = uri.strip_prefix("lab:") {
            let server = lab::server(match (version, side) {
                ("2.3.5", "SOURCE") => Kind::Milvus235A,
                ("2.3.5", _) => Kind::Milvus235B,
                ("2.2.16", _) => Kind::Milvus2216,
                ("lite-3", _) => Kind::Lite3,
                _ => panic!("{name}: the lab has lab:2.2.16, lab:2.3.5 and lab:lite-3"),
            });
            return Self::of(Probe::of(server).await.in_new_database().await, server.uri()).await;
        }
        let token_name = format!("{name}_TOKEN");
        let token = variable(&token_name);
        let probe = Probe::connect_token(&uri, token.as_deref()).await;
        let database = variable(&format!("{name}_DATABASE")).unwrap_or_default();
        let end = Self::of(probe.in_database(&database), &uri).await;
        Self { token: token.map(|token| (token_name, token)), ..end }
    }

    /// Its part of a plan file, `[source]` or `[target]`.
    pub(super) fn section(&self, side: &str) -> String {
        let token = match &self.token {
            Some((name, _)) => format!("token = {{ env = \"{name}\" }}\n"),
            None => String::new(),
        };
        format!("[{side}]\nendpoint = \"{}\"\n{token}", self.uri)
    }

    /// The database in a plan file.
    pub(super) fn database(&self) -> &str {
        if self.probe.database().is_empty() { "default" } else { self.probe.database() }
    }

    /// A binary that has its token in its environment.
    pub(super) fn lend_token(&self, ferry: Ferry) -> Ferry {
        match &self.token {
            Some((name, token)) => ferry.env(name, token),
            None => ferry,
        }
    }

    /// Every collection of its database, by name.
    pub(super) async fn collections(&self) -> Vec<String> {
        let request = milvus::ShowCollectionsRequest {
            db_name: self.probe.database().to_owned(),
            ..Default::default()
        };
        let answer = self.probe.raw().show_collections(request).await.unwrap().into_inner();
        assert_eq!(refusal(answer.status.as_ref()), None, "{self}");
        let mut names = answer.collection_names;
        names.sort_unstable();
        names
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.uri, self.told)
    }
}

/// What `Connect` says, where it says a release: Zilliz Cloud does nowhere else.
async fn build(probe: &Probe) -> Option<String> {
    let answer = probe.raw().connect(milvus::ConnectRequest::default()).await.ok()?.into_inner();
    answer.server_info.map(|info| info.build_tags).filter(|tags| release_in(tags).is_some())
}

/// The first release in a text; without a patch it is the newest of its line.
pub(super) fn release_in(text: &str) -> Option<Release> {
    text.split(|c: char| !c.is_ascii_digit() && c != '.').find_map(|part| {
        let mut numbers = part.split('.').map(str::parse::<u32>);
        let (major, minor) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
        let patch = numbers.next().map_or(Some(99), Result::ok)?;
        (2..100).contains(&major).then_some((major, minor, patch))
    })
}

#[test]
fn releases_are_found_in_what_servers_say() {
    assert_eq!(release_in("v2.3.5-lite"), Some((2, 3, 5)));
    assert_eq!(release_in("milvus_lite-3.2.2"), Some((3, 2, 2)));
    let zilliz = "Zilliz Cloud Vector Database(Compatible with Milvus 2.6)";
    assert_eq!(release_in(zilliz), Some((2, 6, 99)));
    assert_eq!(release_in("4f0e6a1c-20260601"), None);
}
