//! Installs missing Debian packages.

use std::process::{Command, Stdio};
use std::sync::Once;

/// Installs those of `packages` that are missing.
///
/// # Errors
/// One line that says why they cannot be installed.
pub fn install(packages: &[&str]) -> Result<(), String> {
    let missing: Vec<&str> =
        packages.iter().copied().filter(|package| !is_installed(package)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let reason = |what: String| format!("{what} (wanted: {})", missing.join(" "));
    if !is_root() {
        return Err(reason("packages are missing, and only root may install them".to_owned()));
    }
    static UPDATED: Once = Once::new();
    // A failed update is ignored, because the old list of packages may suffice.
    UPDATED.call_once(|| drop(apt_get(&["update"])));
    // The timeout waits for another installation that holds the lock.
    let install = ["-o", "DPkg::Lock::Timeout=120", "install", "--yes", "--no-install-recommends"];
    let args = [&install, &missing[..]].concat();
    apt_get(&args).map_err(reason)
}

#[cfg(unix)]
fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

#[cfg(not(unix))]
fn is_root() -> bool {
    false
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
    let printed = String::from_utf8_lossy(&output.stderr);
    Err(format!("apt-get failed: {}", printed.trim().lines().last().unwrap_or("no message")))
}
