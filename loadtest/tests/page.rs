//! The page of a report, as text. `cargo xtask page` checks what a browser makes of it.

#![expect(clippy::expect_used, reason = "clippy does not take the helpers of tests for tests")]

use echo_loadtest::capacity::{CapacityReport, Round};
use echo_loadtest::page::{Named, render, render_capacity};
use echo_loadtest::run_report::{Interval, RunReport};
use echo_tests::reports;
use serde_json::Value;

fn page(runs: &[(&str, &RunReport)]) -> String {
    let named: Vec<Named<'_>> = runs.iter().map(|(name, report)| Named { name, report }).collect();
    render(&named).expect("the runs make a page")
}

fn search(report: &CapacityReport) -> String {
    render_capacity("search", report).expect("the search makes a page")
}

/// Returns the figures of a page: run, place in the report, and value there.
fn figures(page: &str) -> Vec<(usize, String, Value)> {
    let elements = page.split("<data ").skip(1);
    elements
        .map(|element| {
            let attribute = |name: &str| {
                let start = format!("{name}=\"");
                let (_, rest) = element.split_once(&start).expect(name);
                rest.split_once('"').expect("it ends").0
            };
            let run = attribute("data-run").parse().expect("a number");
            let value = serde_json::from_str(attribute("value")).expect("JSON");
            (run, attribute("data-figure").to_owned(), value)
        })
        .collect()
}

#[test]
fn the_page_is_whole_and_needs_nothing_else() {
    let closed = page(&[("one", &reports::closed_loop())]);
    let failed = page(&[("a", &reports::failed()), ("b", &reports::open_loop_with_stalls())]);
    let capacity = search(&reports::capacity());
    for page in [closed, failed, capacity] {
        assert!(page.starts_with("<!DOCTYPE html>\n"), "{}", &page[..80]);
        assert!(page.ends_with("</html>\n") || page.ends_with("</html>"), "it is cut");
        assert!(page.contains("default-src 'none'"), "no policy");
        let foreign = ["http:", "https:", "//", "src=", "@import", "<script", "<object", "<iframe"];
        for foreign in foreign {
            assert!(!page.contains(foreign), "{foreign}");
        }
        for named in page.split("url(").skip(1) {
            let (name, _) = named.split_once(')').expect("it ends");
            let id = name.strip_prefix('#').expect("a name on this page");
            assert_eq!(page.matches(&format!("id=\"{id}\"")).count(), 1, "{id}");
        }
    }
}

#[test]
fn the_same_runs_give_the_same_page() {
    let make = || {
        let (stalls, failed) = (reports::open_loop_with_stalls(), reports::failed());
        page(&[("stalls", &stalls), ("failed", &failed)]) + &search(&reports::capacity())
    };
    assert_eq!(make(), make());
}

#[test]
fn figures_carry_those_of_the_reports() {
    let runs = [reports::open_loop_with_stalls(), reports::failed(), reports::silent()];
    let json = runs.each_ref().map(|run| serde_json::to_value(run).expect("a report is JSON"));
    let figures = figures(&page(&[("a", &runs[0]), ("b", &runs[1]), ("c", &runs[2])]));
    for (run, pointer, value) in &figures {
        assert_eq!(Some(value), json[*run].pointer(pointer), "{run} {pointer}");
    }
    for run in 0..3 {
        let count = figures.iter().filter(|figure| figure.0 == run).count();
        assert!(count > 50, "{count} figures of run {run}");
    }
}

#[test]
fn figures_of_a_search_carry_those_of_its_report() {
    for report in [reports::capacity(), reports::capacity_at_least(), reports::capacity_of_none()] {
        let json = serde_json::to_value(&report).expect("a report is JSON");
        let figures = figures(&search(&report));
        for (_, pointer, value) in &figures {
            assert_eq!(Some(value), json.pointer(pointer), "{pointer}");
        }
        assert!(figures.len() > 7 * report.rounds.len(), "{} figures", figures.len());
    }
}

#[test]
fn each_round_of_a_search_is_a_mark_that_tells_what_came_of_it() {
    let report = reports::capacity();
    let page = search(&report);
    let (_, plot) = page.split_once("<svg class=\"wide\"").expect("a plot");
    let (plot, _) = plot.split_once("</figure>").expect("it ends");
    let (plot, _) = plot.split_once("<svg class=\"narrow\"").expect("another for phones");
    let count = |is: fn(&Round) -> bool| report.rounds.iter().filter(|round| is(round)).count();
    let (held, broke, uncounted) =
        (count(|it| it.used && it.met), count(|it| it.used && !it.met), count(|it| !it.used));
    assert!(held > 5 && broke > 1 && uncounted > 1, "{held} {broke} {uncounted}");
    let drawn = |element: &str, colour: &str| {
        let of_it = |piece: &&str| piece.starts_with(element) && piece.contains(colour);
        plot.split('<').filter(of_it).count()
    };
    assert_eq!(drawn("circle", "var(--good)"), held);
    assert_eq!(drawn("circle", "var(--doubtful)"), uncounted);
    // Two strokes each.
    assert_eq!(drawn("line", "var(--bad)"), 2 * broke);
    assert_eq!(page.matches("● held").count(), held);
    assert_eq!(page.matches("✗ broke").count(), broke);
    assert_eq!(page.matches("○ not counted").count(), uncounted);
    for words in [">limit of p99: 1 ms<", ">capacity 30,600/s<", ">p50<", ">p99<"] {
        assert!(plot.contains(words), "{words}");
    }
}

#[test]
fn a_search_says_how_sure_it_is() {
    for (report, words) in [
        (reports::capacity(), [">confirmed<", ">5 of 5<", "at 95% confidence"]),
        (reports::capacity_at_least(), [">GENERATOR-LIMITED<", ">at least<", ">cannot reach<"]),
        (
            reports::capacity_of_none(),
            [">no rate held<", "no rate is known to hold", ">breaks at<"],
        ),
    ] {
        let page = search(&report);
        for words in words {
            assert!(page.contains(words), "{words}");
        }
    }
}

#[test]
fn a_search_that_brought_nothing_back_has_no_plot() {
    let mut report = reports::capacity_of_none();
    for round in &mut report.rounds {
        (round.rate_achieved, round.p50_ns, round.p99_ns, round.p99_9_ns) = (0.0, 0, 0, 0);
    }
    let page = search(&report);
    assert!(!page.contains("<figure>") && page.contains("All rounds"));
}

#[test]
fn response_time_is_shown_of_an_open_loop_only() {
    let closed = page(&[("closed", &reports::closed_loop())]);
    let open = page(&[("open", &reports::open_loop())]);
    for (page, is_open) in [(&closed, false), (&open, true)] {
        assert_eq!(page.contains("data-figure=\"/response_time/p99_ns\""), is_open);
        assert_eq!(page.contains("data-figure=\"/load/rate\""), is_open);
        assert_eq!(page.contains("data-figure=\"/generator/lateness/p99_ns\""), is_open);
        assert!(page.contains("data-figure=\"/service_time/p99_99_ns\""));
    }
    assert!(open.contains("service time, from when a message was ready to be sent"));
}

#[test]
fn verdict_reasons_findings_and_objectives_are_told() {
    let page = page(&[
        ("limited", &reports::generator_limited()),
        ("failed", &reports::failed()),
        ("missed", &reports::open_loop_with_stalls()),
    ]);
    for words in [
        ">GENERATOR-LIMITED<",
        ">INCOMPLETE<",
        ">VALID<",
        ">interrupted<",
        ">54 errors<",
        ">objective missed<",
        "a thread of the load tester was busy 100 % of the time",
        "46 of 50 connections were made",
        "came before it (reordered)",
        "✗ missed",
        "✓ met",
        "What went wrong",
    ] {
        assert!(page.contains(words), "{words}");
    }
}

#[test]
fn a_clean_run_is_not_said_to_have_failed() {
    let page = page(&[("clean", &reports::closed_loop())]);
    assert!(!page.contains("What went wrong") && !page.contains("class=\"badge bad\""));
    assert!(page.contains("data-figure=\"/errors/corrupt\""));
}

#[test]
fn runs_stand_side_by_side_and_in_the_same_plots() {
    let (before, after) = (reports::open_loop_with_stalls(), reports::open_loop());
    let page = page(&[("before", &before), ("after", &after)]);
    assert!(page.contains("<title>2 runs · loadtest</title>"));
    let row = page.split("<tr>").find(|row| row.contains("/throughput/bytes_per_s"));
    assert_eq!(row.expect("such a row").matches("<td>").count(), 2);
    for plot in page.split("<figure>").skip(1) {
        let (plot, _) = plot.split_once("</figure>").expect("it ends");
        assert!(plot.contains("var(--run-0)") && plot.contains("var(--run-1)"), "{plot}");
    }
}

#[test]
fn text_from_outside_stays_text() {
    let report = reports::hostile();
    let page = page(&[(reports::HOSTILE, &report)]);
    for markup in ["<script", "<img", "<svg/", "</title></", "--></style>", "49</bdi>", "α"] {
        assert!(!page.contains(markup), "{markup}");
    }
    assert!(!search(&reports::hostile_capacity()).contains("<script"));
    // The title, the heading, the server, a reason, an objective, a finding, the program, …
    let escaped = "&#60;script&#62;document.title=&#39;broken&#39;";
    assert!(page.matches(escaped).count() > 20, "{}", page.matches(escaped).count());
}

#[test]
fn what_could_not_be_seen_is_escaped() {
    let mut report = reports::failed();
    report.findings[0].text = "good \u{202e}live\u{202c}\n\u{1b}[2J".to_owned();
    let page = page(&[("run", &report)]);
    assert!(page.contains(r"good \u{202e}live\u{202c}\u{a}\u{1b}[2J"));
    assert!(!page.contains('\u{202e}') && !page.contains('\u{1b}'));
}

#[test]
fn a_run_without_any_reply_has_a_page_without_latencies() {
    let page = page(&[("silent", &reports::silent())]);
    assert!(!page.contains("Latency by percentile") && !page.contains("Latency over time"));
    let p99 = page.split("data-figure=\"/service_time/p99_ns\"").nth(1).expect("such a figure");
    assert!(p99.starts_with(" class=\"idle\">–<"), "{}", &p99[..40]);
}

#[test]
fn a_broken_histogram_is_named() {
    let mut report = reports::closed_loop();
    report.service_time.histogram = "not one".to_owned();
    let error = render(&[Named { name: "run.json", report: &report }]).expect_err("no histogram");
    assert!(error.starts_with("read the histogram of run.json: "), "{error}");
}

#[test]
fn absurd_figures_make_a_page_all_the_same() {
    let absurd = [0.0, -1.0, 1e-300, 1e300, f64::MAX, f64::MIN];
    for value in absurd {
        let mut report = reports::open_loop();
        report.load.rate = Some(value);
        report.throughput.messages_per_s = value;
        report.throughput.duration_s = value;
        report.generator.cpu_per_message_ns = value;
        report.intervals.truncate(3);
        report.intervals.push(Interval {
            start_s: value,
            duration_s: value,
            messages: u64::MAX,
            bytes: u64::MAX,
            errors: u64::MAX,
            p50_ns: 0,
            p99_ns: 1,
            max_ns: u64::MAX,
            histogram: String::new(),
        });
        report.errors.corrupt = u64::MAX;
        let mut absurd = reports::capacity_of_none();
        (absurd.capacity, absurd.rounds[0].rate_achieved) = (Some(value), value);
        assert!(search(&absurd).contains("All rounds"), "{value}");
        let page = page(&[("absurd", &report), ("sound", &reports::open_loop())]);
        assert!(page.contains("Latency by percentile"), "{value}");
    }
}
