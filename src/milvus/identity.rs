//! What else than Milvus answers at an address: found by speaking plain HTTP and TLS to it, without
//! any credential.

use std::sync::Arc;
use std::time::Duration;

use hyper_util::client::legacy::connect::HttpConnector;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tower_service::Service;

use super::front::words_of;
use super::proxy::Proxy;

/// How long each question may take.
const LOOK: Duration = Duration::from_secs(3);
/// So much of an answer is looked at, bytes: metrics begin with those of the runtime.
const ANSWER: usize = 256 << 10;

/// What answers at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seen {
    /// It speaks TLS.
    Tls,
    /// Something that is known by name.
    Known(&'static str),
    /// A web server, or something that speaks like one.
    Http(String),
    /// Something that begins with these words.
    Words(String),
}

impl Seen {
    /// What it is, as the second half of a sentence.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Tls => "a port that speaks TLS".to_owned(),
            Self::Known(name) => (*name).to_owned(),
            Self::Http(who) => format!("an HTTP server{who}"),
            Self::Words(words) => format!("something that says {words:?}"),
        }
    }
}

/// Looks who answers at `http://host:port` or `https://host:port`, where that can be told.
pub(super) async fn look(uri: &str, proxy: Option<&Proxy>) -> Option<Seen> {
    let question = format!(
        "GET /metrics HTTP/1.0\r\nHost: {}\r\nConnection: close\r\n\r\n",
        uri.split_once("://").map_or(uri, |(_, host)| host)
    );
    let answer = ask(uri, proxy, question.as_bytes()).await;
    match answer.as_deref().and_then(seen) {
        Some(seen) => Some(seen),
        None => speaks_tls(uri, proxy).await.then_some(Seen::Tls),
    }
}

/// Sends bytes on a connection of its own, and gives what comes back until it ends or is silent.
async fn ask(uri: &str, proxy: Option<&Proxy>, question: &[u8]) -> Option<Vec<u8>> {
    let mut answer = Vec::new();
    let all = async {
        let mut stream = connect(uri, proxy).await?;
        stream.write_all(question).await.ok()?;
        let mut bytes = vec![0; 16 << 10];
        while answer.len() < ANSWER && seen_for_sure(&answer).is_none() {
            match stream.read(&mut bytes).await {
                Ok(read) if read > 0 => answer.extend_from_slice(&bytes[..read]),
                _ => break,
            }
        }
        Some(())
    };
    // What came until then is enough.
    let _ = tokio::time::timeout(LOOK, all).await;
    (!answer.is_empty()).then_some(answer)
}

async fn connect(uri: &str, proxy: Option<&Proxy>) -> Option<TcpStream> {
    let uri: http::Uri = uri.parse().ok()?;
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    let io = match proxy {
        None => tcp.call(uri).await.ok()?,
        Some(proxy) => proxy.tunnel(tcp).call(uri).await.ok()?,
    };
    Some(io.into_inner())
}

/// Whether a hello of TLS is answered by TLS, be it a refusal.
async fn speaks_tls(uri: &str, proxy: Option<&Proxy>) -> bool {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let Ok(versions) =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()
    else {
        return false;
    };
    // Nothing is trusted, and nothing is said behind the hello.
    let config = versions.with_root_certificates(RootCertStore::empty()).with_no_client_auth();
    let Ok(name) = ServerName::try_from("milvus.invalid") else { return false };
    let Ok(mut client) = ClientConnection::new(Arc::new(config), name) else { return false };
    let mut hello = Vec::new();
    if client.write_tls(&mut hello).is_err() {
        return false;
    }
    let answer = ask(uri, proxy, &hello).await;
    answer.is_some_and(|answer| is_tls(&answer))
}

/// A record of TLS: a handshake or an alert.
fn is_tls(answer: &[u8]) -> bool {
    matches!(answer, [0x15 | 0x16, 3, ..])
}

fn contains(answer: &[u8], words: &str) -> bool {
    answer.windows(words.len()).any(|window| window == words.as_bytes())
}

/// What is certain whatever else comes.
fn seen_for_sure(answer: &[u8]) -> Option<Seen> {
    if is_tls(answer)
        || contains(answer, "HTTP request to an HTTPS server")
        || contains(answer, "plain HTTP request was sent to HTTPS port")
    {
        return Some(Seen::Tls);
    }
    // Their own words, in the order of alphabet in which metrics come.
    [
        ("\r\nServer: MinIO", "MinIO, the object storage (S3)"),
        ("etcd_", "etcd, where Milvus keeps what it knows"),
        ("\nmilvus_", "the port of Milvus's metrics and health (9091)"),
        ("pulsar_", "Pulsar, the message queue"),
    ]
    .into_iter()
    .find(|(words, _)| contains(answer, words))
    .map(|(_, name)| Seen::Known(name))
}

/// What an answer to a question in HTTP says of who gave it. A server of gRPC alone says nothing that
/// can be read.
fn seen(answer: &[u8]) -> Option<Seen> {
    if let Some(seen) = seen_for_sure(answer) {
        return Some(seen);
    }
    let text = String::from_utf8_lossy(answer);
    if let Some(rest) = text.strip_prefix("HTTP/1.") {
        let (head, body) = rest.split_once("\r\n\r\n").unwrap_or((rest, ""));
        let server = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("server").then(|| value.trim().to_owned())
        });
        let status = head.lines().next().unwrap_or_default();
        let status = status.split_once(' ').map_or("", |(_, status)| status.trim());
        let words = words_of(body);
        let who = server.map(|server| format!(" ({server})")).unwrap_or_default();
        // REST answers `{"code":…,"message":…}`.
        if words.starts_with("{\"code\"") {
            return Some(Seen::Http(format!("{who} with a REST interface, like that of Milvus")));
        }
        return Some(Seen::Http(format!("{who} that answers {status}")));
    }
    let words: String = text.chars().take(40).collect();
    let readable = words.chars().all(|c| !c.is_control() || c.is_whitespace());
    let readable = readable && !words.contains('\u{fffd}') && !words.trim().is_empty();
    readable.then(|| Seen::Words(words.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_tell_who_gave_them() {
        let http = |words: &str| Some(Seen::Http(words.to_owned()));
        for (answer, expected) in [
            (&b"\x15\x03\x01\0\x02\x02F"[..], Some(Seen::Tls)),
            (
                b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n",
                Some(Seen::Tls),
            ),
            (
                b"HTTP/1.0 403 Forbidden\r\nServer: MinIO\r\n\r\n<Error>",
                Some(Seen::Known("MinIO, the object storage (S3)")),
            ),
            (
                b"HTTP/1.0 200 OK\r\n\r\n# HELP go_gc x\ngo_gc 1\n# HELP\nmilvus_proxy 1\n",
                Some(Seen::Known("the port of Milvus's metrics and health (9091)")),
            ),
            (
                b"HTTP/1.0 200 OK\r\n\r\n# HELP etcd_cluster_version x\n",
                Some(Seen::Known("etcd, where Milvus keeps what it knows")),
            ),
            (
                b"HTTP/1.1 404 Not Found\r\nserver: nginx\r\n\r\n404 page not found",
                http(" (nginx) that answers 404 Not Found"),
            ),
            (
                b"HTTP/1.1 404 Not Found\r\n\r\n{\"code\":404}",
                http(" with a REST interface, like that of Milvus"),
            ),
            (b"SSH-2.0-OpenSSH_9.2\r\n", Some(Seen::Words("SSH-2.0-OpenSSH_9.2".to_owned()))),
            // Settings of HTTP/2, as a server of gRPC sends them.
            (b"\0\0\x06\x04\0\0\0\0\0\0\x05\0\0@\0", None),
            (b"", None),
        ] {
            assert_eq!(seen(answer), expected, "{}", String::from_utf8_lossy(answer));
        }
    }
}
