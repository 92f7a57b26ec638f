//! Formats a report as text: first the verdict, then the figures with their units. Pure.

mod sections;

use crate::formatting;
use crate::report::run_report::{Load, RunReport};

/// Maximum number of findings that are shown. The JSON document may have more.
const MAX_FINDINGS: usize = 10;

/// Formats the whole report, with a newline at its end. Text from a server or a file cannot write
/// control sequences to the terminal.
#[must_use]
pub fn render(report: &RunReport) -> String {
    let sections = [
        sections::verdict(report),
        sections::load(report),
        sections::work(report),
        sections::times(report),
        sections::faults(report),
        sections::generator(report),
        sections::objectives(report),
    ];
    let shown: Vec<_> = sections.into_iter().filter(|section| !section.is_empty()).collect();
    tamed(&shown.join("\n"))
}

/// Says when the times of messages end, if they do not end when the load tester has read the message.
pub(crate) fn end_of_times(load: &Load, without_stamp: u64) -> Option<String> {
    let but = match without_stamp {
        0 => String::new(),
        count => {
            format!(
                "; {} without a timestamp count as received when they were read",
                formatting::counted(count, "message")
            )
        }
    };
    load.kernel_timestamps.then(|| format!("end when the kernel received the message{but}"))
}

/// Replaces all control characters but newlines.
fn tamed(text: &str) -> String {
    let power = |character: char| character.is_control() && character != '\n';
    text.chars().map(|character| if power(character) { '\u{fffd}' } else { character }).collect()
}

#[cfg(test)]
mod tests;
