//! What was measured, and on what: without it, no figure says anything.

use std::fmt::Write;
use std::fs;
use std::process::Command;

use rustix::system::uname;

use crate::contenders;
use crate::options::Options;

/// The machine, the versions and the command, as Markdown.
pub(crate) fn describe(options: &Options) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        writeln!(text, "| {name} | {value} |").expect("a string takes all");
    };
    line("what", "which");
    line("---", "---");
    let system = uname();
    line("processor", &processor());
    line(
        "system",
        &format!(
            "{} {}",
            system.sysname().to_string_lossy(),
            system.release().to_string_lossy()
        ),
    );
    line("load of the machine at the start", &load_average());
    line(
        "compiler",
        &first_line(Command::new("rustc").arg("--version")),
    );
    for (name, version) in contenders::versions(options) {
        line(&name, &version);
    }
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let command = format!(
        "`cargo run --release -p benches -- {}`",
        arguments.join(" ")
    );
    line("command", &command);
    text
}

/// How many cores there are, and of which model.
fn processor() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let models = info.lines().filter_map(|line| {
        let (name, model) = line.split_once(':')?;
        (name.trim() == "model name").then(|| model.trim())
    });
    let models: Vec<_> = models.collect();
    let model = models.first().copied().unwrap_or("of an unknown model");
    format!("{} × {model}", models.len().max(1))
}

/// The numbers of processes that wanted a core in the last one, five and fifteen minutes.
fn load_average() -> String {
    let loads = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let loads: Vec<_> = loads.split(' ').take(3).collect();
    loads.join(", ")
}

fn first_line(command: &mut Command) -> String {
    let output = command.output().map(|output| output.stdout);
    let text = String::from_utf8(output.unwrap_or_default()).unwrap_or_default();
    text.lines().next().unwrap_or("unknown").to_owned()
}
