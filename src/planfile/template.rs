//! Templates in the strings of a plan file.
//!
//! Only strings are templates, after TOML is parsed: no value can change the file's structure. A
//! template sees the declared variables and nothing else, so that the same inputs give the same
//! plan.

mod bounds;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::Range;
use std::sync::Arc;

use minijinja::{Environment, ErrorKind, UndefinedBehavior};
use serde_json::Value;

/// Steps that one template may take; far more than any needs, and few enough to end soon.
const FUEL: u64 = 50_000;

/// The variable that holds a source collection's name, where there is one.
pub(super) const NAME: &str = "name";

/// Renders templates with the variables of one plan file.
#[derive(Debug, Clone)]
pub(super) struct Templates {
    engine: Arc<Environment<'static>>,
    variables: Arc<BTreeMap<String, Value>>,
}

/// Why a template gives nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// The name that it uses and nobody declared, if that is the reason.
    pub(super) undefined: Option<String>,
    /// What is wrong, for people. May quote the template, and no value.
    pub(super) message: String,
    /// Where in the template, in bytes, if known.
    pub(super) range: Option<Range<usize>>,
}

/// Whether a string is a template at all.
pub(super) fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%") || text.contains("{#")
}

impl Templates {
    pub(super) fn new(variables: BTreeMap<String, Value>) -> Self {
        let mut engine = Environment::new();
        engine.set_undefined_behavior(UndefinedBehavior::Strict);
        engine.set_fuel(Some(FUEL));
        Self { engine: Arc::new(engine), variables: Arc::new(variables) }
    }

    /// Names of the variables, for suggestions.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.variables.keys().map(String::as_str)
    }

    /// Renders a string. One that is exactly one `{{ expression }}` keeps the expression's type;
    /// anything else is text.
    pub(super) fn render(&self, text: &str, name: Option<&str>) -> Result<Value, Fault> {
        if !is_template(text) {
            return Ok(Value::from(text));
        }
        if let Some(why) = bounds::fault(text) {
            return Err(Fault::new(&why));
        }
        match self.whole_expression(text, name) {
            Some(value) => value,
            None => self.render_text(text, name).map(Value::from),
        }
    }

    /// Renders a string to text, whatever the type of its expression.
    pub(super) fn render_text(&self, text: &str, name: Option<&str>) -> Result<String, Fault> {
        if !is_template(text) {
            return Ok(text.to_owned());
        }
        if let Some(why) = bounds::fault(text) {
            return Err(Fault::new(&why));
        }
        let mut result = Bounded(Vec::new());
        self.engine
            .template_from_str(text)
            .and_then(|template| {
                template.render_captured_to(self.context(name), &mut result).map(drop)
            })
            .map_err(|error| self.fault(text, name, &error))?;
        String::from_utf8(result.0).map_err(|_| Fault::new("it gives no text"))
    }

    /// The variables that a template uses and does not set itself.
    pub(super) fn used(&self, text: &str) -> BTreeSet<String> {
        if !is_template(text) || bounds::fault(text).is_some() {
            return BTreeSet::new();
        }
        self.engine
            .template_from_str(text)
            .map(|template| template.undeclared_variables(false).into_iter().collect())
            .unwrap_or_default()
    }

    /// The value of a string that is exactly one expression; `None` where it is not, or where
    /// rendering it as text says better what is wrong.
    fn whole_expression(&self, text: &str, name: Option<&str>) -> Option<Result<Value, Fault>> {
        let inner = text.strip_prefix("{{")?.strip_suffix("}}")?;
        let inner = inner.strip_prefix(['-', '+']).unwrap_or(inner);
        let inner = inner.strip_suffix('-').unwrap_or(inner);
        let expression = self.engine.compile_expression(inner).ok()?;
        let value = expression.eval(self.context(name)).ok()?;
        if value.is_undefined() {
            return None;
        }
        let value = serde_json::to_value(&value).unwrap_or_default();
        Some(match value {
            Value::String(_) | Value::Number(_) | Value::Bool(_) => Ok(value),
            Value::Null => Err(Fault::new("the expression has no value")),
            Value::Array(_) | Value::Object(_) => Err(Fault::new(
                "the expression gives a list or a table; a template gives text, a number or a boolean",
            )),
        })
    }

    fn context(&self, name: Option<&str>) -> minijinja::Value {
        let variables =
            self.variables.iter().map(|(name, value)| (name.as_str(), engine_value(value)));
        let name = name.map(|name| (NAME, minijinja::Value::from(name)));
        minijinja::Value::from_pairs(variables.chain(name))
    }

    fn fault(&self, text: &str, name: Option<&str>, error: &minijinja::Error) -> Fault {
        let range = error.range().filter(|range| range.end <= text.len());
        if error.kind() == ErrorKind::UndefinedError
            && let Some(undefined) = self.used(text).into_iter().find(|used| {
                !self.variables.contains_key(used)
                    && (name.is_none() || used != NAME)
                    && self.engine.globals().all(|(global, _)| global != used)
            })
        {
            return Fault {
                message: format!("`{undefined}` is not a declared variable"),
                range: word(text, &undefined).or(range),
                undefined: Some(undefined),
            };
        }
        let message = match error.kind() {
            ErrorKind::OutOfFuel => "it takes too many steps".to_owned(),
            ErrorKind::WriteFailure => "it gives too much text".to_owned(),
            ErrorKind::UndefinedError => "the expression has no value".to_owned(),
            // These speak of the template. The details of others quote values.
            kind @ (ErrorKind::SyntaxError
            | ErrorKind::UnknownFilter
            | ErrorKind::UnknownFunction
            | ErrorKind::UnknownMethod
            | ErrorKind::UnknownTest) => {
                error.detail().map_or_else(|| kind.to_string(), str::to_owned)
            }
            kind => format!("the template cannot be rendered: {kind}"),
        };
        Fault { undefined: None, message, range }
    }
}

/// The text that a template gives, as far as it may go.
struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        if self.0.len() + text.len() > bounds::LONGEST_RESULT {
            return Err(io::Error::other("too long"));
        }
        self.0.extend_from_slice(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A variable's value for the engine. Lists and tables are refused before.
fn engine_value(value: &Value) -> minijinja::Value {
    match value {
        Value::String(text) => minijinja::Value::from(text.as_str()),
        Value::Bool(flag) => minijinja::Value::from(*flag),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => minijinja::Value::from(whole),
            (None, Some(fraction)) => minijinja::Value::from(fraction),
            (None, None) => minijinja::Value::from(()),
        },
        Value::Null | Value::Array(_) | Value::Object(_) => minijinja::Value::from(()),
    }
}

impl Fault {
    fn new(message: &str) -> Self {
        Self { undefined: None, message: message.to_owned(), range: None }
    }
}

/// Where a word stands in a text, on its own.
fn word(text: &str, word: &str) -> Option<Range<usize>> {
    let joined = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).map(|(start, _)| start..start + word.len()).find(|range| {
        !text[..range.start].ends_with(joined) && !text[range.end..].starts_with(joined)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn templates() -> Templates {
        Templates::new(BTreeMap::from([
            ("count".to_owned(), json!(64)),
            ("ratio".to_owned(), json!(0.5)),
            ("on".to_owned(), json!(true)),
            ("suffix".to_owned(), json!("_v2")),
        ]))
    }

    fn rendered(text: &str) -> Result<Value, String> {
        templates().render(text, None).map_err(|fault| fault.message)
    }

    #[test]
    fn a_whole_expression_keeps_its_type() {
        assert_eq!(rendered("{{ count }}"), Ok(json!(64)));
        assert_eq!(rendered("{{count*2}}"), Ok(json!(128)));
        assert_eq!(rendered("{{- on -}}"), Ok(json!(true)));
        assert_eq!(rendered("{{ ratio }}"), Ok(json!(0.5)));
        assert_eq!(rendered("{{ 'a }} b' }}"), Ok(json!("a }} b")));
    }

    #[test]
    fn anything_else_is_text() {
        assert_eq!(rendered(" {{ count }}"), Ok(json!(" 64")));
        assert_eq!(rendered("{{ count }}{{ count }}"), Ok(json!("6464")));
        assert_eq!(rendered("{{ count }} of {{ count }}"), Ok(json!("64 of 64")));
        assert_eq!(rendered("{% if on %}yes{% endif %}"), Ok(json!("yes")));
        assert_eq!(rendered("no template"), Ok(json!("no template")));
        assert_eq!(rendered("<a>{{ suffix }}</a>"), Ok(json!("<a>_v2</a>")));
    }

    #[test]
    fn what_gives_nothing_says_why() {
        let fault = templates().render("x{{ sufix }}", None).unwrap_err();
        assert_eq!(fault.undefined.as_deref(), Some("sufix"));
        assert_eq!(fault.range, Some(4..9));
        let fault = templates().render("{{ name }}", None).unwrap_err();
        assert_eq!(fault.undefined.as_deref(), Some("name"));
        assert!(rendered("{{ }}").is_err());
        assert!(rendered("{{ count").is_err());
        assert!(rendered("{{ none }}").is_err());
        assert!(rendered("{{ [1] }}").unwrap_err().contains("list"));
        assert!(rendered("{{ suffix.nothing }}").is_err());
        assert!(rendered("{% include 'etc/passwd' %}").is_err());
        let long = "{% for i in range(9999) %}{% for j in range(9999) %}x{% endfor %}{% endfor %}";
        assert_eq!(rendered(long).unwrap_err(), "it takes too many steps");
        let long = format!("{{% for i in range(9999) %}}{}{{% endfor %}}", "x".repeat(9999));
        assert_eq!(rendered(&long).unwrap_err(), "it gives too much text");
    }

    /// On a thread with less stack than the one that reads plan files.
    #[test]
    fn no_template_runs_out_of_stack() {
        let shapes = |parts: usize| {
            let list = |part: &str| vec![part; parts].join("+");
            [
                format!("{{{{ {} }}}}", list("1")),
                format!("{{{{ 1{} }}}}", "|abs".repeat(parts)),
                format!("{{{{ {}1 }}}}", "not ".repeat(parts)),
                format!("{{{{ {}1 }}}}", "-".repeat(parts)),
                format!("{{{{ suffix{} }}}}", "[0]".repeat(parts)),
                format!("{{{{ suffix{} }}}}", ".a".repeat(parts)),
                format!("{{{{ {}1{} }}}}", "(".repeat(parts), ")".repeat(parts)),
                format!("{{{{ {}1{} }}}}", "[".repeat(parts), "]".repeat(parts)),
                format!("{{{{ 1{} }}}}", " if 1 else 1".repeat(parts)),
                format!("{{{{ 1{} }}}}", " ** 1".repeat(parts)),
                format!("{{% if 0 %}}{}{{% endif %}}", "{% elif 0 %}".repeat(parts)),
                format!("x{}", "{{ 1 }}".repeat(parts)),
            ]
        };
        let work = move || {
            for parts in [15, 40, 100, 200, 290, 1_000, 50_000] {
                for text in shapes(parts) {
                    let refused = templates().render(&text, None).is_err();
                    assert!(refused || parts < 300, "{parts} of {}", &text[..40]);
                    let _ = templates().used(&text);
                }
            }
        };
        std::thread::Builder::new().stack_size(2 << 20).spawn(work).unwrap().join().unwrap();
    }

    #[test]
    fn values_are_not_quoted() {
        let templates = Templates::new(BTreeMap::from([("v".to_owned(), json!("canary"))]));
        for text in [
            "{{ v / 2 }}",
            "{{ v | int }}",
            "{{ v.x.y }}",
            "{{ v() }}",
            "{{ -v }}",
            "{{ range(v) }}",
            "{% include v %}",
            "{{ v | round }}",
            "{{ [] | join(v, 1, 2) }}",
        ] {
            let fault = templates.render(text, None).unwrap_err();
            assert!(!format!("{fault:?}").contains("canary"), "{fault:?}");
        }
    }

    #[test]
    fn the_process_environment_is_out_of_reach() {
        for text in ["{{ env('PATH') }}", "{{ env.PATH }}", "{{ PATH }}", "{{ environ }}"] {
            assert!(rendered(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_value_is_data_whatever_it_holds(value in ".*") {
            let templates = Templates::new(BTreeMap::from([("v".to_owned(), json!(value))]));
            prop_assert_eq!(templates.render("{{ v }}", None), Ok(json!(value)));
            prop_assert_eq!(templates.render("<{{ v }}>", None), Ok(json!(format!("<{value}>"))));
        }

        #[test]
        fn numbers_and_booleans_stay_what_they_are(number: i64, flag: bool) {
            let templates = Templates::new(BTreeMap::from([
                ("number".to_owned(), json!(number)),
                ("flag".to_owned(), json!(flag)),
            ]));
            prop_assert_eq!(templates.render("{{ number }}", None), Ok(json!(number)));
            prop_assert_eq!(templates.render("{{flag}}", None), Ok(json!(flag)));
            prop_assert_eq!(templates.render("{{number}}.", None), Ok(json!(format!("{number}."))));
        }

        #[test]
        fn any_text_renders_or_is_refused(text in "[{}%#\\-+ '\"a-c.|()\\[\\]0-9\n]{0,40}") {
            let _ = templates().render(&text, Some("source"));
            let _ = templates().used(&text);
        }
    }
}
