//! How much of the world the address ranges of a condition let in.

use std::net::{Ipv4Addr, Ipv6Addr};

/// The most IPv4 addresses that an `aws:SourceIp` may let in and still count as closing: a /8.
const SOURCE_IPV4_ADDRESSES_MAX: u128 = 1 << 24;
/// The most IPv6 addresses that an `aws:SourceIp` may let in and still count as closing: a /32.
const SOURCE_IPV6_ADDRESSES_MAX: u128 = 1 << 96;

/// Whether address ranges together are no more than a large owner would have.
pub(super) fn is_narrow(ranges: &[String]) -> bool {
    let (mut ipv4, mut ipv6) = (0_u128, 0_u128);
    for range in ranges {
        let (address, length) = match range.split_once('/') {
            Some((address, length)) => match length.parse::<u32>() {
                Ok(length) => (address, Some(length)),
                Err(_) => return false,
            },
            None => (range.as_str(), None),
        };
        if address.parse::<Ipv4Addr>().is_ok() {
            let Some(free) = 32_u32.checked_sub(length.unwrap_or(32)) else {
                return false;
            };
            ipv4 += 1 << free;
        } else if address.parse::<Ipv6Addr>().is_ok() {
            match 128_u32.checked_sub(length.unwrap_or(128)) {
                Some(free) if free < 128 => ipv6 = ipv6.saturating_add(1 << free),
                _ => return false,
            }
        } else {
            return false;
        }
    }
    ipv4 <= SOURCE_IPV4_ADDRESSES_MAX && ipv6 <= SOURCE_IPV6_ADDRESSES_MAX
}
