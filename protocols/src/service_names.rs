//! Services, by their names.

use std::fs;

use crate::UnknownService;

/// Where the system keeps the names.
const TABLE: &str = "/etc/services";

/// The number of the port on which a service of TCP is, such as 80 for `http`.
///
/// It is looked for in the table of this machine, by its name or by another one that it has. A text that is a number
/// stands for itself.
///
/// ```
/// # use protocols::{ConnectOptions, tcp_port_of};
/// assert_eq!(tcp_port_of("8080")?, 8080);
/// assert!(tcp_port_of("no such service").is_err());
/// # Ok::<(), protocols::UnknownService>(())
/// ```
///
/// # Errors
///
/// If there is none of this name.
///
/// *Twisted takes the name in the place of a port.*
pub fn tcp_port_of(service: &str) -> Result<u16, UnknownService> {
    let by_name = || number_in(&fs::read_to_string(TABLE).ok()?, service);
    service
        .parse()
        .ok()
        .or_else(by_name)
        .ok_or_else(|| UnknownService {
            name: service.to_owned(),
        })
}

/// The number of a service in a table: each line has its name, `number/tcp`, and its other names.
fn number_in(table: &str, service: &str) -> Option<u16> {
    table.lines().find_map(|line| {
        let entry = line.split('#').next()?;
        let mut words = entry.split_whitespace();
        let (name, port) = (words.next()?, words.next()?);
        if name != service && !words.any(|other| other == service) {
            return None;
        }
        port.strip_suffix("/tcp")?.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOME: &str = "# a table\n\
        echo 7/udp\n\
        echo 7/tcp\n\
        http\t\t80/tcp   www www-http # the web\n\
        # gone 1/tcp\n\
        broken\n\
        huge 65536/tcp\n\
        last 9/tcp";

    // N-012
    #[test]
    fn a_service_is_found_by_each_of_its_names() {
        for name in ["http", "www", "www-http"] {
            assert_eq!(number_in(SOME, name), Some(80), "{name}");
        }
        assert_eq!(number_in(SOME, "last"), Some(9));
    }

    // N-012
    #[test]
    fn a_service_of_another_protocol_is_passed_over() {
        assert_eq!(number_in(SOME, "echo"), Some(7));
    }

    // N-012
    #[test]
    fn what_is_no_entry_is_passed_over() {
        for name in ["gone", "broken", "huge", "the", "web", "80/tcp", "#", ""] {
            assert_eq!(number_in(SOME, name), None, "{name}");
        }
    }

    // N-012
    #[test]
    fn a_number_stands_for_itself() {
        assert_eq!(tcp_port_of("10000"), Ok(10000));
    }

    // N-012
    #[test]
    fn an_unknown_service_is_an_error_that_names_it() {
        let error = tcp_port_of("poetry-by-pigeon").unwrap_err();

        assert_eq!(
            error.to_string(),
            r#"the service "poetry-by-pigeon" is not known"#
        );
    }
}
