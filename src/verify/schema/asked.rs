//! What is asked of both ends before their schemas are compared.

use super::{Built, Serving, Sides, Wishes, schema_items};
use crate::milvus::{Client, Kind, Result};
use crate::model::differences::place;
use crate::model::{Collection, Flavour, LoadState};
use crate::verify::result::SchemaItem;
use crate::verify::{Check, Subject};

/// Compares the target with the source and with what it is to be, by their descriptions in
/// `subject` and what there is to ask beyond them: how far indexes are, and replicas.
///
/// # Errors
/// When a server fails.
pub async fn compare_schema(
    check: &Check,
    subject: &Subject,
    wishes: &Wishes,
) -> Result<Vec<SchemaItem>> {
    let Subject { from, from_load, wanted, to, to_load, settings, .. } = subject;
    let mut to = to.clone();
    let keeps_details = check.target.version().flavour != Flavour::Lite;
    if !keeps_details
        && let Some(aliases) = check.target.list_aliases(&to.database, &to.name).await?
    {
        // Milvus Lite does not describe them with the collection.
        to.aliases = aliases;
    }
    Ok(schema_items(&Sides {
        from,
        from_serving: serving(&check.source, from, *from_load).await?,
        wanted,
        wishes,
        to: &to,
        to_serving: serving(&check.target, &to, *to_load).await?,
        built: &built(&check.target, wanted, &to).await?,
        settings,
        keeps_details,
    }))
}

async fn serving(client: &Client, of: &Collection, load: LoadState) -> Result<Serving> {
    let replicas = if load == LoadState::Loaded {
        client.replicas(&of.database, &of.name).await?.map(|replicas| replicas.number)
    } else {
        None
    };
    Ok(Serving { load, replicas })
}

/// How far those indexes of the target are that are wanted.
async fn built(client: &Client, wanted: &Collection, to: &Collection) -> Result<Built> {
    let mut built = Built::new();
    for index in &to.indexes {
        if !wanted.indexes.iter().any(|wanted| place(wanted) == place(index)) {
            continue;
        }
        let (field, name) = (&index.field, &index.name);
        let progress = match client.index_progress(&to.database, &to.name, field, name).await {
            Ok(progress) => Ok(progress),
            // Building failed: the message has the server's reason.
            Err(error) if matches!(error.kind, Kind::Other | Kind::NoIndex) => Err(error.message),
            Err(error) => return Err(error),
        };
        built.insert((field.clone(), name.clone()), progress);
    }
    Ok(built)
}
