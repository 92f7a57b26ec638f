//! Colours, strokes and marks of the plots, with their names in the page's style sheet and legends.

use kuva::plot::line::LineStyle;
use kuva::plot::scatter::MarkerShape;

/// Number of different colours for runs. Further runs repeat them.
pub(super) const MAX_COLOURS: usize = 8;

/// A colour, as a variable of the page's style sheet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Colour {
    /// The colour of a run, by the run's index.
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

    /// Returns the CSS class of an element of this colour.
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

/// The style of a line.
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

/// The shape of a point. It has the same meaning as the colour, for readers who do not see colours.
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

    /// Returns the opacity of its inside.
    pub(super) fn opacity(self) -> f64 {
        match self {
            Self::Dot | Self::Cross => 1.0,
            Self::Ring => 0.0,
        }
    }

    /// Returns its path in a legend, in a box of 28 by 8.
    pub(super) fn outline(self) -> &'static str {
        match self {
            Self::Dot | Self::Ring => "M11 4a3 3 0 1 0 6 0a3 3 0 1 0-6 0",
            Self::Cross => "M11 1l6 6m0-6l-6 6",
        }
    }
}
