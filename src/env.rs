//! The environment variables that the tool itself reads. (Variables with credentials are named in
//! the plan file.)

/// Any value but an empty one switches colour off, unless `--color` says otherwise
/// (<https://no-color.org>).
pub const NO_COLOR: &str = "NO_COLOR";

/// Any value but an empty one or `0` switches colour on, even without a terminal, unless `--color`
/// or [`NO_COLOR`] says otherwise (<https://bixense.com/clicolors>).
pub const CLICOLOR_FORCE: &str = "CLICOLOR_FORCE";

/// Which log lines appear, as a `tracing` filter such as `milvus_ferry=debug,h2=trace`. It
/// replaces what `-v` and `-q` choose.
pub const MILVUS_FERRY_LOG: &str = "MILVUS_FERRY_LOG";

/// The file to which GitHub Actions takes what a step outputs, one `NAME=VALUE` a line: `plan` adds
/// to it.
pub const GITHUB_OUTPUT: &str = "GITHUB_OUTPUT";

/// The file of which GitHub Actions makes the summary of a job: `plan --format markdown` adds to it.
pub const GITHUB_STEP_SUMMARY: &str = "GITHUB_STEP_SUMMARY";

/// The value of a variable; an empty one counts as absent.
pub fn value(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
