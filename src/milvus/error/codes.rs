//! Every code of Milvus 2.3 to 3.0, and what it means to us.
//!
//! Sources: all versions of `pkg/util/merr/errors.go` from 2.3.0 (August 2023) to 3.0.0; for what
//! Milvus's core says, 2001 to 2099, `common/EasyAssert.h` and `segcoreCodeTable` of
//! `pkg/util/merr/segcore.go` (2.5 and older send the core's own code, newer ones 2000). Words in
//! brackets behind a code are those that a server has to say, where a code meant something else in
//! another release.

use super::Kind;

/// What a code means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// The same in every call.
    Is(Kind),
    /// Several things: the text says which, and where it does not, a read is tried again for a
    /// while.
    ByText,
    /// What does not pass by itself, and has no kind of its own.
    Final,
}

/// Codes that are treated alike.
struct Group {
    class: Class,
    /// Why so.
    #[cfg_attr(not(test), expect(dead_code, reason = "the table says it to whoever reads it"))]
    why: &'static str,
    codes: &'static [i32],
}

const fn is(kind: Kind, why: &'static str, codes: &'static [i32]) -> Group {
    Group { class: Class::Is(kind), why, codes }
}

const fn by_text(why: &'static str, codes: &'static [i32]) -> Group {
    Group { class: Class::ByText, why, codes }
}

const fn last(why: &'static str, codes: &'static [i32]) -> Group {
    Group { class: Class::Final, why, codes }
}

/// Codes that had another meaning once: the code, what the server says then, and its class.
const REUSED: &[(i32, &str, Class)] = &[
    (6, "cross cluster routing", Class::Is(Kind::NotReady)),
    (8, "server ID mismatch", Class::Is(Kind::NotReady)), // 2.3.0
    (202, "partition not found", Class::Is(Kind::Missing)), // 2.3.0
    (1004, "transient IO error", Class::Is(Kind::NotReady)), // 3.0 before its release
    (2200, "folly other exception", Class::ByText),       // 2.4.6 to 2.4.11
    (2201, "Future was canceled", Class::Is(Kind::NotReady)), // 2.4.6 to 2.4.11
];

const GROUPS: &[Group] = &[
    is(
        Kind::NotReady,
        "the server is starting, stopping or short of resources: 1 not ready, 2 unavailable, 11 time \
         tick delay, 12 resources insufficient, 106 collection recovering, 109 and 110 a schema that \
         it is about to read again, 3001 an older session of itself",
        &[1, 2, 11, 12, 106, 109, 110, 3001],
    ),
    is(
        Kind::NotReady,
        "a call was given up inside of the server: 10000 cancelled, 10001 timed out, 2038 cancelled in \
         the core",
        &[2038, 10_000, 10_001],
    ),
    is(
        Kind::NotReady,
        "a cluster moves its work about, as when it balances or is upgraded. 305 resource group, 401 \
         replica, 500 to 507 the channel of a shard, 600 to 602 a segment, 605 a node that is full, 901 \
         to 906 a node, 1500 to 1506 the shard's leader (2.3.0)",
        &[
            305, 401, 500, 501, 502, 503, 504, 505, 506, 507, 600, 601, 602, 603, 605, 704, 901,
            902, 903, 904, 905, 906, 1500, 1501, 1502, 1503, 1504, 1505, 1506,
        ],
    ),
    is(
        Kind::NotReady,
        "storage or message queue had a bad moment: 1002 unexpected end, 1003 too many requests, 1300 \
         and 1302 the queue, 2012 to 2015, 2018, 2034, 2036, 2037, 2040, 2043, 2045 files, memory and \
         object storage as the core sees them, 2046 an older schema there",
        &[
            1002, 1003, 1300, 1302, 2012, 2013, 2014, 2015, 2018, 2034, 2036, 2037, 2040, 2043,
            2045, 2046,
        ],
    ),
    is(
        Kind::NotReady,
        "work in the background is not done yet, and the server says that it can be asked again: 2200 \
         a second look found another state, 2307 to 2317 compaction, 2401 and 2402 no slot",
        &[2200, 2307, 2308, 2309, 2311, 2312, 2313, 2316, 2317, 2401, 2402],
    ),
    is(Kind::RateLimited, "too many requests at a time or a second", &[4, 8, 1807]),
    is(
        Kind::QuotaExceeded,
        "a limit of the server is reached: 3 memory, 7 disk, 9 a quota, 102 collections, 250 capacity, \
         801 databases; or it takes no writes: 108 and 1303 a standby",
        &[3, 7, 9, 102, 108, 250, 801, 1303],
    ),
    is(
        Kind::Missing,
        "a collection, partition, database or alias is not there",
        &[100, 200, 800, 1600],
    ),
    is(
        Kind::NotLoaded,
        "a collection or partition is not loaded, not yet or no more: 103 and 202 say \"not fully\", 400 \
         that there is no replica, 203 is 201 of 2.3.0. The load state says which",
        &[101, 103, 201, 202, 203, 400],
    ),
    is(Kind::NoIndex, "there is no such index", &[700]),
    is(Kind::Unsupported, "the server does not know the call", &[10]),
    is(
        Kind::Invalid,
        "the server refuses what was asked for: 104 loaded, 105 and 107 a schema, 300 to 304 a resource \
         group, 701 and 702 an index, 802 a database's name, 1100 and 1101 a parameter, 1402 a group, \
         1601 and 1602 an alias, 1700 and 1701 a field, 1800 to 1806 REST, 1900 to 1903 replication, \
         2100 import, 2201 a filter, 3000 not supported; 2007 to 2042 the same in the core",
        &[
            104, 105, 107, 300, 301, 302, 303, 304, 701, 702, 802, 1100, 1101, 1402, 1601, 1602,
            1700, 1701, 1800, 1801, 1802, 1803, 1804, 1805, 1806, 1900, 1901, 1902, 1903, 2007,
            2020, 2021, 2022, 2023, 2025, 2026, 2028, 2031, 2032, 2042, 2100, 2201, 3000,
        ],
    ),
    is(Kind::TooLarge, "a parameter is over a limit of its size", &[1102]),
    is(Kind::Unauthenticated, "no credentials, or wrong ones", &[1400]),
    is(Kind::PermissionDenied, "the user may not do this", &[1401]),
    by_text(
        "says what went wrong in its text alone, or nothing: 5 and 65535 anything, 6 in Milvus Lite, \
         604 a segment that did not load, 703 a task, 1000 and 1001 storage (2.3.5 refuses broken JSON \
         with 1001), 1004 and 1008 too, 1200 and 1301 internals, 1304 consumers, 1603 an alias, 2000 to \
         2006, 2009 to 2011, 2019, 2027, 2030, 2033, 2035, 2039, 2041, 2044, 2099 the core, 2101 import, \
         2300 to 2315 compaction, 2400 a function",
        &[
            5, 6, 604, 703, 1000, 1001, 1004, 1008, 1200, 1301, 1304, 1603, 2000, 2001, 2002, 2003,
            2004, 2005, 2006, 2009, 2010, 2011, 2019, 2027, 2030, 2033, 2035, 2039, 2041, 2044,
            2099, 2101, 2300, 2301, 2302, 2303, 2304, 2305, 2306, 2310, 2314, 2315, 2400, 65_535,
        ],
    ),
    last(
        "does not pass by itself: 1005 to 1007 and 2016 the server's own access to its storage, 1009 and \
         2024 stored bytes that do not fit their schema, 1010 to 1012 what storage refuses, \
         2017 an object that is gone, 2500 a revoked key, 2600 and 2601 snapshots",
        &[1005, 1006, 1007, 1009, 1010, 1011, 1012, 2016, 2017, 2024, 2500, 2600, 2601],
    ),
];

/// What a code means, with what the server said; `None` for one that no release has.
pub(super) fn class(code: i32, text: &str) -> Option<Class> {
    let reused = REUSED.iter().find(|(of, says, _)| *of == code && text.contains(says));
    if let Some((_, _, class)) = reused {
        return Some(*class);
    }
    GROUPS.iter().find(|group| group.codes.contains(&code)).map(|group| group.class)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Every code of `newMilvusError` in `pkg/util/merr/errors.go` of 2.4.17, 2.5.27, 2.6.20 and 3.0.0,
    /// of the branches that led there, and of 2.3.0, with what it says of itself.
    const CODES: &[(i32, bool)] = &[
        (1, true),
        (2, true),
        (3, false),
        (4, true),
        (5, false),
        (6, false),
        (7, false),
        (8, true),
        (9, false),
        (10, false),
        (11, false),
        (12, true),
        (100, false),
        (101, false),
        (102, false),
        (103, true),
        (104, false),
        (105, false),
        (106, true),
        (107, false),
        (108, false),
        (109, false),
        (110, true),
        (200, false),
        (201, false),
        (202, true),
        (203, false),
        (250, false),
        (300, false),
        (301, false),
        (302, false),
        (303, false),
        (304, false),
        (305, true),
        (400, false),
        (401, false),
        (500, false),
        (501, false),
        (502, false),
        (503, false),
        (504, false),
        (505, true),
        (506, false),
        (507, true),
        (600, false),
        (601, false),
        (602, false),
        (603, false),
        (604, false),
        (605, false),
        (700, false),
        (701, false),
        (702, false),
        (703, false),
        (704, true),
        (800, false),
        (801, false),
        (802, false),
        (901, false),
        (902, false),
        (903, false),
        (904, false),
        (905, false),
        (906, false),
        (1000, false),
        (1001, false),
        (1002, true),
        (1003, true),
        (1004, false),
        (1005, false),
        (1006, false),
        (1007, false),
        (1008, false),
        (1009, false),
        (1010, false),
        (1011, false),
        (1012, false),
        (1100, false),
        (1101, false),
        (1102, false),
        (1200, false),
        (1300, false),
        (1301, false),
        (1302, false),
        (1303, false),
        (1304, false),
        (1400, false),
        (1401, false),
        (1402, false),
        (1500, false),
        (1501, true),
        (1502, true),
        (1503, true),
        (1504, true),
        (1505, true),
        (1506, true),
        (1600, false),
        (1601, false),
        (1602, false),
        (1603, false),
        (1700, false),
        (1701, false),
        (1800, false),
        (1801, false),
        (1802, false),
        (1803, false),
        (1804, false),
        (1805, false),
        (1806, false),
        (1807, true),
        (1900, false),
        (1901, false),
        (1902, false),
        (1903, false),
        (2000, false),
        (2001, false),
        (2002, false),
        (2037, false),
        (2038, false),
        (2039, false),
        (2040, false),
        (2099, false),
        (2100, false),
        (2101, false),
        (2200, true),
        (2201, false),
        (2300, false),
        (2301, false),
        (2302, false),
        (2303, false),
        (2304, false),
        (2305, false),
        (2306, false),
        (2307, true),
        (2308, true),
        (2309, true),
        (2310, false),
        (2311, true),
        (2312, true),
        (2313, true),
        (2314, false),
        (2315, false),
        (2316, true),
        (2317, true),
        (2400, false),
        (2401, false),
        (2402, false),
        (2500, false),
        (2600, false),
        (2601, false),
        (3000, false),
        (3001, false),
        (10_000, false),
        (10_001, false),
        (65_535, false),
    ];
    /// `ErrorCode` of `common/EasyAssert.h` beside those.
    const OF_THE_CORE: &[i32] = &[
        2003, 2004, 2005, 2006, 2007, 2009, 2010, 2011, 2012, 2013, 2014, 2015, 2016, 2017, 2018,
        2019, 2020, 2021, 2022, 2023, 2024, 2025, 2026, 2027, 2028, 2030, 2031, 2032, 2033, 2034,
        2035, 2036, 2041, 2042, 2043, 2044, 2045, 2046,
    ];

    #[test]
    fn every_code_has_one_class_and_a_reason() {
        let known: BTreeSet<i32> =
            CODES.iter().map(|(code, _)| *code).chain(OF_THE_CORE.iter().copied()).collect();
        let mut listed = BTreeSet::new();
        for group in GROUPS {
            assert!(!group.why.is_empty());
            for code in group.codes {
                assert!(listed.insert(*code), "{code} is there twice");
            }
        }
        assert_eq!(listed, known);
        assert_eq!(class(4711, ""), None);
    }

    /// What says of itself that it can be asked again is: at once, slower, or once it is loaded.
    #[test]
    fn what_the_server_calls_retriable_is_waited_for() {
        for (code, retriable) in CODES {
            let waited = matches!(
                class(*code, ""),
                Some(Class::Is(Kind::NotReady | Kind::RateLimited | Kind::NotLoaded))
            );
            assert!(waited || !retriable, "{code}");
        }
    }

    #[test]
    fn a_code_that_was_used_twice_goes_by_its_words() {
        let missing = class(202, "partition not found[partition=p]");
        assert_eq!(missing, Some(Class::Is(Kind::Missing)));
        let loading = class(202, "partition not fully loaded[partition=p]");
        assert_eq!(loading, Some(Class::Is(Kind::NotLoaded)));
        assert_eq!(class(8, "rate limit exceeded"), Some(Class::Is(Kind::RateLimited)));
        assert_eq!(class(8, "server ID mismatch[expected=1]"), Some(Class::Is(Kind::NotReady)));
        assert_eq!(class(6, "database 'x' does not exist"), Some(Class::ByText));
    }
}
