//! As much of HTTP/1.1 (RFC 9112) as whoever fetches metrics needs: one
//! request a connection, and its response.

use httparse::{EMPTY_HEADER, Request, Status};

/// Bytes that a request may have; Prometheus's have about 300.
pub const MAX_REQUEST: usize = 8 * 1024;

/// Header fields that a request may have.
const MAX_FIELDS: usize = 64;

/// The media type of the text format.
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

const TEXT: &str = "text/plain; charset=utf-8";

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// The page of metrics.
    Metrics,
    /// Whether all is well.
    Health,
    /// What is not there, or not to be had like that.
    Nothing(Refusal),
}

/// The status of a response that gives nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No HTTP.
    BadRequest,
    /// Another path.
    NotFound,
    /// Something to be changed.
    MethodNotAllowed,
    /// Too long.
    TooLarge,
}

/// What is asked, and whether only for the head of the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// What.
    pub wish: Wish,
    /// Whether the body stays away.
    pub is_head: bool,
}

/// Understands a request; none as long as it is not there to its end.
pub fn understand(input: &[u8]) -> Option<Question> {
    let refused = |refusal| Some(Question { wish: Wish::Nothing(refusal), is_head: false });
    let mut fields = [EMPTY_HEADER; MAX_FIELDS];
    let mut request = Request::new(&mut fields);
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
    let wish = match path.split('?').next() {
        Some("/metrics") => Wish::Metrics,
        Some("/health") => Wish::Health,
        _ => Wish::Nothing(Refusal::NotFound),
    };
    Some(Question { wish, is_head })
}

/// The response with the page of metrics.
pub fn metrics(question: Question, page: &str) -> Vec<u8> {
    response("200 OK", METRICS, page, question.is_head)
}

/// The response about the daemon's health: what is wrong, if anything is.
pub fn health(question: Question, trouble: Option<&str>) -> Vec<u8> {
    match trouble {
        None => response("200 OK", TEXT, "ok\n", question.is_head),
        Some(what) => {
            response("503 Service Unavailable", TEXT, &format!("{what}\n"), question.is_head)
        }
    }
}

/// The response that gives nothing.
pub fn refuse(question: Question, refusal: Refusal) -> Vec<u8> {
    let (status, text) = match refusal {
        Refusal::BadRequest => ("400 Bad Request", "this is no HTTP\n"),
        Refusal::NotFound => ("404 Not Found", "there are /metrics and /health\n"),
        Refusal::MethodNotAllowed => ("405 Method Not Allowed", "only GET and HEAD\n"),
        Refusal::TooLarge => ("431 Request Header Fields Too Large", "too long\n"),
    };
    response(status, TEXT, text, question.is_head)
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

    fn wish(input: &str) -> Option<Wish> {
        understand(input.as_bytes()).map(|question| question.wish)
    }

    #[test]
    fn a_request_is_understood_when_it_has_ended() {
        let request = "GET /metrics?a=b HTTP/1.1\r\nHost: mx\r\nAccept: */*\r\n\r\n";
        for end in 0..request.len() {
            assert_eq!(wish(&request[..end]), None, "{end}");
        }
        assert_eq!(wish(request), Some(Wish::Metrics));
        assert_eq!(wish("GET /health HTTP/1.0\r\n\r\n"), Some(Wish::Health));
        let question = understand(b"HEAD /health HTTP/1.1\r\n\r\n");
        assert_eq!(question, Some(Question { wish: Wish::Health, is_head: true }));
    }

    #[test]
    fn whatever_else_comes_is_refused() {
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
            assert_eq!(wish(input), Some(Wish::Nothing(refusal)), "{input}");
        }
    }

    #[test]
    fn a_response_tells_its_length_even_without_its_body() {
        let question = Question { wish: Wish::Health, is_head: true };
        let head = String::from_utf8(health(question, None)).unwrap();
        assert!(head.ends_with("Content-Length: 3\r\nConnection: close\r\n\r\n"), "{head}");
        let whole = health(Question { is_head: false, ..question }, Some("no disk"));
        let whole = String::from_utf8(whole).unwrap();
        assert!(whole.starts_with("HTTP/1.1 503 "), "{whole}");
        assert!(whole.ends_with("\r\n\r\nno disk\n"), "{whole}");
    }
}
