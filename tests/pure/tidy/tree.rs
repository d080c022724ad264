//! The module tree of a set of files, walked from the roots that Cargo builds: which files are
//! reached, which of them only by tests, and what a name in a module means.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::TokenStream;

use super::code::{self, Kind, Name};

/// Files by their path from the root of the repository.
pub(super) type Files = BTreeMap<String, String>;

pub(super) struct Tree {
    pub(super) files: Files,
    pub(super) modules: Vec<Module>,
    /// What cannot be walked, as `file:line: what`.
    pub(super) faults: Vec<String>,
}

pub(super) struct Module {
    /// The root of its crate.
    pub(super) root: String,
    pub(super) file: String,
    /// From the root on; empty for the root itself.
    pub(super) path: Vec<String>,
    pub(super) test: bool,
    pub(super) children: Vec<String>,
    pub(super) names: Vec<Name>,
}

/// What a name is of.
pub(super) enum Meaning<'a> {
    /// A path from the root of our library on.
    Ours(Vec<&'a str>),
    /// A path from another crate on, or from a type, a variable, ….
    Other(Vec<&'a str>),
}

/// Where the files of the modules that a file or an inline module declares are looked for.
struct Place {
    /// For `mod name;`.
    plain: String,
    /// For `#[path = "…"] mod name;`.
    by_path: String,
}

impl Tree {
    pub(super) fn of(files: Files) -> Self {
        let mut tree = Self { files, modules: Vec::new(), faults: Vec::new() };
        let roots: Vec<String> = tree.files.keys().filter(|name| is_root(name)).cloned().collect();
        for root in roots {
            tree.walk_file(&root, &root, &[], (true, false));
        }
        tree
    }

    /// `as_mod`: whether the modules that the file declares lie beside it.
    fn walk_file(&mut self, root: &str, file: &str, path: &[String], (as_mod, test): (bool, bool)) {
        let stream = match self.files.get(file).map(|text| text.parse::<TokenStream>()) {
            Some(Ok(stream)) => stream,
            Some(Err(error)) => {
                let line = error.span().start().line;
                return self.faults.push(format!("{file}:{line}: cannot be read: {error}"));
            }
            None => return self.faults.push(format!("{file}:0: is declared and not there")),
        };
        let beside = folder(file);
        let own = file.trim_end_matches(".rs").to_owned();
        let plain = if as_mod { beside.clone() } else { own };
        self.walk(root, file, path, test, stream, &Place { plain, by_path: beside });
    }

    fn walk(
        &mut self,
        root: &str,
        file: &str,
        path: &[String],
        test: bool,
        stream: TokenStream,
        place: &Place,
    ) {
        let body = code::read(stream);
        let test = test || body.test;
        self.modules.push(Module {
            root: root.to_owned(),
            file: file.to_owned(),
            path: path.to_vec(),
            test,
            children: body.modules.iter().map(|module| module.name.clone()).collect(),
            // Only the program's are looked at.
            names: if test || !is_product(root) { Vec::new() } else { code::names(&body.code) },
        });
        for module in body.modules {
            let test = test || module.test;
            let path: Vec<String> = path.iter().chain([&module.name]).cloned().collect();
            match (module.inline, &module.path) {
                (Some(stream), at) => {
                    let folder = match at {
                        Some(at) => join(&place.by_path, at),
                        None => join(&place.plain, &module.name),
                    };
                    let inside = Place { plain: folder.clone(), by_path: folder };
                    self.walk(root, file, &path, test, stream, &inside);
                }
                (None, Some(at)) => {
                    let next = join(&place.by_path, at);
                    self.walk_file(root, &next, &path, (true, test));
                }
                (None, None) => {
                    let next = join(&place.plain, &format!("{}.rs", module.name));
                    let within = join(&place.plain, &format!("{}/mod.rs", module.name));
                    if self.files.contains_key(&next) {
                        self.walk_file(root, &next, &path, (false, test));
                    } else if self.files.contains_key(&within) {
                        self.walk_file(root, &within, &path, (true, test));
                    } else {
                        let (line, name) = (module.line, &module.name);
                        self.faults.push(format!("{file}:{line}: no file of `mod {name}`"));
                    }
                }
            }
        }
    }

    /// The modules that are part of the program.
    pub(super) fn product(&self) -> impl Iterator<Item = &Module> {
        self.modules.iter().filter(|module| !module.test && is_product(&module.root))
    }

    /// Files that a module of the program is in.
    pub(super) fn product_files(&self) -> BTreeSet<&str> {
        self.product().map(|module| module.file.as_str()).collect()
    }
}

impl Module {
    /// The module below the root of the library that it is in, or `lib` or `main`.
    pub(super) fn room(&self) -> &str {
        match (self.root.as_str(), self.path.first()) {
            ("src/main.rs", _) => "main",
            (_, Some(first)) => first,
            (_, None) => "lib",
        }
    }

    /// What a name in it is of.
    pub(super) fn meaning<'a>(&'a self, name: &'a Name) -> Meaning<'a> {
        let segments: Vec<&str> = name.segments.iter().map(String::as_str).collect();
        let own = self.path.iter().map(String::as_str);
        let ups = segments.iter().take_while(|segment| **segment == "super").count();
        let in_library = self.root == "src/lib.rs";
        let (up, from) = match segments.first() {
            Some(&"milvus_ferry") if !in_library => return Meaning::Ours(segments[1..].to_vec()),
            _ if !in_library || name.kind == Kind::Method => return Meaning::Other(segments),
            Some(&"crate") => (self.path.len(), 1),
            Some(&"self") if segments.get(1) == Some(&"super") => (1, 2),
            Some(&"self") => (0, 1),
            Some(&"super") => (ups, ups),
            Some(first) if self.children.iter().any(|child| child == first) => (0, 0),
            _ => return Meaning::Other(segments),
        };
        let kept = self.path.len().saturating_sub(up);
        Meaning::Ours(own.take(kept).chain(segments[from..].iter().copied()).collect())
    }
}

fn is_product(root: &str) -> bool {
    ["src/lib.rs", "src/main.rs"].contains(&root)
}

/// Whether Cargo builds a crate from a file.
fn is_root(file: &str) -> bool {
    let (folder, name) = (folder(file), file.rsplit('/').next().unwrap_or(file));
    match folder.split('/').next() {
        Some("src") => is_product(file),
        _ => {
            ["tests", "benches", "examples"].contains(&&*folder)
                || ["lib.rs", "main.rs", "build.rs"].contains(&name)
        }
    }
}

fn folder(file: &str) -> String {
    file.rsplit_once('/').map_or_else(String::new, |(folder, _)| folder.to_owned())
}

fn join(folder: &str, rest: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in rest.split('/') {
        match part {
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}
