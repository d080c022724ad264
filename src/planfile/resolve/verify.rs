//! How the result is checked.

use super::super::file::{ContentWord, MismatchWord, SearchTable, VerifyTable, Whole};
use super::Context;
use crate::diagnostic::Diagnostic;
use crate::model::{ContentCheck, OnMismatch, SearchCheck, VerifySettings};

/// The settings, when they can be told; what is out of range was reported before.
pub(super) fn settings(
    table: Option<&VerifyTable>,
    context: &mut Context<'_>,
) -> Option<VerifySettings> {
    let default = VerifySettings::default();
    let Some(table) = table else { return Some(default) };
    nothing_to_repair(table, context);
    nothing_to_delete(table, context);
    Some(VerifySettings {
        counts: table.counts.unwrap_or(default.counts),
        content: match table.content {
            None | Some(ContentWord::Off) => ContentCheck::Off,
            Some(ContentWord::Sample) => ContentCheck::Sample,
            Some(ContentWord::Full) => ContentCheck::Full,
        },
        sample_rows: number(table.sample_rows, default.sample_rows)?,
        search: match &table.search {
            Some(search) => Some(searches(search)?),
            None => None,
        },
        on_mismatch: match table.on_mismatch {
            None | Some(MismatchWord::Fail) => OnMismatch::Fail,
            Some(MismatchWord::Repair) => OnMismatch::Repair,
        },
        delete_extra: table.delete_extra.unwrap_or(default.delete_extra),
    })
}

fn number<T: TryFrom<i64>>(number: Option<Whole>, default: T) -> Option<T> {
    number.map_or(Some(default), |number| T::try_from(number.0).ok())
}

fn searches(table: &SearchTable) -> Option<SearchCheck> {
    Some(SearchCheck {
        queries: number(table.queries, 100)?,
        top_k: number(table.top_k, 10)?,
        min_overlap: table.min_overlap.unwrap_or(0.99),
    })
}

/// What was not compared cannot be found to differ.
fn nothing_to_repair(table: &VerifyTable, context: &mut Context<'_>) {
    let compares = !matches!(table.content, None | Some(ContentWord::Off));
    if table.on_mismatch == Some(MismatchWord::Repair)
        && !compares
        && !context.is_invalid("/verify/content")
    {
        let finding = Diagnostic::error(
            "repair_without_content",
            "`on_mismatch = \"repair\"` where no rows are compared",
        )
        .help("what differs is found by comparing rows: add `content = \"full\"`");
        context.report_key("/verify/on_mismatch", finding);
    }
}

/// Only a repair writes anything.
fn nothing_to_delete(table: &VerifyTable, context: &mut Context<'_>) {
    if table.delete_extra == Some(true)
        && table.on_mismatch != Some(MismatchWord::Repair)
        && !context.is_invalid("/verify/on_mismatch")
    {
        let finding = Diagnostic::error(
            "delete_without_repair",
            "`delete_extra` without `on_mismatch = \"repair\"`",
        )
        .help("only a repair deletes rows; keep both of the settings, or none");
        context.report_key("/verify/delete_extra", finding);
    }
}
