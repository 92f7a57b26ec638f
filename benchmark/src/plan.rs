//! What is measured, in which order, and how long it takes. Starts nothing.

use std::time::Duration;

use echo_loadtest::formatting;

use crate::findings::finding::ITSELF;
use crate::measure::idle;
use crate::measure::pair::{Effort, our_command};
use crate::peers::{self, Peer, Recipe};
use crate::results::Results;
use crate::workload::{ALL, Means, Workload};

/// How long it takes to stop a server and to start the next one.
const BETWEEN: Duration = Duration::from_millis(150);

/// Maximum number of rounds that `loadtest compare` measures again because they are not VALID.
const REPEATS: u32 = 5;

/// Number of rounds with which `loadtest compare` warms up.
const WARM_UP: u32 = 1;

/// A peer that the user chose.
#[derive(Debug)]
pub(crate) enum Chosen {
    Peer(Recipe),
    /// Our server on both sides, which shows the effect of chance.
    Itself,
}

impl Chosen {
    fn name(&self) -> &str {
        match self {
            Self::Peer(recipe) => recipe.name,
            Self::Itself => ITSELF,
        }
    }
}

/// A comparison that is to be measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Job<'a> {
    pub(crate) workload: &'a Workload,
    pub(crate) peer: &'a Peer,
}

impl Job<'_> {
    pub(crate) fn name(&self) -> String {
        format!("{}, {}", self.workload.name(), self.peer.name)
    }
}

/// Returns the comparisons of `workloads` with `peers` that `results` lacks, in their order.
pub(crate) fn jobs<'a>(
    workloads: &[&'a Workload],
    peers: &'a [Peer],
    results: &Results,
) -> Vec<Job<'a>> {
    let each = |workload: &&'a Workload| {
        let workload = *workload;
        peers.iter().map(move |peer| Job { workload, peer })
    };
    let is_missing = |job: &Job<'_>| results.find(&job.workload.name(), job.peer.name).is_none();
    workloads.iter().flat_map(each).filter(is_missing).collect()
}

/// Returns the number of comparisons and how long they take, in words.
pub(crate) fn estimate(jobs: &[Job<'_>], effort: Effort) -> String {
    let minutes = |repeats| {
        let times = jobs.iter().map(|job| time(job.workload, effort, repeats));
        times.sum::<Duration>().as_secs().div_ceil(60)
    };
    let (least, most) = (minutes(0), minutes(REPEATS));
    let (count, least) = (
        formatting::counted(jobs.len() as u64, "comparison"),
        formatting::counted(least, "minute"),
    );
    format!("{count}: {least}, up to {most} if rounds are repeated")
}

fn time(workload: &Workload, effort: Effort, repeats: u32) -> Duration {
    match workload.means {
        Means::Idle => idle::estimate(effort.rounds),
        Means::Load | Means::HalfTheRateOf(_) => {
            let run = workload.rounds_last * effort.duration + effort.warm_up + BETWEEN;
            2 * (effort.rounds + WARM_UP + repeats) * run
        }
    }
}

/// Returns the workloads whose names or sections are in the list, or all workloads without a list.
///
/// # Errors
/// A sentence that names an unknown workload.
pub(crate) fn workloads(list: Option<&str>) -> Result<Vec<&'static Workload>, String> {
    let Some(list) = list else { return Ok(ALL.iter().collect()) };
    let names: Vec<&str> = list.split(',').map(str::trim).collect();
    let is_called = |workload: &Workload, name: &str| {
        name.eq_ignore_ascii_case(&workload.name())
            || name.eq_ignore_ascii_case(&workload.section())
    };
    for name in &names {
        if !ALL.iter().any(|workload| is_called(workload, name)) {
            let known: Vec<String> = ALL.iter().map(Workload::name).collect();
            return Err(format!("no workload is called {name:?}: there are {}", known.join(", ")));
        }
    }
    let is_wanted = |workload: &&Workload| names.iter().any(|name| is_called(workload, name));
    Ok(ALL.iter().filter(is_wanted).collect())
}

/// Returns the peers in the list, or all peers without a list.
///
/// # Errors
/// A sentence that names an unknown peer.
pub(crate) fn chosen(list: Option<&str>) -> Result<Vec<Chosen>, String> {
    let all: Vec<Chosen> =
        peers::all().into_iter().map(Chosen::Peer).chain([Chosen::Itself]).collect();
    let Some(list) = list else { return Ok(all) };
    let known: Vec<&str> = all.iter().map(Chosen::name).collect();
    let wanted: Vec<String> = names(list, &known)?.into_iter().map(str::to_owned).collect();
    Ok(all.into_iter().filter(|chosen| wanted.iter().any(|name| name == chosen.name())).collect())
}

/// Splits a list with commas into known names. A name may contain a comma.
fn names<'a>(list: &str, known: &[&'a str]) -> Result<Vec<&'a str>, String> {
    let mut found = vec![];
    let mut rest = list.trim();
    while !rest.is_empty() {
        let begins = |name: &&&str| {
            rest.strip_prefix(**name)
                .is_some_and(|after| after.is_empty() || after.trim_start().starts_with(','))
        };
        let name =
            *known.iter().filter(begins).max_by_key(|name| name.len()).ok_or_else(|| {
                format!("no peer is called {rest:?}: there are {}", known.join("; "))
            })?;
        found.push(name);
        rest = rest[name.len()..].trim_start().trim_start_matches(',').trim_start();
    }
    Ok(found)
}

/// Returns our own server in the place of a peer. Each workload adds its flags.
pub(crate) fn itself() -> Peer {
    Peer { name: ITSELF, command: our_command(""), version: env!("CARGO_PKG_VERSION").to_owned() }
}

#[cfg(test)]
mod tests {
    use echo_loadtest::run_report::VerdictKind;

    use super::*;
    use crate::sample;

    fn peer(name: &'static str) -> Peer {
        Peer { name, command: "peer {port} {workers}".to_owned(), version: "1".to_owned() }
    }

    #[test]
    fn workloads_are_chosen_by_name_or_by_section() {
        let chosen = |list| {
            let found = workloads(list).map(|all| all.iter().map(|one| one.name()).collect());
            found.map(|names: Vec<String>| names.join(" "))
        };
        assert_eq!(chosen(Some("w2, W8")).unwrap(), "W2 W8-40k W8-half");
        assert_eq!(chosen(Some("W1-default")).unwrap(), "W1-default");
        assert!(chosen(Some("W2,W99")).unwrap_err().contains("\"W99\": there are W1-busy-poll"));
        assert_eq!(workloads(None).unwrap().len(), ALL.len());
    }

    #[test]
    fn names_of_peers_may_have_commas() {
        let known = ["tokio lines", "tokio lines, forwarded", "Go"];
        for (list, expected) in [
            ("Go,tokio lines", &["Go", "tokio lines"][..]),
            ("tokio lines, forwarded, Go", &["tokio lines, forwarded", "Go"]),
            ("tokio lines,Go", &["tokio lines", "Go"]),
        ] {
            assert_eq!(names(list, &known).unwrap(), expected);
        }
        assert!(names("tokio", &known).unwrap_err().contains("\"tokio\": there are tokio lines;"));
    }

    #[test]
    fn every_peer_is_measured_under_every_workload_unless_the_results_have_it() {
        let peers = [peer("one"), peer("other")];
        let workloads = workloads(Some("W1-default,W2")).unwrap();
        let found = sample::comparison("W2", "one", VerdictKind::Valid);
        let names = |results: &Results| -> Vec<String> {
            jobs(&workloads, &peers, results).iter().map(Job::name).collect()
        };
        let all = ["W1-default, one", "W1-default, other", "W2, one", "W2, other"];
        assert_eq!(names(&sample::results(vec![])), all);
        assert_eq!(names(&sample::results(vec![found])), [all[0], all[1], all[3]]);
    }

    #[test]
    fn the_estimate_counts_both_sides_the_warm_up_and_repeats() {
        let peers = [peer("one")];
        let workloads = workloads(Some("W2")).unwrap();
        let (duration, warm_up) = (Duration::from_secs(5), Duration::from_millis(850));
        let effort = Effort { rounds: 9, duration, warm_up };
        let text = estimate(&jobs(&workloads, &peers, &sample::results(vec![])), effort);
        assert_eq!(text, "1 comparison: 2 minutes, up to 3 if rounds are repeated");
    }
}
