//! A sheet to draw on, in the one style that all pictures of the book have.

use std::fmt::Write;

/// What a thing in a picture is about; each has a colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Neither of the others.
    Plain,
    /// The callback line, and code of the program.
    Callback,
    /// The errback line, and what failed.
    Errback,
    /// The loop, and waiting.
    Loop,
    /// What is there, and not used now.
    Faint,
}

impl Tone {
    const fn class(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Callback => "call",
            Self::Errback => "err",
            Self::Loop => "loop",
            Self::Faint => "faint",
        }
    }
}

/// Where a text stands beside its point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// The text begins there.
    Start,
    /// The middle of the text is there.
    Middle,
    /// The text ends there.
    End,
}

impl Align {
    const fn anchor(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Middle => "middle",
            Self::End => "end",
        }
    }
}

/// The style: a card of its own, so that a picture can be read on any page; the reader's system says whether it
/// is light or dark.
const STYLE: &str = "\
text{font:13px system-ui,'Helvetica Neue',Arial,sans-serif;fill:#24292f}
.mono{font-family:ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace;font-size:12px}
.head{font-weight:600}
.small{font-size:12px;fill:#57606a}
.card{fill:#fbfaf7;stroke:#d8d4ca}
.plain{fill:#fff;stroke:#57606a}
.call{fill:#e6effa;stroke:#2563a8}
.err{fill:#fbe9e4;stroke:#b4432f}
.loop{fill:#e8f2e3;stroke:#4a7c3a}
.faint{fill:none;stroke:#b9bec5}
rect.faint{fill:#fbfaf7}
.line{fill:none;stroke-width:1.6}
.fat{fill:none;stroke-width:3}
.tip{stroke:none}
.tip.plain{fill:#57606a}.tip.call{fill:#2563a8}.tip.err{fill:#b4432f}.tip.loop{fill:#4a7c3a}.tip.faint{fill:#b9bec5}
text.faint{fill:#8c959f;stroke:none}
@media(prefers-color-scheme:dark){
text{fill:#e2e6ea}
.small{fill:#a5adb6}
.card{fill:#1e2228;stroke:#3a4048}
.plain{fill:#2a3038;stroke:#a5adb6}
.call{fill:#1d3350;stroke:#6ea8e8}
.err{fill:#47241d;stroke:#e8836e}
.loop{fill:#22381b;stroke:#84bd70}
.faint{fill:none;stroke:#555d66}
rect.faint{fill:#1e2228}
.line,.fat{fill:none}
.tip.plain{fill:#a5adb6}.tip.call{fill:#6ea8e8}.tip.err{fill:#e8836e}.tip.loop{fill:#84bd70}.tip.faint{fill:#555d66}
text.faint{fill:#7d858e}
}
";

/// A picture that is being drawn.
#[derive(Debug)]
pub struct Sheet {
    width: i32,
    height: i32,
    title: String,
    body: String,
}

impl Sheet {
    /// An empty sheet; the title is read to those who do not see it.
    #[must_use]
    pub fn new(width: i32, height: i32, title: &str) -> Self {
        Self {
            width,
            height,
            title: escaped(title),
            body: String::new(),
        }
    }

    /// Draws a box with round corners.
    pub fn rect(&mut self, x: i32, y: i32, width: i32, height: i32, tone: Tone) {
        let class = tone.class();
        self.put(format_args!(
            r#"<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="5" class="{class}"/>"#
        ));
    }

    /// Draws a box with a line of code in its middle.
    pub fn code_box(&mut self, x: i32, y: i32, width: i32, height: i32, tone: Tone, code: &str) {
        self.rect(x, y, width, height, tone);
        self.text(
            x + width / 2,
            y + height / 2 + 4,
            Align::Middle,
            "mono",
            code,
        );
    }

    /// Writes a text, whose looks are those of a class of the style.
    pub fn text(&mut self, x: i32, y: i32, align: Align, class: &str, text: &str) {
        let (anchor, text) = (align.anchor(), escaped(text));
        self.put(format_args!(
            r#"<text x="{x}" y="{y}" text-anchor="{anchor}" class="{class}">{text}</text>"#
        ));
    }

    /// Draws a line through these points.
    pub fn line(&mut self, points: &[(i32, i32)], tone: Tone) {
        self.path("line", points, tone);
    }

    /// Draws a thick line through these points.
    pub fn fat_line(&mut self, points: &[(i32, i32)], tone: Tone) {
        self.path("fat", points, tone);
    }

    /// Draws a line through these points, with a tip at its end.
    pub fn arrow(&mut self, points: &[(i32, i32)], tone: Tone) {
        self.path("line", points, tone);
        if let [.., before, last] = points {
            self.tip(*before, *last, tone);
        }
    }

    fn path(&mut self, class: &str, points: &[(i32, i32)], tone: Tone) {
        let mut drawn = String::new();
        for (number, (x, y)) in points.iter().enumerate() {
            let command = if number == 0 { 'M' } else { 'L' };
            let _ = write!(drawn, "{command}{x} {y}");
        }
        let tone = tone.class();
        self.put(format_args!(
            r#"<path d="{drawn}" class="{tone} {class}"/>"#
        ));
    }

    /// Draws the tip of an arrow that comes from one point to another, along an axis.
    fn tip(&mut self, from: (i32, i32), to: (i32, i32), tone: Tone) {
        let (x, y) = to;
        let (along_x, along_y) = ((x - from.0).signum(), (y - from.1).signum());
        let (back_x, back_y) = (x - 8 * along_x, y - 8 * along_y);
        let (side_x, side_y) = (4 * along_y, 4 * along_x);
        let tone = tone.class();
        self.put(format_args!(
            r#"<path d="M{x} {y}L{} {}L{} {}Z" class="tip {tone}"/>"#,
            back_x + side_x,
            back_y + side_y,
            back_x - side_x,
            back_y - side_y,
        ));
    }

    fn put(&mut self, element: std::fmt::Arguments<'_>) {
        let _ = writeln!(self.body, "{element}");
    }

    /// The picture, as the text of an SVG file.
    #[must_use]
    pub fn finish(self) -> String {
        let Self {
            width,
            height,
            title,
            body,
        } = self;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
             height=\"{height}\" role=\"img\">\n<title>{title}</title>\n<style>\n{STYLE}</style>\n\
             <rect x=\"0.5\" y=\"0.5\" width=\"{}\" height=\"{}\" rx=\"8\" class=\"card\"/>\n{body}</svg>\n",
            width - 1,
            height - 1,
        )
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
