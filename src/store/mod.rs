//! Where the greylist's memory is kept, and the files it can be read from.

pub mod berkeley;
