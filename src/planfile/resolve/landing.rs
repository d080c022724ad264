//! Where collections land: not on themselves, and no two on one.

use std::collections::BTreeMap;

use super::super::document::child;
use super::Context;
use crate::diagnostic::Diagnostic;
use crate::model::Endpoint;

/// Where an entry's rows come from and go to, as far as it is known offline.
pub(super) struct Landing {
    pub(super) pointer: String,
    /// Database and name; of a sample for a glob.
    pub(super) from: (String, String),
    pub(super) to: (String, String),
    pub(super) exact: bool,
    /// Aliases that it certainly gets.
    pub(super) aliases: Vec<AliasLanding>,
}

/// An alias in the database where its collection lands.
pub(super) struct AliasLanding {
    pub(super) pointer: String,
    /// Its name; of a sample for a glob.
    pub(super) name: String,
}

/// A collection must not be copied onto itself.
pub(super) fn onto_itself(
    landings: &[Landing],
    source: &Endpoint,
    target: &Endpoint,
    context: &mut Context<'_>,
) {
    if !one_server(source, target) {
        return;
    }
    for landing in landings.iter().filter(|landing| landing.from == landing.to) {
        let finding = Diagnostic::error(
            "source_is_target",
            "the source and the target are the same collection",
        )
        .related(context.span("/target/endpoint"), "the same server as the source")
        .help("give it another name with `target`, or another database with `target_database`");
        let at = place(landing, context);
        context.report(&at, finding);
    }
}

/// Whether both ends are the same server, as far as their addresses tell.
pub(in crate::planfile) fn one_server(source: &Endpoint, target: &Endpoint) -> bool {
    server(&source.uri) == server(&target.uri)
}

/// The server of an address; every name of this machine is the same.
fn server(uri: &str) -> String {
    for host in ["://localhost:", "://127.0.0.1:", "://[::1]:"] {
        if let Some((_, port)) = uri.split_once(host) {
            return format!("localhost:{port}");
        }
    }
    uri.split_once("://").map_or(uri, |(_, rest)| rest).to_owned()
}

/// Two collections must not land on one target.
pub(super) fn onto_each_other(landings: &[Landing], context: &mut Context<'_>) {
    let mut first: BTreeMap<&(String, String), &Landing> = BTreeMap::new();
    for landing in landings.iter().filter(|landing| landing.exact) {
        let Some(earlier) = first.get(&landing.to) else {
            first.insert(&landing.to, landing);
            continue;
        };
        let (database, name) = &landing.to;
        let finding = Diagnostic::error(
            "same_target",
            format!("two entries land on the target collection `{database}/{name}`"),
        )
        .label("and this one")
        .related(context.span(&place(earlier, context)), "this entry")
        .help("give one of them another `target` or `target_database`");
        let at = place(landing, context);
        context.report(&at, finding);
    }
}

/// An alias leads to one collection, and no collection of its database has its name.
pub(super) fn aliases(landings: &[Landing], one_server: bool, context: &mut Context<'_>) {
    let (mut landed, mut left) = (BTreeMap::new(), BTreeMap::new());
    for landing in landings.iter().filter(|landing| landing.exact) {
        landed.entry((landing.to.0.as_str(), landing.to.1.as_str())).or_insert(landing);
        left.entry((landing.from.0.as_str(), landing.from.1.as_str())).or_insert(landing);
    }
    let mut first: BTreeMap<(&str, &str), (&Landing, &AliasLanding)> = BTreeMap::new();
    for landing in landings {
        let database = landing.to.0.as_str();
        for alias in &landing.aliases {
            let name = (database, alias.name.as_str());
            let made = if landing.to.1 == alias.name {
                Some(landing)
            } else {
                landed.get(&name).copied().filter(|_| landing.exact)
            };
            let there = left.get(&name).filter(|_| one_server && landing.exact);
            let taken = match (made, there) {
                (Some(made), _) => Some((place(made, context), "lands under this name")),
                (None, Some(there)) => Some((child(&there.pointer, "source"), "has this name")),
                (None, None) => None,
            };
            if let Some((at, label)) = taken {
                let finding = Diagnostic::error(
                    "alias_is_collection",
                    format!(
                        "the alias `{database}/{}` would have the name of a collection",
                        alias.name
                    ),
                )
                .related(context.span(&at), label)
                .help("an alias needs a name that no collection of its database has");
                context.report(&alias.pointer, finding);
            }
            if !landing.exact {
                continue;
            }
            let Some((other, earlier)) = first.get(&(database, alias.name.as_str())) else {
                first.insert((database, &alias.name), (landing, alias));
                continue;
            };
            let message =
                format!("the alias `{database}/{}` would lead to two collections", alias.name);
            let mut finding = Diagnostic::error("same_alias", message)
                .help("give each collection an alias of its own");
            if other.pointer == landing.pointer {
                finding.message = format!("the alias `{}` is given twice", alias.name);
                finding.help = Some("write it once".to_owned());
            }
            let at = if earlier.pointer == alias.pointer {
                // One default for several entries.
                finding = finding.related(context.span(&place(landing, context)), "and this one");
                place(other, context)
            } else {
                earlier.pointer.clone()
            };
            finding = finding.related(context.span(&at), "this one");
            context.report(&alias.pointer, finding);
        }
    }
}

/// What decides where an entry lands.
fn place(landing: &Landing, context: &Context<'_>) -> String {
    let target = child(&landing.pointer, "target");
    if context.assembly.value.pointer(&target).is_some() {
        target
    } else {
        child(&landing.pointer, "source")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_names_of_this_machine_are_one_server() {
        assert_eq!(server("http://localhost:1"), server("http://127.0.0.1:1"));
        assert_eq!(server("http://[::1]:1"), server("http://127.0.0.1:1"));
        assert_ne!(server("http://localhost:1"), server("http://localhost:2"));
        assert_ne!(server("http://a:1"), server("http://b:1"));
        assert_eq!(server("https://a:1"), server("http://a:1"));
    }
}
