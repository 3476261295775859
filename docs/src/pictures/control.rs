//! Where the one thread is: a way from lane to lane, noted by a program while it runs.

use std::cell::RefCell;
use std::rc::Rc;

use super::svg::{Align, Sheet, Tone};

/// Notes where the thread is, in the order in which it comes there.
#[derive(Debug, Clone, Default)]
pub struct Trace {
    steps: Rc<RefCell<Vec<Step>>>,
}

#[derive(Debug)]
struct Step {
    lane: usize,
    tone: Tone,
    what: String,
}

impl Trace {
    /// Notes that the thread has come to this lane, and what it does there.
    pub fn note(&self, lane: usize, tone: Tone, what: impl Into<String>) {
        let what = what.into();
        self.steps.borrow_mut().push(Step { lane, tone, what });
    }

    /// Draws the way of the thread, from the top down, through lanes with these heads.
    #[must_use]
    pub fn draw(&self, title: &str, lanes: &[&str], lane_width: i32) -> String {
        const ROW: i32 = 44;
        const BOX: i32 = 27;
        const TOP: i32 = 62;
        let steps = self.steps.borrow();
        let lane_count = count(lanes.len());
        let row_count = count(steps.len());
        let (width, height) = (lane_count * lane_width + 30, TOP + row_count * ROW);
        let mut sheet = Sheet::new(width, height, title);

        let middle = |lane: usize| 15 + lane_width / 2 + count(lane) * lane_width;
        for (lane, head) in lanes.iter().enumerate() {
            let x = middle(lane);
            sheet.text(x, 28, Align::Middle, "head", head);
            sheet.line(&[(x, 40), (x, height - 14)], Tone::Faint);
        }
        let mut before: Option<(i32, i32)> = None;
        for (row, step) in (0..).zip(&*steps) {
            let (x, y) = (middle(step.lane), TOP + row * ROW);
            if let Some((from_x, from_y)) = before {
                let turn = y - 9;
                // Where it stays in its lane, the way is straight.
                let way = [(from_x, from_y), (from_x, turn), (x, turn), (x, y)];
                let way = if from_x == x {
                    &[way[0], way[3]]
                } else {
                    &way[..]
                };
                sheet.arrow(way, Tone::Plain);
            }
            let inside = lane_width - 16;
            sheet.code_box(x - inside / 2, y, inside, BOX, step.tone, &step.what);
            before = Some((x, y + BOX));
        }
        sheet.finish()
    }
}

/// A number of things in a picture, of which there are a few.
fn count(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
