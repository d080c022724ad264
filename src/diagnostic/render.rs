//! A report as people and machines read it.

use std::fmt::Write as _;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use serde_json::{Value, json};

use super::source::Source;
use super::{Diagnostic, Report, Severity, Span};

/// Bytes between two places that are shown in one piece.
const NEAR: usize = 4096;

impl Report {
    /// The findings as text, each with its file, line, column, the line itself and help.
    pub fn render(&self, colour: bool) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let mut out = String::new();
        for diagnostic in self.diagnostics() {
            let groups = [self.group(diagnostic)];
            out.push_str(&renderer.render(&groups));
            out.push_str("\n\n");
        }
        out
    }

    fn group<'a>(&'a self, diagnostic: &'a Diagnostic) -> Group<'a> {
        let level = match diagnostic.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let title = level.primary_title(diagnostic.message.as_str()).id(diagnostic.code.as_ref());
        let mut group = Group::with_title(title);
        if let Some(span) = &diagnostic.location {
            if let Some(source) = self.sources.get(span.source.0) {
                group = snippet(group, diagnostic, span, source);
            }
            for (other, label) in &diagnostic.related {
                if !is_near(other, span) {
                    group = self.elsewhere(group, other, label);
                }
            }
        }
        if let Some(help) = &diagnostic.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        group
    }

    fn elsewhere<'a>(&'a self, group: Group<'a>, span: &Span, label: &'a str) -> Group<'a> {
        match self.sources.get(span.source.0) {
            None => group,
            Some(source) => {
                let range = source.shown_range(&span.range);
                let window = source.window(std::slice::from_ref(&range));
                let annotation = AnnotationKind::Context.span(window.inside(&range)).label(label);
                let snippet = Snippet::source(window.text).line_start(window.line);
                group.element(snippet.path(source.name()).annotation(annotation))
            }
        }
    }

    /// The findings as a JSON list; lines and columns count from one, in characters.
    pub fn to_json(&self) -> Value {
        self.diagnostics()
            .into_iter()
            .map(|diagnostic| {
                let mut entry = json!({
                    "severity": diagnostic.severity.as_str(),
                    "code": diagnostic.code,
                    "message": diagnostic.message,
                });
                if let Some(span) = &diagnostic.location {
                    self.place(&mut entry, span);
                }
                if let Some(help) = &diagnostic.help {
                    entry["help"] = json!(help);
                }
                if !diagnostic.related.is_empty() {
                    entry["related"] = diagnostic
                        .related
                        .iter()
                        .map(|(span, label)| {
                            let mut other = json!({ "message": label });
                            self.place(&mut other, span);
                            other
                        })
                        .collect();
                }
                entry
            })
            .collect()
    }

    fn place(&self, entry: &mut Value, span: &Span) {
        let (start, end) = (self.start(span), self.end(span));
        entry["file"] = json!(self.source_name(span.source));
        entry["line"] = json!(start.line);
        entry["column"] = json!(start.column);
        entry["end_line"] = json!(end.line);
        entry["end_column"] = json!(end.column);
    }

    /// The findings as workflow commands, which GitHub shows at the lines of a pull request.
    pub fn to_github(&self) -> String {
        let mut out = String::new();
        for diagnostic in self.diagnostics() {
            let mut properties = String::new();
            if let Some(span) = &diagnostic.location {
                let start = self.start(span);
                let file = github_property(self.source_name(span.source));
                let _ = write!(properties, "file={file},line={},col={},", start.line, start.column);
            }
            let mut message = diagnostic.message.clone();
            if let Some(help) = &diagnostic.help {
                let _ = write!(message, "\nhelp: {help}");
            }
            let _ = writeln!(
                out,
                "::{} {properties}title={}::{}",
                diagnostic.severity.as_str(),
                github_property(&diagnostic.code),
                github_data(&message)
            );
        }
        out
    }
}

/// Whether another place is shown in one piece with the first: what lies between is read as well.
fn is_near(other: &Span, span: &Span) -> bool {
    other.source == span.source && other.range.start.abs_diff(span.range.start) < NEAR
}

/// Adds the lines of a source that a finding is about.
fn snippet<'a>(
    group: Group<'a>,
    diagnostic: &'a Diagnostic,
    span: &Span,
    source: &'a Source,
) -> Group<'a> {
    let range = source.shown_range(&span.range);
    let related: Vec<_> = diagnostic
        .related
        .iter()
        .filter(|(other, _)| is_near(other, span))
        .map(|(other, label)| (source.shown_range(&other.range), label))
        .collect();
    let ranges: Vec<_> =
        std::iter::once(range.clone()).chain(related.iter().map(|(at, _)| at.clone())).collect();
    let window = source.window(&ranges);
    let primary =
        AnnotationKind::Primary.span(window.inside(&range)).label(diagnostic.label.as_deref());
    let related = related.iter().map(|(other, label)| {
        AnnotationKind::Context.span(window.inside(other)).label(label.as_str())
    });
    let snippet = Snippet::source(window.text)
        .line_start(window.line)
        .annotation(primary)
        .annotations(related);
    if !window.cut && !source.hides_before(span.range.start) {
        return group.element(snippet.path(source.name()));
    }
    // What is hidden or left out moves what follows it in its line: the true column is given apart.
    let start = source.position(span.range.start);
    group
        .element(Origin::path(source.name()).line(start.line).char_column(start.column))
        .element(snippet)
}

fn github_data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn github_property(text: &str) -> String {
    github_data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let mut report = Report::new();
        let text = "token = \"canary\", x = 1\nother = 2\n";
        let source =
            report.add_source("a,b.toml".into(), text.into(), std::slice::from_ref(&(8..16)));
        report.push(
            Diagnostic::error("second_code", "100% wrong")
                .at(Span { source, range: 18..19 })
                .label("here")
                .related(Span { source, range: 24..29 }, "and there")
                .help("write\nless"),
        );
        report.push(Diagnostic::warning("first_code", "no place"));
        report
    }

    #[test]
    fn text() {
        insta::assert_snapshot!(report().render(false));
        assert!(!report().render(true).contains("canary"));
        assert!(report().render(true).contains("\u{1b}["));
    }

    #[test]
    fn github_commands_are_escaped() {
        assert_eq!(
            report().to_github(),
            "::warning title=first_code::no place\n\
             ::error file=a%2Cb.toml,line=1,col=19,title=second_code::100%25 wrong%0Ahelp: write%0Aless\n"
        );
    }

    #[test]
    fn json() {
        insta::assert_snapshot!(
            serde_json::to_string_pretty(&report().to_json()).unwrap_or_default()
        );
    }
}
