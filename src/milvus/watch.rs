//! What is told of calls that are made again: why, of which end, and for how long at most.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::error::{Error, Kind};

/// Characters of what a server says that are shown of it.
const SHOWN: usize = 60;

/// A call that is made again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repeated {
    /// Why, in a few words, such as `unreachable (connection refused)`.
    pub reason: String,
    /// How much longer it is made again at most.
    pub left: Duration,
}

/// Whoever is told.
#[derive(Clone)]
pub struct Watcher(Arc<dyn Fn(Repeated) + Send + Sync>);

impl Watcher {
    /// Tells this function, which must not wait for anything.
    pub fn new(tell: impl Fn(Repeated) + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    pub(super) fn tell(&self, error: &Error, left: Duration) {
        (self.0)(Repeated { reason: reason(error), left });
    }
}

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watcher")
    }
}

/// Why a call is made again, in a few words that follow the name of the end.
fn reason(error: &Error) -> String {
    let what = match error.kind {
        Kind::Unavailable => "unreachable",
        Kind::Timeout => return "gives no answer in time".to_owned(),
        Kind::NotReady => "not ready",
        Kind::RateLimited => return "limits the rate".to_owned(),
        Kind::QuotaExceeded => return "has no memory left".to_owned(),
        _ => "fails",
    };
    let cause = cause(&error.message);
    if cause.is_empty() { what.to_owned() } else { format!("{what} ({cause})") }
}

/// The last of the causes in a message: `transport error: tcp connect error: Connection refused (os
/// error 111)` is a connection that was refused.
fn cause(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default();
    let last = line.rsplit(": ").find(|part| !part.trim().is_empty()).unwrap_or_default();
    let last = last.split(" (os error").next().unwrap_or_default().trim();
    let mut shown: String = last.chars().take(SHOWN).collect();
    if last.chars().count() > SHOWN {
        shown.push('…');
    }
    // The beginning of a sentence is in the middle of one here.
    let mut characters = shown.chars();
    match (characters.next(), characters.next()) {
        (Some(first), Some(second)) if first.is_uppercase() && second.is_lowercase() => {
            first.to_lowercase().chain(shown.chars().skip(1)).collect()
        }
        _ => shown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_short_and_say_what_is_wrong() {
        let long = format!("{}x", "y".repeat(SHOWN));
        for (kind, message, says) in [
            (
                Kind::Unavailable,
                "transport error: tcp connect error: Connection refused (os error 111)",
                "unreachable (connection refused)",
            ),
            (Kind::Unavailable, "", "unreachable"),
            (Kind::NotReady, "service unavailable: \nmore", "not ready (service unavailable)"),
            (Kind::NotReady, "MEM low", "not ready (MEM low)"),
            (Kind::Timeout, "anything", "gives no answer in time"),
            (Kind::RateLimited, "rate limit exceeded[rate=2]", "limits the rate"),
            (Kind::Other, "what nobody knows", "fails (what nobody knows)"),
            (Kind::Other, &long, &format!("fails ({}…)", "y".repeat(SHOWN))),
        ] {
            assert_eq!(reason(&Error::new(kind, "Query", "http://h:1", message)), says);
        }
    }
}
