//! Three slow poems at once: servers and a client in one process, on one reactor.
//!
//! ```sh
//! cargo run --release
//! ```
//!
//! Three servers send a poem each, a few bytes every tenth of a second, over real sockets; the client
//! gets all three through Deferreds. On a terminal there is a bar a poem; into a pipe it prints the
//! tutorial's lines, in which the poems can be seen to arrive interleaved. It takes about ten
//! seconds, which is as long as the longest poem takes, not as long as all three.
//!
//! What to notice: there is one thread, and nothing in it waits. `server.rs` sends a piece and leaves a
//! call for the next one; the client hears of each piece when it is there. At the end the program
//! compares what came with what was sent.
//!
//! `cargo run --release list` shows what other programs there are, and `cargo run --release race` how the
//! clients of parts 2 and 4 differ. (A poem in a file of such a name is `./list`.)

mod list;
mod race;
mod server;
mod show;
mod svg;
mod timeline;

use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use clap::{Parser, Subcommand};
use examples::{ServerAddress, Tally, cli, get_poetry, report};
use protocols::deferred::Failure;
use protocols::reactor::Reactor;
use protocols::{Address, ListenOptions, ReactorTcp};

use race::RaceOptions;
use server::SlowPoetryFactory;
use show::Show;

/// Gets three slow poems at once, from servers in this very process.
#[derive(Parser)]
#[command(name = "poetry", version)]
#[command(args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
struct Options {
    #[command(subcommand)]
    command: Option<Command>,

    /// The poems to serve instead of the three that come with the program; any files.
    #[arg(value_name = "POEM-FILE")]
    poem_files: Vec<PathBuf>,

    /// The sizes of the pieces, one a poem; the last one is for all further poems.
    #[arg(
        long,
        value_name = "N,…",
        value_delimiter = ',',
        default_value = "30,10"
    )]
    #[arg(value_parser = cli::parse_num_bytes, allow_negative_numbers = true)]
    num_bytes: Vec<NonZeroUsize>,

    /// The time between two pieces.
    #[arg(long, value_name = "SECONDS", default_value = "0.1")]
    #[arg(value_parser = cli::parse_delay, allow_negative_numbers = true)]
    delay: Duration,

    /// Other servers to get poems from instead, such as 10000 or localhost:10001.
    #[arg(long, value_name = "[HOST:]PORT", num_args = 1..)]
    #[arg(conflicts_with_all = ["poem_files", "num_bytes", "delay"])]
    #[arg(allow_negative_numbers = true)]
    servers: Vec<ServerAddress>,

    /// How long a server may send nothing before it is given up.
    #[arg(long, value_name = "SECONDS", default_value = "30")]
    #[arg(value_parser = cli::parse_patience, allow_negative_numbers = true)]
    timeout: Duration,

    /// How the reactor waits; the environment's REACTOR_BACKEND says it as well.
    #[arg(long, value_name = "NAME")]
    backend: Option<String>,
}

/// What it does instead.
#[derive(Subcommand)]
enum Command {
    /// Lists all programs, by the parts of the tutorial.
    List,
    /// Runs the clients of parts 2 and 4 against the same slow servers, and draws when each of them got what.
    Race(RaceOptions),
}

/// The poems that come with the program.
const POEMS: [(&str, &[u8]); 3] = [
    ("river", include_bytes!("../poems/river.txt")),
    ("letter", include_bytes!("../poems/letter.txt")),
    ("lamp", include_bytes!("../poems/lamp.txt")),
];

fn main() -> ExitCode {
    let options: Options = cli::parse();
    match options.command {
        None => get_poems(&options),
        Some(Command::List) => {
            list::list();
            ExitCode::SUCCESS
        }
        Some(Command::Race(options)) => race::race(options),
    }
}

/// Serves the poems, and gets them.
fn get_poems(options: &Options) -> ExitCode {
    let reactor = cli::reactor(options.backend.as_deref());
    let tasks = if options.servers.is_empty() {
        serve(&reactor, options)
    } else {
        options
            .servers
            .iter()
            .cloned()
            .map(Task::elsewhere)
            .collect()
    };
    let tally = Rc::new(Tally::new(&reactor, tasks.iter().map(|task| &task.server)));
    let show = Rc::new(Show::new(&tasks));

    for (index, task) in tasks.into_iter().enumerate() {
        get_poem(&reactor, &tally, &show, index + 1, task, options.timeout);
    }
    let stopped = cli::run(&reactor);

    summary(&tally, options.servers.is_empty());
    tally.end_of_run(stopped)
}

/// A poem to get.
struct Task {
    name: String,
    server: ServerAddress,
    /// What the server sends, if that is known.
    poem: Option<Vec<u8>>,
}

impl Task {
    fn elsewhere(server: ServerAddress) -> Self {
        Self {
            name: server.to_string(),
            server,
            poem: None,
        }
    }
}

/// Starts a slow server a poem, each on a free port of the loopback interface.
fn serve(reactor: &Reactor, options: &Options) -> Vec<Task> {
    let poems = if options.poem_files.is_empty() {
        POEMS
            .map(|(name, poem)| (name.to_owned(), poem.to_vec()))
            .into()
    } else {
        options
            .poem_files
            .iter()
            .map(|path| read(path))
            .collect::<Vec<_>>()
    };
    let sizes = &options.num_bytes;
    let last_size = sizes.last().into_iter().cycle();

    let serve = |((name, poem), num_bytes): ((String, Vec<u8>), &NonZeroUsize)| {
        let factory = SlowPoetryFactory {
            reactor: reactor.clone(),
            poem: poem.clone(),
            num_bytes: num_bytes.get(),
            delay: options.delay,
            sent: Box::new(|| ()),
        };
        let server = listen(reactor, factory);
        Task {
            name,
            server,
            poem: Some(poem),
        }
    };
    poems
        .into_iter()
        .zip(sizes.iter().chain(last_size))
        .map(serve)
        .collect()
}

/// Starts a server on a free port of the loopback interface, and gives its address.
fn listen(reactor: &Reactor, factory: SlowPoetryFactory) -> ServerAddress {
    let listen = ListenOptions::new(0).interface(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let port = reactor.listen_tcp_with(listen, Rc::new(factory));
    port.unwrap_or_else(|error| cli::die(report::with_causes(&error)))
        .address()
        .to_string()
        .parse()
        .expect("a port's address can be connected to")
}

fn read(path: &Path) -> (String, Vec<u8>) {
    let name = path
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    (name, cli::read_poem(path))
}

/// Begins to get a poem.
fn get_poem(
    reactor: &Reactor,
    tally: &Rc<Tally>,
    show: &Rc<Show>,
    number: usize,
    task: Task,
    patience: Duration,
) {
    let (tally_of_pieces, show_pieces) = (Rc::clone(tally), Rc::clone(show));
    let piece = move |bytes, server: &Address| {
        tally_of_pieces.piece(number, bytes);
        show_pieces.piece(number, bytes, server);
    };
    let (tally_of_poems, tally_of_failures) = (Rc::clone(tally), Rc::clone(tally));
    let (show, show_of_failures) = (Rc::clone(show), Rc::clone(show));

    get_poetry(reactor, &task.server, patience, piece)
        .add_callback(move |poem| match task.poem {
            Some(sent) if sent != poem => Err(Failure::new(Changed)),
            _ => Ok(poem),
        })
        .add_callbacks(
            move |_poem| tally_of_poems.got(number),
            move |failure| {
                show_of_failures.aside(|| tally_of_failures.failed(number, &failure));
            },
        )
        .map(move |()| show.ended(number))
        .ignore();
}

/// What came is not what was sent.
#[derive(Debug, thiserror::Error)]
#[error("the poem that arrived is not the poem that was sent")]
struct Changed;

/// Says how long the poems are, how long they took, and, if they were `compared`, that they are whole.
fn summary(tally: &Tally, compared: bool) {
    let times = tally.times();
    for (task, _) in &times {
        let line = report::poem(*task, tally.bytes(*task));
        cli::say(if compared {
            format!("{line}, byte for byte as it was sent")
        } else {
            line
        });
    }
    cli::say(report::total(times.len(), tally.elapsed()));
    // A poem that did not come may have taken longest, and is in no sum.
    if times.len() > 1 && tally.is_complete() {
        let in_turn: Duration = times.iter().map(|(_, time)| time).sum();
        cli::say(format!(
            "One after the other, they would have taken {}",
            report::Elapsed(in_turn)
        ));
    }
}
