//! A plot with its title and legends, drawn once for wide screens and once for phones.

use super::ink::{Colour, Mark, Stroke};
use super::plot::{Plot, Size};

pub(super) const WIDE: Size = Size { width: 880.0, height: 360.0, text: 13 };
pub(super) const LOW: Size = Size { width: 880.0, height: 250.0, text: 13 };
/// The size for a phone. Text keeps nearly its size, and the curves get less room.
const NARROW: Size = Size { width: 360.0, height: 260.0, text: 11 };

pub(super) struct Chart {
    pub(super) title: &'static str,
    pub(super) note: &'static str,
    /// Legends, each on a line of its own. None of them is empty.
    pub(super) legends: Vec<Vec<Key>>,
    pub(super) drawings: [Drawing; 2],
}

/// An entry of a legend: a kind of line or mark and its meaning.
pub(super) struct Key {
    /// `None` if the entry is valid for all runs.
    pub(super) colour: Option<Colour>,
    pub(super) symbol: Symbol,
    pub(super) text: String,
}

#[derive(Clone, Copy)]
pub(super) enum Symbol {
    Line(Stroke),
    Mark(Mark),
}

impl Symbol {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Line(stroke) => stroke.name(),
            Self::Mark(mark) => mark.name(),
        }
    }

    /// Returns its path in a legend, in a box of 28 by 8.
    pub(super) fn outline(self) -> &'static str {
        match self {
            Self::Line(_) => "M0 4H28",
            Self::Mark(mark) => mark.outline(),
        }
    }
}

pub(super) struct Drawing {
    pub(super) class: &'static str,
    pub(super) size: Size,
    /// Markup that contains only our own numbers, units and lines.
    pub(super) svg: String,
}

impl Chart {
    pub(super) fn new(
        (title, note): (&'static str, &'static str),
        legends: Vec<Vec<Key>>,
        wide: Size,
        plot: &Plot,
    ) -> Self {
        let place = title.to_lowercase().replace(' ', "-");
        let drawing = |class, size| {
            let svg = plot.draw(size, &format!("{place}-{class}"));
            Drawing { class, size, svg }
        };
        Self {
            title,
            note,
            legends: legends.into_iter().filter(|keys| !keys.is_empty()).collect(),
            drawings: [drawing("wide", wide), drawing("narrow", NARROW)],
        }
    }
}
