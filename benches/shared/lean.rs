//! The leanest client: messages pass as bytes, undecoded, over connections of their own.

use std::time::Duration;

use bytes::{Buf, BufMut, Bytes};
use prost::Message as _;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::{Channel, Endpoint};

use testkit::collection::pair;
use testkit::null::Pieces;
use testkit::pb::common::{ConsistencyLevel, Status};
use testkit::pb::milvus;

const MESSAGE_LIMIT: usize = 256 << 20;

/// One connection.
#[derive(Clone)]
pub struct Lean(Channel);

impl Lean {
    /// Several connections to one server.
    pub fn several(uri: &str, connections: usize) -> Vec<Self> {
        (0..connections).map(|_| Self::new(uri)).collect()
    }

    pub fn new(uri: &str) -> Self {
        let endpoint = Endpoint::from_shared(uri.to_owned())
            .unwrap()
            .tcp_nodelay(true)
            .initial_stream_window_size(16 << 20)
            .initial_connection_window_size(64 << 20)
            .max_frame_size(1 << 20)
            .timeout(Duration::from_secs(180));
        Self(endpoint.connect_lazy())
    }

    /// One call; panics when gRPC refuses it.
    pub async fn call(&self, rpc: &'static str, pieces: Pieces) -> Bytes {
        let mut grpc = tonic::client::Grpc::new(self.0.clone())
            .max_decoding_message_size(MESSAGE_LIMIT)
            .max_encoding_message_size(MESSAGE_LIMIT);
        grpc.ready().await.unwrap();
        let path = format!("/milvus.proto.milvus.MilvusService/{rpc}").parse().unwrap();
        let answer = grpc.unary(tonic::Request::new(pieces), path, Raw).await;
        answer.unwrap_or_else(|status| panic!("{rpc}: {status:?}")).into_inner()
    }

    /// Inserts rows; panics unless as many are acknowledged.
    pub async fn insert(&self, pieces: Pieces, rows: u64) {
        let answer = self.call("Insert", pieces).await;
        let result = milvus::MutationResult::decode(answer).unwrap();
        assert_eq!(result.insert_cnt as u64, rows, "{:?}", result.status);
    }

    /// The rows of a range of keys, undecoded; panics on a refusal.
    pub async fn read(&self, collection: &str, keys: (i64, i64), output: &[String]) -> Bytes {
        let request = milvus::QueryRequest {
            collection_name: collection.to_owned(),
            expr: format!("id > {} and id <= {}", keys.0 - 1, keys.1),
            output_fields: output.to_vec(),
            consistency_level: ConsistencyLevel::Eventually.into(),
            ..Default::default()
        };
        let answer = self.call("Query", Pieces::of(&request)).await;
        let status = parts(&answer).find(|(field, _)| *field == 1).map(|(_, status)| status);
        let status = status.map(|status| Status::decode(status).unwrap()).unwrap_or_default();
        assert_eq!((status.code, status.error_code), (0, 0), "{status:?}");
        answer
    }

    /// The keys of a page, as the tool asks for them.
    pub async fn key_page(&self, collection: &str, after: i64, limit: u64) -> Bytes {
        let request = milvus::QueryRequest {
            collection_name: collection.to_owned(),
            expr: format!("id > {after}"),
            output_fields: vec!["id".to_owned()],
            consistency_level: ConsistencyLevel::Eventually.into(),
            query_params: vec![
                pair("limit", &limit.to_string()),
                pair("iterator", "True"),
                pair("reduce_stop_for_best", "True"),
            ],
            ..Default::default()
        };
        self.call("Query", Pieces::of(&request)).await
    }
}

/// The insert of an answer's columns as they are.
pub fn forwarded(answer: &Bytes, collection: &str, rows: u64) -> Pieces {
    let mut pieces = Pieces::default();
    let mut head = vec![0x1a];
    prost::encoding::encode_varint(collection.len() as u64, &mut head);
    head.put_slice(collection.as_bytes());
    pieces.put(&head);
    for (_, column) in parts(answer).filter(|(field, _)| *field == 2) {
        let mut head = vec![0x2a];
        prost::encoding::encode_varint(column.len() as u64, &mut head);
        pieces.put(&head);
        pieces.put_block(column);
    }
    let mut tail = vec![0x38];
    prost::encoding::encode_varint(rows, &mut tail);
    pieces.put(&tail);
    pieces
}

/// The fields of a message that have a length, as slices of it.
fn parts(message: &Bytes) -> impl Iterator<Item = (u64, Bytes)> {
    let mut rest = message.clone();
    std::iter::from_fn(move || {
        while rest.has_remaining() {
            let tag = prost::encoding::decode_varint(&mut rest).unwrap();
            match tag & 7 {
                0 => drop(prost::encoding::decode_varint(&mut rest).unwrap()),
                2 => {
                    let length = prost::encoding::decode_varint(&mut rest).unwrap() as usize;
                    return Some((tag >> 3, rest.split_to(length)));
                }
                other => panic!("a field of wire type {other}"),
            }
        }
        None
    })
}

/// Sends pieces and takes bytes.
struct Raw;

impl Codec for Raw {
    type Encode = Pieces;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Pieces;
    type Error = tonic::Status;

    fn encode(&mut self, item: Pieces, buffer: &mut EncodeBuf<'_>) -> Result<(), tonic::Status> {
        buffer.reserve(item.size());
        item.into_bytes().into_iter().for_each(|piece| buffer.put(piece));
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = tonic::Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, tonic::Status> {
        let length = buffer.remaining();
        Ok(Some(buffer.copy_to_bytes(length)))
    }
}
