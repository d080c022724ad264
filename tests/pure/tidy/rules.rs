//! The rules. Each takes a module tree and gives what breaks it, as `file:line: what`.

use std::collections::{BTreeMap, BTreeSet};

use super::code::{Kind, Name};
use super::tree::{Meaning, Module, Tree};

/// Hard upper bound of a file's lines; the aim is 400.
const MOST_LINES: usize = 500;

/// File names that say nothing.
const EMPTY_NAMES: &[&str] =
    &["utils.rs", "util.rs", "helpers.rs", "common.rs", "misc.rs", "types.rs"];

/// What is used in some modules only. A word is a crate, a part of a path, or a macro with `!`.
const BELONGS: &[(&[&str], &[&str])] = &[
    (&["milvus"], &["prost", "tonic", "milvus::pb"]),
    (&["planfile"], &["toml", "minijinja", "jsonschema"]),
    // The formats of files are made from the types that hold them.
    (&["planfile", "report", "verify", "rehearse", "model"], &["schemars"]),
    (
        &["cli", "report"],
        &["println!", "eprintln!", "print!", "eprint!", "dbg!", "io::stdout", "io::stderr"],
    ),
    (
        &["env"],
        &[
            "env::var",
            "env::var_os",
            "env::vars",
            "env::vars_os",
            "env::set_var",
            "env::remove_var",
        ],
    ),
    (&["ledger"], &["rusqlite"]),
];

/// Modules of values in, values out, and their parts that are not.
const PURE: &[(&str, &[&str])] = &[("changes", &["inspect"]), ("model", &[])];

/// What values in, values out cannot need.
const OUTSIDE_WORLD: &[&str] = &[
    "tokio",
    "std::env",
    "std::fs",
    "std::io",
    "std::net",
    "std::process",
    "std::thread",
    "Instant::now",
    "SystemTime::now",
];

const PANICS: &[&str] = &[
    "unwrap",
    "expect",
    "unwrap_err",
    "expect_err",
    "panic",
    "todo",
    "unimplemented",
    "unreachable",
    "assert",
    "assert_eq",
    "assert_ne",
    "debug_assert",
    "debug_assert_eq",
    "debug_assert_ne",
];

/// What may stay although it panics: where, what, and why.
const MAY_PANIC: &[(&str, &str, &str)] = &[(
    "src/copy/memory.rs",
    "unreachable",
    "nothing closes the semaphore of the budget, and without a share no row may be held",
)];

/// What a module may import of the others.
struct Room {
    line: usize,
    /// A module, and the part that alone may import it.
    may_import: BTreeMap<String, Option<String>>,
    everything: bool,
}

/// Every file is read, and reached by a module of some crate.
pub(super) fn every_file_is_in_a_module(tree: &Tree) -> Vec<String> {
    let mut wrong = tree.faults.clone();
    let reached: BTreeSet<&String> = tree.modules.iter().map(|module| &module.file).collect();
    wrong.extend(
        tree.files
            .keys()
            .filter(|file| !reached.contains(file))
            .map(|file| format!("{file}:1: is in no module")),
    );
    for module in tree.product() {
        for name in module.names.iter().filter(|name| name.kind == Kind::HiddenModule) {
            wrong.push(format!("{}: a module inside of a block", place(module, name)));
        }
    }
    wrong
}

/// The table of `src/lib.rs` names the modules that are declared there, and only they.
pub(super) fn the_table_is_of_the_modules(tree: &Tree) -> Vec<String> {
    let rooms = match table(tree) {
        Ok(rooms) => rooms,
        Err(wrong) => return vec![wrong],
    };
    let declared: BTreeSet<&String> = tree
        .modules
        .iter()
        .filter(|module| module.root == "src/lib.rs" && module.path.is_empty())
        .flat_map(|module| &module.children)
        .collect();
    let missing = declared
        .iter()
        .filter(|name| !rooms.contains_key(**name))
        .map(|name| format!("src/lib.rs:1: the table lacks `{name}`"));
    let gone = rooms
        .iter()
        .flat_map(|(name, room)| room.may_import.keys().chain([name]).map(|name| (name, room.line)))
        .filter(|(name, _)| !declared.contains(name))
        .map(|(name, line)| format!("src/lib.rs:{line}: `{name}` is no module"));
    missing.chain(gone).collect()
}

/// Imports go the way of the table of `src/lib.rs`.
pub(super) fn imports_point_one_way(tree: &Tree) -> Vec<String> {
    let mut rooms = match table(tree) {
        Ok(rooms) => rooms,
        Err(wrong) => return vec![wrong],
    };
    let only = |names: &[&str]| Room {
        line: 0,
        may_import: names.iter().map(|name| ((*name).to_owned(), None)).collect(),
        everything: false,
    };
    rooms.insert("lib".to_owned(), only(&[]));
    rooms.insert("main".to_owned(), only(&["cli"]));
    let mut wrong = Vec::new();
    for module in tree.product() {
        let Some(room) = rooms.get(module.room()) else { continue };
        for name in &module.names {
            let Meaning::Ours(path) = module.meaning(name) else { continue };
            let Some(import) = path.first() else {
                wrong.push(format!("{}: imports the root", place(module, name)));
                continue;
            };
            let allowed = match room.may_import.get(*import) {
                Some(Some(part)) => module.path.get(1) == Some(part),
                Some(None) => true,
                None => *import == module.room() || (room.everything && *import != "*"),
            };
            if !allowed {
                wrong.push(format!("{}: imports {import}", place(module, name)));
            }
        }
    }
    wrong.dedup();
    wrong
}

/// What belongs to one module stays in it.
pub(super) fn what_belongs_to_a_module_stays_in_it(tree: &Tree) -> Vec<String> {
    let mut wrong = Vec::new();
    for module in tree.product() {
        for (owners, words) in BELONGS.iter().filter(|(of, _)| !of.contains(&module.room())) {
            for (name, word) in uses(module, words) {
                let at = place(module, name);
                wrong.push(format!("{at}: uses {word}, which belongs to {}", owners.join(", ")));
            }
        }
    }
    wrong
}

/// Pure modules see nothing of the world, and not their parts that do.
pub(super) fn pure_modules_are_pure(tree: &Tree) -> Vec<String> {
    let mut wrong = Vec::new();
    for module in tree.product() {
        let of = PURE.iter().find(|(room, _)| *room == module.room());
        let Some((room, impure)) = of else { continue };
        if module.path.get(1).is_some_and(|part| impure.contains(&&**part)) {
            continue;
        }
        for (name, word) in uses(module, OUTSIDE_WORLD) {
            wrong.push(format!("{}: uses {word} in a pure module", place(module, name)));
        }
        for name in &module.names {
            if let Meaning::Ours(path) = module.meaning(name)
                && let [first, part, ..] = path[..]
                && first == *room
                && impure.contains(&part)
            {
                let at = place(module, name);
                wrong.push(format!("{at}: uses {room}::{part} in a pure module"));
            }
        }
    }
    wrong
}

/// Nothing panics outside of tests.
pub(super) fn nothing_panics(tree: &Tree) -> Vec<String> {
    let mut wrong = Vec::new();
    for module in tree.product() {
        for name in &module.names {
            let last = name.segments.last().map_or("", String::as_str);
            let macro_only = !last.contains("unwrap") && !last.contains("expect");
            let excepted =
                MAY_PANIC.iter().any(|(file, what, _)| *file == module.file && *what == last);
            if PANICS.contains(&last) && macro_only == (name.kind == Kind::Macro) && !excepted {
                wrong.push(format!("{}: {last} panics", place(module, name)));
            }
        }
    }
    wrong
}

/// Files stay small, have a name that says something, and say at the top what they are for.
pub(super) fn files_stay_small_and_have_a_purpose(tree: &Tree) -> Vec<String> {
    let product = tree.product_files();
    let mut wrong = Vec::new();
    for (file, text) in &tree.files {
        let lines = text.lines().count();
        if lines > MOST_LINES {
            wrong.push(format!("{file}:{MOST_LINES}: is one of {lines} lines"));
        }
        if EMPTY_NAMES.contains(&file.rsplit('/').next().unwrap_or(file)) {
            wrong.push(format!("{file}:1: has a name that says nothing"));
        }
        // What unit tests are for is said by the module beside them.
        let unit_tests = file.starts_with("src/") && !product.contains(file.as_str());
        if !text.starts_with("//!") && !unit_tests {
            wrong.push(format!("{file}:1: does not say what it is for"));
        }
    }
    wrong
}

/// The names in a module that are of one of `words`, each with that word.
fn uses<'a>(module: &'a Module, words: &'a [&str]) -> impl Iterator<Item = (&'a Name, &'a str)> {
    module.names.iter().filter_map(|name| {
        let word = words.iter().find(|word| is_of(module, name, word))?;
        Some((name, *word))
    })
}

fn is_of(module: &Module, name: &Name, word: &str) -> bool {
    if let Some(word) = word.strip_suffix('!') {
        return name.kind == Kind::Macro && name.segments.last().is_some_and(|last| last == word);
    }
    let parts: Vec<&str> = word.split("::").collect();
    match module.meaning(name) {
        _ if name.kind == Kind::Method => false,
        Meaning::Other(path) if parts.len() == 1 => {
            path[0] == word && (path.len() > 1 || name.kind == Kind::Use)
        }
        Meaning::Other(path) | Meaning::Ours(path) => {
            path.windows(parts.len()).any(|window| window == parts)
        }
    }
}

fn place(module: &Module, name: &Name) -> String {
    format!("{}:{}", module.file, name.line)
}

/// Reads the table of modules and directions.
fn table(tree: &Tree) -> Result<BTreeMap<String, Room>, String> {
    let text = tree.files.get("src/lib.rs").map_or("", String::as_str);
    let mut rooms = BTreeMap::new();
    for (line, row) in (1..).zip(text.lines()) {
        let Some(row) = row.strip_prefix("//! | [") else { continue };
        let unreadable = || format!("src/lib.rs:{line}: this row of the table cannot be read");
        let cells: Vec<&str> = row.trim_end().trim_end_matches('|').split('|').collect();
        let [names, _, cell] = cells[..] else { return Err(unreadable()) };
        let cell = cell.trim();
        let everything = cell == "everything";
        let mut may_import = BTreeMap::new();
        if !everything && cell != "nothing of ours" {
            for import in cell.split(", ") {
                let (name, part) = match import.strip_suffix(" only)") {
                    Some(import) => match import.split_once(" (") {
                        Some((name, part)) => (name, Some(part.to_owned())),
                        None => return Err(unreadable()),
                    },
                    None => (import, None),
                };
                may_import.insert(linked(name).ok_or_else(unreadable)?, part);
            }
        }
        for name in format!("[{}", names.trim()).split(", ") {
            let room = Room { line, may_import: may_import.clone(), everything };
            rooms.insert(linked(name).ok_or_else(unreadable)?, room);
        }
    }
    if rooms.is_empty() {
        Err("src/lib.rs:1: has no table of modules".to_owned())
    } else {
        Ok(rooms)
    }
}

/// The module of a link such as ``[`model`]`` or ``[`mod@env`]``.
fn linked(text: &str) -> Option<String> {
    let name = text.strip_prefix("[`")?.strip_suffix("`]")?;
    Some(name.strip_prefix("mod@").unwrap_or(name).to_owned())
}
