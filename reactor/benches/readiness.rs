//! What does it cost to watch descriptors, and to wait, on each backend?

use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use divan::{Bencher, counter::ItemsCount};
use reactor::backend::{self, Backend, Event, Interest, Key};

/// How many descriptors are watched meanwhile.
const WATCHED: [usize; 3] = [1, 64, 1_000];

/// How often one measurement does what it measures.
const TIMES: usize = 1_000;

fn main() {
    divan::main();
}

/// Begin to watch a descriptor, change what it is watched for, and end.
#[divan::bench(args = contests())]
fn register_modify_deregister(bencher: Bencher<'_, '_>, (name, watched): (&str, usize)) {
    let mut scene = Scene::new(name, watched);
    let (one_more, _peer) = UnixStream::pair().expect("there are descriptors left");
    let (fd, key) = (one_more.as_fd(), Key::from_usize(watched));

    bencher.counter(ItemsCount::new(TIMES)).bench_local(|| {
        let backend = &mut scene.backend;
        for _ in 0..TIMES {
            backend.register(fd, key, Interest::READ).expect("open");
            backend.modify(fd, key, Interest::WRITE).expect("watched");
            backend.deregister(fd, key).expect("watched");
        }
    });
}

/// Wait, with one descriptor ready among those that are watched.
#[divan::bench(args = contests())]
fn wait_with_one_ready(bencher: Bencher<'_, '_>, (name, watched): (&str, usize)) {
    let mut scene = Scene::new(name, watched);
    scene.make_one_ready();
    let mut events = Vec::<Event>::new();

    bencher.counter(ItemsCount::new(TIMES)).bench_local(|| {
        for _ in 0..TIMES {
            events.clear();
            scene
                .backend
                .wait(&mut events, Some(Duration::from_secs(1)))
                .expect("all are open");
            assert_eq!(events.len(), 1);
        }
    });
}

/// Each backend with each number of descriptors.
fn contests() -> impl Iterator<Item = (&'static str, usize)> {
    let names = backend::NAMES.iter();
    names.flat_map(|&name| WATCHED.map(|watched| (name, watched)))
}

/// A backend that watches descriptors, none of which is ready.
struct Scene {
    /// The first field, so that it is dropped first: it knows the descriptors.
    backend: Box<dyn Backend>,
    peer: UnixStream,
    _open: Vec<OwnedFd>,
}

impl Scene {
    fn new(name: &str, watched: usize) -> Self {
        let mut backend = backend::from_name(name).expect("there are descriptors left");
        let (quiet, quiet_peer) = UnixStream::pair().expect("there are descriptors left");
        let mut all = Vec::new();
        // The sockets that are watched all have an open peer, or they would be ready.
        for _ in 1..watched {
            all.push(OwnedFd::from(
                quiet.try_clone().expect("there are some left"),
            ));
        }
        // It has the highest number and is the last to be watched: on each backend, it is found last.
        let (last, peer) = UnixStream::pair().expect("there are descriptors left");
        all.push(last.into());
        all.push(quiet_peer.into());
        for (key, fd) in all.iter().take(watched).enumerate() {
            backend
                .register(fd.as_fd(), Key::from_usize(key), Interest::READ)
                .expect("it can be watched");
        }
        Self {
            backend,
            peer,
            _open: all,
        }
    }

    fn make_one_ready(&mut self) {
        self.peer.write_all(b"x").expect("the buffer is empty");
    }
}
