//! Shows the load tester's HTML pages in headless Chromium: in light, in dark, on a phone and on paper.
//!
//! The pages and screenshots of them stay in `target/page` for inspection.

mod browser;
mod figures;
mod looks;

use std::fs;
use std::path::{Path, PathBuf};

use echo_loadtest::capacity::CapacityReport;
use echo_loadtest::page::{Named, render, render_capacity};
use echo_loadtest::run_report::RunReport;
use echo_tests::reports;

use self::browser::Browser;
use self::figures::Source;
use self::looks::Look;
use crate::check::{Check, Outcome, passed};
use crate::packages::with_packages;

/// The browser and a font. Without a font, no text has a width.
const PACKAGES: &[&str] = &["chromium", "fonts-dejavu-core"];

/// Reports of runs, each with its name on the page.
type Runs = Vec<(&'static str, RunReport)>;

/// Returns one check per page. Each check shows its page in every look.
pub(crate) fn checks() -> Vec<Check> {
    vec![
        check("closed loop", || vec![("closed-loop", reports::closed_loop())]),
        check("open loop", || vec![("stalls", reports::open_loop_with_stalls())]),
        check("failed run", || vec![("failed", reports::failed())]),
        check("silent server", || vec![("silent", reports::silent())]),
        check("three runs", three_runs),
        check("nine runs", || NAMES.map(|name| (name, reports::open_loop())).into()),
        check("hostile text", || {
            let run = || (reports::HOSTILE, reports::hostile());
            vec![run(), run()]
        }),
        check_capacity("capacity", reports::capacity),
        check_capacity("capacity at least", reports::capacity_at_least),
        check_capacity("capacity of none", reports::capacity_of_none),
        check_capacity("hostile capacity", reports::hostile_capacity),
    ]
}

const NAMES: [&str; 9] = ["a", "b", "c", "d", "e", "f", "g", "h", "the-ninth-of-them"];

fn three_runs() -> Runs {
    vec![
        ("before", reports::open_loop_with_stalls()),
        ("after", reports::open_loop()),
        ("on-a-small-machine", reports::generator_limited()),
    ]
}

fn check(name: &'static str, runs: impl Fn() -> Runs + 'static) -> Check {
    with_packages(name, PACKAGES, move || {
        let runs = runs();
        let named: Vec<Named<'_>> =
            runs.iter().map(|(name, report)| Named { name, report }).collect();
        let html = render(&named).expect("the page of the runs is rendered");
        look_at(
            name,
            &html,
            &runs.iter().map(|(_, report)| Source::run(report)).collect::<Vec<_>>(),
        )
    })
}

fn check_capacity(name: &'static str, report: fn() -> CapacityReport) -> Check {
    with_packages(name, PACKAGES, move || {
        let report = report();
        let html = render_capacity(name, &report).expect("the page of the search is rendered");
        look_at(name, &html, &[Source::capacity(&report)])
    })
}

fn look_at(name: &str, html: &str, sources: &[Source]) -> Outcome {
    let file = name.replace(' ', "-");
    let folder = folder();
    let page = folder.join(format!("{file}.html"));
    fs::write(&page, html).expect("the page is written");
    let mut browser = Browser::start();
    let seen = Look::ALL.map(|look| {
        let picture = folder.join(format!("{file}-{}", look.name()));
        (look, browser.look(&page, look, &picture))
    });
    let mut figures = 0;
    for (look, seen) in &seen {
        looks::assert_sound(*look, seen);
        figures = figures::assert_equal(seen, sources);
    }
    passed(format_args!("{} KB, {figures} figures, {} looks", html.len() / 1024, Look::ALL.len()))
}

/// Returns the folder for the pages and their screenshots. Creates it if it is missing.
fn folder() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/page");
    fs::create_dir_all(&folder).expect("the folder for pages is created");
    folder.canonicalize().expect("the folder for pages exists")
}
