//! A peer's address in 18 bytes instead of the 32 of a `SocketAddr`, because every connection keeps one.

use std::net::{Ipv6Addr, SocketAddr};

/// A peer's address, as the log shows it. An IPv4 address that an IPv6 listener reports as mapped is
/// shown as IPv4, and a link-local address is shown without its scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Peer {
    ip: [u8; 16],
    port: u16,
}

impl From<SocketAddr> for Peer {
    fn from(address: SocketAddr) -> Self {
        let ip = match address {
            SocketAddr::V4(v4) => v4.ip().to_ipv6_mapped(),
            SocketAddr::V6(v6) => *v6.ip(),
        };
        Self { ip: ip.octets(), port: address.port() }
    }
}

impl From<Peer> for SocketAddr {
    fn from(peer: Peer) -> Self {
        Self::new(Ipv6Addr::from(peer.ip).to_canonical(), peer.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_come_back_as_people_write_them() {
        for (address, shown) in [
            ("127.0.0.1:9000", "127.0.0.1:9000"),
            ("[::1]:80", "[::1]:80"),
            ("[::ffff:10.1.2.3]:7", "10.1.2.3:7"),
            ("[fe80::1%3]:7", "[fe80::1]:7"),
        ] {
            let peer = Peer::from(address.parse::<SocketAddr>().unwrap());
            assert_eq!(SocketAddr::from(peer).to_string(), shown);
        }
        assert_eq!(size_of::<Peer>(), 18);
    }
}
