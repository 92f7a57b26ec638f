//! The looks in which a page is checked, and what must hold in each.

use serde::Deserialize;
use serde_json::{Value, json};

/// A combination of screen, medium and colour scheme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    Light,
    Dark,
    Phone,
    Paper,
}

impl Look {
    pub(super) const ALL: [Self; 4] = [Self::Light, Self::Dark, Self::Phone, Self::Paper];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
            Self::Phone => "phone",
            Self::Paper => "paper",
        }
    }

    /// Returns the width in CSS pixels. Paper is A4 minus margins of 15 mm.
    fn width(self) -> u32 {
        match self {
            Self::Light | Self::Dark => 1280,
            Self::Phone => 360,
            Self::Paper => 680,
        }
    }

    pub(super) fn screen(self) -> Value {
        let phone = self == Self::Phone;
        let scale = if phone { 2 } else { 1 };
        json!({ "width": self.width(), "height": 800, "deviceScaleFactor": scale, "mobile": phone })
    }

    pub(super) fn media(self) -> Value {
        let media = if self == Self::Paper { "print" } else { "screen" };
        let scheme = if self.is_dark() { "dark" } else { "light" };
        json!({
            "media": media,
            "features": [{ "name": "prefers-color-scheme", "value": scheme }],
        })
    }

    /// Whether the reader prefers dark colours. Paper too, because a page must print in light colours
    /// even if the screen is dark.
    fn is_dark(self) -> bool {
        matches!(self, Self::Dark | Self::Paper)
    }
}

/// What the page showed, and the events of the browser while the page was open.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Seen {
    title: String,
    scripts: u32,
    foreign: u32,
    ambiguous: Vec<String>,
    background: f64,
    overfull: Vec<String>,
    overflow: f64,
    pub(super) figures: Vec<Figure>,
    texts: Vec<Text>,
    charts: usize,
    drawings: Vec<Drawing>,
    #[serde(skip)]
    complaints: Vec<String>,
    #[serde(skip)]
    requests: Vec<String>,
}

/// A figure on the page.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Figure {
    pub(super) run: usize,
    pub(super) pointer: String,
    pub(super) value: String,
    pub(super) shown: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    text: String,
    size: f64,
    contrast: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Drawing {
    name: String,
    width: f64,
    height: f64,
    lines: usize,
    outside: usize,
    cut: Vec<String>,
    collided: Vec<String>,
}

impl Seen {
    /// Creates it from the result of `look.js` and from the browser's `events` since it was sent to
    /// `url`.
    pub(super) fn new(result: &Value, events: &[Value], url: &str) -> Self {
        let mut seen: Self =
            serde_json::from_value(result.clone()).expect("the result of look.js is complete");
        let of = |method: &'static str| events.iter().filter(move |it| it["method"] == method);
        let complaints = ["Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"];
        seen.complaints =
            complaints.into_iter().flat_map(of).map(|it| it["params"].to_string()).collect();
        let requested = of("Network.requestWillBeSent").map(|it| &it["params"]["request"]["url"]);
        seen.requests = requested
            .filter_map(Value::as_str)
            .filter(|requested| *requested != url)
            .map(str::to_owned)
            .collect();
        seen
    }
}

/// Checks that the page is readable, requests nothing else and writes nothing to the console.
pub(super) fn assert_sound(look: Look, seen: &Seen) {
    assert!(seen.complaints.is_empty(), "{look:?}: the console shows {:?}", seen.complaints);
    assert!(seen.requests.is_empty(), "{look:?}: the page requests {:?}", seen.requests);
    assert_eq!((seen.scripts, seen.foreign), (0, 0), "{look:?}: scripts, foreign elements");
    assert!(seen.ambiguous.is_empty(), "{look:?}: duplicate ids: {:?}", seen.ambiguous);
    assert!(seen.title.ends_with(" · loadtest"), "{look:?}: the title is {}", seen.title);
    assert!(seen.overflow <= 0.0, "{look:?}: {} px wider than the window", seen.overflow);
    assert!(seen.overfull.is_empty(), "{look:?}: text overflows its box: {:?}", seen.overfull);
    let dark = look == Look::Dark;
    assert_eq!(seen.background < 0.1, dark, "{look:?}: background of {}", seen.background);
    for text in &seen.texts {
        let Text { text, size, contrast } = text;
        assert!(*contrast >= 4.5, "{look:?}: {text} has a contrast of only {contrast}");
        assert!(*size >= 9.0, "{look:?}: {text} is only {size} px high");
    }
    assert_eq!(seen.drawings.len(), seen.charts, "{look:?}: visible drawings, figures");
    for drawing in &seen.drawings {
        assert_drawn(look, drawing);
    }
}

fn assert_drawn(look: Look, drawing: &Drawing) {
    let Drawing { name, width, height, lines, outside, cut, collided } = drawing;
    assert!(*width > 250.0 && *height > 150.0, "{look:?}: {name} is {width} × {height}");
    assert!(*lines > 0, "{look:?}: {name} has no line");
    assert_eq!(*outside, 0, "{look:?}: lines that leave {name}");
    assert!(cut.is_empty(), "{look:?}: {name} cuts off {cut:?}");
    assert!(collided.is_empty(), "{look:?}: labels of {name} collide: {collided:?}");
}
