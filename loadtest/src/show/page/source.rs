//! The origin of the figures: command line, program, machine and time.

use super::text::{command_line, visible};
use crate::formatting;
use crate::report::run_report::Machine;

pub(super) struct Source {
    pub(super) colour: String,
    pub(super) name: String,
    pub(super) command: String,
    pub(super) facts: Vec<(&'static str, String)>,
}

/// The facts about the origin, as they are in a report.
pub(super) struct Facts<'a> {
    pub(super) command: &'a [String],
    /// The time of the measurement, in words.
    pub(super) measured: String,
    pub(super) program: &'a str,
    pub(super) machine: &'a Machine,
    pub(super) agents: u32,
}

impl Source {
    /// Creates the origin of a run or a search that is called `name` on the page.
    pub(super) fn new(colour: String, name: &str, told: &Facts<'_>) -> Self {
        let machine = told.machine;
        let cpus = if machine.cpus == 1 { "CPU" } else { "CPUs" };
        let memory = formatting::bytes(machine.memory_bytes as f64);
        let mut facts = vec![
            ("measured", told.measured.clone()),
            ("program", told.program.to_owned()),
            ("machine", format!("{}, {} {cpus}, {memory}", machine.cpu, machine.cpus)),
            ("system", format!("{}, kernel {}", machine.system, machine.kernel)),
        ];
        if told.agents != 1 {
            facts.push(("generators", told.agents.to_string()));
        }
        Self {
            colour,
            name: name.to_owned(),
            command: visible(&command_line(told.command)),
            facts: facts.into_iter().map(|(name, fact)| (name, visible(&fact))).collect(),
        }
    }
}
