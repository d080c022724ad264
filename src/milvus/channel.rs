//! Connections: addresses, TLS, HTTP/2 windows, keep-alive, and the credential header.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

use super::error::{Error, Kind, Result};
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
}

/// Channels and the header that every call carries.
pub(super) struct Link {
    pub(super) channels: Vec<Channel>,
    pub(super) authorization: Option<MetadataValue<Ascii>>,
}

impl Connection {
    /// Prepares the channels; they connect at the first call.
    pub(super) fn link(&self) -> Result<Link> {
        let fail = |kind, message: String| Error::new(kind, "connect", &self.uri, message);
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
            let mut tls = ClientTlsConfig::new();
            tls = match &self.tls.ca {
                Some(pem) => tls.ca_certificate(Certificate::from_pem(pem)),
                None => tls.with_enabled_roots(),
            };
            if let Some((certificate, key)) = &self.tls.identity {
                tls = tls.identity(Identity::from_pem(certificate, key));
            }
            if let Some(name) = &self.tls.server_name {
                tls = tls.domain_name(name);
            }
            endpoint =
                endpoint.tls_config(tls).map_err(|error| fail(Kind::Tls, error.to_string()))?;
        }
        let channels = (0..self.connections.max(1)).map(|_| endpoint.connect_lazy()).collect();
        Ok(Link { channels, authorization })
    }
}
