//! The recipes for CI: every command in them is run, in their order, between two doubles. What only a
//! CI server has (its command line, and the installation) has a stand-in.

use super::scene::Scene;
use crate::support::collection::plain;
use crate::support::data;
use crate::support::ferry::Ferry;
use crate::support::pb::schema::DataType;

/// Keeps the comments of one pull request in a folder, and finds one by its marker.
const GH: &str = r#"#!/bin/sh
method=GET
while [ $# -gt 0 ]; do
  case $1 in
    --method) method=$2; shift ;;
    -F) body=${2#body=@}; shift ;;
    --jq) shift ;;
    repos/*) path=$1 ;;
  esac
  shift
done
case "$method $path" in
  "GET repos/o/r/issues/7/comments")
    for comment in comments/*; do
      [ -f "$comment" ] && head -n 1 "$comment" | grep -qxF -- "$MARKER" && echo "${comment##*/}"
    done
    true ;;
  "POST repos/o/r/issues/7/comments") cp "$body" "comments/$(ls comments | wc -l)" ;;
  "PATCH repos/o/r/issues/comments/"*) cp "$body" "comments/${path##*/}" ;;
  *) echo "unexpected: $method $path" >&2; exit 1 ;;
esac
"#;

/// Reads the commands out of a recipe: the values of `run`, and the items of `script`.
fn commands(recipe: &str) -> Vec<String> {
    let path = format!("{}/examples/ci/{recipe}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut commands = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let (of, key) = (indent(line), line.trim_start().trim_start_matches("- "));
        if key == "run: |" || key == "script:" || key == "before_script:" {
            let mut block = Vec::new();
            while lines.peek().is_some_and(|next| indent(next) > of || next.is_empty()) {
                block.push(lines.next().unwrap().trim_start());
            }
            if key == "run: |" {
                commands.push(block.join("\n"));
            } else {
                let items = block.iter().filter_map(|line| line.strip_prefix("- "));
                commands.extend(items.map(str::to_owned));
            }
        } else if let Some(command) = key.strip_prefix("run: ") {
            commands.push(command.to_owned());
        }
    }
    commands
}

/// Runs a command of a recipe as a CI server does: with bash, which stops at the first failure.
async fn run(ferry: &Ferry, command: &str, environment: &str) {
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_milvus-ferry")).parent().unwrap();
    let mut bash = std::process::Command::new("bash");
    let path = std::env::var("PATH").unwrap();
    bash.args(["-e", "-c", command]).current_dir(ferry.folder()).envs([
        ("PATH", format!("{}:{}:{path}", ferry.path("bin").display(), binary.display())),
        ("PLAN_FILE", "catalog.ferry.toml".to_owned()),
        ("ENVIRONMENT", environment.to_owned()),
        ("GITHUB_REPOSITORY", "o/r".to_owned()),
        ("PULL_REQUEST", "7".to_owned()),
    ]);
    for name in ["SOURCE_USER", "SOURCE_PASSWORD", "TARGET_TOKEN"] {
        bash.env(name, "anything");
    }
    let output = tokio::task::spawn_blocking(move || bash.output().unwrap()).await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command}\n{said}");
}

/// Between two doubles, with stand-ins and a plan file for two environments.
async fn scene() -> Scene {
    let scene = Scene::between("2.6.5", "2.6.5").await;
    let products = plain("products", DataType::Int64);
    scene.source.fill(&products, &data::table(&products, 100, 1)).await;
    let text = format!(
        "version = 1\nname = \"catalog-{{{{ suffix }}}}\"\n[vars]\nsuffix = \"dev\"\n\
         [env.staging]\nsuffix = \"staging\"\n[env.prod]\nsuffix = \"prod\"\n\
         [source]\nendpoint = \"{}\"\nusername = {{ env = \"SOURCE_USER\" }}\n\
         password = {{ env = \"SOURCE_PASSWORD\" }}\n\
         [target]\nendpoint = \"{}\"\ntoken = {{ env = \"TARGET_TOKEN\" }}\n\
         [[collections]]\nsource = \"products\"\ntarget = \"products_{{{{ suffix }}}}\"\n",
        scene.from.uri(),
        scene.to.uri()
    );
    scene.ferry.write("catalog.ferry.toml", &text);
    std::fs::create_dir(scene.ferry.path("comments")).unwrap();
    for (name, script) in [("gh", GH), ("cargo", "#!/bin/sh\n[ \"$1\" = install ]\n")] {
        use std::os::unix::fs::PermissionsExt;
        let name = format!("bin/{name}");
        scene.ferry.write(&name, script);
        let executable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(scene.ferry.path(&name), executable).unwrap();
    }
    scene
}

#[tokio::test]
async fn github_actions() {
    let scene = scene().await;
    let commands = commands("github-actions.yml");
    let is_apply = |command: &&String| command.contains(" apply ");
    assert_eq!((commands.len(), commands.iter().filter(is_apply).count()), (6, 1), "{commands:#?}");
    for environment in ["staging", "prod"] {
        for command in commands.iter().filter(|command| !is_apply(command)) {
            run(&scene.ferry, command, environment).await;
        }
        assert!(!scene.target.has_collection(&format!("products_{environment}")).await);
        for command in commands.iter().filter(is_apply) {
            run(&scene.ferry, command, environment).await;
        }
        assert!(scene.target.has_collection(&format!("products_{environment}")).await);
    }
    // Each environment has one comment, and the next plan takes its place.
    let comments = || {
        ["comments/0", "comments/1"]
            .map(|name| scene.ferry.read(name).lines().next().unwrap().to_owned())
    };
    let markers =
        ["staging", "prod"].map(|name| format!("<!-- milvus-ferry:plan:catalog-{name}:{name} -->"));
    assert_eq!(comments(), markers);
    let before = scene.ferry.read("comments/0");
    for command in commands.iter().filter(|command| !is_apply(command)) {
        run(&scene.ferry, command, "staging").await;
    }
    assert_eq!(comments(), markers);
    assert_eq!(std::fs::read_dir(scene.ferry.path("comments")).unwrap().count(), 2);
    assert_ne!(scene.ferry.read("comments/0"), before, "it says that there is nothing to do");
}

#[tokio::test]
async fn gitlab_ci() {
    let scene = scene().await;
    let commands = commands("gitlab-ci.yml");
    assert_eq!(commands.len(), 5, "{commands:#?}");
    for environment in ["staging", "prod"] {
        for command in &commands {
            run(&scene.ferry, command, environment).await;
        }
        assert!(scene.target.has_collection(&format!("products_{environment}")).await);
        assert!(scene.ferry.path(&format!("changes-{environment}.md")).exists());
    }
}
