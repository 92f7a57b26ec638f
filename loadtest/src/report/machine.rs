//! The machine that the load tester runs on.

use std::thread;

use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

use crate::report::run_report::Machine;

/// Describes this machine. A figure is empty or 0 if the operating system does not report it.
#[must_use]
pub fn this() -> Machine {
    let what = RefreshKind::nothing()
        .with_memory(MemoryRefreshKind::nothing().with_ram())
        .with_cpu(CpuRefreshKind::nothing());
    let system = System::new_with_specifics(what).ok();
    let cpu = system.as_ref().and_then(|system| system.cpus().first());
    Machine {
        system: System::long_os_version().unwrap_or_default(),
        kernel: System::kernel_version().unwrap_or_default(),
        cpu: cpu.map(|cpu| cpu.brand().to_owned()).unwrap_or_default(),
        cpus: thread::available_parallelism().map_or(0, usize::from),
        memory_bytes: system.as_ref().map(System::total_memory).unwrap_or_default(),
    }
}
