//! Checks that reports belong together.

use serde_json::{Map, Value};

use crate::report::merge::Part;
use crate::report::run_report::{FORMAT, Load, RunReport};

/// Fields of the load that may differ between generators, because they do not change how much load
/// there is. The length of an interval is among them: a generator whose run was slightly longer may have
/// intervals of twice the length.
const OWN: [&str; 6] = ["threads", "seed", "source_ips", "busy_poll", "interval_s", "agent_index"];

/// Checks that all parts, which are sorted by agent, are of one load. Returns the first report.
pub(super) fn belong_together<'a>(parts: &[&'a Part]) -> Result<&'a RunReport, String> {
    let [first, others @ ..] = parts else { return Err(too_few(parts)) };
    if others.is_empty() {
        return Err(too_few(parts));
    }
    parts.iter().try_for_each(|part| is_one_agent(part))?;
    others.iter().try_for_each(|part| same_load(first, part))?;
    parts.windows(2).try_for_each(|pair| match pair {
        [a, b] => different_agents(a, b),
        _ => Ok(()),
    })?;
    Ok(&first.report)
}

fn too_few(parts: &[&Part]) -> String {
    format!("merging needs at least 2 reports, not {}", parts.len())
}

fn is_one_agent(part: &Part) -> Result<(), String> {
    let (name, report) = (&part.name, &part.report);
    let Load { agent_index, agent_count, .. } = report.load;
    if report.format != FORMAT {
        return Err(format!("{name}: the format is {:?}, not {FORMAT:?}", report.format));
    }
    if report.agents != 1 {
        return Err(format!("{name} is a merged report: merge the reports that it was made of"));
    }
    if agent_count < 2 {
        return Err(format!("{name} comes from a generator that shared no load (--agent-count)"));
    }
    if agent_index >= agent_count {
        return Err(format!("{name}: there is no agent {agent_index} of {agent_count}"));
    }
    Ok(())
}

fn same_load(first: &Part, other: &Part) -> Result<(), String> {
    if first.report.target != other.report.target {
        return Err(differ("target", first, &first.report.target, other, &other.report.target));
    }
    let (a, b) = (fields(&first.report.load), fields(&other.report.load));
    let nothing = Value::Null;
    for (key, value) in a.iter().filter(|(key, _)| !OWN.contains(&key.as_str())) {
        let against = b.get(key).unwrap_or(&nothing);
        if value != against {
            return Err(differ(key, first, &value.to_string(), other, &against.to_string()));
        }
    }
    Ok(())
}

/// Returns the fields of a load by their names in the document.
fn fields(load: &Load) -> Map<String, Value> {
    match serde_json::to_value(load) {
        Ok(Value::Object(fields)) => fields,
        // This cannot happen, because a plain struct is an object.
        Ok(_) | Err(_) => Map::new(),
    }
}

fn differ(what: &str, a: &Part, of_a: &str, b: &Part, of_b: &str) -> String {
    let (a, b) = (&a.name, &b.name);
    format!("{a} and {b} are not of the same load: {what} is {of_a} in {a} and {of_b} in {b}")
}

fn different_agents(a: &Part, b: &Part) -> Result<(), String> {
    let index = a.report.load.agent_index;
    if index == b.report.load.agent_index {
        return Err(format!("{} and {} are both of agent {index}", a.name, b.name));
    }
    Ok(())
}
