//! The kinds of endpoints that every reactor knows.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use reactor::Reactor;

use super::{Argument, Arguments, DescriptionError};
use crate::endpoints::{ClientEndpoint, HostNameOptions, ServerEndpoint};
use crate::proxy::BehindProxy;
use crate::{ListenOptions, UnixConnectOptions, UnixListenOptions, tcp_port_of};

const PORT: &str = "the number or the name of a port";

const BACKLOG: &str = "a number from 0 to 65535";

/// Who may connect to the file of a UNIX socket if the string does not say: everybody.
const MODE: u32 = 0o666;

type Made<E> = Result<E, DescriptionError>;

pub(super) fn tcp_client(reactor: &Reactor, arguments: &mut Arguments) -> Made<ClientEndpoint> {
    let (host, port, options) = host_name(arguments)?;
    Ok(ClientEndpoint::host_name(reactor, &host, port, options))
}

pub(super) fn tcp6_client(reactor: &Reactor, arguments: &mut Arguments) -> Made<ClientEndpoint> {
    let (host, port, options) = host_name(arguments)?;
    Ok(ClientEndpoint::tcp6(reactor, &host, port, options))
}

fn host_name(arguments: &mut Arguments) -> Made<(String, u16, HostNameOptions)> {
    const HOST: &str = "the name or the address of a host";
    let host = arguments.require("host", HOST)?;
    let host = host.read(HOST, |text| (!text.is_empty()).then(|| text.to_owned()))?;
    let port = port(arguments)?;
    let mut options = HostNameOptions::new();
    if let Some(timeout) = arguments.take("timeout")? {
        options = options.timeout(seconds(&timeout)?);
    }
    if let Some(local) = arguments.take("bindAddress")? {
        options = options.bind_address(local_address(&local)?);
    }
    Ok((host, port, options))
}

pub(super) fn unix_client(reactor: &Reactor, arguments: &mut Arguments) -> Made<ClientEndpoint> {
    let path = path(arguments, "path")?;
    let mut options = UnixConnectOptions::new();
    if let Some(timeout) = arguments.take("timeout")? {
        options = options.timeout(seconds(&timeout)?);
    }
    if let Some(check) = arguments.take("lockfile")?
        && yes_or_no(&check)?
    {
        options = options.check_lock();
    }
    Ok(ClientEndpoint::unix(reactor, &*path, options))
}

pub(super) fn behind_proxy(reactor: &Reactor, arguments: &mut Arguments) -> Made<ServerEndpoint> {
    let (position, rest) = arguments.take_rest_with_position();
    let inner = ServerEndpoint::parse(reactor, &rest).map_err(|error| error.behind(position))?;
    Ok(inner.wrapped(|factory| Rc::new(BehindProxy::new(factory))))
}

pub(super) fn systemd_server(reactor: &Reactor, arguments: &mut Arguments) -> Made<ServerEndpoint> {
    const INDEX: &str = "the number of a socket that was handed over, from 0";
    let index = arguments.require("index", INDEX)?.parse(INDEX)?;
    Ok(ServerEndpoint::systemd(reactor, index))
}

pub(super) fn tcp_server(reactor: &Reactor, arguments: &mut Arguments) -> Made<ServerEndpoint> {
    const INTERFACE: &str = "the address of an interface";
    let port = port(arguments)?;
    let mut options = ListenOptions::new(port);
    if let Some(interface) = arguments.take("interface")? {
        options = options.interface(interface.parse(INTERFACE)?);
    }
    if let Some(backlog) = backlog(arguments)? {
        options = options.backlog(backlog);
    }
    Ok(ServerEndpoint::tcp(reactor, options))
}

pub(super) fn tcp6_server(reactor: &Reactor, arguments: &mut Arguments) -> Made<ServerEndpoint> {
    const INTERFACE: &str = "the IPv6 address of an interface";
    let port = port(arguments)?;
    let interface = match arguments.take("interface")? {
        Some(interface) => interface.parse(INTERFACE)?,
        None => Ipv6Addr::UNSPECIFIED,
    };
    let mut options = ListenOptions::new(port).interface(interface.into());
    if let Some(backlog) = backlog(arguments)? {
        options = options.backlog(backlog);
    }
    Ok(ServerEndpoint::tcp(reactor, options))
}

pub(super) fn unix_server(reactor: &Reactor, arguments: &mut Arguments) -> Made<ServerEndpoint> {
    const OCTAL: &str = "an octal number from 0 to 777";
    let path = path(arguments, "address")?;
    let mode = match arguments.take("mode")? {
        Some(mode) => mode.read(OCTAL, |text| {
            let mode = u32::from_str_radix(text, 8).ok();
            mode.filter(|mode| *mode <= 0o777)
        })?,
        None => MODE,
    };
    let mut options = UnixListenOptions::new(&*path).mode(mode);
    if let Some(backlog) = backlog(arguments)? {
        options = options.backlog(backlog);
    }
    let lock = match arguments.take("lockfile")? {
        Some(lock) => yes_or_no(&lock)?,
        None => true,
    };
    if lock {
        options = options.lock();
    }
    Ok(ServerEndpoint::unix(reactor, options))
}

fn port(arguments: &mut Arguments) -> Made<u16> {
    let port = arguments.require("port", PORT)?;
    port.read(PORT, |text| tcp_port_of(text).ok())
}

fn path(arguments: &mut Arguments, name: &'static str) -> Made<String> {
    const PATH: &str = "a path";
    let path = arguments.require(name, PATH)?;
    path.read(PATH, |text| (!text.is_empty()).then(|| text.to_owned()))
}

fn backlog(arguments: &mut Arguments) -> Made<Option<u16>> {
    match arguments.take("backlog")? {
        Some(backlog) => backlog.parse(BACKLOG).map(Some),
        None => Ok(None),
    }
}

fn seconds(argument: &Argument) -> Made<Duration> {
    argument.read("a number of seconds", |text| {
        let seconds = text.parse().ok()?;
        Duration::try_from_secs_f64(seconds).ok()
    })
}

/// An address without a port is one with any.
fn local_address(argument: &Argument) -> Made<SocketAddr> {
    argument.read(
        "an address of this machine, with or without a port",
        |text| {
            let alone = || Some(SocketAddr::new(text.parse::<IpAddr>().ok()?, 0));
            text.parse().ok().or_else(alone)
        },
    )
}

fn yes_or_no(argument: &Argument) -> Made<bool> {
    argument.read("0 or 1", |text| match text {
        "0" => Some(false),
        "1" => Some(true),
        _ => None,
    })
}
