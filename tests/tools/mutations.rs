//! Random damage to the database file, before tools read it and a daemon starts on
//! it. No tool may be ended by a signal, hang, or make the file grow. Damage that the
//! check at the start does not see can end a daemon that serves, as its own user.

#![allow(clippy::print_stderr, reason = "the seed repeats a failure")]

use crate::hostile::{database, database_with_a_forged_lock, run};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use std::fs;
use std::os::unix::fs::{MetadataExt, lchown, symlink};
use std::path::Path;
use std::time::{Duration, Instant};
use testkit::random::{self, Random};
use testkit::tool::Finished;
use testkit::{Attempt, Daemon, Program, Scratch, Stopped};

const PAGE: usize = 4096;

/// Bytes that a command may add to a file of some pages.
const MAX_GROWTH: u64 = 4 << 20;

/// How long a daemon may take to serve and stop, or to give up.
const START_LIMIT: Duration = Duration::from_secs(30);

const COMMANDS: &[&str] = &[
    "list",
    "list --clients",
    "list --sort=last --reverse",
    "stats",
    "export",
    "show 192.0.2.1",
    "check --database",
    "backup -",
    "forget 192.0.2.1",
    "forget --sender-domain=example.com",
    "allow 192.0.2.1",
    "clear --yes",
    "import --from=COPY",
    "restore --yes COPY",
    "list --file=COPY",
];

/// Damages bytes in one of several ways.
fn damage(bytes: &mut Vec<u8>, random: &mut Random) {
    let pages = bytes.len() / PAGE;
    match random.below(6) {
        // Anywhere.
        0 => (0..40).for_each(|_| spoil(bytes, 0, random)),
        // In the first two pages, which say where everything is.
        1 => (0..4).for_each(|_| spoil(bytes, random.below(2) + 1, random)),
        // In one page.
        2 => {
            let page = random.below(pages) + 1;
            (0..10).for_each(|_| spoil(bytes, page, random));
        }
        // A page in the place of another.
        3 => {
            let (from, to) = (random.below(pages) * PAGE, random.below(pages) * PAGE);
            bytes.copy_within(from..from + PAGE, to);
        }
        // A page of one byte.
        4 => {
            let (page, byte) = (random.below(pages) * PAGE, random.below(256) as u8);
            bytes[page..page + PAGE].fill(byte);
        }
        // An end that is missing.
        _ => bytes.truncate(random.below(bytes.len())),
    }
}

/// Changes one byte of a page, counted from 1, or of any page.
fn spoil(bytes: &mut [u8], page: usize, random: &mut Random) {
    // The head of a page has what leads to the others.
    let range = if random.one_in(2) { 160 } else { PAGE };
    let place = match page {
        0 => random.below(bytes.len()),
        page => (page - 1) * PAGE + random.below(range),
    };
    if let Some(byte) = bytes.get_mut(place) {
        *byte = if random.one_in(2) { random.below(256) as u8 } else { *byte ^ 1 };
    }
}

/// Sends mail of which the database has every other triplet, as long as there are
/// replies.
fn send_mail(daemon: &Daemon) {
    let Ok(mut client) = daemon.listener().connect() else { return };
    let mut numbers = (0..1200).step_by(13);
    let _ = numbers.try_for_each(|number| {
        let sender = format!("sender{number}@example.com");
        let attempt = Attempt::new("192.0.2.1", "mx.test", &sender, "bob@example.org");
        client.try_to_ask(&attempt).map(drop)
    });
}

/// Starts a daemon, and stops it once it serves: then it writes all entries. Returns
/// true if it came that far.
fn start(scratch: Scratch) -> (Scratch, bool) {
    match Daemon::builder_in(Program::Ours, scratch).try_to_start() {
        Err(Stopped { status, scratch, .. }) => {
            assert!(status.code().is_some(), "a start: {status}");
            (scratch, false)
        }
        Ok(daemon) => {
            send_mail(&daemon);
            let Stopped { status, scratch, .. } = daemon.stop();
            (scratch, status.success() || status.code().is_none())
        }
    }
}

#[test]
fn damaged_databases_end_no_tool_and_no_start() {
    let mut scratch = database();
    let file = scratch.dbdir().join("postgrey.mdb");
    let sound = fs::read(&file).expect("a database");
    let copy = scratch.path().join("copy");
    let (seed, cases) = (random::seed(), random::cases(30));
    let [mut damaged, mut failures] = [0; 2];
    for case in 0..cases {
        let mut random = Random::of(seed.wrapping_add(case as u64));
        let mut bytes = sound.clone();
        damage(&mut bytes, &mut random);
        let what = |command: &str| format!("POSTGREY_SEED={seed}, case {case}, {command}");
        for _ in 0..3 {
            fs::write(&file, &bytes).expect("a file");
            fs::write(&copy, &bytes).expect("a file");
            let command = random.pick(COMMANDS).replace("COPY", copy.to_str().expect("UTF-8"));
            if command.contains(" --from=") || command.contains("restore") {
                fs::write(&file, &sound).expect("a file");
            }
            let Finished { status, err, .. } = run(&scratch, &command);
            assert!(matches!(status, Some(0..=3)), "{}: {status:?} {err}", what(&command));
            damaged += usize::from(status == Some(3));
            // A file with holes is longer than what it takes of the disk.
            let blocks = fs::metadata(&file).expect("a file").blocks();
            let limit = sound.len() as u64 + MAX_GROWTH;
            assert!(512 * blocks <= limit, "{}: {blocks} blocks", what(&command));
        }
        fs::write(&file, &bytes).expect("a file");
        eprintln!("{}", what("start"));
        let serves;
        (scratch, serves) = start(scratch);
        failures += usize::from(!serves);
    }
    assert!(damaged > 0 && failures > 0, "nothing was damaged enough");
}

/// The daemon's user can put anything in the place of its files.
#[test]
fn a_fifo_or_device_in_place_of_a_file_blocks_no_tool_and_no_start() {
    let mut scratch = database();
    let directory = scratch.dbdir();
    let saved = |name: &str| fs::read(directory.join(name)).ok();
    let names = [
        "postgrey.mdb",
        "postgrey.mdb-lock",
        "postgrey.journal",
        "postgrey.lock",
        "postgrey.control",
        "postgrey.db",
    ];
    let sound = names.map(saved);
    let owner = fs::metadata(&directory).expect("a directory");
    let give_away = |path: &Path| {
        lchown(path, Some(owner.uid()), Some(owner.gid())).expect("chown");
    };
    for name in names {
        for plant in [plant_fifo as fn(&Path), plant_link] {
            for (name, content) in names.iter().zip(&sound) {
                let path = directory.join(name);
                let _ = fs::remove_file(&path);
                if let Some(content) = content {
                    fs::write(&path, content).expect("a file");
                    give_away(&path);
                }
            }
            let path = directory.join(name);
            let replant = || {
                let _ = fs::remove_file(&path);
                plant(&path);
                give_away(&path);
            };
            for command in ["list", "check --database", "backup -", "import"] {
                replant();
                let Finished { status, err, .. } = run(&scratch, command);
                assert!(matches!(status, Some(0..=3)), "{name}, {command}: {status:?} {err}");
                assert!(!err.contains("come to an end"), "{name}, {command}: {err}");
            }
            replant();
            let begin = Instant::now();
            (scratch, _) = start(scratch);
            assert!(begin.elapsed() < START_LIMIT, "{name}: {:?}", begin.elapsed());
        }
    }
}

fn plant_fifo(path: &Path) {
    mkfifo(path, Mode::S_IRWXU).expect("a FIFO");
}

fn plant_link(path: &Path) {
    symlink("/dev/zero", path).expect("a symbolic link");
}

#[test]
fn a_forged_lock_file_ends_no_start() {
    start(database_with_a_forged_lock());
}
