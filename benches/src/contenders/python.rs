//! Starting the contenders that are written in Python.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;

use crate::child::Work;
use crate::options::Options;

/// The command that runs a script in `compare/` with this module.
pub(super) fn command(script: &str, module: &str, work: Work, options: &Options) -> Command {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("compare");
    let mut command = Command::new(&options.python);
    // Nothing is to be left beside the scripts.
    command.arg("-B").arg(folder.join(script));
    command.args([module, &work.to_string()]);
    command
}

/// Why this module cannot be used.
pub(super) fn missing(module: &'static str, options: &Options) -> Option<String> {
    static KNOWN: Mutex<BTreeMap<&str, Option<String>>> = Mutex::new(BTreeMap::new());

    let mut known = KNOWN.lock().expect("nothing panics while it is held");
    let look = || match version(module, options) {
        Some(_) => None,
        None => Some(format!("{} has no {module}", options.python)),
    };
    known.entry(module).or_insert_with(look).clone()
}

/// The version of a module, which is Python's own for one that comes with it.
pub(crate) fn version(module: &str, options: &Options) -> Option<String> {
    let program = format!(
        "import {module}, platform; print(getattr({module}, '__version__', platform.python_version()))"
    );
    let output = Command::new(&options.python)
        .args(["-c", &program])
        .output()
        .ok()?;
    let version = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| version.trim().to_owned())
}
