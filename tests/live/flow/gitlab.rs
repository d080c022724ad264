//! The pipeline for GitLab.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use super::recipe::{Said, Variables, gitlab_job};
use super::scene::{ENVIRONMENTS, Scene, TOKEN};

const RECIPE: &str = "examples/ci/gitlab-ci.yml";

/// The stand-in for GitLab's API, which ends with the value.
struct Api {
    process: Child,
    port: u16,
}

impl Api {
    fn start(scene: &Scene) -> Self {
        let port_file: PathBuf = scene.path("port");
        let process = Command::new("python3")
            .args(["tests/live/flow/forge.py", "serve", port_file.to_str().unwrap()])
            .env("FORGE", scene.path("forge"))
            .spawn()
            .unwrap();
        let mut api = Self { process, port: 0 };
        let patience = Instant::now() + Duration::from_secs(30);
        while !port_file.exists() {
            assert!(Instant::now() < patience, "the stand-in does not start");
            assert!(api.process.try_wait().unwrap().is_none(), "the stand-in ended");
            std::thread::sleep(Duration::from_millis(10));
        }
        api.port = fs::read_to_string(port_file).unwrap().parse().unwrap();
        api
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test]
async fn what_was_planned_is_applied_on_the_main_branch() {
    let scene = Scene::new().await;
    let api = Api::start(&scene);
    let recipe = scene.recipe(RECIPE);
    let run = |job: &str, on_request: bool| -> [Said; 2] {
        ENVIRONMENTS.map(|environment| {
            let mut variables: Variables = scene.variables();
            let given = [
                ("ENVIRONMENT", environment.to_owned()),
                ("CI_API_V4_URL", format!("http://127.0.0.1:{}/api/v4", api.port)),
                ("CI_PROJECT_ID", "11".to_owned()),
                ("CI_MERGE_REQUEST_IID", if on_request { "7" } else { "" }.to_owned()),
                ("GITLAB_TOKEN", "forge-token".to_owned()),
                ("SOURCE_USER", "reader".to_owned()),
                ("SOURCE_PASSWORD", "canary-flow-password".to_owned()),
                ("ZILLIZ_TOKEN", TOKEN.to_owned()),
            ];
            variables.extend(given.map(|(name, value)| (name.to_owned(), value)));
            gitlab_job(&recipe, job, &scene.repository(), &variables)
        })
    };
    // Twice: the notes of the first time are changed by the second.
    for _ in 0..2 {
        for said in run("validate", true).into_iter().chain(run("plan", true)) {
            said.expect_code(0);
        }
        let notes = scene.comments();
        assert_eq!(notes.len(), 2);
        assert!(notes.iter().all(|note| note.contains("1 to create")), "{notes:?}");
    }
    for said in run("plan", false) {
        said.expect_code(0);
    }
    for said in run("apply", false) {
        let said = said.expect_code(0);
        assert!(said.stdout.contains("1 to create"), "what was planned is shown: {}", said.stdout);
    }
    for target in &scene.targets {
        assert_eq!(target.count("products", &[]).await, 300);
    }
    for said in run("apply", false) {
        assert!(said.expect_code(0).stdout.contains("Nothing to do."));
    }
    assert_eq!(scene.comments().len(), 2, "the main branch has no notes");
    scene.expect_no_secret();
}
