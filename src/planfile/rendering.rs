//! Renders the strings of a document as templates, and reports those that cannot be rendered.

use std::collections::BTreeSet;

use serde_json::Value;

use super::assembly::Assembly;
use super::document::child;
use super::template::{self, Templates};
use super::{hidden, resolve, variables};
use crate::diagnostic::{Diagnostic, Report, Span};
use crate::model::suggestion;

/// A document whose strings are rendered.
pub(super) struct Rendered {
    pub(super) value: Value,
    /// Pointers of the values that are not known, because their template fails.
    pub(super) unknown: BTreeSet<String>,
    pub(super) templates: Templates,
}

/// Renders all strings but those that are read before templates are: the variables themselves.
pub(super) fn render(
    plan: &Assembly,
    templates: Templates,
    withheld: &BTreeSet<String>,
    report: &mut Report,
) -> Rendered {
    Rendering {
        plan,
        templates,
        withheld,
        unknown: plan.places.unusable().cloned().collect(),
        broken: false,
        report,
    }
    .render()
}

/// A plan file on the way through its templates.
struct Rendering<'a> {
    plan: &'a Assembly,
    templates: Templates,
    /// Variables without a value, which was said.
    withheld: &'a BTreeSet<String>,
    unknown: BTreeSet<String>,
    /// Whether some template cannot even be read: which variables it uses is not known then.
    broken: bool,
    report: &'a mut Report,
}

impl Rendering<'_> {
    fn render(mut self) -> Rendered {
        let mut value = self.plan.value.clone();
        let (named, plain): (Vec<&str>, Vec<&str>) = self
            .plan
            .places
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
        let used_here = self.templates.used(text);
        let withheld = !used_here.is_disjoint(self.withheld);
        used.extend(used_here);
        if hidden::is_credential(pointer) {
            text.clear();
            return;
        }
        if withheld {
            *leaf = Value::Null;
            self.unknown.insert(pointer.to_owned());
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
        let Span { source, mut range } = self.plan.places.value(pointer);
        // Where the string is written without escapes, the place inside it is known as well.
        let written = self.plan.written(pointer).unwrap_or_default();
        if let Some(inner) = &fault.range
            && !inner.is_empty()
            && let Some(start) =
                self.plan.text(source).get(range.clone()).and_then(|text| text.find(written))
        {
            range = range.start + start + inner.start..range.start + start + inner.end;
        }
        let code = if fault.undefined.is_some() {
            "undefined_variable"
        } else {
            self.broken = true;
            "invalid_template"
        };
        let mut finding = Diagnostic::error(code, fault.message.clone()).at(Span { source, range });
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
        for (table, what) in [("/vars", "variable"), ("/inputs", "input")] {
            for name in variables::table(&self.plan.value, table).keys() {
                if used.contains(name) || variables::name_fault(name).is_some() {
                    continue;
                }
                self.report.push(
                    Diagnostic::warning(
                        "unused_variable",
                        format!("the {what} `{name}` is never used"),
                    )
                    .at(self.plan.places.key(&child(table, name)))
                    .help(format!("use it as `{{{{ {name} }}}}`, or remove it")),
                );
            }
        }
    }
}

fn read_before_templates(pointer: &str) -> bool {
    ["/version", "/include", "/inputs", "/vars", "/env"].iter().any(|before| {
        pointer.strip_prefix(before).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}
