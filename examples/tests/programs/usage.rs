//! What each program says of itself, and what it refuses: in one line, which says what is wrong and what is right.

use std::path::Path;

use protocols::reactor::backend;

use crate::clients::text;
use crate::common::run;
use crate::table::{PROGRAMS, Row, Runs, Setting};

#[test]
fn each_program_explains_itself_and_refuses_what_it_does_not_know() {
    for row in PROGRAMS {
        let (name, path) = (row.name(), row.path());

        let help = run(&path, &["--help"]);
        assert!(text(&help).contains(&format!("Usage: {name}")), "{name}");
        assert_eq!((help.code, help.errors.as_str()), (0, ""), "{name}");

        let version = run(&path, &["--version"]);
        assert!(text(&version).starts_with(&format!("{name} ")), "{name}");
        assert_eq!((version.code, version.errors.as_str()), (0, ""), "{name}");

        run(&path, &["--nonsense"]).assert_refused(name, "'--nonsense'");
    }
}

#[test]
fn a_program_says_what_the_list_says_or_more() {
    for row in PROGRAMS {
        let help = run(&row.path(), &["--help"]);
        let first = text(&help).lines().next().unwrap();

        assert!(first.len() > 10 && !first.starts_with("Usage"), "{first}");
    }
}

#[test]
fn the_backend_is_the_users_choice_wherever_a_reactor_runs() {
    let right = format!("there are: {}", backend::NAMES.join(", "));
    for row in PROGRAMS {
        let help = run(&row.path(), &["--help"]);
        let (name, choice) = (row.name(), row.runs == Runs::OnAny);
        assert_eq!(text(&help).contains("--backend <NAME>"), choice, "{name}");

        if choice {
            refuses(row, &Setting::ALONE, &["--backend", "nope"], &right);
        }
    }
}

#[test]
fn an_argument_too_many_is_refused() {
    for row in PROGRAMS {
        if row.name() != "poetry" && !takes_servers(row) {
            refuses(row, &Setting::ALONE, &["10009"], "'10009'");
        }
    }
}

#[test]
fn what_is_needed_is_asked_for() {
    for row in PROGRAMS {
        if ["SERVER", "XFORM", "POEM"].iter().any(|it| row.takes(it)) {
            let ended = run::<&str>(&row.path(), &[]);
            let asked = "the following required arguments were not provided: ";
            ended.assert_refused(row.name(), asked);
            ended.assert_refused(row.name(), &format!("Usage: {}", row.name()));
        }
    }
}

#[test]
fn an_address_that_is_none_is_refused() {
    for (bad, right) in [
        ("", "an address is [HOST:]PORT, such as 10000"),
        ("abc", "a port is a number from 1 to 65535"),
        ("0", "a port is a number from 1 to 65535"),
        ("-1", "a port is a number from 1 to 65535"),
        ("65536", "a port is a number from 1 to 65535"),
        ("localhost:", "an address is [HOST:]PORT, such as 10000"),
        ("localhost:http", "a port is a number from 1 to 65535"),
        ("[::1]:0", "a port is a number from 1 to 65535"),
        (":10000", "no host in"),
        ("two words:10000", "a host is a name, an IPv4 address or"),
        ("::1", "an IPv6 address stands in brackets"),
        ("[::1:10000", "a host is a name, an IPv4 address or"),
    ] {
        for row in PROGRAMS {
            let server = Setting {
                server: bad,
                ..Setting::ALONE
            };
            let xform = Setting {
                xform: bad,
                ..Setting::ALONE
            };
            for (word, setting) in [("SERVER", server), ("XFORM", xform)] {
                if row.takes(word) {
                    refuses(row, &setting, &[], right);
                }
            }
            if takes_servers(row) {
                refuses(row, &Setting::ALONE, &[bad], right);
            }
        }
    }
}

#[test]
fn a_port_that_is_none_is_refused() {
    for port in ["", "abc", "-1", "65536", "1.5"] {
        let setting = Setting {
            port,
            ..Setting::ALONE
        };
        for row in PROGRAMS.iter().filter(|row| row.takes("PORT")) {
            refuses(row, &setting, &[], "a port is a number from 0 to 65535");
        }
    }
}

#[test]
fn a_time_that_is_none_is_refused() {
    for seconds in ["", "abc", "-1", "nan", "inf", "1e9"] {
        let setting = Setting {
            seconds,
            ..Setting::ALONE
        };
        for row in PROGRAMS.iter().filter(|row| row.takes("SECONDS")) {
            refuses(row, &setting, &[], "a delay is a number of seconds from 0");
        }
    }
}

#[test]
fn a_poem_that_cannot_be_read_is_refused() {
    // The last can be opened, and has nothing at its beginning that could be read; on other systems it is not there.
    for poem in [
        "poems/nowhere.txt",
        "poems",
        "poems/lamp.txt/",
        "/proc/self/mem",
    ] {
        let setting = Setting {
            poem,
            ..Setting::ALONE
        };
        for row in PROGRAMS.iter().filter(|row| row.takes("POEM")) {
            let right = format!("cannot read {:?}: ", Path::new(poem));
            refuses(row, &setting, &[], &right);
            refuses(row, &setting, &[], "; a poem is a file that you may read");
        }
    }
}

/// Whether a program takes any number of servers; `poetry` takes any number of poems.
fn takes_servers(row: &Row) -> bool {
    row.takes("SERVER") && !row.takes("PORT")
}

#[track_caller]
fn refuses(row: &Row, setting: &Setting<'_>, more: &[&str], right: &str) {
    let mut args = row.args(setting);
    args.extend(more.iter().map(ToString::to_string));
    run(&row.path(), &args).assert_refused(row.name(), right);
}
