//! What a rehearsal came to as markdown, for a comment.

use std::fmt::Write as _;

use super::super::markdown::inline;
use super::document::Document;
use super::measures;
use crate::rehearse::{Step, StepStatus};

/// The verdict, a table of collections and steps, and what there is to say of each.
pub fn markdown(document: &Document) -> String {
    let mut text = format!("**{}**\n", inline(&document.verdict.sentence));
    let shown = || document.collections.iter().filter(|of| of.skipped.is_none());
    if shown().next().is_some() {
        let heads: Vec<&str> = Step::ALL.iter().map(|step| step.head()).collect();
        let _ = write!(
            text,
            "\n| collection | {} |\n|---{}|\n",
            heads.join(" | "),
            "|---".repeat(heads.len())
        );
    }
    for of in shown() {
        let marks = Step::ALL.map(|step| match of.step(step).map(|outcome| outcome.status) {
            Some(StepStatus::Ok) => "ok",
            Some(StepStatus::Failed) => "**NO**",
            Some(StepStatus::Skipped) | None => "–",
        });
        let _ = writeln!(text, "| {} | {} |", inline(&of.target), marks.join(" | "));
    }
    for of in &document.collections {
        let _ = write!(text, "\n### {}\n\n", inline(&of.target));
        if let Some(why) = &of.skipped {
            let _ = writeln!(text, "- not rehearsed: {}", inline(why));
        }
        for step in of.steps.iter().filter(|step| !step.text.is_empty()) {
            let how = match step.status {
                StepStatus::Ok => "",
                StepStatus::Failed => " **failed**",
                StepStatus::Skipped => " (not tried)",
            };
            let _ = writeln!(text, "- {}{how}: {}", step.step.text(), inline(&step.text));
            if !step.advice.is_empty() {
                let _ = writeln!(text, "  - help: {}", inline(&step.advice));
            }
        }
        for line in measures(of).iter().chain(&of.left) {
            let _ = writeln!(text, "- {}", inline(line));
        }
    }
    text
}
