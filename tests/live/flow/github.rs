//! The workflow for GitHub Actions.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};

use super::recipe::{GithubJob, Said};
use super::scene::{ENVIRONMENTS, Scene, TOKEN};
use testkit::collection::plain;
use testkit::pb::schema::DataType;

const RECIPE: &str = "examples/ci/github-actions.yml";

/// A pull request, whose runs have numbers.
struct PullRequest<'a> {
    scene: &'a Scene,
    workflow: Value,
    run: u32,
}

impl<'a> PullRequest<'a> {
    fn open(scene: &'a Scene, branch: &str) -> Self {
        scene.git(&format!("switch --quiet --create {branch} main"));
        Self { scene, workflow: scene.recipe(RECIPE), run: 100 }
    }

    /// A job in every environment, as a run on the commit that is checked out.
    fn run_job(&self, name: &str) -> [Said; 2] {
        ENVIRONMENTS.map(|environment| self.run_in(name, environment))
    }

    fn run_in(&self, name: &str, environment: &str) -> Said {
        let expressions = BTreeMap::from([
            ("matrix.environment", environment.to_owned()),
            ("github.token", "github-token".to_owned()),
            ("github.event.pull_request.number", "7".to_owned()),
            ("secrets.SOURCE_USER", "reader".to_owned()),
            ("secrets.SOURCE_PASSWORD", "canary-flow-password".to_owned()),
            ("secrets.ZILLIZ_TOKEN", TOKEN.to_owned()),
        ]);
        let mut variables = self.scene.variables();
        let summary = self.scene.path("summary.md");
        variables.extend([
            ("GITHUB_ACTIONS".to_owned(), "true".to_owned()),
            ("GITHUB_REPOSITORY".to_owned(), "team/catalog".to_owned()),
            ("GITHUB_SHA".to_owned(), self.scene.head()),
            ("GITHUB_STEP_SUMMARY".to_owned(), summary.display().to_string()),
        ]);
        let folder = self.scene.repository();
        let artifacts = self.scene.path(&format!("forge/artifacts/{}", self.run));
        let workflow = &self.workflow;
        GithubJob { workflow, name, expressions, folder: &folder, artifacts, variables }.run()
    }

    /// The jobs of a push to the pull request.
    fn push(&mut self) -> [Said; 2] {
        self.run += 1;
        for said in self.run_job("validate") {
            said.expect_code(0);
        }
        let said = self.run_job("plan");
        let status =
            if said.iter().all(|said| said.code == Some(0)) { "success" } else { "failure" };
        let mut runs = self.scene.kept("runs.json");
        let run = json!({ "id": self.run, "head": self.scene.head(), "status": status });
        runs.as_array_mut().unwrap().push(run);
        self.scene.keep("runs.json", &runs);
        said
    }

    /// Brings it onto the main branch as one new commit, and returns what `apply` did there.
    fn merge(&mut self) -> [Said; 2] {
        let (branch, head) = (self.scene.git("branch --show-current"), self.scene.head());
        self.scene.git("switch --quiet main");
        self.scene.git(&format!("merge --quiet --squash {branch}"));
        self.scene.commit("Merge");
        self.scene.keep("pulls.json", &json!({ (self.scene.head()): head }));
        self.run_job("apply")
    }
}

#[tokio::test]
async fn what_was_reviewed_is_applied_on_the_merge() {
    let scene = Scene::new().await;
    scene.fill("reviews", 200).await;
    let mut request = PullRequest::open(&scene, "reviews");
    scene.write_plan_file(&["products", "reviews"], "");
    scene.commit("Move the reviews too");
    // Somebody else's comment is left alone, whatever it begins with.
    let marker = |environment| format!("<!-- milvus-ferry:plan:catalog:{environment} -->");
    let theirs = json!({ "id": 1, "user": { "login": "guest" }, "body": marker("prod") });
    scene.keep("comments.json", &json!([theirs]));
    for said in request.push() {
        said.expect_code(0);
    }
    let ours = || scene.comments()[1..].to_vec();
    let first = ours();
    assert_eq!(first.len(), 2);
    for (comment, environment) in first.iter().zip(ENVIRONMENTS) {
        let marker = marker(environment);
        assert_eq!(comment.lines().next(), Some(marker.as_str()));
        assert!(comment.contains("2 to create"), "{comment}");
    }
    let summary = fs::read_to_string(scene.path("summary.md")).unwrap();
    assert!(summary.contains("2 to create"), "{summary}");
    for target in &scene.targets {
        assert!(!target.has_collection("products").await, "a plan writes nothing");
    }

    // Another push changes the comments that are there.
    scene.write_plan_file(&["products", "reviews"], "description = \"Reviewed\"");
    scene.commit("Describe them");
    for said in request.push() {
        said.expect_code(0);
    }
    let second = ours();
    assert_eq!(second.len(), 2);
    assert!(second.iter().all(|comment| comment.contains("Reviewed")), "{second:?}");

    for (said, environment) in request.merge().into_iter().zip(ENVIRONMENTS) {
        said.expect_code(0);
        let artifacts = format!("forge/artifacts/{}/report-{environment}/report.json", request.run);
        let report = fs::read_to_string(scene.path(&artifacts)).unwrap();
        let report: Value = serde_json::from_str(&report).unwrap();
        assert_eq!(report["exit_code"], 0);
    }
    for target in &scene.targets {
        assert_eq!(target.count("products", &[]).await, 300);
        assert_eq!(target.count("reviews", &[]).await, 200);
    }
    // "Re-run jobs" on what is done.
    for said in request.run_job("apply") {
        assert!(said.expect_code(0).stdout.contains("Nothing to do."));
    }
    // The next pull request has nothing to change.
    let mut request = PullRequest::open(&scene, "nothing");
    scene.git("commit --quiet --allow-empty --message Nothing");
    for said in request.push() {
        said.expect_code(0);
    }
    let comments = ours();
    assert!(comments.iter().all(|comment| comment.contains("No changes")), "{comments:?}");
    scene.expect_no_secret();
}

#[tokio::test]
async fn what_moved_since_the_review_is_not_applied() {
    let scene = Scene::new().await;
    let mut request = PullRequest::open(&scene, "products");
    scene.git("commit --quiet --allow-empty --message 'Move the products'");
    for said in request.push() {
        said.expect_code(0);
    }
    // Somebody else makes the collection at one target.
    scene.targets[1].create_collection(&plain("products", DataType::Int64)).await;
    let [staging, prod] = request.merge();
    staging.expect_code(0);
    let prod = prod.expect_code(7);
    assert!(prod.stderr.contains("products"), "{}", prod.stderr);
    assert_eq!(scene.targets[0].count("products", &[]).await, 300);
}

#[tokio::test]
async fn what_is_wrong_is_said_in_the_pull_request() {
    let scene = Scene::new().await;
    let mut request = PullRequest::open(&scene, "wrong");
    scene.write_plan_file(&["products"], "shards = \"many\"");
    scene.commit("Shards");
    for said in request.run_job("validate") {
        let said = said.expect_code(3);
        assert!(
            said.stdout.contains("::error file=ferry/catalog.ferry.toml,line="),
            "{}",
            said.stdout
        );
    }
    // Valid, but refused: the comment says why, and nothing can be applied.
    scene.write_plan_file(&["products", "absent"], "");
    scene.commit("Absent");
    for said in request.push() {
        said.expect_code(1);
    }
    let comments = scene.comments();
    assert_eq!(comments.len(), 2);
    assert!(comments.iter().all(|comment| comment.contains("absent")), "{comments:?}");
    for said in request.merge() {
        let said = said.expect_code(1);
        assert!(said.stdout.contains("no successful plan"), "{}\n{}", said.stdout, said.stderr);
    }
    for target in &scene.targets {
        assert!(!target.has_collection("products").await);
    }
}
