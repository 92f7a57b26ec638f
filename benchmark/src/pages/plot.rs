//! Ratios and their intervals, a row for each peer, as a picture that is readable on light and on dark;
//! pure.

use std::sync::Arc;

use kuva::backend::svg::SvgBackend;
use kuva::plot::ForestPlot;
use kuva::render::annotations::ReferenceLine;
use kuva::render::layout::{Layout, TickFormat};
use kuva::render::plots::Plot;
use kuva::render::render::render_multiple;
use kuva::render::theme::Theme;

use crate::findings::bar::{Against, Bar, Limit};
use crate::findings::finding::Named;

const WIDTH: f64 = 760.0;

/// Of a row, and of everything around the rows.
const ROW: f64 = 26.0;
const FRAME: f64 = 84.0;

/// Room for the names of the peers.
const NAMES: f64 = 170.0;

/// As far from white as from the black of dark pages.
const GREY: &str = "#787878";
const FAINT: &str = "#78787840";
const DOT: &str = "#2b7bd0";
const BAR: &str = "#c2702a";

/// Ticks there are to be, about.
const TICKS: f64 = 7.0;

/// The picture of these findings, the first on top; `None` when no peer is ranked.
pub(crate) fn draw(title: &str, bar: Option<&Bar>, findings: &[Named]) -> Option<String> {
    if !findings.iter().any(Named::is_ranked) {
        return None;
    }
    let rows: Vec<(&str, f64, f64, f64)> = findings.iter().filter_map(row).collect();
    let limit = bar.filter(|bar| bar.against != Against::Nobody).map(|bar| bar.limit);
    let bounds = rows.iter().flat_map(|(_, _, low, high)| [*low, *high]);
    let ends = bounds.chain(limit.map(Limit::value)).chain([1.0]);
    let (min, max) = ends.fold((f64::MAX, f64::MIN), |(low, high), x| (low.min(x), high.max(x)));
    let plot = rows
        .iter()
        .fold(forest(), |plot, (name, ratio, low, high)| plot.with_row(*name, *ratio, *low, *high));
    let names = rows.iter().map(|(name, ..)| (*name).to_owned()).collect();
    let layout = layout(title, (min, max), names);
    let layout =
        limit.iter().fold(layout, |layout, limit| layout.with_reference_line(line(*limit)));
    let plots = vec![Plot::Forest(plot)];
    let svg = SvgBackend::new().render_scene(&render_multiple(plots, layout));
    Some(rename_clip(svg.trim_end()) + "\n")
}

/// The library counts what clips the rows through the whole process: a file would depend on those
/// before it.
fn rename_clip(svg: &str) -> String {
    let id = svg.split_once("<clipPath id=\"").and_then(|(_, rest)| rest.split_once('"'));
    id.map_or_else(|| svg.to_owned(), |(id, _)| svg.replace(id, "rows"))
}

fn row(named: &Named) -> Option<(&str, f64, f64, f64)> {
    let estimate = named.finding.estimate?;
    let (low, high) = estimate.interval.unwrap_or((estimate.ratio, estimate.ratio));
    Some((named.peer.as_str(), estimate.ratio, low, high))
}

fn forest() -> ForestPlot {
    ForestPlot::new().with_color(DOT).with_marker_size(4.0).with_cap_size(4.0).with_null_value(1.0)
}

fn line(limit: Limit) -> ReferenceLine {
    let sign = match limit {
        Limit::AtMost(_) | Limit::NotShownAbove(_) => '≤',
        Limit::AtLeast(_) => '≥',
    };
    let label = format!("bar {sign} {:.2}", limit.value());
    let line = ReferenceLine::vertical(limit.value()).with_label(label);
    line.with_color(BAR).with_stroke_width(1.5)
}

fn layout(title: &str, (min, max): (f64, f64), mut names: Vec<String>) -> Layout {
    // From the bottom up.
    names.reverse();
    let step = step(max - min);
    // At the edges a line could not be seen, nor what is written beside it.
    let room = step / 2.0;
    let (min, max) = (((min - room) / step).floor() * step, ((max + room) / step).ceil() * step);
    #[allow(clippy::cast_precision_loss)] // There are not so many peers.
    let rows = names.len() as f64;
    let places = if step < 0.1 { 2 } else { 1 };
    let label = move |x: f64| format!("{x:.places$}");
    Layout::auto_from_plots(&[])
        .with_width(WIDTH)
        .with_height(FRAME + ROW * rows)
        .with_x_label(format!("{title}, ours/peer"))
        .with_x_axis_min(min)
        .with_x_axis_max(max)
        .with_x_tick_step(step)
        .with_x_tick_format(TickFormat::Custom(Arc::new(label)))
        .with_y_categories(names)
        .with_y_axis_min(0.5)
        // Above them there is room for what is written beside the bar.
        .with_y_axis_max(rows + 1.0)
        .with_force_margins(NAMES, 40.0)
        .with_theme(theme())
}

/// The rounded step that gives about [`TICKS`] ticks.
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
    use crate::findings::finding::Finding;

    fn named(peer: &str, ratio: f64) -> Named {
        let pairs = [0.99, 1.0, 1.01, 1.0, 0.99, 1.01].map(|part| (1.0, ratio * part));
        Named { peer: peer.to_owned(), finding: Finding::of_pairs(&pairs, 7), is_disturbed: false }
    }

    #[test]
    fn a_plot_has_a_row_for_each_peer_and_the_bar() {
        let bar = Bar { metric: "cpu", against: Against::EveryPeer, limit: Limit::AtMost(0.95) };
        let findings = [named("bare epoll", 0.9), named("<Go>", 0.4), named("none", 0.0)];
        let draw = || draw("CPU per message", Some(&bar), &findings).unwrap();
        let svg = draw();
        for part in ["bare epoll</text>", "&lt;Go&gt;", "bar ≤ 0.95", "CPU per message, ours/peer"]
        {
            assert!(svg.contains(part), "{part} in {svg}");
        }
        assert!(!svg.contains("none</text>"), "{svg}");
        assert_eq!(svg, draw(), "the second time");
    }

    #[test]
    fn nothing_to_show_is_no_plot() {
        let findings = [named("none", 0.0), named(crate::findings::finding::ITSELF, 1.0)];
        assert_eq!(draw("p50", None, &findings), None);
    }

    #[test]
    fn ticks_are_round_and_few() {
        for (range, expected) in [(0.02, 0.005), (0.3, 0.05), (1.1, 0.2), (500.0, 20.0)] {
            assert_eq!(step(range), expected);
        }
    }
}
