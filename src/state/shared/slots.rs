//! Replies of a cluster about its slots. No I/O.

use super::address::StateServer;
use super::names::SLOTS;
use super::resp::Value;

/// Where a command has to be sent again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Redirect {
    /// Nowhere: the reply is one.
    None,
    /// To the new server of the slot.
    Moved(StateServer),
    /// To the server that the slot is being moved to, for this one command.
    Ask(StateServer),
    /// To the same server, later.
    TryAgain,
}

/// Parses the reply to a command; a redirection without a host is to the host that
/// was asked.
pub fn redirect(reply: &Value, asked: &StateServer) -> Redirect {
    let mut words = reply.error().unwrap_or_default().split(' ');
    let kind = words.next().unwrap_or_default();
    if kind == "TRYAGAIN" {
        return Redirect::TryAgain;
    }
    let place = words.nth(1).and_then(|place| {
        let (host, port) = place.rsplit_once(':')?;
        endpoint(host, port.parse().ok()?, asked)
    });
    match (kind, place) {
        ("MOVED", Some(place)) => Redirect::Moved(place),
        ("ASK", Some(place)) => Redirect::Ask(place),
        _ => Redirect::None,
    }
}

/// Parses the reply to `CLUSTER SLOTS`: first and last slot, and their primary.
/// `None` if it is malformed.
pub fn slot_ranges(reply: &Value, asked: &StateServer) -> Option<Vec<(u16, u16, StateServer)>> {
    let range = |range: &Value| {
        let [Value::Integer(first), Value::Integer(last), Value::Array(primary), ..] =
            range.elements()?
        else {
            return None;
        };
        let [host, Value::Integer(port), ..] = &primary[..] else {
            return None;
        };
        let slot = |number: i64| u16::try_from(number).ok().filter(|slot| *slot < SLOTS);
        let (first, last) = (slot(*first)?, slot(*last)?);
        let host = std::str::from_utf8(host.text().unwrap_or_default()).ok()?;
        let port = u16::try_from(*port).ok()?;
        (first <= last).then_some((first, last, endpoint(host, port, asked)?))
    };
    reply.elements()?.iter().map(range).collect()
}

fn endpoint(host: &str, port: u16, asked: &StateServer) -> Option<StateServer> {
    match asked {
        StateServer::Tcp(own, _) if host.is_empty() || host == "?" => {
            Some(StateServer::Tcp(own.clone(), port))
        }
        _ if host.is_empty() || host == "?" => None,
        _ => Some(StateServer::Tcp(host.to_owned(), port)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked() -> StateServer {
        StateServer::Tcp("seed".to_owned(), 1)
    }

    fn tcp(host: &str, port: u16) -> StateServer {
        StateServer::Tcp(host.to_owned(), port)
    }

    #[test]
    fn redirections_name_a_server() {
        for (error, expected) in [
            ("MOVED 3999 192.0.2.1:6381", Redirect::Moved(tcp("192.0.2.1", 6381))),
            ("MOVED 3999 :6381", Redirect::Moved(tcp("seed", 6381))),
            ("MOVED 3999 2001:db8::1:6381", Redirect::Moved(tcp("2001:db8::1", 6381))),
            ("ASK 3999 h:1", Redirect::Ask(tcp("h", 1))),
            ("TRYAGAIN Multiple keys request during rehashing of slot", Redirect::TryAgain),
            ("MOVED 3999", Redirect::None),
            ("ASK 3999 h:x", Redirect::None),
            ("CLUSTERDOWN Hash slot not served", Redirect::None),
        ] {
            assert_eq!(redirect(&Value::Error(error.to_owned()), &asked()), expected, "{error}");
        }
        assert_eq!(redirect(&Value::Integer(1), &asked()), Redirect::None);
    }

    #[test]
    fn slots_have_a_primary() {
        let text = |text: &str| Value::Text(text.as_bytes().to_vec());
        let node = |host: Value, port| Value::Array(vec![host, Value::Integer(port), text("id")]);
        let range = |first, last, node| {
            Value::Array(vec![Value::Integer(first), Value::Integer(last), node])
        };
        let reply = Value::Array(vec![
            range(0, 8191, node(text("h"), 7000)),
            range(8192, 16383, node(Value::Nil, 7001)),
        ]);
        let expected = vec![(0, 8191, tcp("h", 7000)), (8192, 16383, tcp("seed", 7001))];
        assert_eq!(slot_ranges(&reply, &asked()), Some(expected));
        for malformed in [
            Value::Nil,
            Value::Array(vec![Value::Integer(1)]),
            Value::Array(vec![range(5, 4, node(text("h"), 1))]),
            Value::Array(vec![range(0, 16384, node(text("h"), 1))]),
            Value::Array(vec![range(0, 1, node(text("h"), 70000))]),
        ] {
            assert_eq!(slot_ranges(&malformed, &asked()), None, "{malformed:?}");
        }
    }
}
