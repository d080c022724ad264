//! An in-process server of Milvus's protocol on loopback, with a runtime of its own.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;

use tonic::body::Body;
use tonic::codegen::{Service, http};
use tonic::transport::server::TcpIncoming;

use super::pb::milvus::milvus_service_server::{MilvusService, MilvusServiceServer};
use super::probe::MESSAGE_LIMIT;

/// A running server; it ends when it is dropped.
pub struct Loopback {
    address: SocketAddr,
    runtime: Option<tokio::runtime::Runtime>,
}

impl Loopback {
    /// Serves what `service` makes, which is called inside the server's runtime.
    pub fn serve<S: MilvusService>(service: impl FnOnce() -> S) -> Self {
        Self::start(|| {
            MilvusServiceServer::new(service())
                .max_decoding_message_size(MESSAGE_LIMIT)
                .max_encoding_message_size(MESSAGE_LIMIT)
        })
    }

    /// Serves calls as they come in over HTTP/2, undecoded.
    pub fn serve_http<S>(service: S) -> Self
    where
        S: Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible>,
        S: Clone + Send + 'static,
        S::Future: Future + Send,
    {
        Self::start(|| service)
    }

    fn start<S>(service: impl FnOnce() -> S) -> Self
    where
        S: Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible>,
        S: Clone + Send + 'static,
        S::Future: Future + Send,
    {
        // A runtime of its own: a test that blocks its thread does not block the server.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let inside = runtime.enter(); // sockets want to know whose they are
        let incoming = TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let incoming = incoming.with_nodelay(Some(true));
        let address = incoming.local_addr().unwrap();
        let service = service();
        let front = tonic::transport::Server::builder()
            .initial_stream_window_size(8 << 20)
            .initial_connection_window_size(8 << 20);
        runtime.spawn(front.serve_with_incoming(service, incoming));
        drop(inside);
        Self { address, runtime: Some(runtime) }
    }

    /// Where clients connect to.
    pub fn uri(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }
}

impl Drop for Loopback {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background(); // a test may drop it inside its own runtime
        }
    }
}
