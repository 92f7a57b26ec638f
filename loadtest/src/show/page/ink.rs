//! Colours, strokes and marks, as the page's style and the legends name them.

use kuva::plot::line::LineStyle;
use kuva::plot::scatter::MarkerShape;

/// Number of colours for runs. Further runs use the same colours again.
pub(super) const MAX_COLOURS: usize = 8;

/// A colour, as a variable of the page's style.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Colour {
    /// The colour of a run, by its place.
    Run(usize),
    /// The colour of a judgement.
    Good,
    Doubtful,
    Bad,
    /// The colour of text.
    Text,
}

impl Colour {
    pub(super) fn variable(self) -> String {
        match self {
            Self::Run(index) => format!("var(--run-{})", index % MAX_COLOURS),
            Self::Good => "var(--good)".to_owned(),
            Self::Doubtful => "var(--doubtful)".to_owned(),
            Self::Bad => "var(--bad)".to_owned(),
            Self::Text => "var(--ink)".to_owned(),
        }
    }

    /// Returns the class of an element that has this colour.
    pub(super) fn class(self) -> String {
        match self {
            Self::Run(index) => format!("c{}", index % MAX_COLOURS),
            Self::Good => "of-good".to_owned(),
            Self::Doubtful => "of-doubtful".to_owned(),
            Self::Bad => "of-bad".to_owned(),
            Self::Text => "of-text".to_owned(),
        }
    }
}

/// How a line looks, apart from its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stroke {
    Solid,
    Dashed,
    Dotted,
}

impl Stroke {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Solid => "solid",
            Self::Dashed => "dashed",
            Self::Dotted => "dotted",
        }
    }

    pub(super) fn style(self) -> LineStyle {
        match self {
            Self::Solid => LineStyle::Solid,
            Self::Dashed => LineStyle::Custom("5 3".to_owned()),
            Self::Dotted => LineStyle::Custom("1.5 2.5".to_owned()),
        }
    }

    pub(super) fn width(self) -> f64 {
        match self {
            Self::Solid => 1.8,
            Self::Dashed | Self::Dotted => 1.5,
        }
    }
}

/// The form of a point. It says in black and white what its colour says too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    Dot,
    Ring,
    Cross,
}

impl Mark {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Dot => "dot",
            Self::Ring => "ring",
            Self::Cross => "cross",
        }
    }

    pub(super) fn shape(self) -> MarkerShape {
        match self {
            Self::Dot | Self::Ring => MarkerShape::Circle,
            Self::Cross => MarkerShape::Cross,
        }
    }

    /// Returns how much of its inside is filled.
    pub(super) fn opacity(self) -> f64 {
        match self {
            Self::Dot | Self::Cross => 1.0,
            Self::Ring => 0.0,
        }
    }

    /// Returns its outline in a legend, in a box of 28 by 8.
    pub(super) fn outline(self) -> &'static str {
        match self {
            Self::Dot | Self::Ring => "M11 4a3 3 0 1 0 6 0a3 3 0 1 0-6 0",
            Self::Cross => "M11 1l6 6m0-6l-6 6",
        }
    }
}
