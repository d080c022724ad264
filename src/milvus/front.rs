//! Answers that are not gRPC: an HTTP server in front of Milvus speaks in its own name, or something
//! else listens there.

use std::error::Error as StdError;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::header::{CONTENT_TYPE, LOCATION, SERVER};
use http::{HeaderMap, HeaderName, Request, Response, StatusCode};
use http_body::Body as _;
use tonic::body::Body;
use tower_service::Service;

use super::error::Kind;

/// So much of a page is looked at, bytes.
const PAGE: usize = 4096;
/// For a page that does not end.
const PAGE_TIME: Duration = Duration::from_secs(2);

type BoxError = Box<dyn StdError + Send + Sync>;

/// A channel whose answers without gRPC content become errors that say what answered.
#[derive(Debug, Clone)]
pub(super) struct Front<S>(pub(super) S);

impl<S> Service<Request<Body>> for Front<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
    S::Error: Into<BoxError>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let answer = self.0.call(request);
        Box::pin(async move {
            let answer = answer.await.map_err(Into::into)?;
            if is_grpc(&answer) {
                return Ok(answer);
            }
            Err(BoxError::from(HttpAnswer::read(answer).await))
        })
    }
}

/// Whether this is an answer of a gRPC server, or of a front that speaks gRPC.
fn is_grpc<T>(answer: &Response<T>) -> bool {
    let headers = answer.headers();
    if headers.contains_key("grpc-status") {
        return true;
    }
    let content = headers.get(CONTENT_TYPE).map(http::HeaderValue::as_bytes);
    let of_grpc = content.is_none_or(|content| content.starts_with(b"application/grpc"));
    answer.status() == StatusCode::OK && of_grpc
}

/// An HTTP answer without gRPC content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HttpAnswer {
    pub(super) status: StatusCode,
    /// Who answered, by its own header.
    server: Option<String>,
    content: Option<String>,
    /// Where it sends clients.
    location: Option<String>,
    /// The title of its page, or the first words of it.
    words: String,
}

impl HttpAnswer {
    async fn read(answer: Response<Body>) -> Self {
        let (parts, body) = answer.into_parts();
        let page = tokio::time::timeout(PAGE_TIME, first_bytes(body)).await.unwrap_or_default();
        let header = |name: HeaderName| text_of(&parts.headers, &name);
        Self {
            status: parts.status,
            server: header(SERVER),
            content: header(CONTENT_TYPE),
            location: header(LOCATION),
            words: words_of(&String::from_utf8_lossy(&page)),
        }
    }

    /// What can be done about it.
    pub(super) fn kind(&self) -> Kind {
        match self.status.as_u16() {
            401 | 407 => Kind::Unauthenticated,
            403 => Kind::PermissionDenied,
            413 => Kind::TooLarge,
            429 => Kind::RateLimited,
            504 | 408 | 522 | 524 => Kind::Timeout,
            // From 520 on they are those of content delivery networks.
            425 | 500 | 502 | 503 | 520..=530 => Kind::Unavailable,
            _ => Kind::NotGrpc,
        }
    }
}

impl fmt::Display for HttpAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.server {
            Some(server) => write!(f, "an HTTP server ({server})")?,
            None => write!(f, "an HTTP server")?,
        }
        let number = self.status.as_u16().to_string();
        // Its page says it in its own words: `413 Request Entity Too Large`.
        let said = self.words.starts_with(&number);
        match self.status.canonical_reason() {
            _ if said => write!(f, " answered {}", self.words)?,
            Some(reason) => write!(f, " answered {number} {reason}")?,
            None => write!(f, " answered {number}")?,
        }
        if let Some(location) = &self.location {
            write!(f, ", see {location}")?;
        }
        if let Some(content) = &self.content
            && self.status == StatusCode::OK
        {
            write!(f, " with {content} instead of gRPC")?;
        }
        if !self.words.is_empty() && !said {
            write!(f, ": {}", self.words)?;
        }
        Ok(())
    }
}

impl StdError for HttpAnswer {}

/// The HTTP answer that made a call fail, when it was one.
pub(super) fn http_answer<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a HttpAnswer> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(answer) = error.downcast_ref::<HttpAnswer>() {
            return Some(answer);
        }
        cause = error.source();
    }
    None
}

fn text_of(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let value = headers.get(name)?.to_str().ok()?;
    Some(value.chars().take(200).collect())
}

async fn first_bytes(mut body: Body) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < PAGE {
        let frame = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await;
        let Some(Ok(frame)) = frame else { break };
        if let Some(data) = frame.data_ref() {
            bytes.extend_from_slice(data);
        }
    }
    bytes
}

/// The title of a page of HTML, or the beginning of another text, in one line.
pub(super) fn words_of(page: &str) -> String {
    let lower = page.to_ascii_lowercase();
    let title = lower.find("<title>").map(|start| start + "<title>".len()).and_then(|start| {
        let length = lower.get(start..)?.find("</title>")?;
        page.get(start..start + length)
    });
    let text: String = match title {
        Some(title) => title.to_owned(),
        None => without_tags(page),
    };
    let text: Vec<&str> = text.split_whitespace().collect();
    let text: String = text.join(" ").chars().filter(|c| !c.is_control()).take(160).collect();
    text
}

fn without_tags(page: &str) -> String {
    let mut text = String::new();
    let mut inside = false;
    for c in page.chars() {
        match c {
            '<' => inside = true,
            '>' if inside => {
                inside = false;
                text.push(' ');
            }
            _ if !inside => text.push(c),
            _ => {}
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16, content: Option<&str>) -> Response<()> {
        let mut answer = Response::builder().status(status);
        if let Some(content) = content {
            answer = answer.header(CONTENT_TYPE, content);
        }
        answer.body(()).unwrap()
    }

    #[test]
    fn only_what_is_grpc_counts_as_an_answer_of_the_server() {
        for content in [None, Some("application/grpc"), Some("application/grpc+proto")] {
            assert!(is_grpc(&answered(200, content)), "{content:?}");
            assert!(!is_grpc(&answered(502, content)), "{content:?}");
        }
        assert!(!is_grpc(&answered(200, Some("text/html"))));
        // nginx ingress says 502 so: `error_page 502 = /error502grpc`.
        let mut mapped = answered(204, Some("application/grpc"));
        mapped.headers_mut().insert("grpc-status", "14".parse().unwrap());
        assert!(is_grpc(&mapped));
    }

    #[test]
    fn an_answer_is_found_behind_a_failed_call() {
        let answer = HttpAnswer {
            status: StatusCode::BAD_GATEWAY,
            server: None,
            content: None,
            location: None,
            words: String::new(),
        };
        let status = tonic::Status::from_error(BoxError::from(answer.clone()));
        assert_eq!(http_answer(&status), Some(&answer));
        assert_eq!(http_answer(&tonic::Status::unknown("no")), None);
    }

    #[test]
    fn a_page_is_told_by_its_title_or_its_first_words() {
        for (page, words) in [
            ("<html><head><title>502 Bad\nGateway</title></head><body>x", "502 Bad Gateway"),
            ("<HTML><TITLE>Sign in</TITLE>", "Sign in"),
            ("<p>no <b>title</b></p>", "no title"),
            ("{\"message\": \"no\"}", "{\"message\": \"no\"}"),
            ("<title>unended", "unended"),
            ("", ""),
        ] {
            assert_eq!(words_of(page), words, "{page}");
        }
        assert_eq!(words_of(&"x".repeat(5000)).len(), 160);
    }

    #[test]
    fn the_answer_is_shown_with_who_gave_it() {
        let answer = |status, words: &str| HttpAnswer {
            status: StatusCode::from_u16(status).unwrap(),
            server: Some("nginx/1.22.1".to_owned()),
            content: Some("text/html".to_owned()),
            location: None,
            words: words.to_owned(),
        };
        for (answer, text, kind) in [
            (
                answer(502, "502 Bad Gateway"),
                "an HTTP server (nginx/1.22.1) answered 502 Bad Gateway",
                Kind::Unavailable,
            ),
            (
                answer(200, "Sign in"),
                "an HTTP server (nginx/1.22.1) answered 200 OK with text/html instead of gRPC: Sign in",
                Kind::NotGrpc,
            ),
            (
                answer(429, "slow down"),
                "an HTTP server (nginx/1.22.1) answered 429 Too Many Requests: slow down",
                Kind::RateLimited,
            ),
        ] {
            assert_eq!(answer.to_string(), text);
            assert_eq!(answer.kind(), kind);
        }
    }
}
