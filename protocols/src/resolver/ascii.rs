//! Names of hosts in any script.

use std::borrow::Cow;
use std::io;

use idna::AsciiDenyList;
use idna::uts46::{DnsLength, Hyphens, Uts46};

/// The ASCII form of a name, which is what the domain name system knows.
///
/// A name that is ASCII already is taken as it is: not all that a local resolver knows follows the rules.
///
/// # Errors
///
/// If it has characters that no name can have.
pub(crate) fn ascii(host: &str) -> io::Result<Cow<'_, str>> {
    if host.is_ascii() {
        return Ok(Cow::Borrowed(host));
    }
    let length = DnsLength::VerifyAllowRootDot;
    Uts46::new()
        .to_ascii(host.as_bytes(), AsciiDenyList::URL, Hyphens::Allow, length)
        .map_err(|_| {
            let text = "it cannot be written as an internationalised domain name";
            io::Error::new(io::ErrorKind::InvalidInput, text)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    // E-025
    #[test]
    fn a_name_in_another_script_is_turned_to_ascii() {
        assert_eq!(ascii("bücher.example").unwrap(), "xn--bcher-kva.example");
    }

    // E-025
    #[test]
    fn a_name_is_normalised_before_it_is_turned() {
        // Once as one character, once as a letter and a mark, once as a capital.
        for name in ["bücher.example", "bu\u{308}cher.example", "BÜCHER.example"] {
            assert_eq!(ascii(name).unwrap(), "xn--bcher-kva.example");
        }
    }

    // E-025
    #[test]
    fn a_name_that_cannot_be_turned_is_an_error() {
        let long = "ü".repeat(100);

        assert!(ascii(&long).is_err());
        assert!(ascii("\u{fffd}.example").is_err());
    }

    // E-025
    #[test]
    fn an_ascii_name_is_taken_as_it_is() {
        assert_eq!(ascii("Local_Host").unwrap(), "Local_Host");
    }
}
