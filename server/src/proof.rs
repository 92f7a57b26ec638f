//! What proves the rest, and never ships: the simulation, the model checker's cases, and the work whose
//! instructions are counted.

#[cfg(any(feature = "counts", test))]
pub mod counts;
#[cfg(loom)]
mod model;
#[cfg(any(fuzzing, test))]
pub mod simulation;
