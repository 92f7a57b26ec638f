//! Draws a plot as inline SVG. It does not depend on reports, but only on points and axes.
//!
//! Colours are variables of the page's style sheet, so that one drawing serves light, dark and paper. No
//! text from outside the program reaches this module.

use std::sync::Arc;

use kuva::backend::svg::SvgBackend;
use kuva::plot::line::LinePlot;
use kuva::plot::scatter::ScatterPlot;
use kuva::render::layout::{AxisLabelOverlap, ComputedLayout, Layout, TickFormat};
use kuva::render::plots::Plot as Drawn;
use kuva::render::render::{Primitive, Scene, TextAnchor, render_multiple};
use kuva::render::theme::Theme;

use super::axis::{Axis, Ticks};
use super::ink::{Colour, Mark, Stroke};

/// Distance from one label to the next one below it.
const LABEL_HEIGHT: f64 = 17.0;

/// Room for the labels of the axes and, on the right, for the labels of the lines.
const MARGINS: Margins = Margins { left: 62.0, right: 36.0, top: 10.0, bottom: 32.0 };

/// Distance from the end of a line and its mark to its label.
const LABEL_GAP: f64 = 7.0;

/// Room for a label above the plot.
const HEADROOM: f64 = 24.0;

/// Maximum average width of a letter, as a part of its height.
const LETTER: f64 = 0.62;

/// Distance from a mark's middle to its edge.
const MARK_SIZE: f64 = 4.0;

struct Margins {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

/// The size of a drawing. The page scales it, with its text, to the available room.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    pub(super) width: f64,
    pub(super) height: f64,
    /// The height of a label.
    pub(super) text: u32,
}

/// A plot before it is drawn.
#[derive(Debug)]
pub(super) struct Plot {
    pub(super) x: Axis,
    pub(super) y: Axis,
    /// The lines, which are drawn in this order and above the rules.
    pub(super) lines: Vec<Line>,
    /// The marks, which are drawn above the lines.
    pub(super) marks: Vec<Marks>,
    pub(super) rules: Vec<Rule>,
}

/// A line of a plot.
#[derive(Debug)]
pub(super) struct Line {
    /// The points in the order in which they are joined.
    pub(super) points: Vec<(f64, f64)>,
    pub(super) colour: Colour,
    pub(super) stroke: Stroke,
    /// Whether a point's value holds until the next point.
    pub(super) stepped: bool,
    /// The text at its right end.
    pub(super) label: Option<String>,
}

/// Points of one kind.
#[derive(Debug)]
pub(super) struct Marks {
    pub(super) points: Vec<(f64, f64)>,
    pub(super) colour: Colour,
    pub(super) mark: Mark,
}

/// A special value, drawn as a line through the whole plot.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) at: Place,
    pub(super) colour: Colour,
    pub(super) stroke: Stroke,
    /// The text at its beginning.
    pub(super) label: String,
}

/// The position of a [`Rule`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Place {
    /// A vertical line at this value. Its label is above the plot.
    X(f64),
    /// A horizontal line at this value. Its label is on the line.
    Y(f64),
}

impl Plot {
    /// Returns the content of an `svg` element whose view box has this size. `name` must be unique on
    /// the page.
    pub(super) fn draw(&self, size: Size, name: &str) -> String {
        let layout = self.layout(size);
        let at = ComputedLayout::from_layout(&layout);
        let rules = self.rules.iter().map(|rule| self.drawn_rule(rule));
        let marks = self.marks.iter().map(drawn_marks);
        let drawn = rules.chain(self.lines.iter().map(drawn)).chain(marks).collect();
        let mut scene = render_multiple(drawn, layout);
        self.label_lines(&mut scene, &at, size);
        self.rules.iter().for_each(|rule| scene.add(rule.label(&at, size)));
        let svg = SvgBackend::new().render_scene(&scene);
        // The library's opening tag is dropped, because it fixes the size in pixels.
        let inner = svg.split_once('>').map_or("", |(_, inner)| inner);
        rename_clip(inner.strip_suffix("</svg>").unwrap_or(inner), name)
    }

    fn layout(&self, size: Size) -> Layout {
        let Axis { min, max, label, .. } = self.x;
        let is_above = |rule: &Rule| matches!(rule.at, Place::X(_));
        let top = if self.rules.iter().any(is_above) { HEADROOM } else { MARGINS.top };
        let mut layout = Layout::new((min, max), (self.y.min, self.y.max))
            .with_width(size.width)
            .with_height(size.height)
            .with_force_margins(MARGINS.left, MARGINS.right)
            .with_force_margins_y(top, MARGINS.bottom)
            .with_x_axis_min(min)
            .with_x_axis_max(max)
            .with_y_axis_min(self.y.min)
            .with_y_axis_max(self.y.max)
            .with_x_tick_format(TickFormat::Custom(Arc::new(label)))
            .with_y_tick_format(TickFormat::Custom(Arc::new(self.y.label)))
            .with_tick_size(size.text)
            .with_x_label_overlap(AxisLabelOverlap::Thin)
            // Ticks are invisible, because there are grid lines. Their length is the distance to the
            // labels.
            .with_tick_length(8.0)
            .with_theme(theme());
        layout = match self.x.ticks {
            Ticks::Step(step) => layout.with_x_tick_step(step),
            Ticks::Logarithmic => layout.with_log_x(),
        };
        match self.y.ticks {
            Ticks::Step(step) => layout.with_y_tick_step(step),
            Ticks::Logarithmic => layout.with_log_y(),
        }
    }

    fn drawn_rule(&self, rule: &Rule) -> Drawn {
        let points = match rule.at {
            Place::X(x) => vec![(x, self.y.min), (x, self.y.max)],
            Place::Y(y) => vec![(self.x.min, y), (self.x.max, y)],
        };
        let Rule { colour, stroke, .. } = *rule;
        drawn(&Line { points, colour, stroke, stepped: false, label: None })
    }

    /// Writes the labels at the right ends of the lines.
    fn label_lines(&self, scene: &mut Scene, at: &ComputedLayout, size: Size) {
        let mut labels: Vec<Label<'_>> = self
            .lines
            .iter()
            .filter_map(|line| {
                let (x, y) =
                    *line.points.iter().max_by(|left, right| left.0.total_cmp(&right.0))?;
                let text = line.label.as_ref()?;
                Some(Label { x: at.map_x(x), y: at.map_y(y), colour: line.colour, text })
            })
            .collect();
        labels.sort_by(|left, right| left.x.total_cmp(&right.x));
        for near in labels.chunk_by_mut(|left, right| right.x - left.x < LABEL_HEIGHT) {
            near.sort_by(|left, right| left.y.total_cmp(&right.y));
            let ends: Vec<f64> = near.iter().map(|label| label.y).collect();
            for (label, y) in near.iter().zip(spread(&ends, size.height)) {
                scene.add(label.text_at(y, size.text));
            }
        }
    }
}

/// Renames the clip path. The library numbers clip paths through the whole process, so a page would
/// depend on the pages before it.
fn rename_clip(svg: &str, name: &str) -> String {
    let id = svg.split_once("<clipPath id=\"").and_then(|(_, rest)| rest.split_once('"'));
    id.map_or_else(
        || svg.to_owned(),
        |(id, _)| {
            svg.replace(&format!("id=\"{id}\""), &format!("id=\"{name}\""))
                .replace(&format!("url(#{id})"), &format!("url(#{name})"))
        },
    )
}

/// The text at the end of a line.
struct Label<'a> {
    x: f64,
    y: f64,
    colour: Colour,
    text: &'a str,
}

impl Label<'_> {
    fn text_at(&self, y: f64, size: u32) -> Primitive {
        let place = (self.x + LABEL_GAP, y + f64::from(size) / 3.0);
        text(self.text, place, TextAnchor::Start, size, self.colour)
    }
}

impl Rule {
    /// Returns the label. It is below its line if there is no room above, and never crosses the edges.
    fn label(&self, at: &ComputedLayout, size: Size) -> Primitive {
        let height = f64::from(size.text);
        match self.at {
            Place::X(x) => {
                let letters = u32::try_from(self.label.chars().count()).unwrap_or(u32::MAX);
                let half = f64::from(letters) * height * LETTER / 2.0;
                let x = at.map_x(x).min(size.width - half).max(half);
                let place = (x, HEADROOM - height / 2.0);
                text(&self.label, place, TextAnchor::Middle, size.text, self.colour)
            }
            Place::Y(y) => {
                let line = at.map_y(y);
                let above = line - height / 2.0;
                let y = if above > HEADROOM + height { above } else { line + 1.3 * height };
                text(
                    &self.label,
                    (MARGINS.left + 6.0, y),
                    TextAnchor::Start,
                    size.text,
                    self.colour,
                )
            }
        }
    }
}

fn text(
    content: &str,
    (x, y): (f64, f64),
    anchor: TextAnchor,
    size: u32,
    colour: Colour,
) -> Primitive {
    Primitive::Text {
        x,
        y,
        content: content.to_owned(),
        size,
        anchor,
        rotate: None,
        bold: true,
        color: Some(colour.variable().into()),
    }
}

/// Returns the positions of labels that belong at `ends`, which are in ascending order. The labels are
/// near their ends, a label's height apart, and between 0 and `height` if there is room.
fn spread(ends: &[f64], height: f64) -> Vec<f64> {
    let mut places = ends.to_vec();
    let mut lowest = height - LABEL_HEIGHT;
    for place in places.iter_mut().rev() {
        *place = place.min(lowest);
        lowest = *place - LABEL_HEIGHT;
    }
    let mut highest = LABEL_HEIGHT / 2.0;
    for place in &mut places {
        *place = place.max(highest);
        highest = *place + LABEL_HEIGHT;
    }
    places
}

fn drawn(line: &Line) -> Drawn {
    let plot = LinePlot::new()
        .with_data(line.points.iter().copied())
        .with_color(line.colour.variable())
        .with_stroke_width(line.stroke.width())
        .with_line_style(line.stroke.style());
    Drawn::Line(if line.stepped { plot.with_step() } else { plot })
}

fn drawn_marks(marks: &Marks) -> Drawn {
    let plot = ScatterPlot::new()
        .with_data(marks.points.iter().copied())
        .with_color(marks.colour.variable())
        .with_size(MARK_SIZE)
        .with_marker(marks.mark.shape())
        .with_marker_opacity(marks.mark.opacity())
        .with_marker_stroke_width(1.5);
    Drawn::Scatter(plot)
}

fn theme() -> Theme {
    Theme {
        background: "none".to_owned(),
        axis_color: "var(--axis)".to_owned(),
        tick_color: "none".to_owned(),
        grid_color: "var(--grid)".to_owned(),
        text_color: "var(--muted)".to_owned(),
        ..Theme::light()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(points: Vec<(f64, f64)>) -> Plot {
        let label = |value: f64| value.to_string();
        Plot {
            x: Axis::linear(9.0, 5.0, label),
            y: Axis::logarithmic([3.0, 700.0].into_iter(), label).expect("values above 0"),
            lines: vec![Line {
                points,
                colour: Colour::Run(9),
                stroke: Stroke::Dashed,
                stepped: false,
                label: Some("1".to_owned()),
            }],
            marks: vec![],
            rules: vec![],
        }
    }

    #[test]
    fn a_drawing_has_its_line_its_ticks_and_no_colour_of_its_own() {
        let size = Size { width: 400.0, height: 200.0, text: 12 };
        let draw = || plot(vec![(0.0, 3.0), (9.0, 700.0)]).draw(size, "first");
        let svg = draw();
        for wanted in ["var(--run-1)", "stroke-dasharray", ">500</text>", ">8</text>", ">1</text>"]
        {
            assert!(svg.contains(wanted), "{wanted} in {svg}");
        }
        assert!(svg.contains("id=\"first\"") && svg.contains("url(#first)"), "{svg}");
        assert_eq!((svg.matches("id=").count(), svg.matches('#').count()), (1, 1), "{svg}");
        assert_eq!(svg, draw(), "the second time");
    }

    #[test]
    fn labels_keep_apart_near_their_lines() {
        for (ends, wanted) in [
            (vec![], vec![]),
            (vec![50.0, 80.0], vec![50.0, 80.0]),
            (vec![50.0, 50.0, 52.0], vec![18.0, 35.0, 52.0]),
            (vec![8.0, 8.0], vec![8.5, 25.5]),
            (vec![99.0], vec![83.0]),
        ] {
            assert_eq!(spread(&ends, 100.0), wanted, "{ends:?}");
        }
    }
}
