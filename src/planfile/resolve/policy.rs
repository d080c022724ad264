//! The rules that changes have to keep, and what of them can be told from the plan file alone.

use super::super::document::child;
use super::super::file::{PolicyTable, RequiredWord};
use super::super::units;
use super::{Context, names};
use crate::diagnostic::Diagnostic;
use crate::model::{
    CollectionRule, ContentCheck, NameTemplate, Placed, Policy, Selector, Verification,
    VerifySettings,
};

/// The rules; what is malformed is reported, and no rule.
pub(super) fn resolve(table: Option<&PolicyTable>, context: &mut Context<'_>) -> Policy {
    let Some(table) = table else { return Policy::default() };
    let max_bytes = table.max_bytes.as_deref().and_then(|text| {
        let size = units::size(text);
        if size.is_none() && !context.is_invalid("/policy/max_bytes") {
            let finding = Diagnostic::error("invalid_value", "`max_bytes` is out of range");
            context.report("/policy/max_bytes", finding);
        }
        size
    });
    let mut globs = table.collection_names.clone();
    for (index, pattern) in table.collection_names.iter().flatten().enumerate() {
        if let Some(finding) = names::glob_finding(pattern) {
            context.report(&format!("/policy/collection_names/{index}"), finding);
            globs = None;
        }
    }
    let flag =
        |key: &str, flag: Option<bool>| placed(key, (flag == Some(true)).then_some(()), context);
    Policy {
        forbid_lossy: flag("forbid_lossy", table.forbid_lossy),
        require_verification: placed(
            "require_verification",
            table.require_verification.map(|word| match word {
                RequiredWord::Counts => Verification::Counts,
                RequiredWord::Sample => Verification::Sample,
                RequiredWord::Full => Verification::Full,
            }),
            context,
        ),
        max_rows: placed(
            "max_rows",
            table.max_rows.and_then(|rows| u64::try_from(rows.0).ok()),
            context,
        ),
        max_bytes: placed("max_bytes", max_bytes, context),
        collection_names: placed("collection_names", globs, context),
        require_description: flag("require_description", table.require_description),
    }
}

fn placed<T>(key: &str, value: Option<T>, context: &Context<'_>) -> Option<Placed<T>> {
    value.map(|value| Placed { value, location: context.location(&child("/policy", key)) })
}

/// Reports the breaches that no server is needed for.
pub(super) fn check(
    policy: &Policy,
    rules: &[CollectionRule],
    verify: Option<&VerifySettings>,
    context: &mut Context<'_>,
) {
    if let (Some(required), Some(verify)) = (&policy.require_verification, verify)
        && !context.has_invalid("/verify")
    {
        verification(required.value, verify, context);
    }
    let entries = context.assembly.value.get("collections").and_then(|all| all.as_array());
    if entries.map_or(0, Vec::len) != rules.len() {
        // Some entry could not be resolved: which is which is not known.
        return;
    }
    for (index, rule) in rules.iter().enumerate() {
        let pointer = format!("/collections/{index}");
        if policy.forbid_lossy.is_some() {
            left_behind(&pointer, rule, context);
        }
        let Selector::Name(source) = &rule.source else { continue };
        if let Some(globs) = &policy.collection_names {
            name(&pointer, source, rule.target.as_ref(), &globs.value, context);
        }
        if policy.require_description.is_some()
            && let Some(description) = &rule.description
            && description.render(source).is_ok_and(|text| text.trim().is_empty())
        {
            let own = child(&pointer, "description");
            let at = if there(&own, context) { own } else { "/defaults/description".to_owned() };
            let finding = Diagnostic::error("policy_description", "the description is empty")
                .help("describe the collection, or leave `description` out to keep the source's");
            breach("require_description", &at, finding, context);
        }
    }
}

fn verification(required: Verification, verify: &VerifySettings, context: &mut Context<'_>) {
    let compared = match verify.content {
        ContentCheck::Full => Some(Verification::Full),
        ContentCheck::Sample => Some(Verification::Sample),
        ContentCheck::Off => verify.counts.then_some(Verification::Counts),
    };
    if compared >= Some(required) {
        return;
    }
    let (key, say) = match required {
        Verification::Counts => ("counts", "counts = true".to_owned()),
        level => ("content", format!("content = \"{level}\"")),
    };
    let finding = Diagnostic::error(
        "policy_verification",
        match compared {
            Some(compared) => format!("`[verify]` compares less than is required: {compared}"),
            None => "`[verify]` compares nothing".to_owned(),
        },
    )
    .help(format!("say `{say}` under `[verify]`"));
    let at = child("/verify", key);
    if there(&at, context) {
        breach("require_verification", &at, finding, context);
    } else {
        context.report_key("/policy/require_verification", finding);
    }
}

/// Fields and defaults that an entry leaves behind.
fn left_behind(pointer: &str, rule: &CollectionRule, context: &mut Context<'_>) {
    for (name, field) in &rule.fields {
        let key = match (field.drop, field.drop_default) {
            (true, _) => "drop",
            (false, true) => "drop_default",
            (false, false) => continue,
        };
        let at = child(&child(&child(pointer, "fields"), name), key);
        // The defaults may be about fields that this collection does not have.
        if there(&at, context) {
            let what = if field.drop { "the field" } else { "the default value of the field" };
            let finding =
                Diagnostic::error("policy_lossy", format!("{what} `{name}` is left behind"))
                    .help("keep it, or change the policy");
            breach("forbid_lossy", &at, finding, context);
        }
    }
}

fn name(
    pointer: &str,
    source: &str,
    target: Option<&NameTemplate>,
    globs: &[String],
    context: &mut Context<'_>,
) {
    let name = match target {
        Some(target) => target.render(source).ok(),
        None => Some(source.to_owned()),
    };
    let matches =
        |name: &str| globs.iter().any(|of| names::glob(of).is_ok_and(|of| of.is_match(name)));
    if let Some(name) = name.filter(|name| !matches(name)) {
        let target = child(pointer, "target");
        let at = if there(&target, context) { target } else { child(pointer, "source") };
        let finding = Diagnostic::error(
            "policy_collection_names",
            format!("the name `{name}` at the target is none of those that the policy allows"),
        )
        .help(format!("choose a `target` that one of these matches: {}", globs.join(", ")));
        breach("collection_names", &at, finding, context);
    }
}

fn there(pointer: &str, context: &Context<'_>) -> bool {
    context.assembly.value.pointer(pointer).is_some()
}

fn breach(rule: &str, at: &str, finding: Diagnostic, context: &mut Context<'_>) {
    let finding = finding.related(context.key_span(&child("/policy", rule)), "the rule");
    context.report(at, finding);
}
