//! Unit tests of batches, on servers that are a table of values.

use super::*;
use crate::greylist::{Client, Lookup, Reason, TripletRecord, Verdict, awl_keys, triplet};
use crate::greylist::{edit, edit::Edit};
use crate::state::Table;
use crate::state::shared::resp;
use std::collections::HashMap;

const NOW: i64 = 1_800_000_000;

/// Servers that another host uses as well.
#[derive(Default)]
struct FakeServers {
    values: HashMap<Vec<u8>, Vec<u8>>,
    has_script: bool,
    /// The records that another host writes before each call of the script, the last first.
    meanwhile: Vec<(Vec<u8>, String)>,
    calls: usize,
}

/// The words of a command.
fn words(command: &Command) -> Vec<Vec<u8>> {
    let Ok(Some((Value::Array(words), _))) = resp::parse(&command.bytes) else {
        panic!("not a command");
    };
    words.iter().map(|word| word.text().unwrap().to_vec()).collect()
}

impl FakeServers {
    fn get(&self, name: &[u8]) -> Value {
        self.values.get(name).cloned().map_or(Value::Nil, Value::Text)
    }

    /// Does the same as the script.
    fn call(&mut self, words: &[Vec<u8>]) -> Value {
        self.calls += 1;
        let count: usize = String::from_utf8_lossy(&words[2]).parse().unwrap();
        let (names, rest) = words[3..].split_at(count);
        let (known, changes) = rest.split_at(count);
        let is_same = |(name, known): (&Vec<u8>, &Vec<u8>)| {
            self.get(name).text().unwrap_or_default() == known.as_slice()
        };
        if !names.iter().zip(known).all(is_same) {
            return Value::Array(names.iter().map(|name| self.get(name)).collect());
        }
        for (name, change) in names.iter().zip(changes.chunks(2)) {
            match change[1].as_slice() {
                b"" => {}
                b"0" => drop(self.values.remove(name)),
                _ => drop(self.values.insert(name.clone(), change[0].clone())),
            }
        }
        Value::Integer(1)
    }
}

impl Link for FakeServers {
    fn connect(&mut self, _: Instant) -> Result<bool, Error> {
        Ok(false)
    }

    fn disconnect(&mut self) {}

    fn send(&mut self, commands: &[Command], _: Instant) -> Result<Vec<Value>, Error> {
        let is_call = |command: &Command| words(command)[0].starts_with(b"EVAL");
        if commands.iter().any(is_call) {
            if let Some((name, value)) = self.meanwhile.pop() {
                self.values.insert(name, value.into_bytes());
            }
        }
        let replies = commands.iter().map(|command| {
            let words = words(command);
            match words[0].as_slice() {
                b"GET" => self.get(&words[1]),
                b"EVALSHA" if !self.has_script => Value::Error("NOSCRIPT no script".to_owned()),
                _ => {
                    self.has_script = true;
                    self.call(&words)
                }
            }
        });
        Ok(replies.collect())
    }

    fn ask(&mut self, _: usize, _: &[&[u8]], _: Instant) -> Result<Option<Value>, Error> {
        Ok(None)
    }
}

/// The results, and how many of them were reported before each pause.
#[derive(Default)]
struct Results {
    done: Vec<(usize, Result<Done, Error>)>,
    at_pauses: Vec<usize>,
}

impl Results {
    fn note(&mut self, progress: Progress) {
        match progress {
            Progress::Done(item, result) => self.done.push((item, result)),
            Progress::Pause => self.at_pauses.push(self.done.len()),
        }
    }

    fn verdicts(&self) -> Vec<Verdict> {
        let mut done = self.done.clone();
        done.sort_by_key(|(item, _)| *item);
        let verdict = |(_, result): &(_, Result<Done, Error>)| match result {
            Ok(Done::Decided(decision)) => decision.verdict,
            other => panic!("{other:?}"),
        };
        done.iter().map(verdict).collect()
    }
}

fn attempt(now: i64, recipient: &[u8]) -> Item {
    let policy = Policy::default();
    let client = Client { address: "192.0.2.7".parse().unwrap(), name: b"" };
    let lookup = Lookup {
        triplet: triplet::key(&policy, client, b"a@b.test", recipient),
        clients: awl_keys(&policy, client, b"a@b.test"),
        recipient_delay: policy.delay,
        now,
    };
    Item::decide(&policy, lookup)
}

fn run_on(table: &mut FakeServers, items: &[Item]) -> (Results, u64) {
    let mut results = Results::default();
    let values = read(table, items, Instant::now()).unwrap();
    let policy = Policy::default();
    let conflicts =
        run(table, &policy, items, values, Instant::now(), &mut |it| results.note(it)).unwrap();
    assert_eq!(results.done.len(), items.len());
    (results, conflicts)
}

const NEW: Verdict = Verdict { reason: Reason::New, seconds: 300 };

fn early(waited: i64) -> Verdict {
    Verdict { reason: Reason::EarlyRetry, seconds: 300 - waited }
}

fn passed(waited: i64, first_time: bool) -> Verdict {
    let reason = if first_time { Reason::FirstPass } else { Reason::TripletFound };
    Verdict { reason, seconds: waited }
}

#[test]
fn a_later_item_sees_the_changes_of_an_earlier_one() {
    let mut table = FakeServers::default();
    let items = [0, 10, 300, 301].map(|after| attempt(NOW + after, b"c@d.test"));
    let (results, conflicts) = run_on(&mut table, &items);
    assert_eq!(results.verdicts(), [NEW, early(10), passed(300, true), passed(301, false)]);
    assert_eq!(conflicts, 0);
    // No result is reported before the changes that it depends on are written.
    assert_eq!(results.at_pauses, [0, 4]);
    assert_eq!(table.values[&items[0].names[0]], format!("{NOW},{}", NOW + 301).into_bytes());
    assert_eq!(table.values[&items[0].names[1]], format!("1,{}", NOW + 300).into_bytes());
}

#[test]
fn a_refresh_is_reported_before_it_is_written() {
    let mut table = FakeServers::default();
    run_on(&mut table, &[attempt(NOW, b"c@d.test")]);
    let (results, _) = run_on(&mut table, &[attempt(NOW + 5, b"c@d.test")]);
    assert_eq!(results.at_pauses, [1, 1]);
    let item = attempt(NOW, b"c@d.test");
    assert_eq!(table.values[&item.names[0]], format!("{NOW},{}", NOW + 5).into_bytes());
}

#[test]
fn a_server_that_lost_the_script_gets_it_again() {
    let mut table = FakeServers::default();
    let items = [attempt(NOW, b"c@d.test"), attempt(NOW, b"e@f.test")];
    run_on(&mut table, &items);
    table.has_script = false;
    table.values.clear();
    let (results, _) = run_on(&mut table, &items);
    assert_eq!(results.verdicts(), [NEW, NEW]);
    assert_eq!(table.values.len(), 2);
}

#[test]
fn an_attempt_is_judged_again_when_another_host_was_first() {
    let mut table = FakeServers::default();
    let item = attempt(NOW, b"c@d.test");
    table.meanwhile = vec![(item.names[0].clone(), format!("{0},{0}", NOW - 100))];
    table.has_script = true;
    let (results, conflicts) = run_on(&mut table, std::slice::from_ref(&item));
    assert_eq!(results.verdicts(), [early(100)]);
    assert_eq!(conflicts, 1);
    assert_eq!(table.values[&item.names[0]], format!("{},{NOW}", NOW - 100).into_bytes());
}

#[test]
fn a_client_is_counted_once_when_two_hosts_pass_its_mail() {
    let mut table = FakeServers { has_script: true, ..FakeServers::default() };
    let item = attempt(NOW, b"c@d.test");
    let waited = TripletRecord { first: NOW - 400, last: NOW - 400 };
    table.values.insert(item.names[0].clone(), waited.text().into_bytes());
    table.meanwhile = vec![(item.names[1].clone(), format!("3,{}", NOW - 1))];
    let (results, _) = run_on(&mut table, std::slice::from_ref(&item));
    assert_eq!(results.verdicts(), [passed(400, true)]);
    assert_eq!(table.values[&item.names[1]], format!("3,{}", NOW - 1).into_bytes());
}

#[test]
fn an_attempt_fails_when_its_records_change_each_time() {
    let mut table = FakeServers { has_script: true, ..FakeServers::default() };
    let item = attempt(NOW, b"c@d.test");
    let change = |number: i64| {
        (item.names[0].clone(), format!("{},{}", NOW - 1000 + number, NOW - 1000 + number))
    };
    table.meanwhile = (0..MAX_ROUNDS as i64).map(change).collect();
    let (results, conflicts) = run_on(&mut table, std::slice::from_ref(&item));
    assert!(matches!(results.done[..], [(0, Err(_))]), "{:?}", results.done);
    assert_eq!(conflicts, MAX_ROUNDS as u64);
    assert_eq!(table.calls, MAX_ROUNDS);
}

#[test]
fn edits_are_made_in_order() {
    let mut table = FakeServers::default();
    let policy = Policy::default();
    let edit = |change| Edit { table: Table::Clients, key: b"192.0.2.7".to_vec(), change };
    let items = [edit::Change::Allow, edit::Change::Forget, edit::Change::Forget]
        .map(|change| Item::edit(&policy, edit(change), NOW));
    let (results, _) = run_on(&mut table, &items);
    let expected = [1, 1, 0].map(Done::Edited).map(Ok);
    assert_eq!(results.done.into_iter().map(|(_, it)| it).collect::<Vec<_>>(), expected);
    assert!(table.values.is_empty());
}

#[test]
fn a_server_without_memory_is_a_failure() {
    struct Full;
    impl Link for Full {
        fn connect(&mut self, _: Instant) -> Result<bool, Error> {
            Ok(false)
        }
        fn disconnect(&mut self) {}
        fn send(&mut self, commands: &[Command], _: Instant) -> Result<Vec<Value>, Error> {
            let reply = |command| match words(command)[0].as_slice() {
                b"GET" => Value::Nil,
                _ => Value::Error("OOM command not allowed".to_owned()),
            };
            Ok(commands.iter().map(reply).collect())
        }
        fn ask(&mut self, _: usize, _: &[&[u8]], _: Instant) -> Result<Option<Value>, Error> {
            Ok(None)
        }
    }
    let items = [attempt(NOW, b"c@d.test")];
    let mut results = Results::default();
    let values = read(&mut Full, &items, Instant::now()).unwrap();
    let policy = Policy::default();
    let result =
        run(&mut Full, &policy, &items, values, Instant::now(), &mut |it| results.note(it));
    assert!(result.unwrap_err().to_string().contains("OOM"));
    assert!(results.done.is_empty());
}
