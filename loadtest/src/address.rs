//! The address of a server, as a command line has it.

use std::net::{Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs};
use std::str::FromStr;
use std::time::Duration;
use std::{fmt, io};

use echo_common::DEFAULT_PORT;

/// A host and a port. The host is a name or an address.
///
/// ```
/// use echo_loadtest::address::Address;
///
/// let address: Address = "[::1]:7".parse()?;
/// assert_eq!((address.host.as_str(), address.port), ("::1", 7));
/// assert_eq!("localhost".parse::<Address>()?.to_string(), "localhost:9000");
/// # Ok::<(), String>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// A name, or an address without brackets.
    pub host: String,
    /// From 1.
    pub port: u16,
}

impl FromStr for Address {
    type Err = String;

    /// Reads `HOST:PORT` or `[IPV6]:PORT`. Without a port it is [`DEFAULT_PORT`].
    fn from_str(text: &str) -> Result<Self, String> {
        if text.parse::<Ipv6Addr>().is_ok() {
            return Err(format!("an IPv6 address needs brackets: [{text}]:{DEFAULT_PORT}"));
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, parse_port(port)?),
            Some(_) | None => (text, DEFAULT_PORT),
        };
        let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let host = bare.filter(|address| address.parse::<Ipv6Addr>().is_ok()).unwrap_or(host);
        let sound =
            bare.is_some() == host.contains(':') && !host.contains(['[', ']', '/', ' ', '{']);
        if host.is_empty() || !sound {
            return Err("expected an address such as 127.0.0.1:9000 or [::1]:9000".to_owned());
        }
        Ok(Self { host: host.to_owned(), port })
    }
}

fn parse_port(text: &str) -> Result<u16, String> {
    let port = text.parse().ok().filter(|port| *port > 0);
    port.ok_or_else(|| format!("the port {text:?} is not from 1 to 65535"))
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl Address {
    /// Returns the address that the name stands for. If there are several, it is the first one that
    /// answers a connect within `timeout`, or the first one if none answers: a load goes to one address
    /// only.
    ///
    /// # Errors
    /// A sentence when the name stands for no address.
    pub fn resolve(&self, timeout: Duration) -> Result<SocketAddr, String> {
        let addresses: Vec<_> = (self.host.as_str(), self.port)
            .to_socket_addrs()
            .map_err(|error: io::Error| format!("resolve {self}: {error}"))?
            .collect();
        let answers = |address: &&SocketAddr| TcpStream::connect_timeout(address, timeout).is_ok();
        let answering = if addresses.len() > 1 { addresses.iter().find(answers) } else { None };
        let chosen = answering.or(addresses.first()).copied();
        chosen.ok_or_else(|| format!("resolve {self}: there is no such address"))
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn hosts_ports_and_brackets_are_told_apart() {
        for (text, host, port, shown) in [
            ("127.0.0.1:7", "127.0.0.1", 7, "127.0.0.1:7"),
            ("127.0.0.1", "127.0.0.1", 9000, "127.0.0.1:9000"),
            ("echo.example:65535", "echo.example", 65535, "echo.example:65535"),
            ("[::1]:7", "::1", 7, "[::1]:7"),
            ("[::1]", "::1", 9000, "[::1]:9000"),
        ] {
            let address: Address = text.parse().unwrap();
            assert_eq!((address.host.as_str(), address.port), (host, port), "{text}");
            assert_eq!(address.to_string(), shown);
        }
    }

    #[test]
    fn nonsense_is_refused_with_a_sentence() {
        for text in [
            "",
            ":9000",
            "host:",
            "host:0",
            "host:65536",
            "host:-1",
            "host:http",
            "[]:1",
            "[host]:1",
            "[::1",
            "a:b:9000",
            "http://host",
            "::1",
            "two words:1",
        ] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
        let error = "::1".parse::<Address>().unwrap_err();
        assert_eq!(error, "an IPv6 address needs brackets: [::1]:9000");
        assert!("host:0".parse::<Address>().unwrap_err().contains("\"0\""));
    }

    #[test]
    fn of_several_addresses_one_that_answers_is_taken() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        // The name may stand for ::1 too, where nobody listens.
        let named = Address { host: "localhost".to_owned(), port: address.port() };
        assert_eq!(named.resolve(Duration::from_secs(10)), Ok(address));
    }
}
