//! Random damage to the database file, before tools read it and a daemon starts on
//! it. No tool may be ended by a signal, hang, or make the file grow. Damage that the
//! check at the start does not see can end a daemon that serves, as its own user.

#![allow(clippy::print_stderr, reason = "the figures of a long run are for the reader")]

use crate::hostile::{database, run};
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, mkfifo};
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, lchown, symlink};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use testkit::random::{self, Random};
use testkit::{Attempt, Program};

const PAGE: usize = 4096;

/// Bytes that a command may add to a file of some pages.
const MAX_GROWTH: u64 = 4 << 20;

/// How long a daemon may take to serve or to give up.
const START_LIMIT: Duration = Duration::from_secs(90);

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
fn send_mail(mut stream: UnixStream) {
    stream.set_read_timeout(Some(START_LIMIT)).expect("a socket");
    let mut reply = [0; 1024];
    for number in (0..1200).step_by(13) {
        let sender = format!("sender{number}@example.com");
        let attempt = Attempt::new("192.0.2.1", "mx.test", &sender, "bob@example.org");
        let sent = stream.write_all(&attempt.bytes());
        if sent.is_err() || !matches!(stream.read(&mut reply), Ok(1..)) {
            return;
        }
    }
}

/// Starts a daemon and stops it once it serves. Returns true if it came that far.
fn start(directory: &Path, socket: &Path) -> Result<bool, String> {
    let mut daemon = Command::new(Program::Ours.path())
        .arg(format!("--unix={}", socket.display()))
        .arg(format!("--dbdir={}", directory.display()))
        .args(["--whitelist-clients=/dev/null", "--whitelist-recipients=/dev/null"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("our binary");
    let pid = Pid::from_raw(i32::try_from(daemon.id()).expect("a process id"));
    let deadline = Instant::now() + START_LIMIT;
    let mut has_served = false;
    let status = loop {
        if let Some(status) = daemon.try_wait().expect("a child") {
            break status;
        }
        if Instant::now() > deadline {
            daemon.kill().expect("a child");
            daemon.wait().expect("its end");
            return Err("does not come to an end".to_owned());
        }
        if let Some(stream) = UnixStream::connect(socket).ok().filter(|_| !has_served) {
            // It listens, serves mail once it has opened the database, and writes all
            // entries when it stops.
            has_served = true;
            send_mail(stream);
            kill(pid, Signal::SIGTERM).expect("TERM");
        }
        thread::sleep(Duration::from_millis(2));
    };
    match status.code() {
        None if !has_served => Err(status.to_string()),
        None => {
            eprintln!("a daemon that serves: {status}");
            Ok(true)
        }
        Some(_) => Ok(has_served),
    }
}

#[test]
fn damaged_databases_end_no_tool_and_no_start() {
    let (scratch, directory) = database();
    let file = directory.join("postgrey.mdb");
    let sound = fs::read(&file).expect("a database");
    let (copy, socket) = (scratch.path().join("copy"), scratch.path().join("socket"));
    let dbdir = format!("--dbdir={}", directory.display());
    let (seed, cases) = (random::seed(), random::cases(30));
    let [mut damaged, mut sound_runs, mut starts, mut failures] = [0; 4];
    let begin = Instant::now();
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
            let words: Vec<&str> = command.split(' ').chain([dbdir.as_str()]).collect();
            let (status, errors) = run(&words);
            assert!(matches!(status, Some(0..=3)), "{}: {status:?} {errors}", what(&command));
            damaged += usize::from(status == Some(3));
            sound_runs += usize::from(status == Some(0));
            // A file with holes is longer than what it takes of the disk.
            let blocks = fs::metadata(&file).expect("a file").blocks();
            let limit = sound.len() as u64 + MAX_GROWTH;
            assert!(512 * blocks <= limit, "{}: {blocks} blocks", what(&command));
        }
        fs::write(&file, &bytes).expect("a file");
        match start(&directory, &socket) {
            Ok(true) => starts += 1,
            Ok(false) => failures += 1,
            Err(error) => panic!("{}: {error}", what("start")),
        }
    }
    eprintln!(
        "{cases} files in {:?}: commands {damaged} refused, {sound_runs} done; starts {failures} \
         refused, {starts} served",
        begin.elapsed()
    );
    assert!(damaged > 0 && failures > 0, "nothing was damaged enough");
}

/// The daemon's user can put anything in the place of its files.
#[test]
fn a_fifo_or_device_in_place_of_a_file_blocks_no_tool_and_no_start() {
    let (scratch, directory) = database();
    let saved = |name: &str| fs::read(directory.join(name)).ok();
    let names = [
        "postgrey.mdb",
        "postgrey.mdb-lock",
        "postgrey.journal",
        "postgrey.lock",
        "postgrey.control",
        "postgrey.db",
    ];
    let dbdir = format!("--dbdir={}", directory.display());
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
                let words: Vec<&str> = command.split(' ').chain([dbdir.as_str()]).collect();
                let (status, errors) = run(&words);
                assert!(matches!(status, Some(0..=3)), "{name}, {command}: {status:?} {errors}");
                assert!(!errors.contains("come to an end"), "{name}, {command}: {errors}");
            }
            replant();
            let begin = Instant::now();
            let started = start(&directory, &scratch.path().join("socket"));
            assert!(started.is_ok() && begin.elapsed() < START_LIMIT / 3, "{name}: {started:?}");
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
    let (scratch, directory) = database();
    let lock = directory.join("postgrey.mdb-lock");
    let mut bytes = fs::read(&lock).expect("a lock file");
    // The number of readers follows magic, format, transaction and mutex.
    bytes[8..].fill(0xff);
    fs::write(&lock, bytes).expect("a lock file");
    let started = start(&directory, &scratch.path().join("socket"));
    assert!(started.is_ok(), "{started:?}");
}
