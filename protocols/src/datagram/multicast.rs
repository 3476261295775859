//! Groups of receivers that one datagram is sent to.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use deferred::{Deferred, Failure};
use socket2::SockRef;

use super::port::DatagramPort;
use super::{DatagramError, JoinError, UdpPort};

/// One of the interfaces of this machine, for groups: IPv4 names them by an address, IPv6 by a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MulticastInterface {
    /// The interface with this IPv4 address; with [`Ipv4Addr::UNSPECIFIED`] the one that the system chooses.
    V4(Ipv4Addr),
    /// The interface with this index, for IPv6; with 0 the one that the system chooses.
    V6(u32),
}

impl MulticastInterface {
    /// The one that the system chooses for ports of the family of `address`.
    const fn chosen_for(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4(Ipv4Addr::UNSPECIFIED),
            IpAddr::V6(_) => Self::V6(0),
        }
    }
}

/// Whether a port becomes a member of a group, or is one no longer.
#[derive(Clone, Copy)]
enum Change {
    Join,
    Leave,
}

/// Groups. A port that is to receive what is sent to a group listens on the group's port number and joins it; to
/// send to a group, a port need not be in it.
///
/// *Twisted's `IMulticastTransport`.*
impl UdpPort {
    /// Receives, from now on, what is sent to `group` by way of the interface that the system chooses.
    ///
    /// The Deferred has fired already. It fails with a [`JoinError`].
    ///
    /// *Twisted's `joinGroup`.*
    #[must_use = "an error to join is in the Deferred"]
    pub fn join_group(&self, group: IpAddr) -> Deferred<()> {
        self.join_group_on(MulticastInterface::chosen_for(group), group)
    }

    /// Receives, from now on, what is sent to `group` by way of `interface`.
    ///
    /// The Deferred has fired already. It fails with a [`JoinError`].
    #[must_use = "an error to join is in the Deferred"]
    pub fn join_group_on(&self, interface: MulticastInterface, group: IpAddr) -> Deferred<()> {
        fired(self.change(Change::Join, interface, group))
    }

    /// Undoes [`join_group`](Self::join_group).
    ///
    /// The Deferred has fired already. It fails with a [`JoinError`], such as that the port is not in the group.
    ///
    /// *Twisted's `leaveGroup`.*
    #[must_use = "an error to leave is in the Deferred"]
    pub fn leave_group(&self, group: IpAddr) -> Deferred<()> {
        self.leave_group_on(MulticastInterface::chosen_for(group), group)
    }

    /// Undoes [`join_group_on`](Self::join_group_on).
    ///
    /// The Deferred has fired already. It fails with a [`JoinError`].
    #[must_use = "an error to leave is in the Deferred"]
    pub fn leave_group_on(&self, interface: MulticastInterface, group: IpAddr) -> Deferred<()> {
        fired(self.change(Change::Leave, interface, group))
    }

    fn change(
        &self,
        change: Change,
        interface: MulticastInterface,
        group: IpAddr,
    ) -> Result<(), JoinError> {
        if !group.is_multicast() {
            return Err(JoinError::NotMulticast(group));
        }
        if group.is_ipv4() != self.is_ipv4() {
            return Err(JoinError::WrongFamily(group));
        }
        let changed = match (group, interface) {
            (IpAddr::V4(group), MulticastInterface::V4(interface)) => {
                self.core().setting(|socket| match change {
                    Change::Join => socket.join_multicast_v4(&group, &interface),
                    Change::Leave => socket.leave_multicast_v4(&group, &interface),
                })
            }
            (IpAddr::V6(group), MulticastInterface::V6(interface)) => {
                self.core().setting(|socket| match change {
                    Change::Join => socket.join_multicast_v6(&group, interface),
                    Change::Leave => socket.leave_multicast_v6(&group, interface),
                })
            }
            _ => return Err(JoinError::WrongFamily(group)),
        };
        changed.map_err(|error| match error {
            DatagramError::Setting(error) => JoinError::Io(group, error),
            _ => JoinError::Stopped,
        })
    }

    /// How many routers may pass a datagram to a group on: 1, at first, keeps it in its network.
    ///
    /// # Errors
    ///
    /// If the port has stopped.
    ///
    /// *Twisted's `getTTL`.*
    pub fn multicast_ttl(&self) -> Result<u32, DatagramError> {
        self.by_family(
            |socket| socket.multicast_ttl_v4(),
            |socket| socket.multicast_hops_v6(),
        )
    }

    /// Sets how many routers may pass a datagram to a group on.
    ///
    /// # Errors
    ///
    /// If the port has stopped, or the system refuses it.
    ///
    /// *Twisted's `setTTL`.*
    pub fn set_multicast_ttl(&self, ttl: u8) -> Result<(), DatagramError> {
        self.by_family(
            |socket| socket.set_multicast_ttl_v4(ttl.into()),
            |socket| socket.set_multicast_hops_v6(ttl.into()),
        )
    }

    /// Whether this machine gets what the port sends to groups that it is in itself; at first it does.
    ///
    /// # Errors
    ///
    /// If the port has stopped.
    ///
    /// *Twisted's `getLoopbackMode`.*
    pub fn multicast_loopback(&self) -> Result<bool, DatagramError> {
        self.by_family(
            |socket| socket.multicast_loop_v4(),
            |socket| socket.multicast_loop_v6(),
        )
    }

    /// Sets whether this machine gets what the port sends to groups that it is in itself.
    ///
    /// # Errors
    ///
    /// If the port has stopped, or the system refuses it.
    ///
    /// *Twisted's `setLoopbackMode`.*
    pub fn set_multicast_loopback(&self, on: bool) -> Result<(), DatagramError> {
        self.by_family(
            |socket| socket.set_multicast_loop_v4(on),
            |socket| socket.set_multicast_loop_v6(on),
        )
    }

    /// The interface by which datagrams to groups go out; at first the one that the system chooses.
    ///
    /// # Errors
    ///
    /// If the port has stopped.
    ///
    /// *Twisted's `getOutgoingInterface`.*
    pub fn multicast_interface(&self) -> Result<MulticastInterface, DatagramError> {
        self.by_family(
            |socket| socket.multicast_if_v4().map(MulticastInterface::V4),
            |socket| socket.multicast_if_v6().map(MulticastInterface::V6),
        )
    }

    /// Sets the interface by which datagrams to groups go out.
    ///
    /// # Errors
    ///
    /// If the port has stopped, there is no such interface, or it is named as the port's family does not.
    ///
    /// *Twisted's `setOutgoingInterface`.*
    pub fn set_multicast_interface(
        &self,
        interface: MulticastInterface,
    ) -> Result<(), DatagramError> {
        self.core().setting(|socket| match interface {
            MulticastInterface::V4(address) if self.is_ipv4() => {
                socket.set_multicast_if_v4(&address)
            }
            MulticastInterface::V6(index) if !self.is_ipv4() => socket.set_multicast_if_v6(index),
            _ => Err(io::ErrorKind::InvalidInput.into()),
        })
    }

    /// Uses a setting that each family has its own of.
    fn by_family<R>(
        &self,
        v4: impl FnOnce(SockRef<'_>) -> io::Result<R>,
        v6: impl FnOnce(SockRef<'_>) -> io::Result<R>,
    ) -> Result<R, DatagramError> {
        if self.is_ipv4() {
            self.core().setting(v4)
        } else {
            self.core().setting(v6)
        }
    }

    fn is_ipv4(&self) -> bool {
        matches!(self.socket_address(), SocketAddr::V4(_))
    }
}

fn fired(changed: Result<(), JoinError>) -> Deferred<()> {
    match changed {
        Ok(()) => Deferred::succeed(()),
        Err(error) => Deferred::fail(Failure::without_backtrace(error)),
    }
}
