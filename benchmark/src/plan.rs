//! What is to be measured, in which order, and how long that takes. Starts nothing.

use std::time::Duration;

use echo_loadtest::human;

use crate::findings::finding::ITSELF;
use crate::measure::idle;
use crate::measure::pair::{self, Effort};
use crate::peers::{self, Peer, Recipe};
use crate::workload::{ALL, Means, Setting, Workload};

/// Between two runs a server is stopped and another started.
const BETWEEN: Duration = Duration::from_millis(150);

/// `loadtest compare` measures so many rounds again when they are not VALID, and warms up with one.
const REPEATS: u32 = 5;
const WARM_UP: u32 = 1;

/// A peer that was asked for.
#[derive(Debug)]
pub(crate) enum Chosen {
    Peer(Recipe),
    /// Our server on both sides: it shows what chance does.
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

/// A pair under a workload.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Job<'a> {
    pub(crate) setting: Setting,
    pub(crate) workload: &'a Workload,
    pub(crate) peer: &'a Peer,
}

impl Job<'_> {
    pub(crate) fn name(&self) -> String {
        format!("{} {}, {}", self.workload.name(), self.setting.name(), self.peer.name)
    }
}

/// All that is to be measured.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) jobs: Vec<Job<'a>>,
}

impl<'a> Plan<'a> {
    pub(crate) fn new(settings: &[Setting], workloads: &[&'a Workload], peers: &'a [Peer]) -> Self {
        let mut jobs = vec![];
        for setting in settings {
            for workload in workloads {
                jobs.extend(peers.iter().map(|peer| Job { setting: *setting, workload, peer }));
            }
        }
        Self { jobs }
    }

    /// In words.
    pub(crate) fn estimate(&self, effort: Effort) -> String {
        let minutes = |repeats| {
            let times = self.jobs.iter().map(|job| time(job.workload, effort, repeats));
            times.sum::<Duration>().as_secs().div_ceil(60)
        };
        let (least, most) = (minutes(0), minutes(REPEATS));
        let (count, least) =
            (human::counted(self.jobs.len() as u64, "comparison"), human::counted(least, "minute"));
        format!("{count}: {least}, up to {most} if rounds are repeated")
    }
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

/// Those whose names, or whose sections' names, are in the list; all without one.
///
/// # Errors
/// A sentence that names what is no workload.
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

/// Those in the list; all without one.
///
/// # Errors
/// A sentence that names what is no peer.
pub(crate) fn recipes(list: Option<&str>) -> Result<Vec<Chosen>, String> {
    let all: Vec<Chosen> =
        peers::all().into_iter().map(Chosen::Peer).chain([Chosen::Itself]).collect();
    let Some(list) = list else { return Ok(all) };
    let known: Vec<&str> = all.iter().map(Chosen::name).collect();
    let wanted: Vec<String> = names(list, &known)?.into_iter().map(str::to_owned).collect();
    Ok(all.into_iter().filter(|chosen| wanted.iter().any(|name| name == chosen.name())).collect())
}

/// The known names in a list with commas between them; a name may have a comma in it.
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

/// Our own server in the place of a peer; each workload adds its flags.
pub(crate) fn itself() -> Peer {
    Peer {
        name: ITSELF,
        command: pair::our_command(""),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn every_peer_has_its_turn_under_every_workload_in_each_setting() {
        let peers = [peer("one"), peer("other")];
        let plan = Plan::new(&Setting::ALL, &workloads(Some("W1-default,W2")).unwrap(), &peers);
        let names: Vec<String> = plan.jobs.iter().map(Job::name).collect();
        assert_eq!(
            names,
            [
                "W1-default pinned, one",
                "W1-default pinned, other",
                "W2 pinned, one",
                "W2 pinned, other",
                "W1-default unpinned, one",
                "W1-default unpinned, other",
                "W2 unpinned, one",
                "W2 unpinned, other"
            ]
        );
    }

    #[test]
    fn the_estimate_counts_both_sides_the_warm_up_and_repeats() {
        let peers = [peer("one")];
        let plan = Plan::new(&[Setting::Pinned], &workloads(Some("W2")).unwrap(), &peers);
        let (duration, warm_up) = (Duration::from_secs(5), Duration::from_millis(850));
        let effort = Effort { rounds: 9, duration, warm_up };
        let text = plan.estimate(effort);
        assert_eq!(text, "1 comparison: 2 minutes, up to 3 if rounds are repeated");
    }
}
