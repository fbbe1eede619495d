//! The place of a shared state: the URL of `--shared-state`, and its connections.
//!
//! Known to every build, also to one that cannot use a shared state.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

const PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;

/// The forms of a URL, for error messages.
const SCHEMES: &str = "redis, rediss, redis+unix, redis-sentinel or redis-cluster, \
                       or the same with valkey";

pub const VARIABLE: &str = "POSTGREY_SHARED_STATE";

/// A shared state, and how it is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedState {
    /// The servers (`--shared-state`).
    pub address: Address,
    /// The file of the certificates of authorities (`--shared-state-ca`); without it
    /// the system's are used.
    pub authorities: Option<PathBuf>,
    /// The time for which mail waits for the servers (`--shared-state-timeout`).
    pub timeout: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StateServer {
    /// A name or an address, without brackets, and a port.
    Tcp(String, u16),
    Unix(PathBuf),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Topology {
    One(StateServer),
    /// The primary with this name at the sentinels.
    Sentinels {
        hosts: Vec<StateServer>,
        name: String,
    },
    /// A cluster that has these servers among others.
    Cluster(Vec<StateServer>),
}

/// A user of the servers. `Debug` shows no password.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The name, unless it is the default user.
    pub user: Option<String>,
    pub password: String,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("user", &self.user).finish_non_exhaustive()
    }
}

/// A parsed URL. `Display` shows it without a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    pub servers: Topology,
    /// True if they are connected to by TLS.
    pub is_tls: bool,
    /// The user, if the servers require one.
    pub login: Option<Login>,
    pub database: u32,
}

impl Address {
    /// Parses a URL. The text of an error never contains a password.
    pub fn parse(url: &str) -> Result<Address, String> {
        let (scheme, rest) = url.split_once("://").ok_or("it is not a URL (redis://HOST)")?;
        let (is_tls, form) = scheme_of(scheme)
            .ok_or_else(|| format!("unknown scheme \"{}\": use {SCHEMES}", printable(scheme)))?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (login, hosts) = match authority.rsplit_once('@') {
            Some((login, hosts)) => (Some(parse_login(login)?), hosts),
            None => (None, authority),
        };
        if form == Form::Unix {
            let (servers, database) = parse_unix(hosts, path)?;
            return Ok(Address { servers, is_tls: false, login, database });
        }
        let port = if form == Form::Sentinel { SENTINEL_PORT } else { PORT };
        let hosts = hosts.split(',').map(|host| parse_host(host, port));
        let mut hosts = hosts.collect::<Result<Vec<_>, _>>()?;
        let segments = path.trim_start_matches('/').trim_end_matches('/').split('/');
        let mut segments = segments.filter(|segment| !segment.is_empty());
        let servers = match form {
            Form::One if hosts.len() == 1 => Topology::One(hosts.remove(0)),
            Form::Cluster => Topology::Cluster(hosts),
            Form::Sentinel => {
                let name = segments
                    .next()
                    .ok_or("the name of the primary is missing after the sentinels")?;
                Topology::Sentinels { hosts, name: decoded(name)? }
            }
            _ => {
                return Err("several hosts need redis-sentinel or redis-cluster".to_owned());
            }
        };
        let database = match segments.next() {
            None => 0,
            Some(number) => parse_database(number)?,
        };
        if let Some(more) = segments.next() {
            return Err(format!("unexpected \"/{}\" at its end", printable(more)));
        }
        if database != 0 && form == Form::Cluster {
            return Err("a cluster has only database 0".to_owned());
        }
        Ok(Address { servers, is_tls, login, database })
    }

    pub fn url(&self) -> String {
        let url = self.to_string();
        match (&self.login, url.split_once("://")) {
            (Some(Login { user, password }), Some((scheme, rest))) => {
                let user = encoded(user.as_deref().unwrap_or_default());
                format!("{scheme}://{user}:{}@{rest}", encoded(password))
            }
            _ => url,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    One,
    Unix,
    Sentinel,
    Cluster,
}

/// Returns true if a scheme requires TLS, and the rest of the scheme.
fn scheme_of(scheme: &str) -> Option<(bool, Form)> {
    let rest = scheme.strip_prefix("redis").or_else(|| scheme.strip_prefix("valkey"))?;
    let (is_tls, rest) = match rest.strip_prefix('s') {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    let form = match rest {
        "" => Form::One,
        "+unix" if !is_tls => Form::Unix,
        "-sentinel" => Form::Sentinel,
        "-cluster" => Form::Cluster,
        _ => return None,
    };
    Some((is_tls, form))
}

fn parse_login(text: &str) -> Result<Login, String> {
    let Some((user, password)) = text.split_once(':') else {
        return Err("a user without a password: write USER:PASSWORD@HOST, or :PASSWORD@HOST".into());
    };
    let user = decoded(user)?;
    Ok(Login { user: (!user.is_empty()).then_some(user), password: decoded(password)? })
}

fn parse_host(text: &str, usual_port: u16) -> Result<StateServer, String> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']').ok_or("a \"]\" is missing after a host")?;
            (host, rest.strip_prefix(':').or(rest.is_empty().then_some("")))
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port).filter(|port| !port.is_empty())),
            None => (text, Some("")),
        },
    };
    if host.is_empty() {
        return Err("a host is missing".to_owned());
    }
    let port = match port {
        Some("") => usual_port,
        port => match port.and_then(|port| port.parse().ok()).filter(|port| *port != 0) {
            Some(port) => port,
            None => {
                let host = printable(host);
                return Err(format!("the port of host \"{host}\" is not a number of 1 to 65535"));
            }
        },
    };
    Ok(StateServer::Tcp(decoded(host)?, port))
}

/// The path of a socket, and the database after `?db=`.
fn parse_unix(hosts: &str, path: &str) -> Result<(Topology, u32), String> {
    if !hosts.is_empty() {
        return Err("a path begins with a slash: write redis+unix:///PATH".to_owned());
    }
    let (path, query) = path.split_once('?').unwrap_or((path, "db=0"));
    if path.len() < 2 {
        return Err("the path of the socket is missing".to_owned());
    }
    let number = query.strip_prefix("db=");
    let number = number.ok_or("only ?db=NUMBER may follow the path of the socket")?;
    Ok((Topology::One(StateServer::Unix(decoded(path)?.into())), parse_database(number)?))
}

fn parse_database(number: &str) -> Result<u32, String> {
    let number = number.parse();
    number.map_err(|_| "the number of the database is not a number".to_owned())
}

/// A part of the URL without its percent-encoding.
fn decoded(text: &str) -> Result<String, String> {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2).unwrap_or(("", ""));
        let byte = u8::from_str_radix(digits, 16);
        bytes.push(byte.map_err(|_| "a \"%\" is not followed by two hexadecimal digits")?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).map_err(|_| "percent-encoded bytes that are not UTF-8".to_owned())
}

/// A part of the URL with all but letters and digits percent-encoded.
fn encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        byte => format!("%{byte:02x}"),
    };
    text.bytes().map(encode).collect()
}

/// A part of the URL for an error message.
fn printable(text: &str) -> String {
    text.chars().take(60).map(|c| if c.is_control() { '?' } else { c }).collect()
}

impl fmt::Display for StateServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StateServer::Tcp(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            StateServer::Tcp(host, port) => write!(f, "{host}:{port}"),
            StateServer::Unix(path) => path.display().fmt(f),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tls = if self.is_tls { "s" } else { "" };
        let hosts = |hosts: &[StateServer]| {
            hosts.iter().map(StateServer::to_string).collect::<Vec<_>>().join(",")
        };
        match &self.servers {
            Topology::One(host @ StateServer::Tcp(..)) => write!(f, "redis{tls}://{host}")?,
            Topology::One(StateServer::Unix(path)) => {
                let path = path.display().to_string().replace('%', "%25").replace('?', "%3f");
                return write!(f, "redis+unix://{path}?db={}", self.database);
            }
            Topology::Sentinels { hosts: some, name } => {
                write!(f, "redis{tls}-sentinel://{}/{}", hosts(some), encoded(name))?;
            }
            Topology::Cluster(some) => return write!(f, "redis{tls}-cluster://{}", hosts(some)),
        }
        write!(f, "/{}", self.database)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(host: &str, port: u16) -> StateServer {
        StateServer::Tcp(host.to_owned(), port)
    }

    #[test]
    fn urls_name_servers_user_and_database() {
        let login = |user: Option<&str>, password: &str| {
            Some(Login { user: user.map(str::to_owned), password: password.to_owned() })
        };
        let table = [
            ("redis://localhost", Topology::One(tcp("localhost", 6379)), false, None, 0),
            ("valkey://h:7000/3", Topology::One(tcp("h", 7000)), false, None, 3),
            ("valkeys://[2001:db8::1]", Topology::One(tcp("2001:db8::1", 6379)), true, None, 0),
            ("rediss://[::1]:1/", Topology::One(tcp("::1", 1)), true, None, 0),
            ("redis://:p%40ss@h", Topology::One(tcp("h", 6379)), false, login(None, "p@ss"), 0),
            ("redis://u:a:b@h", Topology::One(tcp("h", 6379)), false, login(Some("u"), "a:b"), 0),
            (
                "redis+unix:///run/redis%20a.sock?db=2",
                Topology::One(StateServer::Unix("/run/redis a.sock".into())),
                false,
                None,
                2,
            ),
            (
                "redis-sentinel://u:p@a,b:1,[::1]:2/mx/4",
                Topology::Sentinels {
                    hosts: vec![tcp("a", 26379), tcp("b", 1), tcp("::1", 2)],
                    name: "mx".to_owned(),
                },
                false,
                login(Some("u"), "p"),
                4,
            ),
            (
                "rediss-cluster://a,b:7000",
                Topology::Cluster(vec![tcp("a", 6379), tcp("b", 7000)]),
                true,
                None,
                0,
            ),
        ];
        for (url, servers, is_tls, login, database) in table {
            let address = Address { servers, is_tls, login, database };
            assert_eq!(Address::parse(&address.url()), Ok(address.clone()), "{url}");
            assert_eq!(Address::parse(url), Ok(address), "{url}");
        }
    }

    #[test]
    fn an_invalid_url_is_refused_without_its_password() {
        let table = [
            ("localhost", "not a URL"),
            ("http://u:secret@h", "unknown scheme \"http\""),
            ("redis+unixs:///x", "unknown scheme"),
            ("redis://", "a host is missing"),
            ("redis://:secret@", "a host is missing"),
            ("redis://secret@h", "a user without a password"),
            ("redis://u:secret%4@h", "hexadecimal"),
            ("redis://u:secret%ff@h", "UTF-8"),
            ("redis://u:secret@h:x", "the port of host \"h\""),
            ("redis://h:0", "the port of host \"h\""),
            ("redis://h:70000", "the port of host \"h\""),
            ("redis://[::1", "\"]\" is missing"),
            ("redis://[::1]x", "the port of host \"::1\""),
            ("redis://h:", "the port of host \"h\""),
            ("redis://a,b", "several hosts"),
            ("redis://h/x", "number of the database"),
            ("redis://h/1/2", "unexpected \"/2\""),
            ("redis+unix://run/x", "begins with a slash"),
            ("redis+unix://", "path of the socket is missing"),
            ("redis+unix:///x?a=1", "?db=NUMBER"),
            ("redis-sentinel://h", "the name of the primary is missing"),
            ("redis-cluster://h/1", "only database 0"),
        ];
        for (url, part) in table {
            let error = Address::parse(url).unwrap_err();
            assert!(error.contains(part), "{url}: {error}");
            assert!(!error.contains("secret"), "{url}: {error}");
        }
    }

    #[test]
    fn an_address_is_shown_without_its_password() {
        for (url, shown) in [
            ("valkeys://u:secret@h/3", "rediss://h:6379/3"),
            ("redis://:secret@[::1]", "redis://[::1]:6379/0"),
            ("redis+unix:///run/x", "redis+unix:///run/x?db=0"),
            ("redis-sentinel://u:secret@a,b/mx", "redis-sentinel://a:26379,b:26379/mx/0"),
            ("redis-cluster://:secret@a", "redis-cluster://a:6379"),
        ] {
            let address = Address::parse(url).unwrap();
            assert_eq!(address.to_string(), shown);
            assert!(!format!("{address:?}").contains("secret"));
        }
    }
}
