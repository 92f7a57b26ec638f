//! The page with all figures of one file of results.

use super::{circumstances, overview, table};
use crate::results::Results;
use crate::setting::Setting;
use crate::workload::{ALL, SECTIONS, Section};

/// Returns the whole page.
pub(super) fn page(results: &Results) -> String {
    let title = results.header.setting.title();
    let mut parts = vec![
        format!("# Results: {title}"),
        "`cargo benchmark` writes this page from a file of results. [METHOD.md](METHOD.md) says how a ratio, \
         an interval and a verdict are made."
            .to_owned(),
        circumstances::text(results),
        "## Side by side".to_owned(),
        "Each workload with the figure that ranks most peers: ours/peer, so below 1 our server takes less. \
         **Bold**: ours is shown to be better. *Italics*: ours is shown to be worse. Neither: no difference \
         is shown. –: not measured, or the load tester may have been the limit."
            .to_owned(),
        overview::table(results, ALL),
    ];
    if results.header.setting == Setting::Pinned {
        parts.extend(["## Bars".to_owned(), table::bars(results, ALL)]);
    }
    parts.extend(["## Peers".to_owned(), circumstances::peers(results)]);
    for (number, Section { title, purpose }) in (1..).zip(&SECTIONS) {
        parts.extend([format!("## W{number}: {title}"), (*purpose).to_owned()]);
        let workloads = ALL.iter().filter(|workload| workload.number == number);
        parts.extend(workloads.map(|workload| table::workload(results, workload)));
    }
    parts.join("\n\n") + "\n"
}

#[cfg(test)]
mod tests {
    use echo_loadtest::run_report::VerdictKind;

    use super::*;
    use crate::sample;
    use crate::sample::expect;

    #[test]
    fn a_page_has_circumstances_bars_peers_and_every_section() {
        let comparison = sample::comparison("W2", "bare epoll", VerdictKind::Valid);
        let mut results = sample::results(vec![comparison]);
        let page_of = |results: &Results| page(results);
        let text = page_of(&results);
        let parts = [
            "# Results: one worker, pinned\n",
            "| W2 | CPU per message at most 1.00 × bare epoll | **met** |",
            "## W1: Ping-pong\n",
            "## W10: A burst of connects\n",
        ];
        expect(&text, &parts);
        results.header.setting = Setting::Unpinned;
        assert!(!page_of(&results).contains("## Bars"));
    }
}
