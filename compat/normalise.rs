//! The differences between two runs that have no meaning, all in this file;
//! everything else is compared unchanged.

use regex::Regex;
use std::sync::LazyLock;
use testkit::{PERL_WARNING, Program, Scratch, start_of_time};

/// The names, numbers and moments that stand in texts of both programs.
///
/// - versions: `postgrey-1.37` or `postgrey 2.0.0` → `VERSION`
/// - the header's date → `DATE`; one case looks at the real one
/// - the test's directory → `DIR`, this machine's name → `HOST`
/// - process ids → `PID`
/// - a warning of Perl 5.40 about the original's libraries → nothing
/// - the time stamps of the first and the last line → `TIME`
pub fn text(text: &str, scratch: &Scratch) -> String {
    let text = text.replace(&scratch.path().display().to_string(), "DIR");
    REPLACEMENTS.iter().fold(text, |text, (pattern, replacement)| {
        pattern.replace_all(&text, *replacement).into_owned()
    })
}

static REPLACEMENTS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let hostname = nix::unistd::gethostname().expect("a host name");
    let hostname = regex::escape(&hostname.to_string_lossy());
    let ours = regex::escape(env!("CARGO_PKG_VERSION"));
    let table = [
        (format!("(?m)^{PERL_WARNING}.*\n"), ""),
        (format!("postgrey([- ])(?:1\\.37|{ours})"), "postgrey${1}VERSION"),
        (
            "; [A-Z][a-z]{2}, [0-3][0-9] [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} [A-Z]+".to_string(),
            "; DATE",
        ),
        (format!(" at {hostname}; DATE"), " at HOST; DATE"),
        ("pid\\([0-9]+\\)".to_string(), "pid(PID)"),
        ("(?m)^[0-9]{4}/[0-9]{2}/[0-9]{2}-[0-9:]{8} ".to_string(), "TIME "),
    ];
    let compiled =
        table.into_iter().map(|(pattern, text)| (Regex::new(&pattern).expect("a pattern"), text));
    compiled.collect()
});

/// Cuts off the advice of ours after the original's sentences: that is difference
/// X48, which a case of its own shows.
pub fn without_advice(text: &str) -> String {
    static ADVICE: LazyLock<Regex> = LazyLock::new(|| {
        let sentences = "No such (?:user|group) \"[^\"]*\"\
             |ERROR: --unix or --inet must be specified";
        // The name of an option may have several lines, and the advice repeats it.
        let option = "(?s:(Unknown option: .*?); did you mean [^?]*\\?)";
        Regex::new(&format!("(?m)^(?:{option}|({sentences}); .*)$")).expect("a pattern")
    });
    ADVICE.replace_all(text, "$1$2").into_owned()
}

/// A line of the log. The original doubles percent signs in most of them: that
/// is difference X6 of `BEHAVIOUR.md`, which a case of its own shows.
pub fn log_line(program: Program, line: &str, scratch: &Scratch) -> String {
    match program {
        Program::Theirs => text(&line.replace("%%", "%"), scratch),
        Program::Ours => text(line, scratch),
    }
}

/// A value of the database: its moments become distances from the start of
/// time, `+300`. Numbers below one thousand million are counts, not moments.
pub fn record(value: &str) -> String {
    let fields = value.split(',').map(|field| {
        let is_moment = field.len() >= 10 && field.bytes().all(|byte| byte.is_ascii_digit());
        match field.parse::<i64>() {
            Ok(moment) if is_moment => format!("{:+}", moment - start_of_time()),
            _ => field.to_string(),
        }
    });
    fields.collect::<Vec<_>>().join(",")
}
