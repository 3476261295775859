//! What each program says of itself, and what it refuses: in one line, which says what is wrong and what is right.

use std::path::Path;

use crate::clients::{assert_explains_itself, assert_refuses_unknown_backends, text};
use crate::common::run;
use crate::table::{PROGRAMS, Row, Runs, Setting};

#[test]
fn each_program_explains_itself_and_refuses_what_it_does_not_know() {
    for row in PROGRAMS {
        assert_explains_itself(&row.path());
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
    for row in PROGRAMS {
        let help = run(&row.path(), &["--help"]);
        let (name, choice) = (row.name(), row.runs == Runs::OnAny);
        assert_eq!(text(&help).contains("--backend <NAME>"), choice, "{name}");

        if choice {
            let args = row.args(&Setting::ALONE);
            let args: Vec<_> = args.iter().map(String::as_str).collect();
            assert_refuses_unknown_backends(&row.path(), &args);
        }
    }
}

#[test]
fn an_argument_too_many_is_refused() {
    for row in PROGRAMS {
        // These take any number of servers, or poems.
        let takes_more = row.name() == "poetry" || row.takes("SERVER") && !row.takes("PORT");
        if !takes_more {
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

#[track_caller]
fn refuses(row: &Row, setting: &Setting<'_>, more: &[&str], right: &str) {
    let mut args = row.args(setting);
    args.extend(more.iter().map(ToString::to_string));
    run(&row.path(), &args).assert_refused(row.name(), right);
}
