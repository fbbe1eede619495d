//! The part of HTTP/1.1 (RFC 9112) that monitoring needs: one request per
//! connection and its response.

use httparse::{EMPTY_HEADER, Status};

/// The longest request in bytes; Prometheus sends about 300.
pub const MAX_REQUEST: usize = 8 * 1024;

/// The most header fields of a request.
const MAX_FIELDS: usize = 64;

/// The media type of the text format.
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

const TEXT: &str = "text/plain; charset=utf-8";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// `/metrics`.
    Metrics,
    /// `/health`.
    Health,
    Refused(Refusal),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    BadRequest,
    NotFound,
    /// A method other than GET and HEAD.
    MethodNotAllowed,
    /// A request longer than [`MAX_REQUEST`].
    TooLarge,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpRequest {
    pub target: Target,
    /// Set if the response has no body.
    pub is_head: bool,
}

/// Parses a request. Returns `None` if it is incomplete.
pub fn parse(input: &[u8]) -> Option<HttpRequest> {
    let refused = |refusal| Some(HttpRequest { target: Target::Refused(refusal), is_head: false });
    let mut fields = [EMPTY_HEADER; MAX_FIELDS];
    let mut request = httparse::Request::new(&mut fields);
    match request.parse(input) {
        Ok(Status::Partial) if input.len() <= MAX_REQUEST => return None,
        Ok(Status::Partial) | Err(httparse::Error::TooManyHeaders) => {
            return refused(Refusal::TooLarge);
        }
        Err(_) => return refused(Refusal::BadRequest),
        Ok(Status::Complete(_)) => {}
    }
    let is_head = match request.method {
        Some("GET") => false,
        Some("HEAD") => true,
        _ => return refused(Refusal::MethodNotAllowed),
    };
    let path = request.path.unwrap_or_default();
    let target = match path.split('?').next() {
        Some("/metrics") => Target::Metrics,
        Some("/health") => Target::Health,
        _ => Target::Refused(Refusal::NotFound),
    };
    Some(HttpRequest { target, is_head })
}

/// Returns the response with the page of metrics.
pub fn metrics(request: HttpRequest, page: &str) -> Vec<u8> {
    response("200 OK", METRICS, page, request.is_head)
}

/// Returns the response about the daemon's health, which is bad if `failure` is set.
pub fn health(request: HttpRequest, failure: Option<&str>) -> Vec<u8> {
    match failure {
        None => response("200 OK", TEXT, "ok\n", request.is_head),
        Some(failure) => {
            response("503 Service Unavailable", TEXT, &format!("{failure}\n"), request.is_head)
        }
    }
}

pub fn refuse(request: HttpRequest, refusal: Refusal) -> Vec<u8> {
    let (status, text) = match refusal {
        Refusal::BadRequest => ("400 Bad Request", "malformed HTTP request\n"),
        Refusal::NotFound => ("404 Not Found", "not found; see /metrics and /health\n"),
        Refusal::MethodNotAllowed => {
            ("405 Method Not Allowed", "method not allowed; use GET or HEAD\n")
        }
        Refusal::TooLarge => ("431 Request Header Fields Too Large", "request too long\n"),
    };
    response(status, TEXT, text, request.is_head)
}

fn response(status: &str, kind: &str, body: &str, is_head: bool) -> Vec<u8> {
    let allow = if status.starts_with("405") { "Allow: GET, HEAD\r\n" } else { "" };
    let mut response = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n{allow}\
         Connection: close\r\n\r\n",
        body.len()
    );
    if !is_head {
        response += body;
    }
    response.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(input: &str) -> Option<Target> {
        parse(input.as_bytes()).map(|request| request.target)
    }

    #[test]
    fn incomplete_request_waits() {
        let request = "GET /metrics?a=b HTTP/1.1\r\nHost: mx\r\nAccept: */*\r\n\r\n";
        for end in 0..request.len() {
            assert_eq!(target(&request[..end]), None, "{end}");
        }
        assert_eq!(target(request), Some(Target::Metrics));
        assert_eq!(target("GET /health HTTP/1.0\r\n\r\n"), Some(Target::Health));
        let parsed = parse(b"HEAD /health HTTP/1.1\r\n\r\n");
        assert_eq!(parsed, Some(HttpRequest { target: Target::Health, is_head: true }));
    }

    #[test]
    fn other_requests_are_refused() {
        let long = format!("GET /{} HTTP/1.1\r\n", "a".repeat(MAX_REQUEST));
        let fields = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(MAX_FIELDS + 1));
        for (input, refusal) in [
            ("GET / HTTP/1.1\r\n\r\n", Refusal::NotFound),
            ("GET /metrics/x HTTP/1.1\r\n\r\n", Refusal::NotFound),
            ("POST /metrics HTTP/1.1\r\n\r\n", Refusal::MethodNotAllowed),
            ("request=smtpd_access_policy\n\n", Refusal::BadRequest),
            ("\x16\x03\x01", Refusal::BadRequest),
            (&long, Refusal::TooLarge),
            (&fields, Refusal::TooLarge),
        ] {
            assert_eq!(target(input), Some(Target::Refused(refusal)), "{input}");
        }
    }

    #[test]
    fn response_without_body_has_its_length() {
        let request = HttpRequest { target: Target::Health, is_head: true };
        let head = String::from_utf8(health(request, None)).unwrap();
        assert!(head.ends_with("Content-Length: 3\r\nConnection: close\r\n\r\n"), "{head}");
        let whole = health(HttpRequest { is_head: false, ..request }, Some("no disk"));
        let whole = String::from_utf8(whole).unwrap();
        assert!(whole.starts_with("HTTP/1.1 503 "), "{whole}");
        assert!(whole.ends_with("\r\n\r\nno disk\n"), "{whole}");
    }
}
