//! A scratch repository with a plan file for two environments, its servers, and the stand-in.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::recipe::{Variables, bash, read};
use testkit::collection::plain;
use testkit::data;
use testkit::lab::{Kind, server};
use testkit::pb::schema::DataType;
use testkit::probe::Probe;

pub(super) const PLAN_FILE: &str = "ferry/catalog.ferry.toml";
pub(super) const ENVIRONMENTS: [&str; 2] = ["staging", "prod"];
pub(super) const TOKEN: &str = "canary-flow-token";

/// The folder of ledgers in the recipes; that of a test takes its place.
const STATE: &str = "/var/lib/milvus-ferry";

pub(super) struct Scene {
    folder: TempDir,
    pub(super) source: Probe,
    /// By environment.
    pub(super) targets: [Probe; 2],
    uri: String,
}

impl Scene {
    /// One collection at the source, a plan file for it on the main branch, nothing at the targets.
    pub(super) async fn new() -> Self {
        let server = server(Kind::Lite3);
        let source = Probe::of(server).await.in_new_database().await;
        let [staging, prod] = [Probe::of(server).await, Probe::of(server).await];
        let targets = [staging.in_new_database().await, prod.in_new_database().await];
        let folder = tempfile::Builder::new().prefix("milvus-ferry-flow-").tempdir().unwrap();
        let scene = Self { folder, source, targets, uri: server.uri().to_owned() };
        for name in ["repository/ferry", "forge", "bin", "state"] {
            fs::create_dir_all(scene.path(name)).unwrap();
        }
        symlink(testkit::ferry::binary(), scene.path("bin/milvus-ferry")).unwrap();
        let gh = scene.path("bin/gh");
        fs::copy("tests/live/flow/forge.py", &gh).unwrap();
        fs::set_permissions(&gh, fs::Permissions::from_mode(0o755)).unwrap();
        scene.fill("products", 300).await;
        scene.git("init --quiet --initial-branch main");
        scene.write_plan_file(&["products"], "");
        scene.commit("Plan the move of the products");
        scene
    }

    pub(super) async fn fill(&self, name: &str, rows: i64) {
        let collection = plain(name, DataType::Int64);
        let rows = data::table_of(&collection, &data::key_range(0..rows), 7);
        self.source.fill(&collection, &rows).await;
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn repository(&self) -> PathBuf {
        self.path("repository")
    }

    /// A recipe, with the ledgers in a folder of this test.
    pub(super) fn recipe(&self, file: &str) -> Value {
        let text = fs::read_to_string(file).unwrap();
        assert!(text.contains(STATE));
        let here = self.path("recipe.yml");
        fs::write(&here, text.replace(STATE, self.path("state").to_str().unwrap())).unwrap();
        read(here.to_str().unwrap())
    }

    pub(super) fn write_plan_file(&self, collections: &[&str], more: &str) {
        let (uri, from) = (&self.uri, self.source.database());
        let [staging, prod] = self.targets.each_ref().map(Probe::database);
        let mut text = format!(
            r#"version = 1
name = "catalog"

[vars]
database = ""
[env.staging]
database = "{staging}"
[env.prod]
database = "{prod}"

[source]
endpoint = "{uri}"
username = {{ env = "SOURCE_USER" }}
password = {{ env = "SOURCE_PASSWORD" }}

[target]
endpoint = "{uri}"
token = {{ env = "ZILLIZ_TOKEN" }}

[defaults]
source_database = "{from}"
target_database = "{{{{ database }}}}"
{more}
"#
        );
        for name in collections {
            text += &format!("\n[[collections]]\nsource = \"{name}\"\n");
        }
        fs::write(self.repository().join(PLAN_FILE), text).unwrap();
    }

    /// What every command of a runner is given.
    pub(super) fn variables(&self) -> Variables {
        let path = format!("{}:{}", self.path("bin").display(), std::env::var("PATH").unwrap());
        let pairs = [
            ("PATH", path),
            ("FORGE", self.path("forge").display().to_string()),
            ("HOME", self.path("").display().to_string()),
        ];
        pairs.map(|(name, value)| (name.to_owned(), value)).into()
    }

    #[track_caller]
    pub(super) fn git(&self, arguments: &str) -> String {
        let who = "-c user.name=engineer -c user.email=engineer@example.com";
        let command = format!("git {who} {arguments}");
        bash(&self.repository(), &self.variables(), &command)
            .expect_code(0)
            .stdout
            .trim()
            .to_owned()
    }

    pub(super) fn commit(&self, message: &str) {
        self.git("add --all ferry");
        self.git(&format!("commit --quiet --allow-empty --message '{message}'"));
    }

    pub(super) fn head(&self) -> String {
        self.git("rev-parse HEAD")
    }

    /// What the stand-in keeps under this name.
    pub(super) fn kept(&self, name: &str) -> Value {
        let text = fs::read_to_string(self.path("forge").join(name));
        text.map_or(json!([]), |text| serde_json::from_str(&text).unwrap())
    }

    pub(super) fn keep(&self, name: &str, value: &Value) {
        fs::write(self.path("forge").join(name), value.to_string()).unwrap();
    }

    /// The bodies of the comments.
    pub(super) fn comments(&self) -> Vec<String> {
        let comments = self.kept("comments.json");
        let bodies = comments.as_array().unwrap().iter();
        bodies.map(|comment| comment["body"].as_str().unwrap().to_owned()).collect()
    }

    /// No file that any job left anywhere has the token.
    pub(super) fn expect_no_secret(&self) {
        fn search(folder: &Path) {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_symlink() {
                    continue;
                } else if path.is_dir() {
                    search(&path);
                } else {
                    let bytes = fs::read(&path).unwrap();
                    let found = bytes.windows(TOKEN.len()).any(|part| part == TOKEN.as_bytes());
                    assert!(!found, "the token is in {}", path.display());
                }
            }
        }
        search(self.folder.path());
    }
}
