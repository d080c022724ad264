//! The questions of `init --interactive`: a line each, with a default where there is one.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use super::super::ends::Problem;
use super::super::output;
use super::options::{Wishes, is_variable};
use crate::milvus::Client;
use crate::model::quantity::counted;
use crate::model::{Credentials, Endpoint, EnvName, Tls};
use crate::report::text::escape;
use crate::{exit, planfile};

/// Where the plan file goes unless another name is given.
const FILE: &str = "migration.ferry.toml";

/// Refuses where nobody can answer.
pub(super) fn needs_terminal() -> Result<(), Problem> {
    if std::io::stdin().is_terminal() && std::io::stderr().is_terminal() {
        return Ok(());
    }
    let text = "there is no terminal to ask on\n  without --interactive, options say it all: --from \
                URI, --to URI, --token-env NAME, --to-token-env NAME, --database NAME, --only GLOB, \
                --out FILE";
    Err(Problem::new(exit::WRONG_USAGE, text))
}

/// Asks where the source is.
pub(super) async fn source() -> Result<Endpoint, Problem> {
    let uri = answer("Source [http://localhost:19530]: ", |line| {
        let line = if line.is_empty() { "http://localhost:19530" } else { line };
        planfile::server_uri(line)
    });
    let (uri, assumed_port) = uri.await?;
    let credentials = login(&uri, "source", "SOURCE").await?;
    Ok(asked_for(uri, assumed_port, credentials))
}

fn asked_for(uri: String, assumed_port: Option<u16>, credentials: Credentials) -> Endpoint {
    let (tls, place, login_places) = (Tls::default(), String::new(), Vec::new());
    Endpoint { uri, assumed_port, credentials, tls, place, login_places }
}

/// Asks for all else, having shown what there is. Returns the databases to look into.
pub(super) async fn rest(
    source: &Client,
    databases: Vec<String>,
    wishes: &mut Wishes,
) -> Result<Vec<String>, Problem> {
    output::message(&format!("\n{} · {}\n", source.uri(), source.version()));
    let databases = match databases.as_slice() {
        [_] => databases,
        _ if !wishes.databases.is_empty() => databases,
        _ => {
            output::message(&format!("Its databases: {}\n", databases.join(", ")));
            let chosen = answer("Which of them, separated by spaces [all]: ", |line| {
                let chosen: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
                match chosen.iter().find(|name| !databases.contains(name)) {
                    None if chosen.is_empty() => Ok(databases.clone()),
                    None => {
                        Ok(databases.iter().filter(|of| chosen.contains(of)).cloned().collect())
                    }
                    Some(name) => Err(format!("there is no database {name:?}")),
                }
            });
            chosen.await?
        }
    };
    if wishes.only.is_empty() && wishes.exclude.is_empty() {
        list_collections(source, &databases).await;
        let only = answer("Collections, as names or globs such as prod_* [all]: ", |line| {
            let globs: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            globs.into_iter().map(|text| super::super::glob(&text)).collect()
        });
        wishes.only = only.await?;
    }
    if wishes.target.is_none() {
        let uri = answer("\nTarget, empty to write it into the file later: ", |line| match line {
            "" => Ok(None),
            line => planfile::server_uri(line).map(Some),
        });
        if let Some((uri, assumed_port)) = uri.await? {
            let credentials = login(&uri, "target", "TARGET").await?;
            wishes.target = Some(asked_for(uri, assumed_port, credentials));
        }
    }
    if wishes.out.is_none() {
        let question = format!("\nWrite the plan file to [{FILE}]: ");
        let out = answer(&question, |line| {
            let file = Path::new(if line.is_empty() { FILE } else { line });
            match super::is_free(file) {
                Ok(()) => Ok(PathBuf::from(file)),
                Err(problem) => Err(problem.text),
            }
        });
        wishes.out = Some(out.await?);
    }
    Ok(databases)
}

/// Shows what there is to choose from. What may not be listed is said by who looks into it.
async fn list_collections(source: &Client, databases: &[String]) {
    const SHOWN: usize = 50;
    for database in databases {
        let Ok(names) = source.list_collections(database).await else { continue };
        let some: Vec<&str> = names.iter().take(SHOWN).map(String::as_str).collect();
        let more = match names.len().saturating_sub(SHOWN) {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        let number = counted(names.len() as u64, "collection");
        let line = format!("{database}: {number}: {}{more}", some.join(", "));
        output::message(&format!("  {}\n", escape(line.trim_end_matches(": "))));
    }
}

#[derive(Clone, Copy)]
enum Login {
    None,
    Token,
    Password,
}

/// Asks how to log in, for names of variables: never for a credential.
async fn login(uri: &str, which: &str, prefix: &str) -> Result<Credentials, Problem> {
    let default = if uri.contains("zillizcloud.com") { "token" } else { "none" };
    let question = format!("Login at the {which}: none, token or password [{default}]: ");
    let login = answer(&question, |line| match if line.is_empty() { default } else { line } {
        "none" | "n" => Ok(Login::None),
        "token" | "t" => Ok(Login::Token),
        "password" | "p" => Ok(Login::Password),
        _ => Err("answer none, token or password".to_owned()),
    });
    Ok(match login.await? {
        Login::None => Credentials::None,
        Login::Token => Credentials::Token(variable("token", &format!("{prefix}_TOKEN")).await?),
        Login::Password => Credentials::UserPassword {
            username: variable("user", &format!("{prefix}_USER")).await?,
            password: variable("password", &format!("{prefix}_PASSWORD")).await?,
        },
    })
}

async fn variable(what: &str, default: &str) -> Result<EnvName, Problem> {
    let question = format!("Variable that holds the {what} [{default}]: ");
    let name = answer(&question, |line| {
        let name = if line.is_empty() { default } else { line };
        // The answer is not said again: it may be the credential itself.
        let form = "the name of an environment variable has capital letters, digits and `_`";
        if is_variable(name) { Ok(EnvName(name.to_owned())) } else { Err(form.to_owned()) }
    });
    name.await
}

/// Asks until the answer is one.
async fn answer<T>(question: &str, read: impl Fn(&str) -> Result<T, String>) -> Result<T, Problem> {
    loop {
        output::message(question);
        let line = tokio::task::spawn_blocking(|| {
            let mut line = String::new();
            std::io::stdin().read_line(&mut line).map(|bytes| (bytes, line))
        });
        let Ok(Ok((1.., line))) = line.await else {
            return Err(Problem::new(exit::FAILED, "there is no answer; nothing was written"));
        };
        match read(line.trim()) {
            Ok(value) => return Ok(value),
            Err(why) => output::message(&format!("  {why}\n")),
        }
    }
}
