//! The keys of a range: in one answer, or in several where they are more than that holds.

use crate::milvus::{self, Client, Kind, Moment, Query};
use crate::model::{Key, KeyRange};

/// Most keys of a page.
const KEYS: u32 = 8_192;

/// The keys of a range, in order.
pub struct KeyPages<'a> {
    client: &'a Client,
    query: &'a Query,
    /// What is still to be listed; nothing in the end.
    range: Option<KeyRange>,
    at: Moment,
    /// Bytes that an answer may have.
    limit: usize,
}

impl<'a> KeyPages<'a> {
    /// All of a range.
    pub fn of(
        client: &'a Client,
        query: &'a Query,
        range: &KeyRange,
        at: Moment,
        limit: usize,
    ) -> Self {
        Self { client, query, range: Some(range.clone()), at, limit }
    }

    /// The next of them; `None` when there are no more.
    ///
    /// # Errors
    /// When the call fails, or we are asked to stop.
    pub async fn next(&mut self) -> milvus::Result<Option<Vec<Key>>> {
        let Self { client, query, at, limit, .. } = *self;
        let Some(range) = self.range.take() else { return Ok(None) };
        if client.cancel().is_cancelled() {
            return Err(milvus::Error::cancelled("Query", client.uri()));
        }
        match client.keys_in(query, &range, at, limit).await {
            Ok(keys) => return Ok(Some(keys)),
            Err(error) if error.kind != Kind::TooLarge => return Err(error),
            Err(_) => {}
        }
        let page = self.first_of(&range).await?;
        let up_to = page.last().cloned().or_else(|| range.up_to.clone());
        if let Some(last) = page.last() {
            self.range = Some(KeyRange { after: Some(last.clone()), up_to: range.up_to });
        }
        // Some servers skip keys in pages, and none in a range.
        let part = KeyRange { after: range.after, up_to };
        Ok(Some(client.keys_in(query, &part, at, limit).await?))
    }

    /// Some of the first keys of a range.
    async fn first_of(&self, range: &KeyRange) -> milvus::Result<Vec<Key>> {
        let mut most = KEYS;
        loop {
            // Half of what an answer holds, as the keys that a page skips come too.
            let page = self.client.key_page(self.query, range, self.at, most, self.limit / 2).await;
            match page {
                Err(error) if error.kind == Kind::TooLarge && most > 1 => most /= 2,
                page => return page.map(|(keys, _)| keys),
            }
        }
    }
}
