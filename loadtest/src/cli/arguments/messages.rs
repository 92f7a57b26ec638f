//! Reads a file of which each line is a message.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use echo_loadtest::plan::{Messages, Sizes};

use crate::cli::arguments::values::MAX_MESSAGE_LEN;

/// Maximum length of the file, because it is held in memory.
const MAX_FILE_LEN: u64 = 1 << 30;

/// Returns each line of the file with its newline. A last line without a newline gets one.
///
/// # Errors
/// A sentence that names the file, if the file cannot be read, is empty or too long, or has a line
/// that is too long.
pub(super) fn read(path: &Path) -> Result<Sizes, String> {
    let name = path.display().to_string();
    let told = |reason: String| format!("read the messages in {name}: {reason}");
    let mut text = vec![];
    let file = File::open(path).map_err(|error| told(error.to_string()))?;
    let read = file.take(MAX_FILE_LEN + 1).read_to_end(&mut text);
    read.map_err(|error| told(error.to_string()))?;
    if text.len() as u64 > MAX_FILE_LEN {
        return Err(told("the file is longer than 1GiB".to_owned()));
    }
    let lines = lines(&text).map_err(told)?;
    Ok(Sizes::Messages(Arc::new(Messages { file: name, lines })))
}

fn lines(text: &[u8]) -> Result<Vec<Box<[u8]>>, String> {
    if text.is_empty() {
        return Err("the file is empty".to_owned());
    }
    let lines = (1..).zip(text.split_inclusive(|byte| *byte == b'\n'));
    lines.map(|(number, line)| message(number, line)).collect()
}

fn message(number: usize, line: &[u8]) -> Result<Box<[u8]>, String> {
    let mut message = line.to_vec();
    if !message.ends_with(b"\n") {
        message.push(b'\n');
    }
    if message.len() > MAX_MESSAGE_LEN {
        return Err(format!("line {number} is longer than 16MiB"));
    }
    Ok(message.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &[u8], expected: &[&[u8]]) {
        let lines = lines(text).unwrap();
        assert_eq!(lines.iter().map(AsRef::as_ref).collect::<Vec<&[u8]>>(), expected);
    }

    #[test]
    fn every_line_is_a_message_with_its_newline() {
        check(b"\n", &[b"\n"]);
        check(b"one\ntwo\r\n\n", &[b"one\n", b"two\r\n", b"\n"]);
        check(b"\0\xff\nunterminated", &[b"\0\xff\n", b"unterminated\n"]);
    }

    #[test]
    fn a_file_of_no_use_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("messages.txt");
        let told = |reason: &str| format!("read the messages in {}: {reason}", path.display());
        assert!(read(&path).unwrap_err().starts_with(&told("")));
        std::fs::write(&path, b"").unwrap();
        assert_eq!(read(&path).unwrap_err(), told("the file is empty"));
        let long = [b"ok\n".to_vec(), vec![b'x'; MAX_MESSAGE_LEN]].concat();
        std::fs::write(&path, long).unwrap();
        assert_eq!(read(&path).unwrap_err(), told("line 2 is longer than 16MiB"));
    }

    #[test]
    fn a_message_of_the_greatest_length_is_taken() {
        assert_eq!(lines(&vec![b'x'; MAX_MESSAGE_LEN - 1]).unwrap()[0].len(), MAX_MESSAGE_LEN);
    }

    #[test]
    fn the_file_is_named_in_the_plan() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"a\nb").unwrap();
        let Ok(Sizes::Messages(messages)) = read(file.path()) else { panic!("no messages") };
        assert_eq!(messages.file, file.path().display().to_string());
        assert_eq!(messages.lines.len(), 2);
    }
}
