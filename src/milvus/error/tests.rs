//! What real servers answered, and what is done about it.

use tonic::Code;

use super::*;

fn status(code: i32, legacy: i32, reason: &str) -> Option<Kind> {
    #[expect(deprecated)]
    let status = common::Status {
        code,
        error_code: legacy,
        reason: reason.to_owned(),
        ..Default::default()
    };
    Error::from_status("Insert", "http://h:1", Some(&status)).map(|error| error.kind)
}

#[test]
fn sorts_the_answers_that_real_servers_gave() {
    // (code, legacy, reason, kind): measured on 2.3.5, 2.2.16 and Milvus Lite.
    let cases = [
        (8, 49, "request is rejected by grpc RateLimiter middleware", Kind::RateLimited),
        (
            0,
            49,
            "please retry later, req: /milvus.proto.milvus.MilvusService/Insert",
            Kind::RateLimited,
        ),
        (9, 48, "quota exceeded[reason=disk quota exceeded]", Kind::QuotaExceeded),
        (0, 54, "disk quota", Kind::QuotaExceeded),
        (100, 1, "can't find collection collection not found[database=..]", Kind::Missing),
        (
            0,
            1,
            "code: CollectionNotExists, reason: can't find collection default:nope",
            Kind::Missing,
        ),
        (65535, 1, "database:nodb not found", Kind::Missing),
        (200, 15, "partition not found", Kind::Missing),
        (101, 1, "collection not loaded", Kind::NotLoaded),
        (0, 1, "checkIfLoaded failed when query, collection:[x]", Kind::NotLoaded),
        (700, 25, "index not found", Kind::NoIndex),
        (0, 1, "index doesn't exist, collectionID 1", Kind::NoIndex),
        (
            65535,
            1,
            "attempt #7: rpc error: code = Canceled desc = grpc: the client connection is closing",
            Kind::NotReady,
        ),
        (65535, 1, "proxy TaskCondition context Done", Kind::NotReady),
        (65535, 1, "unrecoverable error", Kind::NotReady),
        (65535, 1, "query results exceed the limit size", Kind::TooLarge),
        (1, 1, "alias 'current' already exists", Kind::Invalid),
        (1, 55, "service not ready", Kind::NotReady),
        (6, 1, "database 'nowhere' does not exist", Kind::Missing),
        // ShowCollections of Milvus Lite 3, which has no legacy code there.
        (1, 0, "database 'dropped' does not exist", Kind::Missing),
        // CreateCollection of Milvus Lite 3 beside another one of the same name.
        (1, 0, "[Errno 17] File exists: '/data/things'", Kind::NotReady),
        (1100, 5, "the length of string exceeds max length", Kind::Invalid),
    ];
    for (code, legacy, reason, kind) in cases {
        assert_eq!(status(code, legacy, reason), Some(kind), "{code} {legacy} {reason}");
    }
    assert_eq!(status(0, 0, ""), None);
}

#[test]
fn of_the_quotas_only_memory_is_waited_for() {
    let error = |code, legacy, reason: &str| {
        #[expect(deprecated)]
        let status = common::Status {
            code,
            error_code: legacy,
            reason: reason.to_owned(),
            ..Default::default()
        };
        Error::from_status("Insert", "http://h:1", Some(&status)).unwrap()
    };
    let full = "quota exceeded[reason=memory quota exceeded, please allocate more resources]";
    for error in [
        error(3, 0, "memory limit exceeded[predict=9][limit=8]"),
        error(0, 52, "insufficient memory"),
        error(0, 53, "memory quota exceeded, please allocate more resources"),
        error(9, 48, full),
    ] {
        assert!(error.is_retryable() && error.advice().contains("memory"), "{error}");
        assert!(error.kind == Kind::QuotaExceeded && !error.outcome_unknown(), "{error}");
    }
    for error in [error(9, 48, "disk quota exceeded"), error(7, 54, "disk"), error(0, 54, "")] {
        assert!(!error.is_retryable() && !error.advice().contains("memory"), "{error}");
    }
    // The limiter denies writing while a server lags behind itself.
    assert!(error(9, 48, "quota exceeded[reason=time tick long delay]").is_retryable());
}

#[test]
fn a_long_text_keeps_both_ends() {
    let keys = "1234567,".repeat(1000);
    let text = shortened(&format!("failed to create expr plan, expr = id in [{keys}]: why"));
    assert!(text.len() < 1000, "{text}");
    assert!(text.starts_with("failed to create expr plan") && text.ends_with("]: why"));
    assert_eq!(shortened("größer"), "größer");
}

#[test]
fn only_an_explicit_refusal_has_a_known_outcome() {
    let grpc =
        |code: Code, text: &str| Error::from_grpc("Insert", "http://h:1", &Status::new(code, text));
    assert!(grpc(Code::DeadlineExceeded, "").outcome_unknown());
    assert!(grpc(Code::Unavailable, "Stream removed").outcome_unknown());
    assert!(grpc(Code::Internal, "h2 protocol error: stream reset").outcome_unknown());
    let large = grpc(Code::ResourceExhausted, "grpc: received message larger than max (9 vs. 8)");
    assert!(large.kind == Kind::TooLarge && !large.outcome_unknown());
    // Envoy says no more than this by itself.
    for text in ["Rate limit exceeded", "local_rate_limited", "Quota exceeded for requests"] {
        let fast = grpc(Code::ResourceExhausted, text);
        assert!(fast.kind == Kind::RateLimited && !fast.outcome_unknown(), "{text}");
    }
    assert_eq!(
        grpc(Code::Unknown, "auth check failure, please check username").kind,
        Kind::Unauthenticated
    );
}

/// One read that ends with a code, and one write.
fn seldom(code: i32, retriable: bool, reason: &str) -> (Error, Error) {
    let status =
        common::Status { code, retriable, reason: reason.to_owned(), ..Default::default() };
    let of = |rpc| Error::from_status(rpc, "http://h:1", Some(&status)).unwrap();
    (of("Query"), of("Insert"))
}

#[test]
fn reads_are_repeated_where_a_code_says_so_and_for_a_while_where_it_says_nothing() {
    let hour = Duration::from_secs(3_600);
    for code in [
        305, 401, 500, 501, 503, 505, 507, 600, 601, 602, 901, 904, 905, 1002, 1003, 1302, 2018,
        2038, 10_000, 10_001,
    ] {
        let (read, write) = seldom(code, false, "a bad day");
        assert_eq!(read.kind, Kind::NotReady, "{code}");
        assert_eq!(read.patience(hour), Some(hour), "{code}");
        // Nothing says that it was not written.
        assert!(write.is_retryable() && write.outcome_unknown(), "{code}");
        assert!(!write.concerns_rows(), "{code}");
    }
    // What nobody knows, and what says nothing.
    for code in [4_711, 5, 65_535, 2_000, 1_001] {
        let (read, write) = seldom(code, false, "a bad day");
        assert_eq!(read.kind, Kind::Other, "{code}");
        assert_eq!(read.patience(hour), Some(UNCLEAR), "{code}");
        assert_eq!(read.patience(Duration::from_secs(1)), Some(Duration::from_secs(1)));
        assert_eq!(write.patience(hour), None, "{code}");
        assert!(write.concerns_rows(), "{code}");
        // A server that says so is believed.
        let (read, write) = seldom(code, true, "a bad day");
        assert_eq!(read.patience(hour), Some(hour), "{code}");
        assert!(write.is_retryable() && write.outcome_unknown(), "{code}");
    }
    // What is refused stays so, whatever the flag says.
    for (code, kind) in [
        (100, Kind::Missing),
        (1100, Kind::Invalid),
        (1401, Kind::PermissionDenied),
        (1701, Kind::Invalid),
        (1009, Kind::Other),
        (2500, Kind::Other),
    ] {
        let (read, _) = seldom(code, false, "no");
        assert_eq!((read.kind, read.patience(hour)), (kind, None), "{code}");
    }
    let (read, _) = seldom(202, false, "partition not fully loaded");
    assert_eq!(read.kind, Kind::NotLoaded);
}

#[test]
fn a_code_that_nobody_knows_is_called_so() {
    let (read, _) = seldom(4_711, false, "a bad day");
    let told = read.to_string();
    assert!(told.ends_with("a bad day [code 4711, which milvus-ferry does not know]"), "{told}");
    let (read, _) = seldom(500, false, "channel not found");
    assert!(read.to_string().ends_with("channel not found [code 500]"), "{read}");
    let tried = Error { tried: Tried::new(9, Duration::from_secs(30)), ..read };
    assert!(tried.to_string().ends_with("[code 500] (tried for 30 s, 9 times)"), "{tried}");
}

/// gRPC's own `INTERNAL` or `UNKNOWN`, from a server that panicked or a gateway.
#[test]
fn a_read_without_any_code_is_repeated_for_a_while() {
    let hour = Duration::from_secs(3_600);
    let status = Status::new(Code::Internal, "a panic");
    let failed = |rpc| Error::from_grpc(rpc, "http://h:1", &status);
    assert_eq!(failed("Query").patience(hour), Some(UNCLEAR));
    assert_eq!(failed("Insert").patience(hour), None);
    // Our own verdicts are final.
    assert_eq!(Error::new(Kind::Other, "DescribeIndex", "http://h:1", "").patience(hour), None);
}

#[test]
fn a_filter_that_is_not_understood_is_refused() {
    for reason in [
        "failed to create query plan: cannot parse expression: iso == 3, error: line 1:7",
        "cannot parse expression: exists $meta[\"a\"]",
        "failed to create expr plan, expr = id in [1]",
    ] {
        assert_eq!(status(65_535, 1, reason), Some(Kind::Invalid), "{reason}");
        assert_eq!(status(0, 1, reason), Some(Kind::Invalid), "{reason}");
    }
}
