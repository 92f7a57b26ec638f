//! What unit tests take from the test harness: made-up reports, and servers in Python.
//!
//! The harness links a second build of this library, so its `RunReport` is another type. Reports are
//! converted through JSON. There is one copy of each made-up report, in the harness.

use echo_tests::{python, reports};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::capacity::CapacityReport;
use crate::compare::CompareReport;
use crate::report::run_report::RunReport;
use crate::target::Target;

/// Returns an open loop of two seconds, in which all went well except for one message.
pub(crate) fn example() -> RunReport {
    converted(&reports::example())
}

/// Returns a VALID second of a closed loop, in which messages took these times in nanoseconds.
pub(crate) fn closed_loop_of(times: impl IntoIterator<Item = u64>) -> RunReport {
    converted(&reports::closed_loop_of(times))
}

/// Returns a VALID second of an open loop, in which messages took these times in nanoseconds.
pub(crate) fn open_loop_of(rate: f64, times: impl IntoIterator<Item = u64>) -> RunReport {
    converted(&reports::open_loop_of(rate, times))
}

/// Returns a comparison in which `b` is a tenth slower, but for noise.
pub(crate) fn example_comparison() -> CompareReport {
    converted(&reports::example_comparison())
}

/// Returns a search at a server that keeps its objective up to 5,000 messages a second.
pub(crate) fn example_capacity() -> CapacityReport {
    converted(&reports::example_capacity())
}

fn converted<T: DeserializeOwned>(document: &impl Serialize) -> T {
    let json = serde_json::to_string(document).expect("a document is JSON");
    serde_json::from_str(&json).expect("both types are the same")
}

/// Returns a server that runs `script`, if there is a Python here.
pub(crate) fn python_server(script: &str) -> Option<Target> {
    python::command_line(script).map(|command| command.parse().expect("a command line"))
}
