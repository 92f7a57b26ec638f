//! A peer and our server under a workload: what is started, and what came of it.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use echo_loadtest::compare::{CompareReport, Side};

use crate::results::raw::{Failure, Outcome};
use crate::workload::{Setting, Workload};
use echo_tests::workspace::{target_dir, workspace};

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    pub(crate) rounds: u32,
    /// Of a run.
    pub(crate) duration: Duration,
    /// Before it.
    pub(crate) warm_up: Duration,
}

/// Two command lines under a workload, with `{port}` in them.
#[derive(Debug)]
pub(crate) struct Pair<'a> {
    pub(crate) setting: Setting,
    pub(crate) workload: &'a Workload,
    pub(crate) theirs: String,
    pub(crate) ours: String,
}

/// The user wants no more of it.
#[derive(Debug)]
pub(crate) struct Interrupted;

/// The path of something that is built, from the workspace if it is in there: where that is, is of no
/// interest to those who read the results.
pub(crate) fn built(name: &str) -> PathBuf {
    let path = target_dir().join(name);
    path.strip_prefix(workspace()).map(PathBuf::from).unwrap_or(path)
}

/// Takes the workspace's own place out of a command line.
pub(crate) fn from_workspace(text: &str) -> String {
    text.replace(&format!("{}/", workspace().display()), "")
}

/// Our server's command line.
pub(crate) fn our_command(flags: &str) -> String {
    let server = built("release/server");
    let command = format!("{} --port {{port}} --num-workers {{workers}} {flags}", server.display());
    command.trim_end().to_owned()
}

/// Whether the programs understand the flags of a workload: that is better known before than after an
/// hour.
///
/// # Errors
/// A sentence with what one of them says.
pub(crate) fn check(workload: &Workload) -> Result<(), String> {
    let targets = "compare --a 127.0.0.1:1 --b 127.0.0.1:1";
    let load = format!("{targets} {}", workload.load);
    for (program, flags) in [("loadtest", load.as_str()), ("server", workload.ours)] {
        // What comes before the plea for help is looked at first.
        let output = Command::new(workspace().join(built(&format!("release/{program}"))))
            .args(flags.split_whitespace())
            .arg("--help")
            .output()
            .map_err(|error| format!("start {program}: {error}"))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let said = said.lines().next().unwrap_or_default();
            return Err(format!("{} of {program}: {said}", workload.name()));
        }
    }
    Ok(())
}

impl<'a> Pair<'a> {
    pub(crate) fn new(setting: Setting, workload: &'a Workload, theirs: &str) -> Self {
        let command = |text: &str| text.replace("{workers}", &setting.workers().to_string());
        let ours = command(&our_command(workload.ours));
        Self { setting, workload, theirs: command(theirs), ours }
    }

    /// What `loadtest compare` finds; `more` are further flags.
    ///
    /// # Errors
    /// It was interrupted.
    pub(crate) fn load(&self, effort: Effort, more: &[String]) -> Result<Outcome, Interrupted> {
        let json = built("compare/pair.json");
        match self.run(effort, more, &json.display().to_string()) {
            Ok(report) if report.interrupted => Err(Interrupted),
            Ok(report) => Ok(Outcome::Compared(Box::new(report))),
            Err(why) => Ok(Outcome::Failed(failure(&why))),
        }
    }

    fn run(&self, effort: Effort, more: &[String], json: &str) -> Result<CompareReport, String> {
        let path = workspace().join(json);
        fs::create_dir_all(path.parent().unwrap_or(&path))
            .map_err(|error| format!("make a folder for {json}: {error}"))?;
        let _ = fs::remove_file(&path);
        let output = self
            .command(effort, more, json)
            .output()
            .map_err(|error| format!("start loadtest: {error}"))?;
        // It may not have got so far.
        let Ok(text) = fs::read(&path) else {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(said.trim().to_owned());
        };
        serde_json::from_slice(&text).map_err(|error| format!("read {json}: {error}"))
    }

    fn command(&self, effort: Effort, more: &[String], json: &str) -> Command {
        let mut command = Command::new(workspace().join(built("release/loadtest")));
        // What it calls itself is in its report.
        command.arg0("loadtest").current_dir(workspace()).stdin(Stdio::null());
        command.args(["compare", "--a", &self.theirs, "--b", &self.ours]);
        command.args(["--quiet", "--log_level", "ERROR", "--json", json]);
        command.args(["--rounds", &effort.rounds.to_string()]);
        let duration = self.workload.rounds_last * effort.duration;
        for (flag, time) in [("--duration", duration), ("--warmup", effort.warm_up)] {
            command.args([flag, &humantime::format_duration(time).to_string()]);
        }
        command.args(self.workload.flags(self.setting)).args(more);
        command
    }
}

/// What `loadtest` said before it ended, and whose fault that is.
fn failure(said: &str) -> Failure {
    let sentence = said.trim().trim_start_matches("loadtest: ");
    let is_of = |side: &Side| sentence.starts_with(&format!("warm up {side}: "));
    let side = [Side::A, Side::B].into_iter().find(is_of);
    Failure { side, why: from_workspace(sentence) }
}

#[cfg(test)]
mod tests {
    use echo_loadtest::run_report::VerdictKind;

    use super::*;
    use crate::results::flags;
    use crate::results::sample;
    use crate::workload::{ALL, Means};

    #[test]
    fn a_failure_is_told_with_its_side_and_without_our_place() {
        let place = workspace().display();
        for (said, side, why) in [
            ("loadtest: warm up a: no luck\n".to_owned(), Some(Side::A), "warm up a: no luck"),
            (format!("loadtest: warm up b: no {place}/x"), Some(Side::B), "warm up b: no x"),
            ("error: what is --flood?".to_owned(), None, "error: what is --flood?"),
        ] {
            assert_eq!(failure(&said), Failure { side, why: why.to_owned() });
        }
    }

    #[test]
    fn our_server_has_the_flags_of_the_workload_and_the_workers_of_the_setting() {
        let workload = ALL.iter().find(|one| one.number == 7).unwrap();
        let pair = Pair::new(Setting::Unpinned, workload, "peer {port} {workers}");
        assert_eq!(pair.theirs, "peer {port} 2");
        let flags = "release/server --port {port} --num-workers 2 --report-interval 0";
        assert!(pair.ours.ends_with(flags), "{}", pair.ours);
    }

    /// Or else a result would be taken for one of other flags.
    #[test]
    fn what_is_started_has_the_flags_of_its_workload() {
        let second = Duration::from_secs(1);
        let effort = Effort { rounds: 6, duration: second, warm_up: second };
        for (workload, setting) in ALL.iter().flat_map(|one| Setting::ALL.map(|in_it| (one, in_it)))
        {
            let more = match workload.means {
                Means::HalfTheRateOf(_) => vec!["--rate".to_owned(), "1000".to_owned()],
                Means::Load | Means::Idle => vec![],
            };
            let pair = Pair::new(setting, workload, "peer {port} --warmup 1s");
            let command = pair.command(effort, &more, "pair.json");
            let mut raw = sample::raw_in(setting, &workload.name(), "peer", VerdictKind::Valid);
            if let Outcome::Compared(report) = &mut raw.outcome {
                let words = command.get_args().map(|word| word.to_string_lossy().into_owned());
                report.command = words.collect();
                report.b = pair.ours;
            }
            assert!(flags::are_of(workload, &raw), "{raw:?}");
        }
    }
}
