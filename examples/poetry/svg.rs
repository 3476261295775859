//! What a client was sent when, drawn as a file in the format SVG.

use std::fmt::Write;
use std::time::Duration;

use examples::report::Elapsed;

use crate::timeline::{Timeline, longest};

/// The measures, in pixels: where time begins, how long the longest run is, and what is left beside it.
const LEFT: f64 = 80.0;
const LENGTH: f64 = 800.0;
const MARGIN: f64 = 30.0;
/// The room for a run's name above its lanes, for a lane, and for what is drawn in it.
const HEAD: f64 = 40.0;
const LANE: f64 = 24.0;
const BAR: f64 = 18.0;
/// The room for the times below all runs.
const FOOT: f64 = 36.0;
/// How many colours there are for tasks; the next task has the first again.
const COLOURS: usize = 3;

/// The colours, for a light page and for a dark one. A program that knows of no dark pages takes those for light ones.
const STYLE: &str = "\
text { fill: #1f2328 }
.ground { fill: #ffffff }
.lane { fill: #eaeef2 }
.grid { stroke: #c4ccd4 }
.time { fill: #59636e; font-size: 12px; text-anchor: middle }
.task1 { fill: #0b5fce }
.task2 { fill: #bc4c00 }
.task3 { fill: #1a7f37 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.ground { fill: #0d1117 }
.lane { fill: #21262d }
.grid { stroke: #3d444d }
.time { fill: #9198a1 }
.task1 { fill: #6cb0ff }
.task2 { fill: #ffa657 }
.task3 { fill: #56d364 }
}
";

/// Draws a lane a task, with a bar for each piece that was sent; all runs have the same scale.
pub(crate) fn svg(timelines: &[Timeline]) -> String {
    let scale = LENGTH / longest(timelines);
    let mut runs = String::new();
    let mut y = 0.0;
    for timeline in timelines {
        let (name, took, base) = (timeline.name, Elapsed(timeline.took), y + HEAD - 10.0);
        let _ = writeln!(
            runs,
            r#"<text x="10" y="{base}" font-weight="bold">{name}, {took}</text>"#
        );
        y += HEAD;
        for task in timeline.tasks() {
            lane(&mut runs, y, task, timeline, scale);
            y += LANE;
        }
    }
    let grid = grid(y, scale);
    let (width, height) = (LEFT + LENGTH + MARGIN, y + FOOT);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" role=\"img\" \
         font-family=\"sans-serif\" font-size=\"14\">\n\
         <title>What each client was sent when</title>\n<style>\n{STYLE}</style>\n\
         <rect class=\"ground\" width=\"{width}\" height=\"{height}\"/>\n{grid}{runs}</svg>\n"
    )
}

/// Draws the lane of a task: as long as the run, with what was sent in it.
fn lane(runs: &mut String, y: f64, task: usize, timeline: &Timeline, scale: f64) {
    let x = |at: Duration| LEFT + scale * at.as_secs_f64();
    let (base, length) = (y + BAR - 4.0, x(timeline.took) - LEFT);
    let colour = (task - 1) % COLOURS + 1;
    let _ = writeln!(
        runs,
        r#"<text x="10" y="{base}">task {task}</text>
<rect class="lane" x="{LEFT}" y="{y}" width="{length:.1}" height="{BAR}"/>
<g class="task{colour}">"#
    );
    for at in timeline.times(task) {
        let x = x(at);
        let _ = writeln!(
            runs,
            r#"<rect x="{x:.1}" y="{y}" width="1.5" height="{BAR}"/>"#
        );
    }
    runs.push_str("</g>\n");
}

/// Draws a line behind all runs for each step of time, down to `bottom`, and the times below them.
fn grid(bottom: f64, scale: f64) -> String {
    let (step, places) = step(LENGTH / scale);
    let mut grid = String::new();
    let times = (0..).map(|n| f64::from(n) * step);
    // What is behind the end by no more than what is lost in counting is at the end.
    for time in times.take_while(|time| time * scale < LENGTH + 0.5) {
        let (x, base) = (LEFT + time * scale, bottom + 20.0);
        let _ = writeln!(
            grid,
            r#"<path class="grid" d="M{x:.1} {top}V{bottom}" stroke-dasharray="1 3"/>
<text class="time" x="{x:.1}" y="{base}">{time:.places$} s</text>"#,
            top = HEAD - 6.0,
        );
    }
    grid
}

/// The time between two lines, 1, 2 or 5 of some unit, so that there are from four to ten; and how many decimal
/// places show it.
fn step(longest: f64) -> (f64, usize) {
    let unit = longest.log10().floor() as i32 - 1;
    let step = [1.0, 2.0, 5.0, 10.0]
        .map(|steps| steps * 10_f64.powi(unit))
        .into_iter()
        .find(|step| longest / step <= 10.0)
        // Ten units are a tenth of the longest at least, but for what is lost in counting.
        .unwrap_or(longest);
    let places = usize::try_from(-step.log10().floor() as i32).unwrap_or(0);
    (step, places)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::tests::timeline;

    #[test]
    fn a_drawing_has_a_bar_for_each_piece_and_one_for_each_lane() {
        let drawing = svg(&[timeline("a", 4, &[(0, 1), (1, 2), (3, 1)])]);

        // And the ground of it all.
        assert_eq!(drawing.matches("<rect ").count(), 3 + 2 + 1);
        assert!(drawing.starts_with("<svg ") && drawing.ends_with("</svg>\n"));
        assert!(drawing.contains("x=\"280.0\""), "{drawing}");
    }

    #[test]
    fn a_run_in_which_nothing_was_sent_has_a_name_and_no_lanes() {
        let drawing = svg(&[timeline("none", 0, &[])]);

        assert!(drawing.contains("none, 0:00:00"));
        assert!(!drawing.contains("class=\"lane\""));
    }

    #[test]
    fn times_are_shown_in_round_steps() {
        assert_eq!(step(4.67), (0.5, 1));
        assert_eq!(step(10.0), (1.0, 0));
        assert_eq!(step(10.1), (2.0, 0));
        assert_eq!(step(86_400.0), (10_000.0, 0));
        let (step, places) = step(0.013);
        assert!((step - 0.002).abs() < 1e-9, "{step}");
        assert_eq!(places, 3);
    }

    #[test]
    fn every_task_has_a_colour_in_the_light_and_in_the_dark() {
        for colour in 1..=COLOURS {
            assert_eq!(STYLE.matches(&format!(".task{colour} {{")).count(), 2);
        }
        let drawing = svg(&[timeline("many", 1, &[(0, 3), (0, 4)])]);
        assert_eq!(drawing.matches("class=\"task1\"").count(), 2);
        assert_eq!(drawing.matches("class=\"task3\"").count(), 1);
    }
}
