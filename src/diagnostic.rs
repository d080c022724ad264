//! Findings about files that a person wrote: what is wrong, where, and what to do about it.
//!
//! Findings accumulate in a [`Report`], so that one run shows all of them. Parts of a source that
//! may be secret are hidden when the report is made: nothing that renders it can show them.

mod render;
mod source;

use std::borrow::Cow;
use std::ops::Range;

pub use source::Position;
use source::Source;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The plan file cannot be used.
    Error,
    /// It can be used, and is probably not what was meant.
    Warning,
}

impl Severity {
    /// The word for it in every output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// A source of a report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourceId(usize);

/// A piece of a source, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The source.
    pub source: SourceId,
    /// The bytes.
    pub range: Range<usize>,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// What kind of finding it is: a stable word in `snake_case`.
    pub code: Cow<'static, str>,
    /// What is wrong, in one sentence.
    pub message: String,
    /// Where it is; `None` for what no file says, such as an option of the command line.
    pub location: Option<Span>,
    /// A few words at the place itself.
    pub label: Option<String>,
    /// Other places that take part in it, each with a few words.
    pub related: Vec<(Span, String)>,
    /// What to do about it.
    pub help: Option<String>,
}

impl Diagnostic {
    /// An error.
    pub fn error(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code.into(), message.into())
    }

    /// A warning.
    pub fn warning(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code.into(), message.into())
    }

    fn new(severity: Severity, code: Cow<'static, str>, message: String) -> Self {
        Self {
            severity,
            code,
            message,
            location: None,
            label: None,
            related: Vec::new(),
            help: None,
        }
    }

    /// The same finding, at a place.
    #[must_use]
    pub fn at(mut self, span: Span) -> Self {
        self.location = Some(span);
        self
    }

    /// The same finding, with a few words at its place.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// The same finding, with another place that takes part in it.
    #[must_use]
    pub fn related(mut self, span: Span, label: impl Into<String>) -> Self {
        self.related.push((span, label.into()));
        self
    }

    /// The same finding, with what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// Findings, and the sources that they point into.
#[derive(Debug, Clone, Default)]
pub struct Report {
    sources: Vec<Source>,
    diagnostics: Vec<Diagnostic>,
}

impl Report {
    /// A report without any finding.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a source by the name that people know it by, and hides the given parts of it.
    pub fn add_source(&mut self, name: String, text: String, hidden: &[Range<usize>]) -> SourceId {
        self.sources.push(Source::new(name, text, hidden));
        SourceId(self.sources.len() - 1)
    }

    /// Adds a finding.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// The findings by position: those without a place first, then source by source.
    pub fn diagnostics(&self) -> Vec<&Diagnostic> {
        let mut sorted: Vec<&Diagnostic> = self.diagnostics.iter().collect();
        sorted.sort_by_key(|diagnostic| {
            diagnostic.location.as_ref().map(|span| (span.source, span.range.start, span.range.end))
        });
        sorted
    }

    /// Number of findings of a severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count()
    }

    /// Whether any finding is an error.
    pub fn has_errors(&self) -> bool {
        self.count(Severity::Error) > 0
    }

    /// Whether there is no finding.
    pub fn is_empty(&self) -> bool {
        self.diagnostics.is_empty()
    }

    /// The name of a source.
    pub fn source_name(&self, id: SourceId) -> &str {
        self.sources.get(id.0).map_or("", Source::name)
    }

    /// Where a span begins, as people count: from one, in characters.
    pub fn start(&self, span: &Span) -> Position {
        self.position(span.source, span.range.start)
    }

    /// Where a span ends.
    pub fn end(&self, span: &Span) -> Position {
        self.position(span.source, span.range.end)
    }

    fn position(&self, source: SourceId, offset: usize) -> Position {
        self.sources
            .get(source.0)
            .map_or(Position { line: 1, column: 1 }, |source| source.position(offset))
    }
}
