//! Debian packages, installed when they are missing.

use std::process::{Command, Stdio};
use std::sync::Once;

use crate::check::{Check, Outcome, skipped};

/// A check that needs these packages, and is skipped where they cannot be had.
pub(crate) fn with_packages(
    name: &str,
    packages: &'static [&'static str],
    run: impl FnOnce() -> Outcome + 'static,
) -> Check {
    Check::new(name, move || match install(packages) {
        Ok(()) => run(),
        Err(reason) => skipped(reason),
    })
}

/// Makes sure that these packages are installed.
///
/// # Errors
/// Why they cannot be had here, in one line.
pub(crate) fn install(packages: &[&str]) -> Result<(), String> {
    let missing: Vec<&str> =
        packages.iter().copied().filter(|package| !is_installed(package)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let reason = |what: String| format!("{what} (wanted: {})", missing.join(" "));
    if !nix::unistd::geteuid().is_root() {
        return Err(reason("packages are missing, and only root may install them".to_owned()));
    }
    static UPDATED: Once = Once::new();
    // An old list may do.
    UPDATED.call_once(|| drop(apt_get(&["update"])));
    // Another installation may be under way.
    let install = ["-o", "DPkg::Lock::Timeout=120", "install", "--yes", "--no-install-recommends"];
    let args = [&install, &missing[..]].concat();
    apt_get(&args).map_err(reason)
}

fn is_installed(package: &str) -> bool {
    let status = Command::new("dpkg-query")
        .args(["--show", "--showformat", "${Status}", package])
        .stderr(Stdio::null())
        .output();
    status.is_ok_and(|output| output.stdout == b"install ok installed")
}

fn apt_get(args: &[&str]) -> Result<(), String> {
    let output = Command::new("apt-get")
        .args(args)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("apt-get: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("apt-get failed: {}", said.trim().lines().last().unwrap_or("no word")))
}
