//! Connections: addresses, TLS, HTTP/2 windows, keep-alive, and the credential header.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper_util::client::legacy::connect::HttpConnector;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, ClientTlsConfig, Endpoint, Identity};

use super::error::{Error, Kind, Result};
use super::proxy::{Proxy, ProxySettings};
use super::trust::Trust;
use crate::secret::Secret;

/// Receive window of one stream. The receiver's window bounds a read: at 50 ms round trip the
/// default of 2 MiB gave 24 MB/s, 8 MiB gave 41.
const STREAM_WINDOW: u32 = 16 << 20;
/// Receive window of one connection.
const CONNECTION_WINDOW: u32 = 64 << 20;
/// Largest frame of an answer that is taken: with 1 MiB instead of 16 KiB, a quarter less CPU goes
/// into a message.
const FRAME: u32 = 1 << 20;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(30);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(20);

/// Credentials, read from the environment.
#[derive(Debug, Clone)]
pub enum Login {
    /// A user and a password.
    UserPassword(Secret, Secret),
    /// An API key, or `user:password` in one.
    Token(Secret),
}

impl Login {
    /// The value of the `authorization` header: base64 of the token without any scheme word, which
    /// Milvus refuses.
    fn header(&self) -> std::result::Result<MetadataValue<Ascii>, &'static str> {
        let encoded = match self {
            Self::UserPassword(user, password) => {
                if user.expose().contains(':') {
                    return Err("a user's name cannot contain a colon");
                }
                STANDARD.encode(format!("{}:{}", user.expose(), password.expose()))
            }
            Self::Token(token) => STANDARD.encode(token.expose()),
        };
        let mut value: MetadataValue<Ascii> =
            encoded.parse().map_err(|_| "the credentials cannot be sent as a header")?;
        value.set_sensitive(true);
        Ok(value)
    }
}

/// The contents of the TLS files of an endpoint.
#[derive(Clone, Default)]
pub struct TlsFiles {
    /// Certificates to trust instead of the system's, PEM.
    pub ca: Option<Vec<u8>>,
    /// Our certificate and its key, PEM (mutual TLS).
    pub identity: Option<(Vec<u8>, Vec<u8>)>,
    /// Name to expect in the server's certificate.
    pub server_name: Option<String>,
}

impl fmt::Debug for TlsFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsFiles")
            .field("ca", &self.ca.is_some())
            .field("identity", &self.identity.is_some())
            .field("server_name", &self.server_name)
            .finish()
    }
}

/// Everything needed to reach one server.
#[derive(Debug, Clone)]
pub struct Connection {
    /// `http://host:port` or `https://host:port`.
    pub uri: String,
    /// Who we are.
    pub login: Option<Login>,
    /// TLS material; used with `https` only.
    pub tls: TlsFiles,
    /// Number of connections. The server's window caps all streams of one connection, so parallel
    /// writes need several.
    pub connections: usize,
    /// What the environment says of proxies.
    pub proxies: ProxySettings,
    /// Which end it is and where that is written, such as `source` and `plan.toml:3`; for errors.
    pub role: Option<(String, String)>,
}

/// Channels and the header that every call carries.
pub(super) struct Link {
    pub(super) channels: Vec<Channel>,
    pub(super) authorization: Option<MetadataValue<Ascii>>,
    pub(super) proxy: Option<Proxy>,
}

impl Connection {
    /// The address as errors name it.
    pub(super) fn label(&self) -> String {
        match &self.role {
            Some((end, place)) if place.is_empty() => format!("the {end} {}", self.uri),
            Some((end, place)) => format!("the {end} {}, {place}", self.uri),
            None => self.uri.clone(),
        }
    }

    /// Prepares the channels; they connect at the first call.
    pub(super) fn link(&self) -> Result<Link> {
        let fail = |kind, message: String| Error::new(kind, "connect", &self.label(), message);
        let authorization = match &self.login {
            Some(login) => {
                Some(login.header().map_err(|why| fail(Kind::Unauthenticated, why.to_owned()))?)
            }
            None => None,
        };
        let mut endpoint = Endpoint::from_shared(self.uri.clone())
            .map_err(|error| fail(Kind::Invalid, format!("not an address: {error}")))?
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_nodelay(true)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_frame_size(FRAME)
            .http2_keep_alive_interval(KEEP_ALIVE_INTERVAL)
            .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
            .keep_alive_while_idle(true)
            .user_agent(concat!("milvus-ferry/", env!("CARGO_PKG_VERSION")))
            .map_err(|error| fail(Kind::Invalid, error.to_string()))?;
        if self.uri.starts_with("https://") {
            endpoint = self.encrypted(endpoint)?;
        }
        let proxy = Proxy::to(&self.uri, &self.proxies).map_err(|why| {
            let (why, help) = why.split_once("\n  ").unwrap_or((&why, ""));
            fail(Kind::Unavailable, why.to_owned()).with_help(help)
        })?;
        let connect = || match &proxy {
            None => endpoint.connect_lazy(),
            Some(proxy) => {
                let mut tcp = HttpConnector::new();
                tcp.set_nodelay(true);
                endpoint.connect_with_connector_lazy(proxy.tunnel(tcp))
            }
        };
        let channels = (0..self.connections.max(1)).map(|_| connect()).collect();
        Ok(Link { channels, authorization, proxy })
    }

    /// The endpoint with TLS.
    fn encrypted(&self, endpoint: Endpoint) -> Result<Endpoint> {
        let fail = |message: String| Error::new(Kind::Tls, "connect", &self.label(), message);
        let address = self.uri.trim_start_matches("https://");
        let trust = Trust::new(self.tls.ca.as_deref(), address)
            .map_err(|untrusted| fail(untrusted.why).with_help(untrusted.help))?;
        let mut tls = ClientTlsConfig::new();
        if let Some((certificate, key)) = &self.tls.identity {
            if String::from_utf8_lossy(key).contains("ENCRYPTED") {
                return Err(fail("`tls.client_key_file` is encrypted with a password".to_owned())
                    .with_help("decrypt it: `openssl pkey -in FILE -out key.pem`"));
            }
            tls = tls.identity(Identity::from_pem(certificate, key));
        }
        if let Some(name) = &self.tls.server_name {
            tls = tls.domain_name(name);
        }
        endpoint.tls_config_with_verifier(tls, Arc::new(trust)).map_err(|error| {
            let why = causes(&error);
            if why.to_lowercase().contains("keys may not be consistent") || why.contains("Mismatch")
            {
                let why = "`tls.client_key_file` is not the key of `tls.client_cert_file`";
                return fail(why.to_owned())
                    .with_help("name the key that the certificate was made with");
            }
            fail(why).with_help("check the files under `tls`: each has to be PEM")
        })
    }
}

/// An error and what is behind it.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(below) = cause {
        text = format!("{text}: {below}");
        cause = below.source();
    }
    text
}
