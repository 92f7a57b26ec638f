//! Writes results to files: whole or not at all.

use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::Builder;

/// The file name that stands for standard output.
pub const STANDARD_OUTPUT: &str = "-";

/// Returns whether a file's name stands for standard output.
#[must_use]
pub fn is_standard_output(path: &Path) -> bool {
    path.as_os_str() == STANDARD_OUTPUT
}

/// Writes `bytes` to the file `path`, or to standard output if that is `-`. An existing file is replaced
/// by the whole new one in one step, and stays as it is if writing fails. Anything else, such as a pipe
/// or a terminal, is written to in place.
///
/// # Errors
/// A sentence that names the file.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    if is_standard_output(path) {
        let mut stdout = io::stdout().lock();
        let written = stdout.write_all(bytes).and_then(|()| stdout.flush());
        return written.map_err(|error| format!("write standard output: {error}"));
    }
    replace(path, bytes).map_err(|error| format!("write {}: {error}", path.display()))
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let path = match fs::metadata(path) {
        // Replacing a device by a file would do great harm.
        Ok(present) if !present.is_file() => return fs::write(path, bytes),
        // The target of a symbolic link is replaced, not the link.
        Ok(_) => fs::canonicalize(path)?,
        Err(_) => path.to_owned(),
    };
    let mut temporary = beside(&path)?;
    temporary.write_all(bytes)?;
    temporary.as_file().sync_all()?;
    temporary.persist(path)?;
    Ok(())
}

/// Creates a temporary file in the folder of `path`, so that it can be renamed to `path`.
fn beside(path: &Path) -> io::Result<tempfile::NamedTempFile> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        Some(_) | None => PathBuf::from("."),
    };
    // An error here is clearer than the library's, which would name the temporary file.
    fs::metadata(&folder)?;
    let mut builder = Builder::new();
    builder.prefix(".loadtest-");
    if let Some(permissions) = readable_by_all() {
        builder.permissions(permissions);
    }
    builder.tempfile_in(folder)
}

/// Returns the permissions of any new file, to which the system applies the user's mask. A temporary
/// file would be private.
#[cfg(unix)]
fn readable_by_all() -> Option<Permissions> {
    use std::os::unix::fs::PermissionsExt;
    Some(Permissions::from_mode(0o666))
}

#[cfg(not(unix))]
fn readable_by_all() -> Option<Permissions> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_file_is_made_then_replaced_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.json");
        write(&path, b"first, and longer").unwrap();
        write(&path, b"second").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(names(folder.path()), ["run.json"]);
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("none/run.json");
        let message = write(&path, b"").unwrap_err();
        assert!(message.starts_with(&format!("write {}: ", path.display())), "{message}");
        assert!(!message.contains(".loadtest-"), "{message}");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_and_the_permissions_of_a_new_file_are_kept() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        let ordinary = folder.path().join("ordinary");
        fs::write(&ordinary, b"").unwrap();
        write(&file, b"1").unwrap();
        symlink(&file, &link).unwrap();
        write(&link, b"2").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"2");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        let mode = |path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&file), mode(&ordinary));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_device_stays_a_device() {
        use std::os::unix::fs::FileTypeExt;
        let null = Path::new("/dev/null");
        write(null, b"gone").unwrap();
        assert!(fs::metadata(null).unwrap().file_type().is_char_device());
    }
}
