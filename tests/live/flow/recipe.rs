//! Runs jobs of a recipe as its runner would: commands in order, with their variables, in a folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use testkit::patience::finish;

pub(super) type Variables = BTreeMap<String, String>;

/// What a command said.
pub(super) struct Said {
    pub(super) code: Option<i32>,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Said {
    fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Self {
            code: output.status.code(),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }

    #[track_caller]
    pub(super) fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.stdout, self.stderr);
        self
    }
}

/// A recipe, as YAML.
pub(super) fn read(path: &str) -> Value {
    serde_saphyr::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// A script in bash, that stops at its first failure, with these variables and few others.
pub(super) fn bash(folder: &Path, variables: &Variables, script: &str) -> Said {
    let output = finish(
        Command::new("bash")
            .args(["--noprofile", "--norc", "-eo", "pipefail", "-c", script])
            .current_dir(folder)
            .env_clear()
            .envs(variables),
    );
    Said::of(&output)
}

/// One job of the workflow of GitHub Actions.
pub(super) struct GithubJob<'a> {
    pub(super) workflow: &'a Value,
    pub(super) name: &'a str,
    /// What is between `${{` and `}}`, and its value.
    pub(super) expressions: BTreeMap<&'a str, String>,
    /// Where the repository is checked out.
    pub(super) folder: &'a Path,
    /// Where the artifacts of this run are.
    pub(super) artifacts: PathBuf,
    /// What a runner gives to each command.
    pub(super) variables: Variables,
}

impl GithubJob<'_> {
    /// Runs it, and returns the first command that failed, or else the last, with all that was said.
    pub(super) fn run(&self) -> Said {
        let job = &self.workflow["jobs"][self.name];
        assert_eq!(self.workflow["defaults"]["run"]["shell"], "bash");
        let mut all = Said { code: Some(0), stdout: String::new(), stderr: String::new() };
        for step in job["steps"].as_array().unwrap() {
            let always = match step["if"].as_str() {
                None => false,
                Some("${{ !cancelled() }}") => true,
                Some(other) => panic!("a condition that is not known here: {other}"),
            };
            if all.code != Some(0) && !always {
                continue;
            }
            let code = match step["uses"].as_str() {
                Some("actions/checkout@v4") => Some(0),
                Some("actions/upload-artifact@v4") => Some(self.upload(&step["with"])),
                Some(other) => panic!("an action that is not known here: {other}"),
                None => {
                    let mut variables = self.variables.clone();
                    for from in [&self.workflow["env"], &job["env"], &step["env"]] {
                        variables.extend(self.variables_of(from));
                    }
                    let said = bash(self.folder, &variables, &self.filled(&step["run"]));
                    all.stdout += &said.stdout;
                    all.stderr += &said.stderr;
                    said.code
                }
            };
            if all.code == Some(0) {
                all.code = code;
            }
        }
        all
    }

    fn upload(&self, with: &Value) -> i32 {
        let (name, path) = (self.filled(&with["name"]), self.filled(&with["path"]));
        let file = self.folder.join(&path);
        if !file.exists() {
            return i32::from(with["if-no-files-found"] == "error");
        }
        let folder = self.artifacts.join(name);
        fs::create_dir_all(&folder).unwrap();
        fs::copy(file, folder.join(path)).unwrap();
        0
    }

    fn variables_of(&self, env: &Value) -> Variables {
        let pairs = env.as_object().into_iter().flatten();
        pairs.map(|(name, value)| (name.clone(), self.filled(value))).collect()
    }

    /// A text with the values of its expressions.
    fn filled(&self, text: &Value) -> String {
        let mut rest = text.as_str().unwrap();
        let mut filled = String::new();
        while let Some((before, after)) = rest.split_once("${{") {
            let (expression, after) = after.split_once("}}").unwrap();
            let value = self.expressions.get(expression.trim());
            filled += before;
            filled += value.unwrap_or_else(|| panic!("no value for {expression}"));
            rest = after;
        }
        filled + rest
    }
}

/// One job of the pipeline of GitLab: its commands, and those that follow even where one failed.
pub(super) fn gitlab_job(pipeline: &Value, name: &str, folder: &Path, given: &Variables) -> Said {
    let job = &pipeline[name];
    let lines = |value: &Value| -> String {
        let lines = value.as_array().into_iter().flatten();
        lines.map(|line| format!("{}\n", line.as_str().unwrap())).collect()
    };
    let mut variables = given.clone();
    for (name, value) in pipeline["variables"].as_object().into_iter().flatten() {
        variables.insert(name.clone(), value.as_str().unwrap().to_owned());
    }
    let mut said = bash(folder, &variables, &lines(&job["script"]));
    let after = lines(&job["after_script"]);
    if !after.is_empty() {
        let after = bash(folder, &variables, &after).expect_code(0);
        said.stdout += &after.stdout;
        said.stderr += &after.stderr;
    }
    said
}
