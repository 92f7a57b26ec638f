use super::*;
use crate::harness;
use crate::report::distribution::histogram;
use crate::report::run_report::Errors;

fn slo(text: &str) -> Slo {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[track_caller]
fn check(text: &str, report: &RunReport, met: bool, measured: &str) {
    let objective = slo(text).judge(report);
    assert_eq!((objective.met, objective.measured.as_str()), (met, measured), "{text}");
    assert_eq!(objective.text, text);
}

/// Returns a run of 1,000 messages that took 1 µs, 2 µs, … 1 ms.
fn thousand() -> RunReport {
    harness::closed_loop_of((1..=1_000).map(|number| number * 1_000))
}

#[test]
fn times_are_judged_by_the_histogram() {
    let report = thousand();
    check("p50<501us", &report, true, "500 µs");
    check("p50<500us", &report, false, "500 µs");
    check("p99<=991us", &report, true, "990 µs");
    check("p99 < 900us", &report, false, "990 µs");
    check("p12.5<126us", &report, true, "125 µs");
    check("p0<2us", &report, true, "1.00 µs");
    check("p100<1.01ms", &report, true, "1.00 ms");
    check("max<1ms", &report, false, "1.00 ms");
    check("mean<=501us", &report, true, "501 µs");
    check("service.p90<1ms", &report, true, "900 µs");
    check("connect.p99<1ms", &report, true, "100 µs");
}

#[test]
fn a_percentile_is_the_same_as_the_library_gives() {
    let mut random = fastrand::Rng::with_seed(1);
    let mut times = histogram();
    for _ in 0..12_345 {
        times.record(random.u64(1..10_000_000)).expect("within bounds");
    }
    let distribution = Distribution::new(&times);
    for (numerator, denominator, quantile) in
        [(50, 100, 0.5), (75, 100, 0.75), (99, 100, 0.99), (9_999, 10_000, 0.9999)]
    {
        let rank = Percentile { numerator, denominator }.rank(distribution.count);
        assert_eq!(at_rank(&distribution, rank), Ok(times.value_at_quantile(quantile)));
    }
}

/// A binary 0.999 is slightly larger than 0.999, so its rank would be 1,000 of 1,000.
#[test]
fn the_rank_of_a_percentile_is_exact() {
    assert_eq!(Percentile { numerator: 999, denominator: 1_000 }.rank(1_000), 999);
    check("p99.9<1s", &thousand(), true, "999 µs");
}

#[test]
fn in_an_open_loop_the_time_counts_from_when_a_message_was_due() {
    let mut report = harness::open_loop_of(1_000.0, [1_000, 1_000]);
    let mut late = histogram();
    late.record_n(5_000_000, 2).expect("within bounds");
    report.response_time = Some(Distribution::new(&late));
    check("p50<2ms", &report, false, "5.00 ms");
    check("service.p50<2ms", &report, true, "1.00 µs");
}

#[test]
fn a_message_that_never_came_back_is_slower_than_any_limit() {
    let mut report = thousand();
    report.messages.sent += 20;
    check("p50<1s", &report, true, "510 µs");
    check("p99<1s", &report, false, "beyond all limits: 20 of 1,020 messages failed");
    check("max<1s", &report, false, "beyond all limits: 20 of 1,020 messages failed");
    check("mean<1s", &report, false, "beyond all limits: 20 of 1,020 messages failed");
    report.connections.asked += 1;
    let measured = "beyond all limits: 1 of 2 connections failed";
    check("connect.max<1s", &report, false, measured);
}

#[test]
fn messages_that_were_due_and_not_sent_are_missing_from_the_response_time_alone() {
    let mut report = harness::open_loop_of(1_000.0, [1_000; 90]);
    report.messages.unsent = 10;
    check("p99<1s", &report, false, "beyond all limits: 10 of 100 messages failed");
    check("service.p99<1s", &report, true, "1.00 µs");
    check("errors<=10%", &report, true, "10.0 %: 10 lost of 100 messages");
}

#[test]
fn errors_are_a_share_of_the_messages_or_a_count() {
    let mut report = thousand();
    check("errors<0.1%", &report, true, "0.0 %: 0 lost of 1,000 messages");
    check("errors<=0", &report, true, "0 errors");
    report.errors = Errors { reset: 2, timeout: 1, ..Errors::default() };
    check("errors<0.3%", &report, false, "0.3 %: 3 errors on 1,000 messages");
    check("errors<=0.3%", &report, true, "0.3 %: 3 errors on 1,000 messages");
    check("errors<=3", &report, true, "3 errors");
    check("errors<3", &report, false, "3 errors");
    report.messages.verified -= 32;
    check("errors<1%", &report, false, "3.2 %: 32 lost of 1,000 messages");
}

#[test]
fn the_rate_is_a_share_of_what_was_due_or_messages_a_second() {
    let mut report = harness::open_loop_of(100.0, [1_000; 98]);
    report.messages.asked = Some(100);
    check("rate>=0.99", &report, false, "98.0 %: 98/s of 100/s");
    check("rate>97%", &report, true, "98.0 %: 98/s of 100/s");
    check("rate>=98", &report, true, "98/s");
    check("rate>=50000", &report, false, "98/s");
}

#[test]
fn where_messages_are_counted_the_rate_is_a_share_of_the_rate() {
    let mut report = harness::open_loop_of(1_000.0, [1_000; 100]);
    (report.load.count, report.load.duration_s) = (Some(100), None);
    // All messages came back, but took ten times as long as they should have.
    (report.throughput.duration_s, report.throughput.messages_per_s) = (1.0, 100.0);
    check("rate>=0.99", &report, false, "10.0 %: 100/s of 1,000/s");
    report.throughput.messages_per_s = 1_000.0;
    check("rate>=0.99", &report, true, "100.0 %: 1,000/s of 1,000/s");
    // This is one of two generators.
    report.load.connections = 2;
    check("rate>=0.99", &report, true, "200.0 %: 1,000/s of 500/s");
}

#[test]
fn what_cannot_be_judged_is_not_met_and_says_so() {
    let closed = thousand();
    let why = "there is no requested rate, because the loop is closed";
    check("rate>=0.5", &closed, false, why);
    let mut nothing = harness::open_loop_of(100.0, []);
    nothing.connect_time = Distribution::new(&histogram());
    for (text, why) in [
        ("p99<1s", "no message came back"),
        ("connect.p99<1s", "no connection was made"),
        ("errors<=5", "no message was sent"),
        ("errors<5%", "no message was sent"),
        ("rate>=0.1", "no message was sent"),
        ("rate>=10", "no message was sent"),
    ] {
        check(text, &nothing, false, why);
    }
    let mut broken = thousand();
    broken.service_time.histogram = "?".to_owned();
    let measured = slo("p99<1s").judge(&broken).measured;
    assert!(measured.starts_with("read the histogram: "), "{measured}");
}

#[test]
fn an_objective_is_shown_as_it_was_given() {
    assert_eq!(slo(" p99.90 < 2ms ").to_string(), "p99.90 < 2ms");
}

#[test]
fn nonsense_is_refused_with_a_sentence() {
    for (text, part) in [
        ("", "expected a figure, a comparison"),
        ("p99", "expected a figure, a comparison"),
        ("p99=2ms", "expected a figure, a comparison"),
        ("p99<", "expected a duration"),
        ("p99<2", "expected a duration"),
        ("p99<0ms", "longer than zero"),
        ("p99<2m", "60s"),
        ("p99<<2ms", "expected a duration"),
        ("p99>2ms", "p99 has an upper limit: expected < or <="),
        ("errors>1%", "errors has an upper limit"),
        ("rate<0.9", "rate has a lower limit: expected > or >="),
        ("p101<2ms", "no figure is called \"p101\""),
        ("p<2ms", "no figure is called"),
        ("p99.<2ms", "no figure is called"),
        ("p-1<2ms", "no figure is called"),
        ("p1e1<2ms", "no figure is called"),
        ("p99.9999999999<2ms", "no figure is called"),
        ("latency<2ms", "no figure is called"),
        ("connect.errors<2ms", "no figure is called"),
        ("errors<0.5", "expected a count such as 5"),
        ("errors<101%", "expected a count such as 5"),
        ("errors<-1", "expected a count such as 5"),
        ("rate>=fast", "expected a share of the requested rate"),
        ("rate>=NaN", "expected a share of the requested rate"),
        ("rate>=1e400", "expected a share of the requested rate"),
        ("rate>=101%", "expected a share of the requested rate"),
    ] {
        let error = text.parse::<Slo>().expect_err(text);
        assert!(error.contains(part), "{text}: {error}");
    }
}
