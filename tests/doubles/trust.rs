//! Certificates of every kind that openssl makes, shown by a real nginx: which are trusted, and in
//! which words others are not.

use testkit::fake::{Fake, Profile};
use testkit::ferry::{Ferry, expect_words};
use testkit::fronts::{Nginx, OpenSsl, Pair};

const PLAN: &str = "plan.ferry.toml";
const HERE: &str = "-addext subjectAltName=IP:127.0.0.1";

struct Scene {
    openssl: OpenSsl,
    server: Fake,
}

impl Scene {
    fn new() -> Self {
        let openssl = OpenSsl::default();
        openssl.self_signed("authority", "-days 2");
        Self { openssl, server: Fake::start(Profile::milvus("2.6.5")) }
    }

    /// A plan file whose target shows this certificate, with these lines of TLS.
    fn target(&self, shown: &Pair, tls: &str) -> (Nginx, Ferry) {
        let front = Nginx::with_tls(&self.server.uri(), shown);
        let text = format!(
            "version = 1\n[source]\nendpoint = \"{}\"\n[target]\nendpoint = \"{}\"\n{tls}\n\
             [[collections]]\nsource = \"*\"\n",
            self.server.uri(),
            front.uri()
        );
        (front, Ferry::with_plan(PLAN, &text))
    }

    fn ca(&self, name: &str) -> String {
        format!("tls.ca_file = \"{}\"", self.openssl.path(name).display())
    }

    /// The target is reached: what is refused is that it holds no collection.
    #[track_caller]
    fn trusted(&self, shown: &Pair, tls: &str) {
        let (_front, ferry) = self.target(shown, tls);
        let outcome = ferry.run(&["plan", PLAN]);
        assert!(!outcome.stderr.contains("TLS"), "{}", outcome.stderr);
        assert_ne!(outcome.code, Some(4), "{}", outcome.stderr);
    }

    #[track_caller]
    fn refused(&self, shown: &Pair, tls: &str, words: &[&str]) {
        let (_front, ferry) = self.target(shown, tls);
        let outcome = ferry.run(&["plan", PLAN]).expect_code(4);
        expect_words(&outcome, &["target: cannot agree on TLS"]);
        expect_words(&outcome, words);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_is_given_byte_for_byte_is_trusted() {
    let scene = Scene::new();
    // As openssl makes one when nothing is said: an authority's, without names.
    let plain = scene.openssl.self_signed("plain", "");
    scene.trusted(&plain, &scene.ca("plain.pem"));
    let leaf = scene.openssl.self_signed("leaf", "-addext basicConstraints=critical,CA:FALSE");
    scene.trusted(&leaf, &scene.ca("leaf.pem"));
    // One that an authority signed which is not given.
    let signed = scene.openssl.signed_by("authority", "signed", "subjectAltName=IP:127.0.0.1", "");
    scene.trusted(&signed, &scene.ca("signed.pem"));
    scene.trusted(&signed, &scene.ca("authority.pem"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_a_certificate_is_said_in_words() {
    let scene = Scene::new();
    let openssl = &scene.openssl;
    let plain = openssl.self_signed("plain", "");
    let words = ["authority as its own (CN=plain", "openssl s_client -connect 127.0.0.1:"];
    scene.refused(&plain, "", &words);
    let own = openssl.self_signed("own", "-addext basicConstraints=critical,CA:FALSE");
    scene.refused(&own, "", &["(CN=own) is signed by itself", "does not trust", "s_client"]);
    let first = openssl.signed_by("authority", "first", "", "");
    for ca in ["first.pem", "authority.pem"] {
        scene.refused(&first, &scene.ca(ca), &["X.509 version 1", "subjectAltName=IP:127.0.0.1"]);
    }
    let elsewhere =
        openssl.signed_by("authority", "elsewhere", "subjectAltName=DNS:db.example", "");
    let words = ["is for db.example, not for 127.0.0.1", "tls.server_name = \"db.example\""];
    scene.refused(&elsewhere, &scene.ca("authority.pem"), &words);
    let named = format!("{}\ntls.server_name = \"db.example\"", scene.ca("authority.pem"));
    scene.trusted(&elsewhere, &named);
    let nameless = openssl.signed_by("authority", "nameless", "basicConstraints=CA:FALSE", "");
    scene.refused(&nameless, &scene.ca("authority.pem"), &["has no names (subjectAltName)"]);
    let expired =
        openssl.signed_by("authority", "expired", "subjectAltName=IP:127.0.0.1", "-days -1");
    for ca in ["authority.pem", "expired.pem"] {
        scene.refused(
            &expired,
            &scene.ca(ca),
            &["(CN=expired) expired on 20", "openssl req -x509"],
        );
    }
    openssl.self_signed("stranger", "");
    let signed = openssl.signed_by("authority", "signed", "subjectAltName=IP:127.0.0.1", "");
    let words = ["(CN=signed) is signed by CN=authority", "holds CN=stranger"];
    scene.refused(&signed, &scene.ca("stranger.pem"), &words);
    let other = openssl.signed_by("authority", "other", "basicConstraints=CA:FALSE", "");
    assert!(other.certificate.is_file());
    scene.refused(&signed, &scene.ca("other.pem"), &["CN=other (a server's certificate"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_no_certificate_is_said_in_words() {
    let scene = Scene::new();
    let openssl = &scene.openssl;
    let shown = openssl.self_signed("shown", HERE);
    openssl.run("x509 -in shown.pem -outform der -out shown.der");
    openssl.run("req -new -key shown.key -subj /CN=shown -out shown.csr");
    std::fs::write(openssl.path("empty.pem"), "").unwrap();
    for (file, words) in [
        ("shown.key", "holds a private key and no certificate"),
        ("shown.der", "openssl x509 -inform der"),
        ("shown.csr", "holds a request for a certificate"),
        ("empty.pem", "holds no certificate"),
    ] {
        scene.refused(&shown, &scene.ca(file), &[words]);
    }
    let stranger = openssl.self_signed("stranger", "");
    openssl.run("pkey -in shown.key -aes256 -passout pass:secret -out locked.key");
    for (key, words) in [
        (stranger.key, "is not the key of `tls.client_cert_file`"),
        (openssl.path("locked.key"), "is encrypted"),
    ] {
        let tls = format!(
            "{}\ntls.client_cert_file = \"{}\"\ntls.client_key_file = \"{}\"",
            scene.ca("shown.pem"),
            shown.certificate.display(),
            key.display()
        );
        scene.refused(&shown, &tls, &[words]);
    }
}
