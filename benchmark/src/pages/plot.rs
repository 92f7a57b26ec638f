//! The picture of PERFORMANCE.md: a ratio with its interval in each row. It is readable on light and on
//! dark pages.

use std::sync::Arc;

use kuva::backend::svg::SvgBackend;
use kuva::plot::ForestPlot;
use kuva::render::layout::{Layout, TickFormat};
use kuva::render::plots::Plot;
use kuva::render::render::render_multiple;
use kuva::render::theme::Theme;

const WIDTH: f64 = 760.0;

/// Height of a row, and of the frame around the rows.
const ROW: f64 = 20.0;
const FRAME: f64 = 70.0;

/// Width of the names on the left.
const NAMES: f64 = 230.0;

/// A grey that is as visible on white as on black.
const GREY: &str = "#787878";
const FAINT: &str = "#78787840";

/// The colours of the groups, in turn.
const COLOURS: [&str; 2] = ["#2b7bd0", "#c2702a"];

/// About how many ticks the axis gets.
const TICKS: f64 = 7.0;

/// A ratio with its interval.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) ratio: f64,
    pub(super) interval: (f64, f64),
    /// Rows of one group have the same colour.
    pub(super) group: usize,
}

/// Draws the rows from top to bottom. Returns `None` if there are none.
pub(super) fn draw(label: &str, rows: &[Row]) -> Option<String> {
    if rows.is_empty() {
        return None;
    }
    let bounds = rows.iter().flat_map(|row| [row.interval.0, row.interval.1]).chain([1.0]);
    let (min, max) = bounds.fold((f64::MAX, f64::MIN), |(low, high), x| (low.min(x), high.max(x)));
    let plot = rows.iter().fold(forest(), |plot, row| {
        let Row { name, ratio, interval: (low, high), group } = row;
        plot.with_colored_row(name.as_str(), *ratio, *low, *high, COLOURS[group % COLOURS.len()])
    });
    let names = rows.iter().map(|row| row.name.clone()).collect();
    let layout = layout(label, (min, max), names);
    let svg = SvgBackend::new().render_scene(&render_multiple(vec![Plot::Forest(plot)], layout));
    Some(rename_clip(svg.trim_end()) + "\n")
}

/// Gives the clip path a fixed name. The library numbers clip paths through the whole process, so the
/// text would depend on earlier pictures.
fn rename_clip(svg: &str) -> String {
    let id = svg.split_once("<clipPath id=\"").and_then(|(_, rest)| rest.split_once('"'));
    id.map_or_else(|| svg.to_owned(), |(id, _)| svg.replace(id, "rows"))
}

fn forest() -> ForestPlot {
    ForestPlot::new().with_marker_size(4.0).with_cap_size(3.0).with_null_value(1.0)
}

fn layout(label: &str, (min, max): (f64, f64), mut names: Vec<String>) -> Layout {
    // The library counts rows from the bottom.
    names.reverse();
    let step = step(max - min);
    let (min, max) = ((min / step).floor() * step, (max / step).ceil() * step);
    let rows = names.len() as f64;
    let places = if step < 0.1 { 2 } else { 1 };
    let tick = move |x: f64| format!("{x:.places$}");
    Layout::auto_from_plots(&[])
        .with_width(WIDTH)
        .with_height(FRAME + ROW * rows)
        .with_x_label(label)
        .with_x_axis_min(min)
        .with_x_axis_max(max)
        .with_x_tick_step(step)
        .with_x_tick_format(TickFormat::Custom(Arc::new(tick)))
        .with_y_categories(names)
        .with_y_axis_min(0.5)
        .with_y_axis_max(rows + 0.5)
        .with_force_margins(NAMES, 40.0)
        .with_theme(theme())
}

/// Returns the rounded step that gives about [`TICKS`] ticks.
fn step(range: f64) -> f64 {
    let steps = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0];
    steps.into_iter().find(|step| range / step <= TICKS).unwrap_or(20.0)
}

fn theme() -> Theme {
    Theme {
        background: "none".to_owned(),
        axis_color: GREY.to_owned(),
        tick_color: GREY.to_owned(),
        grid_color: FAINT.to_owned(),
        text_color: GREY.to_owned(),
        ..Theme::light()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, ratio: f64) -> Row {
        Row { name: name.to_owned(), ratio, interval: (0.9 * ratio, 1.1 * ratio), group: 0 }
    }

    #[test]
    fn a_picture_has_a_name_for_each_row_and_is_the_same_each_time() {
        let rows = [row("W2 bare epoll", 0.9), row("<Go>", 0.4)];
        let draw = || draw("ours/peer", &rows).unwrap();
        let svg = draw();
        for part in ["W2 bare epoll</text>", "&lt;Go&gt;", "ours/peer"] {
            assert!(svg.contains(part), "{part} in {svg}");
        }
        assert_eq!(svg, draw(), "the second time");
    }

    #[test]
    fn no_rows_make_no_picture() {
        assert_eq!(draw("ours/peer", &[]), None);
    }

    #[test]
    fn ticks_are_round_and_few() {
        for (range, expected) in [(0.02, 0.005), (0.3, 0.05), (1.1, 0.2), (500.0, 20.0)] {
            assert_eq!(step(range), expected);
        }
    }
}
