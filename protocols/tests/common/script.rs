//! A factory, for clients and for servers, whose protocols note what happens and do what a test wants.

use std::cell::{Cell, RefCell};
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::thread;

use protocols::deferred::Failure;
use protocols::reactor::Reactor;
use protocols::{
    Address, ClientFactory, ConnectOptions, Connector, DescriptorReceiver, Factory, HalfCloseable,
    ListenOptions, Port, Protocol, ReactorTcp, Transport,
};

use super::{name_of, peer_of, read_all, run, stop_at_call};

/// Longer data is noted as such, and not what it was.
const NOTED_DATA: usize = 100;

/// What happened, in order; clones share it.
#[derive(Clone, Default)]
pub(crate) struct Log(Rc<RefCell<Vec<String>>>);

impl Log {
    pub(crate) fn note(&self, what: impl Into<String>) {
        self.0.borrow_mut().push(what.into());
    }

    /// Notes data as if it had come in one piece.
    fn note_data(&self, name: &str, data: &[u8]) {
        let what = format!("{name} data ");
        let data = if data.len() > NOTED_DATA {
            "much".into()
        } else {
            String::from_utf8_lossy(data)
        };
        let mut notes = self.0.borrow_mut();
        match notes.last_mut() {
            Some(last) if last.starts_with(&what) && data == "much" => {}
            Some(last) if last.starts_with(&what) => last.push_str(&data),
            _ => notes.push(what + &data),
        }
    }

    pub(crate) fn count(&self, what: &str) -> usize {
        self.0.borrow().iter().filter(|note| *note == what).count()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    /// All notes so far.
    pub(crate) fn notes(&self) -> Vec<String> {
        self.0.borrow().clone()
    }

    #[track_caller]
    pub(crate) fn assert(&self, expected: &[&str]) {
        assert_eq!(*self.0.borrow(), expected);
    }
}

type OnConnector = Box<dyn Fn(&Connector)>;
type OnEnd = Box<dyn Fn(&Connector, &Failure)>;
type OnMade = Box<dyn Fn(&Rc<dyn Transport>)>;
type OnDescriptor = Box<dyn Fn(&Rc<dyn Transport>, OwnedFd)>;
type OnData = Box<dyn Fn(&Rc<dyn Transport>, &[u8])>;

/// What is done in each callback, after it was noted as "*name* *what*".
///
/// The notes are "started", "built", "made", "data …", "lost …", "gone …" for
/// `client_connection_lost` and "failed …" for `client_connection_failed`; "read ended" and "write ended" for
/// one that is [half-closeable](Self::half_closeable). A callback that comes from inside a
/// call of [`calling`] is noted as that instead.
pub(crate) struct Script {
    name: &'static str,
    log: Log,
    on_started: OnConnector,
    on_build: Box<dyn Fn(&Address) -> bool>,
    on_made: OnMade,
    on_data: OnData,
    on_woken: Option<OnMade>,
    on_lost: Box<dyn Fn(&Failure)>,
    half_closeable: Option<[OnMade; 2]>,
    on_gone: OnEnd,
    on_failed: OnEnd,
    on_descriptor: Option<OnDescriptor>,
    notes_use: bool,
    is_quiet: bool,
    on_stop_factory: Box<dyn Fn()>,
}

impl Script {
    /// Notes everything and does nothing.
    pub(crate) fn new(name: &'static str, log: &Log) -> Self {
        Self {
            name,
            log: log.clone(),
            on_started: Box::new(|_| ()),
            on_build: Box::new(|_| true),
            on_made: Box::new(|_| ()),
            on_data: Box::new(|_, _| ()),
            on_woken: None,
            on_lost: Box::new(|_| ()),
            half_closeable: None,
            on_gone: Box::new(|_, _| ()),
            on_failed: Box::new(|_, _| ()),
            on_descriptor: None,
            notes_use: false,
            is_quiet: true,
            on_stop_factory: Box::new(|| ()),
        }
    }

    /// Does nothing, and its notes are of no interest.
    pub(crate) fn unnoted() -> Self {
        Self::new("someone", &Log::default())
    }

    pub(crate) fn on_started(mut self, f: impl Fn(&Connector) + 'static) -> Self {
        self.on_started = Box::new(f);
        self
    }

    /// Without a protocol, if `f` says so.
    pub(crate) fn on_build(mut self, f: impl Fn(&Address) -> bool + 'static) -> Self {
        self.on_build = Box::new(f);
        self
    }

    pub(crate) fn on_made(mut self, f: impl Fn(&Rc<dyn Transport>) + 'static) -> Self {
        self.on_made = Box::new(f);
        self
    }

    pub(crate) fn on_data(mut self, f: impl Fn(&Rc<dyn Transport>, &[u8]) + 'static) -> Self {
        self.on_data = Box::new(f);
        self
    }

    /// Notes "woken" too.
    pub(crate) fn on_woken(mut self, f: impl Fn(&Rc<dyn Transport>) + 'static) -> Self {
        self.on_woken = Some(Box::new(f));
        self
    }

    pub(crate) fn on_lost(mut self, f: impl Fn(&Failure) + 'static) -> Self {
        self.on_lost = Box::new(f);
        self
    }

    /// Hears of each direction's end, of reading by `on_read`, of writing by `on_write`.
    pub(crate) fn half_closeable(
        mut self,
        on_read: impl Fn(&Rc<dyn Transport>) + 'static,
        on_write: impl Fn(&Rc<dyn Transport>) + 'static,
    ) -> Self {
        self.half_closeable = Some([Box::new(on_read), Box::new(on_write)]);
        self
    }

    pub(crate) fn on_gone(mut self, f: impl Fn(&Connector, &Failure) + 'static) -> Self {
        self.on_gone = Box::new(f);
        self
    }

    pub(crate) fn on_failed(mut self, f: impl Fn(&Connector, &Failure) + 'static) -> Self {
        self.on_failed = Box::new(f);
        self
    }

    /// Wants descriptors, and notes "descriptor" for each.
    pub(crate) fn on_descriptor(
        mut self,
        f: impl Fn(&Rc<dyn Transport>, OwnedFd) + 'static,
    ) -> Self {
        self.on_descriptor = Some(Box::new(f));
        self
    }

    /// Notes "begins" and "ends" too, for `start_factory` and `stop_factory`.
    pub(crate) fn noting_use(mut self) -> Self {
        self.notes_use = true;
        self
    }

    pub(crate) fn on_stop_factory(mut self, f: impl Fn() + 'static) -> Self {
        self.on_stop_factory = Box::new(f);
        self
    }

    /// Is not left out of the log.
    pub(crate) fn noisy(mut self) -> Self {
        self.is_quiet = false;
        self
    }

    fn note_use(&self, what: &str) {
        if self.notes_use {
            self.note(what);
        }
    }

    fn note(&self, what: &str) {
        note_if_calling(self.name, &self.log);
        self.log.note(format!("{} {what}", self.name));
    }
}

impl Factory for Script {
    type Protocol = Player;

    fn build_protocol(self: &Rc<Self>, peer: &Address) -> Option<Player> {
        self.note("built");
        (self.on_build)(peer).then(|| Player(Rc::clone(self)))
    }

    fn start_factory(self: &Rc<Self>) {
        self.note_use("begins");
    }

    fn stop_factory(self: &Rc<Self>) {
        self.note_use("ends");
        (self.on_stop_factory)();
    }

    fn is_quiet(&self) -> bool {
        self.is_quiet
    }
}

impl ClientFactory for Script {
    fn started_connecting(self: &Rc<Self>, connector: &Connector) {
        self.note("started");
        (self.on_started)(connector);
    }

    fn client_connection_failed(self: &Rc<Self>, connector: &Connector, reason: Failure) {
        self.note(&format!("failed {}", name_of(&reason)));
        (self.on_failed)(connector, &reason);
    }

    fn client_connection_lost(self: &Rc<Self>, connector: &Connector, reason: Failure) {
        self.note(&format!("gone {}", name_of(&reason)));
        (self.on_gone)(connector, &reason);
    }
}

/// The protocol of a [`Script`].
pub(crate) struct Player(Rc<Script>);

impl Protocol for Player {
    fn connection_made(&mut self, transport: &Rc<dyn Transport>) {
        self.0.note("made");
        (self.0.on_made)(transport);
    }

    fn data_received(&mut self, transport: &Rc<dyn Transport>, data: &[u8]) {
        if CALLING.get() {
            self.0.note("data");
        }
        self.0.log.note_data(self.0.name, data);
        (self.0.on_data)(transport, data);
    }

    fn woken(&mut self, transport: &Rc<dyn Transport>) {
        if let Some(on_woken) = &self.0.on_woken {
            self.0.note("woken");
            on_woken(transport);
        }
    }

    fn connection_lost(&mut self, reason: Failure) {
        self.0.note(&format!("lost {}", name_of(&reason)));
        (self.0.on_lost)(&reason);
    }

    fn descriptor_receiver(&mut self) -> Option<&mut dyn DescriptorReceiver> {
        match self.0.on_descriptor {
            Some(_) => Some(self),
            None => None,
        }
    }

    fn half_closeable(&mut self) -> Option<&mut dyn HalfCloseable> {
        self.0.half_closeable.is_some().then_some(self as _)
    }
}

impl DescriptorReceiver for Player {
    fn descriptor_received(&mut self, transport: &Rc<dyn Transport>, descriptor: OwnedFd) {
        self.0.note("descriptor");
        if let Some(f) = &self.0.on_descriptor {
            f(transport, descriptor);
        }
    }
}

impl HalfCloseable for Player {
    fn read_connection_lost(&mut self, transport: &Rc<dyn Transport>) {
        self.0.note("read ended");
        if let Some([on_read, _]) = &self.0.half_closeable {
            on_read(transport);
        }
    }

    fn write_connection_lost(&mut self, transport: &Rc<dyn Transport>) {
        self.0.note("write ended");
        if let Some([_, on_write]) = &self.0.half_closeable {
            on_write(transport);
        }
    }
}

/// Has a server do something with each connection, and gives all that its only client receives.
pub(crate) fn received_from(
    reactor: &Reactor,
    on_made: impl Fn(&Rc<dyn Transport>) + 'static,
) -> Vec<u8> {
    let stop = stop_at_call(1, reactor);
    let script = Script::unnoted().on_made(on_made).on_lost(move |_| stop());
    let port = listen(reactor, script);
    let peer = peer_of(&port);
    let reader = thread::spawn(move || read_all(&peer));

    run(reactor);

    let read = reader.join().expect("it only reads");
    read.expect("the server closes in good order")
}

thread_local! {
    static CALLING: Cell<bool> = const { Cell::new(false) };
}

/// Ends the direction from here to the peer.
pub(crate) fn lose_write(transport: &Rc<dyn Transport>) {
    let half_close = transport.abilities().half_close;
    half_close.expect("it is a socket").lose_write_connection();
}

/// Makes a call that must not call back.
pub(crate) fn calling<R>(call: impl FnOnce() -> R) -> R {
    CALLING.set(true);
    let result = call();
    CALLING.set(false);
    result
}

/// Notes a callback that comes from inside a call of [`calling`].
pub(crate) fn note_if_calling(name: &str, log: &Log) {
    if CALLING.get() {
        log.note(format!("{name} is called from inside a call"));
    }
}

/// A place for a transport that a callback keeps.
#[derive(Clone, Default)]
pub(crate) struct Kept(Rc<RefCell<Option<Rc<dyn Transport>>>>);

impl Kept {
    pub(crate) fn keep(&self, transport: &Rc<dyn Transport>) {
        *self.0.borrow_mut() = Some(Rc::clone(transport));
    }

    #[track_caller]
    pub(crate) fn get(&self) -> Rc<dyn Transport> {
        self.0.borrow().clone().expect("a callback has kept it")
    }
}

/// Listens on any port of this machine.
pub(crate) fn listen(reactor: &Reactor, script: Script) -> Port {
    let options = ListenOptions::new(0).interface(IpAddr::V4(Ipv4Addr::LOCALHOST));
    reactor
        .listen_tcp_with(options, Rc::new(script))
        .expect("there is a free port")
}

/// Connects to a port of this machine.
pub(crate) fn connect(reactor: &Reactor, port: u16, script: Script) -> Connector {
    reactor.connect_tcp("127.0.0.1", port, Rc::new(script))
}

/// Like [`connect`], with a time limit.
pub(crate) fn connect_within(
    timeout: std::time::Duration,
    reactor: &Reactor,
    port: u16,
    script: Script,
) -> Connector {
    let options = ConnectOptions::new().timeout(timeout);
    reactor.connect_tcp_with("127.0.0.1", port, Rc::new(script), options)
}

/// All bytes that a script was given, to be shown after the run.
#[derive(Clone, Default)]
pub(crate) struct Bytes(Rc<RefCell<Vec<u8>>>);

impl Bytes {
    pub(crate) fn add(&self, data: &[u8]) {
        self.0.borrow_mut().extend_from_slice(data);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.borrow().len()
    }

    pub(crate) fn take(&self) -> Vec<u8> {
        self.0.take()
    }
}
