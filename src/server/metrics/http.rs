//! The part of HTTP/1.1 (RFC 9112) that monitoring needs: one request per
//! connection and its response.

use httparse::{EMPTY_HEADER, Status};

/// The longest request in bytes; Prometheus sends about 300.
pub const MAX_REQUEST: usize = 8 * 1024;

const MAX_FIELDS: usize = 64;

/// The media type of the text format.
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

const TEXT: &str = "text/plain; charset=utf-8";

/// The requested page, or the reason why there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    Metrics,
    Health,
    BadRequest,
    NotFound,
    /// A method other than GET and HEAD.
    MethodNotAllowed,
    /// A request longer than [`MAX_REQUEST`].
    TooLarge,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpRequest {
    pub resource: Resource,
    /// Set if the response has no body.
    pub is_head: bool,
}

/// Parses a request. Returns `None` if it is incomplete.
pub fn parse(input: &[u8]) -> Option<HttpRequest> {
    let refused = |resource| Some(HttpRequest { resource, is_head: false });
    let mut fields = [EMPTY_HEADER; MAX_FIELDS];
    let mut request = httparse::Request::new(&mut fields);
    match request.parse(input) {
        Ok(Status::Partial) if input.len() <= MAX_REQUEST => return None,
        Ok(Status::Partial) | Err(httparse::Error::TooManyHeaders) => {
            return refused(Resource::TooLarge);
        }
        Err(_) => return refused(Resource::BadRequest),
        Ok(Status::Complete(_)) => {}
    }
    let is_head = match request.method {
        Some("GET") => false,
        Some("HEAD") => true,
        _ => return refused(Resource::MethodNotAllowed),
    };
    let path = request.path.unwrap_or_default();
    let resource = match path.split('?').next() {
        Some("/metrics") => Resource::Metrics,
        Some("/health") => Resource::Health,
        _ => Resource::NotFound,
    };
    Some(HttpRequest { resource, is_head })
}

/// Returns the response. The health is bad if `failure` is set.
pub fn response(
    request: HttpRequest,
    page: impl FnOnce() -> String,
    failure: Option<String>,
) -> Vec<u8> {
    let plain = |status, text: &str| (status, TEXT, text.to_owned());
    let (status, kind, body) = match (request.resource, failure) {
        (Resource::Metrics, _) => ("200 OK", METRICS, page()),
        (Resource::Health, None) => plain("200 OK", "ok\n"),
        (Resource::Health, Some(failure)) => ("503 Service Unavailable", TEXT, failure + "\n"),
        (Resource::BadRequest, _) => plain("400 Bad Request", "malformed HTTP request\n"),
        (Resource::NotFound, _) => plain("404 Not Found", "not found; see /metrics and /health\n"),
        (Resource::MethodNotAllowed, _) => {
            plain("405 Method Not Allowed", "method not allowed; use GET or HEAD\n")
        }
        (Resource::TooLarge, _) => {
            plain("431 Request Header Fields Too Large", "request too long\n")
        }
    };
    let allow = if status.starts_with("405") { "Allow: GET, HEAD\r\n" } else { "" };
    let mut response = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n{allow}\
         Connection: close\r\n\r\n",
        body.len()
    );
    if !request.is_head {
        response += &body;
    }
    response.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(input: &str) -> Option<Resource> {
        parse(input.as_bytes()).map(|request| request.resource)
    }

    #[test]
    fn incomplete_request_waits() {
        let request = "GET /metrics?a=b HTTP/1.1\r\nHost: mx\r\nAccept: */*\r\n\r\n";
        for end in 0..request.len() {
            assert_eq!(resource(&request[..end]), None, "{end}");
        }
        assert_eq!(resource(request), Some(Resource::Metrics));
        assert_eq!(resource("GET /health HTTP/1.0\r\n\r\n"), Some(Resource::Health));
        let parsed = parse(b"HEAD /health HTTP/1.1\r\n\r\n");
        assert_eq!(parsed, Some(HttpRequest { resource: Resource::Health, is_head: true }));
    }

    #[test]
    fn other_requests_are_refused() {
        let long = format!("GET /{} HTTP/1.1\r\n", "a".repeat(MAX_REQUEST));
        let fields = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(MAX_FIELDS + 1));
        for (input, expected) in [
            ("GET / HTTP/1.1\r\n\r\n", Resource::NotFound),
            ("GET /metrics/x HTTP/1.1\r\n\r\n", Resource::NotFound),
            ("POST /metrics HTTP/1.1\r\n\r\n", Resource::MethodNotAllowed),
            ("request=smtpd_access_policy\n\n", Resource::BadRequest),
            ("\x16\x03\x01", Resource::BadRequest),
            (&long, Resource::TooLarge),
            (&fields, Resource::TooLarge),
        ] {
            assert_eq!(resource(input), Some(expected), "{input}");
        }
    }

    #[test]
    fn response_without_body_has_its_length() {
        let respond = |is_head, failure| {
            let request = HttpRequest { resource: Resource::Health, is_head };
            String::from_utf8(response(request, String::new, failure)).unwrap()
        };
        let head = respond(true, None);
        assert!(head.ends_with("Content-Length: 3\r\nConnection: close\r\n\r\n"), "{head}");
        let whole = respond(false, Some("no disk".to_owned()));
        assert!(whole.starts_with("HTTP/1.1 503 "), "{whole}");
        assert!(whole.ends_with("\r\n\r\nno disk\n"), "{whole}");
    }
}
