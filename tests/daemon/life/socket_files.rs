//! Socket files in directories of the daemon's user, who may replace them at any time.

use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt;
use testkit::{Daemon, Program};

/// Between bind and a change by path, another file could be there.
#[test]
fn the_path_of_a_socket_is_not_used_again_after_it_is_made() {
    let builder = Daemon::builder(Program::Ours);
    let directory = builder.scratch().subdirectory("sockets");
    let path = |name: &str| directory.join(name).display().to_string();
    let watch = Inotify::init(InitFlags::IN_NONBLOCK).expect("inotify");
    let events = AddWatchFlags::IN_CREATE | AddWatchFlags::IN_ATTRIB;
    watch.add_watch(&directory, events).expect("a watch");
    let daemon = builder
        .on(testkit::Listener::Unix(path("policy").into()))
        .arg(format!("--milter={}", path("milter")))
        .arg(format!("--metrics=unix:{}", path("metrics")))
        .arg("--socketmode=0640")
        .start();
    let seen: Vec<(OsString, bool)> = watch
        .read_events()
        .expect("events")
        .into_iter()
        .filter_map(|event| Some((event.name?, event.mask.contains(AddWatchFlags::IN_CREATE))))
        .collect();
    let created = ["metrics", "policy", "milter"].map(|name| (OsString::from(name), true));
    assert_eq!(seen, created, "created once, and not changed afterwards");
    let metadata = fs::symlink_metadata(daemon.socket()).expect("the socket");
    assert_eq!(metadata.mode() & 0o7777, 0o640);
    let owner = fs::metadata(&directory).expect("the directory").uid();
    assert_eq!(metadata.uid(), owner);
}

#[test]
fn a_replaced_socket_file_is_not_removed() {
    let daemon = Daemon::builder(Program::Ours).start();
    let path = daemon.socket().to_path_buf();
    fs::remove_file(&path).expect("a socket");
    fs::write(&path, "somebody else's").expect("a file");
    let stopped = daemon.stop();
    assert_eq!(stopped.status.code(), Some(0));
    assert_eq!(fs::read_to_string(&path).expect("the file"), "somebody else's");
}
