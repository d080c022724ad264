//! What the plan file says about the kind of the target.

use super::super::file::{TargetEnd, TargetKindWord};
use super::Context;
use crate::diagnostic::Diagnostic;
use crate::model::TargetKind;

pub(super) fn kind(end: &TargetEnd) -> Option<TargetKind> {
    end.kind.map(|kind| match kind {
        TargetKindWord::Milvus => TargetKind::Milvus,
        TargetKindWord::ZillizFree => TargetKind::ZillizFree,
        TargetKindWord::ZillizServerless => TargetKind::ZillizServerless,
        TargetKindWord::ZillizDedicated => TargetKind::ZillizDedicated,
    })
}

/// Compute units, which only dedicated clusters have.
pub(super) fn compute_units(end: &TargetEnd, context: &mut Context<'_>) -> Option<u32> {
    let units = end.compute_units?;
    if !matches!(end.kind, Some(TargetKindWord::ZillizDedicated))
        && !context.is_invalid("/target/kind")
    {
        let finding = Diagnostic::error(
            "units_without_dedicated",
            "`compute_units` without `kind = \"zilliz-dedicated\"`",
        )
        .help("only dedicated clusters of Zilliz Cloud have compute units");
        context.report_key("/target/compute_units", finding);
    }
    u32::try_from(units.0).ok()
}
