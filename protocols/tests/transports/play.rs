//! Two scripts that are joined and note to logs of their own.

use std::rc::Rc;

use protocols::{PushProducer, Transport};

use crate::common::script::note_if_calling;
use crate::common::{Bytes, Log, Script, stop_at_call};
use crate::joined::Join;

/// Two scripts that note to logs of their own; the reactor stops when both have been told of the end.
pub(crate) struct Play {
    pub(crate) client: Script,
    pub(crate) server: Script,
    pub(crate) client_log: Log,
    pub(crate) server_log: Log,
}

impl Play {
    pub(crate) fn new(join: &Join<'_>) -> Self {
        let (client_log, server_log) = (Log::default(), Log::default());
        let stop = stop_at_call(2, join.reactor());
        let (stop_too, failed) = (stop.clone(), stop.clone());
        Self {
            // Over TCP, an abort may come before the client knows that there is a connection.
            client: Script::new("client", &client_log)
                .on_lost(move |_| stop())
                .on_failed(move |_, _| failed()),
            server: Script::new("server", &server_log).on_lost(move |_| stop_too()),
            client_log,
            server_log,
        }
    }

    pub(crate) fn client(mut self, with: impl FnOnce(Script) -> Script) -> Self {
        self.client = with(self.client);
        self
    }

    pub(crate) fn server(mut self, with: impl FnOnce(Script) -> Script) -> Self {
        self.server = with(self.server);
        self
    }

    /// Plays, and gives the logs of the client and the server.
    #[track_caller]
    pub(crate) fn over(self, join: &Join<'_>) -> (Log, Log) {
        join.play(self.client, self.server);
        (self.client_log, self.server_log)
    }
}

/// Collects, and calls `then` when `len` bytes have come.
pub(crate) fn collect(
    bytes: &Bytes,
    len: usize,
    then: impl Fn(&Rc<dyn Transport>) + 'static,
) -> impl Fn(&Rc<dyn Transport>, &[u8]) + 'static {
    let bytes = bytes.clone();
    move |transport, data| {
        bytes.add(data);
        if bytes.len() == len {
            then(transport);
        }
    }
}

/// Notes what it was told; each call is noted as such if it came from inside another one.
pub(crate) struct Noting(pub(crate) Log);

impl PushProducer for Noting {
    fn pause_producing(&self) {
        note_if_calling("producer", &self.0);
        self.0.note("producer paused");
    }

    fn resume_producing(&self) {
        note_if_calling("producer", &self.0);
        self.0.note("producer resumed");
    }

    fn stop_producing(&self) {
        note_if_calling("producer", &self.0);
        self.0.note("producer stopped");
    }
}

/// Of its peer's abort, a transport knows that it was one if the system says so, which UNIX sockets need not.
#[track_caller]
pub(crate) fn assert_lost_or_done(log: &Log) {
    let notes = log.notes();
    let lost: Vec<_> = notes
        .iter()
        .filter_map(|note| note.split_once(" lost "))
        .collect();
    assert!(
        matches!(lost[..], [(_, "ConnectionLost" | "ConnectionDone")]),
        "{notes:?}"
    );
}
