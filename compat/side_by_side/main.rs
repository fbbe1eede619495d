//! The original and ours under the same load, side by side: `compat/bench`.
//!
//! Both run with the same options on fresh directories of the same disk, take
//! turns under the load, and only right answers count. A server that echoes and
//! a bare loop of LMDB show what the machine allows. Nothing here is a test:
//! noise may move the numbers, and they are read by people.

mod contest;
mod echo;
mod fairness;
mod goals;
mod growth;
mod large_database;
mod limits;
mod load;
mod milter;
mod milter_load;
mod neighbours;
mod page;
mod peers;
mod plot;
mod prefill;
mod process;
mod programme;
mod smtp_proxy;
mod subject;
mod sustained;
mod table;
mod traffic;

use page::Page;
use programme::Programme;
use std::path::Path;

fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [word, socket, ..] = arguments.as_slice() {
        if word == "--echo" {
            return echo::serve(Path::new(socket));
        }
    }
    let has = |word: &str| arguments.iter().any(|argument| argument == word);
    let mut page = Page::new();
    if let [word, mix, connections, ..] = arguments.as_slice() {
        if word == "--only" {
            let connections = connections.parse().expect("a number of connections");
            Programme::quick().run_only(&mut page, mix, connections);
            return Ok(());
        }
    }
    if has("--fairness") {
        fairness::run(&mut page, has("--quick"));
    } else if has("--peers") {
        peers::run(&mut page);
    } else if has("--quick") {
        Programme::quick().run(&mut page);
    } else if has("--growth") {
        growth::run(&mut page);
    } else if has("--sustained") {
        sustained::run(&mut page);
    } else if has("--large") {
        large_database::run();
    } else if has("--milter") {
        milter::run(&mut page);
    } else if has("--smtp-proxy") {
        smtp_proxy::run(&mut page);
    } else {
        Programme::whole().run(&mut page);
        page.save()?;
        sustained::run(&mut page);
        growth::run(&mut page);
        fairness::run(&mut page, false);
        milter::run(&mut page);
        smtp_proxy::run(&mut page);
        if peers::is_installed() {
            peers::run(&mut page);
        }
        page.save()?;
    }
    Ok(())
}
