//! The first plan file for a source: what there is, said once, with comments where a person has to
//! decide. Pure: an inventory in, text out.

mod entries;
mod notes;
#[cfg(test)]
mod tests;
mod text;

use std::fmt::Write as _;

use super::resolve::{is_file_stem, one_server};
use crate::model::inventory::{Holding, Inventory, Loading, RowNumber};
use crate::model::quantity::{count, counted};
use crate::model::{Credentials, Endpoint};
use entries::{Entry, Placing};
use text::{comment, string};

/// What stands where the target's address is to be, until somebody writes it there.
pub(super) const PLACEHOLDER: &str = "EDIT-ME";

/// What a draft is made from.
#[derive(Debug, Clone)]
pub struct Draft {
    /// What the source holds.
    pub inventory: Inventory,
    /// The source.
    pub source: Endpoint,
    /// The target, where it is known already.
    pub target: Option<DraftTarget>,
    /// Name of the run, where it is not to be that of the file.
    pub name: Option<String>,
    /// The file, where there is one: for the commands to go on with.
    pub file: Option<String>,
    /// Where editors find the schema, if anywhere.
    pub schema: Option<String>,
}

/// The target of a draft.
#[derive(Debug, Clone)]
pub struct DraftTarget {
    /// The target.
    pub endpoint: Endpoint,
    /// Whether it has no database but `default`.
    pub one_database: bool,
    /// Whether it is Zilliz Cloud of a plan that its address does not tell.
    pub plan_unknown: bool,
}

impl Draft {
    /// Whether there is anything that a plan file can name.
    pub fn names_anything(&self) -> bool {
        !self.placing().entries.is_empty()
    }

    /// Addresses of the collections that a plan file cannot name.
    pub fn nameless(&self) -> Vec<String> {
        let nameless = self.placing().nameless;
        nameless.into_iter().map(|(database, holding)| address(database, holding)).collect()
    }

    /// The text of the plan file.
    pub fn text(&self) -> String {
        let placing = self.placing();
        let mut text = String::new();
        if let Some(schema) = &self.schema {
            let _ = writeln!(text, "#:schema {schema}");
        }
        self.header(&mut text);
        text.push_str("version = 1\n");
        if let Some(name) = &self.name {
            let _ = writeln!(text, "name = {}", string(name));
        }
        self.source(&mut text);
        self.target(&mut text);
        placing.write(&mut text);
        text
    }

    fn placing(&self) -> Placing<'_> {
        let target = self.target.as_ref();
        let one_database = target.is_some_and(|target| target.one_database);
        let beside = target.is_some_and(|target| one_server(&self.source, &target.endpoint));
        Placing::of(&self.inventory, target.is_some(), one_database, beside)
    }

    fn header(&self, text: &mut String) {
        let Inventory { uri, version, databases, closed } = &self.inventory;
        let holdings = || databases.iter().flat_map(|database| &database.collections);
        let found = || holdings().filter_map(|holding| holding.found.as_ref());
        let rows: u64 = found().fold(0, |sum, found| sum.saturating_add(found.rows.number()));
        let several = match databases.len() {
            0 | 1 => String::new(),
            number => format!(" in {number} databases"),
        };
        let collections = counted(holdings().count() as u64, "collection");
        let unknown = found().filter(|found| found.rows == RowNumber::About(0)).count();
        let rows = match unknown {
            0 => counted(rows, "row"),
            _ if rows == 0 => "number of rows unknown".to_owned(),
            some => format!(
                "{}, and those of {} unknown",
                counted(rows, "row"),
                counted(some as u64, "collection")
            ),
        };
        comment(text, "", &format!("Found at {uri} ({version}): {collections}{several}, {rows}."));
        comment(text, "", "What is not said here stays as it is at the source.");
        for database in closed {
            let what =
                format!("Not looked into: this user may not list the database {database:?}.");
            comment(text, "", &what);
        }
        let asleep = found().filter(|found| found.loaded != Loading::All).count() as u64;
        let entries =
            self.placing().entries.iter().filter(|entry| !entry.above().is_empty()).count();
        let load = format!("load = true for {} not loaded", counted(asleep, "collection"));
        let notes = format!("the notes above {}", entries_of(entries as u64));
        let parts = [(asleep, load), (entries as u64, notes)];
        let parts: Vec<String> =
            parts.into_iter().filter(|(number, _)| *number > 0).map(|(_, part)| part).collect();
        if !parts.is_empty() {
            comment(text, "", &format!("Left to decide: {}.", parts.join("; ")));
        }
        let file = self.file.as_deref().unwrap_or("FILE");
        let edit = match self.target {
            Some(_) => "Next:",
            None => "Next: write the target's address below, then",
        };
        comment(text, "", &format!("{edit} milvus-ferry plan {file}"));
    }

    fn source(&self, text: &mut String) {
        let _ = writeln!(text, "\n[source]\nendpoint = {}", string(&self.source.uri));
        end(text, &self.source);
        let holdings = self.inventory.databases.iter().flat_map(|of| &of.collections);
        let asleep = holdings.filter_map(|holding| holding.found.as_ref());
        let asleep = asleep.filter(|found| found.loaded != Loading::All).count();
        if asleep > 0 {
            let (are, them) = if asleep == 1 { ("is", "it") } else { ("are", "them") };
            let number = counted(asleep as u64, "collection");
            let what = format!(
                "{number} {are} not loaded, and only loaded ones can be copied. Load {them} at the \
                 source, or let apply load {them}, and release {them} afterwards:"
            );
            comment(text, "", &what);
            text.push_str("# load = true\n");
        }
    }

    fn target(&self, text: &mut String) {
        text.push_str("\n[target]\n");
        let Some(target) = &self.target else {
            let placeholder = string(PLACEHOLDER);
            let _ = writeln!(
                text,
                "endpoint = {placeholder}   # http://HOST:PORT or https://HOST:PORT"
            );
            text.push_str("# token = { env = \"TARGET_TOKEN\" }   # the variable that holds it\n");
            return;
        };
        let _ = writeln!(text, "endpoint = {}", string(&target.endpoint.uri));
        end(text, &target.endpoint);
        if target.plan_unknown {
            let what = "The limits of its plan are checked where it is known: zilliz-free, \
                        zilliz-serverless or zilliz-dedicated.";
            comment(text, "", what);
            text.push_str("# kind = \"zilliz-serverless\"\n");
        }
    }
}

fn address(database: &str, holding: &Holding) -> String {
    format!("{database}/{}", holding.name)
}

/// A name for the run of a file of this name; absent where the file's name does.
pub fn run_name(file: &str) -> Option<String> {
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    let stem = stem.strip_suffix(".ferry").unwrap_or(stem);
    if is_file_stem(stem) {
        return None;
    }
    let safe = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    Some(std::iter::once('_').chain(stem.chars().map(safe)).take(100).collect())
}

/// The login and the TLS files of an end.
fn end(text: &mut String, end: &Endpoint) {
    let mut variable = |key: &str, name: &str| {
        let _ = writeln!(text, "{key} = {{ env = {} }}", string(name));
    };
    match &end.credentials {
        Credentials::None => {}
        Credentials::Token(token) => variable("token", &token.0),
        Credentials::UserPassword { username, password } => {
            variable("username", &username.0);
            variable("password", &password.0);
        }
    }
    let path = |path: &Option<std::path::PathBuf>| {
        path.as_ref().map(|path| path.to_string_lossy().into_owned())
    };
    let tls = [
        ("ca_file", path(&end.tls.ca_file)),
        ("client_cert_file", path(&end.tls.client_cert_file)),
        ("client_key_file", path(&end.tls.client_key_file)),
        ("server_name", end.tls.server_name.clone()),
    ];
    let given: Vec<String> = tls
        .into_iter()
        .filter_map(|(key, value)| Some(format!("{key} = {}", string(&value?))))
        .collect();
    if !given.is_empty() {
        let _ = writeln!(text, "tls = {{ {} }}", given.join(", "));
    }
}

impl Placing<'_> {
    fn write(&self, text: &mut String) {
        let mut defaults = String::new();
        if let Some(database) = self.database {
            let _ = writeln!(defaults, "database = {}", string(database));
        }
        if self.one_database && self.database != Some("default") {
            let what =
                "The target has no database but this one, so that all collections land in it.";
            comment(&mut defaults, "", what);
            defaults.push_str("target_database = \"default\"\n");
        }
        if self.without_aliases {
            comment(&mut defaults, "", "An alias leads to one collection, and stays where it is.");
            defaults.push_str("aliases = \"none\"\n");
        }
        if !defaults.is_empty() {
            let _ = write!(text, "\n[defaults]\n{defaults}");
        }
        if !self.clashing.is_empty() {
            let what = format!(
                "Several databases have collections of the same names: {}. A target with one \
                 database takes each name once: set target_database = \"default\", and a target for \
                 one of them, such as target = \"{{{{ name }}}}_2\".",
                notes::list(&self.clashing)
            );
            text.push('\n');
            comment(text, "", &what);
        }
        for entry in &self.entries {
            self.entry(text, entry);
        }
        for (database, holding) in &self.nameless {
            text.push('\n');
            let what = format!(
                "NOT IN THIS FILE: {:?}: a plan file can only name what has letters, digits and \
                 `_`. Rename it at the source, or copy it by hand.",
                address(database, holding)
            );
            comment(text, "", &what);
        }
    }

    fn entry(&self, text: &mut String, entry: &Entry<'_>) {
        text.push('\n');
        for note in entry.above() {
            comment(text, "- ", &note);
        }
        let source = string(&entry.source);
        let _ = writeln!(text, "[[collections]]\nsource = {source}   # {}", entry.facts());
        if !entry.exclude.is_empty() {
            let names: Vec<String> = entry.exclude.iter().map(|name| string(name)).collect();
            let _ = writeln!(text, "exclude = [{}]", names.join(", "));
        }
        if self.database.is_none() && entry.database != "default" {
            let key = if self.one_database { "source_database" } else { "database" };
            let _ = writeln!(text, "{key} = {}", string(entry.database));
        }
        if let Some(target) = &entry.target {
            let _ = writeln!(text, "target = \"{target}\"");
        }
        if entry.without_aliases {
            text.push_str("aliases = \"none\"\n");
        }
    }
}

fn entries_of(number: u64) -> String {
    if number == 1 { "1 entry".to_owned() } else { format!("{} entries", count(number)) }
}

/// A number of rows, for one comment.
fn rows(number: u64) -> String {
    match number {
        0 => "no rows".to_owned(),
        1 => "1 row".to_owned(),
        more => format!("{} rows", count(more)),
    }
}
