//! The HTTP side: calls about rows are handed over undecoded, all others go to the double behind.
//!
//! Answers and requests pass as raw HTTP/2 bodies: tonic's codecs would copy each message once more.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http_body::{Body as _, Frame};
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service, http};

use crate::fake;
use crate::loopback::Loopback;
use crate::pb::milvus::milvus_service_server::MilvusServiceServer;

/// A message as pieces, or a refusal of gRPC.
pub type Answer = Result<Pieces, tonic::Status>;

/// What answers the calls about rows.
pub trait Rows: Send + Sync + 'static {
    /// The RPCs that it answers.
    const RPCS: &'static [&'static str];

    fn answer(
        self: Arc<Self>,
        rpc: &'static str,
        database: String,
        body: Body,
    ) -> impl Future<Output = Answer> + Send;
}

/// Serves rows from `rows`, and everything else from `behind`.
pub fn serve<R: Rows>(rows: Arc<R>, behind: &fake::Double) -> Loopback {
    let behind = MilvusServiceServer::new(behind.service());
    Loopback::serve_http(Front { rows, behind })
}

struct Front<R> {
    rows: Arc<R>,
    behind: MilvusServiceServer<fake::Service>,
}

impl<R> Clone for Front<R> {
    fn clone(&self) -> Self {
        Self { rows: self.rows.clone(), behind: self.behind.clone() }
    }
}

impl<R: Rows> Service<http::Request<Body>> for Front<R> {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let called = request.uri().path().rsplit('/').next().unwrap_or_default();
        let Some(rpc) = R::RPCS.iter().find(|rpc| **rpc == called) else {
            return self.behind.call(request);
        };
        let rows = self.rows.clone();
        let header = request.headers().get("dbname").and_then(|name| name.to_str().ok());
        let database = header.unwrap_or_default().to_owned();
        Box::pin(async move {
            Ok(match rows.answer(rpc, database, request.into_body()).await {
                Ok(pieces) => http::Response::builder()
                    .header("content-type", "application/grpc")
                    .body(Body::new(Message::new(pieces)))
                    .unwrap(),
                Err(status) => status.into_http(),
            })
        })
    }
}

/// The next piece of a request's body, or nothing at its end. A client that went away is an end.
pub async fn next_piece(body: &mut Body) -> Option<Bytes> {
    loop {
        let frame = std::future::poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await;
        match frame?.ok()?.into_data() {
            Ok(data) => return Some(data),
            Err(_) => continue, // trailers
        }
    }
}

/// A whole message. Only for those that hold no rows.
pub async fn message(mut body: Body) -> Bytes {
    let mut whole = BytesMut::new();
    while let Some(piece) = next_piece(&mut body).await {
        whole.extend_from_slice(&piece);
    }
    // One byte says that it is not compressed, four how long it is.
    whole.freeze().slice(5..)
}

/// A message that is put together from blocks without copying them.
#[derive(Default)]
pub struct Pieces {
    done: VecDeque<Bytes>,
    small: BytesMut,
    length: usize,
}

impl Pieces {
    /// A message that is encoded already.
    pub fn of(message: &impl prost::Message) -> Self {
        let mut pieces = Self::default();
        pieces.put(&message.encode_to_vec());
        pieces
    }

    /// Copies a few bytes.
    pub fn put(&mut self, bytes: &[u8]) {
        self.length += bytes.len();
        self.small.extend_from_slice(bytes);
    }

    /// Adds a block as it is.
    pub fn put_block(&mut self, block: Bytes) {
        self.length += block.len();
        if !self.small.is_empty() {
            self.done.push_back(self.small.split().freeze());
        }
        self.done.push_back(block);
    }

    pub fn size(&self) -> usize {
        self.length
    }

    /// One behind the other, they are the message.
    pub fn into_bytes(mut self) -> VecDeque<Bytes> {
        if !self.small.is_empty() {
            self.done.push_back(self.small.split().freeze());
        }
        self.done
    }

    fn with_head(self) -> VecDeque<Bytes> {
        let length = u32::try_from(self.length).unwrap();
        let mut pieces = self.into_bytes();
        let mut head = BytesMut::with_capacity(5 + pieces.front().map_or(0, Bytes::len));
        head.extend_from_slice(&[0]);
        head.extend_from_slice(&length.to_be_bytes());
        // The first piece is small too; a frame for five bytes alone is a waste.
        if let Some(first) = pieces.pop_front() {
            head.extend_from_slice(&first);
        }
        pieces.push_front(head.freeze());
        pieces
    }
}

/// One message and the trailers of success.
struct Message {
    pieces: VecDeque<Bytes>,
    ended: bool,
}

impl Message {
    fn new(pieces: Pieces) -> Self {
        Self { pieces: pieces.with_head(), ended: false }
    }
}

impl http_body::Body for Message {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(piece) = self.pieces.pop_front() {
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        if std::mem::replace(&mut self.ended, true) {
            return Poll::Ready(None);
        }
        let mut trailers = http::HeaderMap::new();
        trailers.insert("grpc-status", http::HeaderValue::from_static("0"));
        Poll::Ready(Some(Ok(Frame::trailers(trailers))))
    }
}
