//! Globs of names, which were checked when the plan file was read. Pure.

use globset::{Glob, GlobMatcher};

/// Whether a name is one that the glob means.
pub(super) fn matcher(pattern: &str) -> impl Fn(&str) -> bool + use<> {
    let glob: Option<GlobMatcher> = Glob::new(pattern).ok().map(|glob| glob.compile_matcher());
    move |name| glob.as_ref().is_some_and(|glob| glob.is_match(name))
}
