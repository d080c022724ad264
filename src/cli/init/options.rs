//! The options of `init`, and what they say.

use std::path::{Path, PathBuf};

use clap::Args;

use super::super::ends::Problem;
use super::super::glob;
use crate::model::{Credentials, Endpoint, EnvName, Tls};
use crate::{exit, planfile};

const AFTER_HELP: &str = "\
Examples:
  milvus-ferry init --from http://localhost:19530                # to standard output
  milvus-ferry init --from http://localhost:19530 --out catalog.ferry.toml
  milvus-ferry init --from https://milvus.internal:19530 --token-env SOURCE_TOKEN \\
    --to https://in03-0123456789abcde.serverless.aws-eu-central-1.vectordb.zillizcloud.com \\
    --to-token-env ZILLIZ_TOKEN --database shop --exclude '*_tmp' --out shop.ferry.toml
  milvus-ferry init --interactive

Looks at every collection of the source, changes nothing there, and overwrites no file. With --to the \
target is looked at too, and what it would not take is said in the plan file. \
Credentials stay in the environment: the options name variables, and so does the plan file.
Exit code 0 when the plan file is written, 1 when it is not, 4 when an endpoint cannot be reached or \
does not permit what is needed, 64 for wrong usage.";

/// Write the first plan file for a source, from what it holds
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(in crate::cli) struct InitArgs {
    /// Address of the source: http://HOST:PORT or https://HOST:PORT
    #[arg(long, value_name = "URI", required_unless_present = "interactive")]
    from: Option<String>,
    /// The plan file to write, such as catalog.ferry.toml; never one that is there already
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Ask on the terminal for what no option says
    #[arg(short, long)]
    interactive: bool,
    /// Name of the run, instead of the file's
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Only this database; repeatable
    #[arg(long = "database", value_name = "NAME")]
    databases: Vec<String>,
    /// Only collections that match, as NAME or DATABASE/NAME; repeatable
    #[arg(long, value_name = "GLOB", value_parser = glob)]
    only: Vec<String>,
    /// Not the collections that match, as NAME or DATABASE/NAME; repeatable
    #[arg(long, value_name = "GLOB", value_parser = glob)]
    exclude: Vec<String>,
    /// Variable that holds the source's API key, or user:password
    #[arg(long, value_name = "NAME", conflicts_with_all = ["username_env", "password_env"])]
    #[arg(requires = "from", help_heading = "Source options")]
    token_env: Option<String>,
    /// Variable that holds the source's user
    #[arg(long, value_name = "NAME", requires = "password_env")]
    #[arg(requires = "from", help_heading = "Source options")]
    username_env: Option<String>,
    /// Variable that holds the source's password
    #[arg(long, value_name = "NAME", requires = "username_env")]
    #[arg(requires = "from", help_heading = "Source options")]
    password_env: Option<String>,
    /// PEM file with the certificates to trust instead of the system's
    #[arg(long, value_name = "FILE", requires = "from", help_heading = "Source options")]
    tls_ca_file: Option<PathBuf>,
    /// PEM file with our certificate
    #[arg(long, value_name = "FILE", requires = "tls_client_key_file")]
    #[arg(requires = "from", help_heading = "Source options")]
    tls_client_cert_file: Option<PathBuf>,
    /// PEM file with its key
    #[arg(long, value_name = "FILE", requires = "tls_client_cert_file")]
    #[arg(requires = "from", help_heading = "Source options")]
    tls_client_key_file: Option<PathBuf>,
    /// Name to expect in the server's certificate
    #[arg(long, value_name = "NAME", requires = "from", help_heading = "Source options")]
    tls_server_name: Option<String>,
    /// Address of the target; left to fill in where absent
    #[arg(long, value_name = "URI", help_heading = "Target options")]
    to: Option<String>,
    /// Variable that holds the target's API key, or user:password
    #[arg(long, value_name = "NAME", requires = "to", help_heading = "Target options")]
    #[arg(conflicts_with_all = ["to_username_env", "to_password_env"])]
    to_token_env: Option<String>,
    /// Variable that holds the target's user
    #[arg(long, value_name = "NAME", requires = "to", requires = "to_password_env")]
    #[arg(help_heading = "Target options")]
    to_username_env: Option<String>,
    /// Variable that holds the target's password
    #[arg(long, value_name = "NAME", requires = "to", requires = "to_username_env")]
    #[arg(help_heading = "Target options")]
    to_password_env: Option<String>,
    /// PEM file with the certificates to trust instead of the system's
    #[arg(long, value_name = "FILE", requires = "to", help_heading = "Target options")]
    to_tls_ca_file: Option<PathBuf>,
    /// PEM file with our certificate
    #[arg(long, value_name = "FILE", requires = "to", requires = "to_tls_client_key_file")]
    #[arg(help_heading = "Target options")]
    to_tls_client_cert_file: Option<PathBuf>,
    /// PEM file with its key
    #[arg(long, value_name = "FILE", requires = "to", requires = "to_tls_client_cert_file")]
    #[arg(help_heading = "Target options")]
    to_tls_client_key_file: Option<PathBuf>,
    /// Name to expect in the server's certificate
    #[arg(long, value_name = "NAME", requires = "to", help_heading = "Target options")]
    to_tls_server_name: Option<String>,
}

impl InitArgs {
    /// Whether questions are asked.
    pub(super) fn asks(&self) -> bool {
        self.interactive
    }
}

/// What is wished for; what is absent is asked for, or has a default.
pub(super) struct Wishes {
    pub(super) source: Option<Endpoint>,
    pub(super) target: Option<Endpoint>,
    pub(super) out: Option<PathBuf>,
    pub(super) name: Option<String>,
    pub(super) databases: Vec<String>,
    pub(super) only: Vec<String>,
    pub(super) exclude: Vec<String>,
}

impl Wishes {
    /// Reads the options. Nothing of them is quoted that may be a credential in the wrong place.
    pub(super) fn of(args: InitArgs) -> Result<Self, Problem> {
        let out = args.out;
        if let Some(name) = args.name.as_deref().filter(|name| !planfile::is_run_name(name)) {
            let advice = "it names files: use letters, digits, `.`, `_` and `-`, and begin with a \
                          letter or digit";
            return Err(usage(&format!("{name:?} cannot be the name of a run\n  {advice}")));
        }
        let source_tls = Tls {
            ca_file: args.tls_ca_file,
            client_cert_file: args.tls_client_cert_file,
            client_key_file: args.tls_client_key_file,
            server_name: args.tls_server_name,
        };
        let target_tls = Tls {
            ca_file: args.to_tls_ca_file,
            client_cert_file: args.to_tls_client_cert_file,
            client_key_file: args.to_tls_client_key_file,
            server_name: args.to_tls_server_name,
        };
        let source = login("", args.token_env, args.username_env, args.password_env)?;
        let target = login("to-", args.to_token_env, args.to_username_env, args.to_password_env)?;
        let folder = out.as_deref().and_then(Path::parent);
        let end = |option, uri: Option<String>, credentials, tls| match uri {
            None => Ok(None),
            Some(uri) => end(option, &uri, credentials, from_folder(tls, folder)?).map(Some),
        };
        Ok(Self {
            source: end("--from", args.from, source, source_tls)?,
            target: end("--to", args.to, target, target_tls)?,
            out,
            name: args.name,
            databases: args.databases,
            only: args.only,
            exclude: args.exclude,
        })
    }
}

fn usage(text: &str) -> Problem {
    Problem::new(exit::WRONG_USAGE, text)
}

/// Whether a text can name a variable in a plan file.
pub(super) fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

fn login(
    prefix: &str,
    token: Option<String>,
    username: Option<String>,
    password: Option<String>,
) -> Result<Credentials, Problem> {
    let variable = |option: &str, name: String| {
        if is_variable(&name) {
            return Ok(EnvName(name));
        }
        Err(usage(&format!(
            "--{prefix}{option} is not the name of a variable\n  it takes the name of an environment \
             variable, in capital letters, digits and `_`, and never a credential itself"
        )))
    };
    Ok(match (token, username, password) {
        (Some(token), _, _) => Credentials::Token(variable("token-env", token)?),
        (None, Some(username), Some(password)) => Credentials::UserPassword {
            username: variable("username-env", username)?,
            password: variable("password-env", password)?,
        },
        _ => Credentials::None,
    })
}

fn end(option: &str, uri: &str, credentials: Credentials, tls: Tls) -> Result<Endpoint, Problem> {
    let (uri, assumed_port) =
        planfile::server_uri(uri).map_err(|why| usage(&format!("{option}: {why}")))?;
    if tls != Tls::default() && uri.starts_with("http://") {
        return Err(usage(&format!("{option}: TLS options are for https://…")));
    }
    let (place, login_places) = (String::new(), Vec::new());
    Ok(Endpoint { uri, assumed_port, credentials, tls, place, login_places })
}

/// Files of TLS as a plan file in this folder finds them: it takes them relative to itself.
fn from_folder(mut tls: Tls, folder: Option<&Path>) -> Result<Tls, Problem> {
    let elsewhere = folder.is_some_and(|folder| !folder.as_os_str().is_empty());
    let files = [&mut tls.ca_file, &mut tls.client_cert_file, &mut tls.client_key_file];
    for file in files.into_iter().flatten() {
        if elsewhere {
            *file = std::path::absolute(&*file).map_err(|cause| {
                Problem::new(
                    exit::FAILED,
                    format!("cannot tell where {} is: {cause}", file.display()),
                )
            })?;
        }
        if file.to_str().is_none() {
            return Err(usage(&format!("{} is no name that a plan file can hold", file.display())));
        }
    }
    Ok(tls)
}

/// Where editors find the schema of a plan file: beside it, or where the project publishes it.
pub(super) fn schema_beside(file: Option<&Path>) -> Option<String> {
    const NAMES: [&str; 2] = ["plan.schema.json", "schema/plan.schema.json"];
    let folder = file.and_then(Path::parent).unwrap_or(Path::new(""));
    let beside = NAMES.iter().find(|name| folder.join(name).is_file());
    let published = || {
        let (repository, version) = (env!("CARGO_PKG_REPOSITORY"), env!("CARGO_PKG_VERSION"));
        let is_there = !repository.is_empty();
        is_there.then(|| format!("{repository}/raw/v{version}/schema/plan.schema.json"))
    };
    beside.map(|name| format!("./{name}")).or_else(published)
}
