//! A peer and our server under a workload: starts `loadtest compare` and reads its report.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use echo_loadtest::compare::{CompareReport, Side};
use echo_tests::workspace::{target_dir, workspace};

use crate::findings::outcome::{Failure, Outcome};
use crate::setting::Setting;
use crate::workload::Workload;

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    pub(crate) rounds: u32,
    /// How long each server is measured in a round.
    pub(crate) duration: Duration,
    /// How long each server is under load before that.
    pub(crate) warm_up: Duration,
}

/// The command lines of both servers, with the placeholder `{port}`.
#[derive(Debug)]
pub(crate) struct Pair<'a> {
    pub(crate) setting: Setting,
    pub(crate) workload: &'a Workload,
    pub(crate) theirs: String,
    pub(crate) ours: String,
}

/// Returns the path of a built file, relative to the workspace if it is in there. Results would
/// otherwise contain the place of the workspace.
pub(crate) fn built(name: &str) -> PathBuf {
    let path = target_dir().join(name);
    path.strip_prefix(workspace()).map(PathBuf::from).unwrap_or(path)
}

/// Makes the paths in a text relative to the workspace.
pub(crate) fn from_workspace(text: &str) -> String {
    text.replace(&format!("{}/", workspace().display()), "")
}

/// Returns our server's command line, with the placeholders `{port}` and `{workers}`.
pub(crate) fn our_command(flags: &str) -> String {
    let server = built("release/server");
    let command = format!("{} --port {{port}} --num-workers {{workers}} {flags}", server.display());
    command.trim_end().to_owned()
}

/// Checks that the programs know the flags of a workload, so that a run does not fail after an hour.
///
/// # Errors
/// A sentence with the complaint of a program.
pub(crate) fn check_flags(workload: &Workload) -> Result<(), String> {
    let targets = "compare --a 127.0.0.1:1 --b 127.0.0.1:1";
    let load = format!("{targets} {}", workload.load);
    for (program, flags) in [("loadtest", load.as_str()), ("server", workload.ours)] {
        // The programs check the flags before `--help`, and do nothing else.
        let output = Command::new(workspace().join(built(&format!("release/{program}"))))
            .args(flags.split_whitespace())
            .arg("--help")
            .output()
            .map_err(|error| format!("start {program}: {error}"))?;
        if !output.status.success() {
            let printed = String::from_utf8_lossy(&output.stderr);
            let complaint = printed.lines().next().unwrap_or_default();
            return Err(format!("{} of {program}: {complaint}", workload.name()));
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

    /// Measures with `loadtest compare`, at a rate of messages per second if there is one.
    ///
    /// # Errors
    /// A sentence if a signal stopped it.
    pub(super) fn load(&self, effort: Effort, rate: Option<u64>) -> Result<Outcome, String> {
        let json = built("benchmark/pair.json");
        match self.run(effort, rate, &json.display().to_string()) {
            Ok(report) if report.interrupted => Err("stopped by a signal".to_owned()),
            Ok(report) => Ok(Outcome::Compared(Box::new(report))),
            Err(why) => Ok(Outcome::Failed(failure(&why))),
        }
    }

    fn run(&self, effort: Effort, rate: Option<u64>, json: &str) -> Result<CompareReport, String> {
        let path = workspace().join(json);
        fs::create_dir_all(path.parent().unwrap_or(&path))
            .map_err(|error| format!("create a folder for {json}: {error}"))?;
        let _ = fs::remove_file(&path);
        let output = self
            .command(effort, rate, json)
            .output()
            .map_err(|error| format!("start loadtest: {error}"))?;
        // Without a report `loadtest` says on standard error why there is none.
        let Ok(text) = fs::read(&path) else {
            return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
        };
        serde_json::from_slice(&text).map_err(|error| format!("read {json}: {error}"))
    }

    fn command(&self, effort: Effort, rate: Option<u64>, json: &str) -> Command {
        let mut command = Command::new(workspace().join(built("release/loadtest")));
        // The report contains this name.
        command.arg0("loadtest").current_dir(workspace()).stdin(Stdio::null());
        command.args(["compare", "--a", &self.theirs, "--b", &self.ours]);
        command.args(["--quiet", "--log_level", "ERROR", "--json", json]);
        command.args(["--rounds", &effort.rounds.to_string()]);
        let duration = self.workload.rounds_last * effort.duration;
        for (flag, time) in [("--duration", duration), ("--warmup", effort.warm_up)] {
            command.args([flag, &humantime::format_duration(time).to_string()]);
        }
        command.args(self.workload.flags(self.setting));
        if let Some(rate) = rate {
            command.args(["--rate", &rate.to_string()]);
        }
        command
    }
}

/// Returns the failure that `loadtest` describes, with the side that failed if it names one.
fn failure(printed: &str) -> Failure {
    let sentence = printed.trim().trim_start_matches("loadtest: ");
    let is_of = |side: &Side| sentence.starts_with(&format!("warm up {side}: "));
    let side = [Side::A, Side::B].into_iter().find(is_of);
    Failure { side, why: from_workspace(sentence) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::ALL;

    #[test]
    fn a_failure_has_its_side_and_relative_paths() {
        let place = workspace().display();
        for (printed, side, why) in [
            ("loadtest: warm up a: no luck\n".to_owned(), Some(Side::A), "warm up a: no luck"),
            (format!("loadtest: warm up b: no {place}/x"), Some(Side::B), "warm up b: no x"),
            ("error: what is --flood?".to_owned(), None, "error: what is --flood?"),
        ] {
            assert_eq!(failure(&printed), Failure { side, why: why.to_owned() });
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

    #[test]
    fn the_load_tester_has_the_flags_of_workload_and_setting_after_the_effort() {
        let second = Duration::from_secs(1);
        let effort = Effort { rounds: 6, duration: second, warm_up: second };
        let workload = ALL.iter().find(|one| one.variant == Some("half")).unwrap();
        let pair = Pair::new(Setting::Pinned, workload, "peer {port}");
        let command = pair.command(effort, Some(1_000), "pair.json");
        let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy()).collect();
        let expected = "--rounds 6 --duration 3s --warmup 1s --threads 1 --pin-server 0 --pin-client 1 \
                        --connections 50 --size 128 --rate 1000";
        assert!(words.join(" ").ends_with(expected), "{words:?}");
    }
}
