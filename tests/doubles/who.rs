//! What else than Milvus answers at an endpoint is said in those words, with the end and the line of
//! the plan file.

use std::convert::Infallible;
use std::io::{Read, Write};
use std::net::TcpListener;

use testkit::fake::{Fake, Profile};
use testkit::ferry::{Ferry, expect_words};
use testkit::fronts::{Nginx, OpenSsl};
use testkit::loopback::Loopback;
use tonic::body::Body;
use tonic::codegen::http::{Request, Response};

const PLAN: &str = "plan.ferry.toml";

/// Says the same to everybody, whatever they say; it ends with the process. Gives its port.
pub(super) fn parrot(answer: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer);
        }
    });
    port
}

/// `plan`, `apply` and `validate --online` end with 4, with this endpoint as the target's and as the
/// source's, and say these things of it.
#[track_caller]
fn refused(endpoint: &str, words: &[&str]) {
    let milvus = Fake::start(Profile::milvus("2.6.5"));
    for (end, from, to, line) in [
        ("target", milvus.uri().as_str(), endpoint, 5),
        ("source", endpoint, milvus.uri().as_str(), 3),
    ] {
        let text = format!(
            "version = 1\n[source]\nendpoint = \"{from}\"\n[target]\nendpoint = \"{to}\"\n\
             [[collections]]\nsource = \"things\"\n"
        );
        let ferry = Ferry::with_plan(PLAN, &text);
        for command in
            [&["plan", PLAN][..], &["apply", PLAN, "--yes"], &["validate", PLAN, "--online"]]
        {
            let outcome = ferry.run(command).expect_code(4);
            expect_words(&outcome, &[&format!("{end}: "), &format!("{PLAN}:{line}")]);
            expect_words(&outcome, words);
            assert!(!outcome.stderr.contains("too old"), "{}", outcome.stderr);
        }
    }
}

#[test]
fn other_servers_are_named() {
    for (answer, words) in [
        (
            &b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n# HELP go_gc_duration_seconds x\n\
               go_goroutines 9\n# HELP milvus_build_info x\nmilvus_build_info 1\n"[..],
            "Milvus's metrics and health (9091)",
        ),
        (b"HTTP/1.1 400 Bad Request\r\nServer: MinIO\r\n\r\n<Error/>", "MinIO"),
        (b"HTTP/1.1 404 Not Found\r\n\r\n{\"code\":404,\"message\":\"x\"}", "REST"),
        (b"HTTP/1.1 404 Not Found\r\nServer: Jetty\r\n\r\nno", "an HTTP server (Jetty)"),
        (b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", "SSH-2.0-OpenSSH"),
    ] {
        let port = parrot(answer);
        let says = ["not a gRPC endpoint", words, "gRPC port (19530"];
        refused(&format!("http://127.0.0.1:{port}"), &says);
        // Milvus's own port may answer HTTP too.
        let says: &[&str] = match words {
            "REST" | "an HTTP server (Jetty)" => &["speaks no TLS", "the endpoint says https"],
            _ => &says,
        };
        refused(&format!("https://127.0.0.1:{port}"), says);
    }
}

#[test]
fn another_grpc_server_is_not_an_old_milvus() {
    // As etcd answers, but for the words: no service is known.
    let server = Loopback::serve_http(Says(
        tonic::Code::Unimplemented,
        "unknown service milvus.proto.milvus.MilvusService",
    ));
    refused(
        &server.uri(),
        &["not a gRPC endpoint", "a gRPC server answers that is not Milvus", "etcd"],
    );
}

#[test]
fn tls_where_none_is_and_none_where_it_is() {
    let milvus = Fake::start(Profile::milvus("2.6.5"));
    let openssl = OpenSsl::default();
    let certificate = openssl.self_signed("front", "");
    let front = Nginx::with_tls(&milvus.uri(), &certificate);
    refused(
        &front.uri().replace("https", "http"),
        &["the server speaks TLS, and the endpoint says http", "https for TLS"],
    );
    refused(
        &milvus.uri().replace("http", "https"),
        &["the server speaks no TLS, and the endpoint says https", "http for a plain port"],
    );
}

#[test]
fn a_login_that_is_missing_is_not_one_that_is_wrong() {
    let server = Loopback::serve_http(Says(tonic::Code::Unauthenticated, "auth check failure"));
    let milvus = Fake::start(Profile::milvus("2.6.5"));
    let plan = |login: &str| {
        let text = format!(
            "version = 1\n[source]\nendpoint = \"{}\"\n[target]\nendpoint = \"{}\"\n{login}\n\
             [[collections]]\nsource = \"things\"\n",
            milvus.uri(),
            server.uri()
        );
        Ferry::with_plan(PLAN, &text).env("MY_TOKEN", "wrong").env("MY_USER", "wrong")
    };
    let outcome = plan("").run(&["plan", PLAN]).expect_code(4);
    let place = format!("{PLAN}:5");
    expect_words(
        &outcome,
        &[
            "target: the server asks for a login, and none is given",
            "[target]",
            "token = {",
            &place,
        ],
    );
    let token = "token = { env = \"MY_TOKEN\" }";
    let outcome = plan(token).run(&["plan", PLAN]).expect_code(4);
    expect_words(&outcome, &["target: the credentials are refused", "`MY_TOKEN`, which [target]"]);
    let both = "username = { env = \"MY_USER\" }\npassword = { env = \"MY_TOKEN\" }";
    let outcome = plan(both).run(&["plan", PLAN]).expect_code(4);
    expect_words(&outcome, &["`MY_USER` and `MY_TOKEN`", &place]);
    let outcome = Ferry::new().run(&["init", "--from", &server.uri()]).expect_code(4);
    expect_words(&outcome, &["asks for a login", "--token-env"]);
}

/// Refuses every call.
#[derive(Clone)]
pub(super) struct Says(pub(super) tonic::Code, pub(super) &'static str);

impl tonic::codegen::Service<Request<Body>> for Says {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(
        &mut self,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), Infallible>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        std::future::ready(Ok(tonic::Status::new(self.0, self.1).into_http()))
    }
}
