//! The request to stop: Ctrl+C, `SIGTERM` or `SIGHUP`; on Windows Ctrl+C.

/// Calls `react` with 1 at the first request to stop, 2 at the second, and so on, on a thread of
/// its own. At most one caller per process.
///
/// `SIGHUP` counts too, also under `nohup`: the handler replaces the "ignore" that `nohup` set.
///
/// # Errors
/// A sentence when the system refuses the handler, or the process has one already.
pub fn on_stop(mut react: impl FnMut(u32) + Send + 'static) -> Result<(), String> {
    let mut requests = 0_u32;
    ctrlc::set_handler(move || {
        requests = requests.saturating_add(1);
        react(requests);
    })
    .map_err(|error| match error {
        // The library's own words for it leave out the reason.
        ctrlc::Error::System(reason) => format!("install the signal handler: {reason}"),
        error => format!("install the signal handler: {error}"),
    })
}
