//! Endpoints from strings.

use std::cell::RefCell;
use std::rc::Rc;

use protocols::ConnectOptions;
use protocols::endpoints::{
    Arguments, ClientEndpoint, DescriptionError, ReactorEndpoints, ServerEndpoint, quote,
};
use protocols::reactor::Reactor;

thread_local! {
    /// Making one for each input would take longer than all else.
    static REACTOR: (Reactor, Taken) = reactor_with_pigeons();
}

/// The names of what a carrier pigeon takes.
const NAMES: [&str; 3] = ["loft", "ring", "colour"];

/// What the last carrier pigeon has taken.
type Taken = Rc<RefCell<[Option<String>; 3]>>;

/// Reads an input as the description of an endpoint.
pub fn endpoints(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    REACTOR.with(|(reactor, taken)| {
        check(&text, ClientEndpoint::parse(reactor, &text).err());
        check(&text, ServerEndpoint::parse(reactor, &text).err());
        what_was_read_and_is_written_is_read_the_same(reactor, taken, &text);
        any_path_can_be_quoted(reactor, &text);
    });
}

/// An error names a place that is in the text.
fn check(text: &str, error: Option<DescriptionError>) {
    let Some(error) = error else { return };
    assert!(!error.to_string().is_empty());
    let position = match error {
        DescriptionError::NothingQuoted { position }
        | DescriptionError::UnknownKind { position, .. }
        | DescriptionError::Missing { position, .. }
        | DescriptionError::Invalid { position, .. }
        | DescriptionError::Unexpected { position, .. }
        | DescriptionError::Twice { position, .. } => position,
        other => panic!("{other} has no place"),
    };
    assert!(text.is_char_boundary(position));
}

/// Reads a text as a carrier pigeon, writes down what that has taken, and reads it again.
fn what_was_read_and_is_written_is_read_the_same(reactor: &Reactor, taken: &Taken, text: &str) {
    if ClientEndpoint::parse(reactor, &format!("pigeon:{text}")).is_err() {
        return;
    }
    let first = taken.take();
    let written = NAMES.iter().zip(&first).filter_map(|(name, value)| {
        let value = value.as_ref()?;
        Some(format!(":{name}={}", quote(value)))
    });
    let written: String = written.collect();
    assert!(ClientEndpoint::parse(reactor, &format!("pigeon{written}")).is_ok());
    assert_eq!(taken.take(), first);
}

fn any_path_can_be_quoted(reactor: &Reactor, path: &str) {
    if path.is_empty() || path.contains('\0') {
        return;
    }
    let endpoint = ClientEndpoint::parse(reactor, &format!("unix:{}", quote(path)));
    assert_eq!(
        endpoint.map(|it| it.to_string()),
        Ok(format!("unix:{path}"))
    );
}

/// A reactor that knows one kind more, which takes everything.
fn reactor_with_pigeons() -> (Reactor, Taken) {
    let reactor = Reactor::new().expect("there are descriptors");
    let taken = Taken::default();
    let take = Rc::clone(&taken);
    reactor.add_client_kind("pigeon", move |reactor, arguments| {
        *take.borrow_mut() = all_of(arguments)?;
        let options = ConnectOptions::new();
        Ok(ClientEndpoint::tcp(reactor, "127.0.0.1", 80, options))
    });
    (reactor, taken)
}

fn all_of(arguments: &mut Arguments) -> Result<[Option<String>; 3], DescriptionError> {
    let mut all = [None, None, None];
    for (name, slot) in NAMES.into_iter().zip(&mut all) {
        let argument = arguments.take(name)?;
        *slot = argument.map(|argument| argument.as_str().to_owned());
    }
    Ok(all)
}
