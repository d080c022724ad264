//! An explanation as text for people, and as JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{Explanation, PRECEDENCE, Section, Setting};

/// Columns are at most so wide, unless a value is.
const WIDEST: usize = 44;

impl Explanation {
    /// One line for each setting: key, value, and where that is from.
    pub fn to_text(&self) -> String {
        let mut out = format!("{} · {}", self.name, self.file);
        match &self.environment {
            Some(environment) => _ = write!(out, " · environment {environment}"),
            None => out.push_str(" · no environment"),
        }
        out.push('\n');
        for include in &self.includes {
            let _ = writeln!(out, "  includes {include}");
        }
        let _ = writeln!(out, "  a variable is what comes last of:\n    {PRECEDENCE}");
        let title = "variables".to_owned();
        lines(&mut out, &title, None, &self.variables);
        for Section { title, place, settings } in &self.sections {
            lines(&mut out, title, place.as_deref(), settings);
        }
        out
    }

    /// The same as a JSON object.
    pub fn to_json(&self) -> Value {
        let sections: Vec<Value> = self
            .sections
            .iter()
            .map(|section| {
                json!({
                    "table": section.title,
                    "place": section.place,
                    "settings": section.settings.iter().map(setting).collect::<Vec<_>>(),
                })
            })
            .collect();
        json!({
            "name": self.name,
            "file": self.file,
            "environment": self.environment,
            "includes": self.includes,
            "precedence": PRECEDENCE,
            "variables": self.variables.iter().map(setting).collect::<Vec<_>>(),
            "sections": sections,
        })
    }
}

fn setting(setting: &Setting) -> Value {
    let mut object = json!({
        "key": setting.key,
        "value": setting.value.json(),
        "text": setting.value.text(),
        "from": setting.origin,
    });
    if !setting.through.is_empty() {
        object["variables"] = setting
            .through
            .iter()
            .map(|(name, from)| json!({ "name": name, "from": from }))
            .collect();
    }
    object
}

fn lines(out: &mut String, title: &str, place: Option<&str>, settings: &[Setting]) {
    if settings.is_empty() {
        return;
    }
    let place = place.map(|place| format!("  {place}")).unwrap_or_default();
    let _ = writeln!(out, "\n{title}{place}");
    let width = |text: &str| text.chars().count();
    let widest = |widths: &mut dyn Iterator<Item = usize>| {
        widths.filter(|width| *width <= WIDEST).max().unwrap_or(0)
    };
    let keys = widest(&mut settings.iter().map(|setting| width(&setting.key)));
    let values = widest(&mut settings.iter().map(|setting| width(&setting.value.text())));
    for setting in settings {
        let (key, value) = (&setting.key, shown(&setting.value.text()));
        let _ = write!(out, "  {key:keys$}  {value:values$}  {}", setting.origin);
        for (name, from) in &setting.through {
            let _ = write!(out, ", {name}: {from}");
        }
        out.push('\n');
    }
}

/// A text that no terminal acts on.
fn shown(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { c.escape_unicode().to_string() } else { c.to_string() })
        .collect()
}
