use super::*;
use crate::milvus::Hit;
use crate::model::Key;
use crate::verify::search::overlap::Tally;

fn hits(list: &[(i64, f32)]) -> Vec<Hit> {
    list.iter().map(|&(key, score)| Hit { key: Key::Int64(key), score }).collect()
}

fn overlap_of(source: &[(i64, f32)], target: &[(i64, f32)]) -> (u64, f64) {
    let mut tally = Tally::default();
    tally.add(&hits(source), &hits(target));
    (tally.searches, tally.overlap())
}

#[track_caller]
fn is(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-6, "{found}, not {expected}");
}

#[test]
fn overlap_is_the_share_of_the_source_that_the_target_gave() {
    let four = [(1, 0.0), (2, 1.0), (3, 2.0), (4, 3.0)];
    is(overlap_of(&four, &four).1, 1.0);
    is(overlap_of(&four, &[(4, 0.0), (3, 1.0), (2, 2.0), (1, 2.5)]).1, 1.0);
    is(overlap_of(&four, &[(1, 0.0), (2, 1.0), (8, 2.5), (9, 2.8)]).1, 0.5);
    is(overlap_of(&four, &[]).1, 0.0);
    is(overlap_of(&[], &four).1, 0.0);
    // The target has more rows than the source, of which there are few.
    is(overlap_of(&four[..2], &four).1, 1.0);
    assert_eq!(overlap_of(&[], &[]).0, 0);
}

#[test]
fn rows_that_tie_for_the_last_place_stand_for_each_other() {
    let source = [(1, 0.0), (2, 5.0), (3, 5.0)];
    is(overlap_of(&source, &[(1, 0.0), (7, 5.0), (8, 5.000_01)]).1, 1.0);
    // As many as there are others, and no more.
    is(overlap_of(&source, &[(1, 0.0), (7, 4.0), (8, 5.0)]).1, 2.0 / 3.0);
    // Another score in the last place: no tie.
    is(overlap_of(&source, &[(1, 0.0), (7, 5.0), (8, 6.0)]).1, 1.0 / 3.0);
    // Only the last place is chance.
    is(overlap_of(&[(1, 0.0), (2, 5.0)], &[(9, 0.0), (2, 5.0)]).1, 0.5);
}

#[test]
fn a_tally_has_the_average_the_lowest_and_the_widest() {
    let mut tally = Tally::default();
    is(tally.overlap(), 0.0);
    tally.add(&hits(&[(1, 1.0), (2, 2.0)]), &hits(&[(1, 1.25), (2, 2.0)]));
    tally.add(&hits(&[(1, 1.0), (2, 2.0)]), &hits(&[(1, 1.0), (3, 1.5)]));
    tally.add(&[], &[]);
    assert_eq!((tally.searches, tally.without_result), (2, 1));
    is(tally.overlap(), 0.75);
    is(tally.lowest, 0.5);
    is(tally.score_difference, 0.25);
}

fn index(params: &[(&str, &str)]) -> Index {
    let params = params.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Index { name: String::new(), field: "v".to_owned(), params }
}

#[test]
fn a_search_is_as_exact_as_its_index_allows() {
    let params = |kind: &str, inner: &str, top_k| {
        tuning::params(&index(&[("index_type", kind), ("params", inner)]), top_k)
    };
    assert_eq!(params("HNSW", r#"{"M":16}"#, 10), r#"{"ef":64}"#);
    assert_eq!(params("HNSW_SQ", "", 100), r#"{"ef":200}"#);
    assert_eq!(params("IVF_FLAT", r#"{"nlist":1024}"#, 10), r#"{"nprobe":128}"#);
    assert_eq!(params("IVF_FLAT", r#"{"nlist":"16"}"#, 10), r#"{"nprobe":16}"#);
    assert_eq!(params("BIN_IVF_FLAT", "", 10), r#"{"nprobe":64}"#);
    assert_eq!(params("SCANN", "", 100), r#"{"nprobe":64,"reorder_k":200}"#);
    assert_eq!(params("DISKANN", "", 10), r#"{"search_list":64}"#);
    assert_eq!(params("GPU_CAGRA", "", 50), r#"{"itopk_size":128}"#);
    for exact in ["FLAT", "BIN_FLAT", "AUTOINDEX", "SPARSE_INVERTED_INDEX"] {
        assert_eq!(params(exact, r#"{"nlist":"16"}"#, 10), "{}");
    }
}

#[test]
fn indexes_that_differ_are_said_to() {
    let of = |kind: &str| index(&[("index_type", kind)]);
    assert_eq!(tuning::note(&of("HNSW"), &of("HNSW")), None);
    assert_eq!(
        tuning::note(&of("HNSW"), &of("FLAT")).unwrap(),
        "the index types differ (HNSW and FLAT): small differences are expected"
    );
    assert!(
        tuning::note(&of("AUTOINDEX"), &of("AUTOINDEX")).unwrap().contains("small differences")
    );
}

#[test]
fn requests_stay_small() {
    let sizes = |lengths: &[usize]| -> Vec<usize> {
        let examples: Vec<Bytes> = lengths.iter().map(|&n| Bytes::from(vec![0; n])).collect();
        batches(&examples).iter().map(|batch| batch.len()).collect()
    };
    assert_eq!(sizes(&[4; 70]), [32, 32, 6]);
    assert_eq!(sizes(&[5 << 20; 3]), [1, 1, 1]);
    assert_eq!(sizes(&[3 << 20, 3 << 20, 3 << 20]), [2, 1]);
    assert_eq!(sizes(&[20 << 20]), [1]);
}
