//! The addresses of network interfaces.
//!
//! Linux is asked by rtnetlink (`RTM_GETADDR`), because `getifaddrs` has no safe binding among the
//! crates in use. Elsewhere no interface is known, so that a name is left to the resolver.

use std::io;
use std::net::SocketAddr;

/// The addresses of an interface with `port`, IPv4 first; none if there is no such interface.
#[cfg(target_os = "linux")]
pub(crate) fn addresses_of(name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    linux::addresses_of(name, port)
}

/// Interfaces are unknown here: no addresses.
#[cfg(not(target_os = "linux"))]
pub(crate) fn addresses_of(_name: &str, _port: u16) -> io::Result<Vec<SocketAddr>> {
    Ok(Vec::new())
}

#[cfg(target_os = "linux")]
mod linux {
    use std::io;
    use std::mem::MaybeUninit;
    use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};

    use rustix::io::Errno;
    use rustix::net::netlink::SocketAddrNetlink;
    use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

    const NLMSG_ERROR: u16 = 2;
    const NLMSG_DONE: u16 = 3;
    const RTM_NEWADDR: u16 = 20;
    const RTM_GETADDR: u16 = 22;
    /// `NLM_F_REQUEST | NLM_F_DUMP`
    const REQUEST_DUMP: u16 = 0x301;
    const IFA_ADDRESS: u16 = 1;
    const IFA_LOCAL: u16 = 2;
    /// `struct nlmsghdr`
    const HEADER: usize = 16;
    /// `struct ifaddrmsg`
    const BODY: usize = 8;

    pub(super) fn addresses_of(name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let (family, kind) = (AddressFamily::NETLINK, SocketType::RAW);
        let netlink = rustix::net::socket_with(family, kind, SocketFlags::CLOEXEC, None)?;
        let index = match rustix::net::netdevice::name_to_index(&netlink, name) {
            Ok(index) => index,
            Err(Errno::NODEV) => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        let kernel = SocketAddrNetlink::new(0, 0);
        rustix::net::sendto(&netlink, &request(), SendFlags::empty(), &kernel)?;

        let mut addresses = Vec::new();
        let mut space = [const { MaybeUninit::uninit() }; 32 * 1024];
        loop {
            let ((bytes, _), _) = rustix::net::recv(&netlink, &mut space, RecvFlags::empty())?;
            if read_dump(bytes, index, &mut addresses)? {
                break;
            }
        }
        addresses.sort_by_key(IpAddr::is_ipv6);
        let scoped = |address| match address {
            IpAddr::V6(v6) if v6.is_unicast_link_local() => {
                SocketAddrV6::new(v6, port, 0, index).into()
            }
            other => SocketAddr::new(other, port),
        };
        Ok(addresses.into_iter().map(scoped).collect())
    }

    /// A request for the addresses of all interfaces, both families.
    fn request() -> [u8; HEADER + BODY] {
        let mut request = [0; HEADER + BODY];
        request[0..4].copy_from_slice(&24_u32.to_ne_bytes());
        request[4..6].copy_from_slice(&RTM_GETADDR.to_ne_bytes());
        request[6..8].copy_from_slice(&REQUEST_DUMP.to_ne_bytes());
        request
    }

    /// Reads one datagram of the answer; true when the answer is complete.
    fn read_dump(mut bytes: &[u8], index: u32, into: &mut Vec<IpAddr>) -> io::Result<bool> {
        while let Some(length) = u32_at(bytes, 0) {
            let Some(message) = bytes.get(..length as usize).filter(|it| it.len() >= HEADER) else {
                return Err(io::ErrorKind::InvalidData.into());
            };
            match u16_at(message, 4) {
                Some(NLMSG_DONE) => return Ok(true),
                Some(NLMSG_ERROR) => return Err(io::ErrorKind::InvalidData.into()),
                Some(RTM_NEWADDR) if u32_at(message, HEADER + 4) == Some(index) => {
                    into.extend(address_in(message.get(HEADER + BODY..).unwrap_or_default()));
                }
                _ => {}
            }
            bytes = bytes.get(aligned(message.len())..).unwrap_or_default();
        }
        Ok(false)
    }

    /// The own address among the attributes: `IFA_LOCAL` where there is one (point to point).
    fn address_in(mut attributes: &[u8]) -> Option<IpAddr> {
        let mut found = None;
        while let (Some(length), Some(kind)) = (u16_at(attributes, 0), u16_at(attributes, 2)) {
            let length = usize::from(length).max(4);
            let value = attributes.get(4..length).unwrap_or_default();
            match kind {
                IFA_LOCAL => return ip(value).or(found),
                IFA_ADDRESS => found = ip(value),
                _ => {}
            }
            attributes = attributes.get(aligned(length)..).unwrap_or_default();
        }
        found
    }

    fn ip(value: &[u8]) -> Option<IpAddr> {
        if let Ok(v4) = <[u8; 4]>::try_from(value) {
            return Some(v4.into());
        }
        <[u8; 16]>::try_from(value)
            .ok()
            .map(|v6| Ipv6Addr::from(v6).into())
    }

    fn aligned(length: usize) -> usize {
        length.next_multiple_of(4)
    }

    fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
        let bytes = bytes.get(at..)?.first_chunk()?;
        Some(u16::from_ne_bytes(*bytes))
    }

    fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
        let bytes = bytes.get(at..)?.first_chunk()?;
        Some(u32::from_ne_bytes(*bytes))
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        fn message(kind: u16, index: u32, attributes: &[(u16, &[u8])]) -> Vec<u8> {
            let mut message = vec![0; HEADER + BODY];
            message[4..6].copy_from_slice(&kind.to_ne_bytes());
            message[20..24].copy_from_slice(&index.to_ne_bytes());
            for (kind, value) in attributes {
                let length = u16::try_from(value.len() + 4).unwrap();
                message.extend(length.to_ne_bytes());
                message.extend(kind.to_ne_bytes());
                message.extend(*value);
                message.resize(aligned(message.len()), 0);
            }
            let length = u32::try_from(message.len()).unwrap();
            message[0..4].copy_from_slice(&length.to_ne_bytes());
            message
        }

        #[test]
        fn dump_yields_local_addresses_of_the_interface_only() {
            let label: (u16, &[u8]) = (3, b"eth0\0");
            let dump = [
                message(RTM_NEWADDR, 7, &[label, (IFA_ADDRESS, &[10, 0, 0, 1])]),
                message(RTM_NEWADDR, 8, &[(IFA_ADDRESS, &[10, 0, 0, 2])]),
                message(
                    RTM_NEWADDR,
                    7,
                    &[(IFA_ADDRESS, &[10, 0, 0, 9]), (IFA_LOCAL, &[10, 0, 0, 3])],
                ),
            ]
            .concat();
            let mut addresses = Vec::new();
            assert!(!read_dump(&dump, 7, &mut addresses).unwrap());
            assert!(read_dump(&message(NLMSG_DONE, 0, &[]), 7, &mut addresses).unwrap());
            assert_eq!(
                addresses,
                [IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 3])]
            );
        }

        #[test]
        fn dump_cut_short_is_invalid() {
            let whole = message(RTM_NEWADDR, 7, &[(IFA_ADDRESS, &[10, 0, 0, 1])]);
            let cut = &whole[..whole.len() - 1];
            assert!(read_dump(cut, 7, &mut Vec::new()).is_err());
            let error = message(NLMSG_ERROR, 0, &[]);
            assert!(read_dump(&error, 7, &mut Vec::new()).is_err());
        }

        #[test]
        fn loopback_has_its_address_and_an_unknown_interface_none() {
            let loopback = addresses_of("lo", 5).unwrap();
            assert!(
                loopback.contains(&"127.0.0.1:5".parse().unwrap()),
                "{loopback:?}"
            );
            assert_eq!(addresses_of("no-such-if0", 5).unwrap(), []);
        }
    }
}
