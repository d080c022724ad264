//! The environment variables that the tool itself reads. (Variables with credentials are named in
//! the plan file.)

/// Any value but an empty one switches colour off, unless `--color` says otherwise
/// (<https://no-color.org>).
pub const NO_COLOR: &str = "NO_COLOR";

/// Any value but an empty one or `0` switches colour on, even without a terminal, unless `--color`
/// or [`NO_COLOR`] says otherwise (<https://bixense.com/clicolors>).
pub const CLICOLOR_FORCE: &str = "CLICOLOR_FORCE";

/// The kind of terminal: nothing is coloured or drawn anew on one that is called `dumb`.
pub const TERM: &str = "TERM";

/// Which log lines appear, as a `tracing` filter such as `milvus_ferry=debug,h2=trace`. It
/// replaces what `-v` and `-q` choose.
pub const MILVUS_FERRY_LOG: &str = "MILVUS_FERRY_LOG";

/// The file to which GitHub Actions takes what a step outputs, one `NAME=VALUE` a line: `plan` adds
/// to it.
pub const GITHUB_OUTPUT: &str = "GITHUB_OUTPUT";

/// The file of which GitHub Actions makes the summary of a job: `plan --format markdown` adds to it.
pub const GITHUB_STEP_SUMMARY: &str = "GITHUB_STEP_SUMMARY";

/// Which names a proxy for Milvus's calls, the first that is set: as in other clients of Milvus,
/// whose gRPC takes them in this order, whatever the scheme of the endpoint.
pub const PROXY: [&str; 7] = [
    "grpc_proxy",
    "https_proxy",
    "HTTPS_PROXY",
    "http_proxy",
    "HTTP_PROXY",
    "all_proxy",
    "ALL_PROXY",
];

/// Which name hosts that are reached without a proxy, the first that is set.
pub const NO_PROXY: [&str; 3] = ["no_grpc_proxy", "no_proxy", "NO_PROXY"];

/// The first of these variables that is set, and its value.
pub fn first(names: &[&'static str]) -> Option<(&'static str, String)> {
    names.iter().find_map(|&name| Some((name, value(name)?)))
}

/// The value of a variable; an empty one counts as absent.
pub fn value(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
