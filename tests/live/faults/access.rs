//! Servers that cannot be reached, and those that do not let everybody in. Nothing is written.

use std::fmt::Write as _;
use std::sync::OnceLock;
use std::time::Duration;

use super::world::{self, PLAN, assert_says};
use testkit::collection::plain;
use testkit::data;
use testkit::ferry::{Ferry, Outcome};
use testkit::lab::{self, Kind, PrivateServer, Server, Spec};
use testkit::pb::schema::DataType;
use testkit::probe::Probe;
use testkit::table::assert_same;

/// A server with passwords and a certificate.
pub fn with_tls_1() -> &'static Server {
    static SHARED: OnceLock<PrivateServer> = OnceLock::new();
    SHARED.get_or_init(|| lab::private(&Spec::milvus_235().with_auth().with_tls(1)))
}

/// A server with passwords that asks its clients for certificates.
pub fn with_tls_2() -> &'static Server {
    static SHARED: OnceLock<PrivateServer> = OnceLock::new();
    SHARED.get_or_init(|| lab::private(&Spec::milvus_235().with_auth().with_tls(2)))
}

/// An end of a plan file, as TOML without its `[source]` or `[target]`.
pub struct End(pub String);

impl End {
    pub fn at(endpoint: &str) -> Self {
        Self(format!("endpoint = \"{endpoint}\"\n"))
    }

    pub fn of(server: &Server) -> Self {
        Self::at(server.uri())
    }

    pub fn login(mut self, user: &str, password: &str) -> Self {
        let _ = write!(
            self.0,
            "username = {{ env = \"{user}\" }}\npassword = {{ env = \"{password}\" }}\n"
        );
        self
    }

    pub fn token(mut self, name: &str) -> Self {
        let _ = writeln!(self.0, "token = {{ env = \"{name}\" }}");
        self
    }

    pub fn ca(mut self, server: &Server) -> Self {
        let ca = server.certificates.as_ref().unwrap().ca.display();
        let _ = writeln!(self.0, "tls.ca_file = \"{ca}\"");
        self
    }

    pub fn certificate(mut self, server: &Server) -> Self {
        let certificates = server.certificates.as_ref().unwrap();
        let (certificate, key) = (&certificates.client, &certificates.client_key);
        let _ = writeln!(
            self.0,
            "tls.client_cert_file = \"{}\"\ntls.client_key_file = \"{}\"",
            certificate.display(),
            key.display()
        );
        self
    }

    /// A folder with a plan file from here to `target`.
    pub fn to(&self, target: &Self, entries: &str) -> Ferry {
        let text = format!("version = 1\n[source]\n{}[target]\n{}{entries}", self.0, target.0);
        Ferry::with_plan(PLAN, &text)
            .env("GOOD_USER", "root")
            .env("GOOD_PASSWORD", "Milvus")
            .env("BAD_PASSWORD", "Nilvus")
    }
}

const ENTRY: &str = "[[collections]]\nsource = \"anything\"\n";

fn plain_source() -> End {
    End::of(lab::server(Kind::Milvus235A))
}

fn plain_target() -> End {
    End::of(lab::server(Kind::Milvus235B))
}

/// `plan` and `apply` end with 4 and say these things; no ledger is begun.
#[track_caller]
fn no_way_in(ferry: &Ferry, says: &[&str]) -> Outcome {
    for arguments in [&["plan", PLAN][..], &["apply", PLAN, "--yes"]] {
        let outcome = ferry.run(arguments).expect_code(4);
        for what in says {
            assert_says(&outcome, what);
        }
        assert!(outcome.took < Duration::from_secs(30), "it took {:?}", outcome.took);
        assert!(!ferry.path(".milvus-ferry").exists());
    }
    ferry.run(&["apply", PLAN, "--yes"])
}

const SCHEME: &str = "http for a plain port, https for TLS";

#[test]
fn nobody_listens() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let nobody = End::at(&format!("http://127.0.0.1:{port}"));
    no_way_in(&plain_source().to(&nobody, ENTRY), &["target: cannot reach the server", SCHEME]);
    let nowhere = End::at("http://no-such-host.invalid:19530");
    let outcome = no_way_in(&nowhere.to(&nobody, ENTRY), &["source: cannot reach the server"]);
    // Both at once, not one after the other was mended.
    assert_says(&outcome, "target: cannot reach the server");
}

#[test]
fn http_to_a_tls_port_and_https_to_a_plain_one() {
    let tls = with_tls_1();
    let wrong = End::at(&tls.uri().replace("https", "http")).login("GOOD_USER", "GOOD_PASSWORD");
    no_way_in(&plain_source().to(&wrong, ENTRY), &["target: ", SCHEME]);
    let plain = lab::server(Kind::Milvus235A).uri().replace("http", "https");
    no_way_in(&End::at(&plain).to(&plain_target(), ENTRY), &["source: ", SCHEME]);
}

#[test]
fn certificates_that_are_not_trusted_or_not_shown() {
    let (one, two) = (with_tls_1(), with_tls_2());
    let login = |end: End| end.login("GOOD_USER", "GOOD_PASSWORD");
    let unknown_ca = login(End::of(one));
    no_way_in(
        &unknown_ca.to(&plain_target(), ENTRY),
        &["source: cannot agree on TLS", "`tls.ca_file`"],
    );
    let shows_none = login(End::of(two)).ca(two);
    no_way_in(&plain_source().to(&shows_none, ENTRY), &["target: cannot agree on TLS", "`tls`"]);
}

#[test]
fn a_wrong_password() {
    let tls = with_tls_1();
    let wrong = End::of(tls).ca(tls).login("GOOD_USER", "BAD_PASSWORD");
    let says = ["target: the credentials are refused", "check the variables"];
    no_way_in(&plain_source().to(&wrong, ENTRY), &says);
    let nobody = End::of(tls).ca(tls);
    let says = ["target: the server asks for a login, and none is given", "`token`", "[target]"];
    no_way_in(&plain_source().to(&nobody, ENTRY), &says);
}

#[test]
fn a_wrong_password_on_2216() {
    let server = lab::private(&Spec::milvus_2216().with_auth());
    let wrong = End::of(&server).login("GOOD_USER", "BAD_PASSWORD");
    no_way_in(
        &wrong.to(&plain_target(), ENTRY),
        &["source: the credentials are refused", "check the variables"],
    );
}

#[test]
fn credentials_that_nobody_set_are_named_all_at_once() {
    let source = plain_source().login("GOOD_USER", "NO_SUCH_PASSWORD");
    let target = plain_target().token("NO_SUCH_TOKEN");
    let says = [
        "credentials are missing: NO_SUCH_PASSWORD (source, ",
        "NO_SUCH_TOKEN (target, ",
        &format!("{PLAN}:"),
    ];
    no_way_in(&source.to(&target, ENTRY), &says);
}

#[test]
fn tls_files_that_are_not_there() {
    let mut missing = End::of(with_tls_1());
    missing.0.push_str("tls.ca_file = \"no-such-ca.pem\"\n");
    let ferry = missing.to(&plain_target(), ENTRY);
    let outcome = ferry.run(&["apply", PLAN, "--yes"]).expect_code(3);
    assert_says(&outcome, "no-such-ca.pem");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn from_a_server_with_a_certificate_to_one_that_wants_ours() {
    let (one, two) = (with_tls_1(), with_tls_2());
    let collection = plain("guarded", DataType::Int64);
    let table = data::table(&collection, 2_000, 31);
    Probe::of(one).await.fill(&collection, &table).await;
    let source = End::of(one).ca(one).login("GOOD_USER", "GOOD_PASSWORD");
    let target = End::of(two).ca(two).certificate(two).login("GOOD_USER", "GOOD_PASSWORD");
    let ferry = source.to(&target, "[[collections]]\nsource = \"guarded\"\n");
    ferry.run(&["apply", PLAN, "--yes"]).expect_code(0);
    let read = Probe::of(two).await.read_all("guarded", &table.keys(), &[]).await;
    assert_same(&table, &read);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_user_who_may_look_and_not_write() {
    let server = with_tls_1();
    let probe = Probe::of(server).await;
    probe.create_user("onlooker", "Onlooker1").await;
    let target = End::of(server).ca(server).login("ONLOOKER", "ONLOOKER_PASSWORD");
    let name = lab::unique_name("rows");
    let entry = world::rows().await.entry(&name, "");
    let ferry = plain_source()
        .to(&target, &entry)
        .env("ONLOOKER", "onlooker")
        .env("ONLOOKER_PASSWORD", "Onlooker1");
    let outcome = ferry.run(&["apply", PLAN, "--yes"]).expect_code(4);
    assert_says(&outcome, "target_not_permitted");
    assert_says(&outcome, "PrivilegeCreateCollection");
    assert!(!probe.has_collection(&name).await);
}
