//! Random stories: several at a time on both programs, and the shortest that
//! still shows a difference.

use crate::case::can_compare;
use std::fmt::Display;
use std::sync::atomic::{AtomicUsize, Ordering};
use testkit::random::{cases, seed};

const WORKERS: usize = 4;

/// Compares both programs on as many stories as the environment asks for, each made of
/// a seed of its own.
pub fn compare_all(usual: usize, compare: impl Fn(u64) + Sync) {
    if can_compare() {
        for_each_seed(usual, WORKERS, || &compare);
    }
}

/// Calls functions, one for each worker, with as many seeds as the environment asks for.
#[expect(clippy::print_stdout, reason = "the seed belongs to the result")]
pub fn for_each_seed<F: FnMut(u64)>(usual: usize, workers: usize, worker: impl Fn() -> F + Sync) {
    let (seed, cases, next) = (seed(), cases(usual), AtomicUsize::new(0));
    println!("seed {seed}, {cases} cases");
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                let mut work = worker();
                loop {
                    let case = next.fetch_add(1, Ordering::Relaxed);
                    if case >= cases {
                        break;
                    }
                    work(seed.wrapping_add(case as u64));
                }
            });
        }
    });
}

/// A part of a story that can be left out line by line.
pub type Part<S, L> = fn(&mut S) -> &mut Vec<L>;

/// Fails with the shortest story that still shows a difference, if this one does.
pub fn assert_alike<S: Clone + Display, L>(
    seed: u64,
    story: &S,
    parts: &[Part<S, L>],
    difference: impl Fn(&S) -> Option<String>,
) {
    if let Some((shortest, difference)) = shortest(story, parts, difference) {
        panic!("seed {seed}\n{shortest}\n{difference}");
    }
}

/// Removes lines from a story for as long as it shows a difference. Returns the shortest
/// story and its difference.
pub fn shortest<S: Clone, L>(
    story: &S,
    parts: &[Part<S, L>],
    difference: impl Fn(&S) -> Option<String>,
) -> Option<(S, String)> {
    let mut shortest = (story.clone(), difference(story)?);
    for part in parts {
        let mut length = part(&mut shortest.0).len().div_ceil(2);
        while length > 0 {
            let mut start = 0;
            while start < part(&mut shortest.0).len() {
                let mut shorter = shortest.0.clone();
                let lines = part(&mut shorter);
                let end = (start + length).min(lines.len());
                lines.drain(start..end);
                match difference(&shorter) {
                    Some(smaller) => shortest = (shorter, smaller),
                    None => start = end,
                }
            }
            length /= 2;
        }
    }
    Some(shortest)
}
