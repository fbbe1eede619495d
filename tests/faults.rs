//! Faults that the daemon survives, each on the real binary: it goes on
//! answering the others, says once what is wrong, keeps its memory within
//! bounds, recovers by itself and loses nothing that it told anybody.
//!
//! Needs root and Linux, for mounts that only the daemon under test sees.

mod harness;

#[path = "faults/background.rs"]
mod background;
#[path = "faults/bytes.rs"]
mod bytes;
#[path = "faults/connections.rs"]
mod connections;
#[path = "faults/disk.rs"]
mod disk;
#[path = "faults/headers.rs"]
mod headers;
#[path = "faults/interruptions.rs"]
mod interruptions;
#[path = "faults/lists.rs"]
mod lists;
#[path = "faults/logging.rs"]
mod logging;
#[path = "faults/milter.rs"]
mod milter;
#[path = "milter/client.rs"]
#[allow(dead_code, reason = "the tests of the milter door use the rest")]
mod milter_client;
#[path = "faults/namespace.rs"]
mod namespace;
#[path = "faults/preload.rs"]
mod preload;
#[path = "faults/private_dev.rs"]
mod private_dev;
#[path = "../compat/random.rs"]
#[allow(dead_code, reason = "the comparison of both programs uses the rest")]
mod random;
#[path = "faults/witness.rs"]
mod witness;
