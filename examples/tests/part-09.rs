//! The simulator of part 9, run as a user runs it, with pairs on standard input.

#[expect(
    dead_code,
    reason = "the simulator serves nothing, and no one waits for a line of its"
)]
mod common;

use common::{Ended, run};

const SIMULATOR: &str = env!("CARGO_BIN_EXE_deferred-simulator");

#[test]
fn the_chain_and_its_two_firings_stand_side_by_side() {
    let ended = simulate("r good f bad\nf googly p\n\n", "");

    let expected = "
               Deferred                  │          firer.callback(initial)           │          firer.errback(initial*)
               ────────                  │          ───────────────────────           │          ───────────────────────
                                         │                                            │
                                         │        initial                             │                            initial*
                                         │           │                                │                               │
                                         │           │                                │                               │
                                         │           ▼                                │                               ▼
┌────────────────┐  ┌────────────────┐   │   ┌────────────────┐                       │                       ┌────────────────┐
│                │  │                │   │   │    initial     │                       │                       │    initial*    │
│  return good   │  │    fail bad    │   │   │                │                       │                       │                │
│                │  │                │   │   │      good      │                       │                       │      bad*      │
└────────────────┘  └────────────────┘   │   └────────────────┘                       │                       └────────────────┘
                                         │           │                                │                               │
                                         │           │                                │                               │
                                         │           ▼                                │                               ▼
┌────────────────┐  ┌────────────────┐   │   ┌────────────────┐                       │                       ┌────────────────┐
│                │  │                │   │   │      good      │                       │                       │      bad*      │
│  fail googly   │  │    passthru    │   │   │                │                       │                       │                │
│                │  │                │   │   │    googly*     │                       │                       │      bad*      │
└────────────────┘  └────────────────┘   │   └────────────────┘                       │                       └────────────────┘
                                         │           │                                │                               │
                                         │           └───────────────────┐            │                               │
                                         │                               ▼            │                               ▼
                                         │                            googly*         │                              bad*
";
    assert!(text(&ended).ends_with(expected), "{}", text(&ended));
    assert_eq!((ended.code, ended.errors.as_str()), (0, ""));
}

#[test]
fn an_errback_that_returns_sends_the_result_back_to_the_callbacks() {
    let ended = simulate("p r back\n\n", "--narrow");

    let expected = "
       firer.errback(initial*)
       ───────────────────────

                         initial*
                            │
                            │
                            ▼
                    ┌────────────────┐
                    │    initial*    │
                    │                │
                    │      back      │
                    └────────────────┘
                            │
        ┌───────────────────┘
        ▼
       back

";
    assert!(text(&ended).ends_with(expected), "{}", text(&ended));
}

#[test]
fn commands_may_be_written_out_and_in_capitals() {
    let short = simulate("r a f b\np p\n\n", "");

    let long = simulate("  RETURN a  fail b \npass passthru\n\n", "");

    assert_eq!(text(&short), text(&long));
}

#[test]
fn a_line_that_is_no_pair_is_told_and_may_be_entered_again() {
    for (line, error) in [
        ("", "there must be a pair at least"),
        (
            "r a",
            "a pair is a callback and an errback, as in: r good f bad",
        ),
        ("x a p", "\"x\" is none of: return, fail, passthru"),
        ("p f", "a value is missing after \"f\""),
        (
            "r toolong p",
            "\"toolong\" is no value: it has up to 6 letters and digits",
        ),
        (
            "r é p",
            "\"é\" is no value: it has up to 6 letters and digits",
        ),
        ("p p p", "\"p\" is more than a pair"),
    ] {
        let ended = simulate(&format!("{line}\np p\n\n"), "");

        assert_eq!(ended.errors, format!("ERROR: {error}\n"));
        assert_eq!(text(&ended), text(&simulate("p p\n\n", "")));
        assert_eq!(ended.code, 0);
    }
}

#[test]
fn the_end_of_the_input_ends_the_chain_or_the_program() {
    let with_a_pair = simulate("p p\n", "");
    let without = simulate("", "");

    assert_eq!(text(&with_a_pair), text(&simulate("p p\n\n", "")));
    assert!(text(&without).ends_with("a value with a star is a failure.\n\n"));
    assert_eq!((without.code, without.errors.as_str()), (0, ""));
}

#[test]
fn an_input_that_is_no_text_is_told_in_one_line() {
    let ended = run(
        "sh",
        &["-c", r#"printf '\377\n' | exec "$0" >/dev/null"#, SIMULATOR],
    );

    ended.assert_refused("deferred-simulator", "cannot read a pair: ");
}

#[test]
fn an_output_that_no_one_reads_ends_the_program_quietly() {
    let line = r#"(printf 'p p\n\n' | "$0"; echo "code $?" >&2) | head -1"#;
    let ended = run("sh", &["-c", line, SIMULATOR]);

    assert_eq!(ended.errors, "code 0\n");
}

/// Runs the simulator with these lines on its standard input.
fn simulate(input: &str, option: &str) -> Ended {
    let line = r#"printf %s "$1" | "$0" $2"#;
    run("sh", &["-c", line, SIMULATOR, input, option])
}

fn text(ended: &Ended) -> &str {
    str::from_utf8(&ended.output).unwrap()
}
