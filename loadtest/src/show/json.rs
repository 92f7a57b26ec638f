//! Reads and writes reports as JSON files.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::capacity::{self, CapacityReport};
use crate::report::run_report::{FORMAT, RunReport};
use crate::{compare, files};

/// The part of a document that is read first.
#[derive(Deserialize)]
struct Head {
    format: String,
}

/// Reads the report of a run that [`write()`] wrote.
///
/// # Errors
/// A sentence that names the file, if the file cannot be read, is not the report of a run, or has a
/// format that this program does not know.
pub fn read(path: &Path) -> Result<RunReport, String> {
    let text = fs::read(path).map_err(|error| format!("read {}: {error}", path.display()))?;
    parse(&text).map_err(|error| format!("read {}: {error}", path.display()))
}

/// A report for which there is a page.
#[derive(Debug, PartialEq)]
pub enum Report {
    /// The report of a run, or of several merged runs.
    Run(Box<RunReport>),
    /// The report of a search for the capacity.
    Capacity(Box<CapacityReport>),
}

/// Reads a report of any kind that [`write()`] wrote.
///
/// # Errors
/// The same as [`read`].
pub fn read_any(path: &Path) -> Result<Report, String> {
    let text = fs::read(path).map_err(|error| format!("read {}: {error}", path.display()))?;
    parse_any(&text).map_err(|error| format!("read {}: {error}", path.display()))
}

fn parse_any(text: &[u8]) -> Result<Report, String> {
    match head(text)?.format.as_str() {
        capacity::FORMAT => serde_json::from_slice(text)
            .map(|report| Report::Capacity(Box::new(report)))
            .map_err(|error| format!("not a report of a search for the capacity: {error}")),
        compare::FORMAT => Err("there is no page of a comparison".to_owned()),
        FORMAT => parse(text).map(|report| Report::Run(Box::new(report))),
        other => {
            let known = format!("{FORMAT:?} and {:?}", capacity::FORMAT);
            Err(format!("the format is {other:?}, this program knows {known}"))
        }
    }
}

fn head(text: &[u8]) -> Result<Head, String> {
    serde_json::from_slice(text).map_err(|error| format!("not a report of loadtest: {error}"))
}

fn parse(text: &[u8]) -> Result<RunReport, String> {
    let head = head(text)?;
    if head.format != FORMAT {
        let known = "this program knows";
        return Err(format!("the format is {:?}, {known} {FORMAT:?}", head.format));
    }
    serde_json::from_slice(text).map_err(|error| format!("not a report of a run: {error}"))
}

/// Writes a document as indented JSON with a newline at its end. Writes to standard output if `path` is
/// `-`; see [`files::write`].
///
/// # Errors
/// A sentence that names the file.
pub fn write(path: &Path, document: &impl Serialize) -> Result<(), String> {
    let mut text = serde_json::to_vec_pretty(document)
        .map_err(|error| format!("write {}: {error}", path.display()))?;
    text.push(b'\n');
    files::write(path, &text)
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;
    use std::path::PathBuf;

    use schemars::JsonSchema;
    use serde::de::DeserializeOwned;
    use serde_json::Value;

    use super::*;
    use crate::harness;

    /// Environment variable that makes the tests write the stored files instead of comparing them.
    const UPDATE: &str = "UPDATE";

    const HINT: &str =
        "differs from the types; to write it anew: UPDATE=1 cargo test -p echo-loadtest --lib kept";

    #[track_caller]
    fn kept(name: &str, current: &impl Serialize) -> Value {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("schema").join(name);
        let current = serde_json::to_value(current).unwrap();
        if std::env::var_os(UPDATE).is_some() {
            write(&path, &current).unwrap();
        }
        let text = fs::read(&path).unwrap_or_default();
        let kept: Value = serde_json::from_slice(&text).unwrap_or_default();
        assert!(kept == current, "schema/{name} {HINT}");
        kept
    }

    /// Checks the stored schema and the stored example of a kind of document.
    #[track_caller]
    fn check<T>(kind: &str, document: &T)
    where
        T: Serialize + DeserializeOwned + JsonSchema + PartialEq + Debug,
    {
        let schema = kept(&format!("{kind}.schema.json"), &schemars::schema_for!(T));
        let example = kept(&format!("{kind}.example.json"), document);
        let validator = jsonschema::validator_for(&schema).unwrap();
        assert!(jsonschema::meta::is_valid(&schema));
        let faults: Vec<_> =
            validator.iter_errors(&example).map(|fault| fault.to_string()).collect();
        assert_eq!(faults, [""; 0]);
        assert_eq!(&serde_json::from_value::<T>(example).unwrap(), document);
    }

    #[test]
    fn the_kept_schemas_are_those_of_the_types_and_the_kept_examples_obey_them() {
        check("run", &harness::example());
        check("compare", &harness::example_comparison());
        check("capacity", &harness::example_capacity());
    }

    #[test]
    fn the_schema_refuses_what_a_report_must_not_be() {
        let schema = serde_json::to_value(schemars::schema_for!(RunReport)).unwrap();
        let validator = jsonschema::validator_for(&schema).unwrap();
        let report = serde_json::to_value(harness::example()).unwrap();
        for (pointer, value) in [
            ("/messages/verified", Value::from(-1)),
            ("/verdict/kind", Value::from("GOOD")),
            ("/intervals", Value::Null),
            ("/load", serde_json::json!({})),
        ] {
            let mut wrong = report.clone();
            *wrong.pointer_mut(pointer).unwrap() = value;
            assert!(!validator.is_valid(&wrong), "{pointer}");
        }
        let mut surplus = report;
        surplus["surplus"] = Value::from(1);
        assert!(!validator.is_valid(&surplus));
    }

    #[test]
    fn what_was_kept_before_messages_without_a_stamp_were_counted_is_read() {
        let mut run = serde_json::to_value(harness::example()).unwrap();
        assert!(run["generator"].as_object_mut().unwrap().remove("without_stamp").is_some());
        assert_eq!(parse(run.to_string().as_bytes()), Ok(harness::example()));
    }

    #[test]
    fn a_report_comes_back_from_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.json");
        write(&path, &harness::example()).unwrap();
        assert_eq!(read(&path), Ok(harness::example()));
        assert!(fs::read(&path).unwrap().ends_with(b"}\n"));
    }

    #[test]
    fn what_is_no_report_is_refused_with_a_reason() {
        let other =
            serde_json::json!({ "format": "echo-loadtest/run/2", "news": true }).to_string();
        for (text, reason) in [
            ("", "not a report of loadtest: "),
            ("[]", "not a report of loadtest: "),
            ("{\"a\": 1}", "not a report of loadtest: missing field `format`"),
            (
                &other,
                "the format is \"echo-loadtest/run/2\", this program knows \"echo-loadtest/run/1\"",
            ),
            ("{\"format\": \"echo-loadtest/run/1\"}", "not a report of a run: missing field"),
        ] {
            let error = parse(text.as_bytes()).unwrap_err();
            assert!(error.starts_with(reason), "{text}: {error}");
        }
        let error = read(Path::new("no/such/file.json")).unwrap_err();
        assert!(error.starts_with("read no/such/file.json: "), "{error}");
    }
}
