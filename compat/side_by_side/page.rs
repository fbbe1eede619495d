//! Writes results to the terminal at once, and at the end to a file.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

pub struct Page {
    text: String,
    plots: Vec<(&'static str, String)>,
}

impl Page {
    pub fn new() -> Page {
        let mut page = Page { text: String::new(), plots: Vec::new() };
        page.line("# The original and ours, side by side");
        page.line("");
        page.line("Written by `compat/bench`, which repeats all of it.");
        page.line("");
        page.line(&machine());
        page
    }

    #[expect(clippy::print_stdout, reason = "the results are for the terminal")]
    pub fn line(&mut self, line: &str) {
        println!("{line}");
        self.text.push_str(line);
        self.text.push('\n');
    }

    pub fn heading(&mut self, heading: &str) {
        self.line(&format!("\n## {heading}\n"));
    }

    pub fn plot(&mut self, name: &'static str, alternative: &str, drawing: String) {
        self.line(&format!("![{alternative}]({name})\n"));
        self.plots.push((name, drawing));
    }

    /// Writes page and drawings to their place in the project.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn save(&self) -> std::io::Result<()> {
        let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("compat/side_by_side");
        fs::write(directory.join("RESULTS.md"), &self.text)?;
        for (name, drawing) in &self.plots {
            fs::write(directory.join(name), drawing)?;
        }
        Ok(())
    }
}

/// Processors, memory, kernel, file system and load, without any name.
fn machine() -> String {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split(':').nth(1).unwrap_or("unknown").trim().to_string()
    };
    let model = field(&read("/proc/cpuinfo"), "model name");
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = field(&read("/proc/meminfo"), "MemTotal");
    let kernel = read("/proc/sys/kernel/osrelease");
    let kernel: Vec<&str> = kernel.split('.').take(2).collect();
    let disk = Command::new("findmnt")
        .args(["-n", "-o", "FSTYPE", "-T"])
        .arg(std::env::temp_dir())
        .output()
        .map_or(String::new(), |output| String::from_utf8_lossy(&output.stdout).into_owned());
    let busy = read("/proc/loadavg");
    let busy = busy.split(' ').next().unwrap_or_default();
    format!(
        "Machine: {cores} cores ({model}), {memory} of memory, Linux {}; databases on {}; load \
         average before the start {busy}. The load generator shares the cores with the program \
         that it asks.",
        kernel.join("."),
        disk.trim(),
    )
}
