//! A picture of the ratios: a bar for each contender, a group for each table.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::table::Table;

/// Readable on white and on black alike.
const GREY: RGBColor = RGBColor(128, 128, 128);

/// The colours of what the others are compared with and its like, of ours, and of all others.
const LIMIT: RGBColor = RGBColor(128, 128, 128);
const OURS: RGBColor = RGBColor(214, 120, 40);
const OTHERS: RGBColor = RGBColor(70, 130, 180);

/// The names that are ours.
const OUR_BACKENDS: [&str; 4] = ["epoll", "polling", "poll", "select"];

/// The sizes of the picture, and of what is one below the other in it.
const WIDTH: u32 = 720;
const ROW: i32 = 20;
const HEADING: i32 = 34;

/// Where bars begin, and how far they can go.
const LEFT: i32 = 100;
const RIGHT: i32 = WIDTH as i32 - 60;

/// A bar that would be longer than this is cut, so that one slow contender does not make the others unreadable.
const LONGEST: f64 = 3.0;

/// Draws the ratios of these tables as an SVG.
pub(crate) fn bars(tables: &[Table]) -> String {
    let rows: usize = tables.iter().map(|table| table.rows.len()).sum();
    let height = HEADING * tables.len() as i32 + ROW * rows as i32 + ROW / 2;
    let mut svg = String::new();
    let area = SVGBackend::with_string(&mut svg, (WIDTH, height as u32)).into_drawing_area();
    let longest = tables
        .iter()
        .flat_map(Table::ratios)
        .map(|(_, ratio)| ratio);
    let longest = longest.fold(1.5, f64::max).min(LONGEST);
    let mut top = 0;
    for table in tables {
        draw_group(&area, table, top, longest).expect("a string takes all");
        top += HEADING + ROW * table.rows.len() as i32;
    }
    area.present().expect("a string takes all");
    drop(area);
    svg
}

/// Where it is drawn, and what can go wrong there.
type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
type Drawn = Result<(), Box<dyn std::error::Error>>;

/// Draws the bars of one table, below what is there already.
fn draw_group(area: &Area<'_>, table: &Table, top: i32, longest: f64) -> Drawn {
    let bold = ("sans-serif", 14).into_font().style(FontStyle::Bold);
    let heading = bold.color(&GREY).pos(Pos::new(HPos::Left, VPos::Center));
    area.draw(&Text::new(
        table.title.clone(),
        (4, top + HEADING / 2 + 4),
        heading,
    ))?;
    let at = |ratio: f64| LEFT + (f64::from(RIGHT - LEFT) * ratio.min(longest) / longest) as i32;
    for (index, (contender, ratio)) in table.ratios().into_iter().enumerate() {
        let middle = top + HEADING + ROW * index as i32 + ROW / 2;
        let end = at(ratio);
        let corners = [(LEFT, middle - 7), (end, middle + 7)];
        area.draw(&Rectangle::new(corners, colour(index, contender).filled()))?;
        draw_text(area, contender, (LEFT - 8, middle), HPos::Right)?;
        let cut = if ratio > longest { "… " } else { "" };
        draw_text(
            area,
            &format!("{cut}{ratio:.2}"),
            (end + 6, middle),
            HPos::Left,
        )?;
    }
    // The limit, as a line through all bars.
    let (first, last) = (top + HEADING, top + HEADING + ROW * table.rows.len() as i32);
    area.draw(&PathElement::new(
        vec![(at(1.0), first), (at(1.0), last)],
        GREY,
    ))?;
    Ok(())
}

/// Draws a text that begins or ends there.
fn draw_text(area: &Area<'_>, text: &str, at: (i32, i32), side: HPos) -> Drawn {
    let style = ("sans-serif", 13).into_font().color(&GREY);
    let style = style.pos(Pos::new(side, VPos::Center));
    Ok(area.draw(&Text::new(text.to_owned(), at, style))?)
}

/// The colour of a bar: the first one is what the others are compared with, whatever that is.
fn colour(index: usize, contender: &str) -> RGBColor {
    match contender {
        limit if index == 0 || limit.starts_with("bare") => LIMIT,
        ours if OUR_BACKENDS.contains(&ours) => OURS,
        _ => OTHERS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Row;

    fn table(ratio_of_ours: f64) -> Table {
        let mut table = Table::new("echo", "message");
        for (contender, nanos) in [("bare", 100.0), ("epoll", 100.0 * ratio_of_ours)] {
            table.rows.push(Row {
                contender: contender.to_owned(),
                nanos: vec![nanos],
                ..Row::default()
            });
        }
        table
    }

    #[test]
    fn a_picture_names_the_tables_and_the_contenders_with_their_ratios() {
        let svg = bars(&[table(1.25)]);

        for text in ["echo", "bare", "epoll", "1.00", "1.25"] {
            assert!(svg.contains(&format!("\n{text}\n")), "{text}: {svg}");
        }
    }

    #[test]
    fn a_bar_that_is_too_long_is_cut_and_says_so() {
        let svg = bars(&[table(50.0)]);

        assert!(svg.contains("\n… 50.00\n"), "{svg}");
    }
}
