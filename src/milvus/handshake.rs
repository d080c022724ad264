//! The first calls on a connection: who is there, and in which version.

use std::time::Duration;

use super::client::{CallOptions, Inner, MESSAGE_LIMIT};
use super::error::{Error, Kind, Result};
use super::identity::{Seen, look};
use super::pb::{common, milvus as pb};
use crate::model::{Flavour, ServerVersion};

/// Deadline of the first call, which finds out whether there is a server at all.
const HANDSHAKE: Duration = Duration::from_secs(15);

const OPTIONS: CallOptions = CallOptions { deadline: HANDSHAKE, max_answer: MESSAGE_LIMIT };

/// How it shows that there is nobody to look at.
const NOBODY: [&str; 4] = ["tcp connect error", "dns error", "deadline has elapsed", "timed out"];

/// How it shows that a server hung up on the first call. With TLS 1.3 that is what one does that
/// wants a certificate of ours.
const HUNG_UP: [&str; 3] = ["connection closed", "broken pipe", "connection reset"];

impl Inner {
    /// `Connect`, again and again while an HTTP server in front says that the server behind it is
    /// away or busy. Whatever else is wrong is said at once.
    async fn say_hello(&self) -> Result<pb::ConnectResponse> {
        let message = pb::ConnectRequest {
            client_info: Some(common::ClientInfo {
                sdk_type: "milvus-ferry".to_owned(),
                sdk_version: env!("CARGO_PKG_VERSION").to_owned(),
                ..Default::default()
            }),
            ..Default::default()
        };
        let mut said = false;
        let hello = || {
            let message = message.clone();
            let first = !std::mem::replace(&mut said, true);
            async move {
                let answer =
                    self.call("Connect", "", OPTIONS, message, |mut c, r| async move {
                        c.connect(r).await
                    })
                    .await;
                match answer {
                    Err(error) if error.is_of_front() && error.is_retryable() => {
                        if first {
                            let limit = self.retry.limit();
                            tracing::warn!("{error}; trying again for {limit:?}.");
                        }
                        Err(error)
                    }
                    other => Ok(other),
                }
            }
        };
        self.retry.run(&self.cancel, &|_, _| (), hello).await?
    }

    /// Asks who is there.
    pub(super) async fn handshake(&self) -> Result<ServerVersion> {
        let connect = self.say_hello().await;
        let answered = connect.is_ok();
        let tags = match connect {
            Ok(answer) => answer.server_info.map(|info| info.build_tags).unwrap_or_default(),
            // The call is there from 2.2.9 on. A user who does not see the database `default` is
            // told that it is missing (`Connect`, `internal/proxy/impl.go`).
            Err(error) if matches!(error.kind, Kind::Unsupported | Kind::Other | Kind::Missing) => {
                String::new()
            }
            Err(error) => return Err(Box::pin(self.who_is_there(error)).await),
        };
        let from_tags = ServerVersion::parse(&tags);
        if from_tags.flavour == Flavour::ZillizCloud {
            return Ok(from_tags);
        }
        // As patient as with the first call.
        let ask = || async {
            let message = pb::GetVersionRequest::default();
            let answer = self
                .call("GetVersion", "", OPTIONS, message, |mut c, r| async move {
                    c.get_version(r).await
                })
                .await;
            match answer {
                Err(error) if error.is_of_front() && error.is_retryable() => Err(error),
                other => Ok(other),
            }
        };
        let version = match Box::pin(self.retry.run(&self.cancel, &|_, _| (), ask)).await {
            Ok(answer) => answer,
            Err(error) => Err(error),
        };
        match version {
            Ok(answer) => Ok(ServerVersion::parse(&answer.version)),
            // Milvus Lite 2 answers `Connect`, with nothing in it, and has no `GetVersion`. Which
            // release it is cannot be known; 2.5 is its last line.
            Err(error) if error.kind == Kind::Unsupported && answered && tags.is_empty() => {
                Ok(ServerVersion::parse("milvus_lite-2.5"))
            }
            Err(error) if error.kind == Kind::Unsupported && !answered => {
                Box::pin(self.knows_collections(error)).await?;
                Ok(from_tags)
            }
            Err(error) if error.kind == Kind::Unsupported => Ok(from_tags),
            Err(error) => Err(Box::pin(self.who_is_there(error)).await),
        }
    }

    /// A server of Milvus that is too old for the first calls knows this one; what does not is none.
    async fn knows_collections(&self, refused: Error) -> Result<()> {
        let message = pb::ShowCollectionsRequest::default();
        let answer = self
            .call("ShowCollections", "", OPTIONS, message, |mut c, r| async move {
                c.show_collections(r).await
            })
            .await;
        match answer {
            Err(error) if error.kind == Kind::Unsupported => {}
            _ => return Ok(()),
        }
        let who = match look(&self.uri, self.proxy()).await {
            Some(seen @ Seen::Known(_)) => format!("it is {}", seen.words()),
            _ => "it may be etcd (2379), or a port within a Milvus cluster".to_owned(),
        };
        let message = format!("a gRPC server answers that is not Milvus's proxy; {who}");
        Err(Error { kind: Kind::NotGrpc, message, ..refused })
    }

    /// The failure of the first call, with what is found to answer there.
    async fn who_is_there(&self, error: Error) -> Error {
        // Nobody answers, or it is known already.
        let nobody = NOBODY.iter().any(|text| error.message.contains(text));
        let unclear = matches!(error.kind, Kind::Unavailable | Kind::Tls | Kind::Other);
        if nobody || !unclear || error.is_of_front() || error.help.is_some() {
            return error;
        }
        let encrypted = self.uri.starts_with("https://");
        let hung_up = HUNG_UP.iter().any(|text| error.message.contains(text));
        let no_tls = error.message.contains("InvalidContentType")
            || error.message.contains("corrupt message");
        let seen = look(&self.uri, self.proxy()).await;
        match seen {
            Some(Seen::Tls) if !encrypted => {
                let message = "the server speaks TLS, and the endpoint says http".to_owned();
                Error { kind: Kind::Tls, message, ..error }
            }
            Some(Seen::Tls) if error.message.contains("HTTP/2 was not negotiated") => Error {
                kind: Kind::NotGrpc,
                message:
                    "TLS is agreed on, but the server offers no HTTP/2 (ALPN `h2`), which gRPC \
                          needs (nginx: `listen 443 ssl http2`)"
                        .to_owned(),
                ..error
            },
            Some(Seen::Tls) | None if encrypted && hung_up => Error { kind: Kind::Tls, ..error },
            // Milvus's own port may answer HTTP too.
            Some(Seen::Http(_)) | None if encrypted && no_tls => {
                let message = "the server speaks no TLS, and the endpoint says https".to_owned();
                Error { kind: Kind::Tls, message, ..error }
            }
            Some(Seen::Tls) | None => error,
            Some(seen) => {
                let message = format!("it is {}", seen.words());
                Error { kind: Kind::NotGrpc, message, ..error }
            }
        }
    }
}
