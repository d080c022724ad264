//! Renders the strings of a document as templates, and reports those that cannot be rendered.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::document::{Document, child};
use super::template::{self, Templates};
use super::{hidden, resolve, suggestion, variables};
use crate::diagnostic::{Diagnostic, Report, SourceId, Span};

/// A document whose strings are rendered.
pub(super) struct Rendered {
    pub(super) value: Value,
    /// Pointers of the values that are not known, because their template fails.
    pub(super) unknown: BTreeSet<String>,
    pub(super) templates: Templates,
}

/// Renders all strings but those that are read before templates are: the variables themselves.
pub(super) fn render(
    text: &str,
    document: &Document,
    source: SourceId,
    templates: Templates,
    report: &mut Report,
) -> Rendered {
    let unusable = document.unusable.iter();
    Rendering {
        text,
        document,
        source,
        templates,
        unknown: unusable.map(|(pointer, _)| pointer.clone()).collect(),
        broken: false,
        report,
    }
    .render()
}

/// A plan file on the way through its templates.
struct Rendering<'a> {
    text: &'a str,
    document: &'a Document,
    source: SourceId,
    templates: Templates,
    unknown: BTreeSet<String>,
    /// Whether some template cannot even be read: which variables it uses is not known then.
    broken: bool,
    report: &'a mut Report,
}

impl Rendering<'_> {
    fn render(mut self) -> Rendered {
        let mut value = self.document.value.clone();
        let (named, plain): (Vec<&str>, Vec<&str>) = self
            .document
            .spans
            .pointers()
            .filter(|pointer| !read_before_templates(pointer))
            .partition(|pointer| resolve::sees_name(pointer).is_some());
        let mut used = BTreeSet::new();
        for pointer in plain {
            self.leaf(&mut value, pointer, None, &mut used);
        }
        for pointer in named {
            let entry = resolve::sees_name(pointer).unwrap_or_default();
            let name = value
                .pointer(&child(entry, "source"))
                .and_then(Value::as_str)
                .map_or_else(|| resolve::SAMPLE.to_owned(), resolve::sample_name);
            self.leaf(&mut value, pointer, Some(&name), &mut used);
        }
        if !self.broken {
            self.unused(&used);
        }
        Rendered { value, unknown: self.unknown, templates: self.templates }
    }

    fn leaf(
        &mut self,
        value: &mut Value,
        pointer: &str,
        name: Option<&str>,
        used: &mut BTreeSet<String>,
    ) {
        // A literal where a credential should be named is an error, and never looked into.
        let Some(leaf) = value.pointer_mut(pointer) else {
            return;
        };
        let Value::String(text) = leaf else {
            return;
        };
        used.extend(self.templates.used(text));
        if hidden::is_credential(pointer) {
            text.clear();
            return;
        }
        match self.templates.render(text, name) {
            Ok(rendered) => *leaf = rendered,
            Err(fault) => {
                *leaf = Value::Null;
                self.fault(pointer, &fault, name.is_some());
            }
        }
    }

    fn fault(&mut self, pointer: &str, fault: &template::Fault, sees_name: bool) {
        let mut range = self.document.spans.value(pointer);
        // Where the string is written without escapes, the place inside it is known as well.
        let written =
            self.document.value.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        if let Some(inner) = &fault.range
            && !inner.is_empty()
            && let Some(start) = self.text[range.clone()].find(written)
        {
            range = range.start + start + inner.start..range.start + start + inner.end;
        }
        let code = if fault.undefined.is_some() {
            "undefined_variable"
        } else {
            self.broken = true;
            "invalid_template"
        };
        let mut finding =
            Diagnostic::error(code, fault.message.clone()).at(Span { source: self.source, range });
        if let Some(undefined) = &fault.undefined {
            let near = suggestion::closest(undefined, self.templates.names());
            finding = finding.help(match near {
                Some(near) => format!("did you mean `{near}`?"),
                None if undefined == template::NAME && !sees_name => format!(
                    "`{}` is the source collection's name, in `target`, `description` and `aliases` only",
                    template::NAME
                ),
                None => format!("declare it with a default: `[vars]`, then `{undefined} = …`"),
            });
        }
        self.report.push(finding);
        self.unknown.insert(pointer.to_owned());
    }

    fn unused(&mut self, used: &BTreeSet<String>) {
        let declared: BTreeMap<String, Value> = self
            .document
            .value
            .get("vars")
            .and_then(Value::as_object)
            .map(|vars| vars.clone().into_iter().collect())
            .unwrap_or_default();
        for name in declared
            .keys()
            .filter(|name| !used.contains(*name) && variables::name_fault(name).is_none())
        {
            let pointer = child("/vars", name);
            self.report.push(
                Diagnostic::warning(
                    "unused_variable",
                    format!("the variable `{name}` is never used"),
                )
                .at(Span { source: self.source, range: self.document.spans.key(&pointer) })
                .help(format!("use it as `{{{{ {name} }}}}`, or remove it")),
            );
        }
    }
}

fn read_before_templates(pointer: &str) -> bool {
    ["/version", "/vars", "/env"].iter().any(|before| {
        pointer.strip_prefix(before).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}
