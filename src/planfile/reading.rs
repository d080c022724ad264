//! Reads the files of a plan: no more of them than a plan can have, and only what is one.

use std::fmt::Display;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;

use super::document::Document;
use crate::diagnostic::{Diagnostic, Position, Report, SourceId, Span};

/// What the file is called that the command line names.
pub(super) const PLAN_FILE: &str = "plan file";

/// Bytes that a file of a plan may have.
const LARGEST: u64 = 16 << 20;

/// Folders whose files are made by the system: reading one may wait, or change something.
const SYSTEM: [&str; 3] = ["/dev", "/proc", "/sys"];

/// Reads a file that the command line names: a pipe, too.
pub(super) fn read(path: &Path, what: &str) -> Result<String, Box<Diagnostic>> {
    let fault = |cause: &dyn Display| unreadable(path, what, cause);
    if path.is_dir() {
        return Err(fault(&"it is a directory"));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|cause| fault(&cause))?;
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|cause| fault(&cause))?;
    if bytes.len() as u64 > LARGEST {
        return Err(fault(&format!("it has more than {} MiB", LARGEST >> 20)));
    }
    String::from_utf8(bytes).map_err(|_| fault(&"it is not UTF-8 text"))
}

/// Reads a file that another file names: a regular one only, since nobody who runs the tool chose it.
pub(super) fn read_included(path: &Path) -> Result<String, Box<Diagnostic>> {
    let what = "included file";
    let fault = |cause: &dyn Display| unreadable(path, what, cause);
    let real = fs::canonicalize(path).map_err(|cause| fault(&cause))?;
    let about = fs::metadata(&real).map_err(|cause| fault(&cause))?;
    if about.is_dir() {
        return Err(fault(&"it is a directory"));
    }
    if !about.is_file() || SYSTEM.iter().any(|folder| real.starts_with(folder)) {
        return Err(fault(&"it is no regular file"));
    }
    read(path, what)
}

fn unreadable(path: &Path, what: &str, cause: &dyn Display) -> Box<Diagnostic> {
    let shown = super::without_secrets_of_addresses(&path.display().to_string());
    let message = format!("cannot read the {what} `{shown}`: {cause}");
    Box::new(Diagnostic::error("unreadable_file", message))
}

/// Forms of text that people give in place of TOML.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Other {
    Json,
    Yaml,
}

impl Other {
    /// What a text is that cannot be read as TOML, if it looks like anything.
    pub(super) fn of(text: &str) -> Option<Self> {
        let text = text.trim_start_matches('\u{feff}').trim_start();
        // No TOML begins with a brace, and no table of TOML has a name that begins with one.
        let inner = text.strip_prefix('[').map_or(text, str::trim_start);
        if inner.starts_with('{') {
            return Some(Self::Json);
        }
        let mut lines = text.lines().map(str::trim_end);
        let first = lines.find(|line| !line.is_empty() && !line.trim_start().starts_with('#'))?;
        let is_key = first.split_once(':').is_some_and(|(key, rest)| {
            let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
            !key.is_empty()
                && key.trim_matches(['"', '\'']).chars().all(is_word)
                && (rest.is_empty() || rest.starts_with(' '))
        });
        (is_key || first == "---" || first.starts_with("- ") || first.starts_with("%YAML"))
            .then_some(Self::Yaml)
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Json => "JSON",
            Self::Yaml => "YAML",
        }
    }

    /// What to say of a file that has this form in the place of one in TOML. It is not quoted.
    pub(super) fn finding(self, path: &Path, what: &str) -> Diagnostic {
        let file = super::without_secrets_of_addresses(&path.display().to_string());
        let message = format!("{file} is {}, and no {what}, which is TOML", self.word());
        let finding = Diagnostic::error("not_toml", message);
        let form = "a plan file begins with `version = 1`, then `[source]`, `[target]` and \
                    `[[collections]]`";
        if what != PLAN_FILE {
            return finding.help("write it as TOML: `NAME = VALUE`, and tables as `[NAME]`");
        }
        finding.help(match self {
            Self::Json => format!(
                "saved changes are for `milvus-ferry show {file}` and `milvus-ferry apply {file}`; \
                 {form}"
            ),
            Self::Yaml => {
                format!("{form}; `milvus-ferry init --from URI` writes one from a server")
            }
        })
    }
}

/// Reports what is wrong with the TOML itself, and whether that is anything.
pub(super) fn report_syntax(document: &Document, source: SourceId, report: &mut Report) -> bool {
    let unusable = document.unusable.iter().map(|(_, fault)| fault);
    for fault in document.syntax.iter().chain(unusable) {
        report.push(
            Diagnostic::error(fault.code, fault.message.clone())
                .at(Span { source, range: fault.range.clone() }),
        );
    }
    !document.syntax.is_empty()
}

/// What to say of an included file that is no TOML: where it stops to be, and nothing of what it
/// holds, which may be anything on this machine.
pub(super) fn foreign(path: &Path, document: &Document, text: &str) -> Option<Diagnostic> {
    let fault = document.syntax.iter().min_by_key(|fault| fault.range.start)?;
    if let Some(other) = Other::of(text) {
        return Some(other.finding(path, "included file"));
    }
    let Position { line, column } = Position::in_text(text, fault.range.start);
    let more = match document.syntax.len() - 1 {
        0 => String::new(),
        1 => ", and one more error".to_owned(),
        more => format!(", and {more} more errors"),
    };
    let file = path.display();
    let message =
        format!("`{file}` is no TOML: line {line}, column {column}: {}{more}", fault.message);
    Some(Diagnostic::error("not_toml", message).help(
        "what is included is not shown here, as it may be any file; correct it, or include another",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_forms_are_known_by_their_first_line() {
        for text in ["{\"a\": 1}", " \n{", "[{\"a\": 1}]", "[\n  {}\n]"] {
            assert_eq!(Other::of(text), Some(Other::Json), "{text}");
        }
        for text in [
            "version: 1\n",
            "# a\n\nsource:\n  endpoint: x\n",
            "---\na: 1",
            "- a: 1",
            "\"a\": 1",
            "%YAML 1.2\n",
        ] {
            assert_eq!(Other::of(text), Some(Other::Yaml), "{text}");
        }
        for text in [
            "a = 1",
            "[source]",
            "[[collections]]",
            "a = \"b: c\"",
            "",
            "# a: b",
            "a:b",
            "root:x:0",
        ] {
            assert_eq!(Other::of(text), None, "{text}");
        }
    }
}
