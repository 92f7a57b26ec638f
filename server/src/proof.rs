//! The code that checks the server and never ships: the simulation, the cases for the model checker,
//! and the work whose instructions are counted.

#[cfg(any(feature = "counts", test))]
pub mod counts;
#[cfg(all(loom, test))]
mod model;
#[cfg(any(fuzzing, test))]
pub mod simulation;
