pub(crate) mod flags;
pub(crate) mod kept;
pub(crate) mod raw;
#[cfg(test)]
pub(crate) mod sample;
