//! A network of two hosts and a router between them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};

use echo_tests::peer;
use echo_tests::process::{ServerProcess, server_command};

use super::namespace::Namespace;

/// A server host and a client host. Each is in a network of its own, and the router forwards all packets
/// between them.
#[derive(Debug)]
pub(super) struct Network {
    pub(super) server: Host,
    pub(super) client: Host,
    pub(super) router: Namespace,
}

/// A host with one interface, `eth0`. The router's interface to the host has the host's name.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) name: &'static str,
    pub(super) namespace: Namespace,
    /// The host's networks are `10.0.<subnet>.0/24` and `fd00:<subnet>::/64`.
    subnet: u8,
}

impl Network {
    /// Creates the hosts and the router, and connects them.
    ///
    /// # Errors
    /// One line that says why that is impossible.
    pub(super) fn new() -> Result<Self, String> {
        let router = namespace()?;
        let server = Host::new("server", 1, &router)?;
        let client = Host::new("client", 2, &router)?;
        router.set("ipv4/ip_forward", 1)?;
        router.set("ipv6/conf/all/forwarding", 1)?;
        Ok(Self { server, client, router })
    }

    pub(super) fn hosts(&self) -> [&Host; 2] {
        [&self.server, &self.client]
    }

    /// Starts a server on its host. It listens on both address families.
    #[track_caller]
    pub(super) fn serve(&self, args: &[&str]) -> ServerProcess {
        let command = server_command(&[&["--ip", "::"], args].concat(), &[]);
        self.server.namespace.within(|| ServerProcess::launch(command))
    }

    /// Returns the IPv4 and the IPv6 address of a server.
    pub(super) fn addresses(&self, server: &ServerProcess) -> [SocketAddr; 2] {
        self.server.ips().map(|ip| (ip, server.addr().port()).into())
    }

    /// Opens `per_family` connections from the client's host for each address family.
    #[track_caller]
    pub(super) fn connect(&self, server: &ServerProcess, per_family: usize) -> Vec<TcpStream> {
        let addresses = self.addresses(server).into_iter().cycle().take(2 * per_family);
        self.client.namespace.within(|| addresses.map(peer::connect).collect())
    }

    /// Makes the router silently drop all packets for `host`.
    pub(super) fn lose_packets_for(&self, host: &Host) {
        for ip in host.ips() {
            self.router.run(&format!("ip route add blackhole {ip}")).unwrap();
        }
    }

    /// Makes the router forward packets for `host` again.
    pub(super) fn pass_packets_for(&self, host: &Host) {
        for ip in host.ips() {
            self.router.run(&format!("ip route del blackhole {ip}")).unwrap();
        }
    }

    /// Makes the router silently drop all packets between the hosts.
    pub(super) fn cut(&self) {
        for host in self.hosts() {
            self.lose_packets_for(host);
        }
    }

    /// Makes the router forward all packets again.
    pub(super) fn restore(&self) {
        for host in self.hosts() {
            self.pass_packets_for(host);
        }
    }

    /// Limits the rate at which the router forwards to `host`. `rate` is in the syntax of `tc`, such as
    /// `8mbit`.
    pub(super) fn limit_rate(&self, host: &Host, rate: &str) {
        let name = host.name;
        let shaper = format!("tbf rate {rate} burst 64kb latency 200ms");
        self.router.run(&format!("tc qdisc replace dev {name} root {shaper}")).unwrap();
    }
}

/// Creates a namespace without duplicate address detection. It can use its IPv6 addresses at once,
/// because no other host can have them.
fn namespace() -> Result<Namespace, String> {
    let namespace = Namespace::new()?;
    namespace.set("ipv6/conf/default/accept_dad", 0)?;
    Ok(namespace)
}

impl Host {
    fn new(name: &'static str, subnet: u8, router: &Namespace) -> Result<Self, String> {
        let host = Self { name, namespace: namespace()?, subnet };
        // If both ends had the same index, the kernel would take a second to see that the link is up.
        let link = format!("eth0 index {} type veth peer name {name}", 100 + u32::from(subnet));
        host.namespace.run(&format!("ip link add {link} netns {}", router.path()))?;
        host.namespace.run("ip link set lo up")?;
        router.run(&format!("ip link set {name} up"))?;
        host.link_up()?;
        router.run(&format!("ip address add 10.0.{subnet}.1/24 dev {name}"))?;
        router.run(&format!("ip address add fd00:{subnet}::1/64 dev {name} nodad"))?;
        Ok(host)
    }

    /// Returns the host's IPv4 and IPv6 address.
    pub(super) fn ips(&self) -> [IpAddr; 2] {
        let subnet = self.subnet;
        let v6 = Ipv6Addr::new(0xfd00, subnet.into(), 0, 0, 0, 0, 0, 2);
        [Ipv4Addr::new(10, 0, subnet, 2).into(), v6.into()]
    }

    /// Takes the host's interface down. The kernel then removes its routes and its IPv6 address.
    pub(super) fn link_down(&self) {
        self.namespace.run("ip link set eth0 down").unwrap();
    }

    /// Brings the host's interface up, with its addresses and routes.
    ///
    /// # Errors
    /// One line that says why that is impossible.
    pub(super) fn link_up(&self) -> Result<(), String> {
        let subnet = self.subnet;
        for command in [
            "ip link set eth0 up".to_owned(),
            format!("ip address replace 10.0.{subnet}.2/24 dev eth0"),
            format!("ip address replace fd00:{subnet}::2/64 dev eth0 nodad"),
            format!("ip route replace default via 10.0.{subnet}.1"),
            format!("ip route replace default via fd00:{subnet}::1"),
        ] {
            self.namespace.run(&command)?;
        }
        Ok(())
    }

    /// Returns what `ss` prints about the established connections that match `filter`: one line per
    /// connection.
    pub(super) fn connections(&self, filter: &str) -> Vec<String> {
        let ss = "ss --tcp --numeric --options --info --oneline --no-header";
        let lines = self.namespace.run(&format!("{ss} {filter}"));
        lines.unwrap().lines().map(str::to_owned).collect()
    }
}
