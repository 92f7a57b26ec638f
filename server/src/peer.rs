//! A peer's address in 22 bytes instead of a `SocketAddr`'s 32: every idle connection keeps one.

use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};

/// A peer's address. An IPv4 address that came through an IPv6 listener is an IPv4 address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Peer {
    ip: [u8; 16],
    scope_id: [u8; 4],
    port: u16,
}

impl From<SocketAddr> for Peer {
    fn from(address: SocketAddr) -> Self {
        let (ip, scope_id) = match address {
            SocketAddr::V4(v4) => (v4.ip().to_ipv6_mapped(), 0),
            SocketAddr::V6(v6) => (*v6.ip(), v6.scope_id()),
        };
        Self { ip: ip.octets(), scope_id: scope_id.to_ne_bytes(), port: address.port() }
    }
}

impl From<Peer> for SocketAddr {
    fn from(peer: Peer) -> Self {
        match Ipv6Addr::from(peer.ip).to_canonical() {
            IpAddr::V4(v4) => Self::from((v4, peer.port)),
            IpAddr::V6(v6) => {
                let scope_id = u32::from_ne_bytes(peer.scope_id);
                Self::V6(SocketAddrV6::new(v6, peer.port, 0, scope_id))
            }
        }
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
            ("[fe80::1%3]:7", "[fe80::1%3]:7"),
        ] {
            let peer = Peer::from(address.parse::<SocketAddr>().unwrap());
            assert_eq!(SocketAddr::from(peer).to_string(), shown);
        }
        assert_eq!(size_of::<Peer>(), 22);
    }
}
