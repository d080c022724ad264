//! A sample of the rows, chosen at random over all keys of the source, and what it says about the
//! others.

mod confidence;

use std::collections::BTreeMap;

use super::account::Account;
use super::content::{Moments, Part, Scan, Seemed, compare_keys};
use super::ends::{Ends, Side};
use super::explain::Evidence;
use super::numbers;
use super::result::{Basis, Content};
use super::{Check, Error, Event, Subject, content};
use crate::copy::KEYS_ANSWER;
use crate::milvus::Moment;
use crate::model::{Key, KeyRange};

/// Keys that are looked at together.
const SCANNED: u64 = 16_000;
/// Keys that are compared by one task.
const COMPARED: usize = 2_000;

/// Compares a sample. The same seed chooses the same rows of the same source.
pub(super) async fn sample(
    ends: &Ends,
    at: Moments,
    seed: u64,
    account: &mut Account,
    rows: &mut numbers::Compared,
) -> (Content, Option<Error>) {
    let mut content = Content::nothing(Basis::Source);
    let failure = run(ends, at, seed, account, rows, &mut content).await.err();
    account.write(&mut content);
    (content, failure)
}

async fn run(
    ends: &Ends,
    at: Moments,
    seed: u64,
    account: &mut Account,
    rows: &mut numbers::Compared,
    content: &mut Content,
) -> Result<(), Error> {
    let mut reservoir = Reservoir::new(ends.check.settings.sample_rows, seed);
    for scope in ends.source_scopes() {
        let keys = choose(ends, &at, scope.as_deref(), &mut reservoir).await?;
        rows.insert(scope.clone(), (Some(keys), None));
    }
    let of_source = reservoir.seen;
    let chosen = reservoir.by_scope();
    compare_all(ends, at, &chosen, account, content).await?;
    content.confidence = confidence::of(account.bad(), content.rows, of_source);
    Ok(())
}

/// What comparing rows that somebody chose found.
#[derive(Debug)]
pub struct Chosen {
    /// The numbers, and the first rows that differ.
    pub content: Content,
    /// Differences that nothing explains, in words.
    pub unexplained: Vec<String>,
}

/// Compares the rows of the source that have these keys with those of the target, value by value.
///
/// # Errors
/// When they cannot be read, or we are asked to stop.
pub async fn compare_chosen(
    check: &Check,
    subject: &Subject,
    keys: &BTreeMap<Option<String>, Vec<Key>>,
) -> Result<Chosen, Error> {
    let ends = Ends::of(check, subject).await?;
    let at = Moments { source: Moment::Strong, target: Moment::Strong };
    let mut account = Account::of(&subject.from);
    let mut content = Content::nothing(Basis::Source);
    compare_all(&ends, at, keys, &mut account, &mut content).await?;
    account.write(&mut content);
    let mut unexplained = account.unexplained();
    if account.is_pending() {
        unexplained.extend(account.explanations().pop().map(|one| one.message));
    }
    Ok(Chosen { content, unexplained })
}

async fn compare_all(
    ends: &Ends,
    at: Moments,
    chosen: &BTreeMap<Option<String>, Vec<Key>>,
    account: &mut Account,
    content: &mut Content,
) -> Result<(), Error> {
    let part = Part::of(ends.clone(), at).await?;
    let target = ends.subject.to.address();
    for (scope, keys) in chosen {
        let mut tasks = tokio::task::JoinSet::new();
        let mut batches = keys.chunks(COMPARED);
        loop {
            while tasks.len() < ends.check.limits.parallelism.max(1) {
                let Some(batch) = batches.next() else { break };
                tasks.spawn(compare(part.clone(), at, scope.clone(), batch.to_vec()));
            }
            let Some(ended) = tasks.join_next().await else { break };
            let (compared, differences) = match ended {
                Ok(result) => result?,
                Err(error) => std::panic::resume_unwind(error.into_panic()),
            };
            content.rows += compared;
            for row in differences {
                account.add(row.clone());
                let row = Box::new(row);
                ends.tell(Event::Different { target: target.clone(), row }).await;
            }
        }
    }
    Ok(())
}

/// Scans the keys of a scope; returns how many there are.
async fn choose(
    ends: &Ends,
    at: &Moments,
    scope: Option<&str>,
    reservoir: &mut Reservoir,
) -> Result<u64, Error> {
    let before = reservoir.seen;
    let mut scan = Scan::of(ends, Side::Source, scope, at.source, SCANNED);
    while let Some(ranges) = scan.next().await? {
        let mut open: Vec<KeyRange> = ranges.into_iter().rev().collect();
        while let Some(range) = open.pop() {
            let share = content::share(ends, 2 * KEYS_ANSWER).await?;
            if let Some(keys) = ends.keys(Side::Source, scope, &range, at).await? {
                for key in keys {
                    reservoir.offer(scope, key);
                }
                continue;
            }
            drop(share);
            let Some(middle) = ends.middle(Side::Source, scope, &range, at).await? else {
                let place = ends.place(Side::Source, scope, &range);
                return Err(Error::Rows { place, why: "its keys are over every limit".to_owned() });
            };
            open.push(KeyRange { after: Some(middle.clone()), up_to: range.up_to });
            open.push(KeyRange { after: range.after, up_to: Some(middle) });
        }
    }
    Ok(reservoir.seen - before)
}

async fn compare(
    part: Part,
    at: Moments,
    scope: Option<String>,
    keys: Vec<Key>,
) -> Result<(u64, Vec<super::RowDifference>), Error> {
    let compared = Box::pin(compare_keys(part.ends(), scope.as_deref(), &keys, &at)).await?;
    let seemed = compared
        .found
        .into_iter()
        .map(|row| Seemed { key: row.key, source: row.source, target: None })
        .collect();
    // A digest is of a whole range: of single rows the ledger proves nothing.
    let differences = part.confirm(scope.as_deref(), seemed, Evidence::default()).await?;
    part.tell(keys.len() as u64, compared.bytes).await;
    Ok((compared.rows, differences))
}

/// Keys that are chosen evenly from as many as come (Vitter's algorithm R).
struct Reservoir {
    room: usize,
    chosen: Vec<(Option<String>, Key)>,
    seen: u64,
    random: SplitMix,
}

impl Reservoir {
    fn new(room: u64, seed: u64) -> Self {
        let room = usize::try_from(room).unwrap_or(usize::MAX);
        Self { room, chosen: Vec::new(), seen: 0, random: SplitMix(seed) }
    }

    fn offer(&mut self, scope: Option<&str>, key: Key) {
        self.seen += 1;
        let place = if self.chosen.len() < self.room {
            self.chosen.push((scope.map(str::to_owned), key));
            return;
        } else {
            self.random.below(self.seen)
        };
        if let Some(chosen) = usize::try_from(place).ok().and_then(|at| self.chosen.get_mut(at)) {
            *chosen = (scope.map(str::to_owned), key);
        }
    }

    /// The chosen keys, in order.
    fn by_scope(self) -> BTreeMap<Option<String>, Vec<Key>> {
        let mut scopes: BTreeMap<Option<String>, Vec<Key>> = BTreeMap::new();
        for (scope, key) in self.chosen {
            scopes.entry(scope).or_default().push(key);
        }
        for keys in scopes.values_mut() {
            keys.sort();
        }
        scopes
    }
}

/// Steele, Lea and Flood's generator.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Evenly less than `bound`, which is not 0: what would favour small numbers is thrown away.
    fn below(&mut self, bound: u64) -> u64 {
        let fair = u64::MAX - u64::MAX % bound;
        loop {
            let next = self.next();
            if next < fair {
                return next % bound;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn chosen(room: u64, keys: i64, seed: u64) -> Vec<i64> {
        let mut reservoir = Reservoir::new(room, seed);
        for key in 0..keys {
            reservoir.offer(None, Key::Int64(key));
        }
        let mut chosen: Vec<i64> = reservoir
            .by_scope()
            .into_values()
            .flatten()
            .filter_map(|key| match key {
                Key::Int64(key) => Some(key),
                Key::VarChar(_) => None,
            })
            .collect();
        chosen.sort_unstable();
        chosen
    }

    proptest! {
        #[test]
        fn as_many_different_keys_as_there_is_room_for(
            room in 0u64..50, keys in 0i64..200, seed in any::<u64>(),
        ) {
            let mut chosen = chosen(room, keys, seed);
            prop_assert_eq!(chosen.len() as u64, room.min(keys.unsigned_abs()));
            chosen.dedup();
            prop_assert_eq!(chosen.len() as u64, room.min(keys.unsigned_abs()));
            prop_assert!(chosen.iter().all(|key| (0..keys).contains(key)));
        }
    }

    #[test]
    fn every_key_is_chosen_as_often_as_any_other() {
        let mut times = [0u32; 40];
        for seed in 0..4_000 {
            for key in chosen(10, 40, seed * 7919) {
                times[usize::try_from(key).unwrap_or(0)] += 1;
            }
        }
        // 1,000 expected, with a standard deviation of 27.
        assert!(times.iter().all(|times| (850..1_150).contains(times)), "{times:?}");
    }
}
