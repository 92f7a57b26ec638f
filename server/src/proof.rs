//! The proof of the rest, which never ships: the simulation, the cases of the model checker, and the work
//! whose instructions are counted.

#[cfg(any(feature = "counts", test))]
pub mod counts;
#[cfg(loom)]
mod model;
#[cfg(any(fuzzing, test))]
pub mod simulation;
